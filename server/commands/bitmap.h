/* bitmap.h - a value as a row of bits, and integers of any width in it.
 *
 * Bit 0 is the highest of the first byte.  A field is an integer of 1 to 64 bits (63 without a
 * sign) at any bit, the highest first; it need not respect bytes.  Reading goes past the end of a
 * value as if zeros followed; writing does not: the caller makes room first.
 */
#ifndef COMMANDS_BITMAP_H
#define COMMANDS_BITMAP_H

#include "base/bytes.h"

/* How many bits from `first` to `last`, which is there, are set. */
uint64_t bitmap_count(struct bytes value, uint64_t first, uint64_t last);

/* The first bit from `first` to `last`, which is there, that is as asked; false if none is. */
bool bitmap_find(struct bytes value, bool bit, uint64_t first, uint64_t last, uint64_t *at);

enum bitmap_operation { BITMAP_AND, BITMAP_OR, BITMAP_XOR, BITMAP_NOT };

/* Of `size` bytes each becomes what the operation makes of it and of the source's, which is no
 * longer; zeros follow the source.  NOT ignores what was there. */
void bitmap_combine(enum bitmap_operation operation, char *into, size_t size, struct bytes source);

struct bitmap_field {
    uint64_t offset; /* its first bit */
    unsigned bits;
    bool is_signed;
};

/* The last bit of a field. */
static inline uint64_t bitmap_field_end(struct bitmap_field field)
{
    return field.offset + field.bits - 1;
}

int64_t bitmap_field_get(struct bytes value, struct bitmap_field field);

/* Stores the lowest bits of a number.  The field lies within the `size` bytes. */
void bitmap_field_set(char *data, size_t size, struct bitmap_field field, int64_t number);

/* What to do with a number that has no room in a field: keep its lowest bits, take the nearest
 * that fits, or leave the field alone. */
enum bitmap_overflow { BITMAP_WRAP, BITMAP_SATURATE, BITMAP_FAIL };

/* number + delta as the field will hold it; false if it doesn't fit and nothing else will do.  As
 * in Redis, a negative number is too large for an unsigned field, not too small. */
bool bitmap_field_add(struct bitmap_field field, enum bitmap_overflow overflow, int64_t number,
                      int64_t delta, int64_t *sum);

#endif
