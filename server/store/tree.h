/* tree.h - LevelDB, through its C API: sorted tables on disk, and what is on its way there.
 *
 * tree.c is the only file that knows LevelDB's interface; table.c, table_reader.c, tables.c and
 * manifest.c know its files.  Keys are ordered by their bytes.  engine.h says who calls what, and
 * stands in front.
 */
#ifndef STORE_TREE_H
#define STORE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "store/levels.h"

#define TREE_ERROR_MAX 512

struct run;
struct tables;
struct tree;
struct tree_batch;
struct tree_iterator;

/* As engine_open(). */
enum status tree_open(const char *directory, bool compresses, struct tree **tree,
                      bool *was_repaired, char error[TREE_ERROR_MAX]) MUST_USE;
void tree_close(struct tree *tree);
const char *tree_directory(const struct tree *tree);
/* How often LevelDB was opened: whenever it was, all rows are in tables. */
unsigned long tree_openings(const struct tree *tree);
/* Of what LevelDB gathers in memory before it writes a table. */
size_t tree_write_buffer_size(const struct tree *tree);

/* STATUS_OK and a value that the caller gives back by tree_free(), or STATUS_NOT_FOUND. */
enum status tree_get(struct tree *tree, struct bytes key, struct bytes *value) MUST_USE;
void tree_free(struct bytes value);

struct tree_batch *tree_batch_create(void);
void tree_batch_destroy(struct tree_batch *batch);
void tree_batch_put(struct tree_batch *batch, struct bytes key, struct bytes value);
void tree_batch_delete(struct tree_batch *batch, struct bytes key);
void tree_batch_clear(struct tree_batch *batch);
/* Bytes of all keys and values put so far. */
size_t tree_batch_size(const struct tree_batch *batch);

/* Whole or not at all.  May wait for compaction.  On disk it is after tree_sync_logs(), or when
 * LevelDB has made a table of it.  After a failure tree_reopen() comes first. */
enum status tree_write(struct tree *tree, struct tree_batch *batch) MUST_USE;
enum status tree_sync_logs(struct tree *tree) MUST_USE;

/* What the last failure was, for people. */
void tree_error(struct tree *tree, char error[TREE_ERROR_MAX]);

/* Is there room again for what reopening writes, and `more`?  Tried with a real file. */
bool tree_has_space(struct tree *tree, uint64_t more);

/* These close and open again: nobody may be inside any other call.  If that fails, it stays closed
 * and tree_reopen() may be tried. */
enum status tree_reopen(struct tree *tree) MUST_USE;
enum status tree_wipe(struct tree *tree) MUST_USE;
/* See tables.h. */
struct tables *tree_create_tables(const struct tree *tree, uint64_t last_sequence);
enum status tree_install_tables(struct tree *tree, struct tables *tables,
                                const struct run *rows) MUST_USE;

/* A consistent view as of now. */
struct tree_iterator *tree_iterate(struct tree *tree);
void tree_iterator_destroy(struct tree_iterator *iterator);
void tree_iterator_seek(struct tree_iterator *iterator, struct bytes key);
void tree_iterator_next(struct tree_iterator *iterator);
/* To the last one if it stood behind it. */
void tree_iterator_previous(struct tree_iterator *iterator);
bool tree_iterator_is_valid(const struct tree_iterator *iterator);
struct bytes tree_iterator_key(const struct tree_iterator *iterator);
struct bytes tree_iterator_value(const struct tree_iterator *iterator);
enum status tree_iterator_status(struct tree_iterator *iterator) MUST_USE;

void tree_compact(struct tree *tree, struct bytes from, struct bytes to);
/* Since it was opened; reopening changes nothing of that. */
struct tree_statistics {
    int64_t log_bytes;  /* written to logs */
    int64_t disk_bytes; /* of tables and logs, now */
    struct levels levels;
};

/* Any thread. */
void tree_statistics(struct tree *tree, struct tree_statistics *statistics);

/* LevelDB's property of that name; the caller frees, NULL if there is none. */
char *tree_take_property(struct tree *tree, const char *name);

#endif
