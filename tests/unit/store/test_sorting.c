#include "store/sorting.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "unit/test.h"

/* A group of entries, and what sorting makes of it. */
struct fixture {
    struct group *group;
    struct sorting sorting;
};

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof *fixture);

    fixture->group = group_create(1);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < fixture->group->change_count; i++)
        entry_destroy(fixture->group->changes[i].entry);
    group_destroy(fixture->group);
    sorting_clear(&fixture->sorting);
    free(fixture);
    return 0;
}

static void add(struct fixture *fixture, uint32_t ns, struct bytes key)
{
    group_add_change(fixture->group, entry_create(0, ns, key, bytes_of(""), 0), NULL);
}

static void assert_sorted(struct fixture *fixture)
{
    sorting_sort(&fixture->sorting, fixture->group);
    for (size_t i = 1; i < fixture->group->change_count; i++) {
        const struct entry *a = fixture->sorting.changes[i - 1]->entry;
        const struct entry *b = fixture->sorting.changes[i]->entry;

        assert_true(a->ns <= b->ns);
        if (a->ns == b->ns)
            assert_true(bytes_compare(entry_key(a), entry_key(b)) < 0);
    }
}

static void keys_with_a_common_beginning_are_sorted(void **state)
{
    char key[32];

    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof key, "key:%012u", i * 7919 % 1000);
        add(*state, 3, bytes_of(key));
    }
    assert_sorted(*state);
}

static void a_key_that_others_go_on_from_comes_first(void **state)
{
    static const char zeros[16] = "key";

    for (size_t size = sizeof zeros; size > 0; size--)
        add(*state, 3, (struct bytes){zeros, size});
    add(*state, 3, bytes_of("key behind"));
    assert_sorted(*state);
}

static void keys_that_differ_late_are_sorted(void **state)
{
    add(*state, 3, bytes_of("a"));
    add(*state, 3, bytes_of("the same for long: \xff"));
    add(*state, 3, bytes_of("the same for long: b"));
    add(*state, 3, bytes_of("the same for long: a"));
    assert_sorted(*state);
}

static void namespaces_come_one_after_the_other(void **state)
{
    static const uint32_t numbers[] = {7, 300, 7, UINT32_MAX - 1, 300, 0};
    char key[] = "z";

    for (size_t i = 0; i < COUNT_OF(numbers); i++, key[0]--)
        add(*state, numbers[i], bytes_of(key));
    assert_sorted(*state);
}

static void every_change_is_there_once(void **state)
{
    struct fixture *fixture = *state;
    uint64_t found = 0;

    for (char i = 0; i < 40; i++)
        add(fixture, 1, (struct bytes){&i, 1});
    sorting_sort(&fixture->sorting, fixture->group);
    for (size_t i = 0; i < fixture->group->change_count; i++)
        found |= UINT64_C(1) << (fixture->sorting.changes[i] - fixture->group->changes);
    assert_int_equal(found, (UINT64_C(1) << 40) - 1);
}

static void one_change_is_sorted(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, 1, bytes_of("alone"));
    sorting_sort(&fixture->sorting, fixture->group);
    assert_ptr_equal(fixture->sorting.changes[0], &fixture->group->changes[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_with_a_common_beginning_are_sorted),
        TEST(a_key_that_others_go_on_from_comes_first),
        TEST(keys_that_differ_late_are_sorted),
        TEST(namespaces_come_one_after_the_other),
        TEST(every_change_is_there_once),
        TEST(one_change_is_sorted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
