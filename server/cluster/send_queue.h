/* send_queue.h - messages that wait for their turn on a link.
 *
 * Bodies longer than a frame's piece leave in pieces, one at a time, and whatever is short goes
 * between them: first beats, then other short messages in their order.  After a piece's worth of
 * short ones a piece is due again, so that neither keeps the other from going on.
 *
 * Each of the three classes has a bound.  What does not fit is dropped, as a network would; but a
 * message that is too large for any bound may be there alone.
 */
#ifndef CLUSTER_SEND_QUEUE_H
#define CLUSTER_SEND_QUEUE_H

#include <sys/queue.h>

#include "base/buffer.h"
#include "cluster/frame.h"
#include "replication/message.h"

#define SEND_BEATS_MAX ((size_t)1 << 18)
#define SEND_SHORT_MAX ((size_t)4 << 20)
#define SEND_LONG_MAX  ((size_t)12 << 20)

enum send_class { SEND_BEAT, SEND_SHORT, SEND_LONG, SEND_CLASS_COUNT };

struct waiting_message;
TAILQ_HEAD(waiting_messages, waiting_message);

struct send_queue {
    struct waiting_messages messages[SEND_CLASS_COUNT];
    size_t size[SEND_CLASS_COUNT]; /* in memory */
    size_t offset;                 /* of the first long one, so much has left */
    size_t short_since_piece;      /* bytes */
};

void send_queue_init(struct send_queue *queue);
void send_queue_clear(struct send_queue *queue);

/* Copies the body.  False if it was dropped. */
bool send_queue_add(struct send_queue *queue, enum message_kind kind, struct bytes body);

/* Appends the next frame; false if nothing waits. */
bool send_queue_next(struct send_queue *queue, struct buffer *out);

/* Have pieces of a long body left, and others not?  Then of this kind. */
bool send_queue_is_amid(const struct send_queue *queue, enum message_kind *kind);

size_t send_queue_size(const struct send_queue *queue);

#endif
