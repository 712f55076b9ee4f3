#include "load/schedule.h"

#include <math.h>

#include "load/zipf.h"

static double drawn_gap_ns(struct schedule *schedule)
{
    return -log1p(-zipf_unit(&schedule->random)) * schedule->gap_ns;
}

void schedule_init(struct schedule *schedule, bool is_poisson, double per_s, unsigned part,
                   unsigned parts, uint64_t seed)
{
    double gap_ns = 1e9 / per_s * parts;

    *schedule = (struct schedule){.is_poisson = is_poisson,
                                  .gap_ns = gap_ns,
                                  .first_ns = gap_ns * part / parts,
                                  .random = {seed}};
    schedule->due_ns = is_poisson ? drawn_gap_ns(schedule) : schedule->first_ns;
}

void schedule_advance(struct schedule *schedule)
{
    schedule->number++;
    if (schedule->is_poisson)
        schedule->due_ns += drawn_gap_ns(schedule);
    else
        schedule->due_ns = schedule->first_ns + (double)schedule->number * schedule->gap_ns;
}
