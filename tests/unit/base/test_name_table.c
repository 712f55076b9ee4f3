#include "base/name_table.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit/test.h"

#define COUNT 1000

struct thing {
    struct name_node node;
    char name[16];
};

static struct name_table table;
static struct thing things[COUNT];

static int fill(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        things[i].node.name =
            (struct bytes){things[i].name, (size_t)snprintf(things[i].name, 16, "thing%d", i)};
        name_table_add(&table, &things[i].node);
    }
    return 0;
}

static int empty(void **state)
{
    (void)state;
    name_table_clear(&table);
    return 0;
}

static void what_was_added_is_found_while_the_table_grows(void **state)
{
    (void)state;
    assert_int_equal(table.count, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_ptr_equal(name_table_find(&table, things[i].node.name), &things[i].node);
    assert_null(name_table_find(&table, bytes_of("thing1000")));
    assert_null(name_table_find(&table, bytes_of("")));
}

static void what_was_removed_is_gone_and_nothing_else(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i += 2)
        name_table_remove(&table, &things[i].node);
    assert_int_equal(table.count, COUNT / 2);
    for (int i = 0; i < COUNT; i++)
        assert_ptr_equal(name_table_find(&table, things[i].node.name),
                         i % 2 == 0 ? NULL : &things[i].node);
}

static void a_name_is_all_of_its_bytes(void **state)
{
    struct thing zero = {.node.name = {"a\0b", 3}};

    (void)state;
    name_table_add(&table, &zero.node);
    assert_null(name_table_find(&table, (struct bytes){"a\0c", 3}));
    assert_null(name_table_find(&table, (struct bytes){"a", 1}));
    assert_ptr_equal(name_table_find(&table, (struct bytes){"a\0b", 3}), &zero.node);
    name_table_remove(&table, &zero.node);
}

static void count_one(void *context, struct name_node *node)
{
    (void)node;
    ++*(int *)context;
}

static void each_shows_every_node_once(void **state)
{
    int count = 0;

    (void)state;
    name_table_each(&table, count_one, &count);
    assert_int_equal(count, COUNT);
}

static void any_empties_a_table(void **state)
{
    struct name_node *node;
    int count = 0;

    (void)state;
    for (; (node = name_table_any(&table)) != NULL; count++)
        name_table_remove(&table, node);
    assert_int_equal(count, COUNT);
}

static void an_empty_table_has_nothing(void **state)
{
    struct name_table none = {0};

    (void)state;
    assert_null(name_table_find(&none, bytes_of("x")));
    assert_null(name_table_any(&none));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fill, empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_added_is_found_while_the_table_grows),
        TEST(what_was_removed_is_gone_and_nothing_else),
        TEST(a_name_is_all_of_its_bytes),
        TEST(each_shows_every_node_once),
        TEST(any_empties_a_table),
        cmocka_unit_test(an_empty_table_has_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
