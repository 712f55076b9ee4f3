/* directory.h - is this directory ours?
 *
 * A data directory carries the file GRAPEVINE with its format number, which is also what a running
 * server locks.  A directory with other people's files, or of a newer format, is left untouched.
 */
#ifndef STORE_DIRECTORY_H
#define STORE_DIRECTORY_H

#include <stddef.h>

#include "base/compiler.h"
#include "base/status.h"

/* 2: with a journal before LevelDB.  Of format 1, without, it is a continuation. */
#define DIRECTORY_FORMAT 2

/* Creates the directory if it is missing, claims it, and locks it.  *lock_file is closed to give it
 * back.  On failure `error` is one sentence: STATUS_LOCKED, STATUS_FOREIGN, STATUS_IO. */
enum status directory_claim(const char *path, int *lock_file, char *error,
                            size_t error_size) MUST_USE;

#endif
