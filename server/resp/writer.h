/* writer.h - base/reply.h spelled as RESP2 or RESP3, appended to a buffer. */
#ifndef RESP_WRITER_H
#define RESP_WRITER_H

#include "base/buffer.h"
#include "base/reply.h"

struct resp_writer {
    struct reply reply; /* first: a struct reply * of ours is a struct resp_writer * */
    struct buffer *out; /* borrowed; may be exchanged between replies */
    int protocol;       /* 2 or 3; may change between replies */
};

void resp_writer_init(struct resp_writer *writer, struct buffer *out, int protocol);

#endif
