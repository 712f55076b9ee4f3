/* server.h - the server as one object.
 *
 * Builds everything that lives as long as the process, in the order in which the parts need each
 * other, and takes it apart in reverse:
 *
 *     options -> statistics, clients, cursors -> TLS -> listening sockets -> store -> loops
 *
 * (What is wrong with an address is found out before a data directory is made.)  The caller's
 * thread runs the first loop; each further loop has a thread of its own.
 */
#ifndef SERVER_H
#define SERVER_H

#include "config/options.h"

#define SERVER_ERROR_MAX 512

struct server;

/* Opens the data directory and the sockets.  SIGTERM and SIGINT must be blocked, in this thread and
 * so in all that start here: server_run() waits for them.  On failure STATUS_FAILED and `error` is
 * one sentence.  The options are borrowed. */
enum status server_create(struct options *options, struct server **server,
                          char error[SERVER_ERROR_MAX]) MUST_USE;

/* Serves until SIGTERM, SIGINT or SHUTDOWN.  After that a second signal ends the process at once.
 */
void server_run(struct server *server);

/* Commits and syncs what is open. */
void server_destroy(struct server *server);

/* Appends where it listens: "127.0.0.1:6379, /run/grapevine.sock". */
void server_describe(const struct server *server, struct buffer *text);

#endif
