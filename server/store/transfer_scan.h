/* transfer_scan.h - what some leaves hold, for comparing them with another replica's.
 *
 * Slow work over many records, for the cluster's worker thread: no call here is made by an event
 * loop, inside an epoch, or while the commit order is held.  It reads what is committed, past the
 * cache, so that a repair does not push out what clients read; it enters an epoch for one leaf or
 * one record at a time.
 */
#ifndef STORE_TRANSFER_SCAN_H
#define STORE_TRANSFER_SCAN_H

#include "base/buffer.h"
#include "base/status.h"
#include "replication/sketch.h"
#include "store/digest.h"

struct store_thread;

/* The elements of some leaves, with the keys they stand for. */
struct transfer_scan;

/* For each record of the leaves: (digest_of_key().high, stamp), or, by_content,
 * (digest_of_key().high, digest_of_record().low).  Left out: stamps above cutoff; tombstones,
 * expired records and those whose time is over, if they may be purged at horizon.  A leaf whose
 * namespace was emptied or dropped since it was listed has none.
 * STATUS_PARKED: the store is being reopened. */
enum status transfer_scan_open(struct store_thread *thread, const struct leaf_ref *const *leaves,
                               size_t count, uint64_t cutoff, uint64_t horizon, bool by_content,
                               struct transfer_scan **scan) MUST_USE;
void transfer_scan_close(struct transfer_scan *scan);
const struct element *transfer_scan_elements(const struct transfer_scan *scan, size_t *count);

/* Appends the current records of keys (by key hash) as a blob until it has about bytes_max;
 * *answered counts the keys dealt with, at least one; what is gone is left out. */
enum status transfer_collect(struct transfer_scan *scan, const uint64_t *keys, size_t count,
                             size_t bytes_max, struct buffer *blob, size_t *answered) MUST_USE;

#endif
