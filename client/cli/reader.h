/* reader.h - reads JSON word by word, out of one text and nearly without copying (RFC 8259).
 *
 *     struct reader reader = reader_of(text, &scratch);
 *     struct bytes string;
 *
 *     if (reader_string(&reader, &string) && reader_end(&reader))
 *         ...
 *
 * Every function reads what its name says and moves on to behind it, or returns false; then
 * `error` is a sentence without a full stop and `at` stands where the trouble is.
 */
#ifndef CLI_READER_H
#define CLI_READER_H

#include <stdint.h>

#include "bytes.h"

struct reader {
    struct bytes text;
    size_t at;
    struct buffer *scratch; /* for strings with escapes; holds as much as the text */
    const char *error;
};

/* How deep arrays and objects may nest. */
#define READER_DEPTH_MAX 1024

/* `scratch` is emptied. */
struct reader reader_of(struct bytes text, struct buffer *scratch);

/* Only blanks are left. */
bool reader_end(struct reader *reader);

/* The first character of what comes next, 0 if nothing does.  Never fails. */
char reader_peek(struct reader *reader);

/* The character, if it comes next; no error if it does not. */
bool reader_skip(struct reader *reader, char c);
bool reader_expect(struct reader *reader, char c, const char *error);

/* A string, decoded: UTF-8 without a zero byte behind it, borrowed from the text or the scratch. */
bool reader_string(struct reader *reader, struct bytes *string);

/* A string that stands there as it is meant; else as reader_string(). */
bool reader_number(struct reader *reader, int64_t min, int64_t max, int64_t *number);
bool reader_bool(struct reader *reader, bool *is_true);

/* Any value, as it is spelled. */
bool reader_any(struct reader *reader, struct bytes *spelling);

#endif
