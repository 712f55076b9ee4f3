/* transport.h - a connected, non-blocking socket, with TLS on it or without.
 *
 * Receiving and sending go as recv() and send() do, with their results and errno, so whoever serves
 * a connection needs not know which it is.  Without TLS they are those calls, and cost a look at a
 * pointer.  With TLS the handshake happens inside the first ones; until it is done there is nothing
 * to receive and so nothing to send.
 *
 * What TLS adds for those who wait for the socket:
 *
 * P1  has_more: decrypted or undecrypted bytes have left the socket and were not received, for want
 *     of room.  The socket's events will not tell; receive again, in the next turn at the latest.
 * P2  wants_write: receiving got EAGAIN because the socket takes no more.  Receive again when it is
 *     writable, not before: it may be readable all the time.
 * P3  What got EAGAIN in sending is sent again with the same bytes in front.  They may have moved,
 *     and more may stand behind them.
 *
 * One thread at a time; it may be another one each time.
 */
#ifndef TLS_TRANSPORT_H
#define TLS_TRANSPORT_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct ssl_st;

struct transport {
    int descriptor;
    bool wants_write;    /* P2 */
    bool has_more;       /* P1 */
    bool is_broken;      /* TLS or the socket has failed: there is no good-bye to be said */
    struct ssl_st *ssl;  /* NULL = without TLS */
    const char *problem; /* why TLS failed, in a few words; NULL = it did not */
};

/* The first byte of a connection that begins with TLS. */
#define TRANSPORT_TLS_FIRST_BYTE 0x16

/* How long a handshake may take. */
#define TRANSPORT_HANDSHAKE_S 10

/* Takes over both; `ssl` is NULL or fresh and will be the server's side. */
void transport_open(struct transport *transport, int descriptor, struct ssl_st *ssl);

/* Says good-bye, as far as the socket takes it, and closes. */
void transport_close(struct transport *transport);

/* Nothing more will be sent; the other side may go on. */
void transport_end_output(struct transport *transport);

/* Is there a first byte of TLS in the socket, received by nobody yet? */
bool transport_begins_with_tls(const struct transport *transport);

/* Is the handshake under way? */
bool transport_is_shaking_hands(const struct transport *transport);

ssize_t transport_receive_tls(struct transport *transport, void *data, size_t size);
ssize_t transport_send_tls(struct transport *transport, const void *data, size_t size);

/* 0 = the other side has ended.  EPROTO: see `problem`. */
static inline ssize_t transport_receive(struct transport *transport, void *data, size_t size)
{
    if (LIKELY(transport->ssl == NULL))
        return recv(transport->descriptor, data, size, 0);
    return transport_receive_tls(transport, data, size);
}

static inline ssize_t transport_send(struct transport *transport, const void *data, size_t size)
{
    if (LIKELY(transport->ssl == NULL))
        return send(transport->descriptor, data, size, MSG_NOSIGNAL);
    return transport_send_tls(transport, data, size);
}

/* One after the other, as if they were one. */
ssize_t transport_send_two(struct transport *transport, struct bytes first, struct bytes second);

#endif
