/* compare_plan.h - which leaves of two replicas are looked into together.
 *
 * Leaves that both have cut the keys of both into the same stretches: what lies between two of them
 * on one side holds the same keys as what lies there on the other.  A batch is made of whole
 * stretches, so that no record's counterpart is in another batch (there it would be carried over
 * needlessly, both ways; never wrongly).  A stretch that is too long for a batch is cut in
 * proportion: exact where both have the same keys, with other stamps, and near enough else.
 *
 * Pure; needs the order of leaves only when there is more than one batch.
 */
#ifndef REPLICATION_COMPARE_PLAN_H
#define REPLICATION_COMPARE_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "replication/sketch.h"

#define PLAN_LEAVES_MAX 1024 /* of a side, in a batch */

struct plan_batch {
    size_t our_from, our_count, their_from, their_count;
};

struct plan {
    uint64_t *ours, *theirs; /* the differing leaves, in the order of batches */
    size_t our_count, their_count;
    struct plan_batch *batches;
    size_t count, capacity;
};

/* For differing leaves, at most PLAN_LEAVES_MAX of a side, in any order: one batch. */
void plan_whole(struct plan *plan, const struct element *ours, size_t our_count,
                const struct element *theirs, size_t their_count);
/* For all leaves of both, in their order. */
void plan_in_order(struct plan *plan, const uint64_t *ours, size_t our_count,
                   const struct element *theirs, size_t their_count);
void plan_clear(struct plan *plan);

#endif
