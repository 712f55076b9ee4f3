/* input.h - the elements of a JSON file, one after the other, however large it is.
 *
 * Memory is a part of the file and the longest element.
 */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "elements.h"

/* 512 MiB in base64 or with every second character escaped, and room to spare. */
#define INPUT_ELEMENT_MAX ((size_t)1100 * 1024 * 1024)

#define INPUT_ERROR_MAX 512

struct input {
    int fd;
    const char *name; /* as errors call it */
    struct buffer buffer;
    size_t begin; /* of what is not used up, in the buffer */
    bool is_all;  /* the buffer holds the rest of the file */
    struct elements elements;
    uint64_t used_bytes;
    uint64_t size; /* 0 = nobody knows */
};

enum input_result {
    INPUT_FOUND,
    INPUT_END,
    INPUT_BROKEN,
    INPUT_INTERRUPTED, /* by a signal: ask again, or leave it */
};

/* `path` may be "-".  False, with a sentence in `error`, if it can't be opened. */
bool input_open(struct input *input, const char *path, char error[INPUT_ERROR_MAX]);
void input_close(struct input *input);

/* *element is valid until the next call.  When it is BROKEN, `error` is a sentence that names the
 * file, the line and the column. */
enum input_result input_next(struct input *input, struct bytes *element, struct place *place,
                             char error[INPUT_ERROR_MAX]);

/* Says in `error` what is wrong with the element at `place`, `at` bytes into its text. */
void input_explain(const struct input *input, struct bytes element, struct place place, size_t at,
                   const char *what, char error[INPUT_ERROR_MAX]);

#endif
