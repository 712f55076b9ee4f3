#include "store/keyspace.h"

#include "unit/test.h"

static struct bytes key_of(const char *text)
{
    return bytes_of(text);
}

static void records_sort_by_namespace_then_key(void **state)
{
    struct buffer a = {0}, b = {0};

    (void)state;
    assert_true(bytes_compare(keyspace_record(&a, 1, key_of("zzz")),
                              keyspace_record(&b, 2, key_of("a"))) < 0);
    assert_true(bytes_compare(keyspace_record(&a, 256, key_of("a")),
                              keyspace_record(&b, 1, key_of("z"))) > 0);
    assert_true(bytes_compare(keyspace_record(&a, 7, key_of("a")),
                              keyspace_record(&b, 7, key_of("ab"))) < 0);
    buffer_clear(&a);
    buffer_clear(&b);
}

static void a_records_key_is_read_back(void **state)
{
    struct buffer a = {0};
    struct bytes stored = keyspace_record(&a, 9, (struct bytes){"k\0y", 3});
    struct bytes key;

    (void)state;
    assert_true(keyspace_read_record(stored, 9, &key));
    assert_true(bytes_equal(key, (struct bytes){"k\0y", 3}));
    assert_false(keyspace_read_record(stored, 8, &key));
    assert_false(keyspace_read_record((struct bytes){stored.data, 4}, 9, &key));
    buffer_clear(&a);
}

static void a_leafs_row_tells_namespace_and_boundary(void **state)
{
    struct buffer a = {0};
    struct bytes stored = keyspace_leaf(&a, KEYSPACE_SUM, 9, key_of("k"));
    struct bytes boundary;
    uint32_t ns;

    (void)state;
    assert_true(keyspace_read_leaf(stored, KEYSPACE_SUM, &ns, &boundary));
    assert_int_equal(ns, 9);
    assert_true(bytes_equal(boundary, key_of("k")));
    assert_false(keyspace_read_leaf(stored, KEYSPACE_DIRTY, &ns, &boundary));
    assert_false(keyspace_read_leaf((struct bytes){stored.data, 4}, KEYSPACE_SUM, &ns, &boundary));
    buffer_clear(&a);
}

static void expiries_sort_by_time_and_are_read_back(void **state)
{
    struct buffer a = {0}, b = {0};
    struct keyspace_position position;

    (void)state;
    assert_true(bytes_compare(keyspace_expiry(&a, 999, 5, key_of("z")),
                              keyspace_expiry(&b, 1000, 1, key_of("a"))) < 0);
    assert_int_equal(keyspace_read_expiry(buffer_view(&b), &position), STATUS_OK);
    assert_int_equal(position.time, 1000);
    assert_int_equal(position.ns, 1);
    assert_true(bytes_equal(position.key, key_of("a")));
    buffer_clear(&a);
    buffer_clear(&b);
}

static void tombstones_carry_their_stamp(void **state)
{
    struct buffer a = {0};
    struct keyspace_position position;

    (void)state;
    keyspace_tombstone(&a, 77, 3, key_of("key"), 66);
    assert_int_equal(keyspace_read_tombstone(buffer_view(&a), &position), STATUS_OK);
    assert_int_equal(position.time, 77);
    assert_int_equal(position.stamp, 66);
    assert_int_equal(position.ns, 3);
    assert_true(bytes_equal(position.key, key_of("key")));
    buffer_clear(&a);
}

static void truncated_and_foreign_index_rows_are_refused(void **state)
{
    struct buffer a = {0};
    struct keyspace_position position;

    (void)state;
    keyspace_tombstone(&a, 77, 3, key_of(""), 66);
    for (size_t size = 1; size < a.size; size++)
        assert_int_equal(keyspace_read_tombstone((struct bytes){a.data, size}, &position),
                         STATUS_CORRUPT);
    assert_int_equal(keyspace_read_expiry(buffer_view(&a), &position), STATUS_NOT_FOUND);
    assert_int_equal(keyspace_read_expiry((struct bytes){"", 0}, &position), STATUS_NOT_FOUND);
    buffer_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_sort_by_namespace_then_key),
        cmocka_unit_test(a_records_key_is_read_back),
        cmocka_unit_test(a_leafs_row_tells_namespace_and_boundary),
        cmocka_unit_test(expiries_sort_by_time_and_are_read_back),
        cmocka_unit_test(tombstones_carry_their_stamp),
        cmocka_unit_test(truncated_and_foreign_index_rows_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
