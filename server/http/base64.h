/* base64.h - bytes out of a text in base64 (RFC 4648, section 4).
 *
 * Padding may be missing, as some encoders leave it out; what stands behind it, and line ends, are
 * not forgiven.
 */
#ifndef HTTP_BASE64_H
#define HTTP_BASE64_H

#include "base/buffer.h"

/* Appends the bytes; false, and nothing appended, if the text stands for none. */
bool base64_decode(struct bytes text, struct buffer *bytes) MUST_USE;

/* How many bytes those are, if it stands for any; reads nothing but its length and its end. */
size_t base64_decoded_size(struct bytes text);

/* Does it stand for any? */
bool base64_is_valid(struct bytes text);

#endif
