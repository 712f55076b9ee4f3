#include "http/uri.h"

enum spelling { SPELLING_PATH, SPELLING_QUERY };

/* Takes the first character from the front of `raw`, which is not empty. */
static bool take_byte(struct bytes *raw, enum spelling spelling, char *byte)
{
    size_t size = 1;

    *byte = raw->data[0];
    if (*byte == '+' && spelling == SPELLING_QUERY) {
        *byte = ' ';
    } else if (*byte == '%') {
        int high = raw->size < 3 ? -1 : bytes_hex_digit(raw->data[1]);
        int low = raw->size < 3 ? -1 : bytes_hex_digit(raw->data[2]);

        if (high < 0 || low < 0)
            return false;
        *byte = (char)(high << 4 | low);
        size = 3;
    }
    *raw = (struct bytes){raw->data + size, raw->size - size};
    return true;
}

static bool decode(struct bytes raw, enum spelling spelling, struct buffer *out)
{
    char *start, *end;

    if (raw.size == 0)
        return true; /* an empty buffer has no memory to point into */
    start = end = buffer_reserve(out, raw.size);
    while (raw.size > 0)
        if (!take_byte(&raw, spelling, end++))
            return false;
    out->size += (size_t)(end - start);
    return true;
}

bool uri_decode_path(struct bytes raw, struct buffer *out)
{
    return decode(raw, SPELLING_PATH, out);
}

bool uri_decode_query(struct bytes raw, struct buffer *out)
{
    return decode(raw, SPELLING_QUERY, out);
}

static bool is_named(struct bytes raw, const char *name)
{
    char byte;

    for (; raw.size > 0; name++)
        if (!take_byte(&raw, SPELLING_QUERY, &byte) || byte != *name || byte == '\0')
            return false;
    return *name == '\0';
}

/* Takes what stands in front of `separator`, or all, from the front of *rest. */
static struct bytes split(struct bytes *rest, char separator)
{
    const char *found = rest->size == 0 ? NULL : memchr(rest->data, separator, rest->size);
    struct bytes part = *rest;

    if (found != NULL)
        part.size = (size_t)(found - rest->data);
    *rest = found == NULL ? (struct bytes){NULL, 0}
                          : (struct bytes){found + 1, rest->size - part.size - 1};
    return part;
}

enum uri_parameter uri_query_find(struct bytes query, const char *name, struct buffer *out)
{
    while (query.size > 0) {
        struct bytes value = split(&query, '&');
        struct bytes raw_name = split(&value, '=');

        if (is_named(raw_name, name))
            return uri_decode_query(value, out) ? URI_PRESENT : URI_BAD;
    }
    return URI_ABSENT;
}

bool uri_next_segment(struct bytes path, size_t *at, struct bytes *segment)
{
    struct bytes rest;

    if (*at >= path.size)
        return false;
    rest = (struct bytes){path.data + *at, path.size - *at};
    if (rest.data[0] == '/')
        rest = (struct bytes){rest.data + 1, rest.size - 1};
    *segment = split(&rest, '/');
    *at = (size_t)(segment->data - path.data) + segment->size;
    return true;
}
