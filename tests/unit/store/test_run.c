/* Runs of rows, made of blocks and of each other. */
#include "store/run.h"

#include <stdio.h>

#include "base/random.h"
#include "store/rows.h"
#include "unit/test.h"

#define RUNS_MAX 40
#define KEYS     200

static struct buffer blocks[RUNS_MAX];

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < RUNS_MAX; i++)
        buffer_clear(&blocks[i]);
    return 0;
}

static void put(struct buffer *block, size_t key, size_t value)
{
    char name[32], text[32];

    (void)snprintf(name, sizeof name, "%06zu", key);
    (void)snprintf(text, sizeof text, "%zu", value);
    rows_put(block, bytes_of(name), bytes_of(text));
}

/* The values, in the order of keys. */
static void assert_values(const struct run *run, const char *expected)
{
    char text[256] = "";

    for (size_t i = 0; i < run->count; i++) {
        struct bytes value = row_value(run->rows[i]);

        assert_true(i == 0 || bytes_compare(row_key(run->rows[i - 1]), row_key(run->rows[i])) < 0);
        (void)strncat(text, value.data, value.size);
        (void)strncat(text, " ", 2);
    }
    assert_string_equal(text, expected);
}

static void a_block_becomes_a_run_in_order_and_of_each_key_the_last_row(void **state)
{
    static const size_t keys[] = {5, 1, 5, 9, 1, 1, 3};
    struct run *run;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        put(&blocks[0], keys[i], i);
    run = run_of_block(buffer_view(&blocks[0]));
    assert_values(run, "5 6 2 3 ");
    run_release(run);
    run = run_of_block(bytes_of(""));
    assert_values(run, "");
    run_release(run);
}

static void a_place_is_found_in_a_run(void **state)
{
    struct run *run;

    (void)state;
    for (size_t key = 10; key < 20; key += 2)
        put(&blocks[0], key, key);
    run = run_of_block(buffer_view(&blocks[0]));
    assert_int_equal(run_seek(run, bytes_of("")), 0);
    assert_int_equal(run_seek(run, bytes_of("000010")), 0);
    assert_int_equal(run_seek(run, bytes_of("000011")), 1);
    assert_int_equal(run_seek(run, bytes_of("000018")), 4);
    assert_int_equal(run_seek(run, bytes_of("000019")), 5);
    run_release(run);
}

/* The newest row of each key, the newest run being the last. */
static void assert_merged(const struct run *all, const size_t newest[KEYS])
{
    size_t place = 0;

    for (size_t key = 0; key < KEYS; key++) {
        char name[32], text[32];

        if (newest[key] == 0)
            continue;
        (void)snprintf(name, sizeof name, "%06zu", key);
        (void)snprintf(text, sizeof text, "%zu", newest[key]);
        assert_true(place < all->count);
        assert_true(bytes_equal(row_key(all->rows[place]), bytes_of(name)));
        assert_true(bytes_equal(row_value(all->rows[place]), bytes_of(text)));
        place++;
    }
    assert_int_equal(all->count, place);
}

static void any_number_of_runs_becomes_one_in_which_the_newest_counts(void **state)
{
    struct random numbers = {1};

    (void)state;
    for (size_t count = 0; count < RUNS_MAX; count++) {
        size_t newest[KEYS] = {0};
        struct run *runs[RUNS_MAX], *all;

        for (size_t i = 0; i < count; i++) {
            blocks[i].size = 0;
            for (uint64_t n = random_below(&numbers, 30); n-- > 0;) {
                size_t key = random_below(&numbers, KEYS);

                newest[key] = i + 1;
                put(&blocks[i], key, i + 1);
            }
            runs[i] = run_of_block(buffer_view(&blocks[i]));
        }
        all = run_merge_all(runs, count);
        for (size_t i = 0; i < count; i++) /* they are their holders' as before */
            run_release(runs[i]);
        assert_merged(all, newest);
        run_release(all);
    }
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, NULL, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_block_becomes_a_run_in_order_and_of_each_key_the_last_row),
        CLAIM(a_place_is_found_in_a_run),
        CLAIM(any_number_of_runs_becomes_one_in_which_the_newest_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
