#include "net/serving.h"

#include <errno.h>
#include <stdio.h>

#include "commands/dispatch.h"

/* Unfinished input up to this size goes back in front of the next read, so that requests behind it
 * cost no read of their own; more than that stays where it is, and reads go behind it. */
#define KEPT_IN_FRONT_MAX (LOOP_INPUT_SIZE / 4)

/* So much output is sent in the middle of a pipeline, and held against the limits. */
#define OUTPUT_SENT_EARLY ((size_t)256 * 1024)

/* A larger buffer for input is freed as soon as it is empty. */
#define INPUT_KEPT_MAX ((size_t)1024 * 1024)

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

/* Runs the complete requests in data[0 .. size-1], the first of which are in the batch, and returns
 * how many bytes are done with. */
static size_t run_requests(struct connection *connection, struct batch *batch, const char *data,
                           size_t size)
{
    size_t done;

    connection_write_to(connection);
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

/* All that was in it is done with.  Its memory waits for the next request that comes in parts,
 * until connection_check() takes it. */
static void empty_input(struct connection *connection)
{
    struct buffer *in = &connection->in;

    connection->is_in_spare = in->size == 0;
    in->size = 0;
    if (in->capacity > INPUT_KEPT_MAX)
        buffer_clear(in);
}

/* What is left of data[0 .. size-1], the first `kept` bytes of which are in `in` already. */
static void keep_rest(struct connection *connection, const char *data, size_t size, size_t done,
                      size_t kept)
{
    struct buffer *in = &connection->in;

    if (done == size) {
        if (in->data != NULL)
            empty_input(connection);
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
    received = transport_receive(&connection->transport, data + kept, LOOP_INPUT_SIZE - kept);
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

    connection_show_input(connection, reading->size, LOOP_INPUT_SIZE);
    done = run_requests(connection, &reading->batch, reading->data, reading->size);
    keep_rest(connection, reading->data, reading->size, done, reading->kept);
}

/* Runs what is complete in `in` and keeps the rest there. */
static void run_own_input(struct connection *connection)
{
    struct batch *batch = &connection->loop->batch;
    struct buffer *in = &connection->in;
    size_t done;

    connection_show_input(connection, in->size, in->capacity);
    parse(connection, batch, in->data, in->size);
    loop_start_clock(connection->loop);
    done = run_requests(connection, batch, in->data, in->size);
    loop_stop_clock(connection->loop);
    if (done == in->size)
        empty_input(connection);
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
    ssize_t received = transport_receive(&connection->transport, buffer_reserve(in, room), room);

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
    int64_t limit = options_number(connection->loop->reactor.services->options,
                                   OPTION_CLIENT_QUERY_BUFFER_LIMIT);

    if ((int64_t)connection->in.size <= limit)
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
    if (connection->in.size > 0)
        check_query_limit(connection);
    atomic_store_explicit(&connection->session.active_s, connection->loop->reactor.now_s,
                          memory_order_relaxed);
    connection_settle(connection);
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

        connection_set_readable(connection, false);
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

/* No system call comes between its requests: where one ends the next begins. */
static void run_group(struct loop *loop)
{
    loop_start_clock(loop);
    for (size_t i = 0; i < loop->group_count; i++)
        run_reading(&loop->group[i]);
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

void serve_parked(struct connection *connection)
{
    connection_unpark(connection);
    if (connection->is_oversized)
        retry_oversized(connection);
    if (connection->state == CONNECTION_READING && connection->in.size > 0)
        run_own_input(connection);
    connection_settle(connection);
}
