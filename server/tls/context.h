/* context.h - one way of speaking TLS: what is shown, what is offered, what is asked for.
 *
 * Always: TLS 1.2 and 1.3 alone, no compression, no renegotiation.  The buffers of a connection
 * that rests are given back.
 */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/status.h"

#define TLS_ERROR_MAX 512

/* A certificate of the other side, signed by one of tls-ca-cert-*. */
enum tls_demand {
    TLS_DEMAND_NONE,     /* is not asked for */
    TLS_DEMAND_IF_SHOWN, /* may be missing, may not be wrong */
    TLS_DEMAND_ALWAYS
};

/* Paths and words as the tls-* options have them; NULL or "" = not given. */
struct tls_settings {
    const char *user; /* who needs it, for error texts */
    enum tls_demand demand;
    bool is_demand_fixed; /* or up to tls-auth-clients? */
    bool is_client;       /* connects, else it accepts */
    const char *cert_file, *key_file, *key_file_pass;
    const char *client_cert_file, *client_key_file,
        *client_key_file_pass; /* a client's, if given */
    const char *ca_cert_file, *ca_cert_dir;
    const char *protocols, *ciphers, *ciphersuites, *dh_params_file;
    bool prefers_own_ciphers;
    /* May a client come back without a full handshake?  A session that was begun with one context
     * is never resumed with another. */
    bool keeps_sessions;
    int64_t sessions_max;
    int64_t session_s;
};

/* On failure `error` is one sentence.  SSL_CTX_free() ends it. */
enum status tls_context_create(const struct tls_settings *settings, SSL_CTX **context,
                               char error[TLS_ERROR_MAX]) MUST_USE;

#endif
