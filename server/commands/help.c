#include "commands/help.h"

#include <ctype.h>

#include "commands/table.h"

static void append_upper(struct buffer *line, const char *name)
{
    for (; *name != '\0'; name++)
        buffer_append_byte(line, (char)toupper((unsigned char)*name));
}

static void reply_line(struct call *call, struct buffer *line)
{
    call->reply->ops->simple(call->reply, buffer_view(line));
    line->size = 0;
}

static size_t count_rows(const struct command *row)
{
    size_t count = 0;

    for (; row->name != NULL; row++)
        count++;
    return count;
}

enum status command_help(struct call *call)
{
    const struct command *container = call->command->container;
    struct buffer *line = &call->worker->scratch;

    reply_array(call->reply, 1 + 2 * count_rows(container->subcommands));
    append_upper(line, container->name);
    buffer_append_text(line, " has these subcommands:");
    reply_line(call, line);
    for (const struct command *row = container->subcommands; row->name != NULL; row++) {
        append_upper(line, row->name);
        if (row->syntax[0] != '\0')
            buffer_printf(line, " %s", row->syntax);
        reply_line(call, line);
        buffer_printf(line, "    %s.", row->summary);
        reply_line(call, line);
    }
    return STATUS_OK;
}
