/* client.h - the client's side of TLS, without a socket of its own: what it would send is in
 * `sent`, to be carried over whole, in pieces or never. */
#ifndef UNIT_TLS_CLIENT_H
#define UNIT_TLS_CLIENT_H

#include "unit/tls/certificates.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buffer.h"

struct tls_client {
    SSL_CTX *context;
    SSL *ssl;
    int descriptor;
    struct buffer sent; /* by TLS, not by the socket yet */
};

/* Takes over the socket, which does not block. */
static inline void client_begin(struct tls_client *client, int descriptor)
{
    client->context = SSL_CTX_new(TLS_client_method());
    assert_int_equal(
        SSL_CTX_use_certificate_file(client->context, member.cert_file, SSL_FILETYPE_PEM), 1);
    assert_int_equal(
        SSL_CTX_use_PrivateKey_file(client->context, member.key_file, SSL_FILETYPE_PEM), 1);
    client->ssl = SSL_new(client->context);
    SSL_set_bio(client->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(client->ssl);
    client->descriptor = descriptor;
    client->sent = (struct buffer){0};
}

static inline void client_end(struct tls_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    buffer_clear(&client->sent);
    if (client->descriptor >= 0)
        (void)close(client->descriptor);
    *client = (struct tls_client){.descriptor = -1};
}

/* What TLS has to send goes to `sent`. */
static inline void client_collect(struct tls_client *client)
{
    char data[4096];
    int size;

    while ((size = BIO_read(SSL_get_wbio(client->ssl), data, sizeof data)) > 0)
        buffer_append(&client->sent, data, (size_t)size);
}

/* Up to `size` bytes of it go to the socket. */
static inline void client_carry(struct tls_client *client, size_t size)
{
    ssize_t sent;

    client_collect(client);
    if (size > client->sent.size)
        size = client->sent.size;
    if (size == 0)
        return;
    sent = send(client->descriptor, client->sent.data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0)
        buffer_consume(&client->sent, (size_t)sent);
}

/* Up to `size` bytes of the socket go to TLS. */
static inline void client_fetch(struct tls_client *client, size_t size)
{
    char data[4096];
    ssize_t received =
        recv(client->descriptor, data, size < sizeof data ? size : sizeof data, MSG_DONTWAIT);

    if (received > 0)
        (void)BIO_write(SSL_get_rbio(client->ssl), data, (int)received);
}

static inline void client_write(struct tls_client *client, const void *data, size_t size)
{
    assert_int_equal(SSL_write(client->ssl, data, (int)size), (int)size);
    client_collect(client);
}

/* What can be read now. */
static inline void client_read(struct tls_client *client, struct buffer *into)
{
    char data[4096];
    int size;

    client_fetch(client, SIZE_MAX);
    while ((size = SSL_read(client->ssl, data, sizeof data)) > 0)
        buffer_append(into, data, (size_t)size);
}

#endif
