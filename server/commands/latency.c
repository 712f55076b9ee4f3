#include "commands/latency.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

const char *const latency_event_names[LATENCY_EVENT_COUNT] = {
    [LATENCY_COMMAND] = "command",
    [LATENCY_FAST_COMMAND] = "fast-command",
};

struct latency_monitor {
    pthread_mutex_t lock;
    struct latency_history histories[LATENCY_EVENT_COUNT];
};

struct latency_monitor *latency_monitor_create(void)
{
    struct latency_monitor *monitor = xcalloc(1, sizeof(*monitor));

    pthread_mutex_init(&monitor->lock, NULL);
    return monitor;
}

void latency_monitor_destroy(struct latency_monitor *monitor)
{
    if (monitor == NULL)
        return;
    pthread_mutex_destroy(&monitor->lock);
    free(monitor);
}

static void history_add(struct latency_history *history, struct latency_sample sample)
{
    struct latency_sample *newest =
        history->count == 0 ? NULL : &history->samples[history->count - 1];

    if (sample.duration_ms > history->max_ms)
        history->max_ms = sample.duration_ms;
    if (newest != NULL && newest->at_s == sample.at_s) {
        if (sample.duration_ms > newest->duration_ms)
            newest->duration_ms = sample.duration_ms;
        return;
    }
    if (history->count == LATENCY_SAMPLES_MAX) {
        memmove(&history->samples[0], &history->samples[1],
                (LATENCY_SAMPLES_MAX - 1) * sizeof(history->samples[0]));
        history->count--;
    }
    history->samples[history->count++] = sample;
}

void latency_monitor_add(struct latency_monitor *monitor, enum latency_event event, int64_t at_s,
                         int64_t duration_ms)
{
    pthread_mutex_lock(&monitor->lock);
    history_add(&monitor->histories[event], (struct latency_sample){at_s, duration_ms});
    pthread_mutex_unlock(&monitor->lock);
}

bool latency_monitor_history(struct latency_monitor *monitor, enum latency_event event,
                             struct latency_history *history)
{
    bool is_there;

    pthread_mutex_lock(&monitor->lock);
    is_there = monitor->histories[event].count > 0;
    if (is_there)
        *history = monitor->histories[event];
    pthread_mutex_unlock(&monitor->lock);
    return is_there;
}

bool latency_monitor_forget(struct latency_monitor *monitor, enum latency_event event)
{
    bool was_there;

    pthread_mutex_lock(&monitor->lock);
    was_there = monitor->histories[event].count > 0;
    monitor->histories[event] = (struct latency_history){0};
    pthread_mutex_unlock(&monitor->lock);
    return was_there;
}
