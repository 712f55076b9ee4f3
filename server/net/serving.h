/* serving.h - what clients have sent: read, parsed, run.
 *
 * Connections are served in groups: all of a group are read and parsed before the first request
 * runs.  A lookup spends most of its time waiting for memory; so the memory of all keys of a group
 * is fetched at the same time (store_announce()).  Their replies leave when all of them have run.
 *
 * Each connection reads into its own input (input.h), where its requests are parsed in place; what
 * is left of an unfinished one moves to the front.  Memory follows the bytes that came.
 */
#ifndef NET_SERVING_H
#define NET_SERVING_H

#include "net/connection.h"

/* Reads, runs and answers what the connections of loop->readable have sent. */
void serve_readable(struct loop *loop);

/* Runs the parked request again, and then what came behind it.  May free the connection. */
void serve_parked(struct connection *connection);

#endif
