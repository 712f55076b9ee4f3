#include "unit/test.h"

#include <stdio.h>
#include <string.h>

#include "library/addresses.h"

static struct addresses parse(const char *text)
{
    char sentence[GRAPEVINE_SENTENCE_MAX] = "";
    struct addresses addresses;

    if (!addresses_parse(&addresses, text, sentence))
        fail_msg("%s", sentence);
    return addresses;
}

static void assert_server(const char *text, const char *host, int port)
{
    struct addresses addresses = parse(text);

    assert_int_equal(addresses.count, 1);
    assert_string_equal(addresses.list[0].name, text);
    assert_string_equal(addresses.list[0].host, host);
    assert_int_equal(addresses.list[0].port, port);
    addresses_clear(&addresses);
}

static void assert_refused(const char *text, const char *expected)
{
    char sentence[GRAPEVINE_SENTENCE_MAX] = "";
    struct addresses addresses;

    assert_false(addresses_parse(&addresses, text, sentence));
    assert_string_equal(sentence, expected);
    assert_int_equal(addresses.count, 0);
}

static void a_server_is_a_host_and_maybe_a_port(void **state)
{
    (void)state;
    assert_server("localhost", "localhost", 6379);
    assert_server("10.0.0.1:1", "10.0.0.1", 1);
    assert_server("cache.example:65535", "cache.example", 65535);
}

static void an_ipv6_address_stands_in_brackets(void **state)
{
    (void)state;
    assert_server("[::1]", "::1", 6379);
    assert_server("[2001:db8::1]:7000", "2001:db8::1", 7000);
    assert_refused("::1:7000", "'::1:7000' is not the address of a server: an IPv6 address stands "
                               "in brackets, [address]:port");
    assert_refused("[::1", "'[::1' is not the address of a server: the bracket is never closed");
}

static void a_path_is_a_unix_socket(void **state)
{
    struct addresses addresses = parse("/run/a:b.sock");
    char path[109] = "", sentence[GRAPEVINE_SENTENCE_MAX] = "";

    (void)state;
    assert_null(addresses.list[0].host);
    assert_string_equal(addresses.list[0].name, "/run/a:b.sock");
    addresses_clear(&addresses);
    memset(path, '/', sizeof path - 1);
    assert_false(addresses_parse(&addresses, path, sentence));
    assert_non_null(strstr(sentence, "the path of a socket has at most 107 bytes"));
    path[107] = '\0';
    addresses = parse(path);
    addresses_clear(&addresses);
}

static void servers_are_separated_by_commas_with_or_without_blanks(void **state)
{
    struct addresses addresses = parse("a , b:2,  ./c.sock");

    (void)state;
    assert_int_equal(addresses.count, 3);
    assert_string_equal(addresses.list[0].name, "a");
    assert_string_equal(addresses.list[1].host, "b");
    assert_int_equal(addresses.list[1].port, 2);
    assert_string_equal(addresses.list[2].name, "./c.sock");
    addresses_clear(&addresses);
}

static void a_wrong_port_is_refused(void **state)
{
    static const char *const texts[] = {"a:",   "a:0",  "a:65536", "a:123456", "a:12x",
                                        "a:-1", "a: 1", "[::1]x",  "[::1]:"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char expected[GRAPEVINE_SENTENCE_MAX];

        (void)snprintf(expected, sizeof expected,
                       "'%s' is not the address of a server: a port is a number from 1 to 65535",
                       texts[i]);
        assert_refused(texts[i], expected);
    }
}

static void what_is_missing_is_refused(void **state)
{
    (void)state;
    assert_refused("", "'' is not the address of a server: it is empty");
    assert_refused("a,,b", "'' is not the address of a server: it is empty");
    assert_refused("a,", "'' is not the address of a server: it is empty");
    assert_refused(":6379", "':6379' is not the address of a server: the host is missing");
    assert_refused("[]:6379", "'[]:6379' is not the address of a server: the host is missing");
}

static void there_are_at_most_64(void **state)
{
    char text[2 * GRAPEVINE_SERVERS_MAX + 2] = "";
    struct addresses addresses;

    (void)state;
    for (size_t i = 0; i < GRAPEVINE_SERVERS_MAX; i++)
        strcat(text, i > 0 ? ",a" : "a");
    addresses = parse(text);
    assert_int_equal(addresses.count, GRAPEVINE_SERVERS_MAX);
    addresses_clear(&addresses);
    strcat(text, ",b");
    assert_refused(text, "'b' is not the address of a server: there are 64 before it, and that is "
                         "the limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_is_a_host_and_maybe_a_port),
        cmocka_unit_test(an_ipv6_address_stands_in_brackets),
        cmocka_unit_test(a_path_is_a_unix_socket),
        cmocka_unit_test(servers_are_separated_by_commas_with_or_without_blanks),
        cmocka_unit_test(a_wrong_port_is_refused),
        cmocka_unit_test(what_is_missing_is_refused),
        cmocka_unit_test(there_are_at_most_64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
