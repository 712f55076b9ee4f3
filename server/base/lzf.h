/* lzf.h - reads what LibLZF packed, as Redis packs long strings in its dumps.
 *
 *     packed  := { literal | copy }
 *     literal := 000nnnnn, then n + 1 bytes
 *     copy    := nnnooooo [more, if n = 7], low: n (+ more) + 2 bytes from (o << 8 | low) + 1 back
 */
#ifndef BASE_LZF_H
#define BASE_LZF_H

#include "base/bytes.h"

/* No more than this can come out of so many packed bytes: three of them copy 264 at most. */
static inline uint64_t lzf_size_max(size_t packed_size)
{
    return (uint64_t)packed_size * 88;
}

/* False, with anything at `into`, unless exactly `size` bytes come out. */
bool lzf_unpack(struct bytes packed, char *into, size_t size) MUST_USE;

#endif
