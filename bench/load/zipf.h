/* zipf.h - numbers 0 .. count - 1 of which number k is drawn with a probability in proportion to
 * 1 / (k + 1)^theta.
 *
 * By rejection-inversion (Hoermann and Derflinger, "Rejection-inversion to generate variates from
 * monotone discrete distributions", 1996): the area under 1 / x^theta is inverted, and the few
 * draws that fall between the curve and its steps are drawn again.  No table and no sum over all
 * keys, so a hundred million keys cost what ten do; and count may change between draws at the price
 * of one logarithm.
 */
#ifndef LOAD_ZIPF_H
#define LOAD_ZIPF_H

#include <stdint.h>

#include "base/random.h"

struct zipf {
    double theta;
    uint64_t count;
    double area_low, area_high; /* of the curve: where draws begin and end */
    double sure;                /* how close to its step a draw needs no further look */
};

/* theta > 0, count > 0. */
void zipf_init(struct zipf *zipf, double theta, uint64_t count);
void zipf_set_count(struct zipf *zipf, uint64_t count);

uint64_t zipf_draw(const struct zipf *zipf, struct random *random);

/* Evenly from [0, 1). */
double zipf_unit(struct random *random);

#endif
