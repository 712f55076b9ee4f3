#include "store/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/engine_internal.h"
#include "store/log_rows.h"
#include "store/manifest.h"
#include "store/run.h"

#define FILE_NAME_MAX 40
#define ATTEMPTS_MAX  10 /* H2: so often LevelDB may remove a file before it is opened */

struct checkpoint {
    struct manifest manifest;
    struct checkpoint_table *tables;
    size_t table_count;
    struct engine_views views;
    struct log_rows logged;
    struct run *rows;
};

/* ---------- files ---------- */

static int by_number(const void *left, const void *right)
{
    const struct checkpoint_table *a = left, *b = right;

    return a->number < b->number ? -1 : a->number > b->number;
}

static void close_tables(struct checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->table_count; i++)
        if (checkpoint->tables[i].file >= 0)
            close(checkpoint->tables[i].file);
    free(checkpoint->tables);
    checkpoint->tables = NULL;
    checkpoint->table_count = 0;
}

/* STATUS_NOT_FOUND: it is gone (H2). */
static enum status open_table(int directory, struct checkpoint_table *table)
{
    char name[FILE_NAME_MAX];

    (void)snprintf(name, sizeof name, "%06llu.ldb", (unsigned long long)table->number);
    table->file = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (table->file >= 0)
        return STATUS_OK;
    return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
}

static enum status open_tables(struct checkpoint *checkpoint, int directory)
{
    const struct manifest *manifest = &checkpoint->manifest;
    enum status status = STATUS_OK;

    checkpoint->tables = xcalloc(manifest->count + 1, sizeof *checkpoint->tables);
    for (size_t i = 0; i < manifest->count && status == STATUS_OK; i++) {
        const struct manifest_file *file = &manifest->files[i];
        struct checkpoint_table *table = &checkpoint->tables[checkpoint->table_count++];

        *table = (struct checkpoint_table){.level = file->level,
                                           .number = file->number,
                                           .size = file->size,
                                           .smallest = buffer_view(&file->smallest),
                                           .largest = buffer_view(&file->largest)};
        status = open_table(directory, table);
    }
    qsort(checkpoint->tables, checkpoint->table_count, sizeof *checkpoint->tables, by_number);
    return status;
}

/* What the manifest says by now, all of it held open. */
static enum status try_files(struct checkpoint *checkpoint, int directory)
{
    bool changed;
    enum status status = manifest_follow(&checkpoint->manifest, directory, &changed);

    if (status == STATUS_OK)
        status = open_tables(checkpoint, directory);
    if (status == STATUS_OK)
        status = log_rows_open(&checkpoint->logged, directory, checkpoint->manifest.log_number);
    return status;
}

static enum status open_files(struct checkpoint *checkpoint, const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum status status = STATUS_NOT_FOUND;

    if (directory < 0)
        return STATUS_IO;
    for (int i = 0; i < ATTEMPTS_MAX && status == STATUS_NOT_FOUND; i++) {
        close_tables(checkpoint);
        log_rows_clear(&checkpoint->logged);
        status = try_files(checkpoint, directory);
    }
    close(directory);
    return status == STATUS_NOT_FOUND ? STATUS_IO : status;
}

/* ---------- rows ---------- */

/* H3: the oldest first.  A view has its newest run first, and the active stage stands before the
 * frozen one. */
static struct run *merge_rows(const struct checkpoint *checkpoint)
{
    const struct engine_views *views = &checkpoint->views;
    size_t count = 0, capacity = checkpoint->logged.run_count;
    struct run **runs, *all;

    for (size_t i = 0; i < views->count; i++)
        capacity += views->views[i].count;
    runs = xcalloc(capacity + 1, sizeof *runs);
    for (; count < checkpoint->logged.run_count; count++)
        runs[count] = checkpoint->logged.runs[count];
    for (size_t i = views->count; i-- > 0;)
        for (size_t j = views->views[i].count; j-- > 0;)
            runs[count++] = views->views[i].runs[j];
    all = run_merge_all(runs, count);
    free(runs);
    return all;
}

/* ---------- the whole ---------- */

/* Under the write mutex: what is frozen may be moved meanwhile, but nothing else is (H1). */
static enum status hold(struct engine *engine, struct checkpoint *checkpoint)
{
    engine_open_views(engine, &checkpoint->views);
    return open_files(checkpoint, tree_directory(engine->tree));
}

enum status engine_checkpoint(struct engine *engine, struct checkpoint **checkpoint)
{
    struct checkpoint *made = xcalloc(1, sizeof *made);
    enum status status;

    pthread_mutex_lock(&engine->write_mutex);
    status = hold(engine, made);
    pthread_mutex_unlock(&engine->write_mutex);
    if (status == STATUS_OK)
        status = log_rows_read(&made->logged);
    if (status != STATUS_OK) {
        checkpoint_destroy(made);
        return status;
    }
    made->rows = merge_rows(made);
    *checkpoint = made;
    return STATUS_OK;
}

void checkpoint_drop_rows(struct checkpoint *checkpoint)
{
    if (checkpoint->rows != NULL)
        run_release(checkpoint->rows);
    checkpoint->rows = NULL;
    engine_close_views(&checkpoint->views);
    checkpoint->views.count = 0;
    log_rows_clear(&checkpoint->logged);
}

void checkpoint_destroy(struct checkpoint *checkpoint)
{
    if (checkpoint == NULL)
        return;
    checkpoint_drop_rows(checkpoint);
    close_tables(checkpoint);
    manifest_clear(&checkpoint->manifest);
    free(checkpoint);
}

size_t checkpoint_table_count(const struct checkpoint *checkpoint)
{
    return checkpoint->table_count;
}

const struct checkpoint_table *checkpoint_table(const struct checkpoint *checkpoint, size_t place)
{
    return &checkpoint->tables[place];
}

const struct run *checkpoint_rows(const struct checkpoint *checkpoint)
{
    return checkpoint->rows;
}

uint64_t checkpoint_sequence(const struct checkpoint *checkpoint)
{
    return checkpoint->manifest.last_sequence;
}
