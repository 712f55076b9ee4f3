#include "replication/positions.h"

#include "base/random.h"
#include "unit/test.h"

#define NODES        8
#define INCARNATIONS 8

static void a_position_begins_at_its_start(void **state)
{
    struct positions positions = {0};
    struct origin_position *added;

    (void)state;
    added = positions_add(&positions, 5, 1, 100);
    assert_int_equal(added->start, 100);
    assert_int_equal(added->position, 100);
    assert_false(added->is_closed);
    positions_clear(&positions);
}

static void adding_again_finds_what_is_there(void **state)
{
    struct positions positions = {0};

    (void)state;
    positions_add(&positions, 5, 1, 100)->position = 200;
    assert_int_equal(positions_add(&positions, 5, 1, 999)->position, 200);
    assert_int_equal(positions.count, 1);
    positions_clear(&positions);
}

/* At random, beside a plain array of what should be there. */
static void the_table_stays_ordered_and_complete(void **state)
{
    struct positions positions = {0};
    bool is_there[NODES][INCARNATIONS] = {0};
    struct random random = {1};

    (void)state;
    for (int i = 0; i < 5000; i++) {
        uint64_t node = random_below(&random, NODES);
        uint32_t incarnation = (uint32_t)random_below(&random, INCARNATIONS);
        size_t count = 0;

        is_there[node][incarnation] = random_below(&random, 2) == 0;
        if (is_there[node][incarnation])
            (void)positions_add(&positions, node, incarnation, node);
        else
            positions_remove(&positions, node, incarnation);
        for (size_t j = 0; j < (size_t)NODES * INCARNATIONS; j++) {
            uint64_t n = j / INCARNATIONS;
            uint32_t inc = (uint32_t)(j % INCARNATIONS);
            struct origin_position *found = positions_find(&positions, n, inc);

            assert_int_equal(found != NULL, is_there[n][inc]);
            if (found != NULL)
                assert_ptr_equal(found, &positions.at[count++]);
        }
        assert_int_equal(positions.count, count);
    }
    positions_clear(&positions);
}

static void a_copy_stands_alone(void **state)
{
    struct positions positions = {0}, copy = {0};

    (void)state;
    positions_copy(&copy, &positions);
    assert_int_equal(copy.count, 0);
    for (uint32_t i = 0; i < 20; i++)
        (void)positions_add(&positions, i, i, i);
    positions_copy(&copy, &positions);
    positions_remove(&positions, 3, 3);
    assert_int_equal(copy.count, 20);
    assert_non_null(positions_find(&copy, 3, 3));
    positions_copy(&copy, &positions);
    assert_int_equal(copy.count, 19);
    positions_clear(&positions);
    positions_clear(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_position_begins_at_its_start),
        cmocka_unit_test(adding_again_finds_what_is_there),
        cmocka_unit_test(the_table_stays_ordered_and_complete),
        cmocka_unit_test(a_copy_stands_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
