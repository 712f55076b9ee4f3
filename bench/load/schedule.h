/* schedule.h - when requests are due, whatever becomes of those before.
 *
 * Times are nanoseconds from the schedule's beginning.  At a constant rate the n-th is due at n
 * gaps, computed and not added up, so no error grows; with Poisson arrivals the gaps are drawn from
 * the exponential distribution, as from many clients who know nothing of each other.
 */
#ifndef LOAD_SCHEDULE_H
#define LOAD_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"

struct schedule {
    bool is_poisson;
    double gap_ns;   /* in the mean */
    double first_ns; /* when the first of a constant rate is due */
    double due_ns;
    uint64_t number;
    struct random random;
};

/* One of `parts` schedules that make `per_s` together; a constant rate is dealt out in turns. */
void schedule_init(struct schedule *schedule, bool is_poisson, double per_s, unsigned part,
                   unsigned parts, uint64_t seed);

static inline uint64_t schedule_due_ns(const struct schedule *schedule)
{
    return (uint64_t)schedule->due_ns;
}

/* On to the next. */
void schedule_advance(struct schedule *schedule);

#endif
