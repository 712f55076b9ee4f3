#include "http/multipart.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "unit/test.h"

#define LITERAL(text) ((struct bytes){text, sizeof(text) - 1})
#define PART(headers, data)                                                                        \
    "--b\r\n" headers "\r\n" data "\r\n" /* of the boundary "b", and its headers' line ends */

static struct buffer heard;

static int tear_down(void **state)
{
    (void)state;
    buffer_clear(&heard);
    return 0;
}

/* Reads a body, in memory of its own, to its end.  Heard is [name]{data} for each part. */
static enum multipart_event read_body(struct bytes body, const char *boundary)
{
    char *copy = malloc(body.size == 0 ? 1 : body.size);
    struct multipart multipart;
    struct multipart_part part;
    enum multipart_event event;

    memcpy(copy, body.data, body.size);
    multipart_init(&multipart, (struct bytes){copy, body.size}, bytes_of(boundary));
    heard.size = 0;
    while ((event = multipart_next(&multipart, &part)) == MULTIPART_PART) {
        buffer_append_text(&heard, "[");
        buffer_append_bytes(&heard, part.name);
        buffer_append_text(&heard, "]{");
        buffer_append_bytes(&heard, part.data);
        buffer_append_text(&heard, "}");
    }
    free(copy);
    return event;
}

static void expect_parts(struct bytes body, const char *boundary, struct bytes expected)
{
    assert_int_equal(read_body(body, boundary), MULTIPART_END);
    assert_int_equal(heard.size, expected.size);
    assert_memory_equal(heard.size == 0 ? "" : heard.data, expected.data, expected.size);
}

static void expect_bad(struct bytes body)
{
    assert_int_equal(read_body(body, "b"), MULTIPART_BAD);
}

/* --- the Content-Type --- */

static void a_form_is_known_by_its_type(void **state)
{
    (void)state;
    assert_true(multipart_is_form(bytes_of("multipart/form-data; boundary=x")));
    assert_true(multipart_is_form(bytes_of("multipart/form-data")));
    assert_true(multipart_is_form(bytes_of("Multipart/Form-Data ;x")));
    assert_false(multipart_is_form(bytes_of("multipart/form-database")));
    assert_false(multipart_is_form(bytes_of("multipart/mixed; boundary=x")));
    assert_false(multipart_is_form(bytes_of("application/x-www-form-urlencoded")));
    assert_false(multipart_is_form(bytes_of("text/plain; a=multipart/form-data")));
    assert_false(multipart_is_form(bytes_of("")));
}

static void expect_boundary(const char *parameters, const char *expected)
{
    struct bytes boundary = {NULL, 0};
    struct buffer type = {0};

    buffer_append_text(&type, "multipart/form-data");
    buffer_append_text(&type, parameters);
    assert_int_equal(multipart_boundary(buffer_view(&type), &boundary), expected != NULL);
    if (expected != NULL)
        assert_true(bytes_equal(boundary, bytes_of(expected)));
    buffer_clear(&type);
}

static void a_boundary_is_quoted_or_not(void **state)
{
    (void)state;
    expect_boundary("; boundary=----formdata-undici-027724520315",
                    "----formdata-undici-027724520315");
    expect_boundary(";boundary=a", "a");
    expect_boundary(" ; BOUNDARY=\"a; b=c\" ; x", "a; b=c");
    expect_boundary("; charset=utf-8; boundary=a/b:c ;x=y", "a/b:c");
    expect_boundary("; x=\"boundary=no;boundary=no\"; boundary=yes", "yes");
    expect_boundary("; x; boundary=a; boundary=b", "a");
    expect_boundary("; boundary=~", "~");
}

static void a_boundary_must_be_there_and_good(void **state)
{
    (void)state;
    expect_boundary("", NULL);
    expect_boundary(";", NULL);
    expect_boundary("; boundary", NULL);
    expect_boundary("; boundary=", NULL);
    expect_boundary("; boundary=;", NULL);
    expect_boundary("; boundary=\"\"", NULL);
    expect_boundary("; boundary=\"a", NULL);
    expect_boundary("; boundary=\"a \"", NULL);
    expect_boundary("; boundary=a\tb", NULL);
    expect_boundary("; boundary=a\x7f", NULL);
    expect_boundary("; boundary=\xc3\xa9", NULL);
    expect_boundary("; boundary=\"a\\\"b\"", NULL);
    expect_boundary("; boundaries=a", NULL);
    expect_boundary("; xboundary=a", NULL);
}

static void a_boundary_is_at_most_200_bytes(void **state)
{
    char text[256] = "; boundary=";
    size_t front = strlen(text);

    (void)state;
    memset(text + front, 'b', MULTIPART_BOUNDARY_MAX);
    expect_boundary(text, text + front);
    text[front + MULTIPART_BOUNDARY_MAX] = 'b';
    expect_boundary(text, NULL);
}

/* --- parts --- */

static void a_form_of_the_sdk_is_read(void **state)
{
    (void)state;
    expect_parts(LITERAL("------formdata-undici-027724520315\r\n"
                         "Content-Disposition: form-data; name=\"value\"\r\n\r\n"
                         "line1\r\nline2\r\n"
                         "------formdata-undici-027724520315\r\n"
                         "Content-Disposition: form-data; name=\"metadata\"\r\n\r\n"
                         "{\"a\":1}\r\n"
                         "------formdata-undici-027724520315--\r\n"),
                 "----formdata-undici-027724520315",
                 LITERAL("[value]{line1\r\nline2}[metadata]{{\"a\":1}}"));
}

static void a_file_is_read_byte_by_byte_as_it_is(void **state)
{
    (void)state;
    expect_parts(LITERAL("--b\r\n"
                         "Content-Disposition: form-data; name=\"value\"; filename=\"v.bin\"\r\n"
                         "Content-Type: application/octet-stream\r\n\r\n"
                         "\0\xff\r\n\r\n\n--b\r--b--\r\n--\r\n"
                         "\r\n--b--\r\n"),
                 "b", LITERAL("[value]{\0\xff\r\n\r\n\n--b\r--b--\r\n--\r\n}"));
}

static void a_longer_line_is_no_delimiter(void **state)
{
    (void)state;
    expect_parts(LITERAL(PART("", "\r\n--bc\r\n--b-\r\n--b--c\r\n--b c\r\n--b\r\r\n--b\n") "--b--"),
                 "b", LITERAL("[]{\r\n--bc\r\n--b-\r\n--b--c\r\n--b c\r\n--b\r\r\n--b\n}"));
}

static void a_delimiter_may_be_followed_by_blanks(void **state)
{
    (void)state;
    expect_parts(LITERAL("--b \t\r\n\r\n1\r\n--b \r\n\r\n2\r\n--b-- \t"), "b",
                 LITERAL("[]{1}[]{2}"));
    expect_parts(LITERAL("--b\r\n\r\n1\r\n--b-- \r\n"), "b", LITERAL("[]{1}"));
}

static void a_part_may_be_empty(void **state)
{
    (void)state;
    expect_parts(LITERAL(PART("a:b\r\n", "") PART("", "") "--b--"), "b", LITERAL("[]{}[]{}"));
    expect_parts(LITERAL("--b\r\na:b\r\n\r\n--b\r\n\r\n--b--"), "b", LITERAL("[]{}[]{}"));
}

static void a_form_may_have_no_parts(void **state)
{
    (void)state;
    expect_parts(LITERAL("--b--\r\n"), "b", LITERAL(""));
    expect_parts(LITERAL("--b--"), "b", LITERAL(""));
}

static void text_around_the_parts_is_read_over(void **state)
{
    (void)state;
    expect_parts(LITERAL("This is\r\n--bc\r\n\r\n" PART("", "x") "--b--\r\nthe end\r\n--b\r\n"),
                 "b", LITERAL("[]{x}"));
    expect_parts(LITERAL("\r\n" PART("", "x") "--b--"), "b", LITERAL("[]{x}"));
}

static void a_boundary_may_look_like_an_end(void **state)
{
    (void)state;
    expect_parts(LITERAL("--b--\r\n\r\nx\r\n--b----\r\n"), "b--", LITERAL("[]{x}"));
    expect_parts(LITERAL("----\r\n\r\nx\r\n------\r\n"), "--", LITERAL("[]{x}"));
}

/* --- names --- */

static void expect_name(const char *headers, const char *expected)
{
    struct buffer body = {0}, parts = {0};

    buffer_printf(&body, "--b\r\n%s\r\n\r\nx\r\n--b--", headers);
    buffer_printf(&parts, "[%s]{x}", expected);
    expect_parts(buffer_view(&body), "b", buffer_view(&parts));
    buffer_clear(&body);
    buffer_clear(&parts);
}

static void the_name_is_raw_between_its_quotes(void **state)
{
    (void)state;
    expect_name("Content-Disposition: form-data; name=\"a b;c=d%22\"", "a b;c=d%22");
    expect_name("Content-Disposition: form-data; name=\"metadata[a][b]\"", "metadata[a][b]");
    expect_name("Content-Disposition: form-data; name=\"\xc3\xa9\\\"", "\xc3\xa9\\");
    expect_name("content-disposition:form-data;NAME=plain ; filename=x", "plain");
    expect_name("Content-Disposition: form-data; filename=\"name=no; name=no\"; name=\"yes\"",
                "yes");
    expect_name("Content-Type: text/plain; name=no\r\nContent-Disposition: form-data; name=yes",
                "yes");
}

static void a_part_may_have_no_name(void **state)
{
    (void)state;
    expect_name("Content-Disposition: form-data", "");
    expect_name("Content-Disposition: form-data; filename=\"x\"", "");
    expect_name("Content-Disposition: form-data; name=\"x", "");
    expect_name("Content-Disposition: form-data; name=\"\"", "");
    expect_name("Content-Type: text/plain", "");
}

/* --- what is bad --- */

static void a_body_that_breaks_off_is_bad(void **state)
{
    static const char body[] = "ab\r\n--b\r\nContent-Disposition: form-data; name=\"value\"\r\n\r\n"
                               "x\r\n--b\r\n\r\ny\r\n--b--";

    (void)state;
    for (size_t size = 0; size < sizeof body - 1; size++)
        expect_bad((struct bytes){body, size});
    expect_parts(LITERAL(body), "b", LITERAL("[value]{x}[]{y}"));
}

static void a_body_without_any_byte_is_bad(void **state)
{
    struct multipart multipart;
    struct multipart_part part;

    (void)state;
    multipart_init(&multipart, (struct bytes){NULL, 0}, bytes_of("b"));
    assert_int_equal(multipart_next(&multipart, &part), MULTIPART_BAD);
}

static void lines_end_in_cr_lf(void **state)
{
    (void)state;
    expect_bad(LITERAL("--b\n\nx\n--b--\n"));
    expect_bad(LITERAL("--b\r\na: b\n\r\nx\r\n--b--"));
    expect_bad(LITERAL("--b\r\na: b\r\n\nx\r\n--b--"));
    expect_bad(LITERAL("--b\r\n\r\nx\n--b--"));
    expect_bad(LITERAL("x--b\r\n\r\nx\r\n--c--"));
}

static void a_header_of_a_part_has_a_colon(void **state)
{
    (void)state;
    expect_bad(LITERAL("--b\r\na\r\n\r\nx\r\n--b--"));
    expect_bad(LITERAL("--b\r\n: a\r\n\r\nx\r\n--b--"));
    expect_bad(LITERAL("--b\r\n--b\r\n\r\nx\r\n--b--"));
}

static void what_is_bad_stays_bad(void **state)
{
    struct multipart multipart;
    struct multipart_part part;

    (void)state;
    multipart_init(&multipart, LITERAL(PART("", "x") "--b\r\nbad\r\n\r\n--b--"), LITERAL("b"));
    assert_int_equal(multipart_next(&multipart, &part), MULTIPART_PART);
    assert_int_equal(multipart_next(&multipart, &part), MULTIPART_BAD);
    assert_int_equal(multipart_next(&multipart, &part), MULTIPART_BAD);
}

static void the_headers_of_a_part_are_at_most_8_kib(void **state)
{
    struct buffer body = {0};

    (void)state;
    for (size_t more = 0; more <= 1; more++) {
        body.size = 0;
        buffer_append_text(&body, "--b\r\n");
        for (size_t i = 0; i < MULTIPART_HEADERS_MAX / 8 - 1; i++)
            buffer_append_text(&body, "abc:ef\r\n");
        buffer_append_text(&body, more == 0 ? "a:bc" : "a:bcd");
        buffer_append_text(&body, "\r\n\r\nx\r\n--b--");
        assert_int_equal(read_body(buffer_view(&body), "b"),
                         more == 0 ? MULTIPART_END : MULTIPART_BAD);
    }
    buffer_clear(&body);
}

static void a_hostile_body_takes_no_longer_than_it_is_long(void **state)
{
    struct buffer body = {0};

    (void)state;
    buffer_append_text(&body, "--b\r\n\r\n");
    for (int i = 0; i < 300000; i++)
        buffer_append_text(&body, "\r\n--b-- \t \t x");
    assert_int_equal(read_body(buffer_view(&body), "b"), MULTIPART_BAD);
    buffer_clear(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_form_is_known_by_its_type, tear_down),
        cmocka_unit_test_teardown(a_boundary_is_quoted_or_not, tear_down),
        cmocka_unit_test_teardown(a_boundary_must_be_there_and_good, tear_down),
        cmocka_unit_test_teardown(a_boundary_is_at_most_200_bytes, tear_down),
        cmocka_unit_test_teardown(a_form_of_the_sdk_is_read, tear_down),
        cmocka_unit_test_teardown(a_file_is_read_byte_by_byte_as_it_is, tear_down),
        cmocka_unit_test_teardown(a_longer_line_is_no_delimiter, tear_down),
        cmocka_unit_test_teardown(a_delimiter_may_be_followed_by_blanks, tear_down),
        cmocka_unit_test_teardown(a_part_may_be_empty, tear_down),
        cmocka_unit_test_teardown(a_form_may_have_no_parts, tear_down),
        cmocka_unit_test_teardown(text_around_the_parts_is_read_over, tear_down),
        cmocka_unit_test_teardown(a_boundary_may_look_like_an_end, tear_down),
        cmocka_unit_test_teardown(the_name_is_raw_between_its_quotes, tear_down),
        cmocka_unit_test_teardown(a_part_may_have_no_name, tear_down),
        cmocka_unit_test_teardown(a_body_that_breaks_off_is_bad, tear_down),
        cmocka_unit_test_teardown(a_body_without_any_byte_is_bad, tear_down),
        cmocka_unit_test_teardown(lines_end_in_cr_lf, tear_down),
        cmocka_unit_test_teardown(a_header_of_a_part_has_a_colon, tear_down),
        cmocka_unit_test_teardown(what_is_bad_stays_bad, tear_down),
        cmocka_unit_test_teardown(the_headers_of_a_part_are_at_most_8_kib, tear_down),
        cmocka_unit_test_teardown(a_hostile_body_takes_no_longer_than_it_is_long, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
