/* When a commit fails (order.h, C4). */
#include <stdio.h>

#include "base/condition.h"
#include "base/log.h"
#include "store/commit.h"
#include "store/ns_internal.h"
#include "store/order_internal.h"

#define RETRY_PERIOD_MS 200 /* how often to look for space */

static void undo_group(struct order *order, struct group *group)
{
    for (size_t i = 0; i < group->change_count; i++) {
        struct entry *entry = group->changes[i].entry;

        if (cache_unlink(order->cache, entry))
            epoch_retire(order->commit_epoch, entry, entry_destroy);
    }
    for (size_t i = 0; i < group->touched_count; i++)
        ns_restore_counts(group->touched[i]);
    group_run_undos(group, true);
    group_retire_detached(group, order->commit_epoch);
    group_release_touched(group);
}

static bool is_failure_unseen(struct order *order)
{
    bool is_unseen = false;

    pthread_mutex_lock(&order->threads_mutex);
    for (const struct store_thread *thread = order->threads; thread != NULL; thread = thread->next)
        is_unseen |= atomic_load(&thread->is_failure_pending);
    pthread_mutex_unlock(&order->threads_mutex);
    return is_unseen;
}

/* A thread without on_commit has no clients to tell. */
static void announce_failure(struct order *order)
{
    pthread_mutex_lock(&order->threads_mutex);
    for (struct store_thread *thread = order->threads; thread != NULL; thread = thread->next)
        if (thread->on_commit != NULL)
            atomic_store(&thread->is_failure_pending, true);
    pthread_mutex_unlock(&order->threads_mutex);
    order_wake_all(order);
}

void order_answer_foreign(struct order *order, enum status status)
{
    struct foreign_batch *foreign = order->foreign;

    order->foreign = foreign->next;
    foreign->status = status;
    foreign->is_done = true;
    pthread_cond_broadcast(&order->done);
}

/* Under the order. */
static void start_refusing(struct order *order)
{
    while (order->foreign != NULL)
        order_answer_foreign(order, STATUS_IO);
    engine_error(order->engine, order->refusing);
    if (order->refusing[0] == '\0')
        (void)snprintf(order->refusing, sizeof order->refusing, "the last commit failed");
}

/* Takes back everything that is not committed and waits until every thread has told its clients. */
static void undo_all(struct order *order)
{
    struct group *open, *flying;

    pthread_mutex_lock(&order->mutex);
    start_refusing(order);
    open = order->open;
    flying = order->in_flight;
    undo_group(order, open);
    if (flying != NULL)
        undo_group(order, flying);
    order->open = group_create(open->number + 1);
    order->in_flight = NULL;
    order->statistics.failures++;
    pthread_cond_broadcast(&order->settled);
    atomic_store(&order->newest, atomic_load(&order->committed));
    atomic_store(order->names_changed, atomic_load(&order->committed));
    pthread_mutex_unlock(&order->mutex);

    announce_failure(order);
    pthread_mutex_lock(&order->mutex);
    while (is_failure_unseen(order))
        pthread_cond_wait(&order->seen, &order->mutex);
    pthread_mutex_unlock(&order->mutex);
    group_destroy(open);
    if (flying != NULL)
        order->spare = group_emptied(flying);
}

void order_begin_reopening(struct order *order)
{
    pthread_mutex_lock(&order->engine_in_use);
    atomic_store(&order->is_engine_open, false);
    epoch_synchronize(order->epoch);
}

void order_end_reopening(struct order *order, bool is_open)
{
    atomic_store(&order->is_engine_open, is_open);
    pthread_mutex_unlock(&order->engine_in_use);
}

static bool try_to_recover(struct order *order)
{
    bool is_open;

    if (!engine_has_space(order->engine))
        return false;
    order_begin_reopening(order);
    is_open = engine_reopen(order->engine) == STATUS_OK &&
              commit_clean_pending(order->engine) == STATUS_OK;
    order_end_reopening(order, is_open);
    return is_open;
}

bool order_recover(struct order *order)
{
    bool is_stopping;

    undo_all(order);
    log_line(LOG_WARNING, "Writes are refused until the store can be written again: %s",
             order->refusing);
    do {
        pthread_mutex_lock(&order->mutex);
        if (!order->is_stopping)
            condition_wait_ms(&order->work, &order->mutex, RETRY_PERIOD_MS);
        is_stopping = order->is_stopping;
        pthread_mutex_unlock(&order->mutex);
    } while (!is_stopping && !try_to_recover(order));
    if (is_stopping)
        return false;
    pthread_mutex_lock(&order->mutex);
    order->refusing[0] = '\0';
    pthread_mutex_unlock(&order->mutex);
    order_wake_all(order);
    log_line(LOG_NOTICE, "The store can be written again.");
    return true;
}
