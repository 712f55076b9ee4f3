#include "base/crc64.h"

#include "unit/test.h"

static void the_sum_is_that_of_the_book(void **state)
{
    (void)state;
    assert_int_equal(crc64_jones(bytes_of("123456789")), 0xe9c6d914c4b8d9ca);
    assert_int_equal(crc64_jones(bytes_of("")), 0);
}

static uint64_t sum_bit_by_bit(struct bytes bytes)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < bytes.size; i++) {
        sum ^= (unsigned char)bytes.data[i];
        for (int bit = 0; bit < 8; bit++)
            sum = (sum & 1) != 0 ? sum >> 1 ^ 0x95ac9329ac4bc9b5u : sum >> 1;
    }
    return sum;
}

static void eight_bytes_at_once_are_the_same_as_bit_by_bit(void **state)
{
    char data[70];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * i * 37 + 11);
    for (size_t start = 0; start < 9; start++) {
        for (size_t size = 0; size <= sizeof data - start; size++) {
            struct bytes bytes = {data + start, size};

            assert_int_equal(crc64_jones(bytes), sum_bit_by_bit(bytes));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_is_that_of_the_book),
        cmocka_unit_test(eight_bytes_at_once_are_the_same_as_bit_by_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
