#include "store/record.h"

#include <stdlib.h>

#include "replication/version.h"
#include "unit/test.h"

static struct entry *make(const char *value, size_t size, const char *meta, int64_t expiry_ms)
{
    struct entry *entry = entry_create(1, 2, bytes_of("key"), bytes_of(meta), size);

    entry->header.stamp = 0x0123456789abcdef;
    entry->header.origin = 7;
    entry->header.value_hash = 42;
    entry->header.expiry_ms = expiry_ms;
    memcpy(entry_value_area(entry), value, size);
    return entry;
}

static void assert_round_trip(const struct entry *entry)
{
    struct buffer stored = {0};
    struct record_view read;

    assert_int_equal(record_decode(record_encode(&stored, entry), &read), STATUS_OK);
    assert_int_equal(read.header.kind, entry->header.kind);
    assert_int_equal(read.header.stamp, entry->header.stamp);
    assert_int_equal(read.header.origin, entry->header.origin);
    assert_int_equal(read.header.expiry_ms, entry->header.expiry_ms);
    assert_int_equal(read.header.value_size, entry->header.value_size);
    assert_int_equal(read.header.value_hash, entry->header.value_hash);
    assert_true(bytes_equal(read.meta, entry_meta(entry)));
    buffer_clear(&stored);
}

static void what_is_stored_is_read_back(void **state)
{
    struct entry *plain = make("value", 5, "", EXPIRY_NONE);
    struct entry *full = make("v\0\r\n", 4, "{\"a\":1}", 9223372036854770000);
    struct entry *empty = make("", 0, "", EXPIRY_NONE);

    (void)state;
    assert_round_trip(plain);
    assert_round_trip(full);
    assert_round_trip(empty);
    free(plain);
    free(full);
    free(empty);
}

static void a_long_value_stands_in_chunks(void **state)
{
    char *value = calloc(1, RECORD_CHUNK_SIZE + 1);
    struct entry *inlined = make(value, RECORD_INLINE_MAX, "", EXPIRY_NONE);
    struct entry *chunked = make(value, RECORD_INLINE_MAX + 1, "", EXPIRY_NONE);
    struct entry *two = make(value, RECORD_CHUNK_SIZE + 1, "", EXPIRY_NONE);
    struct buffer stored = {0};
    struct record_view read;

    (void)state;
    assert_false(record_has_chunks(&inlined->header));
    assert_true(record_has_chunks(&chunked->header));
    assert_int_equal(record_chunk_count(&chunked->header), 1);
    assert_int_equal(record_chunk_count(&two->header), 2);
    assert_int_equal(record_decode(record_encode(&stored, chunked), &read), STATUS_OK);
    assert_int_equal(read.value.size, 0);
    assert_round_trip(two);
    buffer_clear(&stored);
    free(inlined);
    free(chunked);
    free(two);
    free(value);
}

static void every_truncation_is_refused(void **state)
{
    struct entry *entry = make("value", 5, "{}", 1234);
    struct buffer stored = {0};
    struct record_view read;

    (void)state;
    record_encode(&stored, entry);
    for (size_t size = 0; size < stored.size; size++)
        assert_int_equal(record_decode((struct bytes){stored.data, size}, &read), STATUS_CORRUPT);
    buffer_append_byte(&stored, 'x');
    assert_int_equal(record_decode(buffer_view(&stored), &read), STATUS_CORRUPT);
    buffer_clear(&stored);
    free(entry);
}

static void a_tombstone_may_go_after_its_stamp(void **state)
{
    struct record_header header = {.kind = ENTRY_TOMBSTONE, .stamp = 99, .expiry_ms = EXPIRY_NONE};

    (void)state;
    assert_int_equal(record_purge_after(&header), 99);
}

static void an_expired_record_may_go_after_its_expiry(void **state)
{
    struct record_header header = {.kind = ENTRY_EXPIRED, .stamp = 99, .expiry_ms = 5};

    (void)state;
    assert_int_equal(record_purge_after(&header), stamp_of_wall_ms(5));
    header.stamp = stamp_of_wall_ms(6);
    assert_int_equal(record_purge_after(&header), header.stamp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stored_is_read_back),
        cmocka_unit_test(a_long_value_stands_in_chunks),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(a_tombstone_may_go_after_its_stamp),
        cmocka_unit_test(an_expired_record_may_go_after_its_expiry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
