#include "http/key_name.h"

#include <string.h>

#include "unit/test.h"

#define SIZE_MAX_OF_KEYS 8

static struct fault fault;

static void refuses(const char *key, enum http_refusal refusal, const char *text)
{
    assert_false(key_name_check(bytes_of(key), SIZE_MAX_OF_KEYS, &fault));
    assert_int_equal(fault.refusal, refusal);
    assert_string_equal(fault.text, text);
}

static void any_bytes_make_a_key_up_to_the_limit(void **state)
{
    (void)state;
    assert_true(key_name_check(bytes_of("12345678"), SIZE_MAX_OF_KEYS, &fault));
    assert_true(key_name_check((struct bytes){"\0\xff/.", 4}, SIZE_MAX_OF_KEYS, &fault));
    assert_true(key_name_check(bytes_of("..."), SIZE_MAX_OF_KEYS, &fault));
    assert_true(key_name_check(bytes_of("./"), SIZE_MAX_OF_KEYS, &fault));
}

static void what_means_something_in_a_path_is_refused(void **state)
{
    (void)state;
    refuses("", REFUSE_KEY_NAME, "Key names must not be empty");
    refuses(".", REFUSE_KEY_NAME, "Illegal key name \".\". Please use a different name.");
    refuses("..", REFUSE_KEY_NAME, "Illegal key name \"..\". Please use a different name.");
}

static void one_byte_more_than_the_limit_is_refused(void **state)
{
    (void)state;
    refuses("123456789", REFUSE_KEY_TOO_LONG,
            "UTF-8 encoded length of 9 exceeds key length limit of 8.");
}

static void of_a_prefix_only_the_length_matters(void **state)
{
    (void)state;
    assert_true(key_name_check_prefix(bytes_of(""), SIZE_MAX_OF_KEYS, &fault));
    assert_true(key_name_check_prefix(bytes_of("."), SIZE_MAX_OF_KEYS, &fault));
    assert_true(key_name_check_prefix(bytes_of("12345678"), SIZE_MAX_OF_KEYS, &fault));
    assert_false(key_name_check_prefix(bytes_of("123456789"), SIZE_MAX_OF_KEYS, &fault));
    assert_int_equal(fault.refusal, REFUSE_KEY_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_bytes_make_a_key_up_to_the_limit),
        cmocka_unit_test(what_means_something_in_a_path_is_refused),
        cmocka_unit_test(one_byte_more_than_the_limit_is_refused),
        cmocka_unit_test(of_a_prefix_only_the_length_matters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
