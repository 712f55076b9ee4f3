/* fences.h - which block of a table has a key, from memory that lies close together.
 *
 * A table's index (table.h) has a key for each block.  Searching it touches a dozen places all over
 * its 140 KB, and with a hundred million keys most of them are in no cache.  Fences are what of
 * these keys tells them apart: the eight bytes behind the prefix that they share, as a number, with
 * the place of the block and of its filter beside it.  Sixteen of them are two or four cache lines
 * that are asked for together, and found through samples: each 16th, each 16th of these, and so on.
 *
 *     samples   [.. 16 ..]              few, always in a cache
 *               [.. 16 ..] [.. 16 ..] ...
 *     fences    [.. 16 ..] [.. 16 ..] [.. 16 ..] ...
 *
 * N1  The key of block i is not before all keys of the block, and before all of block i + 1.  The
 *     last block has no fence: what is behind all fences is there, or nowhere.
 * N2  Fences may be equal, and equal to what is searched.  Then fences_find() names all blocks that
 *     come into question, and the index decides.
 *
 * They take 17 bytes a block.  Once sealed they don't change, and any thread may search.
 */
#ifndef STORE_FENCES_H
#define STORE_FENCES_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct fences;

/* The bytes that fences of so many blocks take, with a prefix of that size. */
size_t fences_cost(size_t blocks, size_t prefix_size);

/* For so many blocks, at least one.  All keys but the last block's begin with `prefix`, which is
 * copied. */
struct fences *fences_create(size_t blocks, struct bytes prefix);
void fences_destroy(struct fences *fences);

/* Where a block and its filter begin; where the last ones end counts as one more block.  The key is
 * that of N1, which rises; the last block's does not matter. */
void fences_set(struct fences *fences, size_t block, struct bytes key, uint32_t offset,
                uint32_t filter_offset);
/* All are set: they can be searched. */
void fences_seal(struct fences *fences);

/* How far a search has come. */
struct fence_search {
    const struct fences *fences;
    uint64_t key;
    size_t group;
};

/* Asks for the memory that the next step reads. */
void fences_begin(struct fence_search *search, const struct fences *fences, struct bytes key);

/* The blocks that may have the key: one, unless *low < *high; then it is the first of them whose
 * key is not before the one searched, or *high if there is none (N2). */
void fences_find(const struct fence_search *search, size_t *low, size_t *high);

/* Where a block, and its filter, begin and end. */
struct fence_place {
    uint32_t begin, end, filter_begin, filter_end;
};

struct fence_place fences_place(const struct fences *fences, size_t block);

#endif
