#include "store/entry.h"

#include <stdlib.h>

#include "base/memory.h"

struct entry *entry_create(uint64_t hash, uint32_t ns, struct bytes key, struct bytes meta,
                           size_t value_size)
{
    size_t size = sizeof(struct entry) + key.size + meta.size + value_size;
    struct entry *entry = xmalloc(size);

    *entry = (struct entry){
        .hash = hash,
        .ns = ns,
        .key_size = (uint16_t)key.size,
        .allocated = (uint32_t)memory_cost(size),
        .header = {.kind = ENTRY_LIVE,
                   .expiry_ms = EXPIRY_NONE,
                   .meta_size = (uint16_t)meta.size,
                   .value_size = (uint32_t)value_size},
    };
    memcpy(entry->data, key.data, key.size);
    if (meta.size > 0)
        memcpy(entry->data + key.size, meta.data, meta.size);
    return entry;
}

void entry_destroy(void *entry)
{
    free(entry);
}
