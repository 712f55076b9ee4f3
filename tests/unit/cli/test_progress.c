#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/progress.h"

static void assert_line(const struct progress_state *state, int64_t now_ms, const char *expected)
{
    struct progress progress;
    char line[PROGRESS_LINE_MAX];

    progress_init(&progress, "pairs", true, 1000);
    progress_line(&progress, state, now_ms, line);
    assert_string_equal(line, expected);
}

static void a_line_tells_count_bytes_rate_and_time_left(void **state)
{
    struct progress_state at = {.count = 412345, .bytes = 58100000, .position = 41, .total = 100};

    (void)state;
    assert_line(&at, 4000,
                "[========>           ] 41%  412,345 pairs  58.1 MB  137,448/s  0:04 left");
}

static void without_a_total_there_is_no_bar(void **state)
{
    struct progress_state at = {.count = 1, .bytes = 999};

    (void)state;
    assert_line(&at, 2000, "1 pairs  999 bytes  1/s");
}

static void at_the_begin_and_at_the_end_nothing_is_left_to_tell(void **state)
{
    struct progress_state at = {.total = 7};

    (void)state;
    assert_line(&at, 1000, "[>                   ] 0%  0 pairs  0 bytes  0/s");
    at = (struct progress_state){.count = 7, .bytes = 7000000000, .position = 7, .total = 7};
    assert_line(&at, 8000, "[====================] 100%  7 pairs  7.0 GB  1/s");
}

static void hours_are_told_as_hours(void **state)
{
    struct progress_state at = {.count = 1, .bytes = 1, .position = 1, .total = 3724};

    (void)state;
    assert_line(&at, 2000, "[>                   ] 0%  1 pairs  1 bytes  1/s  1:02:03 left");
}

/* What is drawn on a terminal or elsewhere. */
static void assert_drawn(bool is_terminal, const char *expected)
{
    struct progress_state at = {.count = 1};
    struct progress progress;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    progress_init(&progress, "keys", is_terminal, 0);
    progress_draw(&progress, out, &at, 1000);
    progress_end(&progress, out);
    progress_end(&progress, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void a_bar_is_drawn_over_and_taken_away(void **state)
{
    (void)state;
    assert_drawn(true, "\r1 keys  0 bytes  1/s\033[K\r\033[K");
}

static void a_log_gets_lines(void **state)
{
    (void)state;
    assert_drawn(false, "1 keys  0 bytes  1/s\n");
}

static void it_is_due_often_on_a_terminal_and_seldom_elsewhere(void **state)
{
    struct progress progress;

    (void)state;
    progress_init(&progress, "keys", true, 0);
    assert_false(progress_is_due(&progress, 99));
    assert_true(progress_is_due(&progress, 100));
    progress_init(&progress, "keys", false, 0);
    assert_false(progress_is_due(&progress, 4999));
    assert_true(progress_is_due(&progress, 5000));
}

static void numbers_are_grouped(void **state)
{
    char text[PROGRESS_NUMBER_MAX];

    (void)state;
    assert_string_equal(progress_number(0, text), "0");
    assert_string_equal(progress_number(999, text), "999");
    assert_string_equal(progress_number(1000, text), "1,000");
    assert_string_equal(progress_number(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_tells_count_bytes_rate_and_time_left),
        cmocka_unit_test(without_a_total_there_is_no_bar),
        cmocka_unit_test(at_the_begin_and_at_the_end_nothing_is_left_to_tell),
        cmocka_unit_test(hours_are_told_as_hours),
        cmocka_unit_test(a_bar_is_drawn_over_and_taken_away),
        cmocka_unit_test(a_log_gets_lines),
        cmocka_unit_test(it_is_due_often_on_a_terminal_and_seldom_elsewhere),
        cmocka_unit_test(numbers_are_grouped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
