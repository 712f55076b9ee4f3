#include <stdlib.h>

#include "base/memory.h"
#include "store/carry.h"
#include "store/registry_parts.h"
#include "store/store_internal.h"
#include "store/txn_internal.h"

static uint64_t dead_until(const struct wire_record *record)
{
    return registry_dead_until(record->kind == WIRE_LIVE, record->version.stamp, record->value);
}

/* ---------- 'n' ---------- */

static bool is_same_title(const struct ns *ns, struct bytes title)
{
    return ns->title != NULL && bytes_equal(bytes_of(ns->title), title);
}

static void change_ns(struct txn *txn, struct ns *ns, const struct ns_record *record)
{
    struct registry *registry = registry_of(txn);

    registry_remember(txn, ns);
    ns->created_stamp = record->created_stamp;
    for (int i = 0; i < LIMIT_COUNT; i++)
        registry_set_setting(registry, ns, (enum limit)i, record->setting[i]);
    if (registry_database_of_id(ns_id(ns)) < 0 && !is_same_title(ns, record->title))
        registry_set_title(registry, ns, record->title);
    if (!ns->is_stored)
        registry_note_number(txn, ns);
}

/* What was dropped here may come back: a rename elsewhere can be newer than the drop. */
static void create_ns(struct txn *txn, struct bytes id, const struct ns_record *record)
{
    struct registry *registry = registry_of(txn);
    struct ns *ns = ns_create(id, -1);

    ns->created_stamp = record->created_stamp;
    ns->title = xcalloc(1, record->title.size + 1);
    memcpy(ns->title, record->title.data, record->title.size);
    for (int i = 0; i < LIMIT_COUNT; i++)
        registry_set_setting(registry, ns, (enum limit)i, record->setting[i]);
    atomic_store(&ns->emptied_stamp, registry_absent(registry, id)->emptied_stamp);
    registry_begin(txn, ns);
}

static enum status follow_ns(struct txn *txn, struct bytes id, const struct wire_record *record)
{
    struct ns *ns = registry_live_ns(registry_of(txn), id);
    struct ns_record read;
    enum status status = registry_read_ns(record->value, &read);

    if (status != STATUS_OK)
        return status;
    if (registry_database_of_id(id) < 0 && !registry_is_title(read.title))
        return STATUS_CORRUPT;
    if (ns != NULL)
        change_ns(txn, ns, &read);
    else
        create_ns(txn, id, &read);
    return STATUS_OK;
}

static void follow_drop(struct txn *txn, struct bytes id)
{
    struct registry *registry = registry_of(txn);
    struct ns *ns = registry_live_ns(registry, id);

    if (ns == NULL)
        registry_absent(registry, id)->is_dropped = true;
    else if (registry_database_of_id(id) < 0)
        registry_end(txn, ns);
}

/* ---------- 'e' ---------- */

/* Is there anything that an emptying might leave? */
static bool has_newer(const struct ns *ns, uint64_t stamp)
{
    return atomic_load(&ns->newest_stamp) > stamp;
}

static void find_newest(void *context, struct bytes key, const struct entry *entry)
{
    uint64_t *newest = context;

    (void)key;
    if (entry != NULL && entry->header.stamp > *newest)
        *newest = entry->header.stamp;
}

/* What the transaction itself has merged is not published yet. */
static bool has_merged_newer(const struct txn *txn, const struct ns *ns, uint64_t stamp)
{
    uint64_t newest = 0;

    txn_each_change(txn, ns, find_newest, &newest);
    return newest > stamp;
}

static enum status follow_emptying(struct txn *txn, struct bytes id, uint64_t stamp)
{
    struct registry *registry = registry_of(txn);
    struct ns *ns = registry_live_ns(registry, id);

    if (ns == NULL)
        registry_note_emptied(registry, id, stamp);
    if (ns == NULL || stamp <= atomic_load(&ns->emptied_stamp))
        return STATUS_OK;
    if (has_newer(ns, stamp) || has_merged_newer(txn, ns, stamp))
        return carry_over(txn, ns, stamp);
    registry_kill(txn, ns, stamp);
    return STATUS_OK;
}

enum status registry_prepare(struct store_thread *thread, const struct wire_record *record)
{
    struct bytes id = {record->key.data + 1, NS_ID_SIZE};
    enum status status = STATUS_OK;
    struct ns *ns;

    if (record->key.size != ID_KEY_SIZE || record->key.data[0] != KEY_EMPTIED)
        return STATUS_OK;
    ns = registry_by_id(thread->store->registry, id);
    if (ns != NULL && dead_until(record) > atomic_load(&ns->emptied_stamp) &&
        has_newer(ns, dead_until(record)))
        status = carry_prepare(thread, ns, dead_until(record));
    ns_release(ns);
    return status;
}

/* ---------- all ---------- */

enum status registry_merged(struct txn *txn, const struct wire_record *record)
{
    bool is_live = record->kind == WIRE_LIVE;
    struct bytes id = {record->key.data + 1, NS_ID_SIZE};

    if (registry_is_permutation_key(record->key)) {
        if (!is_live)
            return STATUS_OK;
        if (!registry_is_permutation(record->value))
            return STATUS_CORRUPT;
        registry_permute_in(txn, record->value);
        return STATUS_OK;
    }
    if (record->key.size != ID_KEY_SIZE)
        return STATUS_CORRUPT;
    if (record->key.data[0] == KEY_EMPTIED)
        return follow_emptying(txn, id, dead_until(record));
    if (record->key.data[0] != KEY_NAMESPACE)
        return STATUS_CORRUPT;
    if (is_live)
        return follow_ns(txn, id, record);
    follow_drop(txn, id);
    return STATUS_OK;
}
