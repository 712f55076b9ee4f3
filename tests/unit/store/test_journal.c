/* The journal as a file: what is read back after the end of a process, or of a machine. */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "store/rows.h"
#include "unit/test.h"

static char directory[64];
static struct journal *journal;
static struct buffer read_back; /* the keys, one behind the other */

/* ---------- the disk: this program's fdatasync() is the one below ---------- */

static atomic_int syncs, syncs_to_fail, sync_ms;

int fdatasync(int file)
{
    atomic_fetch_add(&syncs, 1);
    poll(NULL, 0, atomic_load(&sync_ms));
    if (atomic_load(&syncs_to_fail) > 0) {
        atomic_fetch_sub(&syncs_to_fail, 1);
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, file);
}

/* ---------- the journal ---------- */

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    log_set_level(LOG_NOTHING);
    atomic_store(&syncs_to_fail, 0);
    atomic_store(&sync_ms, 0);
    journal = journal_create(directory);
    assert_int_equal(journal_begin(journal, 1), STATUS_OK);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    journal_destroy(journal);
    buffer_clear(&read_back);
    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static void append(const char *key)
{
    struct buffer rows = {0};

    buffer_reserve(&rows, JOURNAL_HEAD_SIZE);
    rows.size = JOURNAL_HEAD_SIZE;
    rows_put(&rows, bytes_of(key), bytes_of("value"));
    assert_int_equal(journal_append(journal, &rows), STATUS_OK);
    buffer_clear(&rows);
}

static enum status take(void *context, struct buffer *rows)
{
    (void)context;
    buffer_append_bytes(&read_back, row_key(rows->data + JOURNAL_HEAD_SIZE));
    return STATUS_OK;
}

/* As the next process reads it. */
static void assert_replayed(uint64_t after, const char *keys, uint64_t expected_last)
{
    struct journal *next = journal_create(directory);
    uint64_t last;

    read_back.size = 0;
    assert_int_equal(journal_replay(next, after, take, NULL, &last), STATUS_OK);
    assert_true(bytes_equal(buffer_view(&read_back), bytes_of(keys)));
    assert_int_equal(last, expected_last);
    journal_destroy(next);
}

static const char *path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static off_t size_of(const char *name)
{
    struct stat file;

    return stat(path_of(name), &file) == 0 ? file.st_size : -1;
}

static void damage(const char *name, off_t place)
{
    int file = open(path_of(name), O_RDWR);
    char byte;

    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, place), 1);
    byte ^= 1;
    assert_int_equal(pwrite(file, &byte, 1, place), 1);
    close(file);
}

static void records_come_back_in_order_through_all_segments(void **state)
{
    (void)state;
    append("a");
    append("b");
    assert_int_equal(journal_begin(journal, 2), STATUS_OK);
    append("c");
    assert_replayed(0, "abc", 2);
    assert_replayed(1, "c", 2);
    assert_replayed(2, "", 2);
}

static void an_unfinished_record_ends_it(void **state)
{
    (void)state;
    append("a");
    append("b");
    assert_int_equal(truncate(path_of("journal.1"), size_of("journal.1") - 1), 0);
    assert_replayed(0, "a", 1);
}

static void nothing_counts_behind_a_damaged_record(void **state)
{
    off_t place;

    (void)state;
    append("a");
    place = size_of("journal.1");
    append("b");
    append("c");
    assert_int_equal(journal_begin(journal, 2), STATUS_OK);
    append("d");
    damage("journal.1", place + JOURNAL_HEAD_SIZE);
    assert_replayed(0, "a", 2);
}

/* Its end is missing: the machine went down before it was written. */
static void nor_behind_a_segment_without_an_end(void **state)
{
    off_t size;

    (void)state;
    append("a");
    size = size_of("journal.1");
    assert_int_equal(journal_begin(journal, 2), STATUS_OK);
    append("b");
    assert_int_equal(truncate(path_of("journal.1"), size), 0);
    assert_replayed(0, "a", 2);
}

static void what_is_cut_is_gone_and_the_journal_goes_on(void **state)
{
    (void)state;
    append("a");
    append("b");
    journal_take_back(journal);
    assert_int_equal(journal_cut(journal), STATUS_OK);
    assert_replayed(0, "a", 1);
    append("c");
    assert_replayed(0, "ac", 1);
    assert_int_equal(journal_cut(journal), STATUS_OK);
    assert_replayed(0, "ac", 1);
}

static void a_segment_that_cannot_begin_changes_nothing(void **state)
{
    (void)state;
    append("a");
    assert_int_equal(mkdir(path_of("journal.2"), 0700), 0);
    assert_int_equal(journal_begin(journal, 2), STATUS_IO);
    assert_int_equal(journal_cut(journal), STATUS_OK);
    assert_int_equal(rmdir(path_of("journal.2")), 0);
    append("b");
    assert_replayed(0, "ab", 1);
    assert_int_equal(journal_begin(journal, 2), STATUS_OK);
    append("c");
    assert_replayed(0, "abc", 2);
}

static void a_released_segment_becomes_a_later_one_and_what_it_held_is_not_read(void **state)
{
    ino_t first, third;
    struct stat file;

    (void)state;
    append("a");
    append("b");
    assert_int_equal(stat(path_of("journal.1"), &file), 0);
    first = file.st_ino;
    assert_int_equal(journal_begin(journal, 2), STATUS_OK);
    append("c");
    journal_release(journal, 1);
    assert_replayed(0, "c", 2);
    assert_int_equal(journal_begin(journal, 3), STATUS_OK);
    assert_int_equal(stat(path_of("journal.3"), &file), 0);
    third = file.st_ino;
    assert_int_equal(first, third);
    assert_replayed(1, "c", 3);
    append("d");
    assert_replayed(1, "cd", 3);
}

static void the_newest_segment_is_never_released(void **state)
{
    (void)state;
    append("a");
    journal_release(journal, 5);
    assert_replayed(0, "a", 1);
}

static void nothing_counts_behind_a_missing_segment(void **state)
{
    (void)state;
    append("a");
    assert_int_equal(journal_begin(journal, 2), STATUS_OK);
    append("b");
    assert_int_equal(journal_begin(journal, 3), STATUS_OK);
    append("c");
    assert_int_equal(unlink(path_of("journal.2")), 0);
    assert_replayed(0, "a", 3);
}

static void what_is_replayed_is_on_disk(void **state)
{
    struct journal *next = journal_create(directory);
    uint64_t last;

    (void)state;
    append("a");
    read_back.size = 0;
    atomic_store(&syncs_to_fail, 1);
    assert_int_equal(journal_replay(next, 0, take, NULL, &last), STATUS_IO);
    assert_int_equal(read_back.size, 0);
    assert_replayed(0, "a", 1);
    journal_destroy(next);
}

static void after_a_failed_sync_all_fail_until_it_is_cut(void **state)
{
    (void)state;
    append("a");
    atomic_store(&syncs_to_fail, 1);
    assert_int_equal(journal_sync(journal), STATUS_IO);
    append("b");
    assert_int_equal(journal_sync(journal), STATUS_IO);
    assert_int_equal(journal_cut(journal), STATUS_OK);
    assert_int_equal(journal_sync(journal), STATUS_OK);
    assert_replayed(0, "ab", 1);
}

static void what_is_cut_is_gone_from_the_disk(void **state)
{
    (void)state;
    append("a");
    journal_take_back(journal);
    atomic_store(&syncs_to_fail, 1);
    assert_int_equal(journal_cut(journal), STATUS_IO);
    assert_int_equal(journal_cut(journal), STATUS_OK);
}

static void *sync_slowly(void *context)
{
    (void)context;
    assert_int_equal(journal_sync(journal), STATUS_OK);
    return NULL;
}

/* It is as long as what was taken back: what was synced then is not what is there now. */
static void what_is_appended_in_the_place_of_another_is_not_synced_yet(void **state)
{
    pthread_t thread;

    (void)state;
    append("a");
    atomic_store(&sync_ms, 50);
    atomic_store(&syncs, 0);
    assert_int_equal(pthread_create(&thread, NULL, sync_slowly, NULL), 0);
    while (atomic_load(&syncs) == 0)
        poll(NULL, 0, 1);
    journal_take_back(journal);
    assert_int_equal(journal_cut(journal), STATUS_OK);
    append("b");
    assert_int_equal(pthread_join(thread, NULL), 0);
    atomic_store(&sync_ms, 0);
    atomic_store(&syncs, 0);
    assert_int_equal(journal_sync(journal), STATUS_OK);
    assert_int_equal(atomic_load(&syncs), 1);
}

static void what_is_removed_is_all_gone(void **state)
{
    (void)state;
    append("a");
    assert_int_equal(journal_begin(journal, 2), STATUS_OK);
    journal_release(journal, 1);
    assert_int_equal(journal_remove(journal), STATUS_OK);
    assert_replayed(0, "", 0);
    assert_int_equal(size_of("journal.spare"), -1);
    assert_int_equal(journal_begin(journal, 3), STATUS_OK);
}

static void syncing_covers_all_segments_and_counts_what_is_there(void **state)
{
    (void)state;
    append("a");
    assert_int_equal(journal_begin(journal, 2), STATUS_OK);
    append("b");
    assert_int_equal(journal_sync(journal), STATUS_OK);
    assert_int_equal(journal_bytes(journal), size_of("journal.1") + size_of("journal.2"));
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(records_come_back_in_order_through_all_segments),
        CLAIM(an_unfinished_record_ends_it),
        CLAIM(nothing_counts_behind_a_damaged_record),
        CLAIM(nor_behind_a_segment_without_an_end),
        CLAIM(what_is_cut_is_gone_and_the_journal_goes_on),
        CLAIM(a_segment_that_cannot_begin_changes_nothing),
        CLAIM(a_released_segment_becomes_a_later_one_and_what_it_held_is_not_read),
        CLAIM(the_newest_segment_is_never_released),
        CLAIM(nothing_counts_behind_a_missing_segment),
        CLAIM(what_is_replayed_is_on_disk),
        CLAIM(after_a_failed_sync_all_fail_until_it_is_cut),
        CLAIM(what_is_cut_is_gone_from_the_disk),
        CLAIM(what_is_appended_in_the_place_of_another_is_not_synced_yet),
        CLAIM(what_is_removed_is_all_gone),
        CLAIM(syncing_covers_all_segments_and_counts_what_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
