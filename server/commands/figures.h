/* figures.h - what INFO and GOSSIP tell of replication: each figure's name and value, once.
 *
 * Ages are milliseconds, -1 = never.  Numbers that a single node does not have are 0.
 */
#ifndef COMMANDS_FIGURES_H
#define COMMANDS_FIGURES_H

#include "cluster/cluster.h"
#include "commands/call.h"

#define FIGURES_MAX 32

struct figure {
    const char *name;
    const char *text; /* NULL: a number */
    int64_t number;
};

struct figures {
    char id[17]; /* of the node, 16 hex digits */
    size_t count;
    struct figure at[FIGURES_MAX];
};

/* Of this node as a whole; `status` is what cluster_status() said. */
void figures_of_node(const struct services *services, const struct cluster_status *status,
                     struct figures *figures);

/* Of another one; the peer is borrowed. */
void figures_of_peer(const struct cluster_peer *peer, struct figures *figures);

#endif
