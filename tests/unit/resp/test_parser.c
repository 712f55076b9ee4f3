#include "unit/test.h"

#include <stdio.h>

#include "unit/resp/feed.h"

#define LITERAL(text) ((struct bytes){(text), sizeof(text) - 1})

#define GET_A "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
#define PING  "*1\r\n$4\r\nPING\r\n"

static const struct resp_limits plenty = {512 << 20, 512 << 20, true};
static const struct resp_limits stranger = {512 << 20, 512 << 20, false};
static const struct resp_limits keeps_16 = {1000, 16, true};

static void assert_heard_cut(const struct resp_limits *limits, struct bytes input, size_t first,
                             size_t step, const char *expected)
{
    struct buffer heard = feed_cut(limits, input, first, step);

    if (!bytes_equal(buffer_view(&heard), bytes_of(expected)))
        fail_msg("cut at %zu, then every %zu, heard:\n%.*sexpected:\n%s", first, step,
                 (int)heard.size, heard.data == NULL ? "" : heard.data, expected);
    buffer_clear(&heard);
}

/* However the input is cut: in one piece, in two anywhere, in small ones, byte by byte. */
static void assert_heard_with(const struct resp_limits *limits, struct bytes input,
                              const char *expected)
{
    assert_heard_cut(limits, input, input.size, input.size, expected);
    for (size_t first = 1; first < input.size; first++)
        assert_heard_cut(limits, input, first, input.size, expected);
    for (size_t step = 1; step <= 7; step++)
        assert_heard_cut(limits, input, step, step, expected);
}

static void assert_heard(struct bytes input, const char *expected)
{
    assert_heard_with(&plenty, input, expected);
}

/* For inputs too long to try every cut. */
static void assert_heard_in_large_pieces(const struct resp_limits *limits,
                                         const struct buffer *input, const char *expected)
{
    static const size_t firsts[] = {1, 2, 3, 5, 100, 65535, 65536, 65537, 65538, 65539, 65540};

    assert_heard_cut(limits, buffer_view(input), input->size, 1, expected);
    assert_heard_cut(limits, buffer_view(input), 1000, 1000, expected);
    for (size_t i = 0; i < COUNT_OF(firsts); i++)
        assert_heard_cut(limits, buffer_view(input), firsts[i], input->size, expected);
}

static void append_repeated(struct buffer *buffer, char byte, size_t count)
{
    memset(buffer_reserve(buffer, count), byte, count);
    buffer->size += count;
}

/* --- arrays --- */

static void an_array_of_bulks_is_a_request(void **state)
{
    (void)state;
    assert_heard(LITERAL(GET_A), "(GET)(a)\n");
    assert_heard(LITERAL(PING), "(PING)\n");
    assert_heard(LITERAL("*3\r\n$3\r\nSET\r\n$12\r\nkey:00000001\r\n$10\r\n0123456789\r\n"),
                 "(SET)(key:00000001)(0123456789)\n");
}

static void requests_come_one_behind_another(void **state)
{
    (void)state;
    assert_heard(LITERAL(GET_A PING "PING\r\n" GET_A "*0\r\n" PING),
                 "(GET)(a)\n(PING)\n(PING)\n(GET)(a)\nnothing\n(PING)\n");
}

static void a_bulk_may_be_empty_or_hold_any_byte(void **state)
{
    (void)state;
    assert_heard(LITERAL("*3\r\n$0\r\n\r\n$4\r\n\r\n*$\r\n$3\r\n\0\xff\n\r\n"),
                 "()(\\x0d\\x0a*$)(\\x00\\xff\\x0a)\n");
}

static void a_request_may_have_many_arguments(void **state)
{
    struct buffer input = {0}, expected = {0};

    (void)state;
    buffer_append_text(&input, "*40\r\n");
    for (int i = 0; i < 40; i++) {
        buffer_printf(&input, "$2\r\n%02d\r\n", i);
        buffer_printf(&expected, "(%02d)", i);
    }
    buffer_append(&expected, "\n", 2);
    assert_heard(buffer_view(&input), expected.data);
    buffer_clear(&input);
    buffer_clear(&expected);
}

static void an_unfinished_request_is_not_answered(void **state)
{
    (void)state;
    assert_heard(LITERAL(""), "");
    assert_heard(LITERAL("*"), "");
    assert_heard(LITERAL("*2"), "");
    assert_heard(LITERAL("*2\r\n$3\r\nGET\r\n$1\r\na\r"), "");
    assert_heard(LITERAL(PING "*2\r\n$3\r\nGET\r\n$"), "(PING)\n");
    assert_heard(LITERAL("PING\r"), "");
}

static void an_empty_array_is_nothing(void **state)
{
    (void)state;
    assert_heard(LITERAL("*0\r\n*-1\r\n" PING), "nothing\nnothing\n(PING)\n");
    assert_heard(LITERAL("*-9223372036854775808\r\n" PING), "nothing\n(PING)\n");
    assert_heard_with(&stranger, LITERAL("*0\r\n" PING), "nothing\n(PING)\n");
}

static void the_byte_behind_a_cr_is_taken_for_an_lf(void **state)
{
    (void)state;
    assert_heard(LITERAL("*1\rX$4\rXPINGXX" PING), "(PING)\n(PING)\n");
}

static void a_count_must_be_an_int(void **state)
{
    static const char *const counts[] = {"",
                                         "x",
                                         "1x",
                                         "+1",
                                         "01",
                                         "-0",
                                         "2147483648",
                                         "9223372036854775808",
                                         " 1",
                                         "1 ",
                                         "1\n",
                                         "00",
                                         "--1",
                                         "1.0",
                                         "12345678901234567890123"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct buffer input = {0};

        buffer_printf(&input, PING "*%s\r\n" PING, counts[i]);
        assert_heard(buffer_view(&input),
                     "(PING)\nerror Protocol error: invalid multibulk length\n");
        buffer_clear(&input);
    }
    assert_heard(LITERAL("*2147483647\r\n$1\r\na\r\n"), "");
    assert_heard(LITERAL("*\x00\r\n"), "error Protocol error: invalid multibulk length\n");
}

static void a_bulk_size_must_be_a_number_within_the_limit(void **state)
{
    static const char *const sizes[] = {"",   "x",  "-1", "-0",   "01",
                                        "+1", "1 ", "1x", "1001", "9223372036854775808"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct buffer input = {0};

        buffer_printf(&input, "*2\r\n$3\r\nGET\r\n$%s\r\n", sizes[i]);
        assert_heard_with(&keeps_16, buffer_view(&input),
                          "error Protocol error: invalid bulk length\n");
        buffer_clear(&input);
    }
    assert_heard_with(&keeps_16, LITERAL("*2\r\n$3\r\nGET\r\n$1000\r\n"), "");
}

static void without_a_limit_no_size_overflows(void **state)
{
    const struct resp_limits limitless = {INT64_MAX, INT64_MAX, true};
    const struct resp_limits keeps_none = {INT64_MAX, 0, true};

    (void)state;
    assert_heard_with(&limitless, LITERAL("*2\r\n$9223372036854775805\r\nabc"), "");
    assert_heard_with(&keeps_none, LITERAL("*2\r\n$9223372036854775805\r\nabc"), "");
    assert_heard_with(&limitless, LITERAL("*2\r\n$9223372036854775806\r\nabc"),
                      "error Protocol error: invalid bulk length\n");
    assert_heard_with(&limitless, LITERAL("*2\r\n$9223372036854775807\r\nabc"),
                      "error Protocol error: invalid bulk length\n");
}

static void what_is_no_bulk_is_named(void **state)
{
    (void)state;
    assert_heard(LITERAL("*1\r\nPING\r\n"), "error Protocol error: expected '$', got 'P'\n");
    assert_heard(LITERAL("*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n"),
                 "error Protocol error: expected '$', got 'f'\n");
    assert_heard(LITERAL("*1\r\n*1\r\n"), "error Protocol error: expected '$', got '*'\n");
    assert_heard(LITERAL("*1\r\n\r\n"), "error Protocol error: expected '$', got ' '\n");
    assert_heard(LITERAL("*1\r\n\0\r\n"), "error Protocol error: expected '$', got ' '\n");
}

static void a_header_without_end_is_too_big(void **state)
{
    struct buffer input = {0};

    (void)state;
    buffer_append_text(&input, "*");
    append_repeated(&input, '1', RESP_INLINE_MAX - 1);
    assert_heard_in_large_pieces(&plenty, &input, "");
    append_repeated(&input, '1', 1);
    assert_heard_in_large_pieces(&plenty, &input,
                                 "error Protocol error: too big mbulk count string\n");
    buffer_append_text(&input, "\r\n");
    assert_heard_in_large_pieces(&plenty, &input,
                                 "error Protocol error: too big mbulk count string\n");

    input.size = 0;
    buffer_append_text(&input, "*1\r\n$");
    append_repeated(&input, '1', RESP_INLINE_MAX - 1);
    assert_heard_in_large_pieces(&plenty, &input, "");
    append_repeated(&input, '1', 1);
    assert_heard_in_large_pieces(&plenty, &input,
                                 "error Protocol error: too big bulk count string\n");
    buffer_clear(&input);
}

static void a_header_that_ends_just_in_time_is_read(void **state)
{
    struct buffer input = {0};

    (void)state;
    buffer_append_text(&input, "*");
    append_repeated(&input, '1', RESP_INLINE_MAX - 1);
    buffer_append_text(&input, "\r\n");
    assert_heard_in_large_pieces(&plenty, &input,
                                 "error Protocol error: invalid multibulk length\n");
    buffer_clear(&input);
}

static void a_stranger_may_send_ten_arguments_of_16384_bytes(void **state)
{
    struct buffer input = {0}, expected = {0};

    (void)state;
    buffer_append_text(&input, "*2\r\n$16384\r\n");
    append_repeated(&input, 'x', 16384);
    buffer_append_text(&input, "\r\n$16385\r\n");
    assert_heard_in_large_pieces(&stranger, &input,
                                 "error Protocol error: unauthenticated bulk length\n");
    assert_heard_with(&stranger, LITERAL("*11\r\n$4\r\n"),
                      "error Protocol error: unauthenticated multibulk length\n");
    assert_heard_with(&stranger, LITERAL("*1000000000\r\n$4\r\n"),
                      "error Protocol error: unauthenticated multibulk length\n");
    input.size = 0;
    buffer_append_text(&input, "*10\r\n");
    for (int i = 0; i < 10; i++) {
        buffer_append_text(&input, "$1\r\nx\r\n");
        buffer_append_text(&expected, "(x)");
    }
    buffer_append(&expected, "\n", 2);
    assert_heard_with(&stranger, buffer_view(&input), expected.data);
    buffer_clear(&input);
    buffer_clear(&expected);
}

/* --- inline --- */

static void an_inline_request_is_split_at_blanks(void **state)
{
    (void)state;
    assert_heard(LITERAL("PING\r\n"), "(PING)\n");
    assert_heard(LITERAL("PING\n"), "(PING)\n");
    assert_heard(LITERAL("  set \t key  value \r\nGET key\n"), "(set)(key)(value)\n(GET)(key)\n");
    assert_heard(LITERAL("GET a\rb\r\r\n"), "(GET)(a)(b)\n");
    assert_heard(LITERAL("$3\r\n"), "($3)\n");
    assert_heard(LITERAL("a \v\fb c\vd\r\n"), "(a)(b)(c\\x0bd)\n");
    assert_heard(LITERAL("a\0b \xff\r\n"), "(a\\x00b)(\\xff)\n");
}

static void an_empty_line_is_nothing(void **state)
{
    (void)state;
    assert_heard(LITERAL("\r\n\n  \t \r\n" PING), "nothing\nnothing\nnothing\n(PING)\n");
}

static void quotes_keep_blanks_in_a_word(void **state)
{
    (void)state;
    assert_heard(LITERAL("SET \"a b\" 'c d'\r\n"), "(SET)(a b)(c d)\n");
    assert_heard(LITERAL("SET \"\" ''\r\n"), "(SET)()()\n");
    assert_heard(LITERAL("SET a\"b c\" d'e'\r\n"), "(SET)(ab c)(de)\n");
    assert_heard(LITERAL("SET \"it's\" 'say \"x\"'\r\n"), "(SET)(it's)(say \"x\")\n");
}

static void escapes_stand_for_bytes_in_double_quotes_only(void **state)
{
    (void)state;
    assert_heard(LITERAL("\"\\n\\r\\t\\b\\a\\\\\\\"\\q\"\r\n"),
                 "(\\x0a\\x0d\\x09\\x08\\x07\\\"q)\n");
    assert_heard(LITERAL("\"\\x41\\xfF\\x00\"\r\n"), "(A\\xff\\x00)\n");
    assert_heard(LITERAL("\"\\x4\\xzz\\x\"\r\n"), "(x4xzzx)\n");
    assert_heard(LITERAL("'\\n\\x41\\\\ \\''\r\n"), "(\\n\\x41\\\\ ')\n");
    assert_heard(LITERAL("a\\n \\\r\n"), "(a\\n)(\\)\n");
    assert_heard(LITERAL("\"a\\\0b\"\r\n"), "(a\\x00b)\n");
}

static void quotes_must_be_closed_at_the_end_of_a_word(void **state)
{
    static const char *const lines[] = {"GET \"a\r\n",   "GET 'a\r\n",    "GET \"a\"b\r\n",
                                        "GET 'a'b\r\n",  "GET \"a\\\r\n", "GET \"a\\\"\r\n",
                                        "GET 'a\\'\r\n", "\"\r\n",        "'a''b'\r\n"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_heard(bytes_of(lines[i]), "error Protocol error: unbalanced quotes in request\n");
}

static void tls_is_told_apart_by_its_first_byte(void **state)
{
    (void)state;
    assert_heard(LITERAL("\x16\x03\x01\x02\x00\x01\x00"),
                 "error Protocol error: this is TLS, and the port is one without\n");
    assert_heard(LITERAL("PING\r\n\x16\x03\x01"),
                 "(PING)\nerror Protocol error: this is TLS, and the port is one without\n");
}

static void a_line_without_end_is_too_big(void **state)
{
    struct buffer input = {0}, expected = {0};

    (void)state;
    append_repeated(&input, 'x', RESP_INLINE_MAX);
    assert_heard_in_large_pieces(&plenty, &input, "");
    append_repeated(&input, 'x', 1);
    assert_heard_in_large_pieces(&plenty, &input, "error Protocol error: too big inline request\n");

    input.size = 0;
    append_repeated(&input, 'x', RESP_INLINE_MAX);
    buffer_append_byte(&input, '\n');
    buffer_append_byte(&expected, '(');
    append_repeated(&expected, 'x', RESP_INLINE_MAX);
    buffer_append(&expected, ")\n", 3);
    assert_heard_in_large_pieces(&plenty, &input, expected.data);
    buffer_clear(&input);
    buffer_clear(&expected);
}

static void http_from_a_browser_is_an_attack(void **state)
{
    (void)state;
    assert_heard(LITERAL("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n" PING), "attack\n");
    assert_heard(LITERAL(PING "host: localhost:6379\r\n"), "(PING)\nattack\n");
    assert_heard(LITERAL("*1\r\n$4\r\nPost\r\n" PING), "attack\n");
    assert_heard(LITERAL("*2\r\n$5\r\nhOsT:\r\n$1\r\nx\r\n"), "attack\n");
    assert_heard(LITERAL("GET / HTTP/1.1\r\nHosts: x\r\nPOSTS\r\n"),
                 "(GET)(/)(HTTP/1.1)\n(Hosts:)(x)\n(POSTS)\n");
    assert_heard(LITERAL("GET POST host:\r\n"), "(GET)(POST)(host:)\n");
    assert_heard_with(&keeps_16, LITERAL("*2\r\n$4\r\nPOST\r\n$17\r\n12345678901234567\r\n"),
                      "attack\n");
}

/* --- what is not kept --- */

static void an_oversized_bulk_is_counted_and_the_next_request_is_read(void **state)
{
    (void)state;
    assert_heard_with(
        &keeps_16,
        LITERAL("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$17\r\n*1\r\n$4\r\nPING\r\n+++\r\n" GET_A),
        "oversized 17 (SET)\n(GET)(a)\n");
    assert_heard_with(&keeps_16, LITERAL("*2\r\n$3\r\nGET\r\n$16\r\n0123456789abcdef\r\n"),
                      "(GET)(0123456789abcdef)\n");
}

static void the_longest_bulk_of_an_oversized_request_is_told(void **state)
{
    (void)state;
    assert_heard_with(&keeps_16,
                      LITERAL("*5\r\n$4\r\nMSET\r\n$18\r\n123456789012345678\r\n$1\r\na\r\n"
                              "$20\r\n12345678901234567890\r\n$17\r\n12345678901234567\r\n" PING),
                      "oversized 20 (MSET)\n(PING)\n");
}

static void the_name_of_an_oversized_request_is_cut(void **state)
{
    struct buffer input = {0}, expected = {0};

    (void)state;
    buffer_append_text(&input, "*2\r\n$200\r\n");
    append_repeated(&input, 'n', 200);
    buffer_append_text(&input, "\r\n$0\r\n\r\n" PING);
    buffer_append_text(&expected, "oversized 200 (");
    append_repeated(&expected, 'n', RESP_NAME_KEPT_MAX);
    buffer_append(&expected, ")\n(PING)\n", sizeof ")\n(PING)\n");
    assert_heard_with(&keeps_16, buffer_view(&input), expected.data);
    buffer_clear(&input);
    buffer_clear(&expected);
    assert_heard_with(&keeps_16, LITERAL("*2\r\n$0\r\n\r\n$17\r\n12345678901234567\r\n"),
                      "oversized 17 ()\n");
    assert_heard_with(&keeps_16, LITERAL("*1\r\n$17\r\n12345678901234567\r\n"),
                      "oversized 17 (12345678901234567)\n");
    assert_heard_with(&keeps_16, LITERAL("*2\r\n$17\r\n12345678901234567\r\n$3\r\nkey\r\n"),
                      "oversized 17 (12345678901234567)\n");
}

static void an_oversized_request_can_still_be_wrong(void **state)
{
    (void)state;
    assert_heard_with(&keeps_16, LITERAL("*3\r\n$17\r\n12345678901234567\r\n$1001\r\n"),
                      "error Protocol error: invalid bulk length\n");
    assert_heard_with(&keeps_16, LITERAL("*3\r\n$17\r\n12345678901234567\r\n!1\r\n"),
                      "error Protocol error: expected '$', got '!'\n");
}

static void an_oversized_request_takes_no_room(void **state)
{
    static char part[100000];
    struct resp_parser parser;
    size_t consumed = 0;

    (void)state;
    resp_parser_init(&parser);
    (void)snprintf(part, sizeof part, "*2\r\n$3\r\nSET\r\n$500000000\r\n");
    for (int i = 0; i < 5000; i++) {
        struct resp_limits limits = {512 << 20, 65536, true};

        assert_int_equal(resp_parser_next(&parser, &limits, part, sizeof part, &consumed),
                         RESP_MORE);
        assert_int_equal(consumed, sizeof part);
        assert_int_equal(resp_parser_wants(&parser, 0), 0);
    }
    resp_parser_clear(&parser);
}

/* --- memory --- */

static void an_announced_length_takes_no_memory(void **state)
{
    struct feed feed;

    (void)state;
    feed_init(&feed, &plenty);
    feed_bytes(&feed, LITERAL("*2147483647\r\n$1\r\na\r\n$536870912\r\n"));
    assert_int_equal(feed.heard.size, 0);
    assert_true(feed.parser.argv_capacity <= 8);
    feed_clear(&feed);
}

static void what_a_huge_request_took_is_given_back(void **state)
{
    struct buffer input = {0};
    struct feed feed;

    (void)state;
    feed_init(&feed, &plenty);
    buffer_append_text(&input, "*100000\r\n");
    for (int i = 0; i < 100000; i++)
        buffer_append_text(&input, "$1\r\nx\r\n");
    feed_bytes(&feed, (struct bytes){input.data, input.size - 1});
    assert_int_equal(feed.heard.size, 0);
    feed_bytes(&feed, (struct bytes){input.data + input.size - 1, 1});
    assert_int_equal(feed.heard.size, 300001);
    feed_bytes(&feed, LITERAL(PING));
    assert_true(feed.parser.argv_capacity <= 1024);
    feed_clear(&feed);
    buffer_clear(&input);
}

static void a_large_value_says_how_much_is_missing(void **state)
{
    struct feed feed;

    (void)state;
    feed_init(&feed, &plenty);
    assert_int_equal(resp_parser_wants(&feed.parser, 0), 0);
    feed_bytes(&feed, LITERAL("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000"));
    assert_int_equal(resp_parser_wants(&feed.parser, feed.size), 0);
    feed_bytes(&feed, LITERAL("\r\n"));
    assert_int_equal(resp_parser_wants(&feed.parser, feed.size), 100002);
    feed_bytes(&feed, LITERAL("0123456789"));
    assert_int_equal(resp_parser_wants(&feed.parser, feed.size), 99992);
    feed_clear(&feed);
}

static void arguments_point_into_the_input(void **state)
{
    static const char input[] = GET_A;
    struct resp_parser parser;
    size_t consumed = 0;

    (void)state;
    resp_parser_init(&parser);
    assert_int_equal(resp_parser_next(&parser, &plenty, input, sizeof input - 1, &consumed),
                     RESP_REQUEST);
    assert_int_equal(consumed, sizeof input - 1);
    assert_ptr_equal(parser.argv[0].data, input + 8);
    assert_ptr_equal(parser.argv[1].data, input + 17);
    resp_parser_clear(&parser);
}

static void a_cleared_parser_can_be_used(void **state)
{
    struct feed feed;

    (void)state;
    feed_init(&feed, &plenty);
    feed_bytes(&feed, LITERAL("*2\r\n$3\r\nGET\r\n$5\r\nab"));
    feed_clear(&feed);
    feed_init(&feed, &plenty);
    feed_bytes(&feed, LITERAL(PING));
    assert_int_equal(feed.heard.size, 7);
    feed_clear(&feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_of_bulks_is_a_request),
        cmocka_unit_test(requests_come_one_behind_another),
        cmocka_unit_test(a_bulk_may_be_empty_or_hold_any_byte),
        cmocka_unit_test(a_request_may_have_many_arguments),
        cmocka_unit_test(an_unfinished_request_is_not_answered),
        cmocka_unit_test(an_empty_array_is_nothing),
        cmocka_unit_test(the_byte_behind_a_cr_is_taken_for_an_lf),
        cmocka_unit_test(a_count_must_be_an_int),
        cmocka_unit_test(a_bulk_size_must_be_a_number_within_the_limit),
        cmocka_unit_test(without_a_limit_no_size_overflows),
        cmocka_unit_test(what_is_no_bulk_is_named),
        cmocka_unit_test(a_header_without_end_is_too_big),
        cmocka_unit_test(a_header_that_ends_just_in_time_is_read),
        cmocka_unit_test(a_stranger_may_send_ten_arguments_of_16384_bytes),
        cmocka_unit_test(an_inline_request_is_split_at_blanks),
        cmocka_unit_test(an_empty_line_is_nothing),
        cmocka_unit_test(quotes_keep_blanks_in_a_word),
        cmocka_unit_test(escapes_stand_for_bytes_in_double_quotes_only),
        cmocka_unit_test(quotes_must_be_closed_at_the_end_of_a_word),
        cmocka_unit_test(tls_is_told_apart_by_its_first_byte),
        cmocka_unit_test(a_line_without_end_is_too_big),
        cmocka_unit_test(http_from_a_browser_is_an_attack),
        cmocka_unit_test(an_oversized_bulk_is_counted_and_the_next_request_is_read),
        cmocka_unit_test(the_longest_bulk_of_an_oversized_request_is_told),
        cmocka_unit_test(the_name_of_an_oversized_request_is_cut),
        cmocka_unit_test(an_oversized_request_can_still_be_wrong),
        cmocka_unit_test(an_oversized_request_takes_no_room),
        cmocka_unit_test(an_announced_length_takes_no_memory),
        cmocka_unit_test(what_a_huge_request_took_is_given_back),
        cmocka_unit_test(a_large_value_says_how_much_is_missing),
        cmocka_unit_test(arguments_point_into_the_input),
        cmocka_unit_test(a_cleared_parser_can_be_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
