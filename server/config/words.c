#include "config/words.h"

#include <stdlib.h>

#include "base/memory.h"

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char escaped(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'a':
        return '\a';
    case 'b':
        return '\b';
    default:
        return c;
    }
}

/* What remains of the line, and where the next byte of a word goes. */
struct reader {
    const char *at;
    const char *end;
    char *out;
};

/* One character inside double quotes, escapes resolved. */
static void read_quoted_character(struct reader *reader)
{
    const char *at = reader->at;
    ptrdiff_t left = reader->end - at;

    if (*at != '\\' || left < 2) {
        *reader->out++ = *at;
        reader->at += 1;
    } else if (left >= 4 && at[1] == 'x' && bytes_hex_digit(at[2]) >= 0 &&
               bytes_hex_digit(at[3]) >= 0) {
        *reader->out++ = (char)(bytes_hex_digit(at[2]) * 16 + bytes_hex_digit(at[3]));
        reader->at += 4;
    } else {
        *reader->out++ = escaped(at[1]);
        reader->at += 2;
    }
}

/* From behind an opening quote to behind the closing one, which must end the word. */
static bool read_quotes(struct reader *reader, char quote)
{
    while (reader->at < reader->end) {
        ptrdiff_t left = reader->end - reader->at;

        if (*reader->at == quote) {
            reader->at++;
            return left == 1 || is_blank(*reader->at);
        }
        if (quote == '"') {
            read_quoted_character(reader);
        } else {
            if (left >= 2 && reader->at[0] == '\\' && reader->at[1] == quote)
                reader->at++;
            *reader->out++ = *reader->at++;
        }
    }
    return false;
}

static bool read_word(struct reader *reader)
{
    while (reader->at < reader->end && !is_blank(*reader->at)) {
        char c = *reader->at++;

        if (c == '"' || c == '\'')
            return read_quotes(reader, c);
        *reader->out++ = c;
    }
    return true;
}

bool words_split(struct bytes line, struct words *words)
{
    /* A word is never longer than its spelling, and n words need n - 1 blanks between them. */
    struct words found = {xmalloc(line.size + 1), xcalloc(line.size / 2 + 1, sizeof(*found.word)),
                          0};
    struct reader reader = {line.data, line.data + line.size, found.storage};

    for (;;) {
        char *start = reader.out;

        while (reader.at < reader.end && is_blank(*reader.at))
            reader.at++;
        if (reader.at == reader.end)
            break;
        if (!read_word(&reader)) {
            words_clear(&found);
            return false;
        }
        found.word[found.count++] = (struct bytes){start, (size_t)(reader.out - start)};
    }
    *words = found;
    return true;
}

void words_clear(struct words *words)
{
    free(words->storage);
    free(words->word);
    *words = (struct words){0};
}

static bool needs_quotes(struct bytes word)
{
    if (word.size == 0 || word.data[0] == '#')
        return true;
    for (size_t i = 0; i < word.size; i++) {
        unsigned char c = (unsigned char)word.data[i];

        if (c <= ' ' || c == 0x7f || c == '"' || c == '\'' || c == '\\')
            return true;
    }
    return false;
}

static void append_escaped(struct buffer *line, unsigned char c)
{
    if (c == '"' || c == '\\')
        buffer_printf(line, "\\%c", c);
    else if (c < ' ' || c == 0x7f)
        buffer_printf(line, "\\x%02x", c);
    else
        buffer_append_byte(line, (char)c);
}

void words_quote(struct buffer *line, struct bytes word)
{
    if (!needs_quotes(word)) {
        buffer_append_bytes(line, word);
        return;
    }
    buffer_append_byte(line, '"');
    for (size_t i = 0; i < word.size; i++)
        append_escaped(line, (unsigned char)word.data[i]);
    buffer_append_byte(line, '"');
}

bool words_next_line(struct bytes *text, struct bytes *line)
{
    const char *newline;

    if (text->size == 0)
        return false;
    newline = memchr(text->data, '\n', text->size);
    *line =
        (struct bytes){text->data, newline == NULL ? text->size : (size_t)(newline - text->data)};
    text->data += line->size + (newline != NULL);
    text->size -= line->size + (newline != NULL);
    return true;
}

bool words_next(struct bytes *rest, struct bytes *word)
{
    size_t start = 0, end;

    while (start < rest->size && is_blank(rest->data[start]))
        start++;
    if (start == rest->size)
        return false;
    for (end = start; end < rest->size && !is_blank(rest->data[end]); end++)
        continue;
    *word = (struct bytes){rest->data + start, end - start};
    *rest = (struct bytes){rest->data + end, rest->size - end};
    return true;
}
