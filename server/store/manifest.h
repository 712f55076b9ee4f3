/* manifest.h - LevelDB's list of its files: followed while it is open, and replaced while it is
 * closed.
 *
 * CURRENT names the manifest that counts.  A manifest is a log (log_file.h) of records, each of
 * which changes what those before it say:
 *
 *     record    (tag varint, what belongs to the tag)*
 *
 * It is described in libleveldb's doc/impl.md, the tags stand in its db/version_edit.cc;
 * libleveldb 1.x keeps to it.
 */
#ifndef STORE_MANIFEST_H
#define STORE_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"

#define MANIFEST_LEVELS 7 /* 0 is the uppermost; only there files may overlap */

/* A file of the database, and what keys it holds, as they stand in files (table.h). */
struct manifest_file {
    int level;
    uint64_t number, size;
    struct buffer smallest, largest;
};

/* All zeros: empty. */
struct manifest {
    struct buffer log;
    struct manifest_file *files;
    size_t count, capacity;
    uint64_t log_number;    /* what stands in logs with lower numbers is in the files */
    uint64_t last_sequence; /* of the writes that are in the files, at least */

    /* Of one that is followed. */
    struct buffer name;
    uint64_t offset; /* of `log` in the file: what was taken is dropped */
    size_t position; /* in `log`, behind what was taken */
};

void manifest_clear(struct manifest *manifest);

/* Reads on from where the last call ended, which for an empty one is the beginning of the one that
 * counts.  What is not whole yet is left for the next time.  *changed: there was something new. */
enum status manifest_follow(struct manifest *manifest, int directory, bool *changed) MUST_USE;
/* That of a database without rows; logs with numbers below log_number don't count. */
void manifest_begin(struct manifest *manifest, uint64_t log_number, uint64_t last_sequence);

/* Both keys as they stand in files; they are copied. */
void manifest_add(struct manifest *manifest, int level, uint64_t number, uint64_t size,
                  struct bytes smallest, struct bytes largest);

/* It becomes the one that counts, under a number above all that are in use, in one step: a crash
 * leaves this one or the one before. */
enum status manifest_install(struct manifest *manifest, int directory, uint64_t number) MUST_USE;

/* After that failed: removes it, and true, unless it may count all the same. */
bool manifest_take_back(int directory, uint64_t number);

/* The first number above those of all files of the database, whether they count or not. */
enum status manifest_free_number(int directory, uint64_t *number) MUST_USE;
/* The number of the log that LevelDB writes to, 0 = there is none. */
enum status manifest_newest_log(int directory, uint64_t *number) MUST_USE;

#endif
