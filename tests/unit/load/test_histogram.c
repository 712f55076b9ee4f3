#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "load/histogram.h"

#define COUNT 20000

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static struct histogram histogram, other;

static int empty(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof(histogram));
    memset(&other, 0, sizeof(other));
    return 0;
}

static void what_comes_out_is_at_most_a_128th_above_what_went_in(void **state)
{
    static const double percents[] = {0, 1, 10, 50, 90, 99, 99.9, 99.99, 100};
    static uint64_t values[COUNT];
    struct random random = {7};

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = random_next(&random) >> (25 + random_below(&random, 38));
        histogram_record(&histogram, values[i]);
    }
    qsort(values, COUNT, sizeof(values[0]), compare);
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        size_t rank = (size_t)(percents[i] / 100 * COUNT + 0.999999);
        uint64_t exact = values[rank > 0 ? rank - 1 : 0];
        uint64_t seen = histogram_percentile(&histogram, percents[i]);

        assert_in_range(seen, exact, exact + exact / 128);
    }
}

static void every_value_is_in_a_bucket_whose_bound_is_its_own(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < UINT64_C(1) << HISTOGRAM_VALUE_BITS; value += 1 + value / 3) {
        empty(NULL);
        histogram_record(&histogram, value);
        histogram_record(&histogram, UINT64_MAX >> 1);
        assert_in_range(histogram_percentile(&histogram, 50), value, value + value / 128);
    }
}

static void the_maximum_and_the_mean_are_exact(void **state)
{
    (void)state;
    histogram_record(&histogram, 1000003);
    histogram_record(&histogram, 5);
    assert_int_equal(histogram_percentile(&histogram, 100), 1000003);
    assert_true(histogram_mean(&histogram) == 500004);
}

static void what_is_too_long_for_it_counts_and_keeps_its_maximum(void **state)
{
    (void)state;
    histogram_record(&histogram, UINT64_C(1) << 50);
    histogram_record(&histogram, 1);
    assert_int_equal(histogram_percentile(&histogram, 50), 1);
    assert_int_equal(histogram_percentile(&histogram, 100), UINT64_C(1) << 50);
}

static void two_add_up_to_that_of_both(void **state)
{
    struct histogram *both = calloc(1, sizeof(*both));

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        histogram_record(i % 3 == 0 ? &histogram : &other, i * i * 17);
        histogram_record(both, i * i * 17);
    }
    histogram_add(&histogram, &other);
    assert_memory_equal(&histogram, both, sizeof(*both));
    free(both);
}

static void an_empty_one_says_zero(void **state)
{
    (void)state;
    assert_int_equal(histogram_percentile(&histogram, 99), 0);
    assert_true(histogram_mean(&histogram) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_comes_out_is_at_most_a_128th_above_what_went_in, empty),
        cmocka_unit_test_setup(every_value_is_in_a_bucket_whose_bound_is_its_own, empty),
        cmocka_unit_test_setup(the_maximum_and_the_mean_are_exact, empty),
        cmocka_unit_test_setup(what_is_too_long_for_it_counts_and_keeps_its_maximum, empty),
        cmocka_unit_test_setup(two_add_up_to_that_of_both, empty),
        cmocka_unit_test_setup(an_empty_one_says_zero, empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
