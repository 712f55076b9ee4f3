/* refusal.h - the words for what went wrong.
 *
 * One table from statuses to texts: Redis's own where Redis knows the case, since clients and
 * people read them.  A text is one sentence that starts with its error word.
 */
#ifndef COMMANDS_REFUSAL_H
#define COMMANDS_REFUSAL_H

#include "commands/call.h"

/* Any status but STATUS_OK and STATUS_PARKED, with what the call noted about it. */
void refusal_describe(const struct call *call, enum status s, char text[CALL_ERROR_MAX]);

/* Why writes are refused, or why one was undone. */
void refusal_describe_store(struct store *store, char text[CALL_ERROR_MAX]);

/* Fails a call that has no row, as an unknown command or subcommand. */
enum status refusal_unknown(struct call *call);

#endif
