/* fuzz_resp_parser.c - however a connection's bytes are cut, the requests are the same.
 *
 * The first byte of an input chooses the limits, the second one seeds the cuts; the rest is what
 * the client sends. */
#include <stdio.h>

#include "base/random.h"
#include "fuzz/target.h"
#include "unit/resp/feed.h"

#define BYTEWISE_MAX 4096 /* longer inputs would take too long byte by byte */

static struct resp_limits choose_limits(uint8_t choice)
{
    static const int64_t kept[] = {4, 16, 300, 1 << 20};

    return (struct resp_limits){.bulk_max = (choice & 4) != 0 ? 1 << 20 : 1000,
                                .bulk_keep_max = kept[choice & 3],
                                .is_authenticated = (choice & 8) == 0};
}

static struct buffer feed_at_random(const struct resp_limits *limits, struct bytes input,
                                    uint64_t seed)
{
    struct random random = {seed};
    struct feed feed;
    struct buffer heard;
    size_t size;

    feed_init(&feed, limits);
    for (size_t at = 0; at < input.size; at += size) {
        size = 1 + random_below(&random, 1 + random_below(&random, input.size - at));
        feed_bytes(&feed, (struct bytes){input.data + at, size});
    }
    heard = feed.heard;
    feed.heard = (struct buffer){0};
    feed_clear(&feed);
    return heard;
}

/* Takes the second one. */
static void require_same(const struct buffer *whole, struct buffer cut)
{
    if (!bytes_equal(buffer_view(whole), buffer_view(&cut))) {
        (void)fprintf(stderr, "whole:\n%.*scut:\n%.*s", (int)whole->size, whole->data,
                      (int)cut.size, cut.data);
        abort();
    }
    buffer_clear(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resp_limits limits;
    struct buffer whole;
    struct bytes input;

    if (size < 3)
        return 0;
    limits = choose_limits(data[0]);
    input = (struct bytes){(const char *)data + 2, size - 2};
    whole = feed_cut(&limits, input, input.size, input.size);
    for (uint64_t i = 0; i < 4; i++)
        require_same(&whole, feed_at_random(&limits, input, data[1] * 4U + i));
    if (size <= BYTEWISE_MAX)
        require_same(&whole, feed_cut(&limits, input, 1, 1));
    buffer_clear(&whole);
    return 0;
}
