/* fuzz_hello.c - a hello that is taken is the one that would be written, and can be shown. */
#include <assert.h>

#include "cluster/hello.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {(const char *)data, size};
    struct buffer again = {0};
    struct hello hello;

    if (hello_decode(input, &hello) != STATUS_OK)
        return 0;
    assert(hello.proto >= HELLO_PROTO && hello.address.size <= HELLO_ADDRESS_MAX);
    for (size_t i = 0; i < hello.address.size; i++)
        assert(hello.address.data[i] > ' ' && hello.address.data[i] <= '~');
    hello_encode(&again, &hello);
    assert(again.size <= size);
    if (hello.proto == HELLO_PROTO && again.size == size)
        assert(bytes_equal(buffer_view(&again), input));
    buffer_clear(&again);
    return 0;
}
