#include "commands/readers.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct read_key {
    struct name_node node; /* first; its name is the namespace's id and the key */
    TAILQ_ENTRY(read_key) newer;
    struct reader *readers; /* by id */
    size_t count, capacity;
    char name[];
};

void readers_init(struct readers *readers)
{
    TAILQ_INIT(&readers->keys);
}

static void forget(struct readers *readers, struct read_key *key)
{
    readers->key_count--;
    readers->reader_count -= (int64_t)key->count;
    name_table_remove(&readers->by_name, &key->node);
    TAILQ_REMOVE(&readers->keys, key, newer);
    free(key->readers);
    free(key);
}

void readers_clear(struct readers *readers)
{
    struct read_key *key;

    while ((key = TAILQ_FIRST(&readers->keys)) != NULL)
        forget(readers, key);
    name_table_clear(&readers->by_name);
}

struct read_key *readers_find(const struct readers *readers, struct bytes name)
{
    return (struct read_key *)name_table_find(&readers->by_name, name);
}

struct read_key *readers_oldest(const struct readers *readers)
{
    return TAILQ_FIRST(&readers->keys);
}

struct bytes read_key_name(const struct read_key *key)
{
    return key->node.name;
}

static struct read_key *find_or_add(struct readers *readers, struct bytes name)
{
    struct read_key *key = readers_find(readers, name);

    if (key != NULL)
        return key;
    key = xmalloc(sizeof *key + name.size);
    *key = (struct read_key){.count = 0};
    memcpy(key->name, name.data, name.size);
    key->node.name = (struct bytes){key->name, name.size};
    name_table_add(&readers->by_name, &key->node);
    TAILQ_INSERT_TAIL(&readers->keys, key, newer);
    readers->key_count++;
    return key;
}

/* Where the id is, or would be. */
static size_t place_of_id(const struct read_key *key, uint64_t id)
{
    size_t low = 0, high = key->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (key->readers[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* NULL if the id is not at this place. */
static struct reader *reader_at(const struct read_key *key, size_t at, uint64_t id)
{
    return at < key->count && key->readers[at].id == id ? &key->readers[at] : NULL;
}

bool read_key_has(const struct read_key *key, uint64_t id)
{
    return reader_at(key, place_of_id(key, id), id) != NULL;
}

/* Most keys are read by one client: the array begins with one element. */
static void insert(struct read_key *key, size_t at, struct reader reader)
{
    if (key->count == key->capacity) {
        key->capacity = key->capacity == 0 ? 1 : 2 * key->capacity;
        key->readers = xrealloc(key->readers, key->capacity * sizeof key->readers[0]);
    }
    memmove(key->readers + at + 1, key->readers + at, (key->count - at) * sizeof key->readers[0]);
    key->readers[at] = reader;
    key->count++;
}

void readers_add(struct readers *readers, struct bytes name, uint64_t id, uint64_t seen)
{
    struct read_key *key = find_or_add(readers, name);
    size_t at = place_of_id(key, id);
    struct reader *reader = reader_at(key, at, id);

    if (reader == NULL) {
        insert(key, at, (struct reader){id, seen, seen});
        readers->reader_count++;
        return;
    }
    if (seen < reader->first_seen)
        reader->first_seen = seen;
    reader->last_seen = seen;
}

void readers_sift(struct readers *readers, struct read_key *key,
                  bool (*stays)(void *context, struct reader *reader), void *context)
{
    size_t kept = 0;

    for (size_t i = 0; i < key->count; i++) {
        struct reader reader = key->readers[i];

        if (stays(context, &reader))
            key->readers[kept++] = reader;
    }
    readers->reader_count -= (int64_t)(key->count - kept);
    key->count = kept;
    if (kept == 0)
        forget(readers, key);
}
