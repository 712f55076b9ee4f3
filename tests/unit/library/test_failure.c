#include "unit/test.h"

#include <string.h>

#include "library/failure.h"

static struct failure of_reply(const char *text)
{
    struct failure failure;

    failure_of_reply(&failure, "a:1", grapevine_text(text));
    return failure;
}

static void every_error_of_the_server_has_its_meaning(void **state)
{
    static const struct {
        const char *text;
        enum grapevine_error error;
    } cases[] = {
        {"RATELIMIT key was written too recently, retry in 7 ms", GRAPEVINE_RATE_LIMITED},
        {"KEYTOOLONG key of 2049 bytes", GRAPEVINE_TOO_LONG},
        {"VALUETOOLONG value of 65537 bytes", GRAPEVINE_TOO_LONG},
        {"METATOOLONG metadata of 1025 bytes", GRAPEVINE_TOO_LONG},
        {"NAMESPACEFULL namespace holds 3 keys", GRAPEVINE_FULL},
        {"NOAUTH Authentication required.", GRAPEVINE_DENIED},
        {"WRONGPASS invalid username-password pair", GRAPEVINE_DENIED},
        {"NOPERM this user has no permissions", GRAPEVINE_DENIED},
        {"MISCONF no space left on device", GRAPEVINE_UNAVAILABLE},
        {"LOADING this replica is new", GRAPEVINE_UNAVAILABLE},
        {"STALE this replica was away", GRAPEVINE_UNAVAILABLE},
        {"LEAVING this replica is leaving", GRAPEVINE_UNAVAILABLE},
        {"CLOCKSKEW this machine's clock", GRAPEVINE_UNAVAILABLE},
        {"ERR max number of clients reached", GRAPEVINE_UNAVAILABLE},
        {"ERR no such namespace 'x'", GRAPEVINE_NO_NAMESPACE},
        {"ERR DB index is out of range", GRAPEVINE_NO_NAMESPACE},
        {"ERR namespace 'x' already exists", GRAPEVINE_NAMESPACE_TAKEN},
        {"ERR syntax error", GRAPEVINE_REFUSED},
        {"RATELIMITED", GRAPEVINE_REFUSED},
        {"", GRAPEVINE_REFUSED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(of_reply(cases[i].text).error, cases[i].error);
}

static void the_rate_and_what_ails_a_server_pass_and_nothing_else_does(void **state)
{
    (void)state;
    assert_true(of_reply("RATELIMIT x").is_passing);
    assert_true(of_reply("MISCONF x").is_passing);
    assert_true(of_reply("LOADING x").is_passing);
    assert_false(of_reply("VALUETOOLONG x").is_passing);
    assert_false(of_reply("WRONGPASS x").is_passing);
    assert_false(of_reply("ERR x").is_passing);
}

static void another_server_helps_against_what_ails_one_not_against_the_rate(void **state)
{
    (void)state;
    assert_true(of_reply("MISCONF x").is_of_server);
    assert_false(of_reply("RATELIMIT x").is_of_server);
}

static void the_servers_wait_is_read(void **state)
{
    (void)state;
    assert_int_equal(of_reply("RATELIMIT a, retry in 417 ms (key-write-rate)").told_ms, 417);
    assert_int_equal(of_reply("RATELIMIT retry in 0 ms").told_ms, 0);
}

static void a_wait_that_makes_no_sense_is_no_wait(void **state)
{
    static const char *const texts[] = {
        "RATELIMIT",
        "RATELIMIT retry in ms",
        "RATELIMIT retry in x ms",
        "RATELIMIT retry in -5 ms",
        "RATELIMIT retry in 5 s",
        "RATELIMIT retry in 99999999999999999999999999 ms",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(of_reply(texts[i]).told_ms, 0);
}

static void the_sentence_names_the_server_and_has_its_words(void **state)
{
    struct failure failure = of_reply("ERR syntax error");

    (void)state;
    assert_string_equal(failure.sentence, "a:1 answered: ERR syntax error");
}

static void an_endless_error_is_cut(void **state)
{
    static char text[100000];
    struct failure failure;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    failure = of_reply(text);
    assert_true(strlen(failure.sentence) < GRAPEVINE_SENTENCE_MAX);
}

static void every_error_has_a_text_and_no_other_number_crashes(void **state)
{
    (void)state;
    for (int error = GRAPEVINE_OK; error <= GRAPEVINE_CANCELLED; error++)
        assert_true(strlen(grapevine_error_text((enum grapevine_error)error)) > 5);
    assert_string_equal(grapevine_error_text((enum grapevine_error)(GRAPEVINE_CANCELLED + 1)),
                        "an unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_of_the_server_has_its_meaning),
        cmocka_unit_test(the_rate_and_what_ails_a_server_pass_and_nothing_else_does),
        cmocka_unit_test(another_server_helps_against_what_ails_one_not_against_the_rate),
        cmocka_unit_test(the_servers_wait_is_read),
        cmocka_unit_test(a_wait_that_makes_no_sense_is_no_wait),
        cmocka_unit_test(the_sentence_names_the_server_and_has_its_words),
        cmocka_unit_test(an_endless_error_is_cut),
        cmocka_unit_test(every_error_has_a_text_and_no_other_number_crashes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
