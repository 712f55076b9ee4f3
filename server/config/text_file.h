/* text_file.h - whole files: the config file, and the file of ACL users. */
#ifndef CONFIG_TEXT_FILE_H
#define CONFIG_TEXT_FILE_H

#include "base/buffer.h"
#include "base/compiler.h"

#define TEXT_FILE_MAX ((size_t)16 * 1024 * 1024)

/* The whole file into `text`, or an errno. */
int text_file_read(const char *path, struct buffer *text) MUST_USE;

/* The file keeps its mode; after a crash it is the old one or the new one.  0 or an errno. */
int text_file_replace(const char *path, struct bytes text) MUST_USE;

#endif
