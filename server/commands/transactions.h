/* transactions.h - what dispatch.c must know of MULTI. */
#ifndef COMMANDS_TRANSACTIONS_H
#define COMMANDS_TRANSACTIONS_H

#include "commands/call.h"

enum status command_exec(struct call *call);

/* Keeps the call's words for EXEC and answers QUEUED.  STATUS_FAILED ends the connection: the queue
 * would become longer than client-query-buffer-limit. */
enum status transaction_queue(struct call *call);

/* Does the queue hold a command with one of these flags, CMD_*? */
bool transaction_has(const struct session *session, uint32_t flags);

#endif
