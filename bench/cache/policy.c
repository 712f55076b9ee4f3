#include "cache/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---------- lists of keys: a key is in one at most ---------- */

#define NONE UINT32_MAX

struct link {
    uint32_t newer, older;
};

struct list {
    uint32_t newest, oldest;
    size_t count;
};

static struct list empty_list(void)
{
    return (struct list){NONE, NONE, 0};
}

static void list_push(struct list *list, struct link *links, uint32_t key)
{
    links[key] = (struct link){.newer = NONE, .older = list->newest};
    if (list->newest != NONE)
        links[list->newest].newer = key;
    else
        list->oldest = key;
    list->newest = key;
    list->count++;
}

static void list_remove(struct list *list, const struct link *removed, struct link *links)
{
    struct link link = *removed;

    if (link.newer != NONE)
        links[link.newer].older = link.older;
    else
        list->newest = link.older;
    if (link.older != NONE)
        links[link.older].newer = link.newer;
    else
        list->oldest = link.newer;
    list->count--;
}

static uint32_t list_pop(struct list *list, struct link *links)
{
    uint32_t key = list->oldest;

    list_remove(list, &links[key], links);
    return key;
}

/* ---------- what most of them need ---------- */

enum place { OUT, FIRST, SECOND, THIRD };

/* A policy uses as many of the lists as it has queues; `place` says in which a key is. */
struct queues {
    size_t capacity;
    struct list lists[4]; /* by place */
    struct link *links;
    uint8_t *place, *uses; /* of each key */
    uint32_t hand;
    uint8_t uses_max;
    uint8_t *sketch;
    size_t sketch_width, sketch_added;
};

static void *create_queues(size_t capacity, size_t key_count)
{
    struct queues *queues = xcalloc(1, sizeof *queues);

    queues->capacity = capacity;
    queues->links = xcalloc(key_count, sizeof *queues->links);
    queues->place = xcalloc(key_count, 1);
    queues->uses = xcalloc(key_count, 1);
    queues->hand = NONE;
    for (size_t i = 0; i < 4; i++)
        queues->lists[i] = empty_list();
    return queues;
}

static void destroy_queues(void *cache)
{
    struct queues *queues = cache;

    free(queues->links);
    free(queues->place);
    free(queues->uses);
    free(queues->sketch);
    free(queues);
}

static void put(struct queues *queues, enum place place, uint32_t key)
{
    list_push(&queues->lists[place], queues->links, key);
    queues->place[key] = (uint8_t)place;
}

static void take(struct queues *queues, uint32_t key)
{
    list_remove(&queues->lists[queues->place[key]], &queues->links[key], queues->links);
    queues->place[key] = OUT;
}

static uint32_t take_oldest(struct queues *queues, enum place place)
{
    uint32_t key = list_pop(&queues->lists[place], queues->links);

    queues->place[key] = OUT;
    return key;
}

static void count_use(struct queues *queues, uint32_t key, uint8_t uses_max)
{
    if (queues->uses[key] < uses_max)
        queues->uses[key]++;
}

/* ---------- least recently used ---------- */

static bool lru_use(void *cache, uint32_t key)
{
    struct queues *queues = cache;
    bool is_hit = queues->place[key] == FIRST;

    if (is_hit)
        take(queues, key);
    else if (queues->lists[FIRST].count == queues->capacity)
        (void)take_oldest(queues, FIRST);
    put(queues, FIRST, key);
    return is_hit;
}

/* ---------- CLOCK: the hand spares what was used since, so many times (Corbato, 1968) ----------
 */

static void *create_clock_of(size_t capacity, size_t key_count, uint8_t uses_max)
{
    struct queues *queues = create_queues(capacity, key_count);

    queues->uses_max = uses_max;
    return queues;
}

static void *create_clock(size_t capacity, size_t key_count)
{
    return create_clock_of(capacity, key_count, 1);
}

static void *create_clock_of_counters(size_t capacity, size_t key_count)
{
    return create_clock_of(capacity, key_count, 3);
}

/* The oldest that has no uses left leaves; the others go round. */
static uint32_t evict_by_clock(struct queues *queues, enum place place)
{
    uint32_t key;

    while (key = take_oldest(queues, place), queues->uses[key] > 0) {
        queues->uses[key]--;
        put(queues, place, key);
    }
    return key;
}

static bool clock_use(void *cache, uint32_t key)
{
    struct queues *queues = cache;

    if (queues->place[key] == FIRST) {
        count_use(queues, key, queues->uses_max);
        return true;
    }
    if (queues->lists[FIRST].count == queues->capacity)
        (void)evict_by_clock(queues, FIRST);
    queues->uses[key] = 0;
    put(queues, FIRST, key);
    return false;
}

/* ---------- SIEVE (Zhang and others, NSDI 2024): as CLOCK, but what is spared stays where it is
 * and what is new comes in at the front ---------- */

static void evict_by_sieve(struct queues *queues)
{
    struct list *list = &queues->lists[FIRST];
    uint32_t key = queues->hand == NONE ? list->oldest : queues->hand;

    while (queues->uses[key] > 0) {
        queues->uses[key] = 0;
        key = queues->links[key].newer;
        if (key == NONE)
            key = list->oldest;
    }
    queues->hand = queues->links[key].newer;
    take(queues, key);
}

static bool sieve_use(void *cache, uint32_t key)
{
    struct queues *queues = cache;

    if (queues->place[key] == FIRST) {
        queues->uses[key] = 1;
        return true;
    }
    if (queues->lists[FIRST].count == queues->capacity)
        evict_by_sieve(queues);
    queues->uses[key] = 0;
    put(queues, FIRST, key);
    return false;
}

/* ---------- S3-FIFO (Yang and others, SOSP 2023): FIRST is the small queue, SECOND the main one,
 * THIRD the ghosts, which are not in memory ---------- */

#define S3_SMALL_SHARE 10 /* a tenth */

static void s3_evict_small(struct queues *queues)
{
    uint32_t key = take_oldest(queues, FIRST);

    if (queues->uses[key] > 1) {
        queues->uses[key] = 0;
        put(queues, SECOND, key);
        return;
    }
    if (queues->lists[THIRD].count == queues->capacity - queues->capacity / S3_SMALL_SHARE)
        (void)take_oldest(queues, THIRD);
    put(queues, THIRD, key);
}

static bool s3_is_full(const struct queues *queues)
{
    return queues->lists[FIRST].count + queues->lists[SECOND].count == queues->capacity;
}

static bool s3_use(void *cache, uint32_t key)
{
    struct queues *queues = cache;
    enum place place = queues->place[key];

    if (place == FIRST || place == SECOND) {
        count_use(queues, key, 3);
        return true;
    }
    if (place == THIRD)
        take(queues, key);
    while (s3_is_full(queues)) {
        if (queues->lists[FIRST].count > queues->capacity / S3_SMALL_SHARE)
            s3_evict_small(queues);
        else
            (void)evict_by_clock(queues, SECOND);
    }
    queues->uses[key] = 0;
    put(queues, place == THIRD ? SECOND : FIRST, key);
    return false;
}

/* ---------- W-TinyLFU (Einziger, Friedman and Manes, 2017): FIRST is the window, SECOND what the
 * window sent on, THIRD what was used there again ---------- */

#define WINDOW_SHARE    100 /* a hundredth */
#define PROTECTED_SHARE 5   /* all but a fifth of the rest */
#define SKETCH_ROWS     4
#define SKETCH_MAX      15
#define SKETCH_SAMPLE   10 /* uses for each key of the capacity, then all counters are halved */

static void *create_tinylfu(size_t capacity, size_t key_count)
{
    struct queues *queues = create_queues(capacity, key_count);

    queues->sketch_width = 1;
    while (queues->sketch_width < capacity * 2)
        queues->sketch_width *= 2;
    queues->sketch = xcalloc(SKETCH_ROWS, queues->sketch_width);
    return queues;
}

static uint8_t *sketch_cell(const struct queues *queues, uint32_t key, size_t row)
{
    uint64_t hash = (key + 1) * 0x9e3779b97f4a7c15u * (2 * row + 1);

    hash ^= hash >> 29;
    hash *= 0xbf58476d1ce4e5b9u;
    hash ^= hash >> 32;
    return &queues->sketch[row * queues->sketch_width + (hash & (queues->sketch_width - 1))];
}

static uint8_t sketch_estimate(const struct queues *queues, uint32_t key)
{
    uint8_t least = SKETCH_MAX;

    for (size_t row = 0; row < SKETCH_ROWS; row++)
        if (*sketch_cell(queues, key, row) < least)
            least = *sketch_cell(queues, key, row);
    return least;
}

static void sketch_add(struct queues *queues, uint32_t key)
{
    uint8_t least = sketch_estimate(queues, key);

    for (size_t row = 0; row < SKETCH_ROWS; row++)
        if (least < SKETCH_MAX && *sketch_cell(queues, key, row) == least)
            (*sketch_cell(queues, key, row))++;
    if (++queues->sketch_added < SKETCH_SAMPLE * queues->capacity)
        return;
    queues->sketch_added /= 2;
    for (size_t i = 0; i < SKETCH_ROWS * queues->sketch_width; i++)
        queues->sketch[i] /= 2;
}

/* What leaves the window stays if it is used more often than what it would drive out. */
static void admit_from_window(struct queues *queues, size_t main_capacity)
{
    uint32_t candidate = take_oldest(queues, FIRST), victim;

    if (queues->lists[SECOND].count + queues->lists[THIRD].count >= main_capacity) {
        victim = take_oldest(queues, queues->lists[SECOND].count > 0 ? SECOND : THIRD);
        if (sketch_estimate(queues, candidate) <= sketch_estimate(queues, victim))
            candidate = victim;
    }
    put(queues, SECOND, candidate);
}

static void protect(struct queues *queues, uint32_t key, size_t main_capacity)
{
    take(queues, key);
    put(queues, THIRD, key);
    if (queues->lists[THIRD].count > main_capacity - main_capacity / PROTECTED_SHARE)
        put(queues, SECOND, take_oldest(queues, THIRD));
}

static bool tinylfu_use(void *cache, uint32_t key)
{
    struct queues *queues = cache;
    size_t window = queues->capacity / WINDOW_SHARE + 1, main_capacity = queues->capacity - window;
    bool is_hit = queues->place[key] != OUT;

    sketch_add(queues, key);
    if (queues->place[key] == SECOND || queues->place[key] == THIRD) {
        protect(queues, key, main_capacity);
        return true;
    }
    if (is_hit)
        take(queues, key);
    else if (queues->lists[FIRST].count == window)
        admit_from_window(queues, main_capacity);
    put(queues, FIRST, key);
    return is_hit;
}

const struct policy policies[] = {
    {"LRU", create_queues, lru_use, destroy_queues},
    {"CLOCK", create_clock, clock_use, destroy_queues},
    {"CLOCK, 2 bits", create_clock_of_counters, clock_use, destroy_queues},
    {"SIEVE", create_queues, sieve_use, destroy_queues},
    {"S3-FIFO", create_queues, s3_use, destroy_queues},
    {"W-TinyLFU", create_tinylfu, tinylfu_use, destroy_queues},
    {"the server", ours_create, ours_use, ours_destroy},
    {NULL, NULL, NULL, NULL},
};
