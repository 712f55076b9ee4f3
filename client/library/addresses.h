/* addresses.h - the list of servers as a caller writes it.
 *
 *     10.0.0.1, cache.example:6380, [2001:db8::1]:6379, /run/grapevine.sock
 *
 * Pure: nothing is looked up.
 */
#ifndef LIBRARY_ADDRESSES_H
#define LIBRARY_ADDRESSES_H

#include "grapevine.h"

#define ADDRESS_PORT_USUAL 6379

struct address {
    char *name; /* as it stands in the list */
    char *host; /* NULL = a Unix socket, whose path is the name */
    int port;
};

struct addresses {
    struct address list[GRAPEVINE_SERVERS_MAX];
    size_t count;
};

/* False, with one sentence, if the text is no such list; `addresses` is then empty. */
bool addresses_parse(struct addresses *addresses, const char *text,
                     char sentence[GRAPEVINE_SENTENCE_MAX]);
void addresses_clear(struct addresses *addresses);

#endif
