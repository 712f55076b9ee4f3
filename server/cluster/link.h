/* link.h - authenticated links to other replicas.
 *
 * A link is a TCP (or TLS) connection on which both sides send frames: RESP arrays of bulk strings.
 * First each proves that it knows the cluster's secret, to the other's nonce:
 *
 *     dialler:  GOSSIP HELLO <hello>          answer: GOSSIP HELLO <hello>
 *     dialler:  GOSSIP AUTH <mac>             answer: GOSSIP AUTH <mac>
 *
 * hello: proto u32, cluster id u64 (derived from the secret), node id u64, incarnation u32, start
 * u64, instance u64 (random for each process), nonce 16 bytes, announced address, capabilities.
 * mac: HMAC-SHA-256 over both hellos, the sender's role and, with TLS, the channel's exported key.
 * From then on
 *
 *     GOSSIP <NAME> <body>                    a message (replication/message.h)
 *     GOSSIP PART <name> <offset> <size> <bytes>   a piece of a body larger than a frame
 *     GOSSIP IDLE ""                          nothing else to say on this link for a while
 *     -WORD reason                            why the sender closes the link
 *
 * Both nodes of a pair dial; a message takes the link that this side dialled if it is up, else the
 * other's.  So it is enough if one of the two can reach the other.  A link that does not move for
 * 1.5 s is gone around; one on which nothing comes for 5 s is closed and dialled again.
 *
 * X1  Before AUTH nothing but HELLO and AUTH is looked at: at most 4 KiB, 5 s, 64 such links.
 * X2  A frame is at most 1 MiB (32 MiB is refused), nesting 1, the element count is checked before
 *     anything is allocated.  A body is at most as long as the limits on values allow.
 * X3  Output is bounded: what does not fit is dropped, and the message is lost, not the link.
 * X4  Anything wrong closes the link and is one line in the log, its address and the reason: at
 *     most one a second for an address, and for a target only what is news.
 * X5  Names are resolved without blocking the thread.
 *
 * All of it belongs to one thread: the one that runs the event_base.
 */
#ifndef CLUSTER_LINK_H
#define CLUSTER_LINK_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "replication/gossip.h"
#include "tls/contexts.h"

#define LINK_ERROR_MAX 512

struct links;

struct links_config {
    struct event_base *base;
    const struct clock *clock;
    struct bytes secret;
    uint64_t node_id;
    uint32_t incarnation;
    uint64_t start;
    const char *announce;              /* host:port told to others */
    const char *const *bind_addresses; /* listen on each of these */
    size_t bind_count;
    int port;
    size_t body_max;          /* of a message */
    struct tls_contexts *tls; /* NULL = without TLS */

    void *context;
    /* As gossip_link_up(): anything but STATUS_OK closes the link.  Called for the first link to a
     * node; for each one that was dialled, so that it is known to whom a target leads; and again
     * when a link shows a newer incarnation (older links are closed, and on_down called, first). */
    enum status (*on_up)(void *context, const struct gossip_hello *hello, const char **reason);
    void (*on_down)(void *context, uint64_t node_id); /* the last link is gone */
    enum status (*on_message)(void *context, uint64_t node_id, enum message_kind kind,
                              struct bytes body);
    /* As gossip_moving(). */
    void (*on_moving)(void *context, uint64_t node_id, enum message_kind kind);
    /* A node that has proven itself refuses this one for good: its id or its data are out of
     * date. */
    void (*on_refused)(void *context, const char *reason);
    void (*on_self)(void *context, const char *target); /* a target is this very process */
};

/* Listens; on failure `error` is one sentence. */
enum status links_create(const struct links_config *config, struct links **links,
                         char error[LINK_ERROR_MAX]) MUST_USE;
void links_destroy(struct links *links);

/* Looks at deadlines, keeps idle links alive, dials: wanted every GOSSIP_TICK_MS, or every
 * GOSSIP_QUIET_TICK_MS while they are settled. */
void links_tick(struct links *links);
bool links_are_settled(const struct links *links);

/* Dials these from now on, with jittered backoff of 50 ms to 5 s; others are no longer dialled. */
void links_set_targets(struct links *links, const char *const *addresses, size_t count);

/* May lose it: no link, or too much output waits. */
void links_send(struct links *links, uint64_t node_id, enum message_kind kind, struct bytes body);
void links_drop(struct links *links, uint64_t node_id, const char *reason);

/* Bytes on all links to a node since it first came up, headers of TCP apart. */
void links_bytes(const struct links *links, uint64_t node_id, int64_t *in, int64_t *out);

/* The port that is listened on (of the first address). */
int links_port(const struct links *links);

#endif
