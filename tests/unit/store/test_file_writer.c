/* Files written by a thread; write() and fsync() of this program are the ones below. */
#include "store/file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit/test.h"

#define PIECE  ((size_t)100000)
#define PIECES 50

static atomic_bool is_full, fails_to_sync;
static atomic_int written, synced;

ssize_t write(int file, const void *data, size_t size)
{
    if (file <= STDERR_FILENO)
        return syscall(SYS_write, file, data, size);
    written++;
    if (is_full) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, file, data, size > 1 ? size / 2 : size); /* not all at once */
}

int fsync(int file)
{
    (void)file;
    synced++;
    errno = EIO;
    return fails_to_sync ? -1 : 0;
}

static char path[64];
static struct file_writer *writer;

static int set_up(void **state)
{
    (void)state;
    is_full = fails_to_sync = false;
    written = synced = 0;
    strcpy(path, "/tmp/grapevine-test-XXXXXX");
    close(mkstemp(path));
    writer = file_writer_create(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    file_writer_destroy(writer);
    return unlink(path);
}

static int open_file(void)
{
    int file = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);

    assert_true(file > STDERR_FILENO);
    return file;
}

static bool is_open(int file)
{
    return fcntl(file, F_GETFD) >= 0;
}

static void put_pieces(int file, int count)
{
    struct buffer bytes = {0};

    for (int n = 0; n < count; n++) {
        memset(buffer_reserve(&bytes, PIECE), 'a' + n % 26, PIECE);
        bytes.size = PIECE;
        file_writer_put(writer, file, &bytes, n == count - 1);
        assert_int_equal(bytes.size, 0);
    }
    buffer_clear(&bytes);
}

static void pieces_are_written_in_order_and_synced(void **state)
{
    char *read = malloc(PIECE * PIECES);
    int file = open_file(), again;

    (void)state;
    put_pieces(file, PIECES);
    assert_int_equal(file_writer_finish(writer), STATUS_OK);
    assert_int_equal(synced, 1);
    assert_false(is_open(file));
    again = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(again, read, PIECE * PIECES, 0), PIECE * PIECES);
    for (size_t i = 0; i < PIECE * PIECES; i++)
        if (read[i] != (char)('a' + i / PIECE % 26))
            fail();
    close(again);
    free(read);
}

static void a_full_disk_is_told_and_nothing_follows(void **state)
{
    int file = open_file(), other = open_file();

    (void)state;
    is_full = true;
    put_pieces(file, 2);
    assert_int_equal(file_writer_finish(writer), STATUS_IO);
    assert_int_equal(file_writer_status(writer), STATUS_IO);
    is_full = false;
    put_pieces(other, 2);
    assert_int_equal(file_writer_finish(writer), STATUS_IO);
    assert_int_equal(written, 1);
    assert_false(is_open(file) || is_open(other));
}

static void what_does_not_reach_the_disk_is_told(void **state)
{
    (void)state;
    fails_to_sync = true;
    put_pieces(open_file(), 1);
    assert_int_equal(file_writer_finish(writer), STATUS_IO);
}

static atomic_int asked;

/* When all of it can be read. */
static bool is_of_one_piece(int file)
{
    struct stat is;

    asked++;
    return fstat(file, &is) == 0 && (size_t)is.st_size == PIECE;
}

static void whoever_knows_what_is_sound_is_asked_of_each_file(void **state)
{
    (void)state;
    file_writer_destroy(writer);
    writer = file_writer_create(is_of_one_piece);
    put_pieces(open_file(), 1);
    put_pieces(open_file(), 1);
    assert_int_equal(file_writer_finish(writer), STATUS_OK);
    put_pieces(open_file(), 2);
    assert_int_equal(file_writer_finish(writer), STATUS_IO);
    put_pieces(open_file(), 1);
    assert_int_equal(file_writer_finish(writer), STATUS_IO);
    assert_int_equal(asked, 3);
}

static void files_that_were_not_finished_are_closed(void **state)
{
    int file = open_file();

    (void)state;
    put_pieces(file, PIECES);
    file_writer_destroy(writer);
    writer = NULL;
    assert_false(is_open(file));
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(pieces_are_written_in_order_and_synced),
        CLAIM(a_full_disk_is_told_and_nothing_follows),
        CLAIM(what_does_not_reach_the_disk_is_told),
        CLAIM(whoever_knows_what_is_sound_is_asked_of_each_file),
        CLAIM(files_that_were_not_finished_are_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
