#include "load/histogram.h"

#include <math.h>

#define HALF (1u << HISTOGRAM_BITS)

/* Values below 2 * HALF have a bucket each; above, the highest bits choose. */
static unsigned bucket_of(uint64_t value)
{
    unsigned shift;

    if (value >= UINT64_C(1) << HISTOGRAM_VALUE_BITS)
        return HISTOGRAM_BUCKETS - 1;
    shift = value < 2 * HALF ? 0 : 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_BITS;
    return (shift << HISTOGRAM_BITS) + (unsigned)(value >> shift);
}

uint64_t histogram_bound(unsigned index)
{
    unsigned shift;

    if (index < 2 * HALF)
        return index;
    shift = (index >> HISTOGRAM_BITS) - 1;
    return (((uint64_t)(index & (HALF - 1)) + HALF + 1) << shift) - 1;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->max)
        histogram->max = value;
    histogram->buckets[bucket_of(value)]++;
}

void histogram_add(struct histogram *into, const struct histogram *other)
{
    into->count += other->count;
    into->sum += other->sum;
    if (other->max > into->max)
        into->max = other->max;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += other->buckets[i];
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
    double rank = ceil(percent / 100 * (double)histogram->count - 1e-6);
    uint64_t wanted = rank < 1 ? 1 : (uint64_t)rank, seen = 0;

    if (histogram->count == 0 || wanted >= histogram->count)
        return histogram->max;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted)
            return histogram_bound(i) < histogram->max ? histogram_bound(i) : histogram->max;
    }
    return histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count == 0 ? 0 : (double)histogram->sum / (double)histogram->count;
}
