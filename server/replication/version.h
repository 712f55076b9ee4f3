/* version.h - a hybrid logical clock, and which of two writes wins.
 *
 * A stamp is 64 bits: milliseconds since the epoch in the upper 48, a counter in the lower 16
 * (Kulkarni et al., "Logical Physical Clocks", 2014).  Each write gets one; stamps of a node only
 * rise, and stay close to the wall clock.  A counter that overflows carries into the milliseconds.
 *
 * V1  hlc_tick() returns a stamp larger than any it returned or was shown before.
 * V2  A version is (stamp, node id, hash of the value), compared in that order; the largest wins.
 */
#ifndef REPLICATION_VERSION_H
#define REPLICATION_VERSION_H

#include <stdint.h>

#define HLC_COUNTER_BITS 16

struct hlc {
    uint64_t last; /* the largest stamp issued or seen */
};

static inline int64_t stamp_wall_ms(uint64_t stamp)
{
    return (int64_t)(stamp >> HLC_COUNTER_BITS);
}

static inline uint64_t stamp_of_wall_ms(int64_t wall_ms)
{
    return (uint64_t)wall_ms << HLC_COUNTER_BITS;
}

/* The largest stamp that is believed at a time: no clock is allowed to be further ahead. */
static inline uint64_t stamp_newest_believed(int64_t wall_ms, int64_t skew_max_ms)
{
    return stamp_of_wall_ms(wall_ms + skew_max_ms + 1) - 1;
}

uint64_t hlc_tick(struct hlc *hlc, int64_t wall_ms);
void hlc_observe(struct hlc *hlc, uint64_t seen);

struct version {
    uint64_t stamp;
    uint64_t node_id;
    uint64_t value_hash;
};

/* < 0, 0, > 0 as a is older than, the same as, newer than b. */
int version_compare(const struct version *a, const struct version *b);

/* A version in 64 bits, for comparing sets of records (compare.h): the milliseconds of its stamp,
 * so that one can tell which of two is newer, and in the place of the counter one that depends on
 * the node, too: two nodes may well write one key in the same millisecond, each with counter 0. */
static inline uint64_t version_element(uint64_t stamp, uint64_t node_id)
{
    uint64_t counter_max = (1u << HLC_COUNTER_BITS) - 1;
    uint64_t counter = stamp + (node_id * 0x9e3779b97f4a7c15 >> (64 - HLC_COUNTER_BITS));

    return (stamp & ~counter_max) | (counter & counter_max);
}

/* "<stamp, 16 hex>-<node id, 16 hex>", not zero-ended. */
#define VERSION_TEXT_SIZE 33
void version_to_text(uint64_t stamp, uint64_t node_id, char text[VERSION_TEXT_SIZE]);

#endif
