#include "unit/test.h"

#include "base/compiler.h"
#include "cluster/announce.h"

static void assert_announced(const char *const *addresses, size_t count, const char *expected)
{
    char announced[GOSSIP_ADDRESS_MAX];

    announce_choose(addresses, count, 16379, announced);
    assert_string_equal(announced, expected);
}

static void the_loopback_is_announced_only_alone(void **state)
{
    const char *const usual[] = {"127.0.0.1", "-::1", "10.0.0.5", "10.0.0.6"};

    (void)state;
    assert_announced(usual, COUNT_OF(usual), "10.0.0.5:16379");
    assert_announced(usual, 2, "127.0.0.1:16379");
}

static void all_addresses_are_none_in_particular(void **state)
{
    const char *const addresses[] = {"10.0.0.5", "*"}, *const both[] = {"0.0.0.0", "-::*"};

    (void)state;
    assert_announced(addresses, COUNT_OF(addresses), "");
    assert_announced(both, COUNT_OF(both), "");
}

static void colons_stand_in_brackets(void **state)
{
    const char *const addresses[] = {"-fd00::5"};

    (void)state;
    assert_announced(addresses, COUNT_OF(addresses), "[fd00::5]:16379");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loopback_is_announced_only_alone),
        cmocka_unit_test(all_addresses_are_none_in_particular),
        cmocka_unit_test(colons_stand_in_brackets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
