#include "net/batch.h"

/* Keeps the arguments aside; false if the parser must not be used until the request has run. */
static bool add_request(struct batch *batch, const struct resp_parser *parser, bool is_array)
{
    struct request *request = &batch->requests[batch->count];
    struct bytes *room = &batch->arguments[batch->argument_count];

    batch->ends[batch->count++] = batch->consumed;
    *request = (struct request){parser->argv, parser->argc, 0};
    if (!is_array || parser->argc > BATCH_ARGUMENTS_MAX - batch->argument_count)
        return false;
    for (size_t i = 0; i < parser->argc; i++)
        room[i] = parser->argv[i];
    request->argv = room;
    batch->argument_count += parser->argc;
    return true;
}

static void add_oversized(struct batch *batch, const struct resp_parser *parser)
{
    batch->ends[batch->count] = batch->consumed;
    batch->requests[batch->count++] =
        (struct request){parser->argv, parser->argc, parser->oversized_bytes};
}

void batch_parse(struct batch *batch, struct resp_parser *parser, const struct resp_limits *limits,
                 const char *data, size_t size, size_t count_max)
{
    bool has_room = true;

    batch->count = batch->argument_count = batch->consumed = 0;
    batch->next = RESP_REQUEST;
    while (has_room && batch->count < count_max) {
        const char *start = data + batch->consumed;
        size_t consumed;
        enum resp_result result =
            resp_parser_next(parser, limits, start, size - batch->consumed, &consumed);

        batch->consumed += consumed;
        switch (result) {
        case RESP_REQUEST:
            has_room = add_request(batch, parser, *start == '*');
            break;
        case RESP_NOTHING:
            break;
        case RESP_OVERSIZED:
            add_oversized(batch, parser);
            return;
        case RESP_MORE:
        case RESP_ERROR:
        case RESP_ATTACK:
            batch->next = result;
            return;
        }
    }
}
