/* cluster.h - this node among its replicas: the thread that carries out what gossip.h decides.
 *
 * Owns an event loop, the links (link.h), the gossip object and a worker thread for slow reading of
 * the store.  Exists only with a cluster secret and `replication yes`.
 *
 *     store commits --wake--> cluster thread --> gossip --> links --> peers
 *     peers --> links --> gossip --> store (merge)  --commit--> gossip: applied
 *                                --> worker (scans) --mail----> gossip
 *
 * U1  gossip.h's object is touched by the cluster thread alone.
 * U2  Clients' threads see copies: a status under a lock, a few atomics.
 */
#ifndef CLUSTER_CLUSTER_H
#define CLUSTER_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"
#include "config/options.h"
#include "replication/gossip.h"
#include "store/store.h"

#define CLUSTER_ERROR_MAX 512

struct cluster;
struct tls_contexts;

/* Listens on the gossip port; nothing runs yet.  On failure `error` is one sentence. */
enum status cluster_create(struct options *options, struct tls_contexts *tls, struct store *store,
                           const struct clock *clock, struct cluster **cluster,
                           char error[CLUSTER_ERROR_MAX]) MUST_USE;
void cluster_start(struct cluster *cluster);
/* Ends the threads; before the store is closed. */
void cluster_stop(struct cluster *cluster);
void cluster_destroy(struct cluster *cluster);

/* --- from clients' threads; `cluster` may be NULL: a single node --- */

/* How many replicas have committed this node's writes up to a stamp (WAIT).  They are asked for
 * news at once; store_wake_all() is called when an answer changes the number. */
int cluster_count_applied(struct cluster *cluster, uint64_t stamp);

struct cluster_peer {
    struct gossip_peer gossip;
    int64_t bytes_in, bytes_out;
};

struct cluster_status {
    struct gossip_status gossip; /* peers with their bytes stand below */
    int64_t merged_records, merge_conflicts, feed_bytes, dirty_leaves, digest_bytes;
    int64_t digest_mismatches; /* must stay 0 */
    struct cluster_peer peers[GOSSIP_PEERS_MAX];
};

void cluster_status(struct cluster *cluster, struct cluster_status *status);

/* Operator commands; they answer when the cluster thread has taken note.  STATUS_FAILED: `error`
 * says why. */
enum status cluster_meet(struct cluster *cluster, struct bytes address,
                         char error[CLUSTER_ERROR_MAX]) MUST_USE;
enum status cluster_forget(struct cluster *cluster, uint64_t node_id,
                           char error[CLUSTER_ERROR_MAX]) MUST_USE;
enum status cluster_leave(struct cluster *cluster, char error[CLUSTER_ERROR_MAX]) MUST_USE;
enum status cluster_sync(struct cluster *cluster, char error[CLUSTER_ERROR_MAX]) MUST_USE;

/* Writes the file in the background of the cluster's worker; poll: STATUS_PARKED until it is done
 * (store_wake_all() is called then), then STATUS_OK with *count or STATUS_FAILED with `error`,
 * once. One at a time. */
enum status cluster_salvage(struct cluster *cluster, struct bytes path, int64_t *count,
                            char error[CLUSTER_ERROR_MAX]) MUST_USE;

#endif
