#include "unit/test.h"

#include "replication/records.h"

#define RECORD_COUNT 5

static const char ns_a[DIGEST_NS_SIZE] = "aaaaaaaaaaaaaaa", ns_b[DIGEST_NS_SIZE] = "b";

static struct bytes ns_of(const char *ns)
{
    return (struct bytes){ns, DIGEST_NS_SIZE};
}

/* One of each kind, in two namespaces, by two nodes. */
static void make_records(struct wire_record records[RECORD_COUNT])
{
    struct bytes none = {"", 0};

    records[0] = (struct wire_record){ns_of(ns_a), bytes_of("key"), none, bytes_of("value"),
                                      {1, 7, 99},  INT64_MAX,       5,    WIRE_LIVE,
                                      false};
    records[1] = (struct wire_record){ns_of(ns_a), none,       bytes_of("{\"a\":1}"),
                                      none,        {2, 7, 98}, 1700000000000,
                                      0,           WIRE_LIVE,  true};
    records[2] = (struct wire_record){
        ns_of(ns_a), bytes_of("gone"), none, none, {3, 8, 0}, INT64_MAX, 0, WIRE_TOMBSTONE, false};
    records[3] =
        (struct wire_record){ns_of(ns_b), bytes_of("past"), none,         none, {UINT64_MAX, 8, 3},
                             17,          UINT32_MAX,       WIRE_EXPIRED, true};
    records[4] = (struct wire_record){ns_of(ns_a), bytes_of("key"), none, bytes_of("N"),
                                      {4, 8, 1},   INT64_MAX,       1,    WIRE_LIVE,
                                      false};
}

static struct buffer encode(const struct wire_record *records, size_t count)
{
    struct buffer blob = {0};
    struct records_writer writer = {.out = &blob};

    for (size_t i = 0; i < count; i++)
        records_put(&writer, &records[i]);
    return blob;
}

static void assert_same(const struct wire_record *a, const struct wire_record *b)
{
    assert_true(bytes_equal(a->ns, b->ns));
    assert_true(bytes_equal(a->key, b->key));
    assert_true(bytes_equal(a->meta, b->meta));
    assert_true(bytes_equal(a->value, b->value));
    assert_int_equal(version_compare(&a->version, &b->version), 0);
    assert_int_equal(a->expiry_ms, b->expiry_ms);
    assert_int_equal(a->value_size, b->value_size);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->is_raw, b->is_raw);
}

static void what_is_written_is_read(void **state)
{
    struct wire_record records[RECORD_COUNT], read;
    struct buffer blob;
    struct records_reader reader;

    (void)state;
    make_records(records);
    blob = encode(records, RECORD_COUNT);
    reader = records_read(buffer_view(&blob));
    for (int i = 0; i < RECORD_COUNT; i++) {
        assert_int_equal(records_next(&reader, &read), STATUS_OK);
        assert_same(&read, &records[i]);
    }
    assert_int_equal(records_next(&reader, &read), STATUS_NOT_FOUND);
    buffer_clear(&blob);
}

static void namespace_and_node_are_named_only_when_they_change(void **state)
{
    struct wire_record records[RECORD_COUNT], same[2];
    struct buffer one, two;

    (void)state;
    make_records(records);
    same[0] = same[1] = records[0];
    one = encode(same, 1);
    two = encode(same, 2);
    assert_int_equal(two.size - one.size, one.size - (1 + DIGEST_NS_SIZE) - (1 + 8));
    buffer_clear(&one);
    buffer_clear(&two);
}

static void blobs_may_be_put_end_to_end(void **state)
{
    struct wire_record records[RECORD_COUNT], read;
    struct buffer blob, more;
    struct records_reader reader;
    int count = 0;

    (void)state;
    make_records(records);
    blob = encode(records, 1);
    more = encode(records, RECORD_COUNT);
    buffer_append_bytes(&blob, buffer_view(&more));
    reader = records_read(buffer_view(&blob));
    while (records_next(&reader, &read) == STATUS_OK)
        assert_same(&read, &records[count == 0 ? 0 : count - 1]), count++;
    assert_int_equal(reader.rest.size, 0);
    assert_int_equal(count, RECORD_COUNT + 1);
    buffer_clear(&blob);
    buffer_clear(&more);
}

/* A blob cut between two records is a blob; anywhere else it is none. */
static void every_truncation_is_noticed(void **state)
{
    struct wire_record records[RECORD_COUNT], read;
    struct buffer blob, part;
    size_t ends[RECORD_COUNT + 1] = {0};

    (void)state;
    make_records(records);
    for (size_t i = 0; i <= RECORD_COUNT; i++) {
        part = encode(records, i);
        ends[i] = part.size;
        buffer_clear(&part);
    }
    blob = encode(records, RECORD_COUNT);
    for (size_t size = 0, whole = 0; size <= blob.size; size++) {
        struct records_reader reader = records_read((struct bytes){blob.data, size});
        size_t count = 0;
        enum status status;

        whole += whole < RECORD_COUNT && size == ends[whole + 1];
        while ((status = records_next(&reader, &read)) == STATUS_OK)
            count++;
        assert_int_equal(count, whole);
        assert_int_equal(status, size == ends[whole] ? STATUS_NOT_FOUND : STATUS_CORRUPT);
    }
    buffer_clear(&blob);
}

static enum status read_changed(const struct wire_record *record, size_t at, unsigned char byte)
{
    struct buffer blob = encode(record, 1);
    struct records_reader reader;
    struct wire_record read;
    enum status status;

    blob.data[at] = (char)byte;
    reader = records_read(buffer_view(&blob));
    status = records_next(&reader, &read);
    buffer_clear(&blob);
    return status;
}

#define RECORD_AT (1 + DIGEST_NS_SIZE + 1 + 8)

static void what_is_never_written_is_refused(void **state)
{
    struct wire_record records[RECORD_COUNT], wrong;

    (void)state;
    make_records(records);
    assert_int_equal(read_changed(&records[0], RECORD_AT, 0x80), STATUS_OK);
    assert_int_equal(read_changed(&records[0], RECORD_AT, 0x83), STATUS_CORRUPT); /* no kind */
    assert_int_equal(read_changed(&records[0], RECORD_AT, 0xa0), STATUS_CORRUPT); /* no flag */
    assert_int_equal(read_changed(&records[0], RECORD_AT, 0x00), STATUS_CORRUPT); /* no record */
    assert_int_equal(read_changed(&records[0], 0, 'O'), STATUS_CORRUPT);
    assert_int_equal(read_changed(&records[0], 1 + DIGEST_NS_SIZE, 'N'), STATUS_CORRUPT);
    assert_int_equal(read_changed(&records[2], RECORD_AT, 0x91), STATUS_CORRUPT); /* raw, gone */

    wrong = records[0];
    wrong.version.stamp = 0;
    assert_int_equal(read_changed(&wrong, 0, 'N'), STATUS_CORRUPT);
    wrong = records[1];
    wrong.kind = WIRE_EXPIRED; /* with metadata */
    assert_int_equal(read_changed(&wrong, 0, 'N'), STATUS_CORRUPT);
    wrong = records[2];
    wrong.value_size = 1;
    assert_int_equal(read_changed(&wrong, 0, 'N'), STATUS_CORRUPT);
    wrong = records[2];
    wrong.expiry_ms = 1;
    assert_int_equal(read_changed(&wrong, 0, 'N'), STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(namespace_and_node_are_named_only_when_they_change),
        cmocka_unit_test(blobs_may_be_put_end_to_end),
        cmocka_unit_test(every_truncation_is_noticed),
        cmocka_unit_test(what_is_never_written_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
