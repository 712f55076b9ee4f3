#include "store/sweeper.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/condition.h"
#include "base/memory.h"
#include "base/wire.h"
#include "replication/version.h"
#include "store/keyspace.h"
#include "store/notes.h"
#include "store/record.h"
#include "store/registry_internal.h"
#include "store/replica.h"
#include "store/store_internal.h"
#include "store/txn_internal.h"

#define PERIOD_MS      50  /* between two rounds */
#define QUIET_MS       200 /* ... when there was nothing to do for QUIET_ROUNDS */
#define QUIET_ROUNDS   20
#define KEYS_PER_TXN   128 /* holds up no writer for longer than some tens of microseconds */
#define ROWS_PER_ROUND 8192
#define PURGE_BATCH    1024 /* keys of a namespace removed in one batch */

/* So many keys are removed before their range is compacted; a range with few is not worth it. */
#define PURGE_STRIDE     65536
#define COMPACT_KEYS_MIN 16384

/* Tombstones are kept for the longest distance the write rate can ask for, and a little. */
#define TOMBSTONE_KEPT_MS 2000

/* A round goes on where the last one had to stop.  If that one saw all, it starts this far before
 * its end, because index rows may appear out of order by as much as clocks and turns differ; every
 * so often it starts at the beginning. */
#define OVERLAP_MS        10000u
#define ROUNDS_TO_RESTART 200

#define NEVER UINT64_MAX

struct sweeper {
    struct store *store;
    struct store_thread *thread;
    struct txn *txn;
    struct buffer key;
    int rounds, quiet_rounds;
    uint64_t expire_from, purge_from; /* where the next round starts in the indexes */
    pthread_t id;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool is_stopping;
    atomic_bool is_active, wants_horizon;
    bool is_behind; /* the round had more to do than it may at a time */
    /* As of the last round; see has_nothing_to_do(). */
    uint64_t writes_before, due;
    bool was_active;
    _Atomic int64_t purge_backlog;
};

/* One index row, copied: the iterator is gone when the transaction runs. */
struct row {
    struct ns *ns; /* retained; NULL = its namespace is gone, the row itself is to be removed */
    struct buffer stored;
    struct keyspace_position position; /* its key points into `stored` */
};

/* The two indexes differ only in this. */
struct index {
    char kind;
    uint64_t overlap; /* OVERLAP_MS, as a time of this index */
    enum status (*read)(struct bytes stored, struct keyspace_position *position);
    enum status (*apply)(struct txn *txn, const struct row *row);
};

static enum status expire_row(struct txn *txn, const struct row *row)
{
    return txn_expire(txn, row->ns, row->position.key);
}

static enum status purge_row(struct txn *txn, const struct row *row)
{
    return txn_purge(txn, row->ns, row->position.key, row->position.stamp);
}

static const struct index expiries = {KEYSPACE_EXPIRY, OVERLAP_MS, keyspace_read_expiry,
                                      expire_row};
static const struct index tombstones = {KEYSPACE_TOMBSTONE, OVERLAP_MS << HLC_COUNTER_BITS,
                                        keyspace_read_tombstone, purge_row};

static bool is_stopping(struct sweeper *sweeper)
{
    bool stopping;

    pthread_mutex_lock(&sweeper->mutex);
    stopping = sweeper->is_stopping;
    pthread_mutex_unlock(&sweeper->mutex);
    return stopping;
}

/* ---------- one transaction ---------- */

/* False: not now. */
static bool apply_rows(struct sweeper *sweeper, const struct index *index, const struct row *rows,
                       size_t count)
{
    int64_t wait_ms;
    uint64_t depends_on = 0;

    txn_reset(sweeper->txn, clock_wall_ms(sweeper->store->clock));
    for (size_t i = 0; i < count; i++)
        txn_name(sweeper->txn, rows[i].ns, rows[i].position.key);
    if (txn_enter(sweeper->txn) != STATUS_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        (void)!index->apply(sweeper->txn, &rows[i]);
    if (txn_commit(sweeper->txn, &depends_on, &wait_ms) != STATUS_OK)
        return false;
    store_end_turn(sweeper->thread);
    return true;
}

/* ---------- the indexes ---------- */

struct pass {
    struct row rows[KEYS_PER_TXN];
    size_t count;
    struct engine_batch *orphans; /* rows of namespaces that are gone */
    size_t orphan_count;
    uint64_t reached; /* all rows before this time were dealt with */
    bool is_refused;  /* the store did not take them: the next round tries again */
};

static void flush_rows(struct sweeper *sweeper, const struct index *index, struct pass *pass)
{
    if (pass->count > 0 && !apply_rows(sweeper, index, pass->rows, pass->count)) {
        pass->is_refused = true;
        pass->reached = pass->rows[0].position.time;
    }
    for (size_t i = 0; i < pass->count; i++) {
        ns_release(pass->rows[i].ns);
        buffer_clear(&pass->rows[i].stored);
    }
    pass->count = 0;
}

static void add_row(struct sweeper *sweeper, const struct index *index, struct pass *pass,
                    struct bytes stored, uint32_t number)
{
    struct ns *ns = registry_by_number(sweeper->store->registry, number);
    struct row *row = &pass->rows[pass->count];

    if (ns == NULL) {
        engine_batch_delete(pass->orphans, stored);
        pass->orphan_count++;
        return;
    }
    *row = (struct row){.ns = ns};
    buffer_append_bytes(&row->stored, stored);
    (void)!index->read(buffer_view(&row->stored), &row->position);
    if (++pass->count == KEYS_PER_TXN)
        flush_rows(sweeper, index, pass);
}

static bool is_restarting(const struct sweeper *sweeper)
{
    return sweeper->rounds % ROUNDS_TO_RESTART == 0;
}

/* Visits the rows of an index with a time up to `until`; *from moves on.  The time of the first row
 * that is left, NEVER if there is none. */
static uint64_t sweep(struct sweeper *sweeper, const struct index *index, uint64_t *from,
                      uint64_t until)
{
    struct store *store = sweeper->store;
    struct engine_iterator *iterator = engine_iterate(store->engine);
    struct keyspace_position position;
    struct pass pass = {.orphans = engine_batch_create()};
    uint64_t left;
    int rows = 0;

    engine_iterator_seek(
        iterator, keyspace_time(&sweeper->key, index->kind, is_restarting(sweeper) ? 0 : *from));
    *from = until > index->overlap ? until - index->overlap : 0;
    for (; engine_iterator_is_valid(iterator) &&
           index->read(engine_iterator_key(iterator), &position) == STATUS_OK &&
           position.time <= until && !pass.is_refused;
         rows++, engine_iterator_next(iterator)) {
        if (rows == ROWS_PER_ROUND) {
            *from = position.time;
            sweeper->is_behind = true;
            break;
        }
        add_row(sweeper, index, &pass, engine_iterator_key(iterator), position.ns);
    }
    left = engine_iterator_is_valid(iterator) &&
                   index->read(engine_iterator_key(iterator), &position) == STATUS_OK
               ? position.time
               : NEVER;
    engine_iterator_destroy(iterator);
    if (rows > 0)
        sweeper->quiet_rounds = 0;
    flush_rows(sweeper, index, &pass);
    if (pass.is_refused)
        *from = pass.reached;
    epoch_exit(sweeper->thread->epoch);
    if (pass.orphan_count > 0)
        (void)!order_write_batch(&store->order, pass.orphans);
    engine_batch_destroy(pass.orphans);
    return left;
}

/* W3 */
static bool may_use_engine(const struct sweeper *sweeper)
{
    return store_is_engine_open(sweeper->store) && !atomic_load(&sweeper->store->is_loading);
}

/* The engine may be used until the epoch is left, which sweep() does. */
static bool enter_engine(struct sweeper *sweeper)
{
    epoch_enter(sweeper->thread->epoch);
    if (may_use_engine(sweeper))
        return true;
    epoch_exit(sweeper->thread->epoch);
    return false;
}

static void sweep_indexes(struct sweeper *sweeper)
{
    int64_t now_ms = clock_wall_ms(sweeper->store->clock);
    uint64_t buried = stamp_of_wall_ms(now_ms - TOMBSTONE_KEPT_MS);
    uint64_t horizon = store_horizon(sweeper->store);
    uint64_t next_expiry = 0, next_tombstone = 0;

    if (atomic_exchange(&sweeper->store->has_taken_over, false))
        sweeper->expire_from = sweeper->purge_from = 0;
    sweeper->is_behind = false;
    sweeper->quiet_rounds++;
    sweeper->writes_before = engine_writes(sweeper->store->engine);
    sweeper->was_active = atomic_load(&sweeper->is_active) &&
                          order_trusts_clock(&sweeper->store->order, now_ms) &&
                          now_ms >= atomic_load(&sweeper->store->expiry_held_until_ms);
    if (sweeper->was_active && enter_engine(sweeper))
        next_expiry = sweep(sweeper, &expiries, &sweeper->expire_from, (uint64_t)now_ms);
    if (enter_engine(sweeper)) {
        next_tombstone =
            sweep(sweeper, &tombstones, &sweeper->purge_from, horizon < buried ? horizon : buried);
        atomic_store(&sweeper->wants_horizon, next_tombstone <= buried && horizon < buried);
    }
    sweeper->due = next_tombstone == NEVER ? next_expiry : 0;
}

/* ---------- emptied namespaces ---------- */

/* The first number that waits to be purged, and how many do. */
static bool find_purge(struct sweeper *sweeper, uint32_t *number)
{
    struct engine_iterator *iterator;
    struct bytes prefix, key;
    int64_t count = 0;

    if (!enter_engine(sweeper))
        return false;
    prefix = keyspace_local(&sweeper->key, NOTE_PURGE, (struct bytes){"", 0});
    iterator = engine_iterate(sweeper->store->engine);
    engine_iterator_seek(iterator, prefix);
    while (engine_iterator_is_valid(iterator) &&
           bytes_starts_with(key = engine_iterator_key(iterator), prefix)) {
        struct bytes detail = {key.data + prefix.size, key.size - prefix.size};

        if (count++ == 0)
            *number = wire_take_u32(&detail);
        engine_iterator_next(iterator);
    }
    engine_iterator_destroy(iterator);
    epoch_exit(sweeper->thread->epoch);
    atomic_store_explicit(&sweeper->purge_backlog, count, memory_order_relaxed);
    return count > 0;
}

/* Deletions of the next stored keys from `position` on, which moves behind them. */
static int collect_purge(struct sweeper *sweeper, struct bytes prefix, struct buffer *position,
                         struct engine_batch *batch)
{
    struct engine_iterator *iterator;
    int count = 0;

    if (!enter_engine(sweeper))
        return 0;
    iterator = engine_iterate(sweeper->store->engine);
    engine_iterator_seek(iterator, buffer_view(position));
    while (count < PURGE_BATCH && engine_iterator_is_valid(iterator) &&
           bytes_starts_with(engine_iterator_key(iterator), prefix)) {
        position->size = 0;
        buffer_append_bytes(position, engine_iterator_key(iterator));
        engine_batch_delete(batch, engine_iterator_key(iterator));
        engine_iterator_next(iterator);
        count++;
    }
    engine_iterator_destroy(iterator);
    epoch_exit(sweeper->thread->epoch);
    return count;
}

/* LevelDB keeps what was deleted until it happens to compact the range: don't wait for that.  Takes
 * long, so it is not done inside an epoch; the store is not reopened meanwhile. */
static void give_back_space(struct sweeper *sweeper, struct bytes from, struct bytes to)
{
    struct store *store = sweeper->store;

    pthread_mutex_lock(&store->order.engine_in_use);
    if (store_is_engine_open(store))
        engine_compact(store->engine, from, to);
    pthread_mutex_unlock(&store->order.engine_in_use);
}

/* Removes up to PURGE_STRIDE keys from `position` on; how many there were. */
static int purge_stride(struct sweeper *sweeper, struct bytes prefix, struct buffer *position)
{
    struct engine_batch *batch = engine_batch_create();
    struct buffer from = {0};
    int count, total = 0;

    buffer_append_bytes(&from, buffer_view(position));
    while (total < PURGE_STRIDE && !is_stopping(sweeper) &&
           (count = collect_purge(sweeper, prefix, position, batch)) > 0) {
        if (order_write_batch(&sweeper->store->order, batch) != STATUS_OK)
            break;
        engine_batch_clear(batch);
        total += count;
    }
    if (total >= COMPACT_KEYS_MIN && !is_stopping(sweeper))
        give_back_space(sweeper, buffer_view(&from), buffer_view(position));
    engine_batch_destroy(batch);
    buffer_clear(&from);
    return total;
}

static void purge_kind(struct sweeper *sweeper, char kind, uint32_t number)
{
    struct buffer prefix = {0}, position = {0};

    keyspace_namespace(&prefix, kind, number);
    buffer_append_bytes(&position, buffer_view(&prefix));
    while (purge_stride(sweeper, buffer_view(&prefix), &position) > 0)
        ;
    buffer_clear(&prefix);
    buffer_clear(&position);
}

static bool is_empty(struct sweeper *sweeper, char kind, uint32_t number)
{
    struct engine_batch *batch = engine_batch_create();
    struct buffer prefix = {0}, position = {0};
    bool is_empty;

    keyspace_namespace(&prefix, kind, number);
    buffer_append_bytes(&position, buffer_view(&prefix));
    is_empty = collect_purge(sweeper, buffer_view(&prefix), &position, batch) == 0 &&
               may_use_engine(sweeper);
    buffer_clear(&prefix);
    buffer_clear(&position);
    engine_batch_destroy(batch);
    return is_empty;
}

static void forget_purge(struct sweeper *sweeper, uint32_t number)
{
    struct engine_batch *batch = engine_batch_create();
    uint32_t detail = htobe32(number);

    engine_batch_delete(batch, keyspace_local(&sweeper->key, NOTE_PURGE,
                                              (struct bytes){(char *)&detail, sizeof detail}));
    (void)!order_write_batch(&sweeper->store->order, batch);
    engine_batch_destroy(batch);
}

static void purge_namespaces(struct sweeper *sweeper)
{
    static const char kinds[] = {KEYSPACE_RECORD, KEYSPACE_CHUNK, KEYSPACE_SUM, KEYSPACE_DIRTY};
    uint32_t number = 0;

    while (!is_stopping(sweeper) && find_purge(sweeper, &number)) {
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
            purge_kind(sweeper, kinds[i], number);
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
            if (!is_empty(sweeper, kinds[i], number))
                return; /* the store can't be written, or stops: another round goes on */
        forget_purge(sweeper, number);
    }
}

/* ---------- life ---------- */

static void pause_for(struct sweeper *sweeper, int64_t duration_ms)
{
    pthread_mutex_lock(&sweeper->mutex);
    if (!sweeper->is_stopping)
        condition_wait_ms(&sweeper->wake, &sweeper->mutex, duration_ms);
    pthread_mutex_unlock(&sweeper->mutex);
}

/* A round would find what the last one found, which was nothing: nothing was written since, there
 * are no tombstones, and the first expiry is still to come. */
static bool has_nothing_to_do(const struct sweeper *sweeper)
{
    return sweeper->quiet_rounds >= QUIET_ROUNDS && !is_restarting(sweeper) &&
           engine_writes(sweeper->store->engine) == sweeper->writes_before &&
           (uint64_t)clock_wall_ms(sweeper->store->clock) < sweeper->due && sweeper->was_active &&
           sweeper_purge_backlog(sweeper) == 0;
}

static void *run(void *context)
{
    struct sweeper *sweeper = context;

    for (; !is_stopping(sweeper); sweeper->rounds++) {
        if (!has_nothing_to_do(sweeper)) {
            sweep_indexes(sweeper);
            purge_namespaces(sweeper);
        }
        cache_shrink(sweeper->store->cache, sweeper->thread->epoch);
        epoch_collect(sweeper->thread->epoch);
        if (!sweeper->is_behind)
            pause_for(sweeper, sweeper->quiet_rounds < QUIET_ROUNDS ? PERIOD_MS : QUIET_MS);
    }
    return NULL;
}

struct sweeper *sweeper_start(struct store *store)
{
    struct sweeper *sweeper = xcalloc(1, sizeof *sweeper);

    sweeper->store = store;
    sweeper->thread = store_join(store, NULL, NULL);
    sweeper->txn = txn_create(sweeper->thread);
    txn_set_kind(sweeper->txn, TXN_SWEEP);
    atomic_store(&sweeper->is_active, true);
    pthread_mutex_init(&sweeper->mutex, NULL);
    condition_init(&sweeper->wake);
    pthread_create(&sweeper->id, NULL, run, sweeper);
    return sweeper;
}

void sweeper_stop(struct sweeper *sweeper)
{
    pthread_mutex_lock(&sweeper->mutex);
    sweeper->is_stopping = true;
    pthread_cond_signal(&sweeper->wake);
    pthread_mutex_unlock(&sweeper->mutex);
    pthread_join(sweeper->id, NULL);
    txn_destroy(sweeper->txn);
    store_leave(sweeper->thread);
    buffer_clear(&sweeper->key);
    pthread_cond_destroy(&sweeper->wake);
    pthread_mutex_destroy(&sweeper->mutex);
    free(sweeper);
}

void sweeper_set_active(struct sweeper *sweeper, bool is_active)
{
    atomic_store(&sweeper->is_active, is_active);
}

bool sweeper_wants_horizon(const struct sweeper *sweeper)
{
    return atomic_load_explicit(&sweeper->wants_horizon, memory_order_relaxed);
}

int64_t sweeper_purge_backlog(const struct sweeper *sweeper)
{
    return atomic_load_explicit(&sweeper->purge_backlog, memory_order_relaxed);
}
