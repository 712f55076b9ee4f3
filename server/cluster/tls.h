/* tls.h - TLS between replicas: both sides show a certificate that the CA has signed. */
#ifndef CLUSTER_TLS_H
#define CLUSTER_TLS_H

#include <openssl/ssl.h>

#include "base/compiler.h"
#include "base/status.h"

#define TLS_CHANNEL_SIZE 32

/* Paths and words as the tls-* options have them; NULL or "" = not given. */
struct tls_files {
    const char *cert_file, *key_file, *key_file_pass;
    const char *ca_cert_file, *ca_cert_dir;
    const char *protocols, *ciphers, *ciphersuites;
};

/* For both roles.  On failure `error`, of `size` bytes, is one sentence.  SSL_CTX_free() ends it.
 */
enum status tls_create(const struct tls_files *files, SSL_CTX **context, char *error,
                       size_t size) MUST_USE;

/* Bytes that both ends of a connection agree on, and nobody else. */
enum status tls_channel(SSL *ssl, unsigned char channel[TLS_CHANNEL_SIZE]) MUST_USE;

#endif
