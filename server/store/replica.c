#include "store/replica.h"

#include <stdlib.h>

#include "base/memory.h"
#include "replication/merge.h"
#include "replication/records.h"
#include "store/record.h"
#include "store/registry_internal.h"
#include "store/store_internal.h"
#include "store/txn_internal.h"

/* Of one transaction: it holds up writers for some hundred microseconds at most. */
#define BATCH_RECORDS_MAX 512
#define BATCH_BYTES_MAX   (4u << 20)

/* Of one call: its thread has other things to do every few milliseconds. */
#define BATCHES_MAX 2

/* A record on its way into the store. */
struct arrival {
    struct wire_record record;
    struct ns *ns;       /* retained; NULL = dropped: the record is dead */
    struct entry *entry; /* NULL once the transaction has it */
};

struct replica {
    struct store_thread *thread;
    struct store *store;
    struct txn *txn;
    struct arrival arrivals[BATCH_RECORDS_MAX];
    size_t count, bytes;
    uint64_t frame_horizon;
};

struct replica *replica_create(struct store_thread *thread)
{
    struct replica *replica = xcalloc(1, sizeof *replica);

    replica->thread = thread;
    replica->store = thread->store;
    replica->txn = txn_create(thread);
    txn_set_kind(replica->txn, TXN_MERGE);
    return replica;
}

void replica_destroy(struct replica *replica)
{
    if (replica == NULL)
        return;
    txn_destroy(replica->txn);
    free(replica);
}

/* ---------- outside the order: what can be checked and copied beforehand ---------- */

bool replica_is_sound(const struct wire_record *record)
{
    if (record->value_size > limit_rules[LIMIT_VALUE_SIZE].max)
        return false;
    return record->kind != WIRE_LIVE ||
           record_content_hash(record->value, record->meta) == record->version.value_hash;
}

/* Its place and origin are filled in under the order. */
static struct entry *entry_of(const struct wire_record *record)
{
    struct entry *entry = entry_create(0, 0, record->key, record->meta, record->value.size);
    struct record_header *header = &entry->header;

    if (record->value.size > 0)
        memcpy(entry_value_area(entry), record->value.data, record->value.size);
    header->kind = (uint8_t)record->kind;
    header->value_size = record->value_size;
    header->expiry_ms = record->expiry_ms;
    header->is_raw = record->is_raw;
    header->stamp = record->version.stamp;
    header->value_hash = record->version.value_hash;
    return entry;
}

/* Most records are in the same one as those before them; others are searched for. */
static enum status find_namespace(struct replica *replica, const struct wire_record *record,
                                  struct ns **ns)
{
    struct registry *registry = replica->store->registry;
    const struct arrival *before =
        replica->count > 0 ? &replica->arrivals[replica->count - 1] : NULL;

    if (before != NULL && before->ns != NULL && bytes_equal(before->record.ns, record->ns)) {
        *ns = ns_retain(before->ns);
        return STATUS_OK;
    }
    *ns = registry_by_id(registry, record->ns);
    if (*ns != NULL || registry_was_dropped(registry, record->ns))
        return STATUS_OK;
    return STATUS_NO_NAMESPACE;
}

static enum status add_arrival(struct replica *replica, const struct wire_record *record,
                               uint64_t newest_allowed)
{
    struct arrival *arrival = &replica->arrivals[replica->count];
    struct ns *ns = NULL;
    enum status status;

    if (record->version.stamp > newest_allowed)
        return STATUS_CLOCK_SKEW;
    if (!replica_is_sound(record))
        return STATUS_CORRUPT;
    status = find_namespace(replica, record, &ns);
    if (status != STATUS_OK)
        return status;
    *arrival = (struct arrival){*record, ns, ns != NULL ? entry_of(record) : NULL};
    replica->bytes += sizeof(struct entry) + record->key.size + record->value.size;
    replica->count++;
    return STATUS_OK;
}

/* Does the record go into the transaction with those before it?  The registry's own go before the
 * data that may need them. */
static bool fits(const struct replica *replica, const struct wire_record *record)
{
    if (replica->count == 0)
        return true;
    return replica->count < BATCH_RECORDS_MAX && replica->bytes < BATCH_BYTES_MAX &&
           registry_is_id(record->ns) == registry_is_id(replica->arrivals[0].record.ns);
}

/* Records from the reader until a transaction is full.  STATUS_NOT_FOUND at the end of the blob;
 * any other reason to stop stands behind the records that were collected. */
static enum status collect(struct replica *replica, struct records_reader *reader,
                           uint64_t newest_allowed)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK) {
        struct records_reader before = *reader;
        struct wire_record record;

        status = records_next(reader, &record);
        if (status == STATUS_OK && !fits(replica, &record)) {
            *reader = before;
            break;
        }
        if (status == STATUS_OK)
            status = add_arrival(replica, &record, newest_allowed);
        if (status != STATUS_OK)
            *reader = before;
    }
    return status;
}

static void drop_arrivals(struct replica *replica)
{
    for (size_t i = 0; i < replica->count; i++) {
        ns_release(replica->arrivals[i].ns);
        if (replica->arrivals[i].entry != NULL)
            entry_destroy(replica->arrivals[i].entry);
    }
    replica->count = replica->bytes = 0;
}

/* ---------- under the order ---------- */

static enum status take(struct replica *replica, struct arrival *arrival)
{
    enum status status =
        aliases_for(replica->store->aliases, replica->txn, arrival->record.version.node_id,
                    &arrival->entry->header.origin);

    if (status == STATUS_OK)
        status = txn_put_entry(replica->txn, arrival->ns, arrival->entry);
    if (status != STATUS_OK)
        return status;
    arrival->entry = NULL;
    return registry_is_id(arrival->record.ns) ? registry_merged(replica->txn, &arrival->record)
                                              : STATUS_OK;
}

static enum status find_held(struct replica *replica, const struct arrival *arrival,
                             struct version *held, bool *is_held)
{
    const struct entry *entry;
    enum status status = txn_find_latest(replica->txn, arrival->ns, arrival->record.key, &entry);

    *is_held = status == STATUS_OK;
    if (status == STATUS_OK)
        *held = (struct version){entry->header.stamp,
                                 store_node_of_alias(replica->store, entry->header.origin),
                                 entry->header.value_hash};
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void count_verdict(struct merge_counts *counts, enum merge_verdict verdict, bool takes)
{
    counts->purged += verdict == MERGE_PURGED;
    counts->dead += verdict == MERGE_DEAD;
    counts->conflicts += verdict == MERGE_CONFLICT;
    counts->taken += takes;
    counts->kept += !takes && (verdict == MERGE_KEEP || verdict == MERGE_CONFLICT);
}

static enum status merge_one(struct replica *replica, struct arrival *arrival,
                             struct merge_counts *counts)
{
    struct merge_context context = {.horizon = store_horizon(replica->store),
                                    .frame_horizon = replica->frame_horizon};
    struct version held;
    enum merge_verdict verdict;
    enum status status;
    bool is_held, takes;

    txn_observe(replica->txn, arrival->record.version.stamp);
    if (arrival->ns == NULL || atomic_load(&arrival->ns->is_dropped)) {
        count_verdict(counts, MERGE_DEAD, false);
        return STATUS_OK;
    }
    context.emptied = atomic_load(&arrival->ns->emptied_stamp);
    status = find_held(replica, arrival, &held, &is_held);
    if (status != STATUS_OK)
        return status;
    verdict = merge_decide(&context, is_held ? &held : NULL, &arrival->record.version, &takes);
    count_verdict(counts, verdict, takes);
    return takes ? take(replica, arrival) : STATUS_OK;
}

static enum status merge_arrivals(struct replica *replica, struct merge_counts *counts,
                                  uint64_t *group)
{
    struct merge_counts merged = *counts;
    enum status status;
    int64_t wait_ms;

    txn_reset(replica->txn, clock_wall_ms(replica->store->clock));
    for (size_t i = 0; i < replica->count; i++)
        if (replica->arrivals[i].ns != NULL)
            txn_name(replica->txn, replica->arrivals[i].ns, replica->arrivals[i].record.key);
    status = txn_enter(replica->txn);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < replica->count && status == STATUS_OK; i++)
        status = merge_one(replica, &replica->arrivals[i], &merged);
    if (status != STATUS_OK) {
        txn_abandon(replica->txn);
        return status;
    }
    status = txn_commit(replica->txn, group, &wait_ms);
    if (status == STATUS_OK)
        *counts = merged;
    return status;
}

/* What would take long under the order. */
static enum status prepare(struct replica *replica)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < replica->count && status == STATUS_OK; i++)
        if (registry_is_id(replica->arrivals[i].record.ns))
            status = registry_prepare(replica->thread, &replica->arrivals[i].record);
    return status;
}

/* One transaction, in an epoch of its own. */
static enum status merge_batch(struct replica *replica, struct merge_counts *counts,
                               uint64_t *group)
{
    enum status status = prepare(replica);

    if (status != STATUS_OK)
        return status;
    epoch_enter(replica->thread->epoch);
    status = merge_arrivals(replica, counts, group);
    epoch_exit(replica->thread->epoch);
    store_end_turn(replica->thread);
    return status;
}

/* ---------- a blob ---------- */

/* Goes on where the last call stopped; a reader must know the names in front of that. */
static enum status skip(struct records_reader *reader, size_t rest)
{
    struct wire_record record;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && reader->rest.size > rest)
        status = records_next(reader, &record);
    return status == STATUS_OK && reader->rest.size == rest ? STATUS_OK : STATUS_CORRUPT;
}

enum status replica_merge(struct replica *replica, struct bytes blob, uint64_t frame_horizon,
                          uint64_t newest_allowed, size_t *done, struct merge_counts *counts,
                          uint64_t *group)
{
    struct records_reader reader = records_read(blob);
    enum status end = STATUS_OK;

    if (*done > blob.size || skip(&reader, blob.size - *done) != STATUS_OK)
        return STATUS_CORRUPT;
    replica->frame_horizon = frame_horizon;
    for (int batches = 0; end == STATUS_OK && batches < BATCHES_MAX; batches++) {
        enum status status;

        end = collect(replica, &reader, newest_allowed);
        status = replica->count > 0 ? merge_batch(replica, counts, group) : STATUS_OK;
        drop_arrivals(replica);
        if (status != STATUS_OK)
            return status;
        *done = blob.size - reader.rest.size;
    }
    return end == STATUS_NOT_FOUND ? STATUS_OK : end;
}
