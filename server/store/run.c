#include "store/run.h"

#include <stdlib.h>

#include "base/memory.h"
#include "store/rows.h"

static struct run *run_create(size_t count_max)
{
    struct run *run = xmalloc(sizeof *run + count_max * sizeof run->rows[0]);

    atomic_init(&run->holders, 1);
    run->count = 0;
    return run;
}

struct run *run_hold(struct run *run)
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

struct run *run_of_block(struct bytes block)
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

struct run *run_merge(const struct run *older, const struct run *newer)
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

struct run *run_merge_all(struct run *const *runs, size_t count)
{
    struct run **left = xcalloc(count + 1, sizeof *left);
    struct run *all;

    for (size_t i = 0; i < count; i++)
        left[i] = run_hold(runs[i]);
    while (count > 1) {
        for (size_t i = 0; i + 1 < count; i += 2) {
            struct run *merged = run_merge(left[i], left[i + 1]);

            run_release(left[i]);
            run_release(left[i + 1]);
            left[i / 2] = merged;
        }
        if (count % 2 == 1)
            left[count / 2] = left[count - 1];
        count = (count + 1) / 2;
    }
    all = count == 0 ? run_create(0) : left[0];
    free(left);
    return all;
}
