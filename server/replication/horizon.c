/* horizon.c - what everybody certainly holds: announcements, the watermark, sealing, the horizon.
 *
 *     held        what is held here, in memory (G1)
 *     announced   of that, what the last save put on disk (G2); peers are told this
 *     watermark   the least announced position over all members and all origins that are not sealed
 *     horizon     follows the watermark when there are tombstones to get rid of; saved, then obeyed
 *
 * A node that is idle announces nothing new: nothing waits for it.
 */
#include <stdlib.h>
#include <string.h>

#include "replication/gossip_internal.h"

#define AGED_HORIZON_MS 5000 /* with RULE_WATERMARK off */

/* ---------- positions ---------- */

bool horizon_is_sealed(const struct gossip *gossip, uint64_t node_id, uint32_t incarnation)
{
    for (size_t i = 0; i < gossip->sealed_count; i++)
        if (gossip->sealed[i].node_id == node_id)
            return incarnation <= gossip->sealed[i].incarnation;
    return false;
}

/* A node has one open incarnation, its newest; one that is out has none. */
static bool is_closed(const struct gossip *gossip, uint64_t node_id, uint32_t incarnation)
{
    const struct member *member = members_find(gossip, node_id);

    if (node_id == gossip->node_id)
        return incarnation < gossip->first_open_own;
    return member != NULL && (member->state == MEMBER_OUT || incarnation < member->incarnation);
}

/* Only together with its member: one of which nobody tells any more could never be closed.  What
 * begins below our horizon was restored from a backup, and has written nothing up to there (G5). */
static struct origin_position *add_origin(struct gossip *gossip, uint64_t node_id,
                                          uint32_t incarnation, uint64_t start)
{
    uint64_t from = start > gossip->horizon ? start : gossip->horizon;

    if (members_find(gossip, node_id) == NULL)
        return NULL;
    return positions_add(&gossip->held, node_id, incarnation,
                         rule(gossip, RULE_ORIGIN_START) ? from : 0);
}

struct origin_position *horizon_origin(struct gossip *gossip, uint64_t node_id,
                                       uint32_t incarnation, uint64_t start)
{
    struct origin_position *origin = positions_find(&gossip->held, node_id, incarnation);

    if (horizon_is_sealed(gossip, node_id, incarnation))
        return NULL;
    if (origin == NULL)
        origin = add_origin(gossip, node_id, incarnation, start);
    if (origin == NULL)
        return NULL;
    if (start > origin->start) { /* it was new and has loaded since (load.c), or G5 */
        origin->start = start;
        if (rule(gossip, RULE_ORIGIN_START))
            horizon_raise(gossip, origin, start);
    }
    if (!origin->is_closed && is_closed(gossip, node_id, incarnation)) {
        origin->is_closed = true;
        gossip->is_changed = true;
    }
    return origin;
}

void horizon_raise(struct gossip *gossip, struct origin_position *origin, uint64_t position)
{
    if (position <= origin->position)
        return;
    origin->position = position;
    gossip->is_changed = true;
}

/* This node now: nobody else knows better. */
static bool is_own(const struct gossip *gossip, const struct origin_position *origin)
{
    return origin->node_id == gossip->node_id && origin->incarnation == gossip->incarnation;
}

/* New origins in what others hold; positions are theirs, not ours. */
void horizon_learn(struct gossip *gossip, const struct origin_position *vector, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_own(gossip, &vector[i]))
            (void)horizon_origin(gossip, vector[i].node_id, vector[i].incarnation, vector[i].start);
}

/* G3: what a peer announced counts from when both know the same members, so no origin in it may be
 * missing here then. */
void horizon_learn_all(struct gossip *gossip)
{
    for (size_t i = 0; i < gossip->peer_count; i++)
        horizon_learn(gossip, gossip->peers[i]->announced.at, gossip->peers[i]->announced.count);
}

void horizon_begin_behind(struct gossip *gossip, uint64_t stamp)
{
    struct member_entry self = {.node_id = gossip->node_id,
                                .incarnation = gossip->incarnation,
                                .start = stamp,
                                .address = bytes_of(gossip->address)};

    if (stamp <= gossip->start)
        return;
    gossip->start = stamp;
    gossip->host->observe(gossip->host->context, stamp);
    (void)horizon_origin(gossip, gossip->node_id, gossip->incarnation, stamp);
    if (members_put(gossip, &self))
        members_changed(gossip);
}

void horizon_update_own(struct gossip *gossip)
{
    struct origin_position *own;

    if (gossip->gate == GATE_WAIT || gossip->load.step != LOAD_NONE ||
        gossip->host->is_blank(gossip->host->context) || !gossip_trusts_clock(gossip))
        return; /* nobody has to hear of a node that has written nothing */
    own = horizon_origin(gossip, gossip->node_id, gossip->incarnation, gossip->start);
    if (own != NULL)
        horizon_raise(gossip, own, gossip->host->close_time(gossip->host->context));
}

/* Closed origins whose announcement lags behind what is held: it stands in the way of sealing. */
static bool has_unannounced_closed(const struct gossip *gossip)
{
    for (size_t i = 0; i < gossip->held.count; i++) {
        const struct origin_position *held = &gossip->held.at[i];
        const struct origin_position *said =
            positions_find(&gossip->announced, held->node_id, held->incarnation);

        if (held->is_closed &&
            (said == NULL || !said->is_closed || said->position != held->position))
            return true;
    }
    return false;
}

static bool are_all_here(const struct gossip *gossip)
{
    for (size_t i = 0; i < gossip->peer_count; i++)
        if (!gossip->peers[i]->is_linked && members_is_in(gossip, gossip->peers[i]->node_id))
            return false;
    return true;
}

/* The one who is away holds the watermark: what the others announce meanwhile moves nothing. */
bool horizon_is_waited_for(const struct gossip *gossip)
{
    return has_unannounced_closed(gossip) || (horizon_wants(gossip) && are_all_here(gossip));
}

bool horizon_waits_to_seal(const struct gossip *gossip)
{
    for (size_t i = 0; i < gossip->held.count; i++)
        if (gossip->held.at[i].is_closed)
            return horizon_wants(gossip);
    return false;
}

bool horizon_has_covered_all(const struct gossip *gossip)
{
    for (size_t i = 0; i < gossip->member_count; i++) {
        const struct member *member = &gossip->members[i];
        const struct peer *peer = gossip_find_peer(gossip, member->node_id);

        if (member->state == MEMBER_IN && member->node_id != gossip->node_id &&
            (peer == NULL || peer->covered_among != gossip->members_hash))
            return false;
    }
    return true;
}

/* Positions are lower bounds: a member that crashed may hold more of a closed origin than it says,
 * and more than the origin itself.  So that nothing of it is anywhere but everywhere, each compares
 * with all others, and again when any of them begins anew. */
void horizon_mask_closed(const struct gossip *gossip, struct positions *saving)
{
    if (horizon_has_covered_all(gossip))
        return;
    for (size_t i = 0; i < saving->count; i++)
        saving->at[i].is_closed = false;
}

/* ---------- the watermark ---------- */

bool horizon_wants(const struct gossip *gossip)
{
    if (gossip->host->wants_horizon(gossip->host->context))
        return true;
    for (size_t i = 0; i < gossip->peer_count; i++)
        if (gossip->peers[i]->is_linked && (gossip->peers[i]->flags & BEAT_WANTS_HORIZON) != 0)
            return true;
    return false;
}

/* What a member announced, NULL if that is not known.  It counts only if the member knew the same
 * members: else it may know one whose positions are missing here. */
static const struct positions *announced_by(const struct gossip *gossip, uint64_t node_id)
{
    const struct peer *peer;

    if (node_id == gossip->node_id)
        return gossip->announced.count > 0 ? &gossip->announced : NULL;
    peer = gossip_find_peer(gossip, node_id);
    return peer != NULL && peer->has_announced && peer->announced_among == gossip->members_hash
               ? &peer->announced
               : NULL;
}

struct agreement {
    uint64_t least;
    bool is_same; /* every member says the same position, and that the origin is closed */
};

/* False if some member's announcement is not known. */
static bool survey(const struct gossip *gossip, const struct origin_position *origin,
                   struct agreement *agreement)
{
    uint64_t first = 0;
    bool is_first = true;

    *agreement = (struct agreement){.least = UINT64_MAX, .is_same = true};
    for (size_t i = 0; i < gossip->member_count; i++) {
        const struct positions *announced;
        const struct origin_position *theirs;
        uint64_t position;

        if (gossip->members[i].state != MEMBER_IN)
            continue;
        announced = announced_by(gossip, gossip->members[i].node_id);
        if (announced == NULL)
            return false;
        theirs = positions_find(announced, origin->node_id, origin->incarnation);
        position = theirs != NULL ? theirs->position : origin->start;
        first = is_first ? position : first;
        is_first = false;
        agreement->is_same &= theirs != NULL && theirs->is_closed && position == first;
        agreement->least = position < agreement->least ? position : agreement->least;
    }
    return true;
}

static struct sealed *sealed_of(struct gossip *gossip, uint64_t node_id)
{
    struct sealed *sealed;

    for (size_t i = 0; i < gossip->sealed_count; i++)
        if (gossip->sealed[i].node_id == node_id)
            return &gossip->sealed[i];
    gossip->sealed = xgrow(gossip->sealed, gossip->sealed_count, &gossip->sealed_capacity,
                           sizeof *gossip->sealed);
    sealed = &gossip->sealed[gossip->sealed_count++];
    *sealed = (struct sealed){.node_id = node_id};
    return sealed;
}

void horizon_seal(struct gossip *gossip, uint64_t node_id, uint32_t incarnation)
{
    if (horizon_is_sealed(gossip, node_id, incarnation) ||
        (node_id == gossip->node_id && incarnation >= gossip->first_open_own))
        return;
    sealed_of(gossip, node_id)->incarnation = incarnation;
    for (size_t i = gossip->held.count; i > 0; i--) {
        const struct origin_position *origin = &gossip->held.at[i - 1];

        if (origin->node_id == node_id && origin->incarnation <= incarnation)
            positions_remove(&gossip->held, node_id, origin->incarnation);
    }
    gossip->is_changed = true;
}

/* Of a node's incarnations, which come in order, the first that is not sealed. */
static bool is_oldest(const struct gossip *gossip, size_t i)
{
    return i == 0 || gossip->held.at[i - 1].node_id != gossip->held.at[i].node_id;
}

/* Seals what can be sealed; the least announced position of the rest, 0 if it is not known.  Until
 * the first horizon, nodes with data of their own may still come in, and they have announced
 * nothing: so what could be sealed is left out before, but stays. */
static uint64_t find_watermark(struct gossip *gossip)
{
    uint64_t watermark = UINT64_MAX;
    bool is_left_out = false; /* the one before */

    for (size_t i = 0; i < gossip->held.count;) {
        const struct origin_position *origin = &gossip->held.at[i];
        struct agreement agreement;

        if (!survey(gossip, origin, &agreement))
            return 0;
        is_left_out = origin->is_closed && (is_oldest(gossip, i) || is_left_out) &&
                      (agreement.is_same || !rule(gossip, RULE_SEAL));
        if (is_left_out && is_oldest(gossip, i) && gossip->horizon > 0) {
            horizon_seal(gossip, origin->node_id, origin->incarnation);
            continue;
        }
        if (!is_left_out && agreement.least < watermark)
            watermark = agreement.least;
        i++;
    }
    return watermark == UINT64_MAX ? 0 : watermark;
}

/* As long as a configured peer was never met, nothing is forgotten: it may have data to merge. */
static bool may_advance(const struct gossip *gossip)
{
    if (gossip->is_stale || gossip->is_out || gossip->load.step != LOAD_NONE ||
        !gossip->is_last_own_known)
        return false;
    if (gossip->horizon > 0)
        return true;
    for (size_t i = 0; i < gossip->peer_count; i++)
        if (gossip->peers[i]->is_linked && (gossip->peers[i]->flags & BEAT_IS_FORMING) != 0)
            return false;
    return !members_is_forming(gossip);
}

static void raise_horizon(struct gossip *gossip, uint64_t horizon)
{
    if (horizon <= gossip->horizon)
        return;
    gossip->horizon = horizon;
    gossip->is_save_wanted = true;
    gossip->host->observe(gossip->host->context, horizon);
}

void horizon_tick(struct gossip *gossip, struct gossip_time now)
{
    if (!rule(gossip, RULE_DURABLE))
        positions_copy(&gossip->announced, &gossip->held);
    for (size_t i = 0; i < gossip->held.count; i++)
        (void)horizon_origin(gossip, gossip->held.at[i].node_id, gossip->held.at[i].incarnation,
                             gossip->held.at[i].start);
    gossip->watermark = find_watermark(gossip);
    if (!horizon_wants(gossip) || !may_advance(gossip))
        return;
    if (rule(gossip, RULE_WATERMARK))
        raise_horizon(gossip, gossip->watermark);
    else
        raise_horizon(gossip, stamp_of_wall_ms(wall_ms(now) - AGED_HORIZON_MS));
}

/* ---------- a peer's horizon (G5) ---------- */

/* Is everything that the peer holds, up to its horizon, held here, on disk? */
static bool is_covered(const struct gossip *gossip, const struct peer *peer,
                       const struct positions *by)
{
    for (size_t i = 0; i < peer->announced.count; i++) {
        const struct origin_position *theirs = &peer->announced.at[i];
        const struct origin_position *ours;
        uint64_t needed = theirs->position < peer->horizon ? theirs->position : peer->horizon;
        uint64_t position;

        if (horizon_is_sealed(gossip, theirs->node_id, theirs->incarnation) ||
            is_own(gossip, theirs))
            continue;
        ours = positions_find(by, theirs->node_id, theirs->incarnation);
        position = ours != NULL                      ? ours->position
                   : rule(gossip, RULE_ORIGIN_START) ? theirs->start
                                                     : 0;
        if (position < needed)
            return false;
    }
    return true;
}

/* What the peer's horizon did not wait for begins behind it: perhaps this node, if its backup was
 * young enough. */
static void begin_all_behind(struct gossip *gossip, const struct peer *peer)
{
    for (size_t i = 0; i < gossip->held.count; i++) {
        const struct origin_position *ours = &gossip->held.at[i];
        const struct origin_position *theirs =
            positions_find(&peer->announced, ours->node_id, ours->incarnation);
        uint64_t start =
            theirs != NULL && theirs->start < peer->horizon ? theirs->start : peer->horizon;

        if (is_own(gossip, ours))
            horizon_begin_behind(gossip, start);
        else
            (void)horizon_origin(gossip, ours->node_id, ours->incarnation, start);
    }
}

static void take_over(struct gossip *gossip, const struct peer *peer)
{
    begin_all_behind(gossip, peer);
    raise_horizon(gossip, peer->horizon);
}

/* After a beat with a vector: it fits the horizon that came with it. */
void horizon_heard(struct gossip *gossip, struct gossip_time now, struct peer *peer)
{
    if (peer->horizon <= gossip->horizon || gossip->load.step != LOAD_NONE || gossip->is_stale ||
        (peer->flags & BEAT_IS_STALE) != 0 || peer->horizon > newest_believed(gossip, now))
        return;
    if (!rule(gossip, RULE_COVERAGE) || is_covered(gossip, peer, &gossip->announced))
        take_over(gossip, peer);
    else if (!is_covered(gossip, peer, &gossip->held))
        gossip_become_stale(gossip, now, "its peers have forgotten deletes that it has not seen");
}
