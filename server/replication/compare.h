/* compare.h - finding and repairing the differences between two replicas.
 *
 * The initiator asks a peer for its root; if it differs, for symbols over the peer's leaves, until
 * it knows which leaves differ; then, some hundred leaves at a time, for symbols over (key hash,
 * stamp) of the records in them; then it fetches what it lacks and gives what the peer lacks:
 *
 *     initiator                                   responder
 *       COMPARE root            ->
 *                               <-  COMPARED equal? leaf count, positions, horizon
 *       GET leaves, symbols     ->
 *                               <-  SKETCH                (again, in growing portions, or LIST)
 *       OPEN leaves             ->                        (a batch; both sides scan theirs)
 *                               <-  SKETCH records        (the first symbols, unasked)
 *       GET records, symbols    ->
 *                               <-  SKETCH                (or LIST)
 *       FETCH key hashes        ->
 *                               <-  RECORDS
 *       GIVE records            ->
 *                               <-  GIVEN
 *
 * Two sets with the same fingerprint hold the same records, so the records of the differing leaves
 * of both sides contain the whole difference, whether or not the leaves begin at the same keys.
 *
 * R1  The responder's positions are taken before its leaves are listed.  When all batches are
 *     done, everything it held then is held here, or newer: the positions are joined, up to the
 *     cutoff.
 * R2  Differences younger than the cutoff, two seconds ago, are left to the pushes; and what one
 *     side has purged and the other not yet, to the horizon.  But a young write may stand in the
 *     place of an older one that never came: if joining the positions would raise any of them, the
 *     young ones are fetched, too.
 * R3  Symbols are asked for in portions that are guessed from what was found so far; when they
 *     would cost more than the plain list of elements, the list is asked for.
 * R4  A session is bounded: one as initiator, one for each peer as responder; a step that is not
 *     answered in two seconds is asked again, a few times; then the session ends and the next one
 *     begins anew with another number (which is the sketches' salt).  While pieces of long records
 *     move, the time does not run: asked again, they would come again.
 * R5  If leaves differ and their records by (key, version_element()) do not, they are compared by
 *     whole content, once: two records with one stamp, see merge.h.
 * R6  Two replicas do not ask each other at the same time: both would find and move the same.
 * R7  Positions are joined only if the responder's horizon has been taken over here meanwhile, by
 *     what was held without this session (gossip.h, G5): else a replica that was restored from a
 *     backup would come to cover a horizon below which it still holds what was deleted.
 *
 * Work in flight is bounded: one FETCH of at most 4096 keys and one GIVE of about 1 MiB at a time
 * beside one merge; 1024 leaves a batch.
 */
#ifndef REPLICATION_COMPARE_H
#define REPLICATION_COMPARE_H

#include "replication/gossip.h"

#define COMPARE_CUTOFF_MS 2000

struct comparer;

/* What the comparer needs of the rest of gossip (comparing.c). */
struct comparer_owner {
    void *context;
    const struct gossip_host *host;
    /* A number for a slow call to the host; its answer is brought back by comparer_*(). */
    uint64_t (*new_token)(void *context);
    uint64_t (*horizon)(void *context);
    /* What is held now, for R1: borrowed until the call returns to the owner. */
    const struct origin_position *(*held)(void *context, size_t *count);
    /* The session with this peer is complete: what it held (positions, up to cutoff) is held here.
     * cutoff is UINT64_MAX if the roots were equal.  `differences` were found and repaired, those
     * younger than the cutoff apart. */
    void (*covered)(void *context, struct gossip_time now, uint64_t node_id,
                    const struct origin_position *positions, size_t count, uint64_t cutoff,
                    int64_t differences);
    /* The session ended without result (lost, refused, busy, not ready). */
    void (*failed)(void *context, struct gossip_time now, uint64_t node_id);
    unsigned rules_off; /* RULE_JOINT_RAISE: covered() when differences are known, before they are
                           repaired, too */
};

struct comparer *comparer_create(const struct comparer_owner *owner);
void comparer_destroy(struct comparer *comparer);

/* Begins a session; false if one is running.  `session` is unique for ever (the owner mixes node
 * id, incarnation and a counter). */
bool comparer_begin(struct comparer *comparer, struct gossip_time now, uint64_t node_id,
                    uint64_t session);
bool comparer_is_running(const struct comparer *comparer);
/* Is this peer about to find out what differs?  Then there will be little left to find here. */
bool comparer_is_answering(struct comparer *comparer, struct gossip_time now, uint64_t node_id);

/* Every message of kinds COMPARE .. GIVEN; both roles. */
void comparer_receive(struct comparer *comparer, struct gossip_time now, uint64_t node_id,
                      const struct message *message);
/* A piece of a message that is not whole yet has come from the peer or left for it. */
void comparer_moving(struct comparer *comparer, struct gossip_time now, uint64_t node_id,
                     enum message_kind kind);
void comparer_tick(struct comparer *comparer, struct gossip_time now);
void comparer_link_down(struct comparer *comparer, struct gossip_time now, uint64_t node_id);

/* Answers to slow calls; false if the token is not the comparer's. */
bool comparer_applied(struct comparer *comparer, struct gossip_time now, uint64_t token,
                      enum applied result);
bool comparer_leaves(struct comparer *comparer, struct gossip_time now, uint64_t token,
                     bool is_ready, const uint64_t *fingerprints, size_t count,
                     const struct digest *root);
bool comparer_elements(struct comparer *comparer, struct gossip_time now, uint64_t token,
                       const struct element *elements, size_t count);
bool comparer_collected(struct comparer *comparer, struct gossip_time now, uint64_t token,
                        size_t answered, struct bytes records);

/* Bytes of this comparer's messages to and from a peer so far, records apart. */
int64_t comparer_bytes(const struct comparer *comparer, uint64_t node_id);

#endif
