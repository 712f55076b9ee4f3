#include "unit/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "base/address.h"

static struct sockaddr_storage v4(const char *host, uint16_t port)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *address = (void *)&storage;

    address->sin_family = AF_INET;
    address->sin_port = htons(port);
    assert_int_equal(inet_pton(AF_INET, host, &address->sin_addr), 1);
    return storage;
}

static struct sockaddr_storage v6(const char *host, uint16_t port)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in6 *address = (void *)&storage;

    address->sin6_family = AF_INET6;
    address->sin6_port = htons(port);
    assert_int_equal(inet_pton(AF_INET6, host, &address->sin6_addr), 1);
    return storage;
}

static struct sockaddr_storage local(const char *path)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_un *address = (void *)&storage;

    address->sun_family = AF_UNIX;
    strcpy(address->sun_path, path);
    return storage;
}

static void assert_text(struct sockaddr_storage address, const char *expected)
{
    char text[64];

    address_to_text((const struct sockaddr *)&address, text, sizeof text);
    assert_string_equal(text, expected);
}

static void addresses_are_spelled_as_redis_spells_them(void **state)
{
    (void)state;
    assert_text(v4("127.0.0.1", 6379), "127.0.0.1:6379");
    assert_text(v6("::1", 6379), "[::1]:6379");
    assert_text(local("/run/grapevine.sock"), "/run/grapevine.sock:0");
}

static void a_host_is_an_address_without_its_port(void **state)
{
    (void)state;
    assert_true(bytes_equal(address_host("127.0.0.1:6379"), bytes_of("127.0.0.1")));
    assert_true(bytes_equal(address_host("[::1]:6379"), bytes_of("[::1]")));
    assert_true(bytes_equal(address_host("host"), bytes_of("host")));
}

static void a_long_path_is_cut(void **state)
{
    struct sockaddr_storage address =
        local("/run/a/folder/with/a/name/that/goes/on/and/on/and/on/until/it/is/too/long");
    char text[16];

    (void)state;
    address_to_text((const struct sockaddr *)&address, text, sizeof text);
    assert_string_equal(text, "/run/a/folder/w");
}

static bool is_loopback(struct sockaddr_storage address)
{
    return address_is_loopback((const struct sockaddr *)&address);
}

static void only_this_machine_is_loopback(void **state)
{
    (void)state;
    assert_true(is_loopback(v4("127.0.0.1", 1)));
    assert_true(is_loopback(v4("127.1.2.3", 1)));
    assert_true(is_loopback(v6("::1", 1)));
    assert_true(is_loopback(local("/tmp/x")));
    assert_false(is_loopback(v4("128.0.0.1", 1)));
    assert_false(is_loopback(v4("10.0.0.127", 1)));
    assert_false(is_loopback(v6("fe80::1", 1)));
    assert_false(is_loopback(v6("::ffff:10.0.0.1", 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_spelled_as_redis_spells_them),
        cmocka_unit_test(a_host_is_an_address_without_its_port),
        cmocka_unit_test(a_long_path_is_cut),
        cmocka_unit_test(only_this_machine_is_loopback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
