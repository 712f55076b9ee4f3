#include "load/maker.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* More than the largest value, so that values differ. */
#define POOL_EXTRA (1u << 20)
#define STRIPE     100 /* bytes, of which a percentage is equal */
#define LENGTH_MAX 32  /* "$536870912\r\n" */

/* Threads, and runs, draw from rows of numbers that have nothing in common. */
static uint64_t seed_of(const struct options *options, unsigned thread)
{
    struct random run = {options->run};
    struct random random = {options->seed ^ ((uint64_t)thread << 48)};

    return random_next(&random) ^ (options->run == 0 ? 0 : random_next(&run));
}

static void fill_pool(struct maker *maker)
{
    size_t same = (size_t)(maker->options->compressible / 100 * STRIPE + 0.5);

    maker->pool_size = (size_t)sizes_max(&maker->options->value_bytes) + POOL_EXTRA;
    maker->pool = xmalloc(maker->pool_size);
    for (size_t i = 0; i < maker->pool_size; i++)
        maker->pool[i] = i % STRIPE < same ? 'x' : (char)random_next(&maker->random);
}

void maker_init(struct maker *maker, const struct options *options, struct key_counters *counters,
                unsigned thread)
{
    uint64_t scrambled = options->load > 0 ? options->load : options->keys;

    *maker = (struct maker){.options = options,
                            .counters = counters,
                            .random = {seed_of(options, thread)},
                            .position = thread,
                            .stride = options->threads,
                            .key = xmalloc(options->key_bytes + INT64_TEXT_MAX)};
    zipf_init(&maker->zipf, options->theta, options->keys);
    permutation_init(&maker->permutation, scrambled, options->seed);
    fill_pool(maker);
}

void maker_clear(struct maker *maker)
{
    free(maker->pool);
    free(maker->key);
}

/* --- words --------------------------------------------------------------------------------------
 */

static void append_length(struct buffer *out, char mark, uint64_t length)
{
    char *at = buffer_reserve(out, LENGTH_MAX);
    size_t size = 0;

    at[size++] = mark;
    size += int64_to_text((int64_t)length, at + size);
    at[size++] = '\r';
    at[size++] = '\n';
    out->size += size;
}

static void append_word(struct buffer *out, const char *data, size_t size)
{
    append_length(out, '$', size);
    buffer_append(out, data, size);
    buffer_append(out, "\r\n", 2);
}

static void append_text(struct buffer *out, const char *text)
{
    append_word(out, text, strlen(text));
}

static void append_number(struct buffer *out, uint64_t number)
{
    char text[INT64_TEXT_MAX];

    append_word(out, text, int64_to_text((int64_t)number, text));
}

/* The prefix, zeros up to the length, the number.  Inserted keys may be a digit longer. */
static void append_key(struct maker *maker, struct buffer *out, uint64_t number)
{
    char digits[INT64_TEXT_MAX];
    size_t count = int64_to_text((int64_t)number, digits);
    size_t prefix = strlen(maker->options->key_prefix), size = maker->options->key_bytes;

    if (prefix + count > size)
        size = prefix + count;
    memcpy(maker->key, maker->options->key_prefix, prefix);
    memset(maker->key + prefix, '0', size - prefix - count);
    memcpy(maker->key + size - count, digits, count);
    append_word(out, maker->key, size);
}

static void append_value(struct maker *maker, struct buffer *out)
{
    size_t size = (size_t)sizes_draw(&maker->options->value_bytes, &maker->random);

    append_word(out, maker->pool + random_below(&maker->random, maker->pool_size - size), size);
}

/* A JSON text, which is letters in quotes. */
static void append_metadata(struct maker *maker, struct buffer *out)
{
    size_t size = (size_t)maker->options->meta_bytes;

    append_text(out, "META");
    append_length(out, '$', size);
    memset(buffer_reserve(out, size), 'm', size);
    out->data[out->size] = out->data[out->size + size - 1] = '"';
    out->size += size;
    buffer_append(out, "\r\n", 2);
}

/* --- requests -----------------------------------------------------------------------------------
 */

static bool is_in_share(struct maker *maker, double percent)
{
    return percent > 0 && (percent >= 100 || zipf_unit(&maker->random) * 100 < percent);
}

static uint64_t latest(struct maker *maker)
{
    uint64_t count = atomic_load_explicit(&maker->counters->acknowledged, memory_order_relaxed);

    if (count != maker->zipf.count)
        zipf_set_count(&maker->zipf, count);
    return count - 1 - zipf_draw(&maker->zipf, &maker->random);
}

static uint64_t pick_key(struct maker *maker)
{
    uint64_t position = maker->position, keys = maker->options->keys;

    switch ((enum distribution)maker->options->distribution) {
    case KEYS_UNIFORM:
        return random_below(&maker->random, keys);
    case KEYS_ZIPF:
        return permutation_at(&maker->permutation, zipf_draw(&maker->zipf, &maker->random));
    case KEYS_LATEST:
        return latest(maker);
    case KEYS_SEQUENTIAL:
        maker->position += maker->stride;
        return position % keys;
    }
    return 0;
}

static void append_put(struct maker *maker, uint64_t key, struct buffer *out, bool has_expiry)
{
    bool has_metadata = maker->options->meta_bytes > 0;

    append_length(out, '*', 3u + (has_expiry ? 2u : 0) + (has_metadata ? 2u : 0));
    append_text(out, maker->options->is_put ? "KV.PUT" : "SET");
    append_key(maker, out, key);
    append_value(maker, out);
    if (has_expiry) {
        const struct options *options = maker->options;

        append_text(out, "EX");
        append_number(out,
                      options->ttl_min +
                          random_below(&maker->random, options->ttl_max - options->ttl_min + 1));
    }
    if (has_metadata)
        append_metadata(maker, out);
}

void maker_write(struct maker *maker, uint64_t key, struct buffer *out)
{
    append_put(maker, key, out, is_in_share(maker, maker->options->ttl_share));
}

static void make_get(struct maker *maker, struct buffer *out, struct request *request,
                     enum kind kind)
{
    *request = (struct request){kind, pick_key(maker)};
    append_length(out, '*', 2);
    append_text(out, "GET");
    append_key(maker, out, request->key);
}

static void make_mget(struct maker *maker, struct buffer *out, struct request *request)
{
    *request = (struct request){.kind = KIND_MGET};
    append_length(out, '*', maker->options->mget + 1);
    append_text(out, "MGET");
    for (uint64_t i = 0; i < maker->options->mget; i++)
        append_key(maker, out, pick_key(maker));
}

static enum kind write_kind(const struct options *options)
{
    if (options->is_put)
        return KIND_PUT;
    return options->mset > 1 ? KIND_MSET : KIND_SET;
}

/* The keys of a load that belong to the next request of this thread. */
static void make_load(struct maker *maker, struct buffer *out, struct request *request)
{
    const struct options *options = maker->options;
    uint64_t first = maker->position * options->mset, left = options->load - first;
    uint64_t count = left < options->mset ? left : options->mset;

    *request = (struct request){write_kind(options), first};
    maker->position += maker->stride;
    if (options->mset > 1) {
        append_length(out, '*', 2 * count + 1);
        append_text(out, "MSET");
    }
    for (uint64_t i = first; i < first + count; i++) {
        uint64_t key = options->is_shuffled ? permutation_at(&maker->permutation, i) : i;

        if (options->mset > 1) {
            append_key(maker, out, key);
            append_value(maker, out);
        } else {
            maker_write(maker, key, out);
        }
    }
}

static void make_write(struct maker *maker, struct buffer *out, struct request *request)
{
    const struct options *options = maker->options;

    *request = (struct request){.kind = write_kind(options)};
    if (options->mset <= 1) {
        request->key = pick_key(maker);
        maker_write(maker, request->key, out);
        return;
    }
    append_length(out, '*', 2 * options->mset + 1);
    append_text(out, "MSET");
    for (uint64_t i = 0; i < options->mset; i++) {
        append_key(maker, out, pick_key(maker));
        append_value(maker, out);
    }
}

static void make_insert(struct maker *maker, struct buffer *out, struct request *request)
{
    *request = (struct request){KIND_INSERT, atomic_fetch_add(&maker->counters->next_insert, 1)};
    maker_write(maker, request->key, out);
}

void maker_next(struct maker *maker, struct buffer *out, struct request *request)
{
    const struct options *options = maker->options;
    double drawn;

    if (options->load > 0) {
        make_load(maker, out, request);
        return;
    }
    drawn = zipf_unit(&maker->random) * 100;
    if (drawn < options->reads && options->mget > 1)
        make_mget(maker, out, request);
    else if (drawn < options->reads)
        make_get(maker, out, request, KIND_GET);
    else if (drawn < options->reads + options->inserts)
        make_insert(maker, out, request);
    else if (drawn < options->reads + options->inserts + options->rmws)
        make_get(maker, out, request, KIND_RMW);
    else
        make_write(maker, out, request);
}
