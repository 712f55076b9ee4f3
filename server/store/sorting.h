/* sorting.h - the changes of a group in the order of their keys.
 *
 * LevelDB takes keys in order faster.  The group itself stays as it is: listings look at it.
 *
 * Another core filled the entries in, and they lie in its cache.  So each is looked at once, and
 * asked for ahead of that: eight bytes of its key, behind what all keys of the group begin with, go
 * into an array.  Sorting compares those, and looks at the keys only where they are equal.
 */
#ifndef STORE_SORTING_H
#define STORE_SORTING_H

#include "store/group.h"

struct ranked_change;

/* All zeros is one that owns nothing yet. */
struct sorting {
    struct ranked_change *ranked;
    const struct change **changes;
    size_t capacity;
};

/* By namespace number, then by key.  *changes has group->change_count of them, until the next call.
 */
void sorting_sort(struct sorting *sorting, const struct group *group);
void sorting_clear(struct sorting *sorting);

/* Starts the reads of the entry of a change that will be looked at soon: of its head and key, or of
 * a short value, too. */
void sorting_prefetch_key(const struct change *change);
void sorting_prefetch_value(const struct change *change);

#endif
