/* watch.h - KV.WATCH: every change of a namespace, in order, without a gap across reconnects.
 *
 * A watcher gets messages of five parts, "kv.watch", an event, key, version and token, as pushes
 * (of RESP2: arrays).  News come from the commit thread (store/news.h); what was told is also kept
 * for a while, in memory and in a bounded list, so that who comes back with his last token is told
 * what he has missed.  A token that is not known any more (or of another server, or from before a
 * restart) is answered by a listing of all keys instead:
 *
 *     watching                            the answer: from this token on
 *     put, delete, expire    key version  changes, each with its token
 *     empty                               the whole namespace was emptied
 *     reset                               what the client has may be out of date; puts of all keys
 *                                         follow, changes among them, without tokens
 *     synced                              that was all: a key not put since reset is gone
 *
 * O1  Changes come in the order of their commits; the last message about a key tells how it is.
 * O2  A token stands for all that came before it on this connection.  None is given between reset
 *     and synced: who is cut off there begins again.
 * O3  Keeping begins with the first watcher and ends WATCH_LINGER_MS after the last.  While there
 * is neither, nothing of this costs anything.
 *
 * The lock is taken by the commit thread to tell; inboxes are locked inside of it.
 */
#ifndef COMMANDS_WATCH_H
#define COMMANDS_WATCH_H

#include "commands/call.h"
#include "store/news.h"

#define WATCH_LINGER_MS      ((int64_t)60 * 1000)
#define WATCH_KEPT_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct watch;
struct watcher;

struct watch *watch_create(struct services *services);
/* All sessions have left and the store is closed. */
void watch_destroy(struct watch *watch);

/* --- by the session's own thread --- */

/* Watches the selected namespace, instead of what it watched before, and answers `watching`.  A
 * token of no bytes: from now on. */
void watch_start(struct call *call, struct bytes prefix, struct bytes token);
void watch_stop(struct watch *watch, struct session *session);
/* Of a session that watches. */
struct bytes watch_prefix(const struct session *session);

/* Does it have keys to list, and can it go on at once? */
bool watch_is_listing(const struct session *session);
bool watch_wants_turn(const struct session *session);

/* The next of them, which depend on the group. */
void watch_list_more(struct worker *worker, struct session *session, int64_t now_ms,
                     struct reply *reply, uint64_t *depends_on);

/* --- any thread --- */

/* Shows who watches what, under the lock. */
void watch_each(struct watch *watch,
                void (*each)(void *context, const struct session *session, struct bytes prefix),
                void *context);

/* --- the commit thread --- */

void watch_tell(struct watch *watch, const struct news *news);

#endif
