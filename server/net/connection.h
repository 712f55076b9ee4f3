/* connection.h - one client's socket: bytes in, requests run, replies out.
 *
 * States, and what moves a connection from one to the next:
 *
 *     READING --- dispatch() said "not now" -------------> PARKED
 *     PARKED ---- a retry that succeeded ----------------> READING
 *     READING --- QUIT, a protocol error, end of input --> LEAVING
 *     any ------- the server's end ----------------------> LEAVING
 *     LEAVING --- the last reply has left ---------------> GONE
 *     any ------- a dead socket, CLIENT KILL, a limit ---> GONE
 *
 * Only a READING one runs requests and listens to its socket; a PARKED one keeps its request and
 * what came behind it, and listens only for the end of the connection; a LEAVING one is deaf.
 *
 * What it has sent is read and run by serving.c.  An idle connection holds no buffer for output,
 * and soon none for input: connection_check() takes that after some seconds.
 *
 * C1  A connection is freed by its loop alone, at the end of the function that was called for it
 *     (connection_settle()); nothing else frees one.
 * C2  Requests run in the order of the stream, and none behind one that is parked.
 * C3  It is in loop->holding exactly while its outbox holds a reply, and in loop->parked exactly
 *     while it is PARKED.
 * C4  Other threads touch of it what session.h calls shared, and `home`, `is_woken` and its places
 *     in the mail, under the lock of the mail.  It changes its loop by loop_give_away() alone.
 */
#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include "base/log.h"
#include "commands/session.h"
#include "commands/statistics.h"
#include "net/input.h"
#include "net/loop.h"
#include "net/outbox.h"
#include "tls/transport.h"

enum connection_state {
    CONNECTION_READING,
    CONNECTION_PARKED,
    CONNECTION_LEAVING,
    CONNECTION_GONE
};

struct connection {
    struct session session; /* first: a session's wake() finds its connection */
    struct transport transport;
    struct loop *loop;
    _Atomic(struct mail *) home; /* the loop's, for other threads: mail.h */
    struct loop *moves_to;       /* NULL = it stays */
    enum connection_state state;
    bool is_holding;   /* in loop->holding */
    bool is_woken;     /* in home->woken; under the lock of the mail */
    bool is_readable;  /* in loop->readable */
    bool is_sending;   /* write_event is set: the socket was full, for its output or for TLS */
    bool is_oversized; /* the parked request is one that was not kept (parser.h, P4) */
    bool fills_input;  /* the last read took as much as there was room for */
    short listens_for; /* what read_event is set for: EV_READ, EV_CLOSED or nothing */

    struct event read_event, write_event;
    struct resp_parser parser;
    struct input in; /* begins with the unfinished or parked request, if it holds anything */
    int64_t input_needed_ms; /* when more than half of it was needed last */
    struct outbox out;
    int64_t wake_at_ms;      /* PARKED: when to try again, commits apart */
    int64_t over_limit_at_s; /* since when the output is over the soft limit; 0 = it isn't */

    TAILQ_ENTRY(connection) all, readable, holding, parked, woken;
};

/* Takes over a connected, non-blocking socket. */
void connection_open(struct loop *loop, struct newcomer newcomer);

/* Each of these may free the connection. */

/* Somebody rang for it: it was killed, has lines from MONITOR, or a pause has ended. */
void connection_look(struct connection *connection);

/* Groups up to `committed` are committed. */
void connection_release(struct connection *connection, uint64_t committed);

/* Groups above `committed` have failed: `error` instead of every reply that was held for one. */
void connection_fail(struct connection *connection, uint64_t committed, struct bytes error);

/* Now and then: is it idle for too long, or over the soft limit of its output? */
void connection_check(struct connection *connection);

/* Has it sent anything in the last second? */
bool connection_is_busy(const struct connection *connection);

/* It is to live in another loop from the next moment on in which nothing is under way. */
void connection_send_to(struct connection *connection, struct loop *to);

/* It has been given to this loop. */
void connection_arrive(struct connection *connection, struct loop *loop);

/* The server ends: no more requests; goes when its last reply has left. */
void connection_leave(struct connection *connection);

/* At once. */
void connection_close(struct connection *connection);

/* --- for serving.c: steps, after the last of which comes connection_settle() --- */

void connection_count(struct connection *connection, enum counter counter, uint64_t more);
void connection_log(struct connection *connection, enum log_level level, const char *what);

/* It has (or had) something to read: puts it into loop->readable or takes it out. */
void connection_set_readable(struct connection *connection, bool is_readable);

/* Before anything is run or said: what is said from now on goes to this connection. */
void connection_write_to(struct connection *connection);

/* CLIENT LIST's qbuf and qbuf-free. */
void connection_show_input(struct connection *connection);

/* The reply that began at `start` of the output waits for a commit. */
void connection_hold_reply(struct connection *connection, size_t start, uint64_t group);

/* In the middle of a pipeline: a long one must not pile up what could be on its way. */
void connection_send_early(struct connection *connection);

void connection_park(struct connection *connection, int64_t wake_at_ms);
void connection_unpark(struct connection *connection);

/* A read or a write has failed. */
void connection_fail_io(struct connection *connection);

/* Nothing more is to be said. */
void connection_give_up(struct connection *connection);

/* The end of everything that is done to a connection: sends, and brings its memory, its events and
 * its place in the loop's lists in line with its state.  Frees it if it is GONE; gives it to
 * another loop if it is to move. */
void connection_settle(struct connection *connection);

#endif
