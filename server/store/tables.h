/* tables.h - rows that get into LevelDB past its log: as finished table files.
 *
 * For very many rows that come in order.  LevelDB would write each of them to a log, sort it into
 * memory, write it to a table and merge that with others; here it is written once.  The files are
 * built beside the database, which knows nothing of them, and are made part of it while it is
 * closed: by a new manifest, the old one and what is to be added (manifest.h), to which CURRENT is
 * switched in one step.
 *
 * T1  What is put is in no other row of the database, not even in a deleted one, nor comes twice:
 *     these rows are the oldest, and LevelDB would find the other first.
 * T2  Files do not overlap, neither with each other nor with what else is on their level.  Keys
 * come in runs that rise, TABLES_RUNS of them at a time, and a run may begin anew anywhere between
 *     those that were there: then a file ends early.  As that would make many small files out of
 *     many small runs, it is done so often only; what is not taken then goes the ordinary way.
 * T3  Files are on disk before the manifest that names them, and that before CURRENT.  A crash
 *     leaves all of them or none; what is left over is removed by LevelDB, or tables_clean().
 */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct tables;

/* Rows of each come in an order of their own. */
enum tables_run { RUN_ROWS, RUN_CHUNKS, TABLES_RUNS };

/* Files have about file_size bytes. */
struct tables *tables_create(const char *directory, uint64_t file_size, bool compresses);
/* Removes what was not installed. */
void tables_destroy(struct tables *tables);

/* T2: may it be put? */
bool tables_takes(const struct tables *tables, enum tables_run run, struct bytes key);
enum status tables_put(struct tables *tables, enum tables_run run, struct bytes key,
                       struct bytes value) MUST_USE;

/* The last files end; all are on disk. */
enum status tables_finish(struct tables *tables) MUST_USE;
/* Of all files. */
uint64_t tables_size(const struct tables *tables);

/* The database is closed.  They come to that level, or the first one below it that has room for
 * them. */
enum status tables_install(struct tables *tables, int level) MUST_USE;
/* The same, and nothing else is in the database any more. */
enum status tables_install_alone(struct tables *tables, int level) MUST_USE;

/* Removes what was left behind by a process that ended. */
enum status tables_clean(const char *directory) MUST_USE;

#endif
