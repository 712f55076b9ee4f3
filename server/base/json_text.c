#include "base/json_text.h"

/* The letter behind the backslash, for the characters that have one; else 0. */
static char short_escape(char character)
{
    switch (character) {
    case '"':
    case '\\':
        return character;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return '\0';
    }
}

static bool is_plain(char character)
{
    return (unsigned char)character >= ' ' && character != '"' && character != '\\';
}

/* Not printf: binary values have millions of them. */
static void append_escape(struct buffer *out, char character)
{
    static const char digits[] = "0123456789abcdef";
    char letter = short_escape(character);
    const char escape[] = {'\\', letter};
    const char number[] = {'\\', 'u', '0', '0', digits[character >> 4 & 1], digits[character & 15]};

    if (letter != '\0')
        buffer_append(out, escape, sizeof escape);
    else
        buffer_append(out, number, sizeof number);
}

static void append_escaped(struct buffer *out, struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        size_t from = i;

        while (i < text.size && is_plain(text.data[i]))
            i++;
        buffer_append(out, text.data + from, i - from);
        if (i < text.size)
            append_escape(out, text.data[i]);
    }
}

void json_text_string(struct buffer *out, struct bytes text)
{
    buffer_append_byte(out, '"');
    append_escaped(out, text);
    buffer_append_byte(out, '"');
}

void json_text_any(struct buffer *out, struct bytes bytes)
{
    buffer_append_byte(out, '"');
    while (bytes.size > 0) {
        size_t broken, whole = bytes_utf8_prefix(bytes, &broken);

        append_escaped(out, (struct bytes){bytes.data, whole});
        if (broken > 0)
            buffer_append_text(out, "\xef\xbf\xbd");
        bytes.data += whole + broken;
        bytes.size -= whole + broken;
    }
    buffer_append_byte(out, '"');
}

/* Up to three bytes, read as one number of 24 bits, the missing ones zero. */
static uint32_t read_group(struct bytes bytes, size_t at)
{
    uint32_t group = 0;

    for (size_t i = at; i < at + 3; i++)
        group = group << 8 | (i < bytes.size ? (unsigned char)bytes.data[i] : 0);
    return group;
}

void json_text_base64(struct buffer *out, struct bytes bytes)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    buffer_append_byte(out, '"');
    for (size_t at = 0; at < bytes.size; at += 3) {
        size_t left = bytes.size - at;
        uint32_t group = read_group(bytes, at);

        for (size_t i = 0; i < 4; i++)
            buffer_append_byte(out, i <= left ? alphabet[group >> (18 - 6 * i) & 63] : '=');
    }
    buffer_append_byte(out, '"');
}

/* Between its tokens JSON may have line ends; inside of a string they can't stand. */
void json_text_raw(struct buffer *out, struct bytes json)
{
    size_t from = out->size;

    buffer_append_bytes(out, json);
    for (size_t i = from; i < out->size; i++)
        if (out->data[i] == '\n' || out->data[i] == '\r')
            out->data[i] = ' ';
}
