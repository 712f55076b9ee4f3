/* record.h - a record as stored bytes.
 *
 *     flags u8     bits 0-1 kind (enum entry_kind), 2 has expiry, 3 has metadata,
 *                  4 value in chunks, 5 raw (entry.h)
 *     stamp u64, origin u16, [expiry i64], value size u32, value hash u64,
 *     [metadata size u16, metadata], [value]
 *
 * Values up to RECORD_INLINE_MAX stand in the record itself; longer ones in chunks of their own, so
 * that listings don't read them.  Chunks carry the record's stamp: an overwrite can never mix two
 * values.  Tombstones and expired records keep size and hash of what they were, and no value.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/buffer.h"
#include "base/status.h"
#include "store/entry.h"

#define RECORD_INLINE_MAX 1024
#define RECORD_CHUNK_SIZE (256 * 1024)

static inline bool record_has_chunks(const struct record_header *header)
{
    return header->kind == ENTRY_LIVE && header->value_size > RECORD_INLINE_MAX;
}

static inline uint16_t record_chunk_count(const struct record_header *header)
{
    return (uint16_t)((header->value_size + RECORD_CHUNK_SIZE - 1) / RECORD_CHUNK_SIZE);
}

/* The hash by which versions of one stamp differ; it is stored, and compared between replicas. */
uint64_t record_content_hash(struct bytes value, struct bytes meta);

/* When a tombstone or expired record may be purged, as a stamp. */
uint64_t record_purge_after(const struct record_header *header);

struct record_view {
    struct record_header header;
    struct bytes meta;  /* borrowed from the stored bytes */
    struct bytes value; /* empty if it is in chunks */
};

/* Replaces what is in `out`; the value is left out if it is in chunks. */
struct bytes record_encode(struct buffer *out, const struct entry *entry);

/* STATUS_CORRUPT for anything record_encode() could not have written. */
enum status record_decode(struct bytes stored, struct record_view *record) MUST_USE;

#endif
