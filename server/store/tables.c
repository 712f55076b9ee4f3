#include "store/tables.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/file_writer.h"
#include "store/manifest.h"
#include "store/table.h"

#define SUFFIX        ".loading" /* LevelDB takes no notice of such files */
#define FILE_NAME_MAX 40
#define CUTS_MAX      64 /* T2 */

struct file {
    struct buffer smallest, largest; /* as they stand in files */
    uint64_t size;
    int file;            /* -1: it is the writer's */
    struct table *table; /* NULL = it has ended */
};

/* Where rows go on that come in order. */
struct run {
    struct file *file;  /* NULL = none has begun */
    struct bytes bound; /* where the next file begins; NULL data = there is none */
};

struct tables {
    int directory;
    uint64_t file_size;
    struct file **files;
    size_t count, capacity;
    struct run runs[TABLES_RUNS];
    struct file_writer *writer;
    int cuts; /* files that ended early */
    bool compresses;
    bool is_installed;
};

/* ---------- building ---------- */

static void name_loading(char name[FILE_NAME_MAX], size_t number)
{
    (void)snprintf(name, FILE_NAME_MAX, "%06zu" SUFFIX, number);
}

static void name_table(char name[FILE_NAME_MAX], uint64_t number)
{
    (void)snprintf(name, FILE_NAME_MAX, "%06llu.ldb", (unsigned long long)number);
}

struct tables *tables_create(const char *directory, uint64_t file_size, bool compresses)
{
    struct tables *tables = xcalloc(1, sizeof *tables);

    tables->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    tables->file_size = file_size;
    tables->compresses = compresses;
    tables->writer = file_writer_create();
    return tables;
}

static void forget_file(struct tables *tables, size_t number)
{
    struct file *file = tables->files[number];
    char name[FILE_NAME_MAX];

    name_loading(name, number);
    if (!tables->is_installed)
        (void)unlinkat(tables->directory, name, 0);
    if (file->file >= 0)
        close(file->file);
    table_destroy(file->table);
    buffer_clear(&file->smallest);
    buffer_clear(&file->largest);
    free(file);
}

void tables_destroy(struct tables *tables)
{
    if (tables == NULL)
        return;
    file_writer_destroy(tables->writer);
    for (size_t i = 0; i < tables->count; i++)
        forget_file(tables, i);
    free(tables->files);
    if (tables->directory >= 0)
        close(tables->directory);
    free(tables);
}

static struct bytes key_in(const struct buffer *stored)
{
    return (struct bytes){stored->data, stored->size - TABLE_TRAILER_SIZE};
}

static struct bytes last_key(const struct file *file)
{
    return file->table != NULL ? table_last_key(file->table) : key_in(&file->largest);
}

/* Where the first file behind the key begins. */
static struct bytes next_beginning(const struct tables *tables, struct bytes key)
{
    struct bytes next = {NULL, 0};

    for (size_t i = 0; i < tables->count; i++) {
        struct bytes smallest = key_in(&tables->files[i]->smallest);

        if (bytes_compare(smallest, key) > 0 &&
            (next.data == NULL || bytes_compare(smallest, next) < 0))
            next = smallest;
    }
    return next;
}

static bool is_inside(const struct file *file, struct bytes key)
{
    return bytes_compare(key, key_in(&file->smallest)) >= 0 &&
           bytes_compare(key, last_key(file)) <= 0;
}

/* Does it go behind the last key of the run's file? */
static bool follows(const struct run *run, struct bytes key)
{
    return run->file != NULL && bytes_compare(key, last_key(run->file)) > 0 &&
           (run->bound.data == NULL || bytes_compare(key, run->bound) < 0);
}

bool tables_takes(const struct tables *tables, enum tables_run run, struct bytes key)
{
    if (follows(&tables->runs[run], key))
        return true;
    if (tables->cuts >= CUTS_MAX)
        return false;
    for (size_t i = 0; i < tables->count; i++)
        if (is_inside(tables->files[i], key))
            return false;
    return true;
}

static enum status begin_file(struct tables *tables, struct run *run, struct bytes key)
{
    char name[FILE_NAME_MAX];
    struct file *file;
    int opened;

    name_loading(name, tables->count);
    opened = openat(tables->directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (opened < 0)
        return STATUS_IO;
    if (tables->count == tables->capacity) {
        tables->capacity = tables->capacity == 0 ? 16 : tables->capacity * 2;
        tables->files = xrealloc(tables->files, tables->capacity * sizeof *tables->files);
    }
    file = tables->files[tables->count++] = xcalloc(1, sizeof *file);
    *file = (struct file){.file = opened,
                          .table = table_create(tables->writer, opened, tables->compresses)};
    table_append_key(&file->smallest, key);
    run->file = file;
    return STATUS_OK;
}

/* A file has begun: where do those end that are being written? */
static void find_bounds(struct tables *tables)
{
    for (size_t i = 0; i < TABLES_RUNS; i++) {
        struct run *run = &tables->runs[i];

        if (run->file != NULL)
            run->bound = next_beginning(tables, key_in(&run->file->smallest));
    }
}

/* It is on disk a while later. */
static enum status end_file(struct tables *tables, struct run *run)
{
    struct file *file = run->file;

    table_append_key(&file->largest, table_last_key(file->table));
    table_finish(file->table);
    file->size = table_size(file->table);
    file->file = -1;
    table_destroy(file->table);
    file->table = NULL;
    run->file = NULL;
    return file_writer_status(tables->writer);
}

enum status tables_put(struct tables *tables, enum tables_run number, struct bytes key,
                       struct bytes value)
{
    struct run *run = &tables->runs[number];
    bool is_cut = run->file != NULL && !follows(run, key);
    enum status status = STATUS_OK;

    tables->cuts += is_cut;
    if (is_cut || (run->file != NULL && table_size(run->file->table) >= tables->file_size))
        status = end_file(tables, run);
    if (status != STATUS_OK)
        return status;
    if (run->file == NULL) {
        status = begin_file(tables, run, key);
        if (status != STATUS_OK)
            return status;
        table_put(run->file->table, key, value);
        find_bounds(tables);
        return STATUS_OK;
    }
    table_put(run->file->table, key, value);
    return STATUS_OK;
}

enum status tables_finish(struct tables *tables)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < TABLES_RUNS && status == STATUS_OK; i++)
        if (tables->runs[i].file != NULL)
            status = end_file(tables, &tables->runs[i]);
    return status == STATUS_OK ? file_writer_finish(tables->writer) : status;
}

uint64_t tables_size(const struct tables *tables)
{
    uint64_t size = 0;

    for (size_t i = 0; i < tables->count; i++)
        size += tables->files[i]->size;
    return size;
}

/* ---------- making them part of the database ---------- */

static bool has_room(const struct tables *tables, const struct manifest *manifest, int level)
{
    for (size_t i = 0; i < tables->count; i++)
        if (manifest_overlaps(manifest, level, key_in(&tables->files[i]->smallest),
                              key_in(&tables->files[i]->largest)))
            return false;
    return true;
}

/* -1: there is none. */
static int choose_level(const struct tables *tables, const struct manifest *manifest, int level)
{
    while (level < MANIFEST_LEVELS && !has_room(tables, manifest, level))
        level++;
    return level < MANIFEST_LEVELS ? level : -1;
}

static enum status name_files(struct tables *tables, uint64_t first_number)
{
    char from[FILE_NAME_MAX], to[FILE_NAME_MAX];

    for (size_t i = 0; i < tables->count; i++) {
        name_loading(from, i);
        name_table(to, first_number + i);
        if (renameat(tables->directory, from, tables->directory, to) != 0)
            return STATUS_IO;
    }
    return STATUS_OK;
}

static enum status extend(struct tables *tables, int level, uint64_t first_number,
                          struct manifest *manifest)
{
    enum status status;

    level = choose_level(tables, manifest, level);
    if (level < 0)
        return STATUS_IO;
    status = name_files(tables, first_number);
    for (size_t i = 0; i < tables->count && status == STATUS_OK; i++) {
        const struct file *file = tables->files[i];

        manifest_add(manifest, level, first_number + i, file->size, buffer_view(&file->smallest),
                     buffer_view(&file->largest));
    }
    return status;
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

/* The manifest takes the number behind the files. */
static enum status install(struct tables *tables, int level, bool is_alone)
{
    struct manifest manifest = {0};
    uint64_t first_number, number;
    enum status status = manifest_free_number(tables->directory, &first_number);

    if (status != STATUS_OK)
        return status;
    number = first_number + tables->count;
    if (is_alone)
        manifest_begin(&manifest, number);
    else
        status = manifest_read(&manifest, tables->directory);
    if (status == STATUS_OK)
        status = extend(tables, level, first_number, &manifest);
    if (status == STATUS_OK)
        status = manifest_install(&manifest, tables->directory, number);
    if (status != STATUS_OK && manifest_take_back(tables->directory, number))
        unname_files(tables, first_number);
    manifest_clear(&manifest);
    tables->is_installed = status == STATUS_OK;
    return status;
}

enum status tables_install(struct tables *tables, int level)
{
    return tables->count == 0 ? STATUS_OK : install(tables, level, false);
}

enum status tables_install_alone(struct tables *tables, int level)
{
    return install(tables, level, true);
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
