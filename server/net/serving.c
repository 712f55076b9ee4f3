#include "net/serving.h"

#include <errno.h>
#include <stdio.h>

#include "commands/dispatch.h"

/* So much output is sent in the middle of a pipeline, and held against the limits. */
#define OUTPUT_SENT_EARLY ((size_t)256 * 1024)

/* A larger buffer for input is freed as soon as it is empty. */
#define INPUT_KEPT_MAX ((size_t)1024 * 1024)

/* Half of one that was not needed for so long is given back, as often as that, as Redis does; but
 * not of so little. */
#define INPUT_HALVED_MS  100
#define INPUT_NEVER_HALF ((size_t)32 * 1024)

#define SECURITY_LOG_EVERY_S 60

/* --- requests --- */

/* False if the request must wait. */
static bool run_request(struct connection *connection, const struct request *request)
{
    struct loop *loop = connection->loop;
    struct session *session = &connection->session;
    size_t start = connection->out.bytes.size;
    struct outcome outcome;

    loop->writer.protocol = session->protocol;
    outcome = dispatch(&loop->reactor.worker, session, &loop->writer.reply, request,
                       loop->reactor.now_ms);
    if (UNLIKELY(outcome.is_parked)) {
        connection->is_oversized = request->oversized_bytes > 0;
        connection_park(connection, outcome.wake_at_ms);
        return false;
    }
    if (outcome.depends_on != 0 &&
        outcome.depends_on > store_committed(loop->reactor.services->store))
        connection_hold_reply(connection, start, outcome.depends_on);
    if (UNLIKELY(session->wants_close))
        connection->state = CONNECTION_LEAVING;
    if (UNLIKELY(outbox_size(&connection->out) >= OUTPUT_SENT_EARLY))
        connection_send_early(connection);
    return true;
}

/* AUTH changes the limits of what stands behind it. */
static void parse(struct connection *connection, struct batch *batch, size_t done)
{
    const struct buffer *in = &connection->in.bytes;
    struct resp_limits *limits = &connection->loop->limits;

    limits->is_authenticated = connection->session.is_authenticated;
    batch_parse(batch, &connection->parser, limits, in->data + done, in->size - done,
                limits->is_authenticated ? BATCH_REQUESTS_MAX : 1);
}

/* The first argument is the key of nearly every command that has one. */
static void announce_keys(struct connection *connection, const struct batch *batch)
{
    struct loop *loop = connection->loop;
    const struct ns *ns = dispatch_selected(&loop->reactor.worker, &connection->session);

    for (size_t i = 0; i < batch->count; i++)
        if (batch->requests[i].argc > 1)
            loop->announced[loop->announced_count++] =
                store_announce(loop->reactor.worker.store_thread, ns, batch->requests[i].argv[1]);
}

static void prefetch_announced(struct loop *loop)
{
    if (loop->announced_count > 1)
        for (size_t i = 0; i < loop->announced_count; i++)
            store_prefetch(loop->reactor.worker.store_thread, loop->announced[i]);
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

    connection_log(connection, LOG_VERBOSE, connection->parser.error);
    (void)snprintf(text, sizeof text, "ERR %s", connection->parser.error);
    statistics_record_error(loop->reactor.worker.statistics, bytes_of(text));
    if (connection->session.reply_mode == REPLY_ON)
        reply_error(&loop->writer.reply, bytes_of(text));
    connection->state = CONNECTION_LEAVING;
}

static void drop_attacker(struct connection *connection)
{
    struct loop *loop = connection->loop;

    if (loop->attack_logged_s == 0 ||
        loop->reactor.now_s - loop->attack_logged_s >= SECURITY_LOG_EVERY_S) {
        loop->attack_logged_s = loop->reactor.now_s;
        connection_log(
            connection, LOG_WARNING,
            "Possible SECURITY ATTACK detected: it sends HTTP (POST or Host:) to the RESP port, "
            "as a web page does that wants a browser to reach this server. Disconnected.");
    }
    connection_give_up(connection);
}

/* Runs the complete requests of its input, the first of which are in the batch, and returns how
 * many bytes are done with. */
static size_t run_requests(struct connection *connection, struct batch *batch)
{
    size_t done;

    connection_write_to(connection);
    done = run_batch(connection, batch);
    while (batch->next == RESP_REQUEST && connection->state == CONNECTION_READING) {
        parse(connection, batch, done);
        announce_keys(connection, batch);
        prefetch_announced(connection->loop);
        done += run_batch(connection, batch);
    }
    if (batch->next == RESP_ERROR && connection->state == CONNECTION_READING)
        refuse_protocol(connection);
    if (batch->next == RESP_ATTACK && connection->state == CONNECTION_READING)
        drop_attacker(connection);
    return connection->state == CONNECTION_LEAVING ? connection->in.bytes.size : done;
}

/* --- input --- */

/* The client closed its end, or the socket failed.  Replies that only wait for a commit still go
 * out: `printf 'SET k v\r\n' | nc` ends its input at once and wants to see the answer. */
static void end_input(struct connection *connection, ssize_t received)
{
    if (received < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (received == 0 && outbox_is_holding(&connection->out))
        connection->state = CONNECTION_LEAVING;
    else
        connection_fail_io(connection);
}

static void count_input(struct connection *connection, ssize_t received)
{
    connection_count(connection, COUNTER_READS, 1);
    if (received > 0)
        connection_count(connection, COUNTER_INPUT_BYTES, (uint64_t)received);
}

/* How much to read: what there is room for.  Behind an unfinished request there is more to be made,
 * to the end of the bulk that is coming, but for no more than has come already, so that a length
 * that was only announced allocates nothing.  A pipeline that fills its room gets a larger one. */
static size_t size_to_read(const struct connection *connection)
{
    const struct buffer *in = &connection->in.bytes;
    size_t wanted = resp_parser_wants(&connection->parser, in->size);
    size_t room = in->capacity - in->size;

    if (in->capacity == 0)
        wanted = ROOM_SIZE;
    else if (wanted == 0 || wanted > in->size)
        wanted = in->size;
    if (connection->fills_input && in->capacity < LOOP_INPUT_SIZE)
        wanted = LOOP_INPUT_SIZE - in->size;
    if (room > LOOP_INPUT_SIZE)
        room = LOOP_INPUT_SIZE;
    return wanted > room ? wanted : room;
}

/* False if there is nothing to run. */
static bool read_input(struct connection *connection)
{
    struct input *in = &connection->in;
    size_t size = size_to_read(connection);
    ssize_t received = transport_receive(&connection->transport,
                                         input_reserve(in, &connection->loop->rooms, size), size);

    count_input(connection, received);
    if (received <= 0) {
        end_input(connection, received);
        return false;
    }
    connection->fills_input = (size_t)received == size;
    in->bytes.size += (size_t)received;
    connection_show_input(connection);
    return true;
}

/* While smaller requests come. */
static void give_back_half(struct connection *connection)
{
    struct buffer *in = &connection->in.bytes;
    int64_t now_ms = connection->loop->reactor.now_ms;

    if (in->size <= in->capacity / 2) {
        if (now_ms - connection->input_needed_ms < INPUT_HALVED_MS)
            return;
        buffer_shrink(in, in->capacity / 2);
    }
    connection->input_needed_ms = now_ms;
}

/* Runs what is complete of it, the first requests of which are in the batch, and keeps the rest. */
static void run_input(struct connection *connection, struct batch *batch)
{
    struct input *in = &connection->in;
    size_t done = run_requests(connection, batch);

    if (UNLIKELY(in->bytes.capacity > INPUT_NEVER_HALF))
        give_back_half(connection);
    buffer_consume(&in->bytes, done);
    if (in->bytes.size == 0 && in->bytes.capacity > INPUT_KEPT_MAX)
        input_clear(in, &connection->loop->rooms);
}

static void check_query_limit(struct connection *connection)
{
    int64_t limit = options_number(connection->loop->reactor.services->options,
                                   OPTION_CLIENT_QUERY_BUFFER_LIMIT);

    if ((int64_t)connection->in.bytes.size <= limit)
        return;
    connection_count(connection, COUNTER_QUERY_LIMIT_CLOSED, 1);
    connection_log(connection, LOG_WARNING,
                   "disconnected, its request is longer than client-query-buffer-limit allows");
    connection_give_up(connection);
}

/* --- serving --- */

/* After a read. */
static void finish_reading(struct connection *connection)
{
    if (connection->in.bytes.size > 0)
        check_query_limit(connection);
    atomic_store_explicit(&connection->session.active_s, connection->loop->reactor.now_s,
                          memory_order_relaxed);
    connection_settle(connection);
}

/* Reads connections until the group is full or has keys enough. */
static void gather_group(struct loop *loop)
{
    struct connection *connection;

    loop->group_count = 0;
    while (loop->group_count < LOOP_GROUP_MAX && loop->announced_count < LOOP_GROUP_KEYS_MAX &&
           (connection = TAILQ_FIRST(&loop->readable)) != NULL) {
        struct reading *reading = &loop->group[loop->group_count];

        connection_set_readable(connection, false);
        if (!read_input(connection)) {
            finish_reading(connection);
            continue;
        }
        reading->connection = connection;
        parse(connection, &reading->batch, 0);
        announce_keys(connection, &reading->batch);
        loop->group_count++;
    }
}

/* No system call comes between its requests: where one ends the next begins. */
static void run_group(struct loop *loop)
{
    loop_start_clock(loop);
    for (size_t i = 0; i < loop->group_count; i++)
        run_input(loop->group[i].connection, &loop->group[i].batch);
    loop_stop_clock(loop);
    for (size_t i = 0; i < loop->group_count; i++)
        finish_reading(loop->group[i].connection);
}

void serve_readable(struct loop *loop)
{
    while (!TAILQ_EMPTY(&loop->readable)) {
        gather_group(loop);
        prefetch_announced(loop);
        run_group(loop);
    }
}

/* Nothing was parsed since, so the parser still has all there is of it. */
static void retry_oversized(struct connection *connection)
{
    const struct resp_parser *parser = &connection->parser;
    const struct request request = {parser->argv, parser->argc, parser->oversized_bytes};

    connection->is_oversized = false;
    loop_start_clock(connection->loop);
    connection_write_to(connection);
    (void)run_request(connection, &request);
    loop_stop_clock(connection->loop);
}

static void run_again(struct connection *connection)
{
    struct batch *batch = &connection->loop->batch;

    parse(connection, batch, 0);
    loop_start_clock(connection->loop);
    run_input(connection, batch);
    loop_stop_clock(connection->loop);
}

void serve_parked(struct connection *connection)
{
    connection_unpark(connection);
    if (connection->is_oversized)
        retry_oversized(connection);
    if (connection->state == CONNECTION_READING && connection->in.bytes.size > 0)
        run_again(connection);
    connection_settle(connection);
}
