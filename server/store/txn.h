/* txn.h - how commands read and write.
 *
 * A read needs no transaction: see lookup.h.
 *
 * A write is a transaction: it names its keys, enters the commit order, runs on an overlay of its
 * own, and is published as a whole or not at all.  The steps of dispatch.c:
 *
 *     txn_reset(txn, now_ms);
 *     txn_name(txn, ns, key);             for every key the command may touch
 *     txn_enter(txn);                     fetches them, takes the order
 *     ... txn_find(), txn_put(), txn_delete() any number of times ...
 *     txn_commit(txn) or txn_abandon(txn); gives the order back
 *
 * T1  Between enter and commit nobody else writes; reads by others see none of it.
 * T2  Several writes of one key in a transaction are one write.
 * T3  The write rate is checked at commit, on every key the transaction changed; one key over the
 *     rate refuses all of it, before anything is published.
 * T4  Pointers to entries are valid until the thread's turn ends (epoch.h).
 * T5  txn_enter() never waits for a disk while it holds the order, nor for the commit thread.
 */
#ifndef STORE_TXN_H
#define STORE_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/status.h"
#include "store/entry.h"
#include "store/lookup.h"
#include "store/registry.h"

struct store;
struct store_thread; /* a thread's membership in the store: store.h */
struct txn;

struct txn *txn_create(struct store_thread *thread);
void txn_destroy(struct txn *txn);

void txn_reset(struct txn *txn, int64_t now_ms);
void txn_name(struct txn *txn, struct ns *ns, struct bytes key);
enum status txn_enter(struct txn *txn) MUST_USE;
/* As txn_enter(), for what only reads: nothing that concerns writes alone holds it up, but that the
 * store is being reopened; and it takes no stamp. */
enum status txn_enter_to_read(struct txn *txn) MUST_USE;

/* Instead of txn_enter() and txn_commit(): the named keys whose time is over become expired records
 * at once, so that DBSIZE has stopped to count what a client was told is gone.  Nobody waits for
 * it, and whatever stands in the way leaves them to the sweeper. */
void txn_expire_named(struct txn *txn);

/* The live record as this transaction sees it, or STATUS_NOT_FOUND. */
enum status txn_find(struct txn *txn, struct ns *ns, struct bytes key,
                     const struct entry **found) MUST_USE;

/* Writes a record; the caller fills the value at once: *value has `value_size` bytes.
 * Key, value and metadata sizes are the caller's to check (commands/data.c does). */
enum status txn_put(struct txn *txn, struct ns *ns, struct bytes key, struct bytes meta,
                    int64_t expiry_ms, bool is_raw, size_t value_size, char **value) MUST_USE;

/* The record that this transaction put counts as last used then (entry.h, used_s). */
enum status txn_set_used(struct txn *txn, struct ns *ns, struct bytes key,
                         uint32_t used_s) MUST_USE;

/* What is stored, of whatever kind, without the transaction's own changes (WATCH). */
enum status txn_find_any(struct txn *txn, struct ns *ns, struct bytes key,
                         const struct entry **found) MUST_USE;

/* STATUS_NOT_FOUND if there is no live record: then it is no write. */
enum status txn_delete(struct txn *txn, struct ns *ns, struct bytes key) MUST_USE;

/* Has this transaction put or deleted the key so far? */
bool txn_has_changed(const struct txn *txn, const struct ns *ns, struct bytes key);

/* The stamp that every record of this transaction carries; 0 before txn_enter(), and after a
 * txn_commit() that had nothing to publish. */
uint64_t txn_stamp(const struct txn *txn);

/* After txn_enter() said STATUS_PARKED: when to try again; INT64_MAX = after a commit. */
int64_t txn_wake_at_ms(const struct txn *txn);

/* DBSIZE as the transaction sees it. */
int64_t txn_key_count(const struct txn *txn, const struct ns *ns);
struct store *txn_store(const struct txn *txn);

/* Publishes.  *depends_on is raised to the commit that makes it durable.  STATUS_RATE_LIMITED sets
 * *wait_ms, STATUS_NAMESPACE_FULL, STATUS_CANNOT_PERSIST: nothing was changed. */
enum status txn_commit(struct txn *txn, uint64_t *depends_on, int64_t *wait_ms) MUST_USE;
void txn_abandon(struct txn *txn);

#endif
