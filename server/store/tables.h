/* tables.h - the table files of another database of the same kind, which become this one's.
 *
 * Whoever takes over all that another node has need not look at each row: its tables hold them
 * sorted, with filters and checksums.  The files are put beside the database, which knows nothing
 * of them, and take its place while it is closed: by a new manifest that names them alone
 * (manifest.h), to which CURRENT is switched in one step.
 *
 * T1  Files keep the level that they had, and the order in which they came to be: of two with a
 *     common key, the one that was added later is the newer.
 * T2  Rows that were in no file there are newer than all files; so they make one, at level 0.  What
 *     this node adds is newer again.
 * T3  Files are on disk before the manifest that names them, and that before CURRENT.  A crash
 *     leaves all of them or none; what is left over is removed by LevelDB, or tables_clean().
 */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct run;
struct tables;

/* No write that is in the files, which are to come, has a sequence number above this one. */
struct tables *tables_create(const char *directory, bool compresses, uint64_t last_sequence);
/* Removes what was not installed. */
void tables_destroy(struct tables *tables);

/* A row that was in no file (T2).  These come first, and their keys rise: STATUS_CORRUPT if not. */
enum status tables_put(struct tables *tables, struct bytes key, struct bytes value,
                       bool is_deleted) MUST_USE;

/* A file begins, of so many bytes; its smallest and largest key as they stand in files (table.h).
 * STATUS_CORRUPT: the one before is not whole, or there is no such level or size. */
enum status tables_begin_file(struct tables *tables, int level, uint64_t size,
                              struct bytes smallest, struct bytes largest) MUST_USE;
/* More of the file that was begun last; STATUS_CORRUPT: more than it has, or, with its last bytes,
 * it is not a table, or damaged. */
enum status tables_add(struct tables *tables, struct bytes bytes) MUST_USE;

/* Nothing follows; all is on disk. */
enum status tables_finish(struct tables *tables) MUST_USE;

/* The database is closed.  It has what is in the tables, and above that these rows. */
enum status tables_install(struct tables *tables, const struct run *rows) MUST_USE;

/* Removes what was left behind by a process that ended. */
enum status tables_clean(const char *directory) MUST_USE;

#endif
