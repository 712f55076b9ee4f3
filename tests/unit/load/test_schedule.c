#include "unit/test.h"

#include <math.h>

#include "load/schedule.h"

#define NS_PER_S UINT64_C(1000000000)

static uint64_t count_until(struct schedule *schedule, uint64_t end_ns)
{
    uint64_t count = 0;

    for (; schedule_due_ns(schedule) < end_ns; schedule_advance(schedule))
        count++;
    return count;
}

static void a_constant_rate_does_not_drift(void **state)
{
    struct schedule schedule;

    (void)state;
    schedule_init(&schedule, false, 3333, 0, 1, 1);
    assert_int_equal(count_until(&schedule, 1000 * NS_PER_S), 3333000);
    assert_in_range(schedule_due_ns(&schedule), 1000 * NS_PER_S, 1000 * NS_PER_S + 1);
}

static void threads_take_turns_at_a_constant_rate(void **state)
{
    struct schedule first, second;

    (void)state;
    schedule_init(&first, false, 1000, 0, 2, 1);
    schedule_init(&second, false, 1000, 1, 2, 2);
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(schedule_due_ns(&first), i * 2000000);
        assert_int_equal(schedule_due_ns(&second), i * 2000000 + 1000000);
        schedule_advance(&first);
        schedule_advance(&second);
    }
}

static void poisson_arrivals_have_the_rate_and_its_spread(void **state)
{
    double sum = 0, squares = 0;
    struct schedule schedule;

    (void)state;
    schedule_init(&schedule, true, 10000, 0, 1, 42);
    for (uint64_t second = 1; second <= 400; second++) {
        double count = (double)count_until(&schedule, second * NS_PER_S / 10);

        sum += count;
        squares += count * count;
    }
    /* 400 counts whose mean and variance are 1000. */
    assert_true(fabs(sum / 400 - 1000) < 6 * sqrt(1000.0 / 400));
    assert_true(fabs(squares / 400 - sum / 400 * sum / 400 - 1000) < 6 * 1000 * sqrt(2.0 / 400));
}

static void a_seed_gives_the_same_times(void **state)
{
    struct schedule one, same, other;
    int equal = 0;

    (void)state;
    schedule_init(&one, true, 100, 0, 1, 8);
    schedule_init(&same, true, 100, 0, 1, 8);
    schedule_init(&other, true, 100, 0, 1, 9);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(schedule_due_ns(&one), schedule_due_ns(&same));
        equal += schedule_due_ns(&one) == schedule_due_ns(&other);
        schedule_advance(&one);
        schedule_advance(&same);
        schedule_advance(&other);
    }
    assert_int_equal(equal, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_constant_rate_does_not_drift),
        cmocka_unit_test(threads_take_turns_at_a_constant_rate),
        cmocka_unit_test(poisson_arrivals_have_the_rate_and_its_spread),
        cmocka_unit_test(a_seed_gives_the_same_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
