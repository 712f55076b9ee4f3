/* long_reads.h - the long records that a thread has read from disk in this turn.
 *
 * A value that is longer than a shard of the cache may be leaves memory as soon as it came, but for
 * those who found it in this turn.  When many clients ask for it at once, a turn may answer them
 * all: they share the copy that the first one had read.
 *
 * W1  What is found here was found inside of the stay that still lasts (E1 in epoch.h), whether the
 *     cache holds it or not.
 * W2  It is what is stored: the shard's generation is the one from before it was read (H4 in
 *     cache.h), and the caller has just seen that the cache has nothing newer.
 */
#ifndef STORE_LONG_READS_H
#define STORE_LONG_READS_H

#include <stddef.h>
#include <stdint.h>

#include "store/entry.h"

/* A shorter one costs little to be read again. */
#define LONG_READ_MIN (64u * 1024)

/* Of more, the oldest are forgotten. */
#define LONG_READS_MAX 8

struct long_reads {
    uint64_t stay; /* epoch_stay() in which they were read */
    size_t count;
    struct {
        const struct entry *entry;
        uint64_t generation;
    } reads[LONG_READS_MAX]; /* a ring */
};

static inline void long_reads_add(struct long_reads *reads, uint64_t stay,
                                  const struct entry *entry, uint64_t generation)
{
    size_t place;

    if (reads->stay != stay)
        reads->count = 0;
    reads->stay = stay;
    place = reads->count++ % LONG_READS_MAX;
    reads->reads[place].entry = entry;
    reads->reads[place].generation = generation;
}

/* NULL if it has not been read in this stay, or something was written since. */
static inline const struct entry *long_reads_find(const struct long_reads *reads, uint64_t stay,
                                                  uint64_t hash, uint32_t ns, struct bytes key,
                                                  uint64_t generation)
{
    if (reads->stay != stay)
        return NULL;
    for (size_t i = 0; i < reads->count && i < LONG_READS_MAX; i++) {
        const struct entry *entry = reads->reads[i].entry;

        if (reads->reads[i].generation == generation && entry->hash == hash && entry->ns == ns &&
            bytes_equal(entry_key(entry), key))
            return entry;
    }
    return NULL;
}

#endif
