#include "store/transfer_record.h"

#include "store/keyspace.h"
#include "store/record.h"
#include "store/replica.h"
#include "store/store_internal.h"

bool transfer_enter(struct store_thread *thread)
{
    epoch_enter(thread->epoch);
    if (store_is_engine_open(thread->store))
        return true;
    epoch_exit(thread->epoch);
    return false;
}

void transfer_reader_clear(struct transfer_reader *reader)
{
    buffer_clear(&reader->key);
    buffer_clear(&reader->value);
}

static enum status read_long_value(struct transfer_reader *reader, uint32_t number,
                                   struct bytes key, const struct record_header *header,
                                   struct bytes *value)
{
    reader->value.size = 0;
    *value = (struct bytes){buffer_reserve(&reader->value, header->value_size), header->value_size};
    return store_read_chunks(reader->thread->store->engine, number, key, header,
                             reader->value.data);
}

enum status transfer_view(struct transfer_reader *reader, const struct ns *ns, uint32_t number,
                          struct bytes key, struct bytes stored, struct wire_record *record)
{
    struct record_view view;
    enum status status = record_decode(stored, &view);

    if (status == STATUS_OK && record_has_chunks(&view.header))
        status = read_long_value(reader, number, key, &view.header, &view.value);
    if (status != STATUS_OK)
        return status;
    *record = (struct wire_record){
        .ns = {(const char *)ns->id, NS_ID_SIZE},
        .key = key,
        .meta = view.meta,
        .value = view.value,
        .version = {view.header.stamp,
                    store_node_of_alias(reader->thread->store, view.header.origin),
                    view.header.value_hash},
        .expiry_ms = view.header.expiry_ms,
        .value_size = view.header.value_size,
        .kind = (enum wire_kind)view.header.kind,
        .is_raw = view.header.is_raw,
    };
    return STATUS_OK;
}

static enum status put_once(struct transfer_reader *reader, struct records_writer *writer,
                            const struct ns *ns, uint32_t number, struct bytes key,
                            bool *is_overwritten)
{
    struct wire_record record;
    struct bytes stored;
    enum status status = engine_get(reader->thread->store->engine,
                                    keyspace_record(&reader->key, number, key), &stored);

    *is_overwritten = false;
    if (status != STATUS_OK)
        return status;
    status = transfer_view(reader, ns, number, key, stored, &record);
    if (status == STATUS_OK)
        records_put(writer, &record);
    *is_overwritten = status == STATUS_NOT_FOUND;
    engine_free(stored);
    return status;
}

enum status transfer_put_current(struct transfer_reader *reader, struct records_writer *writer,
                                 const struct ns *ns, uint32_t number, struct bytes key)
{
    bool is_overwritten = true;
    enum status status = STATUS_OK;

    for (int attempt = 0; attempt < STORE_READ_ATTEMPTS_MAX && is_overwritten; attempt++)
        status = put_once(reader, writer, ns, number, key, &is_overwritten);
    return is_overwritten ? STATUS_CORRUPT : status;
}
