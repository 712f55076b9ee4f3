#include "unit/test.h"

#include <time.h>

#include "base/clock.h"

static void monotonic_time_never_goes_back(void **state)
{
    int64_t before = clock_monotonic_us(clock_real());

    (void)state;
    for (int i = 0; i < 10000; i++) {
        int64_t now = clock_monotonic_us(clock_real());

        assert_true(now >= before);
        before = now;
    }
}

static void wall_time_is_that_of_the_system(void **state)
{
    int64_t before_s = time(NULL) - 1, now_us = clock_wall_us(clock_real());

    (void)state;
    assert_in_range(now_us / 1000000, before_s, time(NULL) + 1);
    assert_in_range(clock_wall_ms(clock_real()) / 1000, before_s, time(NULL) + 1);
}

static int64_t always_1999_us(const struct clock *clock)
{
    (void)clock;
    return 1999;
}

static void another_clock_can_stand_in(void **state)
{
    const struct clock fake = {always_1999_us, always_1999_us};

    (void)state;
    assert_int_equal(clock_wall_us(&fake), 1999);
    assert_int_equal(clock_wall_ms(&fake), 1);
    assert_int_equal(clock_monotonic_us(&fake), 1999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_never_goes_back),
        cmocka_unit_test(wall_time_is_that_of_the_system),
        cmocka_unit_test(another_clock_can_stand_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
