#include "http/form.h"

#include <stdlib.h>
#include <string.h>

#include "commands/metadata.h"
#include "unit/test.h"

static const char TYPE[] = "multipart/form-data; boundary=b";

static struct buffer form, metadata;
static struct bytes value;
static struct fault fault;

static void part(const char *name, const char *data)
{
    buffer_printf(&form, "--b\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", name,
                  data);
}

/* Reads the parts so far behind a value, and begins anew. */
static bool read_form(void)
{
    bool is_read;

    part("value", "v");
    buffer_append_text(&form, "--b--\r\n");
    metadata.size = 0;
    is_read = form_read(bytes_of(TYPE), buffer_view(&form), &value, &metadata, &fault);
    if (is_read)
        assert_memory_equal(value.data, "v", value.size);
    form.size = 0;
    buffer_append_byte(&metadata, '\0');
    return is_read;
}

static void becomes(const char *json)
{
    if (!read_form())
        fail_msg("%s", fault.text);
    assert_string_equal(metadata.data, json);
}

static void is_refused(enum http_refusal refusal)
{
    assert_false(read_form());
    assert_int_equal(fault.refusal, refusal);
}

static int tear_down(void **state)
{
    (void)state;
    buffer_clear(&form);
    buffer_clear(&metadata);
    return 0;
}

/* --- the claims --- */

static void metadata_is_one_json_text(void **state)
{
    (void)state;
    becomes("");
    part("metadata", " {\"a\" : [1, \"\xc3\xbc\"]}");
    becomes("{\"a\":[1,\"\xc3\xbc\"]}");
    part("metadata", "null");
    becomes("null");
    part("metadata", "{a:1}");
    is_refused(REFUSE_METADATA);
    part("metadata", "");
    is_refused(REFUSE_METADATA);
}

static void metadata_that_no_limit_allows_is_not_even_read(void **state)
{
    char *text = calloc(1, METADATA_TEXT_MAX + 2);

    (void)state;
    memset(text, ' ', METADATA_TEXT_MAX);
    text[0] = '5';
    part("metadata", text);
    becomes("5");
    text[METADATA_TEXT_MAX] = ' ';
    part("metadata", text);
    is_refused(REFUSE_METADATA_TOO_LONG);
    free(text);
}

static void parts_that_are_not_known_are_passed_over(void **state)
{
    (void)state;
    part("metadatas[a]", "x");
    part("expiration", "17");
    becomes("");
}

static void a_form_needs_a_value_a_boundary_and_an_end(void **state)
{
    (void)state;
    assert_false(
        form_read(bytes_of("multipart/form-data"), bytes_of(""), &value, &metadata, &fault));
    assert_int_equal(fault.refusal, REFUSE_BAD_REQUEST);
    part("metadata", "1");
    assert_false(form_read(bytes_of(TYPE), buffer_view(&form), &value, &metadata, &fault));
    assert_int_equal(fault.refusal, REFUSE_BAD_REQUEST);
    buffer_append_text(&form, "--b--\r\n");
    assert_false(form_read(bytes_of(TYPE), buffer_view(&form), &value, &metadata, &fault));
    assert_string_equal(fault.text, "the form has no part named value");
    form.size = 0;
}

static void names_in_brackets_are_the_way_to_a_string(void **state)
{
    (void)state;
    part("metadata[a][b]", "1");
    part("metadata[a][c d]", "\"\r\n");
    part("metadata[\xc3\xbc]", "");
    becomes("{\"a\":{\"b\":\"1\",\"c d\":\"\\\"\\r\\n\"},\"\xc3\xbc\":\"\"}");
}

static void empty_brackets_at_the_end_make_an_array(void **state)
{
    (void)state;
    part("metadata[list][]", "x");
    part("metadata[other]", "y");
    part("metadata[list][]", "x");
    becomes("{\"list\":[\"x\",\"x\"],\"other\":\"y\"}");
    part("metadata[]", "x");
    part("metadata[]", "y");
    becomes("[\"x\",\"y\"]");
}

static void names_that_tell_nothing_are_refused(void **state)
{
    static const char *const names[] = {"metadata[",       "metadata[a",    "metadata[a]b",
                                        "metadata[a]b]",   "metadata[][a]", "metadata[a][][b]",
                                        "metadata[a][][]", "metadata[\xff]"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        part(names[i], "x");
        is_refused(REFUSE_METADATA);
    }
    part("metadata[a]", "\xff");
    is_refused(REFUSE_METADATA);
}

static void two_parts_in_one_place_are_refused(void **state)
{
    static const char *const pairs[][2] = {
        {"metadata[a]", "metadata[a]"},      {"metadata[a]", "metadata[a][b]"},
        {"metadata[a]", "metadata[a][]"},    {"metadata[a][b]", "metadata[a]"},
        {"metadata[a][]", "metadata[a]"},    {"metadata[a][]", "metadata[a][b]"},
        {"metadata[a][b]", "metadata[a][]"}, {"metadata[]", "metadata[a]"},
        {"metadata[a]", "metadata[]"}};

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        part(pairs[i][0], "x");
        part(pairs[i][1], "y");
        is_refused(REFUSE_METADATA);
    }
}

static void a_deep_or_endless_one_is_refused(void **state)
{
    enum { DEEP = 32, MANY = 4096 };
    char name[sizeof("metadata") + 3 * (DEEP + 1)] = "metadata";

    (void)state;
    for (int i = 0; i < DEEP; i++)
        strcat(name, "[a]");
    part(name, "x");
    assert_true(read_form());
    strcat(name, "[a]");
    part(name, "x");
    is_refused(REFUSE_METADATA);
    for (int i = 0; i < MANY + 1; i++)
        part("metadata[]", "x");
    is_refused(REFUSE_METADATA_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_is_one_json_text),
        cmocka_unit_test(metadata_that_no_limit_allows_is_not_even_read),
        cmocka_unit_test(parts_that_are_not_known_are_passed_over),
        cmocka_unit_test(a_form_needs_a_value_a_boundary_and_an_end),
        cmocka_unit_test(names_in_brackets_are_the_way_to_a_string),
        cmocka_unit_test(empty_brackets_at_the_end_make_an_array),
        cmocka_unit_test(names_that_tell_nothing_are_refused),
        cmocka_unit_test(two_parts_in_one_place_are_refused),
        cmocka_unit_test(a_deep_or_endless_one_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
