#include "json_text.h"

#include <string.h>

/* The letter behind the backslash, 'u' for those without one of their own, 0 if none is needed. */
static char escape_of(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return (unsigned char)c < ' ' ? 'u' : '\0';
    }
}

size_t json_text_size(struct bytes text)
{
    size_t size = 2;

    for (size_t i = 0; i < text.size; i++) {
        char escape = escape_of(text.data[i]);

        size += escape == '\0' ? 1 : escape == 'u' ? 6 : 2;
    }
    return size;
}

void json_text_append(struct buffer *out, struct bytes text)
{
    static const char digits[] = "0123456789abcdef";
    char *at = buffer_reserve(out, json_text_size(text)), *begin = at;

    *at++ = '"';
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i], escape = escape_of(c);

        if (escape != '\0')
            *at++ = '\\';
        *at++ = escape != '\0' ? escape : c;
        if (escape == 'u') {
            memcpy(at, "00", 2);
            at[2] = digits[c >> 4];
            at[3] = digits[c & 15];
            at += 4;
        }
    }
    *at++ = '"';
    out->size += (size_t)(at - begin);
}

void json_text_append_base64(struct buffer *out, struct bytes bytes)
{
    buffer_append_text(out, "\"");
    base64_append(out, bytes);
    buffer_append_text(out, "\"");
}
