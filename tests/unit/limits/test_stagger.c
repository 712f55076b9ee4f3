#include "unit/test.h"

#include <stdbool.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "limits/stagger.h"

#define KEYS 2000

static const uint64_t nodes[] = {11, 22, 33, 44, UINT64_MAX};
static const uint64_t in_another_order[] = {UINT64_MAX, 33, 11, 44, 22};

static uint64_t hash_of(int key)
{
    return hash_content((struct bytes){(const char *)&key, sizeof key});
}

static void the_last_writer_does_not_wait(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(nodes); i++)
        assert_int_equal(stagger_rank(1, nodes, COUNT_OF(nodes), nodes[i], nodes[i]), 0);
    assert_int_equal(stagger_rank(1, nodes, 1, 11, 11), 0);
}

static void the_others_wait_each_for_a_different_time(void **state)
{
    (void)state;
    for (int key = 0; key < KEYS; key++) {
        bool is_taken[COUNT_OF(nodes)] = {true};

        for (size_t i = 0; i < COUNT_OF(nodes); i++) {
            size_t rank = stagger_rank(hash_of(key), nodes, COUNT_OF(nodes), nodes[i], 33);

            if (nodes[i] == 33)
                continue;
            assert_in_range(rank, 1, COUNT_OF(nodes) - 1);
            assert_false(is_taken[rank]);
            is_taken[rank] = true;
        }
    }
}

/* A last writer that has left the cluster stands in nobody's way. */
static void a_last_writer_who_is_no_member_takes_no_place(void **state)
{
    (void)state;
    assert_int_equal(stagger_rank(7, nodes, 1, 11, 99), 1);
    for (size_t i = 0; i < COUNT_OF(nodes); i++)
        assert_in_range(stagger_rank(7, nodes, COUNT_OF(nodes), nodes[i], 99), 1, COUNT_OF(nodes));
}

static void the_order_of_the_members_does_not_matter(void **state)
{
    (void)state;
    for (int key = 0; key < KEYS; key++)
        for (size_t i = 0; i < COUNT_OF(nodes); i++)
            assert_int_equal(
                stagger_rank(hash_of(key), nodes, COUNT_OF(nodes), nodes[i], 22),
                stagger_rank(hash_of(key), in_another_order, COUNT_OF(nodes), nodes[i], 22));
}

static void every_node_is_first_for_its_share_of_the_keys(void **state)
{
    (void)state;
    for (size_t i = 1; i < COUNT_OF(nodes); i++) {
        int first = 0;

        for (int key = 0; key < KEYS; key++)
            first += stagger_rank(hash_of(key), nodes, COUNT_OF(nodes), nodes[i], 11) == 1;
        assert_in_range(first, KEYS / 4 - KEYS / 16, KEYS / 4 + KEYS / 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_writer_does_not_wait),
        cmocka_unit_test(the_others_wait_each_for_a_different_time),
        cmocka_unit_test(a_last_writer_who_is_no_member_takes_no_place),
        cmocka_unit_test(the_order_of_the_members_does_not_matter),
        cmocka_unit_test(every_node_is_first_for_its_share_of_the_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
