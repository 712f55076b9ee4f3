/* gossip.h - how replicas come to hold the same records: all decisions, and nothing else.
 *
 * Every replica takes writes.  What it writes it pushes to all others at once (PUSH); what pushes
 * lose is found by comparing content (COMPARE, see compare.c); and merging keeps the newer of two
 * versions (merge.h), so it does not matter how often or in what order records come.
 *
 * Deletes leave tombstones.  They may go only when nobody can still hold what they deleted; so each
 * replica keeps, for every origin (a node in one incarnation), the position up to which it holds
 * all of its writes, and announces what of that is on disk.  The least of what all members announce
 * is the watermark; the horizon G follows it, and tombstones up to G are purged.
 *
 * G1  Positions are claims: V[o] = p says that every write of origin o with a stamp up to p is
 *     held here, or a newer version of its key.  They only rise, but for a crash.
 * G2  Announced is what was saved (state blob) and is on disk: a crash can't take it back.
 * G3  The horizon is at most the least announced position of any member for any origin that is not
 *     sealed, it only rises, and it is saved before anything is purged under it.  An origin counts
 *     from when its node is known as a member.
 * G4  An origin is sealed, and left out of G3, when every member has announced the same position
 *     for it and knew, in the same announcement, that it is closed.
 * G5  A replica takes over a peer's larger horizon only if its own positions cover it.  A member
 *     always does; who does not is stale: deletes that it never saw are forgotten by now.  It
 *     exchanges no record with anybody, and takes no writes.  An origin that begins below a horizon
 *     which did not wait for it is of a node restored from a backup.  It has written nothing up to
 *     there, for the horizon waited for the life before; so it counts as beginning behind it, or
 *     else who has heard of it later than of the horizon would seem stale.
 * G6  Every blob of records carries the horizon under which it was read: see merge.h, M1.
 * G7  A record stamped more than the allowed skew ahead of the local clock is not merged yet, and
 *     no clock reading that far ahead is believed.
 * G8  A new node loads everything from one member before it serves, and only when all members know
 *     it.  A member that is removed stays removed: its id is refused for ever.
 *
 * The object is fed by its host: one call for each thing that happens, with the time.  It answers
 * through the host's functions, which must not call back: what they start ends in a later call.  No
 * socket, file, clock, thread or randomness is used here; so tests/sim runs whole clusters in one
 * thread, from a seed.
 */
#ifndef REPLICATION_GOSSIP_H
#define REPLICATION_GOSSIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"
#include "replication/digest.h"
#include "replication/message.h"
#include "replication/sketch.h"

struct gossip;

#define GOSSIP_PEERS_MAX   64
#define GOSSIP_ADDRESS_MAX 300
/* gossip_tick() is wanted at least this often; and this often while gossip_is_active() says no. */
#define GOSSIP_TICK_MS       50
#define GOSSIP_QUIET_TICK_MS 250

struct gossip_time {
    int64_t wall_us;
    int64_t monotonic_us;
};

/* May clients write, and read? */
enum gossip_gate {
    GATE_OPEN,
    GATE_WAIT,    /* for a moment: there are peers, and none has confirmed our clock yet */
    GATE_SKEW,    /* this machine's clock is off: writes are refused */
    GATE_STALE,   /* away for too long (G5): writes are refused */
    GATE_LEAVING, /* GOSSIP LEAVE: writes are refused */
    GATE_LOADING  /* a new node: reads and writes are refused */
};

struct gossip_host {
    void *context;

    /* --- links --- */

    /* Hands a message to the link to a node; it may be lost. */
    void (*send)(void *context, uint64_t node_id, enum message_kind kind, struct bytes body);
    /* The addresses to keep dialling: copied. */
    void (*set_targets)(void *context, const char *const *addresses, size_t count);
    /* Ends the links to a node, with a reason for the log. */
    void (*drop_links)(void *context, uint64_t node_id, const char *reason);

    /* --- the store --- */

    /* Own writes behind `from`, in order, whole commits, about bytes_max, appended to `records`.
     * *to is the position they reach.  False if the log does not reach back to `from`: then *cut is
     * the earliest position it can be read from.  Nothing new: true, and *to == from. */
    bool (*read_log)(void *context, uint64_t from, size_t bytes_max, struct buffer *records,
                     uint64_t *to, uint64_t *cut);
    /* All members have own writes up to here: the log before it may go. */
    void (*trim_log)(void *context, uint64_t position);
    /* Are a log of own writes and digests wanted at all?  Not while there is no other replica. */
    void (*keep_log)(void *context, bool is_wanted);
    /* Merges; gossip_applied(token) follows when it is committed, or failed.  In order. */
    void (*apply)(void *context, uint64_t token, uint64_t frame_horizon, struct bytes records);
    /* Saves the state blob; gossip_saved(token) follows when it is on disk, or failed. */
    void (*save)(void *context, uint64_t token, struct bytes state);
    /* Own writes: no write up to the returned position is missing from what is committed, and none
     * will be issued any more. */
    uint64_t (*close_time)(void *context);
    /* Stamps issued from now on are above this one. */
    void (*observe)(void *context, uint64_t stamp);
    /* What died up to this horizon may be purged, and M1 holds with it. */
    void (*set_horizon)(void *context, uint64_t horizon);
    /* Are there tombstones or expired records that only wait for the horizon?  Is there no record
     * of any kind, and never was? */
    bool (*wants_horizon)(void *context);
    bool (*is_blank)(void *context);
    void (*set_gate)(void *context, enum gossip_gate gate);
    /* The members among which a hot key's next writer is ranked, and the distance between two. */
    void (*set_stagger)(void *context, const uint64_t *node_ids, size_t count, int64_t step_us);

    /* --- slow reading of the store: the answer comes by a later call with the token --- */

    /* The fingerprints of all leaves, in the order of their keys within a namespace:
     * gossip_leaves().  The host keeps the list with the token, as does a scan, until it is closed;
     * that may be before the answer was given.  What can't be done (but listing) is not
     * answered. */
    void (*list_leaves)(void *context, uint64_t token);
    /* Opens a scan, numbered by the token: the elements of these leaves of a list, by
     * gossip_elements().  Leaves changed meanwhile are scanned as they are now. */
    void (*scan_leaves)(void *context, uint64_t token, uint64_t list,
                        const struct open_leaves *leaves);
    /* Records of a scan by key hash, in the order asked, until about bytes_max: gossip_collected().
     * Keys that are gone count as answered. */
    void (*collect)(void *context, uint64_t token, uint64_t scan, const uint64_t *keys,
                    size_t count, size_t bytes_max);
    void (*close_list)(void *context, uint64_t list);
    void (*close_scan)(void *context, uint64_t scan);
    /* All that is stored, from a cursor on: gossip_page().  Who does not know the cursor, which may
     * be another node's, begins anew. */
    void (*read_page)(void *context, uint64_t token, struct bytes cursor, size_t bytes_max);
    /* A new node puts a page into its empty store: gossip_applied(token).  What came before a page
     * that begins anew counts no more.  The last one is empty, and when it is done everything is
     * complete and on disk; a store that is opened after some
     * pages but not the last is wiped, with its state. */
    void (*load_page)(void *context, uint64_t token, struct bytes records, bool is_last);

    /* --- people --- */

    void (*log)(void *context, bool is_warning, const char *text);
};

struct gossip_config {
    uint64_t node_id;
    uint64_t hlc;              /* the clock at start: this incarnation's writes are above it */
    uint64_t horizon_at_least; /* what may have been purged while replication was off */
    bool was_alone;            /* replication was off, and on before that */
    int64_t skew_max_ms;
    int64_t forget_after_ms;  /* 0 = never */
    const char *address;      /* announced to others */
    const char *const *peers; /* configured addresses */
    size_t peer_count;
    unsigned rules_off; /* tests only: RULE_* that are not obeyed */
};

/* Safety rules that the simulator switches off, to show that it would notice. */
#define RULE_HORIZON_DROP 0x001 /* M1: in the host's merging */
#define RULE_WATERMARK    0x002 /* G3: horizon by age instead */
#define RULE_DURABLE      0x004 /* G2: announce what is applied */
#define RULE_INCARNATION  0x008 /* a restart begins a new origin */
#define RULE_COVERAGE     0x010 /* G5 */
#define RULE_JOIN_ACKS    0x020 /* G8: wait until all members know a new one */
#define RULE_JOINT_RAISE  0x040 /* positions rise by comparing only as a whole */
#define RULE_SEAL         0x080 /* G4 */
#define RULE_ORIGIN_START 0x100 /* an unknown origin counts as its start */
#define RULE_GAP          0x200 /* a push behind a gap does not raise the position */

/* `state` is what the last save() was given and the disk kept ("" = none). */
enum status gossip_create(const struct gossip_config *config, const struct gossip_host *host,
                          struct bytes state, struct gossip_time now,
                          struct gossip **gossip) MUST_USE;
/* In good order: saves what is known by now.  Nothing but gossip_destroy() follows. */
void gossip_end(struct gossip *gossip);
void gossip_destroy(struct gossip *gossip);

/* This incarnation, for HELLO.  Links and writes are allowed once gossip_is_ready(): the
 * incarnation has been saved. */
uint32_t gossip_incarnation(const struct gossip *gossip);
uint64_t gossip_start(const struct gossip *gossip);
bool gossip_is_ready(const struct gossip *gossip);

/* --- what happens --- */

struct gossip_hello {
    uint64_t node_id;
    uint32_t incarnation;
    uint64_t start;
    const char *address; /* that the node announces */
    const char *dialled; /* the target by which it was found, NULL = it found us */
};

/* A node has proven that it knows the secret; may be told of each link to it.  Anything but
 * STATUS_OK: the link is to be closed, and *reason says why, in words for both sides' logs. */
enum status gossip_link_up(struct gossip *gossip, struct gossip_time now,
                           const struct gossip_hello *hello, const char **reason) MUST_USE;
/* No link to the node is left. */
void gossip_link_down(struct gossip *gossip, struct gossip_time now, uint64_t node_id);
/* A member refuses this node for good: it was removed, its id is another process's, or its data
 * were restored from a backup. */
void gossip_refused(struct gossip *gossip, struct gossip_time now, const char *reason);
/* A target turned out to be this node itself. */
void gossip_target_is_self(struct gossip *gossip, const char *address);
/* STATUS_CORRUPT: the link is to be closed. */
enum status gossip_receive(struct gossip *gossip, struct gossip_time now, uint64_t node_id,
                           enum message_kind kind, struct bytes body) MUST_USE;
/* A piece of a message that is too long for a frame has come, or has left, and there are more. */
void gossip_moving(struct gossip *gossip, struct gossip_time now, uint64_t node_id,
                   enum message_kind kind);
void gossip_tick(struct gossip *gossip, struct gossip_time now);
/* Is anything under way?  Else fewer ticks will do. */
bool gossip_is_active(const struct gossip *gossip, struct gossip_time now);
/* The last stamp of this node's own writes, of earlier incarnations, that the store holds: known at
 * once after a clean stop, else when the digest is ready.  Until then they are not announced as
 * closed. */
void gossip_last_own(struct gossip *gossip, struct gossip_time now, uint64_t stamp);
/* Own writes were committed. */
void gossip_written(struct gossip *gossip, struct gossip_time now);

/* --- what was started ends --- */

enum applied { APPLIED_OK, APPLIED_FAILED, APPLIED_SKEW, APPLIED_UNKNOWN_NAMESPACE };

void gossip_applied(struct gossip *gossip, struct gossip_time now, uint64_t token,
                    enum applied result);
void gossip_saved(struct gossip *gossip, struct gossip_time now, uint64_t token, bool is_saved);
/* `root` sums up all leaves.  is_ready is false while leaves are being counted. */
void gossip_leaves(struct gossip *gossip, struct gossip_time now, uint64_t token, bool is_ready,
                   const uint64_t *fingerprints, size_t count, const struct digest *root);
void gossip_elements(struct gossip *gossip, struct gossip_time now, uint64_t token,
                     const struct element *elements, size_t count);
void gossip_collected(struct gossip *gossip, struct gossip_time now, uint64_t token,
                      size_t answered, struct bytes records);
void gossip_page(struct gossip *gossip, struct gossip_time now, uint64_t token,
                 struct bytes records, struct bytes cursor, bool is_last);
void gossip_page_failed(struct gossip *gossip, uint64_t token);

/* --- operators --- */

/* STATUS_SYNTAX: it is too long; STATUS_FAILED: too many were met. */
enum status gossip_meet(struct gossip *gossip, struct gossip_time now, const char *address);
/* STATUS_NOT_FOUND: no member has this id; STATUS_SYNTAX: it is this node's own. */
enum status gossip_forget(struct gossip *gossip, struct gossip_time now, uint64_t node_id);
/* Ends when gossip_status() says GATE_LEAVING and is_out.  STATUS_NOT_FOUND: there is nobody to
 * leave. */
enum status gossip_leave(struct gossip *gossip, struct gossip_time now);
/* Compares with every peer that is up, soon. */
void gossip_sync(struct gossip *gossip, struct gossip_time now);

/* --- observation --- */

enum peer_state { PEER_UP, PEER_DOWN, PEER_STALE };

struct gossip_peer {
    uint64_t node_id;
    char address[GOSSIP_ADDRESS_MAX];
    enum peer_state state;
    int64_t rtt_us, offset_us; /* -1 / 0 while unknown */
    int64_t lag_ms;            /* how far its writes are ahead of what is held here; -1 = unknown */
    int64_t equal_age_ms;      /* since a comparison last found no difference; -1 = never */
    int64_t differences;       /* found by comparing, ever */
    int64_t compared_bytes;    /* sent and received by comparing, records apart */
    uint64_t applied;          /* position of this node's writes that it has */
};

struct gossip_status {
    enum gossip_gate gate;
    bool is_out; /* left, or was removed */
    uint64_t horizon, watermark;
    uint32_t incarnation;
    size_t member_count; /* with this node */
    int64_t pushed_records_bytes, compares, compares_equal, load_pages;
    size_t peer_count;
    struct gossip_peer peers[GOSSIP_PEERS_MAX];
};

void gossip_status(const struct gossip *gossip, struct gossip_time now,
                   struct gossip_status *status);

/* For tests: the position held for an origin. */
uint64_t gossip_position(const struct gossip *gossip, uint64_t node_id, uint32_t incarnation);

#endif
