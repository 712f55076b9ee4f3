#include "http/chunks.h"

#include <stdbool.h>

#define SIZE_DIGITS_MAX 16 /* of hex, what fits a uint64_t */

enum state {
    STATE_SIZE,       /* its digits */
    STATE_SIZE_BLANK, /* behind them; an extension may begin */
    STATE_EXTENSION,
    STATE_SIZE_LF,
    STATE_DATA,
    STATE_DATA_CR,
    STATE_DATA_LF,
    STATE_TRAILER, /* at the beginning of a line */
    STATE_TRAILER_TEXT,
    STATE_TRAILER_LF,
    STATE_LAST_LF,
    STATE_END,
    STATE_BAD
};

static enum state expect(char byte, char expected, enum state next)
{
    return byte == expected ? next : STATE_BAD;
}

/* At the LF of a line; the next one is counted anew. */
static enum state end_line(struct chunk_reader *reader, char byte, enum state next)
{
    reader->line = 0;
    return expect(byte, '\n', next);
}

/* What follows a byte of a text that nobody looks at. */
static enum state skip_text(char byte, enum state text, enum state line_end)
{
    if (byte == '\r')
        return line_end;
    return byte == '\n' || byte == '\0' ? STATE_BAD : text;
}

/* Behind a digit or a blank; without digits there is no size. */
static enum state after_size(const struct chunk_reader *reader, char byte)
{
    if (reader->digits == 0)
        return STATE_BAD;
    switch (byte) {
    case ' ':
    case '\t':
        return STATE_SIZE_BLANK;
    case ';':
        return STATE_EXTENSION;
    default:
        return expect(byte, '\r', STATE_SIZE_LF);
    }
}

static enum state read_size(struct chunk_reader *reader, char byte)
{
    int digit = bytes_hex_digit(byte);

    if (digit < 0)
        return after_size(reader, byte);
    if (reader->digits == SIZE_DIGITS_MAX)
        return STATE_BAD;
    reader->digits++;
    reader->left = reader->left << 4 | (uint64_t)digit;
    return STATE_SIZE;
}

/* One byte of all that is not data. */
static enum state step(struct chunk_reader *reader, char byte)
{
    switch ((enum state)reader->state) {
    case STATE_SIZE:
        return read_size(reader, byte);
    case STATE_SIZE_BLANK:
        return after_size(reader, byte);
    case STATE_EXTENSION:
        return skip_text(byte, STATE_EXTENSION, STATE_SIZE_LF);
    case STATE_SIZE_LF:
        reader->digits = 0;
        return end_line(reader, byte, reader->left == 0 ? STATE_TRAILER : STATE_DATA);
    case STATE_DATA_CR:
        return expect(byte, '\r', STATE_DATA_LF);
    case STATE_DATA_LF:
        return end_line(reader, byte, STATE_SIZE);
    case STATE_TRAILER:
        return skip_text(byte, STATE_TRAILER_TEXT, STATE_LAST_LF);
    case STATE_TRAILER_TEXT:
        return skip_text(byte, STATE_TRAILER_TEXT, STATE_TRAILER_LF);
    case STATE_TRAILER_LF:
        return end_line(reader, byte, STATE_TRAILER);
    case STATE_LAST_LF:
        return expect(byte, '\n', STATE_END);
    case STATE_DATA:
    case STATE_END:
    case STATE_BAD:
        break;
    }
    return STATE_BAD;
}

/* The same, within the limits of lines and trailers. */
static enum state step_counted(struct chunk_reader *reader, char byte)
{
    bool is_trailer = reader->state >= STATE_TRAILER;

    reader->line++;
    reader->trailer += is_trailer;
    if (reader->line > CHUNK_LINE_MAX || reader->trailer > CHUNK_TRAILERS_MAX)
        return STATE_BAD;
    return step(reader, byte);
}

static void skip(struct bytes *input, size_t size)
{
    *input = (struct bytes){input->data + size, input->size - size};
}

static enum chunk_event take_data(struct chunk_reader *reader, struct bytes *input,
                                  struct bytes *data)
{
    size_t size = input->size < reader->left ? input->size : (size_t)reader->left;

    *data = (struct bytes){input->data, size};
    skip(input, size);
    reader->left -= size;
    if (reader->left == 0)
        reader->state = STATE_DATA_CR;
    return CHUNK_DATA;
}

enum chunk_event chunk_reader_next(struct chunk_reader *reader, struct bytes *input,
                                   struct bytes *data)
{
    while (input->size > 0 && reader->state != STATE_END && reader->state != STATE_BAD) {
        if (reader->state == STATE_DATA)
            return take_data(reader, input, data);
        reader->state = (int)step_counted(reader, input->data[0]);
        skip(input, 1);
    }
    if (reader->state == STATE_END)
        return CHUNK_END;
    return reader->state == STATE_BAD ? CHUNK_BAD : CHUNK_MORE;
}
