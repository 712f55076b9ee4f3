#include "store/lookup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/frequency.h"
#include "store/keyspace.h"
#include "store/record.h"
#include "store/registry_internal.h"
#include "store/store_internal.h"
#include "store/txn_internal.h"

/* ---------- from disk ---------- */

enum status store_read_chunks(struct engine *engine, uint32_t number, struct bytes key,
                              const struct record_header *header, char *into)
{
    struct buffer stored_key = {0};
    enum status status = STATUS_OK;
    size_t filled = 0;

    for (uint16_t i = 0; i < record_chunk_count(header) && status == STATUS_OK; i++) {
        struct bytes chunk;

        status = engine_get(
            engine, keyspace_chunk(&stored_key, number, key, header->stamp, header->origin, i),
            &chunk);
        if (status != STATUS_OK)
            break;
        if (chunk.size <= header->value_size - filled)
            memcpy(into + filled, chunk.data, chunk.size);
        else
            status = STATUS_CORRUPT;
        filled += chunk.size;
        engine_free(chunk);
    }
    buffer_clear(&stored_key);
    if (status == STATUS_OK && filled != header->value_size)
        status = STATUS_CORRUPT;
    return status;
}

static enum status decode_entry(struct store *store, uint32_t number, struct bytes key,
                                uint64_t hash, struct bytes stored, struct entry **result)
{
    struct record_view record;
    enum status status = record_decode(stored, &record);
    struct entry *entry;

    if (status != STATUS_OK)
        return status;
    entry = entry_create(hash, number, key, record.meta,
                         record.header.kind == ENTRY_LIVE ? record.header.value_size : 0);
    entry->header = record.header;
    if (record_has_chunks(&record.header))
        status =
            store_read_chunks(store->engine, number, key, &record.header, entry_value_area(entry));
    else if (record.value.size > 0)
        memcpy(entry_value_area(entry), record.value.data, record.value.size);
    if (status != STATUS_OK) {
        entry_destroy(entry);
        return status;
    }
    *result = entry;
    return STATUS_OK;
}

static enum status read_entry(struct store *store, uint32_t number, struct bytes key, uint64_t hash,
                              struct entry **entry)
{
    struct buffer stored_key = {0};
    struct bytes stored;
    enum status status;

    status = engine_get(store->engine, keyspace_record(&stored_key, number, key), &stored);
    buffer_clear(&stored_key);
    if (status == STATUS_NOT_FOUND) {
        *entry = NULL;
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    status = decode_entry(store, number, key, hash, stored, entry);
    engine_free(stored);
    return status;
}

static void remember_long_read(struct store_thread *thread, const struct loaded *loaded)
{
    const struct entry *entry = loaded->entry;

    if (entry->allocated < LONG_READ_MIN)
        return;
    long_reads_add(&thread->long_reads, epoch_stay(thread->epoch), entry, loaded->generation);
    epoch_hurry(thread->epoch, entry->allocated);
}

/* Puts what was read into the cache; false if it may be stale and must be read again. */
static bool keep_entry(struct store_thread *thread, struct entry *entry, uint64_t generation,
                       struct loaded *loaded)
{
    struct entry *linked = cache_fill(thread->store->cache, thread->epoch, entry, generation);

    if (linked != entry)
        epoch_retire(thread->epoch, entry, entry_destroy);
    if (linked == NULL)
        return false;
    *loaded = (struct loaded){linked, generation};
    remember_long_read(thread, loaded);
    return true;
}

enum status store_load(struct store_thread *thread, uint32_t number, struct bytes key,
                       uint64_t hash, struct loaded *loaded)
{
    struct store *store = thread->store;
    uint64_t before = cache_generation(store->cache, hash);
    const struct entry *known =
        long_reads_find(&thread->long_reads, epoch_stay(thread->epoch), hash, number, key, before);

    assert(epoch_is_inside(thread->epoch));
    if (known != NULL || cache_is_complete(store->cache, hash)) {
        *loaded = (struct loaded){known, before};
        return STATUS_OK;
    }
    thread->met |= STORE_MET_DISK;
    for (int attempt = 0; attempt < STORE_READ_ATTEMPTS_MAX; attempt++) {
        uint64_t generation = cache_generation(store->cache, hash);
        struct entry *entry;
        enum status status;

        if (!store_is_engine_open(store))
            return STATUS_PARKED;
        status = read_entry(store, number, key, hash, &entry);
        if (status == STATUS_NOT_FOUND)
            continue;
        if (status != STATUS_OK)
            return status;
        if (entry == NULL) {
            *loaded = (struct loaded){NULL, generation};
            return STATUS_OK;
        }
        atomic_fetch_add_explicit(&store->disk_reads, 1, memory_order_relaxed);
        if (keep_entry(thread, entry, generation, loaded))
            return STATUS_OK;
    }
    return STATUS_CORRUPT;
}

/* ---------- finding ---------- */

/* Copying so much takes microseconds. */
#define LONG_VALUE_MIN (32u * 1024)

/* Marks a use, writing to shared memory only if there is something to change.  The one that brought
 * the record into memory says nothing about others to come: so the first does not count. */
static inline void touch(struct store_thread *thread, struct entry *entry, int64_t now_ms)
{
    uint32_t before = atomic_load_explicit(&entry->used_s, memory_order_relaxed);
    uint32_t used_s = (uint32_t)(now_ms / 1000);

    if (UNLIKELY(options_counts_use(thread->store->options)))
        used_s = frequency_use(before, now_ms, &thread->random);
    if (before != 0)
        cache_touch(entry);
    if (before != used_s)
        atomic_store_explicit(&entry->used_s, used_s, memory_order_relaxed);
}

static void touch_absent(struct entry *entry)
{
    if (atomic_load_explicit(&entry->used_s, memory_order_relaxed) != 0)
        cache_touch(entry);
    else
        atomic_store_explicit(&entry->used_s, 1, memory_order_relaxed);
}

static void raise_to(const struct store *store, uint64_t group, uint64_t *depends_on)
{
    if (UNLIKELY(group > *depends_on) && group > store_committed(store))
        *depends_on = group;
}

static struct entry *create_absent(uint32_t number, struct bytes key, uint64_t hash)
{
    struct entry *entry = entry_create(hash, number, key, (struct bytes){"", 0}, 0);

    entry->header.kind = ENTRY_ABSENT;
    return entry;
}

/* The engine has said that there is nothing: the next one who asks is answered from memory.  If
 * somebody has written meanwhile, that is found, not what was read. */
static const struct entry *keep_absent(struct store_thread *thread, uint32_t number,
                                       struct bytes key, uint64_t hash, uint64_t generation)
{
    struct cache *cache = thread->store->cache;
    struct entry *absent, *linked;

    if (cache_is_complete(cache, hash))
        return NULL;
    absent = create_absent(number, key, hash);
    linked = cache_fill(cache, thread->epoch, absent, generation);
    if (linked != absent)
        entry_destroy(absent);
    atomic_fetch_add_explicit(&thread->store->denials, 1, memory_order_relaxed);
    return linked;
}

/* What memory has nothing of: the engine's record, or NULL. */
static enum status ask_engine(struct store_thread *thread, uint32_t number, struct bytes key,
                              uint64_t hash, const struct entry **found)
{
    struct loaded loaded;
    enum status status = store_load(thread, number, key, hash, &loaded);

    if (status != STATUS_OK)
        return status;
    *found = loaded.entry != NULL ? loaded.entry
                                  : keep_absent(thread, number, key, hash, loaded.generation);
    return STATUS_OK;
}

static inline enum status find_any(struct store_thread *thread, const struct ns *ns,
                                   struct bytes key, const struct entry **found,
                                   uint64_t *depends_on)
{
    struct store *store = thread->store;
    uint32_t number = atomic_load_explicit(&ns->number, memory_order_acquire);
    uint64_t hash = cache_hash(store->cache, number, key);
    const struct entry *entry = cache_find(store->cache, hash, number, key);

    raise_to(store, registry_changed_in(store->registry), depends_on);
    if (UNLIKELY(entry == NULL)) {
        enum status status = ask_engine(thread, number, key, hash, &entry);

        if (status != STATUS_OK)
            return status;
        if (entry == NULL)
            return STATUS_NOT_FOUND;
    }
    raise_to(store, atomic_load_explicit(&entry->group, memory_order_relaxed), depends_on);
    if (UNLIKELY(entry->header.kind == ENTRY_ABSENT)) {
        touch_absent((struct entry *)(uintptr_t)entry);
        return STATUS_NOT_FOUND;
    }
    *found = entry;
    return STATUS_OK;
}

static inline enum status find_live(struct store_thread *thread, const struct ns *ns,
                                    struct bytes key, int64_t now_ms, const struct entry **found,
                                    uint64_t *depends_on)
{
    const struct entry *entry;
    enum status status = find_any(thread, ns, key, &entry, depends_on);

    if (UNLIKELY(status != STATUS_OK))
        return status;
    if (UNLIKELY(!entry_is_live(entry, now_ms))) {
        if (entry->header.kind == ENTRY_LIVE)
            thread->met |= STORE_MET_EXPIRED;
        return STATUS_NOT_FOUND;
    }
    *found = entry;
    return STATUS_OK;
}

enum status store_find_any(struct store_thread *thread, const struct ns *ns, struct bytes key,
                           const struct entry **found, uint64_t *depends_on)
{
    return find_any(thread, ns, key, found, depends_on);
}

enum status store_peek(struct store_thread *thread, const struct ns *ns, struct bytes key,
                       int64_t now_ms, const struct entry **found, uint64_t *depends_on)
{
    return find_live(thread, ns, key, now_ms, found, depends_on);
}

enum status store_find(struct store_thread *thread, const struct ns *ns, struct bytes key,
                       int64_t now_ms, const struct entry **found, uint64_t *depends_on)
{
    const struct entry *entry;
    enum status status = find_live(thread, ns, key, now_ms, &entry, depends_on);

    if (status != STATUS_OK)
        return status;
    if (UNLIKELY(entry->header.value_size >= LONG_VALUE_MIN))
        thread->met |= STORE_MET_LONG;
    touch(thread, (struct entry *)(uintptr_t)entry, now_ms);
    *found = entry;
    return STATUS_OK;
}

unsigned store_take_met(struct store_thread *thread)
{
    unsigned met = thread->met;

    thread->met = 0;
    return met;
}

/* ---------- viewing ---------- */

/* As store_load(), but what was read lives until the thread's turn ends. */
static enum status view_stored(struct store_thread *thread, uint32_t number, struct bytes key,
                               uint64_t hash, const struct entry **found)
{
    struct store *store = thread->store;
    enum status status = STATUS_NOT_FOUND;
    struct entry *entry = NULL;

    *found = NULL;
    if (cache_is_complete(store->cache, hash))
        return STATUS_OK;
    if (!store_is_engine_open(store))
        return STATUS_PARKED;
    for (int i = 0; i < STORE_READ_ATTEMPTS_MAX && status == STATUS_NOT_FOUND; i++)
        status = read_entry(store, number, key, hash, &entry);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    if (entry != NULL) {
        atomic_fetch_add_explicit(&store->disk_reads, 1, memory_order_relaxed);
        epoch_retire(thread->epoch, entry, entry_destroy);
        if (entry->allocated >= LONG_READ_MIN)
            epoch_hurry(thread->epoch, entry->allocated);
    }
    *found = entry;
    return STATUS_OK;
}

enum status store_view(struct store_thread *thread, const struct ns *ns, struct bytes key,
                       int64_t now_ms, const struct entry **found, uint64_t *depends_on)
{
    struct store *store = thread->store;
    uint32_t number = atomic_load_explicit(&ns->number, memory_order_acquire);
    uint64_t hash = cache_hash(store->cache, number, key);
    const struct entry *entry = cache_find(store->cache, hash, number, key);

    raise_to(store, registry_changed_in(store->registry), depends_on);
    if (entry == NULL) {
        enum status status = view_stored(thread, number, key, hash, &entry);

        if (status != STATUS_OK)
            return status;
    }
    if (entry == NULL)
        return STATUS_NOT_FOUND;
    raise_to(store, atomic_load_explicit(&entry->group, memory_order_relaxed), depends_on);
    if (!entry_is_live(entry, now_ms))
        return STATUS_NOT_FOUND;
    *found = entry;
    return STATUS_OK;
}

/* ---------- several at once ---------- */

/* Hashing a long key twice would cost more than waiting. */
#define ANNOUNCED_KEY_MAX 256

uint64_t store_announce(struct store_thread *thread, const struct ns *ns, struct bytes key)
{
    const struct cache *cache = thread->store->cache;
    uint64_t hash;

    if (key.size > ANNOUNCED_KEY_MAX)
        return 0;
    hash = cache_hash(cache, atomic_load_explicit(&ns->number, memory_order_acquire), key);
    cache_prefetch(cache, hash);
    return hash;
}

void store_prefetch(struct store_thread *thread, uint64_t announced)
{
    cache_prefetch_entry(thread->store->cache, announced);
}

uint64_t store_publications(const struct store *store)
{
    uint64_t publications = atomic_load_explicit(&store->order.publications, memory_order_acquire);

    atomic_thread_fence(memory_order_acquire);
    return publications;
}
