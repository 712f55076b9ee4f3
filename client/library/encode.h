/* encode.h - words to the bytes of a request: "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n".
 *
 * Twice over the same words: once to know the size, once to write.
 */
#ifndef LIBRARY_ENCODE_H
#define LIBRARY_ENCODE_H

#include "grapevine.h"

size_t encode_size(const struct grapevine_bytes *words, size_t count);

/* Writes as many bytes as encode_size() says. */
void encode_write(char *out, const struct grapevine_bytes *words, size_t count);

/* Where in these bytes the word of that index begins. */
size_t encode_offset(const struct grapevine_bytes *words, size_t count, size_t index);

#endif
