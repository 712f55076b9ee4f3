#include "store/stage.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "store/key_filter.h"
#include "store/rows.h"

/* Runs of so many rows are left to stage_merge(): adding holds up clients. */
#define LONG_RUN 4096

/* Long runs, and shorter ones that halve, or more, from each to the next; one that is just added.
 */
static_assert(STAGE_RUNS_MAX > STAGE_ROWS_MAX / LONG_RUN + 1 + 12 + 1, "all runs fit");

struct stage {
    atomic_int holders;
    struct key_filter *filter;
    pthread_mutex_t mutex;            /* of `runs`, as others see them */
    struct run *runs[STAGE_RUNS_MAX]; /* the oldest first */
    size_t run_count;
    struct buffer *blocks; /* what the rows are in */
    size_t block_count, block_capacity;
    size_t bytes, rows;
};

/* ---------- runs ---------- */

static struct run *run_create(size_t count_max)
{
    struct run *run = xmalloc(sizeof *run + count_max * sizeof run->rows[0]);

    atomic_init(&run->holders, 1);
    run->count = 0;
    return run;
}

static struct run *run_hold(struct run *run)
{
    atomic_fetch_add_explicit(&run->holders, 1, memory_order_relaxed);
    return run;
}

void run_release(struct run *run)
{
    if (atomic_fetch_sub_explicit(&run->holders, 1, memory_order_acq_rel) == 1)
        free(run);
}

/* Of two rows with one key, the one that stands further on in its block is the newer. */
static int by_key_and_place(const void *left, const void *right)
{
    const char *a = *(const char *const *)left;
    const char *b = *(const char *const *)right;
    int order = bytes_compare(row_key(a), row_key(b));

    if (order != 0)
        return order;
    return a < b ? -1 : a > b;
}

static void keep_newest(struct run *run)
{
    size_t kept = 0;

    for (size_t i = 0; i < run->count; i++) {
        if (kept > 0 && bytes_equal(row_key(run->rows[kept - 1]), row_key(run->rows[i])))
            kept--;
        run->rows[kept++] = run->rows[i];
    }
    run->count = kept;
}

static size_t count_rows(struct bytes block)
{
    const char *end = block.data + block.size;
    size_t count = 0;

    for (const char *row = block.data; row < end; row = row_end(row))
        count++;
    return count;
}

static struct run *run_of_block(struct bytes block)
{
    const char *end = block.data + block.size;
    struct run *run = run_create(count_rows(block));
    bool is_sorted = true;

    for (const char *row = block.data; row < end; row = row_end(row)) {
        is_sorted =
            is_sorted && (run->count == 0 ||
                          bytes_compare(row_key(run->rows[run->count - 1]), row_key(row)) < 0);
        run->rows[run->count++] = row;
    }
    if (!is_sorted) {
        qsort(run->rows, run->count, sizeof run->rows[0], by_key_and_place);
        keep_newest(run);
    }
    return run;
}

static struct run *merge(const struct run *older, const struct run *newer)
{
    struct run *merged = run_create(older->count + newer->count);
    size_t i = 0, j = 0;

    while (i < older->count && j < newer->count) {
        int order = bytes_compare(row_key(older->rows[i]), row_key(newer->rows[j]));

        i += order == 0;
        merged->rows[merged->count++] = order < 0 ? older->rows[i++] : newer->rows[j++];
    }
    while (i < older->count)
        merged->rows[merged->count++] = older->rows[i++];
    while (j < newer->count)
        merged->rows[merged->count++] = newer->rows[j++];
    return merged;
}

size_t run_seek(const struct run *run, struct bytes key)
{
    size_t from = 0, end = run->count;

    while (from < end) {
        size_t middle = from + (end - from) / 2;

        if (bytes_compare(row_key(run->rows[middle]), key) < 0)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

/* ---------- the stage ---------- */

struct stage *stage_create(struct key_filter *filter)
{
    struct stage *stage = xcalloc(1, sizeof *stage);

    atomic_init(&stage->holders, 1);
    stage->filter = filter;
    pthread_mutex_init(&stage->mutex, NULL);
    return stage;
}

void stage_release(struct stage *stage)
{
    if (stage == NULL || atomic_fetch_sub_explicit(&stage->holders, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < stage->run_count; i++)
        run_release(stage->runs[i]);
    for (size_t i = 0; i < stage->block_count; i++)
        buffer_clear(&stage->blocks[i]);
    free(stage->blocks);
    pthread_mutex_destroy(&stage->mutex);
    free(stage);
}

size_t stage_bytes(const struct stage *stage)
{
    return stage->bytes;
}

size_t stage_rows(const struct stage *stage)
{
    return stage->rows;
}

/* The bytes stay where they are: rows are pointed to. */
static struct bytes keep_block(struct stage *stage, struct buffer *rows, size_t skipped)
{
    struct bytes block = {rows->data + skipped, rows->size - skipped};

    if (stage->block_count == stage->block_capacity) {
        stage->block_capacity = stage->block_capacity == 0 ? 64 : stage->block_capacity * 2;
        stage->blocks = xrealloc(stage->blocks, stage->block_capacity * sizeof *stage->blocks);
    }
    stage->blocks[stage->block_count++] = *rows;
    stage->bytes += rows->capacity;
    *rows = (struct buffer){0};
    return block;
}

/* The newest `replaced` runs leave, `run` comes in their place. */
static void replace_runs(struct stage *stage, size_t replaced, struct run *run)
{
    struct run *left[2];

    pthread_mutex_lock(&stage->mutex);
    for (size_t i = 0; i < replaced; i++)
        left[i] = stage->runs[--stage->run_count];
    assert(stage->run_count < STAGE_RUNS_MAX);
    stage->runs[stage->run_count++] = run;
    pthread_mutex_unlock(&stage->mutex);
    for (size_t i = 0; i < replaced; i++)
        run_release(left[i]);
}

static void merge_newest_two(struct stage *stage)
{
    replace_runs(stage, 2,
                 merge(stage->runs[stage->run_count - 2], stage->runs[stage->run_count - 1]));
}

/* So a short run is followed by shorter ones only, each half of the one before or less. */
static bool are_newest_alike(const struct stage *stage)
{
    size_t older, newer;

    if (stage->run_count < 2)
        return false;
    older = stage->runs[stage->run_count - 2]->count;
    newer = stage->runs[stage->run_count - 1]->count;
    return older < LONG_RUN && older < 2 * newer;
}

void stage_add(struct stage *stage, struct buffer *rows, size_t skipped)
{
    struct run *run = run_of_block(keep_block(stage, rows, skipped));

    for (size_t i = 0; i < run->count; i++)
        key_filter_add(stage->filter, row_key(run->rows[i]));
    stage->rows += run->count;
    replace_runs(stage, 0, run);
    while (are_newest_alike(stage))
        merge_newest_two(stage);
}

/* Neighbours in age become one, then these, and so on: each row is looked at log2(runs) times. */
struct run *stage_merge(const struct stage *stage)
{
    struct run *runs[STAGE_RUNS_MAX];
    size_t count = stage->run_count;

    if (count == 0)
        return run_create(0);
    for (size_t i = 0; i < count; i++)
        runs[i] = run_hold(stage->runs[i]);
    while (count > 1) {
        for (size_t i = 0; i + 1 < count; i += 2) {
            struct run *merged = merge(runs[i], runs[i + 1]);

            run_release(runs[i]);
            run_release(runs[i + 1]);
            runs[i / 2] = merged;
        }
        if (count % 2 == 1)
            runs[count / 2] = runs[count - 1];
        count = (count + 1) / 2;
    }
    return runs[0];
}

/* ---------- looking ---------- */

void stage_view_open(struct stage *stage, struct stage_view *view)
{
    atomic_fetch_add_explicit(&stage->holders, 1, memory_order_relaxed);
    view->stage = stage;
    pthread_mutex_lock(&stage->mutex);
    view->count = stage->run_count;
    for (size_t i = 0; i < view->count; i++)
        view->runs[i] = run_hold(stage->runs[view->count - 1 - i]);
    pthread_mutex_unlock(&stage->mutex);
}

void stage_view_close(struct stage_view *view)
{
    for (size_t i = 0; i < view->count; i++)
        run_release(view->runs[i]);
    stage_release(view->stage);
}

const char *stage_view_find(const struct stage_view *view, struct bytes key)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct run *run = view->runs[i];
        size_t place = run_seek(run, key);

        if (place < run->count && bytes_equal(row_key(run->rows[place]), key))
            return run->rows[place];
    }
    return NULL;
}
