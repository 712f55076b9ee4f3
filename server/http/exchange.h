/* exchange.h - one request and its response, without a socket.
 *
 *     HEAD ----> MEMORY ----> BODY ----> RUN ----> HELD ----> READY
 *                  ^            |         |(parked)  (commit)
 *                  '------------'---------'
 *
 * Memory is asked for by a body whose length says that it is large, by a chunked one when it turns
 * out to be, and by a large response, which is then made anew.
 *
 * A connection feeds it what it receives, and does what the state asks for:
 *
 *     HEAD, BODY   feed more input
 *     MEMORY       try again later: bodies and responses of others use up what there is (budget.h)
 *     RUN          call exchange_run(): now, later (is_parked), or after others had their turn
 *     HELD         wait until call.depends_on is committed, or has failed
 *     READY        send exchange_output(), then end the exchange
 *
 * X1  A request that is going to be refused is read to its end all the same (E3 in call.h); what is
 *     not kept of it costs no memory.  Only one that never ends, or whose end can't be known,
 *     closes the connection.
 * X2  Nothing of the request is run before all of it is there.
 * X3  No request makes us keep more than its route's limit says, nor more than HTTP_SMALL without
 *     having asked the budget.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "http/access.h"
#include "http/budget.h"
#include "http/call.h"
#include "http/chunks.h"

enum exchange_state {
    EXCHANGE_HEAD,
    EXCHANGE_MEMORY,
    EXCHANGE_BODY,
    EXCHANGE_RUN,
    EXCHANGE_HELD,
    EXCHANGE_READY
};

/* What the exchanges of one thread share. */
struct exchange_room {
    struct worker *worker;
    struct budget *budget;
    struct access access;
    int64_t now_ms; /* wall clock, of this turn */
    char date[32];  /* for the Date header, of this second */
    int64_t date_s;
};

struct exchange {
    enum exchange_state state;
    struct exchange_room *room;
    bool is_local; /* the client is of this machine */

    struct buffer head;
    size_t head_scanned;
    struct http_request request; /* its views point into `head` */

    struct chunk_reader chunks;
    struct buffer body;
    bool keeps_body;
    int64_t body_kept_max;
    int64_t body_left;       /* without chunks */
    int64_t body_size;       /* received */
    int64_t reserved;        /* taken from the budget */
    int64_t response_memory; /* MEMORY: what a response needs; 0 = it is for the body */

    struct http_call call;
    bool is_answered;    /* refused before it could run */
    bool is_parked;      /* RUN: wait for call.wake_at_ms or a commit */
    bool wants_continue; /* "100 Continue" is to be sent before the body comes */
    bool closes;         /* the connection, after the response */

    struct buffer output_head; /* status line and headers */
};

/* Ready for the first byte of a request.  The session is selected and used by one exchange at a
 * time. */
void exchange_begin(struct exchange *exchange, struct exchange_room *room, struct session *session,
                    bool is_local);

/* Gives back what it took; buffers that are not large stay for the next exchange. */
void exchange_end(struct exchange *exchange);
void exchange_clear(struct exchange *exchange);

/* HEAD and BODY: takes what it needs of the input and returns how much that was. */
size_t exchange_feed(struct exchange *exchange, struct bytes input);

/* BODY: where the next bytes of a long body may be received, to be told by exchange_received();
 * false if they must be fed. */
bool exchange_room_for_body(struct exchange *exchange, char **data, size_t *size);
void exchange_received(struct exchange *exchange, size_t size);

/* MEMORY: tries again; with `gives_up` for the last time: then the request is refused, and what may
 * still come of its body dropped. */
void exchange_ask_memory(struct exchange *exchange, bool gives_up);

/* RUN. */
void exchange_run(struct exchange *exchange);

/* HELD: the commit it waits for has come, or has failed. */
void exchange_committed(struct exchange *exchange);
void exchange_commit_failed(struct exchange *exchange);

/* At any time before READY: this instead of whatever it was going to be; closes the connection. */
void exchange_abort(struct exchange *exchange, enum http_refusal refusal);

/* READY: head and body, valid until the exchange ends. */
void exchange_output(const struct exchange *exchange, struct bytes *head, struct bytes *body);

#endif
