#include "unit/test.h"

#include <stdio.h>

#include "base/compiler.h"
#include "base/complaints.h"
#include "cluster/dialler.h"

static int gone_count;

static void count_gone(void *context, struct target *target)
{
    (void)context;
    (void)target;
    gone_count++;
}

static void set(struct dialler *dialler, const char *const *addresses, size_t count, int64_t now_us)
{
    dialler_set(dialler, addresses, count, now_us, count_gone, NULL);
}

static const char *const two[] = {"a:1", "b:1"};

static int setup(void **state)
{
    static struct dialler dialler;

    gone_count = 0;
    dialler_init(&dialler, 1);
    set(&dialler, two, COUNT_OF(two), 0);
    *state = &dialler;
    return 0;
}

static int teardown(void **state)
{
    dialler_clear(*state);
    return 0;
}

static void each_target_is_dialled_once_until_that_has_ended(void **state)
{
    struct dialler *dialler = *state;

    assert_string_equal(dialler_take_due(dialler, 0)->address, "a:1");
    assert_string_equal(dialler_take_due(dialler, 0)->address, "b:1");
    assert_null(dialler_take_due(dialler, INT64_MAX));
}

/* The time at which it is due, found to the millisecond. */
static int64_t wait_until_due(struct dialler *dialler, int64_t now_us)
{
    int64_t from_us = now_us;

    while (dialler_take_due(dialler, now_us) == NULL)
        now_us += 1000;
    return now_us - from_us;
}

static void when_the_next_is_due_is_known(void **state)
{
    struct dialler *dialler = *state;
    struct target *first = dialler_take_due(dialler, 0);
    int64_t due_us;

    assert_int_equal(dialler_next_due_us(dialler), 0);
    (void)dialler_take_due(dialler, 0);
    assert_true(dialler_next_due_us(dialler) == INT64_MAX);
    dialler_failed(dialler, first, 1000);
    due_us = dialler_next_due_us(dialler);
    assert_null(dialler_take_due(dialler, due_us - 1));
    assert_ptr_equal(dialler_take_due(dialler, due_us), first);
}

static void the_backoff_doubles_up_to_its_bound(void **state)
{
    struct dialler *dialler = *state;
    int64_t longest_us = DIAL_BACKOFF_MIN_US, now_us = 0;
    struct target *target;

    set(dialler, two, 1, 0);
    target = dialler_take_due(dialler, 0);
    for (int i = 0; i < 20; i++) {
        int64_t waited_us;

        dialler_failed(dialler, target, now_us);
        waited_us = wait_until_due(dialler, now_us);
        assert_in_range(waited_us, longest_us / 2, longest_us + 1000);
        now_us += waited_us;
        longest_us = longest_us * 2 < DIAL_BACKOFF_MAX_US ? longest_us * 2 : DIAL_BACKOFF_MAX_US;
    }
    dialler_up(target);
    dialler_failed(dialler, target, now_us);
    assert_in_range(wait_until_due(dialler, now_us), 0, DIAL_BACKOFF_MIN_US + 1000);
}

static void who_refuses_is_left_alone_longest(void **state)
{
    struct dialler *dialler = *state;
    struct target *target;

    set(dialler, two, 1, 0);
    target = dialler_take_due(dialler, 0);
    dialler_refused(dialler, target, 0);
    assert_in_range(wait_until_due(dialler, 0), DIAL_BACKOFF_MAX_US / 2,
                    DIAL_BACKOFF_MAX_US + 1000);
}

static void what_is_self_is_never_dialled_again(void **state)
{
    struct dialler *dialler = *state;
    struct target *target;

    set(dialler, two, 1, 0);
    target = dialler_take_due(dialler, 0);
    dialler_is_self(target);
    dialler_failed(dialler, target, 0);
    set(dialler, two, 1, 0);
    assert_null(dialler_take_due(dialler, INT64_MAX));
}

static void targets_that_stay_keep_their_state(void **state)
{
    static const char *const other[] = {"b:1", "c:1"};
    struct dialler *dialler = *state;

    (void)dialler_take_due(dialler, 0);
    (void)dialler_take_due(dialler, 0);
    set(dialler, other, COUNT_OF(other), 0);
    assert_int_equal(gone_count, 1);
    assert_string_equal(dialler_take_due(dialler, 0)->address, "c:1");
    assert_null(dialler_take_due(dialler, INT64_MAX));
}

static void an_address_given_twice_is_one_target(void **state)
{
    static const char *const twice[] = {"a:1", "a:1"};
    struct dialler *dialler = *state;

    set(dialler, twice, COUNT_OF(twice), 0);
    assert_int_equal(dialler->count, 1);
}

static void there_are_so_many_targets_at_most(void **state)
{
    static char text[DIAL_TARGETS_MAX + 10][16];
    static const char *addresses[DIAL_TARGETS_MAX + 10];
    struct dialler *dialler = *state;

    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        (void)snprintf(text[i], sizeof text[i], "h%zu:1", i);
        addresses[i] = text[i];
    }
    set(dialler, addresses, COUNT_OF(addresses), 0);
    assert_in_range(dialler->count, DIAL_TARGETS_MAX - 2, DIAL_TARGETS_MAX);
}

/* --- complaints --- */

static void an_address_is_complained_of_once_a_second(void **state)
{
    struct complaints complaints = {0};
    int64_t at_us = 5000000;

    (void)state;
    assert_true(complaints_allow(&complaints, bytes_of("a"), bytes_of("why"), at_us));
    assert_false(complaints_allow(&complaints, bytes_of("a"), bytes_of("that"), at_us + 999999));
    assert_true(complaints_allow(&complaints, bytes_of("b"), bytes_of("why"), at_us + 999999));
    assert_true(complaints_allow(&complaints, bytes_of("a"), bytes_of("that"), at_us + 1000000));
}

static void the_same_complaint_is_news_once_a_minute(void **state)
{
    struct complaints complaints = {0};
    int64_t at_us = 5000000;

    (void)state;
    assert_true(complaints_allow(&complaints, bytes_of("a"), bytes_of("why"), at_us));
    assert_false(complaints_allow(&complaints, bytes_of("a"), bytes_of("why"), at_us + 59999999));
    assert_true(complaints_allow(&complaints, bytes_of("a"), bytes_of("why"), at_us + 60000000));
}

static void many_addresses_do_not_fill_the_log(void **state)
{
    struct complaints complaints = {0};
    int allowed = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        char address[16];

        (void)snprintf(address, sizeof address, "h%d", i);
        allowed += complaints_allow(&complaints, bytes_of(address), bytes_of("why"), 5000000 + i);
    }
    assert_int_equal(allowed, COMPLAINTS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_target_is_dialled_once_until_that_has_ended, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(when_the_next_is_due_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(the_backoff_doubles_up_to_its_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(who_refuses_is_left_alone_longest, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_self_is_never_dialled_again, setup, teardown),
        cmocka_unit_test_setup_teardown(targets_that_stay_keep_their_state, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_given_twice_is_one_target, setup, teardown),
        cmocka_unit_test_setup_teardown(there_are_so_many_targets_at_most, setup, teardown),
        cmocka_unit_test(an_address_is_complained_of_once_a_second),
        cmocka_unit_test(the_same_complaint_is_news_once_a_minute),
        cmocka_unit_test(many_addresses_do_not_fill_the_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
