/* buffer.h - owned, growing bytes.
 *
 * A buffer of all zeros is empty and owns nothing.  Whoever grows one decides beforehand how large
 * it may become: sizes that a client chooses are checked before they get here.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdarg.h>

#include "base/bytes.h"

struct buffer {
    char *data;
    size_t size;
    size_t capacity;
};

/* The slow half of buffer_reserve(). */
void buffer_grow(struct buffer *buffer, size_t more);

/* Makes room for `more` bytes behind the end and returns where they go; size does not change. */
static inline char *buffer_reserve(struct buffer *buffer, size_t more)
{
    if (UNLIKELY(buffer->capacity - buffer->size < more))
        buffer_grow(buffer, more);
    return buffer->data + buffer->size;
}

static inline void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (size == 0)
        return;
    memcpy(buffer_reserve(buffer, size), data, size);
    buffer->size += size;
}

static inline void buffer_append_bytes(struct buffer *buffer, struct bytes bytes)
{
    buffer_append(buffer, bytes.data, bytes.size);
}

static inline void buffer_append_byte(struct buffer *buffer, char byte)
{
    *buffer_reserve(buffer, 1) = byte;
    buffer->size++;
}

void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
void buffer_vprintf(struct buffer *buffer, const char *format, va_list arguments);

/* Drops the first `size` bytes, which must be there; the rest moves to the front. */
void buffer_consume(struct buffer *buffer, size_t size);

/* Gives back room: there is room for `capacity` bytes then, or for those it holds if they are more.
 */
void buffer_shrink(struct buffer *buffer, size_t capacity);

/* Frees what it owns; the buffer is empty again and can be used. */
void buffer_clear(struct buffer *buffer);

static inline struct bytes buffer_view(const struct buffer *buffer)
{
    return (struct bytes){buffer->data, buffer->size};
}

#endif
