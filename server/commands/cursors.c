#include "commands/cursors.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"

struct position {
    struct position *older, *newer; /* in its queue */
    struct position *chain;         /* the next in its bucket */
    struct queue *queue;
    uint64_t cursor;
    unsigned char ns_id[NS_ID_SIZE]; /* the id: FLUSHDB leaves it, and the listing goes on */
    size_t key_size;
    char key[];
};

struct queue {
    struct position *oldest, *newest;
    size_t count;
    size_t bytes;
};

struct cursors {
    pthread_mutex_t lock;
    size_t positions_max, bytes_max;
    uint64_t next; /* to be given out */
    struct queue waiting, used;
    struct position *buckets[]; /* positions_max of them, by number */
};

struct cursors *cursors_create(size_t positions_max, size_t bytes_max)
{
    struct cursors *cursors =
        xcalloc(1, sizeof(*cursors) + positions_max * sizeof(cursors->buckets[0]));

    pthread_mutex_init(&cursors->lock, NULL);
    cursors->positions_max = positions_max;
    cursors->bytes_max = bytes_max;
    cursors->next = (random_secret_u64() >> 16) + 1;
    return cursors;
}

/* Where the pointer to the position is, or to the end of its bucket. */
static struct position **find(struct cursors *cursors, uint64_t cursor)
{
    struct position **at = &cursors->buckets[cursor % cursors->positions_max];

    while (*at != NULL && (*at)->cursor != cursor)
        at = &(*at)->chain;
    return at;
}

static size_t size_of(const struct position *position)
{
    return sizeof(*position) + position->key_size;
}

static void enqueue(struct queue *queue, struct position *position)
{
    position->queue = queue;
    position->newer = NULL;
    position->older = queue->newest;
    if (queue->newest != NULL)
        queue->newest->newer = position;
    else
        queue->oldest = position;
    queue->newest = position;
    queue->count++;
    queue->bytes += size_of(position);
}

static void dequeue(struct position *position)
{
    struct queue *queue = position->queue;

    if (position->newer != NULL)
        position->newer->older = position->older;
    else
        queue->newest = position->older;
    if (position->older != NULL)
        position->older->newer = position->newer;
    else
        queue->oldest = position->newer;
    queue->count--;
    queue->bytes -= size_of(position);
}

static void forget(struct cursors *cursors, struct position *position)
{
    *find(cursors, position->cursor) = position->chain;
    dequeue(position);
    free(position);
}

static void trim(struct cursors *cursors, struct queue *queue)
{
    while (queue->count > 1 &&
           (queue->count > cursors->positions_max || queue->bytes > cursors->bytes_max / 2))
        forget(cursors, queue->oldest);
}

void cursors_destroy(struct cursors *cursors)
{
    if (cursors == NULL)
        return;
    while (cursors->waiting.oldest != NULL)
        forget(cursors, cursors->waiting.oldest);
    while (cursors->used.oldest != NULL)
        forget(cursors, cursors->used.oldest);
    pthread_mutex_destroy(&cursors->lock);
    free(cursors);
}

static struct position *position_create(const struct ns *ns, struct bytes key)
{
    struct position *position = xcalloc(1, sizeof(*position) + key.size);

    memcpy(position->ns_id, ns->id, NS_ID_SIZE);
    position->key_size = key.size;
    if (key.size > 0)
        memcpy(position->key, key.data, key.size);
    return position;
}

uint64_t cursors_remember(struct cursors *cursors, const struct ns *ns, struct bytes key)
{
    struct position *position = position_create(ns, key);
    uint64_t cursor;

    pthread_mutex_lock(&cursors->lock);
    cursor = cursors->next++;
    position->cursor = cursor;
    *find(cursors, cursor) = position;
    enqueue(&cursors->waiting, position);
    trim(cursors, &cursors->waiting);
    pthread_mutex_unlock(&cursors->lock);
    return cursor;
}

bool cursors_recall(struct cursors *cursors, const struct ns *ns, uint64_t cursor,
                    struct buffer *key)
{
    struct position *position;
    bool is_known;

    pthread_mutex_lock(&cursors->lock);
    position = *find(cursors, cursor);
    is_known = position != NULL && memcmp(position->ns_id, ns->id, NS_ID_SIZE) == 0;
    if (is_known) {
        buffer_append(key, position->key, position->key_size);
        dequeue(position);
        enqueue(&cursors->used, position);
        trim(cursors, &cursors->used);
    }
    pthread_mutex_unlock(&cursors->lock);
    return is_known;
}
