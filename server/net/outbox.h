/* outbox.h - the replies of one connection that have not left yet.
 *
 * Replies are appended in the order of their requests and leave in that order.  A reply that shows
 * what is not committed yet is held: it and all behind it stay until its commit group is committed.
 * If the commit fails instead, an error takes the reply's place, and nobody has seen what it said.
 *
 *     bytes:   | sent | ready to be sent | held for group 7 | behind it | held for 9 | ...
 *
 * O1  No byte of a held reply is in outbox_ready() before outbox_release() was told of its group.
 * O2  A reply is replaced as a whole: holding it tells where it begins and ends.
 *
 * No socket here: connection.c sends.  Several short replies cost no allocation once the buffer is
 * there (loop.h lends it) and the list of held replies has grown.
 */
#ifndef NET_OUTBOX_H
#define NET_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

/* A held reply: where in the stream of all replies, and for which commit group. */
struct held_reply {
    uint64_t start, end;
    uint64_t group;
};

/* All zeros is an empty outbox. */
struct outbox {
    struct buffer bytes;     /* replies are appended here, by resp/writer.c */
    size_t sent;             /* so many bytes at the front have left */
    uint64_t position;       /* of the first byte, counted from the first reply ever */
    struct held_reply *held; /* a ring: `held_count` from `held_first` on */
    size_t held_first, held_count, held_capacity;
};

void outbox_clear(struct outbox *outbox);

/* The reply that began when bytes.size was `start`, and is complete, waits for `group`.  An empty
 * one (CLIENT REPLY OFF) tells nobody anything and does not wait. */
void outbox_hold(struct outbox *outbox, size_t start, uint64_t group);

/* Groups up to `committed` are committed. */
void outbox_release(struct outbox *outbox, uint64_t committed);

/* All groups above `committed` have failed: replies that were held for one become `error`. */
void outbox_replace(struct outbox *outbox, uint64_t committed, struct bytes error);

/* What may be sent, valid until the outbox changes. */
struct bytes outbox_ready(const struct outbox *outbox);

/* The first `size` bytes of outbox_ready() have left. */
void outbox_sent(struct outbox *outbox, size_t size);

static inline bool outbox_is_holding(const struct outbox *outbox)
{
    return outbox->held_count > 0;
}

/* Bytes that have not left. */
static inline size_t outbox_size(const struct outbox *outbox)
{
    return outbox->bytes.size - outbox->sent;
}

#endif
