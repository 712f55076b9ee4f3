/* journal.h - what was written, one file after another, until it is safe in LevelDB.
 *
 * Records are appended to the newest segment, a file `journal.<number>`:
 *
 *     hash u64 | size u32 | zero u32 | rows (rows.h), `size` bytes
 *
 * The hash covers all behind it, seeded with the segment's number and the record's place: what a
 * file held in an earlier life is not taken for a record.  A record of no bytes ends a segment: the
 * next one goes on.  Reading stops at the first record that isn't whole, and nothing behind it
 * counts.
 *
 * J1  A record that was appended survives the end of the process; one that was synced, that of the
 *     machine, and all before it with it.
 * J2  What a failed append, or beginning of a segment, left behind is gone after journal_cut(), and
 *     nothing is appended before that.
 * J3  A segment goes only when its owner says that it isn't needed.
 * J4  After a sync failed, all do until journal_cut(): the kernel tells one of those who ask, once,
 *     and what it could not write may be lost.
 *
 * A segment that is not needed any more becomes the next one (`journal.spare` meanwhile): a file
 * that keeps its size is synced without touching the file system's own journal.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"

/* So many bytes in front of the rows are the journal's, to write both at once. */
#define JOURNAL_HEAD_SIZE 16

/* Segments that may wait to be released. */
#define JOURNAL_SEGMENTS_MAX 8

struct journal;

/* Nothing is touched on disk yet. */
struct journal *journal_create(const char *directory);
void journal_destroy(struct journal *journal);

/* Calls each() for the rows of every record of the segments behind `after`, oldest first, when they
 * are on disk; a segment behind a missing one doesn't count.  `rows` are the callee's to take over
 * from JOURNAL_HEAD_SIZE on.  *last is the newest segment there is, or `after`.  STATUS_IO, or what
 * each() said. */
enum status journal_replay(struct journal *journal, uint64_t after,
                           enum status (*each)(void *context, struct buffer *rows), void *context,
                           uint64_t *last) MUST_USE;

/* Ends the newest segment, if there is one, and begins the one of that number. */
enum status journal_begin(struct journal *journal, uint64_t number) MUST_USE;
/* `rows` begins with JOURNAL_HEAD_SIZE bytes of room. */
enum status journal_append(struct journal *journal, struct buffer *rows) MUST_USE;
/* Everything that was appended before is on disk afterwards.  From any thread. */
enum status journal_sync(struct journal *journal) MUST_USE;
/* Is some thread doing that now? */
bool journal_is_syncing(const struct journal *journal);
/* The last record that was appended is not to be there; journal_cut() follows. */
void journal_take_back(struct journal *journal);
/* After a failure: nothing is in the newest segment but what was appended, also on disk. */
enum status journal_cut(struct journal *journal) MUST_USE;

/* What is in all segments; from any thread. */
int64_t journal_bytes(struct journal *journal);

/* What the last failure was, for people. */
const char *journal_error(const struct journal *journal);

/* Segments up to that number are not needed any more.  From any thread. */
void journal_release(struct journal *journal, uint64_t number);
/* No segment is: all files go. */
enum status journal_remove(struct journal *journal) MUST_USE;

#endif
