#include "unit/test.h"

#include <math.h>

#include "base/buffer.h"
#include "base/bytes.h"

#define LITERAL(text) ((struct bytes){(text), sizeof(text) - 1})

static void a_prefix_sorts_before_what_it_begins(void **state)
{
    (void)state;
    assert_true(bytes_compare(bytes_of("ab"), bytes_of("abc")) < 0);
    assert_true(bytes_compare(bytes_of("abc"), bytes_of("ab")) > 0);
    assert_true(bytes_compare(bytes_of(""), bytes_of("a")) < 0);
    assert_int_equal(bytes_compare((struct bytes){NULL, 0}, bytes_of("")), 0);
    assert_int_equal(bytes_compare(bytes_of("ab"), bytes_of("ab")), 0);
}

static void order_is_that_of_unsigned_bytes(void **state)
{
    (void)state;
    assert_true(bytes_compare(LITERAL("a\x7f"), LITERAL("a\x80")) < 0);
    assert_true(bytes_compare(LITERAL("\xff"), LITERAL("a")) > 0);
    assert_true(bytes_compare(LITERAL("a\0b"), LITERAL("a\0c")) < 0);
}

static void equal_means_size_and_every_byte(void **state)
{
    (void)state;
    assert_true(bytes_equal(LITERAL("a\0b"), LITERAL("a\0b")));
    assert_false(bytes_equal(LITERAL("a\0b"), LITERAL("a\0c")));
    assert_false(bytes_equal(LITERAL("a\0"), LITERAL("a")));
    assert_true(bytes_equal((struct bytes){NULL, 0}, bytes_of("")));
}

static void words_ignore_ascii_case_and_nothing_else(void **state)
{
    (void)state;
    assert_true(bytes_is_word(bytes_of("KeepTTL"), "keepttl"));
    assert_true(bytes_is_word((struct bytes){NULL, 0}, ""));
    assert_false(bytes_is_word(bytes_of("keepttl "), "keepttl"));
    assert_false(bytes_is_word(bytes_of("keept"), "keepttl"));
    assert_false(bytes_is_word(LITERAL("ex\0"), "ex"));
    assert_false(bytes_is_word(LITERAL("\0x"), "ex"));
}

static void a_prefix_may_be_empty_or_all_of_it(void **state)
{
    (void)state;
    assert_true(bytes_starts_with(bytes_of("abc"), bytes_of("")));
    assert_true(bytes_starts_with(bytes_of("abc"), bytes_of("abc")));
    assert_false(bytes_starts_with(bytes_of("abc"), bytes_of("abcd")));
    assert_false(bytes_starts_with(bytes_of("abc"), bytes_of("b")));
    assert_true(bytes_starts_with((struct bytes){NULL, 0}, (struct bytes){NULL, 0}));
}

static void assert_int64(const char *text, int64_t expected)
{
    int64_t value = 0;

    assert_true(bytes_to_int64(bytes_of(text), &value));
    assert_true(value == expected);
}

static void assert_no_int64(struct bytes text)
{
    int64_t value = 4711;

    assert_false(bytes_to_int64(text, &value));
    assert_true(value == 4711);
}

static void an_int64_goes_from_the_smallest_to_the_largest(void **state)
{
    (void)state;
    assert_int64("0", 0);
    assert_int64("-1", -1);
    assert_int64("1000000000000", 1000000000000);
    assert_int64("9223372036854775807", INT64_MAX);
    assert_int64("-9223372036854775808", INT64_MIN);
}

static void one_beyond_the_range_is_no_int64(void **state)
{
    (void)state;
    assert_no_int64(bytes_of("9223372036854775808"));
    assert_no_int64(bytes_of("-9223372036854775809"));
    assert_no_int64(bytes_of("18446744073709551616"));
    assert_no_int64(bytes_of("92233720368547758070"));
    assert_no_int64(bytes_of("99999999999999999999999999999999999999999999"));
}

static void an_int64_has_one_spelling(void **state)
{
    (void)state;
    assert_no_int64(bytes_of(""));
    assert_no_int64((struct bytes){NULL, 0});
    assert_no_int64(bytes_of("-"));
    assert_no_int64(bytes_of("-0"));
    assert_no_int64(bytes_of("00"));
    assert_no_int64(bytes_of("01"));
    assert_no_int64(bytes_of("-01"));
    assert_no_int64(bytes_of("+1"));
    assert_no_int64(bytes_of(" 1"));
    assert_no_int64(bytes_of("1 "));
    assert_no_int64(bytes_of("1.0"));
    assert_no_int64(bytes_of("0x1"));
    assert_no_int64(bytes_of("--1"));
    assert_no_int64(LITERAL("1\0"));
    assert_no_int64(LITERAL("1\xb2"));
}

static void a_uint64_has_no_sign(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_true(bytes_to_uint64(bytes_of("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    assert_true(bytes_to_uint64(bytes_of("0"), &value));
    assert_true(value == 0);
    assert_false(bytes_to_uint64(bytes_of("18446744073709551616"), &value));
    assert_false(bytes_to_uint64(bytes_of("-1"), &value));
    assert_false(bytes_to_uint64(bytes_of("007"), &value));
    assert_false(bytes_to_uint64(bytes_of(""), &value));
}

static void an_int64_survives_its_text(void **state)
{
    int64_t power = 1;

    (void)state;
    for (int digits = 1; digits <= 19; digits++, power *= digits <= 19 ? 10 : 1) {
        const int64_t near[] = {power - 1, power, power + 1, -power + 1, -power, -power - 1};

        for (size_t i = 0; i < COUNT_OF(near); i++) {
            char text[INT64_TEXT_MAX];
            size_t size = int64_to_text(near[i], text);
            int64_t back = 0;

            assert_true(bytes_to_int64((struct bytes){text, size}, &back));
            assert_true(back == near[i]);
        }
    }
}

static void the_text_of_an_int64_fits_its_maximum(void **state)
{
    char text[INT64_TEXT_MAX];

    (void)state;
    assert_int_equal(int64_to_text(INT64_MIN, text), INT64_TEXT_MAX);
    assert_memory_equal(text, "-9223372036854775808", INT64_TEXT_MAX);
    assert_int_equal(int64_to_text(INT64_MAX, text), 19);
    assert_memory_equal(text, "9223372036854775807", 19);
    assert_int_equal(int64_to_text(0, text), 1);
    assert_memory_equal(text, "0", 1);
}

static void assert_float(const char *text, long double expected)
{
    long double value = 0;

    assert_true(bytes_to_long_double(bytes_of(text), &value));
    assert_true(value == expected);
}

static void assert_no_float(struct bytes text)
{
    long double value = 4711;

    assert_false(bytes_to_long_double(text, &value));
    assert_true(value == 4711);
}

static void a_float_is_what_strtold_reads(void **state)
{
    (void)state;
    assert_float("3.5", 3.5L);
    assert_float("-1e3", -1000);
    assert_float("+5", 5);
    assert_float("0x10", 16);
    assert_float(".5", 0.5L);
    assert_float("inf", (long double)INFINITY);
    assert_float("-Infinity", -(long double)INFINITY);
}

static void a_float_is_all_of_the_text(void **state)
{
    (void)state;
    assert_no_float(bytes_of(""));
    assert_no_float((struct bytes){NULL, 0});
    assert_no_float(bytes_of(" 1"));
    assert_no_float(bytes_of("\n1"));
    assert_no_float(bytes_of("1 "));
    assert_no_float(bytes_of("1,5"));
    assert_no_float(bytes_of("e3"));
    assert_no_float(bytes_of("nan"));
    assert_no_float(bytes_of("-nan"));
    assert_no_float(LITERAL("1\0"));
    assert_no_float(LITERAL("\0"));
}

static void a_float_out_of_range_is_none_but_a_denormal_is(void **state)
{
    long double value = 0;

    (void)state;
    assert_no_float(bytes_of("1e10000"));
    assert_no_float(bytes_of("-1e10000"));
    assert_no_float(bytes_of("1e-10000"));
    assert_true(bytes_to_long_double(bytes_of("1e-4945"), &value));
    assert_true(value > 0);
}

static void a_float_of_unreasonable_length_is_none(void **state)
{
    char text[6000];
    long double value = 0;

    (void)state;
    memset(text, '1', sizeof text);
    assert_false(bytes_to_long_double((struct bytes){text, sizeof text}, &value));
    assert_false(bytes_to_long_double((struct bytes){text, 5120}, &value));
    memset(text, '0', sizeof text);
    assert_true(bytes_to_long_double((struct bytes){text, 5119}, &value));
}

static void assert_size(const char *text, int64_t expected)
{
    int64_t value = 0;

    assert_true(bytes_to_size(bytes_of(text), &value));
    assert_true(value == expected);
}

static void sizes_have_the_units_of_redis_conf(void **state)
{
    (void)state;
    assert_size("0", 0);
    assert_size("123", 123);
    assert_size("7b", 7);
    assert_size("10k", 10000);
    assert_size("10kb", 10240);
    assert_size("3m", 3000000);
    assert_size("256MB", 268435456);
    assert_size("2g", 2000000000);
    assert_size("1Gb", 1073741824);
    assert_size("8589934591gb", 8589934591 * (1LL << 30));
}

static void what_is_no_size_is_refused(void **state)
{
    static const char *const texts[] = {"",     "b",    "-1",   "1.5gb", "1 kb",
                                        "kb",   "1kbb", "1t",   "+1",    "8589934592gb",
                                        "0x10", " 1",   "1gb ", "1kB\n"};
    int64_t value = 4711;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_false(bytes_to_size(bytes_of(texts[i]), &value));
    assert_false(bytes_to_size(bytes_of("9223372036854775808"), &value));
    assert_true(value == 4711);
}

static bool matches(const char *text, const char *pattern)
{
    return bytes_match_glob(bytes_of(text), bytes_of(pattern), false);
}

static void a_star_takes_any_bytes_or_none(void **state)
{
    (void)state;
    assert_true(matches("hello", "*"));
    assert_true(matches("", "*"));
    assert_true(matches("hello", "h*o"));
    assert_true(matches("ho", "h*o"));
    assert_true(matches("hello", "hello***"));
    assert_true(matches("a-b-c", "*-*-*"));
    assert_true(matches("aab", "*ab"));
    assert_false(matches("hello", "h*x"));
    assert_false(matches("ab", "a*b*c"));
}

static void a_question_mark_takes_exactly_one(void **state)
{
    (void)state;
    assert_true(matches("hello", "h?llo"));
    assert_false(matches("hllo", "h?llo"));
    assert_false(matches("hell", "hell?"));
    assert_true(matches("ab", "*??"));
    assert_false(matches("a", "*??"));
}

static void brackets_take_one_of_several(void **state)
{
    (void)state;
    assert_true(matches("hallo", "h[ae]llo"));
    assert_false(matches("hillo", "h[ae]llo"));
    assert_true(matches("hbllo", "h[a-c]llo"));
    assert_true(matches("hbllo", "h[c-a]llo"));
    assert_false(matches("hdllo", "h[a-c]llo"));
    assert_true(matches("hello", "h[^a]llo"));
    assert_false(matches("hallo", "h[^a]llo"));
    assert_true(matches("a]", "a[\\]]"));
    assert_false(matches("a", "[]"));
    assert_true(matches("a", "[^]"));
}

static void a_range_may_end_in_any_byte_even_the_bracket(void **state)
{
    (void)state;
    assert_true(matches("^", "[a-]"));
    assert_false(matches("-", "[a-]"));
    assert_true(matches("^x", "[a-]]x"));
    assert_true(matches("-", "[-a]"));
}

static void a_bracket_never_closed_ends_with_the_pattern(void **state)
{
    (void)state;
    assert_true(matches("b", "[abc"));
    assert_false(matches("d", "[abc"));
    assert_false(matches("a", "["));
    assert_true(matches("a", "[^"));
    assert_true(matches("\\", "[\\"));
}

static void a_backslash_takes_the_next_byte_literally(void **state)
{
    (void)state;
    assert_true(matches("a*b", "a\\*b"));
    assert_false(matches("axb", "a\\*b"));
    assert_true(matches("[x]", "\\[x]"));
    assert_true(matches("a\\", "a\\"));
    assert_true(matches("\\", "\\\\"));
}

static void case_is_ignored_on_request(void **state)
{
    (void)state;
    assert_false(matches("HELLO", "hello"));
    assert_true(bytes_match_glob(bytes_of("HeLLo"), bytes_of("hEl*"), true));
    assert_true(bytes_match_glob(bytes_of("B"), bytes_of("[a-c]"), true));
    assert_true(bytes_match_glob(bytes_of("b"), bytes_of("[A-C]"), true));
}

static void any_byte_can_be_matched(void **state)
{
    (void)state;
    assert_true(bytes_match_glob(LITERAL("a\0b\xff"), LITERAL("a\0?\xff"), false));
    assert_false(bytes_match_glob(LITERAL("a\0b"), LITERAL("a\0c"), false));
    assert_true(bytes_match_glob(LITERAL("\xe0"), LITERAL("[\xc0-\xff]"), false));
}

static void many_stars_do_not_take_forever(void **state)
{
    struct buffer text = {0}, pattern = {0};

    (void)state;
    for (int i = 0; i < 2000; i++)
        buffer_append_byte(&text, 'a');
    for (int i = 0; i < 1000; i++)
        buffer_append_text(&pattern, "a*");
    buffer_append_byte(&pattern, 'b');
    assert_false(bytes_match_glob(buffer_view(&text), buffer_view(&pattern), false));
    buffer_append_byte(&text, 'b');
    assert_true(bytes_match_glob(buffer_view(&text), buffer_view(&pattern), false));
    buffer_clear(&text);
    buffer_clear(&pattern);
}

static void utf8_is_recognized(void **state)
{
    (void)state;
    assert_true(bytes_is_utf8((struct bytes){NULL, 0}));
    assert_true(bytes_is_utf8(LITERAL("plain \0 text")));
    assert_true(bytes_is_utf8(bytes_of("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x8d\x87")));
    assert_true(bytes_is_utf8(bytes_of("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf")));
}

static void overlong_forms_surrogates_and_cut_characters_are_not_utf8(void **state)
{
    static const char *const texts[] = {
        "\x80",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "a\xc3",
        "\xe2\x82",
        "\xf0\x9f\x8d",
        "\xc3z",
        "\xe2\x82z",
        "\xf0\x9f\x8dz",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_false(bytes_is_utf8(bytes_of(texts[i])));
}

static void an_address_is_a_host_and_a_port(void **state)
{
    static const char *const good[] = {"localhost:1", "10.0.0.1:65535", "[::1]:6379"};
    static const char *const bad[] = {"",           ":1",     "host",          "host:", "host:0",
                                      "host:65536", "host:x", "http://host:1", "a b:1", "a@host:1"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(bytes_is_address(bytes_of(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(bytes_is_address(bytes_of(bad[i])));
}

static void hex_digits_are_read_in_either_case(void **state)
{
    (void)state;
    assert_int_equal(bytes_hex_digit('0'), 0);
    assert_int_equal(bytes_hex_digit('9'), 9);
    assert_int_equal(bytes_hex_digit('a'), 10);
    assert_int_equal(bytes_hex_digit('F'), 15);
    assert_int_equal(bytes_hex_digit('g'), -1);
    assert_int_equal(bytes_hex_digit('/'), -1);
    assert_int_equal(bytes_hex_digit('\0'), -1);
}

static void trimming_takes_blanks_from_both_ends_and_none_from_within(void **state)
{
    (void)state;
    assert_true(bytes_equal(bytes_trim(bytes_of(" \t a b\t ")), bytes_of("a b")));
    assert_true(bytes_equal(bytes_trim(bytes_of("a\n")), bytes_of("a\n")));
    assert_int_equal(bytes_trim(bytes_of(" \t ")).size, 0);
    assert_int_equal(bytes_trim(bytes_of("")).size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prefix_sorts_before_what_it_begins),
        cmocka_unit_test(order_is_that_of_unsigned_bytes),
        cmocka_unit_test(equal_means_size_and_every_byte),
        cmocka_unit_test(words_ignore_ascii_case_and_nothing_else),
        cmocka_unit_test(a_prefix_may_be_empty_or_all_of_it),
        cmocka_unit_test(an_int64_goes_from_the_smallest_to_the_largest),
        cmocka_unit_test(one_beyond_the_range_is_no_int64),
        cmocka_unit_test(an_int64_has_one_spelling),
        cmocka_unit_test(a_uint64_has_no_sign),
        cmocka_unit_test(an_int64_survives_its_text),
        cmocka_unit_test(the_text_of_an_int64_fits_its_maximum),
        cmocka_unit_test(a_float_is_what_strtold_reads),
        cmocka_unit_test(a_float_is_all_of_the_text),
        cmocka_unit_test(a_float_out_of_range_is_none_but_a_denormal_is),
        cmocka_unit_test(a_float_of_unreasonable_length_is_none),
        cmocka_unit_test(sizes_have_the_units_of_redis_conf),
        cmocka_unit_test(what_is_no_size_is_refused),
        cmocka_unit_test(a_star_takes_any_bytes_or_none),
        cmocka_unit_test(a_question_mark_takes_exactly_one),
        cmocka_unit_test(brackets_take_one_of_several),
        cmocka_unit_test(a_range_may_end_in_any_byte_even_the_bracket),
        cmocka_unit_test(a_bracket_never_closed_ends_with_the_pattern),
        cmocka_unit_test(a_backslash_takes_the_next_byte_literally),
        cmocka_unit_test(case_is_ignored_on_request),
        cmocka_unit_test(any_byte_can_be_matched),
        cmocka_unit_test(many_stars_do_not_take_forever),
        cmocka_unit_test(utf8_is_recognized),
        cmocka_unit_test(overlong_forms_surrogates_and_cut_characters_are_not_utf8),
        cmocka_unit_test(an_address_is_a_host_and_a_port),
        cmocka_unit_test(hex_digits_are_read_in_either_case),
        cmocka_unit_test(trimming_takes_blanks_from_both_ends_and_none_from_within),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
