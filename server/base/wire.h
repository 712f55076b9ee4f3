/* wire.h - numbers to and from stored and sent bytes, big-endian.
 *
 * wire_take_*() trust that enough is there; wire_read_*() are for what comes from outside: they
 * return false at the end of the bytes, and then nothing is taken.
 */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H

#include <endian.h>
#include <stdbool.h>
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

/* Seven bits a byte, the lowest first, the top bit says that more follow: 1 to 10 bytes. */
static inline void wire_put_varint(struct buffer *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buffer_append_byte(out, (char)(value | 0x80));
    buffer_append_byte(out, (char)value);
}

static inline bool wire_read_u8(struct bytes *from, uint8_t *value)
{
    if (from->size < sizeof *value)
        return false;
    *value = wire_take_u8(from);
    return true;
}

static inline bool wire_read_u32(struct bytes *from, uint32_t *value)
{
    if (from->size < sizeof *value)
        return false;
    *value = wire_take_u32(from);
    return true;
}

static inline bool wire_read_u64(struct bytes *from, uint64_t *value)
{
    if (from->size < sizeof *value)
        return false;
    *value = wire_take_u64(from);
    return true;
}

static inline bool wire_read_varint(struct bytes *from, uint64_t *value)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < from->size && i < 10; i++) {
        uint64_t byte = (unsigned char)from->data[i];

        if (i == 9 && byte > 1)
            return false;
        sum |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *from = (struct bytes){from->data + i + 1, from->size - i - 1};
            *value = sum;
            return true;
        }
    }
    return false;
}

/* A varint size and so many bytes, borrowed. */
static inline bool wire_read_bytes(struct bytes *from, struct bytes *value)
{
    struct bytes rest = *from;
    uint64_t size;

    if (!wire_read_varint(&rest, &size) || size > rest.size)
        return false;
    *value = wire_take(&rest, (size_t)size);
    *from = rest;
    return true;
}

static inline void wire_put_bytes(struct buffer *out, struct bytes bytes)
{
    wire_put_varint(out, bytes.size);
    buffer_append_bytes(out, bytes);
}

#endif
