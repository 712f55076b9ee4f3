/* parser.h - bytes to requests, in place.
 *
 * A request is an array of bulks, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", or an inline line, "GET k\r\n".
 * TLS, sent here by mistake, is told apart by its first byte.
 *
 * The caller keeps the bytes of one unfinished request together and offers them, with whatever came
 * behind, again and again; the parser remembers how far it got and looks at no byte twice.  However
 * the input is cut, the requests are the same (a test tries every cut).  Limits and error texts are
 * those of Redis 7.0 (networking.c).
 *
 * P1  `data` given to resp_parser_next() starts where the current request starts.  It may have
 *     moved in memory since the last call; its bytes may not have changed.
 * P2  argv points into `data` and is valid until `data` moves or the next call.
 * P3  Memory follows the bytes that arrived, never a length that was only announced.
 * P4  A request with a bulk longer than `bulk_keep_max` is not kept: its bytes are counted and may
 *     be dropped as they come, and it ends as RESP_OVERSIZED, with the connection still in step.
 */
#ifndef RESP_PARSER_H
#define RESP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define RESP_INLINE_MAX               65536
#define RESP_UNAUTHENTICATED_ARGS_MAX 10
#define RESP_UNAUTHENTICATED_BULK_MAX 16384
#define RESP_NAME_KEPT_MAX            128

enum resp_result {
    RESP_MORE,      /* no complete request yet */
    RESP_REQUEST,   /* argc and argv are one (argc > 0) */
    RESP_NOTHING,   /* an empty line or an empty array: consume, answer nothing, go on */
    RESP_OVERSIZED, /* see P4: oversized_bytes, and argv[0] cut at RESP_NAME_KEPT_MAX, argc is 1 */
    RESP_ERROR,     /* error says why ("Protocol error: ..."): answer it and close */
    RESP_ATTACK,    /* looks like HTTP sent by a browser: close without an answer */
};

struct resp_limits {
    int64_t bulk_max;      /* proto-max-bulk-len: a longer one is a protocol error */
    int64_t bulk_keep_max; /* see P4 */
    bool is_authenticated; /* else the two RESP_UNAUTHENTICATED limits hold */
};

struct resp_parser {
    /* results */
    struct bytes *argv;
    size_t argc;
    const char *error;
    int64_t oversized_bytes; /* the longest bulk of the refused request */

    /* the rest is parser.c's own */
    struct resp_progress {
        size_t offset;     /* where the header or bulk being read starts, in the request */
        size_t scanned;    /* bytes of that header (or inline line) known to hold no end */
        int64_t args_left; /* bulks still to come; 0 = the request's first line is next */
        int64_t bulk_size; /* of the bulk being read, -1 = its header is next */
        bool is_skipping;  /* see P4 */
        int64_t skip_left; /* bytes of the bulk being skipped, its CR LF included */
        size_t name_size;  /* of name_kept */
        size_t args_moved; /* the first so many arguments are known by argv_offsets, not argv */
    } progress;
    size_t argv_capacity;
    size_t *argv_offsets; /* where each argument starts, while `data` may still move */
    char name_kept[RESP_NAME_KEPT_MAX];
    char error_text[48];
    char *inline_text; /* words of an inline request that had quotes; owned */
};

void resp_parser_init(struct resp_parser *parser);
void resp_parser_clear(struct resp_parser *parser);

/* Forgets the unfinished request: `data` starts with the first byte of a request the next time. */
void resp_parser_restart(struct resp_parser *parser);

/* Looks for the next request in data[0 .. size-1].  *consumed is how many bytes the caller is done
 * with: the whole request, or, while an oversized one passes by, what has been counted (with
 * RESP_MORE; `data` starts behind them the next time).  Otherwise RESP_MORE consumes nothing.
 * RESP_ERROR and RESP_ATTACK consume everything: there is no next request. */
enum resp_result resp_parser_next(struct resp_parser *parser, const struct resp_limits *limits,
                                  const char *data, size_t size, size_t *consumed);

/* How many bytes beyond `size`, counted as in the last call, the current bulk still needs; 0 if
 * that isn't known or they will not be kept.  So a caller can make room for a large value as it
 * arrives. */
size_t resp_parser_wants(const struct resp_parser *parser, size_t size);

#endif
