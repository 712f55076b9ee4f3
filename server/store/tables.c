#include "store/tables.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/file_writer.h"
#include "store/manifest.h"
#include "store/rows.h"
#include "store/run.h"
#include "store/table.h"
#include "store/table_check.h"

#define SUFFIX        ".loading" /* LevelDB takes no notice of such files */
#define FILE_NAME_MAX 40
#define PIECE_SIZE    ((size_t)512 << 10) /* is handed to the writer at once */
#define SEQUENCE_MAX  (UINT64_MAX >> 9)   /* half of what LevelDB counts to: it is to go on */

/* What goes into the manifest. */
struct file {
    size_t place; /* in the order of their beginning, by which its file is called */
    int level;
    uint64_t size;
    struct buffer smallest, largest; /* as they stand in files */
};

struct tables {
    int directory;
    bool compresses;
    struct file *files; /* the newer, the later (T1) */
    size_t count, capacity, places;
    struct file_writer *writer;
    struct buffer piece; /* of the file that is being received */
    int receiving;       /* -1: none */
    uint64_t missing;    /* bytes of it that have not come yet */
    uint64_t last_sequence;
    struct table *rows; /* that are in no file; NULL: none has come, or all have */
    struct file rows_file;
    int rows_descriptor;    /* the writer's once they have ended */
    struct buffer last_key; /* of these */
    bool is_installed;
};

/* ---------- files ---------- */

static void name_loading(char name[FILE_NAME_MAX], size_t place)
{
    (void)snprintf(name, FILE_NAME_MAX, "%06zu" SUFFIX, place);
}

static void name_table(char name[FILE_NAME_MAX], uint64_t number)
{
    (void)snprintf(name, FILE_NAME_MAX, "%06llu.ldb", (unsigned long long)number);
}

struct tables *tables_create(const char *directory, bool compresses, uint64_t last_sequence)
{
    struct tables *tables = xcalloc(1, sizeof *tables);

    tables->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    tables->compresses = compresses;
    tables->receiving = -1;
    tables->last_sequence = last_sequence;
    tables->writer = file_writer_create(table_is_sound);
    return tables;
}

static void forget_file(const struct tables *tables, struct file *file)
{
    char name[FILE_NAME_MAX];

    name_loading(name, file->place);
    if (!tables->is_installed)
        (void)unlinkat(tables->directory, name, 0);
    buffer_clear(&file->smallest);
    buffer_clear(&file->largest);
}

void tables_destroy(struct tables *tables)
{
    if (tables == NULL)
        return;
    file_writer_destroy(tables->writer);
    if (tables->receiving >= 0)
        close(tables->receiving);
    if (tables->rows != NULL) {
        close(tables->rows_descriptor);
        forget_file(tables, &tables->rows_file);
    }
    table_destroy(tables->rows);
    for (size_t i = 0; i < tables->count; i++)
        forget_file(tables, &tables->files[i]);
    free(tables->files);
    buffer_clear(&tables->piece);
    buffer_clear(&tables->last_key);
    if (tables->directory >= 0)
        close(tables->directory);
    free(tables);
}

/* -1: it can't be made. */
static int create_file(struct tables *tables, struct file *file)
{
    char name[FILE_NAME_MAX];

    file->place = tables->places++;
    name_loading(name, file->place);
    return openat(tables->directory, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static void list_file(struct tables *tables, struct file file)
{
    tables->files = xgrow(tables->files, tables->count, &tables->capacity, sizeof *tables->files);
    tables->files[tables->count++] = file;
}

/* ---------- rows ---------- */

static enum status begin_rows(struct tables *tables)
{
    if (tables->last_sequence >= SEQUENCE_MAX)
        return STATUS_CORRUPT;
    tables->rows_descriptor = create_file(tables, &tables->rows_file);
    if (tables->rows_descriptor < 0)
        return STATUS_IO;
    tables->last_sequence++;
    tables->rows = table_create(tables->writer, tables->rows_descriptor, tables->compresses);
    return STATUS_OK;
}

/* They all have the same sequence number, above what there was. */
static enum status put_row(struct tables *tables, struct bytes key, struct bytes value,
                           bool is_deleted)
{
    bool is_first = tables->rows == NULL;
    enum status status = is_first ? begin_rows(tables) : STATUS_OK;
    uint64_t tag = table_tag(tables->last_sequence, is_deleted);

    if (status != STATUS_OK)
        return status;
    if (is_first)
        table_append_key(&tables->rows_file.smallest, key, tag);
    else if (bytes_compare(buffer_view(&tables->last_key), key) >= 0)
        return STATUS_CORRUPT;
    table_put(tables->rows, key, tag, value);
    tables->rows_file.largest.size = tables->last_key.size = 0;
    table_append_key(&tables->rows_file.largest, key, tag);
    buffer_append_bytes(&tables->last_key, key);
    return STATUS_OK;
}

enum status tables_put(struct tables *tables, struct bytes key, struct bytes value, bool is_deleted)
{
    return tables->count > 0 ? STATUS_CORRUPT : put_row(tables, key, value, is_deleted);
}

/* T1: it is listed behind what was listed before. */
static enum status end_rows(struct tables *tables)
{
    if (tables->rows == NULL)
        return STATUS_OK;
    table_finish(tables->rows);
    tables->rows_file.size = table_size(tables->rows);
    table_destroy(tables->rows);
    tables->rows = NULL;
    list_file(tables, tables->rows_file);
    tables->rows_file = (struct file){0};
    return file_writer_status(tables->writer);
}

/* ---------- files that come ---------- */

static bool is_key(struct bytes stored)
{
    return stored.size >= TABLE_TRAILER_SIZE;
}

enum status tables_begin_file(struct tables *tables, int level, uint64_t size,
                              struct bytes smallest, struct bytes largest)
{
    struct file file = {.level = level, .size = size};

    if (tables->receiving >= 0 || level < 0 || level >= MANIFEST_LEVELS || size == 0 ||
        !is_key(smallest) || !is_key(largest))
        return STATUS_CORRUPT;
    tables->receiving = create_file(tables, &file);
    if (tables->receiving < 0)
        return STATUS_IO;
    tables->missing = size;
    buffer_append_bytes(&file.smallest, smallest);
    buffer_append_bytes(&file.largest, largest);
    list_file(tables, file);
    return STATUS_OK;
}

enum status tables_add(struct tables *tables, struct bytes bytes)
{
    bool is_end = bytes.size == tables->missing;

    if (tables->receiving < 0 || bytes.size > tables->missing)
        return STATUS_CORRUPT;
    buffer_append_bytes(&tables->piece, bytes);
    tables->missing -= bytes.size;
    if (tables->piece.size < PIECE_SIZE && !is_end)
        return STATUS_OK;
    file_writer_put(tables->writer, tables->receiving, &tables->piece, is_end);
    if (is_end)
        tables->receiving = -1;
    return file_writer_status(tables->writer);
}

enum status tables_finish(struct tables *tables)
{
    enum status status = tables->receiving >= 0 ? STATUS_CORRUPT : end_rows(tables);

    return status == STATUS_OK ? file_writer_finish(tables->writer) : status;
}

/* ---------- becoming the database ---------- */

static enum status name_files(struct tables *tables, uint64_t first_number)
{
    char from[FILE_NAME_MAX], to[FILE_NAME_MAX];

    for (size_t i = 0; i < tables->count; i++) {
        name_loading(from, tables->files[i].place);
        name_table(to, first_number + i);
        if (renameat(tables->directory, from, tables->directory, to) != 0)
            return STATUS_IO;
    }
    return STATUS_OK;
}

/* Nothing names the files that have got their names: they would take up the disk until LevelDB can
 * be opened, for which there may be no room then. */
static void unname_files(struct tables *tables, uint64_t first_number)
{
    char name[FILE_NAME_MAX];

    for (size_t i = 0; i < tables->count; i++) {
        name_table(name, first_number + i);
        (void)unlinkat(tables->directory, name, 0);
    }
}

static void list_files(const struct tables *tables, uint64_t first_number,
                       struct manifest *manifest)
{
    for (size_t i = 0; i < tables->count; i++) {
        const struct file *file = &tables->files[i];

        manifest_add(manifest, file->level, first_number + i, file->size,
                     buffer_view(&file->smallest), buffer_view(&file->largest));
    }
}

/* The manifest takes the number behind the files. */
static enum status install(struct tables *tables)
{
    struct manifest manifest = {0};
    uint64_t first_number, number;
    enum status status = manifest_free_number(tables->directory, &first_number);

    if (status != STATUS_OK)
        return status;
    number = first_number + tables->count;
    manifest_begin(&manifest, number, tables->last_sequence);
    list_files(tables, first_number, &manifest);
    status = name_files(tables, first_number);
    if (status == STATUS_OK)
        status = manifest_install(&manifest, tables->directory, number);
    if (status != STATUS_OK && manifest_take_back(tables->directory, number))
        unname_files(tables, first_number);
    manifest_clear(&manifest);
    tables->is_installed = status == STATUS_OK;
    return status;
}

enum status tables_install(struct tables *tables, const struct run *rows)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < rows->count && status == STATUS_OK; i++)
        status = put_row(tables, row_key(rows->rows[i]), row_value(rows->rows[i]),
                         row_is_deleted(rows->rows[i]));
    if (status == STATUS_OK)
        status = tables_finish(tables);
    return status == STATUS_OK ? install(tables) : status;
}

enum status tables_clean(const char *directory)
{
    DIR *list = opendir(directory);
    struct dirent *file;

    if (list == NULL)
        return STATUS_IO;
    while ((file = readdir(list)) != NULL) {
        const char *dot = strrchr(file->d_name, '.');

        if (dot != NULL && strcmp(dot, SUFFIX) == 0)
            (void)unlinkat(dirfd(list), file->d_name, 0);
    }
    closedir(list);
    return STATUS_OK;
}
