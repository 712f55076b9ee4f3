#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is read at once; a longer element makes the buffer grow, and it shrinks again behind it. */
#define CHUNK        ((size_t)256 * 1024)
#define BUFFER_KEEPS (4 * CHUNK)

bool input_open(struct input *input, const char *path, char error[INPUT_ERROR_MAX])
{
    bool is_stdin = strcmp(path, "-") == 0;
    struct stat status;

    *input = (struct input){.fd = STDIN_FILENO, .name = is_stdin ? "standard input" : path};
    elements_init(&input->elements);
    if (!is_stdin)
        input->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (input->fd < 0 || fstat(input->fd, &status) != 0) {
        snprintf(error, INPUT_ERROR_MAX, "cannot read %s: %s", path, strerror(errno));
        return false;
    }
    if (S_ISREG(status.st_mode))
        input->size = (uint64_t)status.st_size;
    return true;
}

void input_close(struct input *input)
{
    if (input->fd != STDIN_FILENO)
        (void)close(input->fd);
    buffer_clear(&input->buffer);
}

static enum input_result broken(const struct input *input, struct place place, const char *what,
                                char error[INPUT_ERROR_MAX])
{
    snprintf(error, INPUT_ERROR_MAX, "%s:%" PRIu64 ":%" PRIu64 ": %s", input->name, place.line,
             place.column, what);
    return INPUT_BROKEN;
}

void input_explain(const struct input *input, struct bytes element, struct place place, size_t at,
                   const char *what, char error[INPUT_ERROR_MAX])
{
    (void)broken(input, place_behind(place, (struct bytes){element.data, at}), what, error);
}

/* Reads more behind what is not used up. */
static enum input_result read_more(struct input *input, char error[INPUT_ERROR_MAX])
{
    ssize_t count;

    buffer_drop(&input->buffer, input->begin);
    input->begin = 0;
    if (input->buffer.size > INPUT_ELEMENT_MAX)
        return broken(input, input->elements.place, "the element that begins here is too long",
                      error);
    buffer_trim(&input->buffer, BUFFER_KEEPS);
    count = read(input->fd, buffer_reserve(&input->buffer, CHUNK), CHUNK);
    if (count < 0 && errno == EINTR)
        return INPUT_INTERRUPTED;
    if (count < 0) {
        snprintf(error, INPUT_ERROR_MAX, "cannot read %s: %s", input->name, strerror(errno));
        return INPUT_BROKEN;
    }
    input->buffer.size += (size_t)count;
    input->is_all = count == 0;
    return INPUT_FOUND;
}

enum input_result input_next(struct input *input, struct bytes *element, struct place *place,
                             char error[INPUT_ERROR_MAX])
{
    enum input_result result = INPUT_FOUND;

    while (result == INPUT_FOUND) {
        struct bytes rest = {input->buffer.data + input->begin, input->buffer.size - input->begin};
        const char *what;
        size_t used;

        switch (
            elements_next(&input->elements, rest, input->is_all, &used, element, place, &what)) {
        case ELEMENTS_BROKEN:
            return broken(input, *place, what, error);
        case ELEMENTS_END:
            return INPUT_END;
        case ELEMENTS_FOUND:
            input->begin += used;
            input->used_bytes += used;
            return INPUT_FOUND;
        case ELEMENTS_MORE:
            input->begin += used;
            input->used_bytes += used;
            result = read_more(input, error);
            break;
        }
    }
    return result;
}
