/* policy.h - ways to choose what stays in a cache, for the simulator (simulate.c).
 *
 * Keys are numbers, all of one size; a policy says for each use whether the key was in memory, and
 * brings it in if not.  All but the last are written from the papers they come from, as plainly as
 * possible: what counts is what they keep, not how fast they are.  The last is the server's own
 * cache.
 */
#ifndef BENCH_CACHE_POLICY_H
#define BENCH_CACHE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy {
    const char *name;
    /* Room for `capacity` keys; keys are below `key_count`. */
    void *(*create)(size_t capacity, size_t key_count);
    bool (*use)(void *cache, uint32_t key);
    void (*destroy)(void *cache);
};

extern const struct policy policies[]; /* the last has no name */

/* The server's (ours.c). */
void *ours_create(size_t capacity, size_t key_count);
bool ours_use(void *cache, uint32_t key);
void ours_destroy(void *cache);

#endif
