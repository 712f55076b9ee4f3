/* name_table.h - a hash table of things that have a name: chained, intrusive, growing.
 *
 * The things belong to the caller and embed a `struct name_node`, which stays where it is while it
 * is in a table.  Names are any bytes; the caller keeps them.  No lock of its own.
 */
#ifndef BASE_NAME_TABLE_H
#define BASE_NAME_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct name_node {
    struct name_node *next; /* in its bucket */
    uint64_t hash;
    struct bytes name;
};

/* All zeros is an empty table. */
struct name_table {
    struct name_node **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
};

/* The node of that name, or NULL. */
struct name_node *name_table_find(const struct name_table *table, struct bytes name);

/* node->name is set, and no other node has it. */
void name_table_add(struct name_table *table, struct name_node *node);

/* The node is in the table. */
void name_table_remove(struct name_table *table, struct name_node *node);

/* Any node, or NULL: to empty a table one by one. */
struct name_node *name_table_any(const struct name_table *table);

/* Calls each(context, node) for every node, in no order; it may not change the table. */
void name_table_each(const struct name_table *table,
                     void (*each)(void *context, struct name_node *node), void *context);

/* Forgets the nodes, which are the caller's, and frees the rest. */
void name_table_clear(struct name_table *table);

#endif
