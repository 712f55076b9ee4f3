/* fuzz_json.c - what an independent parser takes the reader takes, and made short it means the
 * same; an item of a bulk request is within its limits, or refused with words. */
#include <assert.h>
#include <jansson.h>

#include "fuzz/target.h"
#include "http/bulk_item.h"

#define FLAGS (JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL)

static void check_meaning(struct bytes input, const json_t *meaning)
{
    struct buffer compact = {0}, again = {0};
    json_t *same;

    json_reader_compact(input, &compact);
    same = json_loadb(compact.data, compact.size, FLAGS, NULL);
    assert(same != NULL && json_equal(same, meaning));
    json_reader_compact(buffer_view(&compact), &again);
    assert(bytes_equal(buffer_view(&again), buffer_view(&compact)));
    json_decref(same);
    buffer_clear(&compact);
    buffer_clear(&again);
}

static void check_item(struct bytes input)
{
    static const struct bulk_rules rules = {
        .key_size_max = 8, .value_size_max = 16, .metadata_size_max = 16, .now_ms = 1700000000000};
    struct json_reader reader;
    struct bulk_item item = {0};
    struct fault fault = {.text = ""};

    json_reader_init(&reader, input);
    if (bulk_item_read_pair(&item, &reader, &rules, &fault)) {
        assert(item.key.size >= 1 && item.key.size <= 8 && item.value.size <= 16);
        assert(item.metadata.size <= 16 && item.expiry_ms >= rules.now_ms + 60000);
        assert(item.metadata.size == 0 || json_reader_is_valid(buffer_view(&item.metadata)));
    } else {
        assert(fault.text[0] != '\0');
    }
    bulk_item_clear(&item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {(const char *)data, size};
    json_t *meaning = NULL;

    if (size > 0 && memchr(data, '\0', size) == NULL) /* that ends a text for the other parser */
        meaning = json_loadb(input.data, input.size, FLAGS, NULL);
    if (meaning != NULL) {
        assert(json_reader_is_valid(input));
        check_meaning(input, meaning);
    }
    json_decref(meaning);
    check_item(input);
    return 0;
}
