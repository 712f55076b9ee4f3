/* compare_internal.h - what the files of the comparer share; see compare.h.
 *
 *     compare.c          the object, and what both roles need: sending, counting
 *     compare_ask.c      the initiator: a session, down to the leaves that differ
 *     compare_batch.c    the initiator: the records of a batch of leaves, and their repair
 *     compare_answer.c   the responder
 *     compare_find.c     the difference of two sets, over messages
 *     compare_plan.c     which leaves make a batch
 *
 * A session may end in the midst of any call: ask_fail() and ask_finish() reset everything and tell
 * the owner, who may begin the next one at once.  So they are the last thing that is done.
 */
#ifndef REPLICATION_COMPARE_INTERNAL_H
#define REPLICATION_COMPARE_INTERNAL_H

#include "replication/compare.h"
#include "replication/compare_find.h"
#include "replication/compare_plan.h"

#define RETRY_US       2000000 /* R4: a question is asked again so often */
#define RETRIES_MAX    4
#define LOCAL_MAX_US   60000000 /* the own host does not answer what it can't do */
#define ANSWER_IDLE_US 30000000
#define MOVING_US      1000000 /* while the last piece is no older, the others follow */
#define ANSWERING_US   2000000 /* a session that says nothing for so long may be over */

#define FETCH_KEYS_MAX 4096
#define COLLECT_BYTES  (1 << 20)

/* A message that wants an answer: asked again until it comes. */
struct question {
    struct buffer body;
    enum message_kind kind;
    size_t records_size; /* of the body: not counted as the comparer's bytes */
    int64_t due_us;
    int tries;
    bool is_open;
};

/* The records that go from the peer to us. */
struct fetching {
    uint64_t *keys;
    size_t count, done; /* answered, and given to the host */
    uint32_t number;
    struct question question;
    uint64_t applying; /* token, 0 = none */
    struct buffer blob;
    uint64_t blob_horizon;
    bool is_reordered; /* tried again with the registry's records first */
    struct buffer next;
    uint64_t next_horizon;
    bool has_next;
};

/* ... and from us to the peer. */
struct giving {
    uint64_t *keys;
    size_t count, done; /* collected, sent or not */
    uint32_t number;
    struct question question;
    uint64_t collecting; /* token, 0 = none */
    uint64_t horizon;    /* as it was before that */
    struct buffer next;
    uint64_t next_horizon;
    bool has_next;
};

struct batch {
    uint32_t number;
    bool by_content;
    uint64_t scan; /* token */
    bool is_scanned;
    struct element *elements; /* own, until the finder takes them */
    size_t count;
    struct buffer first; /* the peer's first symbols, if they come before the own elements */
    struct sketch_message first_sketch;
    bool has_first;
    struct finder *finder;
    struct fetching fetching;
    struct giving giving;
};

enum ask_stage {
    ASK_NOTHING,
    ASK_OWN_LEAVES,   /* the host lists them */
    ASK_ROOT,         /* COMPARE */
    ASK_LEAVES,       /* GET, of the leaves */
    ASK_RECORDS,      /* OPEN, GET, and the host scans */
    ASK_MOVE_RECORDS, /* FETCH and GIVE */
};

struct ask {
    enum ask_stage stage;
    uint64_t node_id, session;
    bool is_flawed; /* not all that was fetched could be merged: nothing is covered */
    int64_t local_due_us;
    int64_t differences;
    uint64_t cutoff, horizon;
    uint64_t list; /* token */
    uint64_t *leaves;
    size_t leaf_count;
    struct digest root;
    struct origin_position *positions; /* the peer's (R1) */
    size_t position_count;
    uint64_t their_leaf_count;
    bool wants_fresh; /* R2 */
    struct question question;
    struct finder *finder; /* of leaves */
    struct plan plan;
    size_t at; /* the batch of the plan */
    double keys_per_leaf;
    struct batch batch;
};

/* A set of elements that is shown to a peer. */
struct shown {
    struct element *elements;
    size_t count;
    struct sketch *sketch; /* made when symbols are asked for */
    struct buffer last; /* the last symbols as a message: they are asked for again if it is lost */
    uint64_t last_from;
};

struct answer {
    bool is_used;
    uint64_t node_id, session, session_before;
    int64_t heard_us;
    struct digest root;
    struct origin_position *positions;
    size_t position_count;
    uint64_t horizon;
    uint64_t list; /* token, 0 = none */
    bool is_listed, is_equal;
    struct shown leaves;
    bool is_open;
    uint32_t batch, symbols;
    uint64_t scan; /* token, 0 = none */
    bool is_scanned;
    struct shown records;
    uint64_t collecting; /* token, 0 = none */
    uint32_t fetch_number;
    uint64_t collect_horizon;
    bool is_moving; /* pieces of the answer to that FETCH have left */
    uint32_t moving_batch, moving_number;
    int64_t moved_us;  /* when the last one has */
    uint64_t applying; /* token, 0 = none */
    uint32_t give_batch, give_number;
    bool has_given, is_refused; /* the answer to that number */
};

struct traffic {
    uint64_t node_id;
    int64_t bytes;
};

struct comparer {
    struct comparer_owner owner;
    struct ask ask;
    struct answer answers[GOSSIP_PEERS_MAX];
    struct traffic traffic[GOSSIP_PEERS_MAX];
    size_t traffic_count;
    struct buffer out;
};

/* --- compare.c --- */

void compare_send(struct comparer *comparer, uint64_t node_id, const struct message *message);
void compare_send_body(struct comparer *comparer, uint64_t node_id, enum message_kind kind,
                       struct bytes body, size_t records_size);
uint64_t compare_token(struct comparer *comparer);
uint64_t compare_horizon(struct comparer *comparer);
/* The bytes of records in a message. */
size_t compare_records_size(const struct message *message);
/* All messages of a session begin with its number. */
uint64_t compare_session(const struct message *message);
/* The sketches of a batch are salted with its number, too. */
static inline uint64_t compare_salt(uint64_t session, uint32_t batch)
{
    return session + batch;
}

/* --- compare_ask.c --- */

bool ask_begin(struct comparer *comparer, struct gossip_time now, uint64_t node_id,
               uint64_t session);
void ask_receive(struct comparer *comparer, struct gossip_time now, const struct message *message);
/* Pieces of the records of a FETCH or GIVE are on their way. */
void ask_moving(struct comparer *comparer, struct gossip_time now, enum message_kind kind);
void ask_tick(struct comparer *comparer, struct gossip_time now);
void ask_listed(struct comparer *comparer, struct gossip_time now, bool is_ready,
                const uint64_t *fingerprints, size_t count, const struct digest *root);
/* The batch is repaired: on to the next one. */
void ask_next_batch(struct comparer *comparer, struct gossip_time now);
void ask_question(struct comparer *comparer, struct gossip_time now, struct question *question,
                  const struct message *message);
void ask_fail(struct comparer *comparer, struct gossip_time now);
/* The host has been asked for something. */
void ask_wait_for_host(struct comparer *comparer, struct gossip_time now);
/* Frees what the session has; the host is not called. */
void ask_clear(struct comparer *comparer);

/* --- compare_batch.c --- */

void batch_open(struct comparer *comparer, struct gossip_time now, bool by_content);
/* Tells the host that the scan is over. */
void batch_close(struct comparer *comparer);
void batch_clear(struct comparer *comparer);
void batch_scanned(struct comparer *comparer, struct gossip_time now,
                   const struct element *elements, size_t count);
void batch_sketch(struct comparer *comparer, struct gossip_time now,
                  const struct sketch_message *sketch);
void batch_list(struct comparer *comparer, struct gossip_time now, const struct list_message *list);
void batch_records(struct comparer *comparer, struct gossip_time now,
                   const struct records_message *records);
void batch_given(struct comparer *comparer, struct gossip_time now, const struct given *given);
void batch_applied(struct comparer *comparer, struct gossip_time now, enum applied result);
void batch_collected(struct comparer *comparer, struct gossip_time now, size_t answered,
                     struct bytes records);

/* --- compare_answer.c --- */

void answer_receive(struct comparer *comparer, struct gossip_time now, uint64_t node_id,
                    const struct message *message);
/* Pieces of the records of a FETCH or GIVE are on their way. */
void answer_moving(struct answer *answer, struct gossip_time now, enum message_kind kind);
void answer_tick(struct comparer *comparer, struct gossip_time now);
/* What the peer began is over. */
void answer_drop(struct comparer *comparer, struct answer *answer);
/* Frees what it has; the host is not called. */
void answer_clear(struct answer *answer);
struct answer *answer_of_node(struct comparer *comparer, uint64_t node_id);
/* False if the token is no responder's. */
bool answer_applied(struct comparer *comparer, uint64_t token, enum applied result);
bool answer_listed(struct comparer *comparer, uint64_t token, bool is_ready,
                   const uint64_t *fingerprints, size_t count, const struct digest *root);
bool answer_scanned(struct comparer *comparer, uint64_t token, const struct element *elements,
                    size_t count);
bool answer_collected(struct comparer *comparer, uint64_t token, size_t answered,
                      struct bytes records);

#endif
