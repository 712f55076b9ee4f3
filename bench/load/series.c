#include "load/series.h"

#include <stdlib.h>

#include "base/memory.h"

#define NS_PER_MS 1e6

static double percentile_ms(const struct histogram *histogram, double percent)
{
    return (double)histogram_percentile(histogram, percent) / NS_PER_MS;
}

void series_add(struct series *series, double second, const struct stats *stats)
{
    struct series_row *row;

    if (series->count == SERIES_ROWS_MAX)
        return;
    series->rows = xgrow(series->rows, series->count, &series->capacity, sizeof(*series->rows));
    row = &series->rows[series->count++];
    row->second = second;
    for (int i = 0; i < KIND_COUNT; i++) {
        const struct kind_stats *kind = &stats->kinds[i];

        row->kinds[i] = (struct series_kind){
            kind->latency.count,
            kind->errors,
            percentile_ms(&kind->latency, 50),
            percentile_ms(&kind->latency, 99),
            percentile_ms(&kind->latency, 99.9),
            percentile_ms(&kind->latency, 100),
        };
    }
}

void series_clear(struct series *series)
{
    free(series->rows);
    *series = (struct series){0};
}
