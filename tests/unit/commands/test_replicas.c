/* GOSSIP and WAIT, and what a replica that is still loading answers. */
#include "store/replica.h"
#include "unit/commands/talk.h"

static struct outcome wait_for(const char *replicas, const char *timeout_ms)
{
    struct bytes words[] = {bytes_of("WAIT"), bytes_of(replicas), bytes_of(timeout_ms)};

    return talk_dispatch(&talk.session, &(struct request){words, 3, 0});
}

static void ignore_session(struct session *session)
{
    (void)session;
}

static const char *unblock(const char *how)
{
    char line[64];

    talk.session.wake = ignore_session;
    snprintf(line, sizeof line, "CLIENT UNBLOCK %llu %s", (unsigned long long)talk.session.id, how);
    return say_other(line);
}

static void wait_parks_until_its_time_is_over(void **state)
{
    (void)state;
    assert_true(wait_for("1", "100").is_parked);
    pass_ms(60);
    assert_true(wait_for("1", "100").is_parked);
    pass_ms(40);
    assert_false(wait_for("1", "100").is_parked);
    assert_string_equal(talk_reply(), ":0");
}

static void a_wait_that_was_answered_leaves_nothing_for_the_next_one(void **state)
{
    (void)state;
    assert_true(wait_for("1", "100").is_parked);
    pass_ms(100);
    assert_false(wait_for("1", "100").is_parked);
    assert_true(wait_for("1", "100").is_parked);
    assert_int_equal(wait_for("1", "100").wake_at_ms, clock_wall_ms(&talk_clock) + 100);
}

static void wait_without_a_timeout_parks_for_good(void **state)
{
    (void)state;
    assert_int_equal(wait_for("1", "0").wake_at_ms, INT64_MAX);
    pass_ms(1000000000);
    assert_true(wait_for("1", "0").is_parked);
    assert_true(wait_for("1", "9223372036854775807").is_parked);
}

static void wait_for_nobody_answers_at_once(void **state)
{
    (void)state;
    assert_false(wait_for("0", "0").is_parked);
    assert_string_equal(talk_reply(), ":0");
}

static void wait_inside_exec_answers_at_once(void **state)
{
    (void)state;
    (void)say("MULTI");
    (void)say("WAIT 1 0");
    assert_string_equal(say("EXEC"), "*1 :0");
}

static void client_unblock_ends_a_wait(void **state)
{
    (void)state;
    assert_string_equal(unblock("TIMEOUT"), ":0");
    assert_true(wait_for("1", "0").is_parked);
    assert_string_equal(unblock("TIMEOUT"), ":1");
    assert_false(wait_for("1", "0").is_parked);
    assert_string_equal(talk_reply(), ":0");
}

static void client_unblock_can_end_a_wait_with_an_error(void **state)
{
    (void)state;
    assert_true(wait_for("1", "0").is_parked);
    assert_string_equal(unblock("ERROR"), ":1");
    assert_string_equal(unblock("ERROR"), ":0");
    assert_false(wait_for("1", "0").is_parked);
    assert_string_equal(talk_reply(), "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    assert_true(wait_for("1", "0").is_parked);
}

static void who_waits_is_shown_as_blocked(void **state)
{
    (void)state;
    assert_true(wait_for("1", "0").is_parked);
    assert_non_null(strstr(say_other("INFO clients"), "blocked_clients:1"));
    assert_non_null(strstr(say_other("CLIENT LIST"), "flags=b"));
    (void)unblock("TIMEOUT");
    (void)wait_for("1", "0");
    assert_non_null(strstr(say_other("INFO clients"), "blocked_clients:0"));
}

static void the_stamp_of_a_write_is_remembered_and_that_of_a_no_op_is_not(void **state)
{
    uint64_t stamp;

    (void)state;
    assert_int_equal(talk.session.last_write_stamp, 0);
    (void)say("SET color red");
    stamp = talk.session.last_write_stamp;
    assert_true(stamp > 0);
    (void)say("SET color blue NX");
    (void)say("DEL missing");
    (void)say("GET color");
    assert_int_equal(talk.session.last_write_stamp, stamp);
    (void)say("SET shape round");
    assert_true(talk.session.last_write_stamp > stamp);
}

static void a_replica_that_is_loading_refuses_what_would_look_at_keys(void **state)
{
    static const char *const refused[] = {"GET a",    "SET a 1",       "MGET a b", "PING",
                                          "DBSIZE",   "KV.GET a",      "SCAN 0",   "FLUSHALL",
                                          "WAIT 0 0", "NAMESPACE LIST"};
    static const char *const allowed[] = {"INFO",          "CLIENT ID",     "CONFIG GET port",
                                          "GOSSIP STATUS", "COMMAND COUNT", "SELECT 1",
                                          "TIME",          "HELLO",         "ECHO a"};

    (void)state;
    store_set_gate(talk.services.store, GATE_LOADING);
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        if (strncmp(say(refused[i]), "-LOADING ", 9) != 0)
            fail_msg("%s: %s", refused[i], talk.reply.data);
    for (size_t i = 0; i < COUNT_OF(allowed); i++)
        if (say(allowed[i])[0] == '-')
            fail_msg("%s: %s", allowed[i], talk.reply.data);
    assert_non_null(strstr(say("INFO persistence"), "loading:1"));
    store_set_gate(talk.services.store, GATE_OPEN);
    assert_string_equal(say("GET a"), "$-1");
    assert_non_null(strstr(say("INFO persistence"), "loading:0"));
}

static void a_transaction_is_spoilt_by_what_loading_refuses(void **state)
{
    (void)state;
    store_set_gate(talk.services.store, GATE_LOADING);
    (void)say("MULTI");
    assert_int_equal(strncmp(say("GET a"), "-LOADING ", 9), 0);
    assert_int_equal(strncmp(say("EXEC"), "-EXECABORT ", 11), 0);
    store_set_gate(talk.services.store, GATE_OPEN);
}

static void while_writes_are_refused_reads_go_on_in_transactions_too(void **state)
{
    static const struct {
        enum gossip_gate gate;
        const char *word;
    } rows[] = {{GATE_SKEW, "-CLOCKSKEW "}, {GATE_STALE, "-STALE "}, {GATE_LEAVING, "-LEAVING "}};

    (void)state;
    (void)say("SET a 1");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        store_set_gate(talk.services.store, rows[i].gate);
        assert_int_equal(strncmp(say("SET b 1"), rows[i].word, strlen(rows[i].word)), 0);
        assert_int_equal(strncmp(say("DEL a"), rows[i].word, strlen(rows[i].word)), 0);
        assert_string_equal(say("MGET a b"), "*2 $1 1 $-1");
        (void)say("MULTI");
        (void)say("GET a");
        assert_string_equal(say("EXEC"), "*1 $1 1");
        (void)say("MULTI");
        (void)say("GET a");
        (void)say("SET b 1");
        assert_int_equal(strncmp(say("EXEC"), rows[i].word, strlen(rows[i].word)), 0);
    }
}

static void a_write_at_a_gate_that_opens_soon_is_parked_and_a_read_is_not(void **state)
{
    struct bytes words[] = {bytes_of("SET"), bytes_of("b"), bytes_of("1")};

    (void)state;
    store_set_gate(talk.services.store, GATE_WAIT);
    assert_string_equal(say("GET b"), "$-1");
    (void)say("MULTI");
    (void)say("GET b");
    assert_string_equal(say("EXEC"), "*1 $-1");
    assert_true(talk_dispatch(&talk.session, &(struct request){words, 3, 0}).is_parked);
    store_set_gate(talk.services.store, GATE_OPEN);
    assert_string_equal(say("SET b 1"), "+OK");
}

static void gossip_without_a_cluster_says_what_is_missing(void **state)
{
    (void)state;
    assert_int_equal(strncmp(say("GOSSIP SYNC"), "-ERR replication is off: set cluster-secret", 43),
                     0);
    assert_non_null(strstr(say("GOSSIP STATUS"), "off"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, talk_set_up, talk_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wait_parks_until_its_time_is_over),
        TEST(a_wait_that_was_answered_leaves_nothing_for_the_next_one),
        TEST(wait_without_a_timeout_parks_for_good),
        TEST(wait_for_nobody_answers_at_once),
        TEST(wait_inside_exec_answers_at_once),
        TEST(client_unblock_ends_a_wait),
        TEST(client_unblock_can_end_a_wait_with_an_error),
        TEST(who_waits_is_shown_as_blocked),
        TEST(the_stamp_of_a_write_is_remembered_and_that_of_a_no_op_is_not),
        TEST(a_replica_that_is_loading_refuses_what_would_look_at_keys),
        TEST(a_transaction_is_spoilt_by_what_loading_refuses),
        TEST(while_writes_are_refused_reads_go_on_in_transactions_too),
        TEST(a_write_at_a_gate_that_opens_soon_is_parked_and_a_read_is_not),
        TEST(gossip_without_a_cluster_says_what_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
