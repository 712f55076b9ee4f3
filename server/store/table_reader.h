/* table_reader.h - finds keys in one of LevelDB's table files, where it is mapped.
 *
 * LevelDB's own reading costs more the more there is: each leveldb_get() that looks into two files
 * brings a compaction nearer (catalog.h).  This one only looks.  The format is in table.h.
 *
 * R1  A file may be damaged: nothing outside of it is read, whatever it says.
 * R2  What this can't read, because it is damaged or compressed, is TABLE_UNKNOWN: LevelDB knows,
 *     or has the words for what is wrong.
 * R3  What a look costs is waiting for memory: what it reads lies where nobody looked lately.  So
 * it has steps, each of which asks for the memory that the next one reads, and who looks into many
 *     tables takes each step in all of them.
 */
#ifndef STORE_TABLE_READER_H
#define STORE_TABLE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "store/fences.h"

enum table_answer { TABLE_ABSENT, TABLE_DELETED, TABLE_FOUND, TABLE_UNKNOWN };

struct table_reader;

/* Maps the file of that number, which has so many bytes.  STATUS_CORRUPT: there is none, or it is
 * not a table as this one reads them; STATUS_IO: it can't be mapped now. */
enum status table_reader_open(int directory, uint64_t number, uint64_t size,
                              struct table_reader **reader) MUST_USE;
void table_reader_close(struct table_reader *reader);

/* Makes searching cheaper by a copy in memory of what matters of the index, if that takes no more
 * than so many bytes and the table is made as usual.  Before others have the reader.  Returns the
 * bytes. */
size_t table_reader_add_fences(struct table_reader *reader, size_t bytes_max);
size_t table_reader_fence_bytes(const struct table_reader *reader);

/* The newest row of the key in this file; *value lies in it.  From any thread. */
enum table_answer table_reader_find(const struct table_reader *reader, struct bytes key,
                                    struct bytes *value);

/* The same in steps (R3): begin, narrow, end. */
struct table_search {
    const struct table_reader *reader;
    struct bytes key;
    uint32_t hash;
    struct fence_search at;
    enum table_answer answer; /* TABLE_FOUND: a block that may have it */
    struct bytes block;       /* its contents */
    struct bytes filter;
    bool has_filter;
};

/* The hash of a key that all searches for it share. */
uint32_t table_search_hash(struct bytes key);
void table_search_begin(struct table_search *search, const struct table_reader *reader,
                        struct bytes key, uint32_t hash);
void table_search_narrow(struct table_search *search);
enum table_answer table_search_end(const struct table_search *search, struct bytes *value);

#endif
