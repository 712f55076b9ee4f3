/* budget.h - memory that large requests and responses share, over all threads.
 *
 * Whoever needs more than HTTP_SMALL bytes takes all of what it will need at once, so that two that
 * are half done never wait for each other.  (A bulk read is the exception: it holds the names of
 * its keys, a small part, while it waits to answer them.)  What is longer than all there is, as
 * limits=none allows a value to be, waits until it is alone, and then takes everything.
 */
#ifndef HTTP_BUDGET_H
#define HTTP_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Enough for two of the largest bulk writes, or ten of the longest values that limits=current
 * allows. */
#define HTTP_MEMORY_MAX ((int64_t)256 * 1024 * 1024)

/* A thread that holds so much of records that it has read from disk, and that are too long to stay
 * in memory, reads no more of them until they are gone. */
#define HTTP_PASSING_MAX ((size_t)64 * 1024 * 1024)

/* Each connection may have so much without asking. */
#define HTTP_SMALL ((int64_t)64 * 1024)

struct budget {
    _Atomic int64_t left;
};

static inline void budget_init(struct budget *budget, int64_t bytes)
{
    atomic_init(&budget->left, bytes);
}

/* What is asked for in place of `bytes`. */
static inline int64_t budget_share(int64_t bytes)
{
    return bytes < HTTP_MEMORY_MAX ? bytes : HTTP_MEMORY_MAX;
}

static inline bool budget_take(struct budget *budget, int64_t bytes)
{
    int64_t left = atomic_load_explicit(&budget->left, memory_order_relaxed);

    while (left >= bytes)
        if (atomic_compare_exchange_weak(&budget->left, &left, left - bytes))
            return true;
    return false;
}

static inline void budget_give(struct budget *budget, int64_t bytes)
{
    atomic_fetch_add(&budget->left, bytes);
}

#endif
