/* compat.h - the tables of redis-compat.md.
 *
 * Every command of Redis 7.0 with how it compares here, and every command that Redis does not have:
 * what there is comes from the command table, what is missing from a list of its own.  The lint
 * "compat" fails when redis-compat.md holds anything else.
 */
#ifndef COMMANDS_COMPAT_H
#define COMMANDS_COMPAT_H

#include "base/buffer.h"

/* As Markdown. */
void compat_print(struct buffer *out);

/* Calls each(context, name) for every command of Redis 7.0 that is missing here, "client|tracking"
 * being one. */
void compat_each_absent(void (*each)(void *context, struct bytes name), void *context);

#endif
