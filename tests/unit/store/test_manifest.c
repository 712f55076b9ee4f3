#include "store/manifest.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/random.h"
#include "base/wire.h"
#include "store/log_file.h"
#include "store/table.h"
#include "unit/test.h"

#define FOLLOWED 200
#define SEQUENCE 123456789

static char path[64];
static int directory;
static struct manifest manifest;

static int set_up(void **state)
{
    (void)state;
    strcpy(path, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(path));
    directory = open(path, O_RDONLY | O_DIRECTORY);
    assert_true(directory >= 0);
    manifest_begin(&manifest, 1, SEQUENCE);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    manifest_clear(&manifest);
    close(directory);
    (void)snprintf(command, sizeof command, "rm -rf %s", path);
    return system(command);
}

/* From `smallest` on, to as many bytes of 'x' behind it. */
static void add(int level, uint64_t number, const char *smallest, size_t more)
{
    struct buffer first = {0}, last = {0}, key = {0};

    buffer_append_text(&key, smallest);
    table_append_key(&first, buffer_view(&key), table_tag(number, false));
    while (more-- > 0)
        buffer_append_byte(&key, 'x');
    table_append_key(&last, buffer_view(&key), table_tag(number, true));
    manifest_add(&manifest, level, number, 1000, buffer_view(&first), buffer_view(&last));
    buffer_clear(&first);
    buffer_clear(&last);
    buffer_clear(&key);
}

static void read_back(struct manifest *read)
{
    bool changed;

    assert_int_equal(manifest_install(&manifest, directory, 100), STATUS_OK);
    assert_int_equal(manifest_follow(read, directory, &changed), STATUS_OK);
    assert_true(changed);
}

static void assert_same_files(const struct manifest *read, size_t count)
{
    assert_int_equal(read->count, count);
    for (size_t i = 0; i < count; i++) {
        const struct manifest_file *file = &read->files[i], *expected = &manifest.files[i];

        assert_int_equal(file->level, expected->level);
        assert_int_equal(file->number, expected->number);
        assert_int_equal(file->size, expected->size);
        assert_true(bytes_equal(buffer_view(&file->smallest), buffer_view(&expected->smallest)));
        assert_true(bytes_equal(buffer_view(&file->largest), buffer_view(&expected->largest)));
    }
}

static void what_it_says_is_read_as_it_was_put(void **state)
{
    struct manifest read = {0};

    (void)state;
    add(3, 7, "m", 2);
    add(6, 8, "p", 1);
    add(0, 9, "", 0);
    read_back(&read);
    assert_same_files(&read, 3);
    assert_int_equal(read.log_number, 1);
    assert_int_equal(read.last_sequence, SEQUENCE);
    manifest_clear(&read);
}

/* Also with a header, or nothing but a header, at the end of a block. */
static void records_may_lie_across_blocks_in_any_way(void **state)
{
    void *none = NULL;

    (void)state;
    for (size_t left = 0; left < 20; left++) {
        struct manifest read = {0};
        size_t before;

        add(1, 1, "a", 30000);
        before = manifest.log.size;
        add(1, 2, "b", 1);
        before = manifest.log.size - before; /* of a record of this size, and it grows by a byte */
        while (LOG_FILE_BLOCK - manifest.log.size > 200)
            add(1, 3, "c", 1);
        add(1, 4, "d", LOG_FILE_BLOCK - manifest.log.size - before - left);
        assert_in_range(LOG_FILE_BLOCK - manifest.log.size, left, left + 1);
        add(1, 5, "e", 100000);
        read_back(&read);
        assert_same_files(&read, manifest.count);
        manifest_clear(&read);
        assert_int_equal(tear_down(&none), 0);
        set_up(&none);
    }
}

static void rewrite(struct bytes contents)
{
    char name[128];
    FILE *file;

    (void)snprintf(name, sizeof name, "%s/MANIFEST-000100", path);
    file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(contents.data, 1, contents.size, file), contents.size);
    fclose(file);
}

static int compare_numbers(const void *a, const void *b)
{
    const struct manifest_file *left = a, *right = b;

    return left->number < right->number ? -1 : left->number > right->number;
}

/* Longer than a block now and then. */
static void add_files_of_any_size(struct random *numbers)
{
    for (uint64_t number = 1; number <= FOLLOWED; number++)
        add(3, number, "m", random_below(numbers, random_below(numbers, 10) == 0 ? 60000 : 900));
}

static void assert_all_followed(const struct manifest *followed)
{
    assert_int_equal(followed->count, FOLLOWED);
    assert_int_equal(followed->log_number, 1);
    qsort(followed->files, followed->count, sizeof *followed->files, compare_numbers);
    for (size_t i = 0; i < FOLLOWED; i++) {
        assert_int_equal(followed->files[i].number, i + 1);
        assert_int_equal(followed->files[i].size, 1000);
        assert_true(bytes_equal(buffer_view(&followed->files[i].largest),
                                buffer_view(&manifest.files[i].largest)));
    }
}

/* However little of it is there at a time. */
static void it_is_followed_while_it_grows(void **state)
{
    struct random numbers = {1};
    struct manifest followed = {0};
    struct bytes rest;
    bool changed;
    int file;

    (void)state;
    add_files_of_any_size(&numbers);
    assert_int_equal(manifest_install(&manifest, directory, 100), STATUS_OK);
    file = openat(directory, "MANIFEST-000100", O_WRONLY | O_TRUNC);
    assert_true(file >= 0);
    for (rest = buffer_view(&manifest.log); rest.size > 0;) {
        size_t size = 1 + random_below(&numbers, random_below(&numbers, 4) == 0 ? 70000 : 500);
        struct bytes piece = wire_take(&rest, size < rest.size ? size : rest.size);

        assert_int_equal(write(file, piece.data, piece.size), (ssize_t)piece.size);
        assert_int_equal(manifest_follow(&followed, directory, &changed), STATUS_OK);
    }
    assert_int_equal(manifest_follow(&followed, directory, &changed), STATUS_OK);
    assert_false(changed);
    assert_all_followed(&followed);
    assert_true(followed.log.size < LOG_FILE_BLOCK);
    manifest_clear(&followed);
    close(file);
}

/* A damaged record can't be told from one that is being written. */
static void assert_followed_up_to(struct bytes contents, size_t count)
{
    struct manifest read = {0};
    bool changed;

    rewrite(contents);
    assert_int_equal(manifest_follow(&read, directory, &changed), STATUS_OK);
    assert_same_files(&read, count);
    manifest_clear(&read);
}

static void nothing_is_taken_from_what_is_damaged_or_torn_on(void **state)
{
    size_t ends[3], count = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        add((int)i, i, "m", i);
        ends[i] = manifest.log.size;
    }
    assert_int_equal(manifest_install(&manifest, directory, 100), STATUS_OK);
    for (size_t i = 0; i < ends[2]; i++) {
        count += i >= ends[count];
        manifest.log.data[i] ^= 1;
        assert_followed_up_to(buffer_view(&manifest.log), count);
        manifest.log.data[i] ^= 1;
        assert_followed_up_to((struct bytes){manifest.log.data, i}, count);
    }
    assert_followed_up_to(buffer_view(&manifest.log), COUNT_OF(ends));
}

#define TORN_MAX (1 << 20) /* as in manifest.c */

static void a_record_that_is_never_whole_is_refused_in_the_end(void **state)
{
    struct manifest read = {0};
    bool changed;

    (void)state;
    assert_int_equal(manifest_install(&manifest, directory, 100), STATUS_OK);
    manifest.log.data[0] ^= 1;
    memset(buffer_reserve(&manifest.log, TORN_MAX), 'x', TORN_MAX);
    manifest.log.size += TORN_MAX;
    rewrite(buffer_view(&manifest.log));
    assert_int_equal(manifest_follow(&read, directory, &changed), STATUS_CORRUPT);
    manifest_clear(&read);
}

/* Tags and numbers are those of LevelDB's db/version_edit.cc. */
static void a_record_that_makes_no_sense_is_refused(void **state)
{
    static const struct bytes records[] = {
        {"\x08", 1},                                       /* no such tag */
        {"\x01\x03leveldb", 9},                            /* another comparator */
        {"\x02\x80", 2},                                   /* torn number */
        {"\x06\x07\x01", 3},                               /* no such level */
        {"\x07\x07\x01\x01\x08.........\x08........", 22}, /* nor that */
        {"\x07\x01\x01\x01\x07.......\x08........", 21},   /* a key without its tag */
        {"\x07\x01\x01\x01\x08........\x07.......", 21},   /* that, too */
        {"\x07\x01\x01\x01\x08........\x08.......", 21},   /* torn key */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        struct manifest read = {0};
        bool changed;

        manifest_clear(&manifest);
        manifest_begin(&manifest, 1, SEQUENCE);
        log_file_append(&manifest.log, records[i]);
        assert_int_equal(manifest_install(&manifest, directory, 100), STATUS_OK);
        assert_int_equal(manifest_follow(&read, directory, &changed), STATUS_CORRUPT);
        manifest_clear(&read);
    }
}

/* As LevelDB does with a file that it moves down. */
static void a_file_may_leave_one_level_and_come_to_another_in_one_record(void **state)
{
    static const struct bytes moved = {"\x06\x01\x05\x07\x02\x05\x01\x08yyyyyyyy\x08zzzzzzzz", 25};
    struct manifest read = {0};

    (void)state;
    add(1, 5, "m", 0);
    add(1, 6, "n", 0);
    log_file_append(&manifest.log, moved);
    read_back(&read);
    assert_int_equal(read.count, 2);
    for (size_t i = 0; i < read.count; i++)
        assert_int_equal(read.files[i].level, read.files[i].number == 5 ? 2 : 1);
    manifest_clear(&read);
}

static void touch(const char *name)
{
    int file = openat(directory, name, O_WRONLY | O_CREAT, 0600);

    assert_true(file >= 0);
    close(file);
}

static void a_free_number_is_above_those_of_all_files_of_the_database(void **state)
{
    static const char *const names[] = {"000012.ldb", "000020.log",   "MANIFEST-000025",
                                        "000030.sst", "000040.dbtmp", NULL};
    static const char *const others[] = {"000099.loading", "1234", "77.txt", "CURRENT", NULL};
    uint64_t number;

    (void)state;
    for (size_t i = 0; others[i] != NULL; i++)
        touch(others[i]);
    assert_int_equal(manifest_free_number(directory, &number), STATUS_OK);
    assert_int_equal(number, 1);
    for (size_t i = 0; names[i] != NULL; i++) {
        uint64_t before = number;

        touch(names[i]);
        assert_int_equal(manifest_free_number(directory, &number), STATUS_OK);
        assert_true(number > before);
    }
    assert_int_equal(number, 41);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(what_it_says_is_read_as_it_was_put),
        CLAIM(records_may_lie_across_blocks_in_any_way),
        CLAIM(it_is_followed_while_it_grows),
        CLAIM(nothing_is_taken_from_what_is_damaged_or_torn_on),
        CLAIM(a_record_that_is_never_whole_is_refused_in_the_end),
        CLAIM(a_record_that_makes_no_sense_is_refused),
        CLAIM(a_file_may_leave_one_level_and_come_to_another_in_one_record),
        CLAIM(a_free_number_is_above_those_of_all_files_of_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
