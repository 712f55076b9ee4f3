#include "store/entry.h"

#include <stdlib.h>

#include "base/memory.h"

/* Field by field: the memory is seldom in a cache, and what gcc makes of a whole struct (`rep
 * stos`) waits for it; plain stores don't. */
struct entry *entry_create(uint64_t hash, uint32_t ns, struct bytes key, struct bytes meta,
                           size_t value_size)
{
    size_t size = sizeof(struct entry) + key.size + meta.size + value_size;
    struct entry *entry = xmalloc(size);

    atomic_init(&entry->chain, NULL);
    entry->hash = hash;
    entry->ns = ns;
    entry->key_size = (uint16_t)key.size;
    atomic_init(&entry->uses, 0);
    entry->is_own = false;
    atomic_init(&entry->used_s, 0);
    atomic_init(&entry->place, 0);
    atomic_init(&entry->group, 0);
    entry->header = (struct record_header){.kind = ENTRY_LIVE,
                                           .expiry_ms = EXPIRY_NONE,
                                           .meta_size = (uint16_t)meta.size,
                                           .value_size = (uint32_t)value_size};
    entry->change = 0;
    entry->allocated = (uint32_t)memory_cost(size);
    memcpy(entry->data, key.data, key.size);
    if (meta.size > 0)
        memcpy(entry->data + key.size, meta.data, meta.size);
    return entry;
}

void entry_destroy(void *entry)
{
    free(entry);
}
