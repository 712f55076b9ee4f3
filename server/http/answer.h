/* answer.h - what a command answered, kept to be looked at.
 *
 * A `struct reply` like resp/writer.c, but it spells nothing: values are kept one behind the other,
 * aggregates in front of their elements.  Endpoints then write HTTP from it.
 *
 *     KV.GET k  ->  [0] MAP 4  [1] "value"  [2] "…"  [3] "metadata"  [4] NULL  …
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "base/buffer.h"
#include "base/reply.h"

enum http_answer_kind {
    ANSWER_NULL,
    ANSWER_TEXT, /* bulk, simple, verbatim */
    ANSWER_ERROR,
    ANSWER_INTEGER, /* booleans too: 0 and 1 */
    ANSWER_NUMBER,
    ANSWER_ARRAY, /* sets and pushes too */
    ANSWER_MAP
};

struct http_answer_value {
    enum http_answer_kind kind;
    size_t count; /* elements of an array, pairs of a map */
    int64_t integer;
    double number;
    size_t at, size; /* of the text, in answer->bytes */
};

struct http_answer {
    struct reply reply; /* first: give &answer->reply to dispatch() */
    struct buffer bytes;
    struct http_answer_value *values;
    size_t count, capacity;
};

void http_answer_init(struct http_answer *answer);
void http_answer_clear(struct http_answer *answer);

/* Empty again; a large buffer is given back. */
void http_answer_reset(struct http_answer *answer);

/* --- looking; indexes are those of answer->values --- */

static inline enum http_answer_kind http_answer_kind(const struct http_answer *answer, size_t index)
{
    return answer->values[index].kind;
}

/* Of a text or an error, valid until the answer changes; {"", 0} of anything else. */
struct bytes http_answer_text(const struct http_answer *answer, size_t index);

/* The index behind the value and all that is in it. */
size_t http_answer_next(const struct http_answer *answer, size_t index);

/* The value under that name in the map at `index`; there must be one. */
size_t http_answer_member(const struct http_answer *answer, size_t index, const char *name);

#endif
