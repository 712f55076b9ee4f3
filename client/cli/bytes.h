/* bytes.h - bytes, borrowed and owned; what of them is text, and how to write the rest as text.
 *
 * Out of memory ends the program: there is nothing left to say then.
 */
#ifndef CLI_BYTES_H
#define CLI_BYTES_H

#include <stdbool.h>
#include <stddef.h>

/* Borrowed. */
struct bytes {
    const char *data;
    size_t size;
};

/* Owned, and growing; all zeros is an empty one. */
struct buffer {
    char *data;
    size_t size;
    size_t capacity;
};

/* Makes room for `extra` bytes behind what is there and returns where they begin. */
char *buffer_reserve(struct buffer *buffer, size_t extra);

void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_number(struct buffer *buffer, long long number);

/* Drops `size` bytes at the front. */
void buffer_drop(struct buffer *buffer, size_t size);

/* Room beyond what is in it, and beyond `keep`, is given back. */
void buffer_trim(struct buffer *buffer, size_t keep);
void buffer_clear(struct buffer *buffer);

/* The length of the UTF-8 sequence that begins at at[0], 0 if it is none or does not end within
 * `left` bytes, of which there is at least one (RFC 3629: no overlong forms, no surrogates, nothing
 * above U+10FFFF). */
size_t utf8_length(const char *at, size_t left);
bool utf8_is_valid(struct bytes text);

/* Base64 with padding (RFC 4648, section 4).  Reading wants exactly what writing makes; false if it
 * is something else, `out` may then hold a part. */
void base64_append(struct buffer *out, struct bytes bytes);
bool base64_decode(struct buffer *out, struct bytes text);

#endif
