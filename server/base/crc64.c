#include "base/crc64.h"

#include <endian.h>
#include <pthread.h>

#define POLYNOMIAL_REFLECTED 0x95ac9329ac4bc9b5u

/* tables[0] is what a byte does to the sum; tables[n] the same with n zero bytes behind it, so that
 * eight bytes are one step. */
static uint64_t tables[8][256];

static void fill_tables(void)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t sum = byte;

        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? POLYNOMIAL_REFLECTED : 0);
        tables[0][byte] = sum;
    }
    for (unsigned byte = 0; byte < 256; byte++)
        for (int n = 1; n < 8; n++)
            tables[n][byte] = tables[n - 1][byte] >> 8 ^ tables[0][tables[n - 1][byte] & 0xff];
}

static uint64_t add_word(uint64_t sum, const char *data)
{
    uint64_t word, result = 0;

    memcpy(&word, data, sizeof word);
    sum ^= le64toh(word);
    for (int n = 7; n >= 0; n--, sum >>= 8)
        result ^= tables[n][sum & 0xff];
    return result;
}

uint64_t crc64_jones(struct bytes bytes)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    uint64_t sum = 0;
    size_t at = 0;

    (void)pthread_once(&once, fill_tables);
    for (; bytes.size - at >= sizeof sum; at += sizeof sum)
        sum = add_word(sum, bytes.data + at);
    for (; at < bytes.size; at++)
        sum = sum >> 8 ^ tables[0][(sum ^ (unsigned char)bytes.data[at]) & 0xff];
    return sum;
}
