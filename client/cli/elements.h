/* elements.h - finds where the elements of a JSON file begin and end, in one pass and little
 * memory.
 *
 * Two kinds of file, told apart by their first character:
 *
 *     [{"key": "a", "value": "1"},       an array, spread over lines as it likes
 *      {"key": "b", "value": "2"}]
 *
 *     {"key": "a", "value": "1"}         lines, an element each (NDJSON)
 *     {"key": "b", "value": "2"}
 *
 * Only brackets, quotes and commas are looked at; what an element holds is for its own parser to
 * judge.  So an element found here need not be JSON, but every element of a JSON file is found.
 *
 * The caller keeps the bytes: it hands over all that it has and has not used up yet, and gets the
 * next element, or is asked for more.  No byte is looked at twice, however the file is cut.
 */
#ifndef CLI_ELEMENTS_H
#define CLI_ELEMENTS_H

#include <stdint.h>

#include "bytes.h"

/* Where something stands in a file; both count from 1, columns in bytes. */
struct place {
    uint64_t line;
    uint64_t column;
};

struct elements {
    enum {
        ELEMENTS_UNKNOWN,
        ELEMENTS_LINES,
        ELEMENTS_ARRAY,  /* before the first element, or behind a comma */
        ELEMENTS_BEHIND, /* behind an element of an array */
        ELEMENTS_OVER,   /* behind the array */
    } state;
    bool has_begun;     /* a byte order mark can't come any more */
    bool has_any;       /* the array has elements */
    size_t looked_at;   /* so many bytes of the element at the front were seen */
    uint64_t depth;     /* of brackets at that point */
    bool is_in_string;  /* at that point */
    struct place place; /* of the first byte that is not used up */
};

enum elements_result {
    ELEMENTS_FOUND,
    ELEMENTS_MORE, /* more bytes, please, or the word that there are none */
    ELEMENTS_END,
    ELEMENTS_BROKEN,
};

void elements_init(struct elements *elements);

/* `input` begins where the last call's *used ended.  The first *used bytes of it are done with,
 * whatever the result; *element lies among them, and *place is where it stands.  When it is BROKEN,
 * *place is where, and *error a sentence without a full stop. */
enum elements_result elements_next(struct elements *elements, struct bytes input, bool is_all,
                                   size_t *used, struct bytes *element, struct place *place,
                                   const char **error);

/* The place of the byte that follows on `text`, which stands at `from`. */
struct place place_behind(struct place from, struct bytes text);

#endif
