/* listening.h - TCP sockets that listen, by the words of `bind`.
 *
 * A word is an address or a name; "*" and "::*" are all of this machine's; with a "-" in front it
 * may be missing.
 */
#ifndef BASE_LISTENING_H
#define BASE_LISTENING_H

#include "base/compiler.h"
#include "base/status.h"

#define LISTENING_ERROR_MAX 512

/* Opens a socket that listens, does not block, and whose accepted sockets have TCP_NODELAY.
 * STATUS_NOT_FOUND: this machine does not have what the word names, and need not.  STATUS_FAILED:
 * `error` is one sentence, which names `port_option` if another port would help. */
enum status listening_open(const char *word, int port, const char *port_option, int backlog,
                           int *descriptor, char error[LISTENING_ERROR_MAX]) MUST_USE;

#endif
