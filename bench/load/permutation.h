/* permutation.h - the numbers 0 .. count - 1 in another order, without a table.
 *
 * A small block cipher (a Feistel network) on the next larger power of four; what falls outside is
 * enciphered again until it is inside, so each number comes exactly once.
 */
#ifndef LOAD_PERMUTATION_H
#define LOAD_PERMUTATION_H

#include <stdint.h>

struct permutation {
    uint64_t count, seed;
    unsigned half_bits;
};

/* 0 < count <= 2^62. */
void permutation_init(struct permutation *permutation, uint64_t count, uint64_t seed);

/* What stands at `index`, which is below count. */
uint64_t permutation_at(const struct permutation *permutation, uint64_t index);

#endif
