/* dump.h - a value as DUMP writes it and RESTORE reads it: Redis's own format, so that keys move to
 * and from a real Redis.
 *
 *     payload := type, string, version (2 bytes), sum (8 bytes); both with the lowest byte first
 *     type    := 0, a string; Redis has other types, which are not for us
 *     string  := length, bytes
 *              | 11 000000, int8 | 11 000001, int16 | 11 000010, int32       a number's text
 *              | 11 000011, length of the packed, length, packed bytes       lzf.h
 *     length  := 00 and 6 bits | 01 and 14 bits | 1000 0000, 32 bits | 1000 0001, 64 bits;
 *                the highest first
 *
 * The sum is crc64.h's over all before it.  Strings are written today as in the first version, so
 * payloads of versions newer than ours are read too.
 */
#ifndef COMMANDS_DUMP_H
#define COMMANDS_DUMP_H

#include "base/buffer.h"

/* RDB's version in Redis 7.0. */
#define DUMP_VERSION 10

/* A payload is this much longer than the value at most. */
#define DUMP_AROUND_MAX 16

/* Behind what `out` holds.  The value is shorter than 4 GiB. */
void dump_write(struct buffer *out, struct bytes value);

enum dump_verdict {
    DUMP_FINE,
    DUMP_WRONG_SUM,  /* or too short to have one */
    DUMP_OTHER_TYPE, /* whole, but not a string */
    DUMP_MALFORMED,
};

/* A string in a payload, which it borrows. */
struct dump_string {
    size_t size; /* of the value */
    struct bytes stored;
    bool is_packed;
    char text[INT64_TEXT_MAX]; /* of a number: `stored` points here, so this must stay in place */
};

/* Allocates nothing; a size that could not come out of the payload is refused. */
enum dump_verdict dump_read(struct bytes payload, struct dump_string *string) MUST_USE;

/* The value of a packed string, `string->size` bytes, behind what `out` holds; false if it does not
 * come out. */
bool dump_unpack(const struct dump_string *string, struct buffer *out) MUST_USE;

#endif
