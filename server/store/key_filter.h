/* key_filter.h - which keys may be in a set that only grows: a Bloom filter of two bits a key.
 *
 * One thread adds, any thread asks, without a lock: key_filter_may_have() is true of every key that
 * was added before, as far as the caller can know.
 */
#ifndef STORE_KEY_FILTER_H
#define STORE_KEY_FILTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct key_filter;

/* Of so many bits, a power of two; empty. */
struct key_filter *key_filter_create(uint64_t bits);
void key_filter_destroy(struct key_filter *filter);

void key_filter_add(struct key_filter *filter, struct bytes key);
bool key_filter_may_have(const struct key_filter *filter, struct bytes key);

/* For who asks several filters about one key: its hash, the memory that asking will need, and the
 * answer. */
uint64_t key_filter_hash(struct bytes key);
void key_filter_prefetch(const struct key_filter *filter, uint64_t hash);
bool key_filter_may_have_hash(const struct key_filter *filter, uint64_t hash);

/* Nobody adds meanwhile. */
void key_filter_clear(struct key_filter *filter);

#endif
