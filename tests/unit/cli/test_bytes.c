#include "unit/test.h"

#include <string.h>

#include "client/cli/bytes.h"

static struct bytes text(const char *text_of_it)
{
    return (struct bytes){text_of_it, strlen(text_of_it)};
}

static void assert_decodes(const char *encoded, const char *expected, size_t size)
{
    struct buffer out = {0};

    assert_true(base64_decode(&out, text(encoded)));
    assert_int_equal(out.size, size);
    if (size > 0)
        assert_memory_equal(out.data, expected, size);
    buffer_clear(&out);
}

static void base64_is_read_with_its_padding(void **state)
{
    (void)state;
    assert_decodes("", "", 0);
    assert_decodes("YQ==", "a", 1);
    assert_decodes("YWI=", "ab", 2);
    assert_decodes("YWJj", "abc", 3);
    assert_decodes("AP/+", "\0\xff\xfe", 3);
}

static void what_is_no_base64_is_refused(void **state)
{
    static const char *const broken[] = {
        "Y", "YQ", "YQ=", "YQ=a", "====", "YR==", "YWJ=", "Y Q=", "YQ==YQ==", "YQ-_", "\xc3\xa9YQ"};

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct buffer out = {0};

        if (base64_decode(&out, text(broken[i])))
            fail_msg("%s was taken for base64", broken[i]);
        buffer_clear(&out);
    }
}

static void base64_of_every_length_comes_back(void **state)
{
    char bytes[256];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(255 - i);
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        struct buffer encoded = {0}, decoded = {0};

        base64_append(&encoded, (struct bytes){bytes, size});
        assert_int_equal(encoded.size, (size + 2) / 3 * 4);
        assert_true(base64_decode(&decoded, (struct bytes){encoded.data, encoded.size}));
        assert_int_equal(decoded.size, size);
        if (size > 0)
            assert_memory_equal(decoded.data, bytes, size);
        buffer_clear(&encoded);
        buffer_clear(&decoded);
    }
}

static void a_buffer_gives_back_what_it_no_longer_needs(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    buffer_reserve(&buffer, 100000);
    buffer_append_text(&buffer, "front, back");
    buffer_drop(&buffer, 7);
    buffer_trim(&buffer, 1000);
    assert_int_equal(buffer.capacity, 1000);
    assert_memory_equal(buffer.data, "back", buffer.size);
    buffer_clear(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_is_read_with_its_padding),
        cmocka_unit_test(what_is_no_base64_is_refused),
        cmocka_unit_test(base64_of_every_length_comes_back),
        cmocka_unit_test(a_buffer_gives_back_what_it_no_longer_needs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
