/* run.h - rows in the order of their keys, each key once: an array of pointers to rows (rows.h).
 *
 * A run never changes; it goes with its last holder.  The rows belong to somebody else, who keeps
 * them for as long.
 */
#ifndef STORE_RUN_H
#define STORE_RUN_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/bytes.h"

struct run {
    atomic_int holders;
    size_t count;
    const char *rows[];
};

/* Of rows that follow each other in memory, in any order; of a key's rows the last counts. */
struct run *run_of_block(struct bytes block);

struct run *run_hold(struct run *run);
void run_release(struct run *run);

struct run *run_merge(const struct run *older, const struct run *newer);
/* Of any number of runs, the oldest first.  Neighbours in age become one, then these, and so on:
 * each row is looked at log2(count) times. */
struct run *run_merge_all(struct run *const *runs, size_t count);

/* The first place in a run whose key is not before `key`. */
size_t run_seek(const struct run *run, struct bytes key);

#endif
