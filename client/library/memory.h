/* memory.h - memory that is there, or the process ends.
 *
 * hiredis does the same, so a caller could not rely on more.  What is asked for is never more than
 * the caller's own words and the library's named limits, or what a server sent.
 */
#ifndef LIBRARY_MEMORY_H
#define LIBRARY_MEMORY_H

#include <stddef.h>

void *memory_take(size_t size);
void *memory_take_zeroed(size_t size);
/* A copy with a zero behind it; NULL stays NULL. */
char *memory_copy_text(const char *text);
char *memory_copy(const char *data, size_t size);

#endif
