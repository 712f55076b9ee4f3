#include "http/bulk_names.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"

struct bulk_name {
    uint64_t hashes[2];
    uint64_t item;
};

void bulk_names_init(struct bulk_names *names)
{
    *names = (struct bulk_names){.seeds = {random_secret_u64(), random_secret_u64()}};
}

void bulk_names_clear(struct bulk_names *names)
{
    free(names->all);
    free(names->is_last);
    names->all = NULL;
    names->is_last = NULL;
}

void bulk_names_add(struct bulk_names *names, struct bytes key)
{
    struct bulk_name *name;

    names->all = xgrow(names->all, names->count, &names->capacity, sizeof *names->all);
    name = &names->all[names->count];
    name->item = names->count++;
    for (int i = 0; i < 2; i++)
        name->hashes[i] = hash_seeded(key, names->seeds[i]);
}

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static bool is_same_key(const struct bulk_name *a, const struct bulk_name *b)
{
    return a->hashes[0] == b->hashes[0] && a->hashes[1] == b->hashes[1];
}

static int by_key_and_item(const void *left, const void *right)
{
    const struct bulk_name *a = left, *b = right;

    if (a->hashes[0] != b->hashes[0])
        return compare(a->hashes[0], b->hashes[0]);
    if (a->hashes[1] != b->hashes[1])
        return compare(a->hashes[1], b->hashes[1]);
    return compare(a->item, b->item);
}

void bulk_names_settle(struct bulk_names *names)
{
    size_t count = names->count;

    names->is_last = xcalloc(count + 1, sizeof *names->is_last);
    if (count > 1)
        qsort(names->all, count, sizeof *names->all, by_key_and_item);
    for (size_t i = 0; i < count; i++)
        names->is_last[names->all[i].item] =
            i + 1 == count || !is_same_key(&names->all[i], &names->all[i + 1]);
    free(names->all);
    names->all = NULL;
}
