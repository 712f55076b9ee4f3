/* files.h - what every writer of files that must survive needs. */
#ifndef BASE_FILES_H
#define BASE_FILES_H

#include "base/bytes.h"

/* All of it, however many calls that takes; 0, or an errno. */
int file_write_all(int file, struct bytes bytes);

/* The names in a directory are on disk afterwards; 0, or an errno. */
int directory_sync(const char *path);

#endif
