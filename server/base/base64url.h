/* base64url.h - bytes as text that is safe in URLs, file names and JSON (RFC 4648, section 5).
 *
 * Without padding.  Decoding takes back exactly what encoding gives: one text for each row of
 * bytes.
 */
#ifndef BASE_BASE64URL_H
#define BASE_BASE64URL_H

#include "base/buffer.h"

/* Appends the text of `bytes`: four characters for every three bytes. */
void base64url_encode(struct bytes bytes, struct buffer *text);

/* Appends the bytes that `text` stands for; false, and nothing appended, if it stands for none. */
bool base64url_decode(struct bytes text, struct buffer *bytes) MUST_USE;

#endif
