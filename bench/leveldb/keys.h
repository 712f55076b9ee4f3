/* keys.h - the keys and values that traffic.c and bare.c agree on.
 *
 * Key number n of N is "key:<n, 12 digits>"; the missing key beside it, "key:<n, 12 digits>.".  A
 * value is as good as random, or text that compresses, and follows from its number and a seed.
 */
#ifndef LEVELDB_KEYS_H
#define LEVELDB_KEYS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define KEY_SIZE 16
#define KEY_MAX  (KEY_SIZE + 1) /* the missing one */

static inline uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

__extension__ typedef unsigned __int128 wide;

/* A number below `limit`; *state moves on. */
static inline uint64_t draw(uint64_t *state, uint64_t limit)
{
    *state += 0x9e3779b97f4a7c15u;
    return (uint64_t)(((wide)mix(*state) * limit) >> 64);
}

/* The place of n in an order of 0 .. count-1 that looks random: a Feistel network on the bits that
 * count needs, walked until it is back below count. */
static inline uint64_t shuffled(uint64_t n, uint64_t count, uint64_t seed)
{
    unsigned half = 1;

    while (((uint64_t)1 << 2 * half) < count)
        half++;
    do {
        uint64_t left = n >> half, right = n & (((uint64_t)1 << half) - 1);

        for (uint64_t round = 0; round < 4; round++) {
            uint64_t next = left ^ (mix(right ^ seed ^ round << 56) & (((uint64_t)1 << half) - 1));

            left = right;
            right = next;
        }
        n = left << half | right;
    } while (n >= count);
    return n;
}

/* Without a zero at the end; the size. */
static inline size_t write_key(char *at, uint64_t number, bool is_missing)
{
    memcpy(at, "key:", 4);
    for (int digit = KEY_SIZE - 1; digit >= 4; digit--, number /= 10)
        at[digit] = (char)('0' + number % 10);
    at[KEY_SIZE] = '.';
    return is_missing ? KEY_MAX : KEY_SIZE;
}

/* Text: what a record of a configuration looks like, of which two thirds say nothing new. */
static inline void write_value(char *at, size_t size, uint64_t number, bool is_text)
{
    static const char frame[] = "{\"enabled\":true,\"percentage\":25,\"id\":\"";
    size_t done = 0;

    while (is_text && done < size * 2 / 3) {
        size_t more = sizeof frame - 1 < size - done ? sizeof frame - 1 : size - done;

        memcpy(at + done, frame, more);
        done += more;
    }
    for (; done < size; number = mix(number)) {
        uint64_t word = mix(number);
        size_t more = size - done < sizeof word ? size - done : sizeof word;

        memcpy(at + done, &word, more);
        done += more;
    }
}

#endif
