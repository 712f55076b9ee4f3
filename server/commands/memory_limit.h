/* memory_limit.h - maxmemory: how much memory the server is to use.
 *
 * Data is on disk, so no key has to go for the sake of memory.  What memory_used() counts is the
 * cache of records, and the rest: LevelDB's buffers, what waits to be committed, tables of
 * namespaces, clients.  The cache may take what the rest leaves of maxmemory, and cache-size at
 * most.  Where the rest alone is over maxmemory, and maxmemory-policy is noeviction, commands that
 * may need more memory are refused with Redis's words (-OOM).  Any other policy asks for room to be
 * made instead; the cache makes it, and writes go on.
 *
 * X1  It is looked at several times a second, and when an option changes; a command reads a flag.
 * X2  Refused are commands marked CMD_DENYOOM, what MULTI would queue, and an EXEC that holds one
 *     of the first; never what other replicas send.
 */
#ifndef COMMANDS_MEMORY_LIMIT_H
#define COMMANDS_MEMORY_LIMIT_H

#include "commands/call.h"

/* Any thread: measures, and sets the cache's size and the flag. */
void memory_limit_look(struct services *services);

/* Is the call one that is refused when there is no memory? */
bool memory_limit_concerns(const struct call *call);

static inline bool memory_limit_refuses(const struct call *call)
{
    return UNLIKELY(atomic_load_explicit(&call->worker->services->is_out_of_memory,
                                         memory_order_relaxed)) &&
           memory_limit_concerns(call);
}

#endif
