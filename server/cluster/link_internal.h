/* link_internal.h - what the files behind link.h share.
 *
 * link.c          the object: listening, the tick, sending
 * connection.c    one link: its bytes, its frames, its end
 * handshake.c     hello, proof, and who may stay
 * dialling.c      names and connecting
 *
 * Nothing is freed while somebody may still look at it: a link that has ended is ENDING until
 * links_reap(), which runs by itself between callbacks.  on_down is called there and nowhere else
 * but before an on_up, so never inside of a call from outside.
 */
#ifndef CLUSTER_LINK_INTERNAL_H
#define CLUSTER_LINK_INTERNAL_H

#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/listener.h>
#include <sys/queue.h>

#include "base/complaints.h"
#include "cluster/dialler.h"
#include "cluster/hello.h"
#include "cluster/joiner.h"
#include "cluster/link.h"
#include "cluster/send_queue.h"

#define LINK_UNKNOWN_MAX     64   /* X1: accepted, and not authenticated */
#define LINK_HELLO_BYTES_MAX 4096 /* X1: of a frame before that */
#define LINK_HANDSHAKE_US    5000000
#define LINK_SILENCE_US      5000000 /* nothing came for so long: it is dead */
#define LINK_IN_USE_US       1500000 /* something came within: its process is alive */
#define LINK_STUCK_US        1500000 /* nothing was acknowledged for so long: take another */
#define LINK_IDLE_US         900000  /* nothing sent for so long: say something */
#define LINK_FAREWELL_US     1000000 /* for the other side to read why */
#define LINK_WORD_STALE      "STALE" /* the refusal that is for good */
#define LINK_WORD_LATER      "LATER" /* the one that passes in a moment: dialled again as usual */
#define LINK_REDIAL_US       1000000 /* a target that is due later does not want ticks in time */
#define LINK_SETTLED_US      2000000 /* up for so long: the backoff begins anew */
#define LINK_OUTPUT_LOW      ((size_t)1 << 16) /* less is in output: the next frame may follow */
#define LINK_PER_NODE_MAX    8
#define LINK_NODES_MAX       1024
#define LINK_ADDRESS_TEXT    (HELLO_ADDRESS_MAX + 1)

enum link_state {
    LINK_CONNECTING,
    LINK_HELLO, /* waits for the other's hello */
    LINK_AUTH,  /* ... for its proof */
    LINK_UP,
    LINK_ENDING
};

/* A replica that has authenticated at least once.  All its links are of one process. */
struct node {
    TAILQ_ENTRY(node) entry;
    uint64_t id;
    uint32_t incarnation; /* the newest seen */
    uint64_t instance;
    int64_t heard_us;
    int link_count;
    bool is_announced; /* on_up was called, and not yet on_down */
    int64_t bytes_in, bytes_out;
};

struct link {
    TAILQ_ENTRY(link) entry;
    struct links *links;
    struct bufferevent *bufferevent;
    enum link_state state;
    bool is_dialled;
    struct target *target; /* NULL = it was not dialled, or is not wanted any more */
    struct node *node;     /* NULL before LINK_UP, and after */
    char address[LINK_ADDRESS_TEXT];

    struct buffer own_hello, their_hello;
    struct hello hello; /* theirs; its address is in their_hello */

    size_t needed; /* bytes of input before it is worth parsing */
    struct joiner joiner;
    struct send_queue queue;

    int64_t opened_us, up_us, heard_us, sent_us, end_by_us;
    /* What the other side's kernel has acknowledged. */
    bool is_unacknowledged;
    uint64_t acknowledged;
    int64_t moved_us;
};

struct lookup {
    TAILQ_ENTRY(lookup) entry;
    struct links *links;
    struct target *target;
    struct evdns_getaddrinfo_request *request;
};

TAILQ_HEAD(link_list, link);
TAILQ_HEAD(node_list, node);
TAILQ_HEAD(lookup_list, lookup);

#define LINK_BIND_MAX 32

struct links {
    struct links_config
        config; /* the announced address is ours; other texts are used at start only */
    struct hello_secret secret;
    uint64_t instance;

    struct evconnlistener *listeners[LINK_BIND_MAX];
    int listener_count;
    int port;
    bool is_deaf; /* accepting failed: pauses until the next tick */

    struct link_list list;
    struct node_list nodes;
    int node_count;
    struct dialler dialler;
    struct lookup_list lookups;
    struct evdns_base *dns; /* NULL until a name is dialled */
    struct event *reaper, *dial_now;
    struct complaints complaints;
};

int64_t links_now(const struct links *links);

/* --- connection.c --- */

/* Takes the bufferevent. */
struct link *link_create(struct links *links, struct bufferevent *bufferevent, bool is_dialled,
                         const char *address);
/* A socket's options; who is accepted has those of the listening one. */
void link_tune(int descriptor);
/* Starts to speak and to listen. */
void link_begin(struct link *link);
void link_put(struct link *link, const char *name, struct bytes body);
/* Moves what waits into the output, as far as it is time. */
void link_pump(struct link *link);
bool link_is_stuck(const struct link *link, int64_t now_us);
/* Of the tick: deadlines, idle links. */
void link_check(struct link *link, int64_t now_us);
/* Ends it.  `reason` is for the log, NULL = nothing to say. */
void link_end(struct link *link, const char *reason);
/* Ends it and tells the other side, with a word that says what kind of trouble it is. */
void link_refuse(struct link *link, const char *word, const char *reason);
/* Ends it without trouble once all that was put is sent. */
void link_finish(struct link *link);
void link_destroy(struct link *link);

/* A complaint about an address, by X4. */
void links_complain(struct links *links, const char *address, struct target *target,
                    const char *reason);
/* Soon, between callbacks: frees what has ended, announces who is down. */
void links_reap_soon(struct links *links);

/* --- handshake.c --- */

void handshake_begin(struct link *link);
void handshake_receive(struct link *link, const struct frame *frame);

struct node *links_find_node(const struct links *links, uint64_t node_id);
/* on_down, if it was up and has no link any more. */
void links_announce_down(struct links *links, struct node *node);

/* --- dialling.c --- */

void dial_due(struct links *links);
void dial_forget(struct links *links, struct target *target);
void dial_stop(struct links *links);

#endif
