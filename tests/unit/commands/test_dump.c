#include "commands/dump.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crc64.h"
#include "base/memory.h"
#include "unit/test.h"

/* A payload around what a test makes up: behind it a version and the right sum. */
static void seal(struct buffer *payload, const char *body, size_t size, unsigned version)
{
    uint16_t version_stored = htole16((uint16_t)version);
    uint64_t sum;

    payload->size = 0;
    buffer_append(payload, body, size);
    buffer_append(payload, &version_stored, sizeof version_stored);
    sum = htole64(crc64_jones(buffer_view(payload)));
    buffer_append(payload, &sum, sizeof sum);
}

static enum dump_verdict verdict_of(const char *body, size_t size)
{
    struct buffer payload = {0};
    struct dump_string string;
    enum dump_verdict verdict;

    seal(&payload, body, size, DUMP_VERSION);
    verdict = dump_read(buffer_view(&payload), &string);
    buffer_clear(&payload);
    return verdict;
}

#define VERDICT(body) verdict_of(body, sizeof(body) - 1)

static void assert_value(const char *body, size_t size, const char *expected)
{
    struct buffer payload = {0}, value = {0};
    struct dump_string string;

    seal(&payload, body, size, DUMP_VERSION);
    assert_int_equal(dump_read(buffer_view(&payload), &string), DUMP_FINE);
    assert_int_equal(string.size, strlen(expected));
    if (string.is_packed)
        assert_true(dump_unpack(&string, &value));
    else
        buffer_append_bytes(&value, string.stored);
    assert_int_equal(value.size, strlen(expected));
    assert_memory_equal(value.data, expected, value.size);
    buffer_clear(&payload);
    buffer_clear(&value);
}

#define VALUE(body, expected) assert_value(body, sizeof(body) - 1, expected)

static void strings_are_read_in_all_of_redis_spellings(void **state)
{
    (void)state;
    VALUE("\0\x03"
          "abc",
          "abc");
    VALUE("\0\x40\x03"
          "abc",
          "abc");
    VALUE("\0\x80\0\0\0\x03"
          "abc",
          "abc");
    VALUE("\0\x81\0\0\0\0\0\0\0\x03"
          "abc",
          "abc");
    VALUE("\0\xc0\xff", "-1");
    VALUE("\0\xc1\xff\x7f", "32767");
    VALUE("\0\xc2\0\0\0\x80", "-2147483648");
    VALUE("\0\xc3\x05\x0a\0a\xe0\x00\x00", "aaaaaaaaaa");
}

static void sizes_that_cannot_be_are_refused_before_anything_is_allocated(void **state)
{
    (void)state;
    assert_int_equal(VERDICT("\0\x04"
                             "abc"),
                     DUMP_MALFORMED);
    assert_int_equal(VERDICT("\0\x81\xff\xff\xff\xff\xff\xff\xff\xff"
                             "abc"),
                     DUMP_MALFORMED);
    assert_int_equal(VERDICT("\0\xc3\x01\x00\x00"), DUMP_MALFORMED);
    /* 500 MB out of five bytes */
    assert_int_equal(VERDICT("\0\xc3\x05\x80\x20\0\0\0\x00"
                             "a\xe0\xff\x00"),
                     DUMP_MALFORMED);
    assert_int_equal(VERDICT("\0\xc3\x81\xff\xff\xff\xff\xff\xff\xff\xff\x03"
                             "abc"),
                     DUMP_MALFORMED);
}

static void what_is_cut_off_or_goes_on_is_refused(void **state)
{
    static const char whole[] = "\0\xc3\x05\x04\x03"
                                "abcd";

    (void)state;
    for (size_t size = 0; size < sizeof whole - 1; size++)
        assert_int_equal(verdict_of(whole, size), DUMP_MALFORMED);
    assert_int_equal(VERDICT("\0\x03"
                             "abcd"),
                     DUMP_MALFORMED);
    assert_int_equal(VERDICT("\0\xc0"), DUMP_MALFORMED);
    assert_int_equal(VERDICT("\0\xc1\x01"), DUMP_MALFORMED);
    assert_int_equal(VERDICT("\0\xc2\x01\x02\x03"), DUMP_MALFORMED);
    assert_int_equal(VERDICT("\0\x40"), DUMP_MALFORMED);
    assert_int_equal(VERDICT("\0\x80\0\0\0"), DUMP_MALFORMED);
}

static void unknown_spellings_are_refused(void **state)
{
    (void)state;
    assert_int_equal(VERDICT("\0\xc4\x01"), DUMP_MALFORMED);
    assert_int_equal(VERDICT("\0\x82\x01\x00\x00\x00x"), DUMP_MALFORMED);
    /* a length of the packed that is none */
    assert_int_equal(VERDICT("\0\xc3\xc0\x04\x03"
                             "abcd"),
                     DUMP_MALFORMED);
}

static void what_is_no_string_is_told_apart(void **state)
{
    (void)state;
    for (int type = 1; type < 256; type++) {
        char body[] = {(char)type, 1, 'a'};

        assert_int_equal(verdict_of(body, sizeof body), DUMP_OTHER_TYPE);
    }
}

static void every_changed_bit_is_noticed(void **state)
{
    struct buffer payload = {0};
    struct dump_string string;

    (void)state;
    dump_write(&payload, bytes_of("some value"));
    for (size_t i = 0; i < payload.size * 8; i++) {
        payload.data[i / 8] = (char)(payload.data[i / 8] ^ 1 << i % 8);
        assert_int_equal(dump_read(buffer_view(&payload), &string), DUMP_WRONG_SUM);
        payload.data[i / 8] = (char)(payload.data[i / 8] ^ 1 << i % 8);
    }
    for (size_t size = 0; size < payload.size; size++)
        assert_int_equal(dump_read((struct bytes){payload.data, size}, &string), DUMP_WRONG_SUM);
    buffer_clear(&payload);
}

static void payloads_of_other_versions_are_read(void **state)
{
    struct buffer payload = {0};
    struct dump_string string;

    (void)state;
    for (unsigned version = 1; version < 20; version++) {
        seal(&payload, "\0\x01x", 3, version);
        assert_int_equal(dump_read(buffer_view(&payload), &string), DUMP_FINE);
    }
    buffer_clear(&payload);
}

static void assert_comes_back(struct bytes value)
{
    struct buffer payload = {0};
    struct dump_string string;

    buffer_append_text(&payload, "before");
    dump_write(&payload, value);
    assert_true(payload.size - 6 <= value.size + DUMP_AROUND_MAX);
    assert_int_equal(dump_read((struct bytes){payload.data + 6, payload.size - 6}, &string),
                     DUMP_FINE);
    assert_false(string.is_packed);
    assert_true(bytes_equal(string.stored, value));
    buffer_clear(&payload);
}

static void what_is_written_is_read(void **state)
{
    static const int64_t numbers[] = {0,         -1,        127,       128,       -128,
                                      -129,      32767,     32768,     -32768,    -32769,
                                      INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, INT64_C(1) << 31};
    static const size_t sizes[] = {0, 1, 63, 64, 16383, 16384, 100000};
    char text[INT64_TEXT_MAX];
    char *value = xcalloc(1, 100000);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        assert_comes_back((struct bytes){text, int64_to_text(numbers[i], text)});
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        assert_comes_back((struct bytes){value, sizes[i]});
    assert_comes_back(bytes_of("007"));
    assert_comes_back(bytes_of("-0"));
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_read_in_all_of_redis_spellings),
        cmocka_unit_test(sizes_that_cannot_be_are_refused_before_anything_is_allocated),
        cmocka_unit_test(what_is_cut_off_or_goes_on_is_refused),
        cmocka_unit_test(unknown_spellings_are_refused),
        cmocka_unit_test(what_is_no_string_is_told_apart),
        cmocka_unit_test(every_changed_bit_is_noticed),
        cmocka_unit_test(payloads_of_other_versions_are_read),
        cmocka_unit_test(what_is_written_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
