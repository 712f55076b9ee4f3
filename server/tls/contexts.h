/* contexts.h - the ways in which this server speaks TLS, as the options say, and how they change
 * while it runs.
 *
 * Connections that are open keep what they began with; a new one gets what is current then.
 *
 * T1  Contexts are made and checked as a whole before any of them is used; if one can't be made,
 *     all stay as they are.
 * T2  Each use has a context of its own: a session of one is never resumed in another, so that
 *     nobody carries a handshake without a certificate to where one is asked for.  For the same
 *     reason sessions end when contexts change.
 */
#ifndef TLS_CONTEXTS_H
#define TLS_CONTEXTS_H

#include "config/options.h"
#include "tls/context.h"

enum tls_use {
    TLS_CLIENTS,     /* tls-port; tls-auth-clients says what is asked for */
    TLS_HTTP,        /* http-port, where there is a certificate; clients show tokens instead */
    TLS_REPLICAS,    /* tls-replication; both sides show certificates */
    TLS_TO_REPLICAS, /* the same where this server is the one that connects */
    TLS_USES
};

struct tls_contexts;

/* On failure STATUS_FAILED, and `error` is one sentence that names the option. */
enum status tls_contexts_create(const struct options *options, struct tls_contexts **contexts,
                                char error[TLS_ERROR_MAX]) MUST_USE;
/* Connections may outlive it. */
void tls_contexts_destroy(struct tls_contexts *contexts);

/* --- after options have changed; one thread at a time --- */

/* Makes what the options ask for now, beside what is current. */
enum status tls_contexts_prepare(struct tls_contexts *contexts, char error[TLS_ERROR_MAX]) MUST_USE;

/* Makes current what was prepared last. */
void tls_contexts_switch(struct tls_contexts *contexts);

/* --- any thread --- */

/* Do the options ask for this use? */
bool tls_contexts_has(const struct tls_contexts *contexts, enum tls_use use);

/* A connection's own state, with the current context; NULL if there is none.  SSL_free() ends it.
 */
SSL *tls_contexts_open(struct tls_contexts *contexts, enum tls_use use);

/* Is it worth a line in the log that a client failed?  Whoever can reach a port can fail as often
 * as he likes: see base/complaints.h. */
bool tls_contexts_may_complain(struct tls_contexts *contexts, const char *address, const char *why,
                               int64_t now_us);

#endif
