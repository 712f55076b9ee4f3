#include "store/feed.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"

/* One commit's own records. */
struct piece {
    struct piece *next;
    uint64_t to;
    struct buffer records;
};

/* Pieces lie end to end: the first reaches from `start`, each other from the one before it.  Behind
 * the last one, up to `position`, is nothing. */
struct feed {
    size_t bytes_max;
    atomic_bool is_wanted;
    pthread_mutex_t mutex;
    struct piece *first, *last;
    size_t bytes;
    uint64_t start, position;
};

struct feed *feed_create(size_t bytes_max)
{
    struct feed *feed = xcalloc(1, sizeof *feed);

    feed->bytes_max = bytes_max;
    pthread_mutex_init(&feed->mutex, NULL);
    return feed;
}

static size_t piece_bytes(const struct piece *piece)
{
    return sizeof *piece + piece->records.capacity;
}

static void drop_first(struct feed *feed)
{
    struct piece *piece = feed->first;

    feed->first = piece->next;
    if (feed->first == NULL)
        feed->last = NULL;
    feed->start = piece->to;
    feed->bytes -= piece_bytes(piece);
    buffer_clear(&piece->records);
    free(piece);
}

/* Who wants something from before `position` is too late. */
static void start_anew(struct feed *feed, uint64_t position)
{
    while (feed->first != NULL)
        drop_first(feed);
    feed->start = position;
}

void feed_destroy(struct feed *feed)
{
    if (feed == NULL)
        return;
    start_anew(feed, 0);
    pthread_mutex_destroy(&feed->mutex);
    free(feed);
}

void feed_set_wanted(struct feed *feed, bool is_wanted)
{
    pthread_mutex_lock(&feed->mutex);
    if (is_wanted != atomic_load(&feed->is_wanted)) {
        start_anew(feed, feed->position);
        atomic_store(&feed->is_wanted, is_wanted);
    }
    pthread_mutex_unlock(&feed->mutex);
}

bool feed_is_wanted(const struct feed *feed)
{
    return atomic_load_explicit(&feed->is_wanted, memory_order_relaxed);
}

static void shrink(struct buffer *buffer)
{
    if (buffer->capacity - buffer->size < buffer->size / 4)
        return;
    buffer->data = xrealloc(buffer->data, buffer->size);
    buffer->capacity = buffer->size;
}

static void add_piece(struct feed *feed, uint64_t to, struct buffer *records)
{
    struct piece *piece = xcalloc(1, sizeof *piece);

    piece->to = to;
    piece->records = *records;
    *records = (struct buffer){0};
    shrink(&piece->records);
    if (feed->last != NULL)
        feed->last->next = piece;
    else
        feed->first = piece;
    feed->last = piece;
    feed->bytes += piece_bytes(piece);
    while (feed->bytes > feed->bytes_max)
        drop_first(feed);
}

void feed_append(struct feed *feed, uint64_t position, struct buffer *records)
{
    pthread_mutex_lock(&feed->mutex);
    if (!atomic_load(&feed->is_wanted)) {
        start_anew(feed, position);
        records->size = 0;
    } else if (records->size > 0) {
        add_piece(feed, position, records);
    }
    feed->position = position;
    pthread_mutex_unlock(&feed->mutex);
}

bool feed_can_hold(const struct feed *feed, size_t bytes)
{
    return bytes <= feed->bytes_max;
}

void feed_cut(struct feed *feed, uint64_t position)
{
    pthread_mutex_lock(&feed->mutex);
    start_anew(feed, position);
    feed->position = position;
    pthread_mutex_unlock(&feed->mutex);
}

/* Always at least one piece, however large it is. */
static uint64_t copy_pieces(const struct feed *feed, uint64_t from, size_t bytes_max,
                            struct buffer *records)
{
    size_t before = records->size;
    uint64_t to = from;

    for (const struct piece *piece = feed->first; piece != NULL; piece = piece->next) {
        if (piece->to <= from)
            continue;
        if (records->size > before && records->size - before + piece->records.size > bytes_max)
            return to;
        buffer_append_bytes(records, buffer_view(&piece->records));
        to = piece->to;
    }
    return feed->position > from ? feed->position : from;
}

bool feed_read(struct feed *feed, uint64_t from, size_t bytes_max, struct buffer *records,
               uint64_t *to, uint64_t *cut)
{
    bool reaches_back;

    pthread_mutex_lock(&feed->mutex);
    reaches_back = from >= feed->start;
    if (reaches_back)
        *to = copy_pieces(feed, from, bytes_max, records);
    else
        *cut = feed->start;
    pthread_mutex_unlock(&feed->mutex);
    return reaches_back;
}

uint64_t feed_position(struct feed *feed)
{
    uint64_t position;

    pthread_mutex_lock(&feed->mutex);
    position = feed->position;
    pthread_mutex_unlock(&feed->mutex);
    return position;
}

void feed_trim(struct feed *feed, uint64_t position)
{
    pthread_mutex_lock(&feed->mutex);
    while (feed->first != NULL && feed->first->to <= position)
        drop_first(feed);
    pthread_mutex_unlock(&feed->mutex);
}

size_t feed_bytes(struct feed *feed)
{
    size_t bytes;

    pthread_mutex_lock(&feed->mutex);
    bytes = feed->bytes;
    pthread_mutex_unlock(&feed->mutex);
    return bytes;
}
