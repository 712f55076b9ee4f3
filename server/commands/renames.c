#include "commands/renames.h"

#include <stdio.h>

#include "commands/acl_names.h"
#include "commands/table.h"
#include "config/words.h"

static enum status fail(const char *origin, const char *problem, struct bytes name, char *error)
{
    struct buffer quoted = {0};

    words_quote(&quoted, name);
    (void)snprintf(error, OPTIONS_ERROR_MAX, "%.150s: rename-command: %s %.*s", origin, problem,
                   (int)quoted.size, quoted.data);
    buffer_clear(&quoted);
    return STATUS_FAILED;
}

/* One of Redis's that is not here needs no other name: who closed it there has it closed. */
static bool is_foreign(struct bytes name)
{
    int index = acl_name_find(name);

    return index >= 0 && acl_name_at(index)->command == NULL;
}

static enum status apply(struct bytes from, struct bytes to, const char *origin, char *error)
{
    switch (table_rename(from, to)) {
    case TABLE_RENAMED:
        return STATUS_OK;
    case TABLE_NAME_TAKEN:
        return fail(origin, "there is already a command", to, error);
    case TABLE_NO_SUCH_NAME:
        break;
    }
    return is_foreign(from) ? STATUS_OK : fail(origin, "there is no command", from, error);
}

enum status renames_apply(const struct options *options, char error[OPTIONS_ERROR_MAX])
{
    enum status s = STATUS_OK;

    for (size_t i = 0; i < options_line_count(options, LINE_RENAME_COMMAND) && s == STATUS_OK;
         i++) {
        const char *origin;
        size_t count;
        const struct bytes *words = options_line(options, LINE_RENAME_COMMAND, i, &count, &origin);

        s = apply(words[0], words[1], origin, error);
    }
    return s;
}
