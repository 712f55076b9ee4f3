/* news.h - what has changed, for those who want to be told.
 *
 * While anybody listens, a transaction notes in its group what it changes, key by key, whoever
 * wrote it: clients here, other replicas, expiry.  When the group is written the commit thread
 * shows its news to the one teller, which knows who wants which of them (commands/teller.h), and
 * then answers the writes.
 *
 * W1  News are told once nothing can undo them any more and before their writes are answered, in
 * the order in which the changes were published, each once; of a group that failed nobody is told.
 * W2  Who listens, then calls store_settle(), then reads, is told of every change that he has not
 *     read.
 * W3  What a command calls its change ("incrby") it adds by txn_remark(); it stands behind the
 *     news of the same transaction.
 * W4  While nobody listens it costs one relaxed load for each change.
 */
#ifndef STORE_NEWS_H
#define STORE_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "store/registry.h"

struct store;
struct txn;

enum news_kind {
    NEWS_PUT,
    NEWS_DELETED,
    NEWS_EXPIRED,
    NEWS_EMPTIED, /* a whole namespace: it has no key */
    NEWS_SWAPPED, /* numbers name other databases than before */
    NEWS_LOADED,  /* anything may have changed: records came in bulk */
    NEWS_REMARK,  /* a command's word for a change, told by itself as well */
};

enum {
    NEWS_IS_NEW = 1 << 0,      /* there was no such key */
    NEWS_BY_CLIENT = 1 << 1,   /* of a command here, which remarks upon it */
    NEWS_IS_CARRIED = 1 << 2,  /* survives the emptying told before it: as it was */
    NEWS_SAME_VALUE = 1 << 3,  /* as before: value and metadata, ... */
    NEWS_SAME_EXPIRY = 1 << 4, /* ... expiry */
    NEWS_HAS_EXPIRY = 1 << 5,
};

struct news {
    enum news_kind kind;
    uint8_t flags;
    uint8_t remark;  /* NEWS_REMARK: the command's */
    uint16_t origin; /* alias of the node that wrote it: store_node_of_alias() */
    uint64_t stamp;
    uint64_t publication; /* store_publications() at that moment: who reads when it has become
                             larger sees the change */
    uint64_t author;      /* txn_set_author(); 0 = none */
    struct ns *ns;        /* stays while it is told; NULL: of no namespace */
    struct bytes key;     /* borrowed */
};

void news_put(struct buffer *list, const struct news *news);

/* Takes the first off the list; false at its end. */
bool news_next(struct bytes *list, struct news *news);

/* Before other threads use the store.  tell() is called by the commit thread with a group's news,
 * while no lock is held; it must not wait. */
void store_set_teller(struct store *store, void (*tell)(void *context, struct bytes list),
                      void *context);

/* One more who wants to be told, or (-1) one less.  Any thread. */
void store_listen(struct store *store, int more);
/* Returns when no transaction is under way that began before (W2). */
void store_settle(struct store *store);

/* Who writes, and what it says of it; after txn_reset(). */
void txn_set_author(struct txn *txn, uint64_t author);
void txn_remark(struct txn *txn, struct ns *ns, struct bytes key, uint8_t remark);

#endif
