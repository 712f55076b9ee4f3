#include "commands/dump.h"

#include <assert.h>
#include <endian.h>

#include "base/crc64.h"
#include "base/lzf.h"
#include "base/wire.h"

#define TYPE_STRING 0

/* The two highest bits of a length's first byte. */
enum { LENGTH_6_BITS, LENGTH_14_BITS, LENGTH_WIDE, LENGTH_NONE };

/* First bytes that are no part of a length. */
#define LENGTH_32_BITS 0x80
#define LENGTH_64_BITS 0x81
#define ENCODED_INT8   0xc0
#define ENCODED_INT16  0xc1
#define ENCODED_INT32  0xc2
#define ENCODED_LZF    0xc3

#define VERSION_SIZE 2
#define FOOTER_SIZE  (VERSION_SIZE + sizeof(uint64_t))

/* --- writing --- */

static void write_length(struct buffer *out, size_t length)
{
    if (length < 1u << 6) {
        buffer_append_byte(out, (char)length);
    } else if (length < 1u << 14) {
        wire_put_u16(out, (uint16_t)(LENGTH_14_BITS << 14 | length));
    } else {
        assert(length <= UINT32_MAX);
        buffer_append_byte(out, (char)LENGTH_32_BITS);
        wire_put_u32(out, (uint32_t)length);
    }
}

/* False, with nothing written, if it needs more than four bytes. */
static bool write_number(struct buffer *out, int64_t number)
{
    uint32_t little = htole32((uint32_t)number);

    if (number >= INT8_MIN && number <= INT8_MAX) {
        buffer_append_byte(out, (char)ENCODED_INT8);
        buffer_append(out, &little, 1);
    } else if (number >= INT16_MIN && number <= INT16_MAX) {
        buffer_append_byte(out, (char)ENCODED_INT16);
        buffer_append(out, &little, 2);
    } else if (number >= INT32_MIN && number <= INT32_MAX) {
        buffer_append_byte(out, (char)ENCODED_INT32);
        buffer_append(out, &little, 4);
    } else {
        return false;
    }
    return true;
}

void dump_write(struct buffer *out, struct bytes value)
{
    size_t start = out->size;
    uint16_t version = htole16(DUMP_VERSION);
    int64_t number;
    uint64_t sum;

    (void)buffer_reserve(out, value.size + DUMP_AROUND_MAX);
    buffer_append_byte(out, TYPE_STRING);
    if (!bytes_to_int64(value, &number) || !write_number(out, number)) {
        write_length(out, value.size);
        buffer_append_bytes(out, value);
    }
    buffer_append(out, &version, sizeof version);
    sum = htole64(crc64_jones((struct bytes){out->data + start, out->size - start}));
    buffer_append(out, &sum, sizeof sum);
}

/* --- reading --- */

static struct bytes take(struct bytes *from, size_t size)
{
    struct bytes taken = {from->data, size};

    *from = (struct bytes){from->data + size, from->size - size};
    return taken;
}

/* False if it is cut off, or no length but an encoding. */
static bool take_length(struct bytes *from, uint64_t *length)
{
    unsigned first, kind;

    if (from->size == 0)
        return false;
    first = (unsigned char)from->data[0];
    kind = first >> 6;
    if (kind == LENGTH_6_BITS) {
        *length = wire_take_u8(from);
    } else if (kind == LENGTH_14_BITS && from->size >= 2) {
        *length = wire_take_u16(from) & 0x3fffu;
    } else if (first == LENGTH_32_BITS && from->size >= 5) {
        (void)take(from, 1);
        *length = wire_take_u32(from);
    } else if (first == LENGTH_64_BITS && from->size >= 9) {
        (void)take(from, 1);
        *length = wire_take_u64(from);
    } else {
        return false;
    }
    return true;
}

/* A number of `size` bytes, the lowest first. */
static bool take_number(struct bytes *from, size_t size, struct dump_string *string)
{
    uint32_t little = 0;
    unsigned unused = 8 * (unsigned)(sizeof little - size);
    int32_t number;

    if (from->size < size)
        return false;
    memcpy(&little, take(from, size).data, size);
    number = (int32_t)(le32toh(little) << unused) >> unused;
    string->size = int64_to_text(number, string->text);
    string->stored = (struct bytes){string->text, string->size};
    return true;
}

/* Nobody packs nothing: the value has a byte at least. */
static bool take_packed(struct bytes *from, struct dump_string *string)
{
    uint64_t packed_size, size;

    if (!take_length(from, &packed_size) || !take_length(from, &size) || packed_size > from->size ||
        size == 0 || size > lzf_size_max((size_t)packed_size))
        return false;
    string->size = (size_t)size;
    string->stored = take(from, (size_t)packed_size);
    string->is_packed = true;
    return true;
}

static bool take_plain(struct bytes *from, struct dump_string *string)
{
    uint64_t size;

    if (!take_length(from, &size) || size > from->size)
        return false;
    string->size = (size_t)size;
    string->stored = take(from, (size_t)size);
    return true;
}

static bool take_string(struct bytes *from, struct dump_string *string)
{
    unsigned first = from->size > 0 ? (unsigned char)from->data[0] : 0;

    string->is_packed = false;
    if (first >> 6 != LENGTH_NONE)
        return take_plain(from, string);
    (void)take(from, 1);
    switch (first) {
    case ENCODED_INT8:
        return take_number(from, 1, string);
    case ENCODED_INT16:
        return take_number(from, 2, string);
    case ENCODED_INT32:
        return take_number(from, 4, string);
    case ENCODED_LZF:
        return take_packed(from, string);
    default:
        return false;
    }
}

static bool is_sum_right(struct bytes payload)
{
    size_t before = payload.size - sizeof(uint64_t);
    uint64_t sum;

    memcpy(&sum, payload.data + before, sizeof sum);
    return le64toh(sum) == crc64_jones((struct bytes){payload.data, before});
}

enum dump_verdict dump_read(struct bytes payload, struct dump_string *string)
{
    struct bytes left = payload;

    if (payload.size < FOOTER_SIZE || !is_sum_right(payload))
        return DUMP_WRONG_SUM;
    left.size -= FOOTER_SIZE;
    if (left.size == 0)
        return DUMP_MALFORMED;
    if (wire_take_u8(&left) != TYPE_STRING)
        return DUMP_OTHER_TYPE;
    return take_string(&left, string) && left.size == 0 ? DUMP_FINE : DUMP_MALFORMED;
}

bool dump_unpack(const struct dump_string *string, struct buffer *out)
{
    size_t size = out->size;

    (void)buffer_reserve(out, string->size);
    if (!lzf_unpack(string->stored, out->data + size, string->size))
        return false;
    out->size += string->size;
    return true;
}
