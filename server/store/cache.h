/* cache.h - the records in memory: a hash table that readers walk without a lock.
 *
 * The table is cut into shards by hash; a shard has a lock for its writers and a share of the
 * memory.
 *
 * What stays is chosen as in S3-FIFO (Yang and others, SOSP 2023), by two queues, first in first
 * out.  What is new is in probation, for a twentieth of the memory: who was used there moves to the
 * main queue, the others leave, and of each of them a ghost stays, some bits of its hash, for as
 * long as it takes until as much as the cache holds has left.  What comes in and meets its own
 * ghost goes to the main queue at once.  There the oldest goes round as often as it was used, up to
 * three times, then leaves.  So a hit writes only while an entry has fewer than three uses; and
 * what a listing or a one-time reader brings in never touches the main queue.  bench/README.md has
 * the figures of this and other policies.
 *
 * What the engine has not is an entry, too (ENTRY_ABSENT), so that it need not be asked again; a
 * write of that key takes its place as it would take a record's.  It never leaves probation but to
 * go: whoever asks for many missing keys drives out only what is new.
 *
 * The queues are rings of pointers, and a ghost stands in its bucket's own word, of which a pointer
 * needs only 48 bits: so an eviction touches no memory but that of the entry and its bucket.
 *
 * H1  An entry is linked before a reader can find it and never changes while it is linked, but for
 *     its atomics.  Who takes the place of another stands in the chain before the other leaves it.
 * H2  Unlinked entries are retired (epoch.h), never freed at once.
 * H3  Entries of a group that is not committed are not evicted (order.h, C2).
 * H4  What was read from disk is linked only if nothing that had been written was removed from the
 *     shard meanwhile: else it might be older than what is on disk now (`generation`).
 * H5  A shard from which nothing stored was ever evicted, of a store that began empty, is complete:
 *     what is not in it does not exist, and the engine need not be asked.
 * H6  What is counted is what the memory costs: entries as the allocator rounds them up, rings and
 *     buckets.  Where it gets smaller, the buckets that are too many for it (H7) stay and are
 *     counted, but records have as much of the new size as if the cache had begun with it.
 * H7  The number of buckets is fixed at start by the memory given, so no reader meets a resize.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/epoch.h"
#include "store/entry.h"

struct cache;

/* `bytes_max` bounds all of it (but see H6).  `committed` is the newest committed group; it
 * outlives the cache.  is_complete: nothing is stored. */
struct cache *cache_create(size_t bytes_max, const _Atomic uint64_t *committed, bool is_complete);
/* Frees all entries; nobody reads any more. */
void cache_destroy(struct cache *cache);

/* `room` bounds all of it in any case, also the buckets that are too many (H6); SIZE_MAX = no. */
void cache_set_bytes_max(struct cache *cache, size_t bytes_max, size_t room);
/* What comes in makes room for itself; after the size was lowered this makes room where
 * nothing comes in. */
void cache_shrink(struct cache *cache, struct epoch_thread *thread);

uint64_t cache_hash(const struct cache *cache, uint32_t ns, struct bytes key);

/* The entry of a key, of whatever kind, or NULL.  The caller is inside an epoch. */
struct entry *cache_find(struct cache *cache, uint64_t hash, uint32_t ns, struct bytes key);

/* Marks a use; writes to the entry, which others read, only if that changes something. */
static inline void cache_touch(struct entry *entry)
{
    uint8_t uses = atomic_load_explicit(&entry->uses, memory_order_relaxed);

    if (uses < ENTRY_USES_MAX)
        atomic_store_explicit(&entry->uses, (uint8_t)(uses + 1), memory_order_relaxed);
}

/* Starts the memory reads that cache_find() of this hash will need. */
void cache_prefetch(const struct cache *cache, uint64_t hash);

/* A while later: starts the reads of the entry itself, the first of its bucket. */
void cache_prefetch_entry(const struct cache *cache, uint64_t hash);

/* Of a linked entry that will be replaced: starts the read of what cache_publish() writes then. */
void cache_prefetch_place(struct cache *cache, const struct entry *entry);

/* After cache_find() found nothing: is that certain?  See H5. */
bool cache_is_complete(struct cache *cache, uint64_t hash);

/* Counts the removals of written entries in the shard of `hash`, and what was forgotten: see H4. */
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

/* Everything that is committed leaves, what was read before is not kept any more, and no shard is
 * complete: the engine has changed behind the cache. */
void cache_forget(struct cache *cache, struct epoch_thread *thread);

struct cache_statistics {
    int64_t bytes, overhead; /* all that it costs, and of it what is not entries */
    int64_t entries, evicted;
};

void cache_statistics(struct cache *cache, struct cache_statistics *statistics);

#endif
