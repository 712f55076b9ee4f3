#include "unit/test.h"

#include "base/buffer.h"

static void assert_holds(const struct buffer *buffer, const char *text)
{
    assert_true(bytes_equal(buffer_view(buffer), bytes_of(text)));
}

static void zeros_are_an_empty_buffer(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    buffer_append(&buffer, NULL, 0);
    buffer_append_text(&buffer, "");
    buffer_consume(&buffer, 0);
    assert_int_equal(buffer.size, 0);
    assert_null(buffer.data);
    buffer_clear(&buffer);
}

static void what_is_appended_stands_behind_the_rest(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    buffer_append(&buffer, "one", 3);
    buffer_append_byte(&buffer, ' ');
    buffer_append_text(&buffer, "two ");
    buffer_append_bytes(&buffer, bytes_of("three"));
    assert_holds(&buffer, "one two three");
    buffer_clear(&buffer);
}

static void reserve_makes_room_and_leaves_the_size(void **state)
{
    struct buffer buffer = {0};
    char *room;

    (void)state;
    buffer_append_text(&buffer, "ab");
    room = buffer_reserve(&buffer, 100000);
    assert_ptr_equal(room, buffer.data + 2);
    assert_int_equal(buffer.size, 2);
    assert_true(buffer.capacity >= 100002);
    memset(room, 'x', 100000);
    assert_memory_equal(buffer.data, "ab", 2);
    buffer_clear(&buffer);
}

static void reserved_room_is_not_made_twice(void **state)
{
    struct buffer buffer = {0};
    char *room = buffer_reserve(&buffer, 1000);

    (void)state;
    for (int i = 0; i < 1000; i++)
        buffer_append_byte(&buffer, 'x');
    assert_ptr_equal(buffer.data, room);
    buffer_clear(&buffer);
}

static void shrinking_keeps_what_it_holds(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    (void)buffer_reserve(&buffer, 1000);
    buffer_append_text(&buffer, "abc");
    buffer_shrink(&buffer, 2000);
    assert_int_equal(buffer.capacity, 1000);
    buffer_shrink(&buffer, 10);
    assert_int_equal(buffer.capacity, 10);
    buffer_shrink(&buffer, 0);
    assert_int_equal(buffer.capacity, 3);
    assert_holds(&buffer, "abc");
    buffer_consume(&buffer, 3);
    buffer_shrink(&buffer, 0);
    assert_null(buffer.data);
}

static void growing_byte_by_byte_moves_it_seldom(void **state)
{
    struct buffer buffer = {0};
    size_t capacity = 0;
    int moves = 0;

    (void)state;
    for (int i = 0; i < 3000000; i++) {
        buffer_append_byte(&buffer, 'x');
        moves += buffer.capacity != capacity;
        capacity = buffer.capacity;
    }
    assert_int_equal(buffer.size, 3000000);
    assert_in_range(moves, 1, 30);
    buffer_clear(&buffer);
}

static void a_large_value_does_not_take_twice_its_size(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    (void)buffer_reserve(&buffer, 25 * 1024 * 1024);
    assert_int_equal(buffer.capacity, 25 * 1024 * 1024);
    buffer_clear(&buffer);
}

static void printf_appends_whatever_the_length(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    buffer_printf(&buffer, "%d", 1);
    buffer_printf(&buffer, "-%s-", "two");
    buffer_printf(&buffer, "%s", "");
    assert_holds(&buffer, "1-two-");
    buffer_printf(&buffer, "%0*d", 5000, 3);
    assert_int_equal(buffer.size, 5006);
    assert_int_equal(buffer.data[5005], '3');
    buffer_clear(&buffer);
}

static void printf_keeps_its_last_byte_when_the_room_fits_exactly(void **state)
{
    (void)state;
    for (int length = 60; length <= 70; length++) {
        struct buffer buffer = {0};

        (void)buffer_reserve(&buffer, 64);
        buffer_printf(&buffer, "%0*d", length, 7);
        assert_int_equal(buffer.size, length);
        assert_int_equal(buffer.data[length - 1], '7');
        buffer_clear(&buffer);
    }
}

static void consume_drops_the_front(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    buffer_append_text(&buffer, "0123456789");
    buffer_consume(&buffer, 3);
    assert_holds(&buffer, "3456789");
    buffer_consume(&buffer, 7);
    assert_int_equal(buffer.size, 0);
    buffer_append_text(&buffer, "again");
    assert_holds(&buffer, "again");
    buffer_clear(&buffer);
}

static void a_cleared_buffer_can_be_used(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    buffer_append_text(&buffer, "before");
    buffer_clear(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
    buffer_append_text(&buffer, "after");
    assert_holds(&buffer, "after");
    buffer_clear(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeros_are_an_empty_buffer),
        cmocka_unit_test(what_is_appended_stands_behind_the_rest),
        cmocka_unit_test(reserve_makes_room_and_leaves_the_size),
        cmocka_unit_test(reserved_room_is_not_made_twice),
        cmocka_unit_test(shrinking_keeps_what_it_holds),
        cmocka_unit_test(growing_byte_by_byte_moves_it_seldom),
        cmocka_unit_test(a_large_value_does_not_take_twice_its_size),
        cmocka_unit_test(printf_appends_whatever_the_length),
        cmocka_unit_test(printf_keeps_its_last_byte_when_the_room_fits_exactly),
        cmocka_unit_test(consume_drops_the_front),
        cmocka_unit_test(a_cleared_buffer_can_be_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
