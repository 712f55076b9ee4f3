/* positions.h - how much is held of each origin: a small ordered table.
 *
 * An origin is a node in one incarnation.  Closed incarnations of a node are sealed from the oldest
 * on (gossip.h, G4); what is sealed is dropped and remembered as one number for each node, so that
 * nobody's announcement brings it back.
 */
#ifndef REPLICATION_POSITIONS_H
#define REPLICATION_POSITIONS_H

#include "replication/message.h"

/* All zeros is an empty table. */
struct positions {
    struct origin_position *at; /* ordered by (node id, incarnation) */
    size_t count, capacity;
};

void positions_clear(struct positions *positions);
void positions_copy(struct positions *to, const struct positions *from);

/* NULL if it is not there. */
struct origin_position *positions_find(const struct positions *positions, uint64_t node_id,
                                       uint32_t incarnation);
/* Finds it, or adds it at position `start`. */
struct origin_position *positions_add(struct positions *positions, uint64_t node_id,
                                      uint32_t incarnation, uint64_t start);
void positions_remove(struct positions *positions, uint64_t node_id, uint32_t incarnation);

#endif
