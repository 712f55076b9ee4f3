#include "http/answer.h"

#include "unit/test.h"

static struct http_answer answer;

static int set_up(void **state)
{
    (void)state;
    http_answer_init(&answer);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_answer_clear(&answer);
    return 0;
}

static void say_record(struct reply *reply)
{
    reply_map(reply, 3);
    reply_text(reply, "list");
    reply_array(reply, 2);
    reply_text(reply, "a");
    reply_map(reply, 1);
    reply_text(reply, "value");
    reply_text(reply, "inner");
    reply_text(reply, "value");
    reply_bulk(reply, (struct bytes){"x\0y", 3});
    reply_text(reply, "expiration");
    reply_null(reply);
}

static void a_member_is_found_behind_others_of_any_size(void **state)
{
    size_t value;

    (void)state;
    say_record(&answer.reply);
    value = http_answer_member(&answer, 0, "value");
    assert_true(bytes_equal(http_answer_text(&answer, value), (struct bytes){"x\0y", 3}));
    assert_int_equal(http_answer_kind(&answer, http_answer_member(&answer, 0, "expiration")),
                     ANSWER_NULL);
}

static void next_passes_all_that_is_inside(void **state)
{
    (void)state;
    say_record(&answer.reply);
    assert_int_equal(http_answer_next(&answer, 0), answer.count);
    assert_int_equal(http_answer_next(&answer, 2), 7);
    assert_int_equal(http_answer_next(&answer, 1), 2);
}

static void what_is_taken_back_leaves_nothing(void **state)
{
    struct reply *reply = &answer.reply;
    size_t mark;

    (void)state;
    reply_text(reply, "before");
    mark = reply_mark(reply);
    say_record(reply);
    reply_rewind(reply, mark);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.bytes.size, 6);
    reply_error(reply, bytes_of("ERR no"));
    assert_int_equal(http_answer_kind(&answer, 1), ANSWER_ERROR);
    assert_true(bytes_equal(http_answer_text(&answer, 1), bytes_of("ERR no")));
}

static void what_has_no_text_is_empty(void **state)
{
    (void)state;
    reply_integer(&answer.reply, 7);
    assert_int_equal(http_answer_text(&answer, 0).size, 0);
    assert_int_equal(answer.values[0].integer, 7);
}

static void a_large_answer_does_not_keep_its_memory(void **state)
{
    static char large[1024 * 1024];

    (void)state;
    reply_bulk(&answer.reply, (struct bytes){large, sizeof large});
    http_answer_reset(&answer);
    assert_int_equal(answer.bytes.capacity, 0);
    reply_text(&answer.reply, "small");
    http_answer_reset(&answer);
    assert_true(answer.bytes.capacity > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_member_is_found_behind_others_of_any_size), TEST(next_passes_all_that_is_inside),
        TEST(what_is_taken_back_leaves_nothing),           TEST(what_has_no_text_is_empty),
        TEST(a_large_answer_does_not_keep_its_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
