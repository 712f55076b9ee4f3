#include "cluster/send_queue.h"

#include <stdlib.h>

#include "base/memory.h"

struct waiting_message {
    TAILQ_ENTRY(waiting_message) entry;
    enum message_kind kind;
    size_t size;
    char body[];
};

static const size_t size_max[SEND_CLASS_COUNT] = {
    [SEND_BEAT] = SEND_BEATS_MAX,
    [SEND_SHORT] = SEND_SHORT_MAX,
    [SEND_LONG] = SEND_LONG_MAX,
};

void send_queue_init(struct send_queue *queue)
{
    *queue = (struct send_queue){.offset = 0};
    for (int i = 0; i < SEND_CLASS_COUNT; i++)
        TAILQ_INIT(&queue->messages[i]);
}

static void drop_first(struct send_queue *queue, enum send_class class)
{
    struct waiting_message *message = TAILQ_FIRST(&queue->messages[class]);

    TAILQ_REMOVE(&queue->messages[class], message, entry);
    queue->size[class] -= sizeof *message + message->size;
    free(message);
}

void send_queue_clear(struct send_queue *queue)
{
    for (int i = 0; i < SEND_CLASS_COUNT; i++)
        while (!TAILQ_EMPTY(&queue->messages[i]))
            drop_first(queue, (enum send_class)i);
    queue->offset = 0;
}

static enum send_class class_of(enum message_kind kind, size_t size)
{
    if (size > FRAME_PIECE_MAX)
        return SEND_LONG;
    return kind == MESSAGE_BEAT ? SEND_BEAT : SEND_SHORT;
}

bool send_queue_add(struct send_queue *queue, enum message_kind kind, struct bytes body)
{
    enum send_class class = class_of(kind, body.size);
    size_t size = sizeof(struct waiting_message) + body.size;
    struct waiting_message *message;

    if (!TAILQ_EMPTY(&queue->messages[class]) && queue->size[class] + size > size_max[class])
        return false;
    message = xmalloc(size);
    message->kind = kind;
    message->size = body.size;
    if (body.size > 0)
        memcpy(message->body, body.data, body.size);
    TAILQ_INSERT_TAIL(&queue->messages[class], message, entry);
    queue->size[class] += size;
    return true;
}

static void put_short(struct send_queue *queue, enum send_class class, struct buffer *out)
{
    const struct waiting_message *message = TAILQ_FIRST(&queue->messages[class]);
    size_t before = out->size;

    frame_put(out, message_name(message->kind), (struct bytes){message->body, message->size});
    queue->short_since_piece += out->size - before;
    drop_first(queue, class);
}

static void put_piece(struct send_queue *queue, struct buffer *out)
{
    const struct waiting_message *message = TAILQ_FIRST(&queue->messages[SEND_LONG]);
    size_t rest = message->size - queue->offset;
    size_t piece = rest < FRAME_PIECE_MAX ? rest : FRAME_PIECE_MAX;

    frame_put_part_head(out, message_name(message->kind), queue->offset, message->size, piece);
    buffer_append(out, message->body + queue->offset, piece);
    buffer_append_text(out, FRAME_END);
    queue->short_since_piece = 0;
    queue->offset += piece;
    if (queue->offset < message->size)
        return;
    drop_first(queue, SEND_LONG);
    queue->offset = 0;
}

bool send_queue_next(struct send_queue *queue, struct buffer *out)
{
    bool has_long = !TAILQ_EMPTY(&queue->messages[SEND_LONG]);

    if (!TAILQ_EMPTY(&queue->messages[SEND_BEAT]))
        put_short(queue, SEND_BEAT, out);
    else if (!TAILQ_EMPTY(&queue->messages[SEND_SHORT]) &&
             (!has_long || queue->short_since_piece < FRAME_PIECE_MAX))
        put_short(queue, SEND_SHORT, out);
    else if (has_long)
        put_piece(queue, out);
    else
        return false;
    return true;
}

bool send_queue_is_amid(const struct send_queue *queue, enum message_kind *kind)
{
    if (queue->offset == 0)
        return false;
    *kind = TAILQ_FIRST(&queue->messages[SEND_LONG])->kind;
    return true;
}

size_t send_queue_size(const struct send_queue *queue)
{
    return queue->size[SEND_BEAT] + queue->size[SEND_SHORT] + queue->size[SEND_LONG];
}
