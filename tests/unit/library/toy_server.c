#include "unit/library/toy_server.h"

#include <arpa/inet.h>
#include <fnmatch.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS_MAX 16
#define TEXT_MAX        512

struct connection {
    int fd;
    redisReader *reader;
};

struct toy {
    const struct toy_line *script;
    char address[TEXT_MAX];
    char complaint[TEXT_MAX];
    int port; /* 0: a path */
    int listening;
    int ending[2]; /* a pipe: closed at one end, it wakes the thread */
    struct connection connections[CONNECTIONS_MAX];
    unsigned connection_count;
    unsigned accepted;
    bool is_running;
    pthread_t thread;
    pthread_mutex_t mutex; /* all but what is set before the thread runs */
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* --- the part --- */

static void complain(struct toy *toy, const char *what, const char *request)
{
    if (toy->complaint[0] == '\0')
        (void)snprintf(toy->complaint, sizeof toy->complaint, "%s: %.400s", what, request);
}

/* What to answer: a line of the script, or NULL to close. */
static const struct toy_line *line_for(struct toy *toy, const char *request)
{
    static const struct toy_line pong = ONCE("PING", "+PONG\r\n");
    const struct toy_line *line = toy->script;

    if (line->request != NULL && fnmatch(line->request, request, 0) == 0) {
        if (!line->is_forever)
            toy->script++;
        return line;
    }
    if (strcmp(request, pong.request) == 0)
        return &pong;
    complain(toy, "unexpected", request);
    return NULL;
}

static void join(const redisReply *request, char words[TEXT_MAX])
{
    size_t used = 0;

    words[0] = '\0';
    for (size_t i = 0; i < request->elements && used < TEXT_MAX; i++)
        used += (size_t)snprintf(words + used, TEXT_MAX - used, "%s%s", i > 0 ? " " : "",
                                 request->element[i]->str);
}

/* Time goes by; what the test asks meanwhile is answered. */
static void wait_ms(struct toy *toy, int ms)
{
    if (ms == 0)
        return;
    (void)pthread_mutex_unlock(&toy->mutex);
    (void)poll(NULL, 0, ms);
    (void)pthread_mutex_lock(&toy->mutex);
}

static bool say(struct toy *toy, int fd, const struct toy_line *line)
{
    size_t left = strlen(line->reply), part = left;
    const char *at = line->reply;

    if (line->parts > 1)
        part = left / (size_t)line->parts + 1;
    for (; left > 0; at += part, left -= part) {
        if (part > left)
            part = left;
        wait_ms(toy, line->delay_ms);
        if (send(fd, at, part, MSG_NOSIGNAL) != (ssize_t)part)
            return false;
    }
    return true;
}

/* False: the connection is to be closed. */
static bool answer(struct toy *toy, int fd, const redisReply *request)
{
    const struct toy_line *line;
    char words[TEXT_MAX];

    join(request, words);
    line = line_for(toy, words);
    if (line == NULL || strcmp(line->reply, TOY_CLOSE) == 0)
        return false;
    if (strcmp(line->reply, TOY_SILENCE) == 0)
        return true;
    return say(toy, fd, line) && !line->closes;
}

/* --- the sockets --- */

static void close_connection(struct toy *toy, unsigned index)
{
    (void)close(toy->connections[index].fd);
    redisReaderFree(toy->connections[index].reader);
    toy->connections[index] = toy->connections[--toy->connection_count];
}

static bool serve(struct toy *toy, struct connection *connection)
{
    char bytes[16384];
    ssize_t size = recv(connection->fd, bytes, sizeof bytes, 0);
    void *request = NULL;
    bool goes_on = true;

    if (size <= 0 || redisReaderFeed(connection->reader, bytes, (size_t)size) != REDIS_OK)
        return false;
    while (goes_on && redisReaderGetReply(connection->reader, &request) == REDIS_OK &&
           request != NULL) {
        goes_on = answer(toy, connection->fd, request);
        freeReplyObject(request);
    }
    return goes_on;
}

static void accept_one(struct toy *toy)
{
    int fd = accept(toy->listening, NULL, NULL);

    must(fd >= 0 && toy->connection_count < CONNECTIONS_MAX);
    toy->connections[toy->connection_count++] = (struct connection){fd, redisReaderCreate()};
    toy->accepted++;
}

static void *run(void *context)
{
    struct pollfd polled[2 + CONNECTIONS_MAX];
    struct toy *toy = context;

    for (;;) {
        unsigned count = toy->connection_count;

        polled[0] = (struct pollfd){.fd = toy->ending[0], .events = POLLIN};
        polled[1] = (struct pollfd){.fd = toy->listening, .events = POLLIN};
        for (unsigned i = 0; i < count; i++)
            polled[2 + i] = (struct pollfd){.fd = toy->connections[i].fd, .events = POLLIN};
        (void)poll(polled, 2 + count, -1);
        if (polled[0].revents != 0)
            return NULL;
        (void)pthread_mutex_lock(&toy->mutex);
        for (unsigned i = count; i-- > 0;)
            if (polled[2 + i].revents != 0 && !serve(toy, &toy->connections[i]))
                close_connection(toy, i);
        if (polled[1].revents != 0)
            accept_one(toy);
        (void)pthread_mutex_unlock(&toy->mutex);
    }
}

/* --- life --- */

static void listen_at_port(struct toy *toy)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)toy->port)};
    socklen_t size = sizeof address;
    int yes = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    toy->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(toy->listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    must(bind(toy->listening, (struct sockaddr *)&address, size) == 0);
    must(getsockname(toy->listening, (struct sockaddr *)&address, &size) == 0);
    toy->port = ntohs(address.sin_port);
    (void)snprintf(toy->address, sizeof toy->address, "127.0.0.1:%d", toy->port);
}

static void listen_at_path(struct toy *toy)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    must(strlen(toy->address) < sizeof address.sun_path);
    strcpy(address.sun_path, toy->address);
    toy->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(toy->listening, (struct sockaddr *)&address, sizeof address) == 0);
}

void toy_start_again(struct toy *toy, const struct toy_line *script)
{
    toy->script = script;
    toy->complaint[0] = '\0';
    if (toy->address[0] == '/')
        listen_at_path(toy);
    else
        listen_at_port(toy);
    must(listen(toy->listening, CONNECTIONS_MAX) == 0);
    must(pipe(toy->ending) == 0);
    must(pthread_create(&toy->thread, NULL, run, toy) == 0);
    toy->is_running = true;
}

struct toy *toy_start_at(const char *path, const struct toy_line *script)
{
    struct toy *toy = calloc(1, sizeof *toy);

    must(toy != NULL);
    (void)pthread_mutex_init(&toy->mutex, NULL);
    (void)snprintf(toy->address, sizeof toy->address, "%s", path);
    toy_start_again(toy, script);
    return toy;
}

struct toy *toy_start(const struct toy_line *script)
{
    return toy_start_at("", script);
}

struct toy *toy_stop(struct toy *toy)
{
    (void)close(toy->ending[1]);
    (void)pthread_join(toy->thread, NULL);
    (void)close(toy->ending[0]);
    while (toy->connection_count > 0)
        close_connection(toy, 0);
    (void)close(toy->listening);
    toy->is_running = false;
    return toy;
}

void toy_destroy(struct toy *toy)
{
    if (toy->is_running)
        (void)toy_stop(toy);
    (void)pthread_mutex_destroy(&toy->mutex);
    free(toy);
}

const char *toy_address(const struct toy *toy)
{
    return toy->address;
}

const char *toy_complaint(struct toy *toy)
{
    (void)pthread_mutex_lock(&toy->mutex);
    if (toy->script->request != NULL && !toy->script->is_forever)
        complain(toy, "never came", toy->script->request);
    (void)pthread_mutex_unlock(&toy->mutex);
    return toy->complaint;
}

unsigned toy_connections(struct toy *toy)
{
    unsigned count;

    (void)pthread_mutex_lock(&toy->mutex);
    count = toy->accepted;
    (void)pthread_mutex_unlock(&toy->mutex);
    return count;
}
