#include "commands/slowlog.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "commands/clients.h"

struct slowlog {
    pthread_mutex_t lock;
    struct slow_call *newest;
    int64_t length;
    int64_t next_id;
};

struct slowlog *slowlog_create(void)
{
    struct slowlog *log = xcalloc(1, sizeof(*log));

    pthread_mutex_init(&log->lock, NULL);
    return log;
}

void slowlog_destroy(struct slowlog *log)
{
    if (log == NULL)
        return;
    slowlog_clear(log);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

static void copy_argument(struct buffer *into, struct bytes argument)
{
    if (argument.size <= SLOWLOG_ARG_BYTES_MAX) {
        buffer_append_bytes(into, argument);
        return;
    }
    buffer_append(into, argument.data, SLOWLOG_ARG_BYTES_MAX);
    buffer_printf(into, "... (%zu more bytes)", argument.size - SLOWLOG_ARG_BYTES_MAX);
}

static void copy_arguments(struct slow_call *slow, const struct call *call)
{
    size_t kept = call->argc <= SLOWLOG_ARGS_MAX ? call->argc : SLOWLOG_ARGS_MAX - 1;

    for (size_t i = 0; i < kept; i++)
        copy_argument(&slow->argv[i], clients_shown_argument(call, i));
    if (kept < call->argc) {
        buffer_printf(&slow->argv[kept], "... (%zu more arguments)", call->argc - kept);
        kept++;
    }
    slow->argc = (int)kept;
}

static struct slow_call *slow_call_create(const struct call *call, int64_t duration_us)
{
    struct slow_call *slow = xcalloc(1, sizeof(*slow));
    const char *name = clients_borrow_name(call->session);

    slow->at_s = clock_wall_ms(call_services(call)->clock) / 1000;
    slow->duration_us = duration_us;
    snprintf(slow->address, sizeof(slow->address), "%s", call->session->address);
    slow->name = xstrdup(name == NULL ? "" : name);
    copy_arguments(slow, call);
    return slow;
}

static void slow_call_destroy(struct slow_call *slow)
{
    for (int i = 0; i < slow->argc; i++)
        buffer_clear(&slow->argv[i]);
    free(slow->name);
    free(slow);
}

/* With the lock held. */
static void trim(struct slowlog *log, int64_t length_max)
{
    struct slow_call **end = &log->newest;
    struct slow_call *forgotten;

    if (log->length <= length_max)
        return;
    for (int64_t i = 0; i < length_max; i++)
        end = &(*end)->older;
    forgotten = *end;
    *end = NULL;
    log->length = length_max;
    while (forgotten != NULL) {
        struct slow_call *older = forgotten->older;

        slow_call_destroy(forgotten);
        forgotten = older;
    }
}

void slowlog_add(struct slowlog *log, const struct call *call, int64_t duration_us,
                 int64_t length_max)
{
    struct slow_call *slow = slow_call_create(call, duration_us);

    pthread_mutex_lock(&log->lock);
    slow->id = log->next_id++;
    slow->older = log->newest;
    log->newest = slow;
    log->length++;
    trim(log, length_max);
    pthread_mutex_unlock(&log->lock);
}

int64_t slowlog_length(struct slowlog *log)
{
    int64_t length;

    pthread_mutex_lock(&log->lock);
    length = log->length;
    pthread_mutex_unlock(&log->lock);
    return length;
}

void slowlog_trim(struct slowlog *log, int64_t length_max)
{
    pthread_mutex_lock(&log->lock);
    trim(log, length_max);
    pthread_mutex_unlock(&log->lock);
}

void slowlog_clear(struct slowlog *log)
{
    slowlog_trim(log, 0);
}

void slowlog_read(struct slowlog *log, int64_t count, const struct slowlog_reader *reader)
{
    const struct slow_call *slow;

    pthread_mutex_lock(&log->lock);
    if (count < 0 || count > log->length)
        count = log->length;
    reader->begin(reader->context, count);
    slow = log->newest;
    for (int64_t i = 0; i < count; i++, slow = slow->older)
        reader->each(reader->context, slow);
    pthread_mutex_unlock(&log->lock);
}
