/* dispatch.h - from words to a reply.
 *
 * Finds the row, checks authentication, arity and sizes, queues inside MULTI, puts a transaction
 * around a write, runs the command, and turns a status into an error reply.
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

/* The reply that takes the place of one whose commit failed. */
void dispatch_cannot_persist(struct store *store, struct reply *reply);

#endif
