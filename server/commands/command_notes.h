/* command_notes.h - what COMMAND tells of some commands beside their rows: tips for proxies and
 * clients that spread requests over several servers, and what later versions of Redis added.
 */
#ifndef COMMANDS_COMMAND_NOTES_H
#define COMMANDS_COMMAND_NOTES_H

#include "commands/table.h"

/* Separated by blanks; "" if there are none. */
const char *command_tips(const struct command *command);

struct command_change {
    const char *name; /* of the command, in full */
    const char *since;
    const char *what;
};

/* The changes of a command, one behind the other, the oldest first; *count may be 0. */
const struct command_change *command_history(const struct command *command, size_t *count);

#endif
