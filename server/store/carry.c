#include "store/carry.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/wire.h"
#include "store/keyspace.h"
#include "store/record.h"
#include "store/registry_parts.h"
#include "store/store_internal.h"
#include "store/txn_internal.h"

#define ROWS_PER_STRIDE 4096 /* between two looks whether the engine may still be used */

struct carry {
    uint64_t stamp;
    uint32_t number;     /* where the namespace was */
    struct buffer keys;  /* each with its size in front; a key may stand there twice */
    struct buffer noted; /* the same, from carry_note(), under the order */
    bool is_ready;
};

void carry_destroy(struct carry *carry)
{
    if (carry == NULL)
        return;
    buffer_clear(&carry->keys);
    buffer_clear(&carry->noted);
    free(carry);
}

void carry_note(struct carry *carry, struct bytes key, uint64_t stamp)
{
    if (stamp > carry->stamp && carry->noted.size < CARRY_NOTED_MAX)
        wire_put_bytes(&carry->noted, key);
}

/* ---------- looking for survivors ---------- */

static void add_uncommitted(void *context, const struct entry *entry)
{
    struct carry *carry = context;

    if (entry->ns == carry->number && entry->header.stamp > carry->stamp)
        wire_put_bytes(&carry->keys, entry_key(entry));
}

static void add_change(void *context, struct bytes key, const struct entry *entry)
{
    struct carry *carry = context;

    if (entry != NULL && entry->header.stamp > carry->stamp)
        wire_put_bytes(&carry->keys, key);
}

/* Goes on at `position`, the stored key of a record, which moves; *is_done at the end. */
static enum status scan_stride(struct carry *carry, struct engine *engine, struct buffer *position,
                               bool *is_done)
{
    struct engine_iterator *iterator = engine_iterate(engine);
    enum status status = STATUS_OK;
    struct bytes key;
    int rows = 0;

    engine_iterator_seek(iterator, buffer_view(position));
    *is_done = false;
    for (; status == STATUS_OK && rows < ROWS_PER_STRIDE; rows++, engine_iterator_next(iterator)) {
        struct record_view record;

        *is_done = !engine_iterator_is_valid(iterator) ||
                   !keyspace_read_record(engine_iterator_key(iterator), carry->number, &key);
        if (*is_done)
            break;
        status = record_decode(engine_iterator_value(iterator), &record);
        if (status == STATUS_OK && record.header.stamp > carry->stamp)
            wire_put_bytes(&carry->keys, key);
    }
    if (status == STATUS_OK)
        status = engine_iterator_status(iterator);
    if (status == STATUS_OK && !*is_done)
        keyspace_record(position, carry->number, key);
    engine_iterator_destroy(iterator);
    return status;
}

/* The last key of a stride is seen again in the next one: no harm. */
static enum status scan_stored(struct carry *carry, struct store_thread *thread)
{
    bool was_inside = epoch_is_inside(thread->epoch), is_done = false;
    struct buffer position = {0};
    enum status status = STATUS_OK;

    keyspace_namespace(&position, KEYSPACE_RECORD, carry->number);
    while (status == STATUS_OK && !is_done) {
        if (!was_inside)
            epoch_enter(thread->epoch);
        status = store_is_engine_open(thread->store)
                     ? scan_stride(carry, thread->store->engine, &position, &is_done)
                     : STATUS_PARKED;
        if (!was_inside)
            epoch_exit(thread->epoch);
    }
    buffer_clear(&position);
    return status;
}

static struct carry *create(uint64_t stamp, uint32_t number)
{
    struct carry *carry = xcalloc(1, sizeof *carry);

    carry->stamp = stamp;
    carry->number = number;
    return carry;
}

static bool is_prepared(const struct carry *carry, uint64_t stamp)
{
    return carry != NULL && carry->is_ready && carry->stamp <= stamp &&
           carry->noted.size < CARRY_NOTED_MAX;
}

/* NULL if that is done, or another thread is looking in this namespace. */
static struct carry *begin(struct order *order, struct ns *ns, uint64_t stamp)
{
    bool is_locked = order_lock(order);
    struct carry *carry = NULL;

    if (ns->carry == NULL || (ns->carry->is_ready && !is_prepared(ns->carry, stamp))) {
        carry_destroy(ns->carry);
        carry = create(stamp, atomic_load(&ns->number));
        ns->carry = carry;
        order_each_uncommitted(order, add_uncommitted, carry);
    }
    order_unlock(order, is_locked);
    return carry;
}

static void finish(struct order *order, struct ns *ns, struct carry *carry, bool is_ready)
{
    bool is_locked = order_lock(order);

    carry->is_ready = is_ready;
    if (!is_ready) {
        ns->carry = NULL;
        carry_destroy(carry);
    }
    order_unlock(order, is_locked);
}

enum status carry_prepare(struct store_thread *thread, struct ns *ns, uint64_t stamp)
{
    struct order *order = &thread->store->order;
    struct carry *carry = begin(order, ns, stamp);
    enum status status;

    if (carry == NULL)
        return STATUS_OK;
    status = scan_stored(carry, thread);
    finish(order, ns, carry, status == STATUS_OK);
    return status;
}

/* ---------- carrying them over ---------- */

/* What was prepared for the namespace, or else what is found now. */
static enum status take_candidates(struct txn *txn, struct ns *ns, uint64_t stamp,
                                   struct carry **candidates)
{
    struct store *store = txn_store(txn);
    enum status status = STATUS_OK;
    struct carry *carry = ns->carry;

    if (is_prepared(carry, stamp)) {
        ns->carry = NULL;
        buffer_append_bytes(&carry->keys, buffer_view(&carry->noted));
    } else {
        carry = create(stamp, txn_number(txn, ns));
        order_each_uncommitted(&store->order, add_uncommitted, carry);
        status = scan_stored(carry, txn_thread(txn));
    }
    txn_each_change(txn, ns, add_change, carry);
    if (status == STATUS_OK)
        *candidates = carry;
    else
        carry_destroy(carry);
    return status;
}

/* Entries stay readable until the turn ends, also those that the transaction itself wrote. */
struct survivors {
    const struct entry **entries;
    size_t count, capacity;
};

static void add_survivor(struct survivors *survivors, const struct entry *entry)
{
    survivors->entries = xgrow(survivors->entries, survivors->count, &survivors->capacity,
                               sizeof *survivors->entries);
    survivors->entries[survivors->count++] = entry;
}

static enum status look_again(struct txn *txn, struct ns *ns, uint64_t stamp, struct bytes keys,
                              struct survivors *survivors)
{
    enum status status = STATUS_OK;
    struct bytes key;

    while (status == STATUS_OK && wire_read_bytes(&keys, &key)) {
        const struct entry *entry;

        status = txn_find_latest(txn, ns, key, &entry);
        if (status == STATUS_OK && entry->header.stamp > stamp)
            add_survivor(survivors, entry);
        else if (status == STATUS_NOT_FOUND)
            status = STATUS_OK;
    }
    return status;
}

enum status carry_over(struct txn *txn, struct ns *ns, uint64_t stamp)
{
    struct survivors survivors = {0};
    struct carry *candidates;
    enum status status = take_candidates(txn, ns, stamp, &candidates);

    if (status != STATUS_OK)
        return status;
    status = look_again(txn, ns, stamp, buffer_view(&candidates->keys), &survivors);
    if (status == STATUS_OK)
        registry_kill(txn, ns, stamp);
    for (size_t i = 0; i < survivors.count && status == STATUS_OK; i++)
        status = txn_adopt(txn, ns, survivors.entries[i]);
    free(survivors.entries);
    carry_destroy(candidates);
    return status;
}
