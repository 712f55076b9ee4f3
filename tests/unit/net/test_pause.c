/* When a thread pauses before it waits (reactor.h, T3), on a clock that stands still. */
#include "unit/commands/talk.h"

#include <sys/socket.h>

#include "net/connection.h"
#include "net/loop.h"

#define CROWD 16

static struct loop *loop;
static struct crew crew;
static int clients[CROWD];

/* Rung, it does not wait. */
static void turn(void)
{
    reactor_ring(&loop->reactor);
    reactor_turn(&loop->reactor);
}

static void join(int *client)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    loop_adopt(loop, (struct newcomer){.descriptor = ends[0]});
    *client = ends[1];
}

static int set_up(void **state)
{
    (void)talk_set_up(state);
    crew = (struct crew){.loops = &loop, .count = 1};
    assert_int_equal(loop_create(&talk.services, &crew, &loop), STATUS_OK);
    for (int i = 0; i < CROWD; i++)
        join(&clients[i]);
    turn();
    turn();
    return 0;
}

static int tear_down(void **state)
{
    for (int i = 0; i < CROWD; i++)
        (void)close(clients[i]);
    loop_destroy(loop);
    return talk_tear_down(state);
}

static void ask(int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(write(clients[i], "PING\r\n", 6), 6);
}

static void expect_answers(int count)
{
    char answer[16];

    for (int i = 0; i < count; i++)
        assert_int_equal(read(clients[i], answer, sizeof answer), strlen("+PONG\r\n"));
}

static void serve(int count)
{
    ask(count);
    turn();
    expect_answers(count);
}

static void assert_pauses(uint64_t expected)
{
    assert_int_equal(loop->reactor.pause_count, expected);
}

static void after_a_crowd_it_pauses_once_before_it_waits(void **state)
{
    (void)state;
    serve(CROWD);
    assert_pauses(0);
    turn();
    assert_pauses(1);
    turn();
    assert_pauses(1);
}

static void a_crowd_may_come_in_several_turns(void **state)
{
    (void)state;
    serve(CROWD / 2);
    serve(CROWD / 2);
    turn();
    assert_pauses(1);
}

static void a_few_are_no_crowd(void **state)
{
    (void)state;
    serve(CROWD - 1);
    turn();
    assert_pauses(0);
}

static void who_came_before_it_slept_does_not_count(void **state)
{
    (void)state;
    serve(CROWD / 2);
    pass_ms(1);
    serve(CROWD / 2);
    turn();
    assert_pauses(0);
}

static void who_is_there_already_does_not_wait(void **state)
{
    (void)state;
    serve(CROWD);
    serve(1);
    assert_pauses(0);
}

static void nobody_waits_longer_for_a_commit(void **state)
{
    (void)state;
    serve(CROWD);
    atomic_store(&loop->reactor.is_expecting, 1);
    turn();
    assert_pauses(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_a_crowd_it_pauses_once_before_it_waits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_crowd_may_come_in_several_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_few_are_no_crowd, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_came_before_it_slept_does_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_there_already_does_not_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_waits_longer_for_a_commit, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
