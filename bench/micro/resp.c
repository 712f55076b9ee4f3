/* Requests and replies: bytes that are in memory already, nothing of the kernel. */
#include <stdlib.h>

#include "base/memory.h"
#include "micro/micro.h"
#include "resp/parser.h"
#include "resp/writer.h"

#define COMMANDS        256 /* in the input, which is read again and again */
#define REPLIES_BYTES   (64 * 1024)
#define BULK_MAX        (512 * 1024 * 1024)
#define MSET_PAIRS      10
#define ARRAY_OF_VALUES 10

struct input {
    struct buffer bytes;
    struct resp_parser parser;
    size_t at;
};

static void append_bulk(struct buffer *out, struct bytes bulk)
{
    buffer_printf(out, "$%zu\r\n", bulk.size);
    buffer_append_bytes(out, bulk);
    buffer_append_text(out, "\r\n");
}

/* `pairs` 0 is a GET, 1 a SET, more an MSET. */
static void append_command(struct buffer *out, size_t pairs)
{
    static const char *const names[] = {"GET", "SET", "MSET"};
    char key[MICRO_KEY_SIZE];

    buffer_printf(out, "*%zu\r\n", pairs == 0 ? 2 : 1 + 2 * pairs);
    append_bulk(out, bytes_of(names[pairs < 2 ? pairs : 2]));
    for (size_t i = 0; i == 0 || i < pairs; i++) {
        append_bulk(out, micro_key(micro_random() % 1000000, key));
        if (pairs > 0)
            append_bulk(out, micro_value());
    }
}

static void *parser_set_up(const struct benchmark *benchmark, size_t *bytes)
{
    struct input *input = xcalloc(1, sizeof *input);

    for (size_t i = 0; i < COMMANDS; i++)
        append_command(&input->bytes, benchmark->size);
    resp_parser_init(&input->parser);
    *bytes = input->bytes.size / COMMANDS;
    return input;
}

static void parser_run(void *state, size_t count)
{
    static const struct resp_limits limits = {BULK_MAX, BULK_MAX, true};
    struct input *input = state;

    for (size_t i = 0; i < count; i++) {
        size_t consumed = 0;

        if (input->at == input->bytes.size)
            input->at = 0;
        (void)resp_parser_next(&input->parser, &limits, input->bytes.data + input->at,
                               input->bytes.size - input->at, &consumed);
        micro_use(input->parser.argc);
        input->at += consumed;
    }
}

static void parser_tear_down(void *state)
{
    struct input *input = state;

    resp_parser_clear(&input->parser);
    buffer_clear(&input->bytes);
    free(input);
}

struct output {
    struct buffer bytes;
    struct resp_writer writer;
};

static void *writer_set_up(const struct benchmark *benchmark, size_t *bytes)
{
    struct output *output = xcalloc(1, sizeof *output);

    (void)benchmark, (void)bytes;
    resp_writer_init(&output->writer, &output->bytes, 2);
    buffer_reserve(&output->bytes, REPLIES_BYTES);
    return output;
}

/* As after a turn of the event loop, when the output has left. */
static struct reply *next_reply(struct output *output)
{
    if (output->bytes.size > REPLIES_BYTES / 2)
        output->bytes.size = 0;
    return &output->writer.reply;
}

static void bulk_run(void *state, size_t count)
{
    for (size_t i = 0; i < count; i++)
        reply_bulk(next_reply(state), micro_value());
}

static void ok_run(void *state, size_t count)
{
    for (size_t i = 0; i < count; i++)
        reply_ok(next_reply(state));
}

static void integer_run(void *state, size_t count)
{
    for (size_t i = 0; i < count; i++)
        reply_integer(next_reply(state), (int64_t)(i & 0xfffff));
}

static void array_run(void *state, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct reply *reply = next_reply(state);

        reply_array(reply, ARRAY_OF_VALUES);
        for (int value = 0; value < ARRAY_OF_VALUES; value++)
            reply_bulk(reply, micro_value());
    }
}

static void writer_tear_down(void *state)
{
    struct output *output = state;

    buffer_clear(&output->bytes);
    free(output);
}

/* clang-format off */
const struct benchmark resp_benchmarks[] = {
    { "parser: GET",                             parser_set_up, parser_run,  parser_tear_down, 0, false },
    { "parser: SET of 100 bytes",                parser_set_up, parser_run,  parser_tear_down, 1, false },
    { "parser: MSET of 10 times 100 bytes",      parser_set_up, parser_run,  parser_tear_down, MSET_PAIRS, false },
    { "writer: bulk of 100 bytes",               writer_set_up, bulk_run,    writer_tear_down, 0, false },
    { "writer: OK",                              writer_set_up, ok_run,      writer_tear_down, 0, false },
    { "writer: integer",                         writer_set_up, integer_run, writer_tear_down, 0, false },
    { "writer: array of 10 bulks of 100 bytes",  writer_set_up, array_run,   writer_tear_down, 0, false },
    { NULL, NULL, NULL, NULL, 0, false },
};
/* clang-format on */
