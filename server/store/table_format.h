/* table_format.h - what the writer and the reader of LevelDB's table files agree on: table.h. */
#ifndef STORE_TABLE_FORMAT_H
#define STORE_TABLE_FORMAT_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

#define TABLE_MAGIC           0xdb4775248b80fb57u
#define TABLE_FOOTER_HANDLES  40
#define TABLE_FOOTER_SIZE     (TABLE_FOOTER_HANDLES + sizeof(uint64_t))
#define TABLE_BLOCK_TRAILER   5 /* behind each block: its type, a checksum */
#define TABLE_CRC_MASK        0xa282ead8u
#define TABLE_FILTER_NAME     "filter.leveldb.BuiltinBloomFilter2"
#define TABLE_FILTER_SHIFT    11 /* one filter for blocks that begin in the same 2 KiB */
#define TABLE_FILTER_BITS_MIN 64
#define TABLE_FILTER_PROBES   6 /* TABLE_BLOOM_BITS * ln 2 */
#define TABLE_FILTER_SEED     0xbc9f1d34u
/* The first of the 8 bytes behind a key. */
#define TABLE_TYPE_DELETED 0
#define TABLE_TYPE_VALUE   1

enum table_block_type { BLOCK_PLAIN, BLOCK_SNAPPY };

struct table_handle {
    uint64_t offset, size;
};

static inline uint32_t table_read_u32(const char *data)
{
    uint32_t value;

    memcpy(&value, data, sizeof value);
    return le32toh(value);
}

static inline uint64_t table_read_u64(const char *data)
{
    uint64_t value;

    memcpy(&value, data, sizeof value);
    return le64toh(value);
}

/* As checksums of data are stored. */
static inline uint32_t table_masked_crc(uint32_t crc)
{
    return ((crc >> 15) | (crc << 17)) + TABLE_CRC_MASK;
}

/* LevelDB's own (util/hash.cc), which its filters are made of. */
static inline uint32_t table_hash(struct bytes key)
{
    const uint32_t factor = 0xc6a4a793u;
    uint32_t hash = TABLE_FILTER_SEED ^ ((uint32_t)key.size * factor);

    for (; key.size >= sizeof hash; key.data += sizeof hash, key.size -= sizeof hash) {
        hash = (hash + table_read_u32(key.data)) * factor;
        hash ^= hash >> 16;
    }
    if (key.size == 0)
        return hash;
    for (size_t i = key.size; i-- > 0;)
        hash += (uint32_t)(unsigned char)key.data[i] << (8 * i);
    hash *= factor;
    return hash ^ (hash >> 24);
}

/* From one probe of a filter to the next. */
static inline uint32_t table_hash_step(uint32_t hash)
{
    return (hash >> 17) | (hash << 15);
}

#endif
