/* joiner.h - puts the pieces of a body together again.
 *
 * A sender has one long body on its way at a time and sends its pieces in order.  A piece that
 * begins a new body ends an unfinished one; any other piece has to follow the one before.
 */
#ifndef CLUSTER_JOINER_H
#define CLUSTER_JOINER_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "base/status.h"
#include "cluster/frame.h"

/* All zeros waits for a first piece. */
struct joiner {
    struct buffer body;
    char name[FRAME_NAME_MAX];
    size_t name_size;
    uint64_t size; /* of the whole */
};

/* STATUS_CORRUPT: it does not follow, or the whole is larger than `size_max`.  With *is_whole the
 * body is complete in joiner->body, until joiner_clear(). */
enum status joiner_add(struct joiner *joiner, const struct frame *part, size_t size_max,
                       bool *is_whole) MUST_USE;
void joiner_clear(struct joiner *joiner);

/* An empty one gets the room that another one had, if that is not much: the next body is likely to
 * be as long. */
void joiner_reuse(struct joiner *joiner, struct joiner *used);

#endif
