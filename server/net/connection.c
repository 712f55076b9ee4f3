#include "net/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/memory.h"
#include "commands/acl_check.h"
#include "commands/clients.h"
#include "commands/tracking.h"
#include "commands/watch.h"
#include "net/serving.h"
#include "tls/contexts.h"

/* Redis keeps the first 16 KiB of a client's output apart from the rest; its tools show both. */
#define OUTPUT_SHOWN_APART 16384

#define KEEPALIVE_PROBES 3

/* The room for requests is given back after so many idle seconds, as Redis gives back its query
 * buffers. */
#define INPUT_IDLE_S 2

#define TLS_TROUBLE_MAX 256

void connection_count(struct connection *connection, enum counter counter, uint64_t more)
{
    statistics_add(connection->loop->reactor.worker.statistics, counter, more);
}

void connection_log(struct connection *connection, enum log_level level, const char *what)
{
    log_line(level, "client %llu at %s: %s", (unsigned long long)connection->session.id,
             connection->session.address, what);
}

static void wake(struct session *session)
{
    mail_post_wake((struct connection *)session);
}

/* --- states --- */

void connection_unpark(struct connection *connection)
{
    if (connection->state != CONNECTION_PARKED)
        return;
    TAILQ_REMOVE(&connection->loop->parked, connection, parked);
    connection->state = CONNECTION_READING;
}

void connection_park(struct connection *connection, int64_t wake_at_ms)
{
    struct loop *loop = connection->loop;

    connection->state = CONNECTION_PARKED;
    connection->wake_at_ms = wake_at_ms;
    TAILQ_INSERT_TAIL(&loop->parked, connection, parked);
    reactor_retry_at(&loop->reactor, wake_at_ms);
}

void connection_give_up(struct connection *connection)
{
    connection_unpark(connection);
    connection->state = CONNECTION_GONE;
}

/* --- trouble with TLS --- */

static void complain(struct connection *connection, const char *what)
{
    const struct services *services = connection->loop->reactor.services;

    if (tls_contexts_may_complain(services->tls, connection->session.address, what,
                                  clock_monotonic_us(services->clock)))
        connection_log(connection, LOG_NOTICE, what);
}

void connection_fail_io(struct connection *connection)
{
    char text[TLS_TROUBLE_MAX];

    if (connection->transport.problem != NULL) {
        (void)snprintf(text, sizeof text, "disconnected, TLS failed: %s",
                       connection->transport.problem);
        complain(connection, text);
    }
    connection_give_up(connection);
}

/* --- output --- */

void connection_write_to(struct connection *connection)
{
    struct loop *loop = connection->loop;

    if (connection->out.bytes.data == NULL)
        connection->out.bytes = loop_take_buffer(loop);
    loop->writer.out = &connection->out.bytes;
    loop->writer.protocol = connection->session.protocol;
}

static void set_sending(struct connection *connection, bool is_sending)
{
    if (connection->is_sending == is_sending)
        return;
    connection->is_sending = is_sending;
    if (is_sending)
        (void)event_add(&connection->write_event, NULL);
    else
        (void)event_del(&connection->write_event);
}

/* Sends what may leave, as much of it as the socket takes. */
static void send_output(struct connection *connection)
{
    struct bytes ready = outbox_ready(&connection->out);
    ssize_t sent;

    if (ready.size == 0) {
        set_sending(connection, connection->transport.wants_write);
        return;
    }
    do
        sent = transport_send(&connection->transport, ready.data, ready.size);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN) {
        connection_fail_io(connection);
        return;
    }
    connection_count(connection, COUNTER_WRITES, 1);
    if (sent > 0) {
        connection_count(connection, COUNTER_OUTPUT_BYTES, (uint64_t)sent);
        outbox_sent(&connection->out, (size_t)sent);
    }
    set_sending(connection,
                sent < 0 || (size_t)sent < ready.size || connection->transport.wants_write);
}

static struct output_limit limit_of(const struct connection *connection)
{
    return options_output_limit(connection->loop->reactor.services->options,
                                connection->session.is_subscriber ? CLIENT_CLASS_PUBSUB
                                                                  : CLIENT_CLASS_NORMAL);
}

static bool is_over_hard_limit(const struct connection *connection)
{
    int64_t hard_bytes = limit_of(connection).hard_bytes;

    return hard_bytes > 0 && (int64_t)outbox_size(&connection->out) >= hard_bytes;
}

/* Redis's rule: at once over the hard limit; over the soft one if that has lasted too long. */
static bool is_over_limit(struct connection *connection)
{
    int64_t now_s = connection->loop->reactor.now_s;
    struct output_limit limit = limit_of(connection);
    int64_t size = (int64_t)outbox_size(&connection->out);

    if (is_over_hard_limit(connection))
        return true;
    if (limit.soft_bytes == 0 || size < limit.soft_bytes) {
        connection->over_limit_at_s = 0;
        return false;
    }
    if (connection->over_limit_at_s == 0)
        connection->over_limit_at_s = now_s;
    return now_s - connection->over_limit_at_s > limit.soft_seconds;
}

static void disconnect_over_limit(struct connection *connection)
{
    connection_count(connection, COUNTER_OUTPUT_LIMIT_CLOSED, 1);
    connection_log(connection, LOG_WARNING,
                   "disconnected, more output waits for it than client-output-buffer-limit allows");
    connection_give_up(connection);
}

static void check_output_limit(struct connection *connection)
{
    if (outbox_size(&connection->out) > 0 && is_over_limit(connection))
        disconnect_over_limit(connection);
}

/* A reply over the hard limit is not even begun, as in Redis, which counts what it has not sent yet
 * less a buffer of this size that every client has. */
static void send_within_limit(struct connection *connection)
{
    if (UNLIKELY(outbox_size(&connection->out) > OUTPUT_SHOWN_APART) &&
        is_over_hard_limit(connection))
        disconnect_over_limit(connection);
    else
        send_output(connection);
}

void connection_send_early(struct connection *connection)
{
    if (!connection->is_sending)
        send_within_limit(connection);
    if (connection->state != CONNECTION_GONE)
        check_output_limit(connection);
}

void connection_hold_reply(struct connection *connection, size_t start, uint64_t group)
{
    outbox_hold(&connection->out, start, group);
    if (connection->is_holding || !outbox_is_holding(&connection->out))
        return;
    connection->is_holding = true;
    TAILQ_INSERT_TAIL(&connection->loop->holding, connection, holding);
}

/* --- events --- */

void connection_show_input(struct connection *connection)
{
    size_t size = connection->in.bytes.size, capacity = connection->in.bytes.capacity;

    atomic_store_explicit(&connection->session.query_bytes, (int64_t)size, memory_order_relaxed);
    atomic_store_explicit(&connection->session.query_free, (int64_t)(capacity - size),
                          memory_order_relaxed);
}

static short wanted_events(const struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_READING:
        return connection->transport.wants_write ? 0 : EV_READ; /* P2 of transport.h */
    case CONNECTION_PARKED:
        return EV_CLOSED;
    case CONNECTION_LEAVING:
    case CONNECTION_GONE:
        break;
    }
    return 0;
}

static void on_readable(evutil_socket_t descriptor, short what, void *context);

static void listen_for_input(struct connection *connection)
{
    short wanted = wanted_events(connection);

    if (connection->listens_for == wanted)
        return;
    if (connection->listens_for != 0)
        (void)event_del(&connection->read_event);
    connection->listens_for = wanted;
    if (wanted == 0)
        return;
    (void)event_assign(&connection->read_event, connection->loop->reactor.base,
                       connection->session.descriptor, (short)(wanted | EV_PERSIST), on_readable,
                       connection);
    (void)event_add(&connection->read_event, NULL);
}

/* CLIENT LIST's obl, oll and omem. */
static void show_output(struct connection *connection)
{
    int64_t size = (int64_t)outbox_size(&connection->out);
    int64_t apart = size < OUTPUT_SHOWN_APART ? size : OUTPUT_SHOWN_APART;

    atomic_store_explicit(&connection->session.reply_bytes, apart, memory_order_relaxed);
    atomic_store_explicit(&connection->session.reply_list_bytes, size - apart,
                          memory_order_relaxed);
}

static bool can_move(const struct connection *connection)
{
    return connection->state == CONNECTION_READING && !connection->is_readable &&
           connection->in.bytes.size == 0 && outbox_size(&connection->out) == 0 &&
           !connection->transport.has_more && !connection->is_sending;
}

/* From here on the connection is another thread's. */
static void move(struct connection *connection)
{
    struct loop *loop = connection->loop, *to = connection->moves_to;

    connection->moves_to = NULL;
    connection->listens_for = 0;
    (void)event_del(&connection->read_event);
    TAILQ_REMOVE(&loop->connections, connection, all);
    input_clear(&connection->in, &loop->rooms);
    connection_show_input(connection);
    loop_give_away(loop, connection, to);
}

void connection_settle(struct connection *connection)
{
    struct outbox *out = &connection->out;

    if (connection->state != CONNECTION_GONE)
        send_within_limit(connection);
    if (connection->state != CONNECTION_GONE && outbox_size(out) > 0)
        check_output_limit(connection);
    if (connection->state == CONNECTION_LEAVING && outbox_size(out) == 0)
        connection->state = CONNECTION_GONE;
    if (connection->state == CONNECTION_GONE) {
        connection_close(connection);
        return;
    }
    if (outbox_size(out) == 0 && out->bytes.data != NULL)
        loop_give_buffer(connection->loop, &out->bytes);
    if (UNLIKELY(connection->session.watcher != NULL) && outbox_size(out) == 0 &&
        watch_wants_turn(&connection->session))
        wake(&connection->session);
    listen_for_input(connection);
    if (UNLIKELY(connection->transport.has_more) && connection->listens_for == EV_READ)
        event_active(&connection->read_event, EV_READ, 0); /* nobody else would tell */
    connection_show_input(connection);
    show_output(connection);
    if (UNLIKELY(connection->moves_to != NULL) && can_move(connection))
        move(connection);
}

void connection_set_readable(struct connection *connection, bool is_readable)
{
    struct loop *loop = connection->loop;

    if (connection->is_readable == is_readable)
        return;
    connection->is_readable = is_readable;
    if (is_readable)
        TAILQ_INSERT_TAIL(&loop->readable, connection, readable);
    else
        TAILQ_REMOVE(&loop->readable, connection, readable);
}

static void on_readable(evutil_socket_t descriptor, short what, void *context)
{
    struct connection *connection = context;

    (void)descriptor;
    reactor_begin_turn(&connection->loop->reactor);
    if ((what & EV_READ) != 0) {
        connection->loop->reactor.arrival_count++;
        connection_set_readable(connection, true);
        return;
    }
    connection_give_up(connection); /* parked, and nobody waits for the reply any more */
    connection_settle(connection);
}

static void on_writable(evutil_socket_t descriptor, short what, void *context)
{
    struct connection *connection = context;

    (void)descriptor;
    (void)what;
    reactor_begin_turn(&connection->loop->reactor);
    if (UNLIKELY(connection->transport.wants_write) && connection->state == CONNECTION_READING)
        connection_set_readable(connection, true); /* for TLS: what it could not read before */
    else
        connection_settle(connection);
}

/* --- what the loop asks for --- */

static void stop_holding(struct connection *connection)
{
    if (!connection->is_holding)
        return;
    TAILQ_REMOVE(&connection->loop->holding, connection, holding);
    connection->is_holding = false;
}

/* KV.WATCH: the keys that there are, some at a time, as the client takes them. */
static void list_more(struct connection *connection)
{
    struct loop *loop = connection->loop;
    struct worker *worker = &loop->reactor.worker;
    uint64_t depends_on = 0;
    size_t start;

    connection_write_to(connection);
    start = connection->out.bytes.size;
    watch_list_more(worker, &connection->session, loop->reactor.now_ms, &loop->writer.reply,
                    &depends_on);
    if (depends_on > store_committed(worker->services->store))
        connection_hold_reply(connection, start, depends_on);
}

void connection_look(struct connection *connection)
{
    struct session *session = &connection->session;
    struct loop *loop = connection->loop;

    if (atomic_load(&session->is_killed)) {
        connection_close(connection);
        return;
    }
    if (atomic_load(&session->has_inbox)) {
        connection_write_to(connection);
        if (!inbox_deliver(session, &loop->writer.reply)) {
            connection_log(connection, LOG_WARNING, "disconnected, too much waits for it");
            connection_give_up(connection);
        }
    }
    if (UNLIKELY(watch_is_listing(session)) && connection->state == CONNECTION_READING &&
        outbox_size(&connection->out) == 0)
        list_more(connection);
    if (connection->state == CONNECTION_PARKED)
        serve_parked(connection);
    else
        connection_settle(connection);
}

void connection_release(struct connection *connection, uint64_t committed)
{
    outbox_release(&connection->out, committed);
    if (!outbox_is_holding(&connection->out))
        stop_holding(connection);
    connection_settle(connection);
}

void connection_fail(struct connection *connection, uint64_t committed, struct bytes error)
{
    outbox_replace(&connection->out, committed, error);
    stop_holding(connection);
    connection_settle(connection);
}

static bool is_idle_too_long(const struct connection *connection)
{
    const struct session *session = &connection->session;
    const struct loop *loop = connection->loop;
    int64_t timeout_s = options_number(loop->reactor.services->options, OPTION_TIMEOUT);
    int64_t active_s = atomic_load_explicit(&session->active_s, memory_order_relaxed);

    return timeout_s > 0 && loop->reactor.now_s - active_s > timeout_s &&
           connection->state != CONNECTION_PARKED && !session->is_subscriber &&
           !atomic_load_explicit(&session->is_monitor, memory_order_relaxed);
}

static bool shakes_hands_too_long(const struct connection *connection)
{
    return connection->loop->reactor.now_s - connection->session.created_s >=
               TRANSPORT_HANDSHAKE_S &&
           transport_is_shaking_hands(&connection->transport);
}

static void trim_input(struct connection *connection)
{
    struct input *in = &connection->in;
    int64_t active_s = atomic_load_explicit(&connection->session.active_s, memory_order_relaxed);

    if (connection->loop->reactor.now_s - active_s > INPUT_IDLE_S)
        input_fit(in, &connection->loop->rooms);
    connection_show_input(connection);
}

void connection_check(struct connection *connection)
{
    if (UNLIKELY(connection->transport.ssl != NULL) && shakes_hands_too_long(connection)) {
        complain(connection, "disconnected, its TLS handshake takes too long");
        connection_close(connection);
        return;
    }
    if (is_idle_too_long(connection)) {
        connection_log(connection, LOG_VERBOSE,
                       "disconnected, it was idle for longer than timeout");
        connection_close(connection);
        return;
    }
    check_output_limit(connection);
    if (connection->in.bytes.data != NULL && connection->state == CONNECTION_READING)
        trim_input(connection);
    if (watch_is_listing(&connection->session))
        wake(&connection->session);
    if (connection->state == CONNECTION_GONE)
        connection_close(connection);
}

bool connection_is_busy(const struct connection *connection)
{
    int64_t active_s = atomic_load_explicit(&connection->session.active_s, memory_order_relaxed);

    return connection->loop->reactor.now_s - active_s <= 1;
}

void connection_send_to(struct connection *connection, struct loop *to)
{
    connection->moves_to = to;
}

void connection_leave(struct connection *connection)
{
    connection_unpark(connection);
    connection->state = CONNECTION_LEAVING;
    connection_settle(connection);
}

/* --- its life --- */

static void set_number(int descriptor, int level, int name, int value)
{
    (void)setsockopt(descriptor, level, name, &value, sizeof value);
}

/* A peer that has vanished is noticed after about twice tcp-keepalive.  Not for unix sockets, where
 * the calls fail and do no harm. */
static void set_keepalive(const struct loop *loop, int descriptor)
{
    int seconds = (int)options_number(loop->reactor.services->options, OPTION_TCP_KEEPALIVE);

    if (seconds <= 0)
        return;
    set_number(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_number(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    set_number(descriptor, IPPROTO_TCP, TCP_KEEPINTVL,
               seconds < KEEPALIVE_PROBES ? 1 : seconds / KEEPALIVE_PROBES);
    set_number(descriptor, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

static void init_session(struct connection *connection, int descriptor)
{
    struct session *session = &connection->session;
    struct loop *loop = connection->loop;

    session_init(session);
    session->descriptor = descriptor;
    session->wake = wake;
    session->created_s = loop->reactor.now_s;
    atomic_store_explicit(&session->active_s, loop->reactor.now_s, memory_order_relaxed);
    address_of_peer(descriptor, session->address, sizeof session->address);
    address_of_socket(descriptor, session->local_address, sizeof session->local_address);
    acl_begin_session(loop->reactor.services, session);
    clients_add(loop->reactor.services->clients, session);
}

void connection_arrive(struct connection *connection, struct loop *loop)
{
    connection->loop = loop;
    (void)event_assign(&connection->write_event, loop->reactor.base, connection->session.descriptor,
                       EV_WRITE | EV_PERSIST, on_writable, connection);
    TAILQ_INSERT_TAIL(&loop->connections, connection, all);
    loop_keep_checking(loop);
    if (reactor_is_stopping(&loop->reactor))
        connection->state = CONNECTION_LEAVING;
    connection_settle(connection);
}

/* Where TLS was turned off since it was accepted, it is one of those that come too late. */
static struct ssl_st *begin_tls(struct connection *connection)
{
    struct ssl_st *ssl = tls_contexts_open(connection->loop->reactor.services->tls, TLS_CLIENTS);

    if (ssl == NULL)
        connection->state = CONNECTION_GONE;
    return ssl;
}

void connection_open(struct loop *loop, struct newcomer newcomer)
{
    struct connection *connection = xcalloc(1, sizeof *connection);

    connection->loop = loop;
    atomic_store(&connection->home, &loop->mail);
    connection->state = CONNECTION_READING;
    resp_parser_init(&connection->parser);
    transport_open(&connection->transport, newcomer.descriptor,
                   newcomer.uses_tls ? begin_tls(connection) : NULL);
    init_session(connection, newcomer.descriptor);
    set_keepalive(loop, newcomer.descriptor);
    connection_count(connection, COUNTER_CONNECTIONS, 1);
    connection_arrive(connection, loop);
}

void connection_close(struct connection *connection)
{
    struct loop *loop = connection->loop;

    connection_give_up(connection);
    stop_holding(connection);
    connection_set_readable(connection, false);
    set_sending(connection, false);
    listen_for_input(connection);
    TAILQ_REMOVE(&loop->connections, connection, all);

    pubsub_forget(loop->reactor.services->pubsub, &connection->session);
    clients_remove(loop->reactor.services->clients, &connection->session);
    tracking_forget(loop->reactor.services, &connection->session);
    watch_stop(loop->reactor.services->watch, &connection->session);
    loop_forget(loop, connection);
    transport_close(&connection->transport);
    session_clear(&connection->session);

    resp_parser_clear(&connection->parser);
    input_clear(&connection->in, &loop->rooms);
    outbox_clear(&connection->out);
    free(connection);
}
