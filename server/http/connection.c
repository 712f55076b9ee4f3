#include "http/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/log.h"
#include "base/memory.h"
#include "commands/statistics.h"
#include "tls/contexts.h"

/* So many requests that came together are answered in one turn; then others have theirs. */
#define REQUESTS_PER_TURN 16

/* How soon a request is tried again that waits for memory. */
#define MEMORY_RETRY_MS 20

/* A parked request is looked at so often at least: nobody rings when a pause is called off. */
#define PARKED_RETRY_MS 100

static void count(const struct http_connection *connection, enum counter counter, size_t more)
{
    statistics_add(connection->door->reactor.worker.statistics, counter, more);
}

/* --- waiting --- */

static void stop_waiting(struct http_connection *connection)
{
    if (connection->waits_in != NULL)
        TAILQ_REMOVE(connection->waits_in, connection, waiting);
    connection->waits_in = NULL;
}

static void wait_in(struct http_connection *connection, struct http_connection_list *list)
{
    stop_waiting(connection);
    TAILQ_INSERT_TAIL(list, connection, waiting);
    connection->waits_in = list;
}

static void park(struct http_connection *connection, int64_t until_ms, int64_t patience_ms)
{
    struct door *door = connection->door;
    int64_t latest_ms = door->reactor.now_ms + patience_ms;

    connection->wake_at_ms = until_ms < latest_ms ? until_ms : latest_ms;
    wait_in(connection, &door->parked);
    reactor_retry_at(&door->reactor, connection->wake_at_ms);
}

static void wait_for_next_turn(struct http_connection *connection)
{
    wait_in(connection, &connection->door->ready);
    door_wait_for_next_turn(connection->door);
}

static void set_reading(struct http_connection *connection, bool is_reading)
{
    if (connection->is_reading == is_reading)
        return;
    connection->is_reading = is_reading;
    if (is_reading)
        (void)event_add(&connection->read_event, NULL);
    else
        (void)event_del(&connection->read_event);
}

static void set_sending(struct http_connection *connection, bool is_sending)
{
    if (connection->is_sending == is_sending)
        return;
    connection->is_sending = is_sending;
    if (is_sending)
        (void)event_add(&connection->write_event, NULL);
    else
        (void)event_del(&connection->write_event);
}

/* --- its life --- */

static int64_t now_s(const struct http_connection *connection)
{
    return connection->door->reactor.now_s;
}

/* From now on it has HTTP_PATIENCE_S for what comes next (H3). */
static void start_waiting_for_client(struct http_connection *connection)
{
    connection->since_s = connection->moved_s = now_s(connection);
}

static void start_exchange(struct http_connection *connection)
{
    connection->exchange = door_take_exchange(connection->door);
    connection->received = 0;
    atomic_store_explicit(&connection->session.active_s, now_s(connection), memory_order_relaxed);
    start_waiting_for_client(connection);
    exchange_begin(connection->exchange, &connection->door->room, &connection->session,
                   connection->is_local);
}

static void end_exchange(struct http_connection *connection)
{
    exchange_end(connection->exchange);
    door_give_exchange(connection->door, connection->exchange);
    connection->exchange = NULL;
    connection->since_s = now_s(connection);
}

void http_connection_close(struct http_connection *connection)
{
    stop_waiting(connection);
    set_reading(connection, false);
    set_sending(connection, false);
    if (connection->exchange != NULL)
        end_exchange(connection);
    door_remove_connection(connection->door, connection);
    transport_close(&connection->transport);
    buffer_clear(&connection->in);
    session_clear(&connection->session);
    free(connection);
}

/* H2: the end of everything that is done to a connection. */
static void settle(struct http_connection *connection)
{
    if (connection->is_gone)
        http_connection_close(connection);
}

/* --- trouble --- */

static void complain(struct http_connection *connection, const char *what, const char *why)
{
    const struct services *services = connection->door->reactor.services;

    if (tls_contexts_may_complain(services->tls, connection->session.address, why,
                                  clock_monotonic_us(services->clock)))
        log_line(LOG_NOTICE, "HTTP client at %s: disconnected, %s%s", connection->session.address,
                 what, why);
}

/* A read or a write has failed. */
static void fail_io(struct http_connection *connection)
{
    connection->is_gone = true;
    if (connection->transport.problem != NULL)
        complain(connection, "TLS failed: ", connection->transport.problem);
}

/* --- sending --- */

/* All of the response has been handed to the system. */
static bool is_sent(struct http_connection *connection, size_t size)
{
    if (connection->sent < size)
        return false;
    connection->sent = 0;
    set_sending(connection, false);
    return true;
}

static size_t cut(struct bytes *bytes, size_t sent)
{
    size_t size = bytes->size < sent ? bytes->size : sent;

    bytes->data += size;
    bytes->size -= size;
    return sent - size;
}

/* Sends what the socket takes; false if there is more, or the client is gone. */
static bool send_response(struct http_connection *connection)
{
    struct bytes head, body;
    size_t size;

    exchange_output(connection->exchange, &head, &body);
    size = head.size + body.size;
    for (;;) {
        struct bytes first = head, second = body;
        ssize_t sent;

        (void)cut(&second, cut(&first, connection->sent));
        sent = transport_send_two(&connection->transport, first, second);
        count(connection, COUNTER_WRITES, 1);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN) {
            fail_io(connection);
            return false;
        }
        if (sent < 0) {
            set_sending(connection, true);
            return false;
        }
        count(connection, COUNTER_OUTPUT_BYTES, (size_t)sent);
        connection->sent += (size_t)sent;
        connection->moved_s = now_s(connection);
        if (is_sent(connection, size))
            return true;
    }
}

/* The socket may be full of an earlier response only in theory: then the client goes without. */
static void say_continue(struct http_connection *connection)
{
    static const char words[] = "HTTP/1.1 100 Continue\r\n\r\n";

    connection->exchange->wants_continue = false;
    (void)transport_send(&connection->transport, words, sizeof words - 1);
}

/* The last answer is on its way: closing now, with input unread, could take it away again. */
static void linger(struct http_connection *connection)
{
    transport_end_output(&connection->transport);
    connection->is_lingering = true;
    buffer_clear(&connection->in);
    set_reading(connection, true);
}

/* --- going on --- */

/* Uses up input; false if there is none left. */
static bool feed(struct http_connection *connection, struct bytes *input)
{
    struct exchange *exchange = connection->exchange;
    size_t used;

    if (exchange->wants_continue && exchange->state == EXCHANGE_BODY)
        say_continue(connection);
    if (input->size == 0)
        return false;
    used = exchange_feed(exchange, *input);
    connection->received += (int64_t)used;
    input->data += used;
    input->size -= used;
    return true;
}

/* False if the request can't go on now. */
static bool run(struct http_connection *connection)
{
    struct exchange *exchange = connection->exchange;

    connection->door->reactor.worker.clock_us =
        clock_monotonic_us(connection->door->reactor.services->clock);
    exchange_run(exchange);
    if (exchange->state != EXCHANGE_RUN)
        return true;
    if (exchange->is_parked)
        park(connection, exchange->call.wake_at_ms, PARKED_RETRY_MS);
    else
        wait_for_next_turn(connection);
    return false;
}

static bool ask_memory(struct http_connection *connection)
{
    exchange_ask_memory(connection->exchange,
                        now_s(connection) - connection->moved_s > HTTP_PATIENCE_S);
    if (connection->exchange->state == EXCHANGE_MEMORY) {
        park(connection, INT64_MAX, MEMORY_RETRY_MS);
        return false;
    }
    start_waiting_for_client(connection);
    return true;
}

/* False if more of the response waits for the socket, or nothing is left to be done. */
static bool respond(struct http_connection *connection)
{
    bool closes = connection->exchange->closes;

    if (connection->sent == 0 && !connection->is_sending)
        start_waiting_for_client(connection);
    if (!send_response(connection))
        return false;
    end_exchange(connection);
    if (closes)
        linger(connection);
    return !closes;
}

/* One step; false if the next one has to wait for something. */
static bool step(struct http_connection *connection, struct bytes *input)
{
    switch (connection->exchange->state) {
    case EXCHANGE_HEAD:
    case EXCHANGE_BODY:
        return feed(connection, input);
    case EXCHANGE_MEMORY:
        return ask_memory(connection);
    case EXCHANGE_RUN:
        return run(connection);
    case EXCHANGE_HELD:
        wait_in(connection, &connection->door->holding);
        return false;
    case EXCHANGE_READY:
        break;
    }
    return respond(connection);
}

static bool wants_input(const struct http_connection *connection)
{
    const struct exchange *exchange = connection->exchange;

    return exchange == NULL || exchange->state == EXCHANGE_HEAD || exchange->state == EXCHANGE_BODY;
}

/* See P1 and P2 of tls/transport.h. */
static void listen_for_input(struct http_connection *connection)
{
    set_reading(connection, !connection->transport.wants_write);
    if (connection->transport.wants_write)
        set_sending(connection, true);
    else if (connection->transport.has_more)
        wait_for_next_turn(connection);
}

static void advance(struct http_connection *connection, struct bytes *input)
{
    int requests = 0;

    for (;;) {
        if (connection->exchange == NULL) {
            if (input->size == 0)
                break;
            if (requests++ == REQUESTS_PER_TURN) {
                wait_for_next_turn(connection);
                return;
            }
            start_exchange(connection);
        }
        if (!step(connection, input))
            break;
    }
    if (connection->waits_in == NULL && wants_input(connection))
        listen_for_input(connection);
}

static void advance_with_kept(struct http_connection *connection)
{
    struct bytes input = buffer_view(&connection->in);

    advance(connection, &input);
    if (!connection->is_lingering)
        buffer_consume(&connection->in, connection->in.size - input.size);
    if (connection->in.size == 0)
        buffer_clear(&connection->in);
}

/* --- receiving --- */

/* The number of bytes, 0 if there is nothing, or the end. */
static size_t receive(struct http_connection *connection, char *data, size_t size)
{
    ssize_t received;

    do
        received = transport_receive(&connection->transport, data, size);
    while (received < 0 && errno == EINTR);
    count(connection, COUNTER_READS, 1);
    if (received == 0 || (received < 0 && errno != EAGAIN))
        fail_io(connection);
    if (received <= 0)
        return 0;
    count(connection, COUNTER_INPUT_BYTES, (size_t)received);
    connection->moved_s = now_s(connection);
    return (size_t)received;
}

/* The first byte is there: what does the client speak? */
static void begin_tls_if_wanted(struct http_connection *connection)
{
    struct ssl_st *ssl;

    connection->may_be_tls = false;
    if (!transport_begins_with_tls(&connection->transport))
        return;
    ssl = tls_contexts_open(connection->door->reactor.services->tls, TLS_HTTP);
    if (ssl == NULL)
        return;
    transport_open(&connection->transport, connection->session.descriptor, ssl);
    connection->since_s = now_s(connection);
}

/* A long body goes where it is to stay. */
static bool receive_body(struct http_connection *connection)
{
    struct exchange *exchange = connection->exchange;
    char *data;
    size_t size;

    if (exchange == NULL || !exchange_room_for_body(exchange, &data, &size))
        return false;
    size = receive(connection, data, size);
    connection->received += (int64_t)size;
    if (size > 0)
        exchange_received(exchange, size);
    return true;
}

static void receive_and_advance(struct http_connection *connection)
{
    struct bytes input = {connection->door->input, 0};

    if (connection->may_be_tls)
        begin_tls_if_wanted(connection);
    if (!receive_body(connection))
        input.size = receive(connection, connection->door->input, DOOR_INPUT_SIZE);
    if (connection->is_gone)
        return;
    advance(connection, &input);
    if (!connection->is_lingering)
        buffer_append_bytes(&connection->in, input);
}

/* What is kept comes before what has left the socket and was not received. */
void http_connection_continue(struct http_connection *connection)
{
    stop_waiting(connection);
    if (connection->transport.has_more && connection->in.size == 0 && wants_input(connection))
        receive_and_advance(connection);
    else
        advance_with_kept(connection);
    settle(connection);
}

void http_connection_release(struct http_connection *connection, bool has_failed)
{
    if (has_failed)
        exchange_commit_failed(connection->exchange);
    else
        exchange_committed(connection->exchange);
    http_connection_continue(connection);
}

static void on_readable(evutil_socket_t descriptor, short what, void *context)
{
    struct http_connection *connection = context;
    struct door *door = connection->door;

    (void)descriptor;
    (void)what;
    reactor_begin_turn(&door->reactor);
    if (connection->is_lingering)
        (void)receive(connection, door->input, DOOR_INPUT_SIZE);
    else if (connection->waits_in != NULL || !wants_input(connection))
        set_reading(connection, false); /* it comes back when it has use for more */
    else
        receive_and_advance(connection);
    settle(connection);
}

static void on_writable(evutil_socket_t descriptor, short what, void *context)
{
    struct http_connection *connection = context;

    (void)descriptor;
    (void)what;
    reactor_begin_turn(&connection->door->reactor);
    if (connection->transport.wants_write) {
        set_sending(connection, false);
        receive_and_advance(connection);
        settle(connection);
    } else {
        http_connection_continue(connection);
    }
}

/* --- beginning and end --- */

static bool is_of_this_machine(int descriptor)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;

    return getpeername(descriptor, (struct sockaddr *)&peer, &size) == 0 &&
           address_is_loopback((const struct sockaddr *)&peer);
}

void http_connection_open(struct door *door, int descriptor)
{
    struct http_connection *connection = xcalloc(1, sizeof *connection);
    struct session *session = &connection->session;

    session_init(session);
    session->descriptor = descriptor;
    session->created_s = door->reactor.now_s;
    session->is_authenticated = true; /* each request shows its token */
    address_of_peer(descriptor, session->address, sizeof session->address);
    address_of_socket(descriptor, session->local_address, sizeof session->local_address);
    transport_open(&connection->transport, descriptor, NULL);
    connection->is_local = is_of_this_machine(descriptor);
    connection->may_be_tls = tls_contexts_has(door->reactor.services->tls, TLS_HTTP);
    connection->door = door;
    connection->since_s = door->reactor.now_s;
    (void)event_assign(&connection->read_event, door->reactor.base, descriptor,
                       EV_READ | EV_PERSIST, on_readable, connection);
    (void)event_assign(&connection->write_event, door->reactor.base, descriptor,
                       EV_WRITE | EV_PERSIST, on_writable, connection);
    door_add_connection(door, connection);
    count(connection, COUNTER_CONNECTIONS, 1);
    set_reading(connection, true);
}

/* H3. */
static bool is_too_slow(const struct http_connection *connection, int64_t bytes)
{
    return now_s(connection) - connection->since_s > HTTP_PATIENCE_S + bytes / HTTP_RATE_MIN ||
           now_s(connection) - connection->moved_s > HTTP_PATIENCE_S;
}

static void check_exchange(struct http_connection *connection)
{
    struct exchange *exchange = connection->exchange;

    if (exchange->state == EXCHANGE_READY) {
        connection->is_gone = is_too_slow(connection, (int64_t)connection->sent);
    } else if (wants_input(connection) && is_too_slow(connection, connection->received)) {
        exchange_abort(exchange, REFUSE_TIMEOUT);
        http_connection_continue(connection);
        return;
    }
    settle(connection);
}

static bool shakes_hands_too_long(const struct http_connection *connection)
{
    return now_s(connection) - connection->since_s >= TRANSPORT_HANDSHAKE_S &&
           transport_is_shaking_hands(&connection->transport);
}

void http_connection_check(struct http_connection *connection)
{
    if (shakes_hands_too_long(connection)) {
        complain(connection, "", "its TLS handshake takes too long");
        connection->is_gone = true;
        settle(connection);
        return;
    }
    if (connection->exchange != NULL) {
        check_exchange(connection);
        return;
    }
    connection->is_gone = now_s(connection) - connection->since_s >
                          (connection->is_lingering ? HTTP_LINGER_S : HTTP_IDLE_S);
    settle(connection);
}

void http_connection_leave(struct http_connection *connection)
{
    struct exchange *exchange = connection->exchange;

    if (exchange == NULL || exchange->state == EXCHANGE_HEAD) {
        connection->is_gone = true;
        settle(connection);
        return;
    }
    exchange->closes = true;
}
