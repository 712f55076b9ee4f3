#include "base/base64url.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Bytes come in groups of up to three, read as one number of 24 bits, its missing bytes zero. */
static uint32_t read_group(struct bytes bytes, size_t at)
{
    uint32_t group = 0;

    for (size_t i = at; i < at + 3; i++)
        group = group << 8 | (i < bytes.size ? (unsigned char)bytes.data[i] : 0);
    return group;
}

void base64url_encode(struct bytes bytes, struct buffer *text)
{
    for (size_t at = 0; at < bytes.size; at += 3) {
        size_t left = bytes.size - at;
        uint32_t group = read_group(bytes, at);

        for (size_t i = 0; i < (left < 3 ? left + 1 : 4); i++)
            buffer_append_byte(text, alphabet[group >> (18 - 6 * i) & 63]);
    }
}

/* 0 .. 63, or -1 for a character that is not in the alphabet. */
static int value_of(char character)
{
    const char *found = memchr(alphabet, character, sizeof alphabet - 1);

    return found == NULL ? -1 : (int)(found - alphabet);
}

bool base64url_decode(struct bytes text, struct buffer *bytes)
{
    size_t size_before = bytes->size;
    uint32_t bits = 0;
    int bit_count = 0;

    for (size_t i = 0; i < text.size; i++) {
        int value = value_of(text.data[i]);

        if (value < 0)
            goto refused;
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            buffer_append_byte(bytes, (char)(bits >> bit_count & 0xff));
        }
    }
    /* What is left over must be the zeros that filled the last character. */
    if (bit_count < 6 && (bits & ((1U << bit_count) - 1)) == 0)
        return true;
refused:
    bytes->size = size_before;
    return false;
}
