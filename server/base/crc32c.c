#include "base/crc32c.h"

#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* its bits mirrored */

uint32_t crc32c_extend_portable(uint32_t crc, struct bytes bytes)
{
    crc = ~crc;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= (unsigned char)bytes.data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
    }
    return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t extend_fast(uint32_t crc, struct bytes bytes)
{
    uint64_t state = ~crc;

    for (; bytes.size >= sizeof state; bytes.data += sizeof state, bytes.size -= sizeof state) {
        unsigned long long word;

        memcpy(&word, bytes.data, sizeof word);
        state = __builtin_ia32_crc32di(state, word);
    }
    for (; bytes.size > 0; bytes.data++, bytes.size--)
        state = __builtin_ia32_crc32qi((uint32_t)state, (unsigned char)*bytes.data);
    return ~(uint32_t)state;
}

uint32_t crc32c_extend(uint32_t crc, struct bytes bytes)
{
    return __builtin_cpu_supports("sse4.2") ? extend_fast(crc, bytes)
                                            : crc32c_extend_portable(crc, bytes);
}
#else
uint32_t crc32c_extend(uint32_t crc, struct bytes bytes)
{
    return crc32c_extend_portable(crc, bytes);
}
#endif
