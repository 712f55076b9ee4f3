/* levels.h - what LevelDB's files and its compaction have come to, from its own table of them.
 *
 * "leveldb.stats" has a row for each level: files, their size, and the seconds and megabytes that
 * compaction has spent on it since the database was opened.  Its megabytes are whole ones, so all
 * bytes here are rounded to them.
 */
#ifndef STORE_LEVELS_H
#define STORE_LEVELS_H

#include <stdint.h>

#define LEVELS_MAX 7

struct level {
    int64_t files, bytes;
    int64_t read_bytes,
        written_bytes; /* by compaction, the first writing of what is new included */
    int64_t compaction_s;
};

struct levels {
    struct level at[LEVELS_MAX];
};

/* NULL is a table without rows. */
struct levels levels_read(const char *table);

struct level levels_sum(const struct levels *levels);

/* Adds what compaction did in `more` to `levels`; files and their size stay. */
void levels_add_work(struct levels *levels, const struct levels *more);

#endif
