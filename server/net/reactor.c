#include "net/reactor.h"

#include <time.h>

#include "base/memory.h"
#include "commands/statistics.h"

/* How soon an idle thread comes back to free what others may still have been reading. */
#define COLLECT_MS 10

#define COMMITS_IN_TURN_MAX 4

/* T3: what is a crowd, and how long to wait for each of them to come back.  bench/README.md says
 * what other values gave. */
#define CROWD_MIN     16
#define PAUSE_EACH_NS 500
#define PAUSE_MAX_NS  40000

/* A thread that came back so soon did not sleep: something was there. */
#define NO_SLEEP_US 10

struct timeval reactor_milliseconds(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
}

/* --- what wakes it --- */

static void on_commit(void *context)
{
    struct reactor *reactor = context;

    atomic_store_explicit(&reactor->has_commit, true, memory_order_release);
    if (atomic_fetch_add(&reactor->is_expecting, 0) != 0 || /* read-modify-write: see T2 */
        store_failure_pending(reactor->worker.store_thread))
        bell_ring(&reactor->bell);
}

static void on_bell(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    reactor_begin_turn(context);
}

void reactor_ring(struct reactor *reactor)
{
    bell_ring(&reactor->bell);
}

void reactor_stop(struct reactor *reactor)
{
    atomic_store(&reactor->is_stopping, true);
    bell_ring(&reactor->bell);
}

/* --- a turn --- */

/* What was committed while nobody here waited for it is no news; a failure is. */
static void forget_old_commits(struct reactor *reactor)
{
    if (atomic_load_explicit(&reactor->is_expecting, memory_order_relaxed) != 0 ||
        !atomic_load_explicit(&reactor->has_commit, memory_order_relaxed))
        return;
    (void)atomic_exchange(&reactor->has_commit, false);
    if (store_failure_pending(reactor->worker.store_thread))
        atomic_store(&reactor->has_commit, true);
}

void reactor_begin_turn_slowly(struct reactor *reactor)
{
    const struct services *services = reactor->services;
    int64_t now_us = clock_monotonic_us(services->clock);

    reactor->is_in_turn = true;
    if (now_us - reactor->turn_ended_us > NO_SLEEP_US)
        reactor->arrival_count = 0;
    if (bell_wake_up(&reactor->bell))
        reactor->was_rung = true;
    forget_old_commits(reactor);
    epoch_enter(reactor->epoch);
    reactor->now_ms = clock_wall_ms(services->clock);
    reactor->now_s = now_us / 1000000;
    if (reactor->ops->begin != NULL)
        reactor->ops->begin(reactor);
}

/* T1. */
static void look_at_commits(struct reactor *reactor)
{
    if (!atomic_exchange_explicit(&reactor->has_commit, false, memory_order_acquire))
        return;
    if (store_failure_pending(reactor->worker.store_thread)) {
        reactor->ops->failed(reactor);
        store_failure_seen(reactor->worker.store_thread);
    } else {
        reactor->ops->committed(reactor);
    }
    reactor->ops->retry(reactor, INT64_MAX);
}

static void answer_ring(struct reactor *reactor)
{
    reactor_begin_turn(reactor);
    look_at_commits(reactor);
    reactor->ops->rung(reactor);
}

/* What was committed at once is answered at once; what that lets others write, too. */
static void commit_turn(struct reactor *reactor)
{
    struct store_thread *thread = reactor->worker.store_thread;

    for (int i = 0; i < COMMITS_IN_TURN_MAX && store_commit_turn(thread); i++)
        reactor->ops->committed(reactor);
    store_end_turn(thread);
}

void reactor_end_turn(struct reactor *reactor)
{
    struct timeval soon = reactor_milliseconds(COLLECT_MS);

    if (reactor->is_in_turn) {
        commit_turn(reactor);
        epoch_exit(reactor->epoch);
        reactor->turn_ended_us = clock_monotonic_us(reactor->services->clock);
    }
    reactor->is_in_turn = false;
    if (reactor->is_collecting || epoch_pending(reactor->epoch) == 0)
        return;
    reactor->is_collecting = true;
    (void)evtimer_add(&reactor->collect_timer, &soon);
}

/* T2: of this exchange and the addition in on_commit() one comes second and sees the other. */
static void expect_commits(struct reactor *reactor)
{
    int expects = reactor->ops->expects_commit(reactor);

    if (expects == atomic_load_explicit(&reactor->is_expecting, memory_order_relaxed))
        return;
    (void)atomic_exchange(&reactor->is_expecting, expects);
    if (expects != 0 && atomic_load_explicit(&reactor->has_commit, memory_order_acquire))
        bell_ring(&reactor->bell);
}

/* --- waiting --- */

static bool has_served_crowd(const struct reactor *reactor)
{
    return reactor->arrival_count >= CROWD_MIN &&
           atomic_load_explicit(&reactor->is_expecting, memory_order_relaxed) == 0;
}

/* T3. */
static void pause_for_crowd(struct reactor *reactor)
{
    int64_t pause_ns = (int64_t)reactor->arrival_count * PAUSE_EACH_NS;
    struct timespec pause = {.tv_nsec = pause_ns < PAUSE_MAX_NS ? pause_ns : PAUSE_MAX_NS};

    (void)nanosleep(&pause, NULL);
    reactor->arrival_count = 0;
    reactor->pause_count++;
}

static void wait_for_events(struct reactor *reactor)
{
    int flags;

    if (has_served_crowd(reactor)) {
        (void)event_base_loop(reactor->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        if (reactor->is_in_turn)
            return;
        pause_for_crowd(reactor);
    }
    flags = bell_fall_asleep(&reactor->bell) ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK;
    (void)event_base_loop(reactor->base, flags);
}

void reactor_turn(struct reactor *reactor)
{
    wait_for_events(reactor);
    if (reactor->ops->work != NULL)
        reactor->ops->work(reactor);
    if (bell_wake_up(&reactor->bell) || reactor->was_rung) {
        reactor->was_rung = false;
        answer_ring(reactor);
    }
    reactor_end_turn(reactor);
    expect_commits(reactor);
}

/* --- timers --- */

static void on_collect(evutil_socket_t descriptor, short what, void *context)
{
    struct reactor *reactor = context;

    (void)descriptor;
    (void)what;
    reactor->is_collecting = false;
    if (!reactor->is_in_turn)
        epoch_collect(reactor->epoch);
}

static void on_retry(evutil_socket_t descriptor, short what, void *context)
{
    struct reactor *reactor = context;

    (void)descriptor;
    (void)what;
    reactor_begin_turn(reactor);
    reactor->retry_at_ms = INT64_MAX;
    reactor->ops->retry(reactor, reactor->now_ms);
}

void reactor_retry_at(struct reactor *reactor, int64_t at_ms)
{
    struct timeval wait;

    if (at_ms >= reactor->retry_at_ms)
        return;
    reactor->retry_at_ms = at_ms;
    wait = reactor_milliseconds(at_ms > reactor->now_ms ? at_ms - reactor->now_ms : 1);
    (void)evtimer_add(&reactor->retry_timer, &wait);
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

static void create_events(struct reactor *reactor)
{
    (void)event_assign(&reactor->bell_event, reactor->base, reactor->bell.descriptor,
                       EV_READ | EV_PERSIST | EV_ET, on_bell, reactor);
    (void)evtimer_assign(&reactor->retry_timer, reactor->base, on_retry, reactor);
    (void)evtimer_assign(&reactor->collect_timer, reactor->base, on_collect, reactor);
    (void)event_add(&reactor->bell_event, NULL);
}

enum status reactor_init(struct reactor *reactor, const struct reactor_ops *ops,
                         struct services *services)
{
    /* It expects commits until its first turn: before, nobody has looked for failed ones. */
    *reactor = (struct reactor){
        .ops = ops, .services = services, .retry_at_ms = INT64_MAX, .is_expecting = 1};
    reactor->base = create_base();
    if (reactor->base == NULL)
        return STATUS_IO;
    if (bell_init(&reactor->bell) != STATUS_OK) {
        event_base_free(reactor->base);
        return STATUS_IO;
    }
    create_events(reactor);
    reactor->worker.services = services;
    reactor->worker.statistics = statistics_join(services->statistics);
    reactor->worker.store_thread = store_join(services->store, on_commit, reactor);
    reactor->worker.txn = txn_create(reactor->worker.store_thread);
    reactor->epoch = store_epoch(reactor->worker.store_thread);
    return STATUS_OK;
}

void reactor_clear(struct reactor *reactor)
{
    txn_destroy(reactor->worker.txn);
    store_leave(reactor->worker.store_thread);
    buffer_clear(&reactor->worker.scratch);

    (void)event_del(&reactor->bell_event);
    (void)event_del(&reactor->retry_timer);
    (void)event_del(&reactor->collect_timer);
    event_base_free(reactor->base);
    bell_clear(&reactor->bell);
}
