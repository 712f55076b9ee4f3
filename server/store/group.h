/* group.h - what is committed together: the changes of many transactions, and what goes with them.
 *
 * Under the order a group fills; then the commit thread has it (order.h).  Entries belong to the
 * cache, and to a group only from when they have left that.
 */
#ifndef STORE_GROUP_H
#define STORE_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/epoch.h"
#include "store/entry.h"

struct ns;

/* One record of a group: what is stored, and what stood there before and must go. */
struct change {
    struct entry *entry;
    struct record_header old;
};

/* A note of this node (keyspace 'z') that belongs to a group; a NULL value deletes it. */
struct note {
    struct bytes key, value; /* owned */
};

/* How to take back what a transaction changed besides records, newest first. */
struct undo {
    void (*run)(void *context, bool is_failed); /* once, in any case; frees the context */
    void *context;
    struct undo *next;
};

struct group {
    uint64_t number;
    struct change *changes;
    size_t change_count, change_capacity;
    struct entry **detached; /* left the cache while the group was in flight */
    size_t detached_count, detached_capacity;
    struct ns **touched; /* retained */
    size_t touched_count, touched_capacity;
    struct note *notes;
    size_t note_count, note_capacity;
    struct undo *undos;
    struct buffer news; /* news.h */
    size_t bytes;
    uint64_t stamp_max;
    uint64_t own_stamp_max; /* of clients' writes; 0 = none */
    bool wants_sync, is_synced;
};

struct group *group_create(uint64_t number);
void group_destroy(struct group *group);
/* The same group, or another, with nothing in it; arrays of ordinary size are kept. */
struct group *group_emptied(struct group *group);
bool group_is_empty(const struct group *group);

/* `base` is what stood under the key before, NULL = nothing. */
void group_add_change(struct group *group, struct entry *entry, const struct entry *base);
/* `base` is a change of this group: it is stored in its stead. */
void group_replace_change(struct group *group, struct entry *entry, const struct entry *base);
/* The entry is retired with the group. */
void group_detach(struct group *group, struct entry *entry);
/* Holds the namespace until group_release_touched(). */
void group_touch(struct group *group, struct ns *ns);
/* Copies both. */
void group_note(struct group *group, struct bytes key, struct bytes value);
void group_add_undos(struct group *group, struct undo *undos);

void group_run_undos(struct group *group, bool is_failed);
void group_retire_detached(struct group *group, struct epoch_thread *epoch);
void group_release_touched(struct group *group);

#endif
