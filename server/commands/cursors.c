#include "commands/cursors.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"

struct position {
    unsigned char ns_id[NS_ID_SIZE]; /* the id: FLUSHDB leaves it, and the listing goes on */
    size_t key_size;
    char key[];
};

struct cursors {
    pthread_mutex_t lock;
    size_t positions_max, bytes_max;
    size_t bytes;            /* of what is remembered */
    uint64_t oldest, next;   /* remembered are oldest .. next - 1 */
    struct position *ring[]; /* number n is at n % positions_max */
};

struct cursors *cursors_create(size_t positions_max, size_t bytes_max)
{
    struct cursors *cursors =
        xcalloc(1, sizeof(*cursors) + positions_max * sizeof(cursors->ring[0]));

    pthread_mutex_init(&cursors->lock, NULL);
    cursors->positions_max = positions_max;
    cursors->bytes_max = bytes_max;
    cursors->next = (random_secret_u64() >> 16) + 1;
    cursors->oldest = cursors->next;
    return cursors;
}

static struct position **slot_of(struct cursors *cursors, uint64_t cursor)
{
    return &cursors->ring[cursor % cursors->positions_max];
}

static size_t position_bytes(const struct position *position)
{
    return sizeof(*position) + position->key_size;
}

static void forget_oldest(struct cursors *cursors)
{
    struct position **slot = slot_of(cursors, cursors->oldest++);

    cursors->bytes -= position_bytes(*slot);
    free(*slot);
    *slot = NULL;
}

void cursors_destroy(struct cursors *cursors)
{
    if (cursors == NULL)
        return;
    while (cursors->oldest < cursors->next)
        forget_oldest(cursors);
    pthread_mutex_destroy(&cursors->lock);
    free(cursors);
}

static struct position *position_create(const struct ns *ns, struct bytes key)
{
    struct position *position = xmalloc(sizeof(*position) + key.size);

    memcpy(position->ns_id, ns->id, NS_ID_SIZE);
    position->key_size = key.size;
    if (key.size > 0)
        memcpy(position->key, key.data, key.size);
    return position;
}

/* The newest position has room even where it alone is over the limit: a listing must get on. */
static bool has_room(const struct cursors *cursors, size_t bytes)
{
    uint64_t count = cursors->next - cursors->oldest;

    return count == 0 ||
           (count < cursors->positions_max && cursors->bytes + bytes <= cursors->bytes_max);
}

uint64_t cursors_remember(struct cursors *cursors, const struct ns *ns, struct bytes key)
{
    struct position *position = position_create(ns, key);
    uint64_t cursor;

    pthread_mutex_lock(&cursors->lock);
    while (!has_room(cursors, position_bytes(position)))
        forget_oldest(cursors);
    cursor = cursors->next++;
    *slot_of(cursors, cursor) = position;
    cursors->bytes += position_bytes(position);
    pthread_mutex_unlock(&cursors->lock);
    return cursor;
}

bool cursors_recall(struct cursors *cursors, const struct ns *ns, uint64_t cursor,
                    struct buffer *key)
{
    const struct position *position;
    bool is_known;

    pthread_mutex_lock(&cursors->lock);
    is_known = cursor >= cursors->oldest && cursor < cursors->next;
    if (is_known) {
        position = *slot_of(cursors, cursor);
        is_known = memcmp(position->ns_id, ns->id, NS_ID_SIZE) == 0;
        if (is_known)
            buffer_append(key, position->key, position->key_size);
    }
    pthread_mutex_unlock(&cursors->lock);
    return is_known;
}
