/* json_text.h - writing JSON without building it first (RFC 8259). */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include "base/buffer.h"

/* Appends `text`, which is UTF-8, as a string in quotes. */
void json_text_string(struct buffer *out, struct bytes text);

/* The same of any bytes: each sequence that makes no character becomes U+FFFD, as decoders of UTF-8
 * do it (Unicode 15, section 3.9, the practice of maximal subparts). */
void json_text_any(struct buffer *out, struct bytes bytes);

/* Appends any bytes as a string in quotes, in base64 (RFC 4648, section 4). */
void json_text_base64(struct buffer *out, struct bytes bytes);

/* Appends what is JSON already, on one line. */
void json_text_raw(struct buffer *out, struct bytes json);

#endif
