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
                 run_merge(stage->runs[stage->run_count - 2], stage->runs[stage->run_count - 1]));
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

struct run *stage_merge(const struct stage *stage)
{
    return run_merge_all(stage->runs, stage->run_count);
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
