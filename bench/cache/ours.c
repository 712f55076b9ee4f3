/* The server's cache under the simulator: entries of real bytes, one thread. */
#include <stdlib.h>

#include "base/epoch.h"
#include "base/memory.h"
#include "cache/policy.h"
#include "store/cache.h"

#define VALUE_SIZE 100
#define TURN_USES  64 /* so often the thread's turn ends, and what left the cache can be freed */

struct ours {
    struct epoch *epoch;
    struct epoch_thread *thread;
    struct cache *cache;
    _Atomic uint64_t committed;
    unsigned uses;
};

static struct entry *make(uint64_t hash, struct bytes key)
{
    struct entry *entry = entry_create(hash, 1, key, (struct bytes){"", 0}, VALUE_SIZE);

    memset(entry_value_area(entry), 'v', VALUE_SIZE);
    return entry;
}

static size_t bytes_each(void)
{
    struct entry *entry = make(0, bytes_of("1234"));
    size_t bytes = entry->allocated + sizeof entry;

    entry_destroy(entry);
    return bytes;
}

/* The memory is that of so many entries, beside what the cache has of its own. */
void *ours_create(size_t capacity, size_t key_count)
{
    struct ours *ours = xcalloc(1, sizeof *ours);
    struct cache_statistics empty;
    size_t bytes = capacity * bytes_each();

    (void)key_count;
    ours->epoch = epoch_create();
    ours->thread = epoch_join(ours->epoch);
    ours->cache = cache_create(bytes, &ours->committed, false);
    cache_statistics(ours->cache, &empty);
    bytes += (size_t)empty.bytes;
    cache_set_bytes_max(ours->cache, bytes, bytes);
    epoch_enter(ours->thread);
    return ours;
}

bool ours_use(void *cache, uint32_t key)
{
    struct ours *ours = cache;
    struct bytes name = {(const char *)&key, sizeof key};
    uint64_t hash = cache_hash(ours->cache, 1, name);
    struct entry *entry = cache_find(ours->cache, hash, 1, name);

    if (entry != NULL)
        cache_touch(entry);
    else
        (void)cache_fill(ours->cache, ours->thread, make(hash, name),
                         cache_generation(ours->cache, hash));
    if (++ours->uses % TURN_USES == 0) {
        epoch_exit(ours->thread);
        epoch_enter(ours->thread);
    }
    return entry != NULL;
}

void ours_destroy(void *cache)
{
    struct ours *ours = cache;

    epoch_exit(ours->thread);
    epoch_leave(ours->thread);
    cache_destroy(ours->cache);
    epoch_destroy(ours->epoch);
    free(ours);
}
