/* help.h - HELP of a container, from the rows of its subcommands. */
#ifndef COMMANDS_HELP_H
#define COMMANDS_HELP_H

#include "commands/call.h"

/* The `run` of every row named "help": two lines for each subcommand, how it is spelled and what it
 * does. */
enum status command_help(struct call *call);

#endif
