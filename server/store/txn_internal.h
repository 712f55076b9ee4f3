/* txn_internal.h - what the registry and the sweeper may do with a transaction beyond txn.h. */
#ifndef STORE_TXN_INTERNAL_H
#define STORE_TXN_INTERNAL_H

#include "store/order.h"
#include "store/txn.h"

/* What a transaction is for; it stays so over txn_reset().  Only clients are held up by the gate,
 * and only their writes have a limit. */
enum txn_kind { TXN_CLIENT, TXN_SWEEP, TXN_MERGE };

void txn_set_kind(struct txn *txn, enum txn_kind kind);

/* A stamp from elsewhere: what is written from now on is newer. */
void txn_observe(struct txn *txn, uint64_t stamp);

/* Merging: writes a record as it is, with its own stamp and origin.  Takes the entry over. */
enum status txn_put_entry(struct txn *txn, struct ns *ns, struct entry *entry) MUST_USE;

/* The namespace moves to another local number when the transaction commits, and sees itself there
 * at once; what was under the old number is purged.  NUMBER_NONE: it has none before, or after. */
#define NUMBER_NONE UINT32_MAX
void txn_renumber(struct txn *txn, struct ns *ns, uint32_t old_number, uint32_t new_number);

/* Where the transaction sees the namespace's keys. */
uint32_t txn_number(const struct txn *txn, const struct ns *ns);

/* Run when the transaction is abandoned or its commit fails (is_failed), or has been committed. */
void txn_add_undo(struct txn *txn, void (*run)(void *context, bool is_failed), void *context);

struct store_thread *txn_thread(const struct txn *txn);

/* As txn_find(), but of whatever kind; STATUS_NOT_FOUND if nothing is stored.  The commit waits for
 * what is found. */
enum status txn_find_latest(struct txn *txn, struct ns *ns, struct bytes key,
                            const struct entry **found) MUST_USE;

/* Leaves a tombstone under a key, whatever was there. */
enum status txn_bury(struct txn *txn, struct ns *ns, struct bytes key) MUST_USE;

/* Stores a copy of an entry of any kind under its key, with its own stamp and origin. */
enum status txn_adopt(struct txn *txn, struct ns *ns, const struct entry *entry) MUST_USE;

/* Turns a live record whose time is over into an expired one, with its own stamp;
 * STATUS_NOT_FOUND if it is not what is stored any more. */
enum status txn_expire(struct txn *txn, struct ns *ns, struct bytes key) MUST_USE;

/* Removes a tombstone or expired record with this stamp for good; STATUS_NOT_FOUND if it is
 * gone. */
enum status txn_purge(struct txn *txn, struct ns *ns, struct bytes key, uint64_t stamp) MUST_USE;

/* The changes of the transaction so far, for scans: each key with its new entry, NULL = deleted. */
void txn_each_change(const struct txn *txn, const struct ns *ns,
                     void (*each)(void *context, struct bytes key, const struct entry *entry),
                     void *context);

/* What store_find_any() does on a miss. */
struct loaded {
    const struct entry *entry; /* NULL = nothing is stored */
    uint64_t generation;       /* of the key's shard before the engine was asked */
};

enum status store_load(struct store_thread *thread, uint32_t number, struct bytes key,
                       uint64_t hash, struct loaded *loaded) MUST_USE;

#endif
