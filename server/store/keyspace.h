/* keyspace.h - where things are stored: the ordered keys of the engine.
 *
 *     'm' ns key                        a record: record.h            (what listings read)
 *     'v' ns key stamp origin chunk     a piece of a long value
 *     'x' expiry ns key                 the record expires then       (value: its stamp)
 *     't' when ns key stamp             a tombstone that may be purged after `when`
 *     's' ns boundary                   the sum of a leaf: digest.h      (value: sum, count)
 *     'd' ns boundary                   the leaf has changed since
 *     'z' name                          this node's own notes: node id, clock, counts, formats
 *     'j'                               how much of the journal LevelDB has: the engine's own
 *
 * Numbers are big-endian, so that byte order is their order: ns 32 bits, expiry (ms), when and
 * stamp (HLC) 64, origin and chunk 16.  A key's own bytes need no end mark: what stands around them
 * has a fixed size.
 */
#ifndef STORE_KEYSPACE_H
#define STORE_KEYSPACE_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"

#define KEYSPACE_RECORD    'm'
#define KEYSPACE_CHUNK     'v'
#define KEYSPACE_EXPIRY    'x'
#define KEYSPACE_TOMBSTONE 't'
#define KEYSPACE_SUM       's'
#define KEYSPACE_DIRTY     'd'
#define KEYSPACE_LOCAL     'z'

/* Each replaces what is in `out` and returns a view of it, valid until `out` changes. */
struct bytes keyspace_record(struct buffer *out, uint32_t ns, struct bytes key);
struct bytes keyspace_chunk(struct buffer *out, uint32_t ns, struct bytes key, uint64_t stamp,
                            uint16_t origin, uint16_t chunk);
struct bytes keyspace_expiry(struct buffer *out, int64_t expiry_ms, uint32_t ns, struct bytes key);
struct bytes keyspace_tombstone(struct buffer *out, uint64_t when, uint32_t ns, struct bytes key,
                                uint64_t stamp);
/* A row of a leaf: KEYSPACE_SUM or KEYSPACE_DIRTY. */
struct bytes keyspace_leaf(struct buffer *out, char kind, uint32_t ns, struct bytes boundary);
struct bytes keyspace_local(struct buffer *out, const char *name, struct bytes detail);

/* The engine's own row. */
struct bytes keyspace_moved(void);

/* The first stored key of a kind in a namespace. */
struct bytes keyspace_namespace(struct buffer *out, char kind, uint32_t ns);
/* The first stored key of a time-ordered kind at a time. */
struct bytes keyspace_time(struct buffer *out, char kind, uint64_t time);

struct keyspace_position {
    uint64_t time; /* expiry or when */
    uint32_t ns;
    struct bytes key; /* borrowed from the stored key */
    uint64_t stamp;   /* tombstones */
};

/* The key part of a record's stored key, if it is one of that namespace. */
bool keyspace_read_record(struct bytes stored, uint32_t ns, struct bytes *key);
/* The namespace and the boundary of a leaf's row, if it is one of that kind. */
bool keyspace_read_leaf(struct bytes stored, char kind, uint32_t *ns, struct bytes *boundary);
/* STATUS_CORRUPT if it is too short; STATUS_NOT_FOUND if of another kind. */
enum status keyspace_read_expiry(struct bytes stored, struct keyspace_position *position) MUST_USE;
enum status keyspace_read_tombstone(struct bytes stored,
                                    struct keyspace_position *position) MUST_USE;

#endif
