/* Rows that get into LevelDB past its log, read through LevelDB. */
#include "store/tables.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "store/engine.h"
#include "unit/test.h"

#define ROWS      40000
#define BLOCKWISE 1 /* a file size by which each block gets a file */
#define STEPS_MAX 200

static char directory[64];
static struct engine *engine;
static struct tables *tables;

static void open_engine(void)
{
    char error[ENGINE_ERROR_MAX];
    bool was_repaired;

    assert_int_equal(engine_open(directory, false, &engine, &was_repaired, error), STATUS_OK);
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

/* ---------- steps ---------- */

/* What changes the disk, from here and from libleveldb, comes through these: from some step on they
 * end the process, or find the disk full.  They know what has not been synced. */
static atomic_int steps_left = -1; /* -1: no limit */
static atomic_bool ends_process;
static _Atomic ino_t unsynced[8]; /* 0 = none */

static bool take_step(void)
{
    if (steps_left < 0 || steps_left-- > 0)
        return true;
    if (ends_process)
        _exit(1);
    steps_left = 0;
    errno = ENOSPC;
    return false;
}

static void limit_steps(int steps, bool is_end)
{
    for (size_t i = 0; i < COUNT_OF(unsynced); i++)
        unsynced[i] = 0;
    ends_process = is_end;
    steps_left = steps;
}

/* Replaces one by another. */
static void note_unsynced(ino_t one, ino_t other)
{
    for (size_t i = 0; i < COUNT_OF(unsynced); i++)
        if (unsynced[i] == one) {
            unsynced[i] = other;
            return;
        }
}

static ino_t inode_of(int file)
{
    struct stat is;

    return fstat(file, &is) == 0 && S_ISREG(is.st_mode) ? is.st_ino : 0;
}

ssize_t write(int file, const void *data, size_t size)
{
    if (steps_left < 0)
        return syscall(SYS_write, file, data, size);
    note_unsynced(inode_of(file), 0);
    note_unsynced(0, inode_of(file));
    return take_step() ? syscall(SYS_write, file, data, size) : -1;
}

int fsync(int file)
{
    if (!take_step())
        return -1;
    note_unsynced(inode_of(file), 0);
    return 0;
}

int fdatasync(int file)
{
    return fsync(file);
}

/* T3 */
static void check_switch(const char *to)
{
    if (steps_left <= 0 || strstr(to, "CURRENT") == NULL)
        return;
    for (size_t i = 0; i < COUNT_OF(unsynced); i++) {
        if (unsynced[i] != 0 && ends_process)
            _exit(9);
        assert_int_equal(unsynced[i], 0);
    }
}

int rename(const char *from, const char *to)
{
    check_switch(to);
    return take_step() ? (int)syscall(SYS_rename, from, to) : -1;
}

int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    check_switch(to);
    return take_step() ? (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, 0)
                       : -1;
}

int unlink(const char *path)
{
    if (ends_process)
        (void)take_step();
    return (int)syscall(SYS_unlink, path);
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
    assert_true(tables_takes(tables, RUN_ROWS, key_of(n)));
    assert_int_equal(tables_put(tables, RUN_ROWS, key_of(n), value_of(n)), STATUS_OK);
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

/* Rises with n; any bytes, and any number of them behind the last four that a filter hashes. */
static struct bytes odd_key(unsigned n)
{
    static unsigned char key[64];
    unsigned random = n;

    key[0] = (unsigned char)(n >> 8);
    key[1] = (unsigned char)n;
    for (size_t i = 2; i < sizeof key; i++) {
        random = random * 1103515245 + 12345;
        key[i] = (unsigned char)(random >> 16);
    }
    return (struct bytes){(const char *)key, 2 + n % 50};
}

static void keys_of_any_bytes_are_found(void **state)
{
    (void)state;
    for (unsigned n = 0; n < ROWS; n += 2) {
        assert_true(tables_takes(tables, RUN_ROWS, odd_key(n)));
        assert_int_equal(tables_put(tables, RUN_ROWS, odd_key(n), value_of(n)), STATUS_OK);
    }
    install();
    for (unsigned n = 0; n < ROWS; n += 2) {
        assert_true(has(odd_key(n), value_of(n)));
        assert_true(is_absent(odd_key(n + 1)));
    }
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

static uint64_t size_of_equal_bytes(bool compresses)
{
    uint64_t size;

    tables_destroy(tables);
    tables = tables_create(directory, 1 << 30, compresses);
    for (unsigned n = 0; n < 1000; n += 2)
        put(n);
    assert_int_equal(tables_finish(tables), STATUS_OK);
    size = tables_size(tables);
    return size;
}

static void blocks_are_compressed_if_asked_for(void **state)
{
    uint64_t plain = size_of_equal_bytes(false);

    (void)state;
    assert_true(size_of_equal_bytes(true) < plain / 2);
    assert_int_equal(engine_install_tables(engine, tables), STATUS_OK);
    assert_rows(0, 1000);
}

static void any_number_of_files_is_installed(void **state)
{
    (void)state;
    tables_destroy(tables);
    tables = tables_create(directory, BLOCKWISE, false);
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
    assert_false(tables_takes(tables, RUN_ROWS, key_of(3500)));
    assert_false(tables_takes(tables, RUN_ROWS, key_of(1500)));
    assert_true(tables_takes(tables, RUN_ROWS, key_of(5000)));
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
    while (n > 0 && tables_takes(tables, RUN_ROWS, key_of(n)))
        put(n--);
    assert_in_range(n, 1, 990);
    assert_true(tables_takes(tables, RUN_ROWS, key_of(1001)) == false);
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
    for (unsigned n = 0; n < 100; n++)
        assert_true(has(key_of(n), bytes_of("written")));
    assert_int_equal(files_on_disk("loading"), 0);
}

/* ---------- what may happen on the way ---------- */

/* With the files that were put, or with a new set of all rows. */
static enum status install_some(void)
{
    enum status status = tables_finish(tables);

    return status == STATUS_OK ? engine_install_tables(engine, tables) : status;
}

/* While no other files are being written in the background. */
static enum status renew(void)
{
    enum status status = tables_finish(tables);
    bool is_renewed;

    return status == STATUS_OK ? engine_renew(engine, 1 << 20, &is_renewed) : status;
}

#define SOME_ROWS 300 /* several files */

static void prepare(void)
{
    write_row(bytes_of("a"), false);
    write_row(bytes_of("b"), false);
    write_row(bytes_of("b"), true);
    tables_destroy(tables);
    tables = tables_create(directory, 5000, true);
    for (unsigned n = 0; n < SOME_ROWS; n++)
        put(n);
}

/* True if that was the last step. */
static bool ends_in_another_process(enum status (*act)(void), int steps)
{
    int result;
    pid_t child;

    engine_close(engine);
    tables_destroy(tables); /* its thread would not be there */
    tables = NULL;
    child = fork();
    if (child == 0) {
        open_engine();
        prepare();
        limit_steps(steps, true);
        result = act() != STATUS_OK;
        steps_left = -1;
        _exit(result + 2);
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) < 3);
    open_engine(); /* there is nothing to repair */
    return WEXITSTATUS(result) == 2;
}

/* All or nothing is there, and more can be written, and installed. */
static void assert_usable(void)
{
    unsigned rows = count_rows();

    assert_true(rows == 0 || rows == SOME_ROWS);
    assert_true(has(bytes_of("a"), bytes_of("written")));
    assert_true(is_absent(bytes_of("b")));
    write_row(bytes_of("c"), false);
    tables_destroy(tables);
    tables = engine_create_tables(engine);
    if (rows == 0)
        for (unsigned n = 0; n < SOME_ROWS; n++)
            put(n);
    install();
    reopen();
    assert_int_equal(count_rows(), SOME_ROWS);
    assert_true(has(bytes_of("c"), bytes_of("written")));
    assert_int_equal(files_on_disk("loading"), 0);
}

static void assert_every_step_may_be_the_last(enum status (*act)(void))
{
    bool was_last = false;
    int steps = 0;
    void *none = NULL;

    for (; !was_last; steps++) {
        assert_true(steps < STEPS_MAX);
        was_last = ends_in_another_process(act, steps);
        assert_usable();
        assert_int_equal(tear_down(&none), 0);
        set_up(&none);
    }
    assert_true(steps > 15);
}

static void installing_may_end_with_every_step(void **state)
{
    (void)state;
    assert_every_step_may_be_the_last(install_some);
}

static void renewing_may_end_with_every_step(void **state)
{
    (void)state;
    assert_every_step_may_be_the_last(renew);
}

static void read_current(char text[32])
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/CURRENT", directory);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, 32, file));
    fclose(file);
}

static void assert_disk_may_be_full_at_every_step(enum status (*act)(void))
{
    enum status status = STATUS_IO;
    char before[32], after[32];
    int steps = 0;
    void *none = NULL;

    for (; status != STATUS_OK; steps++) {
        assert_true(steps < STEPS_MAX);
        prepare();
        read_current(before);
        limit_steps(steps, false);
        status = act();
        steps_left = -1;
        read_current(after);
        if (strcmp(before, after) == 0)
            assert_int_equal(files_on_disk("ldb"), 0); /* those that came have made room */
        assert_int_equal(engine_reopen(engine), STATUS_OK);
        assert_usable();
        assert_int_equal(tear_down(&none), 0);
        set_up(&none);
    }
    assert_true(steps > 15);
}

static void the_disk_may_be_full_at_every_step_of_installing(void **state)
{
    (void)state;
    assert_disk_may_be_full_at_every_step(install_some);
}

static void the_disk_may_be_full_at_every_step_of_renewing(void **state)
{
    (void)state;
    assert_disk_may_be_full_at_every_step(renew);
}

/* LevelDB forgives a torn end of its manifest, but not with something behind it. */
static void nothing_is_put_behind_a_torn_manifest(void **state)
{
    char command[192];

    (void)state;
    write_row(bytes_of("a"), false);
    put(1);
    (void)snprintf(command, sizeof command, "printf 0123456789 >> %s/$(cat %s/CURRENT)", directory,
                   directory);
    assert_int_equal(system(command), 0);
    assert_int_equal(tables_finish(tables), STATUS_OK);
    assert_int_not_equal(engine_install_tables(engine, tables), STATUS_OK);
    assert_true(has(bytes_of("a"), bytes_of("written")));
    assert_int_equal(count_rows(), 0);
    reopen();
    assert_true(has(bytes_of("a"), bytes_of("written")));
}

static bool is_level_empty(int level)
{
    char name[64], *files;
    bool is_empty;

    (void)snprintf(name, sizeof name, "leveldb.num-files-at-level%d", level);
    files = engine_take_property(engine, name);
    is_empty = strcmp(files, "0") == 0;
    free(files);
    return is_empty;
}

static void a_level_with_rows_between_those_that_come_is_passed_by(void **state)
{
    (void)state;
    tables_destroy(tables);
    tables = tables_create(directory, BLOCKWISE, false);
    for (unsigned n = 0; n < ROWS; n += 4)
        put(n);
    install();
    tables_destroy(tables);
    tables = engine_create_tables(engine);
    for (unsigned n = 2; n < ROWS; n += 4)
        put(n);
    install();
    assert_false(is_level_empty(3));
    assert_false(is_level_empty(4));
    assert_rows(0, ROWS);
    assert_int_equal(count_rows(), ROWS / 2);
    tables_destroy(tables);
    tables = engine_create_tables(engine);
    for (unsigned n = ROWS; n < 2 * ROWS; n += 2)
        put(n);
    install();
    assert_true(is_level_empty(5));
    reopen();
    assert_rows(0, 2 * ROWS);
}

static int open_files(void)
{
    DIR *list = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(list) != NULL)
        count++;
    closedir(list);
    return count;
}

static void many_files_are_not_open_at_once(void **state)
{
    int before = open_files();

    (void)state;
    tables_destroy(tables);
    tables = tables_create(directory, BLOCKWISE, false);
    for (unsigned n = 0; n < ROWS; n += 2)
        put(n);
    assert_true(files_on_disk("loading") > 300);
    assert_in_range(open_files() - before, 1, 10);
}

/* Those of one run lie between, before and behind those of the other. */
static void two_runs_may_come_at_a_time(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 1000; n += 2) {
        unsigned other = n + (n < 500 ? 1000 : 4000);

        put(n + 2000);
        assert_true(tables_takes(tables, RUN_CHUNKS, key_of(other)));
        assert_int_equal(tables_put(tables, RUN_CHUNKS, key_of(other), value_of(other)), STATUS_OK);
    }
    assert_false(tables_takes(tables, RUN_CHUNKS, key_of(2500)));
    assert_false(tables_takes(tables, RUN_ROWS, key_of(1200)));
    install();
    for (int round = 0; round < 2; round++) {
        assert_int_equal(count_rows(), 1000);
        assert_rows(1000, 1500);
        assert_rows(2000, 3000);
        assert_rows(4500, 5000);
        reopen();
    }
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(what_is_installed_is_found_beside_what_was_there),
        CLAIM(keys_of_any_bytes_are_found),
        CLAIM(it_can_be_overwritten_and_deleted),
        CLAIM(blocks_are_compressed_if_asked_for),
        CLAIM(any_number_of_files_is_installed),
        CLAIM(runs_may_come_in_any_order),
        CLAIM(many_small_runs_do_not_become_many_small_files),
        CLAIM(what_is_not_installed_is_removed),
        CLAIM(an_install_that_was_interrupted_leaves_nothing),
        CLAIM(nothing_at_all_can_be_installed),
        CLAIM(a_renewed_database_has_forgotten_what_was_deleted),
        CLAIM(a_large_database_is_not_renewed),
        CLAIM(installing_may_end_with_every_step),
        CLAIM(renewing_may_end_with_every_step),
        CLAIM(the_disk_may_be_full_at_every_step_of_installing),
        CLAIM(the_disk_may_be_full_at_every_step_of_renewing),
        CLAIM(nothing_is_put_behind_a_torn_manifest),
        CLAIM(a_level_with_rows_between_those_that_come_is_passed_by),
        CLAIM(many_files_are_not_open_at_once),
        CLAIM(two_runs_may_come_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
