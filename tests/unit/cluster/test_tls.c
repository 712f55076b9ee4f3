#include "unit/cluster/nodes.h"
#include "unit/tls/certificates.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* --- nodes with TLS --- */

static struct test_node a, b;

/* What a node's TLS is made of. */
static struct tls {
    struct options *options;
    struct tls_contexts *contexts;
} tls_of_a, tls_of_b;

static void open_with(struct test_node *node, uint64_t node_id, const struct identity *identity,
                      const char *const *more)
{
    struct tls *tls = node == &a ? &tls_of_a : &tls_of_b;
    struct links_config config = test_config(node, node_id);
    char error[TLS_ERROR_MAX];

    tls->options = tls_options(identity, more);
    if (tls_contexts_create(tls->options, &tls->contexts, error) != STATUS_OK)
        fail_msg("%s", error);
    config.tls = tls->contexts;
    node_open_with(node, &config);
}

static void open_as(struct test_node *node, uint64_t node_id, const struct identity *identity,
                    const char *protocols)
{
    const char *const more[] = {"--tls-replication", "yes", "--tls-protocols", protocols, NULL};

    open_with(node, node_id, identity, more);
}

/* Who connects shows one certificate, who accepts the other. */
static void open_as_both(struct test_node *node, uint64_t node_id, const struct identity *acceptor,
                         const struct identity *dialler)
{
    const char *const more[] = {"--tls-replication",
                                "yes",
                                "--tls-client-cert-file",
                                dialler->cert_file,
                                "--tls-client-key-file",
                                dialler->key_file,
                                NULL};

    open_with(node, node_id, acceptor, more);
}

static void close_tls(struct tls *tls)
{
    tls_contexts_destroy(tls->contexts);
    options_destroy(tls->options);
    *tls = (struct tls){0};
}

static void close_pair(void)
{
    node_close(&a);
    node_close(&b);
    close_tls(&tls_of_a);
    close_tls(&tls_of_b);
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

static void a_dialler_shows_its_client_certificate(void **state)
{
    (void)state;
    open_as_both(&a, 1, &stranger, &member);
    open_as(&b, 2, &member, "");
    node_dial(&a, b.address);
    RUN_UNTIL(a.ups == 1 && b.ups == 1);
    close_pair();
    open_as_both(&a, 1, &member, &stranger);
    open_as(&b, 2, &member, "");
    assert_no_link("TLS failed: certificate verify failed");
}

static void an_acceptor_does_not_show_it(void **state)
{
    (void)state;
    open_as(&a, 1, &member, "");
    open_as_both(&b, 2, &stranger, &member);
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

/* --- new certificates --- */

static void renew(struct tls *tls, const struct identity *identity)
{
    const struct bytes words[] = {bytes_of("tls-cert-file"), bytes_of(identity->cert_file),
                                  bytes_of("tls-key-file"), bytes_of(identity->key_file)};
    char error[OPTIONS_ERROR_MAX], tls_error[TLS_ERROR_MAX];

    assert_int_equal(options_set(tls->options, words, COUNT_OF(words), error), STATUS_OK);
    assert_int_equal(tls_contexts_prepare(tls->contexts, tls_error), STATUS_OK);
    tls_contexts_switch(tls->contexts);
}

static bool take(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX])
{
    (void)context;
    (void)id;
    (void)error;
    return true;
}

static void the_next_link_shows_the_new_certificate(void **state)
{
    (void)state;
    open_as(&a, 1, &stranger, "");
    open_as(&b, 2, &member, "");
    options_set_hook(tls_of_a.options, OPTION_TLS_CERT_FILE, take, NULL);
    options_set_hook(tls_of_a.options, OPTION_TLS_KEY_FILE, take, NULL);
    node_dial(&a, b.address);
    RUN_UNTIL(log_count("TLS failed: ") >= 1);
    assert_int_equal(a.ups + b.ups, 0);
    renew(&tls_of_a, &member);
    RUN_UNTIL(a.ups == 1 && b.ups == 1);
    close_pair();
}

int main(void)
{
#define NODES_TEST(test) cmocka_unit_test_setup_teardown(test, nodes_setup, nodes_teardown)
    const struct CMUnitTest tests[] = {
        NODES_TEST(members_exchange_messages_by_tls_1_3),
        NODES_TEST(members_exchange_messages_by_tls_1_2),
        NODES_TEST(a_dialler_whose_certificate_is_not_of_the_ca_is_refused),
        NODES_TEST(an_acceptor_whose_certificate_is_not_of_the_ca_is_refused),
        NODES_TEST(a_dialler_shows_its_client_certificate),
        NODES_TEST(an_acceptor_does_not_show_it),
        NODES_TEST(plain_text_on_a_tls_port_is_one_line),
        NODES_TEST(tls_on_a_plain_port_is_one_line),
        NODES_TEST(the_next_link_shows_the_new_certificate),
    };

    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
