/* txn_parts.h - a transaction from inside, for txn.c and txn_commit.c. */
#ifndef STORE_TXN_PARTS_H
#define STORE_TXN_PARTS_H

#include "store/store_internal.h"
#include "store/txn_internal.h"

/* A key of the transaction. */
struct slot {
    struct ns *ns;
    struct bytes key; /* in a key block */
    uint64_t hash;
    uint32_t number;
    bool is_known;   /* base is what is stored now */
    bool is_fetched; /* `loaded` was read from the engine */
    bool is_deleted; /* by this transaction */
    bool is_merged;  /* `written` comes from elsewhere */
    bool is_carried; /* `written` is of this node's clients and of the open group, under another
                        number: to be fed from here */
    struct loaded loaded;
    const struct entry *base; /* NULL = nothing */
    struct entry *written;    /* by this transaction, of any kind; not published yet */
};

struct renumbering {
    struct ns *ns;
    uint32_t from, to;
};

struct key_block {
    struct key_block *next;
    size_t used, size;
    char data[];
};

struct txn {
    struct store_thread *thread;
    struct store *store;
    int64_t now_ms, wake_at_ms;
    uint64_t stamp;
    uint64_t depends_on;
    uint64_t observed; /* the largest stamp from elsewhere */
    enum txn_kind kind;
    bool is_entered;
    struct slot *slots;
    size_t slot_count, slot_capacity;
    size_t last;     /* the slot that was asked for last */
    uint32_t *index; /* slot number + 1 by hash; 0 = free; a power of two */
    size_t index_size;
    struct renumbering *renumberings;
    size_t renumbering_count, renumbering_capacity;
    struct undo *undos;
    struct key_block *blocks;
    uint64_t author;
    struct buffer remarks; /* as news.h has them */
};

/* Did the transaction change the key?  Deleting what it had itself created is no change. */
static inline bool slot_is_changed(const struct slot *slot)
{
    return slot->written != NULL ||
           (slot->is_deleted && slot->base != NULL && slot->base->header.kind == ENTRY_LIVE);
}

static inline int64_t txn_counted_keys(const struct entry *entry)
{
    return entry != NULL && entry->header.kind == ENTRY_LIVE;
}

/* What was written under the key and not published is gone. */
void txn_drop_written(struct txn *txn, struct slot *slot);
/* A tombstone of that kind in the place of what the slot had. */
/* The entry is a write of this node in this transaction. */
void txn_sign(const struct txn *txn, struct entry *entry);
struct entry *txn_create_buried(const struct slot *slot, enum entry_kind kind);

/* Gives the order back. */
void txn_leave(struct txn *txn);

#endif
