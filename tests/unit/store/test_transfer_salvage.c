#include "store/transfer_salvage.h"

#include <jansson.h>

#include "store/record.h"
#include "store/replica.h"
#include "unit/store/stores.h"

static struct node node;
static char path[128], deleted[160];

static int set_up(void **state)
{
    (void)state;
    node_create(&node);
    store_set_horizon(node.store, 0);
    (void)snprintf(path, sizeof path, "%s/salvage.json", node.directory);
    (void)snprintf(deleted, sizeof deleted, "%s.deleted", path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_destroy(&node);
    return 0;
}

static int64_t salvage(uint64_t from)
{
    char error[STORE_ERROR_MAX];
    int64_t count;

    assert_int_equal(transfer_salvage(node.thread, from, path, &count, error), STATUS_OK);
    return count;
}

/* The lines of a file, each of them an object, by key. */
static json_t *read_lines(const char *file_path, size_t *count)
{
    json_t *all = json_object();
    FILE *file = fopen(file_path, "r");
    char *line = NULL;
    size_t capacity = 0;

    assert_non_null(file);
    for (*count = 0; getline(&line, &capacity, file) > 0; ++*count) {
        json_t *object = json_loads(line, JSON_ALLOW_NUL, NULL);

        assert_non_null(object);
        assert_int_equal(
            json_object_set_new(all, json_string_value(json_object_get(object, "key")), object), 0);
    }
    free(line);
    fclose(file);
    return all;
}

static void assert_text(json_t *all, const char *key, const char *name, const char *text)
{
    assert_string_equal(json_string_value(json_object_get(json_object_get(all, key), name)), text);
}

static void each_own_record_is_a_line_as_bulk_put_takes_it(void **state)
{
    static char value[300000];
    struct ns *web = node_create_ns(&node, "web \"1\"");
    int64_t expiry_ms = now_ms() / 1000 * 1000 + 60500;
    json_t *all, *object;
    size_t count;

    (void)state;
    memset(value, 'l', sizeof value);
    node_put(&node, web, bytes_of("a"), bytes_of("v\n"), "{\n\"m\": [1]}", expiry_ms);
    node_put(&node, web, bytes_of("long"), (struct bytes){value, sizeof value}, "", EXPIRY_NONE);
    node_put(&node, web, (struct bytes){"\xff", 1}, (struct bytes){"\xfe\0", 2}, "", EXPIRY_NONE);
    node_set(&node, node_db(&node, 2), "in db2", "v");
    assert_int_equal(salvage(0), 4);
    all = read_lines(path, &count);
    assert_int_equal(count, 4);
    assert_text(all, "a", "namespace", "web \"1\"");
    assert_text(all, "a", "value", "v\n");
    object = json_object_get(all, "a");
    assert_int_equal(json_integer_value(json_object_get(object, "expiration")),
                     expiry_ms / 1000 + 1);
    assert_int_equal(json_array_size(json_object_get(json_object_get(object, "metadata"), "m")), 1);
    assert_null(json_object_get(object, "base64"));
    assert_int_equal(json_string_length(json_object_get(json_object_get(all, "long"), "value")),
                     sizeof value);
    object = json_object_get(all, "/w==");
    assert_true(json_is_true(json_object_get(object, "key_base64")));
    assert_true(json_is_true(json_object_get(object, "base64")));
    assert_text(all, "/w==", "value", "/gA=");
    assert_text(all, "in db2", "namespace", "db2");
    assert_null(json_object_get(json_object_get(all, "in db2"), "expiration"));
    json_decref(all);
    ns_release(web);
}

static void deletes_are_listed_in_a_file_of_their_own(void **state)
{
    struct ns *ns = node_db(&node, 0);
    json_t *all;
    size_t count;

    (void)state;
    node_set(&node, ns, "k", "v");
    node_delete(&node, ns, "k");
    assert_int_equal(salvage(0), 1);
    all = read_lines(path, &count);
    assert_int_equal(count, 0);
    json_decref(all);
    all = read_lines(deleted, &count);
    assert_int_equal(count, 1);
    assert_text(all, "k", "namespace", "db0");
    assert_true(json_is_true(json_object_get(json_object_get(all, "k"), "deleted")));
    json_decref(all);
}

static void merge(uint64_t node_id, const char *key)
{
    struct replica *replica = replica_create(node.thread);
    struct buffer blob = {0};
    struct merge_counts counts = {0};
    uint64_t group = 0;
    size_t done = 0;
    char id[NS_ID_SIZE] = {0}; /* db0 */
    struct wire_record record = {.ns = {id, sizeof id},
                                 .key = bytes_of(key),
                                 .meta = bytes_of(""),
                                 .value = bytes_of("v"),
                                 .expiry_ms = EXPIRY_NONE,
                                 .value_size = 1,
                                 .version = {store_clock(node.store) + 1, node_id,
                                             record_content_hash(bytes_of("v"), bytes_of(""))}};

    records_put(&(struct records_writer){.out = &blob}, &record);
    assert_int_equal(
        replica_merge(replica, buffer_view(&blob), UINT64_MAX, UINT64_MAX, &done, &counts, &group),
        STATUS_OK);
    assert_int_equal(counts.taken, 1);
    for (int i = 0; i < DEADLINE_MS && store_committed(node.store) < group; i++)
        poll(NULL, 0, 1);
    replica_destroy(replica);
    buffer_clear(&blob);
}

static void what_others_have_is_left_out(void **state)
{
    struct ns *ns = node_db(&node, 0);
    uint64_t told;
    json_t *all;
    size_t count;

    (void)state;
    node_set(&node, ns, "told", "v");
    told = store_clock(node.store);
    pass_ms(10);
    merge(4711, "another's");
    node_put(&node, ns, bytes_of("is over"), bytes_of("v"), "", now_ms() + 10);
    pass_ms(20);
    node_set(&node, ns, "untold", "v");
    assert_int_equal(salvage(told), 1);
    all = read_lines(path, &count);
    assert_int_equal(count, 1);
    assert_non_null(json_object_get(all, "untold"));
    json_decref(all);
}

/* More than one slice: rows, and bytes. */
static void many_records_are_all_there_once(void **state)
{
    enum { COUNT = 10000, AT_ONCE = 1000 };
    static char keys[AT_ONCE][16];
    struct ns *ns = node_db(&node, 0);
    size_t count;
    json_t *all;
    char *area;

    (void)state;
    for (int from = 0; from < COUNT; from += AT_ONCE) {
        epoch_enter(store_epoch(node.thread));
        txn_reset(node.txn, now_ms());
        for (int i = 0; i < AT_ONCE; i++) {
            (void)snprintf(keys[i], sizeof keys[i], "key %d", from + i);
            txn_name(node.txn, ns, bytes_of(keys[i]));
        }
        assert_int_equal(txn_enter(node.txn), STATUS_OK);
        for (int i = 0; i < AT_ONCE; i++) {
            assert_int_equal(txn_put(node.txn, ns, bytes_of(keys[i]), bytes_of(""), EXPIRY_NONE,
                                     false, 400, &area),
                             STATUS_OK);
            memset(area, 'v', 400);
        }
        node_commit(&node);
    }
    assert_int_equal(salvage(0), COUNT);
    all = read_lines(path, &count);
    assert_int_equal(count, COUNT);
    assert_int_equal(json_object_size(all), COUNT);
    json_decref(all);
}

static void a_file_that_cannot_be_written_is_told_in_a_sentence(void **state)
{
    char error[STORE_ERROR_MAX];
    int64_t count = 7;

    (void)state;
    assert_int_equal(transfer_salvage(node.thread, 0, "/nowhere/at/all", &count, error), STATUS_IO);
    assert_string_equal(error, "can't write /nowhere/at/all: No such file or directory");
    assert_int_equal(count, 7);
}

static void nothing_unfinished_is_left(void **state)
{
    char unfinished[200];

    (void)state;
    assert_int_equal(salvage(0), 0);
    (void)snprintf(unfinished, sizeof unfinished, "%s.unfinished", path);
    assert_int_equal(access(unfinished, F_OK), -1);
    (void)snprintf(unfinished, sizeof unfinished, "%s.unfinished", deleted);
    assert_int_equal(access(unfinished, F_OK), -1);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(access(deleted, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_own_record_is_a_line_as_bulk_put_takes_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(deletes_are_listed_in_a_file_of_their_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_others_have_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_records_are_all_there_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_written_is_told_in_a_sentence, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_unfinished_is_left, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
