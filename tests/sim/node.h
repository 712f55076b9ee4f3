/* node.h - a simulated node: a machine with a clock and a disk, and the process that runs on it.
 *
 *     node.c      lives: start, stop, crash, wipe; clocks; what clients write
 *     commit.c    the store's order: groups of work, commits, durable points, the sweeper
 *     host.c      struct gossip_host: what gossip.h asks of its host
 *
 * The process is the real gossip object on a store that is a table in memory.  The store does what
 * the server's does, and in its order: work (own writes, merges, saves) gathers in a group while
 * another is committed; a group is committed whole; what a crash takes is what was not synced.
 */
#ifndef SIM_NODE_H
#define SIM_NODE_H

#include "replication/gossip.h"
#include "replication/version.h"
#include "sim/disk.h"
#include "sim/world.h"
#include "store/feed.h"

#define SKEW_MAX_MS      1000
#define CEILING_AHEAD_MS 500
#define WALL_START_MS    1800000000000LL
#define ADDRESS_SIZE     16

/* What the host owes to the rules; switched off to show that it matters. */
#define HABIT_CEILING 0x1 /* no stamp above the persisted ceiling is seen outside */

enum work_kind { WORK_WRITE, WORK_MERGE, WORK_SAVE, WORK_LOAD, WORK_SWEEP, WORK_CEILING };

struct work {
    struct work *next;
    enum work_kind kind;
    uint64_t token;      /* CEILING: the stamp to reach */
    uint64_t horizon;    /* MERGE: of the frame */
    struct buffer bytes; /* MERGE, LOAD: records; SAVE: the state */
    int slot;            /* WRITE */
    struct record record;
    bool is_last; /* LOAD */
    bool is_done; /* false: refused */
    enum applied result;
};

struct group {
    struct work *first, *last;
};

/* A save, or a whole load, that was committed and waits to be on disk. */
struct waiting {
    uint64_t token, batch;
    bool is_load;
};

#define WAITING_MAX 64

struct leaf_range {
    uint64_t fingerprint;
    int from, to; /* slots: from <= slot < to */
};

#define LISTS_MAX 64

/* What list_leaves() or scan_leaves() keeps. */
struct kept {
    uint64_t token; /* 0 = free */
    struct leaf_range *leaves;
    size_t count;
};

struct node {
    struct world *world;
    int index;
    char address[ADDRESS_SIZE];

    /* the machine */
    struct disk disk, backup;
    bool has_backup;
    int64_t clock_offset_us; /* now */
    int64_t drift_ppm;
    bool is_clock_wrong; /* by more than is allowed */
    bool is_disk_full;
    int64_t sync_every_us; /* between durable points, at most */
    size_t feed_bytes_max;
    bool crashes_at_ceiling; /* the next time one is written */

    /* the process; none of it outlives a crash */
    bool is_up;
    uint32_t life; /* counts starts and ends */
    int64_t stalled_until_us;
    struct gossip *gossip;
    struct gossip_host host;
    uint32_t incarnation;
    enum gossip_gate gate;
    bool is_ready;
    struct hlc hlc;
    int64_t writes_open_at_ms;
    uint64_t closed; /* no own write up to it will be issued any more */
    uint64_t horizon;
    int64_t clock_limit_ms; /* no stamp is taken from a clock that is further on */
    struct group open, flight;
    bool is_committing, is_syncing, is_swept, is_raising;
    size_t writes_waiting; /* in open and flight */
    struct waiting waiting[WAITING_MAX];
    size_t waiting_count;
    struct feed *feed;
    int64_t leaves_ready_us; /* until then leaves are being counted */
    uint64_t wish;           /* when the youngest buried record was buried, 0 = there is none */
    struct kept lists[LISTS_MAX], scans[LISTS_MAX];
    char targets[GOSSIP_PEERS_MAX][ADDRESS_SIZE];
    size_t target_count;

    /* what the story of this run did to it */
    bool has_joined;      /* is part of the cluster: false for a new one until it has loaded */
    bool is_restored;     /* has come back from an old backup */
    bool is_forgotten;    /* an operator removed it */
    bool has_load_failed; /* it could not store what it loaded: it has to be started again */
    bool is_leaving, has_left;
    int64_t stale_since_us;
};

/* Adds a node to the world; it is not started. */
struct node *node_create(struct world *world);
/* It must not be up. */
void node_destroy(struct node *node);
struct node *node_by_id(const struct world *world, uint64_t node_id);
struct node *node_by_address(const struct world *world, const char *address);

/* --- lives --- */

void node_start(struct node *node);
void node_stop(struct node *node);  /* cleanly */
void node_crash(struct node *node); /* with loss of what was not synced, by chance */
/* While it is down: an empty disk and a new id; the address stays. */
void node_wipe(struct node *node);
void node_take_backup(struct node *node);
void node_restore_backup(struct node *node);

/* A full member, whose claims the oracle believes. */
bool node_is_sound(const struct node *node);

/* --- time --- */

struct gossip_time node_time(const struct node *node);
int64_t node_wall_ms(const struct node *node);

/* --- clients --- */

/* expiry_ms: INT64_MAX = none.  May be refused, as by the server. */
void node_put(struct node *node, int slot, int64_t expiry_ms);
void node_delete(struct node *node, int slot);

/* --- commit.c --- */

struct work *commit_add(struct node *node, enum work_kind kind);
void commit_start(struct node *node);
void commit_end(struct node *node, bool is_crash); /* the process ends */
uint64_t commit_close_time(struct node *node);
bool commit_wants_horizon(struct node *node);

/* --- host.c --- */

void host_init(struct node *node);
void host_clear(struct node *node);
void host_put_record(struct records_writer *writer, int slot, const struct record *record);

#endif
