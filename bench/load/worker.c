#include "load/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/process.h"
#include "load/connection.h"
#include "load/schedule.h"

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_US 1000
/* Requests that are put into outputs before those are sent. */
#define BATCH_MAX 64
#define READ_MAX  (256u << 10)
/* How often a thread that has nothing to do looks whether it should end. */
#define LOOK_NS (50 * 1000 * 1000)

struct wire {
    struct worker *worker;
    struct connection connection;
    struct event *readable, *writable;
    bool is_dirty; /* has output, and stands in the list of those */
};

struct worker {
    struct run *run;
    struct maker maker;
    struct schedule schedule;
    struct event_base *base;
    struct event *timer;
    pthread_t thread;

    struct wire *wires;
    uint64_t wire_count, wire_next, open_count;
    uint64_t idle_count; /* open ones that wait for no reply */
    struct wire **dirty;
    uint64_t dirty_count;
    char *input;

    bool is_open_loop;
    uint64_t left; /* requests that may still be counted */
    uint64_t in_flight;
    bool is_blocked;        /* there was a request and no room */
    uint64_t room_since_ns; /* when that ended */
    uint64_t progress_ns;   /* when something was last sent, or came */

    struct stats *stats, *spare; /* swapped under the mutex */
    pthread_mutex_t mutex;
    struct worker_end end;
};

uint64_t worker_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static bool counts(const struct worker *worker, uint64_t due_ns)
{
    return due_ns >= worker->run->count_from_ns;
}

/* --- sending ------------------------------------------------------------------------------------
 */

static uint64_t next_due_ns(const struct worker *worker)
{
    return worker->run->begin_ns + schedule_due_ns(&worker->schedule);
}

/* May another request, due then, be made at all? */
static bool has_more(const struct worker *worker, uint64_t due_ns)
{
    return worker->left > 0 && worker->open_count > 0 && due_ns < worker->run->end_ns &&
           !atomic_load_explicit(&worker->run->has_stop, memory_order_relaxed);
}

static void mark_dirty(struct wire *wire)
{
    if (!wire->is_dirty)
        wire->worker->dirty[wire->worker->dirty_count++] = wire;
    wire->is_dirty = true;
}

static void take_off(struct wire *wire, const struct flight *flight)
{
    wire->worker->idle_count -= wire->connection.flight_count == 0;
    connection_take_off(&wire->connection, flight);
    wire->worker->in_flight++;
    mark_dirty(wire);
}

static void send_request(struct wire *wire, uint64_t due_ns)
{
    struct worker *worker = wire->worker;
    struct flight flight = {.due_ns = due_ns};

    maker_next(&worker->maker, &wire->connection.out, &flight.request);
    take_off(wire, &flight);
    if (counts(worker, due_ns)) {
        worker->left--;
        worker->end.sent++;
    }
}

/* Counts what was on its way as lost. */
static void lose(struct wire *wire)
{
    struct worker *worker = wire->worker;
    struct flight flight;

    event_del(wire->readable);
    event_del(wire->writable);
    worker->idle_count -= wire->connection.flight_count == 0;
    pthread_mutex_lock(&worker->mutex);
    while (connection_give_up(&wire->connection, &flight)) {
        worker->in_flight--;
        if (counts(worker, flight.due_ns))
            stats_count_error(worker->stats, flight.request.kind, "(lost)");
    }
    pthread_mutex_unlock(&worker->mutex);
    connection_close(&wire->connection);
    worker->open_count--;
    worker->end.lost_connections++;
}

static void flush(struct wire *wire)
{
    if (wire->connection.is_lost)
        return;
    if (!connection_flush(&wire->connection))
        lose(wire);
    else if (wire->connection.sent < wire->connection.out.size)
        event_add(wire->writable, NULL);
}

static void flush_dirty(struct worker *worker)
{
    for (uint64_t i = 0; i < worker->dirty_count; i++) {
        worker->dirty[i]->is_dirty = false;
        flush(worker->dirty[i]);
    }
    worker->dirty_count = 0;
}

/* The connections take turns: those first on which nothing is on its way, as from a pool, so that
 * no request stands behind a slow one for nothing; then those that have room. */
static struct wire *wire_with_room(struct worker *worker)
{
    uint64_t flights_max = worker->idle_count > 0 ? 0 : UINT64_MAX;

    for (uint64_t i = 0; i < worker->wire_count; i++) {
        struct wire *wire = &worker->wires[worker->wire_next];

        worker->wire_next = (worker->wire_next + 1) % worker->wire_count;
        if (connection_has_room(&wire->connection) && wire->connection.flight_count <= flights_max)
            return wire;
    }
    return NULL;
}

/* Sends what is due, a batch of it, and notes how late that was (W3).  True if more is due now. */
static bool send_due(struct worker *worker, uint64_t now_ns)
{
    uint64_t expected_ns[BATCH_MAX], count = 0, due_ns, sent_ns;

    for (due_ns = next_due_ns(worker);
         count < BATCH_MAX && due_ns <= now_ns && has_more(worker, due_ns);
         due_ns = next_due_ns(worker)) {
        struct wire *wire = wire_with_room(worker);

        worker->is_blocked = wire == NULL;
        if (wire == NULL) {
            worker->end.is_blocked = true;
            break;
        }
        send_request(wire, due_ns);
        if (counts(worker, due_ns))
            expected_ns[count++] = due_ns > worker->room_since_ns ? due_ns : worker->room_since_ns;
        schedule_advance(&worker->schedule);
    }
    flush_dirty(worker);
    sent_ns = worker_now_ns();
    if (count > 0)
        worker->progress_ns = sent_ns;
    pthread_mutex_lock(&worker->mutex);
    for (uint64_t i = 0; i < count; i++)
        histogram_record(&worker->stats->late, sent_ns - expected_ns[i]);
    pthread_mutex_unlock(&worker->mutex);
    return !worker->is_blocked && has_more(worker, due_ns) && due_ns <= sent_ns;
}

/* Closed loop: as much as the connection takes. */
static void fill(struct wire *wire, uint64_t now_ns)
{
    while (has_more(wire->worker, now_ns) && connection_has_room(&wire->connection))
        send_request(wire, now_ns);
}

/* --- replies ------------------------------------------------------------------------------------
 */

static void count_reply(struct worker *worker, const struct flight *flight,
                        const struct reply_seen *seen, uint64_t now_ns)
{
    struct stats *stats = worker->stats;
    struct kind_stats *kind = &stats->kinds[flight->request.kind];

    if (!seen->is_error && flight->request.kind == KIND_INSERT)
        atomic_fetch_add(&worker->run->counters.acknowledged, 1);
    if (!counts(worker, flight->due_ns))
        return;
    stats->last_reply_ns = now_ns;
    if (seen->is_error) {
        stats_count_error(stats, flight->request.kind, seen->word);
        return;
    }
    kind->misses += seen->missing;
    if (flight->request.kind != KIND_RMW || flight->is_write)
        histogram_record(&kind->latency, now_ns - flight->due_ns);
}

/* The read of a read and write has its reply: now the write, whose time began with the read. */
static void write_after(struct wire *wire, struct flight flight)
{
    flight.is_write = true;
    maker_write(&wire->worker->maker, flight.request.key, &wire->connection.out);
    take_off(wire, &flight);
}

/* False if something else than replies came. */
static bool land_all(struct wire *wire, uint64_t now_ns)
{
    struct worker *worker = wire->worker;
    enum landing landing;
    struct flight flight;
    struct reply_seen seen;

    pthread_mutex_lock(&worker->mutex);
    while ((landing = connection_land(&wire->connection, &flight, &seen)) == LANDING_REPLY) {
        worker->in_flight--;
        worker->idle_count += wire->connection.flight_count == 0;
        count_reply(worker, &flight, &seen, now_ns);
        if (flight.request.kind == KIND_RMW && !flight.is_write && !seen.is_error)
            write_after(wire, flight);
    }
    pthread_mutex_unlock(&worker->mutex);
    return landing == LANDING_NONE;
}

static void on_readable(evutil_socket_t socket, short what, void *context)
{
    struct wire *wire = context;
    struct worker *worker = wire->worker;
    ssize_t size = read(socket, worker->input, READ_MAX);
    uint64_t now_ns = worker_now_ns();

    (void)what;
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0 || !connection_feed(&wire->connection, worker->input, (size_t)size) ||
        !land_all(wire, now_ns)) {
        lose(wire);
        return;
    }
    worker->progress_ns = now_ns;
    if (worker->is_blocked) {
        worker->is_blocked = false;
        worker->room_since_ns = now_ns;
    }
    if (!worker->is_open_loop)
        fill(wire, worker_now_ns());
}

static void on_writable(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    flush(context);
}

static void on_timer(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    (void)context;
}

/* --- the loop -----------------------------------------------------------------------------------
 */

/* Waits for replies, and no longer than until the next request is due. */
static void wait_for_events(struct worker *worker, uint64_t now_ns)
{
    uint64_t due_ns =
        worker->is_open_loop && !worker->is_blocked ? next_due_ns(worker) : UINT64_MAX;
    uint64_t wait_ns = LOOK_NS;
    struct timeval wait;

    if (due_ns < now_ns + LOOK_NS && has_more(worker, due_ns))
        wait_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    wait = (struct timeval){0, (suseconds_t)(wait_ns / NS_PER_US)};
    if (wait.tv_usec > 0)
        event_add(worker->timer, &wait);
    event_base_loop(worker->base, wait.tv_usec > 0 ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
}

/* Is there nothing left to send or to wait for?  Without a time at which a run ends, replies that
 * are missing for so long end it. */
static bool is_over(const struct worker *worker, uint64_t now_ns)
{
    const struct run *run = worker->run;
    uint64_t drain_ns = (uint64_t)(run->options->drain * (double)NS_PER_S);
    bool has_request = has_more(worker, worker->is_open_loop ? next_due_ns(worker) : now_ns);
    bool has_end = run->end_ns != UINT64_MAX && !atomic_load(&run->has_stop);
    uint64_t since_ns = has_end ? run->end_ns : worker->progress_ns;

    if (worker->open_count == 0 || (!has_request && worker->in_flight == 0))
        return true;
    return worker->in_flight > 0 && now_ns > since_ns && now_ns - since_ns > drain_ns;
}

/* What the kernel says of the calling thread: nanoseconds that it ran, and that it waited for a
 * core. */
struct turns {
    uint64_t ran_ns, waited_ns;
};

static struct turns read_turns(void)
{
    struct turns turns = {0, 0};
    FILE *file = fopen("/proc/thread-self/schedstat", "r");

    if (file != NULL) {
        if (fscanf(file, "%" SCNu64 " %" SCNu64, &turns.ran_ns, &turns.waited_ns) != 2)
            turns = (struct turns){0, 0};
        (void)fclose(file);
    }
    return turns;
}

static void loop(struct worker *worker)
{
    uint64_t now_ns = worker_now_ns();

    worker->progress_ns = now_ns;
    if (!worker->is_open_loop)
        for (uint64_t i = 0; i < worker->wire_count; i++)
            fill(&worker->wires[i], now_ns);
    for (; !is_over(worker, now_ns); now_ns = worker_now_ns()) {
        bool has_due = worker->is_open_loop && send_due(worker, now_ns);

        flush_dirty(worker);
        if (has_due)
            event_base_loop(worker->base, EVLOOP_NONBLOCK);
        else
            wait_for_events(worker, worker_now_ns());
    }
}

/* What was due and not sent, and what was sent and not answered. */
static void count_unfinished(struct worker *worker)
{
    struct flight flight;

    for (; worker->is_open_loop && worker->run->end_ns != UINT64_MAX &&
           next_due_ns(worker) < worker->run->end_ns && !atomic_load(&worker->run->has_stop);
         schedule_advance(&worker->schedule))
        worker->end.unsent += counts(worker, next_due_ns(worker));
    if (worker->run->end_ns == UINT64_MAX && !atomic_load(&worker->run->has_stop))
        worker->end.unsent = worker->left;
    for (uint64_t i = 0; i < worker->wire_count; i++)
        while (connection_give_up(&worker->wires[i].connection, &flight))
            worker->end.unanswered += counts(worker, flight.due_ns);
}

static void *run_thread(void *context)
{
    struct worker *worker = context;
    struct run *run = worker->run;
    uint64_t begun_ns = worker_now_ns();
    struct turns before = read_turns(), after;
    double spent_ns;

    /* Without it the kernel lets a thread sleep up to 50 us longer than it asked for. */
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    process_take_short_turns();
    loop(worker);
    after = read_turns();
    spent_ns = (double)(worker_now_ns() - begun_ns + 1);
    worker->end.cpu_share = (double)(after.ran_ns - before.ran_ns) / spent_ns;
    worker->end.wait_share = (double)(after.waited_ns - before.waited_ns) / spent_ns;
    count_unfinished(worker);
    pthread_mutex_lock(&run->mutex);
    run->done_count++;
    pthread_cond_signal(&run->is_done);
    pthread_mutex_unlock(&run->mutex);
    return NULL;
}

/* --- life ---------------------------------------------------------------------------------------
 */

static struct event_base *precise_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base;

    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

/* Connections and requests are dealt out in turns. */
static uint64_t part_of(uint64_t whole, unsigned index, uint64_t parts)
{
    return whole / parts + (index < whole % parts);
}

static bool connect_all(struct worker *worker, unsigned index, char problem[OPTIONS_PROBLEM_MAX])
{
    const struct options *options = worker->run->options;

    for (uint64_t i = 0; i < worker->wire_count; i++) {
        struct wire *wire = &worker->wires[i];
        uint64_t number = i * options->threads + index;

        wire->worker = worker;
        if (!connection_open(&wire->connection, options,
                             &options->servers[number % options->server_count],
                             number < options->server_count, problem))
            return false;
        wire->readable = event_new(worker->base, wire->connection.context->fd, EV_READ | EV_PERSIST,
                                   on_readable, wire);
        wire->writable =
            event_new(worker->base, wire->connection.context->fd, EV_WRITE, on_writable, wire);
        event_add(wire->readable, NULL);
        worker->open_count++;
        worker->idle_count++;
    }
    return true;
}

struct worker *worker_create(struct run *run, unsigned index, char problem[OPTIONS_PROBLEM_MAX])
{
    const struct options *options = run->options;
    struct worker *worker = xcalloc(1, sizeof(*worker));

    worker->run = run;
    worker->wire_count = part_of(options->connections, index, options->threads);
    worker->wires = xcalloc(worker->wire_count, sizeof(*worker->wires));
    worker->dirty = xcalloc(worker->wire_count, sizeof(struct wire *));
    worker->input = xmalloc(READ_MAX);
    worker->is_open_loop = options->rate > 0;
    worker->left =
        options->requests > 0 ? part_of(options->requests, index, options->threads) : UINT64_MAX;
    worker->stats = xcalloc(1, sizeof(*worker->stats));
    worker->spare = xcalloc(1, sizeof(*worker->spare));
    worker->base = precise_base();
    worker->timer = evtimer_new(worker->base, on_timer, NULL);
    pthread_mutex_init(&worker->mutex, NULL);
    maker_init(&worker->maker, options, &run->counters, index);
    if (worker->is_open_loop)
        schedule_init(&worker->schedule, options->arrivals == ARRIVALS_POISSON, options->rate,
                      index, (unsigned)options->threads, options->seed + index);
    if (connect_all(worker, index, problem))
        return worker;
    worker_destroy(worker);
    return NULL;
}

void worker_start(struct worker *worker)
{
    pthread_create(&worker->thread, NULL, run_thread, worker);
}

void worker_collect(struct worker *worker, struct stats *into)
{
    struct stats *filled;

    pthread_mutex_lock(&worker->mutex);
    filled = worker->stats;
    worker->stats = worker->spare;
    pthread_mutex_unlock(&worker->mutex);
    stats_add(into, filled);
    memset(filled, 0, sizeof(*filled));
    worker->spare = filled;
}

struct worker_end worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    return worker->end;
}

void worker_destroy(struct worker *worker)
{
    if (worker == NULL)
        return;
    for (uint64_t i = 0; i < worker->wire_count; i++) {
        struct wire *wire = &worker->wires[i];

        if (wire->readable != NULL)
            event_free(wire->readable);
        if (wire->writable != NULL)
            event_free(wire->writable);
        connection_close(&wire->connection);
    }
    event_free(worker->timer);
    event_base_free(worker->base);
    maker_clear(&worker->maker);
    pthread_mutex_destroy(&worker->mutex);
    free(worker->stats);
    free(worker->spare);
    free(worker->input);
    free(worker->dirty);
    free(worker->wires);
    free(worker);
}
