/* pair.h - a key with its value as one JSON object, the way `wrangler kv bulk put` spells it.
 *
 *     {"key": "k", "value": "v", "metadata": {"a": 1}, "expiration": 1700000000}
 *
 *   key, value       strings
 *   base64           true: the value is not text and stands there in base64
 *   metadata         any JSON; null is as good as none
 *   expiration       when it expires, in seconds since 1970
 *   expiration_ttl   in how many seconds it expires
 *
 * and beyond wrangler, so that anything that is stored can be written and read back, bit by bit:
 *
 *   key_base64       true: so does the key
 *   metadata_base64  true: metadata is a string, the base64 of the JSON text
 *   expiration_ms    when it expires, in milliseconds; goes before expiration
 *   namespace        where it belongs
 *
 * Members of other names are passed over.  Metadata stays as it is spelled, but for line breaks
 * with the indentation around them.  Where only names are wanted (bulk delete, bulk get) a string
 * will do, or an object with "key" or "name".
 */
#ifndef CLI_PAIR_H
#define CLI_PAIR_H

#include <stdint.h>

#include "bytes.h"

struct pair {
    struct bytes key;
    struct bytes value;
    struct bytes metadata; /* size 0 = none */
    struct bytes ns;       /* size 0 = none is named */
    int64_t expires_at_ms; /* 0 = not named */
    int64_t ttl_ms;        /* 0 = not named; never both */
};

enum pair_kind { PAIR_WHOLE, PAIR_NAME };

#define PAIR_ERROR_MAX 128

struct pair_error {
    size_t at; /* which byte of the text */
    char sentence[PAIR_ERROR_MAX];
};

/* Reads a text that is one pair.  What is found borrows from `text` and from `scratch`, which is
 * emptied.  On false *error says what is wrong, and *pair is untouched. */
bool pair_parse(struct bytes text, enum pair_kind kind, struct buffer *scratch, struct pair *pair,
                struct pair_error *error);

/* Appends it as one line, with its newline. */
void pair_append(struct buffer *out, const struct pair *pair);

/* Appends a JSON text on one line, without its newline: line breaks can only be between words. */
void pair_append_text(struct buffer *out, struct bytes text);

#endif
