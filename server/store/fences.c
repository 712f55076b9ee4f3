#include "store/fences.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>

#include "base/memory.h"

#define GROUP       16
#define SAMPLED_MAX 6 /* levels of samples: 16 million blocks */

/* With so many samples at most a level has none above it. */
#define TOP_MAX GROUP

/* Behind the last fence: a search never goes past it. */
#define PADDING UINT64_MAX

struct fence {
    uint64_t key;
    uint32_t offset, filter_offset;
};

struct fences {
    size_t blocks; /* fence i is the end of block i; the last block has none */
    size_t groups;
    size_t prefix_size;
    int sampled;                    /* levels of samples */
    uint64_t *samples[SAMPLED_MAX]; /* from the top; the last one samples the fences */
    struct fence *fences;
    char prefix[];
};

/* ---------- sizes ---------- */

/* Behind the last block is where it ends, so the last group's last fence is padding in any case. */
static size_t groups_of(size_t blocks)
{
    return blocks / GROUP + 1;
}

static size_t padded(size_t count)
{
    return (count + GROUP - 1) / GROUP * GROUP;
}

static size_t samples_of(size_t groups)
{
    size_t samples = padded(groups);

    return groups <= TOP_MAX ? samples : samples + samples_of(samples / GROUP);
}

static size_t area_of(size_t blocks)
{
    size_t groups = groups_of(blocks);

    return groups * GROUP * sizeof(struct fence) + samples_of(groups) * sizeof(uint64_t);
}

size_t fences_cost(size_t blocks, size_t prefix_size)
{
    return memory_cost(sizeof(struct fences) + prefix_size) + memory_cost(area_of(blocks));
}

/* ---------- making ---------- */

static uint64_t number_of(struct bytes key, size_t prefix_size)
{
    uint64_t number = 0;
    size_t size = key.size - prefix_size;

    memcpy(&number, key.data + prefix_size, size < sizeof number ? size : sizeof number);
    return be64toh(number);
}

static int levels_of(size_t groups)
{
    return groups <= TOP_MAX ? 1 : 1 + levels_of(padded(groups) / GROUP);
}

/* Behind the fences, so that both begin a cache line; from the bottom up. */
static void place_samples(struct fences *fences)
{
    uint64_t *at = (uint64_t *)(void *)(fences->fences + fences->groups * GROUP);
    size_t count = fences->groups;

    fences->sampled = levels_of(count);
    assert(fences->sampled <= SAMPLED_MAX);
    for (int level = fences->sampled; level-- > 0;) {
        fences->samples[level] = at;
        at += padded(count);
        count = padded(count) / GROUP;
    }
}

struct fences *fences_create(size_t blocks, struct bytes prefix)
{
    struct fences *fences = xcalloc(1, sizeof *fences + prefix.size);

    fences->blocks = blocks;
    fences->groups = groups_of(blocks);
    fences->fences = xaligned_alloc(CACHE_LINE, area_of(blocks));
    fences->prefix_size = prefix.size;
    memcpy(fences->prefix, prefix.data, prefix.size);
    place_samples(fences);
    for (size_t i = 0; i < fences->groups * GROUP; i++)
        fences->fences[i] = (struct fence){PADDING, 0, 0};
    return fences;
}

void fences_destroy(struct fences *fences)
{
    if (fences == NULL)
        return;
    free(fences->fences);
    free(fences);
}

void fences_set(struct fences *fences, size_t block, struct bytes key, uint32_t offset,
                uint32_t filter_offset)
{
    bool has_key = block + 1 < fences->blocks;

    assert(block <= fences->blocks);
    fences->fences[block] = (struct fence){
        has_key ? number_of(key, fences->prefix_size) : PADDING,
        offset,
        filter_offset,
    };
}

/* The last of each 16. */
static void sample(uint64_t *samples, const uint64_t *from, size_t count)
{
    for (size_t i = 0; i < padded(count); i++)
        samples[i] = i < count ? from[(i + 1) * GROUP - 1] : PADDING;
}

void fences_seal(struct fences *fences)
{
    uint64_t *samples = fences->samples[fences->sampled - 1];
    size_t count = fences->groups;

    for (size_t i = 0; i < padded(count); i++)
        samples[i] = i < count ? fences->fences[(i + 1) * GROUP - 1].key : PADDING;
    for (int level = fences->sampled - 1; level-- > 0;) {
        count = padded(count) / GROUP;
        sample(fences->samples[level], fences->samples[level + 1], count);
    }
}

/* ---------- searching ---------- */

/* Which side of all fences a key is on, by the prefix alone. */
static int side_of(const struct fences *fences, struct bytes key)
{
    size_t size = key.size < fences->prefix_size ? key.size : fences->prefix_size;
    int order = size == 0 ? 0 : memcmp(key.data, fences->prefix, size);

    return order != 0 ? order : key.size < fences->prefix_size ? -1 : 0;
}

/* Without a branch: which way it goes can't be foretold. */
static size_t count_before(const uint64_t *group, uint64_t key)
{
    size_t before = 0;

    for (size_t i = 0; i < GROUP; i++)
        before += group[i] < key;
    return before;
}

static void prefetch_group(const struct fence *group)
{
    for (size_t i = 0; i <= GROUP; i += CACHE_LINE / sizeof *group)
        PREFETCH(&group[i]);
}

static size_t group_of(const struct fences *fences, uint64_t key)
{
    size_t group = 0;

    for (int level = 0; level < fences->sampled; level++)
        group = group * GROUP + count_before(&fences->samples[level][group * GROUP], key);
    return group;
}

/* What is before all fences, or behind all, is searched as the least number, or the largest. */
void fences_begin(struct fence_search *search, const struct fences *fences, struct bytes key)
{
    int side = side_of(fences, key);

    search->fences = fences;
    if (side == 0) {
        search->key = number_of(key, fences->prefix_size);
        search->group = group_of(fences, search->key);
    } else {
        search->key = side < 0 ? 0 : PADDING;
        search->group = side < 0 ? 0 : (fences->blocks - 1) / GROUP;
    }
    prefetch_group(&fences->fences[search->group * GROUP]);
}

/* The first fence from `low` on that is above the key, or the last block. */
static size_t end_of_equal(const struct fences *fences, size_t low, uint64_t key)
{
    size_t high = fences->blocks - 1;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (fences->fences[middle].key > key)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void fences_find(const struct fence_search *search, size_t *low, size_t *high)
{
    const struct fence *group = &search->fences->fences[search->group * GROUP];
    size_t before = 0;

    for (size_t i = 0; i < GROUP; i++)
        before += group[i].key < search->key;
    *low = *high = search->group * GROUP + before;
    if (UNLIKELY(group[before].key == search->key))
        *high = end_of_equal(search->fences, *low, search->key);
}

struct fence_place fences_place(const struct fences *fences, size_t block)
{
    const struct fence *at = &fences->fences[block];

    return (struct fence_place){at[0].offset, at[1].offset, at[0].filter_offset,
                                at[1].filter_offset};
}
