/* lookup.h - reading a record: in memory, without a lock; else from the engine.
 *
 * Q1  What was found is valid until the thread's turn ends (epoch.h), and never changes.
 * Q2  A record that is not committed yet is found like any other: the answer depends on its commit.
 * Q3  What the engine had, or had not, stays in the cache; but what store_view() reads does not.
 * Q4  A read from disk counts only if nothing written has left memory meanwhile (cache.h, H4); else
 *     it is made again.
 * Q5  Nothing here waits for a lock that a writer of the engine holds.
 */
#ifndef STORE_LOOKUP_H
#define STORE_LOOKUP_H

#include <stdint.h>

#include "base/status.h"
#include "store/entry.h"
#include "store/registry.h"

struct store;
struct store_thread; /* a thread's membership in the store: store.h */

/* A live record or STATUS_NOT_FOUND; STATUS_PARKED while the store is being reopened.
 * *depends_on is raised to the commit that the answer must wait for, if it is not committed yet. */
enum status store_find(struct store_thread *thread, const struct ns *ns, struct bytes key,
                       int64_t now_ms, const struct entry **found, uint64_t *depends_on) MUST_USE;

/* As store_find(), but the record does not count as used. */
enum status store_peek(struct store_thread *thread, const struct ns *ns, struct bytes key,
                       int64_t now_ms, const struct entry **found, uint64_t *depends_on) MUST_USE;

/* As store_peek(), but what is read from disk does not stay in memory: for whoever reads all there
 * is (scan.h). */
enum status store_view(struct store_thread *thread, const struct ns *ns, struct bytes key,
                       int64_t now_ms, const struct entry **found, uint64_t *depends_on) MUST_USE;

/* As store_find(), but whatever is there: tombstones and expired records too (WATCH). */
enum status store_find_any(struct store_thread *thread, const struct ns *ns, struct bytes key,
                           const struct entry **found, uint64_t *depends_on) MUST_USE;

/* Most of a lookup's time is spent waiting for memory.  Who knows several keys beforehand announces
 * them all and then prefetches them all, before the first lookup: then the waits overlap. */
uint64_t store_announce(struct store_thread *thread, const struct ns *ns, struct bytes key);
void store_prefetch(struct store_thread *thread, uint64_t announced);

/* Raised when a transaction on several keys is being published: two equal, even readings around
 * several store_find() mean that they saw one state (MGET). */
uint64_t store_publications(const struct store *store);

/* What lookups, in transactions or not, have met since the last call. */
enum {
    STORE_MET_EXPIRED = 1 << 0, /* a record whose time is over and that nobody buried yet */
    STORE_MET_DISK = 1 << 1,    /* a record that was not in memory */
    STORE_MET_LONG = 1 << 2,    /* a value that takes a while to copy */
};
unsigned store_take_met(struct store_thread *thread);

#endif
