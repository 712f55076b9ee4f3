#include "library/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "library/memory.h"

#define PROBLEM_MAX 256

struct tls {
    SSL *ssl;
    bool is_ready;
    bool is_broken; /* OpenSSL must not be asked again */
    char problem[PROBLEM_MAX];
};

/* What OpenSSL complained of first, which is nearest to the cause. */
static const char *find_reason(void)
{
    unsigned long first = ERR_peek_error();
    const char *reason =
        ERR_SYSTEM_ERROR(first) ? strerror(ERR_GET_REASON(first)) : ERR_reason_error_string(first);

    return reason != NULL ? reason : "no reason is given";
}

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static const char *given(const char *text)
{
    return is_given(text) ? text : NULL;
}

/* --- the context --- */

static bool refuse(char sentence[GRAPEVINE_SENTENCE_MAX], const char *what, const char *file,
                   const char *why)
{
    (void)snprintf(sentence, GRAPEVINE_SENTENCE_MAX, "can't use %s %s: %s", what, file, why);
    return false;
}

static bool load_authorities(SSL_CTX *context, const struct grapevine_tls *options,
                             char sentence[GRAPEVINE_SENTENCE_MAX])
{
    const char *file = given(options->ca_file), *folder = given(options->ca_folder);

    if (folder != NULL && access(folder, R_OK | X_OK) != 0)
        return refuse(sentence, "the certificates in", folder, strerror(errno));
    if (file == NULL && folder == NULL)
        return SSL_CTX_set_default_verify_paths(context) == 1 ||
               refuse(sentence, "the certificates of", "the system", find_reason());
    return SSL_CTX_load_verify_locations(context, file, folder) == 1 ||
           refuse(sentence, "the certificates in", file != NULL ? file : folder, find_reason());
}

static bool load_own(SSL_CTX *context, const struct grapevine_tls *options,
                     char sentence[GRAPEVINE_SENTENCE_MAX])
{
    const char *cert = given(options->cert_file), *key = given(options->key_file);

    if (cert == NULL && key == NULL)
        return true;
    if (cert == NULL || key == NULL) {
        (void)snprintf(sentence, GRAPEVINE_SENTENCE_MAX,
                       "a certificate and its key belong "
                       "together: only one of them is given");
        return false;
    }
    if (SSL_CTX_use_certificate_chain_file(context, cert) != 1)
        return refuse(sentence, "the certificate", cert, find_reason());
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        return refuse(sentence, "the key", key, find_reason());
    return true;
}

SSL_CTX *tls_context_create(const struct grapevine_tls *options,
                            char sentence[GRAPEVINE_SENTENCE_MAX])
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    ERR_clear_error();
    if (context == NULL)
        abort(); /* out of memory */
    (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    (void)SSL_CTX_set_mode(context,
                           SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Not to wait, on a socket that blocks, for more than was there. */
    (void)SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_verify(context, options->is_insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (load_authorities(context, options, sentence) && load_own(context, options, sentence))
        return context;
    SSL_CTX_free(context);
    ERR_clear_error();
    return NULL;
}

void tls_context_destroy(SSL_CTX *context)
{
    SSL_CTX_free(context);
}

/* --- a connection --- */

static bool is_ip(const char *host)
{
    unsigned char room[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, room) == 1 || inet_pton(AF_INET6, host, room) == 1;
}

/* Its certificate must name it. */
static void expect_name(SSL *ssl, const char *name)
{
    if (is_ip(name))
        (void)X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
    else
        (void)SSL_set1_host(ssl, name);
}

/* Whose authorities are the caller's own takes any certificate of theirs, as Redis's tools do;
 * those of the system sign for everybody. */
static const char *name_expected(const struct grapevine_tls *options, const char *host)
{
    if (is_given(options->server_name))
        return options->server_name;
    return is_given(options->ca_file) || is_given(options->ca_folder) ? NULL : host;
}

struct tls *tls_open(SSL_CTX *context, const struct grapevine_tls *options, int fd,
                     const char *host)
{
    struct tls *tls = memory_take_zeroed(sizeof *tls);
    const char *asked = is_given(options->server_name) ? options->server_name : host;
    const char *expected = name_expected(options, host);

    tls->ssl = SSL_new(context);
    if (tls->ssl == NULL || SSL_set_fd(tls->ssl, fd) != 1)
        abort(); /* out of memory */
    SSL_set_connect_state(tls->ssl);
    if (asked != NULL && !is_ip(asked))
        (void)SSL_set_tlsext_host_name(tls->ssl, asked);
    if (expected != NULL)
        expect_name(tls->ssl, expected);
    return tls;
}

void tls_close(struct tls *tls)
{
    if (tls == NULL)
        return;
    ERR_clear_error();
    if (tls->is_ready && !tls->is_broken)
        (void)SSL_shutdown(tls->ssl);
    SSL_free(tls->ssl);
    ERR_clear_error();
    free(tls);
}

/* --- what went wrong --- */

static bool is_alert(int alert)
{
    return ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL &&
           ERR_GET_REASON(ERR_peek_error()) == SSL_AD_REASON_OFFSET + alert;
}

static enum tls_result fail(struct tls *tls, const char *what, const char *why)
{
    (void)snprintf(tls->problem, sizeof tls->problem, "%s: %s", what, why);
    return TLS_FAILED;
}

static enum tls_result explain(struct tls *tls)
{
    long verdict = SSL_get_verify_result(tls->ssl);
    bool is_verified = SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE;

    if (!tls->is_ready && verdict != X509_V_OK && is_verified)
        return fail(tls, "its certificate is not trusted", X509_verify_cert_error_string(verdict));
    if (is_alert(SSL_AD_CERTIFICATE_REQUIRED))
        return fail(tls, "it wants a certificate of the client's", find_reason());
    if (is_alert(SSL_AD_UNKNOWN_CA) || is_alert(SSL_AD_BAD_CERTIFICATE))
        return fail(tls, "it does not trust the client's certificate", find_reason());
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_WRONG_VERSION_NUMBER)
        return fail(tls, "it does not speak TLS on this port", find_reason());
    return fail(tls, "TLS failed", find_reason());
}

/* The connection, and not TLS. */
static enum tls_result end(struct tls *tls, int error)
{
    if (error != 0)
        (void)snprintf(tls->problem, sizeof tls->problem, "%s", strerror(error));
    else if (!tls->is_ready)
        (void)snprintf(tls->problem, sizeof tls->problem,
                       "the connection was closed during the TLS handshake");
    return TLS_ENDED;
}

static enum tls_result judge(struct tls *tls, int result)
{
    int error = errno;

    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    default:
        break;
    }
    tls->is_broken = true;
    if (ERR_peek_error() == 0 ||
        ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return end(tls, error);
    return explain(tls);
}

/* Before OpenSSL is asked; judge() looks at what is there afterwards. */
static bool begin(struct tls *tls)
{
    ERR_clear_error();
    errno = 0;
    return !tls->is_broken;
}

enum tls_result tls_shake_hands(struct tls *tls)
{
    int result;

    if (!begin(tls))
        return TLS_ENDED;
    result = SSL_do_handshake(tls->ssl);
    if (result != 1)
        return judge(tls, result);
    tls->is_ready = true;
    return TLS_DONE;
}

enum tls_result tls_receive(struct tls *tls, void *data, size_t size, size_t *done)
{
    int result;

    if (!begin(tls))
        return TLS_ENDED;
    result = SSL_read(tls->ssl, data, size < INT_MAX ? (int)size : INT_MAX);
    if (result <= 0)
        return judge(tls, result);
    *done = (size_t)result;
    return TLS_DONE;
}

enum tls_result tls_send(struct tls *tls, const void *data, size_t size, size_t *done)
{
    int result;

    if (!begin(tls))
        return TLS_ENDED;
    result = SSL_write(tls->ssl, data, size < INT_MAX ? (int)size : INT_MAX);
    if (result <= 0)
        return judge(tls, result);
    *done = (size_t)result;
    return TLS_DONE;
}

bool tls_has_more(const struct tls *tls)
{
    return SSL_pending(tls->ssl) > 0;
}

const char *tls_problem(const struct tls *tls)
{
    return tls->problem;
}
