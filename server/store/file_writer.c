#include "store/file_writer.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/process.h"

#define PIECES_MAX   4
#define TURN_BYTES   ((size_t)64 << 10)
#define UNSYNCED_MAX 3 /* files that have ended: the kernel writes them meanwhile */

struct piece {
    struct buffer bytes;
    int file;
    bool is_end;
};

struct file_writer {
    pthread_t thread;
    bool (*is_sound)(int file);
    int unsynced[UNSYNCED_MAX]; /* the thread's: the oldest first */
    int unsynced_count;
    pthread_mutex_t mutex; /* the rest, but for the pieces between first and first + count */
    pthread_cond_t work, progress;
    struct piece pieces[PIECES_MAX]; /* a ring */
    size_t first, count;
    bool is_finish_wanted, is_stopping, has_failed;
};

/* ---------- the thread ---------- */

static bool sync_oldest(struct file_writer *writer)
{
    int file = writer->unsynced[0];
    bool is_synced = fsync(file) == 0;

    close(file);
    writer->unsynced_count--;
    for (int i = 0; i < writer->unsynced_count; i++)
        writer->unsynced[i] = writer->unsynced[i + 1];
    return is_synced;
}

static bool end_file(struct file_writer *writer, int file)
{
    bool is_good = writer->is_sound == NULL || writer->is_sound(file);

    if (writer->unsynced_count == UNSYNCED_MAX)
        is_good &= sync_oldest(writer);
    writer->unsynced[writer->unsynced_count++] = file;
    return is_good;
}

/* A long call into the kernel would keep the processor from others. */
static bool write_in_turns(int file, struct bytes bytes)
{
    int problem = 0;

    while (bytes.size > 0 && problem == 0) {
        size_t size = bytes.size < TURN_BYTES ? bytes.size : TURN_BYTES;

        problem = file_write_all(file, (struct bytes){bytes.data, size});
        bytes = (struct bytes){bytes.data + size, bytes.size - size};
        process_give_way();
    }
    return problem == 0;
}

/* The kernel begins to write to disk here. */
static bool write_piece(struct file_writer *writer, const struct piece *piece)
{
    bool is_written = write_in_turns(piece->file, buffer_view(&piece->bytes));

    if (is_written)
        (void)sync_file_range(piece->file, 0, 0, SYNC_FILE_RANGE_WRITE);
    if (piece->is_end)
        is_written &= end_file(writer, piece->file);
    return is_written;
}

static bool sync_all(struct file_writer *writer)
{
    bool is_synced = true;

    while (writer->unsynced_count > 0)
        is_synced &= sync_oldest(writer);
    return is_synced;
}

/* What follows a failure is dropped, but files are closed. */
static bool take_turn(struct file_writer *writer, const struct piece *piece)
{
    if (piece == NULL)
        return sync_all(writer);
    if (!writer->has_failed)
        return write_piece(writer, piece);
    if (piece->is_end)
        close(piece->file);
    return false;
}

static bool has_work(const struct file_writer *writer)
{
    return writer->count > 0 || writer->is_finish_wanted;
}

static void *run(void *context)
{
    struct file_writer *writer = context;

    process_step_back();
    pthread_mutex_lock(&writer->mutex);
    while (!writer->is_stopping) {
        struct piece *piece = writer->count > 0 ? &writer->pieces[writer->first] : NULL;
        bool is_done;

        if (!has_work(writer)) {
            pthread_cond_wait(&writer->work, &writer->mutex);
            continue;
        }
        pthread_mutex_unlock(&writer->mutex);
        is_done = take_turn(writer, piece);
        pthread_mutex_lock(&writer->mutex);
        writer->has_failed |= !is_done;
        if (piece == NULL) {
            writer->is_finish_wanted = false;
        } else {
            writer->first = (writer->first + 1) % PIECES_MAX;
            writer->count--;
        }
        pthread_cond_signal(&writer->progress);
    }
    pthread_mutex_unlock(&writer->mutex);
    return NULL;
}

/* ---------- the other one ---------- */

void file_writer_put(struct file_writer *writer, int file, struct buffer *bytes, bool is_end)
{
    struct piece *piece;
    struct buffer empty;

    pthread_mutex_lock(&writer->mutex);
    while (writer->count == PIECES_MAX)
        pthread_cond_wait(&writer->progress, &writer->mutex);
    piece = &writer->pieces[(writer->first + writer->count) % PIECES_MAX];
    empty = piece->bytes;
    empty.size = 0;
    *piece = (struct piece){*bytes, file, is_end};
    *bytes = empty;
    writer->count++;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->mutex);
}

enum status file_writer_status(struct file_writer *writer)
{
    bool has_failed;

    pthread_mutex_lock(&writer->mutex);
    has_failed = writer->has_failed;
    pthread_mutex_unlock(&writer->mutex);
    return has_failed ? STATUS_IO : STATUS_OK;
}

enum status file_writer_finish(struct file_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    writer->is_finish_wanted = true;
    pthread_cond_signal(&writer->work);
    while (has_work(writer))
        pthread_cond_wait(&writer->progress, &writer->mutex);
    pthread_mutex_unlock(&writer->mutex);
    return file_writer_status(writer);
}

/* ---------- life ---------- */

struct file_writer *file_writer_create(bool (*is_sound)(int file))
{
    struct file_writer *writer = xcalloc(1, sizeof *writer);

    writer->is_sound = is_sound;
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_cond_init(&writer->work, NULL);
    pthread_cond_init(&writer->progress, NULL);
    if (pthread_create(&writer->thread, NULL, run, writer) != 0)
        abort(); /* there is no other way to write */
    (void)pthread_setname_np(writer->thread, "table-writer");
    return writer;
}

static void close_files(struct file_writer *writer)
{
    for (; writer->count > 0; writer->count--) {
        if (writer->pieces[writer->first].is_end)
            close(writer->pieces[writer->first].file);
        writer->first = (writer->first + 1) % PIECES_MAX;
    }
    while (writer->unsynced_count > 0)
        close(writer->unsynced[--writer->unsynced_count]);
}

void file_writer_destroy(struct file_writer *writer)
{
    if (writer == NULL)
        return;
    pthread_mutex_lock(&writer->mutex);
    writer->is_stopping = true;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
    close_files(writer);
    for (size_t i = 0; i < PIECES_MAX; i++)
        buffer_clear(&writer->pieces[i].bytes);
    pthread_cond_destroy(&writer->work);
    pthread_cond_destroy(&writer->progress);
    pthread_mutex_destroy(&writer->mutex);
    free(writer);
}
