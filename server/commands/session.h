/* session.h - what the server remembers of one client between its commands.
 *
 * Owned by the connection and touched by its thread alone, but for the fields marked "shared",
 * which CLIENT LIST and CLIENT KILL on other connections read or set (clients.h).
 */
#ifndef COMMANDS_SESSION_H
#define COMMANDS_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/name_table.h"
#include "commands/inbox.h"
#include "commands/pubsub.h"
#include "store/registry.h"

struct acl_user;
struct clients;
struct command;
struct tracker;
struct watcher;

/* WAIT: another client's CLIENT UNBLOCK turns the second into one of the last two. */
enum blocking { BLOCKING_NOT, BLOCKING_WAITS, BLOCKING_IS_TIMED_OUT, BLOCKING_IS_ENDED };

enum reply_mode { REPLY_ON, REPLY_OFF, REPLY_SKIP_NEXT, REPLY_SKIP_THIS };

/* A key under WATCH and what it was at that moment. */
struct watched_key {
    int database;   /* -1 = the named namespace below */
    struct ns *ns;  /* retained */
    uint64_t stamp; /* of the record, 0 = none */
    bool is_live;
    struct buffer key;
};

/* A command queued by MULTI.  The words of all of them stand one behind the other in
 * session->queue_words, their sizes in session->queue_sizes. */
struct queued_command {
    const struct command *command;
    size_t argc;
};

struct session {
    /* fixed while it lives */
    uint64_t id;
    char address[64]; /* "127.0.0.1:4711" or "/path:0" */
    char local_address[64];
    int descriptor;
    int64_t created_s;

    /* the connection's own */
    int database;     /* the selected number, or -1: then `named` */
    struct ns *named; /* retained */
    int protocol;     /* 2 or 3 */
    bool is_authenticated;
    struct acl_user *user;    /* whose rights it has, retained; NULL = all.  Other threads see his
                                 name, under the clients' lock. */
    uint64_t user_generation; /* acl.h: in which it has looked for the user, ... */
    uint64_t free_generation; /* ... and in which it was allowed everything: acl_check.h */
    bool is_home;             /* of a user tied to a namespace: it is the one below */
    int home_database;
    unsigned char home_id[NS_ID_SIZE];
    enum reply_mode reply_mode;
    bool wants_close;          /* QUIT, CLIENT KILL of oneself: close once the reply is out */
    uint64_t last_write;       /* the group of its newest write */
    uint64_t last_write_stamp; /* and the stamp, 0 = none yet: WAIT */
    bool is_subscriber;        /* listens to channels, or watches */
    int64_t wait_ends_ms;      /* while `blocking`: when its WAIT ends by itself */

    bool is_multi;
    bool is_multi_dirty; /* a queued command was refused: EXEC aborts */
    struct queued_command *queue;
    size_t queue_count, queue_capacity;
    size_t *queue_sizes;
    size_t queue_sizes_count, queue_sizes_capacity;
    struct buffer queue_words;

    struct name_table subscriptions[PUBSUB_KIND_COUNT]; /* pubsub.c's */

    struct tracker *tracker; /* tracking.c's; NULL = it does not track */
    struct watcher *watcher; /* watch.c's; NULL = it does not watch */

    struct watched_key *watched;
    size_t watched_count, watched_capacity;

    /* shared */
    _Atomic int64_t active_s; /* monotonic second of the last command */
    atomic_bool is_killed;
    atomic_bool is_monitor;
    atomic_bool is_never_evicted; /* CLIENT NO-EVICT */
    atomic_bool is_paused;        /* its request waits for CLIENT PAUSE to end: dispatch.c */
    atomic_int blocking;          /* enum blocking */
    atomic_bool has_inbox;
    atomic_int shared_database, shared_protocol, shared_multi; /* for CLIENT LIST */
    atomic_int shared_subscriptions[PUBSUB_KIND_COUNT];        /* as well */
    atomic_bool is_known_to_tracking;
    atomic_uint shared_tracking;      /* TRACKING_*: tracking.h */
    _Atomic uint64_t shared_redirect; /* 0 = none */
    _Atomic(const struct command *) current;
    _Atomic int64_t query_bytes, query_free, reply_bytes, reply_list_bytes, multi_bytes;
    char *name; /* under the clients' lock */

    /* clients.c's */
    struct session *next, *previous;
    struct inbox inbox;
    void (*wake)(struct session *session); /* any thread: makes the owner look at is_killed and
                                              has_inbox, and try a parked request again */
};

void session_init(struct session *session);
/* Back to how it began, as RESET asks: no MULTI, no WATCH, database 0, RESP2, replies on.  Its name
 * and its user are left to the caller, who knows the clients and the users. */
void session_reset(struct session *session);
/* No other thread knows it any more. */
void session_clear(struct session *session);

/* Selects database `database`, or with -1 the namespace `named`, whose reference it takes over. */
void session_select(struct session *session, int database, struct ns *named);

/* Any thread: does a request of it wait for a pause to end, or for replicas? */
static inline bool session_is_blocked(const struct session *session)
{
    return atomic_load_explicit(&session->is_paused, memory_order_relaxed) ||
           atomic_load_explicit(&session->blocking, memory_order_relaxed) != BLOCKING_NOT;
}

/* Gives up all watched keys. */
void session_unwatch(struct session *session);

/* Ends MULTI: no queue, not dirty; the watched keys are given up too. */
void session_discard_queue(struct session *session);

#endif
