#include "http/chunks.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "unit/test.h"

#define LITERAL(text) ((struct bytes){text, sizeof(text) - 1})

static struct buffer body, whole;

static int tear_down(void **state)
{
    (void)state;
    buffer_clear(&body);
    buffer_clear(&whole);
    return 0;
}

/* Reads all of `part` into `body`.  It is given in memory of its own, so that a sanitizer sees a
 * look beyond it. */
static enum chunk_event read_part(struct chunk_reader *reader, struct bytes part, size_t *left)
{
    char *copy = malloc(part.size == 0 ? 1 : part.size);
    struct bytes input = {copy, part.size}, data;
    enum chunk_event event;

    memcpy(copy, part.data, part.size);
    while ((event = chunk_reader_next(reader, &input, &data)) == CHUNK_DATA) {
        assert_true(data.size > 0);
        assert_true(data.data >= copy && data.data + data.size <= copy + part.size);
        buffer_append_bytes(&body, data);
    }
    *left = input.size;
    free(copy);
    return event;
}

/* Shows it `first` bytes, then `step` at a time, until it has heard enough. */
static enum chunk_event read_cut(struct bytes input, size_t first, size_t step, size_t *left)
{
    struct chunk_reader reader = {0};
    size_t at = 0, size = first;
    enum chunk_event event;

    body.size = 0;
    do {
        event = read_part(&reader, (struct bytes){input.data + at, size}, left);
        at += size;
        size = step < input.size - at ? step : input.size - at;
    } while (event == CHUNK_MORE && at < input.size);
    *left += input.size - at;
    return event;
}

static void expect_cut(struct bytes input, size_t first, size_t step, enum chunk_event expected,
                       size_t left_expected)
{
    size_t left;

    assert_int_equal(read_cut(input, first, step, &left), expected);
    assert_true(bytes_equal(buffer_view(&body), buffer_view(&whole)));
    if (expected == CHUNK_END)
        assert_int_equal(left, left_expected);
}

/* The same at once, in all ways to cut it in two, and byte by byte. */
static void expect_event(struct bytes input, enum chunk_event expected)
{
    size_t left;

    assert_int_equal(read_cut(input, input.size, 1, &left), expected);
    whole.size = 0;
    buffer_append_bytes(&whole, buffer_view(&body));
    for (size_t first = 0; first <= input.size; first++)
        expect_cut(input, first, input.size, expected, left);
    expect_cut(input, 0, 1, expected, left);
}

static void expect_body(struct bytes input, struct bytes expected)
{
    expect_event(input, CHUNK_END);
    assert_true(bytes_equal(buffer_view(&body), expected));
}

/* --- chunks --- */

static void chunks_join_to_the_body(void **state)
{
    (void)state;
    expect_body(LITERAL("5\r\nhello\r\n1\r\n \r\n6\r\nworld!\r\n0\r\n\r\n"),
                LITERAL("hello world!"));
    expect_body(LITERAL("0\r\n\r\n"), LITERAL(""));
}

static void a_chunk_may_hold_any_byte(void **state)
{
    (void)state;
    expect_body(LITERAL("9\r\n\r\n0\r\n\r\n\0\xff\r\n2\r\n\r\n\r\n0\r\n\r\n"),
                LITERAL("\r\n0\r\n\r\n\0\xff\r\n"));
}

static void sizes_are_hex_of_either_case(void **state)
{
    (void)state;
    expect_body(LITERAL("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"),
                LITERAL("01234567890123456789"));
    expect_body(LITERAL("0000000000000003\r\nabc\r\n00\r\n\r\n"), LITERAL("abc"));
    expect_body(LITERAL("1F\r\n0123456789012345678901234567890\r\n0\r\n\r\n"),
                LITERAL("0123456789012345678901234567890"));
}

static void what_follows_the_end_is_left(void **state)
{
    size_t left;

    (void)state;
    expect_body(LITERAL("1\r\na\r\n0\r\n\r\n\r\nGET / HTTP/1.1\r\n"), LITERAL("a"));
    assert_int_equal(read_cut(LITERAL("0\r\n\r\nGET"), 8, 1, &left), CHUNK_END);
    assert_int_equal(left, 3);
}

static void the_end_stays_the_end(void **state)
{
    struct chunk_reader reader = {0};
    struct bytes input = LITERAL("0\r\n\r\n5\r\n"), data;

    (void)state;
    assert_int_equal(chunk_reader_next(&reader, &input, &data), CHUNK_END);
    assert_int_equal(chunk_reader_next(&reader, &input, &data), CHUNK_END);
    assert_int_equal(input.size, 3);
}

static void what_is_bad_stays_bad(void **state)
{
    struct chunk_reader reader = {0};
    struct bytes input = LITERAL("x0\r\n\r\n"), data;

    (void)state;
    assert_int_equal(chunk_reader_next(&reader, &input, &data), CHUNK_BAD);
    assert_int_equal(chunk_reader_next(&reader, &input, &data), CHUNK_BAD);
}

static void an_unfinished_body_wants_more(void **state)
{
    static const char text[] = "2\r\nab\r\n0\r\nA: b\r\n\r\n";

    (void)state;
    for (size_t size = 0; size < sizeof text - 1; size++)
        expect_event((struct bytes){text, size}, CHUNK_MORE);
}

static void a_chunk_comes_as_far_as_it_is_there(void **state)
{
    struct chunk_reader reader = {0};
    struct bytes input = LITERAL("ffffffffffffffff\r\nabc"), data;

    (void)state;
    assert_int_equal(chunk_reader_next(&reader, &input, &data), CHUNK_DATA);
    assert_int_equal(data.size, 3);
    assert_int_equal(chunk_reader_next(&reader, &input, &data), CHUNK_MORE);
    assert_true(reader.left == UINT64_MAX - 3);
}

static void a_size_is_needed_and_fits_64_bits(void **state)
{
    (void)state;
    expect_event(LITERAL("\r\n"), CHUNK_BAD);
    expect_event(LITERAL(";a\r\n"), CHUNK_BAD);
    expect_event(LITERAL(" 5\r\n"), CHUNK_BAD);
    expect_event(LITERAL("-1\r\n"), CHUNK_BAD);
    expect_event(LITERAL("+1\r\n"), CHUNK_BAD);
    expect_event(LITERAL("0x1\r\n"), CHUNK_BAD);
    expect_event(LITERAL("g\r\n"), CHUNK_BAD);
    expect_event(LITERAL("5 5\r\n"), CHUNK_BAD);
    expect_event(LITERAL("10000000000000000\r\n"), CHUNK_BAD);
    expect_event(LITERAL("00000000000000001\r\n"), CHUNK_BAD);
}

static void data_must_end_where_its_chunk_does(void **state)
{
    (void)state;
    expect_event(LITERAL("2\r\nabc\r\n0\r\n\r\n"), CHUNK_BAD);
    expect_event(LITERAL("2\r\na\r\n0\r\n\r\n"), CHUNK_BAD);
    expect_event(LITERAL("2\r\nab0\r\n\r\n"), CHUNK_BAD);
    expect_event(LITERAL("2\r\nab\n0\r\n\r\n"), CHUNK_BAD);
    expect_event(LITERAL("2\r\nab\r0\r\n\r\n"), CHUNK_BAD);
}

static void lines_end_in_cr_lf(void **state)
{
    (void)state;
    expect_event(LITERAL("1\na\r\n"), CHUNK_BAD);
    expect_event(LITERAL("1\ra\r\n"), CHUNK_BAD);
    expect_event(LITERAL("1;x\na\r\n"), CHUNK_BAD);
    expect_event(LITERAL("1;x\ry\r\n"), CHUNK_BAD);
    expect_event(LITERAL("0\r\n\n"), CHUNK_BAD);
    expect_event(LITERAL("0\r\n\rx"), CHUNK_BAD);
    expect_event(LITERAL("0\r\na: b\n\r\n"), CHUNK_BAD);
    expect_event(LITERAL("0\r\na: b\r\r\n"), CHUNK_BAD);
}

/* --- what is read over --- */

static void extensions_are_read_over(void **state)
{
    (void)state;
    expect_body(LITERAL("3;a=b;c=\"d;\"\r\nabc\r\n2 \t; x\r\nde\r\n1 \r\nf\r\n0;last\r\n\r\n"),
                LITERAL("abcdef"));
    expect_event(LITERAL("1;a\0b\r\n"), CHUNK_BAD);
}

static void trailers_are_read_over(void **state)
{
    (void)state;
    expect_body(LITERAL("1\r\na\r\n0\r\nDigest: x\r\nContent-Length: 7\r\n\r\n"), LITERAL("a"));
    expect_event(LITERAL("0\r\na: \0\r\n\r\n"), CHUNK_BAD);
}

/* --- limits --- */

static void append_filled(struct buffer *out, const char *front, size_t size)
{
    size_t fill = size - strlen(front);

    buffer_append_text(out, front);
    memset(buffer_reserve(out, fill), 'x', fill);
    out->size += fill;
}

static void expect_long(struct buffer *input, enum chunk_event expected)
{
    size_t left;

    assert_int_equal(read_cut(buffer_view(input), input->size, 1, &left), expected);
    assert_int_equal(read_cut(buffer_view(input), 0, 1, &left), expected);
    buffer_clear(input);
}

static void a_line_of_a_size_is_at_most_4096_bytes(void **state)
{
    struct buffer input = {0};

    (void)state;
    for (int i = 0; i < 3; i++) { /* each is counted anew */
        append_filled(&input, "1;", CHUNK_LINE_MAX - 2);
        buffer_append_text(&input, "\r\na\r\n");
    }
    buffer_append_text(&input, "0\r\n\r\n");
    expect_long(&input, CHUNK_END);
    append_filled(&input, "1;", CHUNK_LINE_MAX - 1);
    buffer_append_text(&input, "\r\n");
    expect_long(&input, CHUNK_BAD);
    append_filled(&input, "1;", CHUNK_LINE_MAX + 1);
    expect_long(&input, CHUNK_BAD);
    buffer_append_text(&input, "1");
    for (int i = 0; i < CHUNK_LINE_MAX; i++)
        buffer_append_text(&input, " ");
    expect_long(&input, CHUNK_BAD);
}

static void a_trailer_is_at_most_4096_bytes(void **state)
{
    struct buffer input = {0};

    (void)state;
    append_filled(&input, "0\r\n", 3 + CHUNK_LINE_MAX - 2);
    buffer_append_text(&input, "\r\n\r\n");
    expect_long(&input, CHUNK_END);
    append_filled(&input, "0\r\n", 3 + CHUNK_LINE_MAX - 1);
    buffer_append_text(&input, "\r\n\r\n");
    expect_long(&input, CHUNK_BAD);
}

/* "0", then 16 lines of `size` bytes, one of them longer, and the empty one. */
static void append_trailers(struct buffer *out, size_t size, size_t more)
{
    buffer_append_text(out, "0\r\n");
    for (int i = 0; i < 16; i++) {
        append_filled(out, "", size - 2 + (i == 0 ? more : 0));
        buffer_append_text(out, "\r\n");
    }
    buffer_append_text(out, "\r\n");
}

static void all_trailers_are_at_most_16_kib(void **state)
{
    struct buffer input = {0};

    (void)state;
    append_trailers(&input, CHUNK_TRAILERS_MAX / 16, 0);
    input.size -= 2; /* the empty line counts */
    expect_long(&input, CHUNK_MORE);
    append_trailers(&input, CHUNK_TRAILERS_MAX / 16 - 1, 14);
    expect_long(&input, CHUNK_END);
    append_trailers(&input, CHUNK_TRAILERS_MAX / 16 - 1, 15);
    expect_long(&input, CHUNK_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(chunks_join_to_the_body, tear_down),
        cmocka_unit_test_teardown(a_chunk_may_hold_any_byte, tear_down),
        cmocka_unit_test_teardown(sizes_are_hex_of_either_case, tear_down),
        cmocka_unit_test_teardown(what_follows_the_end_is_left, tear_down),
        cmocka_unit_test_teardown(the_end_stays_the_end, tear_down),
        cmocka_unit_test_teardown(what_is_bad_stays_bad, tear_down),
        cmocka_unit_test_teardown(an_unfinished_body_wants_more, tear_down),
        cmocka_unit_test_teardown(a_chunk_comes_as_far_as_it_is_there, tear_down),
        cmocka_unit_test_teardown(a_size_is_needed_and_fits_64_bits, tear_down),
        cmocka_unit_test_teardown(data_must_end_where_its_chunk_does, tear_down),
        cmocka_unit_test_teardown(lines_end_in_cr_lf, tear_down),
        cmocka_unit_test_teardown(extensions_are_read_over, tear_down),
        cmocka_unit_test_teardown(trailers_are_read_over, tear_down),
        cmocka_unit_test_teardown(a_line_of_a_size_is_at_most_4096_bytes, tear_down),
        cmocka_unit_test_teardown(a_trailer_is_at_most_4096_bytes, tear_down),
        cmocka_unit_test_teardown(all_trailers_are_at_most_16_kib, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
