/* json_text.h - text as JSON spells it. */
#ifndef CLI_JSON_TEXT_H
#define CLI_JSON_TEXT_H

#include "bytes.h"

/* Appends the string in quotes; it is UTF-8.  The size is what is appended, without doing it. */
void json_text_append(struct buffer *out, struct bytes text);
size_t json_text_size(struct bytes text);

/* Any bytes as a string in quotes, in base64. */
void json_text_append_base64(struct buffer *out, struct bytes bytes);

#endif
