/* table.h - writes one of LevelDB's table files, from keys that come in order (table_reader.h reads
 * them).
 *
 *     file      data block*, filter block, metaindex block, index block, footer
 *     block     contents, type u8 (0 plain, 1 snappy), masked crc32c of both u32
 *     contents  entry*, where restarts are u32*, their count u32   (not of the filter block)
 *     entry     shared varint, unshared varint, value size varint, unshared bytes of the key, value
 *     filter    (bloom filter of the keys whose block begins in these 2 KiB)*, where each begins
 *               u32*, where that list begins u32, 11 u8
 *     footer    handles (offset varint, size varint) of metaindex and index, zeros up to 40 bytes,
 *               a magic number u64
 *
 * Numbers are little-endian.  A key carries 8 more bytes, its tag: the sequence number of its write
 * and its type.  This is what libleveldb's TableBuilder
 * writes, which its C interface has not got; the format is described in its doc/table_format.md,
 * and libleveldb 1.x keeps to it.  Filter and checksums agree with tree.c's options, which
 * test_tables.c shows by reading through LevelDB.
 */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "store/table_format.h"

#define TABLE_BLOCK_SIZE   8192 /* a data block ends when it has reached that */
#define TABLE_BLOOM_BITS   10   /* of a key, in the filter */
#define TABLE_TRAILER_SIZE 8    /* bytes behind each key */

struct file_writer;
struct table;

/* Writes to a new file through the writer, which has the file from table_finish() on. */
struct table *table_create(struct file_writer *writer, int file, bool compresses);
void table_destroy(struct table *table);

/* Of a write, or of a deletion. */
static inline uint64_t table_tag(uint64_t sequence, bool is_deleted)
{
    return sequence << 8 | (is_deleted ? TABLE_TYPE_DELETED : TABLE_TYPE_VALUE);
}

/* Keys rise.  A failure is told by the writer. */
void table_put(struct table *table, struct bytes key, uint64_t tag, struct bytes value);
/* Bytes of the file so far. */
uint64_t table_size(const struct table *table);

/* Nothing may be put any more. */
void table_finish(struct table *table);

/* The key as it stands in files. */
void table_append_key(struct buffer *out, struct bytes key, uint64_t tag);
void table_append_u32(struct buffer *out, uint32_t value);

#endif
