/* digest.h - the digests of all that is stored, kept true with every commit.
 *
 * Each namespace (the registry's own records too) has a table of leaves (replication/leaves.h). The
 * commit thread updates the sums as it builds a batch, and stores what makes them survive:
 *
 *     's' ns boundary   sum 16 bytes, count u64          as of the last checkpoint
 *     'd' ns boundary   empty                            changed since: don't trust its 's'
 *
 * The first change of a leaf since the checkpoint puts the mark 'd' into the same batch as the
 * change.  A checkpoint writes the sums of marked leaves and removes their marks, in one batch.
 * After a crash the marked leaves are counted anew, and only those.
 *
 * S1  A sum, or a mark that says it is not to be trusted, is on disk with every change: one batch.
 * S2  The commit thread alone changes the tables, and nobody else reads them between the building
 *     of a batch and its commit: what others see is committed.
 * S3  A suspect leaf is counted by the commit thread, a bounded stride between two groups, so that
 *     no writer waits long.  Until all are counted the digest is not ready.
 * S4  If a commit fails, the leaves it changed become suspect.
 * S5  Stored sums hold for one cluster secret (digest_keys.check, in a note); with another, after a
 *     time without, or when the machine itself went down (logs may have holes then), everything is
 *     suspect.
 * S6  A namespace that is renumbered (emptied, dropped) begins with an empty table; the rows of the
 *     old number are purged with its keys.
 * S7  Every row on disk belongs to a leaf of the table in memory: a leaf leaves the table in the
 *     batch that deletes its rows.  What memory knows beyond that is suspect, or marked.
 * S8  While it is not wanted, because there is no other replica, it rests: nothing is summed, and
 *     it is not ready.  Wanted again, everything is counted anew.
 * S9  The newest own stamp of leaves that are not marked is on disk (NOTE_OWN): a batch that stores
 *     sums stores it too, for after a crash nobody counts these leaves.
 * S10 While a page is read for a new node now and then, counting waits; not for ever.
 * S11 Sums are not trusted for ever: a leaf now and then is counted and compared (a scrub).
 *
 * In a namespace with very many leaves hardly two changes between checkpoints meet in one: there
 * the sum itself goes into the batch, instead of a mark now and a sum later.
 */
#ifndef STORE_DIGEST_H
#define STORE_DIGEST_H

#include <stdbool.h>

#include "replication/digest.h"
#include "replication/leaves.h"
#include "store/order.h"

struct store_digest;

/* --- the commit thread's side: order.c calls --- */

/* While a batch is built: what the group means for the sums; `changes` is in order of (number,
 * key).  `batch` gets the marks.  Nobody reads the digest until digest_end_batch(). */
void digest_add_group(struct store_digest *digest, struct engine_batch *batch,
                      const struct group *group, const struct change *const *changes);
/* The batch was written, or not; the changes are still there. */
void digest_end_batch(struct store_digest *digest, bool is_committed);
/* Work between two groups: a stride of counting, or of a checkpoint.  *is_more: there is more at
 * once.  A status that is not STATUS_OK is that of a failed engine_write(). */
enum status digest_work(struct store_digest *digest, bool *is_more) MUST_USE;
/* How often digest_work() wants to be called when nothing happens. */
#define DIGEST_WORK_PERIOD_MS 500
/* A checkpoint of everything: before the engine is closed cleanly, or copied. */
enum status digest_checkpoint(struct store_digest *digest) MUST_USE;

/* All that is stored is another one's, which was taken over (takeover.h): its sums hold if the same
 * secret made them, and the marks say which are to be counted.  A status as that of digest_work().
 */
enum status digest_reload(struct store_digest *digest) MUST_USE;

/* --- for others --- */

/* S8: see above.  Any thread; it is wanted when it is opened. */
void digest_set_wanted(struct store_digest *digest, bool is_wanted);

/* S10: a page is being read.  Any thread. */
void digest_give_way(struct store_digest *digest);

/* The newest stamp of this node's own writes that is held, as of the last start, 0 = none: of what
 * had to be counted anew, and of what had not (S9).  Exact when the digest is ready. */
uint64_t digest_last_own(struct store_digest *digest);
bool digest_is_ready(struct store_digest *digest);
const struct digest_keys *digest_keys_of(const struct store_digest *digest);

/* One leaf as it was when it was listed. */
struct leaf_ref {
    uint64_t fingerprint;
    struct bytes from, to; /* keys from <= k < to; to.data is NULL for the last leaf */
    uint32_t number;       /* the namespace's local number then */
    unsigned char ns[DIGEST_NS_SIZE];
};

struct leaf_list {
    struct leaf_ref *leaves;
    size_t count;
    struct digest root; /* digest_join() of all leaves */
    struct buffer keys; /* what from and to point into */
};

/* Waits for the batch that is being committed: for a worker thread.  STATUS_PARKED: not ready. */
enum status digest_list(struct store_digest *digest, struct leaf_list **list) MUST_USE;
void leaf_list_destroy(struct leaf_list *list);

/* Leaves whose stored sum is not to be trusted. */
/* Neither waits for a commit that is under way: the bytes may be those of a moment ago. */
int64_t digest_dirty_leaves(struct store_digest *digest);
int64_t digest_bytes(struct store_digest *digest); /* memory */
/* Sums that did not fit what is stored: must stay 0. */
int64_t digest_mismatches(const struct store_digest *digest);

#endif
