/* transfer.h - reading the store for other replicas, and filling an empty one.
 *
 * Slow work over many records, for the cluster's worker thread: no call here is made by an event
 * loop or while the commit order is held.  Everything reads what is committed (engine iterators);
 * the thread enters an epoch for no longer than some milliseconds at a time.
 */
#ifndef STORE_TRANSFER_H
#define STORE_TRANSFER_H

#include "replication/message.h"
#include "store/digest.h"
#include "store/store.h"

/* --- comparing --- */

/* The elements of some leaves, with the keys they stand for. */
struct transfer_scan;

/* For each record of the leaves: (digest_of_key().high, stamp), or, by_content,
 * (digest_of_key().high, digest_of_record().low).  Left out: stamps above cutoff; tombstones and
 * expired records that may be purged at horizon. */
enum status transfer_scan_open(struct store_thread *thread, const struct leaf_ref *const *leaves,
                               size_t count, uint64_t cutoff, uint64_t horizon, bool by_content,
                               struct transfer_scan **scan) MUST_USE;
void transfer_scan_close(struct transfer_scan *scan);
const struct element *transfer_scan_elements(const struct transfer_scan *scan, size_t *count);

/* Appends the current records of keys (by key hash) as a blob until it has about bytes_max;
 * *answered counts the keys dealt with, at least one; what is gone is left out. */
enum status transfer_collect(struct transfer_scan *scan, const uint64_t *keys, size_t count,
                             size_t bytes_max, struct buffer *blob, size_t *answered) MUST_USE;

/* --- loading a new node --- */

/* The records behind `cursor` ("" = from the beginning) in stored order, the registry's first;
 * `next` is replaced by the cursor of the next page. */
enum status transfer_read_page(struct store_thread *thread, struct bytes cursor, size_t bytes_max,
                               struct buffer *blob, struct buffer *next, bool *is_last) MUST_USE;

/* Fills a blank store, whose clients wait (GATE_LOADING): records go to the engine in large
 * batches, past the cache and the order. */
struct transfer_load;

struct transfer_load *transfer_load_begin(struct store_thread *thread);
/* Pages come in the order in which they were read. */
enum status transfer_load_page(struct transfer_load *load, struct bytes blob) MUST_USE;
/* Counts, leaves, and a durable point; the store is an ordinary one from here on. */
enum status transfer_load_finish(struct transfer_load *load) MUST_USE;
void transfer_load_destroy(struct transfer_load *load);

/* --- saving a stale one --- */

/* GOSSIP SALVAGE: writes this node's own records with a stamp above `from` to a file, one JSON
 * object a line, as `grapevine-cli bulk put` takes them.  *error is a sentence. */
enum status transfer_salvage(struct store_thread *thread, uint64_t from, const char *path,
                             int64_t *count, char error[STORE_ERROR_MAX]) MUST_USE;

#endif
