#include "replication/compare_plan.h"

#include <stdlib.h>

#include "base/memory.h"
#include "replication/compare_find.h"

void plan_clear(struct plan *plan)
{
    free(plan->ours);
    free(plan->theirs);
    free(plan->batches);
    *plan = (struct plan){0};
}

static void add_batch(struct plan *plan, struct plan_batch batch)
{
    plan->batches = xgrow(plan->batches, plan->count, &plan->capacity, sizeof *plan->batches);
    plan->batches[plan->count++] = batch;
}

static uint64_t *copy_fingerprints(const struct element *leaves, size_t count)
{
    uint64_t *copy = xmalloc((count + 1) * sizeof *copy);

    for (size_t i = 0; i < count; i++)
        copy[i] = leaves[i].a;
    return copy;
}

void plan_whole(struct plan *plan, const struct element *ours, size_t our_count,
                const struct element *theirs, size_t their_count)
{
    *plan = (struct plan){.ours = copy_fingerprints(ours, our_count),
                          .theirs = copy_fingerprints(theirs, their_count),
                          .our_count = our_count,
                          .their_count = their_count};
    add_batch(plan, (struct plan_batch){0, our_count, 0, their_count});
}

/* A differing leaf, and the stretch it lies in: the number of the common leaf before it, as we
 * count, and one more; 0 before the first. */
struct placed {
    uint64_t fingerprint;
    size_t stretch, place;
};

static int by_stretch(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;

    if (a->stretch != b->stretch)
        return a->stretch < b->stretch ? -1 : 1;
    return a->place == b->place ? 0 : a->place < b->place ? -1 : 1;
}

static struct placed *place_theirs(const struct element_index *ours, const struct element *theirs,
                                   size_t count, bool *is_common, size_t *placed_count)
{
    struct placed *placed = xmalloc((count + 1) * sizeof *placed);
    size_t stretch = 0;

    *placed_count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = element_index_find(ours, theirs[i].a);

        if (at == ELEMENT_NONE) {
            placed[(*placed_count)++] = (struct placed){theirs[i].a, stretch, i};
        } else {
            is_common[at] = true;
            stretch = at + 1;
        }
    }
    qsort(placed, *placed_count, sizeof *placed, by_stretch);
    return placed;
}

static struct placed *place_ours(const struct element *ours, size_t count, const bool *is_common,
                                 size_t *placed_count)
{
    struct placed *placed = xmalloc((count + 1) * sizeof *placed);
    size_t stretch = 0;

    *placed_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_common[i])
            stretch = i + 1;
        else
            placed[(*placed_count)++] = (struct placed){ours[i].a, stretch, i};
    }
    return placed;
}

/* Cut in proportion, into as many as are needed. */
static void add_long_stretch(struct plan *plan, struct plan_batch run)
{
    size_t larger = run.our_count > run.their_count ? run.our_count : run.their_count;
    size_t parts = (larger + PLAN_LEAVES_MAX - 1) / PLAN_LEAVES_MAX;

    for (size_t i = 0; i < parts; i++) {
        size_t our = run.our_count * i / parts, their = run.their_count * i / parts;

        add_batch(plan, (struct plan_batch){
                            run.our_from + our, run.our_count * (i + 1) / parts - our,
                            run.their_from + their, run.their_count * (i + 1) / parts - their});
    }
}

static bool is_too_long(const struct plan_batch *run)
{
    return run->our_count > PLAN_LEAVES_MAX || run->their_count > PLAN_LEAVES_MAX;
}

/* Joins a stretch to the batch that is being filled, or ends that and begins another. */
static void add_stretch(struct plan *plan, struct plan_batch *open, struct plan_batch run)
{
    struct plan_batch joined = {open->our_from, open->our_count + run.our_count, open->their_from,
                                open->their_count + run.their_count};

    if (!is_too_long(&joined)) {
        *open = joined;
        return;
    }
    if (open->our_count + open->their_count > 0)
        add_batch(plan, *open);
    *open = run;
    if (!is_too_long(&run))
        return;
    add_long_stretch(plan, run);
    *open =
        (struct plan_batch){run.our_from + run.our_count, 0, run.their_from + run.their_count, 0};
}

static size_t run_length(const struct placed *placed, size_t from, size_t count, size_t stretch)
{
    size_t end = from;

    while (end < count && placed[end].stretch == stretch)
        end++;
    return end - from;
}

static void make_batches(struct plan *plan, const struct placed *ours, const struct placed *theirs)
{
    struct plan_batch open = {0};
    size_t our = 0, their = 0;

    while (our < plan->our_count || their < plan->their_count) {
        size_t stretch = SIZE_MAX;
        struct plan_batch run = {our, 0, their, 0};

        if (our < plan->our_count)
            stretch = ours[our].stretch;
        if (their < plan->their_count && theirs[their].stretch < stretch)
            stretch = theirs[their].stretch;
        run.our_count = run_length(ours, our, plan->our_count, stretch);
        run.their_count = run_length(theirs, their, plan->their_count, stretch);
        add_stretch(plan, &open, run);
        our += run.our_count;
        their += run.their_count;
    }
    if (open.our_count + open.their_count > 0)
        add_batch(plan, open);
}

static uint64_t *take_fingerprints(const struct placed *placed, size_t count)
{
    uint64_t *copy = xmalloc((count + 1) * sizeof *copy);

    for (size_t i = 0; i < count; i++)
        copy[i] = placed[i].fingerprint;
    return copy;
}

void plan_in_order(struct plan *plan, const uint64_t *ours, size_t our_count,
                   const struct element *theirs, size_t their_count)
{
    struct element *own = xcalloc(our_count + 1, sizeof *own);
    bool *is_common = xcalloc(our_count + 1, sizeof *is_common);
    struct placed *our_placed, *their_placed;
    struct element_index index;

    for (size_t i = 0; i < our_count; i++)
        own[i].a = ours[i];
    *plan = (struct plan){0};
    element_index_init(&index, own, our_count);
    their_placed = place_theirs(&index, theirs, their_count, is_common, &plan->their_count);
    our_placed = place_ours(own, our_count, is_common, &plan->our_count);
    make_batches(plan, our_placed, their_placed);
    plan->ours = take_fingerprints(our_placed, plan->our_count);
    plan->theirs = take_fingerprints(their_placed, plan->their_count);
    element_index_clear(&index);
    free(our_placed);
    free(their_placed);
    free(is_common);
    free(own);
}
