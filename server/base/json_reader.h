/* json_reader.h - reading JSON where it stands (RFC 8259).
 *
 * A reader walks once over a text that somebody else holds, and is asked for what comes next.  It
 * builds nothing, so a text of 100 megabytes costs no memory beyond itself, and it can stop between
 * any two values and go on later: it is plain data, and a copy of one remembers a place.
 *
 *     json_reader_init(&reader, text);
 *     if (json_reader_enter(&reader, JSON_IS_ARRAY))
 *         while (json_reader_next_element(&reader))
 *             json_reader_take_string(&reader, &name);
 *     is_whole = json_reader_at_end(&reader);
 *
 * Whatever is asked of a broken text, or of another kind than what comes next, answers false, and
 * so does everything after it: one look at the end is enough.
 *
 * A text must be UTF-8 and at most JSON_DEPTH_MAX deep.  Numbers keep their spelling.
 */
#ifndef BASE_JSON_READER_H
#define BASE_JSON_READER_H

#include "base/buffer.h"

#define JSON_DEPTH_MAX 2048

enum json_kind {
    JSON_IS_BAD, /* nothing that begins a value, or the reader has failed */
    JSON_IS_NULL,
    JSON_IS_TRUE,
    JSON_IS_FALSE,
    JSON_IS_NUMBER,
    JSON_IS_STRING,
    JSON_IS_ARRAY,
    JSON_IS_OBJECT
};

struct json_reader {
    struct bytes text;
    size_t at;
    bool is_first; /* nothing stands between the opening bracket and `at` */
    bool is_bad;
};

void json_reader_init(struct json_reader *reader, struct bytes text);

/* The kind of the value that comes next; stays in front of it. */
enum json_kind json_reader_peek(struct json_reader *reader);

/* Goes into an array or an object. */
bool json_reader_enter(struct json_reader *reader, enum json_kind kind) MUST_USE;

/* Inside: is there another one?  Goes to it, or behind the closing bracket.  A member's name,
 * decoded, takes the place of what is in `name`. */
bool json_reader_next_element(struct json_reader *reader) MUST_USE;
bool json_reader_next_member(struct json_reader *reader, struct buffer *name) MUST_USE;

/* Appends the string that comes next, decoded.  Half of a surrogate pair stands for nothing, and is
 * an error. */
bool json_reader_take_string(struct json_reader *reader, struct buffer *out) MUST_USE;

/* Goes over the value that comes next, of any kind; *raw is its text. */
bool json_reader_skip(struct json_reader *reader, struct bytes *raw) MUST_USE;

/* Nothing was wrong, and nothing is left. */
bool json_reader_at_end(struct json_reader *reader) MUST_USE;

/* Is it one JSON text, of any kind? */
bool json_reader_is_valid(struct bytes text);

/* Appends a valid text without blanks between its tokens, and with its strings spelled as
 * json_text_string() does: as short as it can be. */
void json_reader_compact(struct bytes text, struct buffer *out);

#endif
