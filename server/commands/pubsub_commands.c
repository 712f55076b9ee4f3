/* pubsub_commands.c - SUBSCRIBE, PUBLISH, PUBSUB and their kin. */
#include <stdlib.h>

#include "commands/acl_check.h"
#include "commands/help.h"
#include "commands/pubsub.h"
#include "commands/table.h"

/* What a kind of names is called in what clients are told. */
static const struct wording {
    const char *subscribed, *unsubscribed;
} wordings[PUBSUB_KIND_COUNT] = {
    [PUBSUB_CHANNEL] = {"subscribe", "unsubscribe"},
    [PUBSUB_PATTERN] = {"psubscribe", "punsubscribe"},
    [PUBSUB_SHARD] = {"ssubscribe", "sunsubscribe"},
};

static struct pubsub *pubsub_of(const struct call *call)
{
    return call_services(call)->pubsub;
}

/* Shard channels are counted apart. */
static size_t count_shown(const struct session *session, enum pubsub_kind kind)
{
    if (kind == PUBSUB_SHARD)
        return pubsub_count_of(session, PUBSUB_SHARD);
    return pubsub_count_of(session, PUBSUB_CHANNEL) + pubsub_count_of(session, PUBSUB_PATTERN);
}

void pubsub_note(struct session *session)
{
    bool listens = session->watcher != NULL;

    for (int kind = 0; kind < PUBSUB_KIND_COUNT; kind++) {
        size_t count = pubsub_count_of(session, (enum pubsub_kind)kind);

        atomic_store_explicit(&session->shared_subscriptions[kind], (int)count,
                              memory_order_relaxed);
        listens = listens || count > 0;
    }
    session->is_subscriber = listens;
}

/* One push for each name, and no other answer. */
static void tell(struct call *call, const char *word, enum pubsub_kind kind, struct bytes name)
{
    reply_push(call->reply, 3);
    reply_text(call->reply, word);
    if (name.data == NULL)
        reply_null(call->reply);
    else
        reply_bulk(call->reply, name);
    reply_integer(call->reply, (int64_t)count_shown(call->session, kind));
}

static enum status subscribe(struct call *call, enum pubsub_kind kind)
{
    for (size_t i = 1; i < call->argc; i++) {
        (void)pubsub_subscribe(pubsub_of(call), call->session, kind, call->argv[i]);
        tell(call, wordings[kind].subscribed, kind, call->argv[i]);
    }
    pubsub_note(call->session);
    acl_check_subscriptions(call);
    return STATUS_OK;
}

static void unsubscribe_one(struct call *call, enum pubsub_kind kind, struct bytes name)
{
    (void)pubsub_unsubscribe(pubsub_of(call), call->session, kind, name);
    tell(call, wordings[kind].unsubscribed, kind, name);
}

/* Who listens to nothing is told so. */
static void unsubscribe_all(struct call *call, enum pubsub_kind kind)
{
    struct buffer copy = {0};
    struct bytes name = pubsub_any_of(call->session, kind);

    if (name.data == NULL)
        tell(call, wordings[kind].unsubscribed, kind, name);
    while ((name = pubsub_any_of(call->session, kind)).data != NULL) {
        copy.size = 0;
        buffer_append_bytes(&copy, name); /* the name goes with its channel */
        unsubscribe_one(call, kind, buffer_view(&copy));
    }
    buffer_clear(&copy);
}

static enum status unsubscribe(struct call *call, enum pubsub_kind kind)
{
    for (size_t i = 1; i < call->argc; i++)
        unsubscribe_one(call, kind, call->argv[i]);
    if (call->argc == 1)
        unsubscribe_all(call, kind);
    pubsub_note(call->session);
    return STATUS_OK;
}

static enum status command_subscribe(struct call *call)
{
    return subscribe(call, PUBSUB_CHANNEL);
}

static enum status command_psubscribe(struct call *call)
{
    return subscribe(call, PUBSUB_PATTERN);
}

static enum status command_ssubscribe(struct call *call)
{
    return subscribe(call, PUBSUB_SHARD);
}

static enum status command_unsubscribe(struct call *call)
{
    return unsubscribe(call, PUBSUB_CHANNEL);
}

static enum status command_punsubscribe(struct call *call)
{
    return unsubscribe(call, PUBSUB_PATTERN);
}

static enum status command_sunsubscribe(struct call *call)
{
    return unsubscribe(call, PUBSUB_SHARD);
}

void pubsub_forget(struct pubsub *pubsub, struct session *session)
{
    pubsub_leave(pubsub, session);
    pubsub_note(session);
}

/* --- publishing --- */

static enum status command_publish(struct call *call)
{
    reply_integer(call->reply,
                  pubsub_publish(pubsub_of(call), PUBSUB_CHANNEL, call->argv[1], call->argv[2]));
    return STATUS_OK;
}

static enum status command_spublish(struct call *call)
{
    reply_integer(call->reply,
                  pubsub_publish(pubsub_of(call), PUBSUB_SHARD, call->argv[1], call->argv[2]));
    return STATUS_OK;
}

/* --- looking --- */

/* Names are collected before the first is told: their number comes first. */
struct names {
    const struct bytes *pattern; /* NULL = all */
    struct buffer text;          /* sizes and names, one behind the other */
    size_t count;
};

static void note_name(void *context, struct bytes name)
{
    struct names *names = context;

    if (names->pattern != NULL && !bytes_match_glob(name, *names->pattern, false))
        return;
    names->count++;
    buffer_append(&names->text, &name.size, sizeof name.size);
    buffer_append_bytes(&names->text, name);
}

static enum status reply_names(struct call *call, enum pubsub_kind kind)
{
    struct names names = {.pattern = call->argc > 2 ? &call->argv[2] : NULL};
    size_t at = 0, size;

    if (call->argc > 3)
        return STATUS_ARITY;
    pubsub_each_name(pubsub_of(call), kind, note_name, &names);
    reply_array(call->reply, names.count);
    while (at < names.text.size) {
        memcpy(&size, names.text.data + at, sizeof size);
        reply_bulk(call->reply, (struct bytes){names.text.data + at + sizeof size, size});
        at += sizeof size + size;
    }
    buffer_clear(&names.text);
    return STATUS_OK;
}

static enum status reply_counts(struct call *call, enum pubsub_kind kind)
{
    reply_array(call->reply, 2 * (call->argc - 2));
    for (size_t i = 2; i < call->argc; i++) {
        reply_bulk(call->reply, call->argv[i]);
        reply_integer(call->reply, pubsub_listener_count(pubsub_of(call), kind, call->argv[i]));
    }
    return STATUS_OK;
}

static enum status command_channels(struct call *call)
{
    return reply_names(call, PUBSUB_CHANNEL);
}

static enum status command_shardchannels(struct call *call)
{
    return reply_names(call, PUBSUB_SHARD);
}

static enum status command_numsub(struct call *call)
{
    return reply_counts(call, PUBSUB_CHANNEL);
}

static enum status command_shardnumsub(struct call *call)
{
    return reply_counts(call, PUBSUB_SHARD);
}

static enum status command_numpat(struct call *call)
{
    reply_integer(call->reply, pubsub_name_count(pubsub_of(call), PUBSUB_PATTERN));
    return STATUS_OK;
}

/* clang-format off */
#define PUBSUB  .group = GROUP_PUBSUB, .compat = COMPAT_SAME, .note = ""
#define LISTENS .flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_WHILE_SUBSCRIBED
#define LOOKS   .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE

static struct command subcommands[] = {
    { .name = "channels", .arity = -2, LOOKS, PUBSUB, .run = command_channels, .since = "2.8.0",
      .complexity = "O(N) where N is the number of channels",
      .summary = "Lists the channels that somebody listens to", .syntax = "[pattern]" },
    { .name = "numsub", .arity = -2, LOOKS, PUBSUB, .run = command_numsub, .since = "2.8.0",
      .complexity = "O(N) where N is the number of channels asked for",
      .summary = "Tells how many clients listen to each channel",
      .syntax = "[channel [channel ...]]" },
    { .name = "numpat", .arity = 2, LOOKS, PUBSUB, .run = command_numpat, .since = "2.8.0",
      .complexity = "O(1)", .summary = "Tells how many patterns are listened to", .syntax = "" },
    { .name = "shardchannels", .arity = -2, LOOKS, PUBSUB, .run = command_shardchannels,
      .since = "7.0.0", .complexity = "O(N) where N is the number of shard channels",
      .summary = "Lists the shard channels that somebody listens to", .syntax = "[pattern]" },
    { .name = "shardnumsub", .arity = -2, LOOKS, PUBSUB, .run = command_shardnumsub,
      .since = "7.0.0", .complexity = "O(N) where N is the number of channels asked for",
      .summary = "Tells how many clients listen to each shard channel",
      .syntax = "[shardchannel [shardchannel ...]]" },
    { .name = "help", .arity = 2, .flags = CMD_LOADING | CMD_STALE, PUBSUB, .run = command_help,
      .since = "6.2.0", .complexity = "O(1)", .summary = "Lists the subcommands", .syntax = "" },
    { 0 },
};

struct command pubsub_commands[] = {
    { .name = "subscribe", .arity = -2, LISTENS, PUBSUB, .run = command_subscribe,
      .since = "2.0.0", .complexity = "O(N) where N is the number of channels",
      .summary = "Listens to channels", .syntax = "channel [channel ...]" },
    { .name = "unsubscribe", .arity = -1, LISTENS, PUBSUB, .run = command_unsubscribe,
      .since = "2.0.0", .complexity = "O(N) where N is the number of channels",
      .summary = "Stops listening to channels, or to all of them",
      .syntax = "[channel [channel ...]]" },
    { .name = "psubscribe", .arity = -2, LISTENS, PUBSUB, .run = command_psubscribe,
      .since = "2.0.0", .complexity = "O(N) where N is the number of patterns",
      .summary = "Listens to all channels that match patterns", .syntax = "pattern [pattern ...]" },
    { .name = "punsubscribe", .arity = -1, LISTENS, PUBSUB, .run = command_punsubscribe,
      .since = "2.0.0", .complexity = "O(N) where N is the number of patterns",
      .summary = "Stops listening by patterns, or by all of them",
      .syntax = "[pattern [pattern ...]]" },
    { .name = "ssubscribe", .arity = -2, LISTENS, PUBSUB, .run = command_ssubscribe,
      .since = "7.0.0", .complexity = "O(N) where N is the number of channels",
      .summary = "Listens to shard channels", .syntax = "shardchannel [shardchannel ...]" },
    { .name = "sunsubscribe", .arity = -1, LISTENS, PUBSUB, .run = command_sunsubscribe,
      .since = "7.0.0", .complexity = "O(N) where N is the number of channels",
      .summary = "Stops listening to shard channels, or to all of them",
      .syntax = "[shardchannel [shardchannel ...]]" },
    { .name = "publish", .arity = 3, .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST,
      .group = GROUP_PUBSUB, .compat = COMPAT_DIFFERS, .run = command_publish, .since = "2.0.0",
      .complexity = "O(N+M) where N is the number of clients that listen to the channel and M "
                    "the number of patterns that anybody listens by",
      .summary = "Sends a message into a channel", .syntax = "channel message",
      .note = "reaches the clients of this node; changes of keys are told on every node, see "
              "notify-keyspace-events" },
    { .name = "spublish", .arity = 3, .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST,
      PUBSUB, .run = command_spublish,
      .since = "7.0.0",
      .complexity = "O(N) where N is the number of clients that listen to the shard channel",
      .summary = "Sends a message into a shard channel", .syntax = "shardchannel message" },
    { .name = "pubsub", .arity = -2, .subcommands = subcommands, PUBSUB, .since = "2.8.0",
      .complexity = "That of the subcommand", .summary = "About channels", .syntax = "" },
    { 0 },
};
/* clang-format on */
