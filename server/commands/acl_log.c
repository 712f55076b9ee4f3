#include "commands/acl_log.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/memory.h"

/* The newest entries only are looked at for one to count on. */
#define LOOKED_AT     10
#define COUNTED_ON_MS 60000

struct entry {
    TAILQ_ENTRY(entry) others;
    struct acl_event event; /* what it points to is the entry's */
};

struct acl_log {
    pthread_mutex_t lock;
    TAILQ_HEAD(entry_list, entry) entries; /* the newest first */
    size_t count;
};

struct acl_log *acl_log_create(void)
{
    struct acl_log *log = xcalloc(1, sizeof *log);

    (void)pthread_mutex_init(&log->lock, NULL);
    TAILQ_INIT(&log->entries);
    return log;
}

static void remove_entry(struct acl_log *log, struct entry *entry)
{
    TAILQ_REMOVE(&log->entries, entry, others);
    log->count--;
    xbytes_free(entry->event.object);
    xbytes_free(entry->event.user);
    xbytes_free(entry->event.client);
    free(entry);
}

static void trim(struct acl_log *log, int64_t max_count)
{
    while ((int64_t)log->count > max_count)
        remove_entry(log, TAILQ_LAST(&log->entries, entry_list));
}

void acl_log_destroy(struct acl_log *log)
{
    if (log == NULL)
        return;
    trim(log, 0);
    (void)pthread_mutex_destroy(&log->lock);
    free(log);
}

static bool is_alike(const struct acl_event *a, const struct acl_event *b)
{
    return a->reason == b->reason && a->is_in_multi == b->is_in_multi &&
           llabs(a->at_ms - b->at_ms) <= COUNTED_ON_MS && bytes_equal(a->object, b->object) &&
           bytes_equal(a->user, b->user);
}

static struct entry *find_alike(const struct acl_log *log, const struct acl_event *event)
{
    struct entry *entry = TAILQ_FIRST(&log->entries);

    for (int i = 0; i < LOOKED_AT && entry != NULL; i++, entry = TAILQ_NEXT(entry, others))
        if (is_alike(&entry->event, event))
            return entry;
    return NULL;
}

static void count_on(struct acl_log *log, struct entry *entry, const struct acl_event *event)
{
    xbytes_free(entry->event.client);
    entry->event.client = xbytes_copy(event->client);
    entry->event.at_ms = event->at_ms;
    entry->event.count++;
    TAILQ_REMOVE(&log->entries, entry, others);
    TAILQ_INSERT_HEAD(&log->entries, entry, others);
}

static void add_entry(struct acl_log *log, const struct acl_event *event)
{
    struct entry *entry = xcalloc(1, sizeof *entry);

    entry->event = *event;
    entry->event.object = xbytes_copy(event->object);
    entry->event.user = xbytes_copy(event->user);
    entry->event.client = xbytes_copy(event->client);
    entry->event.count = 1;
    TAILQ_INSERT_HEAD(&log->entries, entry, others);
    log->count++;
}

void acl_log_add(struct acl_log *log, const struct acl_event *event, int64_t max_count)
{
    struct entry *alike;

    (void)pthread_mutex_lock(&log->lock);
    alike = find_alike(log, event);
    if (alike != NULL)
        count_on(log, alike, event);
    else
        add_entry(log, event);
    trim(log, max_count);
    (void)pthread_mutex_unlock(&log->lock);
}

void acl_log_reset(struct acl_log *log)
{
    (void)pthread_mutex_lock(&log->lock);
    trim(log, 0);
    (void)pthread_mutex_unlock(&log->lock);
}

void acl_log_show(struct acl_log *log, int64_t count, void (*begin)(void *context, size_t count),
                  void (*each)(void *context, const struct acl_event *event), void *context)
{
    const struct entry *entry;

    (void)pthread_mutex_lock(&log->lock);
    if (count > (int64_t)log->count)
        count = (int64_t)log->count;
    begin(context, (size_t)count);
    entry = TAILQ_FIRST(&log->entries);
    for (; count > 0; count--, entry = TAILQ_NEXT(entry, others))
        each(context, &entry->event);
    (void)pthread_mutex_unlock(&log->lock);
}
