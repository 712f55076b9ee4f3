#include "commands/events.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "commands/pubsub.h"

static const struct {
    const char *word;
    unsigned class;
} kinds[EVENT_COUNT] = {
    [EVENT_APPEND] = {"append", EVENTS_STRING},
    [EVENT_COPY_TO] = {"copy_to", EVENTS_GENERIC},
    [EVENT_DEL] = {"del", EVENTS_GENERIC},
    [EVENT_EXPIRE] = {"expire", EVENTS_GENERIC},
    [EVENT_EXPIRED] = {"expired", EVENTS_EXPIRED},
    [EVENT_INCRBY] = {"incrby", EVENTS_STRING},
    [EVENT_INCRBYFLOAT] = {"incrbyfloat", EVENTS_STRING},
    [EVENT_KEYMISS] = {"keymiss", EVENTS_MISS},
    [EVENT_MOVE_FROM] = {"move_from", EVENTS_GENERIC},
    [EVENT_MOVE_TO] = {"move_to", EVENTS_GENERIC},
    [EVENT_NEW] = {"new", EVENTS_NEW},
    [EVENT_PERSIST] = {"persist", EVENTS_GENERIC},
    [EVENT_RENAME_FROM] = {"rename_from", EVENTS_GENERIC},
    [EVENT_RENAME_TO] = {"rename_to", EVENTS_GENERIC},
    [EVENT_RESTORE] = {"restore", EVENTS_GENERIC},
    [EVENT_SET] = {"set", EVENTS_STRING},
    [EVENT_SETBIT] = {"setbit", EVENTS_STRING},
    [EVENT_SETRANGE] = {"setrange", EVENTS_STRING},
};

struct events *events_create(struct options *options, struct pubsub *pubsub)
{
    struct events *events = xcalloc(1, sizeof *events);

    events->options = options;
    events->pubsub = pubsub;
    return events;
}

void events_destroy(struct events *events)
{
    if (events == NULL)
        return;
    buffer_clear(&events->channel);
    free(events);
}

/* --- what is wanted --- */

static const struct {
    char letter;
    unsigned classes;
} letters[] = {
    {'A', EVENTS_GENERIC | EVENTS_STRING | EVENTS_EXPIRED},
    {'g', EVENTS_GENERIC},
    {'$', EVENTS_STRING},
    {'x', EVENTS_EXPIRED},
    {'n', EVENTS_NEW},
    {'m', EVENTS_MISS},
    {'K', EVENTS_KEYSPACE},
    {'E', EVENTS_KEYEVENT},
};

/* Without a channel to tell it on, or anything to tell, nothing is wanted. */
static unsigned read_option(const struct options *options)
{
    const unsigned channels = EVENTS_KEYSPACE | EVENTS_KEYEVENT;
    char *text = options_take_text(options, OPTION_NOTIFY_KEYSPACE_EVENTS);
    unsigned wanted = 0;

    for (size_t i = 0; i < COUNT_OF(letters); i++)
        if (strchr(text, letters[i].letter) != NULL)
            wanted |= letters[i].classes;
    free(text);
    return (wanted & channels) != 0 && (wanted & ~channels) != 0 ? wanted : 0;
}

void events_obey(struct events *events, struct store *store)
{
    unsigned wanted = read_option(events->options);
    unsigned before = atomic_exchange(&events->wanted, wanted);

    events->store = store;
    store_listen(store, (wanted != 0) - (before != 0));
}

/* --- telling --- */

static void append_place(const struct events *events, struct ns *ns, struct buffer *channel)
{
    int database = atomic_load_explicit(&ns->database, memory_order_relaxed);
    char *title;

    if (database >= 0) {
        buffer_printf(channel, "%d", database);
        return;
    }
    title = ns_take_title(store_registry(events->store), ns);
    buffer_append_text(channel, title);
    free(title);
}

static void tell_on(const struct events *events, struct buffer *channel, const char *kind,
                    struct ns *ns, struct bytes name, struct bytes message)
{
    channel->size = 0;
    buffer_append_text(channel, kind);
    append_place(events, ns, channel);
    buffer_append_text(channel, "__:");
    buffer_append_bytes(channel, name);
    (void)pubsub_publish(events->pubsub, PUBSUB_CHANNEL, buffer_view(channel), message);
}

static bool does_anybody_listen(const struct events *events)
{
    return pubsub_name_count(events->pubsub, PUBSUB_CHANNEL) > 0 ||
           pubsub_name_count(events->pubsub, PUBSUB_PATTERN) > 0;
}

static void tell(const struct events *events, struct buffer *channel, enum keyspace_event event,
                 struct ns *ns, struct bytes key)
{
    unsigned wanted = atomic_load_explicit(&events->wanted, memory_order_relaxed);
    struct bytes word = bytes_of(kinds[event].word);

    if ((wanted & kinds[event].class) == 0 || !does_anybody_listen(events))
        return;
    if ((wanted & EVENTS_KEYSPACE) != 0)
        tell_on(events, channel, "__keyspace@", ns, key, word);
    if ((wanted & EVENTS_KEYEVENT) != 0)
        tell_on(events, channel, "__keyevent@", ns, word, key);
}

/* What another replica wrote, as it looks from here: the command itself is not known. */
static void tell_of_put(struct events *events, const struct news *news)
{
    bool has_expiry = (news->flags & NEWS_HAS_EXPIRY) != 0;
    bool is_same_value = (news->flags & NEWS_SAME_VALUE) != 0;
    bool is_same_expiry = (news->flags & NEWS_SAME_EXPIRY) != 0;

    if ((news->flags & NEWS_IS_NEW) != 0)
        tell(events, &events->channel, EVENT_NEW, news->ns, news->key);
    if (!is_same_value || is_same_expiry)
        tell(events, &events->channel, EVENT_SET, news->ns, news->key);
    if (has_expiry && !(is_same_value && is_same_expiry))
        tell(events, &events->channel, EVENT_EXPIRE, news->ns, news->key);
    if (!has_expiry && is_same_value && !is_same_expiry)
        tell(events, &events->channel, EVENT_PERSIST, news->ns, news->key);
}

void events_tell(struct events *events, const struct news *news)
{
    if (atomic_load_explicit(&events->wanted, memory_order_relaxed) == 0)
        return;
    switch (news->kind) {
    case NEWS_REMARK:
        tell(events, &events->channel, (enum keyspace_event)news->remark, news->ns, news->key);
        break;
    case NEWS_EXPIRED:
        tell(events, &events->channel, EVENT_EXPIRED, news->ns, news->key);
        break;
    case NEWS_PUT:
        if ((news->flags & (NEWS_BY_CLIENT | NEWS_IS_CARRIED)) == 0)
            tell_of_put(events, news);
        break;
    case NEWS_DELETED:
        if ((news->flags & NEWS_BY_CLIENT) == 0)
            tell(events, &events->channel, EVENT_DEL, news->ns, news->key);
        break;
    case NEWS_EMPTIED:
    case NEWS_SWAPPED:
    case NEWS_LOADED:
        break;
    }
}

/* --- commands --- */

void events_remark(struct call *call, enum keyspace_event event, struct ns *ns, struct bytes key)
{
    if (events_want(call, kinds[event].class))
        txn_remark(call->txn, ns, key, (uint8_t)event);
}

void events_tell_miss(struct call *call, struct ns *ns, struct bytes key)
{
    struct buffer channel = {0};

    tell(call_services(call)->events, &channel, EVENT_KEYMISS, ns, key);
    buffer_clear(&channel);
}
