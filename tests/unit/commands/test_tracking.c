#include "commands/tracking.h"

#include <poll.h>

#include "unit/commands/talk.h"

#define DEADLINE_MS 10000

static void ignore_wake(struct session *session)
{
    (void)session;
}

static int set_up(void **state)
{
    (void)talk_set_up(state);
    talk.session.wake = talk.other.wake = ignore_wake;
    (void)say("namespace set db0 key-write-rate 0");
    return 0;
}

/* What has come for the session, once all that was written is told. */
static const char *delivered(void)
{
    uint64_t newest = store_newest_group(talk.services.store);
    struct resp_writer writer;

    for (int i = 0; i < DEADLINE_MS && store_committed(talk.services.store) < newest; i++)
        poll(NULL, 0, 1);
    talk.reply.size = 0;
    resp_writer_init(&writer, &talk.reply, talk.session.protocol);
    assert_true(inbox_deliver(&talk.session, &writer.reply));
    return talk.reply.size == 0 ? "" : talk_reply();
}

static void what_was_read_is_told_of_once(void **state)
{
    (void)state;
    (void)say("hello 3");
    assert_string_equal(say("client tracking on"), "+OK");
    (void)say("get k");
    (void)say_other("set k 1");
    assert_string_equal(delivered(), ">2 $10 invalidate *1 $1 k");
    (void)say_other("set k 2");
    assert_string_equal(delivered(), "");
}

static void a_write_that_was_seen_is_not_told(void **state)
{
    (void)state;
    (void)say("hello 3");
    (void)say("client tracking on");
    (void)say_other("set k 1");
    (void)say("get k"); /* published, and perhaps not committed yet */
    assert_string_equal(delivered(), "");
    (void)say_other("set k 2");
    assert_string_equal(delivered(), ">2 $10 invalidate *1 $1 k");
}

static void optin_remembers_the_next_command_alone(void **state)
{
    (void)state;
    (void)say("hello 3");
    (void)say("client tracking on optin");
    (void)say("get a");
    (void)say("client caching yes");
    (void)say("get b");
    (void)say("get c");
    (void)say_other("mset a 1 b 1 c 1");
    assert_string_equal(delivered(), ">2 $10 invalidate *1 $1 b");
}

static void resp2_is_told_nothing_but_on_another_connection(void **state)
{
    (void)state;
    (void)say("client tracking on");
    (void)say("get k");
    (void)say_other("set k 1");
    assert_string_equal(delivered(), "");
}

static void a_full_table_lets_go_of_the_oldest_key(void **state)
{
    (void)state;
    (void)say("hello 3");
    (void)say("client tracking on");
    assert_string_equal(say("config set tracking-table-max-keys 2"), "+OK");
    (void)say("get a");
    (void)say("get b");
    assert_string_equal(delivered(), "");
    (void)say("get c");
    assert_string_equal(delivered(), ">2 $10 invalidate *1 $1 a");
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, talk_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(what_was_read_is_told_of_once),
        CLAIM(a_write_that_was_seen_is_not_told),
        CLAIM(optin_remembers_the_next_command_alone),
        CLAIM(resp2_is_told_nothing_but_on_another_connection),
        CLAIM(a_full_table_lets_go_of_the_oldest_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
