#include "store/log_rows.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/process.h"
#include "base/wire.h"
#include "store/log_file.h"
#include "store/rows.h"
#include "store/run.h"
#include "store/table_format.h"

#define FILE_NAME_MAX 40
#define BATCH_HEAD    12

/* ---------- the files ---------- */

static void list_log(struct log_rows *rows, uint64_t number)
{
    rows->files = xgrow(rows->files, rows->file_count, &rows->file_capacity, sizeof *rows->files);
    rows->files[rows->file_count++] = (struct log_rows_file){.file = -1, .number = number};
}

static int by_number(const void *left, const void *right)
{
    const struct log_rows_file *a = left, *b = right;

    return a->number < b->number ? -1 : a->number > b->number;
}

/* False: the directory can't be read. */
static bool list_logs(struct log_rows *rows, int directory, uint64_t first_number)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *file;
    uint64_t number;

    if (list == NULL) {
        if (copy >= 0)
            close(copy);
        return false;
    }
    while ((file = readdir(list)) != NULL)
        if (log_file_is_log(file->d_name, &number) && number >= first_number)
            list_log(rows, number);
    closedir(list);
    if (rows->file_count > 0)
        qsort(rows->files, rows->file_count, sizeof *rows->files, by_number);
    return true;
}

static enum status open_log(struct log_rows_file *log, int directory)
{
    char name[FILE_NAME_MAX];
    struct stat about;

    (void)snprintf(name, sizeof name, "%06llu.log", (unsigned long long)log->number);
    log->file = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (log->file < 0)
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
    if (fstat(log->file, &about) != 0)
        return STATUS_IO;
    log->size = (uint64_t)about.st_size;
    return STATUS_OK;
}

/* None is opened before all are listed: the oldest is removed first, so if that one is still there
 * none has gone before it could be listed. */
enum status log_rows_open(struct log_rows *rows, int directory, uint64_t first_number)
{
    enum status status = STATUS_OK;

    if (!list_logs(rows, directory, first_number))
        return STATUS_IO;
    if (rows->file_count == 0 || rows->files[0].number != first_number)
        return STATUS_NOT_FOUND;
    for (size_t i = 0; i < rows->file_count && status == STATUS_OK; i++)
        status = open_log(&rows->files[i], directory);
    return status;
}

/* ---------- what they hold ---------- */

/* Rows that rise are one run, whatever batches they come in. */
struct stretch {
    struct log_rows *rows;
    struct buffer block;
    size_t last; /* where its last row begins */
};

static void end_stretch(struct stretch *stretch)
{
    struct log_rows *rows = stretch->rows;

    if (stretch->block.size == 0)
        return;
    rows->blocks =
        xgrow(rows->blocks, rows->run_count, &rows->block_capacity, sizeof *rows->blocks);
    rows->runs = xgrow(rows->runs, rows->run_count, &rows->run_capacity, sizeof(struct run *));
    rows->blocks[rows->run_count] = stretch->block;
    rows->runs[rows->run_count++] = run_of_block(buffer_view(&stretch->block));
    stretch->block = (struct buffer){0};
}

static void add_row(struct stretch *stretch, struct bytes key, struct bytes value, bool is_deleted)
{
    if (stretch->block.size > 0 &&
        bytes_compare(row_key(stretch->block.data + stretch->last), key) >= 0)
        end_stretch(stretch);
    stretch->last = stretch->block.size;
    if (is_deleted)
        rows_delete(&stretch->block, key);
    else
        rows_put(&stretch->block, key, value);
}

static bool add_batch(struct stretch *stretch, struct bytes batch)
{
    struct bytes key, value = {"", 0};
    uint8_t type;

    if (batch.size < BATCH_HEAD)
        return false;
    (void)wire_take(&batch, BATCH_HEAD);
    while (batch.size > 0) {
        if (!wire_read_u8(&batch, &type) || type > TABLE_TYPE_VALUE ||
            !wire_read_bytes(&batch, &key) ||
            (type == TABLE_TYPE_VALUE && !wire_read_bytes(&batch, &value)))
            return false;
        add_row(stretch, key, value, type == TABLE_TYPE_DELETED);
    }
    return true;
}

/* *end is behind the last record that is whole. */
static enum status read_batches(struct stretch *stretch, struct bytes log, size_t *end)
{
    struct buffer record = {0};
    enum status status = STATUS_OK;

    *end = 0;
    for (size_t next = 0; status == STATUS_OK && log_file_read(log, &next, &record); *end = next) {
        if (!add_batch(stretch, buffer_view(&record)))
            status = STATUS_CORRUPT;
        process_give_way();
    }
    buffer_clear(&record);
    return status;
}

static enum status read_log(struct stretch *stretch, const struct log_rows_file *log,
                            bool is_newest)
{
    enum status status;
    size_t end;
    void *data;

    if (log->size == 0)
        return STATUS_OK;
    data = mmap(NULL, (size_t)log->size, PROT_READ, MAP_SHARED, log->file, 0);
    if (data == MAP_FAILED)
        return STATUS_IO;
    status = read_batches(stretch, (struct bytes){data, (size_t)log->size}, &end);
    munmap(data, (size_t)log->size);
    return status == STATUS_OK && end < log->size && !is_newest ? STATUS_CORRUPT : status;
}

enum status log_rows_read(struct log_rows *rows)
{
    struct stretch stretch = {.rows = rows};
    enum status status = STATUS_OK;

    for (size_t i = 0; i < rows->file_count && status == STATUS_OK; i++)
        status = read_log(&stretch, &rows->files[i], i + 1 == rows->file_count);
    end_stretch(&stretch);
    return status;
}

void log_rows_clear(struct log_rows *rows)
{
    for (size_t i = 0; i < rows->file_count; i++)
        if (rows->files[i].file >= 0)
            close(rows->files[i].file);
    for (size_t i = 0; i < rows->run_count; i++) {
        run_release(rows->runs[i]);
        buffer_clear(&rows->blocks[i]);
    }
    free(rows->files);
    free(rows->runs);
    free(rows->blocks);
    *rows = (struct log_rows){0};
}
