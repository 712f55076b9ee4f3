#include "unit/test.h"

#include "replication/version.h"

#define NOW_MS INT64_C(1700000000000)

static void a_stamp_holds_the_wall_clock_to_the_millisecond(void **state)
{
    struct hlc hlc = {0};

    (void)state;
    assert_int_equal(stamp_wall_ms(hlc_tick(&hlc, NOW_MS)), NOW_MS);
    assert_int_equal(stamp_wall_ms(stamp_of_wall_ms(NOW_MS)), NOW_MS);
}

static void stamps_rise_within_a_millisecond(void **state)
{
    struct hlc hlc = {0};
    uint64_t first = hlc_tick(&hlc, NOW_MS), second = hlc_tick(&hlc, NOW_MS);

    (void)state;
    assert_true(second > first);
    assert_int_equal(stamp_wall_ms(second), NOW_MS);
}

static void stamps_rise_when_the_clock_goes_back(void **state)
{
    struct hlc hlc = {0};
    uint64_t before = hlc_tick(&hlc, NOW_MS);

    (void)state;
    assert_true(hlc_tick(&hlc, NOW_MS - 5000) > before);
    assert_true(hlc_tick(&hlc, 0) > before);
}

static void stamps_follow_the_clock_when_it_moves_on(void **state)
{
    struct hlc hlc = {0};

    (void)state;
    (void)hlc_tick(&hlc, NOW_MS);
    assert_int_equal(hlc_tick(&hlc, NOW_MS + 1), stamp_of_wall_ms(NOW_MS + 1));
}

static void a_full_counter_carries_into_the_milliseconds(void **state)
{
    struct hlc hlc = {0};
    uint64_t last = 0;

    (void)state;
    for (int i = 0; i < 70000; i++) {
        uint64_t stamp = hlc_tick(&hlc, NOW_MS);

        assert_true(stamp > last);
        last = stamp;
    }
    assert_int_equal(stamp_wall_ms(last), NOW_MS + 1);
}

static void a_stamp_is_larger_than_any_seen(void **state)
{
    struct hlc hlc = {0};
    uint64_t seen = stamp_of_wall_ms(NOW_MS + 250) + 7;

    (void)state;
    hlc_observe(&hlc, seen);
    assert_int_equal(hlc_tick(&hlc, NOW_MS), seen + 1);
}

static void an_older_stamp_seen_changes_nothing(void **state)
{
    struct hlc hlc = {0};
    uint64_t mine = hlc_tick(&hlc, NOW_MS);

    (void)state;
    hlc_observe(&hlc, mine - 1);
    assert_int_equal(hlc.last, mine);
}

static void the_newer_stamp_wins_then_the_node_then_the_value(void **state)
{
    /* Each beats all before it. */
    static const struct version rising[] = {
        {1, 1, 1}, {1, 1, 2}, {1, 2, 0}, {1, UINT64_MAX, 0}, {2, 0, 0}, {UINT64_MAX, 0, 0},
    };
    const int count = sizeof rising / sizeof rising[0];

    (void)state;
    for (int a = 0; a < count; a++)
        for (int b = 0; b < count; b++) {
            int order = version_compare(&rising[a], &rising[b]);

            assert_int_equal(order < 0, a < b);
            assert_int_equal(order > 0, a > b);
        }
}

static void an_element_tells_nodes_apart_and_keeps_the_millisecond(void **state)
{
    uint64_t stamp = stamp_of_wall_ms(1800000000000);

    (void)state;
    assert_int_not_equal(version_element(stamp, 1), version_element(stamp, 2));
    assert_int_not_equal(version_element(stamp, 1), version_element(stamp + 1, 1));
    assert_int_equal(stamp_wall_ms(version_element(stamp + 65535, 77)), 1800000000000);
    assert_int_equal(version_element(stamp, 77), version_element(stamp, 77));
}

static void a_version_reads_as_two_numbers_of_16_digits(void **state)
{
    char text[VERSION_TEXT_SIZE];

    (void)state;
    version_to_text(0x18bcfe56800a0001, 0xff, text);
    assert_memory_equal(text, "18bcfe56800a0001-00000000000000ff", VERSION_TEXT_SIZE);
    version_to_text(UINT64_MAX, 0, text);
    assert_memory_equal(text, "ffffffffffffffff-0000000000000000", VERSION_TEXT_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stamp_holds_the_wall_clock_to_the_millisecond),
        cmocka_unit_test(stamps_rise_within_a_millisecond),
        cmocka_unit_test(stamps_rise_when_the_clock_goes_back),
        cmocka_unit_test(stamps_follow_the_clock_when_it_moves_on),
        cmocka_unit_test(a_full_counter_carries_into_the_milliseconds),
        cmocka_unit_test(a_stamp_is_larger_than_any_seen),
        cmocka_unit_test(an_older_stamp_seen_changes_nothing),
        cmocka_unit_test(the_newer_stamp_wins_then_the_node_then_the_value),
        cmocka_unit_test(an_element_tells_nodes_apart_and_keeps_the_millisecond),
        cmocka_unit_test(a_version_reads_as_two_numbers_of_16_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
