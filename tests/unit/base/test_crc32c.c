#include "base/crc32c.h"

#include "unit/test.h"

static void the_checksum_is_the_one_of_the_standard(void **state)
{
    char zeros[32] = {0};

    (void)state;
    assert_int_equal(crc32c_extend(0, bytes_of("123456789")), 0xe3069283u);
    assert_int_equal(crc32c_extend(0, (struct bytes){zeros, sizeof zeros}), 0x8a9136aau);
    assert_int_equal(crc32c_extend(0, bytes_of("")), 0);
}

static void what_is_added_in_pieces_sums_up_to_the_same(void **state)
{
    char data[100];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 37);
    for (size_t i = 0; i <= sizeof data; i++) {
        uint32_t crc = crc32c_extend(0, (struct bytes){data, i});

        crc = crc32c_extend(crc, (struct bytes){data + i, sizeof data - i});
        assert_int_equal(crc, crc32c_extend_portable(0, (struct bytes){data, sizeof data}));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_the_one_of_the_standard),
        cmocka_unit_test(what_is_added_in_pieces_sums_up_to_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
