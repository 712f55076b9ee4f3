#include "base/random.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *into, size_t size)
{
    unsigned char *next = into;

    while (size > 0) {
        ssize_t got = getrandom(next, size, 0);

        if (got < 0 && errno != EINTR)
            abort(); /* no getrandom(2): a kernel older than any we run on */
        if (got > 0) {
            next += got;
            size -= (size_t)got;
        }
    }
}

uint64_t random_secret_u64(void)
{
    uint64_t value;

    random_bytes(&value, sizeof value);
    return value;
}

uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

uint64_t random_below(struct random *random, uint64_t limit)
{
    uint64_t unfair, value;

    assert(limit > 0);
    /* 2^64 is rarely a multiple of limit: the first 2^64 mod limit numbers are drawn again, or the
     * small results would come a little more often. */
    unfair = -limit % limit;
    do
        value = random_next(random);
    while (value < unfair);
    return value % limit;
}
