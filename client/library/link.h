/* link.h - a connection to one server, in hiredis's asynchronous hands.
 *
 * A link connects, with TLS if it is to, says who it is and which namespace it wants (AUTH, SELECT;
 * PING if there is neither), and is then ready.  Its owner hears that it is ready, then of each
 * reply, and once, last of all, that it is lost; these functions are called from the event loop
 * only, never from one of those below.
 *
 * L1  Replies come in the order of requests: the first of `sent` is the one whose reply is next.
 * L2  When the owner hears of the loss, requests still in `sent` were not answered and never will
 *     be.
 * L3  A server that says nothing for answer_timeout_ms, while it is asked something, is lost.
 * L4  A server that says more than it was asked is lost, too: its replies can't be told apart.
 *     (hiredis would end the process.)
 */
#ifndef LIBRARY_LINK_H
#define LIBRARY_LINK_H

#include "library/addresses.h"
#include "library/failure.h"
#include "library/request.h"

struct event_base;
struct redisReply;
struct ssl_ctx_st;
struct link;

/* What is the same for all links of a client; borrowed strings. */
struct link_rules {
    const char *user;               /* NULL = none */
    const char *password;           /* NULL = none */
    const char *ns;                 /* NULL = none */
    struct ssl_ctx_st *tls_context; /* NULL = without TLS */
    const struct grapevine_tls *tls;
    int64_t connect_timeout_ms;
    int64_t answer_timeout_ms;
};

struct link_owner {
    void (*ready)(void *owner, struct link *link);
    /* The request is no longer in `sent`; the reply is the owner's.  NULL: it was forgotten. */
    void (*answered)(void *owner, struct link *link, struct request *request,
                     struct redisReply *reply);
    /* The owner destroys the link. */
    void (*lost)(void *owner, struct link *link);
    int64_t (*now_ms)(void *owner);
};

/* The owner reads these, and changes none. */
struct link_state {
    const struct address *address;
    size_t server; /* its index in the list */
    bool is_ready;
    struct request_queue sent;
    struct failure failure; /* why it was lost */
};

struct link *link_create(struct event_base *base, const struct link_rules *rules,
                         const struct address *address, size_t server,
                         const struct link_owner *owner, void *context);
void link_destroy(struct link *link);

struct link_state *link_state(struct link *link);

/* Only on a link that is ready, and not lost.  False: it is about to be, and nothing was sent. */
bool link_send(struct link *link, struct request *request);

/* Takes a request out of `sent` that was not answered: its reply will be nobody's. */
void link_forget(struct link *link, struct request *request);

#endif
