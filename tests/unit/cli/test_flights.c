#include "unit/test.h"

#include <stdio.h>
#include <string.h>

#include "client/cli/flights.h"

static struct flights flights;

static int land_all(void **state)
{
    (void)state;
    flights_clear(&flights);
    return 0;
}

static struct bytes text(const char *text_of_it)
{
    return (struct bytes){text_of_it, strlen(text_of_it)};
}

static void assert_text(const struct flight *flight, const char *expected)
{
    assert_non_null(flight);
    assert_int_equal(flight_text(flight).size, strlen(expected));
    assert_memory_equal(flight_text(flight).data, expected, strlen(expected));
}

static void a_key_is_found_while_it_is_in_flight(void **state)
{
    struct flight *flight = flights_add(&flights, text("k"), text("one"));

    (void)state;
    assert_ptr_equal(flights_find(&flights, text("k")), flight);
    assert_text(flight, "one");
    assert_null(flights_find(&flights, text("kk")));
    assert_null(flights_remove(&flights, flight));
    assert_null(flights_find(&flights, text("k")));
    assert_int_equal(flights.count, 0);
}

static void a_follower_takes_over_when_the_first_has_landed(void **state)
{
    struct flight *first = flights_add(&flights, text("k"), text("one")), *follower;
    bool has_replaced;

    (void)state;
    follower = flights_follow(&flights, first, text("two"), &has_replaced);
    assert_false(has_replaced);
    assert_int_equal(flights.count, 1);
    assert_ptr_equal(flights_find(&flights, text("k")), first);
    assert_ptr_equal(flights_remove(&flights, first), follower);
    assert_ptr_equal(flights_find(&flights, text("k")), follower);
    assert_text(follower, "two");
    assert_int_equal(flights.follower_bytes, 0);
}

static void a_later_follower_takes_the_place_of_an_earlier_one(void **state)
{
    struct flight *first = flights_add(&flights, text("k"), text("one"));
    bool has_replaced;

    (void)state;
    flights_follow(&flights, first, text("two"), &has_replaced);
    flights_follow(&flights, first, text("three"), &has_replaced);
    assert_true(has_replaced);
    assert_int_equal(flights.follower_bytes, strlen("kthree"));
    assert_text(flights_remove(&flights, first), "three");
}

static void many_keys_find_their_own(void **state)
{
    char key[32];

    (void)state;
    for (uint64_t i = 0; i < 3 * FLIGHTS_MAX; i++) {
        snprintf(key, sizeof(key), "key %d", (int)i);
        flights_add(&flights, text(key), text(key))->number = 10000 - i % 5000;
    }
    for (int i = 0; i < 3 * FLIGHTS_MAX; i++) {
        snprintf(key, sizeof(key), "key %d", i);
        assert_text(flights_find(&flights, text(key)), key);
    }
    assert_int_equal(flights_first(&flights), 10000 - 4999);
}

static void none_in_flight_is_no_first(void **state)
{
    (void)state;
    assert_true(flights_first(&flights) == UINT64_MAX);
}

static void an_empty_key_is_a_key(void **state)
{
    struct flight *flight = flights_add(&flights, text(""), text("one"));

    (void)state;
    assert_ptr_equal(flights_find(&flights, (struct bytes){NULL, 0}), flight);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_key_is_found_while_it_is_in_flight, land_all),
        cmocka_unit_test_teardown(a_follower_takes_over_when_the_first_has_landed, land_all),
        cmocka_unit_test_teardown(a_later_follower_takes_the_place_of_an_earlier_one, land_all),
        cmocka_unit_test_teardown(many_keys_find_their_own, land_all),
        cmocka_unit_test_teardown(none_in_flight_is_no_first, land_all),
        cmocka_unit_test_teardown(an_empty_key_is_a_key, land_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
