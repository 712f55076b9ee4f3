/* Keys found past LevelDB, beside what LevelDB says. */
#include "store/catalog.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/random.h"
#include "store/tree.h"
#include "unit/test.h"

#define KEYS   3000
#define ROUNDS 60

static char directory[64];
static struct tree *tree;
static struct tree_batch *batch;
static struct catalog *catalog;
static struct random numbers; /* the same ones in each run */

static uint64_t below(uint64_t limit)
{
    return random_below(&numbers, limit);
}

static void open_tree(void)
{
    char error[TREE_ERROR_MAX];
    bool was_repaired;

    assert_int_equal(tree_open(directory, false, &tree, &was_repaired, error), STATUS_OK);
    catalog_open(catalog);
}

static int set_up_with(size_t fences_max)
{
    strcpy(directory, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    batch = tree_batch_create();
    catalog = catalog_create(directory, fences_max);
    open_tree();
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_with(SIZE_MAX);
}

static int set_up_without_fences(void **state)
{
    (void)state;
    return set_up_with(0);
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    catalog_destroy(catalog);
    tree_batch_destroy(batch);
    tree_close(tree);
    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

/* Some begin others, and some have a zero or the largest byte at their end. */
static struct bytes key_of(struct buffer *out, uint64_t number)
{
    static const char *const ends[] = {"", "0", "00", "\x01", "\xff"};

    out->size = 0;
    buffer_printf(out, "m%05llu%s", (unsigned long long)(number / COUNT_OF(ends) * 7),
                  ends[number % COUNT_OF(ends)]);
    if (number % 11 == 0)
        buffer_append_byte(out, '\0');
    return buffer_view(out);
}

static void put(uint64_t number, const char *value)
{
    struct buffer key = {0};

    catalog_note(catalog, key_of(&key, number));
    if (value == NULL)
        tree_batch_delete(batch, buffer_view(&key));
    else
        tree_batch_put(batch, buffer_view(&key), bytes_of(value));
    buffer_clear(&key);
}

static void write_batch(void)
{
    assert_int_equal(tree_write(tree, batch), STATUS_OK);
    tree_batch_clear(batch);
}

/* All rows are in tables then. */
static void compact(uint64_t from, uint64_t to)
{
    struct buffer first = {0}, last = {0};

    tree_compact(tree, key_of(&first, from), key_of(&last, to));
    buffer_clear(&first);
    buffer_clear(&last);
}

static enum table_answer find(uint64_t number, struct bytes *value)
{
    struct buffer key = {0};
    struct bytes wanted = key_of(&key, number);
    enum table_answer answer = catalog_find(catalog, wanted, key_filter_hash(wanted), value);

    buffer_clear(&key);
    return answer;
}

static void assert_found(uint64_t number, const char *value)
{
    struct bytes found;

    assert_int_equal(find(number, &found), TABLE_FOUND);
    assert_true(bytes_equal(found, bytes_of(value)));
    xbytes_free(found);
}

/* Is it known past LevelDB?  Then it is what LevelDB says. */
static bool agrees(uint64_t number)
{
    struct bytes found, value;
    struct buffer key = {0};
    enum table_answer answer = find(number, &found);
    enum status status = tree_get(tree, key_of(&key, number), &value);

    if (answer == TABLE_FOUND) {
        assert_int_equal(status, STATUS_OK);
        assert_true(bytes_equal(found, value));
        xbytes_free(found);
    } else if (answer != TABLE_UNKNOWN) {
        assert_int_equal(status, STATUS_NOT_FOUND);
    }
    if (status == STATUS_OK)
        tree_free(value);
    buffer_clear(&key);
    return answer != TABLE_UNKNOWN;
}

/* ---------- claims ---------- */

static void an_empty_database_has_no_key(void **state)
{
    struct bytes value;

    (void)state;
    assert_int_equal(find(1, &value), TABLE_ABSENT);
}

static void what_was_written_lately_is_left_to_leveldb(void **state)
{
    struct bytes value;

    (void)state;
    put(1, "one");
    write_batch();
    assert_int_equal(find(1, &value), TABLE_UNKNOWN);
    assert_int_equal(find(2, &value), TABLE_ABSENT);
}

/* A key is left to LevelDB until the filter that has it is the older one, and goes. */
static void settle(void)
{
    for (uint64_t i = 0; i < 2; i++) {
        put(KEYS + i, "settles");
        write_batch();
        compact(0, 0);
        assert_true(catalog_follow(catalog));
    }
}

static void what_has_come_to_tables_is_found_there(void **state)
{
    struct bytes value;

    (void)state;
    put(1, "one");
    put(2, "two");
    put(2, NULL);
    write_batch();
    settle();
    assert_found(1, "one");
    assert_int_equal(find(2, &value), TABLE_DELETED);
    assert_int_equal(find(3, &value), TABLE_ABSENT);
}

static void the_newest_of_many_rows_counts(void **state)
{
    (void)state;
    put(1, "old");
    put(4, "old");
    write_batch();
    compact(0, KEYS);
    put(1, "new");
    write_batch();
    settle();
    assert_found(1, "new");
    assert_found(4, "old");
}

static void what_was_there_is_known_after_opening(void **state)
{
    struct bytes value;

    (void)state;
    put(1, "one");
    write_batch();
    tree_close(tree);
    open_tree();
    assert_found(1, "one");
    put(1, NULL);
    write_batch();
    assert_int_equal(find(1, &value), TABLE_UNKNOWN);
}

static void without_a_manifest_leveldb_is_asked(void **state)
{
    struct bytes value;
    char path[96];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/CURRENT", directory);
    assert_int_equal(unlink(path), 0);
    catalog_open(catalog);
    assert_int_equal(find(1, &value), TABLE_UNKNOWN);
    assert_false(catalog_follow(catalog));
}

/* The table with key 1 is merged into another, and removed. */
static void replace_its_table(void)
{
    put(5, "five");
    write_batch();
    compact(0, KEYS);
}

static void a_removed_table_is_read_on_until_the_next_look(void **state)
{
    (void)state;
    put(1, "one");
    write_batch();
    settle();
    assert_found(1, "one");
    replace_its_table();
    assert_found(1, "one");
    assert_true(catalog_follow(catalog));
    assert_found(1, "one");
}

static void a_table_that_was_removed_unread_is_left_to_leveldb(void **state)
{
    struct bytes value;

    (void)state;
    put(1, "one");
    write_batch();
    settle();
    replace_its_table();
    assert_int_equal(find(1, &value), TABLE_UNKNOWN);
    assert_true(catalog_follow(catalog));
    assert_found(1, "one");
}

static void overwrite_some(void)
{
    char value[64];

    for (uint64_t n = below(KEYS / 4); n > 0; n--) {
        uint64_t number = below(KEYS);

        (void)snprintf(value, sizeof value, "%llu", (unsigned long long)below(1000000));
        put(number, below(4) == 0 ? NULL : value);
        if (below(100) == 0)
            write_batch();
    }
    write_batch();
}

static void it_never_differs_from_leveldb(void **state)
{
    size_t known = 0;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t from = below(KEYS);

        overwrite_some();
        if (below(3) > 0)
            compact(from, from + below(KEYS - from));
        if (below(3) > 0)
            (void)catalog_follow(catalog);
        if (below(10) == 0) {
            tree_close(tree);
            open_tree();
        }
        for (uint64_t i = 0; i < KEYS; i++)
            known += agrees(i);
    }
    settle();
    for (uint64_t i = 0; i < KEYS; i++)
        assert_true(agrees(i));
    assert_true(known > KEYS * ROUNDS / 10);
}

/* Tables whose keys don't overlap come to the same level. */
static void the_right_one_of_a_levels_tables_is_looked_into(void **state)
{
    const uint64_t tables = 40, apart = 50, keys = 20;
    struct bytes value;

    (void)state;
    for (uint64_t table = 0; table < tables; table++) {
        for (uint64_t i = 0; i < keys; i++)
            put(table * apart + i, "here");
        write_batch();
        compact(table * apart, table * apart + keys);
    }
    settle();
    for (uint64_t i = 0; i < tables * apart; i++) {
        if (i % apart < keys)
            assert_found(i, "here");
        else
            assert_int_equal(find(i, &value), TABLE_ABSENT);
    }
}

/* ---------- fences ---------- */

static void fences_come_with_a_first_look_and_go_with_their_table(void **state)
{
    size_t before;

    (void)state;
    put(1, "one");
    write_batch();
    settle();
    assert_int_equal(catalog_fence_bytes(catalog), 0);
    assert_found(1, "one");
    before = catalog_fence_bytes(catalog);
    assert_true(before > 0);
    for (int i = 0; i < 20; i++) {
        replace_its_table();
        settle();
        assert_found(1, "one");
        assert_true(catalog_fence_bytes(catalog) <= 4 * before);
    }
    catalog_close(catalog);
    assert_int_equal(catalog_fence_bytes(catalog), 0);
}

static void without_room_for_fences_all_is_found(void **state)
{
    (void)state;
    put(1, "one");
    put(4, "four");
    write_batch();
    settle();
    assert_found(1, "one");
    assert_found(4, "four");
    assert_int_equal(catalog_fence_bytes(catalog), 0);
}

/* ---------- readers beside the writer ---------- */

static _Atomic uint64_t written[8]; /* the value that each of the first keys has at least */
static atomic_bool is_over;

/* What a key had when we began is not newer than what is found. */
static void *read_all(void *context)
{
    (void)context;
    for (uint64_t i = 0; !is_over; i = (i + 1) % COUNT_OF(written)) {
        uint64_t least = atomic_load(&written[i]);
        struct bytes value;
        enum table_answer answer = find(i, &value);

        if (answer == TABLE_FOUND) {
            assert_true(strtoull(value.data, NULL, 10) >= least);
            xbytes_free(value);
        } else {
            assert_true(answer == TABLE_UNKNOWN || least == 0);
        }
    }
    return NULL;
}

static void a_reader_never_finds_what_was_replaced_before(void **state)
{
    pthread_t readers[2];
    char value[32];

    (void)state;
    is_over = false;
    for (size_t i = 0; i < COUNT_OF(readers); i++)
        pthread_create(&readers[i], NULL, read_all, NULL);
    for (uint64_t number = 1; number <= 300; number++) {
        uint64_t i = below(COUNT_OF(written));

        (void)snprintf(value, sizeof value, "%llu", (unsigned long long)number);
        put(i, value);
        write_batch();
        atomic_store(&written[i], number);
        if (number % 3 == 0)
            compact(0, below(2) * KEYS);
        (void)catalog_follow(catalog);
    }
    is_over = true;
    for (size_t i = 0; i < COUNT_OF(readers); i++)
        pthread_join(readers[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_database_has_no_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_written_lately_is_left_to_leveldb, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_has_come_to_tables_is_found_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_newest_of_many_rows_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_there_is_known_after_opening, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_manifest_leveldb_is_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_removed_table_is_read_on_until_the_next_look, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_table_that_was_removed_unread_is_left_to_leveldb, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(it_never_differs_from_leveldb, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_right_one_of_a_levels_tables_is_looked_into, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(it_never_differs_from_leveldb, set_up_without_fences,
                                        tear_down),
        cmocka_unit_test_setup_teardown(fences_come_with_a_first_look_and_go_with_their_table,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_room_for_fences_all_is_found, set_up_without_fences,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reader_never_finds_what_was_replaced_before, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
