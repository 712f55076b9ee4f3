#include "net/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "commands/clients.h"
#include "commands/dispatch.h"
#include "commands/statistics.h"
#include "net/address.h"

/* Unfinished input up to this size goes back in front of the next read, so that requests behind it
 * cost no read of their own; more than that stays where it is, and reads go behind it. */
#define KEPT_IN_FRONT_MAX (LOOP_INPUT_SIZE / 4)

/* So much output is sent in the middle of a pipeline, and held against the limits. */
#define OUTPUT_SENT_EARLY ((size_t)256 * 1024)

/* Redis keeps the first 16 KiB of a client's output apart from the rest, and its tools show both.
 */
#define OUTPUT_SHOWN_APART 16384

#define SECURITY_LOG_EVERY_S 60
#define KEEPALIVE_PROBES     3

static void count(struct connection *connection, enum counter counter, uint64_t more)
{
    statistics_add(connection->loop->worker.statistics, counter, more);
}

static void log_client(struct connection *connection, enum log_level level, const char *what)
{
    log_line(level, "client %llu at %s: %s", (unsigned long long)connection->session.id,
             connection->session.address, what);
}

/* --- states --- */

static void unpark(struct connection *connection)
{
    if (connection->state != CONNECTION_PARKED)
        return;
    TAILQ_REMOVE(&connection->loop->parked, connection, parked);
    connection->state = CONNECTION_READING;
}

/* Nothing more is to be said: settle() will close it. */
static void give_up(struct connection *connection)
{
    unpark(connection);
    connection->state = CONNECTION_GONE;
}

/* --- output --- */

/* Before anything is run or said. */
static void turn_to(struct connection *connection)
{
    struct loop *loop = connection->loop;

    loop->worker.clock_us = clock_monotonic_us(loop->services->clock);
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
        set_sending(connection, false);
        return;
    }
    do
        sent = send(connection->session.descriptor, ready.data, ready.size, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN) {
        give_up(connection);
        return;
    }
    count(connection, COUNTER_WRITES, 1);
    if (sent > 0) {
        count(connection, COUNTER_OUTPUT_BYTES, (uint64_t)sent);
        outbox_sent(&connection->out, (size_t)sent);
    }
    set_sending(connection, sent < 0 || (size_t)sent < ready.size);
}

/* Redis's rule: at once over the hard limit; over the soft one if that has lasted too long. */
static bool is_over_limit(struct connection *connection)
{
    const struct loop *loop = connection->loop;
    struct output_limit limit = options_output_limit(loop->services->options, CLIENT_CLASS_NORMAL);
    int64_t size = (int64_t)outbox_size(&connection->out);

    if (limit.hard_bytes > 0 && size >= limit.hard_bytes)
        return true;
    if (limit.soft_bytes == 0 || size < limit.soft_bytes) {
        connection->over_limit_at_s = 0;
        return false;
    }
    if (connection->over_limit_at_s == 0)
        connection->over_limit_at_s = loop->now_s;
    return loop->now_s - connection->over_limit_at_s > limit.soft_seconds;
}

static void check_output_limit(struct connection *connection)
{
    if (outbox_size(&connection->out) == 0 || !is_over_limit(connection))
        return;
    count(connection, COUNTER_OUTPUT_LIMIT_CLOSED, 1);
    log_client(connection, LOG_WARNING,
               "disconnected, more output waits for it than client-output-buffer-limit allows");
    give_up(connection);
}

/* In the middle of a pipeline: a long one must not pile up what could be on its way. */
static void send_early(struct connection *connection)
{
    if (!connection->is_sending)
        send_output(connection);
    if (connection->state != CONNECTION_GONE)
        check_output_limit(connection);
}

/* --- requests --- */

static void hold_reply(struct connection *connection, size_t start, uint64_t group)
{
    outbox_hold(&connection->out, start, group);
    if (connection->is_holding || !outbox_is_holding(&connection->out))
        return;
    connection->is_holding = true;
    TAILQ_INSERT_TAIL(&connection->loop->holding, connection, holding);
}

static void park(struct connection *connection, int64_t wake_at_ms)
{
    struct loop *loop = connection->loop;

    connection->state = CONNECTION_PARKED;
    connection->wake_at_ms = wake_at_ms;
    TAILQ_INSERT_TAIL(&loop->parked, connection, parked);
    loop_retry_at(loop, wake_at_ms);
}

/* False if the request must wait. */
static bool run_request(struct connection *connection, const struct request *request)
{
    struct loop *loop = connection->loop;
    struct session *session = &connection->session;
    size_t start = connection->out.bytes.size;
    struct outcome outcome;

    loop->writer.protocol = session->protocol;
    outcome = dispatch(&loop->worker, session, &loop->writer.reply, request, loop->now_ms);
    if (UNLIKELY(outcome.is_parked)) {
        connection->is_oversized = request->oversized_bytes > 0;
        park(connection, outcome.wake_at_ms);
        return false;
    }
    if (outcome.depends_on != 0 && outcome.depends_on > store_committed(loop->services->store))
        hold_reply(connection, start, outcome.depends_on);
    if (UNLIKELY(session->wants_close))
        connection->state = CONNECTION_LEAVING;
    if (UNLIKELY(outbox_size(&connection->out) >= OUTPUT_SENT_EARLY))
        send_early(connection);
    return true;
}

/* AUTH changes the limits of what stands behind it. */
static void parse(struct connection *connection, struct batch *batch, const char *data, size_t size)
{
    struct resp_limits *limits = &connection->loop->limits;

    limits->is_authenticated = connection->session.is_authenticated;
    batch_parse(batch, &connection->parser, limits, data, size,
                limits->is_authenticated ? BATCH_REQUESTS_MAX : 1);
}

/* The first argument is the key of nearly every command that has one. */
static void announce_keys(struct connection *connection, const struct batch *batch)
{
    struct loop *loop = connection->loop;
    const struct ns *ns = dispatch_selected(&loop->worker, &connection->session);

    for (size_t i = 0; i < batch->count; i++)
        if (batch->requests[i].argc > 1)
            loop->announced[loop->announced_count++] =
                store_announce(loop->worker.store_thread, ns, batch->requests[i].argv[1]);
}

static void prefetch_announced(struct loop *loop)
{
    if (loop->announced_count > 1)
        for (size_t i = 0; i < loop->announced_count; i++)
            store_prefetch(loop->worker.store_thread, loop->announced[i]);
    loop->announced_count = 0;
}

/* Returns how many bytes of the input are done with.  A request that must wait is kept, with what
 * came behind it, and parsed once more when it is retried; but an oversized one is not there. */
static size_t run_batch(struct connection *connection, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count && connection->state == CONNECTION_READING; i++) {
        if (run_request(connection, &batch->requests[i]))
            continue;
        if (connection->is_oversized)
            return batch->ends[i];
        resp_parser_restart(&connection->parser);
        return batch_start(batch, i);
    }
    return batch->consumed;
}

static void refuse_protocol(struct connection *connection)
{
    struct loop *loop = connection->loop;
    char text[128];

    log_client(connection, LOG_VERBOSE, connection->parser.error);
    (void)snprintf(text, sizeof text, "ERR %s", connection->parser.error);
    statistics_record_error(loop->worker.statistics, bytes_of(text));
    if (connection->session.reply_mode == REPLY_ON)
        reply_error(&loop->writer.reply, bytes_of(text));
    connection->state = CONNECTION_LEAVING;
}

static void drop_attacker(struct connection *connection)
{
    struct loop *loop = connection->loop;

    if (loop->attack_logged_s == 0 || loop->now_s - loop->attack_logged_s >= SECURITY_LOG_EVERY_S) {
        loop->attack_logged_s = loop->now_s;
        log_client(
            connection, LOG_WARNING,
            "Possible SECURITY ATTACK detected: it sends HTTP (POST or Host:) to the RESP port, "
            "as a web page does that wants a browser to reach this server. Disconnected.");
    }
    give_up(connection);
}

/* Runs the complete requests in data[0 .. size-1], the first of which are in the batch, and returns
 * how many bytes are done with. */
static size_t run_requests(struct connection *connection, struct batch *batch, const char *data,
                           size_t size)
{
    size_t done;

    turn_to(connection);
    done = run_batch(connection, batch);
    while (batch->next == RESP_REQUEST && connection->state == CONNECTION_READING) {
        parse(connection, batch, data + done, size - done);
        announce_keys(connection, batch);
        prefetch_announced(connection->loop);
        done += run_batch(connection, batch);
    }
    if (batch->next == RESP_ERROR && connection->state == CONNECTION_READING)
        refuse_protocol(connection);
    if (batch->next == RESP_ATTACK && connection->state == CONNECTION_READING)
        drop_attacker(connection);
    return connection->state == CONNECTION_LEAVING ? size : done;
}

/* --- input --- */

/* CLIENT LIST's qbuf and qbuf-free. */
static void show_input(struct connection *connection, size_t size, size_t capacity)
{
    atomic_store_explicit(&connection->session.query_bytes, (int64_t)size, memory_order_relaxed);
    atomic_store_explicit(&connection->session.query_free, (int64_t)(capacity - size),
                          memory_order_relaxed);
}

/* The client closed its end, or the socket failed.  Replies that only wait for a commit still go
 * out: `printf 'SET k v\r\n' | nc` ends its input at once and wants to see the answer. */
static void end_input(struct connection *connection, ssize_t received)
{
    if (received < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (received == 0 && outbox_is_holding(&connection->out))
        connection->state = CONNECTION_LEAVING;
    else
        give_up(connection);
}

static void count_input(struct connection *connection, ssize_t received)
{
    count(connection, COUNTER_READS, 1);
    if (received > 0)
        count(connection, COUNTER_INPUT_BYTES, (uint64_t)received);
}

/* What is left of data[0 .. size-1], the first `kept` bytes of which are in `in` already. */
static void keep_rest(struct connection *connection, const char *data, size_t size, size_t done,
                      size_t kept)
{
    struct buffer *in = &connection->in;

    if (done == size) {
        if (in->data != NULL)
            buffer_clear(in);
        return;
    }
    if (done > 0)
        in->size = kept = 0;
    buffer_append(in, data + done + kept, size - done - kept);
}

/* Reads into the loop's buffer; false if there is nothing to run. */
static bool read_into_loop(struct connection *connection, char *data, struct reading *reading)
{
    size_t kept = connection->in.size;
    ssize_t received;

    if (kept > 0)
        memcpy(data, connection->in.data, kept);
    received = recv(connection->session.descriptor, data + kept, LOOP_INPUT_SIZE - kept, 0);
    count_input(connection, received);
    if (received <= 0) {
        end_input(connection, received);
        return false;
    }
    reading->connection = connection;
    reading->data = data;
    reading->size = kept + (size_t)received;
    reading->kept = kept;
    return true;
}

static void run_reading(struct reading *reading)
{
    struct connection *connection = reading->connection;
    size_t done;

    show_input(connection, reading->size, LOOP_INPUT_SIZE);
    done = run_requests(connection, &reading->batch, reading->data, reading->size);
    keep_rest(connection, reading->data, reading->size, done, reading->kept);
}

/* Runs what is complete in `in` and keeps the rest there. */
static void run_own_input(struct connection *connection)
{
    struct batch *batch = &connection->loop->batch;
    struct buffer *in = &connection->in;
    size_t done;

    show_input(connection, in->size, in->capacity);
    parse(connection, batch, in->data, in->size);
    done = run_requests(connection, batch, in->data, in->size);
    if (done == in->size)
        buffer_clear(in);
    else
        buffer_consume(in, done);
}

/* How much to read behind a large unfinished request: to the end of the bulk that is coming, but no
 * more than has come already, so that a length that was only announced allocates nothing; and in
 * any case what there is room for. */
static size_t room_for_more(const struct connection *connection)
{
    const struct buffer *in = &connection->in;
    size_t wanted = resp_parser_wants(&connection->parser, in->size);
    size_t room = in->capacity - in->size;

    if (wanted == 0)
        wanted = LOOP_INPUT_SIZE;
    if (wanted > in->size)
        wanted = in->size;
    if (room > LOOP_INPUT_SIZE)
        room = LOOP_INPUT_SIZE;
    return wanted > room ? wanted : room;
}

static void read_into_own(struct connection *connection)
{
    struct buffer *in = &connection->in;
    size_t room = room_for_more(connection);
    ssize_t received = recv(connection->session.descriptor, buffer_reserve(in, room), room, 0);

    count_input(connection, received);
    if (received <= 0) {
        end_input(connection, received);
        return;
    }
    in->size += (size_t)received;
    run_own_input(connection);
}

static void check_query_limit(struct connection *connection)
{
    int64_t limit =
        options_number(connection->loop->services->options, OPTION_CLIENT_QUERY_BUFFER_LIMIT);

    if ((int64_t)connection->in.size <= limit)
        return;
    count(connection, COUNTER_QUERY_LIMIT_CLOSED, 1);
    log_client(connection, LOG_WARNING,
               "disconnected, its request is longer than client-query-buffer-limit allows");
    give_up(connection);
}

/* --- events --- */

static short wanted_events(const struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_READING:
        return EV_READ;
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
    (void)event_assign(&connection->read_event, connection->loop->base,
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
           connection->in.size == 0 && outbox_size(&connection->out) == 0;
}

/* From here on the connection is another thread's. */
static void move(struct connection *connection)
{
    struct loop *loop = connection->loop, *to = connection->moves_to;

    connection->moves_to = NULL;
    connection->listens_for = 0;
    (void)event_del(&connection->read_event);
    TAILQ_REMOVE(&loop->connections, connection, all);
    loop_give_away(loop, connection, to);
}

/* The end of everything that is done to a connection: sends, and brings its memory, its events and
 * its place in the loop's lists in line with its state.  May free it. */
static void settle(struct connection *connection)
{
    struct outbox *out = &connection->out;

    if (connection->state != CONNECTION_GONE)
        send_output(connection);
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
    listen_for_input(connection);
    show_input(connection, connection->in.size, connection->in.capacity);
    show_output(connection);
    if (UNLIKELY(connection->moves_to != NULL) && can_move(connection))
        move(connection);
}

static void set_readable(struct connection *connection, bool is_readable)
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
    loop_begin_turn(connection->loop);
    if ((what & EV_READ) != 0) {
        set_readable(connection, true);
        return;
    }
    give_up(connection); /* parked, and nobody waits for the reply any more */
    settle(connection);
}

/* After a read. */
static void finish_reading(struct connection *connection)
{
    if (connection->in.size > 0)
        check_query_limit(connection);
    atomic_store_explicit(&connection->session.active_s, connection->loop->now_s,
                          memory_order_relaxed);
    settle(connection);
}

/* Reads connections until the group is full or has keys enough.  Only one that has much unfinished
 * input is served at once. */
static void gather_group(struct loop *loop)
{
    struct connection *connection;
    size_t used = 0;

    loop->group_count = 0;
    while (loop->group_count < LOOP_GROUP_MAX && used <= LOOP_INPUT_SIZE &&
           loop->announced_count < LOOP_GROUP_KEYS_MAX &&
           (connection = TAILQ_FIRST(&loop->readable)) != NULL) {
        struct reading *reading = &loop->group[loop->group_count];

        set_readable(connection, false);
        if (connection->in.size > KEPT_IN_FRONT_MAX) {
            read_into_own(connection);
            finish_reading(connection);
        } else if (read_into_loop(connection, loop->input + used, reading)) {
            parse(connection, &reading->batch, reading->data, reading->size);
            announce_keys(connection, &reading->batch);
            loop->group_count++;
            used += (reading->size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
        } else {
            finish_reading(connection);
        }
    }
}

void connection_serve_readable(struct loop *loop)
{
    while (!TAILQ_EMPTY(&loop->readable)) {
        gather_group(loop);
        prefetch_announced(loop);
        for (size_t i = 0; i < loop->group_count; i++) {
            run_reading(&loop->group[i]);
            finish_reading(loop->group[i].connection);
        }
    }
}

static void on_writable(evutil_socket_t descriptor, short what, void *context)
{
    struct connection *connection = context;

    (void)descriptor;
    (void)what;
    loop_begin_turn(connection->loop);
    settle(connection);
}

/* --- what the loop asks for --- */

static void stop_holding(struct connection *connection)
{
    if (!connection->is_holding)
        return;
    TAILQ_REMOVE(&connection->loop->holding, connection, holding);
    connection->is_holding = false;
}

/* Nothing was parsed since, so the parser still has all there is of it. */
static void retry_oversized(struct connection *connection)
{
    const struct resp_parser *parser = &connection->parser;
    const struct request request = {parser->argv, parser->argc, parser->oversized_bytes};

    connection->is_oversized = false;
    turn_to(connection);
    (void)run_request(connection, &request);
}

void connection_retry(struct connection *connection)
{
    unpark(connection);
    if (connection->is_oversized)
        retry_oversized(connection);
    if (connection->state == CONNECTION_READING && connection->in.size > 0)
        run_own_input(connection);
    settle(connection);
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
        turn_to(connection);
        clients_deliver(loop->services->clients, session, &loop->writer.reply);
    }
    if (connection->state == CONNECTION_PARKED)
        connection_retry(connection);
    else
        settle(connection);
}

void connection_release(struct connection *connection, uint64_t committed)
{
    outbox_release(&connection->out, committed);
    if (!outbox_is_holding(&connection->out))
        stop_holding(connection);
    settle(connection);
}

void connection_fail(struct connection *connection, uint64_t committed, struct bytes error)
{
    outbox_replace(&connection->out, committed, error);
    stop_holding(connection);
    settle(connection);
}

static bool is_idle_too_long(const struct connection *connection)
{
    const struct session *session = &connection->session;
    const struct loop *loop = connection->loop;
    int64_t timeout_s = options_number(loop->services->options, OPTION_TIMEOUT);
    int64_t active_s = atomic_load_explicit(&session->active_s, memory_order_relaxed);

    return timeout_s > 0 && loop->now_s - active_s > timeout_s &&
           connection->state != CONNECTION_PARKED &&
           !atomic_load_explicit(&session->is_monitor, memory_order_relaxed);
}

void connection_check(struct connection *connection)
{
    if (is_idle_too_long(connection)) {
        log_client(connection, LOG_VERBOSE, "disconnected, it was idle for longer than timeout");
        connection_close(connection);
        return;
    }
    check_output_limit(connection);
    if (connection->state == CONNECTION_GONE)
        connection_close(connection);
}

bool connection_is_busy(const struct connection *connection)
{
    int64_t active_s = atomic_load_explicit(&connection->session.active_s, memory_order_relaxed);

    return connection->loop->now_s - active_s <= 1;
}

void connection_send_to(struct connection *connection, struct loop *to)
{
    connection->moves_to = to;
}

void connection_leave(struct connection *connection)
{
    unpark(connection);
    connection->state = CONNECTION_LEAVING;
    settle(connection);
}

/* --- its life --- */

static void wake(struct session *session)
{
    loop_wake((struct connection *)session);
}

static void set_number(int descriptor, int level, int name, int value)
{
    (void)setsockopt(descriptor, level, name, &value, sizeof value);
}

/* A peer that has vanished is noticed after about twice tcp-keepalive.  Not for unix sockets, where
 * the calls fail and do no harm. */
static void set_keepalive(const struct loop *loop, int descriptor)
{
    int seconds = (int)options_number(loop->services->options, OPTION_TCP_KEEPALIVE);

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
    session->created_s = loop->now_s;
    session->is_authenticated = !clients_need_password(loop->services->options);
    atomic_store_explicit(&session->active_s, loop->now_s, memory_order_relaxed);
    address_of_peer(descriptor, session->address, sizeof session->address);
    address_of_socket(descriptor, session->local_address, sizeof session->local_address);
    clients_add(loop->services->clients, session);
}

void connection_arrive(struct connection *connection, struct loop *loop)
{
    connection->loop = loop;
    (void)event_assign(&connection->write_event, loop->base, connection->session.descriptor,
                       EV_WRITE | EV_PERSIST, on_writable, connection);
    TAILQ_INSERT_TAIL(&loop->connections, connection, all);
    if (atomic_load(&loop->is_stopping))
        connection->state = CONNECTION_LEAVING;
    settle(connection);
}

void connection_open(struct loop *loop, int descriptor)
{
    struct connection *connection = xcalloc(1, sizeof *connection);

    connection->loop = loop;
    atomic_store(&connection->home, loop);
    connection->state = CONNECTION_READING;
    resp_parser_init(&connection->parser);
    init_session(connection, descriptor);
    set_keepalive(loop, descriptor);
    count(connection, COUNTER_CONNECTIONS, 1);
    connection_arrive(connection, loop);
}

void connection_close(struct connection *connection)
{
    struct loop *loop = connection->loop;

    give_up(connection);
    stop_holding(connection);
    set_readable(connection, false);
    set_sending(connection, false);
    listen_for_input(connection);
    TAILQ_REMOVE(&loop->connections, connection, all);

    clients_remove(loop->services->clients, &connection->session);
    loop_forget(loop, connection);
    (void)close(connection->session.descriptor);
    session_clear(&connection->session);

    resp_parser_clear(&connection->parser);
    buffer_clear(&connection->in);
    outbox_clear(&connection->out);
    free(connection);
}
