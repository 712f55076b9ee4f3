/* dump.h - all records that a store holds, as they travel between replicas: in order of the
 * namespaces' ids, the registry's own first, then of keys.  The thread is outside of any epoch. */
#ifndef UNIT_STORE_DUMP_H
#define UNIT_STORE_DUMP_H

#include "replication/records.h"
#include "store/keyspace.h"
#include "store/store_internal.h"
#include "store/transfer_record.h"
#include "unit/store/stores.h"

static inline void dump_namespace(struct node *node, const struct ns *ns, struct buffer *all)
{
    struct engine_iterator *iterator = engine_iterate(node->store->engine);
    struct transfer_reader reader = {.thread = node->thread};
    struct records_writer writer = {.out = all};
    uint32_t number = atomic_load(&ns->number);
    struct buffer from = {0};
    struct bytes key;

    engine_iterator_seek(iterator, keyspace_namespace(&from, KEYSPACE_RECORD, number));
    for (; engine_iterator_is_valid(iterator) &&
           keyspace_read_record(engine_iterator_key(iterator), number, &key);
         engine_iterator_next(iterator)) {
        struct wire_record record;

        assert_int_equal(
            transfer_view(&reader, ns, number, key, engine_iterator_value(iterator), &record),
            STATUS_OK);
        records_put(&writer, &record);
    }
    engine_iterator_destroy(iterator);
    transfer_reader_clear(&reader);
    buffer_clear(&from);
}

static inline void node_dump(struct node *node, struct buffer *all)
{
    struct registry *registry = store_registry(node->store);
    struct ns *ns = registry_by_number(registry, NS_REGISTRY), *next;

    assert_true(transfer_enter(node->thread));
    for (; ns != NULL; ns = next) {
        dump_namespace(node, ns, all);
        next = registry_next(registry, (struct bytes){(const char *)ns->id, NS_ID_SIZE});
        ns_release(ns);
    }
    epoch_exit(store_epoch(node->thread));
}

#endif
