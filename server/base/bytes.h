/* bytes.h - a borrowed view of bytes.
 *
 * `data` belongs to somebody else and may hold any byte, zero included; nothing here allocates or
 * keeps it.  The parsers take exactly what Redis 7.0 takes; for integers that is: no blanks, no
 * plus sign, no leading zeros, no "-0".
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

struct bytes {
    const char *data;
    size_t size;
};

/* A view of a string literal or of any zero-ended string. */
static inline struct bytes bytes_of(const char *text)
{
    return (struct bytes){text, strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Byte order, as LevelDB's default comparator: a prefix sorts before what it begins. */
int bytes_compare(struct bytes a, struct bytes b);

/* ASCII case is ignored; `word` is zero-ended. */
bool bytes_is_word(struct bytes a, const char *word);

bool bytes_starts_with(struct bytes a, struct bytes prefix);
/* What both begin with; a view of `a`. */
struct bytes bytes_shared_prefix(struct bytes a, struct bytes b);

/* False, and *value untouched, unless all of `a` is one integer in range. */
bool bytes_to_int64(struct bytes a, int64_t *value) MUST_USE;
bool bytes_to_uint64(struct bytes a, uint64_t *value) MUST_USE;

/* What a hex digit of either case stands for, -1 if it is none. */
int bytes_hex_digit(char c);

/* A float as strtold reads it, the whole of `a`, without blanks, not NaN.  "inf" is one; a number
 * too large or too small for a long double is none. */
bool bytes_to_long_double(struct bytes a, long double *value) MUST_USE;

/* "10kb", "256mb", "1gb" as redis.conf spells sizes (k = 1000, kb = 1024; in any case).  False if
 * it is none, or more than INT64_MAX bytes. */
bool bytes_to_size(struct bytes a, int64_t *value) MUST_USE;

/* Writes the decimal form of `value`, not zero-ended, and returns its length: at most 20. */
#define INT64_TEXT_MAX 20
size_t int64_to_text(int64_t value, char text[INT64_TEXT_MAX]);

/* Redis's glob: * ? [a-z] [^a] and \ as escape; a [ that is never closed ends with the pattern.
 * Takes time in proportion to both sizes multiplied at worst, however many * there are. */
bool bytes_match_glob(struct bytes text, struct bytes pattern, bool ignore_case);

/* A space or a tab: what HTTP calls optional whitespace. */
static inline bool bytes_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Without the blanks at both ends. */
struct bytes bytes_trim(struct bytes a);

/* Is all of it well-formed UTF-8 (no surrogates, no overlong forms)? */
bool bytes_is_utf8(struct bytes a);

/* How much of it, from the front, is.  *broken is the size of what follows and makes no character:
 * the longest beginning of one, or a byte that begins none; 0 if nothing follows. */
size_t bytes_utf8_prefix(struct bytes a, size_t *broken);

/* host:port?  The host may be an IPv6 address in brackets; whether there is such a host is not
 * looked at. */
bool bytes_is_address(struct bytes a);

#endif
