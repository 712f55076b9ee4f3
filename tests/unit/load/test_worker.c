#include "unit/test.h"

#include <stdio.h>
#include <string.h>

#include "base/condition.h"
#include "load/worker.h"
#include "unit/load/fake_server.h"

#define GET_BYTES 36 /* of "*2 $3 GET $16 key:000000000000" */
#define NS_PER_S  1e9
#define MS        UINT64_C(1000000)

static struct options options;
static struct run run;
static struct stats stats;

/* One thread with these options against the server, until both are done. */
static struct worker_end play(struct fake_server *server, const char *line)
{
    char text[256], problem[OPTIONS_PROBLEM_MAX], *words[32], *rest;
    struct worker_end end;
    struct worker *worker;
    int count = 0;

    server->request_size = GET_BYTES;
    fake_server_start(server);
    (void)snprintf(text, sizeof(text), "--reads 100 --warmup 0 --server 127.0.0.1:%d %s",
                   server->port, line);
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    if (!options_parse(count, words, &options, problem))
        fail_msg("%s", problem);
    memset(&stats, 0, sizeof(stats));
    memset(&run, 0, sizeof(run));
    run.options = &options;
    pthread_mutex_init(&run.mutex, NULL);
    condition_init(&run.is_done);
    worker = worker_create(&run, 0, problem);
    assert_non_null(worker);
    run.begin_ns = run.count_from_ns = worker_now_ns();
    run.end_ns =
        options.requests > 0 ? UINT64_MAX : run.begin_ns + (uint64_t)(options.seconds * NS_PER_S);
    worker_start(worker);
    end = worker_join(worker);
    worker_collect(worker, &stats);
    worker_destroy(worker);
    fake_server_join(server);
    return end;
}

static uint64_t percentile(double percent)
{
    return histogram_percentile(&stats.kinds[KIND_GET].latency, percent);
}

/* A hundred of a thousand requests arrive while the server stalls for as long as they take, 100 ms:
 * the first waits for all of that, the last for none of it.  A generator that waits for replies
 * before it goes on would never send the hundred. */
static void a_stall_is_charged_to_all_requests_that_were_due_meanwhile(void **state)
{
    struct fake_server server = {.reply = "$-1\r\n", .hold_from = 500, .hold_until = 600};
    struct worker_end end = play(
        &server, "--rate 1000 --arrivals constant --requests 1000 --connections 4 --pipeline 100");

    (void)state;
    assert_int_equal(end.sent, 1000);
    assert_int_equal(stats.kinds[KIND_GET].latency.count, 1000);
    assert_int_equal(stats.kinds[KIND_GET].misses, 1000);
    assert_true(percentile(100) >= 95 * MS);
    assert_true(percentile(99) >= 85 * MS);
    assert_true(percentile(95) >= 45 * MS);
    assert_false(end.is_blocked);
}

/* The same where only one request fits: those that were due are sent late, and their time counts
 * from when they were due. */
static void requests_that_find_no_room_wait_and_their_wait_counts(void **state)
{
    struct fake_server server = {.reply = "$-1\r\n", .stall_at = 500, .stall_ms = 100};
    struct worker_end end = play(
        &server, "--rate 1000 --arrivals constant --requests 1000 --connections 1 --pipeline 1");

    (void)state;
    assert_true(end.is_blocked);
    assert_int_equal(stats.kinds[KIND_GET].latency.count, 1000);
    assert_true(percentile(100) >= 100 * MS);
    assert_true(percentile(99) >= 85 * MS);
    assert_true(percentile(95) >= 45 * MS);
}

/* Which is why a closed loop says little about a stall: one request in a thousand saw it. */
static void in_a_closed_loop_a_request_counts_from_when_it_was_sent(void **state)
{
    struct fake_server server = {.reply = "$-1\r\n", .stall_at = 500, .stall_ms = 100};

    (void)state;
    play(&server, "--requests 1000 --connections 1 --pipeline 1");
    assert_int_equal(stats.kinds[KIND_GET].latency.count, 1000);
    assert_true(percentile(100) >= 100 * MS);
    assert_true(percentile(95) < 100 * MS);
}

/* Taking turns would put half of them there; some find the other one busy on a slow machine. */
static void requests_keep_off_a_connection_that_owes_a_reply(void **state)
{
    struct fake_server server = {.reply = "$-1\r\n", .is_first_mute = true};
    struct worker_end end =
        play(&server, "--rate 500 --arrivals constant --seconds 0.2 --drain 0.05 "
                      "--connections 2 --pipeline 100");

    (void)state;
    assert_int_equal(end.sent, 100);
    assert_in_range(end.unanswered, 1, 30);
}

static void what_was_due_is_answered_or_not_answered_or_never_sent(void **state)
{
    struct fake_server server = {.reply = "$-1\r\n", .hold_from = 0, .hold_until = UINT64_MAX};
    struct worker_end end =
        play(&server, "--rate 1000 --arrivals constant --seconds 0.1 --drain 0.05 "
                      "--connections 2 --pipeline 3");

    (void)state;
    assert_int_equal(stats.kinds[KIND_GET].latency.count, 0);
    assert_int_equal(end.sent, 6);
    assert_int_equal(end.unanswered, 6);
    assert_int_equal(end.unsent, 94);
}

static void a_counted_run_ends_though_replies_are_missing(void **state)
{
    struct fake_server server = {.reply = "$-1\r\n", .hold_from = 5, .hold_until = UINT64_MAX};
    struct worker_end end =
        play(&server, "--requests 10 --drain 0.05 --connections 1 --pipeline 3");

    (void)state;
    assert_int_equal(end.sent, end.unanswered + stats.kinds[KIND_GET].latency.count);
    assert_int_equal(end.sent + end.unsent, 10);
    assert_in_range(end.unanswered, 1, 3);
}

static void errors_are_counted_by_their_first_word_and_end_nothing(void **state)
{
    struct fake_server server = {.reply = "-RATELIMIT retry in 5 ms\r\n"};

    (void)state;
    play(&server, "--requests 50 --connections 2");
    assert_int_equal(stats.kinds[KIND_GET].latency.count, 0);
    assert_int_equal(stats.kinds[KIND_GET].errors, 50);
    assert_int_equal(stats.errors.count, 1);
    assert_string_equal(stats.errors.rows[0].word, "RATELIMIT");
    assert_int_equal(stats.errors.rows[0].times, 50);
}

static void a_reply_may_come_in_pieces(void **state)
{
    struct fake_server server = {.reply = "*3\r\n$5\r\nhello\r\n$-1\r\n-ERR a b\r\n",
                                 .is_in_pieces = true};

    (void)state;
    play(&server, "--requests 20 --connections 2");
    assert_int_equal(stats.kinds[KIND_GET].errors, 20);
    assert_string_equal(stats.errors.rows[0].word, "ERR");
    server = (struct fake_server){.reply = "*2\r\n$5\r\nhello\r\n$-1\r\n", .is_in_pieces = true};
    play(&server, "--requests 20 --connections 2");
    assert_int_equal(stats.kinds[KIND_GET].misses, 20);
}

static void what_was_on_a_connection_that_broke_is_lost_and_said(void **state)
{
    struct fake_server server = {.reply = "$-1\r\n", .close_at = 10};
    struct worker_end end = play(&server, "--requests 20 --connections 1 --pipeline 1");

    (void)state;
    assert_int_equal(end.lost_connections, 1);
    assert_int_equal(stats.kinds[KIND_GET].latency.count, 9);
    assert_int_equal(stats.kinds[KIND_GET].errors, 1);
    assert_string_equal(stats.errors.rows[0].word, "(lost)");
    assert_int_equal(end.unsent, 10);
}

static void what_is_no_reply_loses_the_connection(void **state)
{
    struct fake_server server = {.reply = "HTTP/1.1 400\r\n"};
    struct worker_end end = play(&server, "--requests 20 --connections 1 --pipeline 1");

    (void)state;
    assert_int_equal(end.lost_connections, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stall_is_charged_to_all_requests_that_were_due_meanwhile),
        cmocka_unit_test(requests_that_find_no_room_wait_and_their_wait_counts),
        cmocka_unit_test(in_a_closed_loop_a_request_counts_from_when_it_was_sent),
        cmocka_unit_test(requests_keep_off_a_connection_that_owes_a_reply),
        cmocka_unit_test(what_was_due_is_answered_or_not_answered_or_never_sent),
        cmocka_unit_test(a_counted_run_ends_though_replies_are_missing),
        cmocka_unit_test(errors_are_counted_by_their_first_word_and_end_nothing),
        cmocka_unit_test(a_reply_may_come_in_pieces),
        cmocka_unit_test(what_was_on_a_connection_that_broke_is_lost_and_said),
        cmocka_unit_test(what_is_no_reply_loses_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
