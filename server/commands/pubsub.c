#include "commands/pubsub.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/name_table.h"
#include "commands/inbox.h"
#include "commands/session.h"

#define SHARDS 64

/* A client in a channel: in the channel's list and in the client's table. */
struct subscription {
    struct name_node node; /* first; its name is the channel's */
    struct channel *channel;
    struct session *session;
    TAILQ_ENTRY(subscription) others;
};

/* Of any kind. */
struct channel {
    struct name_node node; /* first; its name stands behind it */
    TAILQ_HEAD(, subscription) subscriptions;
    size_t count;
    char name[];
};

struct shard {
    pthread_mutex_t lock;
    struct name_table channels;
};

struct pubsub {
    struct shard shards[PUBSUB_KIND_COUNT][SHARDS]; /* of patterns only the first is used */
    _Atomic int64_t name_count[PUBSUB_KIND_COUNT];
};

struct pubsub *pubsub_create(void)
{
    struct pubsub *pubsub = xcalloc(1, sizeof *pubsub);

    for (int kind = 0; kind < PUBSUB_KIND_COUNT; kind++)
        for (int i = 0; i < SHARDS; i++)
            (void)pthread_mutex_init(&pubsub->shards[kind][i].lock, NULL);
    return pubsub;
}

void pubsub_destroy(struct pubsub *pubsub)
{
    if (pubsub == NULL)
        return;
    for (int kind = 0; kind < PUBSUB_KIND_COUNT; kind++) {
        for (int i = 0; i < SHARDS; i++) {
            assert(pubsub->shards[kind][i].channels.count == 0);
            name_table_clear(&pubsub->shards[kind][i].channels);
            (void)pthread_mutex_destroy(&pubsub->shards[kind][i].lock);
        }
    }
    free(pubsub);
}

/* Locked; patterns have to be looked at all together. */
static struct shard *lock_shard(struct pubsub *pubsub, enum pubsub_kind kind, struct bytes name)
{
    size_t index = kind == PUBSUB_PATTERN ? 0 : (size_t)(hash_content(name) % SHARDS);
    struct shard *shard = &pubsub->shards[kind][index];

    (void)pthread_mutex_lock(&shard->lock);
    return shard;
}

static void unlock_shard(struct shard *shard)
{
    (void)pthread_mutex_unlock(&shard->lock);
}

/* --- listening --- */

static struct channel *find_or_create(struct pubsub *pubsub, struct shard *shard,
                                      enum pubsub_kind kind, struct bytes name)
{
    struct channel *channel = (struct channel *)name_table_find(&shard->channels, name);

    if (channel != NULL)
        return channel;
    channel = xmalloc(sizeof *channel + name.size);
    if (name.size > 0)
        memcpy(channel->name, name.data, name.size);
    channel->node.name = (struct bytes){channel->name, name.size};
    TAILQ_INIT(&channel->subscriptions);
    channel->count = 0;
    name_table_add(&shard->channels, &channel->node);
    atomic_fetch_add(&pubsub->name_count[kind], 1);
    return channel;
}

bool pubsub_subscribe(struct pubsub *pubsub, struct session *session, enum pubsub_kind kind,
                      struct bytes name)
{
    struct subscription *subscription;
    struct shard *shard;

    if (name_table_find(&session->subscriptions[kind], name) != NULL)
        return false;
    subscription = xcalloc(1, sizeof *subscription);
    subscription->session = session;
    shard = lock_shard(pubsub, kind, name);
    subscription->channel = find_or_create(pubsub, shard, kind, name);
    TAILQ_INSERT_TAIL(&subscription->channel->subscriptions, subscription, others);
    subscription->channel->count++;
    unlock_shard(shard);
    subscription->node.name = subscription->channel->node.name; /* stays while it is in there */
    name_table_add(&session->subscriptions[kind], &subscription->node);
    return true;
}

static void leave(struct pubsub *pubsub, struct session *session, enum pubsub_kind kind,
                  struct subscription *subscription)
{
    struct channel *channel = subscription->channel;
    struct shard *shard;

    name_table_remove(&session->subscriptions[kind], &subscription->node);
    shard = lock_shard(pubsub, kind, channel->node.name);
    TAILQ_REMOVE(&channel->subscriptions, subscription, others);
    if (--channel->count == 0) {
        name_table_remove(&shard->channels, &channel->node);
        atomic_fetch_sub(&pubsub->name_count[kind], 1);
        free(channel);
    }
    unlock_shard(shard);
    free(subscription);
}

bool pubsub_unsubscribe(struct pubsub *pubsub, struct session *session, enum pubsub_kind kind,
                        struct bytes name)
{
    struct name_node *node = name_table_find(&session->subscriptions[kind], name);

    if (node == NULL)
        return false;
    leave(pubsub, session, kind, (struct subscription *)node);
    return true;
}

void pubsub_leave(struct pubsub *pubsub, struct session *session)
{
    for (int kind = 0; kind < PUBSUB_KIND_COUNT; kind++) {
        struct name_table *table = &session->subscriptions[kind];
        struct name_node *node;

        while ((node = name_table_any(table)) != NULL)
            leave(pubsub, session, (enum pubsub_kind)kind, (struct subscription *)node);
        name_table_clear(table);
    }
}

size_t pubsub_count_of(const struct session *session, enum pubsub_kind kind)
{
    return session->subscriptions[kind].count;
}

struct bytes pubsub_any_of(const struct session *session, enum pubsub_kind kind)
{
    const struct name_node *node = name_table_any(&session->subscriptions[kind]);

    return node == NULL ? (struct bytes){NULL, 0} : node->name;
}

/* --- publishing --- */

/* With the shard's lock held: what keeps the sessions (I1). */
static int64_t post_to_all(const struct channel *channel, struct letter *letter)
{
    const struct subscription *subscription;

    TAILQ_FOREACH(subscription, &channel->subscriptions, others)
    inbox_post(subscription->session, letter);
    letter_release(letter);
    return (int64_t)channel->count;
}

static int64_t publish_to_channel(struct pubsub *pubsub, enum pubsub_kind kind,
                                  struct bytes channel_name, struct bytes message)
{
    const struct bytes parts[] = {bytes_of(kind == PUBSUB_SHARD ? "smessage" : "message"),
                                  channel_name, message};
    struct shard *shard = lock_shard(pubsub, kind, channel_name);
    const struct channel *channel =
        (const struct channel *)name_table_find(&shard->channels, channel_name);
    int64_t count = channel == NULL
                        ? 0
                        : post_to_all(channel, letter_create(LETTER_PUSH, parts, COUNT_OF(parts)));

    unlock_shard(shard);
    return count;
}

struct matching {
    struct bytes channel, message;
    int64_t count;
};

static void publish_to_pattern(void *context, struct name_node *node)
{
    struct matching *matching = context;
    const struct bytes parts[] = {bytes_of("pmessage"), node->name, matching->channel,
                                  matching->message};

    if (bytes_match_glob(matching->channel, node->name, false))
        matching->count += post_to_all((const struct channel *)node,
                                       letter_create(LETTER_PUSH, parts, COUNT_OF(parts)));
}

int64_t pubsub_publish(struct pubsub *pubsub, enum pubsub_kind kind, struct bytes channel,
                       struct bytes message)
{
    struct matching matching = {channel, message, 0};
    struct shard *shard;

    if (pubsub_name_count(pubsub, kind) > 0)
        matching.count = publish_to_channel(pubsub, kind, channel, message);
    if (kind == PUBSUB_SHARD || pubsub_name_count(pubsub, PUBSUB_PATTERN) == 0)
        return matching.count;
    shard = lock_shard(pubsub, PUBSUB_PATTERN, channel);
    name_table_each(&shard->channels, publish_to_pattern, &matching);
    unlock_shard(shard);
    return matching.count;
}

/* --- looking --- */

int64_t pubsub_listener_count(struct pubsub *pubsub, enum pubsub_kind kind, struct bytes name)
{
    struct shard *shard = lock_shard(pubsub, kind, name);
    const struct channel *channel = (const struct channel *)name_table_find(&shard->channels, name);
    int64_t count = channel == NULL ? 0 : (int64_t)channel->count;

    unlock_shard(shard);
    return count;
}

int64_t pubsub_name_count(struct pubsub *pubsub, enum pubsub_kind kind)
{
    return atomic_load_explicit(&pubsub->name_count[kind], memory_order_relaxed);
}

struct showing {
    void (*each)(void *context, struct bytes name);
    void *context;
};

static void show(void *context, struct name_node *node)
{
    const struct showing *showing = context;

    showing->each(showing->context, node->name);
}

void pubsub_each_name(struct pubsub *pubsub, enum pubsub_kind kind,
                      void (*each)(void *context, struct bytes name), void *context)
{
    struct showing showing = {each, context};

    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &pubsub->shards[kind][i];

        (void)pthread_mutex_lock(&shard->lock);
        name_table_each(&shard->channels, show, &showing);
        unlock_shard(shard);
    }
}

struct asking {
    void (*each)(void *context, const struct session *session, struct bytes name);
    void *context;
};

static void show_listeners(void *context, struct name_node *node)
{
    const struct asking *asking = context;
    const struct channel *channel = (const struct channel *)node;
    const struct subscription *subscription;

    TAILQ_FOREACH(subscription, &channel->subscriptions, others)
    asking->each(asking->context, subscription->session, node->name);
}

void pubsub_each_listener(struct pubsub *pubsub, enum pubsub_kind kind,
                          void (*each)(void *context, const struct session *session,
                                       struct bytes name),
                          void *context)
{
    struct asking asking = {each, context};

    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &pubsub->shards[kind][i];

        (void)pthread_mutex_lock(&shard->lock);
        name_table_each(&shard->channels, show_listeners, &asking);
        (void)pthread_mutex_unlock(&shard->lock);
    }
}
