/* listing.h - a page of keys, as both doors ask for it and tell it. */
#ifndef HTTP_LISTING_H
#define HTTP_LISTING_H

#include "http/call.h"

#define LISTING_MAX 1000 /* keys in a page, and what is sent if nobody says less */

struct listing {
    struct buffer prefix, cursor;
    int64_t limit; /* 1 to LISTING_MAX: each door reads its own parameter */
};

void listing_clear(struct listing *listing);

/* The query's prefix and cursor; false if they are refused. */
bool listing_read(struct http_call *call, struct listing *listing);

/* Runs KV.LIST: DONE with the page in call->answer or with a refusal (call->response.status is not
 * 200); PARKED. */
enum http_progress listing_run(struct http_call *call, const struct listing *listing) MUST_USE;

/* Appends the page's keys as an array of {"name", "expiration"?, "metadata"?}; metadata, which is
 * JSON text, as write_metadata does it. */
void listing_write_keys(const struct http_answer *answer,
                        void (*write_metadata)(struct buffer *out, struct bytes json),
                        struct buffer *out);

/* How many keys the page has; where the next one begins, empty behind the last. */
size_t listing_count(const struct http_answer *answer);
struct bytes listing_cursor(const struct http_answer *answer);

#endif
