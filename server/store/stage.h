/* stage.h - rows that are in the journal and not yet in LevelDB, in the order of their keys.
 *
 * LevelDB takes rows in order several times faster than as they come, and each key's last row is
 * enough.  So what is written stands here until there is much of it (engine.h).
 *
 * A stage is a few runs (run.h).  What is added is a run of its own; two short runs of like size
 * become one (the beginning of a merge sort, done as the rows come), so there are never more than
 * STAGE_RUNS_MAX.  A run never changes: readers hold it and look.
 *
 * T1  One thread at a time adds.  Others may look meanwhile, from whatever runs they hold.
 * T2  A stage's filter (key_filter.h) knows a key before the row can be seen, until it is cleared.
 */
#ifndef STORE_STAGE_H
#define STORE_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "store/run.h"

/* Of STAGE_ROWS_MAX rows and what is added last. */
#define STAGE_RUNS_MAX 32

/* Who adds stops there. */
#define STAGE_ROWS_MAX 60000

/* Of a filter for a stage. */
#define STAGE_FILTER_BITS (1u << 20)

struct key_filter;
struct stage;

/* What somebody who looks holds: the newest run first. */
struct stage_view {
    struct stage *stage;
    struct run *runs[STAGE_RUNS_MAX];
    size_t count;
};

/* `filter` is clear; it lives longer than the stage, and is the stage's own until it is cleared. */
struct stage *stage_create(struct key_filter *filter);
/* Ends the owner's hold; it goes when all views have ended. */
void stage_release(struct stage *stage);

/* Takes over the bytes of `rows`, which becomes empty, from `skipped` on. */
void stage_add(struct stage *stage, struct buffer *rows, size_t skipped);
/* All runs as one, for as long as the stage is there; the caller releases it.  Nobody adds. */
struct run *stage_merge(const struct stage *stage);

size_t stage_bytes(const struct stage *stage);
/* Rows, of which some may since have been replaced. */
size_t stage_rows(const struct stage *stage);

void stage_view_open(struct stage *stage, struct stage_view *view);
void stage_view_close(struct stage_view *view);
/* The newest row of a key, NULL if there is none. */
const char *stage_view_find(const struct stage_view *view, struct bytes key);

#endif
