#include "store/key_filter.h"

#include <stdio.h>

#include "unit/test.h"

#define BITS (1u << 20)
#define KEYS 60000

static struct key_filter *filter;

static int set_up(void **state)
{
    (void)state;
    filter = key_filter_create(BITS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    key_filter_destroy(filter);
    return 0;
}

static bool may_have(const char *what, int number)
{
    char key[32];

    (void)snprintf(key, sizeof key, "%s%d", what, number);
    return key_filter_may_have(filter, bytes_of(key));
}

static void add_all(void)
{
    char key[16];

    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        key_filter_add(filter, bytes_of(key));
    }
}

static void it_knows_all_keys_that_are_there_and_few_others(void **state)
{
    int wrong = 0;

    (void)state;
    assert_false(may_have("", 0));
    add_all();
    for (int i = 0; i < KEYS; i++) {
        assert_true(may_have("", i));
        wrong += may_have("other:", i);
    }
    assert_in_range(wrong, 1, KEYS / 25);
}

static void it_knows_none_when_it_was_cleared(void **state)
{
    (void)state;
    add_all();
    key_filter_clear(filter);
    for (int i = 0; i < KEYS; i++)
        assert_false(may_have("", i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_knows_all_keys_that_are_there_and_few_others, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(it_knows_none_when_it_was_cleared, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
