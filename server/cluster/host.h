/* host.h - the store and the links as gossip.h's host.
 *
 * Merges and saves are begun at once and end when their commit does: they stand in queues, in the
 * order of their commits, and host_pump() tells gossip of those that are done.  Slow reading goes
 * to the worker.  Belongs to the cluster thread.
 */
#ifndef CLUSTER_HOST_H
#define CLUSTER_HOST_H

#include "base/clock.h"
#include "cluster/link.h"
#include "cluster/worker.h"
#include "replication/gossip.h"
#include "store/replica.h"

/* A merge on its way to a commit. */
struct merging {
    uint64_t token, frame_horizon, group;
    struct buffer blob;
    size_t done;
    bool is_merged; /* it waits for `group` now */
    enum applied result;
    struct merging *next;
};

struct host {
    struct gossip_host functions; /* handed to gossip */
    struct gossip *gossip;
    struct links *links; /* NULL until there are some */
    struct worker *worker;
    struct store *store;
    struct store_thread *thread;
    struct replica *replica;
    const struct clock *clock;
    int64_t skew_max_ms;
    struct merging *first, **end;
    bool has_more;                   /* to merge, at once: the turn was long enough */
    uint64_t save_token, save_group; /* token 0 = none */
    struct merge_counts counts;
    int64_t conflicts_told;
    bool is_blank; /* as far as is known: once it is not, it never is again */
};

void host_init(struct host *host, struct store *store, struct store_thread *thread,
               const struct clock *clock, int64_t skew_max_ms);
void host_clear(struct host *host);

struct gossip_time host_now(const struct host *host);

/* After a commit, a failed one, or a while: goes on with merges, for some milliseconds, and reports
 * what is done.  With has_more it is to be called again, after whatever else is due. */
void host_pump(struct host *host);
/* Brings the worker's answers to gossip; a finished salvage is returned instead, for its asker. */
struct job *host_take_answers(struct host *host);

#endif
