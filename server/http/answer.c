#include "http/answer.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

/* What is kept from one command to the next: room for a usual value, and for a page of a listing.
 */
#define BYTES_KEPT_MAX  ((size_t)64 * 1024)
#define VALUES_KEPT_MAX ((size_t)4096)

/* What KV.GET says behind its value, metadata apart. */
#define ROOM_BEHIND ((size_t)4096)

static struct http_answer *answer_of(struct reply *reply)
{
    return (struct http_answer *)reply;
}

static struct http_answer_value *add(struct reply *reply, enum http_answer_kind kind)
{
    struct http_answer *answer = answer_of(reply);
    struct http_answer_value *value;

    answer->values =
        xgrow(answer->values, answer->count, &answer->capacity, sizeof answer->values[0]);
    value = &answer->values[answer->count++];
    *value = (struct http_answer_value){.kind = kind, .at = answer->bytes.size};
    return value;
}

static void add_text(struct reply *reply, enum http_answer_kind kind, struct bytes text)
{
    struct buffer *bytes = &answer_of(reply)->bytes;

    add(reply, kind)->size = text.size;
    if (text.size > BYTES_KEPT_MAX) /* a long value; what comes behind it should not move it */
        (void)buffer_reserve(bytes, text.size + ROOM_BEHIND);
    buffer_append_bytes(bytes, text);
}

static void on_text(struct reply *reply, struct bytes text)
{
    add_text(reply, ANSWER_TEXT, text);
}

static void on_error(struct reply *reply, struct bytes text)
{
    add_text(reply, ANSWER_ERROR, text);
}

static void on_integer(struct reply *reply, int64_t value)
{
    add(reply, ANSWER_INTEGER)->integer = value;
}

static void on_null(struct reply *reply)
{
    (void)add(reply, ANSWER_NULL);
}

static void on_boolean(struct reply *reply, bool value)
{
    on_integer(reply, value);
}

static void on_number(struct reply *reply, double value)
{
    add(reply, ANSWER_NUMBER)->number = value;
}

static void on_array(struct reply *reply, size_t count)
{
    add(reply, ANSWER_ARRAY)->count = count;
}

static void on_map(struct reply *reply, size_t pairs)
{
    add(reply, ANSWER_MAP)->count = pairs;
}

static size_t on_mark(const struct reply *reply)
{
    return ((const struct http_answer *)reply)->count;
}

static void on_rewind(struct reply *reply, size_t mark)
{
    struct http_answer *answer = answer_of(reply);

    if (mark < answer->count)
        answer->bytes.size = answer->values[mark].at;
    answer->count = mark;
}

static const struct reply_ops ops = {
    .simple = on_text,
    .error = on_error,
    .integer = on_integer,
    .bulk = on_text,
    .verbatim = on_text,
    .null = on_null,
    .null_array = on_null,
    .boolean = on_boolean,
    .number = on_number,
    .array = on_array,
    .map = on_map,
    .set = on_array,
    .push = on_array,
    .mark = on_mark,
    .rewind = on_rewind,
    .set_protocol = NULL,
};

void http_answer_init(struct http_answer *answer)
{
    *answer = (struct http_answer){.reply = {.ops = &ops}};
}

void http_answer_clear(struct http_answer *answer)
{
    buffer_clear(&answer->bytes);
    free(answer->values);
    http_answer_init(answer);
}

void http_answer_reset(struct http_answer *answer)
{
    if (answer->bytes.capacity > BYTES_KEPT_MAX || answer->capacity > VALUES_KEPT_MAX) {
        http_answer_clear(answer);
        return;
    }
    answer->bytes.size = 0;
    answer->count = 0;
}

struct bytes http_answer_text(const struct http_answer *answer, size_t index)
{
    const struct http_answer_value *value = &answer->values[index];

    if (value->kind != ANSWER_TEXT && value->kind != ANSWER_ERROR)
        return (struct bytes){"", 0};
    return (struct bytes){answer->bytes.data + value->at, value->size};
}

/* Without recursion: each aggregate adds its elements to what is still to be passed. */
size_t http_answer_next(const struct http_answer *answer, size_t index)
{
    size_t left = 1;

    while (left > 0) {
        const struct http_answer_value *value = &answer->values[index++];

        left--;
        if (value->kind == ANSWER_ARRAY)
            left += value->count;
        else if (value->kind == ANSWER_MAP)
            left += 2 * value->count;
    }
    return index;
}

size_t http_answer_member(const struct http_answer *answer, size_t index, const char *name)
{
    size_t at = index + 1;

    assert(answer->values[index].kind == ANSWER_MAP);
    for (size_t i = 0; i < answer->values[index].count; i++) {
        if (bytes_equal(http_answer_text(answer, at), bytes_of(name)))
            return at + 1;
        at = http_answer_next(answer, at + 1);
    }
    assert(!"no such member");
    return index;
}
