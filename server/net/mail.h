/* mail.h - what other threads have for a loop.
 *
 * Sockets to adopt, connections that another loop gives away, and connections to look at.  Whoever
 * leaves something rings the loop's bell (bell.h).
 *
 * M1  The lock is the innermost one: nothing else is locked while it is held, but the mail of a
 *     second loop, and of two the one with the lower address comes first.
 * M2  connection->home is the mail of the loop that has the connection.  It changes under the locks
 *     of both, so who holds the lock of a connection's home knows that it stays.
 */
#ifndef NET_MAIL_H
#define NET_MAIL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "net/bell.h"

struct connection;
TAILQ_HEAD(connection_list, connection);

/* A socket that was accepted. */
struct newcomer {
    int descriptor;
    bool uses_tls;
};

struct mail {
    struct bell *bell; /* the loop's */
    pthread_mutex_t lock;
    struct connection_list woken, immigrants;
    struct newcomer *newcomers;
    size_t newcomer_count, newcomer_capacity;
};

void mail_init(struct mail *mail, struct bell *bell);
/* Closes newcomers; there are no immigrants left. */
void mail_clear(struct mail *mail);

/* --- any thread --- */

void mail_post_newcomer(struct mail *mail, struct newcomer newcomer);

/* Has the connection looked at by its loop, whichever that is by then. */
void mail_post_wake(struct connection *connection);

/* --- the loop's thread --- */

/* All sockets that came, in order; the caller frees the array (NULL = none). */
struct newcomer *mail_take_newcomers(struct mail *mail, size_t *count);

/* The next one, or NULL. */
struct connection *mail_take_immigrant(struct mail *mail);
struct connection *mail_take_woken(struct mail *mail);

/* Gives a connection that is in no list and has no event any more to another loop. */
void mail_give_away(struct connection *connection, struct mail *to);

/* The connection is going: nobody can ring for it any more, and what they had for it is dropped. */
void mail_forget(struct connection *connection);

#endif
