/* batch.h - the next few requests of a pipeline, parsed before the first of them runs.
 *
 * A lookup spends most of its time waiting for memory.  Knowing several requests at once, the
 * connection can have the memory of all their keys fetched at the same time (store_prefetch()).
 *
 * B1  Arguments point into the input and are valid until it moves or the parser is used again.
 * B2  A request ends the batch if the parser keeps its arguments to itself: an inline one, one
 *     that is not kept (parser.h, P4), and one with more arguments than there is room for.
 */
#ifndef NET_BATCH_H
#define NET_BATCH_H

#include "commands/dispatch.h"
#include "resp/parser.h"

#define BATCH_REQUESTS_MAX  16
#define BATCH_ARGUMENTS_MAX 128

struct batch {
    size_t count;
    struct request requests[BATCH_REQUESTS_MAX];
    size_t ends[BATCH_REQUESTS_MAX]; /* where in the input each ends */

    /* What came behind the last request: RESP_REQUEST = the batch is full, there may be more;
     * RESP_MORE, RESP_ERROR or RESP_ATTACK as from the parser. */
    enum resp_result next;
    size_t consumed; /* the caller is done with so much once the requests have run */

    size_t argument_count;
    struct bytes arguments[BATCH_ARGUMENTS_MAX];
};

/* Parses at most `count_max` requests (1 .. BATCH_REQUESTS_MAX) from data[0 .. size-1]. */
void batch_parse(struct batch *batch, struct resp_parser *parser, const struct resp_limits *limits,
                 const char *data, size_t size, size_t count_max);

/* Where the input goes on if the request with this index is not run. */
static inline size_t batch_start(const struct batch *batch, size_t index)
{
    return index == 0 ? 0 : batch->ends[index - 1];
}

#endif
