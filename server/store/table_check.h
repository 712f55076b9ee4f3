/* table_check.h - is a file one of LevelDB's tables, and undamaged? */
#ifndef STORE_TABLE_CHECK_H
#define STORE_TABLE_CHECK_H

#include <stdbool.h>

/* Looks at the checksum of every block that can be found, the filter's too: of what a compressed
 * index names, at that of the index alone. */
bool table_is_sound(int file);

#endif
