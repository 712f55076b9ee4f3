#include "net/outbox.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

#define HELD_CAPACITY_MIN  16 /* powers of two: positions in the ring are masked */
#define HELD_CAPACITY_KEPT 64 /* a longer list is given back when it has emptied */

/* Bytes that have left make room once they are this many and the larger half: each byte is then
 * moved at most once for each one that left, however slowly the client reads. */
#define SENT_KEPT_MAX (64 * 1024)

void outbox_clear(struct outbox *outbox)
{
    buffer_clear(&outbox->bytes);
    free(outbox->held);
    *outbox = (struct outbox){0};
}

static struct held_reply *held_at(const struct outbox *outbox, size_t index)
{
    return &outbox->held[(outbox->held_first + index) & (outbox->held_capacity - 1)];
}

static void grow_held(struct outbox *outbox)
{
    size_t capacity = outbox->held_capacity == 0 ? HELD_CAPACITY_MIN : outbox->held_capacity * 2;
    struct held_reply *held = xmalloc(capacity * sizeof held[0]);

    for (size_t i = 0; i < outbox->held_count; i++)
        held[i] = *held_at(outbox, i);
    free(outbox->held);
    outbox->held = held;
    outbox->held_first = 0;
    outbox->held_capacity = capacity;
}

void outbox_hold(struct outbox *outbox, size_t start, uint64_t group)
{
    assert(start <= outbox->bytes.size);
    if (start == outbox->bytes.size)
        return;
    if (outbox->held_count == outbox->held_capacity)
        grow_held(outbox);
    *held_at(outbox, outbox->held_count++) = (struct held_reply){
        .start = outbox->position + start,
        .end = outbox->position + outbox->bytes.size,
        .group = group,
    };
}

static void forget_held(struct outbox *outbox)
{
    outbox->held_count = 0;
    outbox->held_first = 0;
    if (outbox->held_capacity <= HELD_CAPACITY_KEPT)
        return;
    free(outbox->held);
    outbox->held = NULL;
    outbox->held_capacity = 0;
}

void outbox_release(struct outbox *outbox, uint64_t committed)
{
    while (outbox->held_count > 0 && held_at(outbox, 0)->group <= committed) {
        outbox->held_first = (outbox->held_first + 1) & (outbox->held_capacity - 1);
        outbox->held_count--;
    }
    if (outbox->held_count == 0)
        forget_held(outbox);
}

void outbox_replace(struct outbox *outbox, uint64_t committed, struct bytes error)
{
    const struct buffer *old = &outbox->bytes;
    struct buffer new = {0};
    size_t copied = outbox->sent;

    for (size_t i = 0; i < outbox->held_count; i++) {
        const struct held_reply *reply = held_at(outbox, i);

        if (reply->group <= committed)
            continue;
        buffer_append(&new, old->data + copied, (size_t)(reply->start - outbox->position) - copied);
        buffer_append_bytes(&new, error);
        copied = (size_t)(reply->end - outbox->position);
    }
    buffer_append(&new, old->data + copied, old->size - copied);

    buffer_clear(&outbox->bytes);
    outbox->bytes = new;
    outbox->position += outbox->sent;
    outbox->sent = 0;
    forget_held(outbox);
}

struct bytes outbox_ready(const struct outbox *outbox)
{
    size_t end = outbox->bytes.size;

    if (outbox->held_count > 0)
        end = (size_t)(held_at(outbox, 0)->start - outbox->position);
    return (struct bytes){outbox->bytes.data + outbox->sent, end - outbox->sent};
}

void outbox_sent(struct outbox *outbox, size_t size)
{
    assert(size <= outbox_size(outbox));
    outbox->sent += size;
    if (outbox->sent < outbox->bytes.size &&
        (outbox->sent < SENT_KEPT_MAX || outbox->sent < outbox->bytes.size / 2))
        return;
    buffer_consume(&outbox->bytes, outbox->sent);
    outbox->position += outbox->sent;
    outbox->sent = 0;
}
