/* announce.h - the address that a node tells others, when it was not given one. */
#ifndef CLUSTER_ANNOUNCE_H
#define CLUSTER_ANNOUNCE_H

#include <stddef.h>

#include "replication/gossip.h"

/* From the addresses it listens on ("-" in front of one: it may be missing) the first that others
 * can reach: not the loopback, unless there is no other.  "" for all addresses of the machine:
 * which one leads here can't be known. */
void announce_choose(const char *const *bind_addresses, size_t count, int port,
                     char announced[GOSSIP_ADDRESS_MAX]);

#endif
