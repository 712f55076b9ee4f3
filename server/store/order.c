#include "store/order_internal.h"

#include <stdlib.h>

#include "base/condition.h"
#include "base/memory.h"
#include "replication/gossip.h"
#include "store/commit.h"
#include "store/digest.h"
#include "store/feed_group.h"
#include "store/news.h"
#include "store/ns_internal.h"

/* How much may wait for the commit thread before writers are parked. */
#define OPEN_BYTES_MAX   (32u << 20)
#define OPEN_CHANGES_MAX 65536

/* A group of up to so much is committed by the thread that made it: waking another costs more. */
#define COMMIT_HERE_CHANGES_MAX 64
#define COMMIT_HERE_BYTES_MAX   ((size_t)64 * 1024)

#define GATE_RETRY_MS  100 /* a client that waits at the gate looks again so often */
#define SYNC_PERIOD_MS 200 /* of the sync thread */

/* ---------- publishing, under the order ---------- */

/* The order this thread is in: INFO and SAVE inside EXEC must not wait for their own thread. */
static _Thread_local const struct order *entered;

static enum gossip_gate gate_of(const struct order *order)
{
    return (enum gossip_gate)atomic_load_explicit(&order->gate, memory_order_relaxed);
}

static int64_t clock_limit_ms(const struct order *order)
{
    return atomic_load_explicit(&order->clock_limit_ms, memory_order_relaxed);
}

int64_t order_wall_ms(const struct order *order, int64_t now_ms)
{
    enum gossip_gate gate = gate_of(order);

    return (gate == GATE_OPEN || gate == GATE_LEAVING) && now_ms <= clock_limit_ms(order) ? now_ms
                                                                                          : 0;
}

bool order_trusts_clock(const struct order *order, int64_t now_ms)
{
    enum gossip_gate gate = gate_of(order);

    return gate != GATE_SKEW && gate != GATE_WAIT && now_ms <= clock_limit_ms(order);
}

static bool has_room(const struct order *order)
{
    return order->open->bytes < OPEN_BYTES_MAX && order->open->change_count < OPEN_CHANGES_MAX;
}

static enum status ask_gate(const struct order *order, int64_t now_ms, int64_t *wake_at_ms)
{
    switch (gate_of(order)) {
    case GATE_SKEW:
        return STATUS_CLOCK_SKEW;
    case GATE_STALE:
        return STATUS_STALE;
    case GATE_LEAVING:
        return STATUS_LEAVING;
    case GATE_LOADING:
        return STATUS_LOADING;
    case GATE_WAIT:
        *wake_at_ms = now_ms + GATE_RETRY_MS;
        return STATUS_PARKED;
    case GATE_OPEN:
        break;
    }
    return STATUS_OK;
}

/* Under the order: why it can't be entered, if it can't. */
static enum status obstacle(struct order *order, int64_t now_ms, bool is_client,
                            int64_t *wake_at_ms)
{
    *wake_at_ms = INT64_MAX;
    if (order->refusing[0] != '\0')
        return STATUS_CANNOT_PERSIST;
    if (!has_room(order)) {
        pthread_cond_signal(&order->work);
        return STATUS_PARKED;
    }
    if (is_client && now_ms > clock_limit_ms(order)) {
        *wake_at_ms = now_ms + GATE_RETRY_MS;
        return STATUS_PARKED;
    }
    if (is_client && now_ms < order->writes_open_at_ms) {
        *wake_at_ms = order->writes_open_at_ms;
        return STATUS_PARKED;
    }
    return is_client ? ask_gate(order, now_ms, wake_at_ms) : STATUS_OK;
}

enum status order_enter(struct order *order, int64_t now_ms, bool is_client, int64_t *wake_at_ms)
{
    enum status status = STATUS_OK;

    pthread_mutex_lock(&order->mutex);
    if (UNLIKELY(order->refusing[0] != '\0' || !has_room(order) ||
                 now_ms < order->writes_open_at_ms || now_ms > clock_limit_ms(order) ||
                 gate_of(order) != GATE_OPEN))
        status = obstacle(order, now_ms, is_client, wake_at_ms);
    if (UNLIKELY(status != STATUS_OK)) {
        pthread_mutex_unlock(&order->mutex);
        return status;
    }
    entered = order;
    return STATUS_OK;
}

void order_exit(struct order *order)
{
    entered = NULL;
    pthread_mutex_unlock(&order->mutex);
}

bool order_lock(struct order *order)
{
    if (entered == order)
        return false;
    pthread_mutex_lock(&order->mutex);
    return true;
}

void order_unlock(struct order *order, bool is_locked)
{
    if (is_locked)
        pthread_mutex_unlock(&order->mutex);
}

static uint64_t group_of(const struct entry *entry)
{
    return atomic_load_explicit(&entry->group, memory_order_relaxed);
}

/* An entry left the cache: whose is it now? */
static void release_replaced(struct order *order, struct store_thread *thread, struct entry *old)
{
    struct group *flying = order->in_flight;

    if (old == NULL)
        return;
    if (flying == NULL || group_of(old) != flying->number) {
        epoch_retire(thread->epoch, old, entry_destroy);
        return;
    }
    group_detach(flying, old);
}

void order_publish(struct order *order, struct store_thread *thread, struct entry *entry,
                   const struct entry *base)
{
    struct group *group = order->open;

    atomic_store_explicit(&entry->group, group->number, memory_order_relaxed);
    if (base != NULL && group_of(base) == group->number)
        group_replace_change(group, entry, base);
    else
        group_add_change(group, entry, base);
    release_replaced(order, thread, cache_publish(order->cache, thread->epoch, entry));
}

void order_touch(struct order *order, struct ns *ns)
{
    if (ns->is_touched)
        return;
    ns->is_touched = true;
    group_touch(order->open, ns);
}

void order_note(struct order *order, struct bytes key, struct bytes value)
{
    group_note(order->open, key, value);
}

void order_note_deleted(struct order *order, struct bytes key)
{
    group_note(order->open, key, (struct bytes){NULL, 0});
}

void order_add_undos(struct order *order, struct undo *undos)
{
    group_add_undos(order->open, undos);
}

void order_add_news(struct order *order, const struct news *news)
{
    struct news numbered = *news;

    numbered.publication = atomic_load_explicit(&order->publications, memory_order_relaxed);
    news_put(&order->open->news, &numbered);
    order->open->bytes += sizeof numbered + news->key.size;
}

void order_add_remarks(struct order *order, struct bytes remarks)
{
    buffer_append_bytes(&order->open->news, remarks);
    order->open->bytes += remarks.size;
}

void order_names_change(struct order *order)
{
    atomic_store_explicit(order->names_changed, order->open->number, memory_order_release);
}

void order_begin_publication(struct order *order)
{
    uint64_t count = atomic_load_explicit(&order->publications, memory_order_relaxed);

    atomic_store_explicit(&order->publications, count + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

void order_end_publication(struct order *order)
{
    uint64_t count = atomic_load_explicit(&order->publications, memory_order_relaxed);

    atomic_store_explicit(&order->publications, count + 1, memory_order_release);
}

void order_published(struct order *order, struct store_thread *thread, uint64_t own_stamp,
                     uint64_t stamp_max)
{
    struct group *group = order->open;

    if (own_stamp > 0)
        group->own_stamp_max = own_stamp; /* they rise */
    if (stamp_max > group->stamp_max)
        group->stamp_max = stamp_max;
    atomic_store_explicit(&order->newest, order->open->number, memory_order_release);
    thread->has_published = true;
}

static void each_entry(const struct group *group,
                       void (*each)(void *context, const struct entry *entry), void *context)
{
    for (size_t i = 0; i < group->change_count; i++)
        each(context, group->changes[i].entry);
}

void order_each_uncommitted(struct order *order,
                            void (*each)(void *context, const struct entry *entry), void *context)
{
    if (order->in_flight != NULL)
        each_entry(order->in_flight, each, context);
    each_entry(order->open, each, context);
}

void order_wake(struct order *order, struct store_thread *thread)
{
    if (!thread->has_published)
        return;
    thread->has_published = false;
    pthread_mutex_lock(&order->mutex);
    if (order->is_idle)
        pthread_cond_signal(&order->work);
    pthread_mutex_unlock(&order->mutex);
}

/* ---------- the commit thread ---------- */

/* Each call may be a system call. */
void order_notify_others(struct order *order, const struct store_thread *knows)
{
    pthread_mutex_lock(&order->threads_mutex);
    for (struct store_thread *thread = order->threads; thread != NULL; thread = thread->next)
        if (thread->on_commit != NULL && thread != knows)
            thread->on_commit(thread->context);
    pthread_mutex_unlock(&order->threads_mutex);
}

void order_wake_all(struct order *order)
{
    order_notify_others(order, NULL);
}

/* The group leaves the open place; what it must know of the namespaces is fixed now (C7). */
static struct group *take_open(struct order *order)
{
    struct group *group = order->open;

    order->open = order->spare;
    order->spare = NULL;
    order->open->number = group->number + 1;
    order->in_flight = group;
    for (size_t i = 0; i < group->touched_count; i++)
        ns_freeze_counts(group->touched[i]);
    return group;
}

/* Keys, values and metadata alone. */
static size_t change_bytes(const struct group *group)
{
    return group->bytes - group->news.size - group->change_count * sizeof(struct entry);
}

static void count_commit(struct order *order, const struct group *group)
{
    struct order_statistics *statistics = &order->statistics;

    statistics->commits++;
    statistics->changes += (int64_t)group->change_count;
    statistics->bytes += (int64_t)change_bytes(group);
    if (statistics->unsynced_changes == 0 && group->change_count > 0 && !group->is_synced)
        pthread_cond_signal(&order->unsynced);
    statistics->unsynced_changes += (int64_t)group->change_count;
    if (group->is_synced) {
        statistics->syncs++;
        statistics->unsynced_changes = 0;
        statistics->last_sync_s = clock_wall_ms(order->clock) / 1000;
    }
}

/* The feed comes first: who sees the group as committed finds its writes there.  So do news: when a
 * write is answered, whoever is to hear of it has it in his inbox. */
static void finish_group(struct order *order, struct group *group, struct epoch_thread *epoch,
                         const struct store_thread *knows)
{
    if (order->feed != NULL)
        feed_group(order->feed, group, order->sorting.changes, order->node_id);
    if (group->news.size > 0)
        order->tell(order->tell_context, buffer_view(&group->news));
    pthread_mutex_lock(&order->mutex);
    atomic_store_explicit(&order->committed, group->number, memory_order_release);
    if (group->is_synced)
        atomic_store_explicit(&order->durable, group->number, memory_order_release);
    order->persisted = order->ceiling;
    order->in_flight = NULL;
    for (size_t i = 0; i < group->touched_count; i++)
        ns_commit_counts(group->touched[i]);
    group_run_undos(group, false);
    count_commit(order, group);
    pthread_cond_broadcast(&order->settled);
    pthread_mutex_unlock(&order->mutex);
    order_notify_others(order, knows);

    group_retire_detached(group, epoch);
    group_release_touched(group);
    order->spare = group_emptied(group);
}

/* Under the order: what the commit thread is to do next.  What is in flight while it asks was left
 * to it. */
static bool has_work(const struct order *order)
{
    return !group_is_empty(order->open) || order->in_flight != NULL || order->foreign != NULL;
}

/* ---------- a small group, by who made it ---------- */

/* Under the order.  Nothing of it may wait, and nothing that it needs is the commit thread's
 * alone; that one sleeps, and goes on sleeping meanwhile. */
static bool may_commit_here(const struct order *order)
{
    const struct group *group = order->open;

    return order->is_idle && !order->is_committing_here && order->in_flight == NULL &&
           order->foreign == NULL && order->digest == NULL && order->refusing[0] == '\0' &&
           !order->is_stopping && !group_is_empty(group) && !group->wants_sync &&
           !commit_is_always_synced(order) && group->stamp_max <= order->ceiling &&
           group->change_count <= COMMIT_HERE_CHANGES_MAX &&
           group->bytes <= COMMIT_HERE_BYTES_MAX && group->news.size == 0;
}

/* The group stays in flight, for the commit thread, if the engine would wait or has failed. */
static bool commit_here(struct order *order, struct store_thread *thread, struct group *group)
{
    bool is_committed = commit_build(order, group) == STATUS_OK &&
                        engine_try_write(order->engine, order->batch) == STATUS_OK;

    if (is_committed)
        finish_group(order, group, thread->epoch, thread);
    pthread_mutex_lock(&order->mutex);
    order->is_committing_here = false;
    if (has_work(order) || order->is_stopping)
        pthread_cond_signal(&order->work);
    pthread_mutex_unlock(&order->mutex);
    return is_committed;
}

bool order_commit_or_wake(struct order *order, struct store_thread *thread)
{
    struct group *group = NULL;

    if (!thread->has_published)
        return false;
    thread->has_published = false;
    pthread_mutex_lock(&order->mutex);
    if (may_commit_here(order)) {
        order->is_committing_here = true;
        group = take_open(order);
    } else if (order->is_idle) {
        pthread_cond_signal(&order->work);
    }
    pthread_mutex_unlock(&order->mutex);
    return group != NULL && commit_here(order, thread, group);
}

/* ---------- the threads ---------- */

/* False: time has passed, the digest may have work. */
static bool wait_for_work(struct order *order)
{
    order->is_idle = true;
    if (order->digest == NULL)
        pthread_cond_wait(&order->work, &order->mutex);
    else
        condition_wait_ms(&order->work, &order->mutex, DIGEST_WORK_PERIOD_MS);
    order->is_idle = false;
    return order->digest == NULL;
}

/* Waits for work, and until nobody else commits; false = the server stops and nothing is left. */
static bool next_work(struct order *order, struct group **group, struct foreign_batch **foreign)
{
    bool is_something;

    pthread_mutex_lock(&order->mutex);
    while (order->is_committing_here ||
           (!has_work(order) && !order->is_stopping && !order->is_digest_busy))
        if (!wait_for_work(order) && !order->is_committing_here)
            break;
    *foreign = order->foreign;
    *group = order->in_flight;
    if (*group == NULL && !group_is_empty(order->open))
        *group = take_open(order);
    is_something = *group != NULL || *foreign != NULL || !order->is_stopping;
    pthread_mutex_unlock(&order->mutex);
    return is_something;
}

/* False if the engine failed and everything must be taken back. */
static bool do_work(struct order *order, struct group *group, const struct foreign_batch *foreign)
{
    enum status status = STATUS_OK;

    if (group != NULL)
        status = commit_write(order, group);
    if (group != NULL && order->digest != NULL)
        digest_end_batch(order->digest, status == STATUS_OK);
    if (group != NULL && status == STATUS_OK)
        finish_group(order, group, order->commit_epoch, NULL);
    if (foreign == NULL)
        return status == STATUS_OK;
    if (status == STATUS_OK)
        status = foreign->run != NULL ? foreign->run(order, foreign->context)
                                      : engine_write(order->engine, foreign->batch, false);
    pthread_mutex_lock(&order->mutex);
    order_answer_foreign(order, status);
    pthread_mutex_unlock(&order->mutex);
    return status == STATUS_OK;
}

static bool do_digest_work(struct order *order)
{
    return order->digest == NULL || digest_work(order->digest, &order->is_digest_busy) == STATUS_OK;
}

static void *run_commits(void *context)
{
    struct order *order = context;
    struct foreign_batch *foreign;
    struct group *group;

    while (next_work(order, &group, &foreign)) {
        if ((!do_work(order, group, foreign) || !do_digest_work(order)) && !order_recover(order))
            break;
        epoch_collect(order->commit_epoch);
    }
    return NULL;
}

static bool is_sync_wanted(const struct order *order)
{
    return order->statistics.unsynced_changes > 0 && order->refusing[0] == '\0' &&
           options_number(order->options, OPTION_APPENDFSYNC) != APPENDFSYNC_NO;
}

/* While nothing waits to be synced, a commit ends the wait. */
static void wait_to_sync(struct order *order)
{
    while (order->statistics.unsynced_changes == 0 && !order->is_stopping)
        pthread_cond_wait(&order->unsynced, &order->mutex);
    if (!order->is_stopping)
        condition_wait_ms(&order->done, &order->mutex, SYNC_PERIOD_MS);
}

/* Makes durable points, well within the second that everysec promises.  The journal is pushed to
 * disk from here first, so that the synced write of the commit thread hardly waits; if that fails,
 * so does this. */
static void *run_syncs(void *context)
{
    struct order *order = context;

    pthread_mutex_lock(&order->mutex);
    while (!order->is_stopping) {
        wait_to_sync(order);
        if (order->is_stopping || !is_sync_wanted(order))
            continue;
        pthread_mutex_unlock(&order->mutex);
        (void)!engine_sync(order->engine);
        pthread_mutex_lock(&order->mutex);
        if (order->refusing[0] == '\0') {
            order->open->wants_sync = true;
            pthread_cond_signal(&order->work);
        }
    }
    pthread_mutex_unlock(&order->mutex);
    return NULL;
}

uint64_t order_request_sync(struct order *order)
{
    bool is_locked = order_lock(order);
    uint64_t number = 0;

    if (order->refusing[0] == '\0') {
        order->open->wants_sync = true;
        number = order->open->number;
        atomic_store_explicit(&order->newest, number, memory_order_release);
        pthread_cond_signal(&order->work);
    }
    order_unlock(order, is_locked);
    return number;
}

static void submit(struct order *order, struct foreign_batch *foreign)
{
    struct foreign_batch **end = &order->foreign;

    foreign->next = NULL;
    pthread_mutex_lock(&order->mutex);
    foreign->is_done = order->refusing[0] != '\0' || order->is_stopping;
    foreign->status = STATUS_IO;
    while (*end != NULL)
        end = &(*end)->next;
    if (!foreign->is_done)
        *end = foreign;
    pthread_cond_signal(&order->work);
    pthread_mutex_unlock(&order->mutex);
}

static enum status await(struct order *order, struct foreign_batch *foreign)
{
    pthread_mutex_lock(&order->mutex);
    while (!foreign->is_done)
        pthread_cond_wait(&order->done, &order->mutex);
    pthread_mutex_unlock(&order->mutex);
    return foreign->status;
}

enum status order_write_batch(struct order *order, struct engine_batch *batch)
{
    struct foreign_batch foreign = {.batch = batch};

    submit(order, &foreign);
    return await(order, &foreign);
}

enum status order_run(struct order *order, enum status (*run)(struct order *order, void *context),
                      void *context)
{
    struct foreign_batch foreign = {.run = run, .context = context};

    submit(order, &foreign);
    return await(order, &foreign);
}

int64_t order_failures(struct order *order)
{
    bool is_locked = order_lock(order);
    int64_t failures = order->statistics.failures;

    order_unlock(order, is_locked);
    return failures;
}

enum status order_wait(struct order *order, uint64_t group, int64_t failures)
{
    enum status status;

    pthread_mutex_lock(&order->mutex);
    while (atomic_load(&order->committed) < group && order->statistics.failures == failures)
        pthread_cond_wait(&order->settled, &order->mutex);
    status = order->statistics.failures == failures ? STATUS_OK : STATUS_IO;
    pthread_mutex_unlock(&order->mutex);
    return status;
}

/* ---------- life ---------- */

static void init_conditions(struct order *order)
{
    pthread_mutexattr_t adaptive;

    pthread_mutexattr_init(&adaptive);
    pthread_mutexattr_settype(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&order->mutex, &adaptive);
    pthread_mutex_init(&order->threads_mutex, NULL);
    pthread_mutex_init(&order->engine_in_use, NULL);
    pthread_mutexattr_destroy(&adaptive);
    condition_init(&order->work);
    condition_init(&order->done);
    condition_init(&order->seen);
    condition_init(&order->unsynced);
    condition_init(&order->settled);
}

/* A ceiling farther off than it is ever put means that the clock was set back: it is not waited
 * for, the stamps rise above it by themselves. */
static int64_t after_ceiling_ms(const struct clock *clock, uint64_t ceiling)
{
    int64_t at_ms = stamp_wall_ms(ceiling) + 1;

    return at_ms - clock_wall_ms(clock) > COMMIT_CEILING_AHEAD_MS + 1 ? 0 : at_ms;
}

void order_init(struct order *order, struct engine *engine, struct cache *cache,
                struct epoch *epoch, struct options *options, const struct clock *clock,
                _Atomic uint64_t *names_changed, uint64_t ceiling, bool is_clean)
{
    order->engine = engine;
    order->cache = cache;
    order->epoch = epoch;
    order->options = options;
    order->clock = clock;
    order->names_changed = names_changed;
    order->ceiling = ceiling;
    order->persisted = ceiling;
    atomic_store(&order->clock_limit_ms, INT64_MAX);
    order->hlc.last = ceiling;
    order->writes_open_at_ms = is_clean || ceiling == 0 ? 0 : after_ceiling_ms(clock, ceiling);
    order->open = group_create(1);
    order->spare = group_create(0);
    order->batch = engine_batch_create();
    order->statistics.last_sync_s = clock_wall_ms(clock) / 1000;
    atomic_store(&order->is_engine_open, true);
    init_conditions(order);
}

void order_start(struct order *order)
{
    order->commit_epoch = epoch_join(order->epoch);
    order->is_digest_busy = order->digest != NULL;
    pthread_create(&order->commit_thread, NULL, run_commits, order);
    pthread_create(&order->sync_thread, NULL, run_syncs, order);
}

bool order_stop(struct order *order)
{
    bool is_all_written;

    pthread_mutex_lock(&order->mutex);
    order->is_stopping = true;
    pthread_cond_broadcast(&order->work);
    pthread_cond_broadcast(&order->done);
    pthread_cond_signal(&order->unsynced);
    pthread_mutex_unlock(&order->mutex);
    pthread_join(order->sync_thread, NULL);
    pthread_join(order->commit_thread, NULL);
    epoch_leave(order->commit_epoch);
    is_all_written = order->refusing[0] == '\0';
    return is_all_written;
}

void order_clear(struct order *order)
{
    group_destroy(order->open);
    group_destroy(order->spare);
    engine_batch_destroy(order->batch);
    sorting_clear(&order->sorting);
    buffer_clear(&order->key);
    buffer_clear(&order->value);
    pthread_cond_destroy(&order->work);
    pthread_cond_destroy(&order->done);
    pthread_cond_destroy(&order->seen);
    pthread_cond_destroy(&order->unsynced);
    pthread_cond_destroy(&order->settled);
    pthread_mutex_destroy(&order->engine_in_use);
    pthread_mutex_destroy(&order->threads_mutex);
    pthread_mutex_destroy(&order->mutex);
}

void order_join(struct order *order, struct store_thread *thread)
{
    pthread_mutex_lock(&order->threads_mutex);
    thread->next = order->threads;
    order->threads = thread;
    pthread_mutex_unlock(&order->threads_mutex);
}

void order_leave(struct order *order, struct store_thread *thread)
{
    struct store_thread **link = &order->threads;

    pthread_mutex_lock(&order->threads_mutex);
    while (*link != thread)
        link = &(*link)->next;
    *link = thread->next;
    pthread_mutex_unlock(&order->threads_mutex);
    order_failure_seen(order, thread);
}

void order_failure_seen(struct order *order, struct store_thread *thread)
{
    pthread_mutex_lock(&order->mutex);
    atomic_store(&thread->is_failure_pending, false);
    pthread_cond_broadcast(&order->seen);
    pthread_mutex_unlock(&order->mutex);
}
