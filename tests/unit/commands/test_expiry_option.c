#include "unit/test.h"

#include "commands/expiry_option.h"

#define NOW_MS    1000000
#define WORDS_MAX 4

/* Takes all words, which end with a NULL; false if one was not taken. */
static bool take_all(struct expiry_option *option, const char *const words[WORDS_MAX + 1])
{
    struct bytes argv[WORDS_MAX];
    struct call call = {.argv = argv};

    while (words[call.argc] != NULL) {
        argv[call.argc] = bytes_of(words[call.argc]);
        call.argc++;
    }
    for (size_t i = 0; i < call.argc; i++)
        if (!expiry_option_take(option, &call, &i))
            return false;
    return true;
}

#define TAKE_ALL(option, ...) take_all(option, (const char *const[WORDS_MAX + 1]){__VA_ARGS__})

static void assert_moment(const char *word, const char *number, int64_t expected_ms)
{
    struct expiry_option option = {0};
    int64_t moment_ms = 0;

    assert_true(TAKE_ALL(&option, word, number));
    assert_int_equal(expiry_option_moment(&option, NOW_MS, &moment_ms), STATUS_OK);
    assert_int_equal(moment_ms, expected_ms);
}

static void assert_no_moment(const char *word, const char *number, enum status expected)
{
    struct expiry_option option = {0};
    int64_t moment_ms = 7;

    assert_true(TAKE_ALL(&option, word, number));
    assert_int_equal(expiry_option_moment(&option, NOW_MS, &moment_ms), expected);
    assert_int_equal(moment_ms, 7);
}

static void each_word_has_its_unit_and_start(void **state)
{
    (void)state;
    assert_moment("EX", "5", NOW_MS + 5000);
    assert_moment("px", "5", NOW_MS + 5);
    assert_moment("ExAt", "5", 5000);
    assert_moment("PXAT", "5", 5);
}

static void without_a_number_there_is_no_expiry(void **state)
{
    struct expiry_option option = {0};
    int64_t moment_ms;

    (void)state;
    assert_int_equal(expiry_option_moment(&option, NOW_MS, &moment_ms), STATUS_OK);
    assert_int_equal(moment_ms, EXPIRY_NONE);
    assert_true(TAKE_ALL(&option, "PERSIST"));
    assert_int_equal(expiry_option_moment(&option, NOW_MS, &moment_ms), STATUS_OK);
    assert_int_equal(moment_ms, EXPIRY_NONE);
}

static void words_of_two_kinds_contradict_each_other(void **state)
{
    struct expiry_option option = {0};

    (void)state;
    assert_false(TAKE_ALL(&option, "EX", "1", "PX", "1"));
    option = (struct expiry_option){0};
    assert_false(TAKE_ALL(&option, "KEEPTTL", "EXAT", "1"));
    option = (struct expiry_option){0};
    assert_false(TAKE_ALL(&option, "PXAT", "1", "PERSIST"));
}

static void of_one_word_twice_the_last_number_counts(void **state)
{
    struct expiry_option option = {0};
    int64_t moment_ms;

    (void)state;
    assert_true(TAKE_ALL(&option, "PXAT", "x", "PXAT", "6"));
    assert_int_equal(expiry_option_moment(&option, NOW_MS, &moment_ms), STATUS_OK);
    assert_int_equal(moment_ms, 6);
}

static void a_word_without_its_number_is_not_taken(void **state)
{
    struct expiry_option option = {0};

    (void)state;
    assert_false(TAKE_ALL(&option, "EX"));
    assert_int_equal(option.choice, EXPIRY_UNSAID);
    assert_false(TAKE_ALL(&option, "NX"));
}

static void numbers_must_be_positive_and_lead_to_a_moment(void **state)
{
    (void)state;
    assert_no_moment("EX", "soon", STATUS_NOT_INTEGER);
    assert_no_moment("EX", "0", STATUS_EXPIRE_TIME);
    assert_no_moment("PXAT", "-1", STATUS_EXPIRE_TIME);
    assert_no_moment("EXAT", "9223372036854775807", STATUS_EXPIRE_TIME);
    assert_no_moment("PX", "9223372036854775807", STATUS_EXPIRE_TIME);
}

static void the_last_millisecond_is_not_never(void **state)
{
    (void)state;
    assert_moment("PXAT", "9223372036854775807", EXPIRY_NONE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_has_its_unit_and_start),
        cmocka_unit_test(without_a_number_there_is_no_expiry),
        cmocka_unit_test(words_of_two_kinds_contradict_each_other),
        cmocka_unit_test(of_one_word_twice_the_last_number_counts),
        cmocka_unit_test(a_word_without_its_number_is_not_taken),
        cmocka_unit_test(numbers_must_be_positive_and_lead_to_a_moment),
        cmocka_unit_test(the_last_millisecond_is_not_never),
    };

    return cmocka_run_group_tests_name("expiry_option", tests, NULL, NULL);
}
