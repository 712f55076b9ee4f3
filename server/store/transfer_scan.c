#include "store/transfer_scan.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/process.h"
#include "replication/version.h"
#include "store/keyspace.h"
#include "store/record.h"
#include "store/registry_internal.h"
#include "store/replica.h"
#include "store/store_internal.h"
#include "store/transfer_record.h"

/* What is remembered of a leaf; it may be listed anew while the scan is used. */
struct scanned_leaf {
    struct ns *ns; /* retained; NULL = unknown by now */
    uint32_t number;
};

/* Where the key of an element is: it ends where the next begins. */
struct place {
    size_t key;
    uint32_t leaf;
};

struct transfer_scan {
    struct store_thread *thread;
    struct transfer_reader reader;
    uint64_t cutoff, horizon;
    bool by_content;
    struct scanned_leaf *leaves;
    size_t leaf_count;
    struct element *elements;
    struct place *places; /* one more than elements */
    size_t count, capacity;
    struct buffer keys;
    uint32_t *index; /* element + 1 by key hash, 0 = free; made when it is first asked */
    size_t index_mask;
};

/* ---------- elements ---------- */

static void make_room(struct transfer_scan *scan)
{
    if (scan->count + 1 < scan->capacity)
        return;
    scan->capacity = scan->capacity == 0 ? DIGEST_LEAF_KEYS : scan->capacity * 2;
    scan->elements = xrealloc(scan->elements, scan->capacity * sizeof *scan->elements);
    scan->places = xrealloc(scan->places, scan->capacity * sizeof *scan->places);
}

static void add_element(struct transfer_scan *scan, struct element element, struct bytes key)
{
    uint32_t leaf = (uint32_t)scan->leaf_count;

    make_room(scan);
    scan->elements[scan->count] = element;
    scan->places[scan->count++] = (struct place){scan->keys.size, leaf};
    buffer_append_bytes(&scan->keys, key);
    scan->places[scan->count] = (struct place){scan->keys.size, leaf};
}

/* May it be gone at a replica that purges up to the horizon?  There a record whose time is over has
 * expired, even if it has not yet here. */
static bool may_be_purged(const struct record_header *header, uint64_t horizon)
{
    struct record_header buried = *header;

    if (header->kind == ENTRY_LIVE && header->expiry_ms == EXPIRY_NONE)
        return false;
    if (header->kind == ENTRY_LIVE)
        buried.kind = ENTRY_EXPIRED;
    return record_purge_after(&buried) <= horizon;
}

static uint64_t node_of(const struct transfer_scan *scan, const struct record_header *header)
{
    return store_node_of_alias(scan->thread->store, header->origin);
}

static uint64_t content_of(const struct transfer_scan *scan, const struct digest_keys *keys,
                           struct hash128 hash, const struct record_header *header)
{
    struct digest_version version = {header->stamp, node_of(scan, header), header->value_hash,
                                     header->expiry_ms, header->kind == ENTRY_TOMBSTONE};

    return digest_of_record(keys, hash, &version).low;
}

static enum status scan_record(struct transfer_scan *scan, const struct digest_keys *keys,
                               const struct ns *ns, struct bytes key, struct bytes stored)
{
    struct record_view record;
    struct hash128 hash;
    uint64_t version;
    enum status status = record_decode(stored, &record);

    if (status != STATUS_OK)
        return status;
    if (record.header.stamp > scan->cutoff || may_be_purged(&record.header, scan->horizon))
        return STATUS_OK;
    hash = digest_of_key(keys, ns->id, key);
    version = scan->by_content
                  ? content_of(scan, keys, hash, &record.header)
                  : version_element(record.header.stamp, node_of(scan, &record.header));
    add_element(scan, (struct element){hash.high, version}, key);
    return STATUS_OK;
}

/* ---------- leaves ---------- */

static bool is_in_leaf(struct bytes key, const struct leaf_ref *leaf)
{
    return leaf->to.data == NULL || bytes_compare(key, leaf->to) < 0;
}

static enum status scan_rows(struct transfer_scan *scan, const struct ns *ns,
                             const struct leaf_ref *leaf)
{
    const struct digest_keys *keys = digest_keys_of(store_digest(scan->thread->store));
    struct engine_iterator *iterator = engine_iterate(scan->thread->store->engine);
    enum status status = STATUS_OK;
    struct bytes key;

    engine_iterator_seek(iterator, keyspace_record(&scan->reader.key, leaf->number, leaf->from));
    while (status == STATUS_OK && engine_iterator_is_valid(iterator) &&
           keyspace_read_record(engine_iterator_key(iterator), leaf->number, &key) &&
           is_in_leaf(key, leaf)) {
        status = scan_record(scan, keys, ns, key, engine_iterator_value(iterator));
        engine_iterator_next(iterator);
    }
    if (status == STATUS_OK)
        status = engine_iterator_status(iterator);
    engine_iterator_destroy(iterator);
    return status;
}

/* Leaves come in order, so most are of the namespace of the one before. */
static struct ns *take_namespace(const struct transfer_scan *scan, const struct leaf_ref *leaf)
{
    struct ns *last = scan->leaf_count > 0 ? scan->leaves[scan->leaf_count - 1].ns : NULL;

    if (last != NULL && memcmp(last->id, leaf->ns, NS_ID_SIZE) == 0)
        return ns_retain(last);
    return registry_by_id(scan->thread->store->registry,
                          (struct bytes){(const char *)leaf->ns, NS_ID_SIZE});
}

/* Emptied or dropped since it was listed?  Then its rows are being removed. */
static bool is_current(const struct scanned_leaf *leaf)
{
    return leaf->ns != NULL && !atomic_load(&leaf->ns->is_dropped) &&
           atomic_load_explicit(&leaf->ns->number, memory_order_acquire) == leaf->number;
}

static enum status scan_leaf(struct transfer_scan *scan, const struct leaf_ref *ref)
{
    struct scanned_leaf *leaf = &scan->leaves[scan->leaf_count];
    enum status status = STATUS_OK;

    *leaf = (struct scanned_leaf){take_namespace(scan, ref), ref->number};
    if (is_current(leaf)) {
        if (transfer_enter(scan->thread)) {
            status = scan_rows(scan, leaf->ns, ref);
            epoch_exit(scan->thread->epoch);
        } else {
            status = STATUS_PARKED;
        }
    }
    scan->leaf_count++;
    return status;
}

enum status transfer_scan_open(struct store_thread *thread, const struct leaf_ref *const *leaves,
                               size_t count, uint64_t cutoff, uint64_t horizon, bool by_content,
                               struct transfer_scan **scan)
{
    struct transfer_scan *opened = xcalloc(1, sizeof *opened);
    enum status status = STATUS_OK;

    opened->thread = thread;
    opened->reader.thread = thread;
    opened->cutoff = cutoff;
    opened->horizon = horizon;
    opened->by_content = by_content;
    opened->leaves = xcalloc(count + 1, sizeof *opened->leaves);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = scan_leaf(opened, leaves[i]);
        process_give_way();
    }
    if (status == STATUS_OK)
        *scan = opened;
    else
        transfer_scan_close(opened);
    return status;
}

void transfer_scan_close(struct transfer_scan *scan)
{
    if (scan == NULL)
        return;
    for (size_t i = 0; i < scan->leaf_count; i++)
        ns_release(scan->leaves[i].ns);
    free(scan->leaves);
    free(scan->elements);
    free(scan->places);
    free(scan->index);
    buffer_clear(&scan->keys);
    transfer_reader_clear(&scan->reader);
    free(scan);
}

const struct element *transfer_scan_elements(const struct transfer_scan *scan, size_t *count)
{
    *count = scan->count;
    return scan->elements;
}

/* ---------- collecting ---------- */

static void make_index(struct transfer_scan *scan)
{
    size_t size = 4;

    while (size < 2 * scan->count)
        size *= 2;
    scan->index = xcalloc(size, sizeof *scan->index);
    scan->index_mask = size - 1;
    for (size_t i = 0; i < scan->count; i++) {
        size_t slot = scan->elements[i].a & scan->index_mask;

        while (scan->index[slot] != 0)
            slot = (slot + 1) & scan->index_mask;
        scan->index[slot] = (uint32_t)i + 1;
    }
}

/* The place of the key with this hash, NULL if the scan has none. */
static const struct place *find_place(const struct transfer_scan *scan, uint64_t hash)
{
    for (size_t slot = hash & scan->index_mask; scan->index[slot] != 0;
         slot = (slot + 1) & scan->index_mask)
        if (scan->elements[scan->index[slot] - 1].a == hash)
            return &scan->places[scan->index[slot] - 1];
    return NULL;
}

static enum status collect_key(struct transfer_scan *scan, struct records_writer *writer,
                               uint64_t hash)
{
    const struct place *place = find_place(scan, hash);
    const struct scanned_leaf *leaf;
    enum status status;

    if (place == NULL)
        return STATUS_NOT_FOUND;
    leaf = &scan->leaves[place->leaf];
    if (!is_current(leaf))
        return STATUS_NOT_FOUND;
    if (!transfer_enter(scan->thread))
        return STATUS_PARKED;
    status = transfer_put_current(
        &scan->reader, writer, leaf->ns, leaf->number,
        (struct bytes){scan->keys.data + place[0].key, place[1].key - place[0].key});
    epoch_exit(scan->thread->epoch);
    return status;
}

enum status transfer_collect(struct transfer_scan *scan, const uint64_t *keys, size_t count,
                             size_t bytes_max, struct buffer *blob, size_t *answered)
{
    struct records_writer writer = {.out = blob};
    size_t size_before = blob->size, done = 0;

    if (scan->index == NULL)
        make_index(scan);
    while (done < count && (done == 0 || blob->size - size_before < bytes_max)) {
        enum status status = collect_key(scan, &writer, keys[done]);

        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            blob->size = size_before;
            return status;
        }
        done++;
    }
    *answered = done;
    return STATUS_OK;
}
