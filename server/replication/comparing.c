/* comparing.c - when to compare with whom, and what a comparison that is done allows to claim. */
#include "base/hash.h"
#include "replication/gossip_internal.h"

#define COVER_COMPARE_MS 1000 /* until a comparison that a seal, or who leaves, waits for */
#define COMPARE_AGAIN_MS 100  /* after differences were found */
#define COMPARE_RETRY_MS 1000 /* after a comparison that came to nothing */

/* ---------- what the comparer asks and tells ---------- */

static uint64_t comparer_token(void *context)
{
    return gossip_new_token(context);
}

static uint64_t comparer_horizon(void *context)
{
    return ((struct gossip *)context)->horizon_saved;
}

static const struct origin_position *comparer_held(void *context, size_t *count)
{
    struct gossip *gossip = context;

    horizon_update_own(gossip);
    *count = gossip->held.count;
    return gossip->held.at;
}

static void join_positions(struct gossip *gossip, struct gossip_time now,
                           const struct origin_position *positions, size_t count, uint64_t cutoff)
{
    uint64_t believed = newest_believed(gossip, now);

    for (size_t i = 0; i < count; i++) {
        const struct origin_position *theirs = &positions[i];
        uint64_t position = theirs->position < cutoff ? theirs->position : cutoff;
        struct origin_position *ours;
        struct peer *peer;

        if (theirs->node_id == gossip->node_id && theirs->incarnation >= gossip->incarnation)
            continue;
        ours = horizon_origin(gossip, theirs->node_id, theirs->incarnation, theirs->start);
        if (ours == NULL)
            continue;
        horizon_raise(gossip, ours, position < believed ? position : believed);
        peer = gossip_find_peer(gossip, theirs->node_id);
        if (peer != NULL)
            push_close_gap(gossip, peer, ours);
    }
}

/* Everything the peer held is held here, but for what was younger than the cutoff: so what origins
 * wrote that were closed before the table of members last changed, if that is long enough ago. */
static void note_covered(struct gossip *gossip, struct peer *peer, uint64_t cutoff)
{
    int64_t settle_us = (COMPARE_CUTOFF_MS + gossip->skew_max_ms) * MS_US;

    if (gossip->compare_among != gossip->members_hash ||
        peer->covered_among == gossip->members_hash ||
        (cutoff != UINT64_MAX && gossip->compare_began_us < gossip->members_changed_us + settle_us))
        return;
    peer->covered_among = gossip->members_hash;
    gossip->is_changed = true; /* closed origins can be announced as such */
}

static void comparer_covered(void *context, struct gossip_time now, uint64_t node_id,
                             const struct origin_position *positions, size_t count, uint64_t cutoff,
                             int64_t differences)
{
    struct gossip *gossip = context;
    struct peer *peer = gossip_find_peer(gossip, node_id);

    if (peer == NULL)
        return;
    gossip->compares++;
    join_positions(gossip, now, positions, count, cutoff);
    note_covered(gossip, peer, cutoff);
    peer->differences += differences;
    if (differences == 0) {
        gossip->compares_equal++;
        peer->equal_us = now.monotonic_us;
    } else {
        gossip_mark_active(gossip, now);
    }
    peer->compare_due_us =
        now.monotonic_us + (differences == 0 ? COMPARE_PERIOD_MS : COMPARE_AGAIN_MS) * MS_US;
}

static void comparer_failed(void *context, struct gossip_time now, uint64_t node_id)
{
    struct peer *peer = gossip_find_peer(context, node_id);

    if (peer != NULL)
        peer->compare_due_us = now.monotonic_us + COMPARE_RETRY_MS * MS_US;
}

static uint64_t new_session(struct gossip *gossip)
{
    uint64_t parts[3] = {gossip->node_id, gossip->incarnation, ++gossip->compare_count};

    return hash_content((struct bytes){(const char *)parts, sizeof parts});
}

/* The one that is due longest. */
void comparing_next(struct gossip *gossip, struct gossip_time now)
{
    struct peer *next = NULL;
    bool is_cover_wanted = gossip->is_leaving || horizon_waits_to_seal(gossip);

    if (comparer_is_running(gossip->comparer))
        return;
    for (size_t i = 0; i < gossip->peer_count; i++) {
        struct peer *peer = gossip->peers[i];

        if (is_cover_wanted && peer->covered_among != gossip->members_hash)
            gossip_compare_soon(peer, now, COVER_COMPARE_MS);
        if (gossip_may_exchange(gossip, peer) && peer->compare_due_us <= now.monotonic_us &&
            !comparer_is_answering(gossip->comparer, now, peer->node_id) &&
            (next == NULL || peer->compare_due_us < next->compare_due_us))
            next = peer;
    }
    if (next == NULL)
        return;
    gossip->compare_among = gossip->members_hash;
    gossip->compare_began_us = now.monotonic_us;
    (void)comparer_begin(gossip->comparer, now, next->node_id, new_session(gossip));
}

void comparing_create(struct gossip *gossip)
{
    gossip->comparer_owner = (struct comparer_owner){.context = gossip,
                                                     .host = gossip->host,
                                                     .new_token = comparer_token,
                                                     .horizon = comparer_horizon,
                                                     .held = comparer_held,
                                                     .covered = comparer_covered,
                                                     .failed = comparer_failed,
                                                     .rules_off = gossip->rules_off};
    gossip->comparer = comparer_create(&gossip->comparer_owner);
}
