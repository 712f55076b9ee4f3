/* mail.h - what other threads have for a loop.
 *
 * Sockets to adopt, connections that another loop gives away, and connections to look at.  Whoever
 * leaves something rings; so does the commit thread, which leaves nothing (loop.c).  The bell is
 * one atomic word, and only a ring that finds the loop asleep costs a system call:
 *
 *     AWAKE --- the loop is about to wait ---> ASLEEP
 *     any ----- ring ------------------------> RUNG    (writes the eventfd if it was ASLEEP)
 *     any ----- the loop looks --------------> AWAKE
 *
 * M1  A loop does not wait while its bell is RUNG.
 * M2  The lock is the innermost one: nothing else is locked while it is held, but the mail of a
 *     second loop, and of two the one with the lower address comes first.
 * M3  connection->home is the mail of the loop that has the connection.  It changes under the locks
 *     of both, so who holds the lock of a connection's home knows that it stays.
 */
#ifndef NET_MAIL_H
#define NET_MAIL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "base/compiler.h"
#include "base/status.h"

struct connection;
TAILQ_HEAD(connection_list, connection);

struct mail {
    atomic_int bell;
    int descriptor; /* an eventfd: watched edge-triggered and never read, for each ring is an edge
                     */
    pthread_mutex_t lock;
    struct connection_list woken, immigrants;
    int *newcomers; /* sockets */
    size_t newcomer_count, newcomer_capacity;
};

/* STATUS_IO (and errno) if there is no descriptor. */
enum status mail_init(struct mail *mail) MUST_USE;
/* Closes newcomers; there are no immigrants left. */
void mail_clear(struct mail *mail);

/* --- any thread --- */

void mail_ring(struct mail *mail);
void mail_post_newcomer(struct mail *mail, int descriptor);

/* Has the connection looked at by its loop, whichever that is by then. */
void mail_post_wake(struct connection *connection);

/* --- the loop's thread --- */

/* The loop is going to wait; false if it must not, the bell was rung since it last looked. */
bool mail_fall_asleep(struct mail *mail);

/* Looks: was the bell rung since the last time? */
bool mail_wake_up(struct mail *mail);

/* All sockets that came, in order; the caller frees the array (NULL = none). */
int *mail_take_newcomers(struct mail *mail, size_t *count);

/* The next one, or NULL. */
struct connection *mail_take_immigrant(struct mail *mail);
struct connection *mail_take_woken(struct mail *mail);

/* Gives a connection that is in no list and has no event any more to another loop. */
void mail_give_away(struct connection *connection, struct mail *to);

/* The connection is going: nobody can ring for it any more, and what they had for it is dropped. */
void mail_forget(struct connection *connection);

#endif
