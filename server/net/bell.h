/* bell.h - how other threads wake one that may be waiting in libevent.
 *
 * One atomic word, and only a ring that finds the thread asleep costs a system call:
 *
 *     AWAKE --- the thread is about to wait ---> ASLEEP
 *     any ----- ring --------------------------> RUNG    (writes the eventfd if it was ASLEEP)
 *     any ----- the thread looks --------------> AWAKE
 *
 * A thread does not wait while its bell is RUNG.
 */
#ifndef NET_BELL_H
#define NET_BELL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "base/status.h"

struct bell {
    atomic_int state;
    int descriptor; /* an eventfd: watched edge-triggered and never read, for each ring is an edge
                     */
};

/* STATUS_IO (and errno) if there is no descriptor. */
enum status bell_init(struct bell *bell) MUST_USE;
void bell_clear(struct bell *bell);

/* Any thread. */
void bell_ring(struct bell *bell);

/* The owner is going to wait; false if it must not, the bell was rung since it last looked. */
bool bell_fall_asleep(struct bell *bell);

/* The owner looks: was the bell rung since the last time? */
bool bell_wake_up(struct bell *bell);

#endif
