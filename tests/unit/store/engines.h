/* engines.h - engines in temporary directories, on what they take for a small disk: a stage has 128
 * KiB and LevelDB makes a table of each MiB, so that little data is moved, flushed and compacted
 * often; and what one holds put into another, as a new node gets it. */
#ifndef UNIT_STORE_ENGINES_H
#define UNIT_STORE_ENGINES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buffer.h"
#include "store/checkpoint.h"
#include "store/engine.h"
#include "store/keyspace.h"
#include "store/rows.h"
#include "store/run.h"
#include "store/tables.h"
#include "unit/test.h"

#define SMALL_DISK (64u << 20)

/* In place of libc's. */
int statvfs(const char *path, struct statvfs *disk)
{
    (void)path;
    *disk = (struct statvfs){.f_frsize = 1, .f_blocks = SMALL_DISK};
    return 0;
}

struct home {
    char directory[64];
    struct engine *engine;
};

static inline void home_open(struct home *home)
{
    char error[ENGINE_ERROR_MAX];
    bool was_repaired;

    assert_int_equal(engine_open(home->directory, false, &home->engine, &was_repaired, error),
                     STATUS_OK);
    assert_false(was_repaired);
}

static inline void home_create(struct home *home)
{
    strcpy(home->directory, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(home->directory));
    home_open(home);
}

static inline void home_reopen(struct home *home)
{
    engine_close(home->engine);
    home_open(home);
}

static inline void home_destroy(struct home *home)
{
    char command[128];

    engine_close(home->engine);
    (void)snprintf(command, sizeof command, "rm -rf %s", home->directory);
    assert_int_equal(system(command), 0);
}

/* No value: it is deleted. */
static inline void home_write(struct home *home, struct bytes key, const char *value)
{
    struct engine_batch *batch = engine_batch_create();

    if (value == NULL)
        engine_batch_delete(batch, key);
    else
        engine_batch_put(batch, key, bytes_of(value));
    assert_int_equal(engine_write(home->engine, batch, true), STATUS_OK);
    engine_batch_destroy(batch);
}

static inline bool home_has(const struct home *home, struct bytes key, struct bytes expected)
{
    struct bytes value;
    enum status status = engine_get(home->engine, key, &value);
    bool is_equal = status == STATUS_OK && bytes_equal(value, expected);

    if (status == STATUS_OK)
        engine_free(value);
    return is_equal;
}

static inline bool home_lacks(const struct home *home, struct bytes key)
{
    struct bytes value;
    enum status status = engine_get(home->engine, key, &value);

    if (status == STATUS_OK)
        engine_free(value);
    return status == STATUS_NOT_FOUND;
}

static inline size_t home_count_rows(const struct home *home)
{
    struct engine_iterator *iterator = engine_iterate(home->engine);
    size_t count = 0;

    for (engine_iterator_seek(iterator, bytes_of("")); engine_iterator_is_valid(iterator);
         engine_iterator_next(iterator))
        count += !bytes_equal(engine_iterator_key(iterator), keyspace_moved());
    assert_int_equal(engine_iterator_status(iterator), STATUS_OK);
    engine_iterator_destroy(iterator);
    return count;
}

/* ---------- from one to another ---------- */

static inline void checkpoint_read_table(const struct checkpoint_table *table,
                                         struct buffer *contents)
{
    contents->size = 0;
    assert_int_equal(
        pread(table->file, buffer_reserve(contents, table->size + 1), table->size + 1, 0),
        table->size);
    contents->size = table->size;
}

/* In unequal pieces. */
static inline enum status tables_take_file(struct tables *tables, int level, struct bytes contents,
                                           struct bytes smallest, struct bytes largest)
{
    enum status status = tables_begin_file(tables, level, contents.size, smallest, largest);

    for (size_t size = 1; contents.size > 0 && status == STATUS_OK; size = size * 3 % 700001)
        status =
            tables_add(tables, wire_take(&contents, size < contents.size ? size : contents.size));
    return status;
}

static inline enum status tables_take_rows(struct tables *tables, const struct run *rows)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < rows->count && status == STATUS_OK; i++)
        status = tables_put(tables, row_key(rows->rows[i]), row_value(rows->rows[i]),
                            row_is_deleted(rows->rows[i]));
    return status;
}

static inline enum status tables_take_files(struct tables *tables,
                                            const struct checkpoint *checkpoint)
{
    struct buffer contents = {0};
    enum status status = STATUS_OK;

    for (size_t i = 0; i < checkpoint_table_count(checkpoint) && status == STATUS_OK; i++) {
        const struct checkpoint_table *table = checkpoint_table(checkpoint, i);

        checkpoint_read_table(table, &contents);
        status = tables_take_file(tables, table->level, buffer_view(&contents), table->smallest,
                                  table->largest);
    }
    buffer_clear(&contents);
    return status;
}

static inline struct tables *home_try_take(struct home *home, const struct checkpoint *checkpoint,
                                           enum status *status)
{
    struct tables *tables = engine_create_tables(home->engine, checkpoint_sequence(checkpoint));

    *status = STATUS_OK;
    if (checkpoint_rows(checkpoint) != NULL)
        *status = tables_take_rows(tables, checkpoint_rows(checkpoint));
    if (*status == STATUS_OK)
        *status = tables_take_files(tables, checkpoint);
    if (*status == STATUS_OK)
        *status = tables_finish(tables);
    return tables;
}

static inline struct tables *home_take(struct home *home, const struct checkpoint *checkpoint)
{
    enum status status;
    struct tables *tables = home_try_take(home, checkpoint, &status);

    assert_int_equal(status, STATUS_OK);
    return tables;
}

static inline void home_install(struct home *home, const struct checkpoint *checkpoint)
{
    struct tables *tables = home_take(home, checkpoint);
    struct engine_batch *rows = engine_batch_create();

    assert_int_equal(engine_install_tables(home->engine, tables, rows), STATUS_OK);
    engine_batch_destroy(rows);
    tables_destroy(tables);
}

static inline struct checkpoint *home_checkpoint(struct home *home)
{
    struct checkpoint *checkpoint;

    assert_int_equal(engine_checkpoint(home->engine, &checkpoint), STATUS_OK);
    return checkpoint;
}

#endif
