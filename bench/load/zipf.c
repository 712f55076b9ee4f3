#include "load/zipf.h"

#include <math.h>

/* Closer to 1 than this, theta counts as 1, where the area is a logarithm. */
#define NEARLY_ONE 1e-8

double zipf_unit(struct random *random)
{
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

/* The curve. */
static double height(const struct zipf *zipf, double x)
{
    return exp(-zipf->theta * log(x));
}

/* The area under it from 1 to x. */
static double area(const struct zipf *zipf, double x)
{
    double power = 1 - zipf->theta;

    return fabs(power) < NEARLY_ONE ? log(x) : expm1(power * log(x)) / power;
}

/* The x up to which the area is that large. */
static double area_end(const struct zipf *zipf, double wanted)
{
    double power = 1 - zipf->theta;

    return fabs(power) < NEARLY_ONE ? exp(wanted) : exp(log1p(wanted * power) / power);
}

void zipf_init(struct zipf *zipf, double theta, uint64_t count)
{
    zipf->theta = theta;
    zipf->area_low = area(zipf, 1.5) - 1;
    zipf->sure = 2 - area_end(zipf, area(zipf, 2.5) - height(zipf, 2));
    zipf_set_count(zipf, count);
}

void zipf_set_count(struct zipf *zipf, uint64_t count)
{
    zipf->count = count;
    zipf->area_high = area(zipf, (double)count + 0.5);
}

uint64_t zipf_draw(const struct zipf *zipf, struct random *random)
{
    for (;;) {
        double drawn = zipf->area_high + zipf_unit(random) * (zipf->area_low - zipf->area_high);
        double x = area_end(zipf, drawn);
        double step = floor(x + 0.5);

        step = fmin(fmax(step, 1), (double)zipf->count);
        if (step - x <= zipf->sure || drawn >= area(zipf, step + 0.5) - height(zipf, step))
            return (uint64_t)step - 1;
    }
}
