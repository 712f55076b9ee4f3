#include "base/name_table.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"

#define BUCKETS_MIN 8

/* Clients choose names, so they must not know which ones collide. */
static uint64_t seed;

static void choose_seed(void)
{
    random_bytes(&seed, sizeof seed);
}

static uint64_t hash_of(struct bytes name)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, choose_seed);
    return hash_seeded(name, seed);
}

static struct name_node **bucket_of(const struct name_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

struct name_node *name_table_find(const struct name_table *table, struct bytes name)
{
    uint64_t hash;

    if (table->count == 0)
        return NULL;
    hash = hash_of(name);
    for (struct name_node *node = *bucket_of(table, hash); node != NULL; node = node->next)
        if (node->hash == hash && bytes_equal(node->name, name))
            return node;
    return NULL;
}

static void put(struct name_table *table, struct name_node *node)
{
    struct name_node **bucket = bucket_of(table, node->hash);

    node->next = *bucket;
    *bucket = node;
}

/* Doubles when there are as many nodes as buckets. */
static void make_room(struct name_table *table)
{
    struct name_table larger = {.count = table->count};

    if (table->count < table->bucket_count)
        return;
    larger.bucket_count = table->bucket_count == 0 ? BUCKETS_MIN : 2 * table->bucket_count;
    larger.buckets = xcalloc(larger.bucket_count, sizeof larger.buckets[0]);
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct name_node *node = table->buckets[i], *next; node != NULL; node = next) {
            next = node->next;
            put(&larger, node);
        }
    }
    free(table->buckets);
    *table = larger;
}

void name_table_add(struct name_table *table, struct name_node *node)
{
    make_room(table);
    node->hash = hash_of(node->name);
    put(table, node);
    table->count++;
}

void name_table_remove(struct name_table *table, struct name_node *node)
{
    struct name_node **at = bucket_of(table, node->hash);

    while (*at != node) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = node->next;
    table->count--;
}

struct name_node *name_table_any(const struct name_table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++)
        if (table->buckets[i] != NULL)
            return table->buckets[i];
    return NULL;
}

void name_table_each(const struct name_table *table,
                     void (*each)(void *context, struct name_node *node), void *context)
{
    for (size_t i = 0; i < table->bucket_count; i++)
        for (struct name_node *node = table->buckets[i]; node != NULL; node = node->next)
            each(context, node);
}

void name_table_clear(struct name_table *table)
{
    free(table->buckets);
    *table = (struct name_table){0};
}
