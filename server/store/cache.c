#include "store/cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"

#define SHARD_COUNT 64u /* a power of two */

/* A bucket for each so many bytes of memory given: about one entry of the smallest useful size. */
#define BYTES_PER_BUCKET 128u
#define BUCKETS_MIN      64u

/* An eviction looks at so many entries at most, lest a shard full of uncommitted ones stalls it. */
#define EVICTION_STEPS_MAX 64

struct shard {
    pthread_mutex_t mutex;
    _Atomic(struct entry *) *buckets;
    _Atomic uint64_t generation;
    atomic_bool is_complete;
    struct entry **ring;
    size_t entries, ring_capacity;
    size_t hand; /* where the eviction goes on */
    size_t bytes;
    int64_t evicted;
} CACHE_ALIGNED;

struct cache {
    struct shard shards[SHARD_COUNT];
    uint64_t seed;
    uint64_t bucket_mask;
    _Atomic size_t shard_bytes_max;
    const _Atomic uint64_t *committed;
};

static size_t buckets_for(size_t bytes_max)
{
    size_t wanted = bytes_max / SHARD_COUNT / BYTES_PER_BUCKET;
    size_t buckets = BUCKETS_MIN;

    while (buckets < wanted)
        buckets *= 2;
    return buckets;
}

struct cache *cache_create(size_t bytes_max, const _Atomic uint64_t *committed, bool is_complete)
{
    struct cache *cache = aligned_alloc(CACHE_LINE, sizeof *cache);
    size_t buckets = buckets_for(bytes_max);

    if (cache == NULL)
        abort();
    memset(cache, 0, sizeof *cache);
    cache->seed = random_secret_u64();
    cache->bucket_mask = buckets - 1;
    cache->committed = committed;
    cache_set_bytes_max(cache, bytes_max);
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        pthread_mutex_init(&cache->shards[i].mutex, NULL);
        atomic_store(&cache->shards[i].is_complete, is_complete);
        cache->shards[i].buckets = xcalloc(buckets, sizeof *cache->shards[i].buckets);
    }
    return cache;
}

void cache_destroy(struct cache *cache)
{
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        struct shard *shard = &cache->shards[i];

        for (size_t slot = 0; slot < shard->entries; slot++)
            entry_destroy(shard->ring[slot]);
        free(shard->ring);
        free(shard->buckets);
        pthread_mutex_destroy(&shard->mutex);
    }
    free(cache);
}

void cache_set_bytes_max(struct cache *cache, size_t bytes_max)
{
    atomic_store_explicit(&cache->shard_bytes_max, bytes_max / SHARD_COUNT, memory_order_relaxed);
}

uint64_t cache_hash(const struct cache *cache, uint32_t ns, struct bytes key)
{
    return hash_seeded(key, cache->seed ^ ((uint64_t)ns << 32 | ns));
}

/* The low bits choose the shard, those above them the bucket. */
static struct shard *shard_of(struct cache *cache, uint64_t hash)
{
    return &cache->shards[hash % SHARD_COUNT];
}

static _Atomic(struct entry *) *bucket_of(const struct cache *cache, const struct shard *shard,
                                          uint64_t hash)
{
    return &shard->buckets[hash / SHARD_COUNT & cache->bucket_mask];
}

static bool is_of_key(const struct entry *entry, uint64_t hash, uint32_t ns, struct bytes key)
{
    return entry->hash == hash && entry->ns == ns && bytes_equal(entry_key(entry), key);
}

static struct entry *next_in_chain(struct entry *entry)
{
    return atomic_load_explicit(&entry->chain, memory_order_acquire);
}

/* The lines behind the first are wanted too, if it is the right entry: key and short values. */
static void prefetch_rest(const struct entry *entry)
{
    __builtin_prefetch((const char *)entry + CACHE_LINE);
    __builtin_prefetch((const char *)entry + 2 * CACHE_LINE);
    __builtin_prefetch((const char *)entry + 3 * CACHE_LINE);
}

struct entry *cache_find(struct cache *cache, uint64_t hash, uint32_t ns, struct bytes key)
{
    struct shard *shard = shard_of(cache, hash);
    struct entry *entry = atomic_load_explicit(bucket_of(cache, shard, hash), memory_order_acquire);

    while (entry != NULL) {
        prefetch_rest(entry);
        if (is_of_key(entry, hash, ns, key))
            break;
        entry = next_in_chain(entry);
    }
    return entry;
}

void cache_prefetch(const struct cache *cache, uint64_t hash)
{
    __builtin_prefetch(bucket_of(cache, &cache->shards[hash % SHARD_COUNT], hash));
}

void cache_prefetch_entry(const struct cache *cache, uint64_t hash)
{
    const struct entry *entry = atomic_load_explicit(
        bucket_of(cache, &cache->shards[hash % SHARD_COUNT], hash), memory_order_relaxed);

    __builtin_prefetch(entry);
    prefetch_rest(entry);
}

uint64_t cache_generation(struct cache *cache, uint64_t hash)
{
    return atomic_load_explicit(&shard_of(cache, hash)->generation, memory_order_acquire);
}

bool cache_is_complete(struct cache *cache, uint64_t hash)
{
    return atomic_load_explicit(&shard_of(cache, hash)->is_complete, memory_order_acquire);
}

/* --- under the shard's lock --- */

static _Atomic(struct entry *) *link_to(const struct cache *cache, struct shard *shard,
                                        const struct entry *wanted)
{
    _Atomic(struct entry *) *link = bucket_of(cache, shard, wanted->hash);
    struct entry *entry;

    while ((entry = atomic_load_explicit(link, memory_order_relaxed)) != NULL && entry != wanted)
        link = &entry->chain;
    return entry == NULL ? NULL : link;
}

/* The last in the ring takes the place of the one that leaves. */
static void ring_remove(struct shard *shard, const struct entry *entry)
{
    struct entry *last = shard->ring[--shard->entries];

    shard->ring[entry->slot] = last;
    last->slot = entry->slot;
    shard->bytes -= entry->allocated;
}

static void ring_add(struct shard *shard, struct entry *entry)
{
    if (shard->entries == shard->ring_capacity) {
        shard->ring_capacity = shard->ring_capacity == 0 ? 64 : shard->ring_capacity * 2;
        shard->ring = xrealloc(shard->ring, shard->ring_capacity * sizeof(struct entry *));
    }
    entry->slot = (uint32_t)shard->entries;
    shard->ring[shard->entries++] = entry;
    shard->bytes += entry->allocated;
}

static void ring_replace(struct shard *shard, const struct entry *old, struct entry *entry)
{
    entry->slot = old->slot;
    shard->ring[entry->slot] = entry;
    shard->bytes += entry->allocated;
    shard->bytes -= old->allocated;
}

static bool is_written(const struct entry *entry)
{
    return atomic_load_explicit(&entry->group, memory_order_relaxed) != 0;
}

static bool is_committed(const struct cache *cache, const struct entry *entry)
{
    return atomic_load_explicit(&entry->group, memory_order_relaxed) <=
           atomic_load_explicit(cache->committed, memory_order_acquire);
}

/* Who does not find the entry any more must see that something has gone: so the marks come first.
 */
static void unlink_entry(const struct cache *cache, struct shard *shard, struct entry *entry)
{
    _Atomic(struct entry *) *link = link_to(cache, shard, entry);

    if (entry->header.kind != ENTRY_ABSENT || !is_committed(cache, entry))
        atomic_store_explicit(&shard->is_complete, false, memory_order_release);
    if (is_written(entry))
        atomic_fetch_add_explicit(&shard->generation, 1, memory_order_release);
    atomic_store_explicit(link, next_in_chain(entry), memory_order_release);
    ring_remove(shard, entry);
}

static void link_entry(const struct cache *cache, struct shard *shard, struct entry *entry)
{
    _Atomic(struct entry *) *bucket = bucket_of(cache, shard, entry->hash);

    atomic_store_explicit(&entry->chain, atomic_load_explicit(bucket, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(bucket, entry, memory_order_release);
    ring_add(shard, entry);
}

/* The hand moves on to the next entry that may go; NULL if it met none in its steps. */
static struct entry *choose_victim(const struct cache *cache, struct shard *shard)
{
    for (int steps = 0; steps < EVICTION_STEPS_MAX && shard->entries > 0; steps++) {
        struct entry *entry;

        if (shard->hand >= shard->entries)
            shard->hand = 0;
        entry = shard->ring[shard->hand++];
        if (atomic_exchange_explicit(&entry->is_visited, false, memory_order_relaxed))
            continue;
        if (is_committed(cache, entry))
            return entry;
    }
    return NULL;
}

static void evict(struct cache *cache, struct shard *shard, struct epoch_thread *thread)
{
    size_t bytes_max = atomic_load_explicit(&cache->shard_bytes_max, memory_order_relaxed);
    struct entry *victim;

    while (shard->bytes > bytes_max && (victim = choose_victim(cache, shard)) != NULL) {
        unlink_entry(cache, shard, victim);
        epoch_retire(thread, victim, entry_destroy);
        shard->evicted++;
    }
}

/* --- */

static struct entry *find_locked(struct cache *cache, const struct entry *like)
{
    return cache_find(cache, like->hash, like->ns, entry_key(like));
}

struct entry *cache_fill(struct cache *cache, struct epoch_thread *thread, struct entry *entry,
                         uint64_t generation)
{
    struct shard *shard = shard_of(cache, entry->hash);
    struct entry *linked;

    pthread_mutex_lock(&shard->mutex);
    linked = find_locked(cache, entry);
    if (linked == NULL &&
        generation == atomic_load_explicit(&shard->generation, memory_order_relaxed)) {
        link_entry(cache, shard, entry);
        evict(cache, shard, thread);
        linked = entry;
    }
    pthread_mutex_unlock(&shard->mutex);
    return linked;
}

struct entry *cache_publish(struct cache *cache, struct epoch_thread *thread, struct entry *entry)
{
    struct shard *shard = shard_of(cache, entry->hash);
    _Atomic(struct entry *) *link;
    struct entry *old;

    pthread_mutex_lock(&shard->mutex);
    link = bucket_of(cache, shard, entry->hash);
    while ((old = atomic_load_explicit(link, memory_order_relaxed)) != NULL &&
           !is_of_key(old, entry->hash, entry->ns, entry_key(entry)))
        link = &old->chain;
    if (old == NULL) {
        link_entry(cache, shard, entry);
    } else {
        atomic_store_explicit(&entry->chain, next_in_chain(old), memory_order_relaxed);
        atomic_store_explicit(link, entry, memory_order_release);
        ring_replace(shard, old, entry);
    }
    evict(cache, shard, thread);
    pthread_mutex_unlock(&shard->mutex);
    return old;
}

bool cache_unlink(struct cache *cache, struct entry *entry)
{
    struct shard *shard = shard_of(cache, entry->hash);
    bool is_linked;

    pthread_mutex_lock(&shard->mutex);
    is_linked = link_to(cache, shard, entry) != NULL;
    if (is_linked)
        unlink_entry(cache, shard, entry);
    pthread_mutex_unlock(&shard->mutex);
    return is_linked;
}

/* The last in the ring takes the place of one that leaves: so it goes through it backwards. */
static void forget_shard(struct cache *cache, struct shard *shard, struct epoch_thread *thread)
{
    pthread_mutex_lock(&shard->mutex);
    atomic_store_explicit(&shard->is_complete, false, memory_order_release);
    for (size_t slot = shard->entries; slot-- > 0;) {
        struct entry *entry = shard->ring[slot];

        if (!is_committed(cache, entry))
            continue;
        unlink_entry(cache, shard, entry);
        epoch_retire(thread, entry, entry_destroy);
    }
    pthread_mutex_unlock(&shard->mutex);
}

void cache_forget(struct cache *cache, struct epoch_thread *thread)
{
    for (size_t i = 0; i < SHARD_COUNT; i++)
        forget_shard(cache, &cache->shards[i], thread);
}

void cache_statistics(struct cache *cache, struct cache_statistics *statistics)
{
    *statistics = (struct cache_statistics){0};
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        struct shard *shard = &cache->shards[i];

        pthread_mutex_lock(&shard->mutex);
        statistics->bytes += (int64_t)shard->bytes;
        statistics->entries += (int64_t)shard->entries;
        statistics->evicted += shard->evicted;
        pthread_mutex_unlock(&shard->mutex);
    }
}
