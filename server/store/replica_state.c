/* The rest of replica.h: time, state, horizon and gate. */
#include "store/replica.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/wire.h"
#include "store/feed.h"
#include "store/keyspace.h"
#include "store/notes.h"
#include "store/registry_internal.h"
#include "store/store_internal.h"
#include "store/sweeper.h"

uint64_t store_node_of_alias(const struct store *store, uint16_t alias)
{
    return aliases_node(store->aliases, alias);
}

struct feed *store_feed(struct store *store)
{
    return store->feed;
}

/* ---------- horizon ---------- */

void store_set_horizon(struct store *store, uint64_t horizon)
{
    atomic_store(&store->horizon, horizon);
}

uint64_t store_horizon(const struct store *store)
{
    return atomic_load(&store->horizon);
}

int64_t store_buried_count(const struct store *store)
{
    int64_t buried = registry_counts(store->registry).buried;

    return buried > 0 ? buried : 0; /* a store from before they were counted begins at none */
}

bool store_wants_horizon(const struct store *store)
{
    return sweeper_wants_horizon(store->sweeper);
}

bool store_is_blank(struct store *store)
{
    return registry_is_blank(store->registry);
}

/* ---------- time ---------- */

static bool has_own(const struct group *group)
{
    return group != NULL && group->own_stamp_max > 0;
}

/* Under the order, while no client's write is under way: all that come will be newer than this. */
static uint64_t close_now(struct order *order)
{
    uint64_t now = stamp_of_wall_ms(clock_wall_ms(order->clock));
    uint64_t position = order->hlc.last > now ? order->hlc.last : now;

    if (position > order->persisted)
        position = order->persisted;
    hlc_observe(&order->hlc, position);
    return position;
}

uint64_t store_close_time(struct store *store)
{
    struct order *order = &store->order;
    bool is_locked = order_lock(order);
    bool is_busy = has_own(order->open) || has_own(order->in_flight);
    uint64_t position = is_busy ? feed_position(store->feed) : close_now(order);

    if (position > store->closed)
        store->closed = position;
    position = store->closed;
    order_unlock(order, is_locked);
    return position;
}

void store_observe(struct store *store, uint64_t stamp)
{
    bool is_locked = order_lock(&store->order);

    hlc_observe(&store->order.hlc, stamp);
    order_unlock(&store->order, is_locked);
}

uint64_t store_clock(struct store *store)
{
    bool is_locked = order_lock(&store->order);
    uint64_t last = store->order.hlc.last;

    order_unlock(&store->order, is_locked);
    return last;
}

uint64_t store_last_own_at_start(const struct store *store)
{
    return store->last_own_at_start;
}

/* ---------- state ---------- */

static struct bytes state_key(struct buffer *key)
{
    return keyspace_local(key, NOTE_GOSSIP, (struct bytes){"", 0});
}

uint64_t store_save_state(struct store_thread *thread, struct bytes state, bool is_urgent)
{
    struct order *order = &thread->store->order;
    bool is_locked = order_lock(order);
    struct buffer key = {0};
    uint64_t group = 0;

    if (order->refusing[0] == '\0') {
        order_note(order, state_key(&key), state);
        if (thread->store->was_alone) /* this state knows it */
            order_note_deleted(order, keyspace_local(&key, NOTE_ALONE, (struct bytes){"", 0}));
        order->open->wants_sync |= is_urgent;
        group = order->open->number;
        atomic_store_explicit(&order->newest, group, memory_order_release);
        pthread_cond_signal(&order->work);
    }
    order_unlock(order, is_locked);
    buffer_clear(&key);
    return group;
}

enum status store_load_state(struct store *store, struct buffer *state)
{
    struct buffer key = {0};
    struct bytes stored;
    enum status status = STATUS_PARKED;

    pthread_mutex_lock(&store->order.engine_in_use);
    if (store_is_engine_open(store))
        status = engine_get(store->engine, state_key(&key), &stored);
    pthread_mutex_unlock(&store->order.engine_in_use);
    buffer_clear(&key);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    buffer_append_bytes(state, stored);
    engine_free(stored);
    return STATUS_OK;
}

bool store_was_alone(const struct store *store)
{
    return store->was_alone;
}

uint64_t store_durable(const struct store *store)
{
    return atomic_load_explicit(&store->order.durable, memory_order_acquire);
}

/* ---------- clients ---------- */

/* Set under the order: no transaction that asked before is still running afterwards. */
void store_set_gate(struct store *store, enum gossip_gate gate)
{
    bool is_locked = order_lock(&store->order);
    int before = atomic_exchange_explicit(&store->order.gate, (int)gate, memory_order_relaxed);

    order_unlock(&store->order, is_locked);
    if (before != (int)gate)
        store_wake_all(store);
}

void store_set_clock_limit(struct store *store, int64_t wall_ms)
{
    atomic_store_explicit(&store->order.clock_limit_ms, wall_ms, memory_order_relaxed);
}

enum gossip_gate store_gate(const struct store *store)
{
    return (enum gossip_gate)atomic_load_explicit(&store->order.gate, memory_order_relaxed);
}

void store_wake_all(struct store *store)
{
    order_wake_all(&store->order);
}

void store_set_stagger(struct store *store, const uint64_t *node_ids, size_t count, int64_t step_us)
{
    struct stagger stagger = {.count = count, .step_us = step_us};
    bool is_locked;

    if (count > 0) {
        stagger.nodes = xcalloc(count, sizeof *stagger.nodes);
        memcpy(stagger.nodes, node_ids, count * sizeof *stagger.nodes);
    }
    is_locked = order_lock(&store->order);
    free(store->stagger.nodes);
    store->stagger = stagger;
    order_unlock(&store->order, is_locked);
}
