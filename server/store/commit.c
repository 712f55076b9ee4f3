#include "store/commit.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/wire.h"
#include "store/digest.h"
#include "store/keyspace.h"
#include "store/notes.h"
#include "store/ns_internal.h"
#include "store/record.h"

#define CHUNK_BATCH_MAX (4u << 20)

/* Long values that together exceed this are written ahead, in several batches. */
#define CHUNKS_IN_BATCH_MAX (1u << 20)

static struct bytes chunk_of(struct buffer *key, const struct entry *entry, uint16_t index)
{
    const struct record_header *header = &entry->header;
    struct bytes value = entry_value(entry);
    size_t from = (size_t)index * RECORD_CHUNK_SIZE;
    size_t size = value.size - from < RECORD_CHUNK_SIZE ? value.size - from : RECORD_CHUNK_SIZE;

    keyspace_chunk(key, entry->ns, entry_key(entry), header->stamp, header->origin, index);
    return (struct bytes){value.data + from, size};
}

static void put_chunk(struct engine_batch *batch, struct buffer *key, const struct entry *entry,
                      uint16_t index)
{
    struct bytes chunk = chunk_of(key, entry, index);

    engine_batch_put(batch, buffer_view(key), chunk);
}

static void put_chunks(struct engine_batch *batch, struct buffer *key, const struct entry *entry)
{
    for (uint16_t i = 0; i < record_chunk_count(&entry->header); i++)
        put_chunk(batch, key, entry, i);
}

static void delete_chunks(struct engine_batch *batch, struct buffer *key, const struct entry *entry,
                          const struct record_header *old)
{
    for (uint16_t i = 0; i < record_chunk_count(old); i++)
        engine_batch_delete(
            batch, keyspace_chunk(key, entry->ns, entry_key(entry), old->stamp, old->origin, i));
}

static bool has_expiry(const struct record_header *header)
{
    return header->kind == ENTRY_LIVE && header->expiry_ms != EXPIRY_NONE;
}

static bool is_buried(const struct record_header *header)
{
    return header->kind == ENTRY_TOMBSTONE || header->kind == ENTRY_EXPIRED;
}

static struct bytes tombstone_of(struct buffer *key, const struct entry *entry,
                                 const struct record_header *header)
{
    return keyspace_tombstone(key, record_purge_after(header), entry->ns, entry_key(entry),
                              header->stamp);
}

/* What the old record leaves behind in the other tables. */
static void remove_old(struct engine_batch *batch, struct buffer *key, const struct entry *entry,
                       const struct record_header *old)
{
    if (record_has_chunks(old))
        delete_chunks(batch, key, entry, old);
    if (has_expiry(old))
        engine_batch_delete(batch,
                            keyspace_expiry(key, old->expiry_ms, entry->ns, entry_key(entry)));
    if (is_buried(old))
        engine_batch_delete(batch, tombstone_of(key, entry, old));
}

static struct bytes stamp_bytes(struct buffer *value, uint64_t stamp)
{
    value->size = 0;
    wire_put_u64(value, stamp);
    return buffer_view(value);
}

/* What the record stores besides its own row. */
static void put_beside(struct engine_batch *batch, struct buffer *key, struct buffer *value,
                       const struct entry *entry, bool has_chunks_written)
{
    const struct record_header *header = &entry->header;

    if (record_has_chunks(header) && !has_chunks_written)
        put_chunks(batch, key, entry);
    if (has_expiry(header))
        engine_batch_put(batch,
                         keyspace_expiry(key, header->expiry_ms, entry->ns, entry_key(entry)),
                         stamp_bytes(value, header->stamp));
    if (is_buried(header))
        engine_batch_put(batch, tombstone_of(key, entry, header), (struct bytes){"", 0});
}

void commit_change(struct engine_batch *batch, struct buffer *key, struct buffer *value,
                   const struct change *change, bool has_chunks_written)
{
    const struct entry *entry = change->entry;
    const struct record_header *header = &entry->header;

    if (change->old.stamp != 0)
        remove_old(batch, key, entry, &change->old);
    if (header->kind == ENTRY_ABSENT) {
        engine_batch_delete(batch, keyspace_record(key, entry->ns, entry_key(entry)));
        return;
    }
    put_beside(batch, key, value, entry, has_chunks_written);
    engine_batch_put(batch, keyspace_record(key, entry->ns, entry_key(entry)),
                     record_encode(value, entry));
}

size_t commit_chunk_bytes(const struct group *group)
{
    size_t bytes = 0;

    for (size_t i = 0; i < group->change_count; i++)
        if (record_has_chunks(&group->changes[i].entry->header))
            bytes += group->changes[i].entry->header.value_size;
    return bytes;
}

struct bytes commit_pending_mark(struct buffer *key)
{
    return keyspace_local(key, "pending", (struct bytes){"", 0});
}

/* The mark's value: for each long value its chunk count and the stored key of its first chunk. */
static struct bytes list_chunks(struct buffer *list, struct buffer *key, const struct group *group)
{
    list->size = 0;
    for (size_t i = 0; i < group->change_count; i++) {
        const struct entry *entry = group->changes[i].entry;
        struct bytes first;

        if (!record_has_chunks(&entry->header))
            continue;
        first = keyspace_chunk(key, entry->ns, entry_key(entry), entry->header.stamp,
                               entry->header.origin, 0);
        wire_put_u16(list, record_chunk_count(&entry->header));
        wire_put_u32(list, (uint32_t)first.size);
        buffer_append_bytes(list, first);
    }
    return buffer_view(list);
}

static enum status flush(struct order *order)
{
    enum status status = engine_write(order->engine, order->batch, false);

    engine_batch_clear(order->batch);
    return status;
}

static enum status write_chunks_of(struct order *order, const struct entry *entry)
{
    enum status status = STATUS_OK;

    for (uint16_t i = 0; i < record_chunk_count(&entry->header) && status == STATUS_OK; i++) {
        put_chunk(order->batch, &order->key, entry, i);
        if (engine_batch_size(order->batch) >= CHUNK_BATCH_MAX)
            status = flush(order);
    }
    return status;
}

enum status commit_chunks_first(struct order *order, const struct group *group)
{
    struct buffer mark = {0};
    enum status status;

    list_chunks(&order->value, &order->key, group);
    engine_batch_put(order->batch, commit_pending_mark(&mark), buffer_view(&order->value));
    buffer_clear(&mark);
    status = flush(order);
    for (size_t i = 0; i < group->change_count && status == STATUS_OK; i++)
        if (record_has_chunks(&group->changes[i].entry->header))
            status = write_chunks_of(order, group->changes[i].entry);
    if (status == STATUS_OK && engine_batch_size(order->batch) > 0)
        status = flush(order);
    return status;
}

/* ---------- a whole group ---------- */

#define AHEAD 4 /* changes */

static void put_changes(struct order *order, size_t count, bool are_chunks_written)
{
    const struct change *const *changes = order->sorting.changes;

    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count)
            sorting_prefetch_value(changes[i + AHEAD]);
        commit_change(order->batch, &order->key, &order->value, changes[i], are_chunks_written);
    }
}

static void put_counts(struct order *order, const struct group *group)
{
    for (size_t i = 0; i < group->touched_count; i++)
        ns_put_counts(group->touched[i], order->batch, &order->key, &order->value);
}

static void put_notes(struct order *order, const struct group *group)
{
    for (size_t i = 0; i < group->note_count; i++) {
        const struct note *note = &group->notes[i];

        if (note->value.data == NULL)
            engine_batch_delete(order->batch, note->key);
        else
            engine_batch_put(order->batch, note->key, note->value);
    }
}

static void put_ceiling(struct order *order, uint64_t ceiling)
{
    order->value.size = 0;
    wire_put_u64(&order->value, ceiling);
    engine_batch_put(order->batch, keyspace_local(&order->key, NOTE_CEILING, bytes_of("")),
                     buffer_view(&order->value));
}

enum status commit_build(struct order *order, const struct group *group)
{
    bool are_chunks_written = commit_chunk_bytes(group) > CHUNKS_IN_BATCH_MAX;
    enum status status = STATUS_OK;

    sorting_sort(&order->sorting, group);
    engine_batch_clear(order->batch);
    if (are_chunks_written)
        status = commit_chunks_first(order, group);
    put_changes(order, group->change_count, are_chunks_written);
    if (are_chunks_written)
        engine_batch_delete(order->batch, commit_pending_mark(&order->key));
    if (order->digest != NULL)
        digest_add_group(order->digest, order->batch, group, order->sorting.changes);
    put_counts(order, group);
    put_notes(order, group);
    return status;
}

bool commit_is_always_synced(const struct order *order)
{
    return options_number(order->options, OPTION_APPENDFSYNC) == APPENDFSYNC_ALWAYS;
}

/* A ceiling above every stamp of the group and of the near future (C5).  It follows the stamps, not
 * the clock, which may be wrong (GATE_SKEW). */
static uint64_t next_ceiling(const struct order *order, const struct group *group)
{
    uint64_t ceiling = group->stamp_max + stamp_of_wall_ms(COMMIT_CEILING_AHEAD_MS);

    return ceiling > order->ceiling ? ceiling : order->ceiling;
}

/* Must the group's commit be a durable point?  Then it raises the ceiling, too, unless that is all
 * that the policy asks for. */
static void decide_sync(const struct order *order, struct group *group)
{
    if (group->stamp_max > order->ceiling)
        group->wants_sync = true;
    group->is_synced = group->wants_sync || commit_is_always_synced(order);
}

enum status commit_write(struct order *order, struct group *group)
{
    uint64_t ceiling = order->ceiling;
    enum status status = commit_build(order, group);

    if (status != STATUS_OK)
        return status;
    decide_sync(order, group);
    if (group->wants_sync) {
        ceiling = next_ceiling(order, group);
        put_ceiling(order, ceiling);
    }
    status = engine_write(order->engine, order->batch, group->is_synced);
    if (status == STATUS_OK)
        order->ceiling = ceiling;
    return status;
}

/* ---------- what an interrupted attempt left ---------- */

/* Deletes the chunks named by one element of the mark. */
static enum status delete_listed(struct engine_batch *batch, struct bytes *list)
{
    struct buffer key = {0};
    uint16_t count;
    uint32_t size;

    if (list->size < sizeof count + sizeof size)
        return STATUS_CORRUPT;
    count = wire_take_u16(list);
    size = wire_take_u32(list);
    if (list->size < size || size < sizeof(uint16_t))
        return STATUS_CORRUPT;
    buffer_append_bytes(&key, wire_take(list, size));
    for (uint16_t i = 0; i < count; i++) {
        key.size = size - sizeof(uint16_t);
        wire_put_u16(&key, i);
        engine_batch_delete(batch, buffer_view(&key));
    }
    buffer_clear(&key);
    return STATUS_OK;
}

enum status commit_clean_pending(struct engine *engine)
{
    struct engine_batch *batch;
    struct buffer mark = {0};
    struct bytes stored, list;
    enum status status = engine_get(engine, commit_pending_mark(&mark), &stored);

    if (status != STATUS_OK) {
        buffer_clear(&mark);
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    batch = engine_batch_create();
    list = stored;
    while (list.size > 0 && status == STATUS_OK)
        status = delete_listed(batch, &list);
    engine_batch_delete(batch, buffer_view(&mark));
    if (status == STATUS_OK)
        status = engine_write(engine, batch, true);
    engine_batch_destroy(batch);
    engine_free(stored);
    buffer_clear(&mark);
    return status;
}
