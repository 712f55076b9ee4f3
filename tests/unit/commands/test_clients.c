#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "commands/clients.h"
#include "commands/table.h"
#include "resp/writer.h"

#define SESSIONS 3

struct world {
    struct clients *clients;
    struct options *options;
    struct services services;
    struct worker worker;
    struct session sessions[SESSIONS];
};

/* How often a session was told to look; a session has no other place for the test's own notes. */
static void count_wake(struct session *session)
{
    session->descriptor++;
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    table_init();
    world->clients = clients_create();
    world->options = options_create();
    world->services = (struct services){
        .options = world->options, .clients = world->clients, .clock = clock_real()};
    world->worker.services = &world->services;
    for (int i = 0; i < SESSIONS; i++) {
        struct session *session = &world->sessions[i];

        session_init(session);
        session->descriptor = 0;
        session->wake = count_wake;
        (void)snprintf(session->address, sizeof session->address, "127.0.0.1:%d", 5000 + i);
        clients_add(world->clients, session);
    }
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < SESSIONS; i++) {
        clients_remove(world->clients, &world->sessions[i]);
        session_clear(&world->sessions[i]);
    }
    clients_destroy(world->clients);
    options_destroy(world->options);
    free(world);
    return 0;
}

/* --- the list --- */

static void append_id(void *context, struct session *session)
{
    buffer_printf(context, "%llu ", (unsigned long long)session->id);
}

static void assert_listed(struct world *world, const char *expected)
{
    struct buffer ids = {0};

    clients_each(world->clients, append_id, &ids);
    buffer_append_byte(&ids, '\0');
    assert_string_equal(ids.data, expected);
    buffer_clear(&ids);
}

static void sessions_are_numbered_and_listed_as_they_come(void **state)
{
    struct world *world = *state;

    assert_listed(world, "1 2 3 ");
    assert_int_equal(clients_count(world->clients), 3);
}

static void a_number_is_not_used_again(void **state)
{
    struct world *world = *state;

    clients_remove(world->clients, &world->sessions[1]);
    assert_listed(world, "1 3 ");
    clients_add(world->clients, &world->sessions[1]);
    assert_listed(world, "1 3 4 ");
}

static void kill_second(void *context, struct session *session)
{
    struct world *world = context;

    if (session == &world->sessions[1])
        clients_kill(world->clients, session);
}

static void who_was_killed_is_told_once_and_counts_no_more(void **state)
{
    struct world *world = *state;

    clients_each(world->clients, kill_second, world);
    clients_each(world->clients, kill_second, world);
    assert_true(atomic_load(&world->sessions[1].is_killed));
    assert_int_equal(world->sessions[1].descriptor, 1);
    assert_listed(world, "1 3 ");
    assert_int_equal(clients_count(world->clients), 2);
    clients_remove(world->clients, &world->sessions[1]);
    assert_int_equal(clients_count(world->clients), 2);
    atomic_store(&world->sessions[1].is_killed, false);
    clients_add(world->clients, &world->sessions[1]);
}

static void a_name_is_printable_without_blanks(void **state)
{
    struct world *world = *state;
    struct session *session = &world->sessions[0];

    assert_true(clients_set_name(world->clients, session, bytes_of("batch-7")));
    assert_string_equal(clients_borrow_name(session), "batch-7");
    assert_false(clients_set_name(world->clients, session, bytes_of("two words")));
    assert_false(clients_set_name(world->clients, session, bytes_of("line\n")));
    assert_false(clients_set_name(world->clients, session, (struct bytes){"a\0b", 3}));
    assert_string_equal(clients_borrow_name(session), "batch-7");
    assert_true(clients_set_name(world->clients, session, bytes_of("")));
    assert_null(clients_borrow_name(session));
}

/* --- MONITOR --- */

static void feed(struct world *world, const struct bytes *argv, size_t argc)
{
    const struct command *command = table_find(argv[0]);
    struct call call = {.worker = &world->worker,
                        .session = &world->sessions[0],
                        .command = command,
                        .argv = argv,
                        .argc = argc};

    if (command->subcommands != NULL)
        call.command = table_find_subcommand(command, argv[1]);
    assert_non_null(call.command);
    clients_feed_monitors(world->clients, &call);
}

/* What a monitor was told since it last looked, without the times. */
static void assert_told(struct session *session, const char *expected)
{
    struct buffer out = {0}, lines = {0};
    struct resp_writer writer;

    resp_writer_init(&writer, &out, 2);
    assert_true(inbox_deliver(session, &writer.reply));
    buffer_append_byte(&out, '\0');
    for (const char *line = out.data; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *start = strchr(line, '[');

        assert_int_equal(line[0], '+');
        assert_non_null(start);
        buffer_append(&lines, start, (size_t)(strchr(start, '\r') - start));
        buffer_append_byte(&lines, '\n');
    }
    buffer_append_byte(&lines, '\0');
    assert_string_equal(lines.data, expected);
    buffer_clear(&out);
    buffer_clear(&lines);
}

static void a_monitor_sees_the_words_of_a_call(void **state)
{
    struct world *world = *state;
    struct bytes argv[] = {bytes_of("ECHO"), {"a\0\"\\\n\xff", 6}};

    clients_set_monitor(world->clients, &world->sessions[2], true);
    assert_true(clients_has_monitors(world->clients));
    feed(world, argv, 2);
    assert_told(&world->sessions[2], "[0 127.0.0.1:5000] \"ECHO\" \"a\\x00\\\"\\\\\\n\\xff\"\n");
}

static void a_monitor_is_woken_once_for_all_it_has_not_fetched(void **state)
{
    struct world *world = *state;
    struct session *monitor = &world->sessions[2];
    struct bytes ping = bytes_of("ping");

    clients_set_monitor(world->clients, monitor, true);
    feed(world, &ping, 1);
    feed(world, &ping, 1);
    assert_int_equal(monitor->descriptor, 1);
    assert_told(monitor, "[0 127.0.0.1:5000] \"ping\"\n[0 127.0.0.1:5000] \"ping\"\n");
    assert_false(atomic_load(&monitor->has_inbox));
    feed(world, &ping, 1);
    assert_int_equal(monitor->descriptor, 2);
    assert_int_equal(world->sessions[1].descriptor, 0);
}

static void a_monitor_sees_no_passwords_and_no_admin_commands(void **state)
{
    struct world *world = *state;
    struct bytes auth[] = {bytes_of("auth"), bytes_of("secret")};
    struct bytes hello[] = {bytes_of("HELLO"), bytes_of("3"), bytes_of("AUTH"), bytes_of("default"),
                            bytes_of("secret")};
    struct bytes config[] = {bytes_of("config"), bytes_of("get"), bytes_of("*")};

    clients_set_monitor(world->clients, &world->sessions[2], true);
    feed(world, auth, 2);
    feed(world, hello, 5);
    feed(world, config, 3);
    assert_told(&world->sessions[2],
                "[0 127.0.0.1:5000] \"auth\" \"(redacted)\"\n"
                "[0 127.0.0.1:5000] \"HELLO\" \"3\" \"AUTH\" \"(redacted)\" \"(redacted)\"\n");
}

static void who_stops_monitoring_hears_no_more(void **state)
{
    struct world *world = *state;
    struct bytes ping = bytes_of("ping");

    clients_set_monitor(world->clients, &world->sessions[2], true);
    clients_set_monitor(world->clients, &world->sessions[2], false);
    assert_false(clients_has_monitors(world->clients));
    feed(world, &ping, 1);
    assert_told(&world->sessions[2], "");
}

static void a_monitor_that_falls_far_behind_is_sent_away(void **state)
{
    struct world *world = *state;
    size_t size = INBOX_BYTES_MAX / 4;
    char *text = malloc(size);
    struct bytes argv[] = {bytes_of("echo"), {text, size}};
    struct buffer out = {0};
    struct resp_writer writer;

    resp_writer_init(&writer, &out, 2);
    memset(text, 'x', size);
    clients_set_monitor(world->clients, &world->sessions[2], true);
    for (int i = 0; i < 3; i++)
        feed(world, argv, 2);
    assert_true(inbox_deliver(&world->sessions[2], &writer.reply));
    for (int i = 0; i < 4; i++)
        feed(world, argv, 2);
    assert_false(inbox_deliver(&world->sessions[2], &writer.reply));
    buffer_clear(&out);
    free(text);
}

/* --- CLIENT PAUSE --- */

static void a_pause_ends_by_itself(void **state)
{
    struct world *world = *state;

    assert_int_equal(clients_pause_end(world->clients, true, 1000), 0);
    clients_pause(world->clients, 1000, 500, false);
    assert_int_equal(clients_pause_end(world->clients, false, 1499), 1500);
    assert_int_equal(clients_pause_end(world->clients, false, 1500), 0);
}

static void a_pause_of_writes_lets_reads_pass(void **state)
{
    struct world *world = *state;

    clients_pause(world->clients, 1000, 500, true);
    assert_int_equal(clients_pause_end(world->clients, true, 1000), 1500);
    assert_int_equal(clients_pause_end(world->clients, false, 1000), 0);
}

static void of_two_pauses_the_longer_and_the_stricter_hold(void **state)
{
    struct world *world = *state;

    clients_pause(world->clients, 1000, 500, false);
    clients_pause(world->clients, 1100, 100, true);
    assert_int_equal(clients_pause_end(world->clients, false, 1200), 1500);
    clients_pause(world->clients, 1200, 1000, true);
    assert_int_equal(clients_pause_end(world->clients, false, 1200), 2200);
}

static void a_pause_that_is_over_leaves_nothing_behind(void **state)
{
    struct world *world = *state;

    clients_pause(world->clients, 1000, 500, false);
    clients_pause(world->clients, 2000, 100, true);
    assert_int_equal(clients_pause_end(world->clients, false, 2000), 0);
    assert_int_equal(clients_pause_end(world->clients, true, 2000), 2100);
}

static void a_pause_may_be_as_long_as_a_number_is_large(void **state)
{
    struct world *world = *state;

    clients_pause(world->clients, 1000, INT64_MAX, false);
    assert_true(clients_pause_end(world->clients, true, INT64_MAX / 8) > INT64_MAX / 8);
}

static void ending_a_pause_wakes_those_who_wait(void **state)
{
    struct world *world = *state;

    clients_pause(world->clients, 1000, 500, false);
    atomic_store(&world->sessions[1].is_paused, true);
    clients_unpause(world->clients);
    assert_int_equal(clients_pause_end(world->clients, true, 1000), 0);
    assert_int_equal(world->sessions[0].descriptor, 0);
    assert_int_equal(world->sessions[1].descriptor, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sessions_are_numbered_and_listed_as_they_come),
        TEST(a_number_is_not_used_again),
        TEST(who_was_killed_is_told_once_and_counts_no_more),
        TEST(a_name_is_printable_without_blanks),
        TEST(a_monitor_sees_the_words_of_a_call),
        TEST(a_monitor_is_woken_once_for_all_it_has_not_fetched),
        TEST(a_monitor_sees_no_passwords_and_no_admin_commands),
        TEST(who_stops_monitoring_hears_no_more),
        TEST(a_monitor_that_falls_far_behind_is_sent_away),
        TEST(a_pause_ends_by_itself),
        TEST(a_pause_of_writes_lets_reads_pass),
        TEST(of_two_pauses_the_longer_and_the_stricter_hold),
        TEST(a_pause_that_is_over_leaves_nothing_behind),
        TEST(a_pause_may_be_as_long_as_a_number_is_large),
        TEST(ending_a_pause_wakes_those_who_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
