/* chunks.h - a chunked body, taken apart as it comes (RFC 9112, section 7.1).
 *
 * Pure and incremental.  Extensions of chunks and trailers are read over; a line of either is, with
 * its end, at most CHUNK_LINE_MAX bytes, and all trailers together CHUNK_TRAILERS_MAX.
 */
#ifndef HTTP_CHUNKS_H
#define HTTP_CHUNKS_H

#include <stdint.h>

#include "base/bytes.h"

#define CHUNK_LINE_MAX     4096
#define CHUNK_TRAILERS_MAX (16 * 1024)

enum chunk_event {
    CHUNK_DATA, /* *data is the next part of the body; call again */
    CHUNK_MORE, /* the input is used up */
    CHUNK_END,  /* the body is complete; what is left of the input belongs to the next request */
    CHUNK_BAD
};

/* All zeros stands in front of the first chunk's size. */
struct chunk_reader {
    int state;
    uint64_t left;    /* of the chunk at hand, or its size so far */
    uint32_t digits;  /* of that size */
    uint32_t line;    /* bytes of the line at hand */
    uint32_t trailer; /* bytes of all trailers */
};

/* Moves *input on behind what it has understood. */
enum chunk_event chunk_reader_next(struct chunk_reader *reader, struct bytes *input,
                                   struct bytes *data);

#endif
