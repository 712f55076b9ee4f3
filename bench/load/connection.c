#include "load/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"

#define CONNECT_S 10
/* While more than that waits to be sent, no request is added: what a slow server may cost. */
#define OUT_MAX (4u << 20)

/* --- what a reply was ---------------------------------------------------------------------------
 */

static void *see_text(const redisReadTask *task, char *text, size_t size)
{
    struct reply_seen *seen = task->privdata;

    if (task->type == REDIS_REPLY_ERROR && !seen->is_error) {
        size_t length = 0;

        while (length < size && length < STATS_WORD_MAX - 1 && text[length] != ' ')
            length++;
        memcpy(seen->word, text, length);
        seen->word[length] = '\0';
        seen->is_error = true;
    }
    return seen;
}

static void *see_array(const redisReadTask *task, int count)
{
    (void)count;
    return task->privdata;
}

static void *see_integer(const redisReadTask *task, long long value)
{
    (void)value;
    return task->privdata;
}

static void *see_nil(const redisReadTask *task)
{
    struct reply_seen *seen = task->privdata;

    seen->missing++;
    return seen;
}

static void forget(void *seen)
{
    (void)seen;
}

static redisReplyObjectFunctions seeing = {see_text, see_array, see_integer, see_nil, forget};

/* --- beginning and end --------------------------------------------------------------------------
 */

/* One command before the load; false, with a sentence, unless it is done. */
static bool ask(struct connection *connection, const struct server_address *server, int count,
                const char **words, char problem[OPTIONS_PROBLEM_MAX])
{
    redisReply *reply = redisCommandArgv(connection->context, count, words, NULL);
    bool is_done = reply != NULL && reply->type != REDIS_REPLY_ERROR;

    if (!is_done)
        snprintf(problem, OPTIONS_PROBLEM_MAX, "%.80s:%d refuses %s: %.120s", server->host,
                 server->port, words[0], reply != NULL ? reply->str : connection->context->errstr);
    if (reply != NULL)
        freeReplyObject(reply);
    return is_done;
}

static bool prepare(struct connection *connection, const struct options *options,
                    const struct server_address *server, bool is_first,
                    char problem[OPTIONS_PROBLEM_MAX])
{
    const char *user = options->user, *password = options->password;
    char number[24], title[28];

    snprintf(number, sizeof(number), "%" PRIu64, options->dbnum);
    snprintf(title, sizeof(title), "db%s", number);
    if (user != NULL &&
        !ask(connection, server, 3, (const char *[]){"AUTH", user, password}, problem))
        return false;
    if (user == NULL && password != NULL &&
        !ask(connection, server, 2, (const char *[]){"AUTH", password}, problem))
        return false;
    if (options->has_no_write_rate && is_first &&
        !ask(connection, server, 5,
             (const char *[]){"NAMESPACE", "SET", title, "key-write-rate", "0"}, problem))
        return false;
    return options->dbnum == 0 ||
           ask(connection, server, 2, (const char *[]){"SELECT", number}, problem);
}

bool connection_open(struct connection *connection, const struct options *options,
                     const struct server_address *server, bool is_first,
                     char problem[OPTIONS_PROBLEM_MAX])
{
    struct timeval limit = {CONNECT_S, 0};
    int on = 1;

    *connection = (struct connection){.flight_max = options->pipeline};
    connection->context = redisConnectWithTimeout(server->host, server->port, limit);
    if (connection->context == NULL || connection->context->err != 0) {
        snprintf(problem, OPTIONS_PROBLEM_MAX, "cannot connect to %.80s:%d: %.120s", server->host,
                 server->port,
                 connection->context != NULL ? connection->context->errstr : "out of memory");
        return false;
    }
    redisSetTimeout(connection->context, limit);
    if (!prepare(connection, options, server, is_first, problem))
        return false;
    (void)setsockopt(connection->context->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)fcntl(connection->context->fd, F_SETFL, O_NONBLOCK);
    connection->reader = redisReaderCreateWithFunctions(&seeing);
    connection->reader->maxbuf = 0;
    connection->flights = xcalloc(connection->flight_max, sizeof(*connection->flights));
    return true;
}

void connection_close(struct connection *connection)
{
    if (connection->reader != NULL)
        redisReaderFree(connection->reader);
    if (connection->context != NULL)
        redisFree(connection->context);
    buffer_clear(&connection->out);
    free(connection->flights);
    *connection = (struct connection){.is_lost = true};
}

/* --- requests -----------------------------------------------------------------------------------
 */

bool connection_has_room(const struct connection *connection)
{
    return !connection->is_lost && connection->flight_count < connection->flight_max &&
           connection->out.size - connection->sent < OUT_MAX;
}

void connection_take_off(struct connection *connection, const struct flight *flight)
{
    uint64_t last = connection->flight_first + connection->flight_count++;

    connection->flights[last % connection->flight_max] = *flight;
}

bool connection_flush(struct connection *connection)
{
    struct buffer *out = &connection->out;

    while (connection->sent < out->size) {
        ssize_t size = send(connection->context->fd, out->data + connection->sent,
                            out->size - connection->sent, MSG_NOSIGNAL);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return false;
        if (size < 0)
            break;
        connection->sent += (size_t)size;
    }
    if (connection->sent >= out->size - connection->sent) {
        buffer_consume(out, connection->sent);
        connection->sent = 0;
    }
    return true;
}

/* --- replies ------------------------------------------------------------------------------------
 */

bool connection_feed(struct connection *connection, const char *data, size_t size)
{
    return redisReaderFeed(connection->reader, data, size) == REDIS_OK;
}

bool connection_give_up(struct connection *connection, struct flight *flight)
{
    if (connection->flight_count == 0)
        return false;
    *flight = connection->flights[connection->flight_first++ % connection->flight_max];
    connection->flight_count--;
    return true;
}

enum landing connection_land(struct connection *connection, struct flight *flight,
                             struct reply_seen *seen)
{
    void *reply = NULL;

    connection->reader->privdata = &connection->seen;
    if (redisReaderGetReply(connection->reader, &reply) != REDIS_OK)
        return LANDING_BROKEN;
    if (reply == NULL)
        return LANDING_NONE;
    *seen = connection->seen;
    connection->seen = (struct reply_seen){0};
    return connection_give_up(connection, flight) ? LANDING_REPLY : LANDING_BROKEN;
}
