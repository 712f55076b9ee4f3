#include "http/door.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/log.h"
#include "base/memory.h"
#include "commands/statistics.h"
#include "http/connection.h"

#define CHECK_MS 1000

/* Accepted in one go: more would keep this thread's clients waiting. */
#define ACCEPTS_PER_EVENT 64

/* How long not to try after the system ran out of descriptors or memory. */
#define PAUSE_MS 100

#define SOCKETS_MAX 16
#define FAREWELL_MS 800

#define TOO_MANY_CLIENTS                                                                           \
    "HTTP/1.1 503 max number of clients reached\r\nContent-Length: 0\r\nRetry-After: 1\r\n"        \
    "Connection: close\r\n\r\n"

struct listening_socket {
    struct doors *doors;
    int descriptor;
    struct event event;
};

struct doors {
    struct services *services;
    atomic_int *client_count;
    struct budget budget;
    struct door **doors;
    pthread_t *threads;
    int count, started;
    struct listening_socket sockets[SOCKETS_MAX];
    int socket_count;
    struct event resume_timer;
    int64_t trouble_logged_s;
};

static struct door *door_of(struct reactor *reactor)
{
    return (struct door *)reactor;
}

/* --- a turn --- */

static void begin(struct reactor *reactor)
{
    struct door *door = door_of(reactor);

    door->room.now_ms = reactor->now_ms;
    access_refresh(&door->room.access, reactor->services->options);
}

static void go_through(struct http_connection_list *list,
                       void (*each)(struct http_connection *connection, void *context),
                       void *context)
{
    struct http_connection *last = TAILQ_LAST(list, http_connection_list);
    struct http_connection *connection, *next = TAILQ_FIRST(list);

    while (next != NULL) {
        connection = next;
        next = connection == last ? NULL : TAILQ_NEXT(connection, waiting);
        each(connection, context);
    }
}

static void release(struct http_connection *connection, void *context)
{
    uint64_t committed = *(const uint64_t *)context;

    if (connection->exchange->call.depends_on <= committed)
        http_connection_release(connection, false);
}

static void fail(struct http_connection *connection, void *context)
{
    uint64_t committed = *(const uint64_t *)context;

    http_connection_release(connection, connection->exchange->call.depends_on > committed);
}

static void on_committed(struct reactor *reactor)
{
    uint64_t committed = store_committed(reactor->services->store);

    go_through(&door_of(reactor)->holding, release, &committed);
}

/* A request between two of its turns may depend on the group too: later groups will be committed,
 * and then nobody could tell. */
static void fail_unfinished(struct http_connection *connection, void *context)
{
    const struct exchange *exchange = connection->exchange;

    if (exchange != NULL && exchange->state == EXCHANGE_RUN &&
        exchange->call.depends_on > *(const uint64_t *)context)
        http_connection_release(connection, true);
}

static void on_failed(struct reactor *reactor)
{
    struct door *door = door_of(reactor);
    uint64_t committed = store_committed(reactor->services->store);

    go_through(&door->holding, fail, &committed);
    go_through(&door->ready, fail_unfinished, &committed);
    go_through(&door->parked, fail_unfinished, &committed);
}

static void retry(struct http_connection *connection, void *context)
{
    if (connection->wake_at_ms <= *(const int64_t *)context)
        http_connection_continue(connection);
}

static void retry_parked(struct reactor *reactor, int64_t until_ms)
{
    struct door *door = door_of(reactor);
    struct http_connection *connection;

    go_through(&door->parked, retry, &until_ms);
    TAILQ_FOREACH(connection, &door->parked, waiting)
    reactor_retry_at(reactor, connection->wake_at_ms);
}

static bool expects_commit(const struct reactor *reactor)
{
    const struct door *door = (const struct door *)reactor;

    return !TAILQ_EMPTY(&door->holding) || !TAILQ_EMPTY(&door->parked);
}

static void welcome_newcomers(struct reactor *reactor)
{
    struct door *door = door_of(reactor);
    size_t count;
    struct newcomer *newcomers = mail_take_newcomers(&door->mail, &count);

    for (size_t i = 0; i < count; i++)
        http_connection_open(door, newcomers[i].descriptor);
    free(newcomers);
}

static const struct reactor_ops ops = {
    .begin = begin,
    .work = NULL,
    .rung = welcome_newcomers,
    .committed = on_committed,
    .failed = on_failed,
    .retry = retry_parked,
    .expects_commit = expects_commit,
};

static void go_on(struct http_connection *connection, void *context)
{
    (void)context;
    http_connection_continue(connection);
}

static void on_ready(evutil_socket_t descriptor, short what, void *context)
{
    struct door *door = context;

    (void)descriptor;
    (void)what;
    reactor_begin_turn(&door->reactor);
    go_through(&door->ready, go_on, NULL);
}

void door_wait_for_next_turn(struct door *door)
{
    static const struct timeval at_once = {0, 0};

    (void)evtimer_add(&door->ready_timer, &at_once);
}

/* --- connections --- */

static void on_check(evutil_socket_t descriptor, short what, void *context)
{
    struct door *door = context;
    struct http_connection *connection, *next;

    (void)descriptor;
    (void)what;
    reactor_begin_turn(&door->reactor);
    for (connection = TAILQ_FIRST(&door->connections); connection != NULL; connection = next) {
        next = TAILQ_NEXT(connection, all);
        http_connection_check(connection);
    }
}

void door_add_connection(struct door *door, struct http_connection *connection)
{
    struct timeval check = reactor_milliseconds(CHECK_MS);

    if (TAILQ_EMPTY(&door->connections))
        (void)event_add(&door->check_timer, &check);
    TAILQ_INSERT_TAIL(&door->connections, connection, all);
}

void door_remove_connection(struct door *door, struct http_connection *connection)
{
    TAILQ_REMOVE(&door->connections, connection, all);
    if (TAILQ_EMPTY(&door->connections))
        (void)event_del(&door->check_timer);
    atomic_fetch_sub(&door->load, 1);
    atomic_fetch_sub(door->client_count, 1);
    atomic_fetch_sub(&door->reactor.services->http_clients, 1);
}

struct exchange *door_take_exchange(struct door *door)
{
    if (door->spare_count > 0)
        return door->spare[--door->spare_count];
    return xcalloc(1, sizeof(struct exchange));
}

void door_give_exchange(struct door *door, struct exchange *exchange)
{
    if (door->spare_count < DOOR_SPARE_MAX) {
        door->spare[door->spare_count++] = exchange;
        return;
    }
    exchange_clear(exchange);
    free(exchange);
}

/* --- accepting --- */

static struct door *least_loaded(const struct doors *doors)
{
    struct door *best = doors->doors[0];

    for (int i = 1; i < doors->count; i++)
        if (atomic_load(&doors->doors[i]->load) < atomic_load(&best->load))
            best = doors->doors[i];
    return best;
}

static void welcome(struct doors *doors, int descriptor)
{
    const struct options *options = doors->services->options;
    struct door *door = least_loaded(doors);

    if (atomic_load(doors->client_count) >= options_number(options, OPTION_MAXCLIENTS)) {
        statistics_add(doors->doors[0]->reactor.worker.statistics, COUNTER_REJECTED_CONNECTIONS, 1);
        (void)send(descriptor, TOO_MANY_CLIENTS, sizeof TOO_MANY_CLIENTS - 1, MSG_NOSIGNAL);
        (void)close(descriptor);
        return;
    }
    atomic_fetch_add(doors->client_count, 1);
    atomic_fetch_add(&doors->services->http_clients, 1);
    atomic_fetch_add(&door->load, 1);
    mail_post_newcomer(&door->mail, (struct newcomer){.descriptor = descriptor});
}

/* The system is out of descriptors or memory; the knocking client stays in the queue and would wake
 * us again and again. */
static void pause_accepting(struct doors *doors, int why)
{
    struct timeval pause = reactor_milliseconds(PAUSE_MS);
    int64_t now_s = doors->doors[0]->reactor.now_s;

    if (now_s != doors->trouble_logged_s)
        log_line(LOG_WARNING, "can't accept HTTP clients for the moment: %s", strerror(why));
    doors->trouble_logged_s = now_s;
    for (int i = 0; i < doors->socket_count; i++)
        (void)event_del(&doors->sockets[i].event);
    (void)evtimer_add(&doors->resume_timer, &pause);
}

static void on_resume(evutil_socket_t descriptor, short what, void *context)
{
    struct doors *doors = context;

    (void)descriptor;
    (void)what;
    for (int i = 0; i < doors->socket_count; i++)
        (void)event_add(&doors->sockets[i].event, NULL);
}

static bool go_on_after(struct doors *doors, int why)
{
    if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM)
        pause_accepting(doors, why);
    return why == ECONNABORTED || why == EINTR;
}

static void on_knock(evutil_socket_t descriptor, short what, void *context)
{
    struct doors *doors = ((struct listening_socket *)context)->doors;

    (void)what;
    reactor_begin_turn(&doors->doors[0]->reactor);
    for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
        int client = accept4(descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (client >= 0)
            welcome(doors, client);
        else if (!go_on_after(doors, errno))
            return;
    }
}

static void watch_sockets(struct doors *doors)
{
    struct event_base *base = doors->doors[0]->reactor.base;

    (void)evtimer_assign(&doors->resume_timer, base, on_resume, doors);
    for (int i = 0; i < doors->socket_count; i++) {
        struct listening_socket *socket = &doors->sockets[i];

        (void)event_assign(&socket->event, base, socket->descriptor, EV_READ | EV_PERSIST, on_knock,
                           socket);
        (void)event_add(&socket->event, NULL);
    }
}

/* --- building --- */

static enum status open_socket(struct doors *doors, const char *word, int port, char *error)
{
    const struct options *options = doors->services->options;
    int descriptor;
    enum status s;

    if (doors->socket_count == SOCKETS_MAX) {
        (void)snprintf(error, DOORS_ERROR_MAX, "more than %d addresses in --bind", SOCKETS_MAX);
        return STATUS_FAILED;
    }
    s = listening_open(word, port, option_name(OPTION_HTTP_PORT),
                       (int)options_number(options, OPTION_TCP_BACKLOG), &descriptor, error);
    if (s == STATUS_OK)
        doors->sockets[doors->socket_count++] =
            (struct listening_socket){.doors = doors, .descriptor = descriptor};
    return s == STATUS_NOT_FOUND ? STATUS_OK : s;
}

static enum status open_sockets(struct doors *doors, int port, char *error)
{
    char *words = options_take_text(doors->services->options, OPTION_BIND);
    char *rest = words;
    enum status s = STATUS_OK;

    for (char *word; s == STATUS_OK && (word = strsep(&rest, " \t")) != NULL;)
        if (*word != '\0')
            s = open_socket(doors, word, port, error);
    free(words);
    return s;
}

static enum status create_door(struct doors *doors, struct door **created)
{
    struct door *door = xaligned_alloc(CACHE_LINE, sizeof *door);

    *door = (struct door){.client_count = doors->client_count};
    if (reactor_init(&door->reactor, &ops, doors->services) != STATUS_OK) {
        free(door);
        return STATUS_IO;
    }
    door->reactor.worker.names_rows = true;
    mail_init(&door->mail, &door->reactor.bell);
    TAILQ_INIT(&door->connections);
    TAILQ_INIT(&door->holding);
    TAILQ_INIT(&door->parked);
    TAILQ_INIT(&door->ready);
    (void)evtimer_assign(&door->ready_timer, door->reactor.base, on_ready, door);
    (void)event_assign(&door->check_timer, door->reactor.base, -1, EV_PERSIST, on_check, door);
    door->input = xmalloc(DOOR_INPUT_SIZE);
    door->room.worker = &door->reactor.worker;
    door->room.budget = &doors->budget;
    *created = door;
    return STATUS_OK;
}

static enum status create_threads(struct doors *doors, char *error)
{
    int count = (int)options_number(doors->services->options, OPTION_IO_THREADS);

    doors->doors = xcalloc((size_t)count, sizeof doors->doors[0]);
    doors->threads = xcalloc((size_t)count, sizeof doors->threads[0]);
    while (doors->count < count) {
        if (create_door(doors, &doors->doors[doors->count]) != STATUS_OK) {
            (void)snprintf(error, DOORS_ERROR_MAX, "no descriptors for an event loop: %s",
                           strerror(errno));
            return STATUS_FAILED;
        }
        doors->count++;
    }
    watch_sockets(doors);
    return STATUS_OK;
}

enum status doors_create(struct services *services, atomic_int *client_count,
                         struct doors **created, char error[DOORS_ERROR_MAX])
{
    int port = (int)options_number(services->options, OPTION_HTTP_PORT);
    struct doors *doors;
    enum status s;

    if (port == 0)
        return STATUS_OK;
    doors = xcalloc(1, sizeof *doors);
    doors->services = services;
    doors->client_count = client_count;
    budget_init(&doors->budget, HTTP_MEMORY_MAX);
    s = open_sockets(doors, port, error);
    if (s == STATUS_OK)
        s = create_threads(doors, error);
    if (s == STATUS_OK)
        *created = doors;
    else
        doors_destroy(doors);
    return s;
}

static void destroy_door(struct door *door)
{
    while (door->spare_count > 0) {
        struct exchange *exchange = door->spare[--door->spare_count];

        exchange_clear(exchange);
        free(exchange);
    }
    (void)event_del(&door->ready_timer);
    (void)event_del(&door->check_timer);
    mail_clear(&door->mail);
    access_clear(&door->room.access);
    free(door->input);
    reactor_clear(&door->reactor);
    free(door);
}

void doors_destroy(struct doors *doors)
{
    if (doors == NULL)
        return;
    for (int i = 0; i < doors->socket_count; i++) {
        if (doors->count > 0)
            (void)event_del(&doors->sockets[i].event);
        (void)close(doors->sockets[i].descriptor);
    }
    for (int i = 0; i < doors->count; i++)
        destroy_door(doors->doors[i]);
    free(doors->doors);
    free(doors->threads);
    free(doors);
}

void doors_describe(const struct doors *doors, struct buffer *text)
{
    for (int i = 0; doors != NULL && i < doors->socket_count; i++) {
        char address[128];

        address_of_socket(doors->sockets[i].descriptor, address, sizeof address);
        buffer_printf(text, "%s%s", i == 0 ? "" : ", ", address);
    }
}

/* --- running --- */

static void on_farewell_over(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    *(bool *)context = true;
}

static void say_farewell(struct door *door)
{
    struct timeval patience = reactor_milliseconds(FAREWELL_MS);
    struct http_connection *connection, *next;
    struct event timer;
    bool is_over = false;

    reactor_begin_turn(&door->reactor);
    welcome_newcomers(&door->reactor);
    for (connection = TAILQ_FIRST(&door->connections); connection != NULL; connection = next) {
        next = TAILQ_NEXT(connection, all);
        http_connection_leave(connection);
    }
    reactor_end_turn(&door->reactor);

    (void)evtimer_assign(&timer, door->reactor.base, on_farewell_over, &is_over);
    (void)evtimer_add(&timer, &patience);
    while (!is_over && !TAILQ_EMPTY(&door->connections))
        reactor_turn(&door->reactor);
    (void)event_del(&timer);
    while (!TAILQ_EMPTY(&door->connections))
        http_connection_close(TAILQ_FIRST(&door->connections));
}

static void *run_door(void *context)
{
    struct door *door = context;

    while (!reactor_is_stopping(&door->reactor))
        reactor_turn(&door->reactor);
    say_farewell(door);
    return NULL;
}

void doors_start(struct doors *doors)
{
    for (; doors != NULL && doors->started < doors->count; doors->started++) {
        pthread_t *thread = &doors->threads[doors->started];
        char name[32];

        if (pthread_create(thread, NULL, run_door, doors->doors[doors->started]) != 0)
            abort(); /* the others deal clients to it */
        (void)snprintf(name, sizeof name, "http-%d", doors->started);
        (void)pthread_setname_np(*thread, name);
    }
}

void doors_stop(struct doors *doors)
{
    for (int i = 0; doors != NULL && i < doors->count; i++)
        reactor_stop(&doors->doors[i]->reactor);
}

void doors_join(struct doors *doors)
{
    for (int i = 0; doors != NULL && i < doors->started; i++)
        (void)pthread_join(doors->threads[i], NULL);
}
