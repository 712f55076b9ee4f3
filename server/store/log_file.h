/* log_file.h - the format of LevelDB's manifests, and of its logs of what was written.
 *
 *     log       blocks of 32 KiB: piece*, then up to 6 zeros where no header fits
 *     piece     masked crc32c of all that follows u32, size u16, type u8 (of what part of a record
 *               it is), bytes
 *
 * The format is described in libleveldb's doc/log_format.md; libleveldb 1.x keeps to it.
 */
#ifndef STORE_LOG_FILE_H
#define STORE_LOG_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

#define LOG_FILE_BLOCK 32768

void log_file_append(struct buffer *log, struct bytes record);

/* Replaces what is in `record` by the one at *position, which moves behind it; false if that is
 * torn or damaged. */
bool log_file_read(struct bytes log, size_t *position, struct buffer *record);

/* Is it the name of a log of writes, and its number? */
bool log_file_is_log(const char *name, uint64_t *number);

#endif
