#include "store/levels.h"

#include "unit/test.h"

/* As LevelDB 1.23 writes it. */
static const char table[] = "                               Compactions\n"
                            "Level  Files Size(MB) Time(sec) Read(MB) Write(MB)\n"
                            "--------------------------------------------------\n"
                            "  0        2       57         3        0       610\n"
                            "  2       12      340        20     1210      1190\n";

static void each_row_is_a_level(void **state)
{
    struct levels levels = levels_read(table);

    (void)state;
    assert_int_equal(levels.at[0].files, 2);
    assert_int_equal(levels.at[0].bytes, 57 << 20);
    assert_int_equal(levels.at[0].compaction_s, 3);
    assert_int_equal(levels.at[0].read_bytes, 0);
    assert_int_equal(levels.at[0].written_bytes, 610 << 20);
    assert_int_equal(levels.at[1].files, 0);
    assert_int_equal(levels.at[2].read_bytes, 1210 << 20);
}

static void all_levels_have_a_sum(void **state)
{
    struct levels levels = levels_read(table);
    struct level sum = levels_sum(&levels);

    (void)state;
    assert_int_equal(sum.files, 14);
    assert_int_equal(sum.bytes, 397 << 20);
    assert_int_equal(sum.written_bytes, 1800 << 20);
}

static void no_table_has_no_levels(void **state)
{
    struct levels levels = levels_read(NULL);

    (void)state;
    assert_int_equal(levels_sum(&levels).files, 0);
    levels = levels_read("  9 1 1 1 1 1\n -1 1 1 1 1 1");
    assert_int_equal(levels_sum(&levels).files, 0);
}

static void work_adds_up_and_files_do_not(void **state)
{
    struct levels levels = levels_read(table), more = levels;

    (void)state;
    levels_add_work(&levels, &more);
    assert_int_equal(levels.at[0].files, 2);
    assert_int_equal(levels.at[0].bytes, 57 << 20);
    assert_int_equal(levels.at[2].read_bytes, (int64_t)2420 << 20);
    assert_int_equal(levels.at[2].compaction_s, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_a_level),
        cmocka_unit_test(all_levels_have_a_sum),
        cmocka_unit_test(no_table_has_no_levels),
        cmocka_unit_test(work_adds_up_and_files_do_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
