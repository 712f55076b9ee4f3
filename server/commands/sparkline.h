/* sparkline.h - a row of figures as a little picture of text: LATENCY GRAPH.
 *
 * Each figure is a column, as high as it is large between the least and the greatest of them.  On
 * top of a column stands _ - or `, for a lower, middle or upper third of its line, | below it, and
 * under all of them their labels, written downwards.
 */
#ifndef COMMANDS_SPARKLINE_H
#define COMMANDS_SPARKLINE_H

#include "base/buffer.h"

#define SPARKLINE_COLUMNS   80 /* what more there is goes into another picture, below */
#define SPARKLINE_LABEL_MAX 8

struct sparkline_column {
    int64_t value;
    char label[SPARKLINE_LABEL_MAX];
};

void sparkline_draw(const struct sparkline_column *columns, int count, struct buffer *out);

#endif
