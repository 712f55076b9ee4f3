#include "store/keyspace.h"

#include "base/wire.h"

#define TIME_KEY_HEAD (1 + sizeof(uint64_t) + sizeof(uint32_t))

static void begin(struct buffer *out, char kind)
{
    out->size = 0;
    buffer_append_byte(out, kind);
}

struct bytes keyspace_namespace(struct buffer *out, char kind, uint32_t ns)
{
    begin(out, kind);
    wire_put_u32(out, ns);
    return buffer_view(out);
}

struct bytes keyspace_time(struct buffer *out, char kind, uint64_t time)
{
    begin(out, kind);
    wire_put_u64(out, time);
    return buffer_view(out);
}

struct bytes keyspace_record(struct buffer *out, uint32_t ns, struct bytes key)
{
    keyspace_namespace(out, KEYSPACE_RECORD, ns);
    buffer_append_bytes(out, key);
    return buffer_view(out);
}

struct bytes keyspace_chunk(struct buffer *out, uint32_t ns, struct bytes key, uint64_t stamp,
                            uint16_t origin, uint16_t chunk)
{
    keyspace_namespace(out, KEYSPACE_CHUNK, ns);
    buffer_append_bytes(out, key);
    wire_put_u64(out, stamp);
    wire_put_u16(out, origin);
    wire_put_u16(out, chunk);
    return buffer_view(out);
}

struct bytes keyspace_expiry(struct buffer *out, int64_t expiry_ms, uint32_t ns, struct bytes key)
{
    keyspace_time(out, KEYSPACE_EXPIRY, (uint64_t)expiry_ms);
    wire_put_u32(out, ns);
    buffer_append_bytes(out, key);
    return buffer_view(out);
}

struct bytes keyspace_tombstone(struct buffer *out, uint64_t when, uint32_t ns, struct bytes key,
                                uint64_t stamp)
{
    keyspace_time(out, KEYSPACE_TOMBSTONE, when);
    wire_put_u32(out, ns);
    buffer_append_bytes(out, key);
    wire_put_u64(out, stamp);
    return buffer_view(out);
}

struct bytes keyspace_leaf(struct buffer *out, char kind, uint32_t ns, struct bytes boundary)
{
    keyspace_namespace(out, kind, ns);
    buffer_append_bytes(out, boundary);
    return buffer_view(out);
}

struct bytes keyspace_local(struct buffer *out, const char *name, struct bytes detail)
{
    begin(out, KEYSPACE_LOCAL);
    buffer_append_text(out, name);
    buffer_append_bytes(out, detail);
    return buffer_view(out);
}

bool keyspace_read_record(struct bytes stored, uint32_t ns, struct bytes *key)
{
    if (stored.size < 1 + sizeof ns || stored.data[0] != KEYSPACE_RECORD)
        return false;
    wire_take_u8(&stored);
    if (wire_take_u32(&stored) != ns)
        return false;
    *key = stored;
    return true;
}

bool keyspace_read_leaf(struct bytes stored, char kind, uint32_t *ns, struct bytes *boundary)
{
    if (stored.size < 1 + sizeof *ns || stored.data[0] != kind)
        return false;
    wire_take_u8(&stored);
    *ns = wire_take_u32(&stored);
    *boundary = stored;
    return true;
}

static enum status read_time(struct bytes *stored, char kind, size_t size_min,
                             struct keyspace_position *position)
{
    if (stored->size == 0 || stored->data[0] != kind)
        return STATUS_NOT_FOUND;
    if (stored->size < size_min)
        return STATUS_CORRUPT;
    wire_take_u8(stored);
    position->time = wire_take_u64(stored);
    position->ns = wire_take_u32(stored);
    return STATUS_OK;
}

enum status keyspace_read_expiry(struct bytes stored, struct keyspace_position *position)
{
    enum status status = read_time(&stored, KEYSPACE_EXPIRY, TIME_KEY_HEAD, position);

    if (status == STATUS_OK)
        position->key = stored;
    return status;
}

enum status keyspace_read_tombstone(struct bytes stored, struct keyspace_position *position)
{
    enum status status =
        read_time(&stored, KEYSPACE_TOMBSTONE, TIME_KEY_HEAD + sizeof(uint64_t), position);

    if (status != STATUS_OK)
        return status;
    position->key = wire_take(&stored, stored.size - sizeof(uint64_t));
    position->stamp = wire_take_u64(&stored);
    return STATUS_OK;
}

struct bytes keyspace_moved(void)
{
    return bytes_of("j");
}
