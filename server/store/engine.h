/* engine.h - the narrow interface to what stores bytes: get, batch, ordered iteration, sync.
 *
 *     engine_write()  ->  journal  ->  stage  ->  LevelDB
 *                         (disk)      (memory)    (tree.h)
 *
 * A batch is appended to the journal (journal.h) and stands in the stage (stage.h) then: it is
 * written.  When the stage is full it is frozen, a new one takes its place, and the engine's own
 * thread moves the frozen one into LevelDB: each key once, in the order of keys, in large batches.
 * That costs LevelDB less than half of what small batches would, and its write stalls are met by
 * that thread.  Who reads sees all three as one: a key is looked for in the stages, then in the
 * tables that LevelDB has (catalog.h), and LevelDB itself is asked for what it was given lately.
 * Keys are ordered by their bytes.
 *
 * F1  A batch is written whole or not at all, also across a crash.
 * F2  engine_write() may wait (both stages full, fsync): it is for the commit thread.  engine_get()
 *     and iterators may wait for a disk read, never for a writer.
 * F3  After engine_write() failed nothing more is written until engine_reopen() succeeded.  What a
 *     failed write left in the journal is not there after that.
 * F4  A synced write, as engine_sync(), makes durable all that was written before, too.
 * F5  Nothing reaches LevelDB before it is durable in the journal, and LevelDB notes with the last
 *     row of a stage that it has it.  So after a crash LevelDB has some prefix of what was written,
 *     and pieces of what the journal still holds: opening moves that once more.
 */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"
#include "store/levels.h"

#define ENGINE_ERROR_MAX 512

struct engine;
struct engine_batch;
struct engine_iterator;
struct tables;

/* Opens, or creates, the database in an existing directory.  What is written from now on is
 * compressed, or not; what is there stays as it is until compaction comes by.  A damaged one is
 * repaired (what could not be read is left in its `lost` folder) and *was_repaired says so.
 * STATUS_LOCKED, STATUS_IO, STATUS_CORRUPT with a sentence in `error`. */
enum status engine_open(const char *directory, bool compresses, struct engine **engine,
                        bool *was_repaired, char error[ENGINE_ERROR_MAX]) MUST_USE;
void engine_close(struct engine *engine);

/* STATUS_OK and a value that the caller gives back by engine_free(), or STATUS_NOT_FOUND. */
enum status engine_get(struct engine *engine, struct bytes key, struct bytes *value) MUST_USE;
void engine_free(struct bytes value);

struct engine_batch *engine_batch_create(void);
void engine_batch_destroy(struct engine_batch *batch);
void engine_batch_put(struct engine_batch *batch, struct bytes key, struct bytes value);
void engine_batch_delete(struct engine_batch *batch, struct bytes key);
void engine_batch_clear(struct engine_batch *batch);
/* Bytes of all that was put so far. */
size_t engine_batch_size(const struct engine_batch *batch);

/* The batch is empty afterwards, if it was written. */
enum status engine_write(struct engine *engine, struct engine_batch *batch, bool sync) MUST_USE;
/* The same without sync, or STATUS_PARKED if it would have to wait for anything. */
enum status engine_try_write(struct engine *engine, struct engine_batch *batch) MUST_USE;
/* How many were written, or tables installed, so far: what a reader found before is unchanged while
 * this is.  From any thread; a batch counts after readers see it. */
uint64_t engine_writes(const struct engine *engine);
/* From any thread. */
enum status engine_sync(struct engine *engine) MUST_USE;

/* What the last failure was, for people. */
void engine_error(struct engine *engine, char error[ENGINE_ERROR_MAX]);

/* Is there room again for what reopening writes?  Tried with a real file. */
bool engine_has_space(struct engine *engine);

/* Closes and opens again, with everything in LevelDB; nobody may be inside any other call.  On
 * failure it stays closed and may be tried again. */
enum status engine_reopen(struct engine *engine) MUST_USE;

/* Deletes everything, at once and for good: an interrupted one is finished by engine_open().
 * Nobody may be inside any other call. */
enum status engine_wipe(struct engine *engine) MUST_USE;

/* For tables of another node (tables.h). */
struct tables *engine_create_tables(const struct engine *engine, uint64_t last_sequence);
/* The database has what is in the tables, and above that these rows, in any order; what was in it
 * is gone.  All or nothing, durable; closes and opens again, as engine_reopen(). */
enum status engine_install_tables(struct engine *engine, struct tables *tables,
                                  struct engine_batch *rows) MUST_USE;

/* A consistent view as of now. */
struct engine_iterator *engine_iterate(struct engine *engine);
void engine_iterator_destroy(struct engine_iterator *iterator);
void engine_iterator_seek(struct engine_iterator *iterator, struct bytes key);
void engine_iterator_next(struct engine_iterator *iterator);
bool engine_iterator_is_valid(const struct engine_iterator *iterator);
struct bytes engine_iterator_key(const struct engine_iterator *iterator);
struct bytes engine_iterator_value(const struct engine_iterator *iterator);
enum status engine_iterator_status(struct engine_iterator *iterator) MUST_USE;

/* The last stored key before `key`, or one that was deleted lately; replaces what is in *last.
 * STATUS_NOT_FOUND if there is none. */
enum status engine_last_before(struct engine *engine, struct bytes key,
                               struct buffer *last) MUST_USE;

/* Gives back the disk space of deleted keys in [from, to).  Takes long; for a background thread. */
void engine_compact(struct engine *engine, struct bytes from, struct bytes to);

/* Since the engine was opened; reopening changes nothing of that. */
struct engine_statistics {
    int64_t put_bytes;        /* keys and values of all batches, as they were given */
    int64_t log_bytes;        /* written to the journal and to logs */
    int64_t disk_bytes;       /* of tables, logs and the journal, now */
    int64_t stalls, stall_us; /* writes that waited until LevelDB had caught up */
    struct levels levels;
};

/* Any thread, inside an epoch. */
void engine_statistics(struct engine *engine, struct engine_statistics *statistics);

/* LevelDB's property of that name; the caller frees, NULL if there is none. */
char *engine_take_property(struct engine *engine, const char *name);

#endif
