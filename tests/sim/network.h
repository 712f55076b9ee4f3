/* network.h - links between simulated nodes, and all that can happen to what is on its way.
 *
 * A node dials its targets; a link comes up when both nodes live, packets pass both ways and both
 * sides agree (gossip_link_up()).  Each side learns of the end of a link on its own, later or
 * never. A message is bound to the lives of both processes: a restarted node gets nothing that was
 * sent to the one before, nor anything from a peer's former life once it has met its new one.
 * Beyond that the network keeps no promise: messages are lost, doubled, late, out of order, and one
 * direction can be dead while the other works.
 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "replication/message.h"
#include "sim/world.h"

struct network;

/* What messages go through. */
struct weather {
    unsigned loss, doubling, disorder, lateness; /* in a thousand */
    int64_t latency_us;                          /* in the mean */
    int64_t late_max_us;                         /* of the few that are late */
};

struct network *network_create(struct world *world);
void network_destroy(struct network *network);

void network_set_weather(struct network *network, const struct weather *weather);
/* Packets from one node to another don't arrive. */
void network_block(struct network *network, int from, int to, bool is_blocked);
void network_heal(struct network *network);
/* Ends the links between two nodes; both learn of it, each in its time. */
void network_flap(struct network *network, int a, int b);

/* --- for nodes --- */

void network_started(struct network *network, struct node *node);
/* The process is no more; others learn of it. */
void network_ended(struct network *network, struct node *node);
void network_send(struct network *network, struct node *from, uint64_t node_id,
                  enum message_kind kind, struct bytes body);
void network_drop(struct network *network, struct node *at, uint64_t node_id);
/* How many peers are linked, as the node sees it. */
size_t network_link_count(const struct network *network, const struct node *node);

#endif
