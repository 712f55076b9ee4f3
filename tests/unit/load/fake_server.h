/* fake_server.h - answers requests of one size, and misbehaves on purpose.
 *
 * It answers each with the same reply, in order.  What it does otherwise is told in counts of
 * requests that arrived, so a test does not depend on how fast the machine is.
 */
#ifndef UNIT_LOAD_FAKE_SERVER_H
#define UNIT_LOAD_FAKE_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define FAKE_CONNECTIONS_MAX 8

struct fake_server {
    /* set before it starts */
    uint64_t request_size;
    const char *reply;
    uint64_t hold_from, hold_until; /* from the one on, replies wait until the other has arrived */
    uint64_t stall_at;              /* before this one it does nothing for a time; 0 = never */
    int stall_ms;
    uint64_t close_at;  /* closes the connection instead of answering it; 0 = never */
    bool is_first_mute; /* never answers the connection that came first */
    bool is_in_pieces;  /* sends each byte by itself */

    int port, listener;
    pthread_t thread;
    uint64_t arrived;
    unsigned count;
    struct fake_connection {
        int socket; /* -1 = closed */
        uint64_t bytes, answered;
    } connections[FAKE_CONNECTIONS_MAX];
};

void fake_server_start(struct fake_server *server);

/* Waits until all who had connected are gone. */
void fake_server_join(struct fake_server *server);

#endif
