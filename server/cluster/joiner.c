#include "cluster/joiner.h"

/* A page for a new node, with what stands around it. */
#define REUSED_MAX ((size_t)2 << 20)

static void begin(struct joiner *joiner, const struct frame *part)
{
    joiner->body.size = 0;
    memcpy(joiner->name, part->name.data, part->name.size);
    joiner->name_size = part->name.size;
    joiner->size = part->size;
}

static bool follows(const struct joiner *joiner, const struct frame *part)
{
    struct bytes name = {joiner->name, joiner->name_size};

    return part->offset == joiner->body.size && part->size == joiner->size &&
           bytes_equal(part->name, name) && part->body.size > 0;
}

enum status joiner_add(struct joiner *joiner, const struct frame *part, size_t size_max,
                       bool *is_whole)
{
    if (part->size > size_max || part->name.size > FRAME_NAME_MAX)
        return STATUS_CORRUPT;
    if (part->offset == 0)
        begin(joiner, part);
    if (!follows(joiner, part))
        return STATUS_CORRUPT;
    /* Room for no more than has come: a size alone costs nothing. */
    buffer_append_bytes(&joiner->body, part->body);
    *is_whole = joiner->body.size == joiner->size;
    return STATUS_OK;
}

void joiner_clear(struct joiner *joiner)
{
    buffer_clear(&joiner->body);
    *joiner = (struct joiner){.size = 0};
}

void joiner_reuse(struct joiner *joiner, struct joiner *used)
{
    if (joiner->body.data != NULL || used->body.capacity > REUSED_MAX)
        return;
    joiner->body = used->body;
    joiner->body.size = 0;
    used->body = (struct buffer){0};
}
