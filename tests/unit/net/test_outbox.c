#include "unit/test.h"

#include <stdio.h>

#include "net/outbox.h"

static const struct bytes failure = {"-MISCONF no\r\n", 13};

static void say(struct outbox *outbox, const char *reply)
{
    buffer_append_text(&outbox->bytes, reply);
}

static void say_held(struct outbox *outbox, const char *reply, uint64_t group)
{
    size_t start = outbox->bytes.size;

    say(outbox, reply);
    outbox_hold(outbox, start, group);
}

static void assert_ready(const struct outbox *outbox, const char *expected)
{
    struct bytes ready = outbox_ready(outbox);

    assert_int_equal(ready.size, strlen(expected));
    assert_memory_equal(ready.data, expected, ready.size);
}

static void send_all(struct outbox *outbox)
{
    outbox_sent(outbox, outbox_ready(outbox).size);
}

static void a_reply_that_depends_on_nothing_is_ready_at_once(void **state)
{
    struct outbox outbox = {0};

    (void)state;
    say(&outbox, "+one\r\n");
    assert_ready(&outbox, "+one\r\n");
    assert_false(outbox_is_holding(&outbox));
    outbox_clear(&outbox);
}

static void a_held_reply_keeps_back_all_that_follows(void **state)
{
    struct outbox outbox = {0};

    (void)state;
    say(&outbox, "+one\r\n");
    say_held(&outbox, "+two\r\n", 7);
    say(&outbox, "+three\r\n");
    assert_ready(&outbox, "+one\r\n");
    outbox_release(&outbox, 6);
    assert_ready(&outbox, "+one\r\n");
    outbox_release(&outbox, 7);
    assert_ready(&outbox, "+one\r\n+two\r\n+three\r\n");
    outbox_clear(&outbox);
}

static void an_older_group_behind_a_newer_one_waits_for_both(void **state)
{
    struct outbox outbox = {0};

    (void)state;
    say_held(&outbox, "+nine\r\n", 9);
    say_held(&outbox, "+eight\r\n", 8);
    outbox_release(&outbox, 8);
    assert_ready(&outbox, "");
    outbox_release(&outbox, 9);
    assert_ready(&outbox, "+nine\r\n+eight\r\n");
    assert_false(outbox_is_holding(&outbox));
    outbox_clear(&outbox);
}

static void what_was_sent_is_not_ready_again(void **state)
{
    struct outbox outbox = {0};

    (void)state;
    say(&outbox, "+one\r\n");
    say_held(&outbox, "+two\r\n", 7);
    outbox_sent(&outbox, 4);
    assert_ready(&outbox, "\r\n");
    outbox_sent(&outbox, 2);
    assert_ready(&outbox, "");
    assert_int_equal(outbox_size(&outbox), 6);
    outbox_release(&outbox, 7);
    assert_ready(&outbox, "+two\r\n");
    send_all(&outbox);
    assert_int_equal(outbox_size(&outbox), 0);
    outbox_clear(&outbox);
}

static void an_empty_reply_holds_nothing_back(void **state)
{
    struct outbox outbox = {0};

    (void)state;
    say_held(&outbox, "", 7);
    say(&outbox, "+one\r\n");
    assert_ready(&outbox, "+one\r\n");
    outbox_clear(&outbox);
}

static void only_replies_of_failed_groups_are_replaced(void **state)
{
    struct outbox outbox = {0};

    (void)state;
    say(&outbox, "+zero\r\n");
    say_held(&outbox, "+seven\r\n", 7);
    say(&outbox, "+plain\r\n");
    say_held(&outbox, "+eight\r\n", 8);
    say_held(&outbox, "+nine\r\n", 9);
    say(&outbox, "+last\r\n");
    outbox_replace(&outbox, 7, failure);
    assert_ready(&outbox, "+zero\r\n+seven\r\n+plain\r\n-MISCONF no\r\n-MISCONF no\r\n+last\r\n");
    assert_false(outbox_is_holding(&outbox));
    outbox_clear(&outbox);
}

static void replacing_goes_on_where_sending_stopped(void **state)
{
    struct outbox outbox = {0};

    (void)state;
    say(&outbox, "+zero\r\n");
    say_held(&outbox, "+seven\r\n", 7);
    outbox_sent(&outbox, 5);
    outbox_replace(&outbox, 6, failure);
    assert_ready(&outbox, "\r\n-MISCONF no\r\n");
    send_all(&outbox);
    say_held(&outbox, "+eight\r\n", 8);
    outbox_release(&outbox, 8);
    assert_ready(&outbox, "+eight\r\n");
    outbox_clear(&outbox);
}

#define NUMBER_SIZE 18

static void spell_number(char text[NUMBER_SIZE + 1], uint64_t number)
{
    (void)snprintf(text, NUMBER_SIZE + 1, ":%015llu\r\n", (unsigned long long)number);
}

/* Long enough for the list of held replies to grow and wrap, and for sent bytes to make room. */
static void a_slow_reader_gets_every_byte_in_order(void **state)
{
    struct outbox outbox = {0};
    char text[NUMBER_SIZE + 1];
    uint64_t said = 0, heard = 0;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct bytes ready;
        size_t sent = 0;

        for (int i = 0; i < 10; i++) {
            spell_number(text, ++said);
            say_held(&outbox, text, said);
        }
        outbox_release(&outbox, said - said / 3);
        ready = outbox_ready(&outbox);
        for (; sent < 9 * NUMBER_SIZE && sent < ready.size; sent += NUMBER_SIZE) {
            spell_number(text, ++heard);
            assert_memory_equal(ready.data + sent, text, NUMBER_SIZE);
        }
        outbox_sent(&outbox, sent);
    }
    assert_int_equal(outbox_size(&outbox), (said - heard) * NUMBER_SIZE);
    outbox_clear(&outbox);
}

static void a_slow_reader_does_not_keep_what_has_left(void **state)
{
    static char block[64 * 1024];
    struct outbox outbox = {0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        buffer_append(&outbox.bytes, block, sizeof block);
        if (i > 0)
            outbox_sent(&outbox, sizeof block);
    }
    assert_int_equal(outbox_size(&outbox), sizeof block);
    assert_true(outbox.bytes.capacity <= 8 * sizeof block);
    outbox_clear(&outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_that_depends_on_nothing_is_ready_at_once),
        cmocka_unit_test(a_held_reply_keeps_back_all_that_follows),
        cmocka_unit_test(an_older_group_behind_a_newer_one_waits_for_both),
        cmocka_unit_test(what_was_sent_is_not_ready_again),
        cmocka_unit_test(an_empty_reply_holds_nothing_back),
        cmocka_unit_test(only_replies_of_failed_groups_are_replaced),
        cmocka_unit_test(replacing_goes_on_where_sending_stopped),
        cmocka_unit_test(a_slow_reader_gets_every_byte_in_order),
        cmocka_unit_test(a_slow_reader_does_not_keep_what_has_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
