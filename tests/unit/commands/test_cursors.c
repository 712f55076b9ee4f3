#include "unit/test.h"

#include "commands/cursors.h"

#define PLENTY (1024 * 1024)

static const struct ns here = {.id = {1}};
static const struct ns elsewhere = {.id = {2}};

static void assert_recalls(struct cursors *cursors, uint64_t cursor, struct bytes expected)
{
    struct buffer key = {0};

    assert_true(cursors_recall(cursors, &here, cursor, &key));
    assert_true(bytes_equal(buffer_view(&key), expected));
    buffer_clear(&key);
}

static void assert_unknown(struct cursors *cursors, const struct ns *ns, uint64_t cursor)
{
    struct buffer key = {0};

    assert_false(cursors_recall(cursors, ns, cursor, &key));
    assert_int_equal(key.size, 0);
}

static void a_number_recalls_its_key(void **state)
{
    struct cursors *cursors = cursors_create(4, PLENTY);
    uint64_t a = cursors_remember(cursors, &here, bytes_of("a"));
    uint64_t b = cursors_remember(cursors, &here, bytes_of("b"));

    (void)state;
    assert_recalls(cursors, a, bytes_of("a"));
    assert_recalls(cursors, b, bytes_of("b"));
    cursors_destroy(cursors);
}

static void a_number_can_be_used_again(void **state)
{
    struct cursors *cursors = cursors_create(4, PLENTY);
    uint64_t cursor = cursors_remember(cursors, &here, bytes_of("key"));

    (void)state;
    assert_recalls(cursors, cursor, bytes_of("key"));
    assert_recalls(cursors, cursor, bytes_of("key"));
    cursors_destroy(cursors);
}

static void a_key_may_be_empty_or_hold_any_byte(void **state)
{
    struct cursors *cursors = cursors_create(4, PLENTY);
    struct bytes binary = {"\0\xff\r\n", 4};

    (void)state;
    assert_recalls(cursors, cursors_remember(cursors, &here, bytes_of("")), bytes_of(""));
    assert_recalls(cursors, cursors_remember(cursors, &here, binary), binary);
    cursors_destroy(cursors);
}

static void a_number_is_unknown_in_another_namespace(void **state)
{
    struct cursors *cursors = cursors_create(4, PLENTY);
    uint64_t cursor = cursors_remember(cursors, &here, bytes_of("key"));

    (void)state;
    assert_unknown(cursors, &elsewhere, cursor);
    assert_recalls(cursors, cursor, bytes_of("key"));
    cursors_destroy(cursors);
}

static void numbers_never_given_out_are_unknown(void **state)
{
    struct cursors *cursors = cursors_create(4, PLENTY);
    uint64_t first;

    (void)state;
    assert_unknown(cursors, &here, 0);
    first = cursors_remember(cursors, &here, bytes_of("key"));
    assert_unknown(cursors, &here, 0);
    assert_unknown(cursors, &here, first - 1);
    assert_unknown(cursors, &here, first + 1);
    assert_unknown(cursors, &here, UINT64_MAX);
    cursors_destroy(cursors);
}

static void numbers_fit_a_double_and_are_not_zero(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct cursors *cursors = cursors_create(1, PLENTY);
        uint64_t cursor = cursors_remember(cursors, &here, bytes_of("key"));

        assert_in_range(cursor, 1, (UINT64_C(1) << 53) - 1);
        cursors_destroy(cursors);
    }
}

static void a_new_table_does_not_know_the_numbers_of_an_old_one(void **state)
{
    struct cursors *before = cursors_create(4, PLENTY);
    struct cursors *after = cursors_create(4, PLENTY);
    uint64_t cursor = cursors_remember(before, &here, bytes_of("key"));

    (void)state;
    cursors_remember(after, &here, bytes_of("other"));
    assert_unknown(after, &here, cursor);
    cursors_destroy(before);
    cursors_destroy(after);
}

static void the_oldest_waiting_position_goes_when_there_are_too_many(void **state)
{
    struct cursors *cursors = cursors_create(3, PLENTY);
    uint64_t cursor[5];

    (void)state;
    for (int i = 0; i < 5; i++)
        cursor[i] = cursors_remember(cursors, &here, (struct bytes){"abcde", (size_t)i});
    assert_unknown(cursors, &here, cursor[0]);
    assert_unknown(cursors, &here, cursor[1]);
    for (int i = 2; i < 5; i++)
        assert_recalls(cursors, cursor[i], (struct bytes){"abcde", (size_t)i});
    cursors_destroy(cursors);
}

static void a_listing_that_runs_pushes_out_none_that_waits(void **state)
{
    struct cursors *cursors = cursors_create(3, PLENTY);
    uint64_t waiting = cursors_remember(cursors, &here, bytes_of("waiting"));

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_recalls(cursors, cursors_remember(cursors, &here, bytes_of("on")), bytes_of("on"));
    assert_recalls(cursors, waiting, bytes_of("waiting"));
    cursors_destroy(cursors);
}

static void the_position_used_longest_ago_goes_when_there_are_too_many(void **state)
{
    struct cursors *cursors = cursors_create(3, PLENTY);
    uint64_t cursor[4];

    (void)state;
    for (int i = 0; i < 3; i++)
        cursor[i] = cursors_remember(cursors, &here, bytes_of("key"));
    for (int i = 0; i < 3; i++)
        assert_recalls(cursors, cursor[i], bytes_of("key"));
    assert_recalls(cursors, cursor[0], bytes_of("key"));
    cursor[3] = cursors_remember(cursors, &here, bytes_of("key"));
    assert_recalls(cursors, cursor[3], bytes_of("key"));
    assert_unknown(cursors, &here, cursor[1]);
    assert_recalls(cursors, cursor[0], bytes_of("key"));
    cursors_destroy(cursors);
}

static void the_oldest_positions_go_when_their_keys_take_too_much_room(void **state)
{
    static const char long_key[1000];
    struct bytes key = {long_key, sizeof(long_key)};
    struct cursors *cursors = cursors_create(100, 5000);
    uint64_t first = cursors_remember(cursors, &here, key);
    uint64_t second = cursors_remember(cursors, &here, key);
    uint64_t third = cursors_remember(cursors, &here, key);

    (void)state;
    assert_unknown(cursors, &here, first);
    assert_recalls(cursors, second, key);
    assert_recalls(cursors, third, key);
    cursors_destroy(cursors);
}

static void a_key_longer_than_all_room_is_still_remembered(void **state)
{
    static const char long_key[1000];
    struct bytes key = {long_key, sizeof(long_key)};
    struct cursors *cursors = cursors_create(100, 10);

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_recalls(cursors, cursors_remember(cursors, &here, key), key);
    cursors_destroy(cursors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_recalls_its_key),
        cmocka_unit_test(a_number_can_be_used_again),
        cmocka_unit_test(a_key_may_be_empty_or_hold_any_byte),
        cmocka_unit_test(a_number_is_unknown_in_another_namespace),
        cmocka_unit_test(numbers_never_given_out_are_unknown),
        cmocka_unit_test(numbers_fit_a_double_and_are_not_zero),
        cmocka_unit_test(a_new_table_does_not_know_the_numbers_of_an_old_one),
        cmocka_unit_test(the_oldest_waiting_position_goes_when_there_are_too_many),
        cmocka_unit_test(a_listing_that_runs_pushes_out_none_that_waits),
        cmocka_unit_test(the_position_used_longest_ago_goes_when_there_are_too_many),
        cmocka_unit_test(the_oldest_positions_go_when_their_keys_take_too_much_room),
        cmocka_unit_test(a_key_longer_than_all_room_is_still_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
