/* micro.h - what a part of the server costs by itself.
 *
 * A benchmark is a row of a table: what it prepares, and a function that does the operation a
 * number of times.  micro.c chooses the number, repeats, and prints the best repeat in CPU time of
 * the whole process, so that other threads of the store count and other processes do not. */
#ifndef MICRO_MICRO_H
#define MICRO_MICRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct benchmark {
    const char *name;
    /* Returns the state.  *bytes may be set to what one operation goes through. */
    void *(*set_up)(const struct benchmark *benchmark, size_t *bytes);
    void (*run)(void *state, size_t count);
    void (*tear_down)(void *state);
    size_t size;   /* what set_up() makes of it: words, keys, bytes */
    bool is_whole; /* an operation is one of `size` that are done together */
};

/* Each ends with a row without a name. */
extern const struct benchmark resp_benchmarks[], cache_benchmarks[], store_benchmarks[],
    sum_benchmarks[];

/* So that the compiler cannot leave out what leads to it. */
void micro_use(uint64_t value);

#define MICRO_KEY_SIZE   16
#define MICRO_VALUE_SIZE 100

/* key:000000000042, as redis-benchmark names keys, into `text`. */
struct bytes micro_key(uint64_t number, char text[MICRO_KEY_SIZE]);
/* 100 bytes. */
struct bytes micro_value(void);
/* The next of a fixed sequence of numbers that look random: xorshift64* (Vigna). */
uint64_t micro_random(void);

#endif
