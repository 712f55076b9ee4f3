#include "unit/test.h"

#include "client/cli/from_redis.h"

static void assert_same(const char *text, const char *expected)
{
    if (expected == NULL)
        assert_null(text);
    else
        assert_string_equal(text, expected);
}

static void assert_parsed(const char *text, struct redis_uri expected)
{
    struct redis_uri uri;

    if (!redis_uri_parse(&uri, text))
        fail_msg("%s was refused", text);
    assert_same(uri.host, expected.host);
    assert_same(uri.user, expected.user);
    assert_same(uri.password, expected.password);
    assert_int_equal(uri.port, expected.port);
    assert_int_equal(uri.database, expected.database);
    redis_uri_clear(&uri);
}

static void an_address_has_parts_that_may_be_left_out(void **state)
{
    (void)state;
    assert_parsed("redis://h", (struct redis_uri){.host = "h", .port = 6379});
    assert_parsed("redis://h/", (struct redis_uri){.host = "h", .port = 6379});
    assert_parsed("redis://h:7000/15",
                  (struct redis_uri){.host = "h", .port = 7000, .database = 15});
    assert_parsed("redis://:p@h", (struct redis_uri){.host = "h", .port = 6379, .password = "p"});
    assert_parsed(
        "redis://u:p@h:1/2",
        (struct redis_uri){.host = "h", .port = 1, .database = 2, .user = "u", .password = "p"});
    assert_parsed("redis://[::1]:7000", (struct redis_uri){.host = "::1", .port = 7000});
}

static void any_character_can_be_in_a_password(void **state)
{
    (void)state;
    assert_parsed(
        "redis://u%40x:a%2Fb%3a@c@h",
        (struct redis_uri){.host = "h", .port = 6379, .user = "u@x", .password = "a/b:@c"});
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "h",
                                        "http://h",
                                        "rediss://h",
                                        "redis://",
                                        "redis://:1",
                                        "redis://h:",
                                        "redis://h:0",
                                        "redis://h:x",
                                        "redis://h/x",
                                        "redis://h:65536",
                                        "redis://h/-1",
                                        "redis://u@h",
                                        "redis://[::1",
                                        "redis://:%zz@h",
                                        "redis://:%4@h",
                                        "redis://:a%00@h"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct redis_uri uri;

        if (redis_uri_parse(&uri, wrong[i]))
            fail_msg("%s was taken", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_parts_that_may_be_left_out),
        cmocka_unit_test(any_character_can_be_in_a_password),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
