#include "http/expiration.h"

#include <string.h>

#include "store/entry.h"
#include "unit/test.h"

#define NOW_MS ((int64_t)1700000000999)
#define UNSAID ((int64_t)-7)

static struct fault fault;

static int64_t read_both(const char *expiration, const char *ttl)
{
    struct bytes moment = bytes_of(expiration != NULL ? expiration : "");
    struct bytes distance = bytes_of(ttl != NULL ? ttl : "");
    int64_t expiry_ms = UNSAID;

    (void)!expiration_read(expiration != NULL ? &moment : NULL, ttl != NULL ? &distance : NULL,
                           NOW_MS, &expiry_ms, &fault);
    return expiry_ms;
}

static void refuses(const char *expiration, const char *ttl, enum http_refusal refusal,
                    const char *text)
{
    assert_int_equal(read_both(expiration, ttl), UNSAID);
    assert_int_equal(fault.refusal, refusal);
    assert_string_equal(fault.text, text);
}

static void without_any_a_key_stays(void **state)
{
    (void)state;
    assert_int_equal(read_both(NULL, NULL), EXPIRY_NONE);
}

static void a_ttl_counts_from_now(void **state)
{
    (void)state;
    assert_int_equal(read_both(NULL, "60"), NOW_MS + 60000);
    assert_int_equal(read_both(NULL, "86400"), NOW_MS + 86400000);
}

static void an_expiration_is_a_second(void **state)
{
    (void)state;
    assert_int_equal(read_both("1700000060", NULL), 1700000060000);
    assert_int_equal(read_both("9999999999", NULL), 9999999999000);
}

static void of_both_the_ttl_holds_and_the_other_is_not_looked_at(void **state)
{
    (void)state;
    assert_int_equal(read_both("1", "60"), NOW_MS + 60000);
    assert_int_equal(read_both("never", "60"), NOW_MS + 60000);
}

static void less_than_a_minute_is_refused(void **state)
{
    (void)state;
    refuses(NULL, "59", REFUSE_EXPIRATION_TTL,
            "Invalid expiration_ttl of 59. Expiration TTL must be at least 60.");
    refuses("1700000059", NULL, REFUSE_EXPIRATION,
            "Invalid expiration of 1700000059. Expiration times must be at least 60 seconds in the "
            "future.");
}

static void what_is_past_or_no_number_is_refused(void **state)
{
    static const char *const ttls[] = {"0", "-1", "", "60.5", "1e3", " 60", "99999999999999999999"};
    static const char *const moments[] = {"1700000000", "0", "-5", "", "soon", "0x7fffffffffff"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ttls); i++) {
        assert_int_equal(read_both(NULL, ttls[i]), UNSAID);
        assert_int_equal(fault.refusal, REFUSE_EXPIRATION_TTL);
        assert_non_null(strstr(fault.text, "Please specify integer greater than 0."));
    }
    for (size_t i = 0; i < COUNT_OF(moments); i++) {
        assert_int_equal(read_both(moments[i], NULL), UNSAID);
        assert_int_equal(fault.refusal, REFUSE_EXPIRATION);
        assert_non_null(strstr(fault.text, "greater than the current number of seconds since the "
                                           "UNIX epoch."));
    }
}

static void what_no_clock_can_show_is_refused(void **state)
{
    (void)state;
    refuses(NULL, "9223372036854775807", REFUSE_EXPIRATION_TTL,
            "Invalid expiration_ttl of 9223372036854775807. No moment is that far away.");
    refuses("9223372036854775807", NULL, REFUSE_EXPIRATION,
            "Invalid expiration of 9223372036854775807. No moment is that far away.");
    assert_true(read_both("9223372036854774", NULL) > 0);
    assert_true(read_both(NULL, "9223370336854774") > 0);
}

static void a_text_repeats_little_and_nothing_odd(void **state)
{
    char ttl[300];

    (void)state;
    refuses(NULL, "6\r\n\xc3\xa4", REFUSE_EXPIRATION_TTL,
            "Invalid expiration_ttl of 6????. Please specify integer greater than 0.");
    memset(ttl, 'x', sizeof ttl);
    ttl[sizeof ttl - 1] = '\0';
    assert_int_equal(read_both(NULL, ttl), UNSAID);
    assert_non_null(strstr(fault.text, "xxx. Please specify integer greater than 0."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_any_a_key_stays),
        cmocka_unit_test(a_ttl_counts_from_now),
        cmocka_unit_test(an_expiration_is_a_second),
        cmocka_unit_test(of_both_the_ttl_holds_and_the_other_is_not_looked_at),
        cmocka_unit_test(less_than_a_minute_is_refused),
        cmocka_unit_test(what_is_past_or_no_number_is_refused),
        cmocka_unit_test(what_no_clock_can_show_is_refused),
        cmocka_unit_test(a_text_repeats_little_and_nothing_odd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
