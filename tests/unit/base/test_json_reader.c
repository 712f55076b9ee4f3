#include "base/json_reader.h"

#include <string.h>

#include "base/json_text.h"
#include "unit/test.h"

static struct json_reader reader;
static struct buffer out;

static int tear_down(void **state)
{
    (void)state;
    buffer_clear(&out);
    return 0;
}

static void read(const char *text)
{
    json_reader_init(&reader, bytes_of(text));
}

static void decodes_to(const char *text, struct bytes string)
{
    read(text);
    out.size = 0;
    assert_true(json_reader_take_string(&reader, &out));
    assert_true(bytes_equal(buffer_view(&out), string));
    assert_true(json_reader_at_end(&reader));
}

static void an_array_is_walked_through(void **state)
{
    int count = 0;

    (void)state;
    read(" [ 1 , [] , {\"a\":[2]} , \"x\" ] ");
    assert_true(json_reader_enter(&reader, JSON_IS_ARRAY));
    while (json_reader_next_element(&reader)) {
        static const char *const raws[] = {"1", "[]", "{\"a\":[2]}", "\"x\""};
        struct bytes raw;

        assert_true(json_reader_skip(&reader, &raw));
        assert_true(bytes_equal(raw, bytes_of(raws[count++])));
    }
    assert_int_equal(count, 4);
    assert_true(json_reader_at_end(&reader));
}

static void an_object_is_walked_through(void **state)
{
    struct bytes raw;

    (void)state;
    read("{\"a\\u0062\": {\"c\": [true, null]}, \"\": -1.5e+3}");
    assert_true(json_reader_enter(&reader, JSON_IS_OBJECT));
    assert_true(json_reader_next_member(&reader, &out));
    assert_true(bytes_equal(buffer_view(&out), bytes_of("ab")));
    assert_int_equal(json_reader_peek(&reader), JSON_IS_OBJECT);
    assert_true(json_reader_skip(&reader, &raw));
    assert_true(json_reader_next_member(&reader, &out));
    assert_int_equal(out.size, 0);
    assert_int_equal(json_reader_peek(&reader), JSON_IS_NUMBER);
    assert_true(json_reader_skip(&reader, &raw));
    assert_true(bytes_equal(raw, bytes_of("-1.5e+3")));
    assert_false(json_reader_next_member(&reader, &out));
    assert_true(json_reader_at_end(&reader));
}

static void arrays_inside_of_arrays_are_entered(void **state)
{
    struct bytes raw;

    (void)state;
    read("[[],[1],2]");
    assert_true(json_reader_enter(&reader, JSON_IS_ARRAY));
    assert_true(json_reader_next_element(&reader));
    assert_true(json_reader_enter(&reader, JSON_IS_ARRAY));
    assert_false(json_reader_next_element(&reader));
    assert_true(json_reader_next_element(&reader));
    assert_true(json_reader_enter(&reader, JSON_IS_ARRAY));
    assert_true(json_reader_next_element(&reader));
    assert_true(json_reader_skip(&reader, &raw));
    assert_false(json_reader_next_element(&reader));
    assert_true(json_reader_next_element(&reader));
    assert_true(json_reader_skip(&reader, &raw));
    assert_false(json_reader_next_element(&reader));
    assert_true(json_reader_at_end(&reader));
}

static void every_escape_is_decoded(void **state)
{
    (void)state;
    decodes_to("\"\"", bytes_of(""));
    decodes_to("\"\\\" \\\\ \\/ \\b \\f \\n \\r \\t\"", bytes_of("\" \\ / \b \f \n \r \t"));
    decodes_to("\"a\\u0000b\"", (struct bytes){"a\0b", 3});
    decodes_to("\"\\u00e4\\u20AC\\ud83c\\uDF47\"",
               bytes_of("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8d\x87"));
    decodes_to("\"\xc3\xa4\x7f\"", bytes_of("\xc3\xa4\x7f"));
}

static void what_is_written_is_read_back(void **state)
{
    char every[128];
    struct buffer text = {0};

    (void)state;
    for (size_t i = 0; i < sizeof every; i++)
        every[i] = (char)i;
    json_text_string(&text, (struct bytes){every, sizeof every});
    json_reader_init(&reader, buffer_view(&text));
    assert_true(json_reader_take_string(&reader, &out));
    assert_true(bytes_equal(buffer_view(&out), (struct bytes){every, sizeof every}));
    buffer_clear(&text);
}

static void half_of_a_surrogate_pair_is_no_string_but_no_broken_text_either(void **state)
{
    static const char *const texts[] = {"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"",
                                        "\"\\ud800\\n\"", "\"\\ud800\\ud800\""};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        read(texts[i]);
        assert_false(json_reader_take_string(&reader, &out));
        assert_true(json_reader_is_valid(bytes_of(texts[i])));
    }
}

static void valid_texts_are_recognized(void **state)
{
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "10",
        "1.0",
        "-1.25E-7",
        "0e0",
        "1e999",
        "\"\"",
        "[]",
        "{}",
        " [ ] ",
        "\t{\n}\r",
        "[[[]]]",
        "{\"a\":{\"a\":[]}}",
        "[1,2]",
        "{\"\":0,\"\":1}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_true(json_reader_is_valid(bytes_of(texts[i])));
}

static void broken_texts_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "+1",
        "01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "-",
        "0x10",
        "NaN",
        "'a'",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "\"\x1f\"",
        "\"\xff\"",
        "\"\xc3\"",
        "\"\xed\xa0\x80\"",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "{",
        "}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "{\"a\":1]",
        "[] []",
        "1 2",
        "\xef\xbb\xbf{}",
        "/**/1",
        "[1]x",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_false(json_reader_is_valid(bytes_of(texts[i])));
    assert_false(json_reader_is_valid((struct bytes){"\"\\\0\"", 4}));
    assert_false(json_reader_is_valid((struct bytes){"1\0", 2}));
}

static void a_failure_stays(void **state)
{
    struct bytes raw;

    (void)state;
    read("[\"a\", 1, 2]");
    assert_true(json_reader_enter(&reader, JSON_IS_ARRAY));
    assert_true(json_reader_next_element(&reader));
    assert_false(json_reader_enter(&reader, JSON_IS_OBJECT));
    assert_false(json_reader_next_element(&reader));
    assert_false(json_reader_skip(&reader, &raw));
    assert_int_equal(json_reader_peek(&reader), JSON_IS_BAD);
    assert_false(json_reader_at_end(&reader));
}

static void depth_has_a_limit(void **state)
{
    char text[2 * JSON_DEPTH_MAX + 2];

    (void)state;
    memset(text, '[', sizeof text / 2);
    memset(text + sizeof text / 2, ']', sizeof text / 2);
    assert_true(json_reader_is_valid((struct bytes){text + 1, sizeof text - 2}));
    assert_false(json_reader_is_valid((struct bytes){text, sizeof text}));
}

static void every_cut_of_a_text_is_broken(void **state)
{
    static const char text[] =
        "{\"a\": [1, -2.5e3, \"\\u00e4\\n\", {}], \"b\": [true, false, null]}";

    (void)state;
    for (size_t size = 0; size < sizeof text - 1; size++)
        assert_false(json_reader_is_valid((struct bytes){text, size}));
    assert_true(json_reader_is_valid(bytes_of(text)));
}

static void a_copy_remembers_a_place(void **state)
{
    struct json_reader before;

    (void)state;
    read("[\"a\",\"b\"]");
    assert_true(json_reader_enter(&reader, JSON_IS_ARRAY));
    before = reader;
    for (int i = 0; i < 2; i++) {
        reader = before;
        out.size = 0;
        assert_true(json_reader_next_element(&reader) && json_reader_take_string(&reader, &out));
        assert_true(json_reader_next_element(&reader) && json_reader_take_string(&reader, &out));
        assert_true(bytes_equal(buffer_view(&out), bytes_of("ab")));
    }
}

static void compacting_leaves_what_it_means(void **state)
{
    (void)state;
    json_reader_compact(bytes_of(" { \"a b\" : [ 1.0 , 1e5 , \"\\u00e4\\/\\n\\ud800 \" ] } "),
                        &out);
    assert_true(
        bytes_equal(buffer_view(&out), bytes_of("{\"a b\":[1.0,1e5,\"\\u00e4\\/\\n\\ud800 \"]}")));
    out.size = 0;
    json_reader_compact(bytes_of("[ \"\\u00e4\\/\\n\\u0001\" ]"), &out);
    assert_true(bytes_equal(buffer_view(&out), bytes_of("[\"\xc3\xa4/\\n\\u0001\"]")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_array_is_walked_through, tear_down),
        cmocka_unit_test_teardown(an_object_is_walked_through, tear_down),
        cmocka_unit_test_teardown(arrays_inside_of_arrays_are_entered, tear_down),
        cmocka_unit_test_teardown(every_escape_is_decoded, tear_down),
        cmocka_unit_test_teardown(what_is_written_is_read_back, tear_down),
        cmocka_unit_test_teardown(half_of_a_surrogate_pair_is_no_string_but_no_broken_text_either,
                                  tear_down),
        cmocka_unit_test_teardown(valid_texts_are_recognized, tear_down),
        cmocka_unit_test_teardown(broken_texts_are_refused, tear_down),
        cmocka_unit_test_teardown(a_failure_stays, tear_down),
        cmocka_unit_test_teardown(depth_has_a_limit, tear_down),
        cmocka_unit_test_teardown(every_cut_of_a_text_is_broken, tear_down),
        cmocka_unit_test_teardown(a_copy_remembers_a_place, tear_down),
        cmocka_unit_test_teardown(compacting_leaves_what_it_means, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
