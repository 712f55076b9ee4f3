/* stagger.h - the write rate of a key that several replicas want to write.
 *
 * Each replica counts the distance between two writes from the last one that it knows of.  Were all
 * of them to write the moment the distance is over, they would write at once: what one of them
 * wrote is not known to the others yet.  So whoever did not write last waits a little longer, each
 * a different number of steps, by which the writes of those before it have arrived.
 *
 * The order depends on the key, lest one replica is always first (rendezvous hashing: Thaler and
 * Ravishankar, 1998).  Who wrote last does not wait, so one writer alone loses nothing.
 *
 * R1  All replicas that know the same members and the same last writer compute the same order.
 *
 * Pure: numbers in, a number out.
 */
#ifndef LIMITS_STAGGER_H
#define LIMITS_STAGGER_H

#include <stddef.h>
#include <stdint.h>

/* 0 for the last writer; else 1 .. the place of `self` among `nodes` without the last writer.
 * `key_hash` is hash_content() of the key; `nodes` holds `self`. */
size_t stagger_rank(uint64_t key_hash, const uint64_t *nodes, size_t count, uint64_t self,
                    uint64_t last_writer);

#endif
