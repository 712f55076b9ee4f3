#include "unit/test.h"

#include <sys/mman.h>

#include "base/memory.h"
#include "net/input.h"

#define MANY 200

static void say(struct input *input, struct rooms *rooms, size_t size)
{
    memset(input_reserve(input, rooms, size), 'x', size);
    input->bytes.size += size;
}

static void assert_holds(const struct input *input, size_t size)
{
    assert_int_equal(input->bytes.size, size);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(input->bytes.data[i], 'x');
}

static void what_fits_in_a_room_lies_in_one(void **state)
{
    struct rooms rooms = {0};
    struct input input = {0};

    (void)state;
    say(&input, &rooms, 100);
    assert_true(input.is_in_room);
    assert_int_equal(input.bytes.capacity, ROOM_SIZE);
    say(&input, &rooms, ROOM_SIZE - 100);
    assert_true(input.is_in_room);
    assert_holds(&input, ROOM_SIZE);
    input_clear(&input, &rooms);
    rooms_clear(&rooms);
}

static void what_grows_out_of_its_room_keeps_its_bytes(void **state)
{
    struct rooms rooms = {0};
    struct input input = {0};

    (void)state;
    say(&input, &rooms, ROOM_SIZE);
    say(&input, &rooms, 1);
    assert_false(input.is_in_room);
    assert_holds(&input, ROOM_SIZE + 1);
    say(&input, &rooms, 5 * ROOM_SIZE);
    assert_holds(&input, 6 * ROOM_SIZE + 1);
    input_clear(&input, &rooms);
    rooms_clear(&rooms);
}

static void what_needs_more_than_a_room_at_once_never_takes_one(void **state)
{
    struct rooms rooms = {0};
    struct input input = {0};

    (void)state;
    say(&input, &rooms, ROOM_SIZE + 1);
    assert_false(input.is_in_room);
    assert_int_equal(rooms.region_count, 0);
    input_clear(&input, &rooms);
    rooms_clear(&rooms);
}

static void fitting_leaves_what_it_holds_and_no_more(void **state)
{
    struct rooms rooms = {0};
    struct input input = {0};

    (void)state;
    say(&input, &rooms, 100);
    input_fit(&input, &rooms);
    assert_false(input.is_in_room);
    assert_int_equal(input.bytes.capacity, 100);
    assert_holds(&input, 100);
    say(&input, &rooms, ROOM_SIZE);
    input_fit(&input, &rooms);
    assert_int_equal(input.bytes.capacity, ROOM_SIZE + 100);
    input.bytes.size = 0;
    input_fit(&input, &rooms);
    assert_null(input.bytes.data);
    rooms_clear(&rooms);
}

static void two_that_have_a_room_each_do_not_meet(void **state)
{
    struct rooms rooms = {0};
    static struct input inputs[MANY];

    (void)state;
    for (size_t i = 0; i < MANY; i++)
        memset(input_reserve(&inputs[i], &rooms, ROOM_SIZE), (int)i, ROOM_SIZE);
    for (size_t i = 0; i < MANY; i++)
        for (size_t at = 0; at < ROOM_SIZE; at++)
            assert_int_equal((unsigned char)inputs[i].bytes.data[at], i);
    for (size_t i = 0; i < MANY; i++)
        input_clear(&inputs[i], &rooms);
    rooms_clear(&rooms);
}

static size_t pages_there(const struct rooms *rooms)
{
    unsigned char there[ROOMS_REGION_SIZE / MEMORY_PAGE];
    size_t count = 0;

    for (size_t i = 0; i < rooms->region_count; i++) {
        assert_int_equal(mincore(rooms->regions[i], ROOMS_REGION_SIZE, there), 0);
        for (size_t page = 0; page < sizeof there; page++)
            count += there[page] & 1;
    }
    return count;
}

static void rooms_that_nobody_has_cost_no_memory(void **state)
{
    struct rooms rooms = {0};
    static struct input inputs[MANY];
    size_t used = memory_used();

    (void)state;
    for (size_t i = 0; i < MANY; i++)
        say(&inputs[i], &rooms, ROOM_SIZE);
    assert_true(pages_there(&rooms) >= MANY * ROOM_SIZE / MEMORY_PAGE);
    assert_true(memory_used() >= used + MANY * ROOM_SIZE);
    for (size_t i = 0; i < MANY; i++)
        input_clear(&inputs[i], &rooms);
    assert_true(pages_there(&rooms) <= 16 * (ROOM_SIZE / MEMORY_PAGE + 1));
    assert_true(memory_used() < used + MANY * ROOM_SIZE / 2);
    rooms_clear(&rooms);
}

static void the_room_given_back_last_is_the_next(void **state)
{
    struct rooms rooms = {0};
    char *first = rooms_take(&rooms), *second = rooms_take(&rooms);

    (void)state;
    rooms_give(&rooms, first);
    rooms_give(&rooms, second);
    assert_ptr_equal(rooms_take(&rooms), second);
    assert_ptr_equal(rooms_take(&rooms), first);
    rooms_give(&rooms, first);
    rooms_give(&rooms, second);
    rooms_clear(&rooms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_in_a_room_lies_in_one),
        cmocka_unit_test(what_grows_out_of_its_room_keeps_its_bytes),
        cmocka_unit_test(what_needs_more_than_a_room_at_once_never_takes_one),
        cmocka_unit_test(fitting_leaves_what_it_holds_and_no_more),
        cmocka_unit_test(two_that_have_a_room_each_do_not_meet),
        cmocka_unit_test(rooms_that_nobody_has_cost_no_memory),
        cmocka_unit_test(the_room_given_back_last_is_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
