/* invalidation.h - what a client that keeps copies is told: drop these keys (tracking.h).
 *
 *     keys:  | size u32 | key | size u32 | key | ...        none at all = all that you have
 *
 * V1  RESP3 has pushes; in RESP2 only a client that listens to channels can get something out of
 *     turn, a message on __redis__:invalidate, and only for somebody else, who redirects to it.
 * V2  A message is spelled for several clients from one content, and made in the first's need.
 */
#ifndef COMMANDS_INVALIDATION_H
#define COMMANDS_INVALIDATION_H

#include "base/buffer.h"
#include "commands/session.h"

struct letter;

/* {.keys = ...} says it to nobody yet; the keys are borrowed. */
struct invalidation {
    struct bytes keys;
    struct letter *direct, *redirected;
};

void invalidation_pack(struct buffer *keys, struct bytes key);

/* To the client itself, or to another one to which it redirects. */
void invalidation_post(struct invalidation *invalidation, struct session *target,
                       bool is_redirected);
void invalidation_release(struct invalidation *invalidation);

/* The client that the session redirects to is gone. */
void invalidation_post_broken(struct session *session, uint64_t redirect);

#endif
