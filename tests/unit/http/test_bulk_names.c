#include "http/bulk_names.h"

#include <stdio.h>

#include "unit/test.h"

static struct bulk_names names;

static int set_up(void **state)
{
    (void)state;
    bulk_names_init(&names);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bulk_names_clear(&names);
    return 0;
}

static void without_items_there_is_nothing_to_settle(void **state)
{
    (void)state;
    bulk_names_settle(&names);
    assert_int_equal(names.count, 0);
}

static void the_last_item_of_a_key_is_told_from_earlier_ones(void **state)
{
    static const char *const keys[] = {"a", "b", "a", "", "c", "a", "b", ""};
    static const bool is_last[] = {false, false, false, false, true, true, true, true};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        bulk_names_add(&names, bytes_of(keys[i]));
    bulk_names_settle(&names);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_int_equal(bulk_names_is_last(&names, i), is_last[i]);
}

static void many_keys_are_all_different(void **state)
{
    (void)state;
    for (int i = 0; i < 10000; i++) {
        char key[16];

        (void)snprintf(key, sizeof key, "%d", i % 5000);
        bulk_names_add(&names, bytes_of(key));
    }
    bulk_names_settle(&names);
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(bulk_names_is_last(&names, i), i >= 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_items_there_is_nothing_to_settle, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_last_item_of_a_key_is_told_from_earlier_ones, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(many_keys_are_all_different, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
