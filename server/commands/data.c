#include "commands/data.h"

#include <assert.h>

#include "commands/events.h"
#include "commands/statistics.h"
#include "commands/table.h"
#include "replication/version.h"
#include "store/frequency.h"

/* No key is longer than this whatever the limits say, so a longer one need not be looked for. */
static bool is_storable(struct bytes key)
{
    return (int64_t)key.size <= limit_rules[LIMIT_KEY_SIZE].max;
}

static struct registry *registry_of(const struct call *call)
{
    return store_registry(call_services(call)->store);
}

static void count_miss(struct call *call, struct ns *ns, struct bytes key)
{
    statistics_add(call->worker->statistics, COUNTER_MISSES, 1);
    if (events_want(call, EVENTS_MISS) && call->command->container == NULL) /* not OBJECT */
        events_tell_miss(call, ns, key);
}

static void count_lookup(struct call *call, struct ns *ns, struct bytes key, enum status s)
{
    if (!(call->command->flags & CMD_READONLY))
        return;
    if (s == STATUS_OK)
        statistics_add(call->worker->statistics, COUNTER_HITS, 1);
    else if (s == STATUS_NOT_FOUND)
        count_miss(call, ns, key);
}

enum status data_find_in(struct call *call, struct ns *ns, struct bytes key,
                         const struct entry **found)
{
    enum status s;

    if (!is_storable(key))
        s = STATUS_NOT_FOUND;
    else if (call->txn != NULL)
        s = txn_find(call->txn, ns, key, found);
    else
        s = store_find(call->worker->store_thread, ns, key, call->now_ms, found, &call->depends_on);
    count_lookup(call, ns, key, s);
    return s;
}

enum status data_view_in(struct call *call, struct ns *ns, struct bytes key,
                         const struct entry **found)
{
    if (call->txn != NULL)
        return txn_find(call->txn, ns, key, found);
    return store_view(call->worker->store_thread, ns, key, call->now_ms, found, &call->depends_on);
}

enum status data_find(struct call *call, struct bytes key, const struct entry **found)
{
    return data_find_in(call, call->ns, key, found);
}

static enum status peek(struct call *call, struct bytes key, const struct entry **found)
{
    if (!is_storable(key))
        return STATUS_NOT_FOUND;
    if (call->txn != NULL)
        return txn_find(call->txn, call->ns, key, found);
    return store_peek(call->worker->store_thread, call->ns, key, call->now_ms, found,
                      &call->depends_on);
}

enum status data_peek(struct call *call, struct bytes key, const struct entry **found)
{
    const struct entry *entry = NULL;
    enum status s = peek(call, key, &entry);

    count_lookup(call, call->ns, key, s);
    if (s != STATUS_OK && s != STATUS_NOT_FOUND)
        return s;
    *found = entry;
    return STATUS_OK;
}

static enum status check_limit(struct call *call, const struct ns *ns, enum limit limit,
                               int64_t seen, enum status refusal)
{
    int64_t allowed = ns_limit(registry_of(call), ns, limit);

    if (seen <= allowed)
        return STATUS_OK;
    call->limit_seen = seen;
    call->limit_allowed = allowed;
    return refusal;
}

static enum status check_key_in(struct call *call, const struct ns *ns, struct bytes key)
{
    return check_limit(call, ns, LIMIT_KEY_SIZE, (int64_t)key.size, STATUS_KEY_TOO_LONG);
}

enum status data_check_key(struct call *call, struct bytes key)
{
    return check_key_in(call, call->ns, key);
}

static enum status check_value_in(struct call *call, const struct ns *ns, int64_t size)
{
    return check_limit(call, ns, LIMIT_VALUE_SIZE, size, STATUS_VALUE_TOO_LONG);
}

enum status data_check_value_size(struct call *call, int64_t size)
{
    return check_value_in(call, call->ns, size);
}

static enum status check_meta_in(struct call *call, const struct ns *ns, struct bytes meta)
{
    return check_limit(call, ns, LIMIT_METADATA_SIZE, (int64_t)meta.size, STATUS_META_TOO_LONG);
}

enum status data_check_meta(struct call *call, struct bytes meta)
{
    return check_meta_in(call, call->ns, meta);
}

static enum status note_if_new(struct call *call, struct ns *ns, struct bytes key)
{
    const struct entry *entry;
    enum status s = txn_find(call->txn, ns, key, &entry);

    if (s != STATUS_NOT_FOUND)
        return s;
    events_note_in(call, EVENT_NEW, ns, key);
    return STATUS_OK;
}

static enum status put(struct call *call, const struct data_record *record, size_t value_size,
                       char **value)
{
    struct ns *ns = record->ns != NULL ? record->ns : call->ns;
    enum status s;

    assert(call->txn != NULL);
    s = check_key_in(call, ns, record->key);
    if (s == STATUS_OK)
        s = check_value_in(call, ns, (int64_t)value_size);
    if (s == STATUS_OK)
        s = check_meta_in(call, ns, record->meta);
    if (s != STATUS_OK)
        return s;
    if (events_want(call, EVENTS_NEW))
        s = note_if_new(call, ns, record->key);
    if (s != STATUS_OK)
        return s;
    return txn_put(call->txn, ns, record->key, record->meta, record->expiry_ms, record->is_raw,
                   value_size, value);
}

enum status data_put(struct call *call, const struct data_record *record, char **value)
{
    return put(call, record, record->value_size, value);
}

enum status data_put_value(struct call *call, const struct data_record *record, struct bytes value)
{
    char *area;
    enum status s = put(call, record, value.size, &area);

    if (s == STATUS_OK && value.size > 0)
        memcpy(area, value.data, value.size);
    return s;
}

enum status data_set_use(struct call *call, struct bytes key, int64_t idle_s, int64_t frequency)
{
    int64_t used_s = call->now_ms / 1000 - idle_s;

    if (options_counts_use(call_services(call)->options)) {
        if (frequency < 0)
            return STATUS_OK;
        used_s = frequency_make((uint32_t)frequency, call->now_ms);
    } else if (idle_s < 0) {
        return STATUS_OK;
    }
    /* 0 would be: not used at all. */
    return txn_set_used(call->txn, call->ns, key, used_s > 0 ? (uint32_t)used_s : 1);
}

enum status data_set(struct call *call, struct bytes key, struct bytes value, int64_t expiry_ms)
{
    struct data_record record = {.key = key, .expiry_ms = expiry_ms};

    return data_put_value(call, &record, value);
}

enum status data_change(struct call *call, struct bytes key, const struct entry *old,
                        struct bytes value)
{
    struct data_record record = data_successor(key, old, value.size);

    return data_put_value(call, &record, value);
}

enum status data_delete_in(struct call *call, struct ns *ns, struct bytes key)
{
    assert(call->txn != NULL);
    if (!is_storable(key))
        return STATUS_NOT_FOUND;
    return txn_delete(call->txn, ns, key);
}

enum status data_delete(struct call *call, struct bytes key)
{
    return data_delete_in(call, call->ns, key);
}

enum status data_database(struct call *call, struct bytes argument, struct ns **ns)
{
    int64_t n;

    if (!bytes_to_int64(argument, &n))
        return STATUS_NOT_INTEGER;
    if (n < 0 || n >= registry_database_count(registry_of(call)))
        return STATUS_DB_RANGE;
    *ns = registry_database(registry_of(call), (int)n);
    return STATUS_OK;
}

/* The largest value that Redis keeps in one piece with its header. */
#define EMBEDDED_SIZE_MAX 44

const char *data_encoding(const struct entry *entry)
{
    struct bytes value = entry_value(entry);
    int64_t number;

    if (entry->header.is_raw)
        return "raw";
    if (bytes_to_int64(value, &number))
        return "int";
    return value.size <= EMBEDDED_SIZE_MAX ? "embstr" : "raw";
}

int64_t data_used_s(const struct entry *entry)
{
    int64_t used_s = atomic_load_explicit(&entry->used_s, memory_order_relaxed);

    return used_s != 0 ? used_s : stamp_wall_ms(entry->header.stamp) / 1000;
}

int64_t data_frequency(const struct entry *entry, int64_t now_ms)
{
    return frequency_count(atomic_load_explicit(&entry->used_s, memory_order_relaxed), now_ms);
}
