/* bulk_names.h - which item of a bulk request is the last one of its key.
 *
 * Two writes of one key within a request would be two within a second: the write rate would refuse
 * the second.  So a key is written once, as its last item says.
 *
 * A name is remembered as a hash of 128 bits with a seed of its own for each request: 24 bytes an
 * item, however long the names are.
 */
#ifndef HTTP_BULK_NAMES_H
#define HTTP_BULK_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct bulk_name;

struct bulk_names {
    uint64_t seeds[2];
    struct bulk_name *all;
    size_t count, capacity;
    bool *is_last; /* by item, once settled */
};

void bulk_names_init(struct bulk_names *names);
void bulk_names_clear(struct bulk_names *names);

/* The key of the next item. */
void bulk_names_add(struct bulk_names *names, struct bytes key);

/* All are there. */
void bulk_names_settle(struct bulk_names *names);

static inline bool bulk_names_is_last(const struct bulk_names *names, size_t item)
{
    return names->is_last[item];
}

#endif
