#include "unit/test.h"

#include "library/retry.h"

#define FOREVER INT64_MAX

static const struct retry_rule full = {.min_ms = 20, .max_ms = 1000};
static const struct retry_rule decorrelated = {
    .min_ms = 20, .max_ms = 1000, .jitter = GRAPEVINE_JITTER_DECORRELATED};
static const struct retry_rule plain = {
    .min_ms = 20, .max_ms = 1000, .jitter = GRAPEVINE_JITTER_NONE};

/* Lots that are all over the place, the same in each run. */
static uint64_t lot(uint64_t number)
{
    return (number + 1) * 0x9E3779B97F4A7C15ULL >> 8;
}

static void without_jitter_the_wait_doubles_up_to_its_maximum(void **state)
{
    const int64_t expected[] = {20, 40, 80, 160, 320, 640, 1000, 1000, 1000};
    struct retry retry = {0};
    int64_t wait_ms = 0;

    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_true(retry_draw(&plain, &retry, 0, FOREVER, lot(i), &wait_ms));
        assert_int_equal(wait_ms, expected[i]);
    }
}

static void a_thousand_waits_do_not_overflow(void **state)
{
    const struct retry_rule rule = {
        .min_ms = 1, .max_ms = INT64_MAX / 4, .jitter = GRAPEVINE_JITTER_NONE};
    struct retry retry = {0};
    int64_t wait_ms = 0;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        assert_true(retry_draw(&rule, &retry, 0, FOREVER, lot(i), &wait_ms));
        assert_true(wait_ms >= 1);
    }
}

static void full_jitter_draws_from_all_of_the_step(void **state)
{
    bool is_low = false, is_high = false;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        struct retry retry = {.waits = 3};
        int64_t wait_ms;

        assert_true(retry_draw(&full, &retry, 0, FOREVER, lot(i), &wait_ms));
        assert_in_range(wait_ms, 0, 160);
        is_low |= wait_ms < 20;
        is_high |= wait_ms > 140;
    }
    assert_true(is_low && is_high);
}

static void decorrelated_jitter_draws_up_to_three_times_the_last_wait(void **state)
{
    bool is_high = false;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        struct retry retry = {.waits = 7, .last_lot_ms = 100};
        int64_t wait_ms;

        assert_true(retry_draw(&decorrelated, &retry, 0, FOREVER, lot(i), &wait_ms));
        assert_in_range(wait_ms, 20, 300);
        is_high |= wait_ms > 270;
    }
    assert_true(is_high);
}

static void no_lot_is_above_the_maximum(void **state)
{
    const struct retry_rule *rules[] = {&full, &decorrelated, &plain};

    (void)state;
    for (size_t r = 0; r < 3; r++) {
        struct retry retry = {0};
        int64_t wait_ms = 0;

        for (uint64_t i = 0; i < 500; i++) {
            assert_true(retry_draw(rules[r], &retry, 0, FOREVER, lot(i), &wait_ms));
            assert_in_range(wait_ms, 0, 1000);
        }
    }
}

static void the_wait_is_never_shorter_than_what_the_server_said(void **state)
{
    struct retry retry = {0};
    int64_t wait_ms = 0;

    (void)state;
    for (uint64_t i = 0; i < 200; i++) {
        assert_true(retry_draw(&full, &retry, 417, FOREVER, lot(i), &wait_ms));
        assert_in_range(wait_ms, 417, 1417);
    }
}

static void clients_that_were_refused_together_do_not_come_back_together(void **state)
{
    int64_t first_ms = -1;
    bool differ = false;

    (void)state;
    for (uint64_t client = 0; client < 10; client++) {
        struct retry retry = {.waits = 5};
        int64_t wait_ms;

        assert_true(retry_draw(&full, &retry, 300, FOREVER, lot(client), &wait_ms));
        differ |= first_ms >= 0 && wait_ms != first_ms;
        first_ms = wait_ms;
    }
    assert_true(differ);
}

static void a_wait_that_ends_behind_the_deadline_is_not_begun(void **state)
{
    struct retry retry = {0};
    int64_t wait_ms = -1;

    (void)state;
    assert_false(retry_draw(&plain, &retry, 0, 20, 0, &wait_ms));
    assert_false(retry_draw(&plain, &retry, 990, 1000, 0, &wait_ms));
    assert_false(retry_draw(&plain, &retry, 0, -5, 0, &wait_ms));
    assert_false(retry_draw(&plain, &retry, 2000, 1000, 0, &wait_ms));
    assert_int_equal(wait_ms, -1);
    assert_int_equal(retry.waits, 0);
    assert_true(retry_draw(&plain, &retry, 979, 1000, 0, &wait_ms));
}

static void attempts_are_limited_and_zero_is_no_limit(void **state)
{
    const struct retry_rule twice = {.min_ms = 20, .max_ms = 1000, .attempts_max = 2};
    struct retry retry = {.attempts = 1};
    int64_t wait_ms;

    (void)state;
    assert_true(retry_is_left(&twice, &retry));
    assert_true(retry_draw(&twice, &retry, 0, FOREVER, 0, &wait_ms));
    retry.attempts = 2;
    assert_false(retry_is_left(&twice, &retry));
    assert_false(retry_draw(&twice, &retry, 0, FOREVER, 0, &wait_ms));
    retry.attempts = UINT32_MAX;
    assert_true(retry_is_left(&full, &retry));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_jitter_the_wait_doubles_up_to_its_maximum),
        cmocka_unit_test(a_thousand_waits_do_not_overflow),
        cmocka_unit_test(full_jitter_draws_from_all_of_the_step),
        cmocka_unit_test(decorrelated_jitter_draws_up_to_three_times_the_last_wait),
        cmocka_unit_test(no_lot_is_above_the_maximum),
        cmocka_unit_test(the_wait_is_never_shorter_than_what_the_server_said),
        cmocka_unit_test(clients_that_were_refused_together_do_not_come_back_together),
        cmocka_unit_test(a_wait_that_ends_behind_the_deadline_is_not_begun),
        cmocka_unit_test(attempts_are_limited_and_zero_is_no_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
