/* events.h - keyspace events: notify-keyspace-events, as Redis has them.
 *
 * A command says what it does to a key in Redis's word for it; that goes with its transaction
 * (store/news.h) and is published as messages when it is committed, on two channels:
 *
 *     __keyspace@<where>__:<key>    the word
 *     __keyevent@<where>__:<word>   the key
 *
 * <where> is the number of a database or the title of a namespace.  Changes that no command here
 * made are told too: what other replicas wrote is "set", "expire", "persist" or "del", as it looks
 * from here, and what has expired is "expired", on every replica once.
 *
 * While the option asks for nothing, a command's remark costs one relaxed load.
 */
#ifndef COMMANDS_EVENTS_H
#define COMMANDS_EVENTS_H

#include <stdatomic.h>

#include "commands/call.h"
#include "store/news.h"

/* The letters of the option that concern us. */
enum {
    EVENTS_GENERIC = 1 << 0,  /* g */
    EVENTS_STRING = 1 << 1,   /* $ */
    EVENTS_EXPIRED = 1 << 2,  /* x */
    EVENTS_NEW = 1 << 3,      /* n */
    EVENTS_MISS = 1 << 4,     /* m */
    EVENTS_KEYSPACE = 1 << 5, /* K */
    EVENTS_KEYEVENT = 1 << 6, /* E */
};

enum keyspace_event {
    EVENT_APPEND,
    EVENT_COPY_TO,
    EVENT_DEL,
    EVENT_EXPIRE,
    EVENT_EXPIRED,
    EVENT_INCRBY,
    EVENT_INCRBYFLOAT,
    EVENT_KEYMISS,
    EVENT_MOVE_FROM,
    EVENT_MOVE_TO,
    EVENT_NEW,
    EVENT_PERSIST,
    EVENT_RENAME_FROM,
    EVENT_RENAME_TO,
    EVENT_RESTORE,
    EVENT_SET,
    EVENT_SETBIT,
    EVENT_SETRANGE,
    EVENT_COUNT
};

struct events {
    atomic_uint wanted; /* 0 = nobody is told anything */
    struct options *options;
    struct store *store;
    struct pubsub *pubsub;
    struct buffer channel; /* the commit thread's */
};

struct events *events_create(struct options *options, struct pubsub *pubsub);
/* The store is closed. */
void events_destroy(struct events *events);

/* The option was given, or has changed. */
void events_obey(struct events *events, struct store *store);

/* Of any of these classes? */
static inline bool events_want(const struct call *call, unsigned classes)
{
    return UNLIKELY(
        (atomic_load_explicit(&call_services(call)->events->wanted, memory_order_relaxed) &
         classes) != 0);
}

/* The command, in its transaction, has done this to a key of the namespace. */
void events_remark(struct call *call, enum keyspace_event event, struct ns *ns, struct bytes key);

static inline void events_note_in(struct call *call, enum keyspace_event event, struct ns *ns,
                                  struct bytes key)
{
    if (events_want(call, ~0u))
        events_remark(call, event, ns, key);
}

static inline void events_note(struct call *call, enum keyspace_event event, struct bytes key)
{
    events_note_in(call, event, call->ns, key);
}

/* A command that reads has not found the key: told at once. */
void events_tell_miss(struct call *call, struct ns *ns, struct bytes key);

static inline void events_note_miss(struct call *call, struct bytes key)
{
    if (events_want(call, EVENTS_MISS))
        events_tell_miss(call, call->ns, key);
}

/* The commit thread's part: what is to be told of a committed change. */
void events_tell(struct events *events, const struct news *news);

#endif
