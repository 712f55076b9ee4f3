/* uri.h - percent-encoding, in paths and in queries.
 *
 * In a path "+" is a plus; in a query it is a blank (application/x-www-form-urlencoded, as
 * browsers, wrangler and workerd write it).  What is decoded may be any bytes, zero among them.
 */
#ifndef HTTP_URI_H
#define HTTP_URI_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/bytes.h"

/* Appends the decoded bytes; false (and `out` as it was) if a "%" is not followed by two hex
 * digits. */
bool uri_decode_path(struct bytes raw, struct buffer *out) MUST_USE;
bool uri_decode_query(struct bytes raw, struct buffer *out) MUST_USE;

enum uri_parameter { URI_ABSENT, URI_PRESENT, URI_BAD };

/* The value of the first parameter of that name, decoded and appended to `out` ("?a" and "?a=" are
 * both present and empty).  Names are compared after decoding.  BAD: its escapes are broken. */
enum uri_parameter uri_query_find(struct bytes query, const char *name,
                                  struct buffer *out) MUST_USE;

/* Goes on to the next segment of a raw path: *segment is what stands between the "/" at *at, or
 * after it, and the next one or the end.  False at the end.  "/a//b/" has "a", "", "b" and "". */
bool uri_next_segment(struct bytes path, size_t *at, struct bytes *segment);

#endif
