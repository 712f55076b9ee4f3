/* rooms.h - where a client's requests are read.
 *
 * A client that talks has a room of its own, from its first read until it has been idle for a while
 * (connection_check()).  Rooms lie in pages of their own, away from the allocator's: the pages of
 * one that nobody has go back to the system in that moment, whatever stands beside it, and what a
 * client has never sent has never been there.  So ten thousand clients that talked once cost
 * addresses and no memory.  Addresses are kept: there are as many rooms as there were talkers at
 * the same time.
 *
 * The next talker gets the room that was given back last.  A few keep their pages for it.
 *
 * One thread's.
 */
#ifndef NET_ROOMS_H
#define NET_ROOMS_H

#include <stddef.h>

#include "base/memory.h"

/* What Redis reads at once, and so what its tools expect a client to hold. */
#define ROOM_SIZE ((size_t)16 * 1024)

/* Each has a page more than its size, and begins in another line of it than its neighbours: what
 * begins at the same place of a page competes for the same few places in the processor's cache, and
 * requests are short.  So many are mapped at a time. */
#define ROOM_SPAN         (ROOM_SIZE + MEMORY_PAGE)
#define ROOMS_IN_REGION   ((size_t)64)
#define ROOMS_REGION_SIZE (ROOMS_IN_REGION * ROOM_SPAN)

struct rooms {
    char **empty; /* those given back last are at the end, and the last `warm` still have pages */
    size_t empty_count, empty_capacity;
    size_t warm_count;
    void **regions;
    size_t region_count, region_capacity;
};

/* A room of ROOM_SIZE bytes. */
char *rooms_take(struct rooms *rooms);
void rooms_give(struct rooms *rooms, char *room);

/* All rooms have been given back. */
void rooms_clear(struct rooms *rooms);

#endif
