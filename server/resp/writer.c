#include "resp/writer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

/* One type byte, the digits, CR LF. */
#define HEADER_MAX (1 + INT64_TEXT_MAX + 2)

/* "%.17g" of any double is shorter. */
#define DOUBLE_TEXT_MAX 32

static struct resp_writer *writer_of(struct reply *reply)
{
    return (struct resp_writer *)reply;
}

static char *put_end(char *at)
{
    at[0] = '\r';
    at[1] = '\n';
    return at + 2;
}

static char *put_header(char *at, char type, int64_t number)
{
    *at++ = type;
    at += int64_to_text(number, at);
    return put_end(at);
}

/* What lies between the end of the buffer and `at` has been written there. */
static void take_up_to(struct buffer *out, const char *at)
{
    out->size = (size_t)(at - out->data);
}

static void write_header(struct reply *reply, char type, int64_t number)
{
    struct buffer *out = writer_of(reply)->out;

    take_up_to(out, put_header(buffer_reserve(out, HEADER_MAX), type, number));
}

static void write_text(struct reply *reply, const char *text)
{
    buffer_append_text(writer_of(reply)->out, text);
}

/* A line break inside would end the reply early, and what follows would be read as the next one. */
static void blank_line_breaks(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] == '\r' || text[i] == '\n')
            text[i] = ' ';
}

static void write_line(struct reply *reply, char type, struct bytes text)
{
    struct buffer *out = writer_of(reply)->out;
    char *at = buffer_reserve(out, 1 + text.size + 2);

    *at++ = type;
    if (text.size > 0)
        memcpy(at, text.data, text.size);
    blank_line_breaks(at, text.size);
    take_up_to(out, put_end(at + text.size));
}

static void write_simple(struct reply *reply, struct bytes text)
{
    write_line(reply, '+', text);
}

static void write_error(struct reply *reply, struct bytes text)
{
    write_line(reply, '-', text);
}

static void write_integer(struct reply *reply, int64_t value)
{
    write_header(reply, ':', value);
}

static void write_bulk(struct reply *reply, struct bytes value)
{
    struct buffer *out = writer_of(reply)->out;
    char *at = buffer_reserve(out, HEADER_MAX + value.size + 2);

    at = put_header(at, '$', (int64_t)value.size);
    if (value.size > 0)
        memcpy(at, value.data, value.size);
    take_up_to(out, put_end(at + value.size));
}

static void write_verbatim(struct reply *reply, struct bytes text)
{
    struct buffer *out = writer_of(reply)->out;

    if (writer_of(reply)->protocol == 2) {
        write_bulk(reply, text);
        return;
    }
    write_header(reply, '=', (int64_t)text.size + 4);
    buffer_append_text(out, "txt:");
    buffer_append_bytes(out, text);
    buffer_append_text(out, "\r\n");
}

static void write_null(struct reply *reply)
{
    write_text(reply, writer_of(reply)->protocol == 2 ? "$-1\r\n" : "_\r\n");
}

static void write_null_array(struct reply *reply)
{
    write_text(reply, writer_of(reply)->protocol == 2 ? "*-1\r\n" : "_\r\n");
}

static void write_boolean(struct reply *reply, bool value)
{
    if (writer_of(reply)->protocol == 2)
        write_integer(reply, value);
    else
        write_text(reply, value ? "#t\r\n" : "#f\r\n");
}

static void write_number(struct reply *reply, double value)
{
    char text[DOUBLE_TEXT_MAX];
    int size;

    if (isnan(value))
        size = snprintf(text, sizeof text, "nan"); /* printf would show its sign */
    else
        size = snprintf(text, sizeof text, "%.17g", value);
    if (writer_of(reply)->protocol == 2)
        write_bulk(reply, (struct bytes){text, (size_t)size});
    else
        write_line(reply, ',', (struct bytes){text, (size_t)size});
}

static void write_array(struct reply *reply, size_t count)
{
    write_header(reply, '*', (int64_t)count);
}

static void write_map(struct reply *reply, size_t pairs)
{
    if (writer_of(reply)->protocol == 2)
        write_header(reply, '*', (int64_t)pairs * 2);
    else
        write_header(reply, '%', (int64_t)pairs);
}

static void write_set(struct reply *reply, size_t count)
{
    write_header(reply, writer_of(reply)->protocol == 2 ? '*' : '~', (int64_t)count);
}

static void write_push(struct reply *reply, size_t count)
{
    write_header(reply, writer_of(reply)->protocol == 2 ? '*' : '>', (int64_t)count);
}

/* Only in RESP3: what belongs to an attribute is no part of the reply. */
static void write_attribute(struct reply *reply, size_t pairs)
{
    assert(writer_of(reply)->protocol > 2);
    write_header(reply, '|', (int64_t)pairs);
}

static void write_big_number(struct reply *reply, struct bytes digits)
{
    if (writer_of(reply)->protocol == 2)
        write_bulk(reply, digits);
    else
        write_line(reply, '(', digits);
}

static size_t mark_end(const struct reply *reply)
{
    return ((const struct resp_writer *)reply)->out->size;
}

static void rewind_to(struct reply *reply, size_t mark)
{
    struct buffer *out = writer_of(reply)->out;

    assert(mark <= out->size);
    out->size = mark;
}

static void set_protocol(struct reply *reply, int protocol)
{
    writer_of(reply)->protocol = protocol;
}

void resp_writer_init(struct resp_writer *writer, struct buffer *out, int protocol)
{
    static const struct reply_ops ops = {
        .simple = write_simple,
        .error = write_error,
        .integer = write_integer,
        .bulk = write_bulk,
        .verbatim = write_verbatim,
        .null = write_null,
        .null_array = write_null_array,
        .boolean = write_boolean,
        .number = write_number,
        .array = write_array,
        .map = write_map,
        .set = write_set,
        .push = write_push,
        .attribute = write_attribute,
        .big_number = write_big_number,
        .set_protocol = set_protocol,
        .mark = mark_end,
        .rewind = rewind_to,
    };

    *writer = (struct resp_writer){{&ops, 0}, out, protocol};
}
