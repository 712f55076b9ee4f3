/* debug.h - DEBUG: what tests of servers and client libraries ask for, and no more. */
#ifndef COMMANDS_DEBUG_H
#define COMMANDS_DEBUG_H

#include "commands/call.h"

/* For the row's note. */
#define DEBUG_SUBCOMMANDS                                                                          \
    "DIGEST, DIGEST-VALUE, ERROR, LOADAOF, LOG, OBJECT, PROTOCOL, RELOAD, SET-ACTIVE-EXPIRE, "     \
    "SLEEP and HELP"

/* One row in the table, as in Redis: its subcommands are not counted or listed apart. */
enum status command_debug(struct call *call);

#endif
