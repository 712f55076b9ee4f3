/* multipart.h - the parts of a multipart/form-data body (RFC 7578, RFC 2046).
 *
 * Pure; works on a whole body and borrows from it.  Bytes of a part are exact: nothing is decoded,
 * and a boundary counts only at the beginning of a line.
 */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include <stdbool.h>

#include "base/bytes.h"

#define MULTIPART_BOUNDARY_MAX 200                /* RFC 2046 allows 70; real clients stay below */
#define MULTIPART_HEADERS_MAX  ((size_t)8 * 1024) /* of one part, together */

struct multipart_part {
    struct bytes name; /* raw, between the quotes; "" if the part has none */
    struct bytes data;
};

enum multipart_event { MULTIPART_PART, MULTIPART_END, MULTIPART_BAD };

struct multipart {
    struct bytes body, boundary;
    size_t at;
};

/* Is it "multipart/form-data", in any case, with or without parameters? */
bool multipart_is_form(struct bytes content_type);

/* The boundary named by a Content-Type, quoted or not; false if there is none, or a bad one. */
bool multipart_boundary(struct bytes content_type, struct bytes *boundary) MUST_USE;

void multipart_init(struct multipart *multipart, struct bytes body, struct bytes boundary);

/* The next part.  END only behind the closing boundary: a body that breaks off is BAD. */
enum multipart_event multipart_next(struct multipart *multipart,
                                    struct multipart_part *part) MUST_USE;

#endif
