/* checkpoint.h - all that the engine holds at one moment, to be read while it goes on.
 *
 * What a process that is killed at that moment would leave behind: LevelDB's tables, and what
 * stands in its logs and in the stages.  The files are held open, so it does not matter that
 * LevelDB removes them; the disk has their room again when the checkpoint goes.
 *
 * H1  Nothing is written while it is made (the engine's write mutex is held, for some milliseconds
 *     with thousands of tables), so it ends with a whole batch.
 * H2  LevelDB changes its files meanwhile.  What the manifest says was true when it said so: all
 *     rows of logs below its log number are in its tables, and the log with that number is there,
 *     or another manifest is by now.  If a file is gone, the manifest is followed, and all is tried
 *     again.
 * H3  Of one row that stands in several places a stage has the newest, then the newest log.
 */
#ifndef STORE_CHECKPOINT_H
#define STORE_CHECKPOINT_H

#include "base/buffer.h"
#include "base/status.h"

struct engine;
struct run;
struct checkpoint;

struct checkpoint_table {
    int file; /* open */
    int level;
    uint64_t number, size;
    struct bytes smallest, largest; /* as they stand in files (table.h) */
};

/* May wait for whoever writes.  STATUS_IO: files can't be opened (there may be too many), or read.
 */
enum status engine_checkpoint(struct engine *engine, struct checkpoint **checkpoint) MUST_USE;
void checkpoint_destroy(struct checkpoint *checkpoint);

/* In the order in which they came to be. */
size_t checkpoint_table_count(const struct checkpoint *checkpoint);
const struct checkpoint_table *checkpoint_table(const struct checkpoint *checkpoint, size_t place);

/* Rows that are newer than all tables, for as long as the checkpoint is there or until
 * checkpoint_drop_rows(): up to two write buffers of LevelDB's, and two stages, in memory. */
const struct run *checkpoint_rows(const struct checkpoint *checkpoint);
void checkpoint_drop_rows(struct checkpoint *checkpoint);

/* No write in the tables has a sequence number above this. */
uint64_t checkpoint_sequence(const struct checkpoint *checkpoint);

#endif
