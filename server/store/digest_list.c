/* All leaves, for a worker thread: the commit thread must not wait for long, so they are copied a
 * stretch at a time, and hashed in between.
 *
 * Commits happen between two stretches.  The next one goes on where the last one ended: if a leaf
 * there was joined to one that is listed already, that one and what was listed behind it are taken
 * back, and the joined leaf is listed instead; so leaves never overlap. */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "store/digest_internal.h"

/* Keys go into a buffer that moves as it grows: until all are there, these are offsets. */
struct place {
    size_t from, from_size, to, to_size;
    bool has_to;
    struct digest digest;
};

struct listing {
    struct store_digest *digest;
    struct leaf_list *list;
    struct place *places; /* as list->leaves */
    size_t capacity;
    size_t hashed;        /* so many fingerprints are known */
    uint32_t number;      /* of the table that is being listed */
    struct buffer resume; /* where in it */
    bool is_last;
};

static void reserve(struct listing *listing)
{
    if (listing->list->count < listing->capacity)
        return;
    listing->capacity = listing->capacity == 0 ? 256 : listing->capacity * 2;
    listing->list->leaves =
        xrealloc(listing->list->leaves, listing->capacity * sizeof *listing->list->leaves);
    listing->places = xrealloc(listing->places, listing->capacity * sizeof *listing->places);
}

static size_t keep_key(struct listing *listing, struct bytes key)
{
    buffer_append_bytes(&listing->list->keys, key);
    return listing->list->keys.size - key.size;
}

static struct bytes kept_key(const struct listing *listing, size_t offset, size_t size)
{
    return (struct bytes){listing->list->keys.data + offset, size};
}

/* The leaf before ends where this one begins: one copy is enough. */
static size_t keep_from(struct listing *listing, uint32_t number, struct bytes key)
{
    size_t count = listing->list->count;

    if (count > 0 && listing->list->leaves[count - 1].number == number) {
        const struct place *before = &listing->places[count - 1];

        if (before->has_to && bytes_equal(kept_key(listing, before->to, before->to_size), key))
            return before->to;
    }
    return keep_key(listing, key);
}

static void add_leaf(struct listing *listing, const struct digest_table *table,
                     const struct leaf *leaf, const struct leaf *next)
{
    struct place place = {.from_size = leaf->boundary.size, .digest = leaf->digest};
    struct leaf_ref *ref;

    if (leaf->digest.count == 0)
        return;
    place.from = keep_from(listing, table->number, leaf->boundary);
    if (next != NULL) {
        place.to = keep_key(listing, next->boundary);
        place.to_size = next->boundary.size;
        place.has_to = true;
    }
    reserve(listing);
    ref = &listing->list->leaves[listing->list->count];
    *ref = (struct leaf_ref){.number = table->number};
    memcpy(ref->ns, table->ns, sizeof ref->ns);
    listing->places[listing->list->count++] = place;
    digest_join(&listing->list->root, &leaf->digest);
}

static void take_back(struct listing *listing)
{
    size_t last = --listing->list->count;

    digest_part(&listing->list->root, &listing->places[last].digest);
    if (listing->hashed > last)
        listing->hashed = last;
}

static bool ends_with(const struct listing *listing, uint32_t number)
{
    size_t count = listing->list->count;

    return count > 0 && listing->list->leaves[count - 1].number == number;
}

/* There is a place for every leaf, once there is one. */
static const struct place *place_at(const struct listing *listing, size_t index)
{
    assert(listing->places != NULL && index < listing->list->count);
    return &listing->places[index];
}

static void take_back_from(struct listing *listing, uint32_t number, struct bytes boundary)
{
    while (ends_with(listing, number)) {
        const struct place *last = place_at(listing, listing->list->count - 1);

        if (bytes_compare(kept_key(listing, last->from, last->from_size), boundary) < 0)
            return;
        take_back(listing);
    }
}

static void resume_at(struct listing *listing, struct bytes key)
{
    listing->resume.size = 0;
    buffer_append_bytes(&listing->resume, key);
}

/* The next stretch of a table; false = it goes on. */
static bool list_table(struct listing *listing, struct digest_table *table)
{
    struct leaf *leaf = leaves_find(table->leaves, buffer_view(&listing->resume));

    take_back_from(listing, table->number, leaf->boundary);
    for (size_t i = 0; i < listing->digest->list_stretch; i++) {
        struct leaf *next = leaves_next(table->leaves, leaf);

        add_leaf(listing, table, leaf, next);
        if (next == NULL)
            return true;
        leaf = next;
    }
    resume_at(listing, leaf->boundary);
    return false;
}

/* The first table from a number on. */
static struct digest_table *table_from(const struct store_digest *digest, uint32_t number)
{
    for (size_t i = 0; i < digest->table_count; i++)
        if (digest->tables[i]->number >= number)
            return digest->tables[i];
    return NULL;
}

/* A table that is gone takes its leaves with it. */
static void list_stretch(struct listing *listing)
{
    struct digest_table *table = table_from(listing->digest, listing->number);

    if (table == NULL || table->number != listing->number) {
        take_back_from(listing, listing->number, (struct bytes){"", 0});
        listing->resume.size = 0;
    }
    if (table == NULL) {
        listing->is_last = true;
        return;
    }
    listing->number = table->number;
    if (!list_table(listing, table))
        return;
    listing->resume.size = 0;
    listing->is_last = table->number == UINT32_MAX;
    listing->number = table->number + 1;
}

static void hash_stretch(struct listing *listing)
{
    for (; listing->hashed < listing->list->count; listing->hashed++) {
        const struct place *place = place_at(listing, listing->hashed);
        struct leaf_ref *ref = &listing->list->leaves[listing->hashed];

        ref->fingerprint =
            digest_of_leaf(&listing->digest->keys, ref->ns,
                           kept_key(listing, place->from, place->from_size), &place->digest);
    }
}

static void set_keys(struct listing *listing)
{
    for (size_t i = 0; i < listing->list->count; i++) {
        const struct place *place = place_at(listing, i);
        struct leaf_ref *ref = &listing->list->leaves[i];

        ref->from = kept_key(listing, place->from, place->from_size);
        if (place->has_to)
            ref->to = kept_key(listing, place->to, place->to_size);
    }
}

enum status digest_list(struct store_digest *digest, struct leaf_list **list)
{
    struct listing listing = {.digest = digest, .list = xcalloc(1, sizeof *listing.list)};
    bool is_ready = true;

    (void)buffer_reserve(&listing.list->keys, 1);
    while (is_ready && !listing.is_last) {
        pthread_mutex_lock(&digest->mutex);
        is_ready = digest_is_ready(digest);
        if (is_ready)
            list_stretch(&listing);
        pthread_mutex_unlock(&digest->mutex);
        hash_stretch(&listing);
    }
    if (is_ready)
        set_keys(&listing);
    free(listing.places);
    buffer_clear(&listing.resume);
    if (!is_ready) {
        leaf_list_destroy(listing.list);
        return STATUS_PARKED;
    }
    *list = listing.list;
    return STATUS_OK;
}

void leaf_list_destroy(struct leaf_list *list)
{
    if (list == NULL)
        return;
    free(list->leaves);
    buffer_clear(&list->keys);
    free(list);
}
