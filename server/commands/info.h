/* info.h - the text of INFO. */
#ifndef COMMANDS_INFO_H
#define COMMANDS_INFO_H

#include "commands/call.h"

/* The Redis that clients take us for. */
#define REDIS_VERSION "7.0.15"

/* Appends the sections that `names` ask for, in the table's order, each once; no names at all = the
 * default ones.  Unknown names are passed over. */
void info_append(struct call *call, const struct bytes *names, size_t count, struct buffer *text);

#endif
