/* metrics.h - INFO's text, rewritten for Prometheus. */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include "base/buffer.h"

/* Appends every figure of INFO's text that metrics.c has a name for. */
void metrics_write(struct bytes info, struct buffer *out);

#endif
