#include "replication/records.h"

#include "base/wire.h"

#define TAG_NS     'N'
#define TAG_NODE   'O'
#define TAG_RECORD 0x80

#define FLAG_KIND   0x03
#define FLAG_EXPIRY 0x04
#define FLAG_META   0x08
#define FLAG_RAW    0x10
#define FLAGS_ALL   (FLAG_KIND | FLAG_EXPIRY | FLAG_META | FLAG_RAW)

#define EXPIRY_ABSENT INT64_MAX

/* ---------- writing ---------- */

static void put_ns(struct records_writer *writer, struct bytes ns)
{
    if (writer->has_ns && memcmp(writer->ns, ns.data, DIGEST_NS_SIZE) == 0)
        return;
    memcpy(writer->ns, ns.data, DIGEST_NS_SIZE);
    writer->has_ns = true;
    buffer_append_byte(writer->out, TAG_NS);
    buffer_append(writer->out, writer->ns, DIGEST_NS_SIZE);
}

static void put_node(struct records_writer *writer, uint64_t node_id)
{
    if (writer->has_node && writer->node_id == node_id)
        return;
    writer->node_id = node_id;
    writer->has_node = true;
    buffer_append_byte(writer->out, TAG_NODE);
    wire_put_u64(writer->out, node_id);
}

static uint8_t flags_of(const struct wire_record *record)
{
    unsigned flags = record->kind;

    if (record->expiry_ms != EXPIRY_ABSENT)
        flags |= FLAG_EXPIRY;
    if (record->meta.size > 0)
        flags |= FLAG_META;
    if (record->is_raw)
        flags |= FLAG_RAW;
    return (uint8_t)flags;
}

void records_put(struct records_writer *writer, const struct wire_record *record)
{
    struct buffer *out = writer->out;
    uint8_t flags = flags_of(record);

    put_ns(writer, record->ns);
    put_node(writer, record->version.node_id);
    buffer_append_byte(out, (char)(TAG_RECORD | flags));
    wire_put_bytes(out, record->key);
    wire_put_u64(out, record->version.stamp);
    wire_put_u64(out, record->version.value_hash);
    if ((flags & FLAG_EXPIRY) != 0)
        wire_put_u64(out, (uint64_t)record->expiry_ms);
    if ((flags & FLAG_META) != 0)
        wire_put_bytes(out, record->meta);
    wire_put_varint(out, record->value_size);
    if (record->kind == WIRE_LIVE)
        buffer_append_bytes(out, record->value);
}

/* ---------- reading ---------- */

static bool take_tag(struct bytes *from, char tag, size_t size)
{
    if (from->size == 0 || from->data[0] != tag || from->size - 1 < size)
        return false;
    (void)wire_take_u8(from);
    return true;
}

/* Blobs may stand one behind the other, so what is known already may be named again. */
static void read_names(struct records_reader *reader)
{
    if (take_tag(&reader->rest, TAG_NS, DIGEST_NS_SIZE)) {
        reader->ns = wire_take(&reader->rest, DIGEST_NS_SIZE);
        reader->has_ns = true;
    }
    if (take_tag(&reader->rest, TAG_NODE, sizeof reader->node_id)) {
        reader->node_id = wire_take_u64(&reader->rest);
        reader->has_node = true;
    }
}

static bool read_flags(struct bytes *from, uint8_t *flags)
{
    uint8_t tag;

    if (!wire_read_u8(from, &tag) || (tag & TAG_RECORD) == 0)
        return false;
    *flags = tag & (uint8_t)~TAG_RECORD;
    return (*flags & ~FLAGS_ALL) == 0 && (*flags & FLAG_KIND) <= WIRE_EXPIRED;
}

static bool read_expiry(struct bytes *from, uint8_t flags, int64_t *expiry_ms)
{
    uint64_t expiry;

    *expiry_ms = EXPIRY_ABSENT;
    if ((flags & FLAG_EXPIRY) == 0)
        return true;
    if (!wire_read_u64(from, &expiry))
        return false;
    *expiry_ms = (int64_t)expiry;
    return *expiry_ms != EXPIRY_ABSENT;
}

static bool read_meta(struct bytes *from, uint8_t flags, struct bytes *meta)
{
    *meta = (struct bytes){"", 0};
    if ((flags & FLAG_META) == 0)
        return true;
    return wire_read_bytes(from, meta) && meta->size > 0 && meta->size <= UINT16_MAX;
}

static bool read_value(struct bytes *from, struct wire_record *record)
{
    uint64_t size;

    record->value = (struct bytes){"", 0};
    if (!wire_read_varint(from, &size) || size > UINT32_MAX)
        return false;
    record->value_size = (uint32_t)size;
    if (record->kind != WIRE_LIVE)
        return true;
    if (size > from->size)
        return false;
    record->value = wire_take(from, (size_t)size);
    return true;
}

/* Only a live record has metadata, and a deleted one has nothing but its version. */
static bool is_sound(const struct wire_record *record)
{
    if (record->version.stamp == 0 || record->key.size > UINT16_MAX)
        return false;
    if (record->kind == WIRE_EXPIRED)
        return record->meta.size == 0;
    if (record->kind == WIRE_TOMBSTONE)
        return record->meta.size == 0 && record->value_size == 0 && !record->is_raw &&
               record->expiry_ms == EXPIRY_ABSENT;
    return true;
}

static bool read_record(struct bytes *from, struct wire_record *record)
{
    uint8_t flags;

    if (!read_flags(from, &flags))
        return false;
    record->kind = flags & FLAG_KIND;
    record->is_raw = (flags & FLAG_RAW) != 0;
    return wire_read_bytes(from, &record->key) && wire_read_u64(from, &record->version.stamp) &&
           wire_read_u64(from, &record->version.value_hash) &&
           read_expiry(from, flags, &record->expiry_ms) && read_meta(from, flags, &record->meta) &&
           read_value(from, record) && is_sound(record);
}

/* It is read where it is to be: what was just written in parts is slow to be copied as a whole. */
enum status records_next(struct records_reader *reader, struct wire_record *record)
{
    struct bytes rest;

    if (reader->rest.size == 0)
        return STATUS_NOT_FOUND;
    read_names(reader);
    rest = reader->rest;
    if (!reader->has_ns || !reader->has_node || !read_record(&rest, record))
        return STATUS_CORRUPT;
    reader->rest = rest;
    record->ns = reader->ns;
    record->version.node_id = reader->node_id;
    return STATUS_OK;
}
