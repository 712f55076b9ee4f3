/* Keys found in a table file, sound and damaged. */
#include "store/table_reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/crc32c.h"
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
static bool is_fenced; /* readers get fences, if the table is one that can have them */

static int set_up(void **state)
{
    (void)state;
    is_fenced = false;
    strcpy(path, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(path));
    directory = open(path, O_RDONLY | O_DIRECTORY);
    assert_true(directory >= 0);
    return 0;
}

static int set_up_fenced(void **state)
{
    int result = set_up(state);

    is_fenced = true;
    return result;
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

static struct file_writer *writer;

static struct table *begin_table(bool compresses)
{
    writer = file_writer_create(NULL);
    return table_create(writer, open_file(O_WRONLY | O_CREAT | O_TRUNC), compresses);
}

static void end_table(struct table *table)
{
    table_finish(table);
    assert_int_equal(file_writer_finish(writer), STATUS_OK);
    table_destroy(table);
    file_writer_destroy(writer);
}

static bool is_deleted(int number)
{
    return number % 100 == 50;
}

static void write_table(bool compresses)
{
    struct table *table = begin_table(compresses);
    struct buffer key = {0}, value = {0};

    for (int i = 0; i < KEYS; i += 2) {
        value.size = 0;
        if (!is_deleted(i))
            buffer_printf(&value, "the value of %d, and the same of each", i);
        table_put(table, key_of(&key, i), table_tag((uint64_t)i + 1, is_deleted(i)),
                  buffer_view(&value));
    }
    end_table(table);
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

/* In place: who has it mapped sees it. */
static void overwrite_table(struct bytes contents)
{
    int file = open_file(O_WRONLY);

    assert_int_equal(write(file, contents.data, contents.size), (ssize_t)contents.size);
    close(file);
}

/* NULL = it is none. */
static struct table_reader *open_sized(int number, size_t size)
{
    struct table_reader *reader;
    enum status status = table_reader_open(directory, (uint64_t)number, size, &reader);

    assert_true(status == STATUS_OK || status == STATUS_CORRUPT);
    if (status != STATUS_OK)
        return NULL;
    if (is_fenced)
        (void)table_reader_add_fences(reader, SIZE_MAX);
    return reader;
}

static struct table_reader *open_table(void)
{
    struct bytes contents = read_table();

    free((void *)(uintptr_t)contents.data);
    return open_sized(NUMBER, contents.size);
}

/* ---------- claims ---------- */

static enum table_answer kind_of(int number)
{
    return is_deleted(number) ? TABLE_DELETED : TABLE_FOUND;
}

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
        assert_int_equal(table_reader_find(reader, key_of(&key, i), &value), kind_of(i));
        assert_true(is_deleted(i) || bytes_equal(value, buffer_view(&expected)));
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

/* ---------- damage that the checksum agrees with ---------- */

static struct bytes footer_of(struct bytes contents)
{
    return (struct bytes){contents.data + contents.size - TABLE_FOOTER_SIZE, TABLE_FOOTER_SIZE};
}

static struct bytes index_of(struct bytes contents)
{
    struct bytes footer = footer_of(contents);
    uint64_t numbers_read[4]; /* handles of the index of filters, and of the index */

    for (size_t i = 0; i < COUNT_OF(numbers_read); i++)
        assert_true(wire_read_varint(&footer, &numbers_read[i]));
    return (struct bytes){contents.data + numbers_read[2], (size_t)numbers_read[3]};
}

static void sign(struct bytes block)
{
    uint32_t crc =
        htole32(table_masked_crc(crc32c_extend(0, (struct bytes){block.data, block.size + 1})));

    memcpy((char *)(uintptr_t)block.data + block.size + 1, &crc, sizeof crc);
}

static void look_everywhere(void)
{
    struct table_reader *reader = open_table();

    for (int i = 0; reader != NULL && i < KEYS; i += 7)
        look_into(reader, i);
    table_reader_close(reader);
}

static void no_damaged_index_leads_outside_of_the_file(void **state)
{
    struct random numbers = {1};
    struct bytes contents, index;
    char *before;

    (void)state;
    write_table(false);
    contents = read_table();
    index = index_of(contents);
    before = xmalloc(index.size);
    memcpy(before, index.data, index.size);
    for (int i = 0; i < DAMAGES; i++) {
        for (int n = 0; n < 2; n++)
            ((char *)(uintptr_t)index.data)[random_below(&numbers, index.size)] =
                (char)random_next(&numbers);
        sign(index);
        rewrite_table(contents);
        look_everywhere();
        memcpy((char *)(uintptr_t)index.data, before, index.size);
    }
    free(before);
    free((void *)(uintptr_t)contents.data);
}

/* It lies in front of what names it, which the footer does first. */
static void damage_filter(struct bytes contents)
{
    struct bytes footer = footer_of(contents);
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
        assert_int_equal(table_reader_find(reader, key_of(&key, i), &value), kind_of(i));
    table_reader_close(reader);
    buffer_clear(&key);
    free((void *)(uintptr_t)contents.data);
}

/* ---------- fences ---------- */

static void a_usual_table_has_fences_if_there_is_room(void **state)
{
    struct table_reader *reader;
    size_t bytes;

    (void)state;
    write_table(false);
    reader = open_table();
    assert_int_equal(table_reader_add_fences(reader, 10), 0);
    assert_int_equal(table_reader_fence_bytes(reader), 0);
    bytes = table_reader_add_fences(reader, SIZE_MAX);
    assert_true(bytes > 0);
    assert_int_equal(table_reader_fence_bytes(reader), bytes);
    table_reader_close(reader);
}

static void without_a_sound_filter_there_are_no_fences(void **state)
{
    struct table_reader *reader;
    struct bytes contents;

    (void)state;
    write_table(false);
    contents = read_table();
    damage_filter(contents);
    reader = open_table();
    assert_int_equal(table_reader_add_fences(reader, SIZE_MAX), 0);
    table_reader_close(reader);
    free((void *)(uintptr_t)contents.data);
}

/* The index, which the file has no more, is asked for keys that blocks end with (N2). */
static void fences_take_the_place_of_the_index(void **state)
{
    struct table_reader *reader;
    struct bytes contents, index, value;
    struct buffer key = {0};
    int known = 0;

    (void)state;
    write_table(false);
    contents = read_table();
    index = index_of(contents);
    reader = open_table();
    memset((char *)(uintptr_t)index.data, 0, index.size);
    overwrite_table(contents);
    for (int i = 0; i < KEYS; i++) {
        enum table_answer answer = table_reader_find(reader, key_of(&key, i), &value);

        if (answer == TABLE_UNKNOWN)
            continue;
        assert_int_equal(answer, i % 2 == 0 ? kind_of(i) : TABLE_ABSENT);
        known++;
    }
    assert_true(known > KEYS * 9 / 10);
    table_reader_close(reader);
    buffer_clear(&key);
    free((void *)(uintptr_t)contents.data);
}

/* ---------- keys of all kinds ---------- */

#define STRANGE_KEYS 3000

static struct bytes strange[STRANGE_KEYS];

/* Of few different bytes, and often with much in common; the first one is empty. */
static struct bytes strange_key(struct random *numbers, char at[40])
{
    static const char *const begins[] = {"", "", "m", "m\0\0\0\1user:", "m\0\0\0\2user:0000000"};
    static const size_t sizes[] = {0, 0, 1, 10, 17};
    static const char few[] = {'\0', '0', '1', 'a', '\xff'};
    size_t begin = (size_t)random_below(numbers, COUNT_OF(begins));
    size_t size = sizes[begin], end = size + (size_t)random_below(numbers, begin == 0 ? 2 : 16);

    memcpy(at, begins[begin], size);
    while (size < end)
        at[size++] = few[random_below(numbers, sizeof few)];
    return (struct bytes){at, size};
}

static int compare_keys(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

static bool is_strange_key(struct bytes key)
{
    return bsearch(&key, strange, STRANGE_KEYS, sizeof key, compare_keys) != NULL;
}

/* The value is the key, 20 times, so that there are many blocks. */
static void write_strange(struct random *numbers)
{
    struct table *table = begin_table(false);
    struct buffer value = {0};
    char key[40];

    for (size_t i = 0; i < STRANGE_KEYS; i++)
        strange[i] = xbytes_copy(i == 0 ? bytes_of("") : strange_key(numbers, key));
    qsort(strange, STRANGE_KEYS, sizeof strange[0], compare_keys);
    for (size_t i = 0; i < STRANGE_KEYS; i++) {
        value.size = 0;
        for (int n = 0; n < 20; n++)
            buffer_append_bytes(&value, strange[i]);
        if (i == 0 || !bytes_equal(strange[i], strange[i - 1]))
            table_put(table, strange[i], table_tag(1, false), buffer_view(&value));
    }
    end_table(table);
    buffer_clear(&value);
}

static void check_strange(const struct table_reader *reader, struct bytes key)
{
    struct bytes value;
    enum table_answer answer = table_reader_find(reader, key, &value);

    assert_int_equal(answer, is_strange_key(key) ? TABLE_FOUND : TABLE_ABSENT);
    if (answer == TABLE_FOUND) {
        assert_int_equal(value.size, 20 * key.size);
        assert_true(bytes_starts_with(value, key));
    }
}

static void keys_of_all_kinds_are_found_and_no_others(void **state)
{
    struct random numbers = {1};
    struct table_reader *reader;
    char key[40];

    (void)state;
    for (int round = 0; round < 5; round++) {
        write_strange(&numbers);
        reader = open_table();
        assert_true((table_reader_fence_bytes(reader) > 0) == is_fenced);
        for (size_t i = 0; i < STRANGE_KEYS; i++) {
            check_strange(reader, strange[i]);
            check_strange(reader, strange_key(&numbers, key));
        }
        check_strange(reader, bytes_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
        table_reader_close(reader);
        for (size_t i = 0; i < STRANGE_KEYS; i++)
            xbytes_free(strange[i]);
    }
}

#define PLAIN(test)  cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define FENCED(test) cmocka_unit_test_setup_teardown(test, set_up_fenced, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(each_key_is_found_and_no_other),
        FENCED(each_key_is_found_and_no_other),
        PLAIN(keys_of_all_kinds_are_found_and_no_others),
        FENCED(keys_of_all_kinds_are_found_and_no_others),
        PLAIN(a_table_that_is_not_there_or_has_another_size_is_none),
        PLAIN(what_is_compressed_is_left_to_leveldb),
        FENCED(what_is_compressed_is_left_to_leveldb),
        PLAIN(no_damage_leads_outside_of_the_file),
        FENCED(no_damage_leads_outside_of_the_file),
        PLAIN(no_damaged_index_leads_outside_of_the_file),
        FENCED(no_damaged_index_leads_outside_of_the_file),
        PLAIN(a_damaged_index_is_noticed),
        PLAIN(without_a_sound_filter_all_is_found),
        FENCED(without_a_sound_filter_all_is_found),
        PLAIN(a_usual_table_has_fences_if_there_is_room),
        PLAIN(without_a_sound_filter_there_are_no_fences),
        FENCED(fences_take_the_place_of_the_index),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
