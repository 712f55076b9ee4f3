/* feed.h - this node's own recent writes, as they are pushed to others.
 *
 * The commit thread appends one element for each committed group that has own writes: its records
 * as a blob (replication/records.h; the registry's records first, so that a namespace is known
 * before its keys), and the position it reaches, the largest stamp of the group.  Whoever pushes
 * reads on from a position.  Memory is bounded: the oldest elements go, and who wanted them is told
 * from where the feed can be read.
 *
 * F1  Elements are contiguous: each reaches from the position before it to its own.
 * F2  While it is not wanted, nothing is copied; only the position moves on.
 */
#ifndef STORE_FEED_H
#define STORE_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct feed;

struct feed *feed_create(size_t bytes_max);
void feed_destroy(struct feed *feed);

/* Any thread.  Switching it on begins at the position of the last commit. */
void feed_set_wanted(struct feed *feed, bool is_wanted);
bool feed_is_wanted(const struct feed *feed);

/* The commit thread: takes over what is in `records` (which becomes empty).  With records of no
 * bytes only the position moves. */
void feed_append(struct feed *feed, uint64_t position, struct buffer *records);

/* Instead, if the records were not copied, because the feed was not wanted when the commit thread
 * looked or because they are too many for it: the feed begins anew at the position. */
void feed_cut(struct feed *feed, uint64_t position);
bool feed_can_hold(const struct feed *feed, size_t bytes);

/* As gossip_host.read_log(). */
bool feed_read(struct feed *feed, uint64_t from, size_t bytes_max, struct buffer *records,
               uint64_t *to, uint64_t *cut);
/* Of the last commit with own writes. */
uint64_t feed_position(struct feed *feed);
void feed_trim(struct feed *feed, uint64_t position);
size_t feed_bytes(struct feed *feed);

#endif
