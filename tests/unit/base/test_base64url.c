#include "unit/test.h"

#include "base/base64url.h"
#include "base/random.h"

static void assert_text(const char *bytes, const char *expected)
{
    struct buffer text = {0};

    base64url_encode(bytes_of(bytes), &text);
    assert_true(bytes_equal(buffer_view(&text), bytes_of(expected)));
    buffer_clear(&text);
}

static void assert_refused(const char *text)
{
    struct buffer bytes = {0};

    buffer_append_text(&bytes, "before");
    assert_false(base64url_decode(bytes_of(text), &bytes));
    assert_true(bytes_equal(buffer_view(&bytes), bytes_of("before")));
    buffer_clear(&bytes);
}

static void texts_are_those_of_rfc_4648_without_padding(void **state)
{
    (void)state;
    assert_text("", "");
    assert_text("f", "Zg");
    assert_text("fo", "Zm8");
    assert_text("foo", "Zm9v");
    assert_text("foob", "Zm9vYg");
    assert_text("fooba", "Zm9vYmE");
    assert_text("foobar", "Zm9vYmFy");
    assert_text("\xfb\xff\xbf", "-_-_");
}

static void any_bytes_come_back(void **state)
{
    struct random random = {1};
    struct buffer bytes = {0}, text = {0}, back = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        bytes.size = text.size = back.size = 0;
        for (uint64_t left = random_below(&random, 50); left > 0; left--)
            buffer_append_byte(&bytes, (char)random_below(&random, 256));
        base64url_encode(buffer_view(&bytes), &text);
        assert_true(base64url_decode(buffer_view(&text), &back));
        assert_true(bytes_equal(buffer_view(&back), buffer_view(&bytes)));
    }
    buffer_clear(&bytes);
    buffer_clear(&text);
    buffer_clear(&back);
}

static void what_encoding_never_writes_is_refused(void **state)
{
    (void)state;
    assert_refused("Zg==");
    assert_refused("Zm9v\n");
    assert_refused("+/+/");
    assert_refused("Z");
    assert_refused("Zm9vY");
}

static void left_over_bits_must_be_zero(void **state)
{
    (void)state;
    assert_refused("Zh");
    assert_refused("Zm9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_those_of_rfc_4648_without_padding),
        cmocka_unit_test(any_bytes_come_back),
        cmocka_unit_test(what_encoding_never_writes_is_refused),
        cmocka_unit_test(left_over_bits_must_be_zero),
    };

    return cmocka_run_group_tests_name("base64url", tests, NULL, NULL);
}
