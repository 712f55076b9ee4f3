/* dialler.h - which address to dial when: targets and their backoff.
 *
 * After a failure a target waits, 50 ms at first, twice as long each time up to 5 s, and up to half
 * of it at random less, so that nodes that start together do not keep meeting.  A target that
 * refused us waits longest at once, unless it said that this will pass.  One that is this very
 * process is never dialled again.
 */
#ifndef CLUSTER_DIALLER_H
#define CLUSTER_DIALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

#define DIAL_BACKOFF_MIN_US 50000
#define DIAL_BACKOFF_MAX_US 5000000
#define DIAL_TARGETS_MAX    1024

enum target_state {
    TARGET_WAITING, /* to be dialled at due_us */
    TARGET_BUSY,    /* its name is looked up, or a link to it is there or being made */
    TARGET_SELF     /* never again */
};

struct target {
    char *address;
    enum target_state state;
    int64_t due_us, backoff_us;
    uint32_t attempts;
    uint64_t complaint; /* a hash of what was last logged about it */
    bool is_wanted;
};

struct dialler {
    struct target **targets;
    size_t count;
    struct random random;
};

void dialler_init(struct dialler *dialler, uint64_t seed);
void dialler_clear(struct dialler *dialler);

/* Targets that stay keep their state.  `gone` is called for each one that is no longer wanted,
 * before it is freed. */
void dialler_set(struct dialler *dialler, const char *const *addresses, size_t count,
                 int64_t now_us, void (*gone)(void *context, struct target *target), void *context);

/* A target to be dialled now, NULL if there is none; it is BUSY then. */
struct target *dialler_take_due(struct dialler *dialler, int64_t now_us);

/* When that will be; INT64_MAX = no target waits. */
int64_t dialler_next_due_us(const struct dialler *dialler);

/* What came of it. */
void dialler_up(struct target *target);
void dialler_failed(struct dialler *dialler, struct target *target, int64_t now_us);
void dialler_refused(struct dialler *dialler, struct target *target, int64_t now_us);
void dialler_is_self(struct target *target);

#endif
