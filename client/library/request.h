/* request.h - one request, from the caller's words to its answer.
 *
 * A request is made by one of the functions below, which check what the caller wants and write it
 * down in the protocol's bytes; they stay until it is answered, so that it can be sent again.  From
 * then on it is the client's (client.h), in one of these states:
 *
 *     WAITING ──> SENT ──> DONE      no connection yet; on its way; to be told to the caller
 *        ^ \       │         ^
 *        │  \      v         │
 *        │   \─ DELAYED ─────┘       refused for now, sent again later
 *        └───────┘
 */
#ifndef LIBRARY_REQUEST_H
#define LIBRARY_REQUEST_H

#include <sys/queue.h>

#include "grapevine.h"
#include "library/failure.h"
#include "library/retry.h"

struct event;
struct grapevine;
struct link;
struct redisReply;
struct outcome;

/* Nothing longer goes through the protocol. */
#define REQUEST_WORD_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define REQUEST_WORDS_MAX      ((size_t)1024 * 1024)

/* What answer to make of the reply. */
enum request_kind {
    REQUEST_PUT,
    REQUEST_GET,
    REQUEST_META,
    REQUEST_DELETE,
    REQUEST_LIST,
    REQUEST_COMMAND,
};

enum request_state {
    REQUEST_WAITING,
    REQUEST_SENT,
    REQUEST_DELAYED,
    REQUEST_DONE,
};

struct request {
    TAILQ_ENTRY(request) by_age;   /* of all that are not done */
    TAILQ_ENTRY(request) in_queue; /* of those in the same state */

    enum request_kind kind;
    enum request_state state;
    enum grapevine_repeat repeat;
    bool has_metadata, has_values; /* of a LIST: what its rows carry */
    bool is_in_doubt;              /* a write that was sent, and the answer was lost */
    bool is_stub;                  /* stands where another was whose time is over */

    struct grapevine *client;
    struct link *link; /* of SENT */
    struct retry retry;
    struct event *timer; /* of DELAYED */
    int64_t deadline_ms;
    int64_t sent_ms;

    /* How it ended: one of the two. */
    struct redisReply *reply;
    struct failure *failure; /* or, before that, what its last sending ended in; NULL = nothing */

    /* Who wants to know: a caller who waits, or a function. */
    struct outcome *outcome;
    grapevine_done *done;
    void *context;

    size_t key_at, key_size; /* into bytes */
    size_t size;
    char bytes[];
};

TAILQ_HEAD(request_queue, request);

/* NULL, with a failure (GRAPEVINE_ARGUMENT or GRAPEVINE_TOO_LONG), if it makes no sense. */
struct request *request_put(const struct grapevine_entry *entry, struct failure *failure);
struct request *request_get(struct grapevine_bytes key, struct failure *failure);
struct request *request_meta(struct grapevine_bytes key, struct failure *failure);
struct request *request_delete(const struct grapevine_bytes *keys, size_t count,
                               struct failure *failure);
struct request *request_list(const struct grapevine_listing *listing, struct failure *failure);
struct request *request_command(const struct grapevine_bytes *words, size_t count,
                                enum grapevine_repeat repeat, struct failure *failure);

void request_destroy(struct request *request);

/* Its key, with a zero behind it: so, only of one that won't be sent again.  Empty if it has none.
 */
struct grapevine_bytes request_end_key(struct request *request);

/* Remembers a failure of a sending, in place of the one before. */
void request_note(struct request *request, const struct failure *failure);

#endif
