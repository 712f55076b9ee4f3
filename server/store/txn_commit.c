/* What a transaction becomes: checked against limits, counted, told, published; or abandoned. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "limits/stagger.h"
#include "store/carry.h"
#include "store/keyspace.h"
#include "store/news.h"
#include "store/notes.h"
#include "store/record.h"
#include "store/registry_internal.h"
#include "store/txn_parts.h"

/* Client writes carry the transaction's stamp; merging, expiring and purging are no writes. */
static bool is_client_write(const struct txn *txn, const struct slot *slot)
{
    return slot_is_changed(slot) && !slot->is_merged &&
           (slot->written == NULL || slot->written->header.stamp == txn->stamp);
}

/* How much longer this node waits than the one that wrote last. */
static int64_t stagger_ms(const struct store *store, const struct slot *slot)
{
    const struct stagger *stagger = &store->stagger;
    size_t rank;

    if (LIKELY(stagger->count == 0) || slot->base->header.origin == aliases_self(store->aliases))
        return 0;
    rank = stagger_rank(hash_content(slot->key), stagger->nodes, stagger->count, store->node_id,
                        aliases_node(store->aliases, slot->base->header.origin));
    return ((int64_t)rank * stagger->step_us + 999) / 1000;
}

static enum status check_rate(const struct txn *txn, const struct slot *slot, int64_t *wait_ms)
{
    int64_t rate = ns_limit(txn->store->registry, slot->ns, LIMIT_KEY_WRITE_RATE);
    int64_t wait;

    if (rate == 0 || slot->base == NULL || slot->base->header.kind == ENTRY_ABSENT)
        return STATUS_OK;
    if (limits_may_write_after(stamp_wall_ms(slot->base->header.stamp), txn->now_ms, rate,
                               stagger_ms(txn->store, slot), &wait))
        return STATUS_OK;
    *wait_ms = wait;
    return STATUS_RATE_LIMITED;
}

static bool is_growing(const struct slot *slot)
{
    return txn_counted_keys(slot->written) > txn_counted_keys(slot->base);
}

static enum status check_quota(const struct txn *txn, const struct ns *ns)
{
    int64_t keys_max = ns_limit(txn->store->registry, ns, LIMIT_KEYS);

    if (keys_max == 0)
        return STATUS_OK;
    return txn_key_count(txn, ns) > keys_max ? STATUS_NAMESPACE_FULL : STATUS_OK;
}

static enum status check_slots(struct txn *txn, int64_t *wait_ms)
{
    enum status status = STATUS_OK;
    const struct ns *checked = NULL; /* lest MSET counts all its keys for each of them */

    for (size_t i = 0; i < txn->slot_count && status == STATUS_OK; i++) {
        struct slot *slot = &txn->slots[i];

        if (slot->ns == checked || !is_client_write(txn, slot) || !is_growing(slot))
            continue;
        status = check_quota(txn, slot->ns);
        checked = slot->ns;
    }
    for (size_t i = 0; i < txn->slot_count && status == STATUS_OK; i++)
        if (is_client_write(txn, &txn->slots[i]))
            status = check_rate(txn, &txn->slots[i], wait_ms);
    return status;
}

/* The first write to a numbered database makes it exist. */
static enum status store_namespaces(struct txn *txn)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < txn->slot_count && status == STATUS_OK; i++) {
        struct ns *ns = txn->slots[i].ns;

        if (UNLIKELY(!atomic_load_explicit(&ns->is_stored, memory_order_relaxed)) &&
            slot_is_changed(&txn->slots[i]))
            status = registry_store(txn, ns);
    }
    return status;
}

/* Under the order nobody else writes, so no locked instruction is needed. */
static void add_to(_Atomic int64_t *count, int64_t more)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static void count_entry(struct ns *ns, const struct entry *entry, int64_t sign)
{
    const struct record_header *header;

    if (entry == NULL || entry->header.kind == ENTRY_ABSENT)
        return;
    header = &entry->header;
    if (header->kind != ENTRY_LIVE) {
        add_to(&ns->buried_count, sign);
        return;
    }
    add_to(&ns->key_count, sign);
    add_to(&ns->byte_count,
           sign * (int64_t)(entry->key_size + (size_t)header->meta_size + header->value_size));
    if (header->expiry_ms != EXPIRY_NONE)
        add_to(&ns->expiring_count, sign);
}

static enum news_kind kind_of_news(const struct entry *written)
{
    if (written == NULL)
        return NEWS_DELETED;
    switch ((enum entry_kind)written->header.kind) {
    case ENTRY_LIVE:
        return NEWS_PUT;
    case ENTRY_EXPIRED:
        return NEWS_EXPIRED;
    case ENTRY_TOMBSTONE:
    case ENTRY_ABSENT:
        break;
    }
    return NEWS_DELETED;
}

/* How a record differs from the one it replaces, NULL = none. */
static uint8_t compare_for_news(const struct record_header *old, const struct record_header *new)
{
    uint8_t flags = new->expiry_ms != EXPIRY_NONE ? NEWS_HAS_EXPIRY : 0;

    if (old == NULL)
        return flags | NEWS_IS_NEW;
    if (old->expiry_ms == new->expiry_ms)
        flags |= NEWS_SAME_EXPIRY;
    if (old->value_hash == new->value_hash && old->value_size == new->value_size &&
        old->meta_size == new->meta_size)
        flags |= NEWS_SAME_VALUE;
    return flags;
}

/* A key that has expired is told of once: by whoever puts an end to its record. */
static void tell_of_key(struct txn *txn, const struct slot *slot, bool is_write)
{
    const struct record_header *base = slot->base != NULL ? &slot->base->header : NULL;
    bool was_stored = base != NULL && base->kind == ENTRY_LIVE;
    bool was_live = was_stored && header_is_live(base, txn->now_ms);
    struct news news = {.kind = kind_of_news(slot->written),
                        .flags = is_write ? NEWS_BY_CLIENT : 0,
                        .origin = aliases_self(txn->store->aliases),
                        .stamp = txn->stamp,
                        .author = txn->author,
                        .ns = slot->ns,
                        .key = slot->key};

    if (was_stored && !was_live) {
        struct news expired = {.kind = NEWS_EXPIRED,
                               .origin = base->origin,
                               .stamp = base->stamp,
                               .ns = slot->ns,
                               .key = slot->key};

        order_add_news(&txn->store->order, &expired);
    }
    if (slot->written != NULL) {
        news.stamp = slot->written->header.stamp;
        news.origin = slot->written->header.origin;
    }
    if (news.kind == NEWS_PUT) {
        news.flags |= compare_for_news(was_live ? base : NULL, &slot->written->header);
        if (!is_write && !slot->is_merged)
            news.flags |= NEWS_IS_CARRIED;
    }
    if (news.kind == NEWS_PUT || was_live)
        order_add_news(&txn->store->order, &news);
}

/* The registry's records are not keys; of those only SWAPDB's is told of. */
static void tell_of_slot(struct txn *txn, const struct slot *slot, bool is_write)
{
    if (slot->number != NS_REGISTRY)
        tell_of_key(txn, slot, is_write);
    else if (registry_is_permutation_key(slot->key))
        order_add_news(&txn->store->order, &(struct news){.kind = NEWS_SWAPPED});
}

static void publish_slot(struct txn *txn, struct slot *slot)
{
    struct entry *entry = slot->written;
    bool is_write = is_client_write(txn, slot);

    if (entry == NULL) {
        entry = txn_create_buried(slot, ENTRY_TOMBSTONE);
        txn_sign(txn, entry);
    } else if (is_write) {
        entry->header.value_hash = record_content_hash(entry_value(entry), entry_meta(entry));
    }
    entry->is_own = is_write || slot->is_carried;
    if (UNLIKELY(order_has_listeners(&txn->store->order)))
        tell_of_slot(txn, slot, is_write);
    count_entry(slot->ns, slot->base, -1);
    count_entry(slot->ns, entry, +1);
    if (entry->header.kind == ENTRY_EXPIRED && txn_counted_keys(slot->base) > 0)
        add_to(&txn->store->expired_keys, 1);
    ns_note_stamp(slot->ns, entry->header.stamp);
    if (UNLIKELY(slot->ns->carry != NULL))
        carry_note(slot->ns->carry, slot->key, entry->header.stamp);
    order_touch(&txn->store->order, slot->ns);
    order_publish(&txn->store->order, txn->thread, entry, slot->base);
    slot->written = NULL;
}

static struct bytes be32(char text[4], uint32_t number)
{
    number = htobe32(number);
    memcpy(text, &number, sizeof number);
    return (struct bytes){text, sizeof number};
}

struct number_before {
    struct ns *ns;
    uint32_t number;
};

static void finish_number(void *context, bool is_failed)
{
    struct number_before *before = context;

    if (is_failed)
        atomic_store(&before->ns->number, before->number);
    ns_release(before->ns);
    free(before);
}

static void publish_renumbering(struct txn *txn, const struct renumbering *renumbering)
{
    struct order *order = &txn->store->order;
    struct ns *ns = renumbering->ns;
    struct buffer key = {0};
    struct bytes id = {(const char *)ns->id, NS_ID_SIZE};
    struct number_before *before = xcalloc(1, sizeof *before);
    char text[4], old[4];

    *before = (struct number_before){ns_retain(ns), atomic_load(&ns->number)};
    txn_add_undo(txn, finish_number, before);
    if (renumbering->from != NUMBER_NONE) {
        order_note(order, keyspace_local(&key, NOTE_PURGE, be32(old, renumbering->from)),
                   (struct bytes){"", 0});
        order_note_deleted(order, keyspace_local(&key, NOTE_COUNTS, be32(old, renumbering->from)));
        atomic_store(&ns->key_count, 0);
        atomic_store(&ns->byte_count, 0);
        atomic_store(&ns->expiring_count, 0);
        atomic_store(&ns->buried_count, 0);
    }
    if (renumbering->to != NUMBER_NONE)
        order_note(order, keyspace_local(&key, NOTE_NUMBER, id), be32(text, renumbering->to));
    else
        order_note_deleted(order, keyspace_local(&key, NOTE_NUMBER, id));
    order_touch(order, ns);
    if (renumbering->from != NUMBER_NONE && order_has_listeners(order))
        order_add_news(order, &(struct news){.kind = NEWS_EMPTIED,
                                             .origin = aliases_self(txn->store->aliases),
                                             .stamp = txn->stamp,
                                             .ns = ns});
    atomic_store_explicit(&ns->number, renumbering->to, memory_order_release);
    buffer_clear(&key);
}

static void release_renumberings(struct txn *txn)
{
    for (size_t i = 0; i < txn->renumbering_count; i++)
        ns_release(txn->renumberings[i].ns);
    txn->renumbering_count = 0;
}

static void publish(struct txn *txn)
{
    struct order *order = &txn->store->order;

    if (txn->undos != NULL || txn->renumbering_count > 0)
        order_names_change(order);
    for (size_t i = 0; i < txn->renumbering_count; i++)
        publish_renumbering(txn, &txn->renumberings[i]);
    for (size_t i = 0; i < txn->slot_count; i++)
        if (slot_is_changed(&txn->slots[i]))
            publish_slot(txn, &txn->slots[i]);
    if (UNLIKELY(txn->remarks.size > 0))
        order_add_remarks(order, buffer_view(&txn->remarks));
    if (txn->undos != NULL)
        order_add_undos(order, txn->undos);
    txn->undos = NULL;
    order_published(order, txn->thread, txn->kind == TXN_CLIENT ? txn->stamp : 0,
                    txn->observed > txn->stamp ? txn->observed : txn->stamp);
    txn->depends_on = order->open->number;
}

static bool has_changes(const struct txn *txn)
{
    if (txn->renumbering_count > 0 || txn->undos != NULL)
        return true;
    for (size_t i = 0; i < txn->slot_count; i++)
        if (slot_is_changed(&txn->slots[i]))
            return true;
    return false;
}

enum status txn_commit(struct txn *txn, uint64_t *depends_on, int64_t *wait_ms)
{
    struct order *order = &txn->store->order;
    enum status status = STATUS_OK;

    if (has_changes(txn)) {
        if (txn->kind == TXN_CLIENT)
            status = check_slots(txn, wait_ms);
        if (status == STATUS_OK)
            status = store_namespaces(txn);
        if (status != STATUS_OK) {
            txn_abandon(txn);
            return status;
        }
        order_begin_publication(order);
        publish(txn);
        order_end_publication(order);
    } else {
        txn->stamp = 0;
    }
    release_renumberings(txn);
    txn_leave(txn);
    if (txn->depends_on > *depends_on && txn->depends_on > store_committed(txn->store))
        *depends_on = txn->depends_on;
    return STATUS_OK;
}

void txn_abandon(struct txn *txn)
{
    for (struct undo *undo = txn->undos, *next; undo != NULL; undo = next) {
        next = undo->next;
        undo->run(undo->context, true);
        free(undo);
    }
    txn->undos = NULL;
    for (size_t i = 0; i < txn->slot_count; i++)
        txn_drop_written(txn, &txn->slots[i]);
    release_renumberings(txn);
    if (txn->is_entered)
        txn_leave(txn);
}
