/* series.h - the course of a run, a row for each second. */
#ifndef LOAD_SERIES_H
#define LOAD_SERIES_H

#include <stddef.h>

#include "load/stats.h"

#define SERIES_ROWS_MAX 100000 /* more than a day; what comes later is left out */

struct series_row {
    double second; /* at its end, counted from the end of the warm-up */
    struct series_kind {
        uint64_t replies, errors;
        double p50_ms, p99_ms, p999_ms, max_ms;
    } kinds[KIND_COUNT];
};

/* All zeros is an empty one. */
struct series {
    struct series_row *rows;
    size_t count, capacity;
};

void series_add(struct series *series, double second, const struct stats *stats);
void series_clear(struct series *series);

#endif
