/* describe.c - how this node is among its replicas, for those who look. */
#include "replication/gossip_internal.h"

static int64_t lag_ms(const struct gossip *gossip, struct gossip_time now, const struct peer *peer)
{
    uint64_t held = gossip_position(gossip, peer->node_id, peer->incarnation);
    int64_t lag;

    if (peer->is_linked && held >= peer->closed)
        return 0;
    if (held == 0 && peer->start == 0)
        return -1;
    lag = wall_ms(now) - stamp_wall_ms(held > peer->start ? held : peer->start);
    return lag > 0 ? lag : 0;
}

static void describe_peer(const struct gossip *gossip, struct gossip_time now,
                          const struct peer *peer, struct gossip_peer *out)
{
    *out = (struct gossip_peer){
        .node_id = peer->node_id,
        .state = (peer->flags & BEAT_IS_STALE) != 0  ? PEER_STALE
                 : peer->is_linked && peer->has_beat ? PEER_UP
                                                     : PEER_DOWN,
        .rtt_us = peer->clock.rtt_us,
        .offset_us = peer->clock.offset_us,
        .lag_ms = lag_ms(gossip, now, peer),
        .equal_age_ms = peer->equal_us < 0 ? -1 : (now.monotonic_us - peer->equal_us) / 1000,
        .differences = peer->differences,
        .compared_bytes = comparer_bytes(gossip->comparer, peer->node_id),
        .applied = peer->out.acked,
    };
    gossip_copy_address(out->address, peer->address);
}

/* Members, and who may become one; not who has left, though its process may still be there. */
static bool is_shown(const struct gossip *gossip, const struct peer *peer)
{
    const struct member *member = members_find(gossip, peer->node_id);

    return member == NULL ? peer->is_linked : member->state == MEMBER_IN;
}

void gossip_status(const struct gossip *gossip, struct gossip_time now,
                   struct gossip_status *status)
{
    *status = (struct gossip_status){.gate = gossip->gate,
                                     .is_out = gossip->is_out,
                                     .horizon = gossip->horizon_saved,
                                     .watermark = gossip->watermark,
                                     .incarnation = gossip->incarnation,
                                     .member_count = members_in_count(gossip),
                                     .pushed_records_bytes = gossip->pushed_bytes,
                                     .compares = (int64_t)gossip->compares,
                                     .compares_equal = (int64_t)gossip->compares_equal,
                                     .load_pages = gossip->load.pages};
    for (size_t i = 0; i < gossip->peer_count; i++)
        if (is_shown(gossip, gossip->peers[i]))
            describe_peer(gossip, now, gossip->peers[i], &status->peers[status->peer_count++]);
}

uint64_t gossip_position(const struct gossip *gossip, uint64_t node_id, uint32_t incarnation)
{
    const struct origin_position *origin = positions_find(&gossip->held, node_id, incarnation);

    return origin != NULL ? origin->position : 0;
}
