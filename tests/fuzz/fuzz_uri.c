/* fuzz_uri.c - what is decoded, encoded again and decoded is the same; what is refused leaves
 * nothing; segments join to the path; a parameter that is found is one of those between the "&". */
#include <assert.h>

#include "fuzz/target.h"
#include "http/uri.h"

static struct buffer encoded(struct bytes bytes)
{
    struct buffer out = {0};

    for (size_t i = 0; i < bytes.size; i++)
        buffer_printf(&out, "%%%02X", (unsigned char)bytes.data[i]);
    return out;
}

static void decode_twice(struct bytes raw, bool (*decode)(struct bytes raw, struct buffer *out))
{
    struct buffer once = {0}, again = {0}, twice = {0};

    if (decode(raw, &once)) {
        assert(once.size <= raw.size);
        again = encoded(buffer_view(&once));
        assert(decode(buffer_view(&again), &twice));
        assert(bytes_equal(buffer_view(&once), buffer_view(&twice)));
    } else {
        assert(once.size == 0 && memchr(raw.data, '%', raw.size) != NULL);
    }
    buffer_clear(&once);
    buffer_clear(&again);
    buffer_clear(&twice);
}

static void join_segments(struct bytes path)
{
    struct buffer joined = {0};
    struct bytes segment;
    size_t at = 0;

    while (uri_next_segment(path, &at, &segment)) {
        assert(memchr(segment.data, '/', segment.size) == NULL || segment.size == 0);
        buffer_append_text(&joined, "/");
        buffer_append_bytes(&joined, segment);
    }
    if (path.data[0] == '/')
        assert(bytes_equal(path, buffer_view(&joined)));
    buffer_clear(&joined);
}

/* Behind what came, the parameter is there once more: so it can't be absent. */
static void find_parameter(struct bytes query)
{
    struct buffer more = {0}, value = {0};
    enum uri_parameter found = uri_query_find(query, "limit", &value);

    assert(found == URI_PRESENT || value.size == 0);
    buffer_append_bytes(&more, query);
    buffer_append_text(&more, "&limit=%35");
    value.size = 0;
    if (found == URI_ABSENT) {
        assert(uri_query_find(buffer_view(&more), "limit", &value) == URI_PRESENT);
        assert(bytes_equal(buffer_view(&value), bytes_of("5")));
    } else {
        assert(uri_query_find(buffer_view(&more), "limit", &value) == found);
    }
    buffer_clear(&more);
    buffer_clear(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {(const char *)data, size};

    if (size == 0)
        return 0;
    decode_twice(input, uri_decode_path);
    decode_twice(input, uri_decode_query);
    join_segments(input);
    find_parameter(input);
    return 0;
}
