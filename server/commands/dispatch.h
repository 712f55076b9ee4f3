/* dispatch.h - from words to a reply.
 *
 * Finds the row, checks arity, authentication and sizes, queues inside MULTI, puts a transaction
 * around a write, runs the command, and turns a status into an error reply.
 *
 * D1  A request that must wait has changed nothing and left no reply: it is dispatched anew.
 * D2  A write answers before it is committed; if the commit refuses, its reply is taken back and
 *     the refusal answered instead.
 * D3  A read of several keys sees one state: it is repeated when a transaction was published
 *     meanwhile, and in the end run inside the order.
 * D4  One reading of the clock a command at most: a run of quick ones is timed as a whole.  A GET
 *     of a cached key allocates nothing and takes no lock.
 */
#ifndef COMMANDS_DISPATCH_H
#define COMMANDS_DISPATCH_H

#include "commands/call.h"

struct request {
    const struct bytes *argv;
    size_t argc;
    int64_t oversized_bytes; /* > 0: the request was not kept, argv[0] is all there is of it */
};

struct outcome {
    bool is_parked;      /* no reply: run the same request again, at wake_at_ms or after a commit */
    int64_t wake_at_ms;  /* INT64_MAX = after a commit only */
    uint64_t depends_on; /* the reply may leave when this group is committed */
};

/* Writes one reply (or none: CLIENT REPLY) to `reply`, unless the request must wait. */
struct outcome dispatch(struct worker *worker, struct session *session, struct reply *reply,
                        const struct request *request, int64_t now_ms);

/* If worker->times_runs: before the work pauses or the clock is set anew.  Counts what dispatch()
 * has left uncounted, reads of single keys from memory and of no long values, which take less time
 * than a look at the clock is worth. */
void dispatch_end_run(struct worker *worker);

/* The reply that takes the place of one whose commit failed. */
void dispatch_cannot_persist(struct store *store, struct reply *reply);

/* --- for EXEC (transactions.c) --- */

/* The namespace that the session has selected, now. */
struct ns *dispatch_selected(const struct worker *worker, const struct session *session);

/* The second namespace whose keys a call touches (MOVE, COPY), or NULL. */
struct ns *dispatch_other_namespace(struct call *call);

/* Names the keys of the call in its worker's transaction, in call->ns and in `other` if that is
 * one. */
void dispatch_name_keys(struct call *call, struct ns *other);

/* Runs a queued command inside call->txn and writes its reply, be it an error.  STATUS_OK, or
 * STATUS_PARKED: then the whole EXEC waits. */
enum status dispatch_queued(struct call *call) MUST_USE;

/* Ends call->txn and notes what the reply depends on. */
enum status dispatch_commit(struct call *call) MUST_USE;
void dispatch_abandon(struct call *call);

#endif
