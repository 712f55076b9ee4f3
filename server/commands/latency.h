/* latency.h - when did the server hesitate?
 *
 * For each kind of event the last moments at which it took latency-monitor-threshold or longer, one
 * sample for each second: LATENCY LATEST and HISTORY.  Under a lock of its own; nothing comes here
 * unless it was slow.
 */
#ifndef COMMANDS_LATENCY_H
#define COMMANDS_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

enum latency_event { LATENCY_COMMAND, LATENCY_FAST_COMMAND, LATENCY_EVENT_COUNT };

extern const char *const latency_event_names[LATENCY_EVENT_COUNT];

#define LATENCY_SAMPLES_MAX 160

struct latency_sample {
    int64_t at_s;
    int64_t duration_ms;
};

struct latency_history {
    struct latency_sample samples[LATENCY_SAMPLES_MAX]; /* the oldest first */
    int count;
    int64_t max_ms; /* also of samples that made room for newer ones */
};

struct latency_monitor;

struct latency_monitor *latency_monitor_create(void);
void latency_monitor_destroy(struct latency_monitor *monitor);

/* Of several samples in a second the longest stays. */
void latency_monitor_add(struct latency_monitor *monitor, enum latency_event event, int64_t at_s,
                         int64_t duration_ms);

/* A copy; false if there was no such event. */
bool latency_monitor_history(struct latency_monitor *monitor, enum latency_event event,
                             struct latency_history *history) MUST_USE;

/* False if there was nothing to forget. */
bool latency_monitor_forget(struct latency_monitor *monitor, enum latency_event event);

#endif
