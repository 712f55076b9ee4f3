/* tracking.h - CLIENT TRACKING: clients keep copies of what they read and are told when to drop
 * them.
 *
 * By default a client is told of a key that it has read, once; with BCAST of every key that begins
 * with one of its prefixes, read or not.  News come from the commit thread (store/news.h), whoever
 * made the change: a client here, another replica, or time.
 *
 * K1  A key is remembered before it is read, with the number of publications so far
 *     (store_publications()): who has read what a change made is not told of that change.
 * K2  A message goes into the inbox before the write is answered, behind all replies that its
 *     client was given before.
 * K3  With NOLOOP a client's own write leaves its key remembered: what others write later it is
 *     told of.
 * K4  A key is remembered of its namespace.  A prefix holds in the numbered databases together,
 *     and in each named namespace in which its client began to track or has read; of a client whose
 *     user is tied to a namespace, in that one alone.
 * K5  What empties a namespace or exchanges databases invalidates everything, of everybody.
 *
 * Who has read which key stands in readers.h, who wants to hear of which prefix in prefixes.h, and
 * what they are told in invalidation.h; here are the sessions, and what happens to them.
 *
 * One lock for all of it; the commit thread takes it to tell, and who tracks to remember.  It is
 * taken inside the list of clients; inboxes are locked inside of it.
 */
#ifndef COMMANDS_TRACKING_H
#define COMMANDS_TRACKING_H

#include "commands/call.h"
#include "store/news.h"

struct tracking;

/* session->shared_tracking. */
enum {
    TRACKING_ON = 1 << 0,
    TRACKING_BCAST = 1 << 1,
    TRACKING_OPTIN = 1 << 2,
    TRACKING_OPTOUT = 1 << 3,
    TRACKING_NOLOOP = 1 << 4,
    TRACKING_BROKEN = 1 << 5, /* the client that messages are redirected to is gone */
};

static inline unsigned tracking_flags(const struct session *session)
{
    return atomic_load_explicit(&session->shared_tracking, memory_order_relaxed);
}

/* What CLIENT LIST and GETREDIR tell: -1 = it does not track, 0 = it gets its messages itself. */
static inline int64_t tracking_redirect(const struct session *session)
{
    if (tracking_flags(session) == 0)
        return -1;
    return (int64_t)atomic_load_explicit(&session->shared_redirect, memory_order_relaxed);
}

struct tracking *tracking_create(const struct options *options);
/* All sessions have left. */
void tracking_destroy(struct tracking *tracking);

/* --- by the session's own thread --- */

/* What CLIENT TRACKING ON asks for; a client that tracks already keeps its prefixes. */
struct tracking_request {
    unsigned options;
    uint64_t redirect; /* the client that gets the messages, 0 = this one */
    const struct bytes *prefixes;
    size_t prefix_count;
};

void tracking_start(struct call *call, const struct tracking_request *request);
void tracking_stop(struct services *services, struct session *session);

/* Before clients_each() returns: this session may be redirected to. */
void tracking_add_target(struct tracking *tracking, struct session *session);

/* After clients_remove(): nobody sends it anything any more. */
void tracking_forget(struct services *services, struct session *session);

/* The session's prefix that overlaps with this one, or {NULL, 0}. */
struct bytes tracking_overlap(struct tracking *tracking, const struct session *session,
                              struct bytes prefix);

/* Calls each(context, prefix), under the lock. */
void tracking_each_prefix(struct tracking *tracking, const struct session *session,
                          void (*each)(void *context, struct bytes prefix), void *context);

/* CLIENT CACHING: of the next command (or transaction) alone. */
void tracking_set_caching(struct session *session);
bool tracking_is_caching(const struct session *session);

/* Of a session that tracks, before it runs a command, and when it has. */
void tracking_begin_command(struct call *call);
void tracking_end_command(const struct call *call);

/* --- by any thread --- */

/* Nothing is to be held any more, for another reason than a change: who tracks is told at once. */
void tracking_let_go(struct tracking *tracking);

/* tracking-table-max-keys has changed. */
void tracking_trim(struct tracking *tracking);

struct tracking_counts {
    int64_t clients, keys, items, prefixes;
};
void tracking_count(struct tracking *tracking, struct tracking_counts *counts);

/* The commit thread: a change, and that those of a group are over. */
void tracking_tell(struct tracking *tracking, const struct news *news);
void tracking_end_group(struct tracking *tracking);

#endif
