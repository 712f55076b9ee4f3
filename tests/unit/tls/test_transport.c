#include "unit/tls/client.h"

#include <fcntl.h>
#include <signal.h>

#include "tls/contexts.h"
#include "tls/transport.h"

#define STEPS_MAX 100000

static struct options *options;
static struct tls_contexts *contexts;
static struct transport transport;
static struct tls_client client;

static void make_pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
}

static int set_up(void **state)
{
    const char *const more[] = {"--tls-port", "1", NULL};
    char error[TLS_ERROR_MAX];
    int ends[2];

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    options = tls_options(&member, more);
    assert_int_equal(tls_contexts_create(options, &contexts, error), STATUS_OK);
    make_pair(ends);
    transport_open(&transport, ends[0], tls_contexts_open(contexts, TLS_CLIENTS));
    client_begin(&client, ends[1]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (transport.descriptor >= 0)
        transport_close(&transport);
    client_end(&client);
    tls_contexts_destroy(contexts);
    options_destroy(options);
    return 0;
}

static void assert_nothing(void)
{
    char byte;

    assert_int_equal(transport_receive(&transport, &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
    assert_false(transport.has_more);
}

/* `step` bytes at a time, each way. */
static void shake_hands(size_t step)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        (void)SSL_do_handshake(client.ssl);
        client_carry(&client, step);
        assert_nothing();
        client_fetch(&client, step);
        if (SSL_is_init_finished(client.ssl) == 1 && !transport_is_shaking_hands(&transport) &&
            client.sent.size == 0)
            return;
    }
    fail_msg("no handshake in %d steps", STEPS_MAX);
}

static void end_client(void)
{
    (void)close(client.descriptor);
    client.descriptor = -1;
}

/* --- without TLS --- */

static void without_tls_the_socket_is_as_it_was(void **state)
{
    char data[8];
    int ends[2];
    struct transport plain;

    (void)state;
    make_pair(ends);
    transport_open(&plain, ends[0], NULL);
    assert_int_equal(transport_receive(&plain, data, sizeof data), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(transport_send_two(&plain, bytes_of("ab"), bytes_of("cd")), 4);
    assert_int_equal(transport_send(&plain, "e", 1), 1);
    assert_int_equal(read(ends[1], data, sizeof data), 5);
    assert_memory_equal(data, "abcde", 5);
    assert_int_equal(write(ends[1], "\x16", 1), 1);
    assert_true(transport_begins_with_tls(&plain));
    assert_int_equal(transport_receive(&plain, data, sizeof data), 1);
    assert_int_equal(write(ends[1], "G", 1), 1);
    assert_false(transport_begins_with_tls(&plain));
    assert_int_equal(transport_receive(&plain, data, sizeof data), 1);
    (void)close(ends[1]);
    assert_int_equal(transport_receive(&plain, data, sizeof data), 0);
    assert_false(transport_is_shaking_hands(&plain));
    transport_close(&plain);
}

/* --- with TLS --- */

static void the_handshake_happens_inside_receiving_however_it_is_cut(void **state)
{
    char data[8];

    (void)state;
    assert_true(transport_is_shaking_hands(&transport));
    shake_hands(1);
    client_write(&client, "PING", 4);
    while (client.sent.size > 1) {
        client_carry(&client, 1);
        assert_nothing(); /* half a record is nothing yet, and not to be asked for again */
    }
    client_carry(&client, 1);
    assert_int_equal(transport_receive(&transport, data, sizeof data), 4);
    assert_memory_equal(data, "PING", 4);
}

static void what_there_was_no_room_for_is_told(void **state)
{
    char data[10];

    (void)state;
    shake_hands(SIZE_MAX);
    client_write(&client, "0123456789abcde", 15);
    client_write(&client, "fghij", 5);
    client_carry(&client, SIZE_MAX);
    assert_int_equal(transport_receive(&transport, data, 10), 10);
    assert_true(transport.has_more);
    assert_int_equal(transport_receive(&transport, data, 9), 9); /* of both records */
    assert_memory_equal(data, "abcdefghi", 9);
    assert_true(transport.has_more);
    assert_int_equal(transport_receive(&transport, data, 10), 1);
    assert_false(transport.has_more);
    assert_nothing();
}

static void several_records_are_received_at_once(void **state)
{
    char data[4000];
    size_t size = 0;

    (void)state;
    shake_hands(SIZE_MAX);
    for (int i = 0; i < 100; i++)
        client_write(&client, "12345", 5);
    client_carry(&client, SIZE_MAX);
    assert_int_equal(transport_receive(&transport, data, sizeof data), 500);
    for (; size < 500; size += 5)
        assert_memory_equal(data + size, "12345", 5);
    assert_false(transport.has_more);
}

static void fill(struct buffer *bytes, size_t size)
{
    for (size_t i = bytes->size; i < size; i++)
        buffer_append_byte(bytes, (char)(i * 31 >> 3));
}

/* As a connection does: what was refused comes again, elsewhere in memory and with more behind it.
 */
static void output_may_move_and_grow_when_the_socket_was_full(void **state)
{
    struct buffer out = {0}, seen = {0}, moved = {0};
    size_t sent = 0;
    bool was_full = false;

    (void)state;
    shake_hands(SIZE_MAX);
    for (size_t size = 1000000; sent < 3000000; size += size < 3000000 ? 1000 : 0) {
        ssize_t result;

        fill(&out, size);
        moved.size = 0;
        buffer_append(&moved, out.data + sent, out.size - sent);
        result = moved.size == 0 ? 0 : transport_send(&transport, moved.data, moved.size);
        assert_true(result >= 0 || errno == EAGAIN);
        was_full = was_full || result < 0;
        sent += result > 0 ? (size_t)result : 0;
        if (result < 0)
            memset(moved.data, 0, moved.size);
        client_read(&client, &seen);
    }
    while (seen.size < sent)
        client_read(&client, &seen);
    assert_true(was_full);
    assert_int_equal(seen.size, sent);
    assert_memory_equal(seen.data, out.data, sent);
    buffer_clear(&out);
    buffer_clear(&seen);
    buffer_clear(&moved);
}

static void two_parts_are_sent_as_one(void **state)
{
    const size_t sizes[][2] = {{0, 10}, {10, 0}, {200, 10}, {200, 100000}, {16384, 5}, {30000, 30}};
    struct buffer out = {0}, seen = {0};

    (void)state;
    shake_hands(SIZE_MAX);
    fill(&out, 200000);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        size_t total = sizes[i][0] + sizes[i][1], sent = 0;

        seen.size = 0;
        while (seen.size < total) {
            struct bytes first = {out.data, sizes[i][0]},
                         second = {out.data + first.size, sizes[i][1]};
            size_t of_first = sent < first.size ? sent : first.size;
            ssize_t result;

            first = (struct bytes){first.data + of_first, first.size - of_first};
            second =
                (struct bytes){second.data + (sent - of_first), second.size - (sent - of_first)};
            result = sent == total ? 0 : transport_send_two(&transport, first, second);
            assert_true(result >= 0 || errno == EAGAIN);
            sent += result > 0 ? (size_t)result : 0;
            client_read(&client, &seen);
        }
        assert_memory_equal(seen.data, out.data, total);
    }
    buffer_clear(&out);
    buffer_clear(&seen);
}

/* A client that asks for new keys again and again and reads nothing: the answers fill the socket,
 * and then receiving waits for that. */
static void receiving_may_have_to_wait_until_the_socket_takes_more(void **state)
{
    int smallest = 1;
    struct buffer seen = {0};
    char data[4096];

    (void)state;
    shake_hands(SIZE_MAX);
    (void)setsockopt(transport.descriptor, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest);
    for (int i = 0; i < STEPS_MAX && !transport.wants_write; i++) {
        assert_int_equal(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        client_write(&client, "x", 1);
        client_carry(&client, SIZE_MAX);
        if (transport_receive(&transport, data, sizeof data) < 0)
            assert_int_equal(errno, EAGAIN);
    }
    assert_true(transport.wants_write);
    for (int i = 0; i < STEPS_MAX && (transport.wants_write || client.sent.size > 0); i++) {
        client_read(&client, &seen);
        client_carry(&client, SIZE_MAX);
        if (transport_receive(&transport, data, sizeof data) < 0)
            assert_int_equal(errno, EAGAIN);
    }
    assert_false(transport.wants_write);
    buffer_clear(&seen);
}

/* --- ends --- */

static void a_goodbye_is_the_end_and_answers_still_go_out(void **state)
{
    struct buffer seen = {0};
    char data[8];

    (void)state;
    shake_hands(SIZE_MAX);
    client_write(&client, "last", 4);
    (void)SSL_shutdown(client.ssl);
    client_carry(&client, SIZE_MAX);
    assert_int_equal(transport_receive(&transport, data, sizeof data), 4);
    assert_true(transport.has_more); /* the socket will not tell of the end that was read ahead */
    assert_int_equal(transport_receive(&transport, data, sizeof data), 0);
    assert_int_equal(transport_send(&transport, "answer", 6), 6);
    client_fetch(&client, SIZE_MAX);
    buffer_clear(&seen);
}

static void an_end_without_goodbye_is_an_end(void **state)
{
    char data[8];

    (void)state;
    shake_hands(SIZE_MAX);
    end_client();
    assert_int_equal(transport_receive(&transport, data, sizeof data), 0);
    assert_null(transport.problem);
}

static void an_end_within_the_handshake_is_no_failure_of_tls(void **state)
{
    char data[8];

    (void)state;
    (void)SSL_do_handshake(client.ssl);
    client_carry(&client, 20);
    assert_nothing();
    end_client();
    assert_true(transport_receive(&transport, data, sizeof data) <= 0);
    assert_null(transport.problem);
}

static void closing_says_goodbye(void **state)
{
    struct buffer seen = {0};

    (void)state;
    shake_hands(SIZE_MAX);
    transport_close(&transport);
    transport.descriptor = -1;
    client_read(&client, &seen);
    assert_int_equal(SSL_get_shutdown(client.ssl), SSL_RECEIVED_SHUTDOWN);
    buffer_clear(&seen);
}

/* --- failures --- */

static void what_is_not_tls_is_said_to_be_none(void **state)
{
    char data[8];

    (void)state;
    assert_int_equal(write(client.descriptor, "*1\r\n$4\r\nPING\r\n", 14), 14);
    assert_int_equal(transport_receive(&transport, data, sizeof data), -1);
    assert_int_equal(errno, EPROTO);
    assert_string_equal(transport.problem, "this is a TLS port, and what came is not TLS");
    assert_int_equal(transport_receive(&transport, data, sizeof data), -1);
    assert_int_equal(transport_send(&transport, data, sizeof data), -1);
}

static void a_broken_record_ends_the_connection(void **state)
{
    char data[8];

    (void)state;
    shake_hands(SIZE_MAX);
    client_write(&client, "PING", 4);
    client.sent.data[client.sent.size - 1] ^= 1;
    client_carry(&client, SIZE_MAX);
    assert_int_equal(transport_receive(&transport, data, sizeof data), -1);
    assert_int_equal(errno, EPROTO);
    assert_non_null(transport.problem);
}

/* What came before the broken one is received, and then the failure: nobody waits for it forever.
 */
static void data_before_a_failure_is_received_first(void **state)
{
    char data[8];

    (void)state;
    shake_hands(SIZE_MAX);
    client_write(&client, "PING", 4);
    client_write(&client, "PONG", 4);
    client.sent.data[client.sent.size - 1] ^= 1;
    client_carry(&client, SIZE_MAX);
    assert_int_equal(transport_receive(&transport, data, sizeof data), 4);
    assert_true(transport.has_more);
    assert_int_equal(transport_receive(&transport, data, sizeof data), -1);
    assert_int_equal(errno, EPROTO);
    assert_non_null(transport.problem);
}

int main(void)
{
#define PAIR_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        PAIR_TEST(without_tls_the_socket_is_as_it_was),
        PAIR_TEST(the_handshake_happens_inside_receiving_however_it_is_cut),
        PAIR_TEST(what_there_was_no_room_for_is_told),
        PAIR_TEST(several_records_are_received_at_once),
        PAIR_TEST(output_may_move_and_grow_when_the_socket_was_full),
        PAIR_TEST(two_parts_are_sent_as_one),
        PAIR_TEST(receiving_may_have_to_wait_until_the_socket_takes_more),
        PAIR_TEST(a_goodbye_is_the_end_and_answers_still_go_out),
        PAIR_TEST(an_end_without_goodbye_is_an_end),
        PAIR_TEST(an_end_within_the_handshake_is_no_failure_of_tls),
        PAIR_TEST(closing_says_goodbye),
        PAIR_TEST(what_is_not_tls_is_said_to_be_none),
        PAIR_TEST(a_broken_record_ends_the_connection),
        PAIR_TEST(data_before_a_failure_is_received_first),
    };

    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
