/* Tables in memory, sound and damaged. */
#include "store/table_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "base/wire.h"
#include "store/file_writer.h"
#include "store/table.h"
#include "unit/test.h"

#define ROWS    120 /* several blocks */
#define DAMAGES 20000

static struct buffer whole;

static void write_table(bool compresses)
{
    int file = memfd_create("table", 0), copy = dup(file);
    struct file_writer *writer = file_writer_create(NULL);
    struct table *table = table_create(writer, file, compresses);
    char key[16], value[300];

    memset(value, 'v', sizeof value);
    for (int i = 0; i < ROWS; i++) {
        (void)snprintf(key, sizeof key, "key %06d", i);
        table_put(table, bytes_of(key), table_tag(1, false), (struct bytes){value, sizeof value});
    }
    table_finish(table);
    assert_int_equal(file_writer_finish(writer), STATUS_OK);
    whole.size = 0;
    assert_int_equal(pread(copy, buffer_reserve(&whole, table_size(table)), table_size(table), 0),
                     table_size(table));
    whole.size = table_size(table);
    table_destroy(table);
    file_writer_destroy(writer);
    close(copy);
}

static int set_up(void **state)
{
    (void)state;
    write_table(false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_clear(&whole);
    return 0;
}

static bool is_sound(struct bytes contents)
{
    int file = memfd_create("table", 0);
    bool is;

    assert_int_equal(write(file, contents.data, contents.size), (ssize_t)contents.size);
    is = table_is_sound(file);
    close(file);
    return is;
}

static void a_table_is_sound(void **state)
{
    (void)state;
    assert_true(is_sound(buffer_view(&whole)));
    write_table(true);
    assert_true(is_sound(buffer_view(&whole)));
}

/* Behind the handles in the footer there is room that means nothing. */
static void with_any_byte_changed_it_is_not(void **state)
{
    size_t footer = whole.size - TABLE_FOOTER_SIZE, unnoticed = 0;

    (void)state;
    for (size_t at = 0; at < whole.size; at++) {
        bool is;

        whole.data[at] ^= 0x10;
        is = is_sound(buffer_view(&whole));
        whole.data[at] ^= 0x10;
        assert_false(is && at < footer);
        unnoticed += is;
    }
    assert_in_range(unnoticed, 1, TABLE_FOOTER_HANDLES - 4);
}

static void cut_off_anywhere_it_is_not(void **state)
{
    (void)state;
    for (size_t size = 0; size < whole.size; size++)
        assert_false(is_sound((struct bytes){whole.data, size}));
}

/* Of the index block; written anew with a checksum that is right. */
static void damage_index(struct random *numbers)
{
    struct bytes handles = {whole.data + whole.size - TABLE_FOOTER_SIZE, TABLE_FOOTER_HANDLES};
    uint64_t offset = 0, size = 0;
    struct buffer crc = {0};
    char *block;

    for (int i = 0; i < 2; i++) /* the second one */
        assert_true(wire_read_varint(&handles, &offset) && wire_read_varint(&handles, &size));
    block = whole.data + offset;
    for (uint64_t i = 1 + random_below(numbers, 3); i-- > 0;)
        block[random_below(numbers, size)] = (char)random_next(numbers);
    table_append_u32(&crc, table_masked_crc(crc32c_extend(0, (struct bytes){block, size + 1})));
    memcpy(block + size + 1, crc.data, crc.size);
    buffer_clear(&crc);
}

/* A sanitizer would tell. */
static void nothing_outside_is_read_whatever_it_says(void **state)
{
    struct buffer before = {0};
    struct random numbers = {5};

    (void)state;
    buffer_append_bytes(&before, buffer_view(&whole));
    for (int i = 0; i < DAMAGES; i++) {
        if (i % 2 == 0)
            damage_index(&numbers);
        else
            whole.data[whole.size - 1 - random_below(&numbers, TABLE_FOOTER_SIZE)] =
                (char)random_next(&numbers);
        (void)is_sound(buffer_view(&whole));
        memcpy(whole.data, before.data, before.size);
    }
    buffer_clear(&before);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_table_is_sound),
        CLAIM(with_any_byte_changed_it_is_not),
        CLAIM(cut_off_anywhere_it_is_not),
        CLAIM(nothing_outside_is_read_whatever_it_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
