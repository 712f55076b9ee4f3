#include "net/input.h"

static void enter_room(struct input *input, struct rooms *rooms)
{
    input->bytes = (struct buffer){rooms_take(rooms), 0, ROOM_SIZE};
    input->is_in_room = true;
}

/* `capacity` is at least what it holds. */
static void leave_room(struct input *input, struct rooms *rooms, size_t capacity)
{
    struct buffer *bytes = &input->bytes, moved = {0};

    (void)buffer_reserve(&moved, capacity);
    buffer_append_bytes(&moved, buffer_view(bytes));
    rooms_give(rooms, bytes->data);
    *bytes = moved;
    input->is_in_room = false;
}

char *input_reserve_slowly(struct input *input, struct rooms *rooms, size_t more)
{
    struct buffer *bytes = &input->bytes;

    if (input->is_in_room)
        leave_room(input, rooms, bytes->size + more);
    else if (bytes->data == NULL && more <= ROOM_SIZE)
        enter_room(input, rooms);
    return buffer_reserve(bytes, more);
}

void input_fit(struct input *input, struct rooms *rooms)
{
    struct buffer *bytes = &input->bytes;

    if (bytes->size == 0)
        input_clear(input, rooms);
    else if (input->is_in_room)
        leave_room(input, rooms, bytes->size);
    else
        buffer_shrink(bytes, bytes->size);
}

void input_clear(struct input *input, struct rooms *rooms)
{
    if (input->is_in_room)
        rooms_give(rooms, input->bytes.data);
    else
        buffer_clear(&input->bytes);
    *input = (struct input){0};
}
