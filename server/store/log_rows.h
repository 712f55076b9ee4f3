/* log_rows.h - the rows in LevelDB's logs: what it was given, and has in no table yet.
 *
 * A log's records are batches (libleveldb's db/write_batch.cc):
 *
 *     batch     sequence number u64, count u32, little-endian; entry*
 *     entry     type u8 (table_format.h), size varint and bytes of the key, and, unless it is a
 *               deletion, of the value
 */
#ifndef STORE_LOG_ROWS_H
#define STORE_LOG_ROWS_H

#include "base/buffer.h"
#include "base/status.h"

struct run;

struct log_rows_file {
    int file;
    uint64_t number, size;
};

/* All zeros: none. */
struct log_rows {
    struct log_rows_file *files;
    size_t file_count, file_capacity;
    struct run **runs; /* the oldest first */
    size_t run_count, run_capacity;
    struct buffer *blocks; /* what their rows are in, one for each */
    size_t block_capacity;
};

/* Holds open the logs from that number on, as long as they are now; STATUS_NOT_FOUND: the first of
 * them, or one that was listed, is gone. */
enum status log_rows_open(struct log_rows *rows, int directory, uint64_t first_number) MUST_USE;

/* Reads them, the newest up to the first record that is not whole: it is being written.
 * STATUS_CORRUPT: an older one ends so, or what is in a record is no batch. */
enum status log_rows_read(struct log_rows *rows) MUST_USE;

void log_rows_clear(struct log_rows *rows);

#endif
