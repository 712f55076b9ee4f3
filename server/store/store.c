#include "store/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/wire.h"
#include "store/commit.h"
#include "store/digest_internal.h"
#include "store/directory.h"
#include "store/feed.h"
#include "store/frequency.h"
#include "store/keyspace.h"
#include "store/news.h"
#include "store/notes.h"
#include "store/record.h"
#include "store/registry_internal.h"
#include "store/replica.h"
#include "store/store_internal.h"
#include "store/sweeper.h"
#include "store/transfer_load.h"
#include "store/txn_internal.h"

/* Own writes that were not pushed yet; what is older is found by comparing. */
#define FEED_BYTES_MAX ((size_t)64 << 20)

/* ---------- reading ---------- */

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

/* ---------- opening ---------- */

static enum status read_u64_note(struct engine *engine, const char *name, uint64_t *value)
{
    struct buffer key = {0};
    struct bytes stored, rest;
    enum status status;

    status = engine_get(engine, keyspace_local(&key, name, (struct bytes){"", 0}), &stored);
    buffer_clear(&key);
    if (status != STATUS_OK)
        return status;
    rest = stored;
    if (rest.size == sizeof *value)
        *value = wire_take_u64(&rest);
    else
        status = STATUS_CORRUPT;
    engine_free(stored);
    return status;
}

static void put_u64_note(struct engine_batch *batch, const char *name, uint64_t value)
{
    struct buffer key = {0}, text = {0};

    wire_put_u64(&text, value);
    keyspace_local(&key, name, (struct bytes){"", 0});
    engine_batch_put(batch, buffer_view(&key), buffer_view(&text));
    buffer_clear(&key);
    buffer_clear(&text);
}

static void delete_note(struct engine_batch *batch, const char *name)
{
    struct buffer key = {0};

    engine_batch_delete(batch, keyspace_local(&key, name, (struct bytes){"", 0}));
    buffer_clear(&key);
}

static enum status write_and_destroy(struct engine *engine, struct engine_batch *batch)
{
    enum status status = engine_write(engine, batch, true);

    engine_batch_destroy(batch);
    return status;
}

struct notes {
    uint64_t node_id, ceiling, clean;
    bool is_clean;
    bool is_new; /* never opened before */
};

/* From here on the store counts as not cleanly stopped. */
static enum status take_notes(struct engine *engine, struct notes *notes)
{
    struct engine_batch *batch;
    enum status status = read_u64_note(engine, NOTE_NODE_ID, &notes->node_id);

    *notes = (struct notes){.node_id = notes->node_id};
    notes->is_new = status == STATUS_NOT_FOUND;
    if (notes->is_new)
        notes->node_id = random_secret_u64();
    else if (status != STATUS_OK)
        return status;
    status = read_u64_note(engine, NOTE_CEILING, &notes->ceiling);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    notes->is_clean = read_u64_note(engine, NOTE_CLEAN, &notes->clean) == STATUS_OK;
    batch = engine_batch_create();
    put_u64_note(batch, NOTE_NODE_ID, notes->node_id);
    delete_note(batch, NOTE_CLEAN);
    return write_and_destroy(engine, batch);
}

static enum status fail(enum status status, const char *directory, char error[STORE_ERROR_MAX])
{
    if (status == STATUS_CORRUPT)
        (void)snprintf(error, STORE_ERROR_MAX,
                       "the data directory %s is damaged beyond what could be repaired; "
                       "restore it from a backup or choose another one with --dir",
                       directory);
    else
        (void)snprintf(error, STORE_ERROR_MAX, "the data directory %s can't be used; see the log",
                       directory);
    return status;
}

static enum status open_engine(struct store *store, const char *directory, bool *was_repaired,
                               char error[STORE_ERROR_MAX])
{
    char reason[ENGINE_ERROR_MAX];
    enum status status =
        engine_open(directory, options_is_on(store->options, OPTION_LEVELDB_COMPRESSION),
                    &store->engine, was_repaired, reason);

    if (status == STATUS_OK)
        return STATUS_OK;
    (void)snprintf(error, STORE_ERROR_MAX, "the data directory %.200s can't be opened: %.250s",
                   directory, reason);
    return status;
}

static enum status load_registry(struct store *store, uint64_t newest_stamp, bool was_repaired)
{
    struct limits limits = options_limits(store->options);
    enum status status;

    store->registry =
        registry_create_empty((int)options_number(store->options, OPTION_DATABASES), &limits);
    status = registry_load(store->registry, store->engine, newest_stamp);
    if (status == STATUS_OK && was_repaired)
        status = registry_recount(store->registry, store->engine);
    return status;
}

/* What was written before this start is not in the feed. */
static void start_feed(struct store *store)
{
    store->feed = feed_create(FEED_BYTES_MAX);
    feed_cut(store->feed, store->order.hlc.last);
    store->order.feed = store->feed;
    store->order.node_id = store->node_id;
}

static bool is_replicated(const struct store *store)
{
    char *secret = options_take_text(store->options, OPTION_CLUSTER_SECRET);
    bool is_given = secret[0] != '\0';

    free(secret);
    return is_given && options_is_on(store->options, OPTION_REPLICATION);
}

static enum status has_note(struct engine *engine, const char *name, bool *is_there)
{
    struct buffer key = {0};
    struct bytes stored;
    enum status status =
        engine_get(engine, keyspace_local(&key, name, (struct bytes){"", 0}), &stored);

    buffer_clear(&key);
    *is_there = status == STATUS_OK;
    if (status == STATUS_OK)
        engine_free(stored);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* With `replication no` deletes are forgotten as soon as nobody here needs them.  If there were
 * replicas before, it has to be known when they come back (store_was_alone()). */
static enum status note_alone(struct store *store)
{
    struct engine_batch *batch;
    bool was_replicated;
    enum status status;

    if (options_is_on(store->options, OPTION_REPLICATION))
        return has_note(store->engine, NOTE_ALONE, &store->was_alone);
    status = has_note(store->engine, NOTE_GOSSIP, &was_replicated);
    if (status != STATUS_OK || !was_replicated)
        return status;
    batch = engine_batch_create();
    put_u64_note(batch, NOTE_ALONE, 1);
    return write_and_destroy(store->engine, batch);
}

/* Without a secret there are no sums, and those that are stored are not kept true (S5); nor are
 * they after a repair. */
static enum status open_digest(struct store *store, bool is_clean, bool was_repaired)
{
    char *secret = options_take_text(store->options, OPTION_CLUSTER_SECRET);
    bool is_wanted = is_replicated(store);
    struct engine_batch *batch = engine_batch_create();
    enum status status = STATUS_OK;

    if (!is_wanted || was_repaired) {
        digest_disown(batch);
        status = engine_write(store->engine, batch, false);
    }
    if (status == STATUS_OK && is_wanted)
        status = digest_open(store, bytes_of(secret), is_clean, &store->digest);
    engine_batch_destroy(batch);
    free(secret);
    return status;
}

/* Tombstones that other replicas may need stay from the first moment on, also through a time
 * without the cluster's secret. */
static enum status begin_horizon(struct store *store)
{
    struct buffer key = {0};
    struct bytes state;
    enum status status =
        engine_get(store->engine, keyspace_local(&key, NOTE_GOSSIP, bytes_of("")), &state);
    bool has_replicas = status == STATUS_OK && options_is_on(store->options, OPTION_REPLICATION);

    buffer_clear(&key);
    atomic_store(&store->horizon, has_replicas ? 0 : UINT64_MAX);
    if (status == STATUS_OK)
        engine_free(state);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status open_parts(struct store *store, const char *directory,
                              char error[STORE_ERROR_MAX])
{
    struct notes notes = {0};
    bool was_repaired;
    enum status status = open_engine(store, directory, &was_repaired, error);

    if (status != STATUS_OK)
        return status;
    status = transfer_wipe_half_loaded(store->engine);
    if (status == STATUS_OK)
        status = commit_clean_pending(store->engine);
    if (status == STATUS_OK)
        status = take_notes(store->engine, &notes);
    if (status == STATUS_OK)
        status = load_registry(store, notes.is_clean ? notes.clean : notes.ceiling, was_repaired);
    store->node_id = notes.node_id;
    store->aliases = aliases_create(notes.node_id);
    if (status == STATUS_OK)
        status = aliases_load(store->aliases, store->engine);
    if (status == STATUS_OK)
        status = open_digest(store, notes.is_clean, was_repaired);
    if (status == STATUS_OK)
        status = begin_horizon(store);
    if (status == STATUS_OK)
        status = note_alone(store);
    if (status != STATUS_OK)
        return fail(status, directory, error);
    store->last_own_at_start = notes.is_clean ? notes.clean : 0;
    store->epoch = epoch_create();
    store->cache = cache_create((size_t)options_number(store->options, OPTION_CACHE_SIZE),
                                &store->order.committed, notes.is_new && !was_repaired);
    order_init(&store->order, store->engine, store->cache, store->epoch, store->options,
               store->clock, registry_changed_mark(store->registry),
               notes.is_clean ? notes.clean : notes.ceiling, notes.is_clean);
    start_feed(store);
    store->order.digest = store->digest;
    order_start(&store->order);
    store->sweeper = sweeper_start(store);
    return STATUS_OK;
}

static void close_half_open(struct store *store)
{
    digest_destroy(store->digest);
    registry_destroy(store->registry);
    aliases_destroy(store->aliases);
    engine_close(store->engine);
    if (store->lock_file >= 0)
        close(store->lock_file);
    free(store);
}

enum status store_open(struct options *options, const struct clock *clock, struct store **store,
                       char error[STORE_ERROR_MAX])
{
    struct store *opened = xcalloc(1, sizeof *opened);
    char *directory = options_take_text(options, OPTION_DIR);
    enum status status;

    opened->options = options;
    opened->clock = clock;
    opened->lock_file = -1;
    status = directory_claim(directory, &opened->lock_file, error, STORE_ERROR_MAX);
    if (status == STATUS_OK)
        status = open_parts(opened, directory, error);
    free(directory);
    if (status != STATUS_OK) {
        close_half_open(opened);
        return status;
    }
    *store = opened;
    return STATUS_OK;
}

/* ---------- closing ---------- */

static enum status note_clean_stop(struct store *store)
{
    struct engine_batch *batch;
    enum status status = engine_sync(store->engine);

    if (status != STATUS_OK)
        return status;
    batch = engine_batch_create();
    put_u64_note(batch, NOTE_CLEAN, store->order.hlc.last);
    return write_and_destroy(store->engine, batch);
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    sweeper_stop(store->sweeper);
    if (order_stop(&store->order) &&
        (store->digest == NULL || digest_close_cleanly(store->digest) == STATUS_OK) &&
        note_clean_stop(store) != STATUS_OK)
        log_line(LOG_WARNING, "The last writes may not be on disk.");
    order_clear(&store->order);
    cache_destroy(store->cache);
    epoch_destroy(store->epoch);
    digest_destroy(store->digest);
    registry_destroy(store->registry);
    feed_destroy(store->feed);
    aliases_destroy(store->aliases);
    free(store->stagger.nodes);
    engine_close(store->engine);
    close(store->lock_file);
    free(store);
}

/* ---------- threads and commits ---------- */

struct store_thread *store_join(struct store *store, void (*on_commit)(void *context),
                                void *context)
{
    struct store_thread *thread = xcalloc(1, sizeof *thread);

    thread->store = store;
    thread->epoch = epoch_join(store->epoch);
    thread->on_commit = on_commit;
    thread->context = context;
    order_join(&store->order, thread);
    return thread;
}

void store_leave(struct store_thread *thread)
{
    order_leave(&thread->store->order, thread);
    epoch_leave(thread->epoch);
    free(thread);
}

void store_end_turn(struct store_thread *thread)
{
    order_wake(&thread->store->order, thread);
}

bool store_commit_turn(struct store_thread *thread)
{
    return order_commit_or_wake(&thread->store->order, thread);
}

struct epoch_thread *store_epoch(struct store_thread *thread)
{
    return thread->epoch;
}

size_t store_passing_bytes(const struct store_thread *thread)
{
    return epoch_hurried(thread->epoch);
}

struct registry *store_registry(struct store *store)
{
    return store->registry;
}

struct store_digest *store_digest(struct store *store)
{
    return store->digest;
}

uint64_t store_node_id(const struct store *store)
{
    return store->node_id;
}

uint64_t store_committed(const struct store *store)
{
    return atomic_load_explicit(&store->order.committed, memory_order_acquire);
}

uint64_t store_newest_group(const struct store *store)
{
    return atomic_load_explicit(&store->order.newest, memory_order_acquire);
}

uint64_t store_publications(const struct store *store)
{
    uint64_t publications = atomic_load_explicit(&store->order.publications, memory_order_acquire);

    atomic_thread_fence(memory_order_acquire);
    return publications;
}

bool store_failure_pending(const struct store_thread *thread)
{
    return atomic_load_explicit(&thread->is_failure_pending, memory_order_acquire);
}

void store_failure_seen(struct store_thread *thread)
{
    order_failure_seen(&thread->store->order, thread);
}

bool store_is_refusing(struct store *store, char reason[STORE_ERROR_MAX])
{
    bool is_locked = order_lock(&store->order);
    bool is_refusing = store->order.refusing[0] != '\0';

    (void)snprintf(reason, STORE_ERROR_MAX, "%s", store->order.refusing);
    order_unlock(&store->order, is_locked);
    return is_refusing;
}

uint64_t store_request_sync(struct store *store)
{
    return order_request_sync(&store->order);
}

/* ---------- observation ---------- */

void store_statistics(struct store *store, struct store_statistics *statistics)
{
    struct cache_statistics cache;
    struct order_statistics order;
    bool is_locked;

    cache_statistics(store->cache, &cache);
    is_locked = order_lock(&store->order);
    order = store->order.statistics;
    order_unlock(&store->order, is_locked);
    *statistics = (struct store_statistics){
        .cache_bytes = cache.bytes,
        .cache_overhead = cache.overhead,
        .cache_entries = cache.entries,
        .evicted_keys = cache.evicted,
        .denials = atomic_load_explicit(&store->denials, memory_order_relaxed),
        .disk_reads = atomic_load_explicit(&store->disk_reads, memory_order_relaxed),
        .expired_keys = atomic_load_explicit(&store->expired_keys, memory_order_relaxed),
        .purge_backlog = sweeper_purge_backlog(store->sweeper),
        .commits = order.commits,
        .committed_changes = order.changes,
        .committed_bytes = order.bytes,
        .failed_commits = order.failures,
        .syncs = order.syncs,
        .unsynced_changes = order.unsynced_changes,
        .last_sync_s = order.last_sync_s,
    };
}

void store_engine_statistics(struct store_thread *thread, struct engine_statistics *statistics)
{
    struct store *store = thread->store;

    *statistics = (struct engine_statistics){0};
    if (store_is_engine_open(store))
        engine_statistics(store->engine, statistics);
}

int64_t store_live_bytes(struct store *store)
{
    size_t count;
    struct ns **list = registry_list(store->registry, &count);
    int64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += atomic_load_explicit(&list[i]->byte_count, memory_order_relaxed);
        ns_release(list[i]);
    }
    free(list);
    return bytes;
}

char *store_take_property(struct store_thread *thread, const char *name)
{
    struct store *store = thread->store;

    return store_is_engine_open(store) ? engine_take_property(store->engine, name) : NULL;
}

void store_set_cache_size(struct store *store, int64_t bytes, int64_t room)
{
    cache_set_bytes_max(store->cache, (size_t)bytes, (size_t)room);
}

void store_hold_expiry(struct store *store, int64_t until_ms)
{
    atomic_store(&store->expiry_held_until_ms, until_ms);
}

void store_set_teller(struct store *store, void (*tell)(void *context, struct bytes list),
                      void *context)
{
    bool is_locked = order_lock(&store->order);

    store->order.tell = tell;
    store->order.tell_context = context;
    order_unlock(&store->order, is_locked);
}

void store_listen(struct store *store, int more)
{
    atomic_fetch_add(&store->order.listeners, more);
}

void store_settle(struct store *store)
{
    order_unlock(&store->order, order_lock(&store->order));
}

void store_set_active_expiry(struct store *store, bool is_on)
{
    sweeper_set_active(store->sweeper, is_on);
}
