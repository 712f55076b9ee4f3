/* lcs.h - the longest common subsequence of two strings.
 *
 * The textbook table: the length for every pair of prefixes, built row by row, then walked back
 * from its end.  Only two rows of lengths are kept; all that the way back has to know about a cell
 * is whether the longer neighbour is the one above, which is one bit.  Where several subsequences
 * are longest, the way back prefers b's shorter prefix, as Redis does, so the answers are the same.
 *
 * Takes time for every cell: callers limit lcs_cells() first.
 */
#ifndef COMMANDS_LCS_H
#define COMMANDS_LCS_H

#include "base/buffer.h"

/* size bytes at `a` of the one string are the bytes at `b` of the other. */
struct lcs_run {
    uint32_t a;
    uint32_t b;
    uint32_t size;
};

/* Both strings are shorter than 4 GiB, in this and the rest. */
static inline uint64_t lcs_cells(struct bytes a, struct bytes b)
{
    return ((uint64_t)a.size + 1) * ((uint64_t)b.size + 1);
}

uint32_t lcs_length(struct bytes a, struct bytes b);

/* Appends to *runs, as an array of struct lcs_run, the subsequence cut where it is interrupted in
 * either string, from its last run to its first.  Returns its length. */
uint32_t lcs_find(struct bytes a, struct bytes b, struct buffer *runs);

#endif
