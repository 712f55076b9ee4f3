/* Rows that get into LevelDB past its log, read through LevelDB. */
#include "store/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "store/engine.h"
#include "unit/test.h"

#define ROWS      20000
#define BLOCKWISE 1 /* a file size by which each block gets a file */

static char directory[64];
static struct engine *engine;
static struct tables *tables;

static void open_engine(void)
{
    char error[ENGINE_ERROR_MAX];
    bool was_repaired;

    assert_int_equal(engine_open(directory, &engine, &was_repaired, error), STATUS_OK);
    assert_false(was_repaired);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    open_engine();
    tables = engine_create_tables(engine);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    tables_destroy(tables);
    engine_close(engine);
    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static void reopen(void)
{
    engine_close(engine);
    open_engine();
}

/* ---------- rows ---------- */

static struct bytes key_of(unsigned n)
{
    static char text[32];

    (void)snprintf(text, sizeof text, "key %08u", n);
    return bytes_of(text);
}

/* Some that compress, some that don't, empty ones, and long ones now and then. */
static struct bytes value_of(unsigned n)
{
    static char value[100000];
    size_t size = n % 5000 == 0 ? sizeof value : n % 300;
    unsigned random = n;

    for (size_t i = 0; i < size; i++) {
        random = random * 1103515245 + 12345;
        value[i] = n % 2 == 0 ? 'v' : (char)(random >> 16);
    }
    return (struct bytes){value, size};
}

static void put(unsigned n)
{
    assert_true(tables_takes(tables, key_of(n)));
    assert_int_equal(tables_put(tables, key_of(n), value_of(n)), STATUS_OK);
}

static void install(void)
{
    assert_int_equal(tables_finish(tables), STATUS_OK);
    assert_int_equal(engine_install_tables(engine, tables), STATUS_OK);
}

static void write_row(struct bytes key, bool is_deleted)
{
    struct engine_batch *batch = engine_batch_create();

    if (is_deleted)
        engine_batch_delete(batch, key);
    else
        engine_batch_put(batch, key, bytes_of("written"));
    assert_int_equal(engine_write(engine, batch, true), STATUS_OK);
    engine_batch_destroy(batch);
}

static bool has(struct bytes key, struct bytes expected)
{
    struct bytes value;
    enum status status = engine_get(engine, key, &value);
    bool is_equal = status == STATUS_OK && bytes_equal(value, expected);

    if (status == STATUS_OK)
        engine_free(value);
    return is_equal;
}

static bool is_absent(struct bytes key)
{
    struct bytes value;
    enum status status = engine_get(engine, key, &value);

    if (status == STATUS_OK)
        engine_free(value);
    return status == STATUS_NOT_FOUND;
}

static unsigned count_rows(void)
{
    struct engine_iterator *iterator = engine_iterate(engine);
    unsigned count = 0;

    engine_iterator_seek(iterator, bytes_of("key "));
    for (; engine_iterator_is_valid(iterator) &&
           bytes_starts_with(engine_iterator_key(iterator), bytes_of("key "));
         engine_iterator_next(iterator))
        count++;
    assert_int_equal(engine_iterator_status(iterator), STATUS_OK);
    engine_iterator_destroy(iterator);
    return count;
}

/* Every second number: those between them are absent, and mostly a filter says so. */
static void assert_rows(unsigned from, unsigned to)
{
    for (unsigned n = from; n < to; n += 2) {
        assert_true(has(key_of(n), value_of(n)));
        assert_true(is_absent(key_of(n + 1)));
    }
}

static int files_on_disk(const char *pattern)
{
    char command[160], text[16];
    FILE *pipe;

    (void)snprintf(command, sizeof command, "ls %s | grep -c '%s'", directory, pattern);
    pipe = popen(command, "r");
    assert_non_null(fgets(text, sizeof text, pipe));
    pclose(pipe);
    return atoi(text);
}

/* ---------- claims ---------- */

static void what_is_installed_is_found_beside_what_was_there(void **state)
{
    (void)state;
    write_row(bytes_of("a"), false);
    write_row(bytes_of("z"), false);
    for (unsigned n = 0; n < ROWS; n += 2)
        put(n);
    assert_int_equal(count_rows(), 0);
    install();
    for (int round = 0; round < 3; round++) {
        assert_int_equal(count_rows(), ROWS / 2);
        assert_rows(0, ROWS);
        assert_true(has(bytes_of("a"), bytes_of("written")));
        assert_true(has(bytes_of("z"), bytes_of("written")));
        if (round == 0)
            reopen();
        else
            engine_compact(engine, bytes_of(""), bytes_of("zz"));
    }
    assert_int_equal(files_on_disk("loading"), 0);
}

static void it_can_be_overwritten_and_deleted(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 100; n += 2)
        put(n);
    install();
    write_row(key_of(10), false);
    write_row(key_of(12), true);
    for (int round = 0; round < 3; round++) {
        assert_true(has(key_of(10), bytes_of("written")));
        assert_true(is_absent(key_of(12)));
        assert_int_equal(count_rows(), 49);
        if (round == 0)
            reopen();
        else
            engine_compact(engine, bytes_of(""), bytes_of("zz"));
    }
}

static void any_number_of_files_is_installed(void **state)
{
    (void)state;
    tables_destroy(tables);
    tables = tables_create(directory, BLOCKWISE);
    for (unsigned n = 0; n < ROWS; n += 2)
        put(n);
    install();
    assert_true(files_on_disk("ldb") > 300);
    assert_rows(0, ROWS);
    reopen();
    assert_rows(0, ROWS);
    assert_int_equal(count_rows(), ROWS / 2);
}

static void runs_may_come_in_any_order(void **state)
{
    static const unsigned runs[] = {3, 0, 4, 2, 1};

    (void)state;
    for (size_t run = 0; run < COUNT_OF(runs); run++)
        for (unsigned n = runs[run] * 1000; n < runs[run] * 1000 + 1000; n += 2)
            put(n);
    assert_false(tables_takes(tables, key_of(3500)));
    assert_false(tables_takes(tables, key_of(1500)));
    assert_true(tables_takes(tables, key_of(5000)));
    install();
    assert_rows(0, 5000);
    assert_int_equal(count_rows(), 2500);
    engine_compact(engine, bytes_of(""), bytes_of("zz"));
    assert_rows(0, 5000);
}

static void many_small_runs_do_not_become_many_small_files(void **state)
{
    unsigned n = 1000;

    (void)state;
    while (n > 0 && tables_takes(tables, key_of(n)))
        put(n--);
    assert_in_range(n, 1, 990);
    assert_true(tables_takes(tables, key_of(1001)) == false);
    install();
    assert_int_equal(count_rows(), 1000 - n);
    assert_in_range(files_on_disk("ldb"), 1, 100);
}

static void what_is_not_installed_is_removed(void **state)
{
    (void)state;
    put(1);
    assert_int_equal(tables_finish(tables), STATUS_OK);
    assert_int_equal(files_on_disk("loading"), 1);
    reopen(); /* after a crash */
    assert_int_equal(files_on_disk("loading"), 0);
    tables_destroy(tables);
    tables = engine_create_tables(engine);
    put(1);
    tables_destroy(tables);
    assert_int_equal(files_on_disk("loading"), 0);
    tables = NULL;
    assert_int_equal(count_rows(), 0);
}

/* Files that have got their names, without the manifest that names them. */
static void an_install_that_was_interrupted_leaves_nothing(void **state)
{
    char path[128];
    FILE *file;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/000100.ldb", directory);
    file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    write_row(bytes_of("a"), false);
    reopen();
    assert_int_equal(files_on_disk("000100.ldb"), 0);
    assert_true(has(bytes_of("a"), bytes_of("written")));
}

static void nothing_at_all_can_be_installed(void **state)
{
    (void)state;
    write_row(bytes_of("a"), false);
    install();
    assert_true(has(bytes_of("a"), bytes_of("written")));
}

static void a_renewed_database_has_forgotten_what_was_deleted(void **state)
{
    bool is_renewed = false;

    (void)state;
    for (unsigned n = 0; n < 100; n++) {
        write_row(key_of(n), false);
        write_row(key_of(n), true);
    }
    write_row(bytes_of("a"), false);
    write_row(bytes_of("z"), false);
    assert_int_equal(engine_renew(engine, 1000, &is_renewed), STATUS_OK);
    assert_true(is_renewed);
    assert_true(has(bytes_of("a"), bytes_of("written")));
    write_row(bytes_of("b"), false);
    for (unsigned n = 0; n < 100; n += 2)
        put(n);
    install();
    for (int round = 0; round < 2; round++) {
        assert_rows(0, 100);
        assert_true(has(bytes_of("a"), bytes_of("written")));
        assert_true(has(bytes_of("b"), bytes_of("written")));
        assert_true(has(bytes_of("z"), bytes_of("written")));
        reopen();
    }
}

static void a_large_database_is_not_renewed(void **state)
{
    bool is_renewed = true;

    (void)state;
    for (unsigned n = 0; n < 100; n++)
        write_row(key_of(n), false);
    assert_int_equal(engine_renew(engine, 1000, &is_renewed), STATUS_OK);
    assert_false(is_renewed);
    assert_int_equal(count_rows(), 100);
    assert_int_equal(files_on_disk("loading"), 0);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(what_is_installed_is_found_beside_what_was_there),
        CLAIM(it_can_be_overwritten_and_deleted),
        CLAIM(any_number_of_files_is_installed),
        CLAIM(runs_may_come_in_any_order),
        CLAIM(many_small_runs_do_not_become_many_small_files),
        CLAIM(what_is_not_installed_is_removed),
        CLAIM(an_install_that_was_interrupted_leaves_nothing),
        CLAIM(nothing_at_all_can_be_installed),
        CLAIM(a_renewed_database_has_forgotten_what_was_deleted),
        CLAIM(a_large_database_is_not_renewed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
