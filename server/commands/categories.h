/* categories.h - the ACL categories of commands.
 *
 * They follow from a row's flags and group, as in Redis; the few that don't are listed in the .c
 * file.
 */
#ifndef COMMANDS_CATEGORIES_H
#define COMMANDS_CATEGORIES_H

#include "commands/table.h"

/* In the order in which Redis lists them. */
enum category {
    CATEGORY_KEYSPACE,
    CATEGORY_READ,
    CATEGORY_WRITE,
    CATEGORY_SET,
    CATEGORY_SORTEDSET,
    CATEGORY_LIST,
    CATEGORY_HASH,
    CATEGORY_STRING,
    CATEGORY_BITMAP,
    CATEGORY_HYPERLOGLOG,
    CATEGORY_GEO,
    CATEGORY_STREAM,
    CATEGORY_PUBSUB,
    CATEGORY_ADMIN,
    CATEGORY_FAST,
    CATEGORY_SLOW,
    CATEGORY_BLOCKING,
    CATEGORY_DANGEROUS,
    CATEGORY_CONNECTION,
    CATEGORY_TRANSACTION,
    CATEGORY_SCRIPTING,
    CATEGORY_COUNT
};

/* Without the "@". */
extern const char *const category_names[CATEGORY_COUNT];

/* One bit for each category: 1 << CATEGORY_... */
uint32_t command_categories(const struct command *command);

/* The bit of a category given by its name, in any case; 0 if there is none. */
uint32_t category_bit(struct bytes name);

#endif
