#include "store/cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"

#define SHARD_COUNT 64u /* a power of two */

/* A bucket for each so many bytes of memory given: about one entry of the smallest useful size. */
#define BYTES_PER_BUCKET 128u
#define BUCKETS_MIN      64u

/* An eviction looks at so many entries at most, lest a shard full of used ones stalls it. */
#define EVICTION_STEPS_MAX 64

/* The share of the memory that what is new has for proving itself: a twentieth. */
#define PROBATION_SHARE 20

/* A bucket is one word: above, the ghost of what last left it for good while in probation; below,
 * the pointer to its first entry, whose upper bits no process's memory needs. */
#define POINTER_BITS 48
#define POINTER_MASK (((uint64_t)1 << POINTER_BITS) - 1)

/* A ghost is 8 bits of the hash and, above them, 8 bits of when that was.  It means something until
 * as much as fits into the cache has left probation, in so many steps. */
#define GHOST_HASH_BITS 8
#define GHOST_STEPS     8

#define RING_CAPACITY_MIN 64u /* a power of two */

/* A first-in-first-out queue.  Positions count on for ever, and position & (capacity - 1) is the
 * slot: so an entry's position stays when the ring gets other slots.  Who leaves from the middle
 * leaves a hole. */
struct ring {
    _Atomic(struct entry **) slots; /* these two change under the lock; prefetching reads them */
    _Atomic uint32_t capacity;      /* a power of two */
    uint32_t oldest, newest;        /* positions: of the first, and behind the last */
    size_t entries, bytes;
};

enum { PROBATION, MAIN, RING_COUNT };

struct shard {
    pthread_mutex_t mutex;
    _Atomic uint64_t *buckets;
    _Atomic uint64_t generation;
    atomic_bool is_complete;
    struct ring rings[RING_COUNT];
    size_t bytes; /* of its entries and rings */
    size_t left;  /* bytes that have left probation in this step */
    uint8_t step; /* counts on and on */
    int64_t evicted;
} CACHE_ALIGNED;

struct cache {
    struct shard shards[SHARD_COUNT];
    uint64_t seed;
    uint64_t bucket_mask;
    _Atomic size_t shard_bytes_max; /* what entries and rings of a shard may take of it */
    atomic_bool is_to_shrink;       /* that was lowered */
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

/* What a shard costs when it is empty. */
static size_t fixed_cost(size_t buckets)
{
    return sizeof(struct shard) + memory_cost(buckets * sizeof(uint64_t));
}

static size_t bucket_count(const struct cache *cache)
{
    return cache->bucket_mask + 1;
}

static void shard_init(struct shard *shard, size_t buckets, bool is_complete)
{
    pthread_mutex_init(&shard->mutex, NULL);
    atomic_store(&shard->is_complete, is_complete);
    shard->step = GHOST_STEPS; /* so that no ghost is a very old one */
    shard->buckets = xcalloc(buckets, sizeof *shard->buckets);
}

struct cache *cache_create(size_t bytes_max, const _Atomic uint64_t *committed, bool is_complete)
{
    struct cache *cache = xaligned_alloc(CACHE_LINE, sizeof *cache);
    size_t buckets = buckets_for(bytes_max);

    memset(cache, 0, sizeof *cache);
    cache->seed = random_secret_u64();
    cache->bucket_mask = buckets - 1;
    cache->committed = committed;
    cache_set_bytes_max(cache, bytes_max, SIZE_MAX);
    for (size_t i = 0; i < SHARD_COUNT; i++)
        shard_init(&cache->shards[i], buckets, is_complete);
    return cache;
}

static struct entry *ring_at(const struct ring *ring, uint32_t position)
{
    return ring->slots[position & (ring->capacity - 1)];
}

static void ring_clear(struct ring *ring)
{
    for (uint32_t position = ring->oldest; position != ring->newest; position++)
        entry_destroy(ring_at(ring, position));
    free(ring->slots);
}

void cache_destroy(struct cache *cache)
{
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        struct shard *shard = &cache->shards[i];

        ring_clear(&shard->rings[PROBATION]);
        ring_clear(&shard->rings[MAIN]);
        free(shard->buckets);
        pthread_mutex_destroy(&shard->mutex);
    }
    free(cache);
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* What a shard's share of `bytes_max` leaves for records, if it had so many buckets. */
static size_t share_for_records(size_t bytes_max, size_t buckets)
{
    size_t share = bytes_max / SHARD_COUNT, cost = fixed_cost(buckets);

    return share > cost ? share - cost : 0;
}

void cache_set_bytes_max(struct cache *cache, size_t bytes_max, size_t room)
{
    size_t buckets = bucket_count(cache), wanted = min_size(buckets_for(bytes_max), buckets);
    size_t share = min_size(share_for_records(bytes_max, wanted), share_for_records(room, buckets));

    if (share < atomic_exchange_explicit(&cache->shard_bytes_max, share, memory_order_relaxed))
        atomic_store(&cache->is_to_shrink, true);
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

static _Atomic uint64_t *bucket_of(const struct cache *cache, const struct shard *shard,
                                   uint64_t hash)
{
    return &shard->buckets[hash / SHARD_COUNT & cache->bucket_mask];
}

static struct entry *entry_in(uint64_t bucket)
{
    return (struct entry *)(uintptr_t)(bucket & POINTER_MASK);
}

static struct entry *first_in(const _Atomic uint64_t *bucket)
{
    return entry_in(atomic_load_explicit(bucket, memory_order_acquire));
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
    struct entry *entry = first_in(bucket_of(cache, shard, hash));

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
    const struct entry *entry =
        first_in(bucket_of(cache, &cache->shards[hash % SHARD_COUNT], hash));

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

/* --- under the shard's lock: rings --- */

/* An entry knows its position and, in the lowest bit, its ring. */
static struct ring *ring_of(struct shard *shard, const struct entry *entry)
{
    return &shard->rings[entry->place % RING_COUNT];
}

static struct entry **slot_of(struct shard *shard, const struct entry *entry)
{
    const struct ring *ring = ring_of(shard, entry);

    return &ring->slots[entry->place / RING_COUNT & (ring->capacity - 1)];
}

void cache_prefetch_place(struct cache *cache, const struct entry *entry)
{
    __builtin_prefetch(slot_of(shard_of(cache, entry->hash), entry), 1);
}

static void ring_resize(struct shard *shard, struct ring *ring, uint32_t capacity)
{
    struct ring old = *ring;

    ring->slots = xmalloc(capacity * sizeof *ring->slots);
    ring->capacity = capacity;
    for (uint32_t position = old.oldest; position != old.newest; position++)
        ring->slots[position & (capacity - 1)] = ring_at(&old, position);
    free(old.slots);
    if (old.capacity > 0)
        shard->bytes -= memory_cost(old.capacity * sizeof *ring->slots);
    shard->bytes += memory_cost(capacity * sizeof *ring->slots);
}

static void ring_push(struct shard *shard, uint32_t number, struct entry *entry)
{
    struct ring *ring = &shard->rings[number];

    if (ring->newest - ring->oldest == ring->capacity)
        ring_resize(shard, ring, ring->capacity == 0 ? RING_CAPACITY_MIN : ring->capacity * 2);
    atomic_store_explicit(&entry->place, ring->newest * RING_COUNT + number, memory_order_relaxed);
    ring->slots[ring->newest++ & (ring->capacity - 1)] = entry;
    ring->entries++;
    ring->bytes += entry->allocated;
    shard->bytes += entry->allocated;
}

/* The oldest leaves; NULL if the ring is empty. */
static struct entry *ring_pop(struct shard *shard, struct ring *ring)
{
    struct entry *entry = NULL;

    while (entry == NULL && ring->oldest != ring->newest)
        entry = ring_at(ring, ring->oldest++);
    if (entry == NULL)
        return NULL;
    ring->entries--;
    ring->bytes -= entry->allocated;
    shard->bytes -= entry->allocated;
    if (ring->newest - ring->oldest < ring->capacity / 4 && ring->capacity > RING_CAPACITY_MIN)
        ring_resize(shard, ring, ring->capacity / 2);
    else if (ring->oldest != ring->newest)
        __builtin_prefetch(ring_at(ring, ring->oldest)); /* the next eviction looks at it */
    return entry;
}

static void ring_remove(struct shard *shard, const struct entry *entry)
{
    struct ring *ring = ring_of(shard, entry);

    *slot_of(shard, entry) = NULL;
    ring->entries--;
    ring->bytes -= entry->allocated;
    shard->bytes -= entry->allocated;
}

/* A write is a use, too. */
static void ring_replace(struct shard *shard, const struct entry *old, struct entry *entry)
{
    size_t growth = (size_t)entry->allocated - old->allocated; /* may wrap, as do the sums */
    uint8_t uses = atomic_load_explicit(&old->uses, memory_order_relaxed);

    atomic_store_explicit(&entry->uses, uses, memory_order_relaxed);
    cache_touch(entry);
    atomic_store_explicit(&entry->place, old->place, memory_order_relaxed);
    *slot_of(shard, entry) = entry;
    ring_of(shard, entry)->bytes += growth;
    shard->bytes += growth;
}

/* --- under the shard's lock: buckets --- */

static void set_first(_Atomic uint64_t *bucket, uint64_t ghost, const struct entry *entry)
{
    uint64_t address = (uintptr_t)entry;

    assert(address <= POINTER_MASK);
    atomic_store_explicit(bucket, ghost << POINTER_BITS | address, memory_order_release);
}

static uint64_t ghost_in(const _Atomic uint64_t *bucket)
{
    return atomic_load_explicit(bucket, memory_order_relaxed) >> POINTER_BITS;
}

static uint64_t ghost_of(const struct shard *shard, const struct entry *entry)
{
    return (uint64_t)shard->step << GHOST_HASH_BITS | entry->hash >> (64 - GHOST_HASH_BITS);
}

/* Has it left not long ago? */
static bool is_ghost_of(const struct shard *shard, uint64_t ghost, const struct entry *entry)
{
    uint64_t difference = ghost_of(shard, entry) - ghost;

    return (difference & ((1u << GHOST_HASH_BITS) - 1)) == 0 &&
           (uint8_t)(difference >> GHOST_HASH_BITS) < GHOST_STEPS;
}

/* Puts `next` where what follows `previous` stood; NULL = the first. */
static void set_next(_Atomic uint64_t *bucket, struct entry *previous, struct entry *next)
{
    if (previous == NULL)
        set_first(bucket, ghost_in(bucket), next);
    else
        atomic_store_explicit(&previous->chain, next, memory_order_release);
}

/* Is this very entry in the bucket, and behind which? */
static bool find_previous(const _Atomic uint64_t *bucket, const struct entry *wanted,
                          struct entry **previous)
{
    struct entry *entry = first_in(bucket);

    for (*previous = NULL; entry != NULL && entry != wanted; entry = next_in_chain(entry))
        *previous = entry;
    return entry != NULL;
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
static void unlink_behind(const struct cache *cache, struct shard *shard, struct entry *entry,
                          struct entry *previous)
{
    if (entry->header.kind != ENTRY_ABSENT || !is_committed(cache, entry))
        atomic_store_explicit(&shard->is_complete, false, memory_order_release);
    if (is_written(entry))
        atomic_fetch_add_explicit(&shard->generation, 1, memory_order_release);
    set_next(bucket_of(cache, shard, entry->hash), previous, next_in_chain(entry));
}

/* False if it is not linked. */
static bool unlink_entry(const struct cache *cache, struct shard *shard, struct entry *entry)
{
    struct entry *previous;

    if (!find_previous(bucket_of(cache, shard, entry->hash), entry, &previous))
        return false;
    unlink_behind(cache, shard, entry, previous);
    return true;
}

/* What was here not long ago need not prove itself again. */
static void link_entry(const struct cache *cache, struct shard *shard, struct entry *entry)
{
    _Atomic uint64_t *bucket = bucket_of(cache, shard, entry->hash);
    bool is_known =
        is_ghost_of(shard, ghost_in(bucket), entry) && entry->header.kind != ENTRY_ABSENT;

    atomic_store_explicit(&entry->chain, first_in(bucket), memory_order_relaxed);
    set_first(bucket, ghost_in(bucket), entry);
    ring_push(shard, is_known ? MAIN : PROBATION, entry);
}

/* --- under the shard's lock: eviction --- */

static bool take_use(struct entry *entry)
{
    uint8_t uses = atomic_load_explicit(&entry->uses, memory_order_relaxed);

    if (uses > 0)
        atomic_store_explicit(&entry->uses, (uint8_t)(uses - 1), memory_order_relaxed);
    return uses > 0;
}

static void leave_ghost(const struct cache *cache, struct shard *shard, const struct entry *entry,
                        size_t bytes_max)
{
    _Atomic uint64_t *bucket = bucket_of(cache, shard, entry->hash);

    set_first(bucket, ghost_of(shard, entry), first_in(bucket));
    shard->left += entry->allocated;
    if (shard->left > bytes_max / GHOST_STEPS) {
        shard->left = 0;
        shard->step++;
    }
}

/* The oldest in probation moves on if it was used, else it leaves.  What is missing never moves on:
 * a flood of questions for it drives out no record that was used. */
static struct entry *leave_probation(const struct cache *cache, struct shard *shard,
                                     size_t bytes_max, bool *is_pinned)
{
    struct entry *entry = ring_pop(shard, &shard->rings[PROBATION]);
    bool is_absent = entry->header.kind == ENTRY_ABSENT;

    if (take_use(entry)) {
        ring_push(shard, is_absent ? PROBATION : MAIN, entry);
        return NULL;
    }
    if (!is_committed(cache, entry)) {
        ring_push(shard, PROBATION, entry);
        *is_pinned = true;
        return NULL;
    }
    if (!is_absent)
        leave_ghost(cache, shard, entry, bytes_max);
    return entry;
}

/* The oldest goes round as often as it was used. */
static struct entry *leave_main(const struct cache *cache, struct shard *shard)
{
    struct entry *entry = ring_pop(shard, &shard->rings[MAIN]);

    if (!take_use(entry) && is_committed(cache, entry))
        return entry;
    ring_push(shard, MAIN, entry);
    return NULL;
}

/* Takes the one that is to go from its ring; NULL if none was met in so many steps.  Behind one
 * that is not committed most others are not either: then the main ring gives. */
static struct entry *choose_victim(const struct cache *cache, struct shard *shard, size_t bytes_max)
{
    const struct ring *probation = &shard->rings[PROBATION], *rest = &shard->rings[MAIN];
    struct entry *victim = NULL;
    bool is_pinned = false;

    for (int steps = 0; steps < EVICTION_STEPS_MAX && victim == NULL; steps++) {
        bool has_excess = probation->bytes > bytes_max / PROBATION_SHARE || rest->entries == 0;

        if (has_excess && !is_pinned && probation->entries > 0)
            victim = leave_probation(cache, shard, bytes_max, &is_pinned);
        else if (rest->entries > 0)
            victim = leave_main(cache, shard);
        else
            break;
    }
    return victim;
}

static void evict(struct cache *cache, struct shard *shard, struct epoch_thread *thread)
{
    size_t bytes_max = atomic_load_explicit(&cache->shard_bytes_max, memory_order_relaxed);
    struct entry *victim;

    while (shard->bytes > bytes_max && (victim = choose_victim(cache, shard, bytes_max)) != NULL) {
        (void)unlink_entry(cache, shard, victim);
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
    _Atomic uint64_t *bucket = bucket_of(cache, shard, entry->hash);
    struct entry *old, *previous = NULL;

    pthread_mutex_lock(&shard->mutex);
    for (old = first_in(bucket);
         old != NULL && !is_of_key(old, entry->hash, entry->ns, entry_key(entry));
         old = next_in_chain(old))
        previous = old;
    if (old == NULL) {
        link_entry(cache, shard, entry);
    } else {
        atomic_store_explicit(&entry->chain, next_in_chain(old), memory_order_relaxed);
        set_next(bucket, previous, entry);
        ring_replace(shard, old, entry);
    }
    evict(cache, shard, thread);
    pthread_mutex_unlock(&shard->mutex);
    return old;
}

void cache_shrink(struct cache *cache, struct epoch_thread *thread)
{
    size_t bytes_max = atomic_load_explicit(&cache->shard_bytes_max, memory_order_relaxed);
    bool is_too_large = false;

    if (!atomic_exchange(&cache->is_to_shrink, false))
        return;
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        struct shard *shard = &cache->shards[i];

        pthread_mutex_lock(&shard->mutex);
        evict(cache, shard, thread);
        is_too_large |= shard->bytes > bytes_max;
        pthread_mutex_unlock(&shard->mutex);
    }
    if (is_too_large)
        atomic_store(&cache->is_to_shrink, true);
}

bool cache_unlink(struct cache *cache, struct entry *entry)
{
    struct shard *shard = shard_of(cache, entry->hash);
    bool is_linked;

    pthread_mutex_lock(&shard->mutex);
    is_linked = unlink_entry(cache, shard, entry);
    if (is_linked)
        ring_remove(shard, entry);
    pthread_mutex_unlock(&shard->mutex);
    return is_linked;
}

static void forget_ring(struct cache *cache, struct shard *shard, struct ring *ring,
                        struct epoch_thread *thread)
{
    for (uint32_t position = ring->oldest; position != ring->newest; position++) {
        struct entry *entry = ring_at(ring, position);

        if (entry == NULL || !is_committed(cache, entry))
            continue;
        (void)unlink_entry(cache, shard, entry);
        ring_remove(shard, entry);
        epoch_retire(thread, entry, entry_destroy);
    }
}

static void forget_shard(struct cache *cache, struct shard *shard, struct epoch_thread *thread)
{
    pthread_mutex_lock(&shard->mutex);
    atomic_store_explicit(&shard->is_complete, false, memory_order_release);
    atomic_fetch_add_explicit(&shard->generation, 1, memory_order_release);
    forget_ring(cache, shard, &shard->rings[PROBATION], thread);
    forget_ring(cache, shard, &shard->rings[MAIN], thread);
    pthread_mutex_unlock(&shard->mutex);
}

void cache_forget(struct cache *cache, struct epoch_thread *thread)
{
    for (size_t i = 0; i < SHARD_COUNT; i++)
        forget_shard(cache, &cache->shards[i], thread);
}

void cache_statistics(struct cache *cache, struct cache_statistics *statistics)
{
    int64_t fixed = (int64_t)(fixed_cost(bucket_count(cache)) * SHARD_COUNT);

    *statistics = (struct cache_statistics){.bytes = fixed, .overhead = fixed};
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        struct shard *shard = &cache->shards[i];

        pthread_mutex_lock(&shard->mutex);
        statistics->bytes += (int64_t)shard->bytes;
        statistics->overhead += (int64_t)shard->bytes;
        for (size_t j = 0; j < RING_COUNT; j++) {
            statistics->overhead -= (int64_t)shard->rings[j].bytes;
            statistics->entries += (int64_t)shard->rings[j].entries;
        }
        statistics->evicted += shard->evicted;
        pthread_mutex_unlock(&shard->mutex);
    }
}
