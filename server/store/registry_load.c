#include <stdlib.h>

#include "base/memory.h"
#include "base/wire.h"
#include "store/keyspace.h"
#include "store/notes.h"
#include "store/ns_internal.h"
#include "store/record.h"
#include "store/registry_parts.h"
#include "store/store_internal.h"

/* Of a note of counts; the first versions did not count what is buried. */
#define COUNTS_SIZE        32
#define COUNTS_SIZE_BEFORE 24

/* ---------- numbers and counts ---------- */

static enum status load_counts(struct ns *ns, struct engine *engine)
{
    struct buffer key = {0};
    struct bytes stored, value;
    enum status status = engine_get(engine, ns_counts_key(&key, atomic_load(&ns->number)), &stored);

    buffer_clear(&key);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    value = stored;
    if (value.size == COUNTS_SIZE || value.size == COUNTS_SIZE_BEFORE) {
        ns->committed.keys = (int64_t)wire_take_u64(&value);
        ns->committed.bytes = (int64_t)wire_take_u64(&value);
        ns->committed.expiring = (int64_t)wire_take_u64(&value);
        ns->committed.buried = value.size > 0 ? (int64_t)wire_take_u64(&value) : 0;
        ns_set_counts(ns, ns->committed);
    } else {
        status = STATUS_CORRUPT;
    }
    engine_free(stored);
    return status;
}

/* What has a number in the notes is stored; what has none gets one when it is first written. */
static enum status load_number(struct registry *registry, struct ns *ns, struct engine *engine)
{
    struct buffer key = {0};
    struct bytes stored, value;
    enum status status = engine_get(engine, keyspace_local(&key, NOTE_NUMBER, ns_id(ns)), &stored);

    buffer_clear(&key);
    ns->is_stored = false;
    if (status == STATUS_NOT_FOUND) {
        atomic_store(&ns->number, registry_new_number(registry));
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    value = stored;
    ns->is_stored = true;
    if (value.size == 4)
        atomic_store(&ns->number, wire_take_u32(&value));
    else
        status = STATUS_CORRUPT;
    engine_free(stored);
    return status == STATUS_OK ? load_counts(ns, engine) : status;
}

/* ---------- records ---------- */

static enum status load_ns(struct registry *registry, struct bytes id, struct bytes value)
{
    struct ns *ns = registry_live_ns(registry, id);
    struct ns_record record;
    enum status status = registry_read_ns(value, &record);

    if (status != STATUS_OK)
        return status;
    if (ns == NULL) {
        ns = ns_create(id, -1);
        atomic_store(&ns->emptied_stamp, registry_absent(registry, id)->emptied_stamp);
        registry_add(registry, ns);
    }
    ns->created_stamp = record.created_stamp;
    for (int i = 0; i < LIMIT_COUNT; i++)
        registry_set_setting(registry, ns, (enum limit)i, record.setting[i]);
    if (registry_database_of_id(id) < 0)
        registry_set_title(registry, ns, record.title);
    return STATUS_OK;
}

/* The names of thousands of databases are a long value. */
static enum status load_databases(struct registry *registry, struct engine *engine,
                                  struct bytes key, const struct record_view *record)
{
    struct buffer value = {0};
    enum status status = STATUS_OK;

    if (record_has_chunks(&record->header)) {
        status = store_read_chunks(engine, NS_REGISTRY, key, &record->header,
                                   buffer_reserve(&value, record->header.value_size));
        value.size = record->header.value_size;
    } else {
        buffer_append_bytes(&value, record->value);
    }
    if (status == STATUS_OK && !registry_is_permutation(buffer_view(&value)))
        status = STATUS_CORRUPT;
    if (status == STATUS_OK)
        registry_permute(registry, buffer_view(&value));
    buffer_clear(&value);
    return status;
}

/* Emptyings stand before the namespaces that they are about. */
static enum status load_record(struct registry *registry, struct engine *engine, struct bytes key,
                               struct bytes stored)
{
    struct record_view record;
    enum status status = record_decode(stored, &record);
    struct bytes id = {key.data + 1, key.size - 1};
    bool is_live;

    if (status != STATUS_OK || key.size == 0)
        return status;
    is_live = record.header.kind == ENTRY_LIVE;
    if (registry_is_permutation_key(key))
        return is_live ? load_databases(registry, engine, key, &record) : STATUS_OK;
    if (id.size != NS_ID_SIZE)
        return STATUS_CORRUPT;
    if (key.data[0] == KEY_EMPTIED)
        registry_note_emptied(registry, id,
                              registry_dead_until(is_live, record.header.stamp, record.value));
    else if (key.data[0] == KEY_NAMESPACE && is_live)
        return load_ns(registry, id, record.value);
    else if (key.data[0] == KEY_NAMESPACE)
        registry_absent(registry, id)->is_dropped = true;
    return STATUS_OK;
}

static enum status load_records(struct registry *registry, struct engine *engine)
{
    struct engine_iterator *iterator = engine_iterate(engine);
    struct buffer from = {0};
    enum status status = STATUS_OK;
    struct bytes key;

    engine_iterator_seek(iterator, keyspace_namespace(&from, KEYSPACE_RECORD, NS_REGISTRY));
    while (status == STATUS_OK && engine_iterator_is_valid(iterator) &&
           keyspace_read_record(engine_iterator_key(iterator), NS_REGISTRY, &key)) {
        status = load_record(registry, engine, key, engine_iterator_value(iterator));
        engine_iterator_next(iterator);
    }
    if (status == STATUS_OK)
        status = engine_iterator_status(iterator);
    engine_iterator_destroy(iterator);
    buffer_clear(&from);
    return status;
}

/* ---------- notes ---------- */

static void raise_next_number(struct registry *registry, struct bytes four)
{
    uint32_t number = wire_take_u32(&four);

    if (number >= atomic_load(&registry->next_number))
        atomic_store(&registry->next_number, number + 1);
}

/* A number that is given to a namespace; numbered databases need no other record. */
static void load_number_note(struct registry *registry, struct bytes id, struct bytes value)
{
    if (value.size == sizeof(uint32_t))
        raise_next_number(registry, value);
    if (id.size == NS_ID_SIZE)
        (void)registry_live_ns(registry, id);
}

/* A number that waits to be purged. */
static void load_purge_note(struct registry *registry, struct bytes number, struct bytes value)
{
    (void)value;
    if (number.size == sizeof(uint32_t))
        raise_next_number(registry, number);
}

static enum status each_note(struct registry *registry, struct engine *engine, const char *name,
                             void (*load)(struct registry *registry, struct bytes detail,
                                          struct bytes value))
{
    struct engine_iterator *iterator = engine_iterate(engine);
    struct buffer buffer = {0};
    struct bytes prefix = keyspace_local(&buffer, name, (struct bytes){"", 0});
    enum status status;

    engine_iterator_seek(iterator, prefix);
    while (engine_iterator_is_valid(iterator) &&
           bytes_starts_with(engine_iterator_key(iterator), prefix)) {
        struct bytes key = engine_iterator_key(iterator);

        load(registry, (struct bytes){key.data + prefix.size, key.size - prefix.size},
             engine_iterator_value(iterator));
        engine_iterator_next(iterator);
    }
    status = engine_iterator_status(iterator);
    engine_iterator_destroy(iterator);
    buffer_clear(&buffer);
    return status;
}

/* ---------- counting anew ---------- */

static void count_record(struct ns_counts *counts, struct bytes key,
                         const struct record_header *header)
{
    if (header->kind != ENTRY_LIVE) {
        counts->buried++;
        return;
    }
    counts->keys++;
    counts->expiring += header->expiry_ms != EXPIRY_NONE;
    counts->bytes += (int64_t)(key.size + header->meta_size + header->value_size);
}

static enum status recount_ns(struct ns *ns, struct engine *engine)
{
    struct engine_iterator *iterator = engine_iterate(engine);
    uint32_t number = atomic_load(&ns->number);
    struct ns_counts counts = {0};
    struct buffer from = {0};
    enum status status;
    struct bytes key;

    engine_iterator_seek(iterator, keyspace_namespace(&from, KEYSPACE_RECORD, number));
    for (; engine_iterator_is_valid(iterator) &&
           keyspace_read_record(engine_iterator_key(iterator), number, &key);
         engine_iterator_next(iterator)) {
        struct record_view record;

        if (record_decode(engine_iterator_value(iterator), &record) == STATUS_OK)
            count_record(&counts, key, &record.header);
    }
    status = engine_iterator_status(iterator);
    engine_iterator_destroy(iterator);
    buffer_clear(&from);
    ns->committed = counts;
    ns_set_counts(ns, counts);
    return status;
}

enum status registry_load(struct registry *registry, struct engine *engine, uint64_t newest_stamp)
{
    enum status status = each_note(registry, engine, NOTE_NUMBER, load_number_note);

    if (status == STATUS_OK)
        status = each_note(registry, engine, NOTE_PURGE, load_purge_note);
    if (status == STATUS_OK)
        status = load_records(registry, engine);
    if (status == STATUS_OK)
        status = recount_ns(registry->self, engine);
    for (struct ns *ns = registry->all; ns != NULL && status == STATUS_OK; ns = ns->next) {
        atomic_store(&ns->newest_stamp, newest_stamp);
        status = load_number(registry, ns, engine);
    }
    return status;
}

/* The counts go to disk at once: a namespace that is not written to would have the old ones again
 * after the next start. */
enum status registry_recount(struct registry *registry, struct engine *engine)
{
    struct engine_batch *batch = engine_batch_create();
    struct buffer key = {0}, value = {0};
    enum status status = STATUS_OK;

    for (struct ns *ns = registry->all; ns != NULL && status == STATUS_OK; ns = ns->next) {
        status = recount_ns(ns, engine);
        ns_freeze_counts(ns);
        if (ns->is_stored)
            ns_put_counts(ns, batch, &key, &value);
    }
    if (status == STATUS_OK)
        status = engine_write(engine, batch, true);
    engine_batch_destroy(batch);
    buffer_clear(&key);
    buffer_clear(&value);
    return status;
}
