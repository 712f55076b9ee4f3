/* pubsub.h - who listens to which channel.
 *
 * Three kinds of names, each apart from the others: channels, patterns of channels, and shard
 * channels.  Clients of all threads meet here; a message goes into the inboxes of those that listen
 * (inbox.h), and each client's own thread sends it on.
 *
 * P1  When pubsub_publish() returns, the message is in the inbox of every client that had
 *     subscribed before it was called, behind all that was published earlier in this channel.
 * P2  A channel exists as long as somebody listens to it: an empty one costs nothing.
 * P3  Names are spread over shards with a lock each, patterns have one of their own: who publishes
 *     into one channel does not wait for who publishes into another.  No two of these locks are
 *     held at once; inboxes are locked inside (I3).
 */
#ifndef COMMANDS_PUBSUB_H
#define COMMANDS_PUBSUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct session;
struct pubsub;

enum pubsub_kind { PUBSUB_CHANNEL, PUBSUB_PATTERN, PUBSUB_SHARD, PUBSUB_KIND_COUNT };

struct pubsub *pubsub_create(void);
/* Nobody listens any more. */
void pubsub_destroy(struct pubsub *pubsub);

/* --- by the session's own thread --- */

/* False if it does already. */
bool pubsub_subscribe(struct pubsub *pubsub, struct session *session, enum pubsub_kind kind,
                      struct bytes name);
/* False if it did not. */
bool pubsub_unsubscribe(struct pubsub *pubsub, struct session *session, enum pubsub_kind kind,
                        struct bytes name);
/* From all names of all kinds: no message comes any more. */
void pubsub_leave(struct pubsub *pubsub, struct session *session);

size_t pubsub_count_of(const struct session *session, enum pubsub_kind kind);

/* One of its names, or {NULL, 0}: to leave them one by one. */
struct bytes pubsub_any_of(const struct session *session, enum pubsub_kind kind);

/* pubsub_leave(), and the session knows it too: RESET, the end of a connection. */
void pubsub_forget(struct pubsub *pubsub, struct session *session);

/* Is it a subscriber now?  After its names changed, or KV.WATCH. */
void pubsub_note(struct session *session);

/* --- by any thread --- */

/* Into a channel, and to whoever has a pattern that matches it, or into a shard channel.  How many
 * clients it went to; who listens twice counts twice. */
int64_t pubsub_publish(struct pubsub *pubsub, enum pubsub_kind kind, struct bytes channel,
                       struct bytes message);

int64_t pubsub_listener_count(struct pubsub *pubsub, enum pubsub_kind kind, struct bytes name);

/* How many names of the kind somebody listens to. */
int64_t pubsub_name_count(struct pubsub *pubsub, enum pubsub_kind kind);

/* Calls each(context, name) for every such name, under a lock: it only notes it. */
void pubsub_each_name(struct pubsub *pubsub, enum pubsub_kind kind,
                      void (*each)(void *context, struct bytes name), void *context);

/* Calls each(context, session, name) for every name of the kind and everybody who listens to it,
 * under a lock: it only notes it. */
void pubsub_each_listener(struct pubsub *pubsub, enum pubsub_kind kind,
                          void (*each)(void *context, const struct session *session,
                                       struct bytes name),
                          void *context);

#endif
