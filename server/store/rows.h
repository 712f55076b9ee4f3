/* rows.h - rows as bytes: how a batch, the journal and the stage hold what is put and deleted.
 *
 *     key size u32 | value size u32, or ROW_DELETED | key | value
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include <stdbool.h>

#include "base/wire.h"

#define ROW_DELETED   UINT32_MAX
#define ROW_HEAD_SIZE (2 * sizeof(uint32_t))

static inline uint32_t row_number(const char *at)
{
    uint32_t number;

    memcpy(&number, at, sizeof number);
    return be32toh(number);
}

static inline struct bytes row_key(const char *row)
{
    return (struct bytes){row + ROW_HEAD_SIZE, row_number(row)};
}

static inline bool row_is_deleted(const char *row)
{
    return row_number(row + sizeof(uint32_t)) == ROW_DELETED;
}

/* Of no bytes if it is deleted. */
static inline struct bytes row_value(const char *row)
{
    struct bytes key = row_key(row);

    return (struct bytes){key.data + key.size,
                          row_is_deleted(row) ? 0 : row_number(row + sizeof(uint32_t))};
}

static inline const char *row_end(const char *row)
{
    struct bytes value = row_value(row);

    return value.data + value.size;
}

static inline void rows_put(struct buffer *rows, struct bytes key, struct bytes value)
{
    buffer_reserve(rows, ROW_HEAD_SIZE + key.size + value.size);
    wire_put_u32(rows, (uint32_t)key.size);
    wire_put_u32(rows, (uint32_t)value.size);
    buffer_append_bytes(rows, key);
    buffer_append_bytes(rows, value);
}

static inline void rows_delete(struct buffer *rows, struct bytes key)
{
    wire_put_u32(rows, (uint32_t)key.size);
    wire_put_u32(rows, ROW_DELETED);
    buffer_append_bytes(rows, key);
}

#endif
