#include "net/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "commands/dispatch.h"
#include "commands/statistics.h"
#include "net/connection.h"
#include "net/serving.h"

/* Each check looks at one CHECK_ROUNDS-th of the connections: at every one once a second. */
#define CHECK_MS     250
#define CHECK_ROUNDS 4

/* A loop asks for relief when it was overloaded at so many checks in a row. */
#define OVERLOADED_CHECKS 2

/* How soon an idle loop comes back to free what other loops may still have been reading. */
#define COLLECT_MS 10

#define SPARE_CAPACITY     ((size_t)16 * 1024)
#define SPARE_CAPACITY_MAX ((size_t)64 * 1024) /* a larger buffer is freed instead of kept */

/* Values of this size are always read whole, so that a refusal can say how long they were. */
#define BULK_KEPT_MIN ((int64_t)1024 * 1024)

static struct timeval milliseconds(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
}

/* --- what wakes it --- */

static void on_commit(void *context)
{
    struct loop *loop = context;

    atomic_store_explicit(&loop->has_commit, true, memory_order_release);
    if (atomic_fetch_add(&loop->expects_commit, 0) != 0 || /* read-modify-write: see L2 */
        store_failure_pending(loop->worker.store_thread))
        mail_ring(&loop->mail);
}

static void on_mail(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    loop_begin_turn(context);
}

/* --- a turn --- */

/* What was committed while nobody here waited for it is no news; a failure is. */
static void forget_old_commits(struct loop *loop)
{
    if (atomic_load_explicit(&loop->expects_commit, memory_order_relaxed) != 0 ||
        !atomic_load_explicit(&loop->has_commit, memory_order_relaxed))
        return;
    (void)atomic_exchange(&loop->has_commit, false);
    if (store_failure_pending(loop->worker.store_thread))
        atomic_store(&loop->has_commit, true);
}

void loop_begin_turn_slowly(struct loop *loop)
{
    const struct services *services = loop->services;
    int64_t value_max = registry_value_size_max(store_registry(services->store));

    loop->is_in_turn = true;
    if (mail_wake_up(&loop->mail))
        loop->was_rung = true;
    forget_old_commits(loop);
    epoch_enter(loop->epoch);
    loop->now_ms = clock_wall_ms(services->clock);
    loop->now_s = clock_monotonic_us(services->clock) / 1000000;
    loop->limits.bulk_max = options_number(services->options, OPTION_PROTO_MAX_BULK_LEN);
    loop->limits.bulk_keep_max = value_max > BULK_KEPT_MIN ? value_max : BULK_KEPT_MIN;
}

/* A failed commit: whatever this loop's clients were about to hear of it becomes an error. */
static void fail_held(struct loop *loop)
{
    uint64_t committed = store_committed(loop->services->store);
    struct buffer error = {0};
    struct connection *connection, *next;

    loop->writer.out = &error;
    dispatch_cannot_persist(loop->services->store, &loop->writer.reply);
    for (connection = TAILQ_FIRST(&loop->holding); connection != NULL; connection = next) {
        next = TAILQ_NEXT(connection, holding);
        connection_fail(connection, committed, buffer_view(&error));
    }
    buffer_clear(&error);
    store_failure_seen(loop->worker.store_thread);
}

static void release_held(struct loop *loop)
{
    uint64_t committed = store_committed(loop->services->store);
    struct connection *connection, *next;

    for (connection = TAILQ_FIRST(&loop->holding); connection != NULL; connection = next) {
        next = TAILQ_NEXT(connection, holding);
        connection_release(connection, committed);
    }
}

/* A connection that parks again joins the list's end, so the walk ends where the end was. */
static void retry_parked(struct loop *loop, int64_t until_ms)
{
    struct connection *last = TAILQ_LAST(&loop->parked, connection_list);
    struct connection *connection, *next = TAILQ_FIRST(&loop->parked);

    while (next != NULL) {
        connection = next;
        next = connection == last ? NULL : TAILQ_NEXT(connection, parked);
        if (connection->wake_at_ms <= until_ms)
            serve_parked(connection);
    }
}

static void look_at_commits(struct loop *loop)
{
    if (!atomic_exchange_explicit(&loop->has_commit, false, memory_order_acquire))
        return;
    if (store_failure_pending(loop->worker.store_thread))
        fail_held(loop);
    else
        release_held(loop);
    retry_parked(loop, INT64_MAX);
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
    int *newcomers = mail_take_newcomers(&loop->mail, &count);

    for (size_t i = 0; i < count; i++) {
        if (atomic_load(&loop->is_stopping))
            turn_away(loop, newcomers[i]);
        else
            connection_open(loop, newcomers[i]);
    }
    free(newcomers);
}

static void look_at_mail(struct loop *loop)
{
    struct connection *connection;

    loop_begin_turn(loop);
    look_at_commits(loop);
    welcome_newcomers(loop);
    while ((connection = mail_take_immigrant(&loop->mail)) != NULL)
        connection_arrive(connection, loop);
    while ((connection = mail_take_woken(&loop->mail)) != NULL)
        connection_look(connection);
}

static void end_turn(struct loop *loop)
{
    struct timeval soon = milliseconds(COLLECT_MS);

    if (loop->is_in_turn) {
        store_end_turn(loop->worker.store_thread);
        epoch_exit(loop->epoch);
    }
    loop->is_in_turn = false;
    if (loop->is_collecting || epoch_pending(loop->epoch) == 0)
        return;
    loop->is_collecting = true;
    (void)evtimer_add(&loop->collect_timer, &soon);
}

/* L2: of this exchange and the addition in on_commit() one comes second and sees the other. */
static void expect_commits(struct loop *loop)
{
    int expects = !TAILQ_EMPTY(&loop->holding) || !TAILQ_EMPTY(&loop->parked);

    if (expects == atomic_load_explicit(&loop->expects_commit, memory_order_relaxed))
        return;
    (void)atomic_exchange(&loop->expects_commit, expects);
    if (expects != 0 && atomic_load_explicit(&loop->has_commit, memory_order_acquire))
        mail_ring(&loop->mail);
}

static void turn(struct loop *loop)
{
    int flags = mail_fall_asleep(&loop->mail) ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK;

    (void)event_base_loop(loop->base, flags);
    serve_readable(loop);
    if (mail_wake_up(&loop->mail) || loop->was_rung) {
        loop->was_rung = false;
        look_at_mail(loop);
    }
    end_turn(loop);
    expect_commits(loop);
}

/* --- timers --- */

static void on_collect(evutil_socket_t descriptor, short what, void *context)
{
    struct loop *loop = context;

    (void)descriptor;
    (void)what;
    loop->is_collecting = false;
    if (!loop->is_in_turn)
        epoch_collect(loop->epoch);
}

static void on_retry(evutil_socket_t descriptor, short what, void *context)
{
    struct loop *loop = context;
    struct connection *connection;

    (void)descriptor;
    (void)what;
    loop_begin_turn(loop);
    loop->retry_at_ms = INT64_MAX;
    retry_parked(loop, loop->now_ms);
    for (connection = TAILQ_FIRST(&loop->parked); connection != NULL;
         connection = TAILQ_NEXT(connection, parked))
        loop_retry_at(loop, connection->wake_at_ms);
}

/* How much of the time since the last check this thread has been working. */
static void measure_work(struct loop *loop)
{
    int64_t now_us = clock_monotonic_us(loop->services->clock), used_us;
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

static void on_check(evutil_socket_t descriptor, short what, void *context)
{
    struct loop *loop = context;
    int count = (loop_load(loop) + CHECK_ROUNDS - 1) / CHECK_ROUNDS;

    (void)descriptor;
    (void)what;
    measure_work(loop);
    if (TAILQ_EMPTY(&loop->connections))
        return;
    loop_begin_turn(loop);
    seek_relief(loop);
    for (int i = 0; i < count && !TAILQ_EMPTY(&loop->connections); i++) {
        struct connection *connection = TAILQ_FIRST(&loop->connections);

        TAILQ_REMOVE(&loop->connections, connection, all);
        TAILQ_INSERT_TAIL(&loop->connections, connection, all);
        connection_check(connection);
    }
}

void loop_retry_at(struct loop *loop, int64_t at_ms)
{
    struct timeval wait;

    if (at_ms >= loop->retry_at_ms)
        return;
    loop->retry_at_ms = at_ms;
    wait = milliseconds(at_ms > loop->now_ms ? at_ms - loop->now_ms : 1);
    (void)evtimer_add(&loop->retry_timer, &wait);
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

/* --- for others --- */

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->is_stopping, true);
    mail_ring(&loop->mail);
}

void loop_adopt(struct loop *loop, int descriptor)
{
    atomic_fetch_add(&loop->crew->client_count, 1);
    atomic_fetch_add(&loop->load, 1);
    mail_post_newcomer(&loop->mail, descriptor);
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

static struct event_base *create_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base;

    if (config == NULL)
        return NULL;
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static void init_lists(struct loop *loop)
{
    TAILQ_INIT(&loop->readable);
    TAILQ_INIT(&loop->connections);
    TAILQ_INIT(&loop->holding);
    TAILQ_INIT(&loop->parked);
}

static void create_events(struct loop *loop)
{
    struct timeval check = milliseconds(CHECK_MS);

    (void)event_assign(&loop->mail_event, loop->base, loop->mail.descriptor,
                       EV_READ | EV_PERSIST | EV_ET, on_mail, loop);
    (void)event_assign(&loop->check_timer, loop->base, -1, EV_PERSIST, on_check, loop);
    (void)evtimer_assign(&loop->retry_timer, loop->base, on_retry, loop);
    (void)evtimer_assign(&loop->collect_timer, loop->base, on_collect, loop);
    (void)event_add(&loop->mail_event, NULL);
    (void)event_add(&loop->check_timer, &check);
}

enum status loop_create(struct services *services, struct crew *crew, struct loop **created)
{
    struct loop *loop = xaligned_alloc(CACHE_LINE, sizeof *loop);

    /* It expects commits until its first turn: before, nobody has looked for failed ones. */
    *loop = (struct loop){
        .services = services, .crew = crew, .retry_at_ms = INT64_MAX, .expects_commit = 1};
    loop->base = create_base();
    if (loop->base == NULL || mail_init(&loop->mail) != STATUS_OK) {
        if (loop->base != NULL)
            event_base_free(loop->base);
        free(loop);
        return STATUS_IO;
    }
    init_lists(loop);
    create_events(loop);

    loop->input = xmalloc(2 * LOOP_INPUT_SIZE);
    resp_writer_init(&loop->writer, NULL, 2);
    loop->worker.services = services;
    loop->worker.statistics = statistics_join(services->statistics);
    loop->worker.store_thread = store_join(services->store, on_commit, loop);
    loop->worker.txn = txn_create(loop->worker.store_thread);
    loop->epoch = store_epoch(loop->worker.store_thread);
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

    txn_destroy(loop->worker.txn);
    store_leave(loop->worker.store_thread);
    buffer_clear(&loop->worker.scratch);

    (void)event_del(&loop->mail_event);
    (void)event_del(&loop->check_timer);
    (void)event_del(&loop->retry_timer);
    (void)event_del(&loop->collect_timer);
    event_base_free(loop->base);
    mail_clear(&loop->mail);
    free(loop->input);
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
    struct timeval patience = milliseconds(LOOP_FAREWELL_MS);
    struct connection *connection, *next;
    struct event timer;
    bool is_over = false;

    loop_begin_turn(loop);
    for (connection = TAILQ_FIRST(&loop->connections); connection != NULL; connection = next) {
        next = TAILQ_NEXT(connection, all);
        connection_leave(connection);
    }
    end_turn(loop);

    (void)evtimer_assign(&timer, loop->base, on_farewell_over, &is_over);
    (void)evtimer_add(&timer, &patience);
    while (!is_over && !TAILQ_EMPTY(&loop->connections))
        turn(loop);
    (void)event_del(&timer);
}

void loop_run(struct loop *loop)
{
    while (!atomic_load_explicit(&loop->is_stopping, memory_order_acquire))
        turn(loop);
    say_farewell(loop);
    while (!TAILQ_EMPTY(&loop->connections))
        connection_close(TAILQ_FIRST(&loop->connections));
}
