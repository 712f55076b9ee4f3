#include "unit/test.h"

#include "config/words.h"

/* The words of `line`, one between | and |, or "unbalanced". */
static void assert_words(struct bytes line, const char *expected)
{
    struct words words = {0};
    struct buffer text = {0};

    if (words_split(line, &words)) {
        buffer_append_byte(&text, '|');
        for (size_t i = 0; i < words.count; i++) {
            buffer_append_bytes(&text, words.word[i]);
            buffer_append_byte(&text, '|');
        }
    } else {
        buffer_append_text(&text, "unbalanced");
    }
    buffer_append_byte(&text, '\0');
    assert_string_equal(text.data, expected);
    buffer_clear(&text);
    words_clear(&words);
}

static void blanks_separate_words(void **state)
{
    (void)state;
    assert_words(bytes_of("port 6379"), "|port|6379|");
    assert_words(bytes_of(" \t save  900\t1 \r"), "|save|900|1|");
    assert_words(bytes_of(""), "|");
    assert_words((struct bytes){NULL, 0}, "|");
}

static void double_quotes_keep_blanks_and_know_escapes(void **state)
{
    (void)state;
    assert_words(bytes_of("a \"b c\" d"), "|a|b c|d|");
    assert_words(bytes_of("\"\""), "||");
    assert_words(bytes_of("\"\\n\\r\\t\\a\\b\\\"\\\\\\q\""), "|\n\r\t\a\b\"\\q|");
    assert_words(bytes_of("\"\\x41\\x7A\\x4\""), "|Azx4|");
}

static void single_quotes_escape_only_themselves(void **state)
{
    (void)state;
    assert_words(bytes_of("'a b' '\\'' '\\n'"), "|a b|'|\\n|");
}

static void quotes_may_start_inside_a_word(void **state)
{
    (void)state;
    assert_words(bytes_of("pre\"fix \"  end"), "|prefix |end|");
}

static void a_quote_must_be_closed_and_followed_by_a_blank(void **state)
{
    (void)state;
    assert_words(bytes_of("\"abc"), "unbalanced");
    assert_words(bytes_of("'abc"), "unbalanced");
    assert_words(bytes_of("\"abc\"d"), "unbalanced");
    assert_words(bytes_of("a\"b\"c"), "unbalanced");
    assert_words(bytes_of("\"abc\\"), "unbalanced");
    assert_words(bytes_of("\"abc\\\""), "unbalanced");
}

static void a_zero_byte_is_a_byte_like_others(void **state)
{
    struct words words = {0};

    (void)state;
    assert_true(words_split((struct bytes){"a\0b \"\\x00\"", 10}, &words));
    assert_int_equal(words.count, 2);
    assert_true(bytes_equal(words.word[0], (struct bytes){"a\0b", 3}));
    assert_true(bytes_equal(words.word[1], (struct bytes){"\0", 1}));
    words_clear(&words);
}

static void what_was_quoted_is_read_back(void **state)
{
    char word[3];

    (void)state;
    for (int i = 0; i < 256 * 256; i++) {
        struct buffer line = {0};
        struct words words = {0};

        word[0] = (char)(i / 256);
        word[1] = (char)(i % 256);
        for (size_t size = 0; size <= 2; size++) {
            words_quote(&line, (struct bytes){word, size});
            buffer_append_byte(&line, ' ');
        }
        assert_true(words_split(buffer_view(&line), &words));
        assert_int_equal(words.count, 3);
        for (size_t size = 0; size <= 2; size++)
            assert_true(bytes_equal(words.word[size], (struct bytes){word, size}));
        words_clear(&words);
        buffer_clear(&line);
    }
}

static void plain_words_are_not_quoted(void **state)
{
    struct buffer line = {0};

    (void)state;
    words_quote(&line, bytes_of("/var/lib/grüße-1.conf"));
    assert_true(bytes_equal(buffer_view(&line), bytes_of("/var/lib/grüße-1.conf")));
    buffer_clear(&line);
}

static void lines_end_at_newlines(void **state)
{
    struct bytes text = bytes_of("one\n\nthree"), line;

    (void)state;
    assert_true(words_next_line(&text, &line));
    assert_true(bytes_equal(line, bytes_of("one")));
    assert_true(words_next_line(&text, &line));
    assert_int_equal(line.size, 0);
    assert_true(words_next_line(&text, &line));
    assert_true(bytes_equal(line, bytes_of("three")));
    assert_false(words_next_line(&text, &line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blanks_separate_words),
        cmocka_unit_test(double_quotes_keep_blanks_and_know_escapes),
        cmocka_unit_test(single_quotes_escape_only_themselves),
        cmocka_unit_test(quotes_may_start_inside_a_word),
        cmocka_unit_test(a_quote_must_be_closed_and_followed_by_a_blank),
        cmocka_unit_test(a_zero_byte_is_a_byte_like_others),
        cmocka_unit_test(what_was_quoted_is_read_back),
        cmocka_unit_test(plain_words_are_not_quoted),
        cmocka_unit_test(lines_end_at_newlines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
