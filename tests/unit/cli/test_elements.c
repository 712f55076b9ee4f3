#include "unit/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/elements.h"

#define TOLD_MAX 4096

/* Tells what is found as "1:2 text|...|end" or "...|5:6 sentence", handing over the text in two
 * parts: up to `cut`, then all of it. */
static const char *tell(struct bytes text, size_t cut, char told[TOLD_MAX])
{
    struct elements elements;
    size_t begin = 0, known = cut, length = 0;

    elements_init(&elements);
    for (;;) {
        struct bytes element, input = {text.data + begin, known - begin};
        struct place place;
        const char *error;
        size_t used;
        enum elements_result result =
            elements_next(&elements, input, known == text.size, &used, &element, &place, &error);

        begin += used;
        assert_true(begin <= known);
        if (result == ELEMENTS_MORE) {
            assert_true(known < text.size);
            known = text.size;
        } else if (result == ELEMENTS_END) {
            snprintf(told + length, TOLD_MAX - length, "end");
            return told;
        } else {
            length += (size_t)snprintf(told + length, TOLD_MAX - length,
                                       "%" PRIu64 ":%" PRIu64 " %.*s", place.line, place.column,
                                       result == ELEMENTS_FOUND ? (int)element.size : 200,
                                       result == ELEMENTS_FOUND ? element.data : error);
            if (result == ELEMENTS_BROKEN)
                return told;
            length += (size_t)snprintf(told + length, TOLD_MAX - length, "|");
        }
    }
}

/* However it is cut. */
static void assert_told(const char *text, const char *expected)
{
    struct bytes bytes = {text, strlen(text)};

    for (size_t cut = 0; cut <= bytes.size; cut++) {
        char told[TOLD_MAX];

        assert_string_equal(tell(bytes, cut, told), expected);
    }
}

static void the_elements_of_an_array_are_found(void **state)
{
    (void)state;
    assert_told("[{\"a\":1},{\"b\":[2,{}]}]", "1:2 {\"a\":1}|1:10 {\"b\":[2,{}]}|end");
    assert_told(" [\n {\"a\":\n1} ,\n2 ]\n\n", "2:2 {\"a\":\n1}|4:1 2|end");
    assert_told("[\"a\",\"b\"]", "1:2 \"a\"|1:6 \"b\"|end");
}

static void an_array_may_be_empty(void **state)
{
    (void)state;
    assert_told("[]", "end");
    assert_told(" [ \n ] \n", "end");
}

static void brackets_and_commas_in_strings_are_text(void **state)
{
    (void)state;
    assert_told("[{\"a\":\"]},{\"},\"[,\"]", "1:2 {\"a\":\"]},{\"}|1:15 \"[,\"|end");
    assert_told("[\"\\\"],\",\"\\\\\",\"\\\\\\\"]\"]",
                "1:2 \"\\\"],\"|1:9 \"\\\\\"|1:14 \"\\\\\\\"]\"|end");
}

static void lines_are_elements(void **state)
{
    (void)state;
    assert_told("{\"a\":1}\n{\"b\":2}\n", "1:1 {\"a\":1}|2:1 {\"b\":2}|end");
    assert_told("\n\n  {\"a\":1}  \r\n\n{\"b\":2}", "3:3 {\"a\":1}|5:1 {\"b\":2}|end");
    assert_told("\"a\"\n\"b\"\n", "1:1 \"a\"|2:1 \"b\"|end");
}

static void a_file_of_nothing_has_no_elements(void **state)
{
    (void)state;
    assert_told("", "end");
    assert_told(" \n\n ", "end");
}

static void a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    assert_told("\xef\xbb\xbf[1]", "1:2 1|end");
    assert_told("\xef\xbb\xbf{}\n{}", "1:1 {}|2:1 {}|end");
}

static void what_is_broken_is_named_with_its_place(void **state)
{
    (void)state;
    assert_told("[1,\n 2", "1:2 1|2:2 the file ends in the element that begins here");
    assert_told("[1,", "1:2 1|1:4 the file ends within the array");
    assert_told("[", "1:2 the file ends within the array");
    assert_told("[1,,2]", "1:2 1|1:4 here an element of the array should begin");
    assert_told("[1,]", "1:2 1|1:4 here an element of the array should begin");
    assert_told("[1}", "1:2 1|1:3 this bracket was never opened");
    assert_told("[1]\n x", "1:2 1|2:2 there is something behind the end of the array");
    assert_told("[\"a\\\"]", "1:2 the file ends in the element that begins here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_elements_of_an_array_are_found),
        cmocka_unit_test(an_array_may_be_empty),
        cmocka_unit_test(brackets_and_commas_in_strings_are_text),
        cmocka_unit_test(lines_are_elements),
        cmocka_unit_test(a_file_of_nothing_has_no_elements),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(what_is_broken_is_named_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
