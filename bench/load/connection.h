/* connection.h - a connection to a server: requests on their way, and the replies that came.
 *
 * hiredis connects, logs in and selects the database, waiting for each; then the socket no longer
 * blocks. hiredis's reader finds the ends of replies; no reply is built, only what counts is kept
 * of it.
 */
#ifndef LOAD_CONNECTION_H
#define LOAD_CONNECTION_H

#include <hiredis/hiredis.h>

#include "load/maker.h"

/* A request that waits for its reply. */
struct flight {
    uint64_t due_ns;
    struct request request;
    bool is_write; /* the second half of a KIND_RMW */
};

/* What a reply was. */
struct reply_seen {
    bool is_error;
    char word[STATS_WORD_MAX]; /* the first of the error */
    uint64_t missing;          /* values */
};

struct connection {
    redisContext *context;
    redisReader *reader;
    struct reply_seen seen; /* of the reply that is coming */
    struct buffer out;
    size_t sent; /* of out */
    struct flight *flights;
    uint64_t flight_first, flight_count, flight_max;
    bool is_lost;
};

/* Connects to one of the servers; the first connection to it takes the write rate off.  False, with
 * a sentence, if it can't, or if something in the preparation is refused. */
bool connection_open(struct connection *connection, const struct options *options,
                     const struct server_address *server, bool is_first,
                     char problem[OPTIONS_PROBLEM_MAX]) MUST_USE;
void connection_close(struct connection *connection);

/* May one more request be put into `out`? */
bool connection_has_room(const struct connection *connection);

/* Notes that the last request in `out` waits for a reply. */
void connection_take_off(struct connection *connection, const struct flight *flight);

/* Writes as much of `out` as the socket takes; false if the connection is lost.  `sent` of it less
 * than its size says that there is more. */
bool connection_flush(struct connection *connection) MUST_USE;

/* Takes bytes that came.  False if they are no replies. */
bool connection_feed(struct connection *connection, const char *data, size_t size) MUST_USE;

enum landing { LANDING_NONE, LANDING_REPLY, LANDING_BROKEN };

/* The oldest request whose reply has come whole, and what that was. */
enum landing connection_land(struct connection *connection, struct flight *flight,
                             struct reply_seen *seen);

/* The oldest request that will never have a reply; false if there is none. */
bool connection_give_up(struct connection *connection, struct flight *flight);

#endif
