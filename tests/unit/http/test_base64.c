#include "http/base64.h"

#include "unit/test.h"

static struct buffer out;

static int tear_down(void **state)
{
    (void)state;
    buffer_clear(&out);
    return 0;
}

static void expect(const char *text, struct bytes bytes)
{
    out.size = 0;
    assert_true(base64_is_valid(bytes_of(text)));
    assert_int_equal(base64_decoded_size(bytes_of(text)), bytes.size);
    assert_true(base64_decode(bytes_of(text), &out));
    assert_true(bytes_equal(buffer_view(&out), bytes));
}

static void the_examples_of_the_standard_are_read(void **state)
{
    (void)state;
    expect("", bytes_of(""));
    expect("Zg==", bytes_of("f"));
    expect("Zm8=", bytes_of("fo"));
    expect("Zm9v", bytes_of("foo"));
    expect("Zm9vYg==", bytes_of("foob"));
    expect("Zm9vYmE=", bytes_of("fooba"));
    expect("Zm9vYmFy", bytes_of("foobar"));
}

static void every_digit_has_its_number(void **state)
{
    (void)state;
    expect("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
           (struct bytes){"\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51"
                          "\x55\x97\x61\x96\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a"
                          "\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf",
                          48});
}

static void padding_may_be_missing(void **state)
{
    (void)state;
    expect("Zg", bytes_of("f"));
    expect("Zm9vYmE", bytes_of("fooba"));
}

static void what_is_no_base64_is_refused_and_adds_nothing(void **state)
{
    static const char *const texts[] = {
        "Z",    "Zm9vY",  "Zm9v=", "Zg=",  "Zg===",    "====",      "=",
        "Zm-_", "Zm9v\n", "Zm 9v", "Z=g=", "Zg==Zg==", "\xc3\xa4=="};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_false(base64_is_valid(bytes_of(texts[i])));
        assert_false(base64_decode(bytes_of(texts[i]), &out));
    }
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_examples_of_the_standard_are_read, tear_down),
        cmocka_unit_test_teardown(every_digit_has_its_number, tear_down),
        cmocka_unit_test_teardown(padding_may_be_missing, tear_down),
        cmocka_unit_test_teardown(what_is_no_base64_is_refused_and_adds_nothing, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
