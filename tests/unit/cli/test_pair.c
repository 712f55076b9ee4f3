#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/pair.h"

static struct buffer scratch;

static int clear_scratch(void **state)
{
    (void)state;
    buffer_clear(&scratch);
    return 0;
}

static struct pair parse(const char *text, enum pair_kind kind)
{
    struct pair_error error;
    struct pair pair;

    if (!pair_parse((struct bytes){text, strlen(text)}, kind, &scratch, &pair, &error))
        fail_msg("%s at %zu: %s", text, error.at, error.sentence);
    return pair;
}

static void assert_bytes(struct bytes bytes, const char *expected, size_t size)
{
    assert_int_equal(bytes.size, size);
    if (size > 0)
        assert_memory_equal(bytes.data, expected, size);
}

#define ASSERT_BYTES(bytes, expected) assert_bytes(bytes, expected, sizeof(expected) - 1)

static void assert_refused(const char *text, enum pair_kind kind, size_t at, const char *sentence)
{
    struct pair_error error;
    struct pair pair;

    assert_false(pair_parse((struct bytes){text, strlen(text)}, kind, &scratch, &pair, &error));
    assert_string_equal(error.sentence, sentence);
    assert_int_equal(error.at, at);
}

static void a_pair_has_key_and_value(void **state)
{
    struct pair pair = parse(" { \"value\" : \"v\" , \"key\" : \"k\" } ", PAIR_WHOLE);

    (void)state;
    ASSERT_BYTES(pair.key, "k");
    ASSERT_BYTES(pair.value, "v");
    assert_int_equal(pair.metadata.size, 0);
    assert_int_equal(pair.expires_at_ms, 0);
    assert_int_equal(pair.ttl_ms, 0);
}

static void escapes_become_what_they_stand_for(void **state)
{
    struct pair pair = parse("{\"key\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\","
                             "\"value\":\"\\u0000|\\u00e9|\\u20AC|\\ud834\\udd1e|é\"}",
                             PAIR_WHOLE);

    (void)state;
    ASSERT_BYTES(pair.key, "\"\\/\b\f\n\r\tA");
    ASSERT_BYTES(pair.value, "\0|é|€|\xf0\x9d\x84\x9e|é");
}

static void base64_becomes_bytes(void **state)
{
    struct pair pair =
        parse("{\"key\":\"\\u002f/8=\",\"key_base64\":true,\"value\":\"AP8=\","
              "\"base64\":true,\"metadata\":\"eyJhIjoxfQ==\",\"metadata_base64\":true}",
              PAIR_WHOLE);

    (void)state;
    ASSERT_BYTES(pair.key, "\xff\xff");
    ASSERT_BYTES(pair.value, "\0\xff");
    ASSERT_BYTES(pair.metadata, "{\"a\":1}");
    pair = parse("{\"key\":\"k\",\"value\":\"AP8=\",\"base64\":false}", PAIR_WHOLE);
    ASSERT_BYTES(pair.value, "AP8=");
}

static void metadata_stays_as_it_is_spelled(void **state)
{
    struct pair pair = parse("{\"key\":\"k\",\"value\":\"\",\"metadata\": {\"a\": 1.50, "
                             "\"b\":[12345678901234567890, \"\\u00e9 \\n\"]} }",
                             PAIR_WHOLE);

    (void)state;
    ASSERT_BYTES(pair.metadata, "{\"a\": 1.50, \"b\":[12345678901234567890, \"\\u00e9 \\n\"]}");
    pair = parse("{\"key\":\"k\",\"value\":\"\",\"metadata\":{\n  \"a\": 1\r\n}}", PAIR_WHOLE);
    ASSERT_BYTES(pair.metadata, "{\"a\": 1}");
    pair = parse("{\"key\":\"k\",\"value\":\"\",\"metadata\":null}", PAIR_WHOLE);
    assert_int_equal(pair.metadata.size, 0);
}

static void expirations_are_milliseconds(void **state)
{
    struct pair pair =
        parse("{\"key\":\"k\",\"value\":\"\",\"expiration\":1700000000}", PAIR_WHOLE);

    (void)state;
    assert_int_equal(pair.expires_at_ms, 1700000000000);
    pair = parse("{\"key\":\"k\",\"value\":\"\",\"expiration_ttl\":60,\"expiration\":null}",
                 PAIR_WHOLE);
    assert_int_equal(pair.ttl_ms, 60000);
    pair = parse("{\"key\":\"k\",\"value\":\"\",\"expiration_ms\":1700000000123,"
                 "\"expiration\":1700000001}",
                 PAIR_WHOLE);
    assert_int_equal(pair.expires_at_ms, 1700000000123);
}

static void members_of_other_names_are_passed_over(void **state)
{
    struct pair pair =
        parse("{\"key\":\"k\",\"version\":[1,{\"key\":\"x\"}],\"value\":\"v\"}", PAIR_WHOLE);

    (void)state;
    ASSERT_BYTES(pair.key, "k");
    pair = parse("{\"key\":\"k\",\"value\":\"v\",\"namespace\":\"web\"}", PAIR_WHOLE);
    ASSERT_BYTES(pair.ns, "web");
}

static void a_name_can_stand_alone(void **state)
{
    struct pair pair = parse("\"k\\n\"", PAIR_NAME);

    (void)state;
    ASSERT_BYTES(pair.key, "k\n");
    pair = parse("{\"name\":\"k\",\"expiration\":\"whatever\"}", PAIR_NAME);
    ASSERT_BYTES(pair.key, "k");
    pair = parse("{\"key\":\"/w==\",\"key_base64\":true,\"value\":17}", PAIR_NAME);
    ASSERT_BYTES(pair.key, "\xff");
    assert_refused("\"k\"", PAIR_WHOLE, 0, "here an object { } should begin");
    assert_refused("7", PAIR_NAME, 0, "here a name or an object { } should begin");
}

static void what_is_missing_or_of_another_type_is_named(void **state)
{
    (void)state;
    assert_refused("{\"value\":\"v\"}", PAIR_WHOLE, 0, "it has no key");
    assert_refused("{\"key\":\"k\"}", PAIR_WHOLE, 0, "it has no value");
    assert_refused("{}", PAIR_NAME, 0, "it has no key");
    assert_refused("{\"key\":\"k\",\"value\":1}", PAIR_WHOLE, 19, "here a string should begin");
    assert_refused("{\"key\":\"k\",\"value\":\"?\",\"base64\":true}", PAIR_WHOLE, 0,
                   "its value is not base64");
    assert_refused("{\"key\":\"?\",\"key_base64\":true}", PAIR_NAME, 0, "its key is not base64");
    assert_refused("{\"key\":\"\",\"value\":\"\",\"metadata\":1,\"metadata_base64\":true}",
                   PAIR_WHOLE, 0, "its metadata is not base64");
    assert_refused("{\"key\":\"\",\"value\":\"\",\"base64\":1}", PAIR_WHOLE, 30,
                   "here true or false should stand");
    assert_refused("{\"key\":\"\",\"value\":\"\",\"expiration\":1,\"expiration_ttl\":1}",
                   PAIR_WHOLE, 0, "expiration and expiration_ttl exclude each other");
}

static void no_number_but_a_sensible_one_is_an_expiration(void **state)
{
    static const char *const wrong[] = {
        "0", "-1", "1.5", "1e9", "9223372036854776", "\"1\"", "x", "99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[128];

        snprintf(text, sizeof(text), "{\"expiration\":%s,\"key\":\"\",\"value\":\"\"}", wrong[i]);
        assert_refused(text, PAIR_WHOLE, 14,
                       "here a whole number should stand, and a sensible one");
    }
}

static void what_is_no_json_is_refused_where_it_stands(void **state)
{
    (void)state;
    assert_refused("{\"key\":\"k\" \"value\":\"\"}", PAIR_WHOLE, 11,
                   "here a , or a } should stand");
    assert_refused("{\"key\" \"k\"}", PAIR_WHOLE, 7, "here a : should stand");
    assert_refused("{\"key\":\"k", PAIR_WHOLE, 9, "the string has no end");
    assert_refused("{\"key\":\"k\\", PAIR_WHOLE, 10, "there is no such escape");
    assert_refused("{\"key\":\"\\x\"}", PAIR_WHOLE, 9, "there is no such escape");
    assert_refused("{\"key\":\"\\u12g4\"}", PAIR_WHOLE, 12, "\\u wants four hex digits");
    assert_refused("{\"key\":\"\\ud834\"}", PAIR_WHOLE, 14,
                   "half of a surrogate pair is no character");
    assert_refused("{\"key\":\"\\udd1e\"}", PAIR_WHOLE, 14,
                   "half of a surrogate pair is no character");
    assert_refused("{\"key\":\"a\nb\"}", PAIR_WHOLE, 9,
                   "a control character in a string wants a \\");
    assert_refused("{\"key\":\"a\xff\"}", PAIR_WHOLE, 9, "this is not UTF-8");
    assert_refused("{\"key\":\"\",\"value\":\"\"} x", PAIR_WHOLE, 22,
                   "there is something behind the end");
    assert_refused("{\"x\":[1,]}", PAIR_WHOLE, 8, "here a value should stand");
    assert_refused("{\"x\":01}", PAIR_WHOLE, 6, "here a , or a } should stand");
    assert_refused("{\"x\":1.}", PAIR_WHOLE, 7, "here a digit should stand");
    assert_refused("{\"x\":tru}", PAIR_WHOLE, 5, "here a value should stand");
    assert_refused("", PAIR_WHOLE, 0, "here an object { } should begin");
}

static void no_truncation_of_a_pair_is_a_pair(void **state)
{
    static const char whole[] = "{\"key\":\"k\\u00e9\",\"value\":\"v\",\"metadata\":{\"a\":[1.5e3,"
                                "null,true]},\"expiration\":17}";

    (void)state;
    parse(whole, PAIR_WHOLE);
    for (size_t size = 0; size < sizeof(whole) - 1; size++) {
        char *cut = malloc(size + 1); /* so that the sanitizer sees where it ends */
        struct pair_error error;
        struct pair pair;

        assert_non_null(cut);
        memcpy(cut, whole, size);
        assert_false(pair_parse((struct bytes){cut, size}, PAIR_WHOLE, &scratch, &pair, &error));
        assert_true(error.at <= size);
        free(cut);
    }
}

static void it_may_be_nested_deeply_but_not_without_end(void **state)
{
    char text[4096] = "{\"key\":\"\",\"value\":\"\",\"x\":";
    size_t length = strlen(text);
    struct pair_error error;
    struct pair pair;

    (void)state;
    memset(text + length, '[', sizeof(text) - length);
    assert_false(
        pair_parse((struct bytes){text, sizeof(text)}, PAIR_WHOLE, &scratch, &pair, &error));
    assert_string_equal(error.sentence, "it is nested too deeply");
}

/* --- writing --- */

static void assert_written(struct pair pair, const char *expected)
{
    struct buffer out = {0};

    pair_append(&out, &pair);
    buffer_append(&out, "", 1);
    assert_string_equal(out.data, expected);
    buffer_clear(&out);
}

#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static void a_pair_is_written_as_wrangler_reads_it(void **state)
{
    (void)state;
    assert_written((struct pair){.key = BYTES("k\"é"), .value = BYTES("a\nb\x01")},
                   "{\"key\":\"k\\\"é\",\"value\":\"a\\nb\\u0001\"}\n");
    assert_written(
        (struct pair){.key = BYTES("k"), .metadata = BYTES("{\"a\": 1}"), .expires_at_ms = 5000},
        "{\"key\":\"k\",\"value\":\"\",\"metadata\":{\"a\": 1},\"expiration\":5}\n");
}

static void what_is_no_text_is_written_in_base64(void **state)
{
    (void)state;
    assert_written((struct pair){.key = BYTES("\xff"), .value = BYTES("\0\xff")},
                   "{\"key\":\"/w==\",\"key_base64\":true,\"value\":\"AP8=\",\"base64\":true}\n");
    assert_written(
        (struct pair){.key = BYTES("k"), .metadata = BYTES("[\n1]"), .expires_at_ms = 5001},
        "{\"key\":\"k\",\"value\":\"\",\"metadata\":\"WwoxXQ==\",\"metadata_base64\":true,"
        "\"expiration\":5,\"expiration_ms\":5001}\n");
    assert_written((struct pair){.key = BYTES("k"), .value = BYTES("\0\0\0\0\0\0")},
                   "{\"key\":\"k\",\"value\":\"AAAAAAAA\",\"base64\":true}\n");
}

static void what_is_written_is_read_again(void **state)
{
    char bytes[512];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    for (size_t i = 0; i < 256; i++) {
        struct pair pair = {.key = {bytes + i, i % 7},
                            .value = {bytes + i, i},
                            .metadata = BYTES(" {\"a\" :\t1}\n"),
                            .expires_at_ms = (int64_t)1 << (i % 63)};
        struct buffer out = {0};
        struct pair_error error;
        struct pair again;

        pair_append(&out, &pair);
        assert_true(
            pair_parse((struct bytes){out.data, out.size}, PAIR_WHOLE, &scratch, &again, &error));
        assert_bytes(again.key, pair.key.data, pair.key.size);
        assert_bytes(again.value, pair.value.data, pair.value.size);
        assert_bytes(again.metadata, pair.metadata.data, pair.metadata.size);
        assert_int_equal(again.expires_at_ms, pair.expires_at_ms);
        buffer_clear(&out);
    }
}

static void a_text_goes_on_one_line(void **state)
{
    static const char text[] = "{\n  \"a\": \"b  c\",\r\n\t\"d\":  1\n}";
    struct buffer out = {0};

    (void)state;
    pair_append_text(&out, (struct bytes){text, sizeof(text) - 1});
    assert_bytes((struct bytes){out.data, out.size}, "{\"a\": \"b  c\",\"d\":  1}", 21);
    buffer_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_has_key_and_value),
        cmocka_unit_test(escapes_become_what_they_stand_for),
        cmocka_unit_test(base64_becomes_bytes),
        cmocka_unit_test(metadata_stays_as_it_is_spelled),
        cmocka_unit_test(expirations_are_milliseconds),
        cmocka_unit_test(members_of_other_names_are_passed_over),
        cmocka_unit_test(a_name_can_stand_alone),
        cmocka_unit_test(what_is_missing_or_of_another_type_is_named),
        cmocka_unit_test(no_number_but_a_sensible_one_is_an_expiration),
        cmocka_unit_test(what_is_no_json_is_refused_where_it_stands),
        cmocka_unit_test(no_truncation_of_a_pair_is_a_pair),
        cmocka_unit_test(it_may_be_nested_deeply_but_not_without_end),
        cmocka_unit_test(a_pair_is_written_as_wrangler_reads_it),
        cmocka_unit_test(what_is_no_text_is_written_in_base64),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_text_goes_on_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, clear_scratch);
}
