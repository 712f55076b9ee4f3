#include "base/json_text.h"

#include <jansson.h>

#include "unit/test.h"

static struct buffer out;

static int tear_down(void **state)
{
    (void)state;
    buffer_clear(&out);
    return 0;
}

static void expect(const char *json)
{
    assert_int_equal(out.size, strlen(json));
    assert_memory_equal(out.data, json, out.size);
}

static void a_text_stands_in_quotes(void **state)
{
    (void)state;
    json_text_string(&out, bytes_of("Grüße / 7"));
    expect("\"Grüße / 7\"");
}

static void quotes_backslashes_and_control_characters_are_escaped(void **state)
{
    (void)state;
    json_text_string(&out, (struct bytes){"\"\\\b\f\n\r\t\x01\x1f\0\x7f", 11});
    expect("\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000\x7f\"");
}

static void every_character_comes_back_from_a_parser(void **state)
{
    char text[128];
    json_t *json;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)i;
    json_text_string(&out, (struct bytes){text, sizeof text});
    json = json_loadb(out.data, out.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    assert_int_equal(json_string_length(json), sizeof text);
    assert_memory_equal(json_string_value(json), text, sizeof text);
    json_decref(json);
}

static void what_makes_no_character_is_replaced(void **state)
{
    static const char *const rows[][2] = {
        {"", "\"\""},
        {"Gr\xc3\xbc\xc3\x9f"
         "e\n",
         "\"Gr\xc3\xbc\xc3\x9f"
         "e\\n\""},
        {"a\xff"
         "b",
         "\"a\xef\xbf\xbd"
         "b\""},
        {"\xe2\x82", "\"\xef\xbf\xbd\""},
        {"\xe2\x82x", "\"\xef\xbf\xbdx\""},
        {"\xf0\x9f\x98\xc3\xbc", "\"\xef\xbf\xbd\xc3\xbc\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\"\x80\"", "\"\\\"\xef\xbf\xbd\\\"\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buffer_clear(&out);
        json_text_any(&out, bytes_of(rows[i][0]));
        expect(rows[i][1]);
    }
}

static void bytes_become_base64_with_padding(void **state)
{
    static const char *const rows[][2] = {
        {"", "\"\""},        {"f", "\"Zg==\""},        {"fo", "\"Zm8=\""},
        {"foo", "\"Zm9v\""}, {"foob", "\"Zm9vYg==\""}, {"\xff\xfe\xfb", "\"//77\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        out.size = 0;
        json_text_base64(&out, bytes_of(rows[i][0]));
        expect(rows[i][1]);
    }
}

static void what_is_json_already_is_brought_to_one_line(void **state)
{
    (void)state;
    json_text_raw(&out, bytes_of("{\r\n\"a\": \"\\n\"}"));
    expect("{  \"a\": \"\\n\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_text_stands_in_quotes, tear_down),
        cmocka_unit_test_teardown(quotes_backslashes_and_control_characters_are_escaped, tear_down),
        cmocka_unit_test_teardown(every_character_comes_back_from_a_parser, tear_down),
        cmocka_unit_test_teardown(what_makes_no_character_is_replaced, tear_down),
        cmocka_unit_test_teardown(bytes_become_base64_with_padding, tear_down),
        cmocka_unit_test_teardown(what_is_json_already_is_brought_to_one_line, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
