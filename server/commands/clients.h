/* clients.h - who is connected.
 *
 * The registry of all sessions, of every thread: for CLIENT LIST and KILL, for MONITOR, and for
 * CLIENT PAUSE.  A session is touched by its own thread; what other threads may see or set of it
 * are the fields marked "shared" in session.h and those that this file guards with its lock.
 *
 * L1  A session that clients_each() shows stays until the call returns: its thread waits for the
 *     lock in clients_remove().
 * L2  session->wake() may be called with the lock held; it only rings the owner's bell.  The owner
 *     then closes a session that is_killed, delivers what has_inbox announces (inbox.h), and
 *     tries again a request that was parked.
 * L3  Nothing on the way of a command takes the lock unless there is a monitor:
 *     clients_has_monitors() and clients_pause_end() are one relaxed load each.
 */
#ifndef COMMANDS_CLIENTS_H
#define COMMANDS_CLIENTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "commands/call.h"
#include "commands/session.h"

struct clients {
    atomic_int monitor_count;
    _Atomic int64_t pause; /* 2 * the end, wall ms, + 1 if only writes are paused; 0 = no pause */
    /* the rest is clients.c's, under the lock */
    pthread_mutex_t lock;
    struct session *first, *last;
    uint64_t last_id;
    int count;
};

struct clients *clients_create(void);
/* All sessions have been removed. */
void clients_destroy(struct clients *clients);

/* Gives the session its id and lists it. */
void clients_add(struct clients *clients, struct session *session);
/* Before session_clear(); from then on nobody else knows the session. */
void clients_remove(struct clients *clients, struct session *session);
/* Those that were told to go do not count any more. */
int clients_count(struct clients *clients);

/* Shows every session that was not told to go, the oldest first, under the lock. */
void clients_each(struct clients *clients, void (*each)(void *context, struct session *session),
                  void *context);

/* Only characters that CLIENT LIST can show? */
bool clients_is_showable(struct bytes text);

/* "" takes the name away.  False if it is not showable. */
bool clients_set_name(struct clients *clients, struct session *session, struct bytes name) MUST_USE;
void clients_drop_name(struct clients *clients, struct session *session);
/* The name or NULL; only the session's own thread may look, others see it in clients_each(). */
const char *clients_borrow_name(const struct session *session);

/* Tells the owner of a session to close it.  Inside clients_each() only. */
void clients_kill(struct clients *clients, struct session *session);

/* Whose rights the session has; the references are the caller's business. */
void clients_set_user(struct clients *clients, struct session *session, struct acl_user *user);

/* Appends the session's line of CLIENT LIST, without the line break. */
void clients_describe(const struct services *services, const struct session *session,
                      struct buffer *text);

/* --- MONITOR --- */

static inline bool clients_has_monitors(const struct clients *clients)
{
    return atomic_load_explicit(&clients->monitor_count, memory_order_relaxed) > 0;
}

void clients_set_monitor(struct clients *clients, struct session *session, bool is_monitor);

/* Shows the call to every monitor, unless its row forbids that. */
void clients_feed_monitors(struct clients *clients, const struct call *call);

/* The argument as logs and monitors may show it: passwords read "(redacted)". */
struct bytes clients_shown_argument(const struct call *call, size_t index);

/* --- CLIENT PAUSE --- */

/* When a pause that holds for a command ends, wall ms; 0 = go ahead. */
static inline int64_t clients_pause_end(const struct clients *clients, bool is_write,
                                        int64_t now_ms)
{
    int64_t pause = atomic_load_explicit(&clients->pause, memory_order_relaxed);
    int64_t end_ms = pause >> 1;

    if (LIKELY(pause == 0) || ((pause & 1) != 0 && !is_write) || end_ms <= now_ms)
        return 0;
    return end_ms;
}

/* A pause on top of another lasts as long as the longer and stops as much as the stricter. */
void clients_pause(struct clients *clients, int64_t now_ms, int64_t for_ms, bool is_only_writes);
void clients_unpause(struct clients *clients);

#endif
