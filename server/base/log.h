/* log.h - one line for each thing that happened, with what to do about it.
 *
 * Lines look like Redis's: "pid:M day month year hh:mm:ss.ms <level> text".  They go to standard
 * output or to a file, reopened when it was moved away.  Safe from any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/compiler.h"

enum log_level {
    LOG_DEBUG,
    LOG_VERBOSE,
    LOG_NOTICE,
    LOG_WARNING,
    LOG_NOTHING, /* no line has this level */
};

/* path "" = standard output.  False if the file can't be opened for appending. */
bool log_open(const char *path, enum log_level level) MUST_USE;
void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
