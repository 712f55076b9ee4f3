#include "commands/figures.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "replication/version.h"
#include "store/replica.h"

static void add(struct figures *figures, const char *name, int64_t number)
{
    assert(figures->count < FIGURES_MAX);
    figures->at[figures->count++] = (struct figure){name, NULL, number};
}

static void add_text(struct figures *figures, const char *name, const char *text)
{
    assert(figures->count < FIGURES_MAX);
    figures->at[figures->count++] = (struct figure){name, text, 0};
}

static void begin(struct figures *figures, const char *name, uint64_t node_id)
{
    figures->count = 0;
    (void)snprintf(figures->id, sizeof figures->id, "%016" PRIx64, node_id);
    add_text(figures, name, figures->id);
}

static const char *state_of(const struct services *services, const struct cluster_status *status)
{
    static const char *const names[] = {
        [GATE_OPEN] = "open",   [GATE_WAIT] = "waiting",    [GATE_SKEW] = "clock-skew",
        [GATE_STALE] = "stale", [GATE_LEAVING] = "leaving", [GATE_LOADING] = "loading",
    };

    if (services->cluster == NULL)
        return "off";
    return status->gossip.is_out && status->gossip.gate == GATE_LEAVING
               ? "left"
               : names[status->gossip.gate];
}

/* How far a stamp lies back.  0 = there is none yet, UINT64_MAX = nothing is waited for. */
static int64_t age_ms(const struct services *services, uint64_t stamp)
{
    int64_t age = clock_wall_ms(services->clock) - stamp_wall_ms(stamp);

    if (stamp == 0)
        return -1;
    return stamp == UINT64_MAX || age < 0 ? 0 : age;
}

void figures_of_node(const struct services *services, const struct cluster_status *status,
                     struct figures *figures)
{
    const struct gossip_status *gossip = &status->gossip;
    bool is_alone = services->cluster == NULL;

    begin(figures, "node_id", store_node_id(services->store));
    add_text(figures, "gossip_state", state_of(services, status));
    add(figures, "incarnation", gossip->incarnation);
    add(figures, "members", is_alone ? 1 : (int64_t)gossip->member_count);
    add(figures, "peers", (int64_t)gossip->peer_count);
    add(figures, "tombstones", store_buried_count(services->store));
    add(figures, "horizon_age_ms", age_ms(services, store_horizon(services->store)));
    add(figures, "watermark_age_ms", age_ms(services, is_alone ? UINT64_MAX : gossip->watermark));
    add(figures, "digest_mismatches", status->digest_mismatches);
    add(figures, "compares", gossip->compares);
    add(figures, "merged_records", status->merged_records);
    add(figures, "merge_conflicts", status->merge_conflicts);
    add(figures, "pushed_bytes", gossip->pushed_records_bytes);
    add(figures, "loaded_pages", gossip->load_pages);
    add(figures, "feed_bytes", status->feed_bytes);
    add(figures, "digest_bytes", status->digest_bytes);
    add(figures, "dirty_leaves", status->dirty_leaves);
}

void figures_of_peer(const struct cluster_peer *peer, struct figures *figures)
{
    static const char *const states[] = {
        [PEER_UP] = "up", [PEER_DOWN] = "down", [PEER_STALE] = "stale"};
    const struct gossip_peer *gossip = &peer->gossip;

    begin(figures, "id", gossip->node_id);
    add_text(figures, "addr", gossip->address);
    add_text(figures, "state", states[gossip->state]);
    add(figures, "rtt_us", gossip->rtt_us);
    add(figures, "offset_ms", gossip->offset_us / 1000);
    add(figures, "lag_ms", gossip->lag_ms);
    add(figures, "equal_age_ms", gossip->equal_age_ms);
    add(figures, "diffs", gossip->differences);
    add(figures, "bytes_in", peer->bytes_in);
    add(figures, "bytes_out", peer->bytes_out);
    add(figures, "compared_bytes", gossip->compared_bytes);
}
