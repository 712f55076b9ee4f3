/* memory.h - allocation that cannot fail.
 *
 * Out of memory ends the process here, in one place, with one line; so nobody else checks, and
 * every size that a client can choose must be limited before it gets here.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

/* Sizes up to 128 bytes are multiples of 16; above there are four between two powers of two.  What
 * is above 14 kB has pages of its own, and begins anywhere in the first, so it needs one more. */
#define MEMORY_STEP_MIN 16
#define MEMORY_EVEN_MAX 128
#define MEMORY_SLAB_MAX 14336
#define MEMORY_PAGE     4096

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);

/* Zeroed pages that the allocator knows nothing of; munmap() gives them back. */
void *xmap(size_t size);

void *xgrow_slowly(void *array, size_t *capacity, size_t element_size);

/* An array of `count` elements with room for one more: itself, or another in its place that is
 * twice as large.  NULL and 0 is an empty one. */
static inline void *xgrow(void *array, size_t count, size_t *capacity, size_t element_size)
{
    return count < *capacity ? array : xgrow_slowly(array, capacity, element_size);
}

/* A copy of its own, with a zero behind it; xbytes_free() frees it, {NULL, 0} too. */
struct bytes xbytes_copy(struct bytes bytes);
void xbytes_free(struct bytes copy);

/* `alignment` is a power of two; free() gives it back. */
void *xaligned_alloc(size_t alignment, size_t size);

/* What the allocator really set aside for `pointer`, its own header not counted. */
size_t memory_size(void *pointer);

/* What an allocation of so many bytes costs, rounded up as jemalloc does: asking the allocator
 * would mean a cache miss for each pointer. */
static inline size_t memory_cost(size_t size)
{
    size_t step = MEMORY_STEP_MIN;

    if (size > MEMORY_EVEN_MAX)
        step = (size_t)1 << (sizeof size * 8 - 3 - (size_t)__builtin_clzl(size - 1));
    return ((size + step - 1) & ~(step - 1)) + (size > MEMORY_SLAB_MAX ? MEMORY_PAGE : 0);
}

/* Bytes allocated and not freed, of the whole process, as the allocator counts them, and what of
 * mapped pages is in use. */
size_t memory_used(void);

/* So many bytes of mapped pages more (or fewer) are in use. */
void memory_count_mapped(ptrdiff_t more);

/* What the allocator itself knows: bytes in use, in pages that hold any, and in pages that it has
 * not given back. */
struct memory_pages {
    size_t allocated, active, resident;
};

struct memory_pages memory_pages(void);

/* Gives pages that hold nothing back to the system, all at once: MEMORY PURGE. */
void memory_give_back(void);

/* The allocator's own report, in pieces; false if it has none. */
bool memory_describe(void (*add)(void *context, const char *text), void *context);

/* The allocator's name and version, as INFO reports it. */
const char *memory_allocator(void);

#endif
