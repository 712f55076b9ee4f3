#include "unit/test.h"

#include "base/compiler.h"
#include "limits/limits.h"

#define NOW_MS INT64_C(1700000000000)

static void the_beta_profile_is_that_of_2018(void **state)
{
    const int64_t *at = limits_of_profile(LIMIT_PROFILE_BETA)->at;

    (void)state;
    assert_int_equal(at[LIMIT_KEY_SIZE], 2048);
    assert_int_equal(at[LIMIT_VALUE_SIZE], 65536);
    assert_int_equal(at[LIMIT_METADATA_SIZE], 1024);
    assert_int_equal(at[LIMIT_KEYS], 1000000000);
    assert_int_equal(at[LIMIT_KEY_WRITE_RATE], 1);
}

static void the_current_profile_is_that_of_the_service(void **state)
{
    const int64_t *at = limits_of_profile(LIMIT_PROFILE_CURRENT)->at;

    (void)state;
    assert_int_equal(at[LIMIT_KEY_SIZE], 512);
    assert_int_equal(at[LIMIT_VALUE_SIZE], 26214400);
    assert_int_equal(at[LIMIT_METADATA_SIZE], 1024);
    assert_int_equal(at[LIMIT_KEYS], 0);
    assert_int_equal(at[LIMIT_KEY_WRITE_RATE], 1);
}

static void no_limits_are_the_largest_that_can_be_asked_for(void **state)
{
    const int64_t *at = limits_of_profile(LIMIT_PROFILE_NONE)->at;

    (void)state;
    assert_int_equal(at[LIMIT_KEY_SIZE], limit_rules[LIMIT_KEY_SIZE].max);
    assert_int_equal(at[LIMIT_VALUE_SIZE], limit_rules[LIMIT_VALUE_SIZE].max);
    assert_int_equal(at[LIMIT_METADATA_SIZE], limit_rules[LIMIT_METADATA_SIZE].max);
    assert_int_equal(at[LIMIT_KEYS], 0);
    assert_int_equal(at[LIMIT_KEY_WRITE_RATE], 0);
}

static void every_profile_keeps_the_rules(void **state)
{
    static const enum limit_profile profiles[] = {LIMIT_PROFILE_BETA, LIMIT_PROFILE_CURRENT,
                                                  LIMIT_PROFILE_NONE};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++)
        for (int limit = 0; limit < LIMIT_COUNT; limit++) {
            assert_non_null(limit_rules[limit].name);
            assert_true(limits_of_profile(profiles[i])->at[limit] >= limit_rules[limit].min);
            assert_true(limits_of_profile(profiles[i])->at[limit] <= limit_rules[limit].max);
        }
}

static void a_key_never_written_may_be_written(void **state)
{
    int64_t wait_ms = 4711;

    (void)state;
    assert_true(limits_may_write(0, NOW_MS, 1, &wait_ms));
    assert_int_equal(wait_ms, 4711);
}

static void without_a_rate_any_write_may_follow(void **state)
{
    int64_t wait_ms = 0;

    (void)state;
    assert_true(limits_may_write(NOW_MS, NOW_MS, 0, &wait_ms));
}

static void a_write_within_the_distance_is_told_how_long_to_wait(void **state)
{
    int64_t wait_ms = 0;

    (void)state;
    assert_false(limits_may_write(NOW_MS, NOW_MS, 1, &wait_ms));
    assert_int_equal(wait_ms, 1000);
    assert_false(limits_may_write(NOW_MS, NOW_MS + 999, 1, &wait_ms));
    assert_int_equal(wait_ms, 1);
    assert_true(limits_may_write(NOW_MS, NOW_MS + 1000, 1, &wait_ms));
}

static void waiting_as_long_as_told_is_exactly_enough(void **state)
{
    (void)state;
    for (int64_t rate = 1; rate <= 1000; rate++) {
        int64_t wait_ms = 0, unused = 0;

        assert_false(limits_may_write(NOW_MS, NOW_MS, rate, &wait_ms));
        assert_true(limits_may_write(NOW_MS, NOW_MS + wait_ms, rate, &unused));
        if (wait_ms > 1)
            assert_false(limits_may_write(NOW_MS, NOW_MS + wait_ms - 1, rate, &unused));
    }
}

static void a_rate_makes_its_distance(void **state)
{
    int64_t wait_ms = 0;

    (void)state;
    assert_false(limits_may_write(NOW_MS, NOW_MS + 99, 10, &wait_ms));
    assert_int_equal(wait_ms, 1);
    assert_true(limits_may_write(NOW_MS, NOW_MS + 100, 10, &wait_ms));
}

static void a_stamp_a_little_ahead_still_holds(void **state)
{
    int64_t wait_ms = 0;

    (void)state;
    assert_false(limits_may_write(NOW_MS + 300, NOW_MS, 1, &wait_ms));
    assert_int_equal(wait_ms, 1300);
    assert_false(limits_may_write(NOW_MS + 1000, NOW_MS, 1, &wait_ms));
    assert_int_equal(wait_ms, 2000);
}

static void a_clock_set_back_does_not_lock_a_key(void **state)
{
    int64_t wait_ms = 0;

    (void)state;
    assert_true(limits_may_write(NOW_MS + 1001, NOW_MS, 1, &wait_ms));
    assert_true(limits_may_write(NOW_MS + 3600000, NOW_MS, 1, &wait_ms));
}

static void a_longer_distance_is_counted_from_the_same_write(void **state)
{
    int64_t wait_ms = 4711;

    (void)state;
    assert_false(limits_may_write_after(NOW_MS, NOW_MS + 1000, 1, 2500, &wait_ms));
    assert_int_equal(wait_ms, 2500);
    assert_false(limits_may_write_after(NOW_MS, NOW_MS, 1, 2500, &wait_ms));
    assert_int_equal(wait_ms, 3500);
    assert_true(limits_may_write_after(NOW_MS, NOW_MS + 3500, 1, 2500, &wait_ms));
    assert_true(limits_may_write_after(NOW_MS, NOW_MS, 0, 2500, &wait_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_beta_profile_is_that_of_2018),
        cmocka_unit_test(the_current_profile_is_that_of_the_service),
        cmocka_unit_test(no_limits_are_the_largest_that_can_be_asked_for),
        cmocka_unit_test(every_profile_keeps_the_rules),
        cmocka_unit_test(a_key_never_written_may_be_written),
        cmocka_unit_test(without_a_rate_any_write_may_follow),
        cmocka_unit_test(a_write_within_the_distance_is_told_how_long_to_wait),
        cmocka_unit_test(waiting_as_long_as_told_is_exactly_enough),
        cmocka_unit_test(a_rate_makes_its_distance),
        cmocka_unit_test(a_stamp_a_little_ahead_still_holds),
        cmocka_unit_test(a_clock_set_back_does_not_lock_a_key),
        cmocka_unit_test(a_longer_distance_is_counted_from_the_same_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
