/* door_internal.h - what a door and its connections know of each other. */
#ifndef HTTP_DOOR_INTERNAL_H
#define HTTP_DOOR_INTERNAL_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "http/exchange.h"
#include "net/mail.h"
#include "net/reactor.h"

/* What one read takes at most. */
#define DOOR_INPUT_SIZE ((size_t)64 * 1024)

/* Exchanges that wait for the next connection with a request. */
#define DOOR_SPARE_MAX 64

struct http_connection;
TAILQ_HEAD(http_connection_list, http_connection);

/* One thread. */
struct door {
    struct reactor reactor; /* first: its ops find their door */
    struct exchange_room room;
    atomic_int *client_count; /* of all doors and loops */
    struct mail mail;         /* newcomers */
    atomic_int load;          /* connections, counted from the moment they were handed over */

    char *input; /* DOOR_INPUT_SIZE */
    struct exchange *spare[DOOR_SPARE_MAX];
    int spare_count;

    struct http_connection_list connections;
    struct http_connection_list holding; /* wait for a commit */
    struct http_connection_list parked;  /* wait for a time, or a commit */
    struct http_connection_list
        ready; /* have had their share of this turn, and go on in the next */
    struct event ready_timer, check_timer;
};

/* The lists that wait: the connection's advance continues it. */
void door_wait_for_next_turn(struct door *door);

struct exchange *door_take_exchange(struct door *door);
void door_give_exchange(struct door *door, struct exchange *exchange);

/* The first connection starts the checks, the last one ends them. */
void door_add_connection(struct door *door, struct http_connection *connection);
void door_remove_connection(struct door *door, struct http_connection *connection);

#endif
