#include "load/permutation.h"

#include "base/random.h"

#define ROUNDS 4

void permutation_init(struct permutation *permutation, uint64_t count, uint64_t seed)
{
    *permutation = (struct permutation){count, seed, 1};
    while (count > UINT64_C(1) << (2 * permutation->half_bits))
        permutation->half_bits++;
}

static uint64_t scramble(uint64_t half, uint64_t key)
{
    struct random random = {half ^ key};

    return random_next(&random);
}

static uint64_t encipher(const struct permutation *permutation, uint64_t number)
{
    uint64_t mask = (UINT64_C(1) << permutation->half_bits) - 1;
    uint64_t left = number >> permutation->half_bits, right = number & mask;

    for (uint64_t round = 1; round <= ROUNDS; round++) {
        uint64_t next = left ^ (scramble(right, permutation->seed + (round << 56)) & mask);

        left = right;
        right = next;
    }
    return left << permutation->half_bits | right;
}

uint64_t permutation_at(const struct permutation *permutation, uint64_t index)
{
    do
        index = encipher(permutation, index);
    while (index >= permutation->count);
    return index;
}
