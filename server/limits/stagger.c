#include "limits/stagger.h"

#include <endian.h>

#include "base/hash.h"

static uint64_t score(uint64_t key_hash, uint64_t node)
{
    uint64_t pair[2] = {htobe64(key_hash), htobe64(node)};

    return hash_content((struct bytes){(const char *)pair, sizeof pair});
}

size_t stagger_rank(uint64_t key_hash, const uint64_t *nodes, size_t count, uint64_t self,
                    uint64_t last_writer)
{
    uint64_t own = score(key_hash, self);
    size_t rank = 1;

    if (self == last_writer)
        return 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t other = score(key_hash, nodes[i]);

        if (nodes[i] != self && nodes[i] != last_writer &&
            (other > own || (other == own && nodes[i] > self)))
            rank++;
    }
    return rank;
}
