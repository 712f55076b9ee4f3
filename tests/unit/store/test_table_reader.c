/* Keys found in a table file, sound and damaged. */
#include "store/table_reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/wire.h"
#include "store/file_writer.h"
#include "store/table.h"
#include "store/table_format.h"
#include "unit/test.h"

#define KEYS    2000
#define NUMBER  7
#define DAMAGES 3000

static char path[64];
static int directory;

static int set_up(void **state)
{
    (void)state;
    strcpy(path, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(path));
    directory = open(path, O_RDONLY | O_DIRECTORY);
    assert_true(directory >= 0);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    close(directory);
    (void)snprintf(command, sizeof command, "rm -rf %s", path);
    return system(command);
}

static int open_file(int flags)
{
    char name[32];
    int file;

    (void)snprintf(name, sizeof name, "%06d.ldb", NUMBER);
    file = openat(directory, name, flags, 0600);
    assert_true(file >= 0);
    return file;
}

/* Every other number is a key. */
static struct bytes key_of(struct buffer *out, int number)
{
    out->size = 0;
    buffer_printf(out, "key:%06d", number);
    return buffer_view(out);
}

/* With a deleted key it would be LevelDB that wrote it: test_catalog.c has such ones. */
static void write_table(bool compresses)
{
    struct file_writer *writer = file_writer_create();
    struct table *table = table_create(writer, open_file(O_WRONLY | O_CREAT | O_TRUNC), compresses);
    struct buffer key = {0}, value = {0};

    for (int i = 0; i < KEYS; i += 2) {
        value.size = 0;
        buffer_printf(&value, "the value of %d, and the same of each", i);
        table_put(table, key_of(&key, i), buffer_view(&value));
    }
    table_finish(table);
    assert_int_equal(file_writer_finish(writer), STATUS_OK);
    table_destroy(table);
    file_writer_destroy(writer);
    buffer_clear(&key);
    buffer_clear(&value);
}

static struct bytes read_table(void)
{
    int file = open_file(O_RDONLY);
    off_t size = lseek(file, 0, SEEK_END);
    char *data = xmalloc((size_t)size);

    assert_int_equal(pread(file, data, (size_t)size, 0), size);
    close(file);
    return (struct bytes){data, (size_t)size};
}

static void rewrite_table(struct bytes contents)
{
    int file = open_file(O_WRONLY | O_TRUNC);

    assert_int_equal(write(file, contents.data, contents.size), (ssize_t)contents.size);
    close(file);
}

/* NULL = it is none. */
static struct table_reader *open_sized(int number, size_t size)
{
    struct table_reader *reader;
    enum status status = table_reader_open(directory, (uint64_t)number, size, &reader);

    assert_true(status == STATUS_OK || status == STATUS_CORRUPT);
    return status == STATUS_OK ? reader : NULL;
}

static struct table_reader *open_table(void)
{
    struct bytes contents = read_table();

    free((void *)(uintptr_t)contents.data);
    return open_sized(NUMBER, contents.size);
}

/* ---------- claims ---------- */

static void each_key_is_found_and_no_other(void **state)
{
    struct table_reader *reader;
    struct buffer key = {0}, expected = {0};
    struct bytes value;

    (void)state;
    write_table(false);
    reader = open_table();
    assert_non_null(reader);
    for (int i = 0; i < KEYS; i += 2) {
        expected.size = 0;
        buffer_printf(&expected, "the value of %d, and the same of each", i);
        assert_int_equal(table_reader_find(reader, key_of(&key, i), &value), TABLE_FOUND);
        assert_true(bytes_equal(value, buffer_view(&expected)));
        assert_int_equal(table_reader_find(reader, key_of(&key, i + 1), &value), TABLE_ABSENT);
    }
    assert_int_equal(table_reader_find(reader, bytes_of(""), &value), TABLE_ABSENT);
    assert_int_equal(table_reader_find(reader, bytes_of("zzz"), &value), TABLE_ABSENT);
    table_reader_close(reader);
    buffer_clear(&key);
    buffer_clear(&expected);
}

static void a_table_that_is_not_there_or_has_another_size_is_none(void **state)
{
    struct bytes contents;

    (void)state;
    assert_null(open_sized(NUMBER, 1000));
    write_table(false);
    contents = read_table();
    assert_null(open_sized(NUMBER, contents.size + 1));
    assert_null(open_sized(NUMBER + 1, contents.size));
    rewrite_table((struct bytes){contents.data, 20});
    assert_null(open_sized(NUMBER, 20));
    free((void *)(uintptr_t)contents.data);
}

static void what_is_compressed_is_left_to_leveldb(void **state)
{
    struct table_reader *reader;
    struct buffer key = {0};
    struct bytes value;

    (void)state;
    write_table(true);
    reader = open_table();
    if (reader != NULL)
        assert_int_equal(table_reader_find(reader, key_of(&key, 10), &value), TABLE_UNKNOWN);
    table_reader_close(reader);
    buffer_clear(&key);
}

static void look_into(const struct table_reader *reader, int number)
{
    struct buffer key = {0};
    struct bytes value;

    if (table_reader_find(reader, key_of(&key, number), &value) == TABLE_FOUND) {
        volatile char last = value.size > 0 ? value.data[value.size - 1] : '\0';

        (void)last;
    }
    buffer_clear(&key);
}

/* What was there comes back: damage does not add up. */
static void damage(struct bytes contents, struct random *numbers)
{
    char *damaged = (char *)(uintptr_t)contents.data;
    uint64_t tail = random_below(numbers, 2) == 0 ? contents.size : 200, at[3];
    char before[COUNT_OF(at)];
    struct table_reader *reader;

    for (size_t i = 0; i < COUNT_OF(at); i++) {
        at[i] = contents.size - 1 - random_below(numbers, tail);
        before[i] = damaged[at[i]];
        damaged[at[i]] = (char)random_next(numbers);
    }
    rewrite_table(contents);
    reader = open_sized(NUMBER, contents.size);
    for (int i = 0; reader != NULL && i < KEYS; i += 37)
        look_into(reader, i);
    table_reader_close(reader);
    for (size_t i = COUNT_OF(at); i-- > 0;)
        damaged[at[i]] = before[i];
}

static void no_damage_leads_outside_of_the_file(void **state)
{
    struct random numbers = {1};
    struct bytes contents;

    (void)state;
    write_table(false);
    contents = read_table();
    for (int i = 0; i < DAMAGES; i++)
        damage(contents, &numbers);
    free((void *)(uintptr_t)contents.data);
}

static void a_damaged_index_is_noticed(void **state)
{
    struct bytes contents;

    (void)state;
    write_table(false);
    contents = read_table();
    ((char *)(uintptr_t)contents.data)[contents.size - 70] ^= 1;
    rewrite_table(contents);
    assert_null(open_sized(NUMBER, contents.size));
    free((void *)(uintptr_t)contents.data);
}

/* It lies in front of what names it, which the footer does first. */
static void damage_filter(struct bytes contents)
{
    struct bytes footer = {contents.data + contents.size - TABLE_FOOTER_SIZE, TABLE_FOOTER_SIZE};
    uint64_t offset = 0;

    assert_true(wire_read_varint(&footer, &offset));
    memset((char *)(uintptr_t)contents.data + offset - 1000, 0, 500);
    rewrite_table(contents);
}

static void without_a_sound_filter_all_is_found(void **state)
{
    struct table_reader *reader;
    struct bytes contents, value;
    struct buffer key = {0};

    (void)state;
    write_table(false);
    contents = read_table();
    damage_filter(contents);
    reader = open_table();
    assert_non_null(reader);
    for (int i = 0; i < KEYS; i += 2)
        assert_int_equal(table_reader_find(reader, key_of(&key, i), &value), TABLE_FOUND);
    table_reader_close(reader);
    buffer_clear(&key);
    free((void *)(uintptr_t)contents.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_key_is_found_and_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_that_is_not_there_or_has_another_size_is_none,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_compressed_is_left_to_leveldb, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_damage_leads_outside_of_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_index_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_sound_filter_all_is_found, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
