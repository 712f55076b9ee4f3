/* bulk_get.h - several keys in one request: {"keys":[…],"type":"json","withMetadata":true}.
 *
 * Both doors take the same body and answer the same object, REST inside its envelope and with each
 * key's expiration.
 */
#ifndef HTTP_BULK_GET_H
#define HTTP_BULK_GET_H

#include "http/call.h"

#define BULK_GET_KEYS_MAX  100
#define BULK_GET_BYTES_MAX ((size_t)25 * 1024 * 1024) /* of all values */

/* Appends the object {"<key>":<value or null>,…} to *out, keys in the order of the request, each
 * once.  DONE with call->response.status 200, or with a refusal; PARKED: `out` is as it was. */
enum http_progress bulk_get(struct http_call *call, bool tells_expiration,
                            struct buffer *out) MUST_USE;

#endif
