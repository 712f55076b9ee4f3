#include "base/buffer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

#define CAPACITY_MIN   64
#define DOUBLE_AT_MOST ((size_t)1 << 20)

/* Small buffers double; large ones grow by half, so that one big value does not cost twice its
 * size. */
static size_t next_capacity(size_t capacity, size_t needed)
{
    size_t next = capacity < DOUBLE_AT_MOST ? capacity * 2 : capacity + capacity / 2;

    if (next < CAPACITY_MIN)
        next = CAPACITY_MIN;
    return next < needed ? needed : next;
}

void buffer_grow(struct buffer *buffer, size_t more)
{
    size_t needed;

    if (__builtin_add_overflow(buffer->size, more, &needed))
        abort();
    if (needed <= buffer->capacity)
        return;
    buffer->capacity = next_capacity(buffer->capacity, needed);
    buffer->data = xrealloc(buffer->data, buffer->capacity);
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    buffer_vprintf(buffer, format, arguments);
    va_end(arguments);
}

void buffer_vprintf(struct buffer *buffer, const char *format, va_list arguments)
{
    size_t room = buffer->capacity - buffer->size;
    va_list again;
    int length;

    va_copy(again, arguments);
    length = vsnprintf(room > 0 ? buffer->data + buffer->size : NULL, room, format, arguments);
    assert(length >= 0);
    if ((size_t)length >= room) {
        /* One byte more than the text: vsnprintf ends it with a zero. */
        char *into = buffer_reserve(buffer, (size_t)length + 1);

        (void)vsnprintf(into, (size_t)length + 1, format, again);
    }
    va_end(again);
    buffer->size += (size_t)length;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    assert(size <= buffer->size);
    buffer->size -= size;
    if (size > 0 && buffer->size > 0)
        memmove(buffer->data, buffer->data + size, buffer->size);
}

void buffer_shrink(struct buffer *buffer, size_t capacity)
{
    if (capacity < buffer->size)
        capacity = buffer->size;
    if (capacity == 0)
        buffer_clear(buffer);
    if (capacity >= buffer->capacity)
        return;
    buffer->data = xrealloc(buffer->data, capacity);
    buffer->capacity = capacity;
}

void buffer_clear(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}
