#include "net/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/process.h"
#include "commands/dispatch.h"
#include "commands/dump.h"
#include "commands/statistics.h"
#include "net/connection.h"
#include "net/serving.h"

/* Each check looks at one CHECK_ROUNDS-th of the connections: at every one once a second.  A loop
 * that has little to do looks at all of its few connections at once, and without any not at all. */
#define CHECK_MS        250
#define CHECK_ROUNDS    4
#define CHECK_QUIET_MAX 256 /* connections */

/* A loop asks for relief when it was overloaded at so many checks in a row. */
#define OVERLOADED_CHECKS 2

#define SPARE_CAPACITY     ((size_t)16 * 1024)
#define SPARE_CAPACITY_MAX ((size_t)64 * 1024) /* a larger buffer is freed instead of kept */

/* Values of this size are always read whole, so that a refusal can say how long they were. */
#define BULK_KEPT_MIN ((int64_t)1024 * 1024)

static struct loop *loop_of(struct reactor *reactor)
{
    return (struct loop *)reactor;
}

/* --- a turn --- */

static void begin(struct reactor *reactor)
{
    const struct services *services = reactor->services;
    int64_t value_max = registry_value_size_max(store_registry(services->store));
    struct loop *loop = loop_of(reactor);

    loop->limits.bulk_max = options_number(services->options, OPTION_PROTO_MAX_BULK_LEN);
    loop->limits.bulk_keep_max = value_max > BULK_KEPT_MIN ? value_max : BULK_KEPT_MIN;
    loop->limits.bulk_keep_max += DUMP_AROUND_MAX;
}

static void work(struct reactor *reactor)
{
    serve_readable(loop_of(reactor));
}

/* A failed commit: whatever this loop's clients were about to hear of it becomes an error. */
static void fail_held(struct reactor *reactor)
{
    struct loop *loop = loop_of(reactor);
    uint64_t committed = store_committed(loop->reactor.services->store);
    struct buffer error = {0};
    struct connection *connection, *next;

    loop->writer.out = &error;
    dispatch_cannot_persist(loop->reactor.services->store, &loop->writer.reply);
    for (connection = TAILQ_FIRST(&loop->holding); connection != NULL; connection = next) {
        next = TAILQ_NEXT(connection, holding);
        connection_fail(connection, committed, buffer_view(&error));
    }
    buffer_clear(&error);
}

static void release_held(struct reactor *reactor)
{
    struct loop *loop = loop_of(reactor);
    uint64_t committed = store_committed(loop->reactor.services->store);
    struct connection *connection, *next;

    for (connection = TAILQ_FIRST(&loop->holding); connection != NULL; connection = next) {
        next = TAILQ_NEXT(connection, holding);
        connection_release(connection, committed);
    }
}

/* A connection that parks again joins the list's end, so the walk ends where the end was. */
static void retry_parked(struct reactor *reactor, int64_t until_ms)
{
    struct loop *loop = loop_of(reactor);
    struct connection *last = TAILQ_LAST(&loop->parked, connection_list);
    struct connection *connection, *next = TAILQ_FIRST(&loop->parked);

    while (next != NULL) {
        connection = next;
        next = connection == last ? NULL : TAILQ_NEXT(connection, parked);
        if (connection->wake_at_ms <= until_ms)
            serve_parked(connection);
    }
    for (connection = TAILQ_FIRST(&loop->parked); connection != NULL;
         connection = TAILQ_NEXT(connection, parked))
        reactor_retry_at(reactor, connection->wake_at_ms);
}

static bool expects_commit(const struct reactor *reactor)
{
    const struct loop *loop = (const struct loop *)reactor;

    return !TAILQ_EMPTY(&loop->holding) || !TAILQ_EMPTY(&loop->parked);
}

static void turn_away(struct loop *loop, int descriptor)
{
    (void)close(descriptor);
    atomic_fetch_sub(&loop->load, 1);
    atomic_fetch_sub(&loop->crew->client_count, 1);
}

static void welcome_newcomers(struct loop *loop)
{
    size_t count;
    struct newcomer *newcomers = mail_take_newcomers(&loop->mail, &count);

    for (size_t i = 0; i < count; i++) {
        if (reactor_is_stopping(&loop->reactor))
            turn_away(loop, newcomers[i].descriptor);
        else
            connection_open(loop, newcomers[i]);
    }
    free(newcomers);
}

static void look_at_mail(struct reactor *reactor)
{
    struct loop *loop = loop_of(reactor);
    struct connection *connection;

    welcome_newcomers(loop);
    while ((connection = mail_take_immigrant(&loop->mail)) != NULL)
        connection_arrive(connection, loop);
    while ((connection = mail_take_woken(&loop->mail)) != NULL)
        connection_look(connection);
}

static const struct reactor_ops ops = {
    .begin = begin,
    .work = work,
    .rung = look_at_mail,
    .committed = release_held,
    .failed = fail_held,
    .retry = retry_parked,
    .expects_commit = expects_commit,
};

/* --- the check --- */

/* How much of the time since the last check this thread has been working. */
static void measure_work(struct loop *loop)
{
    int64_t now_us = clock_monotonic_us(loop->reactor.services->clock), used_us;
    struct timespec used;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    used_us = (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
    if (now_us > loop->checked_us)
        atomic_store_explicit(&loop->percent_busy,
                              (int)(100 * (used_us - loop->used_us) / (now_us - loop->checked_us)),
                              memory_order_relaxed);
    loop->checked_us = now_us;
    loop->used_us = used_us;
}

/* Every second one of those that were busy lately goes to `to`, each as soon as it can. */
static void share_clients(struct loop *loop, struct loop *to)
{
    struct connection *connection;
    bool stays = true;

    for (connection = TAILQ_FIRST(&loop->connections); connection != NULL;
         connection = TAILQ_NEXT(connection, all)) {
        if (!connection_is_busy(connection))
            continue;
        if (!stays)
            connection_send_to(connection, to);
        stays = !stays;
    }
}

static void seek_relief(struct loop *loop)
{
    struct loop *other = crew_relieve(loop->crew, loop);

    loop->overloaded_checks = other == NULL ? 0 : loop->overloaded_checks + 1;
    if (loop->overloaded_checks < OVERLOADED_CHECKS)
        return;
    loop->overloaded_checks = 0;
    share_clients(loop, other);
}

/* Looks at the `count` connections that were checked longest ago. */
static void check_connections(struct loop *loop, int count)
{
    reactor_begin_turn(&loop->reactor);
    seek_relief(loop);
    for (int i = 0; i < count && !TAILQ_EMPTY(&loop->connections); i++) {
        struct connection *connection = TAILQ_FIRST(&loop->connections);

        TAILQ_REMOVE(&loop->connections, connection, all);
        TAILQ_INSERT_TAIL(&loop->connections, connection, all);
        connection_check(connection);
    }
}

static void on_check(evutil_socket_t descriptor, short what, void *context)
{
    struct loop *loop = context;
    int load = loop_load(loop);
    struct timeval wait;
    bool is_quiet;

    (void)descriptor;
    (void)what;
    measure_work(loop);
    is_quiet = loop_percent_busy(loop) == 0 && load <= CHECK_QUIET_MAX;
    if (is_quiet && TAILQ_EMPTY(&loop->connections))
        return; /* loop_keep_checking() goes on */
    wait = reactor_milliseconds(is_quiet ? CHECK_MS * CHECK_ROUNDS : CHECK_MS);
    (void)evtimer_add(&loop->check_timer, &wait);
    if (!TAILQ_EMPTY(&loop->connections))
        check_connections(loop, is_quiet ? load : (load + CHECK_ROUNDS - 1) / CHECK_ROUNDS);
}

void loop_keep_checking(struct loop *loop)
{
    struct timeval wait = reactor_milliseconds(CHECK_MS);

    if (evtimer_pending(&loop->check_timer, NULL))
        return;
    measure_work(loop);
    (void)evtimer_add(&loop->check_timer, &wait);
}

/* --- output buffers --- */

struct buffer loop_take_buffer(struct loop *loop)
{
    struct buffer buffer = {0};

    if (loop->spare_count > 0)
        return loop->spare[--loop->spare_count];
    (void)buffer_reserve(&buffer, SPARE_CAPACITY);
    return buffer;
}

void loop_give_buffer(struct loop *loop, struct buffer *buffer)
{
    assert(buffer->size == 0);
    if (buffer->capacity > SPARE_CAPACITY_MAX || loop->spare_count == LOOP_SPARE_MAX) {
        buffer_clear(buffer);
        return;
    }
    loop->spare[loop->spare_count++] = *buffer;
    *buffer = (struct buffer){0};
}

void loop_start_clock(struct loop *loop)
{
    loop->reactor.worker.clock_us = clock_monotonic_us(loop->reactor.services->clock);
}

void loop_stop_clock(struct loop *loop)
{
    dispatch_end_run(&loop->reactor.worker);
}

/* --- for others --- */

void loop_stop(struct loop *loop)
{
    reactor_stop(&loop->reactor);
}

void loop_adopt(struct loop *loop, struct newcomer newcomer)
{
    atomic_fetch_add(&loop->crew->client_count, 1);
    atomic_fetch_add(&loop->load, 1);
    mail_post_newcomer(&loop->mail, newcomer);
}

int loop_load(const struct loop *loop)
{
    return atomic_load_explicit(&loop->load, memory_order_relaxed);
}

int loop_percent_busy(const struct loop *loop)
{
    return atomic_load_explicit(&loop->percent_busy, memory_order_relaxed);
}

void loop_give_away(struct loop *loop, struct connection *connection, struct loop *to)
{
    atomic_fetch_sub(&loop->load, 1);
    atomic_fetch_add(&to->load, 1);
    mail_give_away(connection, &to->mail);
}

void loop_forget(struct loop *loop, struct connection *connection)
{
    mail_forget(connection);
    atomic_fetch_sub(&loop->load, 1);
    atomic_fetch_sub(&loop->crew->client_count, 1);
}

/* --- its life --- */

static void init_lists(struct loop *loop)
{
    TAILQ_INIT(&loop->readable);
    TAILQ_INIT(&loop->connections);
    TAILQ_INIT(&loop->holding);
    TAILQ_INIT(&loop->parked);
}

enum status loop_create(struct services *services, struct crew *crew, struct loop **created)
{
    struct loop *loop = xaligned_alloc(CACHE_LINE, sizeof *loop);

    *loop = (struct loop){.crew = crew};
    if (reactor_init(&loop->reactor, &ops, services) != STATUS_OK) {
        free(loop);
        return STATUS_IO;
    }
    loop->reactor.worker.times_runs = true;
    mail_init(&loop->mail, &loop->reactor.bell);
    init_lists(loop);
    (void)evtimer_assign(&loop->check_timer, loop->reactor.base, on_check, loop);

    resp_writer_init(&loop->writer, NULL, 2);
    *created = loop;
    return STATUS_OK;
}

/* What other loops gave away when this one had ended already. */
static void close_immigrants(struct loop *loop)
{
    struct connection *connection;

    while ((connection = mail_take_immigrant(&loop->mail)) != NULL)
        connection_arrive(connection, loop);
    while ((connection = TAILQ_FIRST(&loop->connections)) != NULL)
        connection_close(connection);
}

void loop_destroy(struct loop *loop)
{
    if (loop == NULL)
        return;
    close_immigrants(loop);
    while (loop->spare_count > 0)
        buffer_clear(&loop->spare[--loop->spare_count]);
    rooms_clear(&loop->rooms);

    (void)event_del(&loop->check_timer);
    mail_clear(&loop->mail);
    reactor_clear(&loop->reactor);
    free(loop);
}

static void on_farewell_over(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    *(bool *)context = true;
}

/* Replies that wait for a commit still get their chance; nothing new is read. */
static void say_farewell(struct loop *loop)
{
    struct timeval patience = reactor_milliseconds(LOOP_FAREWELL_MS);
    struct connection *connection, *next;
    struct event timer;
    bool is_over = false;

    reactor_begin_turn(&loop->reactor);
    for (connection = TAILQ_FIRST(&loop->connections); connection != NULL; connection = next) {
        next = TAILQ_NEXT(connection, all);
        connection_leave(connection);
    }
    reactor_end_turn(&loop->reactor);

    (void)evtimer_assign(&timer, loop->reactor.base, on_farewell_over, &is_over);
    (void)evtimer_add(&timer, &patience);
    while (!is_over && !TAILQ_EMPTY(&loop->connections))
        reactor_turn(&loop->reactor);
    (void)event_del(&timer);
}

void loop_run(struct loop *loop)
{
    process_take_short_turns();
    process_sleep_exactly();
    while (!reactor_is_stopping(&loop->reactor))
        reactor_turn(&loop->reactor);
    say_farewell(loop);
    while (!TAILQ_EMPTY(&loop->connections))
        connection_close(TAILQ_FIRST(&loop->connections));
}
