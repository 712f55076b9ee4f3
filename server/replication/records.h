/* records.h - records as they travel between replicas.
 *
 * A blob is a run of items, each with a tag byte in front:
 *
 *     'N' ns id, 16 bytes          the records that follow are in this namespace
 *     'O' node id, u64             ... and were written by this node
 *     0x80 | flags                 a record: key (varint size, bytes), stamp u64, value hash u64,
 *                                  [expiry i64], [metadata: varint size, bytes],
 *                                  value size varint, and the value itself if the record is live
 *
 * flags: bits 0-1 kind, 2 has expiry, 3 has metadata, 4 raw.  A blob names namespace and node
 * before its first record.  Nothing in a blob depends on local numbers.
 */
#ifndef REPLICATION_RECORDS_H
#define REPLICATION_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"
#include "replication/digest.h"
#include "replication/version.h"

enum wire_kind { WIRE_LIVE, WIRE_TOMBSTONE, WIRE_EXPIRED }; /* as enum entry_kind */

struct wire_record {
    struct bytes ns; /* DIGEST_NS_SIZE bytes */
    struct bytes key, meta, value;
    struct version version; /* stamp, node id, value hash */
    int64_t expiry_ms;      /* INT64_MAX = none */
    uint32_t value_size;    /* of expired records too, whose value is not there */
    enum wire_kind kind;
    bool is_raw;
};

/* All zeros but `out`: a writer at the beginning of a blob. */
struct records_writer {
    struct buffer *out;
    unsigned char ns[DIGEST_NS_SIZE];
    uint64_t node_id;
    bool has_ns, has_node;
};

void records_put(struct records_writer *writer, const struct wire_record *record);

struct records_reader {
    struct bytes rest;
    struct bytes ns;
    uint64_t node_id;
    bool has_ns, has_node;
};

static inline struct records_reader records_read(struct bytes blob)
{
    return (struct records_reader){.rest = blob};
}

/* The next record, borrowed from the blob; STATUS_NOT_FOUND at its end; STATUS_CORRUPT for anything
 * that records_put() does not write: then `record` means nothing. */
enum status records_next(struct records_reader *reader, struct wire_record *record) MUST_USE;

#endif
