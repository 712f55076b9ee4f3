/* cache.h - the records in memory: a hash table that readers walk without a lock.
 *
 * The table is cut into shards by hash; a shard has a lock for its writers, a share of the memory,
 * and a ring of its entries for eviction by CLOCK (Corbato, 1968): a hand goes round, spares those
 * read since it last passed, and evicts the first that was not.  So a hit writes at most one flag,
 * and what a long listing or a one-time reader brings in goes out before what is read again.
 *
 * H1  An entry is linked before a reader can find it and never changes while it is linked, but for
 *     its atomics.  Who takes the place of another stands in the chain before the other leaves it.
 * H2  Unlinked entries are retired (epoch.h), never freed at once.
 * H3  Entries of a group that is not committed are not evicted (order.h, C2).
 * H4  What was read from disk is linked only if nothing that had been written was removed from the
 *     shard meanwhile: else it might be older than what is on disk now (`generation`).
 * H5  A shard from which nothing stored was ever evicted, of a store that began empty, is complete:
 *     what is not in it does not exist, and the engine need not be asked.
 * H6  The number of buckets is fixed at start by the memory given, so no reader meets a resize.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/epoch.h"
#include "store/entry.h"

struct cache;

/* `committed` is the newest committed group; it outlives the cache.  is_complete: nothing is
 * stored. */
struct cache *cache_create(size_t bytes_max, const _Atomic uint64_t *committed, bool is_complete);
/* Frees all entries; nobody reads any more. */
void cache_destroy(struct cache *cache);

void cache_set_bytes_max(struct cache *cache, size_t bytes_max);

uint64_t cache_hash(const struct cache *cache, uint32_t ns, struct bytes key);

/* The entry of a key, of whatever kind, or NULL.  The caller is inside an epoch. */
struct entry *cache_find(struct cache *cache, uint64_t hash, uint32_t ns, struct bytes key);

/* Starts the memory reads that cache_find() of this hash will need. */
void cache_prefetch(const struct cache *cache, uint64_t hash);

/* A while later: starts the reads of the entry itself, the first of its bucket. */
void cache_prefetch_entry(const struct cache *cache, uint64_t hash);

/* After cache_find() found nothing: is that certain?  See H5. */
bool cache_is_complete(struct cache *cache, uint64_t hash);

/* Counts the removals of written entries in the shard of `hash`: see H4. */
uint64_t cache_generation(struct cache *cache, uint64_t hash);

/* Links what was read from disk, and returns it; or what is linked under its key already (the given
 * entry is then the caller's to retire); or NULL if `generation` is not current: read again. */
struct entry *cache_fill(struct cache *cache, struct epoch_thread *thread, struct entry *entry,
                         uint64_t generation);

/* Links `entry` in the place of the one under its key, which is returned unlinked (NULL if none):
 * the caller retires it when its group allows. */
struct entry *cache_publish(struct cache *cache, struct epoch_thread *thread, struct entry *entry);

/* Unlinks this very entry; false if it is not linked. */
bool cache_unlink(struct cache *cache, struct entry *entry);

/* Everything that is committed leaves, and no shard is complete any more: the engine has changed
 * behind the cache. */
void cache_forget(struct cache *cache, struct epoch_thread *thread);

struct cache_statistics {
    int64_t bytes, entries, evicted;
};

void cache_statistics(struct cache *cache, struct cache_statistics *statistics);

#endif
