#include "store/manifest.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/random.h"
#include "base/wire.h"
#include "store/table.h"
#include "unit/test.h"

#define LOG_BLOCK 32768 /* as in manifest.c */
#define FOLLOWED  200

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
    manifest_begin(&manifest, 1);
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
    table_append_key(&first, buffer_view(&key));
    while (more-- > 0)
        buffer_append_byte(&key, 'x');
    table_append_key(&last, buffer_view(&key));
    manifest_add(&manifest, level, number, 1000, buffer_view(&first), buffer_view(&last));
    buffer_clear(&first);
    buffer_clear(&last);
    buffer_clear(&key);
}

static void read_back(void)
{
    assert_int_equal(manifest_install(&manifest, directory, 100), STATUS_OK);
    manifest_clear(&manifest);
    assert_int_equal(manifest_read(&manifest, directory), STATUS_OK);
}

static bool overlaps(int level, const char *smallest, const char *largest)
{
    return manifest_overlaps(&manifest, level, bytes_of(smallest), bytes_of(largest));
}

static void files_are_read_as_they_were_added(void **state)
{
    (void)state;
    add(3, 7, "m", 2);
    add(4, 8, "p", 1);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(manifest.count, 2);
        assert_int_equal(manifest.files[1].number, 8);
        assert_false(overlaps(3, "a", "l"));
        assert_true(overlaps(3, "a", "m"));
        assert_true(overlaps(3, "mw", "mx"));
        assert_true(overlaps(3, "a", "z"));
        assert_true(overlaps(3, "mxx", "z"));
        assert_false(overlaps(3, "mxxa", "z"));
        assert_false(overlaps(4, "m", "mxx"));
        assert_false(overlaps(2, "a", "z"));
        if (round == 0)
            read_back();
    }
}

/* Also with a header, or nothing but a header, at the end of a block. */
static void records_may_lie_across_blocks_in_any_way(void **state)
{
    void *none = NULL;

    (void)state;
    for (size_t left = 0; left < 20; left++) {
        size_t before = 0;

        add(1, 1, "a", 30000);
        before = manifest.log.size;
        add(1, 2, "b", 1);
        before = manifest.log.size - before; /* of a record of this size, and it grows by a byte */
        while (LOG_BLOCK - manifest.log.size > 200)
            add(1, 3, "c", 1);
        add(1, 4, "d", LOG_BLOCK - manifest.log.size - before - left);
        assert_in_range(LOG_BLOCK - manifest.log.size, left, left + 1);
        add(1, 5, "e", 100000);
        before = manifest.count;
        read_back();
        assert_int_equal(manifest.count, before);
        assert_true(overlaps(1, "ex", "f"));
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
    manifest_clear(&manifest);
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
    assert_true(followed.log.size < LOG_BLOCK);
    manifest_clear(&followed);
    close(file);
}

static void what_is_damaged_is_refused(void **state)
{
    struct buffer whole = {0};
    size_t refused = 0;

    (void)state;
    add(3, 7, "m", 2);
    add(4, 8, "p", 1);
    read_back();
    buffer_append_bytes(&whole, buffer_view(&manifest.log));
    for (size_t i = 0; i < whole.size; i++) {
        whole.data[i] ^= 1;
        rewrite(buffer_view(&whole));
        assert_int_equal(manifest_read(&manifest, directory), STATUS_CORRUPT);
        whole.data[i] ^= 1;
        rewrite((struct bytes){whole.data, i});
        refused += manifest_read(&manifest, directory) == STATUS_CORRUPT;
    }
    assert_int_equal(refused, whole.size - 4); /* all but those behind a record */
    rewrite(buffer_view(&whole));
    assert_int_equal(manifest_read(&manifest, directory), STATUS_OK);
    buffer_clear(&whole);
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
        CLAIM(files_are_read_as_they_were_added),
        CLAIM(records_may_lie_across_blocks_in_any_way),
        CLAIM(it_is_followed_while_it_grows),
        CLAIM(what_is_damaged_is_refused),
        CLAIM(a_free_number_is_above_those_of_all_files_of_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
