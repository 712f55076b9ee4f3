#include "commands/bitmap.h"

#include <endian.h>

/* --- counting --- */

/* In each byte of a word as many as its bits that are set. */
static uint64_t count_in_bytes(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    return (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
}

static uint64_t sum_of_bytes(uint64_t word)
{
    word = (word & 0x00ff00ff00ff00ffu) + (word >> 8 & 0x00ff00ff00ff00ffu);
    return word * 0x0001000100010001u >> 48;
}

static uint64_t word_at(const char *data)
{
    uint64_t word;

    memcpy(&word, data, sizeof word);
    return word;
}

/* A byte holds the counts of so many words before it overflows. */
#define WORDS_SUMMED 31

static uint64_t count_words(const char *data, size_t word_count)
{
    uint64_t count = 0;

    while (word_count > 0) {
        size_t group = word_count < WORDS_SUMMED ? word_count : WORDS_SUMMED;
        uint64_t counts = 0;

        for (size_t i = 0; i < group; i++, data += sizeof(uint64_t))
            counts += count_in_bytes(word_at(data));
        count += sum_of_bytes(counts);
        word_count -= group;
    }
    return count;
}

static uint64_t count_bytes(const char *data, size_t size)
{
    size_t word_count = size / sizeof(uint64_t), rest = size % sizeof(uint64_t);
    uint64_t last = 0;

    memcpy(&last, data + size - rest, rest);
    return count_words(data, word_count) + sum_of_bytes(count_in_bytes(last));
}

/* The bits of the byte at `data` that `mask` names. */
static uint64_t count_masked(const char *data, unsigned mask)
{
    return sum_of_bytes(count_in_bytes((unsigned char)*data & mask));
}

uint64_t bitmap_count(struct bytes value, uint64_t first, uint64_t last)
{
    const char *from = value.data + first / 8, *to = value.data + last / 8;

    return count_bytes(from, (size_t)(to - from) + 1) -
           count_masked(from, 0xff00u >> first % 8 & 0xffu) - count_masked(to, 0x7fu >> last % 8);
}

/* --- finding --- */

/* Eight bytes, the first of them the highest; zeros behind the end. */
static uint64_t take_word(struct bytes value, uint64_t byte)
{
    uint64_t word = 0;

    if (byte >= value.size)
        return 0;
    if (value.size - byte >= sizeof word)
        memcpy(&word, value.data + byte, sizeof word);
    else
        memcpy(&word, value.data + byte, value.size - byte);
    return be64toh(word);
}

/* The first byte, from `byte` on, of a block that is not made of the word alone; blocks are of four
 * words. */
static uint64_t skip_blocks(struct bytes value, uint64_t byte, uint64_t same)
{
    uint64_t block[4];

    for (; byte + sizeof block <= value.size; byte += sizeof block) {
        memcpy(block, value.data + byte, sizeof block);
        if (((block[0] ^ same) | (block[1] ^ same) | (block[2] ^ same) | (block[3] ^ same)) != 0)
            break;
    }
    return byte;
}

bool bitmap_find(struct bytes value, bool bit, uint64_t first, uint64_t last, uint64_t *at)
{
    uint64_t from = first, found;

    while (from <= last) {
        uint64_t word = take_word(value, from / 8);

        word = (bit ? word : ~word) << from % 8;
        if (word != 0) {
            found = from + (uint64_t)__builtin_clzll(word);
            if (found > last)
                return false;
            *at = found;
            return true;
        }
        from = skip_blocks(value, from / 8 + sizeof word, bit ? 0 : UINT64_MAX) * 8;
    }
    return false;
}

/* --- combining --- */

static uint64_t combined(enum bitmap_operation operation, uint64_t a, uint64_t b)
{
    switch (operation) {
    case BITMAP_AND:
        return a & b;
    case BITMAP_OR:
        return a | b;
    case BITMAP_XOR:
        return a ^ b;
    case BITMAP_NOT:
        break;
    }
    return ~b;
}

/* Inlined where the operation is known, so that the loop has no choice left. */
static inline __attribute__((always_inline)) void
combine_as(enum bitmap_operation operation, char *into, const char *from, size_t size)
{
    uint64_t a, b, word;
    size_t i = 0;

    for (; size - i >= sizeof word; i += sizeof word) {
        memcpy(&a, into + i, sizeof a);
        memcpy(&b, from + i, sizeof b);
        word = combined(operation, a, b);
        memcpy(into + i, &word, sizeof word);
    }
    for (; i < size; i++)
        into[i] = (char)combined(operation, (unsigned char)into[i], (unsigned char)from[i]);
}

void bitmap_combine(enum bitmap_operation operation, char *into, size_t size, struct bytes source)
{
    switch (operation) {
    case BITMAP_AND:
        combine_as(BITMAP_AND, into, source.data, source.size);
        memset(into + source.size, 0, size - source.size);
        break;
    case BITMAP_OR:
        combine_as(BITMAP_OR, into, source.data, source.size);
        break;
    case BITMAP_XOR:
        combine_as(BITMAP_XOR, into, source.data, source.size);
        break;
    case BITMAP_NOT:
        combine_as(BITMAP_NOT, into, source.data, source.size);
        memset(into + source.size, 0xff, size - source.size);
        break;
    }
}

/* --- fields --- */

/* The `bits` highest of a word. */
static uint64_t high_bits(unsigned bits)
{
    return UINT64_MAX << (64 - bits);
}

/* A number's lowest bits as a number of the field's kind. */
static int64_t as_number(uint64_t word, struct bitmap_field field)
{
    unsigned unused = 64 - field.bits;

    if (field.is_signed)
        return (int64_t)(word << unused) >> unused;
    return (int64_t)(word << unused >> unused);
}

int64_t bitmap_field_get(struct bytes value, struct bitmap_field field)
{
    uint64_t byte = field.offset / 8;
    unsigned skipped = field.offset % 8;
    uint64_t word = take_word(value, byte) << skipped;

    if (skipped > 0 && value.size > 8 && byte < value.size - 8)
        word |= (uint64_t)(unsigned char)value.data[byte + 8] >> (8 - skipped);
    return as_number(word >> (64 - field.bits), field);
}

/* Puts the `bits` highest of `word` at the bit `at` of the byte at `data`, of which `size` are
 * there. */
static void put_bits(char *data, size_t size, unsigned at, uint64_t word, unsigned bits)
{
    size_t used = size < sizeof word ? size : sizeof word;
    uint64_t mask = high_bits(bits) >> at;
    uint64_t merged = 0;

    memcpy(&merged, data, used);
    merged = htobe64((be64toh(merged) & ~mask) | (word >> at & mask));
    memcpy(data, &merged, used);
}

void bitmap_field_set(char *data, size_t size, struct bitmap_field field, int64_t number)
{
    size_t byte = field.offset / 8;
    unsigned skipped = field.offset % 8;
    uint64_t word = (uint64_t)number << (64 - field.bits);

    put_bits(data + byte, size - byte, skipped, word, field.bits);
    if (skipped + field.bits > 64) /* the rest is in a ninth byte */
        put_bits(data + byte + 8, size - byte - 8, 0, word << (64 - skipped),
                 skipped + field.bits - 64);
}

bool bitmap_field_add(struct bitmap_field field, enum bitmap_overflow overflow, int64_t number,
                      int64_t delta, int64_t *sum)
{
    int64_t max = (int64_t)(UINT64_MAX >> (64 - field.bits) >> field.is_signed);
    int64_t min = field.is_signed ? -max - 1 : 0;
    bool is_above, is_below;
    int64_t exact;

    if (__builtin_add_overflow(number, delta, &exact)) {
        is_above = delta > 0;
        is_below = delta < 0;
    } else {
        is_above = exact > max || (!field.is_signed && number < 0);
        is_below = exact < min;
    }
    if (!is_above && !is_below)
        *sum = exact;
    else if (overflow == BITMAP_WRAP)
        *sum = as_number((uint64_t)exact, field);
    else if (overflow == BITMAP_SATURATE)
        *sum = is_above ? max : min;
    else
        return false;
    return true;
}
