#include "cluster/tls.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CHANNEL_LABEL "EXPORTER-grapevine-link"

struct problem {
    char *text;
    size_t size;
};

static enum status fail(const struct problem *problem, const char *format, ...) PRINTF_LIKE(2, 3);

/* The words, and what OpenSSL last complained about. */
static enum status fail(const struct problem *problem, const char *format, ...)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    va_list arguments;
    size_t used;

    va_start(arguments, format);
    (void)vsnprintf(problem->text, problem->size, format, arguments);
    va_end(arguments);
    used = strlen(problem->text);
    if (reason != NULL)
        (void)snprintf(problem->text + used, problem->size - used, ": %s", reason);
    ERR_clear_error();
    return STATUS_FAILED;
}

static bool is_given(const char *text)
{
    return text != NULL && *text != '\0';
}

static const char *given(const char *text)
{
    return is_given(text) ? text : NULL;
}

static int give_passphrase(char *into, int size, int is_writing, void *passphrase)
{
    (void)is_writing;
    if (!is_given(passphrase) || strlen(passphrase) >= (size_t)size)
        return 0;
    memcpy(into, passphrase, strlen(passphrase) + 1);
    return (int)strlen(passphrase);
}

static enum status load_files(SSL_CTX *context, const struct tls_files *files,
                              const struct problem *problem)
{
    SSL_CTX_set_default_passwd_cb(context, give_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(context, (void *)(uintptr_t)files->key_file_pass);
    if (SSL_CTX_use_certificate_chain_file(context, files->cert_file) != 1)
        return fail(problem, "can't use the certificate %s of tls-cert-file", files->cert_file);
    if (SSL_CTX_use_PrivateKey_file(context, files->key_file, SSL_FILETYPE_PEM) != 1)
        return fail(problem, "can't use the key %s of tls-key-file", files->key_file);
    if (SSL_CTX_check_private_key(context) != 1)
        return fail(problem, "tls-key-file and tls-cert-file do not belong together");
    if (SSL_CTX_load_verify_locations(context, given(files->ca_cert_file),
                                      given(files->ca_cert_dir)) != 1)
        return fail(problem, "can't use the certificates of tls-ca-cert-file or tls-ca-cert-dir");
    SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
    return STATUS_OK;
}

/* tls-protocols "" = both. */
static enum status choose_versions(SSL_CTX *context, const char *words,
                                   const struct problem *problem)
{
    bool with_12 = !is_given(words) || strcasestr(words, "TLSv1.2") != NULL;
    bool with_13 = !is_given(words) || strcasestr(words, "TLSv1.3") != NULL;

    if (!with_12 && !with_13)
        return fail(problem, "tls-protocols has neither TLSv1.2 nor TLSv1.3");
    if (SSL_CTX_set_min_proto_version(context, with_12 ? TLS1_2_VERSION : TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, with_13 ? TLS1_3_VERSION : TLS1_2_VERSION) != 1)
        return fail(problem, "can't offer the versions of tls-protocols");
    return STATUS_OK;
}

static enum status configure(SSL_CTX *context, const struct tls_files *files,
                             const struct problem *problem)
{
    enum status s = choose_versions(context, files->protocols, problem);

    if (s != STATUS_OK)
        return s;
    if (is_given(files->ciphers) && SSL_CTX_set_cipher_list(context, files->ciphers) != 1)
        return fail(problem, "can't use tls-ciphers");
    if (is_given(files->ciphersuites) &&
        SSL_CTX_set_ciphersuites(context, files->ciphersuites) != 1)
        return fail(problem, "can't use tls-ciphersuites");
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return load_files(context, files, problem);
}

enum status tls_create(const struct tls_files *files, SSL_CTX **context, char *error, size_t size)
{
    const struct problem problem = {error, size};
    SSL_CTX *made = SSL_CTX_new(TLS_method());
    enum status s;

    if (!is_given(files->cert_file) || !is_given(files->key_file) ||
        (!is_given(files->ca_cert_file) && !is_given(files->ca_cert_dir)))
        s = fail(&problem, "TLS between replicas needs tls-cert-file, tls-key-file and "
                           "tls-ca-cert-file or tls-ca-cert-dir");
    else
        s = made == NULL ? fail(&problem, "OpenSSL can't be used")
                         : configure(made, files, &problem);
    if (s == STATUS_OK)
        *context = made;
    else
        SSL_CTX_free(made);
    return s;
}

enum status tls_channel(SSL *ssl, unsigned char channel[TLS_CHANNEL_SIZE])
{
    int is_done = SSL_export_keying_material(ssl, channel, TLS_CHANNEL_SIZE, CHANNEL_LABEL,
                                             strlen(CHANNEL_LABEL), NULL, 0, 0);

    return is_done == 1 ? STATUS_OK : STATUS_FAILED;
}
