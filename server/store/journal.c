#include "store/journal.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/wire.h"

#define NAME_PREFIX "journal."
#define NAME_SPARE  NAME_PREFIX "spare"
#define PATH_SIZE   4096

/* A longer segment, of a few very long values, is not kept to be the next one. */
#define SPARE_BYTES_MAX (32u << 20)

struct segment {
    uint64_t number;
    int file;
    uint64_t end;    /* of what was appended */
    uint64_t synced; /* up to here it is on disk */
};

struct journal {
    char *directory;
    pthread_mutex_t sync_mutex; /* held to sync, or to take back; before the other */
    bool has_sync_failed;       /* under it: J4 */
    pthread_mutex_t mutex;      /* of the list, and of what says how far it is on disk */
    struct segment *segments[JOURNAL_SEGMENTS_MAX]; /* the newest last */
    size_t count;
    int spare;                    /* the file NAME_SPARE, -1 = there is none */
    uint64_t names, names_synced; /* files that came; of these the directory is on disk */
    /* the appending thread's */
    struct segment *newest;
    uint64_t before_last; /* where the last record begins */
    struct buffer end_mark;
    /* any thread's */
    atomic_int error_number; /* of the last failure */
    atomic_int syncing;      /* threads */
};

static const char *path_of(const struct journal *journal, uint64_t number, char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/" NAME_PREFIX "%" PRIu64, journal->directory, number);
    return path;
}

static const char *spare_path(const struct journal *journal, char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/" NAME_SPARE, journal->directory);
    return path;
}

struct journal *journal_create(const char *directory)
{
    struct journal *journal = xcalloc(1, sizeof *journal);

    journal->directory = xstrdup(directory);
    journal->spare = -1;
    pthread_mutex_init(&journal->sync_mutex, NULL);
    pthread_mutex_init(&journal->mutex, NULL);
    return journal;
}

static void close_all(struct journal *journal)
{
    for (size_t i = 0; i < journal->count; i++) {
        close(journal->segments[i]->file);
        free(journal->segments[i]);
    }
    journal->count = 0;
    journal->newest = NULL;
    if (journal->spare >= 0)
        close(journal->spare);
    journal->spare = -1;
}

void journal_destroy(struct journal *journal)
{
    if (journal == NULL)
        return;
    close_all(journal);
    pthread_mutex_destroy(&journal->mutex);
    pthread_mutex_destroy(&journal->sync_mutex);
    buffer_clear(&journal->end_mark);
    free(journal->directory);
    free(journal);
}

int64_t journal_bytes(struct journal *journal)
{
    uint64_t bytes = 0;

    pthread_mutex_lock(&journal->mutex);
    for (size_t i = 0; i < journal->count; i++)
        bytes += journal->segments[i]->end;
    pthread_mutex_unlock(&journal->mutex);
    return (int64_t)bytes;
}

/* ---------- records ---------- */

static uint64_t hash_of(struct bytes record, uint64_t number, uint64_t place)
{
    struct bytes hashed = {record.data + sizeof(uint64_t), record.size - sizeof(uint64_t)};

    return hash_seeded(hashed, number << 32 ^ place);
}

static void fill_head(struct buffer *record, uint64_t number, uint64_t place)
{
    uint64_t head[2] = {0, htobe64((uint64_t)(record->size - JOURNAL_HEAD_SIZE) << 32)};

    memcpy(record->data, head, sizeof head);
    head[0] = htobe64(hash_of(buffer_view(record), number, place));
    memcpy(record->data, head, sizeof head[0]);
}

/* The record at the front of `rest`; false if there is no whole one. */
static bool read_record(struct bytes rest, uint64_t number, uint64_t place, struct bytes *record)
{
    struct bytes head = rest;
    uint64_t hash;
    uint32_t size;

    if (rest.size < JOURNAL_HEAD_SIZE)
        return false;
    hash = wire_take_u64(&head);
    size = wire_take_u32(&head);
    if (size > rest.size - JOURNAL_HEAD_SIZE)
        return false;
    *record = (struct bytes){rest.data, JOURNAL_HEAD_SIZE + size};
    return hash_of(*record, number, place) == hash;
}

static enum status fail_with(struct journal *journal, const char *doing, int problem)
{
    atomic_store(&journal->error_number, problem);
    log_line(LOG_WARNING, "The journal, %s: %s", doing, strerror(problem));
    return STATUS_IO;
}

static enum status fail(struct journal *journal, const char *doing)
{
    return fail_with(journal, doing, errno);
}

const char *journal_error(const struct journal *journal)
{
    return strerror(atomic_load(&journal->error_number));
}

enum status journal_append(struct journal *journal, struct buffer *rows)
{
    struct segment *segment = journal->newest;
    int problem;

    journal->before_last = segment->end;
    fill_head(rows, segment->number, segment->end);
    problem = file_write_all(segment->file, buffer_view(rows));
    if (problem != 0)
        return fail_with(journal, "writing", problem);
    pthread_mutex_lock(&journal->mutex);
    segment->end += rows->size;
    pthread_mutex_unlock(&journal->mutex);
    return STATUS_OK;
}

void journal_take_back(struct journal *journal)
{
    struct segment *segment = journal->newest;

    pthread_mutex_lock(&journal->sync_mutex); /* who syncs now would note what is not there */
    pthread_mutex_lock(&journal->mutex);
    segment->end = journal->before_last;
    if (segment->synced > segment->end)
        segment->synced = segment->end;
    pthread_mutex_unlock(&journal->mutex);
    pthread_mutex_unlock(&journal->sync_mutex);
}

/* On disk, too: what was taken back must not be read again after the end of the machine. */
static enum status cut_file(struct journal *journal, const struct segment *segment)
{
    if (ftruncate(segment->file, (off_t)segment->end) != 0 ||
        lseek(segment->file, (off_t)segment->end, SEEK_SET) < 0 || fdatasync(segment->file) != 0)
        return fail(journal, "cutting");
    return STATUS_OK;
}

enum status journal_cut(struct journal *journal)
{
    enum status status = STATUS_OK;

    pthread_mutex_lock(&journal->sync_mutex);
    if (journal->newest != NULL)
        status = cut_file(journal, journal->newest);
    if (status == STATUS_OK)
        journal->has_sync_failed = false;
    pthread_mutex_unlock(&journal->sync_mutex);
    return status;
}

/* ---------- segments ---------- */

static enum status end_newest(struct journal *journal)
{
    struct buffer *mark = &journal->end_mark;

    mark->size = 0;
    buffer_reserve(mark, JOURNAL_HEAD_SIZE);
    mark->size = JOURNAL_HEAD_SIZE;
    return journal_append(journal, mark);
}

static int take_spare(struct journal *journal)
{
    int spare;

    pthread_mutex_lock(&journal->mutex);
    spare = journal->spare;
    journal->spare = -1;
    pthread_mutex_unlock(&journal->mutex);
    return spare;
}

static int open_segment(struct journal *journal, uint64_t number)
{
    char path[PATH_SIZE], old[PATH_SIZE];
    int spare = take_spare(journal);

    path_of(journal, number, path);
    if (spare < 0)
        return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (rename(spare_path(journal, old), path) == 0 && lseek(spare, 0, SEEK_SET) == 0)
        return spare;
    close(spare);
    return -1;
}

/* The new file is there first: who finds it while the one before has no end takes nothing from it.
 */
enum status journal_begin(struct journal *journal, uint64_t number)
{
    int file = open_segment(journal, number);
    char path[PATH_SIZE];

    if (file < 0)
        return fail(journal, "beginning a file");
    if (journal->newest != NULL && end_newest(journal) != STATUS_OK) {
        close(file);
        unlink(path_of(journal, number, path));
        return STATUS_IO;
    }
    journal->newest = xcalloc(1, sizeof *journal->newest);
    *journal->newest = (struct segment){.number = number, .file = file};
    pthread_mutex_lock(&journal->mutex);
    assert(journal->count < JOURNAL_SEGMENTS_MAX);
    journal->segments[journal->count++] = journal->newest;
    journal->names++;
    pthread_mutex_unlock(&journal->mutex);
    return STATUS_OK;
}

/* A file that is not needed: kept to be the next one, if there is none yet and it isn't too large.
 */
static void retire_segment(struct journal *journal, struct segment *segment)
{
    char path[PATH_SIZE], spare[PATH_SIZE];

    path_of(journal, segment->number, path);
    if (journal->spare < 0 && segment->end <= SPARE_BYTES_MAX &&
        rename(path, spare_path(journal, spare)) == 0) {
        journal->spare = segment->file;
    } else {
        close(segment->file);
        unlink(path);
    }
    free(segment);
}

void journal_release(struct journal *journal, uint64_t number)
{
    pthread_mutex_lock(&journal->mutex);
    while (journal->count > 1 && journal->segments[0]->number <= number) {
        retire_segment(journal, journal->segments[0]);
        journal->count--;
        memmove(journal->segments, journal->segments + 1,
                journal->count * sizeof journal->segments[0]);
    }
    pthread_mutex_unlock(&journal->mutex);
}

/* ---------- syncing ---------- */

static enum status sync_directory(struct journal *journal)
{
    int problem = directory_sync(journal->directory);

    return problem == 0 ? STATUS_OK : fail_with(journal, "syncing its directory", problem);
}

/* Under the mutex: copies of the segments that aren't on disk, with descriptors of their own. */
static size_t take_unsynced(struct journal *journal, struct segment unsynced[])
{
    size_t count = 0;

    for (size_t i = 0; i < journal->count; i++) {
        struct segment *segment = journal->segments[i];

        if (segment->synced == segment->end)
            continue;
        unsynced[count] = *segment;
        unsynced[count++].file = dup(segment->file);
    }
    return count;
}

static void note_synced(struct journal *journal, const struct segment *synced)
{
    for (size_t i = 0; i < journal->count; i++) {
        struct segment *segment = journal->segments[i];

        if (segment->number == synced->number && segment->synced < synced->end)
            segment->synced = synced->end < segment->end ? synced->end : segment->end;
    }
}

static enum status sync_segments(struct journal *journal, struct segment unsynced[], size_t count)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        if (status == STATUS_OK && (unsynced[i].file < 0 || fdatasync(unsynced[i].file) != 0))
            status = fail(journal, "syncing");
        if (unsynced[i].file >= 0)
            close(unsynced[i].file);
    }
    return status;
}

static enum status sync_all(struct journal *journal)
{
    struct segment unsynced[JOURNAL_SEGMENTS_MAX];
    enum status status = STATUS_OK;
    uint64_t names;
    bool has_new_names;
    size_t count;

    pthread_mutex_lock(&journal->mutex);
    count = take_unsynced(journal, unsynced);
    names = journal->names;
    has_new_names = names != journal->names_synced;
    pthread_mutex_unlock(&journal->mutex);
    if (has_new_names)
        status = sync_directory(journal);
    if (sync_segments(journal, unsynced, count) != STATUS_OK)
        status = STATUS_IO;
    if (status != STATUS_OK)
        return status;
    pthread_mutex_lock(&journal->mutex);
    for (size_t i = 0; i < count; i++)
        note_synced(journal, &unsynced[i]);
    if (journal->names_synced < names)
        journal->names_synced = names;
    pthread_mutex_unlock(&journal->mutex);
    return STATUS_OK;
}

bool journal_is_syncing(const struct journal *journal)
{
    return atomic_load(&journal->syncing) > 0;
}

enum status journal_sync(struct journal *journal)
{
    enum status status;

    atomic_fetch_add(&journal->syncing, 1);
    pthread_mutex_lock(&journal->sync_mutex);
    status = journal->has_sync_failed ? STATUS_IO : sync_all(journal);
    journal->has_sync_failed = status != STATUS_OK;
    pthread_mutex_unlock(&journal->sync_mutex);
    atomic_fetch_sub(&journal->syncing, 1);
    return status;
}

/* ---------- reading, and removing ---------- */

/* What is read goes on to LevelDB, so it is put on disk first: a process that ended left it in the
 * kernel's hands. */
static enum status read_segment(struct journal *journal, uint64_t number, struct buffer *content)
{
    char path[PATH_SIZE];
    int file = open(path_of(journal, number, path), O_RDONLY | O_CLOEXEC);
    struct stat about;
    ssize_t size = -1;

    content->size = 0;
    if (file >= 0 && fdatasync(file) == 0 && fstat(file, &about) == 0) {
        buffer_reserve(content, (size_t)about.st_size + 1);
        while ((size = read(file, content->data + content->size,
                            content->capacity - content->size)) > 0)
            content->size += (size_t)size;
    }
    if (file >= 0)
        close(file);
    return size == 0 ? STATUS_OK : fail(journal, "reading");
}

/* *is_ended: the next segment goes on. */
static enum status replay_segment(struct bytes content, uint64_t number, bool *is_ended,
                                  enum status (*each)(void *context, struct buffer *rows),
                                  void *context)
{
    enum status status = STATUS_OK;
    uint64_t place = 0;
    struct bytes record;

    *is_ended = false;
    while (status == STATUS_OK && !*is_ended && read_record(content, number, place, &record)) {
        struct buffer rows = {0};

        wire_take(&content, record.size);
        place += record.size;
        *is_ended = record.size == JOURNAL_HEAD_SIZE;
        if (*is_ended)
            break;
        buffer_append_bytes(&rows, record);
        status = each(context, &rows);
        buffer_clear(&rows);
    }
    return status;
}

/* Sets *next to the segment with the lowest number behind `after`. */
static enum status find_segment(struct journal *journal, uint64_t after, uint64_t *next)
{
    DIR *directory = opendir(journal->directory);
    struct dirent *file;
    uint64_t found = UINT64_MAX, number;

    if (directory == NULL)
        return fail(journal, "listing its directory");
    while ((file = readdir(directory)) != NULL)
        if (strncmp(file->d_name, NAME_PREFIX, sizeof NAME_PREFIX - 1) == 0 &&
            bytes_to_uint64(bytes_of(file->d_name + sizeof NAME_PREFIX - 1), &number) &&
            number > after && number < found)
            found = number;
    closedir(directory);
    if (found == UINT64_MAX)
        return STATUS_NOT_FOUND;
    *next = found;
    return STATUS_OK;
}

enum status journal_replay(struct journal *journal, uint64_t after,
                           enum status (*each)(void *context, struct buffer *rows), void *context,
                           uint64_t *last)
{
    struct buffer content = {0};
    enum status status = sync_directory(journal);
    bool is_ended = true;
    uint64_t number;

    *last = after;
    while (status == STATUS_OK && (status = find_segment(journal, *last, &number)) == STATUS_OK) {
        is_ended = is_ended && (*last == after || number == *last + 1);
        *last = number;
        if (is_ended)
            status = read_segment(journal, *last, &content);
        if (is_ended && status == STATUS_OK)
            status = replay_segment(buffer_view(&content), *last, &is_ended, each, context);
    }
    buffer_clear(&content);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status journal_remove(struct journal *journal)
{
    DIR *directory = opendir(journal->directory);
    enum status status = STATUS_OK;
    struct dirent *file;

    pthread_mutex_lock(&journal->sync_mutex);
    pthread_mutex_lock(&journal->mutex);
    close_all(journal);
    pthread_mutex_unlock(&journal->mutex);
    pthread_mutex_unlock(&journal->sync_mutex);
    if (directory == NULL)
        return STATUS_IO;
    while ((file = readdir(directory)) != NULL)
        if (strncmp(file->d_name, NAME_PREFIX, sizeof NAME_PREFIX - 1) == 0 &&
            unlinkat(dirfd(directory), file->d_name, 0) != 0)
            status = fail(journal, "removing a file");
    closedir(directory);
    return status;
}
