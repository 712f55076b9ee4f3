/* frequency.h - how often a record is used, in 32 bits: what OBJECT FREQ tells under an LFU policy.
 *
 * Redis's logarithmic counter: the higher it is, the less likely does a use raise it, so that 255
 * stands for about a million uses; and it loses one for each minute without a use.  It is kept with
 * the minute (in 24 bits, which are enough to tell how long ago it was), where otherwise the second
 * of the last use stands (entry.h).  0 is a record that nobody has used.
 */
#ifndef STORE_FREQUENCY_H
#define STORE_FREQUENCY_H

#include "base/random.h"

#define FREQUENCY_MAX   255
#define FREQUENCY_START 5 /* so that a new record is not the least used one at once */

/* How much less likely each step is than the one before it: Redis's lfu-log-factor. */
#define FREQUENCY_FACTOR 10

#define FREQUENCY_MINUTES_MASK 0xffffffu

static inline uint32_t frequency_make(uint32_t count, int64_t now_ms)
{
    return ((uint32_t)(now_ms / 60000) & FREQUENCY_MINUTES_MASK) << 8 | count;
}

/* What is left of the counter. */
static inline uint32_t frequency_count(uint32_t kept, int64_t now_ms)
{
    uint32_t count = kept & FREQUENCY_MAX, minutes;

    if (kept == 0)
        return FREQUENCY_START;
    minutes = ((uint32_t)(now_ms / 60000) - (kept >> 8)) & FREQUENCY_MINUTES_MASK;
    return count > minutes ? count - minutes : 0;
}

/* One more use. */
static inline uint32_t frequency_use(uint32_t kept, int64_t now_ms, struct random *random)
{
    uint32_t count = frequency_count(kept, now_ms);
    uint32_t above = count > FREQUENCY_START ? count - FREQUENCY_START : 0;

    if (count < FREQUENCY_MAX && random_below(random, above * FREQUENCY_FACTOR + 1) == 0)
        count++;
    return frequency_make(count, now_ms);
}

#endif
