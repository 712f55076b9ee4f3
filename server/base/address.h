/* address.h - socket addresses as Redis spells them: "127.0.0.1:6379", "[::1]:6379", "/path:0". */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/bytes.h"

/* Cut to `size` bytes, zero-ended; "?:0" if it is of no family we know. */
void address_to_text(const struct sockaddr *address, char *text, size_t size);

/* "127.0.0.1:6379" without its port. */
struct bytes address_host(const char *text);

/* 127.0.0.0/8, ::1 and unix sockets: the other end is on this machine. */
bool address_is_loopback(const struct sockaddr *address);

/* The two ends of a connected socket.  The far end of a unix socket has no name of its own and is
 * called by the near end's. */
void address_of_peer(int descriptor, char *text, size_t size);
void address_of_socket(int descriptor, char *text, size_t size);

#endif
