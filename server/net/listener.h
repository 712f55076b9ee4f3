/* listener.h - where clients come in.
 *
 * Binds the addresses and the unix socket that the options name, accepts on the first loop and
 * hands each client to the loop that crew.h chooses.  Clients that may not come in are told so in
 * one line: too many (maxclients, exact over all loops), or not from this machine while
 * protected-mode is on and no password is set.  Who speaks TLS is told by an alert.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "base/listening.h"
#include "net/loop.h"

#define LISTENER_ERROR_MAX LISTENING_ERROR_MAX

struct listener;

/* Binds and listens; clients queue up in the kernel until listener_start().  On failure
 * STATUS_FAILED, and `error` is one sentence. */
enum status listener_create(struct services *services, struct listener **listener,
                            char error[LISTENER_ERROR_MAX]) MUST_USE;

/* Accepts in the first loop's thread.  Before that runs; the crew outlives the listener. */
void listener_start(struct listener *listener, struct crew *crew);

/* The option OPTION_PORT or OPTION_TLS_PORT has changed: binds to it at once, in any thread, and
 * lets the first loop exchange the sockets soon after; clients that are in stay.  False, with a
 * line in the log, if that can't be. */
bool listener_change_port(struct listener *listener, enum option_id port) MUST_USE;

/* The loops have ended. */
void listener_destroy(struct listener *listener);

/* Appends "127.0.0.1:6379, /run/grapevine.sock". */
void listener_describe(const struct listener *listener, struct buffer *text);

#endif
