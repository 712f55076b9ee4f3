#include "store/transfer_load.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/wire.h"
#include "replication/records.h"
#include "store/aliases.h"
#include "store/commit.h"
#include "store/digest.h"
#include "store/keyspace.h"
#include "store/notes.h"
#include "store/record.h"
#include "store/registry_internal.h"
#include "store/replica.h"
#include "store/store_internal.h"
#include "store/tables.h"
#include "store/transfer_record.h"
#include "store/txn_internal.h"

/* While one batch is written the next is built.  Larger ones are not faster. */
#define BATCH_BYTES (2u << 20)
#define BATCH_COUNT 2

/* A blank store has little.  Where there is more, of namespaces that were emptied and are not
 * purged yet, all takes the ordinary road. */
#define RENEWED_BYTES_MAX (32u << 20)

/* What a namespace has got so far. */
struct loaded_ns {
    struct ns *ns; /* retained */
    uint32_t number;
    struct ns_counts counts;
    uint64_t newest_stamp;
    struct leaves *leaves; /* what its records sum up to; NULL = nobody compares */
    struct leaf *leaf;     /* the last one */
};

/* Who has written some of it. */
struct node {
    uint64_t id;
    uint16_t alias;
};

struct slot {
    struct foreign_batch foreign;
    bool is_submitted;
};

struct transfer_load {
    struct store_thread *thread;
    struct store *store;
    struct replica *replica;
    struct txn *txn;
    enum status status; /* the failure that ended it */
    bool is_begun, takes_tables, is_installed;
    int64_t failures;               /* of commits, when it began */
    struct tables *tables;          /* the records, and the chunks of their values */
    struct slot slots[BATCH_COUNT]; /* rows of indexes */
    size_t current;                 /* the slot whose batch is being built */
    struct entry *entry;            /* the record at hand, in the form that commit.h stores */
    size_t entry_size;
    struct buffer key, value;
    struct loaded_ns *namespaces;
    size_t ns_count, ns_capacity;
    struct node *nodes;
    size_t node_count, node_capacity;
    struct buffer registry; /* the registry's records of a page */
    struct buffer ids;      /* of the namespaces of its other records */
};

static struct bytes mark_key(struct buffer *key)
{
    return keyspace_local(key, NOTE_LOADING, (struct bytes){"", 0});
}

/* ---------- the order ---------- */

/* STATUS_PARKED and STATUS_CANNOT_PERSIST as order_enter(). */
static enum status enter(struct transfer_load *load)
{
    txn_reset(load->txn, clock_wall_ms(load->store->clock));
    return txn_enter(load->txn);
}

/* Leaves the order, and waits until what was put into the open group is committed. */
static enum status commit(struct transfer_load *load)
{
    uint64_t group = order_request_sync(&load->store->order), depends_on = 0;
    int64_t wait_ms;
    enum status status = txn_commit(load->txn, &depends_on, &wait_ms);

    if (status != STATUS_OK)
        return status;
    store_end_turn(load->thread);
    return order_wait(&load->store->order, group, load->failures);
}

/* O1.  What was deleted before must not lie above what is loaded past the log (tables.h, T1). */
static enum status begin(struct transfer_load *load)
{
    enum status status;

    load->failures = order_failures(&load->store->order);
    status = enter(load);
    if (status != STATUS_OK)
        return status;
    atomic_store(&load->store->is_loading, true);
    order_note(&load->store->order, mark_key(&load->key), (struct bytes){"", 0});
    status = commit(load);
    if (status == STATUS_OK)
        status = order_renew_engine(&load->store->order, RENEWED_BYTES_MAX, &load->takes_tables);
    load->is_begun = status == STATUS_OK;
    return status;
}

/* ---------- what must be known before a page is loaded ---------- */

static const struct node *find_node(const struct transfer_load *load, uint64_t node_id)
{
    for (size_t i = load->node_count; i-- > 0;)
        if (load->nodes[i].id == node_id)
            return &load->nodes[i];
    return NULL;
}

static enum status learn_node(struct transfer_load *load, uint64_t node_id)
{
    struct node node = {.id = node_id};
    enum status status;

    if (find_node(load, node_id) != NULL)
        return STATUS_OK;
    status = enter(load);
    if (status != STATUS_OK)
        return status;
    status = aliases_for(load->store->aliases, load->txn, node_id, &node.alias);
    if (status != STATUS_OK) {
        txn_abandon(load->txn);
        return status;
    }
    status = commit(load);
    if (status != STATUS_OK)
        return status;
    if (load->node_count == load->node_capacity) {
        load->node_capacity = load->node_capacity == 0 ? 16 : load->node_capacity * 2;
        load->nodes = xrealloc(load->nodes, load->node_capacity * sizeof *load->nodes);
    }
    load->nodes[load->node_count++] = node;
    return STATUS_OK;
}

/* All of the registry's records that are in the blob, by the road that they always take. */
static enum status merge_registry(struct transfer_load *load)
{
    struct merge_counts counts = {0};
    uint64_t group = 0;
    size_t done = 0;
    enum status status = STATUS_OK;

    if (load->registry.size == 0)
        return STATUS_OK;
    while (status == STATUS_OK && done < load->registry.size)
        status = replica_merge(load->replica, buffer_view(&load->registry), UINT64_MAX, UINT64_MAX,
                               &done, &counts, &group);
    store_end_turn(load->thread);
    if (status == STATUS_OK)
        status = order_wait(&load->store->order, group, load->failures);
    return status;
}

static struct loaded_ns *find_namespace(const struct transfer_load *load, struct bytes id)
{
    for (size_t i = load->ns_count; i-- > 0;)
        if (memcmp(load->namespaces[i].ns->id, id.data, NS_ID_SIZE) == 0)
            return &load->namespaces[i];
    return NULL;
}

/* A numbered database that nobody has written to has no place for keys yet. */
static enum status store_namespace(struct transfer_load *load, struct ns *ns)
{
    enum status status;

    if (atomic_load(&ns->is_stored))
        return STATUS_OK;
    status = enter(load);
    if (status != STATUS_OK)
        return status;
    status = registry_store(load->txn, ns);
    if (status == STATUS_OK)
        return commit(load);
    txn_abandon(load->txn);
    return status;
}

static struct loaded_ns new_namespace(const struct transfer_load *load, struct ns *ns)
{
    struct loaded_ns loaded = {.ns = ns, .number = atomic_load(&ns->number)};

    if (store_digest(load->store) != NULL) {
        loaded.leaves = leaves_create();
        loaded.leaf = leaves_find(loaded.leaves, bytes_of(""));
    }
    return loaded;
}

static enum status learn_namespace(struct transfer_load *load, struct bytes id)
{
    struct ns *ns;
    enum status status;

    if (find_namespace(load, id) != NULL)
        return STATUS_OK;
    ns = registry_by_id(load->store->registry, id);
    if (ns == NULL)
        return STATUS_OK; /* dropped: its records are dead */
    status = store_namespace(load, ns);
    if (status != STATUS_OK) {
        ns_release(ns);
        return status;
    }
    if (load->ns_count == load->ns_capacity) {
        load->ns_capacity = load->ns_capacity == 0 ? 16 : load->ns_capacity * 2;
        load->namespaces = xrealloc(load->namespaces, load->ns_capacity * sizeof *load->namespaces);
    }
    load->namespaces[load->ns_count++] = new_namespace(load, ns);
    return STATUS_OK;
}

static enum status learn_namespaces(struct transfer_load *load, struct bytes ids)
{
    enum status status = STATUS_OK;

    while (ids.size > 0 && status == STATUS_OK)
        status = learn_namespace(load, wire_take(&ids, NS_ID_SIZE));
    return status;
}

/* Is it the id that was added last?  Keys of a blob follow in runs of one namespace. */
static bool is_last_id(const struct buffer *ids, struct bytes id)
{
    return ids->size > 0 && memcmp(ids->data + ids->size - NS_ID_SIZE, id.data, NS_ID_SIZE) == 0;
}

/* Splits the blob's records into the registry's and the ids of the other namespaces. */
static enum status look_through(struct transfer_load *load, struct bytes blob)
{
    struct records_writer writer = {.out = &load->registry};
    struct records_reader reader = records_read(blob);
    struct wire_record record;
    uint64_t known = 0;
    enum status status;

    load->registry.size = load->ids.size = 0;
    while ((status = records_next(&reader, &record)) == STATUS_OK) {
        if (registry_is_id(record.ns))
            records_put(&writer, &record);
        else if (!is_last_id(&load->ids, record.ns))
            buffer_append_bytes(&load->ids, record.ns);
        if (record.version.node_id == known)
            continue;
        known = record.version.node_id;
        status = learn_node(load, known);
        if (status != STATUS_OK)
            return status;
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status prepare(struct transfer_load *load, struct bytes blob)
{
    enum status status = look_through(load, blob);

    if (status == STATUS_OK)
        status = merge_registry(load);
    if (status == STATUS_OK)
        status = learn_namespaces(load, buffer_view(&load->ids));
    return status;
}

/* ---------- batches ---------- */

static enum status await(struct transfer_load *load, struct slot *slot)
{
    if (!slot->is_submitted)
        return STATUS_OK;
    slot->is_submitted = false;
    return order_await_batch(&load->store->order, &slot->foreign);
}

/* Hands over the batch at hand and waits until the next one may be built. */
static enum status submit(struct transfer_load *load)
{
    struct slot *slot = &load->slots[load->current];
    enum status status;

    order_submit_batch(&load->store->order, &slot->foreign);
    slot->is_submitted = true;
    load->current = (load->current + 1) % BATCH_COUNT;
    slot = &load->slots[load->current];
    status = await(load, slot);
    engine_batch_clear(slot->foreign.batch);
    return status;
}

static enum status submit_all(struct transfer_load *load)
{
    enum status status = submit(load);

    for (size_t i = 0; i < BATCH_COUNT; i++) {
        enum status other = await(load, &load->slots[i]);

        status = status == STATUS_OK ? other : status;
    }
    return status;
}

/* ---------- records ---------- */

static struct record_header header_of(const struct wire_record *record, uint16_t alias)
{
    return (struct record_header){
        .expiry_ms = record->expiry_ms,
        .value_size = record->value_size,
        .meta_size = (uint16_t)record->meta.size,
        .kind = (uint8_t)record->kind,
        .is_raw = record->is_raw,
        .stamp = record->version.stamp,
        .value_hash = record->version.value_hash,
        .origin = alias,
    };
}

static struct entry *make_entry(struct transfer_load *load, uint32_t number,
                                const struct record_header *header,
                                const struct wire_record *record)
{
    size_t size = sizeof *load->entry + record->key.size + record->meta.size + record->value.size;
    struct entry *entry;

    if (size > load->entry_size) {
        load->entry = xrealloc(load->entry, size);
        load->entry_size = size;
    }
    entry = load->entry;
    entry->ns = number;
    entry->key_size = (uint16_t)record->key.size;
    entry->header = *header;
    memcpy(entry->data, record->key.data, record->key.size);
    memcpy(entry->data + record->key.size, record->meta.data, record->meta.size);
    memcpy(entry->data + record->key.size + record->meta.size, record->value.data,
           record->value.size);
    return entry;
}

static void count_record(struct loaded_ns *loaded, const struct wire_record *record)
{
    if (record->version.stamp > loaded->newest_stamp)
        loaded->newest_stamp = record->version.stamp;
    if (record->kind != WIRE_LIVE) {
        loaded->counts.buried++;
        return;
    }
    loaded->counts.keys++;
    loaded->counts.bytes += (int64_t)(record->key.size + record->meta.size + record->value.size);
    loaded->counts.expiring += record->expiry_ms != EXPIRY_NONE;
}

/* Records come in order, so the leaf at hand is the last one (D1, as digest.c splits them). */
static void sum_record(const struct store_digest *digest, struct loaded_ns *loaded,
                       const struct wire_record *record)
{
    const struct digest_keys *keys = digest_keys_of(digest);
    struct hash128 hash = digest_of_key(keys, loaded->ns->id, record->key);
    struct digest_version version = records_digest_version(record);

    if (digest_is_boundary(hash) && record->key.size > 0)
        loaded->leaf = leaves_split(loaded->leaves, record->key);
    digest_add(&loaded->leaf->digest, digest_of_record(keys, hash, &version));
}

static enum status put_row(struct transfer_load *load, enum tables_run run, struct bytes key,
                           struct bytes value)
{
    if (load->takes_tables && tables_takes(load->tables, run, key))
        return tables_put(load->tables, run, key, value);
    engine_batch_put(load->slots[load->current].foreign.batch, key, value);
    return STATUS_OK;
}

static enum status put_chunks(struct transfer_load *load, const struct entry *entry)
{
    enum status status = STATUS_OK;

    for (uint16_t i = 0; i < record_chunk_count(&entry->header) && status == STATUS_OK; i++) {
        struct bytes chunk = commit_chunk(&load->key, entry, i);

        status = put_row(load, RUN_CHUNKS, buffer_view(&load->key), chunk);
    }
    return status;
}

/* Nothing but a row: most are so. */
static bool stands_alone(const struct record_header *header)
{
    return header->kind == ENTRY_LIVE && header->expiry_ms == EXPIRY_NONE &&
           !record_has_chunks(header);
}

static enum status put_beside(struct transfer_load *load, const struct entry *entry)
{
    commit_beside(load->slots[load->current].foreign.batch, &load->key, &load->value, entry, true);
    return record_has_chunks(&entry->header) ? put_chunks(load, entry) : STATUS_OK;
}

static enum status load_record(struct transfer_load *load, struct loaded_ns *loaded,
                               const struct wire_record *record)
{
    const struct engine_batch *batch = load->slots[load->current].foreign.batch;
    const struct node *node = find_node(load, record->version.node_id);
    struct record_view view = {header_of(record, node->alias), record->meta, record->value};
    enum status status = STATUS_OK;

    if (!replica_is_sound(record))
        return STATUS_CORRUPT;
    if (!stands_alone(&view.header))
        status = put_beside(load, make_entry(load, loaded->number, &view.header, record));
    if (status == STATUS_OK)
        status = put_row(load, RUN_ROWS, keyspace_record(&load->key, loaded->number, record->key),
                         record_encode_view(&load->value, &view));
    if (status != STATUS_OK)
        return status;
    count_record(loaded, record);
    if (loaded->leaves != NULL)
        sum_record(store_digest(load->store), loaded, record);
    return engine_batch_size(batch) < BATCH_BYTES ? STATUS_OK : submit(load);
}

static bool is_dead(const struct loaded_ns *loaded, const struct wire_record *record)
{
    return loaded == NULL || record->version.stamp <= atomic_load(&loaded->ns->emptied_stamp) ||
           atomic_load(&loaded->ns->number) != loaded->number;
}

static enum status load_records(struct transfer_load *load, struct bytes blob)
{
    struct records_reader reader = records_read(blob);
    struct loaded_ns *loaded = NULL;
    struct wire_record record;
    size_t turn_begin = blob.size; /* what was left then */
    enum status status;

    while ((status = records_next(&reader, &record)) == STATUS_OK) {
        if (reader.rest.size + TRANSFER_TURN_BYTES <= turn_begin) {
            turn_begin = reader.rest.size;
            process_give_way();
        }
        if (registry_is_id(record.ns))
            continue;
        if (loaded == NULL || memcmp(loaded->ns->id, record.ns.data, NS_ID_SIZE) != 0)
            loaded = find_namespace(load, record.ns);
        if (is_dead(loaded, &record))
            continue;
        status = load_record(load, loaded, &record);
        if (status != STATUS_OK)
            return status;
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* ---------- pages ---------- */

/* What will not be installed need not fill the disk until the next start. */
static enum status settle(struct transfer_load *load, enum status status)
{
    if (status == STATUS_OK || status == STATUS_PARKED)
        return status;
    load->status = status;
    tables_destroy(load->tables);
    load->tables = NULL;
    return status;
}

enum status transfer_load_page(struct transfer_load *load, struct bytes blob)
{
    enum status status = load->status;

    if (status == STATUS_OK && !load->is_begun)
        status = begin(load);
    if (status == STATUS_OK)
        status = prepare(load, blob);
    if (status == STATUS_OK)
        status = load_records(load, blob);
    return settle(load, status);
}

/* Under the order. */
static void add_counts(struct order *order, const struct loaded_ns *loaded)
{
    struct ns *ns = loaded->ns;

    if (atomic_load(&ns->number) != loaded->number)
        return; /* emptied meanwhile */
    atomic_fetch_add(&ns->key_count, loaded->counts.keys);
    atomic_fetch_add(&ns->byte_count, loaded->counts.bytes);
    atomic_fetch_add(&ns->expiring_count, loaded->counts.expiring);
    atomic_fetch_add(&ns->buried_count, loaded->counts.buried);
    ns_note_stamp(ns, loaded->newest_stamp);
    order_touch(order, ns);
}

/* The commit that makes it an ordinary store. */
static enum status finish(struct transfer_load *load)
{
    struct order *order = &load->store->order;
    enum status status = enter(load);

    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < load->ns_count; i++) {
        add_counts(order, &load->namespaces[i]);
        hlc_observe(&order->hlc, load->namespaces[i].newest_stamp);
        if (load->namespaces[i].newest_stamp > order->open->stamp_max)
            order->open->stamp_max = load->namespaces[i].newest_stamp;
    }
    order_note_deleted(order, mark_key(&load->key));
    status = commit(load);
    if (status == STATUS_OK)
        atomic_store(&load->store->is_loading, false);
    return status;
}

/* What was built beside the store becomes part of it. */
static enum status install(struct transfer_load *load)
{
    struct bulk bulk = {load->tables, xcalloc(load->ns_count + 1, sizeof *bulk.leaves), 0};
    enum status status = tables_finish(load->tables);

    for (size_t i = 0; i < load->ns_count; i++) {
        struct loaded_ns *loaded = &load->namespaces[i];

        if (loaded->leaves != NULL)
            bulk.leaves[bulk.leaves_count++] =
                (struct loaded_leaves){loaded->number, loaded->leaves};
        loaded->leaves = NULL;
    }
    if (status == STATUS_OK)
        status = order_install(&load->store->order, &bulk);
    for (size_t i = 0; i < bulk.leaves_count; i++)
        leaves_destroy(bulk.leaves[i].leaves);
    free(bulk.leaves);
    return status;
}

/* All is on disk before the mark leaves: once it is gone nobody knows that something is missing. */
enum status transfer_load_finish(struct transfer_load *load)
{
    enum status status = load->status;

    if (status == STATUS_OK && !load->is_begun)
        status = begin(load);
    if (status == STATUS_OK && !load->is_installed) {
        status = submit_all(load);
        if (status == STATUS_OK)
            status = install(load);
        load->is_installed = status == STATUS_OK;
    }
    if (status == STATUS_OK)
        status = finish(load);
    return settle(load, status);
}

/* ---------- life ---------- */

struct transfer_load *transfer_load_begin(struct store_thread *thread)
{
    struct transfer_load *load = xcalloc(1, sizeof *load);

    load->thread = thread;
    load->store = thread->store;
    load->replica = replica_create(thread);
    load->txn = txn_create(thread);
    txn_set_kind(load->txn, TXN_MERGE);
    load->tables = engine_create_tables(load->store->engine);
    for (size_t i = 0; i < BATCH_COUNT; i++)
        load->slots[i].foreign.batch = engine_batch_create();
    return load;
}

static void forget_namespace(struct loaded_ns *loaded)
{
    leaves_destroy(loaded->leaves);
    ns_release(loaded->ns);
}

void transfer_load_destroy(struct transfer_load *load)
{
    if (load == NULL)
        return;
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        (void)!await(load, &load->slots[i]);
        engine_batch_destroy(load->slots[i].foreign.batch);
    }
    for (size_t i = 0; i < load->ns_count; i++)
        forget_namespace(&load->namespaces[i]);
    tables_destroy(load->tables);
    replica_destroy(load->replica);
    txn_destroy(load->txn);
    free(load->namespaces);
    free(load->nodes);
    free(load->entry);
    buffer_clear(&load->registry);
    buffer_clear(&load->ids);
    buffer_clear(&load->key);
    buffer_clear(&load->value);
    free(load);
}

/* ---------- the next start ---------- */

enum status transfer_wipe_half_loaded(struct engine *engine)
{
    struct buffer key = {0};
    struct bytes mark;
    enum status status = engine_get(engine, mark_key(&key), &mark);

    buffer_clear(&key);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    engine_free(mark);
    log_line(LOG_WARNING, "What was loaded from another replica is not complete; starting anew.");
    return engine_wipe(engine);
}
