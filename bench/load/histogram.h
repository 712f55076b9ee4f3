/* histogram.h - how often which duration was seen, in little memory.
 *
 * Log-linear: a power of two is cut into 128 buckets of equal width, so what comes out is at most
 * 1/128 (0.8 %) above what went in, from a nanosecond to 18 minutes; what is longer counts as 18
 * minutes in the percentiles and as it is in the maximum.  The memory is fixed, and two histograms
 * add up to that of both.  (Debian 12 has no libhdr-histogram, which does the same.)
 */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BITS       7  /* of precision: 2^7 buckets for each power of two */
#define HISTOGRAM_VALUE_BITS 40 /* values from 2^40 on share the last bucket */
#define HISTOGRAM_BUCKETS    ((HISTOGRAM_VALUE_BITS - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

/* All zeros is an empty one. */
struct histogram {
    uint64_t count, sum, max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_record(struct histogram *histogram, uint64_t value);
void histogram_add(struct histogram *into, const struct histogram *other);

/* The value that `percent` of all are not above (0 .. 100, the larger bound of its bucket, the
 * exact maximum at 100); 0 if there are none. */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

double histogram_mean(const struct histogram *histogram);

/* The largest value that bucket `index` counts. */
uint64_t histogram_bound(unsigned index);

#endif
