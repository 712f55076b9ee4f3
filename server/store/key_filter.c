#include "store/key_filter.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"

struct key_filter {
    uint64_t bits;
    _Atomic size_t keys; /* 0: the words need not be looked at */
    _Atomic uint64_t words[];
};

struct key_filter *key_filter_create(uint64_t bits)
{
    struct key_filter *filter = xcalloc(1, sizeof *filter + (size_t)(bits / 8));

    filter->bits = bits;
    return filter;
}

void key_filter_destroy(struct key_filter *filter)
{
    free(filter);
}

/* Both bits of a key are in one word: who asks waits for memory once. */
static _Atomic uint64_t *word_of(const struct key_filter *filter, uint64_t hash)
{
    return (_Atomic uint64_t *)(uintptr_t)&filter->words[hash & (filter->bits / 64 - 1)];
}

static uint64_t bits_of(uint64_t hash)
{
    return UINT64_C(1) << (hash >> 58) | UINT64_C(1) << (hash >> 52 & 63);
}

void key_filter_add(struct key_filter *filter, struct bytes key)
{
    uint64_t hash = hash_content(key);
    _Atomic uint64_t *word = word_of(filter, hash);
    uint64_t bits = atomic_load_explicit(word, memory_order_relaxed);

    atomic_store_explicit(word, bits | bits_of(hash), memory_order_release);
    atomic_store_explicit(&filter->keys,
                          atomic_load_explicit(&filter->keys, memory_order_relaxed) + 1,
                          memory_order_release);
}

uint64_t key_filter_hash(struct bytes key)
{
    return hash_content(key);
}

void key_filter_prefetch(const struct key_filter *filter, uint64_t hash)
{
    PREFETCH((const void *)(uintptr_t)word_of(filter, hash));
}

bool key_filter_may_have_hash(const struct key_filter *filter, uint64_t hash)
{
    uint64_t bits = bits_of(hash);

    return atomic_load_explicit(&filter->keys, memory_order_acquire) > 0 &&
           (atomic_load_explicit(word_of(filter, hash), memory_order_acquire) & bits) == bits;
}

bool key_filter_may_have(const struct key_filter *filter, struct bytes key)
{
    return key_filter_may_have_hash(filter, key_filter_hash(key));
}

void key_filter_clear(struct key_filter *filter)
{
    atomic_store_explicit(&filter->keys, 0, memory_order_release);
    for (uint64_t i = 0; i < filter->bits / 64; i++)
        atomic_store_explicit(&filter->words[i], 0, memory_order_release);
}
