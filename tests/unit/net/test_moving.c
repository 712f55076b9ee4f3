/* A client of TLS that moves from one event loop to another, turn by turn, in one thread; and one
 * that TLS can't answer. */
#include "unit/commands/talk.h"
#include "unit/tls/client.h"

#include <signal.h>

#include "net/connection.h"
#include "net/loop.h"
#include "tls/contexts.h"

#define LOOPS     2
#define TURNS_MAX 1000

static struct loop *loops[LOOPS];
static struct crew crew;
static struct options *options;
static struct tls_client client;

static int set_up(void **state)
{
    const char *const more[] = {"--tls-port", "1", NULL};
    char error[TLS_ERROR_MAX];
    int ends[2];

    (void)talk_set_up(state);
    (void)signal(SIGPIPE, SIG_IGN);
    options = tls_options(&member, more);
    assert_int_equal(tls_contexts_create(options, &talk.services.tls, error), STATUS_OK);
    crew = (struct crew){.loops = loops, .count = LOOPS};
    for (int i = 0; i < LOOPS; i++)
        assert_int_equal(loop_create(&talk.services, &crew, &loops[i]), STATUS_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    client_begin(&client, ends[1]);
    loop_adopt(loops[0], (struct newcomer){.descriptor = ends[0], .uses_tls = true});
    return 0;
}

static int tear_down(void **state)
{
    for (int i = 0; i < LOOPS; i++)
        loop_destroy(loops[i]);
    client_end(&client);
    tls_contexts_destroy(talk.services.tls);
    options_destroy(options);
    return talk_tear_down(state);
}

/* Rung, none of them waits. */
static void turn_all(void)
{
    for (int i = 0; i < LOOPS; i++) {
        reactor_ring(&loops[i]->reactor);
        reactor_turn(&loops[i]->reactor);
    }
}

static void expect_answer(const char *words)
{
    struct buffer seen = {0};

    for (int i = 0; i < TURNS_MAX && seen.size < strlen(words); i++) {
        client_carry(&client, SIZE_MAX);
        turn_all();
        client_read(&client, &seen);
    }
    assert_int_equal(seen.size, strlen(words));
    assert_memory_equal(seen.data, words, seen.size);
    buffer_clear(&seen);
}

static void ask(const char *request, const char *answer)
{
    client_write(&client, request, strlen(request));
    expect_answer(answer);
}

static struct connection *begin(void)
{
    for (int i = 0; i < TURNS_MAX && SSL_do_handshake(client.ssl) != 1; i++) {
        client_carry(&client, SIZE_MAX);
        turn_all();
        client_fetch(&client, SIZE_MAX);
    }
    ask("PING\r\n", "+PONG\r\n");
    assert_non_null(TAILQ_FIRST(&loops[0]->connections));
    return TAILQ_FIRST(&loops[0]->connections);
}

static void assert_is_in(int loop, struct connection *connection)
{
    assert_ptr_equal(TAILQ_FIRST(&loops[loop]->connections), connection);
    assert_null(TAILQ_FIRST(&loops[1 - loop]->connections));
}

static void a_client_moves_between_two_requests(void **state)
{
    struct connection *connection = begin();

    (void)state;
    connection_send_to(connection, loops[1]);
    ask("ECHO a\r\n", "$1\r\na\r\n");
    turn_all();
    assert_is_in(1, connection);
    ask("ECHO b\r\n", "$1\r\nb\r\n");
    connection_send_to(connection, loops[0]);
    ask("ECHO c\r\n", "$1\r\nc\r\n");
    turn_all();
    assert_is_in(0, connection);
    ask("ECHO d\r\n", "$1\r\nd\r\n");
}

static void half_a_record_moves_along(void **state)
{
    struct connection *connection = begin();

    (void)state;
    connection_send_to(connection, loops[1]);
    client_write(&client, "ECHO a\r\n", 8);
    client_carry(&client, client.sent.size / 2);
    for (int i = 0; i < 3; i++)
        turn_all();
    assert_is_in(1, connection);
    expect_answer("$1\r\na\r\n");
}

/* More than a read takes has left the socket: all of it is answered before the move. */
static void what_was_read_ahead_is_served_before(void **state)
{
    struct connection *connection = begin();
    struct buffer request = {0}, answer = {0};

    (void)state;
    for (int i = 0; i < 30000; i++) {
        buffer_append_text(&request, "PING\r\n");
        buffer_append_text(&answer, "+PONG\r\n");
    }
    buffer_append_byte(&answer, '\0');
    buffer_append_byte(&request, '\0');
    connection_send_to(connection, loops[1]);
    ask(request.data, answer.data);
    turn_all();
    assert_is_in(1, connection);
    ask("PING\r\n", "+PONG\r\n");
    buffer_clear(&request);
    buffer_clear(&answer);
}

/* A client that asks for new keys again and again and reads nothing: TLS can't answer, and so does
 * not read on.  Readable as the socket is, nobody looks at it until it takes more. */
static void who_reads_nothing_is_not_read_from_either(void **state)
{
    struct connection *connection = begin();
    struct buffer waste = {0};
    int smallest = 1;

    (void)state;
    (void)setsockopt(connection->session.descriptor, SOL_SOCKET, SO_SNDBUF, &smallest,
                     sizeof smallest);
    for (int i = 0; i < TURNS_MAX && !connection->transport.wants_write; i++) {
        assert_int_equal(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(client.ssl), 1);
        client_carry(&client, SIZE_MAX);
        turn_all();
    }
    assert_true(connection->transport.wants_write);
    assert_int_equal(connection->listens_for, 0);
    connection_send_to(connection, loops[1]); /* not now */
    for (int i = 0; i < TURNS_MAX && connection->transport.wants_write; i++) {
        client_read(&client, &waste);
        turn_all();
    }
    client_read(&client, &waste);
    ask("PING\r\n", "+PONG\r\n");
    turn_all();
    assert_is_in(1, connection);
    ask("PING\r\n", "+PONG\r\n");
    buffer_clear(&waste);
}

int main(void)
{
#define LOOP_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        LOOP_TEST(a_client_moves_between_two_requests),
        LOOP_TEST(half_a_record_moves_along),
        LOOP_TEST(what_was_read_ahead_is_served_before),
        LOOP_TEST(who_reads_nothing_is_not_read_from_either),
    };

    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
