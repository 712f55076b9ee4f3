/* carry.h - what outlives an emptying that another replica made.
 *
 * A namespace that was emptied at stamp T keeps what is newer than T.  It moves to another local
 * number as with any emptying, and the survivors are carried over, in the same transaction.
 *
 * Finding them takes a scan of the namespace, which must not hold up writers: it is done before the
 * order is entered, and from its beginning on every newer key that is published in the namespace is
 * noted too.  Under the order only the keys found are looked at again.
 *
 * Y1  Without a preparation, or if too much was written during it (CARRY_NOTED_MAX), the scan is
 *     done under the order: right, but all writers wait as long as it takes.
 * Y2  All survivors are looked at again under the order, and are in memory, in one group, until
 *     they are committed: what was written here between the emptying and the moment it is heard
 *     of.
 */
#ifndef STORE_CARRY_H
#define STORE_CARRY_H

#include "store/txn.h"

#define CARRY_NOTED_MAX (16u << 20) /* bytes of keys */

struct carry;

void carry_destroy(struct carry *carry);

/* Outside of the order: looks for what is newer than a stamp. */
enum status carry_prepare(struct store_thread *thread, struct ns *ns, uint64_t stamp) MUST_USE;

/* A record is published in a namespace that is being prepared; under the order. */
void carry_note(struct carry *carry, struct bytes key, uint64_t stamp);

/* In a transaction: the namespace is emptied of all that is not newer than a stamp. */
enum status carry_over(struct txn *txn, struct ns *ns, uint64_t stamp) MUST_USE;

#endif
