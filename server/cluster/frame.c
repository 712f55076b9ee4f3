#include "cluster/frame.h"

#include <inttypes.h>

#define ARGS_MAX   6
#define ARGS_WHOLE 3
#define LINE_MAX   (1 + INT64_TEXT_MAX + 2) /* *3\r\n, $1048576\r\n */
#define PART_NAME  "PART"

/* --- reading --- */

struct cursor {
    struct bytes input;
    size_t at;
    size_t bytes_max;
    size_t needed; /* to get further, where something returned FRAME_MORE */
};

static enum frame_result need(struct cursor *cursor, size_t end)
{
    if (end > cursor->bytes_max)
        return FRAME_BAD;
    cursor->needed = end;
    return FRAME_MORE;
}

/* A line of at most line_max bytes with its end. */
static enum frame_result take_line(struct cursor *cursor, size_t line_max, struct bytes *line)
{
    const char *from = cursor->input.data + cursor->at;
    size_t there = cursor->input.size - cursor->at;
    size_t seen = there < line_max ? there : line_max;
    const char *end = seen == 0 ? NULL : memchr(from, '\n', seen);

    if (end == NULL)
        return there < line_max ? need(cursor, cursor->input.size + 1) : FRAME_BAD;
    if (end == from || end[-1] != '\r')
        return FRAME_BAD;
    *line = (struct bytes){from, (size_t)(end - from) - 1};
    cursor->at += line->size + 2;
    return FRAME_OK;
}

/* "*3" or "$10". */
static enum frame_result take_number(struct cursor *cursor, char type, uint64_t *number)
{
    struct bytes line = {"", 0};
    enum frame_result result;

    if (cursor->at < cursor->input.size && cursor->input.data[cursor->at] != type)
        return FRAME_BAD;
    result = take_line(cursor, LINE_MAX, &line);
    if (result != FRAME_OK)
        return result;
    line = (struct bytes){line.data + 1, line.size - 1};
    return bytes_to_uint64(line, number) ? FRAME_OK : FRAME_BAD;
}

static enum frame_result take_bulk(struct cursor *cursor, struct bytes *bulk)
{
    uint64_t size;
    enum frame_result result = take_number(cursor, '$', &size);

    if (result != FRAME_OK)
        return result;
    if (size > cursor->bytes_max)
        return FRAME_BAD;
    if (cursor->input.size - cursor->at < size + 2)
        return need(cursor, cursor->at + (size_t)size + 2);
    *bulk = (struct bytes){cursor->input.data + cursor->at, (size_t)size};
    cursor->at += bulk->size + 2;
    return memcmp(bulk->data + bulk->size, FRAME_END, 2) == 0 ? FRAME_OK : FRAME_BAD;
}

/* Is what is there so far, of an argument that never is a large one, as it should be? */
static bool is_name(struct bytes name)
{
    if (name.size == 0 || name.size > FRAME_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < 'A' || name.data[i] > 'Z')
            return false;
    return true;
}

static enum frame_result check_argument(size_t index, size_t count, struct bytes argument)
{
    if (index == 0)
        return bytes_equal(argument, bytes_of("GOSSIP")) ? FRAME_OK : FRAME_BAD;
    if (index == 1 && bytes_equal(argument, bytes_of(PART_NAME)) != (count == ARGS_MAX))
        return FRAME_BAD;
    if (index == 1 || (index == 2 && count == ARGS_MAX))
        return is_name(argument) ? FRAME_OK : FRAME_BAD;
    return FRAME_OK;
}

static enum frame_result read_part(const struct bytes argument[ARGS_MAX], struct frame *frame)
{
    struct frame part = {.kind = FRAME_PART, .name = argument[2], .body = argument[5]};

    if (!bytes_to_uint64(argument[3], &part.offset) || !bytes_to_uint64(argument[4], &part.size) ||
        part.offset > part.size || part.body.size > part.size - part.offset)
        return FRAME_BAD;
    *frame = part;
    return FRAME_OK;
}

static enum frame_result parse_array(struct cursor *cursor, struct frame *frame)
{
    struct bytes argument[ARGS_MAX];
    uint64_t count;
    enum frame_result result = take_number(cursor, '*', &count);

    if (result == FRAME_OK && count != ARGS_WHOLE && count != ARGS_MAX)
        return FRAME_BAD;
    for (size_t i = 0; result == FRAME_OK && i < count; i++) {
        result = take_bulk(cursor, &argument[i]);
        if (result == FRAME_OK)
            result = check_argument(i, (size_t)count, argument[i]);
    }
    if (result != FRAME_OK)
        return result;
    if (count == ARGS_MAX)
        return read_part(argument, frame);
    *frame = (struct frame){.kind = FRAME_WHOLE, .name = argument[1], .body = argument[2]};
    return FRAME_OK;
}

static enum frame_result parse_refusal(struct cursor *cursor, struct frame *frame)
{
    struct bytes line;
    enum frame_result result = take_line(cursor, FRAME_REFUSAL_MAX + 3, &line);

    if (result == FRAME_OK)
        *frame = (struct frame){.kind = FRAME_REFUSAL, .body = {line.data + 1, line.size - 1}};
    return result;
}

enum frame_result frame_parse(struct bytes input, size_t bytes_max, struct frame *frame,
                              size_t *size)
{
    struct cursor cursor = {.input = input, .bytes_max = bytes_max};
    enum frame_result result;

    if (input.size > 0 && input.data[0] == '-')
        result = parse_refusal(&cursor, frame);
    else
        result = parse_array(&cursor, frame);
    if (result == FRAME_OK && cursor.at > bytes_max)
        return FRAME_BAD;
    if (result != FRAME_BAD)
        *size = result == FRAME_OK ? cursor.at : cursor.needed;
    return result;
}

/* --- writing --- */

static void put_bulk(struct buffer *out, const char *text)
{
    buffer_printf(out, "$%zu\r\n%s\r\n", strlen(text), text);
}

static void put_number(struct buffer *out, uint64_t number)
{
    char text[INT64_TEXT_MAX + 1];
    size_t size = int64_to_text((int64_t)number, text);

    text[size] = '\0';
    put_bulk(out, text);
}

void frame_put_head(struct buffer *out, const char *name, size_t body_size)
{
    buffer_printf(out, "*%d\r\n", ARGS_WHOLE);
    put_bulk(out, "GOSSIP");
    put_bulk(out, name);
    buffer_printf(out, "$%zu\r\n", body_size);
}

void frame_put_part_head(struct buffer *out, const char *name, uint64_t offset, uint64_t size,
                         size_t piece_size)
{
    buffer_printf(out, "*%d\r\n", ARGS_MAX);
    put_bulk(out, "GOSSIP");
    put_bulk(out, PART_NAME);
    put_bulk(out, name);
    put_number(out, offset);
    put_number(out, size);
    buffer_printf(out, "$%zu\r\n", piece_size);
}

void frame_put(struct buffer *out, const char *name, struct bytes body)
{
    frame_put_head(out, name, body.size);
    buffer_append_bytes(out, body);
    buffer_append_text(out, FRAME_END);
}

void frame_put_refusal(struct buffer *out, const char *text)
{
    buffer_append_byte(out, '-');
    for (size_t i = 0; i < FRAME_REFUSAL_MAX && text[i] != '\0'; i++)
        buffer_append_byte(out, text[i] < ' ' ? ' ' : text[i]);
    buffer_append_text(out, FRAME_END);
}
