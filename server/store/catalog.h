/* catalog.h - the tables that LevelDB has, and how a key is found in them without LevelDB.
 *
 * leveldb_get() has a price that grows with what is stored: whenever it looks into more than one
 * file, LevelDB takes the first of them for one that should be merged away ("seek compaction"),
 * and with a hundred million keys that is ten times the work of all other compaction together.  It
 * also searches the rows that LevelDB holds in memory, takes its lock, and copies.  So most reads
 * go past it: a view lists the tables of some moment, as the manifest told of them, and
 * table_reader.h looks into them.  A view is never wrong, as files don't change, but older than
 * LevelDB: keys that were written since are in its filters, and for these LevelDB is asked.
 *
 *     keys moved lately:   ...| older filter | newer filter |-> now
 *     view:  tables with all  ^ from before here, at least
 *
 * U1  A key is noted before LevelDB gets its row, and rows leave the stage after that.  So who did
 *     not find a key in the stage, and holds a view then, has its row in the view's tables, or its
 *     key in the view's filters.
 * U2  A filter remembers the log that LevelDB wrote to when it began: rows from before are in that
 *     log, older ones or tables.  When the manifest says that logs up to there don't count any
 *     more, they all are in its tables, and the filter before this one goes.
 * U3  Whoever holds a view keeps its tables mapped, also those that LevelDB has removed meanwhile.
 *     What nobody holds is unmapped by catalog_follow().
 * U4  A table is opened, and gets fences, when somebody first looks into it: starting costs
 * nothing. Fences are counted, and go with their table.
 */
#ifndef STORE_CATALOG_H
#define STORE_CATALOG_H

#include <stdbool.h>

#include "base/bytes.h"
#include "store/key_filter.h"
#include "store/table_reader.h"

/* What fences (fences.h) may take in memory: those of 12 GB of tables do.  Tables beyond these are
 * searched without. */
#define CATALOG_FENCES_MAX (32u << 20)

struct catalog;

struct catalog *catalog_create(const char *directory, size_t fences_max);
void catalog_destroy(struct catalog *catalog);

/* LevelDB was opened, just now, and nothing written since; nobody is inside any other call.  If the
 * manifest can't be read there are no views, and LevelDB is asked for everything. */
void catalog_open(struct catalog *catalog);
/* There are no views, and no tables mapped, until it is opened; nobody is inside any other call. */
void catalog_close(struct catalog *catalog);

/* The key's row is about to be written (U1).  For the one thread that writes. */
void catalog_note(struct catalog *catalog, struct bytes key);

/* Looks for what LevelDB has changed; true if there was something.  From the thread that writes,
 * when all that was noted is written. */
bool catalog_follow(struct catalog *catalog);

/* What fences take now. */
size_t catalog_fence_bytes(const struct catalog *catalog);

/* From any thread; `hash` is the key's for filters (key_filter.h).  TABLE_FOUND: a copy of the
 * row's value, free() frees it.  TABLE_UNKNOWN: ask LevelDB. */
enum table_answer catalog_find(struct catalog *catalog, struct bytes key, uint64_t hash,
                               struct bytes *value);

#endif
