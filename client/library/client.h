/* client.h - what happens to requests: the one place where links, servers and retries meet.
 *
 * Requests that were taken wait in `waiting` until a link is ready, go out on it, and come back
 * answered, refused for now (then a timer brings them back to `waiting`), or not at all.  One link
 * is used at a time.  Another may be tried beside it, to a server that is preferred and may be
 * back; and the one before may still have answers to give.
 *
 *     active      requests go here; being connected, or ready
 *     probe       being connected, to take over as `active`
 *     retiring    was active; nothing goes there, its last answers are awaited
 *
 * T1  A request's end is told from the event `telling`, with nothing of hiredis on the stack: there
 *     the caller's function may send, and destroy the client.
 * T2  A write that was sent and not answered is in doubt, until it is sent again and answered
 *     well.  In doubt it never ends in an error that says nothing was changed.
 * T3  All requests have the same time to live, so that of `by_age` only the first can be overdue.
 * T4  A round of all servers that ends without any answer is followed by a wait; one that only met
 *     refusals for good ends all that wait for it.
 * T5  On a loop of its own a client's time goes on only while the loop runs.
 */
#ifndef LIBRARY_CLIENT_H
#define LIBRARY_CLIENT_H

#include "library/link.h"
#include "library/outcome.h"
#include "library/servers.h"

struct event;
struct event_base;

struct grapevine {
    struct addresses addresses;
    char *user, *password, *ns;
    struct grapevine_tls tls; /* its strings are ours */
    struct link_rules rules;  /* borrows these */
    struct retry_rule retry;
    int64_t deadline_ms;
    size_t in_flight_max, in_flight_bytes_max;

    struct event_base *base;
    bool owns_base;

    /* Finding a server. */
    struct servers servers;
    struct link *active, *probe, *retiring;
    struct event *reconnect; /* the wait after a round */
    struct retry rounds;     /* without an answer */
    int64_t round_began_ms;
    bool round_may_pass;    /* something that it met may pass */
    struct failure failure; /* what was met since the last answer, rather one that may pass */

    /* Requests. */
    struct request_queue by_age, waiting, done;
    struct event *deadline; /* of the first by age */
    struct event *telling;
    struct event *waking; /* ends a wait */
    size_t in_flight, in_flight_bytes;
    size_t bytes_unmoved; /* taken since the loop last ran */

    /* Time and chance. */
    int64_t paused_ms; /* T5 */
    int64_t left_ms;   /* when the loop was last left */
    uint64_t random;

    unsigned depth; /* of calls that run the loop */
    bool is_telling;
    bool is_closing; /* takes nothing any more */
    bool is_doomed;  /* freed as soon as nobody is inside */
    char sentence[GRAPEVINE_SENTENCE_MAX];
};

/* Takes the request.  The caller has made sure that there is room. */
void client_take(struct grapevine *client, struct request *request);

bool client_has_room(const struct grapevine *client, size_t bytes);

/* Notes why a call failed, and passes the error on. */
enum grapevine_error client_fail(struct grapevine *client, const struct failure *failure);

/* --- a loop of its own: between enter and leave --- */

/* GRAPEVINE_ARGUMENT if this is no time to wait: on a caller's loop, or in a grapevine_done. */
enum grapevine_error client_enter(struct grapevine *client);
/* False: the client is gone. */
bool client_leave(struct grapevine *client);

/* Lets happen what can, and if `waits`, waits until something does.  False: the client was
 * destroyed by a function of the caller's; only client_leave() may follow. */
bool client_turn(struct grapevine *client, bool waits);

/* --- between the parts: client.c, telling.c, connecting.c, answering.c --- */

int64_t client_now_ms(const struct grapevine *client);
/* Servers recover also while nobody runs the client: what is known of them grows old by this. */
int64_t client_real_now_ms(void);
uint64_t client_draw(struct grapevine *client);
void client_set_timer(struct event *timer, int64_t ms);
void client_free(struct grapevine *client);

/* The request is in no queue but by_age.  It ends with its reply, or in this failure (T2). */
void client_finish(struct grapevine *client, struct request *request);
void client_finish_failed(struct grapevine *client, struct request *request,
                          const struct failure *failure);
void client_tell_all(struct grapevine *client);
void client_on_telling(int fd, short what, void *client);

/* Sees to it that what waits will be sent. */
void client_connect_or_send(struct grapevine *client);
void client_on_reconnect(int fd, short what, void *client);
void client_on_ready(void *client, struct link *link);
/* A server that is preferred to the one in use may be back (V2). */
void client_look_for_preferred(struct grapevine *client);
/* It is up to date on the links: one may have answered all, another may take over. */
void client_settle_links(struct grapevine *client);
/* The server of the link can't do its work: if there is another, that one is asked from now on. */
void client_leave_server(struct grapevine *client, struct link *link);
void client_note_answer(struct grapevine *client, const struct link *link);
/* The link is gone; the owner's part of it. */
void client_note_loss(struct grapevine *client, struct link *link);

extern const struct link_owner client_link_owner;
void client_on_deadline(int fd, short what, void *client);
/* Its time is over, or that of the client. */
void client_expire(struct grapevine *client, struct request *request,
                   const struct failure *failure);

#endif
