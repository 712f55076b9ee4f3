/* leaving.c - a member leaves, and leaves nothing behind.
 *
 *     leaving --(all others hold, on disk, what is held here)--> told --(one of them knows)--> out
 *
 * Positions are lower bounds: more may have come with a page, or while we leave, from one that then
 * crashed and lost it.  So we also go only after comparing with all, as they are now.
 */
#include "replication/gossip_internal.h"

#define LEAVE_SETTLE_US (500 * MS_US) /* until what was begun is committed */
#define LEAVE_ANSWER_US (5000 * MS_US)

enum status gossip_leave(struct gossip *gossip, struct gossip_time now)
{
    if (gossip->is_leaving)
        return STATUS_OK;
    if (members_in_count(gossip) <= 1)
        return STATUS_NOT_FOUND;
    gossip->is_leaving = true;
    gossip->leaving_since_us = now.monotonic_us;
    gossip_update_gate(gossip, now);
    return STATUS_OK;
}

static bool holds_all(const struct gossip *gossip, const struct peer *peer)
{
    for (size_t i = 0; i < gossip->leave_held.count; i++) {
        const struct origin_position *ours = &gossip->leave_held.at[i];
        const struct origin_position *theirs;

        if (horizon_is_sealed(gossip, ours->node_id, ours->incarnation))
            continue;
        theirs = positions_find(&peer->announced, ours->node_id, ours->incarnation);
        if (theirs == NULL || theirs->position < ours->position)
            return false;
    }
    return peer->has_announced;
}

/* Does every member say that it holds, on disk, what was held here when we stopped?  That is what
 * was written here, in this incarnation and in those before it, and what others wrote and nobody
 * else may have. */
static bool has_everybody_mine(const struct gossip *gossip)
{
    size_t holding = 0;

    for (size_t i = 0; i < gossip->peer_count; i++)
        if (members_is_in(gossip, gossip->peers[i]->node_id))
            holding += holds_all(gossip, gossip->peers[i]);
    return holding > 0 && holding + 1 == members_in_count(gossip) &&
           horizon_has_covered_all(gossip);
}

/* It is enough that one of them knows: members tell each other.  The answer may be lost, and later
 * hellos are refused. */
void leaving_tick(struct gossip *gossip, struct gossip_time now)
{
    if (!gossip->is_leaving || gossip->is_out || !gossip->is_last_own_known ||
        now.monotonic_us - gossip->leaving_since_us < LEAVE_SETTLE_US)
        return;
    if (gossip->leave_told_us > 0) {
        gossip->is_out = now.monotonic_us - gossip->leave_told_us > LEAVE_ANSWER_US;
        return;
    }
    if (gossip->leave_held.count == 0)
        positions_copy(&gossip->leave_held, &gossip->held);
    if (!has_everybody_mine(gossip))
        return;
    gossip->leave_told_us = now.monotonic_us;
    members_remove(gossip, now, gossip->node_id, "it has left");
}
