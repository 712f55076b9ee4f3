/* merge.h - what becomes of a record that another replica sends.
 *
 * Merging keeps the larger of two versions (version.h): a join, so records may come in any order,
 * any number of times, by any way.  Two rules stand beside it, for deletes whose tombstones are
 * gone (the horizon G: every member holds all that was written up to G, so what was deleted up to
 * G needs no tombstone any more):
 *
 * M1  A record that is not held, is not newer than our horizon, and was read by its sender under an
 *     older horizon than ours, may be one that we purged: it is dropped.  Read under our horizon
 *     or a later one it is a legitimate repair.
 * M2  A record not newer than the moment its namespace was emptied or dropped is dead.
 */
#ifndef REPLICATION_MERGE_H
#define REPLICATION_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "replication/version.h"

enum merge_verdict {
    MERGE_TAKE,    /* replaces what is held */
    MERGE_KEEP,    /* what is held is the same or newer */
    MERGE_PURGED,  /* M1 */
    MERGE_DEAD,    /* M2 */
    MERGE_CONFLICT /* the same stamp by the same node, another value: taken by value hash, but
                      something is wrong: two processes with one id.  `takes` says who won */
};

struct merge_context {
    uint64_t horizon;         /* ours */
    uint64_t frame_horizon;   /* the sender's when it read the record */
    uint64_t emptied;         /* stamp at which the namespace was last emptied, 0 = never */
    bool is_horizon_rule_off; /* tests only: shows that M1 is needed */
};

/* `held` is NULL if there is no record of whatever kind.  *takes: the incoming one is to be stored.
 */
enum merge_verdict merge_decide(const struct merge_context *context, const struct version *held,
                                const struct version *incoming, bool *takes);

#endif
