#include "tls/context.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

static enum status fail(char *error, const char *format, ...) PRINTF_LIKE(2, 3);

/* What OpenSSL complained about first, which is nearest to the cause; NULL = nothing. */
static const char *find_reason(void)
{
    unsigned long first = ERR_peek_error();

    return ERR_SYSTEM_ERROR(first) ? strerror(ERR_GET_REASON(first))
                                   : ERR_reason_error_string(first);
}

/* The words, and the reason. */
static enum status fail(char *error, const char *format, ...)
{
    const char *reason = find_reason();
    va_list arguments;
    size_t used;

    va_start(arguments, format);
    (void)vsnprintf(error, TLS_ERROR_MAX, format, arguments);
    va_end(arguments);
    used = strlen(error);
    if (reason != NULL)
        (void)snprintf(error + used, TLS_ERROR_MAX - used, ": %s", reason);
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

/* --- certificates --- */

static int give_passphrase(char *into, int size, int is_writing, void *passphrase)
{
    (void)is_writing;
    if (!is_given(passphrase) || strlen(passphrase) >= (size_t)size)
        return 0;
    memcpy(into, passphrase, strlen(passphrase) + 1);
    return (int)strlen(passphrase);
}

static enum status load_authorities(SSL_CTX *context, const struct tls_settings *settings,
                                    char *error)
{
    const char *file = given(settings->ca_cert_file), *directory = given(settings->ca_cert_dir);

    if (directory != NULL && access(directory, R_OK | X_OK) != 0)
        return fail(error, "can't use the directory %s of tls-ca-cert-dir: %s", directory,
                    strerror(errno)); /* OpenSSL would look for it later, and find nothing */
    if ((file != NULL || directory != NULL) &&
        SSL_CTX_load_verify_locations(context, file, directory) != 1)
        return fail(error, "can't use the certificates of tls-ca-cert-file or tls-ca-cert-dir");
    return STATUS_OK;
}

/* What is shown, and the options that name it. */
struct identity {
    const char *cert_file, *key_file, *key_file_pass;
    const char *cert_option, *key_option;
};

static struct identity identity_of(const struct tls_settings *settings)
{
    if (settings->is_client && is_given(settings->client_cert_file))
        return (struct identity){settings->client_cert_file, settings->client_key_file,
                                 settings->client_key_file_pass, "tls-client-cert-file",
                                 "tls-client-key-file"};
    return (struct identity){settings->cert_file, settings->key_file, settings->key_file_pass,
                             "tls-cert-file", "tls-key-file"};
}

static enum status load_files(SSL_CTX *context, const struct tls_settings *settings, char *error)
{
    struct identity own = identity_of(settings);

    SSL_CTX_set_default_passwd_cb(context, give_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(context, (void *)(uintptr_t)own.key_file_pass);
    if (SSL_CTX_use_certificate_chain_file(context, own.cert_file) != 1)
        return fail(error, "can't use the certificate %s of %s", own.cert_file, own.cert_option);
    if (SSL_CTX_use_PrivateKey_file(context, own.key_file, SSL_FILETYPE_PEM) != 1)
        return fail(error, "can't use the key %s of %s", own.key_file, own.key_option);
    if (SSL_CTX_check_private_key(context) != 1)
        return fail(error, "%s and %s do not belong together", own.key_option, own.cert_option);
    SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
    return load_authorities(context, settings, error);
}

/* --- versions and ciphers --- */

#define BETWEEN_WORDS " \t,"

/* tls-protocols "" = both. */
static enum status find_versions(const char *words, bool *with_12, bool *with_13, char *error)
{
    bool has_12 = false, has_13 = false;

    for (words += strspn(words, BETWEEN_WORDS); *words != '\0';
         words += strspn(words, BETWEEN_WORDS)) {
        struct bytes word = {words, strcspn(words, BETWEEN_WORDS)};

        if (bytes_is_word(word, "TLSv1.2"))
            has_12 = true;
        else if (bytes_is_word(word, "TLSv1.3"))
            has_13 = true;
        else
            return fail(error, "tls-protocols has %.*s; allowed are TLSv1.2 and TLSv1.3",
                        (int)word.size, word.data);
        words += word.size;
    }
    *with_12 = has_12 || !has_13;
    *with_13 = has_13 || !has_12;
    return STATUS_OK;
}

static enum status choose_versions(SSL_CTX *context, const char *words, char *error)
{
    bool with_12 = true, with_13 = true;
    enum status s = find_versions(words == NULL ? "" : words, &with_12, &with_13, error);

    if (s != STATUS_OK)
        return s;
    if (SSL_CTX_set_min_proto_version(context, with_12 ? TLS1_2_VERSION : TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, with_13 ? TLS1_3_VERSION : TLS1_2_VERSION) != 1)
        return fail(error, "can't offer the versions of tls-protocols");
    return STATUS_OK;
}

static EVP_PKEY *read_dh_params(const char *file)
{
    BIO *input = BIO_new_file(file, "r");
    EVP_PKEY *params = input == NULL ? NULL : PEM_read_bio_Parameters(input, NULL);

    BIO_free(input);
    return params;
}

static enum status choose_dh(SSL_CTX *context, const struct tls_settings *settings, char *error)
{
    EVP_PKEY *params;

    if (!is_given(settings->dh_params_file)) {
        (void)SSL_CTX_set_dh_auto(context, 1);
        return STATUS_OK;
    }
    params = read_dh_params(settings->dh_params_file);
    if (params != NULL && SSL_CTX_set0_tmp_dh_pkey(context, params) == 1)
        return STATUS_OK; /* which is the context's now */
    EVP_PKEY_free(params);
    return fail(error, "can't use the parameters %s of tls-dh-params-file",
                settings->dh_params_file);
}

static enum status choose_ciphers(SSL_CTX *context, const struct tls_settings *settings,
                                  char *error)
{
    if (is_given(settings->ciphers) && SSL_CTX_set_cipher_list(context, settings->ciphers) != 1)
        return fail(error, "can't use tls-ciphers");
    if (is_given(settings->ciphersuites) &&
        SSL_CTX_set_ciphersuites(context, settings->ciphersuites) != 1)
        return fail(error, "can't use tls-ciphersuites");
    if (settings->prefers_own_ciphers)
        (void)SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    return choose_dh(context, settings, error);
}

/* --- behaviour --- */

static void choose_demand(SSL_CTX *context, enum tls_demand demand)
{
    static const int modes[] = {
        [TLS_DEMAND_NONE] = SSL_VERIFY_NONE,
        [TLS_DEMAND_IF_SHOWN] = SSL_VERIFY_PEER,
        [TLS_DEMAND_ALWAYS] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
    };

    SSL_CTX_set_verify(context, modes[demand], NULL);
}

/* The keys of tickets are the context's own, made by chance. */
static void keep_sessions(SSL_CTX *context, const struct tls_settings *settings)
{
    static const unsigned char name[] = "grapevine";

    (void)SSL_CTX_set_session_id_context(context, name, sizeof name - 1);
    if (settings->keeps_sessions) {
        (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
        (void)SSL_CTX_sess_set_cache_size(context, settings->sessions_max);
        (void)SSL_CTX_set_timeout(context, settings->session_s);
    } else {
        (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        (void)SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        (void)SSL_CTX_set_num_tickets(context, 0);
    }
}

static enum status configure(SSL_CTX *context, const struct tls_settings *settings, char *error)
{
    enum status s = choose_versions(context, settings->protocols, error);

    if (s == STATUS_OK)
        s = choose_ciphers(context, settings, error);
    if (s != STATUS_OK)
        return s;
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    choose_demand(context, settings->demand);
    keep_sessions(context, settings);
    return load_files(context, settings, error);
}

static enum status check_given(const struct tls_settings *settings, char *error)
{
    if (!is_given(settings->cert_file) || !is_given(settings->key_file))
        return fail(error, "%s needs tls-cert-file and tls-key-file", settings->user);
    if (is_given(settings->client_cert_file) != is_given(settings->client_key_file))
        return fail(error, "tls-client-cert-file and tls-client-key-file need each other");
    if (settings->demand != TLS_DEMAND_NONE && !is_given(settings->ca_cert_file) &&
        !is_given(settings->ca_cert_dir))
        return fail(error, "%s needs tls-ca-cert-file or tls-ca-cert-dir%s", settings->user,
                    settings->is_demand_fixed ? "" : ", or tls-auth-clients no");
    return STATUS_OK;
}

enum status tls_context_create(const struct tls_settings *settings, SSL_CTX **context,
                               char error[TLS_ERROR_MAX])
{
    SSL_CTX *made;
    enum status s;

    ERR_clear_error();
    s = check_given(settings, error);
    if (s != STATUS_OK)
        return s;
    made = SSL_CTX_new(settings->is_client ? TLS_client_method() : TLS_server_method());
    if (made == NULL)
        return fail(error, "OpenSSL can't be used");
    s = configure(made, settings, error);
    if (s == STATUS_OK)
        *context = made;
    else
        SSL_CTX_free(made);
    ERR_clear_error();
    return s;
}
