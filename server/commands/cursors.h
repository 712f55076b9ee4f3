/* cursors.h - the positions that SCAN's numbers stand for.
 *
 * SCAN must answer a number, but a listing in byte order stops at a key.  The key is remembered
 * here and stands behind the number until younger ones push it out; a client that comes back later
 * than that is told so and starts again, it never goes on in the wrong place.
 *
 * A position that was gone back to is most likely done with, while one that nobody has come back
 * for yet is somebody's only way on.  So the two queue apart: a client that runs through a million
 * keys leaves a trail of used positions, and pushes out none that a slower client waits to use.
 *
 * P1  A number means one position of one namespace for as long as it is remembered, however often
 *     it is asked for.  Zero is never given out: it begins and ends a listing.
 * P2  At most `positions_max` waiting ones and as many used ones, which take at most half of
 *     `bytes_max` each; of either the oldest goes first.  The newest stays, whatever its size.
 * P3  Numbers rise from a random start, so one from before a restart is unknown, not somebody's.
 *     They stay below 2^53: some clients keep them in a double.
 *
 * Any thread may call; the lock is held for the copy of one key.
 */
#ifndef COMMANDS_CURSORS_H
#define COMMANDS_CURSORS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "store/registry.h"

#define CURSORS_POSITIONS_MAX (64 * 1024)
#define CURSORS_BYTES_MAX     (128 * 1024 * 1024)

struct cursors;

struct cursors *cursors_create(size_t positions_max, size_t bytes_max);
void cursors_destroy(struct cursors *cursors);

/* The number of the position before `key`. */
uint64_t cursors_remember(struct cursors *cursors, const struct ns *ns, struct bytes key);

/* Appends the key to *key; false if the number is unknown or belongs to another namespace. */
bool cursors_recall(struct cursors *cursors, const struct ns *ns, uint64_t cursor,
                    struct buffer *key) MUST_USE;

#endif
