#include "unit/test.h"

#include "library/servers.h"

#define FAIL_BACK_MS 1000

static struct servers three(void)
{
    struct servers servers;

    servers_init(&servers, 3, FAIL_BACK_MS);
    return servers;
}

static void a_round_tries_each_once_in_the_order_of_the_list(void **state)
{
    struct servers servers = three();

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(servers_next(&servers, 0), i);
        assert_true(servers_next(&servers, 0) == SERVERS_NONE);
        servers_begin_round(&servers);
    }
}

static void one_that_failed_comes_behind_the_others(void **state)
{
    struct servers servers = three();

    (void)state;
    servers_failed(&servers, 0, 0);
    assert_int_equal(servers_next(&servers, 10), 1);
    assert_int_equal(servers_next(&servers, 10), 2);
    assert_int_equal(servers_next(&servers, 10), 0);
}

static void if_all_failed_the_one_that_did_so_first_is_next(void **state)
{
    struct servers servers = three();

    (void)state;
    servers_failed(&servers, 1, 0);
    servers_failed(&servers, 2, 5);
    servers_failed(&servers, 0, 9);
    assert_int_equal(servers_next(&servers, 10), 1);
    assert_int_equal(servers_next(&servers, 10), 2);
    assert_int_equal(servers_next(&servers, 10), 0);
}

static void a_failure_is_forgotten_after_a_while_or_a_success(void **state)
{
    struct servers servers = three();

    (void)state;
    servers_failed(&servers, 0, 0);
    assert_int_equal(servers_next(&servers, FAIL_BACK_MS), 0);
    servers_begin_round(&servers);
    servers_failed(&servers, 0, 0);
    servers_succeeded(&servers, 0);
    assert_int_equal(servers_next(&servers, 10), 0);
}

static void only_servers_before_the_current_one_are_preferred_to_it(void **state)
{
    struct servers servers = three();

    (void)state;
    assert_true(servers_preferred(&servers, 0, 0) == SERVERS_NONE);
    assert_int_equal(servers_preferred(&servers, 2, 0), 0);
    servers_failed(&servers, 0, 0);
    assert_int_equal(servers_preferred(&servers, 2, 10), 1);
    assert_true(servers_preferred(&servers, 1, 10) == SERVERS_NONE);
    assert_int_equal(servers_preferred(&servers, 1, FAIL_BACK_MS), 0);
}

static void another_is_one_that_has_not_failed_lately(void **state)
{
    struct servers servers = three();

    (void)state;
    servers_failed(&servers, 1, 0);
    assert_true(servers_has_other(&servers, 0, 10));
    servers_failed(&servers, 2, 0);
    assert_false(servers_has_other(&servers, 0, 10));
    assert_true(servers_has_other(&servers, 1, 10));
    assert_true(servers_has_other(&servers, 0, FAIL_BACK_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_tries_each_once_in_the_order_of_the_list),
        cmocka_unit_test(one_that_failed_comes_behind_the_others),
        cmocka_unit_test(if_all_failed_the_one_that_did_so_first_is_next),
        cmocka_unit_test(a_failure_is_forgotten_after_a_while_or_a_success),
        cmocka_unit_test(only_servers_before_the_current_one_are_preferred_to_it),
        cmocka_unit_test(another_is_one_that_has_not_failed_lately),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
