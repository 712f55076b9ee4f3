#include "store/txn_parts.h"

#include <stdlib.h>

#include "base/memory.h"
#include "store/news.h"

/* How often a fetched key may turn out to be stale before it is fetched under the order. */
#define FETCH_ATTEMPTS_MAX 3

/* Up to so many slots are searched one by one; above, through an index. */
#define SLOTS_WITHOUT_INDEX 8

#define KEY_BLOCK_SIZE 4096

/* ---------- life ---------- */

struct txn *txn_create(struct store_thread *thread)
{
    struct txn *txn = xcalloc(1, sizeof *txn);

    txn->thread = thread;
    txn->store = thread->store;
    return txn;
}

static void free_blocks(struct txn *txn, struct key_block *kept)
{
    for (struct key_block *block = txn->blocks, *next; block != kept; block = next) {
        next = block->next;
        free(block);
    }
    txn->blocks = kept;
}

void txn_destroy(struct txn *txn)
{
    if (txn == NULL)
        return;
    free_blocks(txn, NULL);
    free(txn->slots);
    free(txn->index);
    free(txn->renumberings);
    buffer_clear(&txn->remarks);
    free(txn);
}

/* Keeps the oldest block, which has the usual size, for the next transaction. */
static void reset_blocks(struct txn *txn)
{
    struct key_block *first = txn->blocks;

    while (first != NULL && first->next != NULL)
        first = first->next;
    free_blocks(txn, first);
    if (first != NULL)
        first->used = 0;
}

void txn_reset(struct txn *txn, int64_t now_ms)
{
    txn->now_ms = now_ms;
    txn->wake_at_ms = INT64_MAX;
    txn->stamp = 0;
    txn->depends_on = 0;
    txn->observed = 0;
    txn->slot_count = 0;
    txn->last = 0;
    txn->index_size = 0;
    txn->renumbering_count = 0;
    txn->author = 0;
    txn->remarks.size = 0;
    reset_blocks(txn);
}

void txn_set_kind(struct txn *txn, enum txn_kind kind)
{
    txn->kind = kind;
}

uint64_t txn_stamp(const struct txn *txn)
{
    return txn->stamp;
}

int64_t txn_wake_at_ms(const struct txn *txn)
{
    return txn->wake_at_ms;
}

struct store *txn_store(const struct txn *txn)
{
    return txn->store;
}

struct store_thread *txn_thread(const struct txn *txn)
{
    return txn->thread;
}

void txn_set_author(struct txn *txn, uint64_t author)
{
    txn->author = author;
}

void txn_remark(struct txn *txn, struct ns *ns, struct bytes key, uint8_t remark)
{
    struct news news = {
        .kind = NEWS_REMARK, .remark = remark, .author = txn->author, .ns = ns, .key = key};

    news_put(&txn->remarks, &news);
}

/* ---------- slots ---------- */

static struct key_block *add_block(struct txn *txn, size_t size)
{
    struct key_block *block = xmalloc(sizeof *block + size);

    block->next = txn->blocks;
    block->used = 0;
    block->size = size;
    txn->blocks = block;
    return block;
}

static struct bytes keep_key(struct txn *txn, struct bytes key)
{
    struct key_block *block = txn->blocks;
    char *kept;

    if (block == NULL || block->size - block->used < key.size)
        block = add_block(txn, key.size > KEY_BLOCK_SIZE ? key.size : KEY_BLOCK_SIZE);
    kept = block->data + block->used;
    memcpy(kept, key.data, key.size);
    block->used += key.size;
    return (struct bytes){kept, key.size};
}

uint32_t txn_number(const struct txn *txn, const struct ns *ns)
{
    for (size_t i = txn->renumbering_count; i > 0; i--)
        if (txn->renumberings[i - 1].ns == ns)
            return txn->renumberings[i - 1].to;
    return atomic_load_explicit(&ns->number, memory_order_acquire);
}

static bool is_slot_of(const struct slot *slot, const struct ns *ns, uint64_t hash,
                       struct bytes key)
{
    return slot->hash == hash && slot->ns == ns && bytes_equal(slot->key, key);
}

static void index_slot(struct txn *txn, size_t number)
{
    size_t mask = txn->index_size - 1;
    size_t at = txn->slots[number].hash & mask;

    while (txn->index[at] != 0)
        at = (at + 1) & mask;
    txn->index[at] = (uint32_t)number + 1;
}

static void build_index(struct txn *txn)
{
    if (txn->index_size == 0)
        txn->index_size = 64;
    while (txn->slot_count * 2 > txn->index_size)
        txn->index_size *= 2;
    free(txn->index);
    txn->index = xcalloc(txn->index_size, sizeof *txn->index);
    for (size_t i = 0; i < txn->slot_count; i++)
        index_slot(txn, i);
}

static struct slot *find_indexed(const struct txn *txn, const struct ns *ns, uint64_t hash,
                                 struct bytes key)
{
    size_t mask = txn->index_size - 1;

    for (size_t at = hash & mask; txn->index[at] != 0; at = (at + 1) & mask) {
        struct slot *slot = &txn->slots[txn->index[at] - 1];

        if (is_slot_of(slot, ns, hash, key))
            return slot;
    }
    return NULL;
}

static struct slot *find_slot(const struct txn *txn, const struct ns *ns, uint64_t hash,
                              struct bytes key)
{
    if (txn->index_size > 0)
        return find_indexed(txn, ns, hash, key);
    for (size_t i = 0; i < txn->slot_count; i++)
        if (is_slot_of(&txn->slots[i], ns, hash, key))
            return &txn->slots[i];
    return NULL;
}

static struct slot *add_slot(struct txn *txn, struct ns *ns, uint32_t number, uint64_t hash,
                             struct bytes key)
{
    struct slot *slot;

    if (txn->slot_count == txn->slot_capacity) {
        txn->slot_capacity = txn->slot_capacity == 0 ? 16 : txn->slot_capacity * 2;
        txn->slots = xrealloc(txn->slots, txn->slot_capacity * sizeof *txn->slots);
    }
    slot = &txn->slots[txn->slot_count++];
    *slot = (struct slot){.ns = ns, .number = number, .hash = hash, .key = keep_key(txn, key)};
    if (txn->slot_count > SLOTS_WITHOUT_INDEX) {
        if (txn->slot_count * 2 > txn->index_size)
            build_index(txn);
        else
            index_slot(txn, txn->slot_count - 1);
    }
    return slot;
}

static bool is_slot_for(const struct slot *slot, const struct ns *ns, uint32_t number,
                        struct bytes key)
{
    return slot->ns == ns && slot->number == number && bytes_equal(slot->key, key);
}

/* Commands go through their keys as they were named: it is mostly the slot behind the one asked for
 * last, or that one again. */
static struct slot *find_near(const struct txn *txn, const struct ns *ns, uint32_t number,
                              struct bytes key)
{
    struct slot *last;

    if (txn->slot_count == 0)
        return NULL;
    last = &txn->slots[txn->last];
    if (txn->last + 1 < txn->slot_count && is_slot_for(last + 1, ns, number, key))
        return last + 1;
    return is_slot_for(last, ns, number, key) ? last : NULL;
}

static struct slot *find_or_add(struct txn *txn, struct ns *ns, uint32_t number, struct bytes key)
{
    uint64_t hash = cache_hash(txn->store->cache, number, key);
    struct slot *slot = find_slot(txn, ns, hash, key);

    return slot != NULL ? slot : add_slot(txn, ns, number, hash, key);
}

static struct slot *slot_for(struct txn *txn, struct ns *ns, struct bytes key)
{
    uint32_t number = txn_number(txn, ns);
    struct slot *slot = find_near(txn, ns, number, key);

    if (slot == NULL)
        slot = find_or_add(txn, ns, number, key);
    txn->last = (size_t)(slot - txn->slots);
    return slot;
}

void txn_name(struct txn *txn, struct ns *ns, struct bytes key)
{
    const struct slot *slot = find_or_add(txn, ns, txn_number(txn, ns), key);

    cache_prefetch(txn->store->cache, slot->hash);
}

/* ---------- entering ---------- */

static enum status fetch(struct txn *txn, struct slot *slot)
{
    enum status status =
        store_load(txn->thread, slot->number, slot->key, slot->hash, &slot->loaded);

    slot->is_fetched = status == STATUS_OK;
    return status;
}

/* Outside the order: brings the slots' records into memory, which may take a disk read.  Of several
 * all are asked for before the first is looked at, so that their cache misses overlap. */
static enum status fetch_missing(struct txn *txn)
{
    struct cache *cache = txn->store->cache;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < txn->slot_count && txn->slot_count > 1; i++)
        cache_prefetch_entry(cache, txn->slots[i].hash);
    for (size_t i = 0; i < txn->slot_count && status == STATUS_OK; i++) {
        struct slot *slot = &txn->slots[i];

        if (cache_find(cache, slot->hash, slot->number, slot->key) == NULL)
            status = fetch(txn, slot);
    }
    return status;
}

/* Under the order: is the slot's base certain?  Memory knows better than what was fetched, and what
 * was fetched holds only if nothing written has left memory since (cache.h, H4). */
static bool settle(struct txn *txn, struct slot *slot)
{
    struct cache *cache = txn->store->cache;

    slot->base = cache_find(cache, slot->hash, slot->number, slot->key);
    slot->is_known = true;
    if (slot->base != NULL)
        cache_prefetch_place(cache, slot->base);
    if (slot->base != NULL || cache_is_complete(cache, slot->hash))
        return true;
    if (slot->is_fetched && slot->loaded.generation == cache_generation(cache, slot->hash)) {
        slot->base = slot->loaded.entry;
        return true;
    }
    slot->is_known = false;
    return false;
}

/* A namespace may have been emptied between naming and entering. */
static void renumber_slot(struct txn *txn, struct slot *slot)
{
    uint32_t number = txn_number(txn, slot->ns);

    if (number == slot->number)
        return;
    slot->number = number;
    slot->hash = cache_hash(txn->store->cache, number, slot->key);
    slot->is_fetched = false;
}

static bool settle_all(struct txn *txn)
{
    bool are_all_known = true;
    bool is_renumbered = false;

    for (size_t i = 0; i < txn->slot_count; i++) {
        uint32_t number = txn->slots[i].number;

        renumber_slot(txn, &txn->slots[i]);
        is_renumbered |= number != txn->slots[i].number;
        are_all_known &= settle(txn, &txn->slots[i]);
    }
    if (is_renumbered && txn->index_size > 0)
        build_index(txn);
    return are_all_known;
}

static enum status fetch_under_order(struct txn *txn)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < txn->slot_count && status == STATUS_OK; i++) {
        struct slot *slot = &txn->slots[i];

        while (status == STATUS_OK && !settle(txn, slot))
            status = fetch(txn, slot);
    }
    return status;
}

void txn_leave(struct txn *txn)
{
    txn->is_entered = false;
    order_exit(&txn->store->order);
}

/* `is_writer`: a client's transaction that writes. */
static enum status enter(struct txn *txn, bool is_writer)
{
    struct order *order = &txn->store->order;
    enum status status = STATUS_OK;

    for (int attempt = 1;; attempt++) {
        if (attempt <= FETCH_ATTEMPTS_MAX)
            status = fetch_missing(txn);
        if (status == STATUS_OK)
            status = order_enter(order, txn->now_ms, is_writer, &txn->wake_at_ms);
        if (status != STATUS_OK)
            return status;
        if (settle_all(txn))
            break;
        if (attempt > FETCH_ATTEMPTS_MAX) {
            status = fetch_under_order(txn);
            if (status == STATUS_OK)
                break;
        }
        order_exit(order);
        if (status != STATUS_OK)
            return status;
    }
    txn->is_entered = true;
    txn->depends_on = registry_changed_in(txn->store->registry);
    return STATUS_OK;
}

enum status txn_enter(struct txn *txn)
{
    enum status status = enter(txn, txn->kind == TXN_CLIENT);

    if (status == STATUS_OK)
        txn->stamp =
            hlc_tick(&txn->store->order.hlc, order_wall_ms(&txn->store->order, txn->now_ms));
    return status;
}

enum status txn_enter_to_read(struct txn *txn)
{
    return enter(txn, false);
}

/* ---------- running ---------- */

/* The slot of a key, with its base known: of one that was not named too, at the price of a fetch
 * under the order. */
static enum status known_slot(struct txn *txn, struct ns *ns, struct bytes key, struct slot **found)
{
    struct slot *slot = slot_for(txn, ns, key);
    enum status status = STATUS_OK;

    while (status == STATUS_OK && !slot->is_known && !settle(txn, slot))
        status = fetch(txn, slot);
    if (status == STATUS_OK)
        *found = slot;
    return status;
}

static const struct entry *live_entry(const struct txn *txn, const struct slot *slot)
{
    const struct entry *entry = slot->written != NULL ? slot->written : slot->base;

    return !slot->is_deleted && entry != NULL && entry_is_live(entry, txn->now_ms) ? entry : NULL;
}

static void note_expired(const struct txn *txn, const struct slot *slot)
{
    if (slot->written == NULL && !slot->is_deleted && slot->base != NULL &&
        slot->base->header.kind == ENTRY_LIVE)
        txn->thread->met |= STORE_MET_EXPIRED;
}

static void raise_depends_on(struct txn *txn, const struct entry *base)
{
    uint64_t group;

    if (base == NULL)
        return;
    group = atomic_load_explicit(&base->group, memory_order_relaxed);
    if (group > txn->depends_on)
        txn->depends_on = group;
}

enum status txn_find(struct txn *txn, struct ns *ns, struct bytes key, const struct entry **found)
{
    struct slot *slot;
    enum status status = known_slot(txn, ns, key, &slot);
    const struct entry *entry;

    if (status != STATUS_OK)
        return status;
    raise_depends_on(txn, slot->base);
    entry = live_entry(txn, slot);
    if (entry == NULL) {
        note_expired(txn, slot);
        return STATUS_NOT_FOUND;
    }
    *found = entry;
    return STATUS_OK;
}

enum status txn_find_any(struct txn *txn, struct ns *ns, struct bytes key,
                         const struct entry **found)
{
    struct slot *slot;
    enum status status = known_slot(txn, ns, key, &slot);

    if (status != STATUS_OK)
        return status;
    if (slot->base == NULL || slot->base->header.kind == ENTRY_ABSENT)
        return STATUS_NOT_FOUND;
    *found = slot->base;
    return STATUS_OK;
}

enum status txn_find_latest(struct txn *txn, struct ns *ns, struct bytes key,
                            const struct entry **found)
{
    struct slot *slot;
    enum status status = known_slot(txn, ns, key, &slot);
    const struct entry *entry;

    if (status != STATUS_OK)
        return status;
    raise_depends_on(txn, slot->base);
    entry = slot->written != NULL ? slot->written : slot->base;
    if (entry == NULL || entry->header.kind == ENTRY_ABSENT)
        return STATUS_NOT_FOUND;
    *found = entry;
    return STATUS_OK;
}

/* Commands may still hold what they found in the slot: it goes when their turn ends. */
void txn_drop_written(struct txn *txn, struct slot *slot)
{
    slot->is_merged = slot->is_carried = false;
    if (slot->written != NULL)
        epoch_retire(txn->thread->epoch, slot->written, entry_destroy);
    slot->written = NULL;
}

/* A new value does not make a key less used; where there was none, nothing was used. */
static void keep_count(const struct txn *txn, const struct slot *slot, struct entry *entry)
{
    if (UNLIKELY(options_counts_use(txn->store->options)) && slot->base != NULL &&
        entry_is_live(slot->base, txn->now_ms))
        atomic_store_explicit(&entry->used_s,
                              atomic_load_explicit(&slot->base->used_s, memory_order_relaxed),
                              memory_order_relaxed);
}

enum status txn_put(struct txn *txn, struct ns *ns, struct bytes key, struct bytes meta,
                    int64_t expiry_ms, bool is_raw, size_t value_size, char **value)
{
    struct slot *slot;
    enum status status = known_slot(txn, ns, key, &slot);
    struct entry *entry;

    if (status != STATUS_OK)
        return status;
    entry = entry_create(slot->hash, slot->number, slot->key, meta, value_size);
    txn_sign(txn, entry);
    entry->header.expiry_ms = expiry_ms;
    entry->header.is_raw = is_raw;
    keep_count(txn, slot, entry);
    txn_drop_written(txn, slot);
    slot->written = entry;
    slot->is_deleted = false;
    *value = entry_value_area(entry);
    return STATUS_OK;
}

enum status txn_set_used(struct txn *txn, struct ns *ns, struct bytes key, uint32_t used_s)
{
    struct slot *slot;
    enum status status = known_slot(txn, ns, key, &slot);

    if (status == STATUS_OK && slot->written != NULL)
        atomic_store_explicit(&slot->written->used_s, used_s, memory_order_relaxed);
    return status;
}

enum status txn_adopt(struct txn *txn, struct ns *ns, const struct entry *entry)
{
    bool is_live = entry->header.kind == ENTRY_LIVE;
    size_t value_size = is_live ? entry->header.value_size : 0;
    struct slot *slot;
    enum status status = known_slot(txn, ns, entry_key(entry), &slot);

    if (status != STATUS_OK)
        return status;
    txn_drop_written(txn, slot);
    slot->written =
        entry_create(slot->hash, slot->number, slot->key, entry_meta(entry), value_size);
    slot->written->header = entry->header;
    if (value_size > 0)
        memcpy(entry_value_area(slot->written), entry_value(entry).data, value_size);
    slot->is_deleted = false;
    slot->is_carried = entry->is_own && atomic_load_explicit(&entry->group, memory_order_relaxed) ==
                                            txn->store->order.open->number;
    return STATUS_OK;
}

enum status txn_delete(struct txn *txn, struct ns *ns, struct bytes key)
{
    struct slot *slot;
    enum status status = known_slot(txn, ns, key, &slot);

    if (status != STATUS_OK)
        return status;
    if (live_entry(txn, slot) == NULL) {
        note_expired(txn, slot);
        return STATUS_NOT_FOUND;
    }
    txn_drop_written(txn, slot);
    slot->is_deleted = true;
    return STATUS_OK;
}

void txn_observe(struct txn *txn, uint64_t stamp)
{
    hlc_observe(&txn->store->order.hlc, stamp);
    if (stamp > txn->observed)
        txn->observed = stamp;
}

enum status txn_put_entry(struct txn *txn, struct ns *ns, struct entry *entry)
{
    struct slot *slot;
    enum status status = known_slot(txn, ns, entry_key(entry), &slot);

    if (status != STATUS_OK)
        return status;
    entry->hash = slot->hash;
    entry->ns = slot->number;
    txn_drop_written(txn, slot);
    slot->written = entry;
    slot->is_deleted = false;
    slot->is_merged = true;
    return STATUS_OK;
}

void txn_sign(const struct txn *txn, struct entry *entry)
{
    entry->header.stamp = txn->stamp;
    entry->header.origin = aliases_self(txn->store->aliases);
}

struct entry *txn_create_buried(const struct slot *slot, enum entry_kind kind)
{
    struct entry *entry =
        entry_create(slot->hash, slot->number, slot->key, (struct bytes){"", 0}, 0);

    entry->header.kind = (uint8_t)kind;
    return entry;
}

enum status txn_bury(struct txn *txn, struct ns *ns, struct bytes key)
{
    struct slot *slot;
    enum status status = known_slot(txn, ns, key, &slot);

    if (status != STATUS_OK)
        return status;
    txn_drop_written(txn, slot);
    slot->written = txn_create_buried(slot, ENTRY_TOMBSTONE);
    txn_sign(txn, slot->written);
    slot->is_deleted = false;
    return STATUS_OK;
}

static enum status expire_slot(struct txn *txn, struct slot *slot)
{
    const struct record_header *old;

    if (slot->base == NULL || slot->base->header.kind != ENTRY_LIVE ||
        slot->base->header.expiry_ms > txn->now_ms)
        return STATUS_NOT_FOUND;
    old = &slot->base->header;
    txn_drop_written(txn, slot);
    slot->written = txn_create_buried(slot, ENTRY_EXPIRED);
    slot->written->header = *old;
    slot->written->header.kind = ENTRY_EXPIRED;
    slot->written->header.meta_size = 0;
    return STATUS_OK;
}

enum status txn_expire(struct txn *txn, struct ns *ns, struct bytes key)
{
    struct slot *slot;
    enum status status = known_slot(txn, ns, key, &slot);

    return status == STATUS_OK ? expire_slot(txn, slot) : status;
}

enum status txn_purge(struct txn *txn, struct ns *ns, struct bytes key, uint64_t stamp)
{
    struct slot *slot;
    enum status status = known_slot(txn, ns, key, &slot);

    if (status != STATUS_OK)
        return status;
    if (slot->base == NULL || slot->base->header.kind == ENTRY_LIVE ||
        slot->base->header.kind == ENTRY_ABSENT || slot->base->header.stamp != stamp)
        return STATUS_NOT_FOUND;
    txn_drop_written(txn, slot);
    slot->written = txn_create_buried(slot, ENTRY_ABSENT);
    return STATUS_OK;
}

/* Nothing is stored under the namespace's new number, and what this transaction wrote is gone too.
 */
static void forget_slots(struct txn *txn, const struct ns *ns, uint32_t number)
{
    for (size_t i = 0; i < txn->slot_count; i++) {
        struct slot *slot = &txn->slots[i];

        if (slot->ns != ns || slot->number == number)
            continue;
        txn_drop_written(txn, slot);
        slot->is_deleted = false;
        slot->base = NULL;
        slot->number = number;
        slot->hash = cache_hash(txn->store->cache, number, slot->key);
        slot->is_known = true;
    }
    if (txn->index_size > 0)
        build_index(txn);
}

void txn_renumber(struct txn *txn, struct ns *ns, uint32_t old_number, uint32_t new_number)
{
    if (txn->renumbering_count == txn->renumbering_capacity) {
        txn->renumbering_capacity =
            txn->renumbering_capacity == 0 ? 16 : txn->renumbering_capacity * 2;
        txn->renumberings =
            xrealloc(txn->renumberings, txn->renumbering_capacity * sizeof *txn->renumberings);
    }
    txn->renumberings[txn->renumbering_count++] =
        (struct renumbering){ns_retain(ns), old_number, new_number};
    forget_slots(txn, ns, new_number);
}

void txn_add_undo(struct txn *txn, void (*run)(void *context, bool is_failed), void *context)
{
    struct undo *undo = xcalloc(1, sizeof *undo);

    *undo = (struct undo){run, context, txn->undos};
    txn->undos = undo;
}

void txn_each_change(const struct txn *txn, const struct ns *ns,
                     void (*each)(void *context, struct bytes key, const struct entry *entry),
                     void *context)
{
    for (size_t i = 0; i < txn->slot_count; i++) {
        const struct slot *slot = &txn->slots[i];

        if (slot->ns == ns && (slot->written != NULL || slot->is_deleted))
            each(context, slot->key, slot->written);
    }
}

int64_t txn_key_count(const struct txn *txn, const struct ns *ns)
{
    bool is_emptied = txn_number(txn, ns) != atomic_load(&ns->number);
    int64_t count = is_emptied ? 0 : atomic_load(&ns->key_count);

    for (size_t i = 0; i < txn->slot_count; i++) {
        const struct slot *slot = &txn->slots[i];

        if (slot->ns == ns && (slot->written != NULL || slot->is_deleted))
            count += txn_counted_keys(slot->written) - txn_counted_keys(slot->base);
    }
    return count;
}

bool txn_has_changed(const struct txn *txn, const struct ns *ns, struct bytes key)
{
    uint64_t hash = cache_hash(txn->store->cache, txn_number(txn, ns), key);
    const struct slot *slot = find_slot(txn, ns, hash, key);

    return slot != NULL && slot_is_changed(slot);
}

void txn_expire_named(struct txn *txn)
{
    enum txn_kind kind = txn->kind;
    uint64_t depends_on = 0;
    int64_t wait_ms;

    txn->kind = TXN_SWEEP;
    if (!atomic_load(&txn->store->is_loading) && txn_enter(txn) == STATUS_OK) {
        for (size_t i = 0; i < txn->slot_count; i++)
            (void)!expire_slot(txn, &txn->slots[i]);
        (void)!txn_commit(txn, &depends_on, &wait_ms);
    }
    txn->kind = kind;
}
