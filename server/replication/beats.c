/* beats.c - how everybody is: clocks, positions, flags; said several times a second.
 *
 * Clock offsets are measured as in NTP (RFC 5905): four readings of two clocks, from a beat and the
 * one that answers it; of the samples of the last seconds the one with the shortest round trip
 * holds.  Whether this node's own clock is off is told by the median of all offsets and its own 0:
 * with two peers of which one is wrong, the median is right.
 */
#include <stdlib.h>

#include "replication/gossip_internal.h"

#define BEAT_ACTIVE_US (200 * MS_US)
#define BEAT_IDLE_US   (500 * MS_US)
#define BEAT_EARLY_US  (10 * MS_US)   /* a tick may come so much before its time */
#define VECTOR_US      (5000 * MS_US) /* the vector is repeated so often, for what was lost */
#define BEHIND_MS      1000           /* between comparisons because a third one is ahead */
#define BEHIND_US      (BEHIND_MS * MS_US)
#define SECOND_MS      1000
#define TRUSTED_RTT_US (1000 * MS_US)
#define SAMPLE_US      (15000 * MS_US)

/* ---------- saying ---------- */

static uint8_t own_flags(const struct gossip *gossip)
{
    return (uint8_t)((gossip->host->is_blank(gossip->host->context) ? BEAT_IS_BLANK : 0) |
                     (gossip->load.step != LOAD_NONE ? BEAT_IS_LOADING : 0) |
                     (gossip->is_stale ? BEAT_IS_STALE : 0) |
                     (gossip->is_leaving ? BEAT_IS_LEAVING : 0) |
                     (members_is_forming(gossip) ? BEAT_IS_FORMING : 0) |
                     (gossip->host->wants_horizon(gossip->host->context) ? BEAT_WANTS_HORIZON : 0));
}

static uint64_t position_of(const struct gossip *gossip, uint64_t node_id, uint32_t incarnation,
                            uint64_t otherwise)
{
    const struct origin_position *origin = positions_find(&gossip->held, node_id, incarnation);

    return origin != NULL ? origin->position : otherwise;
}

/* An empty push, if all that was written was pushed: the peer's position may follow the clock. */
static void add_closed(const struct gossip *gossip, const struct peer *peer, struct beat *beat)
{
    uint64_t own = position_of(gossip, gossip->node_id, gossip->incarnation, gossip->start);

    beat->push_from = beat->closed = peer->out.sent;
    if (peer->out.sent > 0 && own > peer->out.sent && gossip_may_exchange(gossip, peer)) {
        uint64_t to = peer->out.sent, cut = 0;
        struct buffer nothing = {0};

        if (gossip->host->read_log(gossip->host->context, peer->out.sent, 1, &nothing, &to, &cut) &&
            to == peer->out.sent)
            beat->closed = own;
        buffer_clear(&nothing);
    }
}

/* What is announced, and what is sealed: a peer that missed when all said the same can't see it any
 * more, and has to be told. */
static struct origin_position *said_vector(const struct gossip *gossip, size_t *count)
{
    const struct positions *announced = &gossip->announced;
    struct origin_position *vector =
        xcalloc(announced->count + gossip->sealed_count + 1, sizeof *vector);

    *count = announced->count + gossip->sealed_count;
    for (size_t i = 0; i < announced->count; i++)
        vector[i] = announced->at[i];
    for (size_t i = 0; i < gossip->sealed_count; i++)
        vector[announced->count + i] =
            (struct origin_position){.node_id = gossip->sealed[i].node_id,
                                     .incarnation = gossip->sealed[i].incarnation,
                                     .is_closed = true,
                                     .position = POSITION_SEALED};
    return vector;
}

static bool is_vector_due(const struct gossip *gossip, struct gossip_time now,
                          const struct peer *peer)
{
    return gossip->load.step == LOAD_NONE && gossip->announced.count > 0 &&
           (peer->vector_revision != gossip->vector_revision ||
            now.monotonic_us - peer->vector_sent_us > VECTOR_US);
}

void beats_send(struct gossip *gossip, struct gossip_time now, struct peer *peer)
{
    bool has_vector = is_vector_due(gossip, now, peer);
    struct beat beat = {
        .sent_us = now.wall_us,
        .echo_us = peer->has_beat ? peer->beat_sent_us : 0,
        .echo_arrive_us = peer->has_beat ? peer->beat_arrived_us : 0,
        .incarnation = gossip->incarnation,
        .start = gossip->start,
        .applied = position_of(gossip, peer->node_id, peer->incarnation, peer->start),
        .horizon = gossip->horizon_saved,
        .members_hash = gossip->members_hash_saved,
        .flags = own_flags(gossip),
        .has_vector = has_vector,
    };

    add_closed(gossip, peer, &beat);
    if (has_vector) {
        beat.vector = said_vector(gossip, &beat.vector_count);
        peer->vector_revision = gossip->vector_revision;
        peer->vector_sent_us = now.monotonic_us;
    }
    peer->beat_said_us = now.monotonic_us;
    gossip_send(gossip, peer->node_id, &(struct message){.kind = MESSAGE_BEAT, .beat = beat});
    free(beat.vector);
}

/* Time is cut into slots, the same for all peers, with a beat in each: so they leave together. */
static bool is_due(struct gossip_time now, const struct peer *peer, int64_t slot_us)
{
    return (now.monotonic_us + BEAT_EARLY_US) / slot_us !=
           (peer->beat_said_us + BEAT_EARLY_US) / slot_us;
}

bool beats_are_wanted(const struct gossip *gossip)
{
    for (size_t i = 0; i < gossip->peer_count; i++)
        if (gossip->peers[i]->is_linked && gossip->peers[i]->beat_said_us == 0)
            return true;
    return false;
}

void beats_tick(struct gossip *gossip, struct gossip_time now)
{
    int64_t slot_us = now.monotonic_us < gossip->active_until_us ? BEAT_ACTIVE_US : BEAT_IDLE_US;

    for (size_t i = 0; i < gossip->peer_count; i++) {
        struct peer *peer = gossip->peers[i];

        if (peer->is_linked && is_due(now, peer, slot_us))
            beats_send(gossip, now, peer);
    }
}

/* ---------- clocks ---------- */

static void sample_clock(struct gossip_time now, struct peer *peer, const struct beat *beat)
{
    struct clock_estimate *clock = &peer->clock;
    int64_t rtt_us = (now.wall_us - beat->echo_us) - (beat->sent_us - beat->echo_arrive_us);
    int64_t offset_us =
        ((beat->echo_arrive_us - beat->echo_us) + (beat->sent_us - now.wall_us)) / 2;

    if (beat->echo_us == 0 || rtt_us < 0)
        return;
    if (clock->is_known && rtt_us > clock->rtt_us && now.monotonic_us - clock->at_us < SAMPLE_US)
        return;
    *clock = (struct clock_estimate){offset_us, rtt_us, now.monotonic_us, true};
}

/* A reading younger than the last jump of our clock, and good enough to judge by. */
static void confirm_clock(struct gossip *gossip, struct gossip_time now, const struct peer *peer)
{
    const struct clock_estimate *clock = &peer->clock;

    if (clock->is_known && clock->at_us == now.monotonic_us && clock->rtt_us < TRUSTED_RTT_US &&
        llabs(clock->offset_us) <= gossip->skew_max_ms * MS_US)
        gossip->jumped_us = 0;
}

void beats_clock_jumped(struct gossip *gossip, int64_t by_us)
{
    for (size_t i = 0; i < gossip->peer_count; i++) {
        gossip->peers[i]->clock.offset_us -= by_us;
        gossip->peers[i]->clock.at_us = INT64_MIN / 2; /* the next reading is better */
        gossip->peers[i]->beat_arrived_us += by_us;
    }
}

bool beats_agree(const struct gossip *gossip)
{
    for (size_t i = 0; i < gossip->peer_count; i++) {
        const struct peer *peer = gossip->peers[i];

        if (peer->is_linked && peer->clock.is_known &&
            llabs(peer->clock.offset_us) <= gossip->skew_max_ms * MS_US)
            return true;
    }
    return false;
}

static int by_size(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return a < b ? -1 : a > b;
}

bool beats_is_skewed(const struct gossip *gossip)
{
    int64_t offsets[GOSSIP_PEERS_MAX + 1] = {0}; /* the first is our own */
    size_t count = 1;
    int64_t median;

    for (size_t i = 0; i < gossip->peer_count; i++)
        if (gossip->peers[i]->is_linked && gossip->peers[i]->clock.is_known)
            offsets[count++] = gossip->peers[i]->clock.offset_us;
    if (count < 3)
        return false;
    qsort(offsets, count, sizeof offsets[0], by_size);
    median =
        count % 2 != 0 ? offsets[count / 2] : (offsets[count / 2 - 1] + offsets[count / 2]) / 2;
    return llabs(median) > gossip->skew_max_ms * MS_US;
}

/* ---------- hearing ---------- */

static void take_vector(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                        const struct beat *beat)
{
    struct positions said = {xcalloc(beat->vector_count + 1, sizeof *said.at), 0,
                             beat->vector_count + 1};

    for (size_t i = 0; i < beat->vector_count; i++)
        if (beat->vector[i].position == POSITION_SEALED)
            horizon_seal(gossip, beat->vector[i].node_id, beat->vector[i].incarnation);
        else
            said.at[said.count++] = beat->vector[i];
    positions_clear(&peer->announced);
    peer->announced = said;
    peer->has_announced = true;
    peer->announced_among = beat->members_hash;
    horizon_learn(gossip, said.at, said.count);
    horizon_heard(gossip, now, peer);
}

/* It holds what we don't, and pushes would have brought it by now. */
static bool is_behind(const struct gossip *gossip, struct gossip_time now, const struct peer *peer)
{
    uint64_t old = stamp_of_wall_ms(wall_ms(now) - COMPARE_CUTOFF_MS);

    for (size_t i = 0; i < peer->announced.count; i++) {
        const struct origin_position *theirs = &peer->announced.at[i];
        uint64_t needed = theirs->position < old ? theirs->position : old;

        if (horizon_is_sealed(gossip, theirs->node_id, theirs->incarnation) ||
            (theirs->node_id == gossip->node_id && theirs->incarnation == gossip->incarnation))
            continue;
        if (position_of(gossip, theirs->node_id, theirs->incarnation, theirs->start) < needed)
            return true;
    }
    return false;
}

static int64_t since_equal_us(struct gossip_time now, const struct peer *peer)
{
    return peer->equal_us < 0 ? INT64_MAX : now.monotonic_us - peer->equal_us;
}

/* Of two that meet one compares first: the other then finds nothing left. */
static int64_t turn_ms(const struct gossip *gossip, const struct peer *peer)
{
    return gossip->node_id < peer->node_id ? 0 : SECOND_MS;
}

bool beats_has_history(const struct peer *peer)
{
    return (peer->flags & BEAT_IS_BLANK) == 0 || peer->horizon > 0;
}

/* A member that has nothing yet, and meets one that has. */
static bool is_loadable(const struct gossip *gossip, const struct peer *peer)
{
    return !gossip->is_loaded_before && beats_has_history(peer) &&
           gossip->host->is_blank(gossip->host->context);
}

static void take_closed(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                        const struct beat *beat)
{
    struct origin_position *origin;

    peer->closed = beat->closed;
    if (beat->closed > newest_believed(gossip, now) || beat->closed <= beat->push_from ||
        (gossip->horizon > 0 && !beats_has_history(peer)))
        return; /* a new one claims nothing before it has loaded */
    origin = horizon_origin(gossip, peer->node_id, beat->incarnation, beat->start);
    if (origin != NULL && !origin->is_closed)
        (void)push_note_held(gossip, now, peer, origin, beat->push_from, beat->closed, false);
}

static void remember(struct gossip_time now, struct peer *peer, const struct beat *beat)
{
    peer->flags = beat->flags;
    peer->members_hash = beat->members_hash;
    peer->beat_sent_us = beat->sent_us;
    peer->beat_arrived_us = now.wall_us;
    if (beat->has_vector)
        peer->horizon = beat->horizon;
}

void beats_received(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                    const struct beat *beat)
{
    bool is_first = !peer->has_beat;
    bool was_away = (peer->flags & (BEAT_IS_LOADING | BEAT_IS_STALE)) != 0;

    if (beat->incarnation != peer->incarnation)
        return;
    sample_clock(now, peer, beat);
    confirm_clock(gossip, now, peer);
    remember(now, peer, beat);
    peer->has_beat = true;
    if (is_first && beat->horizon <= newest_believed(gossip, now))
        peer->horizon = beat->horizon;
    if (!members_admit(gossip, peer))
        return;
    if (is_first && is_loadable(gossip, peer))
        load_want(gossip, now);
    if (beat->has_vector)
        take_vector(gossip, now, peer, beat);
    if (is_first || (was_away && gossip_may_exchange(gossip, peer))) {
        push_start(gossip, now, peer, beat->applied);
        gossip_compare_soon(peer, now, turn_ms(gossip, peer));
    }
    push_acked(gossip, now, peer, beat->applied);
    if (gossip_may_exchange(gossip, peer))
        take_closed(gossip, now, peer, beat);
    if (is_behind(gossip, now, peer))
        gossip_compare_soon(
            peer, now, since_equal_us(now, peer) > BEHIND_US ? turn_ms(gossip, peer) : BEHIND_MS);
    if (is_first)
        beats_send(gossip, now, peer);
    gossip_update_gate(gossip, now);
}
