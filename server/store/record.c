#include "store/record.h"

#include "base/hash.h"
#include "base/wire.h"
#include "replication/version.h"

#define FLAG_KIND       0x03
#define FLAG_HAS_EXPIRY 0x04
#define FLAG_HAS_META   0x08
#define FLAG_HAS_CHUNKS 0x10
#define FLAG_IS_RAW     0x20
#define FLAGS_KNOWN     0x3f

#define META_HASH_FACTOR 0x9e3779b97f4a7c15u /* odd, so that nothing of the hash is lost */

uint64_t record_content_hash(struct bytes value, struct bytes meta)
{
    uint64_t hash = hash_content(value);

    if (meta.size > 0)
        hash ^= hash_content(meta) * META_HASH_FACTOR;
    return hash;
}

uint64_t record_purge_after(const struct record_header *header)
{
    int64_t latest_ms = INT64_MAX >> (HLC_COUNTER_BITS + 1);
    uint64_t expiry;

    if (header->kind != ENTRY_EXPIRED)
        return header->stamp;
    expiry = stamp_of_wall_ms(header->expiry_ms < latest_ms ? header->expiry_ms : latest_ms);
    return expiry > header->stamp ? expiry : header->stamp;
}

static uint8_t flags_of(const struct record_header *header)
{
    unsigned flags = header->kind;

    if (header->expiry_ms != EXPIRY_NONE)
        flags |= FLAG_HAS_EXPIRY;
    if (header->meta_size > 0)
        flags |= FLAG_HAS_META;
    if (record_has_chunks(header))
        flags |= FLAG_HAS_CHUNKS;
    if (header->is_raw)
        flags |= FLAG_IS_RAW;
    return (uint8_t)flags;
}

struct bytes record_encode(struct buffer *out, const struct entry *entry)
{
    const struct record_header *header = &entry->header;
    uint8_t flags = flags_of(header);

    out->size = 0;
    buffer_append_byte(out, (char)flags);
    wire_put_u64(out, header->stamp);
    wire_put_u16(out, header->origin);
    if (flags & FLAG_HAS_EXPIRY)
        wire_put_u64(out, (uint64_t)header->expiry_ms);
    wire_put_u32(out, header->value_size);
    wire_put_u64(out, header->value_hash);
    if (flags & FLAG_HAS_META) {
        wire_put_u16(out, header->meta_size);
        buffer_append_bytes(out, entry_meta(entry));
    }
    if (header->kind == ENTRY_LIVE && !(flags & FLAG_HAS_CHUNKS))
        buffer_append_bytes(out, entry_value(entry));
    return buffer_view(out);
}

static size_t head_size(uint8_t flags)
{
    size_t size = 8 + 2 + 4 + 8;

    if (flags & FLAG_HAS_EXPIRY)
        size += 8;
    if (flags & FLAG_HAS_META)
        size += 2;
    return size;
}

enum status record_decode(struct bytes stored, struct record_view *record)
{
    struct record_view read = {0};
    uint8_t flags;

    if (stored.size == 0)
        return STATUS_CORRUPT;
    flags = wire_take_u8(&stored);
    read.header.kind = flags & FLAG_KIND;
    read.header.is_raw = (flags & FLAG_IS_RAW) != 0;
    if ((flags & ~FLAGS_KNOWN) || read.header.kind == ENTRY_ABSENT ||
        stored.size < head_size(flags))
        return STATUS_CORRUPT;
    read.header.stamp = wire_take_u64(&stored);
    read.header.origin = wire_take_u16(&stored);
    read.header.expiry_ms = flags & FLAG_HAS_EXPIRY ? (int64_t)wire_take_u64(&stored) : EXPIRY_NONE;
    read.header.value_size = wire_take_u32(&stored);
    read.header.value_hash = wire_take_u64(&stored);
    if (flags & FLAG_HAS_META) {
        read.header.meta_size = wire_take_u16(&stored);
        if (stored.size < read.header.meta_size)
            return STATUS_CORRUPT;
        read.meta = wire_take(&stored, read.header.meta_size);
    }
    read.value = stored;
    if (flags != flags_of(&read.header))
        return STATUS_CORRUPT;
    if (stored.size !=
        (read.header.kind == ENTRY_LIVE && !(flags & FLAG_HAS_CHUNKS) ? read.header.value_size : 0))
        return STATUS_CORRUPT;
    *record = read;
    return STATUS_OK;
}
