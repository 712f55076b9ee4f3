#include "base/bytes.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

/* Redis refuses longer ones; 4933 digits is the largest long double written out. */
#define LONG_DOUBLE_TEXT_MAX 5119

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

    if (order != 0)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

bool bytes_is_word(struct bytes a, const char *word)
{
    return strlen(word) == a.size && (a.size == 0 || strncasecmp(a.data, word, a.size) == 0);
}

bool bytes_starts_with(struct bytes a, struct bytes prefix)
{
    return a.size >= prefix.size &&
           (prefix.size == 0 || memcmp(a.data, prefix.data, prefix.size) == 0);
}

struct bytes bytes_shared_prefix(struct bytes a, struct bytes b)
{
    size_t end = a.size < b.size ? a.size : b.size, shared = 0;

    while (shared < end && a.data[shared] == b.data[shared])
        shared++;
    return (struct bytes){a.data, shared};
}

bool bytes_to_uint64(struct bytes a, uint64_t *value)
{
    uint64_t sum = 0;

    if (a.size == 0 || (a.data[0] == '0' && a.size > 1))
        return false;
    for (size_t i = 0; i < a.size; i++) {
        unsigned digit = (unsigned)(unsigned char)a.data[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, digit, &sum))
            return false;
    }
    *value = sum;
    return true;
}

bool bytes_to_int64(struct bytes a, int64_t *value)
{
    bool is_negative = a.size > 0 && a.data[0] == '-';
    uint64_t size;

    if (!is_negative) {
        if (!bytes_to_uint64(a, &size) || size > INT64_MAX)
            return false;
        *value = (int64_t)size;
        return true;
    }
    if (!bytes_to_uint64((struct bytes){a.data + 1, a.size - 1}, &size))
        return false;
    if (size == 0 || size > (uint64_t)INT64_MAX + 1)
        return false;
    *value = -(int64_t)(size - 1) - 1; /* in two steps: -INT64_MIN is not an int64_t */
    return true;
}

int bytes_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool bytes_to_long_double(struct bytes a, long double *value)
{
    char text[LONG_DOUBLE_TEXT_MAX + 1];
    long double number;
    char *end;

    if (a.size == 0 || a.size > LONG_DOUBLE_TEXT_MAX || isspace((unsigned char)a.data[0]))
        return false;
    memcpy(text, a.data, a.size);
    text[a.size] = '\0';
    errno = 0;
    number = strtold(text, &end);
    if (end != text + a.size || isnan(number))
        return false;
    /* ERANGE comes with the denormal numbers too, which are fine. */
    if (errno == ERANGE && (isinf(number) || fpclassify(number) == FP_ZERO))
        return false;
    *value = number;
    return true;
}

bool bytes_to_size(struct bytes a, int64_t *value)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {
        {"", 1},        {"b", 1},        {"k", 1000},       {"kb", 1024},
        {"m", 1000000}, {"mb", 1 << 20}, {"g", 1000000000}, {"gb", 1 << 30},
    };
    struct bytes unit;
    size_t digits = 0;
    int64_t sum = 0;

    for (; digits < a.size && isdigit((unsigned char)a.data[digits]); digits++)
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, a.data[digits] - '0', &sum))
            return false;
    if (digits == 0)
        return false;
    unit = (struct bytes){a.data + digits, a.size - digits};
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (!bytes_is_word(unit, units[i].name))
            continue;
        if (__builtin_mul_overflow(sum, units[i].bytes, &sum))
            return false;
        *value = sum;
        return true;
    }
    return false;
}

static size_t count_digits(uint64_t value)
{
    size_t count = 1;

    for (; value >= 1000; value /= 1000)
        count += 3;
    return count + (value >= 10) + (value >= 100);
}

size_t int64_to_text(int64_t value, char text[INT64_TEXT_MAX])
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    size_t size = count_digits(left) + (value < 0), at = size;

    for (; left >= 10; left /= 100)
        memcpy(&text[at -= 2], &pairs[left % 100 * 2], 2);
    if (at > (value < 0))
        text[--at] = (char)('0' + left);
    if (value < 0)
        text[0] = '-';
    return size;
}

static unsigned char fold(unsigned char byte, bool ignore_case)
{
    return ignore_case && byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + 'a' - 'A') : byte;
}

static bool is_between(unsigned char byte, unsigned char low, unsigned char high)
{
    return low <= high ? byte >= low && byte <= high : byte >= high && byte <= low;
}

/* `at` stands behind the [.  Sets *rest behind the ], or at the end if there is none. */
static bool match_class(const unsigned char *at, const unsigned char *end, unsigned char byte,
                        bool ignore_case, const unsigned char **rest)
{
    bool is_negated = at < end && *at == '^', is_in = false;
    unsigned char folded = fold(byte, ignore_case);

    if (is_negated)
        at++;
    while (at < end && *at != ']') {
        if (*at == '\\' && end - at >= 2) {
            is_in |= at[1] == byte;
            at += 2;
        } else if (end - at >= 3 && at[1] == '-') {
            is_in |= is_between(folded, fold(at[0], ignore_case), fold(at[2], ignore_case));
            at += 3;
        } else {
            is_in |= fold(*at, ignore_case) == folded;
            at++;
        }
    }
    *rest = at < end ? at + 1 : end;
    return is_in != is_negated;
}

/* Does the pattern's next element, which is no *, take this byte?  If so, moves *at behind it. */
static bool match_byte(const unsigned char **at, const unsigned char *end, unsigned char byte,
                       bool ignore_case)
{
    const unsigned char *next = *at;

    if (*next == '[')
        return match_class(next + 1, end, byte, ignore_case, at);
    if (*next == '?') {
        *at = next + 1;
        return true;
    }
    if (*next == '\\' && end - next >= 2)
        next++;
    *at = next + 1;
    return fold(*next, ignore_case) == fold(byte, ignore_case);
}

/* When the rest behind a * doesn't fit here, the * takes one byte more.  Only the last * seen is
 * ever tried again: that a longer match of an earlier one could help is impossible, as the later *
 * could have taken the difference. */
bool bytes_match_glob(struct bytes text, struct bytes pattern, bool ignore_case)
{
    const unsigned char *at = (const unsigned char *)pattern.data, *end = at + pattern.size;
    const unsigned char *byte = (const unsigned char *)text.data, *text_end = byte + text.size;
    const unsigned char *behind_star = NULL, *star_ends = NULL;

    while (byte < text_end) {
        if (at < end && *at == '*') {
            behind_star = ++at;
            star_ends = byte;
            if (at == end)
                return true;
        } else if (at < end && match_byte(&at, end, *byte, ignore_case)) {
            byte++;
        } else if (behind_star != NULL) {
            at = behind_star;
            byte = ++star_ends;
        } else {
            return false;
        }
    }
    while (at < end && *at == '*')
        at++;
    return at == end;
}

/* The bytes of the character at the front, 1 to 4 (RFC 3629, section 4), or, if it is not whole, of
 * the longest beginning of one, at least 1. */
static size_t utf8_step(const unsigned char *at, size_t size, bool *is_whole)
{
    /* What the first byte says: how many follow, and the range of the one behind it, which is where
     * overlong forms, surrogates and numbers above U+10FFFF are told apart. */
    static const struct {
        unsigned char first_low, first_high, follow, second_low, second_high;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
        {0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
        {0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
    };

    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        size_t length = 1, whole = (size_t)forms[i].follow + 1;

        if (!is_between(at[0], forms[i].first_low, forms[i].first_high))
            continue;
        if (whole > 1 && size > 1 && is_between(at[1], forms[i].second_low, forms[i].second_high))
            length = 2;
        while (length > 1 && length < whole && length < size && (at[length] & 0xc0) == 0x80)
            length++;
        *is_whole = length == whole;
        return length;
    }
    *is_whole = false;
    return 1;
}

/* Eight bytes at a time while all of them are ASCII. */
static size_t skip_ascii(struct bytes a, size_t at)
{
    uint64_t word;

    while (a.size - at >= sizeof word) {
        memcpy(&word, a.data + at, sizeof word);
        if ((word & 0x8080808080808080u) != 0)
            break;
        at += sizeof word;
    }
    return at;
}

size_t bytes_utf8_prefix(struct bytes a, size_t *broken)
{
    size_t at = skip_ascii(a, 0);

    while (at < a.size) {
        bool is_whole;
        size_t step = utf8_step((const unsigned char *)a.data + at, a.size - at, &is_whole);

        if (!is_whole) {
            *broken = step;
            return at;
        }
        at += step;
        if (step > 1)
            at = skip_ascii(a, at);
    }
    *broken = 0;
    return at;
}

struct bytes bytes_trim(struct bytes a)
{
    while (a.size > 0 && bytes_is_blank(a.data[0]))
        a = (struct bytes){a.data + 1, a.size - 1};
    while (a.size > 0 && bytes_is_blank(a.data[a.size - 1]))
        a.size--;
    return a;
}

bool bytes_is_utf8(struct bytes a)
{
    size_t broken;

    return bytes_utf8_prefix(a, &broken) == a.size;
}

bool bytes_is_address(struct bytes a)
{
    int64_t port;
    size_t colon = a.size;

    while (colon > 0 && a.data[colon - 1] != ':')
        colon--;
    for (size_t i = 0; i < colon; i++) /* a URL, or two words */
        if (a.data[i] == '/' || a.data[i] == '@' || a.data[i] <= ' ')
            return false;
    return colon > 1 && bytes_to_int64((struct bytes){a.data + colon, a.size - colon}, &port) &&
           port >= 1 && port <= 65535;
}
