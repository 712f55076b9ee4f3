#include "store/store.h"

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
#include "store/keyspace.h"
#include "store/news.h"
#include "store/notes.h"
#include "store/registry_internal.h"
#include "store/replica.h"
#include "store/store_internal.h"
#include "store/sweeper.h"
#include "store/transfer_load.h"

/* Own writes that were not pushed yet; what is older is found by comparing. */
#define FEED_BYTES_MAX ((size_t)64 << 20)

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

/* No stamp that was ever shown is newer. */
static uint64_t newest_stamp(const struct notes *notes)
{
    return notes->is_clean ? notes->clean : notes->ceiling;
}

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

static enum status load_registry(struct store *store, uint64_t newest, bool was_repaired)
{
    struct limits limits = options_limits(store->options);
    enum status status;

    store->registry =
        registry_create_empty((int)options_number(store->options, OPTION_DATABASES), &limits);
    status = registry_load(store->registry, store->engine, newest);
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

/* What is stored, first put in order where the last stop left it half done. */
static enum status load_parts(struct store *store, struct notes *notes, bool was_repaired)
{
    enum status status = transfer_wipe_half_loaded(store->engine);

    if (status == STATUS_OK)
        status = commit_clean_pending(store->engine);
    if (status == STATUS_OK)
        status = take_notes(store->engine, notes);
    if (status == STATUS_OK)
        status = load_registry(store, newest_stamp(notes), was_repaired);
    store->node_id = notes->node_id;
    store->aliases = aliases_create();
    if (status == STATUS_OK)
        status = aliases_load(store->aliases, store->engine, notes->node_id);
    if (status == STATUS_OK)
        status = open_digest(store, notes->is_clean, was_repaired);
    if (status == STATUS_OK)
        status = begin_horizon(store);
    if (status == STATUS_OK)
        status = note_alone(store);
    return status;
}

/* From here on nothing can fail. */
static void start_parts(struct store *store, const struct notes *notes, bool was_repaired)
{
    store->last_own_at_start = notes->is_clean ? notes->clean : 0;
    store->epoch = epoch_create();
    store->cache = cache_create((size_t)options_number(store->options, OPTION_CACHE_SIZE),
                                &store->order.committed, notes->is_new && !was_repaired);
    order_init(&store->order, store->engine, store->cache, store->epoch, store->options,
               store->clock, registry_changed_mark(store->registry), newest_stamp(notes),
               notes->is_clean);
    if (is_replicated(store))
        store_set_clock_limit(store, 0); /* until somebody watches the clock */
    start_feed(store);
    store->order.digest = store->digest;
    order_start(&store->order);
    store->sweeper = sweeper_start(store);
}

static enum status open_parts(struct store *store, const char *directory,
                              char error[STORE_ERROR_MAX])
{
    struct notes notes = {0};
    bool was_repaired;
    enum status status = open_engine(store, directory, &was_repaired, error);

    if (status != STATUS_OK)
        return status;
    status = load_parts(store, &notes, was_repaired);
    if (status != STATUS_OK)
        return fail(status, directory, error);
    start_parts(store, &notes, was_repaired);
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
        (store->digest == NULL || digest_checkpoint(store->digest) == STATUS_OK) &&
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
