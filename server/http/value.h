/* value.h - one key over HTTP, as both doors read and write it. */
#ifndef HTTP_VALUE_H
#define HTTP_VALUE_H

#include "http/call.h"

/* Is call->key one that these doors accept?  If not, that is the response. */
bool value_check_key(struct http_call *call);

/* A cacheTtl, as text.  How long a copy may be served is of no concern to a server that has no
 * copies; but what the real one refuses is refused here too. */
bool value_check_cache_ttl(struct http_call *call, struct bytes ttl);

/* The query's expiration and expiration_ttl (expiration.h); false if they are refused. */
bool value_expiration(struct http_call *call, int64_t *expiry_ms);

/* Writes call->key: DONE with an empty 200, or with a refusal; PARKED.  Without metadata `meta` is
 * empty. */
enum http_progress value_write(struct http_call *call, struct bytes value, struct bytes meta,
                               int64_t expiry_ms) MUST_USE;

/* Deletes call->key, there or not: as value_write(). */
enum http_progress value_delete(struct http_call *call) MUST_USE;

/* What KV.GET answers for a key: indexes into call->answer. */
struct value_found {
    size_t value;
    struct bytes meta;   /* JSON text, empty without; valid until the answer changes */
    bool has_expiration; /* then */
    int64_t expiry_ms;
};

/* Reads a key: DONE and *is_found; DONE with a refusal (call->response.status is not 200): PARKED.
 */
enum http_progress value_read(struct http_call *call, struct bytes key, bool *is_found,
                              struct value_found *found) MUST_USE;

#endif
