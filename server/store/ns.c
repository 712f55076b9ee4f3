#include "store/registry_parts.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/wire.h"
#include "store/carry.h"
#include "store/keyspace.h"
#include "store/notes.h"
#include "store/ns_internal.h"

struct ns *ns_create(struct bytes id, int database)
{
    struct ns *ns = xcalloc(1, sizeof *ns);

    memcpy(ns->id, id.data, NS_ID_SIZE);
    atomic_store(&ns->database, database);
    atomic_store(&ns->references, 1);
    for (int i = 0; i < LIMIT_COUNT; i++)
        atomic_store(&ns->setting[i], -1);
    return ns;
}

struct ns *ns_retain(struct ns *ns)
{
    atomic_fetch_add_explicit(&ns->references, 1, memory_order_relaxed);
    return ns;
}

void ns_release(struct ns *ns)
{
    if (ns == NULL || atomic_fetch_sub_explicit(&ns->references, 1, memory_order_acq_rel) > 1)
        return;
    carry_destroy(ns->carry);
    free(ns->title);
    free(ns->shown);
    free(ns);
}

struct ns_counts ns_read_counts(const struct ns *ns)
{
    return (struct ns_counts){atomic_load_explicit(&ns->key_count, memory_order_relaxed),
                              atomic_load_explicit(&ns->byte_count, memory_order_relaxed),
                              atomic_load_explicit(&ns->expiring_count, memory_order_relaxed),
                              atomic_load_explicit(&ns->buried_count, memory_order_relaxed)};
}

void ns_set_counts(struct ns *ns, struct ns_counts counts)
{
    atomic_store_explicit(&ns->key_count, counts.keys, memory_order_relaxed);
    atomic_store_explicit(&ns->byte_count, counts.bytes, memory_order_relaxed);
    atomic_store_explicit(&ns->expiring_count, counts.expiring, memory_order_relaxed);
    atomic_store_explicit(&ns->buried_count, counts.buried, memory_order_relaxed);
}

void ns_freeze_counts(struct ns *ns)
{
    ns->frozen = ns_read_counts(ns);
    ns->frozen_number = atomic_load(&ns->number);
    ns->is_frozen_dropped = atomic_load(&ns->is_dropped);
    ns->is_touched = false;
}

void ns_commit_counts(struct ns *ns)
{
    ns->committed = ns->frozen;
}

void ns_restore_counts(struct ns *ns)
{
    ns_set_counts(ns, ns->committed);
    ns->is_touched = false;
}

static struct bytes number_bytes(char text[4], uint32_t number)
{
    number = htobe32(number);
    memcpy(text, &number, sizeof number);
    return (struct bytes){text, sizeof number};
}

struct bytes ns_counts_key(struct buffer *key, uint32_t number)
{
    char text[4];

    return keyspace_local(key, NOTE_COUNTS, number_bytes(text, number));
}

void ns_put_counts(const struct ns *ns, struct engine_batch *batch, struct buffer *key,
                   struct buffer *value)
{
    if (ns->is_frozen_dropped)
        return;
    value->size = 0;
    wire_put_u64(value, (uint64_t)ns->frozen.keys);
    wire_put_u64(value, (uint64_t)ns->frozen.bytes);
    wire_put_u64(value, (uint64_t)ns->frozen.expiring);
    wire_put_u64(value, (uint64_t)ns->frozen.buried);
    engine_batch_put(batch, ns_counts_key(key, ns->frozen_number), buffer_view(value));
}
