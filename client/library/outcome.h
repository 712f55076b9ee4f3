/* outcome.h - a server's reply as the caller gets it.
 *
 * Nothing is copied: values stay where hiredis has read them, and what is built around them refers
 * to them.  Both are freed together, through the `memory` of what the caller holds.
 */
#ifndef LIBRARY_OUTCOME_H
#define LIBRARY_OUTCOME_H

#include "grapevine.h"
#include "library/failure.h"

struct redisReply;
struct request;

/* What one request came to. */
struct outcome {
    bool is_there;
    struct failure failure; /* .error is GRAPEVINE_OK: it succeeded, and one of these is set */
    char version[GRAPEVINE_VERSION_SIZE];
    uint64_t deleted;
    struct grapevine_record record;
    struct grapevine_page page;
    struct grapevine_reply reply;
};

/* Reads the request's reply, which becomes the outcome's. */
void outcome_read(struct outcome *outcome, struct request *request, const char *server);
void outcome_clear(struct outcome *outcome);

#endif
