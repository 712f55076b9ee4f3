#include "store/stage.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "store/key_filter.h"
#include "store/rows.h"
#include "unit/test.h"

static struct key_filter *filter;
static struct stage *stage;

static int set_up(void **state)
{
    (void)state;
    filter = key_filter_create(STAGE_FILTER_BITS);
    stage = stage_create(filter);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stage_release(stage);
    key_filter_destroy(filter);
    return 0;
}

static void add(const char *key, const char *value)
{
    struct buffer rows = {0};

    if (value == NULL)
        rows_delete(&rows, bytes_of(key));
    else
        rows_put(&rows, bytes_of(key), bytes_of(value));
    stage_add(stage, &rows, 0);
}

/* NULL = no row. */
static void assert_found(const struct stage_view *view, const char *key, const char *value)
{
    const char *row = stage_view_find(view, bytes_of(key));

    assert_int_equal(row != NULL, value != NULL);
    if (value != NULL)
        assert_true(bytes_equal(row_value(row), bytes_of(value)));
}

static void the_newest_row_of_a_key_counts(void **state)
{
    struct stage_view view;

    (void)state;
    add("a", "1");
    add("b", "1");
    add("a", "2");
    stage_view_open(stage, &view);
    assert_found(&view, "a", "2");
    assert_found(&view, "b", "1");
    assert_found(&view, "c", NULL);
    stage_view_close(&view);
}

static void of_one_batch_the_last_row_of_a_key_counts(void **state)
{
    struct buffer rows = {0};
    struct run *run;

    (void)state;
    rows_put(&rows, bytes_of("b"), bytes_of("1"));
    rows_put(&rows, bytes_of("a"), bytes_of("1"));
    rows_delete(&rows, bytes_of("b"));
    rows_put(&rows, bytes_of("a"), bytes_of("2"));
    stage_add(stage, &rows, 0);
    run = stage_merge(stage);
    assert_int_equal(run->count, 2);
    assert_true(bytes_equal(row_value(run->rows[0]), bytes_of("2")));
    assert_true(row_is_deleted(run->rows[1]));
    run_release(run);
}

static void a_view_stays_as_it_was(void **state)
{
    struct stage_view view;

    (void)state;
    add("a", "1");
    stage_view_open(stage, &view);
    for (int i = 0; i < 100; i++)
        add("a", "2");
    add("b", "2");
    assert_found(&view, "a", "1");
    assert_found(&view, "b", NULL);
    stage_view_close(&view);
}

static void a_view_outlives_its_stage(void **state)
{
    struct stage_view view;

    (void)state;
    add("a", "1");
    stage_view_open(stage, &view);
    stage_release(stage);
    stage = NULL;
    assert_found(&view, "a", "1");
    stage_view_close(&view);
}

static void runs_stay_few_and_merge_into_all_keys_in_order(void **state)
{
    struct random random = {1};
    struct stage_view view;
    struct run *run;
    char key[16];

    (void)state;
    for (int i = 0; i < STAGE_ROWS_MAX; i++) {
        (void)snprintf(key, sizeof key, "%05d", (int)random_below(&random, 30000));
        add(key, "1");
    }
    stage_view_open(stage, &view);
    assert_in_range(view.count, 1, STAGE_RUNS_MAX);
    stage_view_close(&view);
    run = stage_merge(stage);
    for (size_t i = 1; i < run->count; i++)
        assert_true(bytes_compare(row_key(run->rows[i - 1]), row_key(run->rows[i])) < 0);
    assert_in_range(run->count, 25000, 30000);
    assert_int_equal(run_seek(run, bytes_of("")), 0);
    assert_int_equal(run_seek(run, row_key(run->rows[7])), 7);
    assert_int_equal(run_seek(run, bytes_of("9")), run->count);
    run_release(run);
}

static void add_run(size_t first, size_t count)
{
    struct buffer rows = {0};
    char key[16];

    for (size_t i = first; i < first + count; i++) {
        (void)snprintf(key, sizeof key, "%06zu", i);
        rows_put(&rows, bytes_of(key), bytes_of("1"));
    }
    stage_add(stage, &rows, 0);
}

/* The most that could be left apart: halves of halves, and a long one behind them. */
static void runs_stay_few_whatever_their_sizes(void **state)
{
    struct run *run;
    size_t next = 0;

    (void)state;
    while (stage_rows(stage) < STAGE_ROWS_MAX) {
        for (size_t count = 2048; count > 0; next += count, count /= 2)
            add_run(next, count);
        add_run(next, 4096);
        next += 4096;
    }
    run = stage_merge(stage);
    assert_int_equal(run->count, next);
    run_release(run);
}

static void the_filter_knows_each_key_that_was_added(void **state)
{
    char key[16];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        assert_false(i == 0 && key_filter_may_have(filter, bytes_of(key)));
        add(key, "1");
        assert_true(key_filter_may_have(filter, bytes_of(key)));
    }
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(the_newest_row_of_a_key_counts),
        CLAIM(of_one_batch_the_last_row_of_a_key_counts),
        CLAIM(a_view_stays_as_it_was),
        CLAIM(a_view_outlives_its_stage),
        CLAIM(runs_stay_few_and_merge_into_all_keys_in_order),
        CLAIM(runs_stay_few_whatever_their_sizes),
        CLAIM(the_filter_knows_each_key_that_was_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
