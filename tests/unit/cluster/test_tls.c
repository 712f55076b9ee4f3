#include "unit/cluster/nodes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* --- certificates --- */

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

/* --- nodes with TLS --- */

static struct test_node a, b;

static void open_as(struct test_node *node, uint64_t node_id, const struct identity *identity,
                    const char *protocols)
{
    struct links_config config = test_config(node, node_id);

    config.uses_tls = true;
    config.tls = (struct tls_files){.cert_file = identity->cert_file,
                                    .key_file = identity->key_file,
                                    .ca_cert_file = ca.cert_file,
                                    .protocols = protocols};
    node_open_with(node, &config);
}

static void close_pair(void)
{
    node_close(&a);
    node_close(&b);
}

static void exchange_with(const char *protocols)
{
    struct buffer body = {0};

    open_as(&a, 1, &member, protocols);
    open_as(&b, 2, &member, "");
    node_dial(&a, b.address);
    RUN_UNTIL(a.ups == 1 && b.ups == 1);
    b.echoes_to = 1;
    memset(buffer_reserve(&body, 5000000), 'x', 5000000);
    body.size = 5000000;
    links_send(a.links, 2, MESSAGE_PUSH, buffer_view(&body));
    RUN_UNTIL(a.messages[MESSAGE_PUSH] == 1);
    assert_true(a.body_hash == hash_content(buffer_view(&body)));
    buffer_clear(&body);
    links_drop(b.links, 1, "as the test wants it");
    RUN_UNTIL(a.downs == 1 && b.downs == 1);
    assert_int_equal(log_count("it refuses: ERR as the test wants it"), 1);
    close_pair();
}

static void members_exchange_messages_by_tls_1_3(void **state)
{
    (void)state;
    exchange_with("");
}

static void members_exchange_messages_by_tls_1_2(void **state)
{
    (void)state;
    exchange_with("TLSv1.2");
}

static void assert_no_link(const char *words)
{
    node_dial(&a, b.address);
    RUN_UNTIL(log_count(words) >= 1);
    assert_int_equal(a.ups + b.ups, 0);
    close_pair();
}

static void a_dialler_whose_certificate_is_not_of_the_ca_is_refused(void **state)
{
    (void)state;
    open_as(&a, 1, &stranger, "");
    open_as(&b, 2, &member, "");
    assert_no_link("TLS failed: certificate verify failed");
}

static void an_acceptor_whose_certificate_is_not_of_the_ca_is_refused(void **state)
{
    (void)state;
    open_as(&a, 1, &member, "");
    open_as(&b, 2, &stranger, "");
    assert_no_link("TLS failed: certificate verify failed");
}

static void plain_text_on_a_tls_port_is_one_line(void **state)
{
    (void)state;
    node_open(&a, 1);
    open_as(&b, 2, &member, "");
    assert_no_link("TLS failed: ");
}

static void tls_on_a_plain_port_is_one_line(void **state)
{
    (void)state;
    open_as(&a, 1, &member, "");
    node_open(&b, 2);
    assert_no_link("this is a gossip port, and what came is not gossip");
}

/* --- what can't be started --- */

static void assert_not_opened(struct tls_files files, const char *words)
{
    struct links_config config = test_config(&a, 1);
    char error[LINK_ERROR_MAX] = "";
    struct links *links;

    config.uses_tls = true;
    config.tls = files;
    assert_int_equal(links_create(&config, &links, error), STATUS_FAILED);
    if (strstr(error, words) == NULL || strchr(error, '\n') != NULL)
        fail_msg("the error is: %s", error);
}

static void files_that_do_not_fit_are_refused_in_one_sentence(void **state)
{
    struct tls_files good = {
        .cert_file = member.cert_file, .key_file = member.key_file, .ca_cert_file = ca.cert_file};
    struct tls_files no_ca = good, missing = good, foreign_key = good, bad_ca = good, old = good;

    (void)state;
    no_ca.ca_cert_file = "";
    missing.cert_file = "/nowhere/x.crt";
    foreign_key.key_file = stranger.key_file;
    bad_ca.ca_cert_file = member.key_file;
    old.protocols = "TLSv1.1";
    assert_not_opened(no_ca, "needs tls-cert-file, tls-key-file and tls-ca-cert-file");
    assert_not_opened(missing, "can't use the certificate /nowhere/x.crt of tls-cert-file");
    assert_not_opened(foreign_key, "can't use the key");
    assert_not_opened(bad_ca, "can't use the certificates of tls-ca-cert-file");
    assert_not_opened(old, "tls-protocols has neither TLSv1.2 nor TLSv1.3");
}

int main(void)
{
#define NODES_TEST(test) cmocka_unit_test_setup_teardown(test, nodes_setup, nodes_teardown)
    const struct CMUnitTest tests[] = {
        NODES_TEST(members_exchange_messages_by_tls_1_3),
        NODES_TEST(members_exchange_messages_by_tls_1_2),
        NODES_TEST(a_dialler_whose_certificate_is_not_of_the_ca_is_refused),
        NODES_TEST(an_acceptor_whose_certificate_is_not_of_the_ca_is_refused),
        NODES_TEST(plain_text_on_a_tls_port_is_one_line),
        NODES_TEST(tls_on_a_plain_port_is_one_line),
        NODES_TEST(files_that_do_not_fit_are_refused_in_one_sentence),
    };

    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
