/* Stages and LevelDB as one: a heap of what has a next row, the smallest key on top, and of one key
 * the newest row. */
#include <stdlib.h>

#include "base/memory.h"
#include "store/engine_internal.h"
#include "store/rows.h"

#define SOURCES_MAX (2 * STAGE_RUNS_MAX + 1)

struct source {
    const struct run *run; /* NULL: LevelDB */
    size_t place;
    size_t age; /* the smaller, the newer */
    struct bytes key;
};

struct engine_iterator {
    struct engine_views views;
    struct tree_iterator *tree;
    struct source sources[SOURCES_MAX];
    size_t source_count;
    struct source *heap[SOURCES_MAX];
    size_t heap_size;
};

/* ---------- sources ---------- */

/* False at its end. */
static bool load_key(const struct engine_iterator *iterator, struct source *source)
{
    if (source->run == NULL) {
        if (!tree_iterator_is_valid(iterator->tree))
            return false;
        source->key = tree_iterator_key(iterator->tree);
        return true;
    }
    if (source->place == source->run->count)
        return false;
    source->key = row_key(source->run->rows[source->place]);
    return true;
}

static bool advance(struct engine_iterator *iterator, struct source *source)
{
    if (source->run == NULL)
        tree_iterator_next(iterator->tree);
    else
        source->place++;
    return load_key(iterator, source);
}

static bool seek(struct engine_iterator *iterator, struct source *source, struct bytes key)
{
    if (source->run == NULL)
        tree_iterator_seek(iterator->tree, key);
    else
        source->place = run_seek(source->run, key);
    return load_key(iterator, source);
}

static bool is_deleted(const struct source *source)
{
    return source->run != NULL && row_is_deleted(source->run->rows[source->place]);
}

/* ---------- the heap ---------- */

static bool comes_first(const struct source *a, const struct source *b)
{
    int order = bytes_compare(a->key, b->key);

    return order < 0 || (order == 0 && a->age < b->age);
}

static void sift_down(struct engine_iterator *iterator, size_t place)
{
    struct source **heap = iterator->heap;
    struct source *sunk = heap[place];

    for (size_t child; (child = 2 * place + 1) < iterator->heap_size; place = child) {
        if (child + 1 < iterator->heap_size && comes_first(heap[child + 1], heap[child]))
            child++;
        if (!comes_first(heap[child], sunk))
            break;
        heap[place] = heap[child];
    }
    heap[place] = sunk;
}

static void advance_first(struct engine_iterator *iterator)
{
    if (!advance(iterator, iterator->heap[0]))
        iterator->heap[0] = iterator->heap[--iterator->heap_size];
    if (iterator->heap_size > 0)
        sift_down(iterator, 0);
}

/* Past the first row, and the older ones of its key.  LevelDB is the oldest: behind its row there
 * are none, so the key compared to is always that of a run, which stays. */
static void skip_key(struct engine_iterator *iterator)
{
    bool is_of_run = iterator->heap[0]->run != NULL;
    struct bytes key = iterator->heap[0]->key;

    do
        advance_first(iterator);
    while (is_of_run && iterator->heap_size > 0 && bytes_equal(iterator->heap[0]->key, key));
}

static void skip_deleted(struct engine_iterator *iterator)
{
    while (iterator->heap_size > 0 && is_deleted(iterator->heap[0]))
        skip_key(iterator);
}

/* ---------- life ---------- */

/* Views of the stages, and LevelDB as of then: what is moved meanwhile is in the views too, unless
 * it was frozen after they were opened. */
static void open_together(struct engine *engine, struct engine_iterator *iterator)
{
    for (;;) {
        engine_open_views(engine, &iterator->views);
        iterator->tree = tree_iterate(engine->tree);
        if (!engine_has_frozen_since(engine, &iterator->views))
            return;
        tree_iterator_destroy(iterator->tree);
        engine_close_views(&iterator->views);
    }
}

static void add_source(struct engine_iterator *iterator, const struct run *run)
{
    iterator->sources[iterator->source_count] =
        (struct source){.run = run, .age = iterator->source_count};
    iterator->source_count++;
}

struct engine_iterator *engine_iterate(struct engine *engine)
{
    struct engine_iterator *iterator = xmalloc(sizeof *iterator);

    iterator->source_count = 0;
    iterator->heap_size = 0;
    open_together(engine, iterator);
    for (size_t i = 0; i < iterator->views.count; i++)
        for (size_t j = 0; j < iterator->views.views[i].count; j++)
            add_source(iterator, iterator->views.views[i].runs[j]);
    add_source(iterator, NULL);
    return iterator;
}

void engine_iterator_destroy(struct engine_iterator *iterator)
{
    if (iterator == NULL)
        return;
    tree_iterator_destroy(iterator->tree);
    engine_close_views(&iterator->views);
    free(iterator);
}

/* ---------- moving ---------- */

void engine_iterator_seek(struct engine_iterator *iterator, struct bytes key)
{
    iterator->heap_size = 0;
    for (size_t i = 0; i < iterator->source_count; i++)
        if (seek(iterator, &iterator->sources[i], key))
            iterator->heap[iterator->heap_size++] = &iterator->sources[i];
    for (size_t place = iterator->heap_size / 2; place-- > 0;)
        sift_down(iterator, place);
    skip_deleted(iterator);
}

void engine_iterator_next(struct engine_iterator *iterator)
{
    skip_key(iterator);
    skip_deleted(iterator);
}

bool engine_iterator_is_valid(const struct engine_iterator *iterator)
{
    return iterator->heap_size > 0;
}

struct bytes engine_iterator_key(const struct engine_iterator *iterator)
{
    return iterator->heap[0]->key;
}

struct bytes engine_iterator_value(const struct engine_iterator *iterator)
{
    const struct source *source = iterator->heap[0];

    return source->run == NULL ? tree_iterator_value(iterator->tree)
                               : row_value(source->run->rows[source->place]);
}

enum status engine_iterator_status(struct engine_iterator *iterator)
{
    return tree_iterator_status(iterator->tree);
}

/* ---------- the last key ---------- */

static void take_if_later(struct bytes key, struct buffer *last, bool *is_found)
{
    if (*is_found && bytes_compare(key, buffer_view(last)) <= 0)
        return;
    last->size = 0;
    buffer_append_bytes(last, key);
    *is_found = true;
}

enum status engine_last_before(struct engine *engine, struct bytes key, struct buffer *last)
{
    struct engine_iterator *iterator = engine_iterate(engine);
    enum status status;
    bool is_found = false;

    for (size_t i = 0; i < iterator->source_count; i++) {
        const struct run *run = iterator->sources[i].run;
        size_t place = run != NULL ? run_seek(run, key) : 0;

        if (place > 0)
            take_if_later(row_key(run->rows[place - 1]), last, &is_found);
    }
    tree_iterator_seek(iterator->tree, key);
    tree_iterator_previous(iterator->tree);
    if (tree_iterator_is_valid(iterator->tree))
        take_if_later(tree_iterator_key(iterator->tree), last, &is_found);
    status = engine_iterator_status(iterator);
    engine_iterator_destroy(iterator);
    if (status != STATUS_OK)
        return status;
    return is_found ? STATUS_OK : STATUS_NOT_FOUND;
}
