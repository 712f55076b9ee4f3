/* frame.h - what travels on a link: RESP arrays of bulk strings, and one error line at the end.
 *
 *     [GOSSIP, name, body]                       a message, or a word of the link's own
 *     [GOSSIP, PART, name, offset, size, bytes]  a piece of a message's body of that size
 *     -WORD reason                               why the sender is about to close
 *
 * The parser looks at a prefix of what came and keeps nothing between calls.  It answers how much
 * it needs to see to get further, so that a frame in many small pieces is not looked at for each of
 * them.  Counts and sizes are refused as soon as they can be read.
 */
#ifndef CLUSTER_FRAME_H
#define CLUSTER_FRAME_H

#include <stdint.h>

#include "base/buffer.h"

#define FRAME_BYTES_MAX   ((size_t)1 << 20) /* of a frame, all in all */
#define FRAME_PIECE_MAX   ((size_t)1 << 17) /* what we put into one: the longest that others wait */
#define FRAME_NAME_MAX    16
#define FRAME_REFUSAL_MAX 512

enum frame_kind { FRAME_WHOLE, FRAME_PART, FRAME_REFUSAL };

/* Views of the input. */
struct frame {
    enum frame_kind kind;
    struct bytes name;
    struct bytes body;     /* of a part, its bytes; of a refusal, its text without "-" */
    uint64_t offset, size; /* of a part: offset + body.size <= size */
};

enum frame_result {
    FRAME_OK,   /* *size bytes of input are the frame */
    FRAME_MORE, /* parse again when there are *size bytes, more than now */
    FRAME_BAD
};

/* `bytes_max` is for the whole frame. */
enum frame_result frame_parse(struct bytes input, size_t bytes_max, struct frame *frame,
                              size_t *size) MUST_USE;

/* Appends what comes before the body; behind the body comes FRAME_END. */
#define FRAME_END "\r\n"
void frame_put_head(struct buffer *out, const char *name, size_t body_size);
void frame_put_part_head(struct buffer *out, const char *name, uint64_t offset, uint64_t size,
                         size_t piece_size);
/* A whole frame. */
void frame_put(struct buffer *out, const char *name, struct bytes body);
/* A line; bytes of `text` that can't stand in one become blanks. */
void frame_put_refusal(struct buffer *out, const char *text);

#endif
