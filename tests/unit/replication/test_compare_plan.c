#include "replication/compare_plan.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "unit/test.h"

#define LEAVES 20000

/* Two rows of leaves: common ones are the same number in both; the others say by their number
 * which stretch they lie in: (stretch << 32 | side << 31 | number). */
struct rows {
    uint64_t ours[LEAVES];
    struct element theirs[LEAVES];
    size_t our_count, their_count, stretches;
    size_t our_differing, their_differing;
};

static void add_differing(struct rows *rows, size_t ours, size_t theirs)
{
    uint64_t stretch = (uint64_t)rows->stretches << 32;

    for (size_t i = 0; i < ours; i++)
        rows->ours[rows->our_count++] = stretch | i;
    for (size_t i = 0; i < theirs; i++)
        rows->theirs[rows->their_count++] = (struct element){stretch | UINT64_C(1) << 31 | i, 0};
    rows->our_differing += ours;
    rows->their_differing += theirs;
}

static void add_common(struct rows *rows)
{
    uint64_t leaf = UINT64_C(1) << 63 | rows->stretches++;

    rows->ours[rows->our_count++] = leaf;
    rows->theirs[rows->their_count++] = (struct element){leaf, 0};
}

static struct plan make_plan(const struct rows *rows)
{
    struct plan plan;

    plan_in_order(&plan, rows->ours, rows->our_count, rows->theirs, rows->their_count);
    return plan;
}

/* Every differing leaf is in one batch, and no batch is too large. */
static void require_complete(const struct plan *plan, const struct rows *rows)
{
    size_t our = 0, their = 0;

    assert_int_equal(plan->our_count, rows->our_differing);
    assert_int_equal(plan->their_count, rows->their_differing);
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_batch *batch = &plan->batches[i];

        assert_int_equal(batch->our_from, our);
        assert_int_equal(batch->their_from, their);
        assert_true(batch->our_count <= PLAN_LEAVES_MAX);
        assert_true(batch->their_count <= PLAN_LEAVES_MAX);
        assert_true(batch->our_count + batch->their_count > 0);
        our += batch->our_count;
        their += batch->their_count;
    }
    assert_int_equal(our, plan->our_count);
    assert_int_equal(their, plan->their_count);
}

static size_t batch_of(const struct plan *plan, const uint64_t *side, size_t i)
{
    for (size_t at = 0; at < plan->count; at++) {
        const struct plan_batch *batch = &plan->batches[at];
        size_t from = side == plan->ours ? batch->our_from : batch->their_from;
        size_t count = side == plan->ours ? batch->our_count : batch->their_count;

        if (i >= from && i < from + count)
            return at;
    }
    fail();
    return 0;
}

/* No stretch is in two batches. */
static void require_whole_stretches(const struct plan *plan, size_t stretches)
{
    size_t *batches = xcalloc(stretches + 1, sizeof *batches);

    for (size_t i = 0; i < plan->our_count; i++)
        batches[plan->ours[i] >> 32] = batch_of(plan, plan->ours, i) + 1;
    for (size_t i = 0; i < plan->our_count; i++)
        assert_int_equal(batches[plan->ours[i] >> 32], batch_of(plan, plan->ours, i) + 1);
    for (size_t i = 0; i < plan->their_count; i++) {
        size_t batch = batch_of(plan, plan->theirs, i) + 1;
        size_t *seen = &batches[plan->theirs[i] >> 32];

        assert_true(*seen == 0 || *seen == batch);
        *seen = batch;
    }
    free(batches);
}

static void stretches_stay_whole(void **state)
{
    struct random random = {1};

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct rows *rows = xcalloc(1, sizeof *rows);
        size_t length = 1 + random_below(&random, 100);
        struct plan plan;

        while (rows->our_count < LEAVES / 2 && rows->their_count < LEAVES / 2) {
            if (random_below(&random, 3) > 0)
                add_differing(rows, random_below(&random, length), random_below(&random, length));
            add_common(rows);
        }
        plan = make_plan(rows);
        require_complete(&plan, rows);
        require_whole_stretches(&plan, rows->stretches);
        plan_clear(&plan);
        free(rows);
    }
}

static void a_long_stretch_is_cut_in_proportion(void **state)
{
    struct rows *rows = xcalloc(1, sizeof *rows);
    struct plan plan;

    (void)state;
    add_differing(rows, 10, 10);
    add_common(rows);
    add_differing(rows, 2500, 5000);
    add_common(rows);
    add_differing(rows, 10, 10);
    plan = make_plan(rows);
    require_complete(&plan, rows);
    assert_int_equal(plan.count, 1 + 5 + 1);
    for (size_t i = 1; i <= 5; i++) {
        assert_int_equal(plan.batches[i].our_count, 500);
        assert_int_equal(plan.batches[i].their_count, 1000);
    }
    plan_clear(&plan);
    free(rows);
}

/* Each side numbers its namespaces as it likes. */
static void runs_of_leaves_may_stand_in_another_order(void **state)
{
    struct rows *rows = xcalloc(1, sizeof *rows);
    size_t middle;
    struct element *swapped;
    struct plan plan;

    (void)state;
    for (int i = 0; i < 40; i++) {
        add_common(rows);
        add_differing(rows, 100, 100);
    }
    middle = rows->their_count / 2;
    swapped = xmalloc(rows->their_count * sizeof *swapped);
    memcpy(swapped, rows->theirs + middle, middle * sizeof *swapped);
    memcpy(swapped + middle, rows->theirs, middle * sizeof *swapped);
    memcpy(rows->theirs, swapped, rows->their_count * sizeof *swapped);
    plan = make_plan(rows);
    require_complete(&plan, rows);
    require_whole_stretches(&plan, rows->stretches);
    plan_clear(&plan);
    free(swapped);
    free(rows);
}

static void nothing_in_common_is_cut_all_the_same(void **state)
{
    struct rows *rows = xcalloc(1, sizeof *rows);
    struct plan plan;

    (void)state;
    add_differing(rows, 1, 4000);
    plan = make_plan(rows);
    require_complete(&plan, rows);
    assert_int_equal(plan.count, 4);
    plan_clear(&plan);
    free(rows);
}

static void few_leaves_are_one_batch(void **state)
{
    struct element ours[] = {{1, 0}, {2, 0}}, theirs[] = {{3, 0}};
    struct plan plan;

    (void)state;
    plan_whole(&plan, ours, 2, theirs, 1);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.batches[0].our_count, 2);
    assert_int_equal(plan.batches[0].their_count, 1);
    assert_int_equal(plan.theirs[0], 3);
    plan_clear(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stretches_stay_whole),
        cmocka_unit_test(a_long_stretch_is_cut_in_proportion),
        cmocka_unit_test(runs_of_leaves_may_stand_in_another_order),
        cmocka_unit_test(nothing_in_common_is_cut_all_the_same),
        cmocka_unit_test(few_leaves_are_one_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
