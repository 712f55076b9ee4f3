/* fuzz_records.c - whatever is read as records is written and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/target.h"
#include "replication/records.h"

static void require(bool is_true)
{
    if (!is_true)
        abort();
}

static void require_same(const struct wire_record *a, const struct wire_record *b)
{
    require(bytes_equal(a->ns, b->ns) && bytes_equal(a->key, b->key) &&
            bytes_equal(a->meta, b->meta) && bytes_equal(a->value, b->value));
    require(version_compare(&a->version, &b->version) == 0 && a->expiry_ms == b->expiry_ms &&
            a->value_size == b->value_size && a->kind == b->kind && a->is_raw == b->is_raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct records_reader reader = records_read((struct bytes){(const char *)data, size}), again;
    struct buffer blob = {0};
    struct records_writer writer = {.out = &blob};
    struct wire_record first, second;

    while (records_next(&reader, &first) == STATUS_OK)
        records_put(&writer, &first);
    require(blob.size <= size);
    again = records_read(buffer_view(&blob));
    reader = records_read((struct bytes){(const char *)data, size});
    while (records_next(&reader, &first) == STATUS_OK) {
        require(records_next(&again, &second) == STATUS_OK);
        require_same(&first, &second);
    }
    require(records_next(&again, &second) == STATUS_NOT_FOUND);
    buffer_clear(&blob);
    return 0;
}
