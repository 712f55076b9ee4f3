/* replica.h - what replication asks of the store.
 *
 * Merging is writing without being asked: no limit, no write rate, no gate; the newer version stays
 * (replication/merge.h).  It takes the same road as a client's write, txn.h and order.h, and is
 * committed with them.
 *
 * P1  A merged record keeps the stamp and the node of its write; the node's id is stored as a local
 *     alias (u16)  (aliases.h).
 * P2  Stamps that are merged are observed first (hlc_observe): what is written here later is newer.
 * P3  Records purged or refused by merge.h are no error: they count as handled.
 */
#ifndef STORE_REPLICA_H
#define STORE_REPLICA_H

#include "replication/gossip.h"
#include "replication/records.h"
#include "store/store.h"

struct feed;
struct store_digest;

/* One thread's way to merge. */
struct replica;

struct replica *replica_create(struct store_thread *thread);
void replica_destroy(struct replica *replica);

struct merge_counts {
    int64_t taken, kept, purged, dead;
    int64_t conflicts; /* one stamp of one node, two values: must stay 0 */
};

/* Called outside of any epoch.  Merges the blob's records, in transactions of a bounded size, from
 * *done (bytes of the blob that are done already) on; *done moves on.  *group is raised to the
 * commit to wait for; counts are added up.
 *
 *     STATUS_OK              all of it; or, if *done is less than the blob's size, as many
 *                            transactions as one call makes: call again
 *     STATUS_PARKED          too much waits for the commit thread: try again after a commit
 *     STATUS_CANNOT_PERSIST  the store refuses writes
 *     STATUS_CLOCK_SKEW      a record is stamped later than newest_allowed: that one and what
 *                            follows is not merged
 *     STATUS_NO_NAMESPACE    a record's namespace is not known (yet); as above
 *     STATUS_CORRUPT         not a blob, or a record that is not sound */
enum status replica_merge(struct replica *replica, struct bytes blob, uint64_t frame_horizon,
                          uint64_t newest_allowed, size_t *done, struct merge_counts *counts,
                          uint64_t *group) MUST_USE;

/* Do value and hash agree, and is it no longer than any limit allows?  Others are refused. */
bool replica_is_sound(const struct wire_record *record);

/* --- aliases --- */

/* The id of the node that an alias stands for. */
uint64_t store_node_of_alias(const struct store *store, uint16_t alias);

/* --- horizon --- */

/* Tombstones and expired records are purged up to the horizon only (and not before the write rate
 * has no use for them).  It begins at UINT64_MAX: no replicas, nobody to wait for; but at 0 if
 * replication has saved a state here, unless it was switched off (`replication no`). */
void store_set_horizon(struct store *store, uint64_t horizon);
uint64_t store_horizon(const struct store *store);
/* Buried records, and whether any of them could be purged now but for the horizon. */
int64_t store_buried_count(const struct store *store);
bool store_wants_horizon(const struct store *store);

/* --- time and state --- */

/* See gossip_host.close_time(): never above the persisted ceiling. */
uint64_t store_close_time(struct store *store);
void store_observe(struct store *store, uint64_t stamp);
uint64_t store_clock(struct store *store); /* the last stamp issued or seen */

/* The last stamp of this node's own writes that is certainly held, as of the last start: exact
 * after a clean stop.  0 = unknown.  store_digest may know better after a crash. */
uint64_t store_last_own_at_start(const struct store *store);

/* Replication's own state, a note of this node.  Returns the group to wait for, 0 while writes are
 * refused; asks for a durable point if is_urgent. */
uint64_t store_save_state(struct store_thread *thread, struct bytes state, bool is_urgent);
/* Appended; nothing if none was saved. */
enum status store_load_state(struct store *store, struct buffer *state) MUST_USE;

/* Was the store opened with `replication no` since state was saved last?  Then it may have
 * forgotten deletes that other members have not seen. */
bool store_was_alone(const struct store *store);

/* All groups up to this one are on disk. */
uint64_t store_durable(const struct store *store);

/* Nothing is stored, not even a tombstone, and nothing waits to be. */
bool store_is_blank(struct store *store);

/* --- clients --- */

/* What order_enter() answers to clients' transactions: STATUS_PARKED (GATE_WAIT, tried again when
 * it opens), STATUS_CLOCK_SKEW, STATUS_STALE, STATUS_LEAVING, STATUS_LOADING.  Merging and
 * purging are not held up, nor is expiring, but by a clock that is not trusted. */
void store_set_gate(struct store *store, enum gossip_gate gate);
enum gossip_gate store_gate(const struct store *store);

/* Clients' transactions at a wall clock beyond this time wait: it may have been set forward, and
 * whoever watches it moves the limit on many times a second.  INT64_MAX = nobody does.  A store
 * with a cluster secret begins with 0: what expires in it, or is purged, before its cluster is
 * there says nothing of the time either. */
void store_set_clock_limit(struct store *store, int64_t wall_ms);

/* Wakes all threads that joined, as a commit does: parked requests are tried again. */
void store_wake_all(struct store *store);

/* The write rate among replicas: a client's write to a key last written by another member waits
 * rank * step longer, the rank by rendezvous hash of (key, node) among the members but the last
 * writer.  0 nodes = none. */
void store_set_stagger(struct store *store, const uint64_t *node_ids, size_t count,
                       int64_t step_us);

/* --- parts --- */

struct feed *store_feed(struct store *store);
/* NULL while there is no cluster secret. */
struct store_digest *store_digest(struct store *store);

#endif
