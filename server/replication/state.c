/* state.c - what of gossip is saved, as one blob:
 *
 *     version u8 = 1, incarnation u32, start u64, horizon u64, flags u8,
 *     members: count varint, entries; held: positions; sealed: count varint, (node u64, inc u32)
 *     reached: count varint, hashes u64 of the configured addresses that answered once
 */
#include <string.h>

#include "base/hash.h"
#include "base/wire.h"
#include "replication/gossip_internal.h"

#define STATE_VERSION 1
#define STATE_OUT     0x01
#define STATE_STALE   0x02
#define STATE_LOADING 0x04

#define SAVE_URGENT_US      (50 * MS_US)
#define SAVE_PERIOD_US      (400 * MS_US)
#define SAVE_LAZY_PERIOD_US (10000 * MS_US)

static uint8_t flags_of(const struct gossip *gossip)
{
    bool is_loading = gossip->load.step != LOAD_NONE && gossip->load.step != LOAD_FINISHING;

    return (uint8_t)((gossip->is_out ? STATE_OUT : 0) | (gossip->is_stale ? STATE_STALE : 0) |
                     (is_loading ? STATE_LOADING : 0));
}

static void encode_members(const struct gossip *gossip, struct buffer *out)
{
    wire_put_varint(out, gossip->member_count);
    for (size_t i = 0; i < gossip->member_count; i++) {
        const struct member *member = &gossip->members[i];

        member_encode(out, &(struct member_entry){.node_id = member->node_id,
                                                  .incarnation = member->incarnation,
                                                  .start = member->start,
                                                  .state = member->state,
                                                  .address = bytes_of(member->address)});
    }
}

static void encode_reached(const struct gossip *gossip, struct buffer *out)
{
    size_t count = 0;

    for (size_t i = 0; i < gossip->configured_count; i++)
        count += gossip->is_reached[i];
    wire_put_varint(out, count);
    for (size_t i = 0; i < gossip->configured_count; i++)
        if (gossip->is_reached[i])
            wire_put_u64(out, hash_content(bytes_of(gossip->configured[i])));
}

void state_encode(struct gossip *gossip, struct buffer *out)
{
    out->size = 0;
    buffer_append_byte(out, STATE_VERSION);
    wire_put_u32(out, gossip->incarnation);
    wire_put_u64(out, gossip->start);
    wire_put_u64(out, gossip->horizon);
    buffer_append_byte(out, (char)flags_of(gossip));
    encode_members(gossip, out);
    positions_encode(out, gossip->held.at, gossip->held.count);
    wire_put_varint(out, gossip->sealed_count);
    for (size_t i = 0; i < gossip->sealed_count; i++) {
        wire_put_u64(out, gossip->sealed[i].node_id);
        wire_put_u32(out, gossip->sealed[i].incarnation);
    }
    encode_reached(gossip, out);
}

static bool decode_members(struct gossip *gossip, struct bytes *from)
{
    uint64_t count;

    if (!wire_read_varint(from, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        struct member_entry entry;

        if (member_decode(from, &entry) != STATUS_OK)
            return false;
        (void)members_put(gossip, &entry);
    }
    return true;
}

static bool decode_held(struct gossip *gossip, struct bytes *from)
{
    struct positions *held = &gossip->held;

    if (positions_decode(from, &held->at, &held->count) != STATUS_OK)
        return false;
    held->capacity = held->count;
    return true;
}

static bool decode_sealed(struct gossip *gossip, struct bytes *from)
{
    uint64_t count;

    if (!wire_read_varint(from, &count) || count > from->size / 12)
        return false;
    gossip->sealed = xcalloc(count + 1, sizeof *gossip->sealed);
    gossip->sealed_capacity = count + 1;
    for (; gossip->sealed_count < count; gossip->sealed_count++) {
        gossip->sealed[gossip->sealed_count].node_id = wire_take_u64(from);
        gossip->sealed[gossip->sealed_count].incarnation = wire_take_u32(from);
    }
    return true;
}

static bool decode_reached(struct gossip *gossip, struct bytes *from)
{
    uint64_t count, hash;

    if (!wire_read_varint(from, &count))
        return false;
    for (uint64_t n = 0; n < count; n++) {
        if (!wire_read_u64(from, &hash))
            return false;
        for (size_t i = 0; i < gossip->configured_count; i++)
            gossip->is_reached[i] |= hash_content(bytes_of(gossip->configured[i])) == hash;
    }
    return true;
}

enum status state_decode(struct gossip *gossip, struct bytes state)
{
    uint8_t version, flags;

    if (!wire_read_u8(&state, &version) || version != STATE_VERSION ||
        !wire_read_u32(&state, &gossip->incarnation) || !wire_read_u64(&state, &gossip->start) ||
        !wire_read_u64(&state, &gossip->horizon) || !wire_read_u8(&state, &flags) ||
        !decode_members(gossip, &state) || !decode_held(gossip, &state) ||
        !decode_sealed(gossip, &state) || !decode_reached(gossip, &state))
        return STATUS_CORRUPT;
    gossip->is_out = (flags & STATE_OUT) != 0;
    gossip->is_stale = (flags & STATE_STALE) != 0;
    if (flags & STATE_LOADING)
        gossip->load.step = LOAD_WANTED;
    return STATUS_OK;
}

/* One at a time; what is announced is what it says, once it is on disk (G2). */
void state_save(struct gossip *gossip)
{
    struct buffer state = {0};

    if (gossip->save_token != 0) {
        gossip->is_save_wanted = true;
        return;
    }
    gossip->is_save_wanted = false;
    gossip->is_changed = false;
    gossip->save_token = gossip_new_token(gossip);
    gossip->horizon_saving = gossip->horizon;
    gossip->members_hash_saving = gossip->members_hash;
    positions_copy(&gossip->saving, &gossip->held);
    horizon_mask_closed(gossip, &gossip->saving);
    gossip->load.is_saving = gossip->load.step == LOAD_FINISHING;
    state_encode(gossip, &state);
    gossip->host->save(gossip->host->context, gossip->save_token, buffer_view(&state));
    buffer_clear(&state);
}

/* A new node waits to hear that all know it. */
static void announce_members(struct gossip *gossip, struct gossip_time now)
{
    if (gossip->members_hash_saved == gossip->members_hash_saving)
        return;
    gossip->members_hash_saved = gossip->members_hash_saving;
    for (size_t i = 0; i < gossip->peer_count; i++)
        if (gossip->peers[i]->is_linked)
            beats_send(gossip, now, gossip->peers[i]);
}

void gossip_saved(struct gossip *gossip, struct gossip_time now, uint64_t token, bool is_saved)
{
    if (token != gossip->save_token)
        return;
    gossip->save_token = 0;
    gossip->saved_us = now.monotonic_us;
    if (!is_saved) {
        gossip->is_save_wanted = true;
        return;
    }
    if (!gossip->is_ready) {
        gossip->is_ready = true;
        gossip_update_targets(gossip);
    }
    announce_members(gossip, now);
    load_saved(gossip);
    if (gossip->load.step == LOAD_FINISHING && !gossip->load.is_saving)
        state_save(gossip); /* what was on its way when all pages had come was older */
    if (gossip->load.step == LOAD_NONE) {
        positions_copy(&gossip->announced, &gossip->saving);
        gossip->vector_revision++;
    }
    if (gossip->horizon_saving > gossip->horizon_saved) {
        gossip->horizon_saved = gossip->horizon_saving;
        gossip->host->set_horizon(gossip->host->context, gossip->horizon_saved);
    }
}

/* It waits until all others have what it holds, on disk. */
static bool is_anybody_leaving(const struct gossip *gossip)
{
    for (size_t i = 0; i < gossip->peer_count; i++)
        if (gossip->peers[i]->is_linked && (gossip->peers[i]->flags & BEAT_IS_LEAVING) != 0)
            return true;
    return gossip->is_leaving;
}

/* Positions are saved when somebody waits for them to be announced, or else now and then. */
void state_tick(struct gossip *gossip, struct gossip_time now)
{
    int64_t age_us = now.monotonic_us - gossip->saved_us;
    bool is_waited_for = horizon_is_waited_for(gossip) || is_anybody_leaving(gossip);

    if (gossip->save_token != 0)
        return;
    if (gossip->is_save_wanted && (age_us >= SAVE_URGENT_US || !gossip->is_ready))
        state_save(gossip);
    else if (gossip->is_changed && age_us >= (is_waited_for ? SAVE_PERIOD_US : SAVE_LAZY_PERIOD_US))
        state_save(gossip);
}
