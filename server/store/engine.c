#include "store/engine_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/condition.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/wire.h"
#include "store/keyspace.h"
#include "store/rows.h"

/* A stage is full with so many rows (STAGE_ROWS_MAX), or an eighth of what LevelDB gathers in
 * memory. */
#define STAGES_IN_WRITE_BUFFER 8

/* What LevelDB is given at once. */
#define MOVE_BATCH_BYTES (1u << 20)

/* So many moved stages keep their journal, lest each move costs a sync of LevelDB's logs. */
#define MOVES_UNSYNCED_MAX 2

/* How often LevelDB's list of files is looked at, and after how many times without anything new
 * less often. */
#define FOLLOW_MS       200
#define FOLLOW_QUIET_MS 5000
#define QUIET_FOLLOWS   50

struct engine_batch {
    struct buffer rows; /* behind JOURNAL_HEAD_SIZE bytes of room */
    size_t count;
};

/* ---------- batches ---------- */

struct engine_batch *engine_batch_create(void)
{
    struct engine_batch *batch = xcalloc(1, sizeof *batch);

    engine_batch_clear(batch);
    return batch;
}

void engine_batch_destroy(struct engine_batch *batch)
{
    if (batch == NULL)
        return;
    buffer_clear(&batch->rows);
    free(batch);
}

void engine_batch_put(struct engine_batch *batch, struct bytes key, struct bytes value)
{
    rows_put(&batch->rows, key, value);
    batch->count++;
}

void engine_batch_delete(struct engine_batch *batch, struct bytes key)
{
    rows_delete(&batch->rows, key);
    batch->count++;
}

void engine_batch_clear(struct engine_batch *batch)
{
    batch->count = 0;
    batch->rows.size = 0;
    buffer_reserve(&batch->rows, JOURNAL_HEAD_SIZE);
    batch->rows.size = JOURNAL_HEAD_SIZE;
}

size_t engine_batch_size(const struct engine_batch *batch)
{
    return batch->rows.size - JOURNAL_HEAD_SIZE - batch->count * ROW_HEAD_SIZE;
}

/* ---------- moving a stage into LevelDB ---------- */

static struct bytes number_bytes(uint64_t *stored, uint64_t number)
{
    *stored = htobe64(number);
    return (struct bytes){(const char *)stored, sizeof *stored};
}

/* While there is something new LevelDB may be about to change more; later only if its own reads or
 * engine_compact() bring that about. */
static void follow_catalog(struct engine *engine)
{
    if (catalog_follow(engine->catalog))
        engine->quiet_follows = 0;
    else if (engine->quiet_follows < QUIET_FOLLOWS)
        engine->quiet_follows++;
}

/* Under the mutex, which it lets go meanwhile. */
static void await_work(struct engine *engine)
{
    condition_wait_ms(&engine->changed, &engine->mutex,
                      engine->quiet_follows < QUIET_FOLLOWS ? FOLLOW_MS : FOLLOW_QUIET_MS);
    pthread_mutex_unlock(&engine->mutex);
    follow_catalog(engine);
    pthread_mutex_lock(&engine->mutex);
}

static enum status flush(struct engine *engine)
{
    enum status status = tree_write(engine->tree, engine->batch);

    tree_batch_clear(engine->batch);
    follow_catalog(engine);
    return status;
}

static enum status move_rows(struct engine *engine, const struct run *run)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < run->count && status == STATUS_OK; i++) {
        const char *row = run->rows[i];

        catalog_note(engine->catalog, row_key(row)); /* U1 */
        if (row_is_deleted(row))
            tree_batch_delete(engine->batch, row_key(row));
        else
            tree_batch_put(engine->batch, row_key(row), row_value(row));
        if (tree_batch_size(engine->batch) >= MOVE_BATCH_BYTES)
            status = flush(engine);
    }
    return status;
}

/* With the last of its rows goes the note that all are there (F5). */
static enum status move(struct engine *engine, struct stage *stage, uint64_t number)
{
    struct run *rows = stage_merge(stage);
    uint64_t stored;
    enum status status;

    tree_batch_clear(engine->batch);
    status = move_rows(engine, rows);
    run_release(rows);
    if (status != STATUS_OK)
        return status;
    catalog_note(engine->catalog, keyspace_moved());
    tree_batch_put(engine->batch, keyspace_moved(), number_bytes(&stored, number));
    return flush(engine);
}

/* The journal of what LevelDB has on disk may go.  If syncing fails, the kernel tells of it once
 * only: nothing is moved, nor goes, until LevelDB was opened anew. */
static enum status release_journal(struct engine *engine, uint64_t number)
{
    enum status status = tree_sync_logs(engine->tree);

    if (status == STATUS_OK) {
        journal_release(engine->journal, number);
        engine->moves_unsynced = 0;
        return STATUS_OK;
    }
    pthread_mutex_lock(&engine->mutex);
    engine->moved = status;
    pthread_mutex_unlock(&engine->mutex);
    return status;
}

static enum status move_frozen(struct engine *engine)
{
    enum status status = journal_sync(engine->journal); /* F5 */

    engine->is_journal_to_blame = status != STATUS_OK;
    if (status == STATUS_OK)
        status = move(engine, engine->frozen, engine->frozen_number);
    if (status == STATUS_OK && ++engine->moves_unsynced >= MOVES_UNSYNCED_MAX)
        status = release_journal(engine, engine->frozen_number);
    return status;
}

/* Under the mutex: LevelDB has it. */
static void drop_frozen(struct engine *engine)
{
    key_filter_clear(engine->filters[1 - engine->active_filter]);
    stage_release(engine->frozen);
    engine->frozen = NULL;
}

static void *run_mover(void *context)
{
    struct engine *engine = context;
    enum status status;

    pthread_mutex_lock(&engine->mutex);
    while (!engine->is_stopping) {
        if (engine->frozen == NULL || engine->moved != STATUS_OK) {
            await_work(engine);
            continue;
        }
        engine->is_moving = true;
        pthread_mutex_unlock(&engine->mutex);
        status = move_frozen(engine);
        pthread_mutex_lock(&engine->mutex);
        engine->is_moving = false;
        engine->moved = status;
        if (status == STATUS_OK)
            drop_frozen(engine);
        pthread_cond_broadcast(&engine->changed);
        engine->quiet_follows = 0;
    }
    pthread_mutex_unlock(&engine->mutex);
    return NULL;
}

/* Waits until nothing is frozen any more. */
static enum status await_mover(struct engine *engine)
{
    enum status status;

    pthread_mutex_lock(&engine->mutex);
    while (engine->frozen != NULL && engine->moved == STATUS_OK)
        pthread_cond_wait(&engine->changed, &engine->mutex);
    status = engine->moved;
    pthread_mutex_unlock(&engine->mutex);
    return status;
}

/* ---------- under the write mutex ---------- */

static bool is_full(const struct engine *engine)
{
    return stage_bytes(engine->active) >= engine->stage_bytes_max ||
           stage_rows(engine->active) >= STAGE_ROWS_MAX;
}

/* F3. */
static enum status blame_journal(struct engine *engine)
{
    engine->must_cut = true;
    engine->is_journal_to_blame = true;
    return STATUS_IO;
}

/* Nothing is frozen. */
static enum status freeze(struct engine *engine)
{
    if (journal_begin(engine->journal, engine->active_number + 1) != STATUS_OK)
        return blame_journal(engine);
    pthread_mutex_lock(&engine->mutex);
    engine->frozen = engine->active;
    engine->frozen_number = engine->active_number++;
    engine->active_filter = 1 - engine->active_filter;
    engine->active = stage_create(engine->filters[engine->active_filter]);
    engine->freezes++;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->mutex);
    return STATUS_OK;
}

/* LevelDB, or its compaction, has not caught up. */
static enum status sit_out_stall(struct engine *engine)
{
    int64_t began_us = clock_monotonic_us(clock_real());
    enum status status = await_mover(engine);

    atomic_fetch_add(&engine->stalls, 1);
    atomic_fetch_add(&engine->stall_us, clock_monotonic_us(clock_real()) - began_us);
    return status;
}

static bool is_mover_busy(struct engine *engine)
{
    bool is_busy;

    pthread_mutex_lock(&engine->mutex);
    is_busy = engine->frozen != NULL;
    pthread_mutex_unlock(&engine->mutex);
    return is_busy;
}

static enum status make_room(struct engine *engine)
{
    enum status status = STATUS_OK;

    if (!is_full(engine))
        return STATUS_OK;
    if (is_mover_busy(engine))
        status = sit_out_stall(engine);
    return status == STATUS_OK ? freeze(engine) : status;
}

/* Afterwards everything is in LevelDB, and on disk there. */
static enum status move_all(struct engine *engine)
{
    enum status status = await_mover(engine);

    if (status == STATUS_OK && stage_rows(engine->active) > 0) {
        status = freeze(engine);
        if (status == STATUS_OK)
            status = await_mover(engine);
    }
    return status == STATUS_OK ? release_journal(engine, engine->active_number - 1) : status;
}

static enum status write_journal(struct engine *engine, struct engine_batch *batch, bool sync)
{
    enum status status = journal_append(engine->journal, &batch->rows);

    if (status == STATUS_OK && sync) {
        status = journal_sync(engine->journal);
        if (status != STATUS_OK)
            journal_take_back(engine->journal);
    }
    return status == STATUS_OK ? STATUS_OK : blame_journal(engine);
}

static enum status write_batch(struct engine *engine, struct engine_batch *batch, bool sync)
{
    enum status status;

    if (engine->must_cut)
        return STATUS_IO;
    if (batch->count == 0)
        return sync && journal_sync(engine->journal) != STATUS_OK ? blame_journal(engine)
                                                                  : STATUS_OK;
    status = make_room(engine);
    if (status == STATUS_OK)
        status = write_journal(engine, batch, sync);
    if (status != STATUS_OK)
        return status;
    atomic_fetch_add(&engine->put_bytes, (int64_t)engine_batch_size(batch));
    atomic_fetch_add(&engine->journal_bytes, (int64_t)batch->rows.size);
    stage_add(engine->active, &batch->rows, JOURNAL_HEAD_SIZE);
    engine_batch_clear(batch);
    atomic_fetch_add(&engine->writes, 1);
    return STATUS_OK;
}

enum status engine_write(struct engine *engine, struct engine_batch *batch, bool sync)
{
    enum status status;

    pthread_mutex_lock(&engine->write_mutex);
    status = write_batch(engine, batch, sync);
    pthread_mutex_unlock(&engine->write_mutex);
    return status;
}

/* A file that is being synced may hold up who appends to it. */
enum status engine_try_write(struct engine *engine, struct engine_batch *batch)
{
    enum status status = STATUS_PARKED;

    if (pthread_mutex_trylock(&engine->write_mutex) != 0)
        return STATUS_PARKED;
    if (!is_full(engine) && !journal_is_syncing(engine->journal))
        status = write_batch(engine, batch, false);
    pthread_mutex_unlock(&engine->write_mutex);
    return status;
}

uint64_t engine_writes(const struct engine *engine)
{
    return atomic_load(&engine->writes);
}

enum status engine_sync(struct engine *engine)
{
    return journal_sync(engine->journal);
}

void engine_error(struct engine *engine, char error[ENGINE_ERROR_MAX])
{
    if (engine->is_journal_to_blame)
        (void)snprintf(error, ENGINE_ERROR_MAX, "the journal: %s", journal_error(engine->journal));
    else
        tree_error(engine->tree, error);
}

/* ---------- opening ---------- */

static enum status moved_number(struct tree *tree, uint64_t *number)
{
    struct bytes stored, rest;
    enum status status = tree_get(tree, keyspace_moved(), &stored);

    *number = 0;
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    rest = stored;
    if (!wire_read_u64(&rest, number))
        status = STATUS_CORRUPT;
    tree_free(stored);
    return status;
}

static struct stage *new_active(struct engine *engine)
{
    key_filter_clear(engine->filters[engine->active_filter]);
    return stage_create(engine->filters[engine->active_filter]);
}

/* What is replayed counts as moved only when all of it is: until then the number stays. */
static enum status move_replayed(struct engine *engine, uint64_t number)
{
    enum status status = move(engine, engine->active, number);

    stage_release(engine->active);
    engine->active = new_active(engine);
    return status;
}

static enum status replay_rows(void *context, struct buffer *rows)
{
    struct engine *engine = context;

    stage_add(engine->active, rows, JOURNAL_HEAD_SIZE);
    return is_full(engine) ? move_replayed(engine, engine->active_number) : STATUS_OK;
}

static enum status replay(struct engine *engine)
{
    uint64_t last;
    enum status status = moved_number(engine->tree, &engine->active_number);

    if (status == STATUS_OK)
        status = journal_replay(engine->journal, engine->active_number, replay_rows, engine, &last);
    if (status == STATUS_OK && last > engine->active_number)
        status = move_replayed(engine, last);
    if (status == STATUS_OK)
        status = tree_sync_logs(engine->tree);
    if (status == STATUS_OK)
        status = journal_remove(engine->journal);
    if (status != STATUS_OK)
        return status;
    engine->active_number = last + 1;
    return journal_begin(engine->journal, engine->active_number);
}

/* The catalog begins anew whenever LevelDB was opened, and only then. */
static void look_at_opened(struct engine *engine)
{
    if (engine->openings == tree_openings(engine->tree))
        return;
    engine->openings = tree_openings(engine->tree);
    catalog_open(engine->catalog);
}

static struct engine *create(const char *directory, struct tree *tree)
{
    struct engine *engine = xcalloc(1, sizeof *engine);

    engine->tree = tree;
    engine->catalog = catalog_create(directory, CATALOG_FENCES_MAX);
    look_at_opened(engine);
    engine->filters[0] = key_filter_create(STAGE_FILTER_BITS);
    engine->filters[1] = key_filter_create(STAGE_FILTER_BITS);
    engine->stage_bytes_max = tree_write_buffer_size(tree) / STAGES_IN_WRITE_BUFFER;
    engine->journal = journal_create(directory);
    engine->batch = tree_batch_create();
    pthread_mutex_init(&engine->write_mutex, NULL);
    pthread_mutex_init(&engine->mutex, NULL);
    condition_init(&engine->changed);
    engine->active = new_active(engine);
    return engine;
}

static void destroy(struct engine *engine)
{
    catalog_destroy(engine->catalog);
    tree_close(engine->tree);
    stage_release(engine->frozen);
    stage_release(engine->active);
    journal_destroy(engine->journal);
    tree_batch_destroy(engine->batch);
    key_filter_destroy(engine->filters[0]);
    key_filter_destroy(engine->filters[1]);
    pthread_cond_destroy(&engine->changed);
    pthread_mutex_destroy(&engine->mutex);
    pthread_mutex_destroy(&engine->write_mutex);
    free(engine);
}

enum status engine_open(const char *directory, bool compresses, struct engine **engine,
                        bool *was_repaired, char error[ENGINE_ERROR_MAX])
{
    struct engine *opened;
    struct tree *tree;
    enum status status = tree_open(directory, compresses, &tree, was_repaired, error);

    if (status != STATUS_OK)
        return status;
    opened = create(directory, tree);
    status = replay(opened);
    if (status != STATUS_OK) {
        (void)snprintf(error, ENGINE_ERROR_MAX, "what the journal holds can't be moved");
        destroy(opened);
        return status;
    }
    pthread_create(&opened->thread, NULL, run_mover, opened);
    *engine = opened;
    return STATUS_OK;
}

static void stop_mover(struct engine *engine)
{
    pthread_mutex_lock(&engine->mutex);
    engine->is_stopping = true;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->mutex);
    pthread_join(engine->thread, NULL);
}

/* ---------- closing, and opening anew: nobody is inside any other call ---------- */

/* The mover rests, whatever it had to do. */
static void await_rest(struct engine *engine)
{
    pthread_mutex_lock(&engine->mutex);
    while (engine->is_moving || (engine->frozen != NULL && engine->moved == STATUS_OK))
        pthread_cond_wait(&engine->changed, &engine->mutex);
    pthread_mutex_unlock(&engine->mutex);
}

static void let_mover_try_again(struct engine *engine)
{
    pthread_mutex_lock(&engine->mutex);
    engine->moved = STATUS_OK;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->mutex);
}

static enum status cut(struct engine *engine)
{
    enum status status = journal_cut(engine->journal);

    engine->must_cut = status != STATUS_OK;
    engine->is_journal_to_blame = engine->must_cut;
    return status;
}

/* What can't be moved stays in the journal, for the next start. */
void engine_close(struct engine *engine)
{
    if (engine == NULL)
        return;
    if (cut(engine) == STATUS_OK && move_all(engine) == STATUS_OK)
        (void)!journal_remove(engine->journal);
    stop_mover(engine);
    destroy(engine);
}

enum status engine_reopen(struct engine *engine)
{
    enum status status;

    await_rest(engine);
    status = cut(engine);
    catalog_close(engine->catalog); /* the disk may be full of what it keeps mapped */
    if (status == STATUS_OK)
        status = tree_reopen(engine->tree);
    if (status != STATUS_OK)
        return status;
    look_at_opened(engine);
    let_mover_try_again(engine);
    return move_all(engine);
}

bool engine_has_space(struct engine *engine)
{
    return tree_has_space(engine->tree, 2 * engine->stage_bytes_max);
}

enum status engine_wipe(struct engine *engine)
{
    enum status status = move_all(engine);

    if (status == STATUS_OK)
        status = journal_remove(engine->journal);
    if (status == STATUS_OK)
        status = tree_wipe(engine->tree);
    look_at_opened(engine);
    engine->active_number = 1;
    return status == STATUS_OK ? journal_begin(engine->journal, engine->active_number) : status;
}

struct tables *engine_create_tables(const struct engine *engine, uint64_t last_sequence)
{
    return tree_create_tables(engine->tree, last_sequence);
}

/* The journal goes on: how much of it LevelDB has stands in a row of this node's own. */
static struct run *own_rows(struct engine_batch *rows, uint64_t moved)
{
    uint64_t stored;

    engine_batch_put(rows, keyspace_moved(), number_bytes(&stored, moved));
    return run_of_block(
        (struct bytes){rows->rows.data + JOURNAL_HEAD_SIZE, rows->rows.size - JOURNAL_HEAD_SIZE});
}

static enum status install_above(struct engine *engine, struct tables *tables,
                                 struct engine_batch *rows)
{
    uint64_t moved;
    enum status status = moved_number(engine->tree, &moved);
    struct run *run;

    if (status != STATUS_OK)
        return status;
    run = own_rows(rows, moved);
    status = tree_install_tables(engine->tree, tables, run);
    run_release(run);
    return status;
}

enum status engine_install_tables(struct engine *engine, struct tables *tables,
                                  struct engine_batch *rows)
{
    enum status status = move_all(engine);

    if (status == STATUS_OK)
        status = install_above(engine, tables, rows);
    look_at_opened(engine);
    atomic_fetch_add(&engine->writes, 1);
    return status;
}

void engine_compact(struct engine *engine, struct bytes from, struct bytes to)
{
    enum status status;

    pthread_mutex_lock(&engine->write_mutex);
    status = engine->must_cut ? STATUS_IO : move_all(engine);
    pthread_mutex_unlock(&engine->write_mutex);
    if (status == STATUS_OK)
        tree_compact(engine->tree, from, to);
}

char *engine_take_property(struct engine *engine, const char *name)
{
    return tree_take_property(engine->tree, name);
}

void engine_statistics(struct engine *engine, struct engine_statistics *statistics)
{
    struct tree_statistics tree;

    tree_statistics(engine->tree, &tree);
    *statistics = (struct engine_statistics){
        .put_bytes = atomic_load(&engine->put_bytes),
        .log_bytes = atomic_load(&engine->journal_bytes) + tree.log_bytes,
        .disk_bytes = tree.disk_bytes + journal_bytes(engine->journal),
        .stalls = atomic_load(&engine->stalls),
        .stall_us = atomic_load(&engine->stall_us),
        .levels = tree.levels,
    };
}

/* ---------- reading ---------- */

/* The order matters, here and in engine_get(): what leaves the active stage is in the frozen one,
 * and what leaves that is in LevelDB, and known to views of the catalog from then on (U1). */
static bool may_be_staged(const struct engine *engine, uint64_t hash)
{
    key_filter_prefetch(engine->filters[0], hash);
    key_filter_prefetch(engine->filters[1], hash);
    return key_filter_may_have_hash(engine->filters[0], hash) ||
           key_filter_may_have_hash(engine->filters[1], hash);
}

void engine_open_views(struct engine *engine, struct engine_views *views)
{
    pthread_mutex_lock(&engine->mutex);
    views->count = 0;
    stage_view_open(engine->active, &views->views[views->count++]);
    if (engine->frozen != NULL)
        stage_view_open(engine->frozen, &views->views[views->count++]);
    views->freezes = engine->freezes;
    pthread_mutex_unlock(&engine->mutex);
}

void engine_close_views(struct engine_views *views)
{
    for (size_t i = 0; i < views->count; i++)
        stage_view_close(&views->views[i]);
}

bool engine_has_frozen_since(struct engine *engine, const struct engine_views *views)
{
    bool has_frozen;

    pthread_mutex_lock(&engine->mutex);
    has_frozen = engine->freezes != views->freezes;
    pthread_mutex_unlock(&engine->mutex);
    return has_frozen;
}

/* False: it is not staged. */
static bool find_staged(struct engine *engine, struct bytes key, struct bytes *value,
                        enum status *status)
{
    struct engine_views views;
    const char *row = NULL;

    engine_open_views(engine, &views);
    for (size_t i = 0; i < views.count && row == NULL; i++)
        row = stage_view_find(&views.views[i], key);
    if (row != NULL) {
        *status = row_is_deleted(row) ? STATUS_NOT_FOUND : STATUS_OK;
        if (*status == STATUS_OK)
            *value = xbytes_copy(row_value(row));
    }
    engine_close_views(&views);
    return row != NULL;
}

enum status engine_get(struct engine *engine, struct bytes key, struct bytes *value)
{
    uint64_t hash = key_filter_hash(key);
    enum status status;

    if (may_be_staged(engine, hash) && find_staged(engine, key, value, &status))
        return status;
    switch (catalog_find(engine->catalog, key, hash, value)) {
    case TABLE_FOUND:
        return STATUS_OK;
    case TABLE_ABSENT:
    case TABLE_DELETED:
        return STATUS_NOT_FOUND;
    case TABLE_UNKNOWN:
        break;
    }
    return tree_get(engine->tree, key, value);
}

void engine_free(struct bytes value)
{
    tree_free(value);
}
