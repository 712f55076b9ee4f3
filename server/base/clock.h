/* clock.h - "now", as an interface.
 *
 * The real clock is clock_real(); tests bring their own.  Wall time is for what people and other
 * machines see (expiry, stamps); monotonic time is for durations.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*wall_us)(const struct clock *clock);      /* microseconds since the epoch */
    int64_t (*monotonic_us)(const struct clock *clock); /* microseconds since some start */
};

const struct clock *clock_real(void);

static inline int64_t clock_wall_ms(const struct clock *clock)
{
    return clock->wall_us(clock) / 1000;
}

static inline int64_t clock_wall_us(const struct clock *clock)
{
    return clock->wall_us(clock);
}

static inline int64_t clock_monotonic_us(const struct clock *clock)
{
    return clock->monotonic_us(clock);
}

#endif
