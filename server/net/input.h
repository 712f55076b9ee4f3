/* input.h - what a client has sent and is not done with.
 *
 * It lies in a room (rooms.h) while that is large enough, else in memory that grows with the bytes
 * that came.  All zeros is an empty input that has no memory.
 */
#ifndef NET_INPUT_H
#define NET_INPUT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "net/rooms.h"

struct input {
    struct buffer bytes; /* others may change what it holds, not what it has room for */
    bool is_in_room;
};

/* The slow half of input_reserve(). */
char *input_reserve_slowly(struct input *input, struct rooms *rooms, size_t more);

/* Makes room for `more` bytes behind what it holds, and returns where they go. */
static inline char *input_reserve(struct input *input, struct rooms *rooms, size_t more)
{
    if (UNLIKELY(input->bytes.capacity - input->bytes.size < more))
        return input_reserve_slowly(input, rooms, more);
    return input->bytes.data + input->bytes.size;
}

/* Gives back what it has beside what it holds: all if that is nothing. */
void input_fit(struct input *input, struct rooms *rooms);

/* It holds nothing any more, and has no memory. */
void input_clear(struct input *input, struct rooms *rooms);

#endif
