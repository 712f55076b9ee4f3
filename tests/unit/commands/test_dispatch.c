/* From words to a reply: what is refused, with which words, and what becomes of the reply. */
#include "unit/commands/talk.h"

#define STRING_OF_BYTES(name, byte, size)                                                          \
    char name[(size) + 1];                                                                         \
    memset(name, byte, size);                                                                      \
    name[size] = '\0'

static void commands_run_whatever_the_case_of_their_names(void **state)
{
    (void)state;
    assert_string_equal(say("SeT color red"), "+OK");
    assert_string_equal(say("get color"), "$3 red");
}

static void an_unknown_command_repeats_its_arguments(void **state)
{
    (void)state;
    assert_string_equal(say("FOO a b"),
                        "-ERR unknown command 'FOO', with args beginning with: 'a' 'b' ");
    assert_string_equal(say("FOO"), "-ERR unknown command 'FOO', with args beginning with: ");
}

static void an_unknown_command_is_cut_at_128_bytes(void **state)
{
    STRING_OF_BYTES(name, 'n', 200);
    STRING_OF_BYTES(argument, 'a', 300);
    char expected[512];
    struct bytes words[] = {bytes_of(name), bytes_of(argument), bytes_of("more")};

    (void)state;
    snprintf(expected, sizeof expected,
             "-ERR unknown command '%.128s', with args beginning with: '%.128s' ", name, argument);
    assert_string_equal(say_words(&talk.session, words, 3), expected);
}

static void a_line_break_in_a_name_does_not_break_the_reply(void **state)
{
    struct bytes words[] = {bytes_of("a\r\nb")};

    (void)state;
    assert_string_equal(say_words(&talk.session, words, 1),
                        "-ERR unknown command 'a  b', with args beginning with: ");
}

static void an_unknown_subcommand_points_at_help(void **state)
{
    (void)state;
    assert_string_equal(say("Client nope x"), "-ERR unknown subcommand 'nope'. Try CLIENT HELP.");
}

static void arity_is_told_of_the_subcommand(void **state)
{
    (void)state;
    assert_string_equal(say("GET"), "-ERR wrong number of arguments for 'get' command");
    assert_string_equal(say("CLIENT"), "-ERR wrong number of arguments for 'client' command");
    assert_string_equal(say("CLIENT ID 1"),
                        "-ERR wrong number of arguments for 'client|id' command");
}

static void without_the_password_only_a_few_commands_run(void **state)
{
    struct bytes password[] = {bytes_of("requirepass"), bytes_of("secret")};
    struct bytes none[] = {bytes_of("requirepass"), bytes_of("")};
    char error[OPTIONS_ERROR_MAX];

    (void)state;
    assert_int_equal(options_set(talk.options, password, 2, error), STATUS_OK);
    talk.session.is_authenticated = false;
    assert_string_equal(say("GET color"), "-NOAUTH Authentication required.");
    assert_string_equal(say("NOPE"), "-ERR unknown command 'NOPE', with args beginning with: ");
    assert_string_equal(say("AUTH secret"), "+OK");
    assert_string_equal(say("GET color"), "$-1");
    talk.session.is_authenticated = false;
    assert_int_equal(options_set(talk.options, none, 2, error), STATUS_OK);
    assert_string_equal(say("GET color"), "$-1");
}

static void sizes_over_a_limit_are_named(void **state)
{
    STRING_OF_BYTES(key, 'k', 2049);
    STRING_OF_BYTES(value, 'v', 65537);
    struct bytes words[] = {bytes_of("SET"), bytes_of(key), bytes_of(value)};

    (void)state;
    assert_string_equal(
        say_words(&talk.session, words, 3),
        "-KEYTOOLONG key of 2049 bytes exceeds the limit of 2048 bytes (max-key-size)");
    words[1].size--;
    assert_string_equal(
        say_words(&talk.session, words, 3),
        "-VALUETOOLONG value of 65537 bytes: string exceeds maximum allowed size of "
        "65536 bytes (max-value-size)");
    words[2].size--;
    assert_string_equal(say_words(&talk.session, words, 3), "+OK");
}

static void a_key_that_can_not_be_stored_is_not_found(void **state)
{
    STRING_OF_BYTES(key, 'k', 70000);
    struct bytes words[] = {bytes_of("GET"), bytes_of(key)};

    (void)state;
    assert_string_equal(say_words(&talk.session, words, 2), "$-1");
    words[0] = bytes_of("DEL");
    assert_string_equal(say_words(&talk.session, words, 2), ":0");
}

static void a_request_that_was_not_kept_is_refused_by_its_size(void **state)
{
    struct bytes set = bytes_of("SET"), unknown = bytes_of("NOPE");

    (void)state;
    (void)talk_dispatch(&talk.session, &(struct request){&set, 1, 5000000});
    assert_string_equal(talk_reply(),
                        "-VALUETOOLONG value of 5000000 bytes: string exceeds maximum "
                        "allowed size of 65536 bytes (max-value-size)");
    (void)talk_dispatch(&talk.session, &(struct request){&unknown, 1, 5000000});
    assert_string_equal(talk_reply(), "-ERR unknown command 'NOPE', with args beginning with: ");
}

static void a_refused_commit_takes_the_reply_back(void **state)
{
    (void)state;
    assert_string_equal(say("SET color red"), "+OK");
    assert_string_equal(say("GETSET color blue"), "-RATELIMIT key was written less than 1000 ms "
                                                  "ago, retry in 1000 ms (key-write-rate)");
    assert_string_equal(say("GET color"), "$3 red");
}

static void the_wait_that_is_told_is_enough(void **state)
{
    (void)state;
    assert_string_equal(say("SET color red"), "+OK");
    pass_ms(300);
    assert_string_equal(say("SET color blue"), "-RATELIMIT key was written less than 1000 ms ago, "
                                               "retry in 700 ms (key-write-rate)");
    pass_ms(700);
    assert_string_equal(say("SET color blue"), "+OK");
}

static void one_key_over_the_rate_refuses_the_whole_command(void **state)
{
    (void)state;
    assert_string_equal(say("SET b 1"), "+OK");
    pass_ms(999);
    assert_memory_equal(say("MSET a 2 b 2 c 2"), "-RATELIMIT", 10);
    assert_string_equal(say("MGET a b c"), "*3 $-1 $1 1 $-1");
}

static void what_changes_nothing_is_no_write(void **state)
{
    (void)state;
    assert_string_equal(say("SET color red"), "+OK");
    assert_string_equal(say("SETNX color blue"), ":0");
    assert_string_equal(say("DEL nothing"), ":0");
    pass_ms(1000);
    assert_string_equal(say("DEL color"), ":1");
}

static void a_full_namespace_takes_no_new_key(void **state)
{
    (void)state;
    assert_string_equal(say("NAMESPACE CREATE small"), "+OK");
    assert_string_equal(say("NAMESPACE SET small max-keys-per-namespace 1"), "+OK");
    assert_string_equal(say("SELECT small"), "+OK");
    assert_string_equal(say("SET a 1"), "+OK");
    assert_string_equal(say("SET b 1"), "-NAMESPACEFULL namespace holds 1 keys, the limit is 1 "
                                        "(max-keys-per-namespace)");
}

static void a_dropped_namespace_answers_nothing_but_its_absence(void **state)
{
    const char *gone = "-ERR no such namespace 'temporary'";

    (void)state;
    assert_string_equal(say("NAMESPACE CREATE temporary"), "+OK");
    assert_string_equal(say("SELECT temporary"), "+OK");
    assert_string_equal(say_other("NAMESPACE DELETE temporary"), "+OK");
    assert_string_equal(say("GET a"), gone);
    assert_string_equal(say("SET a 1"), gone);
    assert_string_equal(say("DBSIZE"), gone);
    assert_string_equal(say("KEYS *"), gone);
    assert_string_equal(say("PING"), "+PONG");
    assert_string_equal(say("NAMESPACE CREATE temporary"), "+OK");
    assert_string_equal(say("GET a"), gone);
    assert_string_equal(say("SELECT 0"), "+OK");
    assert_string_equal(say("GET a"), "$-1");
}

static void titles_in_errors_are_those_that_were_meant(void **state)
{
    (void)state;
    assert_string_equal(say("SELECT nowhere"), "-ERR no such namespace 'nowhere'");
    assert_string_equal(say("NAMESPACE INFO nowhere"), "-ERR no such namespace 'nowhere'");
    assert_string_equal(say("NAMESPACE CREATE here"), "+OK");
    assert_string_equal(say("NAMESPACE RENAME nowhere here"), "-ERR no such namespace 'nowhere'");
    assert_string_equal(say("NAMESPACE CREATE here"), "-ERR namespace 'here' already exists");
}

static void client_reply_off_and_skip_drop_replies(void **state)
{
    (void)state;
    assert_string_equal(say("CLIENT REPLY SKIP"), "");
    assert_string_equal(say("PING"), "");
    assert_string_equal(say("PING"), "+PONG");
    assert_string_equal(say("CLIENT REPLY OFF"), "");
    assert_string_equal(say("GET"), "");
    assert_string_equal(say("CLIENT REPLY SKIP"), "");
    assert_string_equal(say("CLIENT REPLY ON"), "+OK");
    assert_string_equal(say("PING"), "+PONG");
}

static void a_paused_client_waits_until_the_pause_ends(void **state)
{
    struct bytes words[] = {bytes_of("SET"), bytes_of("a"), bytes_of("1")};
    struct request request = {words, 3, 0};
    struct outcome outcome;

    (void)state;
    assert_string_equal(say_other("CLIENT PAUSE 5000 WRITE"), "+OK");
    outcome = talk_dispatch(&talk.session, &request);
    assert_true(outcome.is_parked);
    assert_int_equal(outcome.wake_at_ms, clock_wall_ms(&talk_clock) + 5000);
    assert_int_equal(talk.reply.size, 0);
    assert_string_equal(say("GET a"), "$-1");
    pass_ms(5000);
    assert_false(talk_dispatch(&talk.session, &request).is_parked);
    assert_string_equal(talk_reply(), "+OK");
}

static void a_reply_waits_for_the_commit_of_what_it_saw(void **state)
{
    struct bytes words[] = {bytes_of("SET"), bytes_of("a"), bytes_of("1")};
    struct outcome outcome = talk_dispatch(&talk.session, &(struct request){words, 3, 0});

    (void)state;
    assert_true(outcome.depends_on > 0);
    assert_int_equal(outcome.depends_on, talk.session.last_write);
}

static void calls_failures_and_refusals_are_counted(void **state)
{
    struct statistics *statistics = talk.services.statistics;
    int set = table_find(bytes_of("set"))->index, incr = table_find(bytes_of("incr"))->index;

    (void)state;
    (void)say("SET a text");
    (void)say("SET");
    (void)say("INCR a");
    assert_int_equal(statistics_of_command(statistics, set).calls, 1);
    assert_int_equal(statistics_of_command(statistics, set).rejected, 1);
    assert_int_equal(statistics_of_command(statistics, incr).calls, 1);
    assert_int_equal(statistics_of_command(statistics, incr).failed, 1);
}

static uint64_t gets_counted(void)
{
    return statistics_of_command(talk.services.statistics, table_find(bytes_of("get"))->index)
        .calls;
}

static void a_run_of_quick_reads_is_counted_when_it_ends(void **state)
{
    (void)state;
    talk.worker.times_runs = true;
    (void)say("SET a 1");
    (void)say("GET a");
    (void)say("GET a");
    assert_int_equal(gets_counted(), 0);
    (void)say("PING");
    assert_int_equal(gets_counted(), 2);
    (void)say("GET a");
    dispatch_end_run(&talk.worker);
    assert_int_equal(gets_counted(), 3);
    dispatch_end_run(&talk.worker);
    assert_int_equal(gets_counted(), 3);
}

static void a_read_of_a_long_value_is_timed_by_itself(void **state)
{
    (void)state;
    talk.worker.times_runs = true;
    (void)say("SETRANGE a 50000 1");
    (void)say("STRLEN a");
    (void)say("GET a");
    assert_int_equal(gets_counted(), 1);
}

static void each_read_is_timed_where_any_may_be_notable(void **state)
{
    (void)state;
    talk.worker.times_runs = true;
    (void)say("CONFIG SET slowlog-log-slower-than 1");
    (void)say("GET a");
    assert_int_equal(gets_counted(), 1);
}

static void command_getkeys_finds_the_keys_of_a_request(void **state)
{
    (void)state;
    assert_string_equal(say("COMMAND GETKEYS MSET a 1 b 2"), "*2 $1 a $1 b");
    assert_string_equal(say("COMMAND GETKEYS MEMORY USAGE a"), "*1 $1 a");
    assert_string_equal(say("COMMAND GETKEYS PING x"), "-ERR The command has no key arguments");
    assert_string_equal(say("COMMAND GETKEYS NOPE x"), "-ERR Invalid command specified");
    assert_string_equal(say("COMMAND GETKEYS GET a b"),
                        "-ERR Invalid number of arguments specified for command");
}

static void command_getkeysandflags_knows_what_get_makes_of_set(void **state)
{
    (void)state;
    assert_string_equal(say("COMMAND GETKEYSANDFLAGS SET a 1"), "*1 *2 $1 a *2 +OW +update");
    assert_string_equal(say("COMMAND GETKEYSANDFLAGS SET a 1 GET"),
                        "*1 *2 $1 a *3 +RW +access +update");
    assert_string_equal(say("COMMAND GETKEYSANDFLAGS COPY a b"),
                        "*2 *2 $1 a *2 +RO +access *2 $1 b *2 +OW +update");
}

static void command_list_filters_by_pattern_and_category(void **state)
{
    (void)state;
    assert_string_equal(say("COMMAND LIST FILTERBY PATTERN namespace|l*"), "*1 $14 namespace|list");
    assert_string_equal(say("COMMAND LIST FILTERBY ACLCAT nothing"), "*0");
    assert_string_equal(say("COMMAND LIST FILTERBY MODULE nothing"), "*0");
    assert_string_equal(say("COMMAND LIST FILTERBY ACLCAT transaction"),
                        "*5 $5 multi $4 exec $7 discard $5 watch $7 unwatch");
    assert_string_equal(say("COMMAND LIST FILTERBY"), "-ERR syntax error");
}

/* Nobody sweeps, and each of the commands finds a key whose time is over. */
static void keys_that_were_found_expired_count_no_more(void **state)
{
    static const char *const finders[] = {"GET k",      "EXISTS k",     "MGET k other", "DEL k",
                                          "SET k x XX", "COPY k other", "TTL k"};

    (void)state;
    store_set_active_expiry(talk.services.store, false);
    for (size_t i = 0; i < COUNT_OF(finders); i++) {
        assert_string_equal(say("FLUSHDB"), "+OK");
        assert_string_equal(say("SET k x PX 10"), "+OK");
        pass_ms(20);
        assert_string_equal(say("DBSIZE"), ":1");
        (void)say(finders[i]);
        assert_string_equal(say("DBSIZE"), ":0");
    }
    store_set_active_expiry(talk.services.store, true);
}

static void while_clients_are_paused_nothing_expires_for_good(void **state)
{
    (void)state;
    store_set_active_expiry(talk.services.store, false);
    assert_string_equal(say("FLUSHDB"), "+OK");
    assert_string_equal(say("SET k x PX 10"), "+OK");
    assert_string_equal(say("CLIENT PAUSE 1000 WRITE"), "+OK");
    pass_ms(20);
    assert_string_equal(say("GET k"), "$-1");
    assert_string_equal(say("DBSIZE"), ":1");
    assert_string_equal(say("CLIENT UNPAUSE"), "+OK");
    assert_string_equal(say("GET k"), "$-1");
    assert_string_equal(say("DBSIZE"), ":0");
    store_set_active_expiry(talk.services.store, true);
}

static void digest(char text[64])
{
    snprintf(text, 64, "%s", say("DEBUG DIGEST"));
    assert_int_equal(strlen(text), 41);
}

static void the_digest_is_that_of_what_is_stored_however_it_came_there(void **state)
{
    static const char *const others[] = {"SET b 3", "RENAME b c", "MOVE b 1", "EXPIRE b 100",
                                         "DEL b"};
    char before[64], after[64];

    (void)state;
    strcpy(talk.session.address, "127.0.0.1:1");
    assert_string_equal(say("MSET a 1 b 2"), "+OK");
    digest(before);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        pass_ms(2000); /* the write rate */
        (void)say(others[i]);
        digest(after);
        assert_string_not_equal(before, after);
        assert_string_equal(say("FLUSHALL"), "+OK");
        pass_ms(2000);
        assert_string_equal(say("SET b 2"), "+OK");
        assert_string_equal(say("SET a 1"), "+OK");
        digest(after);
        assert_string_equal(before, after);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, talk_set_up, talk_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(commands_run_whatever_the_case_of_their_names),
        TEST(an_unknown_command_repeats_its_arguments),
        TEST(an_unknown_command_is_cut_at_128_bytes),
        TEST(a_line_break_in_a_name_does_not_break_the_reply),
        TEST(an_unknown_subcommand_points_at_help),
        TEST(arity_is_told_of_the_subcommand),
        TEST(without_the_password_only_a_few_commands_run),
        TEST(sizes_over_a_limit_are_named),
        TEST(a_key_that_can_not_be_stored_is_not_found),
        TEST(a_request_that_was_not_kept_is_refused_by_its_size),
        TEST(a_refused_commit_takes_the_reply_back),
        TEST(the_wait_that_is_told_is_enough),
        TEST(one_key_over_the_rate_refuses_the_whole_command),
        TEST(what_changes_nothing_is_no_write),
        TEST(a_full_namespace_takes_no_new_key),
        TEST(a_dropped_namespace_answers_nothing_but_its_absence),
        TEST(titles_in_errors_are_those_that_were_meant),
        TEST(client_reply_off_and_skip_drop_replies),
        TEST(a_paused_client_waits_until_the_pause_ends),
        TEST(a_reply_waits_for_the_commit_of_what_it_saw),
        TEST(calls_failures_and_refusals_are_counted),
        TEST(a_run_of_quick_reads_is_counted_when_it_ends),
        TEST(a_read_of_a_long_value_is_timed_by_itself),
        TEST(each_read_is_timed_where_any_may_be_notable),
        TEST(command_getkeys_finds_the_keys_of_a_request),
        TEST(command_getkeysandflags_knows_what_get_makes_of_set),
        TEST(command_list_filters_by_pattern_and_category),
        TEST(keys_that_were_found_expired_count_no_more),
        TEST(while_clients_are_paused_nothing_expires_for_good),
        TEST(the_digest_is_that_of_what_is_stored_however_it_came_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
