#include "bytes.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 256

/* --- buffers --- */

static void resize(struct buffer *buffer, size_t capacity)
{
    char *data = realloc(buffer->data, capacity);

    assert(data != NULL);
    buffer->data = data;
    buffer->capacity = capacity;
}

char *buffer_reserve(struct buffer *buffer, size_t extra)
{
    if (buffer->capacity - buffer->size < extra) {
        size_t wanted = buffer->size + extra, doubled = buffer->capacity * 2;

        if (wanted < CAPACITY_MIN)
            wanted = CAPACITY_MIN;
        resize(buffer, wanted > doubled ? wanted : doubled);
    }
    return buffer->data + buffer->size;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    char *end = buffer_reserve(buffer, size);

    if (size > 0)
        memcpy(end, data, size);
    buffer->size += size;
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_append_number(struct buffer *buffer, long long number)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%lld", number);
    buffer_append_text(buffer, text);
}

void buffer_drop(struct buffer *buffer, size_t size)
{
    assert(size <= buffer->size);
    buffer->size -= size;
    if (buffer->size > 0)
        memmove(buffer->data, buffer->data + size, buffer->size);
}

void buffer_trim(struct buffer *buffer, size_t keep)
{
    size_t wanted = buffer->size > keep ? buffer->size : keep;

    if (buffer->capacity > wanted)
        resize(buffer, wanted);
}

void buffer_clear(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

/* --- UTF-8 --- */

size_t utf8_length(const char *text, size_t left)
{
    const unsigned char *at = (const unsigned char *)text;
    unsigned char low = 0x80, high = 0xbf;
    size_t length;

    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    length = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (at[0] == 0xe0)
        low = 0xa0;
    else if (at[0] == 0xed)
        high = 0x9f;
    else if (at[0] == 0xf0)
        low = 0x90;
    else if (at[0] == 0xf4)
        high = 0x8f;
    if (left < length || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    }
    return length;
}

bool utf8_is_valid(struct bytes text)
{
    for (size_t i = 0; i < text.size;) {
        size_t length = utf8_length(text.data + i, text.size - i);

        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

/* --- base64 --- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_append(struct buffer *buffer, struct bytes bytes)
{
    char *out = buffer_reserve(buffer, (bytes.size + 2) / 3 * 4), *begin = out;

    for (size_t i = 0; i < bytes.size; i += 3) {
        uint32_t bits = 0;

        for (size_t j = i; j < i + 3; j++)
            bits = bits << 8 | (j < bytes.size ? (unsigned char)bytes.data[j] : 0);
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = i + 1 < bytes.size ? digits[bits >> 6 & 63] : '=';
        *out++ = i + 2 < bytes.size ? digits[bits & 63] : '=';
    }
    buffer->size += (size_t)(out - begin);
}

/* The number that a digit stands for, -1 if it is none. */
static int digit_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

/* Four digits, of which the last `padding` are '='. */
static bool decode_four(struct buffer *out, const char *four, size_t padding)
{
    uint32_t bits = 0;
    char three[3];

    for (size_t i = 0; i < 4; i++) {
        int value = i + padding < 4 ? digit_value(four[i]) : 0;

        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
    }
    /* bits that stand for nothing are nought */
    if ((padding == 1 && (bits & 0xff) != 0) || (padding == 2 && (bits & 0xffff) != 0))
        return false;
    three[0] = (char)(bits >> 16);
    three[1] = (char)(bits >> 8);
    three[2] = (char)bits;
    buffer_append(out, three, 3 - padding);
    return true;
}

bool base64_decode(struct buffer *out, struct bytes text)
{
    size_t padding = 0;

    if (text.size % 4 != 0)
        return false;
    if (text.size > 0 && text.data[text.size - 1] == '=')
        padding = text.data[text.size - 2] == '=' ? 2 : 1;
    buffer_reserve(out, text.size / 4 * 3);
    for (size_t i = 0; i < text.size; i += 4) {
        if (!decode_four(out, text.data + i, i + 4 == text.size ? padding : 0))
            return false;
    }
    return true;
}
