/* The cache of records: lookups and writes by one thread, memory of the keys spread as in life. */
#include <stdlib.h>

#include "base/memory.h"
#include "micro/micro.h"
#include "store/cache.h"

#define CACHE_BYTES (256u << 20)
#define SMALL_BYTES (16u << 20) /* holds a part of what is put in */
#define TURN        16          /* operations in an epoch, as a pipeline has */
#define NS          1

struct cached {
    struct epoch *epoch;
    struct epoch_thread *thread;
    struct cache *cache;
    _Atomic uint64_t committed;
    size_t keys;
    uint64_t next;
};

static struct entry *make_entry(struct cached *cached, uint64_t number)
{
    char text[MICRO_KEY_SIZE];
    struct bytes key = micro_key(number, text), value = micro_value();
    struct entry *entry = entry_create(cache_hash(cached->cache, NS, key), NS, key,
                                       (struct bytes){"", 0}, value.size);

    memcpy(entry_value_area(entry), value.data, value.size);
    return entry;
}

static void put(struct cached *cached, uint64_t number)
{
    struct entry *old = cache_publish(cached->cache, cached->thread, make_entry(cached, number));

    if (old != NULL)
        epoch_retire(cached->thread, old, entry_destroy);
}

/* Between two turns, what was retired is freed. */
static void turn(struct cached *cached, size_t i)
{
    if (i % TURN != 0)
        return;
    epoch_exit(cached->thread);
    epoch_collect(cached->thread);
    epoch_enter(cached->thread);
}

static struct cached *set_up_with(size_t keys, size_t bytes_max)
{
    struct cached *cached = xcalloc(1, sizeof *cached);

    cached->epoch = epoch_create();
    cached->thread = epoch_join(cached->epoch);
    cached->cache = cache_create(bytes_max, &cached->committed, true);
    cached->keys = keys;
    epoch_enter(cached->thread);
    for (size_t i = 0; i < keys; i++)
        put(cached, i);
    cached->next = keys;
    return cached;
}

static void *set_up(const struct benchmark *benchmark, size_t *bytes)
{
    (void)bytes;
    return set_up_with(benchmark->size, CACHE_BYTES);
}

static void *set_up_small(const struct benchmark *benchmark, size_t *bytes)
{
    (void)bytes;
    return set_up_with(benchmark->size, SMALL_BYTES);
}

static void tear_down(void *state)
{
    struct cached *cached = state;

    epoch_exit(cached->thread);
    epoch_leave(cached->thread);
    cache_destroy(cached->cache);
    epoch_destroy(cached->epoch);
    free(cached);
}

static void find(struct cached *cached, uint64_t number)
{
    char text[MICRO_KEY_SIZE];
    struct bytes key = micro_key(number, text);
    const struct entry *entry =
        cache_find(cached->cache, cache_hash(cached->cache, NS, key), NS, key);

    micro_use(entry != NULL ? entry->header.value_size : 0);
}

static void find_run(void *state, size_t count)
{
    struct cached *cached = state;

    for (size_t i = 0; i < count; i++)
        find(cached, micro_random() % cached->keys);
}

/* As the event loop does it: it knows the keys of a pipeline before it looks the first one up. */
static void find_ahead_run(void *state, size_t count)
{
    struct cached *cached = state;
    uint64_t hashes[TURN];
    char texts[TURN][MICRO_KEY_SIZE];

    for (size_t i = 0; i < count; i++) {
        struct bytes key = {texts[i % TURN], MICRO_KEY_SIZE};
        const struct entry *entry;

        for (size_t j = 0; i % TURN == 0 && j < TURN; j++) {
            hashes[j] =
                cache_hash(cached->cache, NS, micro_key(micro_random() % cached->keys, texts[j]));
            cache_prefetch(cached->cache, hashes[j]);
        }
        for (size_t j = 0; i % TURN == 0 && j < TURN; j++)
            cache_prefetch_entry(cached->cache, hashes[j]);
        entry = cache_find(cached->cache, hashes[i % TURN], NS, key);
        micro_use(entry != NULL ? entry->header.value_size : 0);
    }
}

static void miss_run(void *state, size_t count)
{
    struct cached *cached = state;

    for (size_t i = 0; i < count; i++)
        find(cached, cached->keys + micro_random() % cached->keys);
}

static void replace_run(void *state, size_t count)
{
    struct cached *cached = state;

    for (size_t i = 0; i < count; i++) {
        put(cached, micro_random() % cached->keys);
        turn(cached, i);
    }
}

static void insert_run(void *state, size_t count)
{
    struct cached *cached = state;

    for (size_t i = 0; i < count; i++) {
        put(cached, cached->next++);
        turn(cached, i);
    }
}

static void entry_run(void *state, size_t count)
{
    for (size_t i = 0; i < count; i++)
        entry_destroy(make_entry(state, i));
}

/* clang-format off */
const struct benchmark cache_benchmarks[] = {
    { "cache: find, 1 key",                                set_up,       find_run,       tear_down, 1, false },
    { "cache: find, 100k keys",                            set_up,       find_run,       tear_down, 100000, false },
    { "cache: find, 1M keys",                              set_up,       find_run,       tear_down, 1000000, false },
    { "cache: find, 1M keys, 16 announced at a time",      set_up,       find_ahead_run, tear_down, 1000000, false },
    { "cache: find what is not there, 1M keys",            set_up,       miss_run,       tear_down, 1000000, false },
    { "cache: replace, 100k keys",                         set_up,       replace_run,    tear_down, 100000, false },
    { "cache: insert and evict, 16 MB",                    set_up_small, insert_run,     tear_down, 200000, false },
    { "entry: create, fill and destroy, 100 bytes",        set_up,       entry_run,      tear_down, 1, false },
    { NULL, NULL, NULL, NULL, 0, false },
};
/* clang-format on */
