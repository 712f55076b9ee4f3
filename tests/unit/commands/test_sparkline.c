#include "commands/sparkline.h"

#include <stdio.h>

#include "unit/test.h"

static void assert_picture(const struct sparkline_column *columns, int count, const char *expected)
{
    struct buffer out = {0};

    sparkline_draw(columns, count, &out);
    buffer_append_byte(&out, '\0');
    assert_string_equal(out.data, expected);
    buffer_clear(&out);
}

static void columns_are_as_high_as_their_values(void **state)
{
    static const struct sparkline_column columns[] = {{0, "9s"},  {10, "8s"},  {20, "7s"},
                                                      {30, "6s"}, {110, "5s"}, {50, "10m"}};

    (void)state;
    assert_picture(columns, 6,
                   "    `\n"
                   "    |\n"
                   "   _|`\n"
                   "_-`|||\n"
                   "\n"
                   "987651\n"
                   "sssss0\n"
                   "     m\n");
}

static void equal_values_lie_flat(void **state)
{
    static const struct sparkline_column columns[] = {{7, "a"}, {7, "b"}};

    (void)state;
    assert_picture(columns, 2, "\n\n\n__\n\nab\n");
    assert_picture(columns, 0, "");
}

static void the_least_and_the_greatest_number_fit(void **state)
{
    static const struct sparkline_column columns[] = {{INT64_MIN, ""}, {INT64_MAX, ""}, {0, ""}};

    (void)state;
    assert_picture(columns, 3, " `\n |_\n ||\n_||\n\n");
}

static void more_columns_than_fit_go_below(void **state)
{
    struct sparkline_column columns[SPARKLINE_COLUMNS + 1] = {{.value = 0}};
    struct buffer out = {0};

    (void)state;
    columns[SPARKLINE_COLUMNS].value = 1;
    sparkline_draw(columns, SPARKLINE_COLUMNS + 1, &out);
    buffer_append_byte(&out, '\0');
    assert_non_null(strstr(out.data, "\n\n`\n|\n|\n|\n"));
    buffer_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_high_as_their_values),
        cmocka_unit_test(equal_values_lie_flat),
        cmocka_unit_test(the_least_and_the_greatest_number_fit),
        cmocka_unit_test(more_columns_than_fit_go_below),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
