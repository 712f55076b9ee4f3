/* What is not shown by the store as a whole: wiping, and what is counted. */
#include "store/engine.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "unit/test.h"

/* This program's fdatasync() is the one below, and refuses on demand. */
static atomic_int log_syncs_to_fail; /* of LevelDB's logs */

static bool is_log(int file)
{
    char link[64], path[256];
    ssize_t size;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    size = readlink(link, path, sizeof path);
    return size > 4 && memcmp(path + size - 4, ".log", 4) == 0;
}

int fdatasync(int file)
{
    if (atomic_load(&log_syncs_to_fail) > 0 && is_log(file)) {
        atomic_fetch_sub(&log_syncs_to_fail, 1);
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, file);
}

static char directory[64];
static struct engine *engine;

static void not_for_sanitizers(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#endif
}

static void open_engine(void)
{
    char error[ENGINE_ERROR_MAX];
    bool was_repaired;

    assert_int_equal(engine_open(directory, false, &engine, &was_repaired, error), STATUS_OK);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    open_engine();
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    engine_close(engine);
    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static void put(const char *key)
{
    struct engine_batch *batch = engine_batch_create();

    engine_batch_put(batch, bytes_of(key), bytes_of("value"));
    assert_int_equal(engine_write(engine, batch, false), STATUS_OK);
    engine_batch_destroy(batch);
}

static bool has(const char *key)
{
    struct bytes value;
    enum status status = engine_get(engine, bytes_of(key), &value);

    if (status == STATUS_OK)
        engine_free(value);
    return status == STATUS_OK;
}

static void touch(const char *name)
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static bool exists(const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return access(path, F_OK) == 0;
}

static void nothing_is_left_of_what_is_wiped(void **state)
{
    (void)state;
    put("a");
    engine_close(engine);
    open_engine(); /* what was in the log stands in a table now */
    put("b");
    assert_int_equal(engine_wipe(engine), STATUS_OK);
    assert_false(has("a"));
    assert_false(has("b"));
    put("c");
    engine_close(engine);
    open_engine();
    assert_false(has("a"));
    assert_false(has("b"));
    assert_true(has("c"));
}

static void files_of_others_are_left_alone(void **state)
{
    (void)state;
    touch("GRAPEVINE");
    assert_int_equal(engine_wipe(engine), STATUS_OK);
    assert_true(exists("GRAPEVINE"));
}

/* It ended after some of LevelDB's files were gone: here, the one that names all others. */
static void an_interrupted_wipe_is_finished_by_opening(void **state)
{
    char path[128];

    (void)state;
    put("a");
    engine_close(engine);
    touch("wiping");
    (void)snprintf(path, sizeof path, "%s/CURRENT", directory);
    assert_int_equal(unlink(path), 0);
    open_engine();
    assert_false(has("a"));
    assert_false(exists("wiping"));
}

static struct engine_statistics counted(void)
{
    struct engine_statistics statistics;

    engine_statistics(engine, &statistics);
    return statistics;
}

static struct level all_levels(void)
{
    struct engine_statistics statistics = counted();

    return levels_sum(&statistics.levels);
}

static off_t log_size(void)
{
    char command[224], text[32] = "";
    FILE *pipe;

    (void)snprintf(command, sizeof command, "cat %s/*.log %s/journal.* | wc -c", directory,
                   directory);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(text, sizeof text, pipe));
    assert_int_equal(pclose(pipe), 0);
    return (off_t)strtoll(text, NULL, 10);
}

static void put_large(struct engine_batch *batch, size_t number, size_t size)
{
    char key[32], *value = malloc(size);

    (void)snprintf(key, sizeof key, "large:%zu", number);
    memset(value, (int)number, size);
    engine_batch_clear(batch);
    engine_batch_put(batch, bytes_of(key), (struct bytes){value, size});
    assert_int_equal(engine_write(engine, batch, false), STATUS_OK);
    free(value);
}

static void bytes_put_and_bytes_logged_are_counted(void **state)
{
    struct engine_batch *batch = engine_batch_create();

    (void)state;
    put("a");
    assert_int_equal(counted().put_bytes, strlen("a") + strlen("value"));
    assert_int_equal(counted().log_bytes, log_size());
    put_large(batch, 1, 30000);
    engine_batch_clear(batch);
    engine_batch_delete(batch, bytes_of("a"));
    assert_int_equal(engine_write(engine, batch, false), STATUS_OK);
    assert_int_equal(counted().log_bytes, log_size());
    engine_batch_destroy(batch);
}

static void what_lies_on_disk_is_tables_and_logs(void **state)
{
    struct engine_batch *batch = engine_batch_create();

    (void)state;
    put_large(batch, 1, 1000000);
    assert_int_equal(counted().disk_bytes, log_size());
    assert_int_equal(all_levels().files, 0);
    engine_batch_destroy(batch);
}

/* LevelDB itself begins anew. */
static void what_compaction_did_is_known_after_reopening(void **state)
{
    struct engine_batch *batch = engine_batch_create();
    int64_t written;

    (void)state;
    for (size_t i = 0; i < 8; i++)
        put_large(batch, i, 4 << 20);
    engine_compact(engine, bytes_of("a"), bytes_of("z"));
    written = all_levels().written_bytes;
    assert_true(written > 0);
    assert_int_equal(engine_reopen(engine), STATUS_OK);
    assert_true(all_levels().written_bytes >= written);
    assert_true(counted().put_bytes > 8 * (4 << 20));
    engine_batch_destroy(batch);
}

static int64_t size_of_equal_bytes(bool compresses)
{
    struct engine_batch *batch = engine_batch_create();
    char error[ENGINE_ERROR_MAX];
    bool was_repaired;

    engine_close(engine);
    assert_int_equal(engine_open(directory, compresses, &engine, &was_repaired, error), STATUS_OK);
    assert_int_equal(engine_wipe(engine), STATUS_OK);
    for (size_t i = 0; i < 4; i++)
        put_large(batch, i, 4 << 20);
    engine_batch_destroy(batch);
    assert_int_equal(engine_reopen(engine), STATUS_OK); /* moves all into LevelDB's log */
    assert_int_equal(engine_reopen(engine), STATUS_OK); /* makes a table of that */
    return all_levels().bytes;
}

static void tables_are_compressed_if_asked_for(void **state)
{
    (void)state;
    assert_true(size_of_equal_bytes(false) >= 16 << 20);
    assert_true(size_of_equal_bytes(true) < 4 << 20);
}

/* The kernel tells once that LevelDB's log may have lost something. */
static void what_leveldb_may_have_lost_stays_in_the_journal(void **state)
{
    (void)state;
    log_set_level(LOG_NOTHING);
    put("a");
    atomic_store(&log_syncs_to_fail, 1);
    engine_compact(engine, bytes_of("a"), bytes_of("b"));
    assert_int_equal(atomic_load(&log_syncs_to_fail), 0);
    engine_compact(engine, bytes_of("a"), bytes_of("b"));
    assert_true(exists("journal.1"));
    assert_int_equal(engine_reopen(engine), STATUS_OK);
    assert_false(exists("journal.1"));
    assert_true(has("a"));
}

#define ROWS       400000
#define MEMORY_MAX 262144 /* what the allocator and open files take */
#define ROW_SIZE   100
#define BATCH_ROWS 1000

static struct bytes row_key(unsigned n)
{
    static char text[32];

    (void)snprintf(text, sizeof text, "row:%012u", n);
    return bytes_of(text);
}

static void put_rows(void)
{
    struct engine_batch *batch = engine_batch_create();
    struct random random = {.state = 1};
    uint64_t value[ROW_SIZE / sizeof(uint64_t)];

    for (unsigned n = 0; n < ROWS; n++) {
        for (size_t i = 0; i < COUNT_OF(value); i++)
            value[i] = random_next(&random);
        engine_batch_put(batch, row_key(n), (struct bytes){(char *)value, sizeof value});
        if ((n + 1) % BATCH_ROWS != 0)
            continue;
        assert_int_equal(engine_write(engine, batch, false), STATUS_OK);
        engine_batch_clear(batch);
    }
    engine_batch_destroy(batch);
}

static void get_rows(void)
{
    for (unsigned n = 0; n < ROWS; n += 100) {
        struct bytes value;

        assert_int_equal(engine_get(engine, row_key(n), &value), STATUS_OK);
        engine_free(value);
    }
}

/* Memory is bounded by options: filter and index of 40 MB would be three quarters of a megabyte. */
static void a_table_that_is_read_takes_no_memory(void **state)
{
    size_t before;

    (void)state;
    not_for_sanitizers(); /* their allocators have a way of their own */
    put_rows();
    for (int i = 0; i < 3; i++) /* all into the log, tables of the log, and none open */
        assert_int_equal(engine_reopen(engine), STATUS_OK);
    before = memory_used();
    get_rows();
    assert_true(memory_used() < before + MEMORY_MAX);
}

/* A buffer is full before the one behind it is on disk. */
static void a_write_that_waits_for_compaction_is_a_stall(void **state)
{
    struct engine_batch *batch;

    (void)state;
    not_for_sanitizers(); /* with which a writer is slower than LevelDB, that has none */
    batch = engine_batch_create();
    put("a");
    assert_int_equal(counted().stalls, 0);
    for (size_t i = 0; i < 1000 && counted().stalls == 0; i++)
        put_large(batch, i, 1 << 20);
    assert_true(counted().stalls > 0);
    assert_true(counted().stall_us >= 500);
    engine_batch_destroy(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_left_of_what_is_wiped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_of_others_are_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interrupted_wipe_is_finished_by_opening, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(bytes_put_and_bytes_logged_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_lies_on_disk_is_tables_and_logs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_compaction_did_is_known_after_reopening, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_table_that_is_read_takes_no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tables_are_compressed_if_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_that_waits_for_compaction_is_a_stall, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_leveldb_may_have_lost_stays_in_the_journal, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
