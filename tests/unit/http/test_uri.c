#include "http/uri.h"

#include "unit/test.h"

#define LITERAL(text) ((struct bytes){text, sizeof(text) - 1})

static struct buffer out;

static int tear_down(void **state)
{
    (void)state;
    buffer_clear(&out);
    return 0;
}

static void expect_out(struct bytes expected)
{
    assert_true(bytes_equal(buffer_view(&out), expected));
    out.size = 0;
}

static void expect_path(const char *raw, struct bytes expected)
{
    assert_true(uri_decode_path(bytes_of(raw), &out));
    expect_out(expected);
}

static void expect_query(const char *raw, struct bytes expected)
{
    assert_true(uri_decode_query(bytes_of(raw), &out));
    expect_out(expected);
}

/* --- decoding --- */

static void escapes_become_bytes(void **state)
{
    (void)state;
    expect_path("", LITERAL(""));
    expect_path("a", LITERAL("a"));
    expect_path("%41%c3%A9", LITERAL("A\xc3\xa9"));
    expect_path("%00%ED%A0%80", LITERAL("\0\xed\xa0\x80"));
    expect_path("%25%2541", LITERAL("%%41"));
    expect_path("\xff", LITERAL("\xff"));
}

static void a_plus_is_a_blank_only_in_a_query(void **state)
{
    (void)state;
    expect_path("a+b%2B%20c", LITERAL("a+b+ c"));
    expect_query("a+b%2B%20c", LITERAL("a b+ c"));
}

static void what_the_clients_send_is_the_same_key(void **state)
{
    static const char key[] = "a/b c%20\xc3\xa9?x=1&y#z+:@!$'()*;,=[]~|\"<>\\^`{}";

    (void)state;
    expect_path("a%2Fb%20c%2520%C3%A9%3Fx=1&y%23z+:@!$'()*;,=[]~|%22%3C%3E%5C^%60%7B%7D",
                LITERAL(key));
    expect_path("a%2Fb%20c%2520%C3%A9%3Fx%3D1%26y%23z%2B%3A%40!%24'()*%3B%2C%3D%5B%5D~%7C%22%3C%3E"
                "%5C%5E%60%7B%7D",
                LITERAL(key));
}

static void every_byte_comes_back(void **state)
{
    struct buffer raw = {0};
    char all[256];

    (void)state;
    for (unsigned i = 0; i < sizeof all; i++) {
        all[i] = (char)i;
        buffer_printf(&raw, i % 2 == 0 ? "%%%02x" : "%%%02X", i);
    }
    assert_true(uri_decode_path(buffer_view(&raw), &out));
    expect_out((struct bytes){all, sizeof all});
    assert_true(uri_decode_query(buffer_view(&raw), &out));
    expect_out((struct bytes){all, sizeof all});
    buffer_clear(&raw);
}

static void broken_escapes_are_refused_and_leave_nothing(void **state)
{
    static const char *const rows[] = {"%",    "%4",     "a%",  "%4g", "%g4",
                                       "%%41", "a%20%2", "% 1", "%+1"};

    (void)state;
    buffer_append_text(&out, "before");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_false(uri_decode_path(bytes_of(rows[i]), &out));
        assert_false(uri_decode_query(bytes_of(rows[i]), &out));
        assert_int_equal(out.size, strlen("before"));
    }
    assert_false(uri_decode_path((struct bytes){"%41", 2}, &out));
    assert_true(uri_decode_path(bytes_of("%21"), &out));
    expect_out(LITERAL("before!"));
}

/* --- parameters --- */

static void expect_found(const char *query, const char *name, const char *value)
{
    assert_int_equal(uri_query_find(bytes_of(query), name, &out), URI_PRESENT);
    expect_out(bytes_of(value));
}

static void expect_result(const char *query, const char *name, enum uri_parameter expected)
{
    assert_int_equal(uri_query_find(bytes_of(query), name, &out), expected);
    assert_int_equal(out.size, 0);
}

static void parameters_are_found_by_name(void **state)
{
    static const char query[] = "prefix=p%2F%C3%A9+%26%3D%2B%25&limit=10&cursor=CUR%2B%2F%3D";

    (void)state;
    expect_found(query, "prefix", "p/\xc3\xa9 &=+%");
    expect_found(query, "limit", "10");
    expect_found(query, "cursor", "CUR+/=");
    expect_found("prefix=p%2F%C3%A9%20%26&limit=10", "prefix", "p/\xc3\xa9 &");
    expect_result(query, "pre", URI_ABSENT);
    expect_result(query, "prefixes", URI_ABSENT);
    expect_result(query, "Limit", URI_ABSENT);
    expect_result("", "a", URI_ABSENT);
}

static void a_parameter_may_be_empty(void **state)
{
    (void)state;
    expect_found("a", "a", "");
    expect_found("a=", "a", "");
    expect_found("x&a&y", "a", "");
    expect_found("prefix=&cursor=", "cursor", "");
    expect_found("=v", "", "v");
}

static void the_first_parameter_of_a_name_counts(void **state)
{
    (void)state;
    expect_found("a=1&a=2", "a", "1");
    expect_found("a&a=2", "a", "");
    expect_result("a=%&a=2", "a", URI_BAD);
}

static void a_value_may_hold_what_separates(void **state)
{
    (void)state;
    expect_found("a=b=c&d", "a", "b=c");
    expect_found("a=b;c=d?e", "a", "b;c=d?e");
    expect_found("&&a=1&&", "a", "1");
}

static void names_are_compared_after_decoding(void **state)
{
    (void)state;
    expect_found("%6c%69mit=5", "limit", "5");
    expect_found("a+b=5", "a b", "5");
    expect_result("a%00=5", "a", URI_ABSENT);
    expect_result("%00=5", "", URI_ABSENT);
}

static void only_the_wanted_parameter_must_be_well_formed(void **state)
{
    (void)state;
    expect_found("%zz=1&b=%&a=1", "a", "1");
    expect_result("x=1&a=%4", "a", URI_BAD);
    expect_result("a%=1", "a", URI_ABSENT);
}

/* --- segments --- */

static void expect_segments(struct bytes path, const char *expected)
{
    struct bytes segment;
    size_t at = 0;

    while (uri_next_segment(path, &at, &segment)) {
        buffer_append_text(&out, "(");
        buffer_append_bytes(&out, segment);
        buffer_append_text(&out, ")");
    }
    assert_int_equal(at, path.size);
    expect_out(bytes_of(expected));
}

static void a_path_is_cut_at_its_slashes(void **state)
{
    (void)state;
    expect_segments(LITERAL("/a//b/"), "(a)()(b)()");
    expect_segments(LITERAL("/client/v4/x%2Fy"), "(client)(v4)(x%2Fy)");
    expect_segments(LITERAL("/"), "()");
    expect_segments(LITERAL("//"), "()()");
    expect_segments(LITERAL("/a"), "(a)");
    expect_segments(LITERAL(""), "");
    expect_segments((struct bytes){NULL, 0}, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(escapes_become_bytes, tear_down),
        cmocka_unit_test_teardown(a_plus_is_a_blank_only_in_a_query, tear_down),
        cmocka_unit_test_teardown(what_the_clients_send_is_the_same_key, tear_down),
        cmocka_unit_test_teardown(every_byte_comes_back, tear_down),
        cmocka_unit_test_teardown(broken_escapes_are_refused_and_leave_nothing, tear_down),
        cmocka_unit_test_teardown(parameters_are_found_by_name, tear_down),
        cmocka_unit_test_teardown(a_parameter_may_be_empty, tear_down),
        cmocka_unit_test_teardown(the_first_parameter_of_a_name_counts, tear_down),
        cmocka_unit_test_teardown(a_value_may_hold_what_separates, tear_down),
        cmocka_unit_test_teardown(names_are_compared_after_decoding, tear_down),
        cmocka_unit_test_teardown(only_the_wanted_parameter_must_be_well_formed, tear_down),
        cmocka_unit_test_teardown(a_path_is_cut_at_its_slashes, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
