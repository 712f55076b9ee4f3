/* random.h - random bits: from the kernel for secrets and ids, from a small generator for choices.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills from the kernel's generator; cannot fail once the system has booted. */
void random_bytes(void *into, size_t size);
uint64_t random_secret_u64(void);

/* splitmix64: a seed gives the same row of numbers everywhere.  Not for secrets. */
struct random {
    uint64_t state;
};

uint64_t random_next(struct random *random);

/* Evenly from 0 .. limit - 1; limit > 0. */
uint64_t random_below(struct random *random, uint64_t limit);

#endif
