/* gossip_internal.h - the parts of a gossip object, for its own files.
 *
 *     gossip.c    life, links, the tick, what clients may do
 *     members.c   who belongs to the cluster
 *     beats.c     saying and hearing how everybody is: clocks, positions, flags
 *     push.c      own writes to all others, theirs to here
 *     horizon.c   announcements, the watermark, sealing, the horizon; who is stale
 *     load.c      a new node loads everything; answering one that does
 *     state.c     what is saved
 *     comparing.c when to compare with whom, and what that allows to claim
 *     leaving.c   a member leaves
 *     describe.c  status
 *     compare*.c  differences: a part of its own, compare.h
 */
#ifndef REPLICATION_GOSSIP_INTERNAL_H
#define REPLICATION_GOSSIP_INTERNAL_H

#include "base/buffer.h"
#include "base/memory.h"
#include "replication/compare.h"
#include "replication/gossip.h"
#include "replication/positions.h"
#include "replication/version.h"

#define MS_US 1000

#define COMPARE_PERIOD_MS 10000 /* between two comparisons with a peer that is equal */

struct clock_estimate {
    int64_t offset_us; /* the peer's clock less ours */
    int64_t rtt_us;    /* of the sample that the offset is from */
    int64_t at_us;     /* monotonic */
    bool is_known;
};

/* Own writes on their way to a peer. */
struct push_out {
    uint64_t sent, acked; /* positions */
    uint64_t received;    /* has come, if behind a gap */
    uint64_t sent_bytes, acked_bytes;
    int64_t progress_us; /* monotonic: when acked last rose, or there was nothing to wait for */
    int64_t hold_until_us;
    bool is_cut;          /* `sent` is where the log begins, not where the peer is */
    uint64_t timed_bytes; /* the push whose answer is being timed, 0 = none */
    int64_t timed_us;
    int64_t latency_us; /* until a push is answered: the longest of late, forgotten slowly */
};

/* Writes of a peer that came without what lies before them, and pushes can't bring: its log was cut
 * there. */
struct gap {
    uint64_t from, to;
};

struct peer {
    uint64_t node_id;
    uint32_t incarnation;
    uint64_t start;
    char address[GOSSIP_ADDRESS_MAX];
    char dialled[GOSSIP_ADDRESS_MAX]; /* the target that led to it, "" = none */
    bool is_linked;
    bool has_beat; /* since the link came up */
    int64_t down_since_us;

    /* what it said last */
    uint8_t flags;
    uint64_t horizon, members_hash, closed;
    bool has_announced;
    uint64_t announced_among; /* its members_hash then */
    struct positions announced;
    uint64_t *agrees; /* to the removal of these */
    size_t agree_count;
    int64_t beat_sent_us, beat_arrived_us; /* wall clocks: its, ours */
    struct clock_estimate clock;

    /* what we said last */
    int64_t beat_said_us; /* 0 = one is wanted at once */
    int64_t vector_sent_us, members_sent_us;
    uint64_t vector_revision;

    struct push_out out;
    struct gap gap;

    uint64_t covered_among; /* a comparison brought all it holds, with this members_hash */
    int64_t equal_us;       /* monotonic; -1 = never */
    int64_t compare_due_us; /* monotonic */
    int64_t differences;
};

struct member {
    uint64_t node_id;
    uint32_t incarnation;
    uint64_t start;
    enum member_state state;
    char address[GOSSIP_ADDRESS_MAX];
};

/* A push that is being merged. */
struct incoming {
    uint64_t token, node_id;
    uint32_t incarnation;
    uint64_t from, to, sent_bytes;
    size_t bytes;
    bool is_cut;
};

/* Of a node's incarnations, all up to this one are sealed (G4). */
struct sealed {
    uint64_t node_id;
    uint32_t incarnation;
};

/* The page that a new node waits for, or will ask for next. */
struct page_answer {
    uint64_t node_id, session;
    uint64_t token; /* it is being read; 0 = it was read, or is not to be */
    uint32_t number;
    bool is_asked; /* else it is read ahead, and kept */
    uint64_t horizon;
    size_t bytes_max;
    struct positions held; /* empty but for the first page */
    struct buffer from;    /* the cursor where it begins */
    struct buffer next;    /* ... and that behind it, when it was read; empty = it is the last */
    struct buffer kept;    /* the message, when it was read */
};

enum load_step { LOAD_NONE, LOAD_WANTED, LOAD_RUNNING, LOAD_FAILED, LOAD_FINISHING };

struct load {
    enum load_step step;
    int64_t since_us, asked_us, hold_until_us; /* monotonic */
    uint64_t told;                             /* the last source that the log knows of */
    uint64_t source, session;
    uint32_t source_incarnation;
    uint32_t number; /* of the page that is awaited */
    struct buffer cursor;
    bool has_last; /* all pages are here */
    uint64_t tokens[2];
    size_t token_count; /* pages that are being put into the store */
    struct positions held;
    uint64_t horizon, source_position; /* of the source's own writes, with the first page */
    bool has_first, is_wait_told;
    bool is_saving; /* that all is loaded */
    int64_t pages;
};

struct gossip {
    const struct gossip_host *host;
    uint64_t node_id;
    uint32_t incarnation;
    uint64_t start;
    int64_t skew_max_ms, forget_after_ms;
    unsigned rules_off;
    char address[GOSSIP_ADDRESS_MAX];

    char (*configured)[GOSSIP_ADDRESS_MAX];
    bool *is_reached; /* has answered once, or is this node itself */
    size_t configured_count;
    char (*met)[GOSSIP_ADDRESS_MAX]; /* GOSSIP MEET */
    size_t met_count;

    struct member *members; /* ordered by node id; with this node */
    size_t member_count, member_capacity;
    uint64_t members_hash;
    uint64_t members_hash_saving, members_hash_saved; /* what is said: a crash takes nothing back */
    struct peer *peers[GOSSIP_PEERS_MAX];
    size_t peer_count;

    struct positions held;      /* V, with this node's own */
    struct positions saving;    /* as of the save in flight */
    struct positions announced; /* as of the last save */
    uint64_t vector_revision;   /* counts what was announced */
    struct sealed *sealed;
    size_t sealed_count, sealed_capacity;
    bool is_last_own_known;
    uint32_t first_open_own; /* own incarnations below this one are closed for sure */

    uint64_t horizon;       /* decided */
    uint64_t horizon_saved; /* ... and saved: what holds */
    uint64_t horizon_saving;
    uint64_t watermark;

    bool is_ready, is_out, is_stale, is_leaving, is_skewed, is_loaded_before;
    enum gossip_gate gate;
    int64_t wait_until_us;
    int64_t jumped_us; /* our clock was set forward by so much, and no peer has agreed yet */
    int64_t leaving_since_us, leave_told_us; /* 0 = the others don't know yet */
    struct positions leave_held;             /* what all others have to hold before we go */

    uint64_t save_token; /* 0 = none in flight */
    bool is_save_wanted; /* at once */
    bool is_changed;     /* since the last save: positions */
    int64_t saved_us;

    struct incoming *incoming; /* a ring */
    size_t incoming_first, incoming_count, incoming_bytes;

    struct comparer *comparer;
    struct comparer_owner comparer_owner;
    uint64_t compare_among;     /* members_hash when the comparison that runs began */
    int64_t compare_began_us;   /* monotonic */
    int64_t members_changed_us; /* monotonic: the table, when last */
    uint64_t compare_count, compares, compares_equal;

    struct load load;
    struct page_answer *answers;
    size_t answer_count;

    struct gossip_time last_tick;
    int64_t active_until_us; /* something moves: beat faster */
    uint64_t next_token;
    int64_t pushed_bytes;
    int64_t step_us; /* of the stagger, as the host knows it */
    size_t staggered_count;
    uint64_t stagger_hash;
    struct buffer body, blob; /* scratch */
};

static inline bool rule(const struct gossip *gossip, unsigned rule)
{
    return (gossip->rules_off & rule) == 0;
}

static inline int64_t wall_ms(struct gossip_time now)
{
    return now.wall_us / 1000;
}

/* G7: no stamp above this one is believed. */
static inline uint64_t newest_believed(const struct gossip *gossip, struct gossip_time now)
{
    return stamp_newest_believed(wall_ms(now), gossip->skew_max_ms);
}

/* gossip.c */
uint64_t gossip_new_token(struct gossip *gossip);
void gossip_say(struct gossip *gossip, bool is_warning, const char *format, ...) PRINTF_LIKE(3, 4);
void gossip_send(struct gossip *gossip, uint64_t node_id, const struct message *message);
struct peer *gossip_find_peer(const struct gossip *gossip, uint64_t node_id);
/* NULL if there are too many. */
struct peer *gossip_peer_for(struct gossip *gossip, uint64_t node_id);
/* May records go to and fro? */
bool gossip_may_exchange(const struct gossip *gossip, const struct peer *peer);
/* G7, for our own clock: do peers agree with it, and if it jumped, since then? */
bool gossip_trusts_clock(const struct gossip *gossip);
void gossip_update_gate(struct gossip *gossip, struct gossip_time now);
void gossip_update_targets(struct gossip *gossip);
void gossip_mark_active(struct gossip *gossip, struct gossip_time now);
/* A configured peer has been met: see members_is_forming(). */
void gossip_mark_reached(struct gossip *gossip, const char *address);
void gossip_compare_soon(struct peer *peer, struct gossip_time now, int64_t delay_ms);
/* Ends everything but reading: this node is out of step with its cluster for good. */
void gossip_become_stale(struct gossip *gossip, struct gossip_time now, const char *why);

void gossip_copy_address(char to[GOSSIP_ADDRESS_MAX], const char *from);

/* comparing.c */
void comparing_create(struct gossip *gossip);
/* With the peer that is due longest. */
void comparing_next(struct gossip *gossip, struct gossip_time now);

/* leaving.c */
void leaving_tick(struct gossip *gossip, struct gossip_time now);

/* members.c */
struct member *members_find(const struct gossip *gossip, uint64_t node_id);
bool members_is_in(const struct gossip *gossip, uint64_t node_id);
/* Another node answers at its address, and it is not to be reached. */
bool members_is_replaced(const struct gossip *gossip, struct gossip_time now,
                         const struct member *member);
size_t members_in_count(const struct gossip *gossip);
/* True if anything changed. */
bool members_put(struct gossip *gossip, const struct member_entry *entry);
void members_remove(struct gossip *gossip, struct gossip_time now, uint64_t node_id,
                    const char *why);
void members_changed(struct gossip *gossip);
void members_send(struct gossip *gossip, struct gossip_time now, uint64_t node_id);
void members_received(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                      const struct members *members);
/* The first thing after a beat: does this node belong to us, or we to it?  False: refused. */
bool members_admit(struct gossip *gossip, struct peer *peer);
/* Those who say that they know other members than this node does: not one of them too often. */
void members_tell(struct gossip *gossip, struct gossip_time now);
void members_tick(struct gossip *gossip, struct gossip_time now);
bool members_is_forming(const struct gossip *gossip);

/* beats.c */
void beats_send(struct gossip *gossip, struct gossip_time now, struct peer *peer);
void beats_received(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                    const struct beat *beat);
void beats_tick(struct gossip *gossip, struct gossip_time now);
/* ... at the next tick, though nothing else moves? */
bool beats_are_wanted(const struct gossip *gossip);
/* The clock jumped by so much. */
void beats_clock_jumped(struct gossip *gossip, int64_t by_us);
/* Has any peer much the same time as we have? */
bool beats_agree(const struct gossip *gossip);
bool beats_is_skewed(const struct gossip *gossip);
/* Has it data, or had it? */
bool beats_has_history(const struct peer *peer);

/* push.c */
void push_start(struct gossip *gossip, struct gossip_time now, struct peer *peer, uint64_t applied);
void push_all(struct gossip *gossip, struct gossip_time now);
void push_received(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                   const struct push *push);
void push_answered(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                   const struct pushed *pushed);
bool push_applied(struct gossip *gossip, struct gossip_time now, uint64_t token,
                  enum applied result);
void push_acked(struct gossip *gossip, struct gossip_time now, struct peer *peer, uint64_t applied);
void push_tick(struct gossip *gossip, struct gossip_time now);
enum pushed_status push_note_held(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                                  struct origin_position *origin, uint64_t from, uint64_t to,
                                  bool is_cut);
/* After a position rose by other ways: does it reach what came behind a gap? */
void push_close_gap(struct gossip *gossip, struct peer *peer, struct origin_position *origin);

/* horizon.c */
/* The position held of an origin, added at its start if it is new; NULL if it is sealed, or its
 * node is not in the table of members (yet). */
struct origin_position *horizon_origin(struct gossip *gossip, uint64_t node_id,
                                       uint32_t incarnation, uint64_t start);
void horizon_raise(struct gossip *gossip, struct origin_position *origin, uint64_t position);
void horizon_learn(struct gossip *gossip, const struct origin_position *vector, size_t count);
/* ... of what all peers said last, when a member is new. */
void horizon_learn_all(struct gossip *gossip);
/* This incarnation issues no stamp up to this one. */
void horizon_begin_behind(struct gossip *gossip, uint64_t stamp);
/* Own writes so far. */
void horizon_update_own(struct gossip *gossip);
bool horizon_wants(const struct gossip *gossip);
/* Would it be of use if more were announced, soon? */
bool horizon_is_waited_for(const struct gossip *gossip);
/* Of what is announced: an origin is said to be closed only by who has compared with all members
 * since. */
/* Has this node compared with each other member since the last of them began anew? */
bool horizon_has_covered_all(const struct gossip *gossip);
void horizon_mask_closed(const struct gossip *gossip, struct positions *saving);
/* Are there tombstones to get rid of, and closed origins in the way? */
bool horizon_waits_to_seal(const struct gossip *gossip);
void horizon_heard(struct gossip *gossip, struct gossip_time now, struct peer *peer);
void horizon_tick(struct gossip *gossip, struct gossip_time now);
/* It is known that every member has announced the same of this one and of those before it (G4). */
void horizon_seal(struct gossip *gossip, uint64_t node_id, uint32_t incarnation);
bool horizon_is_sealed(const struct gossip *gossip, uint64_t node_id, uint32_t incarnation);

/* load.c */
void load_want(struct gossip *gossip, struct gossip_time now);
/* A save that was begun now is on disk. */
void load_saved(struct gossip *gossip);
void load_tick(struct gossip *gossip, struct gossip_time now);
void load_asked(struct gossip *gossip, struct peer *peer, const struct page_request *request);
void load_received(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                   const struct page *page);
/* Pieces of a message come from that node. */
void load_moving(struct gossip *gossip, struct gossip_time now, uint64_t node_id,
                 enum message_kind kind);
bool load_applied(struct gossip *gossip, struct gossip_time now, uint64_t token,
                  enum applied result);
void load_page_read(struct gossip *gossip, uint64_t token, struct bytes records,
                    struct bytes cursor, bool is_last);
void load_page_failed(struct gossip *gossip, uint64_t token);
/* Nothing is kept for who is gone. */
void load_link_down(struct gossip *gossip, uint64_t node_id);
void load_clear_answers(struct gossip *gossip);

/* state.c */
void state_encode(struct gossip *gossip, struct buffer *out);
enum status state_decode(struct gossip *gossip, struct bytes state) MUST_USE;
void state_save(struct gossip *gossip);
void state_tick(struct gossip *gossip, struct gossip_time now);

#endif
