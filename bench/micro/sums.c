/* Hashes, the sums by which replicas compare what they hold, and sorting. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/secret.h"
#include "micro/micro.h"
#include "replication/digest.h"
#include "replication/sketch.h"
#include "store/record.h"

#define SALT 42

struct summed {
    struct digest_keys keys;
    struct buffer text;
    struct element *elements;
    size_t count;
    const char **pointers; /* of keys, sorted anew each time */
    char *names;
};

static void *set_up(const struct benchmark *benchmark, size_t *bytes)
{
    struct summed *summed = xcalloc(1, sizeof *summed);

    digest_keys_derive(&summed->keys, bytes_of("a secret of sixteen or more"));
    while (summed->text.size < benchmark->size)
        buffer_append_byte(&summed->text, 'x');
    *bytes = benchmark->size;
    return summed;
}

static void *set_up_sets(const struct benchmark *benchmark, size_t *bytes)
{
    struct summed *summed = set_up(benchmark, bytes);

    *bytes = 0;
    summed->count = benchmark->size;
    summed->elements = xcalloc(summed->count, sizeof *summed->elements);
    for (size_t i = 0; i < summed->count; i++)
        summed->elements[i] = (struct element){micro_random(), 0};
    summed->pointers = xcalloc(summed->count, sizeof *summed->pointers);
    summed->names = xcalloc(summed->count, MICRO_KEY_SIZE);
    for (size_t i = 0; i < summed->count; i++)
        micro_key(micro_random() % 1000000, summed->names + i * MICRO_KEY_SIZE);
    return summed;
}

static void tear_down(void *state)
{
    struct summed *summed = state;

    buffer_clear(&summed->text);
    free(summed->elements);
    free(summed->pointers);
    free(summed->names);
    free(summed);
}

static void siphash_run(void *state, size_t count)
{
    const struct summed *summed = state;

    for (size_t i = 0; i < count; i++)
        micro_use(secret_hash64(summed->keys.key, buffer_view(&summed->text)));
}

static void siphash128_run(void *state, size_t count)
{
    const struct summed *summed = state;

    for (size_t i = 0; i < count; i++)
        micro_use(secret_hash128(summed->keys.key, buffer_view(&summed->text)).low);
}

static void seeded_run(void *state, size_t count)
{
    const struct summed *summed = state;

    for (size_t i = 0; i < count; i++)
        micro_use(hash_seeded(buffer_view(&summed->text), i));
}

static void content_run(void *state, size_t count)
{
    const struct summed *summed = state;

    for (size_t i = 0; i < count; i++)
        micro_use(record_content_hash(buffer_view(&summed->text), (struct bytes){"", 0}));
}

static void digest_run(void *state, size_t count)
{
    const struct summed *summed = state;
    static const unsigned char ns[DIGEST_NS_SIZE];
    struct digest sum = {0};
    char text[MICRO_KEY_SIZE];

    for (size_t i = 0; i < count; i++) {
        struct digest_version version = {.stamp = i, .node_id = 1, .value_hash = i};
        struct hash128 key = digest_of_key(&summed->keys, ns, micro_key(i, text));

        digest_add(&sum, digest_of_record(&summed->keys, key, &version));
    }
    micro_use(sum.sum.low);
}

/* Up to the symbols that one difference in sixteen needs. */
static void sketch_run(void *state, size_t count)
{
    const struct summed *summed = state;
    struct symbol symbols[16];

    for (size_t i = 0; i < count; i += summed->count) {
        struct sketch *sketch = sketch_create(SALT, summed->elements, summed->count);

        while (sketch_position(sketch) < summed->count / 8)
            (void)sketch_next(sketch, symbols, COUNT_OF(symbols));
        micro_use(symbols[0].sum.a);
        sketch_destroy(sketch);
    }
}

/* One element in sixteen is missing on the other side. */
static void peeler_run(void *state, size_t count)
{
    const struct summed *summed = state;
    struct symbol symbols[16];

    for (size_t i = 0; i < count; i += summed->count) {
        struct sketch *sketch = sketch_create(SALT, summed->elements, summed->count);
        struct peeler *peeler =
            peeler_create(SALT, summed->elements, summed->count - summed->count / 16);
        size_t found;

        do
            (void)sketch_next(sketch, symbols, COUNT_OF(symbols));
        while (!peeler_add(peeler, symbols, COUNT_OF(symbols)));
        (void)peeler_theirs(peeler, &found);
        micro_use(found);
        peeler_destroy(peeler);
        sketch_destroy(sketch);
    }
}

static int by_key(const void *left, const void *right)
{
    return memcmp(*(const char *const *)left, *(const char *const *)right, MICRO_KEY_SIZE);
}

static void sort_run(void *state, size_t count)
{
    struct summed *summed = state;

    for (size_t i = 0; i < count; i += summed->count) {
        for (size_t j = 0; j < summed->count; j++)
            summed->pointers[j] = summed->names + j * MICRO_KEY_SIZE;
        qsort(summed->pointers, summed->count, sizeof *summed->pointers, by_key);
        micro_use((uint64_t)summed->pointers[0][MICRO_KEY_SIZE - 1]);
    }
}

/* clang-format off */
const struct benchmark sum_benchmarks[] = {
    { "SipHash-2-4, 64 bits, 32 bytes",                     set_up,      siphash_run,    tear_down, 32, false },
    { "SipHash-2-4, 128 bits, 32 bytes",                    set_up,      siphash128_run, tear_down, 32, false },
    { "XXH3 with a seed, 16 bytes",                         set_up,      seeded_run,     tear_down, 16, false },
    { "XXH3 of a record's content, 100 bytes",              set_up,      content_run,    tear_down, 100, false },
    { "digest: one record summed",                          set_up,      digest_run,     tear_down, 0, false },
    { "sketch: an element of 4096, up to 512 symbols",      set_up_sets, sketch_run,     tear_down, 4096, true },
    { "sketch and peeler: an element of 4096, 256 differ",  set_up_sets, peeler_run,     tear_down, 4096, true },
    { "qsort: a key of a group of 800",                     set_up_sets, sort_run,       tear_down, 800, true },
    { "qsort: a key of a group of 20000",                   set_up_sets, sort_run,       tear_down, 20000, true },
    { NULL, NULL, NULL, NULL, 0, false },
};
/* clang-format on */
