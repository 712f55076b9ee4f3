#include "tls/transport.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* What one read from the socket takes at most: a pipeline is worth one call. */
#define READ_AHEAD ((size_t)32 * 1024)

/* Unread input at the end of a failed connection: closing with some left would take the alert away
 * that says why. */
#define DRAINED_MAX ((size_t)256 * 1024)

/* --- what went wrong --- */

static bool is_not_tls(int reason)
{
    return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
           reason == SSL_R_HTTPS_PROXY_REQUEST || reason == SSL_R_UNKNOWN_PROTOCOL;
}

static const char *explain(const struct transport *transport)
{
    unsigned long error = ERR_peek_last_error();
    int reason = ERR_GET_REASON(error);
    const char *words;

    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return X509_verify_cert_error_string(SSL_get_verify_result(transport->ssl));
    if (is_not_tls(reason) && !SSL_is_init_finished(transport->ssl))
        return "this is a TLS port, and what came is not TLS";
    words = ERR_reason_error_string(error);
    return words != NULL ? words : "a broken record";
}

static ssize_t fail(struct transport *transport, int why)
{
    transport->is_broken = true;
    ERR_clear_error();
    errno = why;
    return -1;
}

/* An unsuccessful call as recv() and send() would say it. */
static ssize_t translate(struct transport *transport, int result)
{
    int why = errno;

    switch (SSL_get_error(transport->ssl, result)) {
    case SSL_ERROR_WANT_WRITE:
        transport->wants_write = true;
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_WANT_READ:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return fail(transport, why != 0 && why != EAGAIN ? why : ECONNRESET);
    default:
        transport->problem = explain(transport);
        return fail(transport, EPROTO);
    }
}

/* SSL_get_error() takes any error left in the thread's queue for the call's. */
static void forget_errors(void)
{
    if (UNLIKELY(ERR_peek_error() != 0))
        ERR_clear_error();
    errno = 0;
}

/* --- receiving and sending --- */

/* A record at a time, as long as there are more of them in memory: without need the socket is not
 * asked twice.  What comes after some data (nothing, the end, a failure) is the next call's. */
ssize_t transport_receive_tls(struct transport *transport, void *data, size_t size)
{
    size_t total = 0, received;
    ssize_t result;

    if (transport->is_broken)
        return fail(transport, EPROTO);
    forget_errors();
    transport->wants_write = transport->has_more = false;
    do {
        int is_done = SSL_read_ex(transport->ssl, (char *)data + total, size - total, &received);

        if (is_done != 1) {
            result = translate(transport, is_done);
            transport->has_more = total > 0 && (result == 0 || errno != EAGAIN);
            return total > 0 ? (ssize_t)total : result;
        }
        total += received;
    } while (total < size && SSL_has_pending(transport->ssl) == 1);
    transport->has_more = SSL_has_pending(transport->ssl) == 1;
    return (ssize_t)total;
}

ssize_t transport_send_tls(struct transport *transport, const void *data, size_t size)
{
    size_t total = 0, sent;
    ssize_t result = 0;

    if (transport->is_broken)
        return fail(transport, EPIPE);
    forget_errors();
    while (total < size) {
        int is_done = SSL_write_ex(transport->ssl, (const char *)data + total, size - total, &sent);

        if (is_done != 1) {
            bool wanted_write = transport->wants_write; /* it is about receiving */

            result = translate(transport, is_done);
            transport->wants_write = wanted_write;
            break;
        }
        total += sent;
    }
    return total > 0 ? (ssize_t)total : result;
}

/* The end of the one and the beginning of the other share a record. */
static ssize_t send_joined(struct transport *transport, struct bytes first, struct bytes second)
{
    char record[SSL3_RT_MAX_PLAIN_LENGTH];
    size_t room = sizeof record - first.size;
    size_t added = second.size < room ? second.size : room;

    memcpy(record, first.data, first.size);
    memcpy(record + first.size, second.data, added);
    return transport_send_tls(transport, record, first.size + added);
}

ssize_t transport_send_two(struct transport *transport, struct bytes first, struct bytes second)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)first.data, first.size},
                             {(void *)(uintptr_t)second.data, second.size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    if (transport->ssl == NULL)
        return sendmsg(transport->descriptor, &message, MSG_NOSIGNAL);
    if (first.size == 0)
        return transport_send_tls(transport, second.data, second.size);
    if (second.size == 0 || first.size >= SSL3_RT_MAX_PLAIN_LENGTH)
        return transport_send_tls(transport, first.data, first.size);
    return send_joined(transport, first, second);
}

/* --- beginning and end --- */

void transport_open(struct transport *transport, int descriptor, struct ssl_st *ssl)
{
    *transport = (struct transport){.descriptor = descriptor, .ssl = ssl};
    if (ssl == NULL)
        return;
    SSL_set_accept_state(ssl);
    (void)SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* who ends without a good-bye has ended all the same: half a request is never run */
    (void)SSL_set_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_set_read_ahead(ssl, 1);
    SSL_set_default_read_buffer_len(ssl, READ_AHEAD);
    if (SSL_set_fd(ssl, descriptor) != 1)
        (void)fail(transport, ENOMEM);
}

bool transport_begins_with_tls(const struct transport *transport)
{
    char first;

    return recv(transport->descriptor, &first, 1, MSG_PEEK) == 1 &&
           first == TRANSPORT_TLS_FIRST_BYTE;
}

bool transport_is_shaking_hands(const struct transport *transport)
{
    return transport->ssl != NULL && SSL_is_init_finished(transport->ssl) == 0;
}

static void say_goodbye(struct transport *transport)
{
    if (transport->ssl == NULL || transport->is_broken || transport_is_shaking_hands(transport))
        return;
    (void)SSL_shutdown(transport->ssl);
    ERR_clear_error();
}

void transport_end_output(struct transport *transport)
{
    say_goodbye(transport);
    (void)shutdown(transport->descriptor, SHUT_WR);
}

static void drain(int descriptor)
{
    char waste[4096];
    size_t total = 0;
    ssize_t received;

    (void)shutdown(descriptor, SHUT_WR);
    while (total < DRAINED_MAX &&
           (received = recv(descriptor, waste, sizeof waste, MSG_DONTWAIT)) > 0)
        total += (size_t)received;
}

void transport_close(struct transport *transport)
{
    say_goodbye(transport);
    if (transport->problem != NULL)
        drain(transport->descriptor);
    SSL_free(transport->ssl);
    transport->ssl = NULL;
    (void)close(transport->descriptor);
}
