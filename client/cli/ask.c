#include "ask.h"

#include <assert.h>
#include <stdlib.h>

const struct expected expected_anything = {GRAPEVINE_REPLY_ERROR, GRAPEVINE_REPLY_ERROR};
const struct expected expected_array = {GRAPEVINE_REPLY_ARRAY, GRAPEVINE_REPLY_ARRAY};

void request_add_bytes(struct request *request, const char *word, size_t size)
{
    if (request->count == request->capacity) {
        request->capacity = request->capacity > 0 ? 2 * request->capacity : 16;
        request->words = realloc(request->words, request->capacity * sizeof(*request->words));
        assert(request->words != NULL);
    }
    request->words[request->count++] = (struct grapevine_bytes){word, size};
}

void request_add(struct request *request, const char *word)
{
    request_add_bytes(request, word, strlen(word));
}

void request_add_flag(struct request *request, const struct cli *cli, enum cli_option option,
                      const char *keyword)
{
    if (is_given(cli, option))
        request_add(request, keyword);
}

void request_add_option(struct request *request, const struct cli *cli, enum cli_option option,
                        const char *keyword)
{
    request_add_flag(request, cli, option, keyword);
    request_add_flag(request, cli, option, cli->line.option[option]);
}

void request_add_arguments(struct request *request, const struct cli *cli)
{
    for (size_t i = 0; i < cli->line.argument_count; i++)
        request_add(request, cli->line.argument[i]);
}

static bool is_as_expected(const struct grapevine_reply *reply, struct expected expected)
{
    return expected.type == expected_anything.type || reply->type == expected.type ||
           reply->type == expected.other_type;
}

enum cli_exit ask(struct cli *cli, struct request *request, enum grapevine_repeat repeat,
                  struct expected expected, struct grapevine_reply *reply)
{
    struct grapevine_reply answer;
    enum grapevine_error error =
        grapevine_command(cli->client, request->words, request->count, repeat, &answer);

    free(request->words);
    if (error != GRAPEVINE_OK)
        return session_fail(cli->client, error);
    if (!is_as_expected(&answer, expected)) {
        grapevine_reply_clear(&answer);
        return FAIL(CLI_EXIT_REFUSED, "%s", grapevine_error_text(GRAPEVINE_PROTOCOL));
    }
    *reply = answer;
    return CLI_EXIT_OK;
}
