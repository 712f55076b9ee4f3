#include "unit/tls/certificates.h"

#include <string.h>

#include "tls/context.h"

static struct tls_settings good(void)
{
    return (struct tls_settings){.user = "tls-port",
                                 .demand = TLS_DEMAND_ALWAYS,
                                 .cert_file = member.cert_file,
                                 .key_file = member.key_file,
                                 .ca_cert_file = ca.cert_file};
}

static void assert_refused(struct tls_settings settings, const char *words)
{
    char error[TLS_ERROR_MAX] = "";
    SSL_CTX *context;

    assert_int_equal(tls_context_create(&settings, &context, error), STATUS_FAILED);
    if (strstr(error, words) == NULL || strchr(error, '\n') != NULL)
        fail_msg("the error is: %s", error);
}

static void assert_taken(struct tls_settings settings)
{
    char error[TLS_ERROR_MAX] = "";
    SSL_CTX *context;

    if (tls_context_create(&settings, &context, error) != STATUS_OK)
        fail_msg("the error is: %s", error);
    SSL_CTX_free(context);
}

static void files_that_do_not_fit_are_refused_in_one_sentence(void **state)
{
    struct tls_settings no_key = good(), missing = good(), foreign_key = good(), bad_ca = good();
    struct tls_settings not_pem = good(), bad_directory = good();

    (void)state;
    no_key.key_file = "";
    missing.cert_file = "/nowhere/x.crt";
    foreign_key.key_file = stranger.key_file;
    bad_ca.ca_cert_file = member.key_file;
    not_pem.cert_file = "/proc/self/status";
    bad_directory.ca_cert_dir = "/nowhere/certificates";
    assert_refused(no_key, "tls-port needs tls-cert-file and tls-key-file");
    assert_refused(missing, "can't use the certificate /nowhere/x.crt of tls-cert-file: "
                            "No such file or directory");
    assert_refused(foreign_key, "of tls-key-file: key values mismatch");
    assert_refused(bad_ca, "can't use the certificates of tls-ca-cert-file");
    assert_refused(not_pem, "can't use the certificate /proc/self/status of tls-cert-file: ");
    assert_refused(bad_directory, "can't use the directory /nowhere/certificates of "
                                  "tls-ca-cert-dir: No such file or directory");
}

static void who_is_to_be_checked_needs_somebody_who_vouches(void **state)
{
    struct tls_settings settings = good();

    (void)state;
    settings.ca_cert_file = NULL;
    assert_refused(settings, "tls-port needs tls-ca-cert-file or tls-ca-cert-dir, or "
                             "tls-auth-clients no");
    settings.demand = TLS_DEMAND_NONE;
    assert_taken(settings);
}

static void versions_and_ciphers_are_checked(void **state)
{
    struct tls_settings old = good(), strange = good(), ciphers = good(), suites = good();

    (void)state;
    old.protocols = "TLSv1.1";
    strange.protocols = "TLSv1.3 SSLv9";
    ciphers.ciphers = "none such";
    suites.ciphersuites = "none such";
    assert_refused(old, "tls-protocols has TLSv1.1; allowed are TLSv1.2 and TLSv1.3");
    assert_refused(strange, "tls-protocols has SSLv9; allowed are TLSv1.2 and TLSv1.3");
    assert_refused(ciphers, "can't use tls-ciphers");
    assert_refused(suites, "can't use tls-ciphersuites");
    old.protocols = " TLSv1.2";
    strange.protocols = "tlsv1.3,TLSv1.2";
    ciphers.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
    suites.ciphersuites = "TLS_AES_128_GCM_SHA256";
    assert_taken(old);
    assert_taken(strange);
    assert_taken(ciphers);
    assert_taken(suites);
}

static void a_key_with_a_passphrase_needs_the_right_one(void **state)
{
    struct tls_settings settings = good();
    char path[160];
    FILE *file;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/locked.key", folder);
    file = fopen(path, "w");
    assert_int_equal(PEM_write_PKCS8PrivateKey(file, member.key, EVP_aes_128_cbc(), "open sesame",
                                               11, NULL, NULL),
                     1);
    (void)fclose(file);
    settings.key_file = path;
    assert_refused(settings, "of tls-key-file");
    settings.key_file_pass = "open";
    assert_refused(settings, "of tls-key-file");
    settings.key_file_pass = "open sesame";
    assert_taken(settings);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_do_not_fit_are_refused_in_one_sentence),
        cmocka_unit_test(who_is_to_be_checked_needs_somebody_who_vouches),
        cmocka_unit_test(versions_and_ciphers_are_checked),
        cmocka_unit_test(a_key_with_a_passphrase_needs_the_right_one),
    };

    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
