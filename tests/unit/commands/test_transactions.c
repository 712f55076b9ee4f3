/* MULTI, EXEC, DISCARD and WATCH. */
#include "unit/commands/talk.h"

static void assert_queued(const char *line)
{
    assert_string_equal(say(line), "+QUEUED");
}

static void no_rate(const char *database)
{
    char line[64];

    snprintf(line, sizeof line, "NAMESPACE SET %s key-write-rate 0", database);
    assert_string_equal(say(line), "+OK");
}

/* ---------- MULTI and EXEC ---------- */

static void exec_answers_what_each_command_answers(void **state)
{
    (void)state;
    assert_string_equal(say("MULTI"), "+OK");
    assert_queued("SET a 1");
    assert_queued("GET a");
    assert_queued("PING");
    assert_string_equal(say("EXEC"), "*3 +OK $1 1 +PONG");
    assert_string_equal(say("GET a"), "$1 1");
}

static void an_empty_transaction_answers_an_empty_array(void **state)
{
    (void)state;
    assert_string_equal(say("MULTI"), "+OK");
    assert_string_equal(say("EXEC"), "*0");
}

static void exec_and_discard_want_multi(void **state)
{
    (void)state;
    assert_string_equal(say("EXEC"), "-ERR EXEC without MULTI");
    assert_string_equal(say("DISCARD"), "-ERR DISCARD without MULTI");
}

static void multi_in_multi_is_refused_and_spoils_nothing(void **state)
{
    (void)state;
    assert_string_equal(say("MULTI"), "+OK");
    assert_string_equal(say("MULTI"), "-ERR MULTI calls can not be nested");
    assert_string_equal(say("WATCH a"), "-ERR WATCH inside MULTI is not allowed");
    assert_queued("PING");
    assert_string_equal(say("EXEC"), "*1 +PONG");
}

static void discard_forgets_the_queue(void **state)
{
    (void)state;
    assert_string_equal(say("MULTI"), "+OK");
    assert_queued("SET a 1");
    assert_string_equal(say("DISCARD"), "+OK");
    assert_string_equal(say("GET a"), "$-1");
}

static void what_can_not_be_queued_spoils_the_transaction(void **state)
{
    static const char *const refused[] = {"NOPE", "GET", "CLIENT NOPE", "SAVE"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        assert_string_equal(say("MULTI"), "+OK");
        assert_queued("SET a 1");
        assert_memory_equal(say(refused[i]), "-ERR", 4);
        assert_queued("SET b 1");
        assert_string_equal(say("EXEC"),
                            "-EXECABORT Transaction discarded because of previous errors.");
        assert_string_equal(say("MGET a b"), "*2 $-1 $-1");
    }
}

static void a_refused_exec_ends_the_transaction(void **state)
{
    (void)state;
    assert_string_equal(say("MULTI"), "+OK");
    assert_string_equal(say("EXEC now"),
                        "-EXECABORT Transaction discarded because of: wrong number "
                        "of arguments for 'exec' command");
    assert_string_equal(say("EXEC"), "-ERR EXEC without MULTI");
}

static void an_error_of_one_command_stays_its_own(void **state)
{
    (void)state;
    assert_string_equal(say("MULTI"), "+OK");
    assert_queued("SET a text");
    assert_queued("INCR a");
    assert_queued("SET b 1");
    assert_string_equal(say("EXEC"), "*3 +OK -ERR value is not an integer or out of range +OK");
    assert_string_equal(say("MGET a b"), "*2 $4 text $1 1");
}

static void select_holds_for_the_commands_behind_it(void **state)
{
    (void)state;
    assert_string_equal(say("NAMESPACE CREATE flags"), "+OK");
    assert_string_equal(say("MULTI"), "+OK");
    assert_queued("SET a 0");
    assert_queued("SELECT 3");
    assert_queued("SET a 3");
    assert_queued("SELECT flags");
    assert_queued("SET a flag");
    assert_string_equal(say("EXEC"), "*5 +OK +OK +OK +OK +OK");
    assert_string_equal(say("GET a"), "$4 flag");
    assert_string_equal(say("SELECT 3"), "+OK");
    assert_string_equal(say("GET a"), "$1 3");
    assert_string_equal(say("SELECT 0"), "+OK");
    assert_string_equal(say("GET a"), "$1 0");
}

static void commands_on_whole_databases_work_in_between(void **state)
{
    (void)state;
    no_rate("db0");
    no_rate("db1");
    assert_string_equal(say("SET old 1"), "+OK");
    assert_string_equal(say("MULTI"), "+OK");
    assert_queued("FLUSHDB");
    assert_queued("SET new 1");
    assert_queued("DBSIZE");
    assert_queued("KEYS *");
    assert_queued("SWAPDB 0 1");
    assert_queued("EXISTS new");
    assert_queued("MOVE new 1");
    assert_string_equal(say("EXEC"), "*7 +OK +OK :1 *1 $3 new +OK :0 :0");
    assert_string_equal(say("EXISTS old new"), ":0");
    assert_string_equal(say("SELECT 1"), "+OK");
    assert_string_equal(say("EXISTS new"), ":1");
}

static void several_writes_of_a_key_are_one(void **state)
{
    (void)state;
    assert_string_equal(say("MULTI"), "+OK");
    assert_queued("SET a 1");
    assert_queued("INCR a");
    assert_queued("INCR a");
    assert_string_equal(say("EXEC"), "*3 +OK :2 :3");
}

static void one_key_over_the_rate_refuses_all_of_it(void **state)
{
    (void)state;
    assert_string_equal(say("SET b 1"), "+OK");
    pass_ms(600);
    assert_string_equal(say("MULTI"), "+OK");
    assert_queued("SET a 2");
    assert_queued("SELECT 5");
    assert_queued("SELECT 0");
    assert_queued("SET b 2");
    assert_queued("SELECT 5");
    assert_string_equal(say("EXEC"),
                        "-RATELIMIT key was written less than 1000 ms ago, retry in 400 "
                        "ms (key-write-rate)");
    assert_string_equal(say("MGET a b"), "*2 $-1 $1 1");
    assert_string_equal(say("EXEC"), "-ERR EXEC without MULTI");
}

static void a_queue_longer_than_the_limit_ends_the_connection(void **state)
{
    struct bytes limit[] = {bytes_of("client-query-buffer-limit"), bytes_of("1048576")};
    static char value[400000];
    struct bytes words[] = {bytes_of("SET"), bytes_of("a"), {value, sizeof value}};
    char error[OPTIONS_ERROR_MAX];

    (void)state;
    assert_int_equal(options_set(talk.options, limit, 2, error), STATUS_OK);
    assert_string_equal(say("MULTI"), "+OK");
    assert_string_equal(say_words(&talk.session, words, 3), "+QUEUED");
    assert_string_equal(say_words(&talk.session, words, 3), "+QUEUED");
    assert_false(talk.session.wants_close);
    assert_memory_equal(say_words(&talk.session, words, 3), "-ERR transaction", 16);
    assert_true(talk.session.wants_close);
}

static void an_element_without_a_reply_is_nil(void **state)
{
    (void)state;
    assert_string_equal(say("MULTI"), "+OK");
    assert_queued("CLIENT REPLY SKIP");
    assert_queued("PING");
    assert_string_equal(say("EXEC"), "*2 $-1 +PONG");
}

/* ---------- WATCH ---------- */

static void assert_exec_runs(void)
{
    assert_string_equal(say("MULTI"), "+OK");
    assert_queued("PING");
    assert_string_equal(say("EXEC"), "*1 +PONG");
}

static void assert_exec_aborts(void)
{
    assert_string_equal(say("MULTI"), "+OK");
    assert_queued("PING");
    assert_string_equal(say("EXEC"), "*-1");
}

static void an_unchanged_key_lets_exec_run(void **state)
{
    (void)state;
    assert_string_equal(say("SET a 1"), "+OK");
    assert_string_equal(say("WATCH a nothing"), "+OK");
    assert_string_equal(say_other("GET a"), "$1 1");
    assert_exec_runs();
}

static void a_write_of_a_watched_key_aborts_exec_once(void **state)
{
    (void)state;
    no_rate("db0");
    assert_string_equal(say("SET a 1"), "+OK");
    assert_string_equal(say("WATCH b a"), "+OK");
    assert_string_equal(say_other("SET a 1"), "+OK");
    assert_exec_aborts();
    assert_exec_runs();
}

static void one_s_own_write_counts_too(void **state)
{
    (void)state;
    assert_string_equal(say("WATCH a"), "+OK");
    assert_string_equal(say("SET a 1"), "+OK");
    assert_exec_aborts();
}

static void an_aborted_exec_writes_nothing(void **state)
{
    (void)state;
    assert_string_equal(say("WATCH a"), "+OK");
    assert_string_equal(say_other("SET a 1"), "+OK");
    assert_string_equal(say("MULTI"), "+OK");
    assert_queued("SET b 1");
    assert_string_equal(say("EXEC"), "*-1");
    assert_string_equal(say("EXISTS b"), ":0");
}

static void a_key_that_came_and_went_has_changed(void **state)
{
    (void)state;
    no_rate("db0");
    assert_string_equal(say("WATCH a"), "+OK");
    assert_string_equal(say_other("SET a 1"), "+OK");
    assert_string_equal(say_other("DEL a"), ":1");
    assert_exec_aborts();
}

static void a_key_that_expired_meanwhile_has_changed(void **state)
{
    (void)state;
    assert_string_equal(say("SET a 1 PX 100"), "+OK");
    assert_string_equal(say("WATCH a"), "+OK");
    pass_ms(100);
    assert_exec_aborts();
}

static void a_key_that_had_expired_before_has_not(void **state)
{
    (void)state;
    assert_string_equal(say("SET a 1 PX 100"), "+OK");
    pass_ms(100);
    assert_string_equal(say("WATCH a"), "+OK");
    pass_ms(100000);
    assert_exec_runs();
}

static void watching_again_keeps_the_first_look(void **state)
{
    (void)state;
    assert_string_equal(say("WATCH a"), "+OK");
    assert_string_equal(say_other("SET a 1"), "+OK");
    assert_string_equal(say("WATCH a"), "+OK");
    assert_exec_aborts();
}

static void unwatch_and_discard_give_up_the_keys(void **state)
{
    (void)state;
    assert_string_equal(say("WATCH a"), "+OK");
    assert_string_equal(say_other("SET a 1"), "+OK");
    assert_string_equal(say("UNWATCH"), "+OK");
    assert_exec_runs();
    assert_string_equal(say("WATCH b"), "+OK");
    assert_string_equal(say_other("SET b 1"), "+OK");
    assert_string_equal(say("MULTI"), "+OK");
    assert_string_equal(say("DISCARD"), "+OK");
    assert_exec_runs();
}

static void flushall_counts_where_there_was_something(void **state)
{
    (void)state;
    assert_string_equal(say("WATCH a"), "+OK");
    assert_string_equal(say_other("FLUSHALL"), "+OK");
    assert_exec_runs();
    assert_string_equal(say("SET a 1"), "+OK");
    assert_string_equal(say("WATCH a"), "+OK");
    assert_string_equal(say_other("FLUSHALL"), "+OK");
    assert_exec_aborts();
}

static void swapdb_counts_where_it_shows(void **state)
{
    (void)state;
    assert_string_equal(say("WATCH a"), "+OK");
    assert_string_equal(say_other("SWAPDB 0 1"), "+OK");
    assert_exec_runs();
    assert_string_equal(say_other("SELECT 1"), "+OK");
    assert_string_equal(say_other("SET a 1"), "+OK");
    assert_string_equal(say("WATCH a"), "+OK");
    assert_string_equal(say_other("SWAPDB 0 1"), "+OK");
    assert_exec_aborts();
}

static void a_key_of_another_database_is_another_key(void **state)
{
    (void)state;
    assert_string_equal(say("WATCH a"), "+OK");
    assert_string_equal(say_other("SELECT 1"), "+OK");
    assert_string_equal(say_other("SET a 1"), "+OK");
    assert_exec_runs();
}

static void a_watched_namespace_that_was_dropped_has_changed(void **state)
{
    (void)state;
    assert_string_equal(say("NAMESPACE CREATE flags"), "+OK");
    assert_string_equal(say("SELECT flags"), "+OK");
    assert_string_equal(say("SET a 1"), "+OK");
    assert_string_equal(say("WATCH a"), "+OK");
    assert_string_equal(say_other("NAMESPACE DELETE flags"), "+OK");
    assert_exec_aborts();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, talk_set_up, talk_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(exec_answers_what_each_command_answers),
        TEST(an_empty_transaction_answers_an_empty_array),
        TEST(exec_and_discard_want_multi),
        TEST(multi_in_multi_is_refused_and_spoils_nothing),
        TEST(discard_forgets_the_queue),
        TEST(what_can_not_be_queued_spoils_the_transaction),
        TEST(a_refused_exec_ends_the_transaction),
        TEST(an_error_of_one_command_stays_its_own),
        TEST(select_holds_for_the_commands_behind_it),
        TEST(commands_on_whole_databases_work_in_between),
        TEST(several_writes_of_a_key_are_one),
        TEST(one_key_over_the_rate_refuses_all_of_it),
        TEST(a_queue_longer_than_the_limit_ends_the_connection),
        TEST(an_element_without_a_reply_is_nil),
        TEST(an_unchanged_key_lets_exec_run),
        TEST(a_write_of_a_watched_key_aborts_exec_once),
        TEST(one_s_own_write_counts_too),
        TEST(an_aborted_exec_writes_nothing),
        TEST(a_key_that_came_and_went_has_changed),
        TEST(a_key_that_expired_meanwhile_has_changed),
        TEST(a_key_that_had_expired_before_has_not),
        TEST(watching_again_keeps_the_first_look),
        TEST(unwatch_and_discard_give_up_the_keys),
        TEST(flushall_counts_where_there_was_something),
        TEST(swapdb_counts_where_it_shows),
        TEST(a_key_of_another_database_is_another_key),
        TEST(a_watched_namespace_that_was_dropped_has_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
