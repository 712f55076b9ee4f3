/* Rows read from logs that are written here as LevelDB writes them. */
#include "store/log_rows.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/random.h"
#include "base/wire.h"
#include "store/log_file.h"
#include "store/rows.h"
#include "store/run.h"
#include "store/table_format.h"
#include "unit/test.h"

#define KEYS    300
#define BATCHES 200

static char path[64];
static int directory;
static struct buffer batch, log_bytes;
static struct log_rows rows;

static void begin_batch(void)
{
    batch.size = 0;
    memset(buffer_reserve(&batch, 12), 0, 12); /* sequence number and count: nobody asks */
    batch.size = 12;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(path, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(path));
    directory = open(path, O_RDONLY | O_DIRECTORY);
    assert_true(directory >= 0);
    log_bytes.size = 0;
    begin_batch();
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    log_rows_clear(&rows);
    buffer_clear(&batch);
    buffer_clear(&log_bytes);
    close(directory);
    (void)snprintf(command, sizeof command, "rm -rf %s", path);
    return system(command);
}

/* ---------- logs ---------- */

static void put(struct bytes key, struct bytes value)
{
    buffer_append_byte(&batch, TABLE_TYPE_VALUE);
    wire_put_bytes(&batch, key);
    wire_put_bytes(&batch, value);
}

static void put_text(const char *key, const char *value)
{
    put(bytes_of(key), bytes_of(value));
}

static void delete (const char *key)
{
    buffer_append_byte(&batch, TABLE_TYPE_DELETED);
    wire_put_bytes(&batch, bytes_of(key));
}

static void end_batch(void)
{
    log_file_append(&log_bytes, buffer_view(&batch));
    begin_batch();
}

static void write_file(const char *name, struct bytes contents)
{
    int file = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(file >= 0);
    assert_int_equal(write(file, contents.data, contents.size), (ssize_t)contents.size);
    close(file);
}

static void end_log(const char *name)
{
    write_file(name, buffer_view(&log_bytes));
    log_bytes.size = 0;
}

static enum status read_from(uint64_t number)
{
    enum status status;

    log_rows_clear(&rows);
    status = log_rows_open(&rows, directory, number);
    return status == STATUS_OK ? log_rows_read(&rows) : status;
}

/* "key=value" of each row, of all runs as one, '-' for a deletion. */
static const char *all_rows(void)
{
    static char text[1000];
    struct run *all = run_merge_all(rows.runs, rows.run_count);

    text[0] = '\0';
    for (size_t i = 0; i < all->count; i++) {
        struct bytes key = row_key(all->rows[i]), value = row_value(all->rows[i]);
        size_t size = strlen(text);

        (void)snprintf(text + size, sizeof text - size, "%.*s%s%.*s ", (int)key.size, key.data,
                       row_is_deleted(all->rows[i]) ? "-" : "=", (int)value.size, value.data);
    }
    run_release(all);
    return text;
}

/* ---------- logs that are removed meanwhile ---------- */

static bool are_logs_removed;

/* Stands before that of libc: logs 5 and 6 are removed, in this order, while the directory is read;
 * of 6 it does not tell any more. */
struct dirent *readdir(DIR *list)
{
    struct dirent *file;

    do
        file = (struct dirent *)readdir64(list);
    while (are_logs_removed && file != NULL && strcmp(file->d_name, "000006.log") == 0);
    if (are_logs_removed && file == NULL) {
        (void)unlinkat(directory, "000005.log", 0);
        (void)unlinkat(directory, "000006.log", 0);
    }
    return file;
}

/* ---------- claims ---------- */

static void puts_and_deletions_of_all_batches_are_there(void **state)
{
    (void)state;
    put_text("a", "1");
    delete ("b");
    put_text("c", "");
    end_batch();
    end_batch();
    put_text("", "of the empty key");
    end_batch();
    end_log("000005.log");
    assert_int_equal(read_from(5), STATUS_OK);
    assert_string_equal(all_rows(), "=of the empty key a=1 b- c= ");
}

static void the_newest_row_of_a_key_counts(void **state)
{
    (void)state;
    put_text("a", "1");
    put_text("b", "1");
    put_text("a", "2"); /* in one batch */
    end_batch();
    put_text("b", "2");
    delete ("c");
    put_text("d", "2");
    end_batch();
    end_log("000009.log");
    put_text("c", "3");
    delete ("d");
    put_text("e", "3");
    end_batch();
    end_log("000010.log");
    put_text("e", "4");
    end_batch();
    end_log("1000000.log");
    assert_int_equal(read_from(9), STATUS_OK);
    assert_string_equal(all_rows(), "a=2 b=2 c=3 d- e=4 ");
}

/* What is moved from a stage comes in rising batches, and one run is cheaper than many. */
static void rows_that_rise_are_one_run(void **state)
{
    char key[16];

    (void)state;
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "%03d", i);
        put_text(key, "v");
        end_batch();
    }
    end_log("000005.log");
    put_text("100", "v");
    end_batch();
    end_log("000006.log");
    assert_int_equal(read_from(5), STATUS_OK);
    assert_int_equal(rows.run_count, 1);
    assert_int_equal(rows.runs[0]->count, 101);
    put_text("2", "v");
    put_text("2", "w");
    put_text("1", "v");
    end_batch();
    end_log("000007.log");
    assert_int_equal(read_from(5), STATUS_OK);
    assert_int_equal(rows.run_count, 3);
}

static void logs_before_the_first_number_do_not_count(void **state)
{
    (void)state;
    put_text("a", "1");
    end_batch();
    end_log("000005.log");
    put_text("a", "2");
    end_batch();
    end_log("000006.log");
    write_file("000007.ldb", bytes_of("no log"));
    write_file("LOG", bytes_of("nor this"));
    write_file("LOG.log", bytes_of("nor this"));
    assert_int_equal(read_from(6), STATUS_OK);
    assert_int_equal(rows.file_count, 1);
    assert_string_equal(all_rows(), "a=2 ");
}

static void without_the_first_log_nothing_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_from(5), STATUS_NOT_FOUND);
    put_text("a", "1");
    end_batch();
    end_log("000006.log");
    assert_int_equal(read_from(5), STATUS_NOT_FOUND);
    assert_int_equal(read_from(6), STATUS_OK);
}

/* Or else 5 is held open, and seems to be all. */
static void logs_that_go_while_they_are_listed_are_missed(void **state)
{
    (void)state;
    put_text("a", "1");
    end_batch();
    end_log("000005.log");
    put_text("b", "1");
    end_batch();
    end_log("000006.log");
    assert_int_equal(read_from(5), STATUS_OK);
    assert_string_equal(all_rows(), "a=1 b=1 ");
    are_logs_removed = true;
    assert_int_equal(read_from(5), STATUS_NOT_FOUND);
    are_logs_removed = false;
}

static void what_is_appended_later_does_not_count(void **state)
{
    struct buffer longer = {0};

    (void)state;
    put_text("a", "1");
    end_batch();
    buffer_append_bytes(&longer, buffer_view(&log_bytes));
    end_log("000005.log");
    assert_int_equal(log_rows_open(&rows, directory, 5), STATUS_OK);
    put_text("a", "2");
    log_file_append(&longer, buffer_view(&batch));
    write_file("000005.log", buffer_view(&longer));
    assert_int_equal(log_rows_read(&rows), STATUS_OK);
    assert_string_equal(all_rows(), "a=1 ");
    buffer_clear(&longer);
}

/* However it is torn, and whatever lies behind it. */
static void a_torn_end_is_left_out(void **state)
{
    struct buffer torn = {0};
    size_t whole;

    (void)state;
    put_text("a", "1");
    put_text("b", "1");
    end_batch();
    whole = log_bytes.size;
    put_text("a", "2");
    delete ("b");
    end_batch();
    for (size_t size = whole; size < log_bytes.size; size++) {
        torn.size = 0;
        buffer_append(&torn, log_bytes.data, size);
        write_file("000005.log", buffer_view(&torn));
        assert_int_equal(read_from(5), STATUS_OK);
        assert_string_equal(all_rows(), "a=1 b=1 ");
        buffer_append_text(&torn, "garbage of some length");
        write_file("000005.log", buffer_view(&torn));
        assert_int_equal(read_from(5), STATUS_OK);
        assert_string_equal(all_rows(), "a=1 b=1 ");
    }
    write_file("000005.log", buffer_view(&log_bytes));
    assert_int_equal(read_from(5), STATUS_OK);
    assert_string_equal(all_rows(), "a=2 b- ");
    buffer_clear(&torn);
}

/* LevelDB begins a log when the one before it is whole: what ends amid a record there is damaged.
 */
static void an_older_log_is_whole(void **state)
{
    struct buffer older = {0};

    (void)state;
    put_text("a", "1");
    end_batch();
    buffer_append_bytes(&older, buffer_view(&log_bytes));
    log_bytes.size = 0;
    put_text("b", "1");
    end_batch();
    write_file("000006.log", buffer_view(&log_bytes));
    write_file("000005.log", buffer_view(&older));
    assert_int_equal(read_from(5), STATUS_OK);
    assert_string_equal(all_rows(), "a=1 b=1 ");
    older.size--;
    write_file("000005.log", buffer_view(&older));
    assert_int_equal(read_from(5), STATUS_CORRUPT);
    buffer_clear(&older);
}

static void a_log_without_batches_has_no_rows(void **state)
{
    (void)state;
    end_log("000005.log");
    assert_int_equal(read_from(5), STATUS_OK);
    assert_int_equal(rows.run_count, 0);
}

/* Its checksum is right: this is no torn end, but a format that isn't known. */
static void a_batch_that_makes_no_sense_is_refused(void **state)
{
    static const struct bytes batches[] = {
        {"too short..", 11},
        {"0123456789ab\x02\x01k\x01v", 17}, /* no such type */
        {"0123456789ab\x01\x01k", 15},      /* no value */
        {"0123456789ab\x01\x01k\x02v", 17}, /* half a value */
        {"0123456789ab\x00\x05k", 15},      /* half a key */
        {"0123456789ab\x00", 13},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(batches); i++) {
        log_file_append(&log_bytes, batches[i]);
        end_log("000005.log");
        assert_int_equal(read_from(5), STATUS_CORRUPT);
    }
}

/* Across any borders of blocks. */
static void any_batches_are_read_as_they_were_written(void **state)
{
    static char value[70000];
    struct random numbers = {3};
    size_t sizes[KEYS] = {0};
    struct run *all;

    (void)state;
    memset(value, 'v', sizeof value);
    for (int i = 0; i < BATCHES; i++) {
        for (uint64_t n = random_below(&numbers, 8); n-- > 0;) {
            uint16_t key = (uint16_t)random_below(&numbers, KEYS), stored = htobe16(key);

            sizes[key] = 1 + random_below(&numbers, n == 0 ? sizeof value : 500);
            put((struct bytes){(const char *)&stored, sizeof stored},
                (struct bytes){value, sizes[key] - 1});
        }
        end_batch();
        if (i == BATCHES / 2)
            end_log("000005.log");
    }
    end_log("000006.log");
    assert_int_equal(read_from(5), STATUS_OK);
    all = run_merge_all(rows.runs, rows.run_count);
    for (size_t i = 0; i < all->count; i++) {
        struct bytes key = row_key(all->rows[i]);
        size_t number = (size_t)(unsigned char)key.data[0] << 8 | (unsigned char)key.data[1];

        assert_int_equal(row_value(all->rows[i]).size, sizes[number] - 1);
        sizes[number] = 0;
    }
    for (size_t i = 0; i < KEYS; i++)
        assert_int_equal(sizes[i], 0);
    run_release(all);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(puts_and_deletions_of_all_batches_are_there),
        CLAIM(the_newest_row_of_a_key_counts),
        CLAIM(rows_that_rise_are_one_run),
        CLAIM(logs_before_the_first_number_do_not_count),
        CLAIM(without_the_first_log_nothing_is_read),
        CLAIM(logs_that_go_while_they_are_listed_are_missed),
        CLAIM(what_is_appended_later_does_not_count),
        CLAIM(a_torn_end_is_left_out),
        CLAIM(an_older_log_is_whole),
        CLAIM(a_log_without_batches_has_no_rows),
        CLAIM(a_batch_that_makes_no_sense_is_refused),
        CLAIM(any_batches_are_read_as_they_were_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
