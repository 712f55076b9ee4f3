/* certificates.h - a CA, a member certified by it, and a stranger certified by another one, as
 * files in a temporary folder. */
#ifndef UNIT_TLS_CERTIFICATES_H
#define UNIT_TLS_CERTIFICATES_H

#include "unit/test.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/memory.h"
#include "config/options.h"

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    char cert_file[128], key_file[128];
};

static char folder[64];
static struct identity ca, member, stranger_ca, stranger;

static X509 *certify(EVP_PKEY *key, const char *name, const struct identity *issuer)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_EXTENSION *is_ca =
        X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints,
                            issuer == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");

    (void)X509_set_version(certificate, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer == NULL ? 1 : 2);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    (void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                     -1, 0);
    (void)X509_set_issuer_name(
        certificate, issuer == NULL ? subject : X509_get_subject_name(issuer->certificate));
    (void)X509_set_pubkey(certificate, key);
    (void)X509_add_ext(certificate, is_ca, -1);
    X509_EXTENSION_free(is_ca);
    assert_true(X509_sign(certificate, issuer == NULL ? key : issuer->key, EVP_sha256()) > 0);
    return certificate;
}

static void make_identity(struct identity *identity, const char *name,
                          const struct identity *issuer)
{
    FILE *file;

    identity->key = EVP_EC_gen("P-256");
    assert_non_null(identity->key);
    identity->certificate = certify(identity->key, name, issuer);
    (void)snprintf(identity->cert_file, sizeof identity->cert_file, "%s/%s.crt", folder, name);
    (void)snprintf(identity->key_file, sizeof identity->key_file, "%s/%s.key", folder, name);
    file = fopen(identity->cert_file, "w");
    assert_true(PEM_write_X509(file, identity->certificate) == 1);
    (void)fclose(file);
    file = fopen(identity->key_file, "w");
    assert_true(PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL) == 1);
    (void)fclose(file);
}

static void remove_identity(struct identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
    (void)unlink(identity->cert_file);
    (void)unlink(identity->key_file);
}

static int make_certificates(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s", "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    make_identity(&ca, "ca", NULL);
    make_identity(&member, "member", &ca);
    make_identity(&stranger_ca, "stranger-ca", NULL);
    make_identity(&stranger, "stranger", &stranger_ca);
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    remove_identity(&ca);
    remove_identity(&member);
    remove_identity(&stranger_ca);
    remove_identity(&stranger);
    (void)rmdir(folder);
    return 0;
}

/* The member's files, and `more`, pairs of words, "--option", "value", ..., ended by NULL. */
static inline struct options *tls_options(const struct identity *identity, const char *const *more)
{
    const char *own[] = {"grapevine-server", "--tls-cert-file",  identity->cert_file,
                         "--tls-key-file",   identity->key_file, "--tls-ca-cert-file",
                         ca.cert_file};
    struct options *options = options_create();
    char error[OPTIONS_ERROR_MAX], *argv[32];
    int argc = 0;

    for (size_t i = 0; i < COUNT_OF(own); i++)
        argv[argc++] = xstrdup(own[i]);
    for (; *more != NULL; more++)
        argv[argc++] = xstrdup(*more);
    if (options_parse(options, argc, argv, error) != STATUS_OK)
        fail_msg("%s", error);
    while (argc > 0)
        free(argv[--argc]);
    return options;
}

#endif
