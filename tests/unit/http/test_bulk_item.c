#include "http/bulk_item.h"

#include "commands/metadata.h"
#include "store/entry.h"
#include "unit/test.h"

#define NOW_MS ((int64_t)1700000000000)

static const struct bulk_rules rules = {
    .key_size_max = 8, .value_size_max = 10, .metadata_size_max = 12, .now_ms = NOW_MS};

static struct bulk_item item;
static struct fault fault;

static int tear_down(void **state)
{
    (void)state;
    bulk_item_clear(&item);
    return 0;
}

static bool read_pair(const char *text)
{
    struct json_reader reader;

    json_reader_init(&reader, bytes_of(text));
    return bulk_item_read_pair(&item, &reader, &rules, &fault);
}

static void refuses(const char *text, enum http_refusal refusal, const char *why)
{
    assert_false(read_pair(text));
    assert_int_equal(fault.refusal, refusal);
    assert_string_equal(fault.text, why);
}

static void is(const struct buffer *buffer, const char *text)
{
    assert_true(bytes_equal(buffer_view(buffer), bytes_of(text)));
}

static void a_pair_is_a_key_and_a_value(void **state)
{
    (void)state;
    assert_true(read_pair("{\"key\":\"k\\u00e4\",\"value\":\"a\\u0000b\"}"));
    is(&item.key, "k\xc3\xa4");
    assert_true(bytes_equal(buffer_view(&item.value), (struct bytes){"a\0b", 3}));
    assert_int_equal(item.metadata.size, 0);
    assert_int_equal(item.expiry_ms, EXPIRY_NONE);
}

static void all_of_it_is_read_in_any_order(void **state)
{
    (void)state;
    assert_true(read_pair("{\"expiration_ttl\":60,\"metadata\":{ \"a\" : [1] },\"other\":[{}],"
                          "\"base64\":true,\"value\":\"/wA=\",\"key\":\"k\",\"expiration\":1}"));
    assert_true(bytes_equal(buffer_view(&item.value), (struct bytes){"\xff\0", 2}));
    is(&item.metadata, "{\"a\":[1]}");
    assert_int_equal(item.expiry_ms, NOW_MS + 60000);
}

static void nothing_of_the_item_before_stays(void **state)
{
    (void)state;
    assert_true(read_pair("{\"key\":\"k1\",\"value\":\"YQ==\",\"base64\":true,\"metadata\":1,"
                          "\"expiration_ttl\":60}"));
    assert_true(read_pair("{\"key\":\"k2\",\"value\":\"YQ==\"}"));
    is(&item.key, "k2");
    is(&item.value, "YQ==");
    assert_int_equal(item.metadata.size, 0);
    assert_int_equal(item.expiry_ms, EXPIRY_NONE);
}

static void null_is_as_good_as_none(void **state)
{
    (void)state;
    assert_true(read_pair("{\"key\":\"k\",\"value\":\"v\",\"base64\":null,\"metadata\":null,"
                          "\"expiration\":null,\"expiration_ttl\":null}"));
    is(&item.value, "v");
    assert_int_equal(item.metadata.size, 0);
    assert_int_equal(item.expiry_ms, EXPIRY_NONE);
}

static void of_a_member_that_comes_twice_the_last_one_holds(void **state)
{
    (void)state;
    assert_true(read_pair("{\"key\":\"a\",\"value\":\"1\",\"key\":\"b\",\"value\":\"2\"}"));
    is(&item.key, "b");
    is(&item.value, "2");
}

static void types_are_checked(void **state)
{
    (void)state;
    refuses("[]", REFUSE_BAD_REQUEST, "each item must be an object with key and value");
    refuses("\"k\"", REFUSE_BAD_REQUEST, "each item must be an object with key and value");
    refuses("{\"value\":\"v\"}", REFUSE_BAD_REQUEST, "key is missing");
    refuses("{\"key\":\"k\"}", REFUSE_BAD_REQUEST, "value is missing");
    refuses("{\"key\":1,\"value\":\"v\"}", REFUSE_BAD_REQUEST, "key must be a string");
    refuses("{\"key\":\"k\",\"value\":null}", REFUSE_BAD_REQUEST, "value must be a string");
    refuses("{\"key\":\"k\",\"value\":\"v\",\"base64\":1}", REFUSE_BAD_REQUEST,
            "base64 must be true or false");
    refuses("{\"key\":\"k\",\"value\":\"v\",\"expiration_ttl\":\"60\"}", REFUSE_BAD_REQUEST,
            "expiration_ttl must be a number");
    refuses("{\"key\":\"k\",\"value\":\"v\",\"expiration\":[]}", REFUSE_BAD_REQUEST,
            "expiration must be a number");
}

static void broken_json_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "{\"key\":}",
                                        "{\"key\":\"k\"",
                                        "{\"key\":\"k\",}",
                                        "{\"key\":\"\xff\",\"value\":\"v\"}",
                                        "{\"key\":\"\\ud800\",\"value\":\"v\"}",
                                        "{\"key\":\"k\",\"value\":\"v\",\"metadata\":{]}",
                                        "{\"key\":\"k\",\"value\":\"v\",\"x\":nul}"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        refuses(texts[i], REFUSE_BAD_REQUEST, "the body is not valid JSON");
}

static void limits_are_exact(void **state)
{
    (void)state;
    assert_true(read_pair("{\"key\":\"12345678\",\"value\":\"1234567890\","
                          "\"metadata\":[ \"12345678\" ]}"));
    refuses("{\"key\":\"123456789\",\"value\":\"v\"}", REFUSE_KEY_TOO_LONG,
            "UTF-8 encoded length of 9 exceeds key length limit of 8.");
    refuses("{\"key\":\"k\",\"value\":\"12345678901\"}", REFUSE_VALUE_TOO_LONG,
            "Value length of 11 exceeds limit of 10.");
    refuses("{\"key\":\"k\",\"value\":\"v\",\"metadata\":[\"123456789\"]}",
            REFUSE_METADATA_TOO_LONG, "Metadata length of 13 exceeds limit of 12.");
}

/* A pair with this much in a member of its own. */
static bool read_long(const char *member, size_t size, const char *end)
{
    struct buffer text = {0};
    struct json_reader reader;
    bool is_read;

    buffer_printf(&text, "{\"key\":\"k\",\"value\":\"v\",\"%s\":[", member);
    memset(buffer_reserve(&text, size), ' ', size);
    text.size += size;
    buffer_printf(&text, "%s}", end);
    json_reader_init(&reader, buffer_view(&text));
    is_read = bulk_item_read_pair(&item, &reader, &rules, &fault);
    buffer_clear(&text);
    return is_read;
}

static void what_is_gone_over_as_a_whole_has_an_end(void **state)
{
    (void)state;
    assert_true(read_long("metadata", METADATA_TEXT_MAX - 2, "]"));
    is(&item.metadata, "[]");
    assert_true(read_long("other", METADATA_TEXT_MAX - 2, "]"));
    assert_false(read_long("metadata", METADATA_TEXT_MAX - 1, "]"));
    assert_int_equal(fault.refusal, REFUSE_METADATA_TOO_LONG);
    assert_false(read_long("other", METADATA_TEXT_MAX, "]"));
    assert_string_equal(fault.text, "a member of the item is too long");
    assert_false(read_long("other", METADATA_TEXT_MAX - 20, "}                              "));
    assert_string_equal(fault.text, "the body is not valid JSON");
}

static void base64_counts_as_the_bytes_it_stands_for(void **state)
{
    (void)state;
    assert_true(read_pair("{\"key\":\"k\",\"value\":\"MTIzNDU2Nzg5MA==\",\"base64\":true}"));
    is(&item.value, "1234567890");
    refuses("{\"key\":\"k\",\"value\":\"MTIzNDU2Nzg5MDE=\",\"base64\":true}", REFUSE_VALUE_TOO_LONG,
            "Value length of 11 exceeds limit of 10.");
    refuses("{\"key\":\"k\",\"value\":\"a b\",\"base64\":true}", REFUSE_BAD_REQUEST,
            "value is not valid base64");
}

static void forbidden_names_and_expirations_are_refused(void **state)
{
    (void)state;
    refuses("{\"key\":\"\",\"value\":\"v\"}", REFUSE_KEY_NAME, "Key names must not be empty");
    refuses("{\"key\":\"..\",\"value\":\"v\"}", REFUSE_KEY_NAME,
            "Illegal key name \"..\". Please use a different name.");
    refuses("{\"key\":\"k\",\"value\":\"v\",\"expiration_ttl\":59}", REFUSE_EXPIRATION_TTL,
            "Invalid expiration_ttl of 59. Expiration TTL must be at least 60.");
    refuses("{\"key\":\"k\",\"value\":\"v\",\"expiration\":1700000059}", REFUSE_EXPIRATION,
            "Invalid expiration of 1700000059. Expiration times must be at least 60 seconds in the "
            "future.");
}

static void a_name_is_a_string(void **state)
{
    struct json_reader reader;

    (void)state;
    json_reader_init(&reader, bytes_of("\"k\""));
    assert_true(bulk_item_read_name(&item, &reader, &rules, &fault));
    is(&item.key, "k");
    json_reader_init(&reader, bytes_of("{\"name\":\"k\"}"));
    assert_false(bulk_item_read_name(&item, &reader, &rules, &fault));
    assert_string_equal(fault.text, "each item must be the name of a key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_pair_is_a_key_and_a_value, tear_down),
        cmocka_unit_test_teardown(all_of_it_is_read_in_any_order, tear_down),
        cmocka_unit_test_teardown(nothing_of_the_item_before_stays, tear_down),
        cmocka_unit_test_teardown(null_is_as_good_as_none, tear_down),
        cmocka_unit_test_teardown(of_a_member_that_comes_twice_the_last_one_holds, tear_down),
        cmocka_unit_test_teardown(types_are_checked, tear_down),
        cmocka_unit_test_teardown(broken_json_is_refused, tear_down),
        cmocka_unit_test_teardown(limits_are_exact, tear_down),
        cmocka_unit_test_teardown(what_is_gone_over_as_a_whole_has_an_end, tear_down),
        cmocka_unit_test_teardown(base64_counts_as_the_bytes_it_stands_for, tear_down),
        cmocka_unit_test_teardown(forbidden_names_and_expirations_are_refused, tear_down),
        cmocka_unit_test_teardown(a_name_is_a_string, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
