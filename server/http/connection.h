/* connection.h - one HTTP client's socket.
 *
 * Requests of a connection are answered one after the other; while one is under way nothing more is
 * read.  An idle connection holds no buffers and no exchange.
 *
 * Where the server has a certificate, a client may speak TLS: the first byte tells.
 *
 * H1  A connection is in one list besides door->connections at most, that of what it waits for;
 *     none if it waits for its socket.
 * H2  It is freed at the end of the function that was called for it, by nobody else.
 * H3  Who sends or fetches too slowly is let go: a request must have come, and a response have
 *     gone, within HTTP_PATIENCE_S and a second for each HTTP_RATE_MIN bytes; and neither may rest
 *     for HTTP_PATIENCE_S, however many bytes were quick.
 */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include "http/door_internal.h"
#include "tls/transport.h"

#define HTTP_PATIENCE_S 30
#define HTTP_RATE_MIN   4096
#define HTTP_IDLE_S     120 /* between two requests */
#define HTTP_LINGER_S   2   /* for the client to read the last answer before the socket goes */

struct http_connection {
    struct session session;
    struct transport transport;
    struct door *door;
    struct exchange *exchange; /* NULL while idle */
    struct buffer in;          /* came behind what could be used so far */
    size_t sent;               /* of the response */
    int64_t received;          /* of the request */
    int64_t since_s;           /* when the request, the response or the idleness began: monotonic */
    int64_t moved_s;           /* when the last of its bytes came or went */
    int64_t wake_at_ms;        /* in door->parked */
    struct http_connection_list *waits_in; /* NULL = for its socket */
    bool is_local;
    bool may_be_tls;   /* has not sent anything yet */
    bool is_reading;   /* read_event is set */
    bool is_sending;   /* write_event is set: the socket was full */
    bool is_lingering; /* has said all; waits for the client to close */
    bool is_gone;
    struct event read_event, write_event;
    TAILQ_ENTRY(http_connection) all, waiting;
};

/* Takes over a connected, non-blocking socket. */
void http_connection_open(struct door *door, int descriptor);

/* Each of these may free the connection. */

/* What it waited for may have come: goes on as far as it can. */
void http_connection_continue(struct http_connection *connection);

/* The group it is held for is committed, or has failed. */
void http_connection_release(struct http_connection *connection, bool has_failed);

/* Now and then: is it too slow, or idle for too long? */
void http_connection_check(struct http_connection *connection);

/* The server ends: the request at hand is the last one. */
void http_connection_leave(struct http_connection *connection);

void http_connection_close(struct http_connection *connection);

#endif
