#include "unit/test.h"

#include <math.h>
#include <stdlib.h>

#include "load/permutation.h"
#include "load/zipf.h"

#define DRAWS 400000
#define KEYS  200

/* The sum over all keys of (seen - expected)^2 / expected: with KEYS - 1 degrees of freedom, about
 * KEYS - 1, and for a right sampler above this limit once in a million seeds. */
#define CHI_SQUARE_MAX 307.0

static double chi_square(double theta, uint64_t seed)
{
    double expected[KEYS], sum = 0, chi = 0;
    unsigned seen[KEYS] = {0};
    struct random random = {seed};
    struct zipf zipf;

    zipf_init(&zipf, theta, KEYS);
    for (int i = 0; i < DRAWS; i++)
        seen[zipf_draw(&zipf, &random)]++;
    for (int i = 0; i < KEYS; i++)
        sum += expected[i] = pow(i + 1, -theta);
    for (int i = 0; i < KEYS; i++) {
        double right = expected[i] / sum * DRAWS;

        chi += (seen[i] - right) * (seen[i] - right) / right;
    }
    return chi;
}

static void keys_are_as_frequent_as_zipf_says(void **state)
{
    static const double thetas[] = {0.2, 0.5, 0.99, 1, 1.000000001, 1.2, 2};

    (void)state;
    for (size_t i = 0; i < sizeof(thetas) / sizeof(thetas[0]); i++)
        assert_true(chi_square(thetas[i], 11 + i) < CHI_SQUARE_MAX);
}

static void the_test_of_frequencies_notices_a_theta_that_is_slightly_wrong(void **state)
{
    double expected[KEYS], sum = 0, chi = 0;
    unsigned seen[KEYS] = {0};
    struct random random = {3};
    struct zipf zipf;

    (void)state;
    zipf_init(&zipf, 0.96, KEYS);
    for (int i = 0; i < DRAWS; i++)
        seen[zipf_draw(&zipf, &random)]++;
    for (int i = 0; i < KEYS; i++)
        sum += expected[i] = pow(i + 1, -0.99);
    for (int i = 0; i < KEYS; i++)
        chi += pow(seen[i] - expected[i] / sum * DRAWS, 2) / (expected[i] / sum * DRAWS);
    assert_true(chi > CHI_SQUARE_MAX);
}

/* The sum of i^-theta: exactly for the first, then by the integral (Euler and Maclaurin). */
static double harmonic(double theta, double count)
{
    double sum = 0, first = 1000;

    for (double i = 1; i < first; i++)
        sum += pow(i, -theta);
    return sum + (pow(count, 1 - theta) - pow(first, 1 - theta)) / (1 - theta) +
           (pow(first, -theta) + pow(count, -theta)) / 2;
}

static void a_hundred_million_keys_need_no_table(void **state)
{
    static const uint64_t count = 100000000;
    struct random random = {5};
    unsigned first = 0, head = 0;
    struct zipf zipf;

    (void)state;
    zipf_init(&zipf, 0.99, count);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t drawn = zipf_draw(&zipf, &random);

        assert_true(drawn < count);
        first += drawn == 0;
        head += drawn < count / 10;
    }
    /* Six standard deviations to either side. */
    assert_true(fabs(first - DRAWS / harmonic(0.99, 1e8)) < 6 * sqrt(DRAWS * 0.05));
    assert_true(fabs(head - DRAWS * harmonic(0.99, 1e7) / harmonic(0.99, 1e8)) <
                6 * sqrt(DRAWS * 0.1));
}

static void another_count_is_as_from_the_beginning(void **state)
{
    struct random one = {9}, other = {9};
    struct zipf grown, fresh;

    (void)state;
    zipf_init(&grown, 0.99, 10);
    zipf_set_count(&grown, 5000);
    zipf_init(&fresh, 0.99, 5000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(zipf_draw(&grown, &one), zipf_draw(&fresh, &other));
}

static void one_key_is_always_drawn(void **state)
{
    struct random random = {1};
    struct zipf zipf;

    (void)state;
    zipf_init(&zipf, 0.99, 1);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(zipf_draw(&zipf, &random), 0);
}

static void a_permutation_names_each_number_once(void **state)
{
    static const uint64_t counts[] = {1, 2, 3, 4, 5, 1000, 1023, 4097};

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        unsigned char *seen = calloc(counts[i], 1);
        struct permutation permutation;

        permutation_init(&permutation, counts[i], 17);
        for (uint64_t index = 0; index < counts[i]; index++) {
            uint64_t number = permutation_at(&permutation, index);

            assert_true(number < counts[i]);
            assert_int_equal(seen[number]++, 0);
        }
        free(seen);
    }
}

static void neighbours_do_not_stay_neighbours(void **state)
{
    struct permutation permutation;
    int close = 0;

    (void)state;
    permutation_init(&permutation, 100000, 3);
    for (uint64_t i = 0; i + 1 < 10000; i++)
        close += llabs((long long)permutation_at(&permutation, i) -
                       (long long)permutation_at(&permutation, i + 1)) < 100;
    assert_in_range(close, 0, 60); /* 20 are expected */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_as_frequent_as_zipf_says),
        cmocka_unit_test(the_test_of_frequencies_notices_a_theta_that_is_slightly_wrong),
        cmocka_unit_test(a_hundred_million_keys_need_no_table),
        cmocka_unit_test(another_count_is_as_from_the_beginning),
        cmocka_unit_test(one_key_is_always_drawn),
        cmocka_unit_test(a_permutation_names_each_number_once),
        cmocka_unit_test(neighbours_do_not_stay_neighbours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
