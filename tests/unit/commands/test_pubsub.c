#include "commands/pubsub.h"

#include <pthread.h>

#include "unit/commands/talk.h"

static atomic_int wakes;

static void note_wake(struct session *session)
{
    (void)session;
    atomic_fetch_add(&wakes, 1);
}

static int set_up(void **state)
{
    (void)talk_set_up(state);
    talk.session.wake = talk.other.wake = note_wake;
    atomic_store(&wakes, 0);
    return 0;
}

/* What has come for the session since the last time, as it would be sent. */
static const char *delivered_to(struct session *session)
{
    struct resp_writer writer;

    talk.reply.size = 0;
    resp_writer_init(&writer, &talk.reply, session->protocol);
    assert_true(inbox_deliver(session, &writer.reply));
    return talk.reply.size == 0 ? "" : talk_reply();
}

static void a_message_goes_to_those_who_listen(void **state)
{
    (void)state;
    assert_string_equal(say("subscribe news"), "*3 $9 subscribe $4 news :1");
    assert_string_equal(say_other("publish news hello"), ":1");
    assert_string_equal(delivered_to(&talk.session), "*3 $7 message $4 news $5 hello");
    assert_string_equal(say_other("publish other hello"), ":0");
    assert_string_equal(delivered_to(&talk.session), "");
    assert_string_equal(delivered_to(&talk.other), "");
}

static void to_resp3_it_is_a_push(void **state)
{
    (void)state;
    (void)say("hello 3");
    assert_string_equal(say("subscribe news"), ">3 $9 subscribe $4 news :1");
    (void)say_other("publish news hello");
    assert_string_equal(delivered_to(&talk.session), ">3 $7 message $4 news $5 hello");
}

static void who_listens_twice_hears_twice(void **state)
{
    (void)state;
    (void)say("subscribe news");
    assert_string_equal(say("psubscribe n?ws x*"),
                        "*3 $10 psubscribe $4 n?ws :2 *3 $10 psubscribe $2 x* :3");
    assert_string_equal(say_other("publish news hello"), ":2");
    assert_string_equal(delivered_to(&talk.session), "*3 $7 message $4 news $5 hello "
                                                     "*4 $8 pmessage $4 n?ws $4 news $5 hello");
}

static void shard_channels_are_others(void **state)
{
    (void)state;
    (void)say("subscribe news");
    assert_string_equal(say("ssubscribe news"), "*3 $10 ssubscribe $4 news :1");
    assert_string_equal(say_other("spublish news hello"), ":1");
    assert_string_equal(delivered_to(&talk.session), "*3 $8 smessage $4 news $5 hello");
}

static void who_leaves_hears_no_more(void **state)
{
    (void)state;
    (void)say("subscribe a b");
    assert_string_equal(say("unsubscribe a"), "*3 $11 unsubscribe $1 a :1");
    assert_string_equal(say_other("publish a x"), ":0");
    assert_string_equal(say("unsubscribe"), "*3 $11 unsubscribe $1 b :0");
    assert_string_equal(say("unsubscribe"), "*3 $11 unsubscribe $-1 :0");
    assert_int_equal(pubsub_name_count(talk.services.pubsub, PUBSUB_CHANNEL), 0);
}

static void reset_leaves_all_and_drops_what_was_not_delivered(void **state)
{
    (void)state;
    (void)say("subscribe a");
    (void)say("psubscribe b*");
    (void)say_other("publish a x");
    assert_string_equal(say("reset"), "+RESET");
    assert_string_equal(delivered_to(&talk.session), "");
    assert_string_equal(say_other("publish a x"), ":0");
    assert_string_equal(say("ping"), "+PONG");
}

static void a_client_of_resp2_does_nothing_else_meanwhile(void **state)
{
    (void)state;
    (void)say("subscribe a");
    assert_string_equal(say("ping"), "*2 $4 pong $0 ");
    assert_string_equal(say("ping hi"), "*2 $4 pong $2 hi");
    assert_memory_equal(say("get k"), "-ERR Can't execute 'get': only (P|S)SUBSCRIBE", 44);
    (void)say("unsubscribe");
    assert_string_equal(say("get k"), "$-1");
}

static void one_ring_announces_all_that_waits(void **state)
{
    (void)state;
    (void)say("subscribe a");
    (void)say_other("publish a x");
    (void)say_other("publish a y");
    assert_int_equal(atomic_load(&wakes), 1);
    (void)delivered_to(&talk.session);
    (void)say_other("publish a z");
    assert_int_equal(atomic_load(&wakes), 2);
}

static void pubsub_tells_who_listens_to_what(void **state)
{
    (void)state;
    (void)say("subscribe news");
    (void)say_other("subscribe news weather");
    (void)say("unsubscribe nothing");
    (void)say("hello 3");
    assert_int_equal(pubsub_listener_count(talk.services.pubsub, PUBSUB_CHANNEL, bytes_of("news")),
                     2);
    pubsub_forget(talk.services.pubsub, &talk.session);
    assert_string_equal(say("pubsub numsub news weather sun"),
                        "*6 $4 news :1 $7 weather :1 $3 sun :0");
    assert_string_equal(say("pubsub channels w*"), "*1 $7 weather");
    assert_string_equal(say("pubsub numpat"), ":0");
}

/* Many channels come and go under who publishes (for the thread sanitizer). */
static void *publish_much(void *context)
{
    (void)context;
    for (int i = 0; i < 2000; i++) {
        char name[16];
        size_t size = (size_t)snprintf(name, sizeof name, "c%d", i % 50);

        (void)pubsub_publish(talk.services.pubsub, PUBSUB_CHANNEL, (struct bytes){name, size},
                             bytes_of("x"));
    }
    return NULL;
}

static void channels_may_go_while_others_publish(void **state)
{
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, publish_much, NULL), 0);
    for (int i = 0; i < 2000; i++) {
        char name[16];
        struct bytes channel = {name, (size_t)snprintf(name, sizeof name, "c%d", i % 50)};

        if (!pubsub_subscribe(talk.services.pubsub, &talk.session, PUBSUB_CHANNEL, channel))
            (void)pubsub_unsubscribe(talk.services.pubsub, &talk.session, PUBSUB_CHANNEL, channel);
    }
    (void)pthread_join(thread, NULL);
    pubsub_leave(talk.services.pubsub, &talk.session);
    (void)delivered_to(&talk.session);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, talk_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_goes_to_those_who_listen),
        TEST(to_resp3_it_is_a_push),
        TEST(who_listens_twice_hears_twice),
        TEST(shard_channels_are_others),
        TEST(who_leaves_hears_no_more),
        TEST(reset_leaves_all_and_drops_what_was_not_delivered),
        TEST(a_client_of_resp2_does_nothing_else_meanwhile),
        TEST(one_ring_announces_all_that_waits),
        TEST(pubsub_tells_who_listens_to_what),
        TEST(channels_may_go_while_others_publish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
