/* table_reader.h - finds keys in one of LevelDB's table files, where it is mapped.
 *
 * LevelDB's own reading costs more the more there is: each leveldb_get() that looks into two files
 * brings a compaction nearer (catalog.h).  This one only looks.  The format is in table.h.
 *
 * R1  A file may be damaged: nothing outside of it is read, whatever it says.
 * R2  What this can't read, because it is damaged or compressed, is TABLE_UNKNOWN: LevelDB knows,
 *     or has the words for what is wrong.
 */
#ifndef STORE_TABLE_READER_H
#define STORE_TABLE_READER_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

enum table_answer { TABLE_ABSENT, TABLE_DELETED, TABLE_FOUND, TABLE_UNKNOWN };

struct table_reader;

/* Maps the file of that number, which has so many bytes.  STATUS_CORRUPT: there is none, or it is
 * not a table as this one reads them; STATUS_IO: it can't be mapped now. */
enum status table_reader_open(int directory, uint64_t number, uint64_t size,
                              struct table_reader **reader) MUST_USE;
void table_reader_close(struct table_reader *reader);

/* The newest row of the key in this file; *value lies in it.  From any thread. */
enum table_answer table_reader_find(const struct table_reader *reader, struct bytes key,
                                    struct bytes *value);

#endif
