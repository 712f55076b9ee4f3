#include "store/frequency.h"

#include "unit/test.h"

#define MINUTE_MS 60000
#define NOW_MS    INT64_C(1700000000000)

static uint32_t use_often(uint32_t kept, int times, int64_t now_ms)
{
    struct random random = {1};

    while (times-- > 0)
        kept = frequency_use(kept, now_ms, &random);
    return kept;
}

static void a_record_nobody_used_starts_above_zero(void **state)
{
    (void)state;
    assert_int_equal(frequency_count(0, NOW_MS), FREQUENCY_START);
    assert_int_equal(frequency_count(use_often(0, 1, NOW_MS), NOW_MS), FREQUENCY_START + 1);
}

static void the_counter_grows_with_the_logarithm_of_uses(void **state)
{
    uint32_t hundred = frequency_count(use_often(0, 100, NOW_MS), NOW_MS);
    uint32_t thousand = frequency_count(use_often(0, 1000, NOW_MS), NOW_MS);
    uint32_t million = frequency_count(use_often(0, 1000000, NOW_MS), NOW_MS);

    (void)state;
    /* What Redis's documentation shows for a factor of 10: 10, 18 and 255. */
    assert_in_range(hundred, 8, 12);
    assert_in_range(thousand, 15, 22);
    assert_int_equal(million, FREQUENCY_MAX);
}

static void each_minute_without_a_use_takes_one(void **state)
{
    uint32_t kept = frequency_make(100, NOW_MS);

    (void)state;
    assert_int_equal(frequency_count(kept, NOW_MS), 100);
    assert_int_equal(frequency_count(kept, NOW_MS + 1 * MINUTE_MS), 99);
    assert_int_equal(frequency_count(kept, NOW_MS + 99 * MINUTE_MS), 1);
    assert_int_equal(frequency_count(kept, NOW_MS + 100 * MINUTE_MS), 0);
    assert_int_equal(frequency_count(kept, NOW_MS + 1000 * MINUTE_MS), 0);
}

static void minutes_may_pass_the_end_of_their_bits(void **state)
{
    int64_t end_ms = (int64_t)2 * (FREQUENCY_MINUTES_MASK + 1) * MINUTE_MS;
    uint32_t kept = frequency_make(100, end_ms - MINUTE_MS);

    (void)state;
    assert_int_equal(frequency_count(kept, end_ms + MINUTE_MS), 98);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_nobody_used_starts_above_zero),
        cmocka_unit_test(the_counter_grows_with_the_logarithm_of_uses),
        cmocka_unit_test(each_minute_without_a_use_takes_one),
        cmocka_unit_test(minutes_may_pass_the_end_of_their_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
