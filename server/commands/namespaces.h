/* namespaces.h - choosing where a connection works. */
#ifndef COMMANDS_NAMESPACES_H
#define COMMANDS_NAMESPACES_H

#include "commands/call.h"

/* SELECT: a database by its number or a namespace by its title, for the session and for the rest of
 * an EXEC.  STATUS_DB_RANGE, STATUS_NO_NAMESPACE: nothing has changed. */
enum status namespace_select(struct call *call, struct bytes argument) MUST_USE;

#endif
