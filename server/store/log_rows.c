#include "store/log_rows.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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

#define BATCH_HEAD 12

/* ---------- the files ---------- */

static enum status open_log(struct log_rows *rows, int directory, const char *name, uint64_t number)
{
    struct log_rows_file log = {.file = openat(directory, name, O_RDONLY | O_CLOEXEC),
                                .number = number};
    struct stat about;

    if (log.file < 0)
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
    rows->files = xgrow(rows->files, rows->file_count, &rows->file_capacity, sizeof *rows->files);
    if (fstat(log.file, &about) == 0)
        log.size = (uint64_t)about.st_size;
    rows->files[rows->file_count++] = log;
    return STATUS_OK;
}

static int by_number(const void *left, const void *right)
{
    const struct log_rows_file *a = left, *b = right;

    return a->number < b->number ? -1 : a->number > b->number;
}

enum status log_rows_open(struct log_rows *rows, int directory, uint64_t first_number)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    enum status status = STATUS_OK;
    bool has_first = false;
    struct dirent *file;
    uint64_t number;

    if (list == NULL) {
        if (copy >= 0)
            close(copy);
        return STATUS_IO;
    }
    while (status == STATUS_OK && (file = readdir(list)) != NULL) {
        if (!log_file_is_log(file->d_name, &number) || number < first_number)
            continue;
        has_first |= number == first_number;
        status = open_log(rows, dirfd(list), file->d_name, number);
    }
    closedir(list);
    if (status == STATUS_OK && !has_first)
        return STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        qsort(rows->files, rows->file_count, sizeof *rows->files, by_number);
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

static enum status read_batches(struct stretch *stretch, struct bytes log)
{
    struct buffer record = {0};
    enum status status = STATUS_OK;
    size_t position = 0;

    while (status == STATUS_OK && log_file_read(log, &position, &record)) {
        if (!add_batch(stretch, buffer_view(&record)))
            status = STATUS_CORRUPT;
        process_give_way();
    }
    buffer_clear(&record);
    return status;
}

static enum status read_log(struct stretch *stretch, const struct log_rows_file *log)
{
    enum status status;
    void *data;

    if (log->size == 0)
        return STATUS_OK;
    data = mmap(NULL, (size_t)log->size, PROT_READ, MAP_SHARED, log->file, 0);
    if (data == MAP_FAILED)
        return STATUS_IO;
    status = read_batches(stretch, (struct bytes){data, (size_t)log->size});
    munmap(data, (size_t)log->size);
    return status;
}

enum status log_rows_read(struct log_rows *rows)
{
    struct stretch stretch = {.rows = rows};
    enum status status = STATUS_OK;

    for (size_t i = 0; i < rows->file_count && status == STATUS_OK; i++)
        status = read_log(&stretch, &rows->files[i]);
    end_stretch(&stretch);
    return status;
}

void log_rows_clear(struct log_rows *rows)
{
    for (size_t i = 0; i < rows->file_count; i++)
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
