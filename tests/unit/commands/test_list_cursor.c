#include "unit/test.h"

#include "commands/list_cursor.h"

/* Where a listing goes on that ended behind `last_key`, read back from its cursor. */
static void assert_goes_on(struct bytes prefix, struct bytes last_key, struct bytes expected)
{
    struct buffer text = {0}, from = {0};

    list_cursor_write(prefix, last_key, &text);
    assert_int_equal(list_cursor_read(buffer_view(&text), prefix, &from), STATUS_OK);
    assert_true(bytes_equal(buffer_view(&from), expected));
    buffer_clear(&text);
    buffer_clear(&from);
}

static void assert_refused(struct bytes text, const char *prefix)
{
    struct buffer from = {0};

    assert_int_equal(list_cursor_read(text, bytes_of(prefix), &from), STATUS_CURSOR);
    assert_int_equal(from.size, 0);
}

static void a_listing_goes_on_right_behind_the_last_key(void **state)
{
    (void)state;
    assert_goes_on(bytes_of(""), bytes_of("user:7"), (struct bytes){"user:7\0", 7});
    assert_goes_on(bytes_of("user:"), bytes_of("user:7"), (struct bytes){"user:7\0", 7});
    assert_goes_on(bytes_of("user:"), bytes_of("user:"), (struct bytes){"user:\0", 6});
    assert_goes_on(bytes_of(""), bytes_of(""), (struct bytes){"\0", 1});
    assert_goes_on(bytes_of("\xff"), bytes_of("\xff\n\xff"), (struct bytes){"\xff\n\xff\0", 4});
}

static void a_cursor_belongs_to_its_prefix(void **state)
{
    struct buffer text = {0};

    (void)state;
    list_cursor_write(bytes_of("user:"), bytes_of("user:7"), &text);
    assert_refused(buffer_view(&text), "");
    assert_refused(buffer_view(&text), "user");
    assert_refused(buffer_view(&text), "user:7");
    assert_refused(buffer_view(&text), "group:");
    buffer_clear(&text);
}

static void no_part_of_a_cursor_is_a_cursor(void **state)
{
    struct buffer text = {0};

    (void)state;
    list_cursor_write(bytes_of(""), bytes_of("user:7"), &text);
    for (size_t size = 0; size < text.size; size++)
        assert_refused((struct bytes){text.data, size}, "");
    buffer_clear(&text);
}

static void a_changed_cursor_is_refused(void **state)
{
    struct buffer text = {0};

    (void)state;
    list_cursor_write(bytes_of(""), bytes_of("user:7"), &text);
    for (size_t i = 0; i < text.size; i++) {
        char before = text.data[i];

        text.data[i] = before == 'A' ? 'B' : 'A';
        assert_refused(buffer_view(&text), "");
        text.data[i] = before;
    }
    buffer_append_byte(&text, 'A');
    assert_refused(buffer_view(&text), "");
    buffer_clear(&text);
}

static void other_words_are_no_cursors(void **state)
{
    (void)state;
    assert_refused(bytes_of("0"), "");
    assert_refused(bytes_of("nonsense"), "");
    assert_refused(bytes_of("AAAAAAAAAAAAAAAA"), "");
    assert_refused((struct bytes){"\0\0\0\0\0\0\0\0\0\0\0\0", 12}, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_goes_on_right_behind_the_last_key),
        cmocka_unit_test(a_cursor_belongs_to_its_prefix),
        cmocka_unit_test(no_part_of_a_cursor_is_a_cursor),
        cmocka_unit_test(a_changed_cursor_is_refused),
        cmocka_unit_test(other_words_are_no_cursors),
    };

    return cmocka_run_group_tests_name("list_cursor", tests, NULL, NULL);
}
