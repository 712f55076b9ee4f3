/* manifest.h - LevelDB's list of its files: read, extended and replaced while it is closed, and
 * followed while it is open.
 *
 * CURRENT names the manifest that counts.  A manifest is a log of records, each of which changes
 * what those before it say:
 *
 *     log       blocks of 32 KiB: piece*, then up to 6 zeros where no header fits
 *     piece     masked crc32c of all that follows u32, size u16, type u8 (of what part of a record
 *               it is), bytes
 *     record    (tag varint, what belongs to the tag)*
 *
 * The format is described in libleveldb's doc/log_format.md and doc/impl.md, the tags stand in its
 * db/version_edit.cc; libleveldb 1.x keeps to it.
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
    uint64_t log_number; /* what stands in logs with lower numbers is in the files */

    /* Of one that is followed. */
    struct buffer name;
    uint64_t offset; /* of `log` in the file: what was taken is dropped */
    size_t position; /* in `log`, behind what was taken */
};

void manifest_clear(struct manifest *manifest);

/* The one that counts.  STATUS_CORRUPT if not all of it can be read: LevelDB would forgive a torn
 * end, but not with something behind it. */
enum status manifest_read(struct manifest *manifest, int directory) MUST_USE;
/* Reads on from where the last call ended, which for an empty one is the beginning of the one that
 * counts.  What is not whole yet is left for the next time.  *changed: there was something new. */
enum status manifest_follow(struct manifest *manifest, int directory, bool *changed) MUST_USE;
/* That of a database without rows; logs with numbers below log_number don't count. */
void manifest_begin(struct manifest *manifest, uint64_t log_number);

/* Is there a file on the level with keys between these two, or equal to one of them? */
bool manifest_overlaps(const struct manifest *manifest, int level, struct bytes smallest,
                       struct bytes largest);
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
