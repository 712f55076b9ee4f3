#include "store/sorting.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/memory.h"

#define AHEAD 8 /* changes */

struct ranked_change {
    uint64_t rank; /* of two that differ the lower one comes first */
    const struct change *change;
};

void sorting_prefetch_key(const struct change *change)
{
    __builtin_prefetch(change->entry);
    __builtin_prefetch((const char *)change->entry + CACHE_LINE);
}

void sorting_prefetch_value(const struct change *change)
{
    sorting_prefetch_key(change);
    __builtin_prefetch((const char *)change->entry + 2 * CACHE_LINE);
    __builtin_prefetch((const char *)change->entry + 3 * CACHE_LINE);
}

static size_t common_prefix(struct bytes a, struct bytes b, size_t size_max)
{
    size_t size = a.size < b.size ? a.size : b.size, i = 0;

    if (size > size_max)
        size = size_max;
    while (i < size && a.data[i] == b.data[i])
        i++;
    return i;
}

/* False if the keys are of several namespaces; else *size is that of what all of them begin with.
 */
static bool find_prefix(const struct group *group, size_t *size)
{
    const struct entry *first = group->changes[0].entry;
    bool is_one_namespace = true;

    *size = first->key_size;
    for (size_t i = 0; i < group->change_count; i++) {
        const struct entry *entry = group->changes[i].entry;

        if (i + AHEAD < group->change_count)
            sorting_prefetch_key(&group->changes[i + AHEAD]);
        is_one_namespace &= entry->ns == first->ns;
        *size = common_prefix(entry_key(first), entry_key(entry), *size);
    }
    return is_one_namespace;
}

/* The bytes behind the prefix as a number, the first one highest. */
static uint64_t rank_of_key(struct bytes key, size_t prefix_size)
{
    uint64_t rank = 0;
    size_t size = key.size - prefix_size;

    memcpy(&rank, key.data + prefix_size, size < sizeof rank ? size : sizeof rank);
    return be64toh(rank);
}

static void rank_all(struct ranked_change *ranked, const struct group *group)
{
    size_t prefix_size;
    bool is_one_namespace = find_prefix(group, &prefix_size);

    for (size_t i = 0; i < group->change_count; i++) {
        const struct entry *entry = group->changes[i].entry;

        ranked[i].rank = is_one_namespace ? rank_of_key(entry_key(entry), prefix_size) : entry->ns;
        ranked[i].change = &group->changes[i];
    }
}

static int by_key(const struct entry *a, const struct entry *b)
{
    if (a->ns != b->ns)
        return a->ns < b->ns ? -1 : 1;
    return bytes_compare(entry_key(a), entry_key(b));
}

static int by_rank(const void *left, const void *right)
{
    const struct ranked_change *a = left, *b = right;

    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return by_key(a->change->entry, b->change->entry);
}

static void make_room(struct sorting *sorting, const struct group *group)
{
    if (group->change_count <= sorting->capacity)
        return;
    sorting_clear(sorting);
    sorting->capacity = group->change_capacity;
    sorting->ranked = xcalloc(sorting->capacity, sizeof *sorting->ranked);
    sorting->changes = xcalloc(sorting->capacity, sizeof *sorting->changes);
}

void sorting_sort(struct sorting *sorting, const struct group *group)
{
    size_t count = group->change_count;

    make_room(sorting, group);
    if (count == 1)
        sorting->changes[0] = &group->changes[0];
    if (count < 2)
        return;
    rank_all(sorting->ranked, group);
    qsort(sorting->ranked, count, sizeof *sorting->ranked, by_rank);
    for (size_t i = 0; i < count; i++)
        sorting->changes[i] = sorting->ranked[i].change;
}

void sorting_clear(struct sorting *sorting)
{
    free(sorting->ranked);
    free(sorting->changes);
    *sorting = (struct sorting){0};
}
