#include "store/scan.h"

#include <endian.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "store/keyspace.h"
#include "store/record.h"
#include "store/store_internal.h"
#include "store/txn_internal.h"

/* Up to so many keys a random one is counted off; above, found by a random position and a random
 * walk. */
#define RANDOM_COUNTED_MAX 1000
#define RANDOM_WALK_MAX    64

/* What memory knows of a key that the engine does not know yet. */
struct pending {
    struct bytes key;
    const struct entry *entry; /* NULL = deleted */
    size_t age;                /* of two with one key, the larger is the newer */
};

struct scan {
    struct store *store;
    uint32_t number;
    int64_t now_ms;
    struct buffer prefix; /* of the keys themselves */
    struct buffer from;
    struct pending *pending; /* in key order, each key once */
    size_t pending_count, pending_capacity, pending_next;
    struct engine_iterator *iterator;
    bool is_on_row; /* the row last returned borrows from the iterator */
};

static bool is_in_range(const struct scan *scan, struct bytes key)
{
    return bytes_starts_with(key, buffer_view(&scan->prefix)) &&
           bytes_compare(key, buffer_view(&scan->from)) >= 0;
}

static void add_pending(struct scan *scan, struct bytes key, const struct entry *entry)
{
    if (!is_in_range(scan, key))
        return;
    scan->pending =
        xgrow(scan->pending, scan->pending_count, &scan->pending_capacity, sizeof *scan->pending);
    scan->pending[scan->pending_count] = (struct pending){key, entry, scan->pending_count};
    scan->pending_count++;
}

static void add_uncommitted(void *context, const struct entry *entry)
{
    struct scan *scan = context;

    if (entry->ns == scan->number)
        add_pending(scan, entry_key(entry), entry);
}

static void add_change(void *context, struct bytes key, const struct entry *entry)
{
    add_pending(context, key, entry);
}

static int by_key_and_age(const void *left, const void *right)
{
    const struct pending *a = left;
    const struct pending *b = right;
    int order = bytes_compare(a->key, b->key);

    if (order != 0)
        return order;
    return a->age < b->age ? -1 : a->age > b->age;
}

static void keep_newest(struct scan *scan)
{
    size_t kept = 0;

    for (size_t i = 0; i < scan->pending_count; i++) {
        if (kept > 0 && bytes_equal(scan->pending[kept - 1].key, scan->pending[i].key))
            kept--;
        scan->pending[kept++] = scan->pending[i];
    }
    scan->pending_count = kept;
}

static void collect_pending(struct scan *scan, struct txn *txn, const struct ns *ns)
{
    struct order *order = &scan->store->order;

    if (txn == NULL)
        pthread_mutex_lock(&order->mutex);
    order_each_uncommitted(order, add_uncommitted, scan);
    if (txn == NULL)
        pthread_mutex_unlock(&order->mutex);
    else
        txn_each_change(txn, ns, add_change, scan);
    if (scan->pending_count > 1)
        qsort(scan->pending, scan->pending_count, sizeof *scan->pending, by_key_and_age);
    keep_newest(scan);
}

enum status scan_open(struct store_thread *thread, struct txn *txn, const struct ns *ns,
                      struct bytes prefix, struct bytes from, int64_t now_ms, struct scan **scan,
                      uint64_t *depends_on)
{
    struct store *store = thread->store;
    struct buffer key = {0};
    struct scan *opened;

    if (!store_is_engine_open(store))
        return STATUS_PARKED;
    opened = xcalloc(1, sizeof *opened);
    opened->store = store;
    opened->number = txn != NULL ? txn_number(txn, ns) : atomic_load(&ns->number);
    opened->now_ms = now_ms;
    buffer_append_bytes(&opened->prefix, prefix);
    buffer_append_bytes(&opened->from, bytes_compare(from, prefix) > 0 ? from : prefix);
    collect_pending(opened, txn, ns);
    opened->iterator = engine_iterate(store->engine);
    engine_iterator_seek(opened->iterator,
                         keyspace_record(&key, opened->number, buffer_view(&opened->from)));
    buffer_clear(&key);
    if (store_newest_group(store) > store_committed(store))
        *depends_on = store_newest_group(store);
    *scan = opened;
    return STATUS_OK;
}

void scan_close(struct scan *scan)
{
    if (scan == NULL)
        return;
    engine_iterator_destroy(scan->iterator);
    buffer_clear(&scan->prefix);
    buffer_clear(&scan->from);
    free(scan->pending);
    free(scan);
}

/* The engine's next key in range, false at the end. */
static bool stored_key(const struct scan *scan, struct bytes *key)
{
    return engine_iterator_is_valid(scan->iterator) &&
           keyspace_read_record(engine_iterator_key(scan->iterator), scan->number, key) &&
           bytes_starts_with(*key, buffer_view(&scan->prefix));
}

static void row_of_entry(const struct entry *entry, struct scan_row *row)
{
    *row = (struct scan_row){.key = entry_key(entry),
                             .meta = entry_meta(entry),
                             .value = entry_value(entry),
                             .has_value = true,
                             .expiry_ms = entry->header.expiry_ms,
                             .value_size = entry->header.value_size};
}

/* STATUS_NOT_FOUND if the stored record is not live. */
static enum status row_of_stored(const struct scan *scan, struct bytes key, struct scan_row *row)
{
    struct record_view record;
    enum status status = record_decode(engine_iterator_value(scan->iterator), &record);

    if (status != STATUS_OK)
        return status;
    if (!header_is_live(&record.header, scan->now_ms))
        return STATUS_NOT_FOUND;
    *row = (struct scan_row){.key = key,
                             .meta = record.meta,
                             .value = record.value,
                             .has_value = !record_has_chunks(&record.header),
                             .expiry_ms = record.header.expiry_ms,
                             .value_size = record.header.value_size};
    return STATUS_OK;
}

/* Takes the next pending key, which may stand for the engine's next one too. */
static bool take_pending(struct scan *scan, struct scan_row *row)
{
    const struct entry *entry = scan->pending[scan->pending_next++].entry;

    if (entry == NULL || !entry_is_live(entry, scan->now_ms))
        return false;
    row_of_entry(entry, row);
    return true;
}

enum source { SOURCE_NONE, SOURCE_PENDING, SOURCE_BOTH, SOURCE_STORED };

/* Which side has the next key. */
static enum source next_source(const struct scan *scan, struct bytes *stored)
{
    bool has_stored = stored_key(scan, stored);
    int order;

    if (scan->pending_next == scan->pending_count)
        return has_stored ? SOURCE_STORED : SOURCE_NONE;
    if (!has_stored)
        return SOURCE_PENDING;
    order = bytes_compare(scan->pending[scan->pending_next].key, *stored);
    return order < 0 ? SOURCE_PENDING : order == 0 ? SOURCE_BOTH : SOURCE_STORED;
}

/* One step over a key of the engine; STATUS_NOT_FOUND if its record is not live. */
static enum status take_stored(struct scan *scan, struct bytes key, struct scan_row *row)
{
    enum status status = row_of_stored(scan, key, row);

    if (status == STATUS_NOT_FOUND)
        engine_iterator_next(scan->iterator);
    scan->is_on_row = status == STATUS_OK;
    return status;
}

static enum status end_of_scan(struct scan *scan)
{
    enum status status = engine_iterator_status(scan->iterator);

    return status == STATUS_OK ? STATUS_NOT_FOUND : status;
}

enum status scan_next(struct scan *scan, struct scan_row *row)
{
    enum status status = STATUS_NOT_FOUND;
    struct bytes key;

    if (scan->is_on_row)
        engine_iterator_next(scan->iterator);
    scan->is_on_row = false;
    while (status == STATUS_NOT_FOUND) {
        enum source source = next_source(scan, &key);

        if (source == SOURCE_NONE)
            return end_of_scan(scan);
        if (source == SOURCE_STORED) {
            status = take_stored(scan, key, row);
            continue;
        }
        if (source == SOURCE_BOTH)
            engine_iterator_next(scan->iterator);
        if (take_pending(scan, row))
            status = STATUS_OK;
    }
    return status;
}

/* ---------- a random key ---------- */

/* Appends the key `steps` live keys behind `from`, or the last one before the end. */
static enum status walk(struct store_thread *thread, struct txn *txn, const struct ns *ns,
                        struct bytes from, uint64_t steps, int64_t now_ms, struct buffer *key,
                        uint64_t *depends_on)
{
    struct bytes no_prefix = {"", 0};
    struct scan_row row;
    struct scan *scan;
    size_t mark = key->size;
    enum status status = scan_open(thread, txn, ns, no_prefix, from, now_ms, &scan, depends_on);

    if (status != STATUS_OK)
        return status;
    for (uint64_t i = 0; i <= steps && (status = scan_next(scan, &row)) == STATUS_OK; i++) {
        key->size = mark;
        buffer_append_bytes(key, row.key);
    }
    scan_close(scan);
    if (status == STATUS_NOT_FOUND && key->size > mark)
        return STATUS_OK;
    return status;
}

/* A position between the first and the last stored key, as if their first bytes were evenly spread.
 */
static struct bytes random_position(struct store *store, uint32_t number, struct random *random,
                                    char text[8])
{
    struct engine_iterator *iterator = engine_iterate(store->engine);
    struct buffer seek = {0}, end = {0};
    unsigned char first[8] = {0}, last[8] = {0};
    uint64_t low, high;
    struct bytes key;

    engine_iterator_seek(iterator, keyspace_namespace(&seek, KEYSPACE_RECORD, number));
    if (engine_iterator_is_valid(iterator) &&
        keyspace_read_record(engine_iterator_key(iterator), number, &key))
        memcpy(first, key.data, key.size < sizeof first ? key.size : sizeof first);
    engine_iterator_destroy(iterator);
    if (engine_last_before(store->engine, keyspace_namespace(&seek, KEYSPACE_RECORD, number + 1),
                           &end) == STATUS_OK &&
        keyspace_read_record(buffer_view(&end), number, &key))
        memcpy(last, key.data, key.size < sizeof last ? key.size : sizeof last);
    buffer_clear(&seek);
    buffer_clear(&end);
    memcpy(&low, first, sizeof low);
    memcpy(&high, last, sizeof high);
    low = be64toh(low);
    high = be64toh(high);
    low = htobe64(high > low ? low + random_below(random, high - low) : low);
    memcpy(text, &low, sizeof low);
    return (struct bytes){text, sizeof low};
}

enum status scan_random_key(struct store_thread *thread, struct txn *txn, const struct ns *ns,
                            int64_t now_ms, struct buffer *key, uint64_t *depends_on)
{
    struct random random = {random_secret_u64()};
    struct bytes start = {"", 0};
    int64_t count = txn != NULL ? txn_key_count(txn, ns) : atomic_load(&ns->key_count);
    enum status status;
    char text[8];

    if (!store_is_engine_open(thread->store))
        return STATUS_PARKED;
    if (count <= RANDOM_COUNTED_MAX)
        return walk(thread, txn, ns, start, random_below(&random, count > 0 ? (uint64_t)count : 1),
                    now_ms, key, depends_on);
    status = walk(thread, txn, ns,
                  random_position(thread->store, atomic_load(&ns->number), &random, text),
                  random_below(&random, RANDOM_WALK_MAX), now_ms, key, depends_on);
    if (status != STATUS_NOT_FOUND)
        return status;
    return walk(thread, txn, ns, start, 0, now_ms, key, depends_on);
}
