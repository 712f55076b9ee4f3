#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "commands/clients.h"
#include "commands/latency.h"
#include "commands/slowlog.h"
#include "commands/statistics.h"
#include "commands/table.h"

/* --- a world with a clock that stands still --- */

struct fake_clock {
    struct clock clock;
    int64_t now_us;
};

static int64_t fake_now_us(const struct clock *clock)
{
    return ((const struct fake_clock *)clock)->now_us;
}

struct world {
    struct fake_clock clock;
    struct options *options;
    struct statistics *statistics;
    struct services services;
    struct worker worker;
    struct session session;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    table_init();
    world->clock = (struct fake_clock){{fake_now_us, fake_now_us}, 1000000};
    world->options = options_create();
    world->statistics = statistics_create(world->options, &world->clock.clock);
    world->services = (struct services){
        .options = world->options, .clock = &world->clock.clock, .statistics = world->statistics};
    world->worker.services = &world->services;
    session_init(&world->session);
    (void)snprintf(world->session.address, sizeof world->session.address, "127.0.0.1:4711");
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    session_clear(&world->session);
    statistics_destroy(world->statistics);
    options_destroy(world->options);
    free(world);
    return 0;
}

static const struct command *row(const char *name)
{
    const struct command *command = table_find(bytes_of(name));

    assert_non_null(command);
    return command;
}

static void set_option(struct world *world, const char *name, const char *value)
{
    struct bytes words[] = {bytes_of(name), bytes_of(value)};
    char error[OPTIONS_ERROR_MAX];

    assert_int_equal(options_set(world->options, words, 2, error), STATUS_OK);
}

/* --- counts --- */

static void what_all_threads_counted_is_added(void **state)
{
    struct world *world = *state;
    struct thread_statistics *one = statistics_join(world->statistics);
    struct thread_statistics *two = statistics_join(world->statistics);

    statistics_add(one, COUNTER_INPUT_BYTES, 40);
    statistics_add(two, COUNTER_INPUT_BYTES, 2);
    assert_int_equal(statistics_total(world->statistics, COUNTER_INPUT_BYTES), 42);
}

static void a_call_counts_with_its_duration_and_its_failure(void **state)
{
    struct world *world = *state;
    struct thread_statistics *thread = statistics_join(world->statistics);
    struct command_total total;

    statistics_record(thread, row("ping"), 5, false);
    statistics_record(thread, row("ping"), 7, true);
    statistics_record_rejected(thread, row("ping"));
    total = statistics_of_command(world->statistics, row("ping")->index);
    assert_int_equal(total.calls, 2);
    assert_int_equal(total.usec, 12);
    assert_int_equal(total.failed, 1);
    assert_int_equal(total.rejected, 1);
    assert_int_equal(statistics_total(world->statistics, COUNTER_COMMANDS), 2);
}

static void the_calls_of_a_run_share_its_time(void **state)
{
    struct world *world = *state;
    struct thread_statistics *thread = statistics_join(world->statistics);
    uint64_t latencies[LATENCY_BUCKETS];
    int index = row("ping")->index;

    statistics_record_run(thread, row("ping"), 3, 8);
    assert_int_equal(statistics_of_command(world->statistics, index).calls, 3);
    assert_int_equal(statistics_of_command(world->statistics, index).usec, 8);
    assert_true(statistics_latencies(world->statistics, index, latencies));
    assert_int_equal(latencies[2], 3);
}

static void a_reset_shows_only_what_comes_after_it(void **state)
{
    struct world *world = *state;
    struct thread_statistics *thread = statistics_join(world->statistics);
    struct error_total errors[ERROR_WORDS_MAX];
    uint64_t latencies[LATENCY_BUCKETS];
    int index = row("ping")->index;

    statistics_record(thread, row("ping"), 5, true);
    statistics_record_rejected(thread, row("ping"));
    statistics_record_error(thread, bytes_of("ERR before"));
    statistics_reset(world->statistics);
    assert_int_equal(statistics_total(world->statistics, COUNTER_COMMANDS), 0);
    assert_int_equal(statistics_of_command(world->statistics, index).calls, 0);
    assert_int_equal(statistics_of_command(world->statistics, index).rejected, 0);
    assert_int_equal(statistics_errors(world->statistics, errors), 0);
    assert_false(statistics_latencies(world->statistics, index, latencies));

    statistics_record(thread, row("ping"), 3, false);
    statistics_record_error(thread, bytes_of("ERR after"));
    assert_int_equal(statistics_of_command(world->statistics, index).usec, 3);
    assert_int_equal(statistics_errors(world->statistics, errors), 1);
    assert_int_equal(errors[0].count, 1);
    assert_true(statistics_latencies(world->statistics, index, latencies));
    assert_int_equal(latencies[3], 1);
    assert_int_equal(latencies[5], 0);
}

/* --- errors --- */

static void errors_count_by_their_first_word(void **state)
{
    struct world *world = *state;
    struct thread_statistics *one = statistics_join(world->statistics);
    struct thread_statistics *two = statistics_join(world->statistics);
    struct error_total errors[ERROR_WORDS_MAX];

    statistics_record_error(one, bytes_of("WRONGPASS invalid"));
    statistics_record_error(one, bytes_of("ERR syntax error"));
    statistics_record_error(two, bytes_of("ERR no such key"));
    statistics_record_error(two, bytes_of("OOM"));
    assert_int_equal(statistics_errors(world->statistics, errors), 3);
    assert_string_equal(errors[0].word, "ERR");
    assert_int_equal(errors[0].count, 2);
    assert_string_equal(errors[1].word, "OOM");
    assert_string_equal(errors[2].word, "WRONGPASS");
    assert_int_equal(statistics_total(world->statistics, COUNTER_ERRORS), 4);
}

static void no_error_is_lost_when_there_are_too_many_words(void **state)
{
    struct world *world = *state;
    struct thread_statistics *thread = statistics_join(world->statistics);
    struct error_total errors[ERROR_WORDS_MAX];
    uint64_t sum = 0;
    int count;

    for (int i = 0; i < 2 * ERROR_WORDS_MAX; i++) {
        char text[32];

        (void)snprintf(text, sizeof text, "WORD%d text", i);
        statistics_record_error(thread, bytes_of(text));
    }
    count = statistics_errors(world->statistics, errors);
    assert_int_equal(count, ERROR_WORDS_MAX);
    for (int i = 0; i < count; i++)
        sum += errors[i].count;
    assert_int_equal(sum, 2 * ERROR_WORDS_MAX);
}

/* --- latencies --- */

static void a_duration_falls_into_the_bucket_that_covers_it(void **state)
{
    (void)state;
    for (int64_t us = 0; us <= LATENCY_MAX_US; us++) {
        int bucket = latency_bucket(us);

        assert_in_range(bucket, 0, LATENCY_BUCKETS - 1);
        assert_true(us <= latency_bucket_top_us(bucket));
        assert_true(bucket == 0 || us > latency_bucket_top_us(bucket - 1));
    }
}

static void a_bucket_is_no_wider_than_a_sixteenth_of_what_it_covers(void **state)
{
    (void)state;
    for (int bucket = 1; bucket < LATENCY_BUCKETS; bucket++) {
        int64_t low_us = latency_bucket_top_us(bucket - 1) + 1;

        assert_true((latency_bucket_top_us(bucket) - low_us) * 16 <= low_us);
    }
}

static void what_takes_very_long_counts_as_the_longest(void **state)
{
    (void)state;
    assert_int_equal(latency_bucket(INT64_MAX), LATENCY_BUCKETS - 1);
    assert_int_equal(latency_bucket_top_us(LATENCY_BUCKETS - 1), LATENCY_MAX_US);
}

static void percentiles_are_those_of_the_calls(void **state)
{
    uint64_t counts[LATENCY_BUCKETS] = {0};

    (void)state;
    for (int us = 1; us <= 10; us++)
        counts[latency_bucket(us)]++;
    assert_int_equal(latency_percentile_us(counts, 0), 1);
    assert_int_equal(latency_percentile_us(counts, 50), 5);
    assert_int_equal(latency_percentile_us(counts, 90), 9);
    assert_int_equal(latency_percentile_us(counts, 99.9), 10);
    assert_int_equal(latency_percentile_us(counts, 100), 10);
}

static void without_latency_tracking_durations_are_not_kept(void **state)
{
    struct world *world = *state;
    struct thread_statistics *thread = statistics_join(world->statistics);
    uint64_t latencies[LATENCY_BUCKETS];

    set_option(world, "latency-tracking", "no");
    statistics_record(thread, row("ping"), 5, false);
    assert_false(statistics_latencies(world->statistics, row("ping")->index, latencies));
    assert_int_equal(statistics_of_command(world->statistics, row("ping")->index).calls, 1);
}

/* --- rates --- */

static void rates_are_those_between_the_samples(void **state)
{
    struct world *world = *state;
    struct thread_statistics *thread = statistics_join(world->statistics);

    assert_int_equal(statistics_rates(world->statistics).commands_per_second, 0);
    statistics_sample(world->statistics);
    for (int i = 0; i < 5; i++) {
        statistics_add(thread, COUNTER_COMMANDS, 100);
        statistics_add(thread, COUNTER_OUTPUT_BYTES, 1024);
        world->clock.now_us += 100000;
        statistics_sample(world->statistics);
    }
    assert_int_equal(statistics_rates(world->statistics).commands_per_second, 1000);
    assert_true(statistics_rates(world->statistics).output_kbps == 10);
}

static void a_late_sample_counts_for_those_that_were_left_out(void **state)
{
    struct world *world = *state;
    struct thread_statistics *thread = statistics_join(world->statistics);

    (void)statistics_sample(world->statistics);
    world->clock.now_us += 1600000;
    assert_int_equal(statistics_sample(world->statistics), STATISTICS_QUIET_MS);
    statistics_add(thread, COUNTER_COMMANDS, 800);
    world->clock.now_us += 800000;
    assert_int_equal(statistics_sample(world->statistics), STATISTICS_SAMPLE_MS);
    assert_int_equal(statistics_rates(world->statistics).commands_per_second, 500);
}

static void who_reads_rates_need_not_wait_for_a_sample(void **state)
{
    struct world *world = *state;
    struct thread_statistics *thread = statistics_join(world->statistics);

    (void)statistics_sample(world->statistics);
    world->clock.now_us += 1600000;
    statistics_add(thread, COUNTER_COMMANDS, 1600);
    assert_int_equal(statistics_rates(world->statistics).commands_per_second, 1000);
    statistics_reset(world->statistics);
    statistics_add(thread, COUNTER_COMMANDS, 200);
    world->clock.now_us += 100000;
    assert_int_equal(statistics_rates(world->statistics).commands_per_second, 2000);
}

/* --- what is worth a note --- */

static void calls_are_notable_from_the_shorter_of_both_thresholds(void **state)
{
    struct world *world = *state;
    struct thread_statistics *thread = statistics_join(world->statistics);

    set_option(world, "slowlog-log-slower-than", "10000");
    assert_false(statistics_is_notable(thread, 9999));
    assert_true(statistics_is_notable(thread, 10000));
    set_option(world, "latency-monitor-threshold", "5");
    assert_false(statistics_is_notable(thread, 4999));
    assert_true(statistics_is_notable(thread, 5000));
    set_option(world, "slowlog-log-slower-than", "-1");
    set_option(world, "latency-monitor-threshold", "0");
    assert_false(statistics_is_notable(thread, INT64_MAX - 1));
}

static void note(struct world *world, const char *const *words, size_t count, int64_t duration_us)
{
    struct bytes argv[SLOWLOG_ARGS_MAX * 2];
    struct call call = {.worker = &world->worker,
                        .session = &world->session,
                        .command = row(words[0]),
                        .argv = argv,
                        .argc = count};

    for (size_t i = 0; i < count; i++)
        argv[i] = bytes_of(words[i]);
    statistics_note(world->statistics, &call, duration_us);
}

static void forget_count(void *context, int64_t count)
{
    (void)context, (void)count;
}

static void copy_slow_call(void *context, const struct slow_call *call)
{
    struct buffer *text = context;

    buffer_printf(text, "%lld %lld:", (long long)call->id, (long long)call->duration_us);
    for (int i = 0; i < call->argc; i++) {
        buffer_append_byte(text, ' ');
        buffer_append_bytes(text, buffer_view(&call->argv[i]));
    }
    buffer_append_byte(text, '\n');
}

static void assert_slowlog(struct world *world, int64_t count, const char *expected)
{
    struct buffer text = {0};
    struct slowlog_reader reader = {forget_count, copy_slow_call, &text};

    slowlog_read(statistics_slowlog(world->statistics), count, &reader);
    buffer_append_byte(&text, '\0');
    assert_string_equal(text.data, expected);
    buffer_clear(&text);
}

static void slow_calls_are_listed_newest_first(void **state)
{
    struct world *world = *state;
    const char *const ping[] = {"ping"}, *const echo[] = {"echo", "hello"};

    set_option(world, "slowlog-log-slower-than", "0");
    note(world, ping, 1, 10);
    note(world, echo, 2, 20);
    assert_slowlog(world, -1, "1 20: echo hello\n0 10: ping\n");
    assert_slowlog(world, 1, "1 20: echo hello\n");
    assert_slowlog(world, 0, "");
}

static void the_slow_log_forgets_the_oldest(void **state)
{
    struct world *world = *state;
    const char *const ping[] = {"ping"};

    set_option(world, "slowlog-log-slower-than", "0");
    set_option(world, "slowlog-max-len", "2");
    for (int i = 0; i < 4; i++)
        note(world, ping, 1, i);
    assert_slowlog(world, -1, "3 3: ping\n2 2: ping\n");
    set_option(world, "slowlog-max-len", "1");
    assert_slowlog(world, -1, "3 3: ping\n");
    slowlog_clear(statistics_slowlog(world->statistics));
    note(world, ping, 1, 4);
    assert_slowlog(world, -1, "4 4: ping\n");
}

static void the_slow_log_cuts_long_commands(void **state)
{
    struct world *world = *state;
    char argument[SLOWLOG_ARG_BYTES_MAX + 2] = "";
    const char *words[SLOWLOG_ARGS_MAX + 1];
    struct buffer expected = {0};

    memset(argument, 'A', sizeof argument - 1);
    words[0] = "del";
    words[1] = argument;
    for (size_t i = 2; i < COUNT_OF(words); i++)
        words[i] = "k";
    buffer_printf(&expected, "0 1: del %.*s... (1 more bytes)", SLOWLOG_ARG_BYTES_MAX, argument);
    for (int i = 2; i < SLOWLOG_ARGS_MAX - 1; i++)
        buffer_append_text(&expected, " k");
    buffer_append(&expected, " ... (2 more arguments)\n", sizeof " ... (2 more arguments)\n");

    set_option(world, "slowlog-log-slower-than", "0");
    note(world, words, COUNT_OF(words), 1);
    assert_slowlog(world, -1, expected.data);
    buffer_clear(&expected);
}

static void passwords_do_not_get_into_the_slow_log(void **state)
{
    struct world *world = *state;
    const char *const auth[] = {"auth", "default", "secret"};
    const char *const hello[] = {"hello", "3", "AUTH", "default", "secret", "SETNAME", "me"};

    set_option(world, "slowlog-log-slower-than", "0");
    note(world, auth, COUNT_OF(auth), 1);
    note(world, hello, COUNT_OF(hello), 2);
    assert_slowlog(world, -1,
                   "1 2: hello 3 AUTH (redacted) (redacted) SETNAME me\n"
                   "0 1: auth (redacted) (redacted)\n");
}

static void a_hesitation_becomes_a_latency_event(void **state)
{
    struct world *world = *state;
    struct latency_monitor *monitor = statistics_latency_monitor(world->statistics);
    struct latency_history history;
    const char *const info[] = {"info"}, *const ping[] = {"ping"};

    set_option(world, "slowlog-log-slower-than", "-1");
    set_option(world, "latency-monitor-threshold", "10");
    world->clock.now_us = 7000000;
    note(world, info, 1, 9999);
    assert_false(latency_monitor_history(monitor, LATENCY_COMMAND, &history));
    note(world, info, 1, 12345);
    note(world, ping, 1, 20000);
    assert_true(latency_monitor_history(monitor, LATENCY_COMMAND, &history));
    assert_int_equal(history.count, 1);
    assert_int_equal(history.samples[0].at_s, 7);
    assert_int_equal(history.samples[0].duration_ms, 12);
    assert_true(latency_monitor_history(monitor, LATENCY_FAST_COMMAND, &history));
    assert_int_equal(history.max_ms, 20);
    assert_slowlog(world, -1, "");
}

static void of_a_second_the_longest_sample_stays(void **state)
{
    struct latency_monitor *monitor = latency_monitor_create();
    struct latency_history history;

    (void)state;
    latency_monitor_add(monitor, LATENCY_COMMAND, 1, 30);
    latency_monitor_add(monitor, LATENCY_COMMAND, 1, 50);
    latency_monitor_add(monitor, LATENCY_COMMAND, 1, 40);
    assert_true(latency_monitor_history(monitor, LATENCY_COMMAND, &history));
    assert_int_equal(history.count, 1);
    assert_int_equal(history.samples[0].duration_ms, 50);
    latency_monitor_destroy(monitor);
}

static void old_samples_make_room_and_the_worst_is_remembered(void **state)
{
    struct latency_monitor *monitor = latency_monitor_create();
    struct latency_history history;

    (void)state;
    latency_monitor_add(monitor, LATENCY_COMMAND, 0, 999);
    for (int i = 1; i <= LATENCY_SAMPLES_MAX; i++)
        latency_monitor_add(monitor, LATENCY_COMMAND, i, 10);
    assert_true(latency_monitor_history(monitor, LATENCY_COMMAND, &history));
    assert_int_equal(history.count, LATENCY_SAMPLES_MAX);
    assert_int_equal(history.samples[0].at_s, 1);
    assert_int_equal(history.samples[LATENCY_SAMPLES_MAX - 1].at_s, LATENCY_SAMPLES_MAX);
    assert_int_equal(history.max_ms, 999);
    assert_true(latency_monitor_forget(monitor, LATENCY_COMMAND));
    assert_false(latency_monitor_forget(monitor, LATENCY_COMMAND));
    latency_monitor_destroy(monitor);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_all_threads_counted_is_added),
        TEST(a_call_counts_with_its_duration_and_its_failure),
        TEST(the_calls_of_a_run_share_its_time),
        TEST(a_reset_shows_only_what_comes_after_it),
        TEST(errors_count_by_their_first_word),
        TEST(no_error_is_lost_when_there_are_too_many_words),
        cmocka_unit_test(a_duration_falls_into_the_bucket_that_covers_it),
        cmocka_unit_test(a_bucket_is_no_wider_than_a_sixteenth_of_what_it_covers),
        cmocka_unit_test(what_takes_very_long_counts_as_the_longest),
        cmocka_unit_test(percentiles_are_those_of_the_calls),
        TEST(without_latency_tracking_durations_are_not_kept),
        TEST(rates_are_those_between_the_samples),
        TEST(a_late_sample_counts_for_those_that_were_left_out),
        TEST(who_reads_rates_need_not_wait_for_a_sample),
        TEST(calls_are_notable_from_the_shorter_of_both_thresholds),
        TEST(slow_calls_are_listed_newest_first),
        TEST(the_slow_log_forgets_the_oldest),
        TEST(the_slow_log_cuts_long_commands),
        TEST(passwords_do_not_get_into_the_slow_log),
        TEST(a_hesitation_becomes_a_latency_event),
        cmocka_unit_test(of_a_second_the_longest_sample_stays),
        cmocka_unit_test(old_samples_make_room_and_the_worst_is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
