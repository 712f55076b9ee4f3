#include "unit/test.h"

#include "base/random.h"
#include "commands/lcs.h"

static void assert_length(const char *a, const char *b, uint32_t expected)
{
    assert_int_equal(lcs_length(bytes_of(a), bytes_of(b)), expected);
}

static void the_length_is_that_of_the_longest(void **state)
{
    (void)state;
    assert_length("", "", 0);
    assert_length("abc", "", 0);
    assert_length("abc", "def", 0);
    assert_length("abc", "abc", 3);
    assert_length("abcbdab", "bdcaba", 4);
    assert_length("ohmytext", "mynewtext", 6);
    assert_length("aaaa", "aa", 2);
}

static void runs_come_from_the_end(void **state)
{
    struct buffer buffer = {0};
    const struct lcs_run *runs;

    (void)state;
    assert_int_equal(lcs_find(bytes_of("ohmytext"), bytes_of("mynewtext"), &buffer), 6);
    assert_int_equal(buffer.size, 2 * sizeof *runs);
    runs = (const void *)buffer.data;
    assert_int_equal(runs[0].a, 4);
    assert_int_equal(runs[0].b, 5);
    assert_int_equal(runs[0].size, 4);
    assert_int_equal(runs[1].a, 2);
    assert_int_equal(runs[1].b, 0);
    assert_int_equal(runs[1].size, 2);
    buffer_clear(&buffer);
}

static struct bytes random_word(struct random *random, char text[20])
{
    size_t size = random_below(random, 20);

    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + random_below(random, 3));
    return (struct bytes){text, size};
}

/* Each run is the same bytes in both, and none reaches into the one before it. */
static uint32_t check_runs(struct bytes a, struct bytes b, const struct buffer *buffer)
{
    const struct lcs_run *runs = (const void *)buffer->data;
    size_t a_end = a.size, b_end = b.size;
    uint32_t length = 0;

    for (size_t i = 0; i < buffer->size / sizeof *runs; i++) {
        assert_true(runs[i].size > 0);
        assert_true(runs[i].a + runs[i].size <= a_end);
        assert_true(runs[i].b + runs[i].size <= b_end);
        assert_memory_equal(a.data + runs[i].a, b.data + runs[i].b, runs[i].size);
        a_end = runs[i].a;
        b_end = runs[i].b;
        length += runs[i].size;
    }
    return length;
}

static void runs_are_a_common_subsequence_of_that_length(void **state)
{
    struct random random = {1};
    struct buffer buffer = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        char a_text[20], b_text[20];
        struct bytes a = random_word(&random, a_text), b = random_word(&random, b_text);
        uint32_t length;

        buffer.size = 0;
        length = lcs_find(a, b, &buffer);
        assert_int_equal(length, lcs_length(a, b));
        assert_int_equal(length, check_runs(a, b, &buffer));
    }
    buffer_clear(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_length_is_that_of_the_longest),
        cmocka_unit_test(runs_come_from_the_end),
        cmocka_unit_test(runs_are_a_common_subsequence_of_that_length),
    };

    return cmocka_run_group_tests_name("lcs", tests, NULL, NULL);
}
