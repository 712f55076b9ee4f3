/* disk.h - what a simulated node stores, in two layers: what is on disk, and what a crash may take.
 *
 * Changes come in batches, in commit order.  A sync makes all batches up to one durable; a crash
 * keeps any number of the first unsynced batches, whole, and loses the rest; a clean stop loses
 * nothing.  The node's own notes (replication's state, the ceiling) lie in the same order.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "base/buffer.h"
#include "replication/records.h"
#include "sim/keys.h"

struct record {
    bool is_held; /* all zeros: there is none, not even a tombstone */
    enum wire_kind kind;
    struct version version;
    int64_t expiry_ms; /* INT64_MAX = none */
    struct hash128 digest;
};

struct change {
    int slot;
    struct record record;
};

struct batch {
    struct change *changes;
    size_t count, capacity;
    struct buffer state;
    bool has_state;
    uint64_t ceiling;      /* 0 = unchanged */
    uint64_t purged_under; /* the horizon of what it purges, 0 = purges nothing */
    uint64_t last_own;     /* the largest stamp of own writes in it, 0 = none */
    bool has_pages;        /* of a load, which is complete with the last one */
    bool has_last_page;
};

/* What one layer holds. */
struct layer {
    struct record records[KEYS_SLOTS];
    struct buffer state;
    uint64_t ceiling, purged_under, last_own;
    bool is_written; /* ever */
    bool is_loading; /* not all pages are there */
};

struct disk {
    uint64_t node_id;
    struct layer durable, current; /* current = durable and all batches; its state is not kept */
    struct batch *batches;         /* unsynced; batches[0] has the number `first` */
    size_t count, capacity;
    uint64_t first;
    struct batch open;
    bool is_clean; /* the last stop was, with this clock */
    uint64_t clean_clock;
    bool is_changed; /* since the owner last reset it */
};

void disk_init(struct disk *disk, uint64_t node_id);
void disk_clear(struct disk *disk);

/* The next batch: visible in `current` at once. */
void disk_change(struct disk *disk, int slot, const struct record *record);
void disk_put_state(struct disk *disk, struct bytes state);
/* Closes it and returns its number. */
uint64_t disk_commit(struct disk *disk);

/* All batches up to this number are on disk; what was on disk before stays so. */
void disk_sync(struct disk *disk, uint64_t number);
/* The number of the last batch. */
static inline uint64_t disk_last(const struct disk *disk)
{
    return disk->first + disk->count - 1;
}
/* How many batches a crash could take. */
static inline size_t disk_unsynced(const struct disk *disk)
{
    return disk->count;
}
void disk_crash(struct disk *disk, size_t kept);

/* What a backup of the files would hold. */
void disk_copy(struct disk *to, const struct disk *from);

/* From when on, as a stamp, is a buried record of no use but to be purged? */
static inline uint64_t record_buried_at(const struct record *record)
{
    uint64_t expired = record->kind == WIRE_EXPIRED ? stamp_of_wall_ms(record->expiry_ms) : 0;

    return record->version.stamp > expired ? record->version.stamp : expired;
}

static inline bool record_is_buried(const struct record *record)
{
    return record->is_held && record->kind != WIRE_LIVE;
}

#endif
