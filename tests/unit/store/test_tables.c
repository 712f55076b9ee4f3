/* The tables of one engine become those of another, read through LevelDB. */
#include "store/tables.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "store/table.h"
#include "unit/store/engines.h"

#define ROWS      2000
#define STEPS_MAX 300
#define MANY      300

static struct home node, source;
static struct tables *tables;

static int set_up(void **state)
{
    (void)state;
    home_create(&source);
    home_create(&node);
    tables = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tables_destroy(tables);
    home_destroy(&node);
    home_destroy(&source);
    return 0;
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

/* Empty ones, and long ones now and then. */
static struct bytes value_of(unsigned n)
{
    static char value[20000];
    size_t size = n % 500 == 0 ? sizeof value : n % 300;

    memset(value, 'a' + (int)(n % 26), size);
    return (struct bytes){value, size};
}

static void fill(struct home *home, unsigned from, unsigned to)
{
    struct engine_batch *batch = engine_batch_create();

    for (unsigned n = from; n < to; n++)
        engine_batch_put(batch, key_of(n), value_of(n));
    assert_int_equal(engine_write(home->engine, batch, false), STATUS_OK);
    engine_batch_destroy(batch);
}

static void assert_filled(const struct home *home, unsigned from, unsigned to)
{
    for (unsigned n = from; n < to; n++)
        assert_true(home_has(home, key_of(n), value_of(n)));
}

/* What the source holds now is in tables: one more, at level 0, or several further below. */
static void into_tables(void)
{
    home_reopen(&source);
}

static int files_of(const struct home *home, const char *pattern)
{
    char command[160], text[16];
    FILE *pipe;

    (void)snprintf(command, sizeof command, "ls %s | grep -c '%s'", home->directory, pattern);
    pipe = popen(command, "r");
    assert_non_null(fgets(text, sizeof text, pipe));
    pclose(pipe);
    return atoi(text);
}

static int files_at(const struct home *home, int level)
{
    char name[64], *count;
    int files;

    (void)snprintf(name, sizeof name, "leveldb.num-files-at-level%d", level);
    count = engine_take_property(home->engine, name);
    files = atoi(count);
    free(count);
    return files;
}

/* With a row of its own above all. */
static enum status take_and_install(const struct checkpoint *checkpoint)
{
    struct engine_batch *rows = engine_batch_create();
    enum status status;

    tables_destroy(tables);
    tables = home_try_take(&node, checkpoint, &status);
    engine_batch_put(rows, bytes_of("own"), bytes_of("row"));
    if (status == STATUS_OK)
        status = engine_install_tables(node.engine, tables, rows);
    engine_batch_destroy(rows);
    return status;
}

static void install(void)
{
    struct checkpoint *checkpoint = home_checkpoint(&source);

    assert_int_equal(take_and_install(checkpoint), STATUS_OK);
    checkpoint_destroy(checkpoint);
}

/* As it was installed, opened again, and compacted. */
static void each_time(void (*assert_all)(void))
{
    assert_all();
    home_reopen(&node);
    assert_all();
    engine_compact(node.engine, bytes_of(""), bytes_of("zz"));
    assert_all();
}

/* ---------- claims ---------- */

static void assert_only_the_sources(void)
{
    assert_int_equal(home_count_rows(&node), ROWS + 1);
    assert_filled(&node, 0, ROWS);
    assert_true(home_has(&node, bytes_of("own"), bytes_of("row")));
    assert_true(home_lacks(&node, bytes_of("a")));
    assert_true(home_lacks(&node, bytes_of("z")));
    assert_int_equal(files_of(&node, "loading"), 0);
}

static void what_is_installed_is_all_there_is(void **state)
{
    (void)state;
    home_write(&node, bytes_of("a"), "of a table");
    home_reopen(&node);
    home_write(&node, bytes_of("z"), "of the stage");
    fill(&source, 0, ROWS / 2);
    into_tables();
    fill(&source, ROWS / 2, ROWS);
    install();
    each_time(assert_only_the_sources);
}

static void nothing_at_all_can_be_installed(void **state)
{
    (void)state;
    home_write(&node, bytes_of("a"), "1");
    install();
    assert_int_equal(home_count_rows(&node), 1);
    assert_true(home_has(&node, bytes_of("own"), bytes_of("row")));
}

static void assert_newest_of_files(void)
{
    assert_true(home_has(&node, bytes_of("first"), bytes_of("1")));
    assert_true(home_has(&node, bytes_of("both"), bytes_of("2")));
    assert_true(home_has(&node, bytes_of("all"), bytes_of("3")));
    assert_true(home_lacks(&node, bytes_of("gone")));
    assert_int_equal(home_count_rows(&node), 4);
}

/* T1 */
static void of_two_files_with_one_key_the_later_is_the_newer(void **state)
{
    (void)state;
    home_write(&source, bytes_of("first"), "1");
    home_write(&source, bytes_of("gone"), "1");
    home_write(&source, bytes_of("both"), "1");
    home_write(&source, bytes_of("all"), "1");
    into_tables();
    home_write(&source, bytes_of("both"), "2");
    home_write(&source, bytes_of("gone"), NULL);
    home_write(&source, bytes_of("all"), "2");
    into_tables();
    home_write(&source, bytes_of("all"), "3");
    into_tables();
    assert_int_equal(files_at(&source, 0), 3);
    install();
    each_time(assert_newest_of_files);
}

/* T1 */
static void files_keep_their_level(void **state)
{
    int before[7];

    (void)state;
    for (unsigned n = 0; n < 5; n++) {
        fill(&source, n * ROWS, (n + 1) * ROWS);
        into_tables();
    }
    engine_compact(source.engine, bytes_of(""), bytes_of("zz"));
    fill(&source, 0, 10);
    into_tables();
    for (int level = 0; level < 7; level++)
        before[level] = files_at(&source, level);
    assert_int_equal(before[0], 1);
    install();
    for (int level = 0; level < 7; level++) /* and the row of its own */
        assert_int_equal(files_at(&node, level), before[level] + (level == 0));
    assert_filled(&node, 0, 5 * ROWS);
}

static void assert_rows_above(void)
{
    assert_filled(&node, 0, 10);
    assert_true(home_has(&node, key_of(10), bytes_of("above")));
    assert_true(home_lacks(&node, key_of(11)));
    assert_filled(&node, 12, ROWS);
    assert_true(home_has(&node, bytes_of("new"), bytes_of("above")));
    assert_true(home_lacks(&node, bytes_of("no key")));
    assert_int_equal(home_count_rows(&node), ROWS + 1);
}

/* T2 */
static void rows_are_above_all_files(void **state)
{
    (void)state;
    fill(&source, 0, ROWS);
    into_tables();
    home_write(&source, key_of(10), "above");
    home_write(&source, key_of(11), NULL);
    home_write(&source, bytes_of("new"), "above");
    home_write(&source, bytes_of("no key"), NULL);
    install();
    each_time(assert_rows_above);
}

static void assert_own_rows_above(void)
{
    assert_true(home_has(&node, key_of(1), bytes_of("own 1")));
    assert_true(home_has(&node, key_of(2), bytes_of("own 2")));
    assert_true(home_lacks(&node, key_of(3)));
    assert_true(home_lacks(&node, key_of(4)));
    assert_filled(&node, 5, ROWS);
    assert_int_equal(home_count_rows(&node), ROWS - 3);
}

/* T2: in any order, of files and of rows that came with them. */
static void a_nodes_own_rows_are_above_everything(void **state)
{
    struct engine_batch *rows = engine_batch_create();
    struct checkpoint *checkpoint;

    (void)state;
    fill(&source, 0, ROWS);
    into_tables();
    home_write(&source, key_of(2), "above");
    home_write(&source, key_of(4), "above");
    engine_batch_delete(rows, key_of(4));
    engine_batch_put(rows, key_of(2), bytes_of("own 2"));
    engine_batch_delete(rows, key_of(3));
    engine_batch_put(rows, key_of(1), bytes_of("own 1"));
    engine_batch_delete(rows, key_of(0));
    checkpoint = home_checkpoint(&source);
    tables = home_take(&node, checkpoint);
    assert_int_equal(engine_install_tables(node.engine, tables, rows), STATUS_OK);
    checkpoint_destroy(checkpoint);
    engine_batch_destroy(rows);
    each_time(assert_own_rows_above);
}

static void assert_written_after(void)
{
    assert_true(home_has(&node, key_of(10), bytes_of("written")));
    assert_true(home_lacks(&node, key_of(11)));
    assert_int_equal(home_count_rows(&node), ROWS);
}

static void what_is_installed_can_be_overwritten_and_deleted(void **state)
{
    (void)state;
    fill(&source, 0, ROWS);
    into_tables();
    install();
    home_write(&node, key_of(10), "written");
    home_write(&node, key_of(11), NULL);
    each_time(assert_written_after);
}

/* A copy is what a killed process leaves. */
static void copy_node(struct home *copy)
{
    char command[256];

    (void)snprintf(copy->directory, sizeof copy->directory, "%.40s.copy", node.directory);
    (void)snprintf(command, sizeof command, "cp -r %s %s", node.directory, copy->directory);
    assert_int_equal(system(command), 0);
    home_open(copy);
}

/* Neither the source's journal nor this node's, whichever has gone further, is taken for the other
 * one. */
static void the_journal_goes_on_after_an_install(void **state)
{
    static const int numbers[][2] = {{20, 0}, {0, 20}, {3, 3}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct home copy;
        void *none = NULL;

        for (int n = 0; n < numbers[i][0]; n++) {
            home_write(&source, key_of((unsigned)n), "source");
            home_reopen(&source);
        }
        for (int n = 0; n < numbers[i][1]; n++) {
            home_write(&node, key_of((unsigned)n), "node");
            home_reopen(&node);
        }
        home_write(&node, bytes_of("before"), "node");
        install();
        home_write(&node, bytes_of("after"), "node");
        copy_node(&copy);
        assert_true(home_has(&copy, bytes_of("after"), bytes_of("node")));
        assert_true(home_has(&copy, bytes_of("own"), bytes_of("row")));
        assert_true(home_lacks(&copy, bytes_of("before")));
        assert_int_equal(home_count_rows(&copy), numbers[i][0] + 2);
        home_destroy(&copy);
        home_reopen(&node);
        assert_true(home_has(&node, bytes_of("after"), bytes_of("node")));
        assert_int_equal(tear_down(&none), 0);
        set_up(&none);
    }
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
    struct engine_batch *rows = engine_batch_create();

    (void)state;
    tables = engine_create_tables(node.engine, 0);
    for (unsigned n = 0; n < 10 * ROWS; n += 2)
        assert_int_equal(tables_put(tables, odd_key(n), value_of(n), n % 10 == 0), STATUS_OK);
    assert_int_equal(tables_finish(tables), STATUS_OK);
    assert_int_equal(engine_install_tables(node.engine, tables, rows), STATUS_OK);
    engine_batch_destroy(rows);
    for (unsigned n = 0; n < 10 * ROWS; n += 2) {
        assert_true(n % 10 == 0 ? home_lacks(&node, odd_key(n))
                                : home_has(&node, odd_key(n), value_of(n)));
        assert_true(home_lacks(&node, odd_key(n + 1)));
    }
}

static int64_t bytes_of_rows(bool compresses)
{
    char path[128];
    struct stat is;

    tables = tables_create(node.directory, compresses, 0);
    for (unsigned n = 0; n < ROWS; n++)
        assert_int_equal(tables_put(tables, key_of(n), value_of(n), false), STATUS_OK);
    assert_int_equal(tables_finish(tables), STATUS_OK);
    (void)snprintf(path, sizeof path, "%s/000000.loading", node.directory);
    assert_int_equal(stat(path, &is), 0);
    tables_destroy(tables);
    tables = NULL;
    return is.st_size;
}

static void rows_are_compressed_if_asked_for(void **state)
{
    (void)state;
    assert_true(bytes_of_rows(true) < bytes_of_rows(false) / 2);
}

/* ---------- what is left behind ---------- */

static void what_is_not_installed_is_removed(void **state)
{
    struct checkpoint *checkpoint;

    (void)state;
    fill(&source, 0, ROWS);
    into_tables();
    home_write(&source, bytes_of("new"), "above");
    checkpoint = home_checkpoint(&source);
    tables = home_take(&node, checkpoint);
    checkpoint_destroy(checkpoint);
    assert_true(files_of(&node, "loading") > 1);
    tables_destroy(tables);
    tables = NULL;
    assert_int_equal(files_of(&node, "loading"), 0);
    assert_int_equal(home_count_rows(&node), 0);
}

static void put_row(unsigned n)
{
    assert_int_equal(tables_put(tables, key_of(n), value_of(n), false), STATUS_OK);
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

static void what_has_begun_is_closed(void **state)
{
    int before = open_files();

    (void)state;
    tables = engine_create_tables(node.engine, 0);
    put_row(1);
    assert_true(open_files() > before);
    tables_destroy(tables);
    tables = NULL;
    assert_int_equal(open_files(), before);
}

static void what_a_process_that_ended_left_is_removed(void **state)
{
    (void)state;
    tables = engine_create_tables(node.engine, 0);
    put_row(1);
    assert_int_equal(files_of(&node, "loading"), 1);
    home_reopen(&node);
    assert_int_equal(files_of(&node, "loading"), 0);
}

/* Files that have got their names, without the manifest that names them. */
static void an_install_that_was_interrupted_leaves_nothing(void **state)
{
    char path[128];
    FILE *file;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/000100.ldb", node.directory);
    file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    home_write(&node, bytes_of("a"), "1");
    home_reopen(&node);
    assert_int_equal(files_of(&node, "000100.ldb"), 0);
    assert_true(home_has(&node, bytes_of("a"), bytes_of("1")));
}

/* ---------- what is refused ---------- */

/* One of the source's tables, and how it is announced. */
struct sample {
    struct buffer contents, smallest, largest;
};

static void take_sample(struct sample *sample)
{
    struct checkpoint *checkpoint;

    fill(&source, 1, 100);
    into_tables();
    checkpoint = home_checkpoint(&source);
    checkpoint_read_table(checkpoint_table(checkpoint, 0), &sample->contents);
    buffer_append_bytes(&sample->smallest, checkpoint_table(checkpoint, 0)->smallest);
    buffer_append_bytes(&sample->largest, checkpoint_table(checkpoint, 0)->largest);
    checkpoint_destroy(checkpoint);
    tables_destroy(tables);
    tables = engine_create_tables(node.engine, 1000);
}

static void drop_sample(struct sample *sample)
{
    buffer_clear(&sample->contents);
    buffer_clear(&sample->smallest);
    buffer_clear(&sample->largest);
}

static enum status begin(const struct sample *sample, int level, uint64_t size)
{
    return tables_begin_file(tables, level, size, buffer_view(&sample->smallest),
                             buffer_view(&sample->largest));
}

static enum status take(const struct sample *sample, size_t size)
{
    return tables_take_file(tables, 1, (struct bytes){sample->contents.data, size},
                            buffer_view(&sample->smallest), buffer_view(&sample->largest));
}

/* T1 */
static void a_file_may_come_to_any_level(void **state)
{
    struct engine_batch *rows = engine_batch_create();
    struct sample sample = {0};

    (void)state;
    for (int level = 0; level < 7; level++) {
        take_sample(&sample);
        assert_int_equal(begin(&sample, level, sample.contents.size), STATUS_OK);
        assert_int_equal(tables_add(tables, buffer_view(&sample.contents)), STATUS_OK);
        assert_int_equal(engine_install_tables(node.engine, tables, rows), STATUS_OK);
        assert_int_equal(files_at(&node, level), 1 + (level == 0));
        assert_filled(&node, 1, 100);
        drop_sample(&sample);
    }
    engine_batch_destroy(rows);
}

static void many_files_are_not_open_at_once(void **state)
{
    struct sample sample = {0};
    int before;

    (void)state;
    take_sample(&sample);
    before = open_files();
    for (int i = 0; i < MANY; i++)
        assert_int_equal(take(&sample, sample.contents.size), STATUS_OK);
    assert_int_equal(files_of(&node, "loading"), MANY);
    assert_in_range(open_files() - before, 0, 10);
    drop_sample(&sample);
}

static void a_file_has_as_many_bytes_as_announced(void **state)
{
    struct sample sample = {0};
    size_t size;

    (void)state;
    take_sample(&sample);
    size = sample.contents.size;
    assert_int_equal(tables_add(tables, bytes_of("x")), STATUS_CORRUPT);
    assert_int_equal(begin(&sample, 0, size), STATUS_OK);
    assert_int_equal(tables_add(tables, (struct bytes){sample.contents.data, size - 1}), STATUS_OK);
    assert_int_equal(begin(&sample, 0, size), STATUS_CORRUPT);
    assert_int_equal(tables_finish(tables), STATUS_CORRUPT);
    assert_int_equal(tables_add(tables, bytes_of("xx")), STATUS_CORRUPT);
    assert_int_equal(tables_add(tables, (struct bytes){sample.contents.data + size - 1, 1}),
                     STATUS_OK);
    assert_int_equal(tables_add(tables, bytes_of("x")), STATUS_CORRUPT);
    assert_int_equal(tables_finish(tables), STATUS_OK);
    drop_sample(&sample);
}

static void a_file_that_cannot_be_is_refused(void **state)
{
    struct bytes short_key = {"1234567", TABLE_TRAILER_SIZE - 1};
    struct sample sample = {0};

    (void)state;
    take_sample(&sample);
    assert_int_equal(begin(&sample, -1, 100), STATUS_CORRUPT);
    assert_int_equal(begin(&sample, 7, 100), STATUS_CORRUPT);
    assert_int_equal(begin(&sample, 0, 0), STATUS_CORRUPT);
    assert_int_equal(tables_begin_file(tables, 0, 100, short_key, buffer_view(&sample.largest)),
                     STATUS_CORRUPT);
    assert_int_equal(tables_begin_file(tables, 0, 100, buffer_view(&sample.smallest), short_key),
                     STATUS_CORRUPT);
    assert_int_equal(files_of(&node, "loading"), 0);
    assert_int_equal(begin(&sample, 6, 100), STATUS_OK);
    drop_sample(&sample);
}

/* T2 */
static void rows_come_first_and_rise(void **state)
{
    struct sample sample = {0};

    (void)state;
    take_sample(&sample);
    put_row(5);
    assert_int_equal(tables_put(tables, key_of(5), value_of(5), true), STATUS_CORRUPT);
    assert_int_equal(tables_put(tables, key_of(4), value_of(4), false), STATUS_CORRUPT);
    put_row(6);
    assert_int_equal(take(&sample, sample.contents.size), STATUS_OK);
    assert_int_equal(tables_put(tables, key_of(7), value_of(7), false), STATUS_CORRUPT);
    drop_sample(&sample);
}

/* Nothing but whole tables is in the directory afterwards, or all is refused. */
static void assert_refused(const struct sample *sample, size_t size)
{
    enum status status;

    tables_destroy(tables);
    tables = engine_create_tables(node.engine, 1000);
    status = take(sample, size);
    if (status == STATUS_OK)
        status = tables_finish(tables);
    assert_int_equal(status, STATUS_IO);
}

static void a_table_that_is_damaged_or_cut_off_is_refused(void **state)
{
    struct sample sample = {0};

    (void)state;
    take_sample(&sample);
    for (size_t at = 0; at + 48 < sample.contents.size; at += 211) {
        sample.contents.data[at] ^= 1;
        assert_refused(&sample, sample.contents.size);
        sample.contents.data[at] ^= 1;
        assert_refused(&sample, at + 1);
    }
    tables_destroy(tables);
    tables = engine_create_tables(node.engine, 1000);
    assert_int_equal(take(&sample, sample.contents.size), STATUS_OK);
    assert_int_equal(tables_finish(tables), STATUS_OK);
    drop_sample(&sample);
}

/* A tag has 56 bits for it. */
static void a_sequence_number_that_leaves_no_room_is_refused(void **state)
{
    (void)state;
    tables = engine_create_tables(node.engine, UINT64_MAX);
    assert_int_equal(tables_put(tables, key_of(1), value_of(1), false), STATUS_CORRUPT);
    tables_destroy(tables);
    tables = engine_create_tables(node.engine, UINT64_MAX >> 9);
    assert_int_equal(tables_put(tables, key_of(1), value_of(1), false), STATUS_CORRUPT);
}

/* The one it had counts on. */
static void nothing_of_what_is_refused_is_installed(void **state)
{
    struct engine_batch *rows = engine_batch_create();
    struct sample sample = {0};

    (void)state;
    home_write(&node, bytes_of("a"), "1");
    take_sample(&sample);
    assert_int_equal(begin(&sample, 0, sample.contents.size), STATUS_OK);
    assert_int_equal(engine_install_tables(node.engine, tables, rows), STATUS_CORRUPT);
    assert_true(home_has(&node, bytes_of("a"), bytes_of("1")));
    home_write(&node, bytes_of("b"), "2");
    home_reopen(&node);
    assert_int_equal(home_count_rows(&node), 2);
    engine_batch_destroy(rows);
    drop_sample(&sample);
}

/* ---------- what may happen on the way ---------- */

/* Several files, of two levels, and rows above them; what was there before is in a table, and in
 * the stage. */
static struct checkpoint *prepare_source(void)
{
    fill(&source, 0, ROWS);
    into_tables();
    fill(&source, 0, 1);
    into_tables();
    home_write(&source, key_of(ROWS), "above");
    return home_checkpoint(&source);
}

static void prepare_node(void)
{
    home_write(&node, bytes_of("a"), "1");
    home_write(&node, bytes_of("b"), "1");
    home_write(&node, bytes_of("b"), NULL);
}

/* True if that was the last step. */
static bool ends_in_another_process(const struct checkpoint *checkpoint, int steps)
{
    int result;
    pid_t child;

    engine_close(node.engine);
    tables_destroy(tables); /* its thread would not be there */
    tables = NULL;
    child = fork();
    if (child == 0) {
        home_open(&node);
        prepare_node();
        limit_steps(steps, true);
        result = take_and_install(checkpoint) != STATUS_OK;
        steps_left = -1;
        _exit(result + 2);
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) < 3);
    home_open(&node); /* there is nothing to repair */
    return WEXITSTATUS(result) == 2;
}

static void assert_new(void)
{
    assert_int_equal(home_count_rows(&node), ROWS + 2);
    assert_filled(&node, 0, ROWS);
    assert_true(home_has(&node, key_of(ROWS), bytes_of("above")));
    assert_true(home_has(&node, bytes_of("own"), bytes_of("row")));
}

/* T3: the old one or the new one is there, and another can be installed. */
static void assert_usable(const struct checkpoint *checkpoint)
{
    if (home_has(&node, bytes_of("a"), bytes_of("1")))
        assert_int_equal(home_count_rows(&node), 1);
    else
        assert_new();
    home_write(&node, bytes_of("c"), "1");
    home_reopen(&node);
    assert_true(home_has(&node, bytes_of("c"), bytes_of("1")));
    assert_int_equal(take_and_install(checkpoint), STATUS_OK);
    home_reopen(&node);
    assert_new();
    assert_int_equal(files_of(&node, "loading"), 0);
}

static void renew_node(void)
{
    tables_destroy(tables);
    tables = NULL;
    home_destroy(&node);
    home_create(&node);
}

static void installing_may_end_with_every_step(void **state)
{
    struct checkpoint *checkpoint = prepare_source();
    bool was_last = false;
    int steps = 0;

    (void)state;
    for (; !was_last; steps++) {
        assert_true(steps < STEPS_MAX);
        was_last = ends_in_another_process(checkpoint, steps);
        assert_usable(checkpoint);
        renew_node();
    }
    assert_true(steps > 15);
    checkpoint_destroy(checkpoint);
}

static void read_current(char text[32])
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/CURRENT", node.directory);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, 32, file));
    fclose(file);
}

static void the_disk_may_be_full_at_every_step_of_installing(void **state)
{
    struct checkpoint *checkpoint = prepare_source();
    enum status status = STATUS_IO;
    char before[32], after[32];
    int steps = 0;

    (void)state;
    for (; status != STATUS_OK; steps++) {
        assert_true(steps < STEPS_MAX);
        prepare_node();
        read_current(before);
        limit_steps(steps, false);
        status = take_and_install(checkpoint);
        steps_left = -1;
        read_current(after);
        tables_destroy(tables);
        tables = NULL;
        if (strcmp(before, after) == 0) /* those that came have made room */
            assert_int_equal(files_of(&node, "ldb") + files_of(&node, "loading"), 0);
        assert_int_equal(engine_reopen(node.engine), STATUS_OK);
        assert_usable(checkpoint);
        renew_node();
    }
    assert_true(steps > 15);
    checkpoint_destroy(checkpoint);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(what_is_installed_is_all_there_is),
        CLAIM(nothing_at_all_can_be_installed),
        CLAIM(of_two_files_with_one_key_the_later_is_the_newer),
        CLAIM(files_keep_their_level),
        CLAIM(rows_are_above_all_files),
        CLAIM(a_nodes_own_rows_are_above_everything),
        CLAIM(what_is_installed_can_be_overwritten_and_deleted),
        CLAIM(the_journal_goes_on_after_an_install),
        CLAIM(keys_of_any_bytes_are_found),
        CLAIM(rows_are_compressed_if_asked_for),
        CLAIM(what_is_not_installed_is_removed),
        CLAIM(what_has_begun_is_closed),
        CLAIM(what_a_process_that_ended_left_is_removed),
        CLAIM(an_install_that_was_interrupted_leaves_nothing),
        CLAIM(a_file_may_come_to_any_level),
        CLAIM(many_files_are_not_open_at_once),
        CLAIM(a_file_has_as_many_bytes_as_announced),
        CLAIM(a_file_that_cannot_be_is_refused),
        CLAIM(rows_come_first_and_rise),
        CLAIM(a_table_that_is_damaged_or_cut_off_is_refused),
        CLAIM(a_sequence_number_that_leaves_no_room_is_refused),
        CLAIM(nothing_of_what_is_refused_is_installed),
        CLAIM(installing_may_end_with_every_step),
        CLAIM(the_disk_may_be_full_at_every_step_of_installing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
