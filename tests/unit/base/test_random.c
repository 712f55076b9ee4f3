#include "unit/test.h"

#include <string.h>

#include "base/random.h"

static void kernel_bytes_fill_all_of_the_room_and_no_more(void **state)
{
    unsigned char room[600], zeros = 0;

    (void)state;
    memset(room, 0, sizeof room);
    random_bytes(room + 1, sizeof room - 2);
    assert_int_equal(room[0], 0);
    assert_int_equal(room[sizeof room - 1], 0);
    for (size_t i = 1; i < sizeof room - 1; i++)
        zeros = (unsigned char)(zeros + (room[i] == 0));
    assert_true(zeros < 50);
    random_bytes(room, 0);
}

static void secrets_differ(void **state)
{
    (void)state;
    assert_true(random_secret_u64() != random_secret_u64());
}

static void a_seed_gives_the_same_row_everywhere(void **state)
{
    /* As Vigna's splitmix64.c prints them. */
    static const uint64_t row[] = {6457827717110365317U, 3203168211198807973U, 9817491932198370423U,
                                   4593380528125082431U, 16408922859458223821U};
    struct random random = {1234567};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        assert_true(random_next(&random) == row[i]);
}

static void a_number_below_a_limit_is_below_it(void **state)
{
    struct random random = {1};

    (void)state;
    for (uint64_t limit = 1; limit < 1000; limit++)
        assert_true(random_below(&random, limit) < limit);
    assert_true(random_below(&random, UINT64_MAX) < UINT64_MAX);
    assert_int_equal(random_below(&random, 1), 0);
}

static void every_number_below_comes_as_often(void **state)
{
    struct random random = {7};
    int seen[10] = {0};

    (void)state;
    for (int i = 0; i < 100000; i++)
        seen[random_below(&random, 10)]++;
    for (int i = 0; i < 10; i++)
        assert_in_range(seen[i], 9500, 10500);
}

static void a_limit_that_does_not_divide_the_range_is_fair_too(void **state)
{
    /* The remainder of a plain modulo would fall below 2^62 twice as often as above. */
    const uint64_t limit = (UINT64_C(1) << 63) + (UINT64_C(1) << 62), third = UINT64_C(1) << 62;
    struct random random = {7};
    int seen[3] = {0};

    (void)state;
    for (int i = 0; i < 30000; i++)
        seen[random_below(&random, limit) / third]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(seen[i], 9500, 10500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_bytes_fill_all_of_the_room_and_no_more),
        cmocka_unit_test(secrets_differ),
        cmocka_unit_test(a_seed_gives_the_same_row_everywhere),
        cmocka_unit_test(a_number_below_a_limit_is_below_it),
        cmocka_unit_test(every_number_below_comes_as_often),
        cmocka_unit_test(a_limit_that_does_not_divide_the_range_is_fair_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
