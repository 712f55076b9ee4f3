/* message.h - what replicas say to each other.
 *
 * A message is a kind and a body; the link carries it as the RESP array [GOSSIP, NAME, body]
 * (cluster/link.h).  Any message may be lost, doubled or late: every one says what it is about, and
 * none is needed for good.  Numbers are big-endian or varints (base/wire.h); records travel as
 * blobs (records.h), symbols as sketch.h encodes them.
 *
 * Decoding refuses whatever encoding could not have written, before anything is allocated for it:
 * counts are checked against the bytes that are there.  Views in a decoded message are borrowed
 * from the body; arrays are the caller's to free with message_clear().
 */
#ifndef REPLICATION_MESSAGE_H
#define REPLICATION_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"
#include "replication/digest.h"
#include "replication/sketch.h"

/* Kind, name on the wire. */
#define MESSAGE_KINDS(X)                                                                           \
    X(BEAT, "BEAT")         /* who I am, how far I am, my clock */                                 \
    X(MEMBERS, "MEMBERS")   /* whom I know */                                                      \
    X(PUSH, "PUSH")         /* my writes from one position to another */                           \
    X(PUSHED, "PUSHED")     /* how far I have yours */                                             \
    X(COMPARE, "COMPARE")   /* do we hold the same? */                                             \
    X(COMPARED, "COMPARED") /* this is what I hold */                                              \
    X(OPEN, "OPEN")         /* look into these leaves of yours */                                  \
    X(GET, "GET")           /* give me symbols, or all elements */                                 \
    X(SKETCH, "SKETCH")     /* symbols */                                                          \
    X(LIST, "LIST")         /* all elements */                                                     \
    X(FETCH, "FETCH")       /* give me these records */                                            \
    X(RECORDS, "RECORDS")   /* here are records that you asked for */                              \
    X(GIVE, "GIVE")         /* here are records that you lack */                                   \
    X(GIVEN, "GIVEN")       /* I have them */                                                      \
    X(PAGE, "PAGE")         /* a new node asks for the next records in order */                    \
    X(PAGED, "PAGED")       /* here they are */

enum message_kind {
#define MESSAGE_ENUM(kind, name) MESSAGE_##kind,
    MESSAGE_KINDS(MESSAGE_ENUM)
#undef MESSAGE_ENUM
        MESSAGE_KIND_COUNT
};

const char *message_name(enum message_kind kind);
/* STATUS_NOT_FOUND for a name that this version does not know: ignored. */
enum status message_kind_of(struct bytes name, enum message_kind *kind) MUST_USE;

/* How much of a node's writes somebody holds.  An origin is a node in one incarnation. */
struct origin_position {
    uint64_t node_id;
    uint32_t incarnation;
    bool is_closed;    /* the node has begun a newer incarnation, or is gone */
    uint64_t start;    /* no write of this origin has a stamp up to it */
    uint64_t position; /* all up to it are held, or newer versions of their keys */
};

/* In announcements: the origin, and those before it of the same node, are sealed (gossip.h, G4). */
#define POSITION_SEALED UINT64_MAX

struct beat {
    int64_t sent_us;        /* the sender's wall clock now */
    int64_t echo_us;        /* sent_us of the last beat that came from the receiver, 0 = none */
    int64_t echo_arrive_us; /* ... and the sender's wall clock when that arrived */
    uint32_t incarnation;
    uint64_t start;
    uint64_t push_from, closed; /* an empty push: no write of mine lies between these positions */
    uint64_t applied;           /* how much of the receiver's current origin is held here */
    uint64_t horizon;
    uint64_t members_hash;
    uint8_t flags; /* BEAT_* */
    bool has_vector;
    struct origin_position *vector; /* what is held on disk */
    size_t vector_count;
};

#define BEAT_IS_BLANK      0x01 /* holds nothing and never did */
#define BEAT_IS_LOADING    0x02
#define BEAT_IS_STALE      0x04
#define BEAT_IS_LEAVING    0x08
#define BEAT_IS_FORMING    0x10 /* has not reached all of its configured peers yet */
#define BEAT_WANTS_HORIZON 0x20 /* has tombstones to get rid of */

enum member_state { MEMBER_IN, MEMBER_OUT }; /* OUT is for good */

struct member_entry {
    uint64_t node_id;
    uint32_t incarnation;
    uint64_t start;
    enum member_state state;
    struct bytes address; /* host:port, "" = unknown */
};

struct members {
    struct member_entry *entries;
    size_t count;
    uint64_t
        *replaced; /* ids that the sender agrees to remove: a new node answers at their address */
    size_t replaced_count;
};

struct push {
    uint32_t incarnation;
    uint64_t start;
    uint64_t from, to; /* these are the sender's writes with from < stamp <= to */
    uint64_t horizon;
    uint64_t sent_bytes; /* bytes of records pushed on this link, with these */
    bool is_cut;         /* what lies before `from` is not to be had by pushes any more */
    struct bytes records;
};

enum pushed_status { PUSHED_OK, PUSHED_GAP, PUSHED_SKEW, PUSHED_BUSY };

struct pushed {
    uint32_t incarnation;
    uint64_t applied;    /* of that incarnation */
    uint64_t sent_bytes; /* of the push that this answers */
    enum pushed_status status;
};

/* All that follow belong to a session, numbered by who began it; the number is the sketches' salt
 * too. */
struct compare {
    uint64_t session;
    struct digest root; /* of all leaves of the sender */
    uint64_t horizon;
};

struct compared {
    uint64_t session;
    bool is_equal, is_busy; /* busy: try later, nothing else holds */
    uint64_t leaf_count;
    uint64_t horizon;
    struct origin_position *vector; /* what the sender held before it looked at its leaves */
    size_t vector_count;
};

enum sketch_level { LEVEL_LEAVES, LEVEL_RECORDS };

struct open_leaves {
    uint64_t session;
    uint32_t batch;
    uint64_t cutoff;  /* leave out what is newer: it is still on its way */
    uint64_t horizon; /* leave out tombstones and expired records that may be purged up to it */
    bool by_content;  /* elements are (key, whole record) instead of (key, version_element()) */
    uint32_t symbols; /* so many are to be sent at once */
    uint64_t *leaves; /* fingerprints of the receiver's leaves */
    size_t leaf_count;
};

struct get {
    uint64_t session;
    uint32_t batch; /* of LEVEL_RECORDS */
    enum sketch_level level;
    bool is_list;  /* all elements instead of symbols */
    uint64_t from; /* symbol or element */
    uint32_t count;
};

struct sketch_message {
    uint64_t session;
    uint32_t batch;
    enum sketch_level level;
    uint64_t from;
    uint32_t count;
    uint64_t set_size;    /* elements of the sender */
    struct bytes symbols; /* sketch.h; wide for LEVEL_RECORDS */
};

struct list_message {
    uint64_t session;
    uint32_t batch;
    enum sketch_level level;
    uint64_t from;
    uint64_t set_size;
    struct element *elements; /* on the wire 8 bytes each for LEVEL_LEAVES, else 16 */
    size_t count;
};

struct fetch {
    uint64_t session;
    uint32_t batch, number; /* counts the fetches of a batch */
    uint64_t *keys;         /* digest_of_key().high */
    size_t count;
};

struct records_message { /* RECORDS and GIVE */
    uint64_t session;
    uint32_t batch, number;
    uint32_t
        consumed; /* so many of the keys asked for are answered; the rest is to be asked again */
    uint64_t horizon;
    struct bytes records;
};

struct given {
    uint64_t session;
    uint32_t batch, number;
    bool is_refused;
};

struct page_request {
    uint64_t session;
    uint32_t number;
    struct bytes cursor; /* "" = from the beginning; else as PAGED said */
    uint32_t bytes_max;
};

struct page {
    uint64_t session;
    uint32_t number;
    bool is_last, is_refused;
    uint64_t horizon;
    struct bytes cursor;
    struct origin_position *vector; /* in the first page: what the sender held before it began */
    size_t vector_count;
    struct bytes records;
};

struct message {
    enum message_kind kind;
    size_t body_size; /* of the body that it was decoded from */
    union {
        struct beat beat;
        struct members members;
        struct push push;
        struct pushed pushed;
        struct compare compare;
        struct compared compared;
        struct open_leaves open;
        struct get get;
        struct sketch_message sketch;
        struct list_message list;
        struct fetch fetch;
        struct records_message records; /* RECORDS and GIVE */
        struct given given;
        struct page_request page;
        struct page paged;
    };
};

/* Replaces what is in `out`. */
void message_encode(struct buffer *out, const struct message *message);

/* STATUS_CORRUPT, and nothing to clear, for what no message_encode() writes. */
enum status message_decode(enum message_kind kind, struct bytes body,
                           struct message *message) MUST_USE;
void message_clear(struct message *message);

/* Positions and members as bytes, also for the saved state (gossip.h). */
void positions_encode(struct buffer *out, const struct origin_position *positions, size_t count);
/* Takes them from the front of `from`; the caller frees *positions. */
enum status positions_decode(struct bytes *from, struct origin_position **positions,
                             size_t *count) MUST_USE;
void member_encode(struct buffer *out, const struct member_entry *entry);
enum status member_decode(struct bytes *from, struct member_entry *entry) MUST_USE;

#endif
