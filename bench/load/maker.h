/* maker.h - what is asked: kinds of requests, keys, values, by the options and from a seed.
 *
 * A thread has one.  Keys are numbers, 0 to --keys, behind a prefix; which are popular is
 * scrambled, so that popular keys do not stand side by side.  Values are cut out of a pool of bytes
 * that was filled before.
 */
#ifndef LOAD_MAKER_H
#define LOAD_MAKER_H

#include <stdatomic.h>

#include "base/buffer.h"
#include "load/options.h"
#include "load/permutation.h"
#include "load/stats.h"
#include "load/zipf.h"

/* What all threads know of keys that are being inserted.  The latest that is read is one of the
 * acknowledged; replies to inserts overtake each other, so the very newest may be missed. */
struct key_counters {
    _Atomic uint64_t next_insert, acknowledged;
};

struct maker {
    const struct options *options; /* borrowed, as the counters are */
    struct key_counters *counters;
    struct random random;
    struct zipf zipf;
    struct permutation permutation;
    uint64_t position, stride; /* of sequential keys */
    char *pool;
    size_t pool_size;
    char *key;
};

struct request {
    enum kind kind;
    uint64_t key; /* of the only one, or the first */
};

void maker_init(struct maker *maker, const struct options *options, struct key_counters *counters,
                unsigned thread);
void maker_clear(struct maker *maker);

/* Appends the next request; `request` says what it is. */
void maker_next(struct maker *maker, struct buffer *out, struct request *request);

/* Appends the write that follows the read of KIND_RMW. */
void maker_write(struct maker *maker, uint64_t key, struct buffer *out);

#endif
