/* form.h - a value and its metadata as a multipart form (multipart.h).
 *
 * The part "value" is the value, byte for byte.  The metadata is the part "metadata", a JSON text;
 * or, as the SDK sends an object that it was given instead of its text, parts named
 * "metadata[a][b]" and "metadata[c][]", whose contents are strings: {"a":{"b":…},"c":[…]}.  What
 * can't be told from the names is refused: objects in an array, two parts in one place.
 *
 * Pure.
 */
#ifndef HTTP_FORM_H
#define HTTP_FORM_H

#include "base/buffer.h"
#include "http/fault.h"

/* `value` is a view of the body; the metadata, empty if there is none, is appended as compact JSON.
 * False: what is wrong is in *fault. */
bool form_read(struct bytes content_type, struct bytes body, struct bytes *value,
               struct buffer *metadata, struct fault *fault) MUST_USE;

#endif
