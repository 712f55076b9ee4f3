/* sweeper.h - the background thread that clears up.
 *
 * Its chores, the first three in small transactions or batches so that nobody waits for them:
 *   - records whose expiry has passed become expired records, found by the expiry index;
 *   - tombstones and expired records that nobody needs any more are removed for good: the write
 *     rate needs them for a second (a delete is a write of its key), other replicas until all of
 *     them have heard of it (the horizon, replica.h);
 *   - the keys of emptied and dropped namespaces are removed, range by range;
 *   - a cache that is to be smaller gives memory back, also if nothing comes into it.
 *
 * W1  Reads are exact without it: a record past its expiry is absent at once, and what a client
 *     found absent so is expired then and there (txn_expire_named), for DBSIZE's sake.
 * W2  An index row that no longer fits its record is skipped; the record's own change removes it.
 * W3  It rests while a new node's store is loaded.
 */
#ifndef STORE_SWEEPER_H
#define STORE_SWEEPER_H

#include <stdbool.h>
#include <stdint.h>

struct store;
struct sweeper;

struct sweeper *sweeper_start(struct store *store);
void sweeper_stop(struct sweeper *sweeper);

void sweeper_set_active(struct sweeper *sweeper, bool is_active);
/* Has anything been seen that could be purged but for the horizon (replica.h)? */
bool sweeper_wants_horizon(const struct sweeper *sweeper);
int64_t sweeper_purge_backlog(const struct sweeper *sweeper);

#endif
