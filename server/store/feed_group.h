/* feed_group.h - what of a committed group goes into the feed: this node's own writes. */
#ifndef STORE_FEED_GROUP_H
#define STORE_FEED_GROUP_H

#include "store/feed.h"
#include "store/order.h"

/* The commit thread calls, when the group is written and before anybody is told.  `sorted` are its
 * changes by number and key. */
void feed_group(struct feed *feed, const struct group *group, const struct change *const *sorted,
                uint64_t node_id);

#endif
