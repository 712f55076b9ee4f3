/* What leaves hold, compared with what reading the whole store gives. */
#include "store/transfer_scan.h"

#include "replication/records.h"
#include "store/digest.h"
#include "store/replica.h"
#include "unit/store/dump.h"

#define KEYS         3000 /* some leaves */
#define KEYS_AT_ONCE 500
#define LONG_VALUE   300000

static struct node node;
static struct leaf_list *list;
static struct transfer_scan *scan;

static int set_up(void **state)
{
    (void)state;
    node_create(&node);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    transfer_scan_close(scan);
    leaf_list_destroy(list);
    scan = NULL;
    list = NULL;
    node_destroy(&node);
    return 0;
}

static void put_many(struct ns *ns, int from, int until)
{
    char keys[KEYS_AT_ONCE][16], *area;

    epoch_enter(store_epoch(node.thread));
    txn_reset(node.txn, now_ms());
    for (int i = from; i < until; i++) {
        (void)snprintf(keys[i - from], sizeof keys[0], "key %d", i);
        txn_name(node.txn, ns, bytes_of(keys[i - from]));
    }
    assert_int_equal(txn_enter(node.txn), STATUS_OK);
    for (int i = from; i < until; i++) {
        struct bytes key = bytes_of(keys[i - from]);

        assert_int_equal(
            txn_put(node.txn, ns, key, bytes_of(""), EXPIRY_NONE, false, key.size, &area),
            STATUS_OK);
        memcpy(area, key.data, key.size);
    }
    node_commit(&node);
}

static void fill(struct ns *ns)
{
    for (int i = 0; i < KEYS; i += KEYS_AT_ONCE)
        put_many(ns, i, i + KEYS_AT_ONCE);
}

static void list_leaves(void)
{
    struct store_digest *digest = store_digest(node.store);

    leaf_list_destroy(list);
    for (int i = 0; i < DEADLINE_MS && !digest_is_ready(digest); i++)
        poll(NULL, 0, 1);
    assert_int_equal(digest_list(digest, &list), STATUS_OK);
}

/* Of all leaves that were listed. */
static const struct element *scan_all(uint64_t cutoff, uint64_t horizon, bool by_content,
                                      size_t *count)
{
    const struct leaf_ref **leaves = calloc(list->count, sizeof(struct leaf_ref *));

    assert_non_null(leaves);
    for (size_t i = 0; i < list->count; i++)
        leaves[i] = &list->leaves[i];
    transfer_scan_close(scan);
    assert_int_equal(
        transfer_scan_open(node.thread, leaves, list->count, cutoff, horizon, by_content, &scan),
        STATUS_OK);
    free(leaves);
    return transfer_scan_elements(scan, count);
}

static size_t scan_count(uint64_t cutoff, uint64_t horizon)
{
    size_t count;

    (void)scan_all(cutoff, horizon, false, &count);
    return count;
}

static int by_number(const void *left, const void *right)
{
    const struct element *a = left, *b = right;

    if (a->a != b->a)
        return a->a < b->a ? -1 : 1;
    return a->b < b->b ? -1 : a->b > b->b;
}

static struct hash128 hash_of(const struct wire_record *record)
{
    return digest_of_key(digest_keys_of(store_digest(node.store)),
                         (const unsigned char *)record->ns.data, record->key);
}

static struct digest_version version_of(const struct wire_record *record)
{
    return (struct digest_version){record->version.stamp, record->version.node_id,
                                   record->version.value_hash, record->expiry_ms,
                                   record->kind == WIRE_TOMBSTONE};
}

/* The same by reading everything; the caller frees. */
static struct element *expected_elements(bool by_content, size_t *count)
{
    struct element *elements = calloc(KEYS + 100, sizeof *elements);
    struct buffer blob = {0};
    struct records_reader reader;
    struct wire_record record;

    node_dump(&node, &blob);
    reader = records_read(buffer_view(&blob));
    for (*count = 0; records_next(&reader, &record) == STATUS_OK; ++*count) {
        struct hash128 hash = hash_of(&record);
        struct digest_version version = version_of(&record);

        assert_true(*count < KEYS + 100);
        elements[*count] = (struct element){
            hash.high,
            by_content
                ? digest_of_record(digest_keys_of(store_digest(node.store)), hash, &version).low
                : version_element(version.stamp, version.node_id)};
    }
    buffer_clear(&blob);
    qsort(elements, *count, sizeof *elements, by_number);
    return elements;
}

static void assert_elements(bool by_content)
{
    size_t count, expected_count;
    const struct element *found = scan_all(UINT64_MAX, 0, by_content, &count);
    struct element *sorted, *expected = expected_elements(by_content, &expected_count);

    assert_int_equal(count, expected_count);
    sorted = calloc(count, sizeof *sorted);
    memcpy(sorted, found, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_number);
    assert_memory_equal(sorted, expected, count * sizeof *sorted);
    free(sorted);
    free(expected);
}

/* ---------- claims ---------- */

static void all_leaves_together_hold_every_record_once(void **state)
{
    struct ns *ns = node_db(&node, 0);

    (void)state;
    fill(ns);
    node_delete(&node, ns, "key 17");
    node_set(&node, node_db(&node, 1), "k", "elsewhere");
    list_leaves();
    assert_true(list->count > 3);
    assert_elements(false);
    assert_elements(true);
}

static void what_is_newer_than_the_cutoff_is_left_out(void **state)
{
    struct ns *ns = node_db(&node, 0);
    uint64_t cutoff;

    (void)state;
    node_set(&node, ns, "a", "1");
    node_set(&node, ns, "b", "1");
    cutoff = store_clock(node.store);
    pass_ms(10);
    node_set(&node, ns, "b", "2");
    node_set(&node, ns, "c", "2");
    list_leaves();
    assert_int_equal(scan_count(UINT64_MAX, 0), 3);
    assert_int_equal(scan_count(cutoff, 0), 1);
}

static void what_may_be_purged_at_the_horizon_is_left_out(void **state)
{
    struct ns *ns = node_db(&node, 0);
    uint64_t before, after;

    (void)state;
    store_set_horizon(node.store, 0);
    node_set(&node, ns, "lives", "1");
    node_put(&node, ns, bytes_of("lives long"), bytes_of("1"), "", now_ms() + 100000);
    node_put(&node, ns, bytes_of("is over"), bytes_of("1"), "", now_ms() + 50);
    node_set(&node, ns, "deleted", "1");
    before = store_clock(node.store);
    pass_ms(100);
    node_delete(&node, ns, "deleted");
    after = store_clock(node.store);
    list_leaves();
    assert_int_equal(scan_count(UINT64_MAX, before), 4);
    assert_int_equal(scan_count(UINT64_MAX, after), 2);
}

static void a_leaf_of_an_emptied_namespace_holds_nothing(void **state)
{
    struct ns *ns = node_db(&node, 0);
    struct buffer blob = {0};
    uint64_t hash;
    size_t count, answered;

    (void)state;
    node_set(&node, ns, "k", "1");
    list_leaves();
    hash = scan_all(UINT64_MAX, 0, false, &count)[0].a;
    assert_int_equal(count, 1);
    node_enter(&node, NULL, (struct bytes){NULL, 0});
    assert_int_equal(registry_empty(node.txn, ns), STATUS_OK);
    node_commit(&node);
    assert_int_equal(transfer_collect(scan, &hash, 1, 1000, &blob, &answered), STATUS_OK);
    assert_int_equal(answered, 1);
    assert_int_equal(blob.size, 0);
    assert_int_equal(scan_count(UINT64_MAX, 0), 0);
}

static bool equal_records(const struct wire_record *a, const struct wire_record *b)
{
    struct buffer bytes_a = {0}, bytes_b = {0};
    bool are_equal;

    records_put(&(struct records_writer){.out = &bytes_a}, a);
    records_put(&(struct records_writer){.out = &bytes_b}, b);
    are_equal = bytes_equal(buffer_view(&bytes_a), buffer_view(&bytes_b));
    buffer_clear(&bytes_a);
    buffer_clear(&bytes_b);
    return are_equal;
}

static void collected_records_are_those_that_are_stored(void **state)
{
    static char value[LONG_VALUE];
    struct ns *ns = node_db(&node, 0);
    struct buffer everything = {0}, blob = {0};
    struct records_reader reader, collected;
    struct wire_record record, other;
    uint64_t hashes[16];
    size_t count = 0, answered;

    (void)state;
    store_set_horizon(node.store, 0);
    memset(value, 'l', sizeof value);
    node_put(&node, ns, bytes_of("long"), (struct bytes){value, sizeof value}, "{}", EXPIRY_NONE);
    node_put(&node, ns, bytes_of("short"), bytes_of("v"), "", now_ms() + 1000);
    node_put(&node, ns, bytes_of(""), bytes_of(""), "", EXPIRY_NONE);
    node_set(&node, ns, "deleted", "v");
    node_delete(&node, ns, "deleted");
    list_leaves();
    node_dump(&node, &everything);
    reader = records_read(buffer_view(&everything));
    while (records_next(&reader, &record) == STATUS_OK)
        hashes[count++] = hash_of(&record).high;
    assert_int_equal(count, scan_count(UINT64_MAX, 0));
    assert_int_equal(transfer_collect(scan, hashes, count, 1 << 30, &blob, &answered), STATUS_OK);
    assert_int_equal(answered, count);
    reader = records_read(buffer_view(&everything));
    collected = records_read(buffer_view(&blob));
    while (records_next(&reader, &record) == STATUS_OK) {
        assert_int_equal(records_next(&collected, &other), STATUS_OK);
        assert_true(equal_records(&record, &other));
    }
    assert_int_equal(records_next(&collected, &other), STATUS_NOT_FOUND);
    buffer_clear(&everything);
    buffer_clear(&blob);
}

static void collecting_stops_when_there_is_enough_but_not_before_the_first(void **state)
{
    struct ns *ns = node_db(&node, 0);
    struct buffer blob = {0};
    uint64_t hashes[KEYS];
    const struct element *elements;
    size_t count, answered;

    (void)state;
    fill(ns);
    list_leaves();
    elements = scan_all(UINT64_MAX, 0, false, &count);
    assert_int_equal(count, KEYS);
    for (size_t i = 0; i < count; i++)
        hashes[i] = elements[i].a;
    assert_int_equal(transfer_collect(scan, hashes, count, 1, &blob, &answered), STATUS_OK);
    assert_int_equal(answered, 1);
    blob.size = 0;
    assert_int_equal(transfer_collect(scan, hashes, count, 2000, &blob, &answered), STATUS_OK);
    assert_true(answered > 10 && answered < 100);
    assert_true(blob.size >= 2000 && blob.size < 2100);
    buffer_clear(&blob);
}

static void a_record_is_collected_as_it_is_by_now_and_what_is_gone_is_answered(void **state)
{
    struct ns *ns = node_db(&node, 0);
    struct buffer blob = {0};
    struct records_reader reader;
    struct wire_record record;
    uint64_t hashes[2];
    size_t count, answered;

    (void)state;
    node_set(&node, ns, "k", "old");
    list_leaves();
    hashes[1] = scan_all(UINT64_MAX, 0, false, &count)[0].a;
    hashes[0] = ~hashes[1]; /* nobody's */
    node_set(&node, ns, "k", "new");
    assert_int_equal(transfer_collect(scan, hashes, 2, 1000, &blob, &answered), STATUS_OK);
    assert_int_equal(answered, 2);
    reader = records_read(buffer_view(&blob));
    assert_int_equal(records_next(&reader, &record), STATUS_OK);
    assert_true(bytes_equal(record.value, bytes_of("new")));
    assert_int_equal(records_next(&reader, &record), STATUS_NOT_FOUND);
    buffer_clear(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_leaves_together_hold_every_record_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_newer_than_the_cutoff_is_left_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_may_be_purged_at_the_horizon_is_left_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_leaf_of_an_emptied_namespace_holds_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(collected_records_are_those_that_are_stored, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            collecting_stops_when_there_is_enough_but_not_before_the_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_record_is_collected_as_it_is_by_now_and_what_is_gone_is_answered, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
