#include "unit/load/fake_server.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Nobody connects or sends for so long: the test went wrong, and shall not hang. */
#define PATIENCE_MS 20000

static void send_reply(const struct fake_server *server, int socket)
{
    size_t size = strlen(server->reply), step = server->is_in_pieces ? 1 : size;

    for (size_t at = 0; at < size; at += step)
        if (send(socket, server->reply + at, step, MSG_NOSIGNAL) < 0)
            return;
}

static void hang_up(struct fake_connection *connection)
{
    close(connection->socket);
    connection->socket = -1;
}

/* Answers what has arrived whole and need not wait. */
static void answer(struct fake_server *server, struct fake_connection *connection)
{
    while (connection->socket >= 0 &&
           connection->answered < connection->bytes / server->request_size) {
        uint64_t number = server->arrived;

        if (number >= server->hold_from && number < server->hold_until)
            return;
        if (server->is_first_mute && connection == server->connections)
            return;
        send_reply(server, connection->socket);
        connection->answered++;
    }
}

/* Reads one request at most, so that requests have an order. */
static void read_one(struct fake_server *server, struct fake_connection *connection)
{
    uint64_t left = server->request_size - connection->bytes % server->request_size;
    char bytes[4096];
    ssize_t size = recv(connection->socket, bytes, left < sizeof(bytes) ? left : sizeof(bytes), 0);

    if (size <= 0) {
        hang_up(connection);
        return;
    }
    connection->bytes += (uint64_t)size;
    if ((uint64_t)size < left)
        return;
    server->arrived++;
    if (server->arrived == server->close_at)
        hang_up(connection);
    else if (server->arrived == server->stall_at)
        (void)poll(NULL, 0, server->stall_ms);
}

static void welcome(struct fake_server *server)
{
    int on = 1, socket = accept(server->listener, NULL, NULL);

    assert(socket >= 0 && server->count < FAKE_CONNECTIONS_MAX);
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    server->connections[server->count++] = (struct fake_connection){.socket = socket};
}

static bool is_deserted(const struct fake_server *server)
{
    for (unsigned i = 0; i < server->count; i++)
        if (server->connections[i].socket >= 0)
            return false;
    return server->count > 0;
}

static void *serve(void *context)
{
    struct fake_server *server = context;
    struct pollfd polled[FAKE_CONNECTIONS_MAX + 1];

    while (!is_deserted(server)) {
        polled[0] = (struct pollfd){server->listener, POLLIN, 0};
        for (unsigned i = 0; i < server->count; i++)
            polled[i + 1] = (struct pollfd){server->connections[i].socket, POLLIN, 0};
        if (poll(polled, server->count + 1, PATIENCE_MS) <= 0)
            break;
        for (unsigned i = 0; i < server->count; i++)
            if (polled[i + 1].revents != 0)
                read_one(server, &server->connections[i]);
        for (unsigned i = 0; i < server->count; i++)
            answer(server, &server->connections[i]);
        if (polled[0].revents != 0)
            welcome(server);
    }
    return NULL;
}

void fake_server_start(struct fake_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int failed;

    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    failed = bind(server->listener, (struct sockaddr *)&address, sizeof(address)) |
             listen(server->listener, FAKE_CONNECTIONS_MAX) |
             getsockname(server->listener, (struct sockaddr *)&address, &size) |
             pthread_create(&server->thread, NULL, serve, server);
    assert(failed == 0);
    server->port = ntohs(address.sin_port);
}

void fake_server_join(struct fake_server *server)
{
    pthread_join(server->thread, NULL);
    close(server->listener);
}
