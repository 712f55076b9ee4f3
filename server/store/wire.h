/* wire.h - numbers to and from stored bytes, big-endian. */
#ifndef STORE_WIRE_H
#define STORE_WIRE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "base/buffer.h"

static inline void wire_put_u16(struct buffer *out, uint16_t value)
{
    value = htobe16(value);
    buffer_append(out, &value, sizeof value);
}

static inline void wire_put_u32(struct buffer *out, uint32_t value)
{
    value = htobe32(value);
    buffer_append(out, &value, sizeof value);
}

static inline void wire_put_u64(struct buffer *out, uint64_t value)
{
    value = htobe64(value);
    buffer_append(out, &value, sizeof value);
}

/* The readers take from the front of a view; the caller has checked that enough is there. */
static inline uint8_t wire_take_u8(struct bytes *from)
{
    uint8_t value = (uint8_t)from->data[0];

    *from = (struct bytes){from->data + 1, from->size - 1};
    return value;
}

static inline uint16_t wire_take_u16(struct bytes *from)
{
    uint16_t value;

    memcpy(&value, from->data, sizeof value);
    *from = (struct bytes){from->data + sizeof value, from->size - sizeof value};
    return be16toh(value);
}

static inline uint32_t wire_take_u32(struct bytes *from)
{
    uint32_t value;

    memcpy(&value, from->data, sizeof value);
    *from = (struct bytes){from->data + sizeof value, from->size - sizeof value};
    return be32toh(value);
}

static inline uint64_t wire_take_u64(struct bytes *from)
{
    uint64_t value;

    memcpy(&value, from->data, sizeof value);
    *from = (struct bytes){from->data + sizeof value, from->size - sizeof value};
    return be64toh(value);
}

static inline struct bytes wire_take(struct bytes *from, size_t size)
{
    struct bytes taken = {from->data, size};

    *from = (struct bytes){from->data + size, from->size - size};
    return taken;
}

#endif
