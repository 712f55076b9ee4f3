/* sketch.h - which elements do two sets not share?  A rateless set sketch.
 *
 * After Yang, Gilad and Alizadeh, "Practical Rateless Set Reconciliation" (SIGCOMM 2024, arXiv
 * 2402.02668): each element is added to an endless, pseudo-random, ever thinner choice of symbols,
 * beginning with the first.  The other side subtracts its own symbols and peels: a symbol with one
 * element left gives it away, and it is taken out of all its other symbols.  About 1.35 to 1.75
 * symbols for each difference are enough, however large the sets are; so one side sends symbols
 * until the other has had enough.
 *
 *     symbol = (sum of elements, sum of checksums, count)
 *
 * K1  Symbols depend on the salt, the set, and nothing else; not on the order of elements.
 * K2  A result is right or there is none: an element is taken as peeled only if its checksum fits,
 *     and the decoder is complete only if every symbol so far is empty.
 *
 * Elements are unique within a set.  Pure memory; sizes are bounded by the callers.
 */
#ifndef REPLICATION_SKETCH_H
#define REPLICATION_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"

struct element {
    uint64_t a, b; /* b is 0 in sets of single numbers */
};

struct symbol {
    struct element sum; /* two separate sums */
    uint32_t check;
    int64_t count;
};

/* One side's set, giving symbols from the first on. */
struct sketch;

/* Copies the elements. */
struct sketch *sketch_create(uint64_t salt, const struct element *elements, size_t count);
void sketch_destroy(struct sketch *sketch);

/* Writes the next `count` symbols and returns the index of the first of them. */
size_t sketch_next(struct sketch *sketch, struct symbol *symbols, size_t count);
/* How many symbols it has given. */
size_t sketch_position(const struct sketch *sketch);
size_t sketch_size(const struct sketch *sketch); /* elements */

/* The other side: takes a set of its own and the symbols of the other. */
struct peeler;

struct peeler *peeler_create(uint64_t salt, const struct element *elements, size_t count);
void peeler_destroy(struct peeler *peeler);

/* The next symbols of the other side, in order.  True when the difference is known in full. */
bool peeler_add(struct peeler *peeler, const struct symbol *symbols, size_t count);
size_t peeler_position(const struct peeler *peeler);

/* The difference, after peeler_add() returned true; before that, what was found so far and may be
 * wrong: good for guessing how far the end is.  The peeler's own, until it is destroyed or is given
 * more. */
const struct element *peeler_ours(const struct peeler *peeler, size_t *count);
const struct element *peeler_theirs(const struct peeler *peeler, size_t *count);

/* Symbols as bytes: each the sum (8 bytes if is_wide is false: then b is always 0, else 16), four
 * of checksum, the count as a zigzag varint. */
void symbols_encode(struct buffer *out, const struct symbol *symbols, size_t count, bool is_wide);
/* Exactly `count` symbols, else STATUS_CORRUPT. */
enum status symbols_decode(struct bytes from, struct symbol *symbols, size_t count,
                           bool is_wide) MUST_USE;

#endif
