/* members.c - who belongs to the cluster.
 *
 * Each node keeps a table of members, and the tables are joined whenever two differ: a member that
 * is out stays out, and what a node says of itself in its newest incarnation holds.  So it does not
 * matter in which order joins and removals become known.
 *
 * A node that nobody knows is admitted if it is blank, or if nobody has forgotten any delete yet
 * (the horizon of both sides is 0): then two sets of records merge as any two replicas do.  Else
 * its records could be ones that were deleted here, or ours there.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "replication/gossip_internal.h"

#define REMOVED "it was removed from the cluster; wipe its data to join anew"

#define MEMBERS_SEND_US   (200 * MS_US)
#define MEMBERS_REPEAT_US (2000 * MS_US)
#define REPLACED_AFTER_US (1000 * MS_US) /* unreachable for so long */

/* ---------- the table ---------- */

struct member *members_find(const struct gossip *gossip, uint64_t node_id)
{
    for (size_t i = 0; i < gossip->member_count; i++)
        if (gossip->members[i].node_id == node_id)
            return &gossip->members[i];
    return NULL;
}

bool members_is_in(const struct gossip *gossip, uint64_t node_id)
{
    const struct member *member = members_find(gossip, node_id);

    return member != NULL && member->state == MEMBER_IN;
}

static bool is_out(const struct gossip *gossip, uint64_t node_id)
{
    const struct member *member = members_find(gossip, node_id);

    return member != NULL && member->state == MEMBER_OUT;
}

size_t members_in_count(const struct gossip *gossip)
{
    size_t count = 0;

    for (size_t i = 0; i < gossip->member_count; i++)
        count += gossip->members[i].state == MEMBER_IN;
    return count;
}

static struct member_entry entry_of(const struct member *member)
{
    return (struct member_entry){.node_id = member->node_id,
                                 .incarnation = member->incarnation,
                                 .start = member->start,
                                 .state = member->state,
                                 .address = bytes_of(member->address)};
}

static uint64_t hash_table(struct gossip *gossip)
{
    gossip->body.size = 0;
    for (size_t i = 0; i < gossip->member_count; i++) {
        struct member_entry entry = entry_of(&gossip->members[i]);

        member_encode(&gossip->body, &entry);
    }
    return hash_content(buffer_view(&gossip->body));
}

/* Each member has a peer, met or not: it is waited for, and shown. */
static void meet_members(struct gossip *gossip)
{
    for (size_t i = 0; i < gossip->member_count; i++) {
        const struct member *member = &gossip->members[i];
        struct peer *peer;

        if (member->state != MEMBER_IN || member->node_id == gossip->node_id ||
            gossip_find_peer(gossip, member->node_id) != NULL)
            continue;
        peer = gossip_peer_for(gossip, member->node_id);
        if (peer == NULL)
            continue;
        peer->incarnation = member->incarnation;
        peer->start = member->start;
        peer->down_since_us = gossip->last_tick.monotonic_us;
        memcpy(peer->address, member->address, sizeof peer->address);
    }
}

void members_changed(struct gossip *gossip)
{
    meet_members(gossip);
    gossip->members_hash = hash_table(gossip);
    gossip->members_changed_us = gossip->last_tick.monotonic_us;
    gossip->is_save_wanted = true;
    horizon_learn_all(gossip);
    gossip_update_targets(gossip);
}

static struct member *insert(struct gossip *gossip, uint64_t node_id)
{
    size_t at = 0;

    gossip->members = xgrow(gossip->members, gossip->member_count, &gossip->member_capacity,
                            sizeof *gossip->members);
    while (at < gossip->member_count && gossip->members[at].node_id < node_id)
        at++;
    memmove(&gossip->members[at + 1], &gossip->members[at],
            (gossip->member_count - at) * sizeof *gossip->members);
    gossip->members[at] = (struct member){.node_id = node_id};
    gossip->member_count++;
    return &gossip->members[at];
}

static bool set_address(struct member *member, struct bytes address)
{
    if (address.size == 0 || address.size >= sizeof member->address ||
        bytes_equal(address, bytes_of(member->address)))
        return false;
    memcpy(member->address, address.data, address.size);
    member->address[address.size] = '\0';
    return true;
}

/* The same incarnation never changes its address: so tables that say different things of it don't
 * go on correcting each other. */
bool members_put(struct gossip *gossip, const struct member_entry *entry)
{
    struct member *member = members_find(gossip, entry->node_id);
    bool is_new = member == NULL;
    bool has_changed = is_new;

    if (is_new)
        member = insert(gossip, entry->node_id);
    if (is_new || entry->incarnation > member->incarnation) {
        member->incarnation = entry->incarnation;
        member->start = entry->start;
        (void)set_address(member, entry->address);
        has_changed = true;
    } else if (entry->incarnation == member->incarnation) {
        has_changed = entry->start > member->start;
        if (has_changed)
            member->start = entry->start;
        if (member->address[0] == '\0')
            has_changed |= set_address(member, entry->address);
    }
    if (entry->state == MEMBER_OUT && member->state != MEMBER_OUT) {
        member->state = MEMBER_OUT;
        has_changed = true;
    }
    return has_changed;
}

void members_remove(struct gossip *gossip, struct gossip_time now, uint64_t node_id,
                    const char *why)
{
    struct member *member = members_find(gossip, node_id);

    if (member == NULL || member->state == MEMBER_OUT)
        return;
    member->state = MEMBER_OUT;
    gossip_say(gossip, true, "The replica %016llx (%s) is no member of the cluster any more: %s.",
               (unsigned long long)node_id, member->address, why);
    for (size_t i = 0; i < gossip->peer_count; i++) /* before links are given up */
        if (gossip->peers[i]->is_linked)
            members_send(gossip, now, gossip->peers[i]->node_id);
    members_changed(gossip);
    gossip->host->drop_links(gossip->host->context, node_id, REMOVED);
}

/* ---------- telling each other ---------- */

/* A node that answers at the address of a member which is not to be reached has taken its place: it
 * was wiped, and has a new id.  It is a member itself by then: else a crash could keep the removal
 * and not the new one, whose data would no more be waited for. */
bool members_is_replaced(const struct gossip *gossip, struct gossip_time now,
                         const struct member *member)
{
    const struct peer *lost = gossip_find_peer(gossip, member->node_id);

    if (member->state != MEMBER_IN || member->node_id == gossip->node_id ||
        member->address[0] == '\0')
        return false;
    if (lost != NULL &&
        (lost->is_linked || now.monotonic_us - lost->down_since_us < REPLACED_AFTER_US))
        return false;
    if (strcmp(member->address, gossip->address) == 0)
        return true;
    for (size_t i = 0; i < gossip->peer_count; i++) {
        const struct peer *peer = gossip->peers[i];

        if (peer->is_linked && peer->node_id != member->node_id &&
            members_is_in(gossip, peer->node_id) && strcmp(peer->address, member->address) == 0)
            return true;
    }
    return false;
}

void members_send(struct gossip *gossip, struct gossip_time now, uint64_t node_id)
{
    struct peer *peer = gossip_find_peer(gossip, node_id);
    struct member_entry *entries = xcalloc(gossip->member_count, sizeof *entries);
    uint64_t *replaced = xcalloc(gossip->member_count, sizeof *replaced);
    size_t replaced_count = 0;

    for (size_t i = 0; i < gossip->member_count; i++) {
        entries[i] = entry_of(&gossip->members[i]);
        if (members_is_replaced(gossip, now, &gossip->members[i]))
            replaced[replaced_count++] = gossip->members[i].node_id;
    }
    if (peer != NULL)
        peer->members_sent_us = now.monotonic_us;
    gossip_send(gossip, node_id,
                &(struct message){.kind = MESSAGE_MEMBERS,
                                  .members = {.entries = entries,
                                              .count = gossip->member_count,
                                              .replaced = replaced,
                                              .replaced_count = replaced_count}});
    free(entries);
    free(replaced);
}

static void keep_votes(struct peer *peer, const struct members *members)
{
    free(peer->agrees);
    peer->agree_count = members->replaced_count;
    peer->agrees = xcalloc(peer->agree_count + 1, sizeof *peer->agrees);
    if (peer->agree_count > 0)
        memcpy(peer->agrees, members->replaced, peer->agree_count * sizeof *peer->agrees);
}

/* Removed by the others: this node's data are out of step from here on. */
static void found_out(struct gossip *gossip, struct gossip_time now)
{
    if (gossip->is_out)
        return;
    gossip->is_out = true;
    if (!gossip->is_leaving)
        gossip_become_stale(gossip, now, "it was removed from the cluster");
}

/* Who removed it, or left, has said so in its own log. */
static void hear_removal(struct gossip *gossip, const struct peer *from,
                         const struct member_entry *entry)
{
    bool has_left = entry->node_id == from->node_id;

    gossip_say(gossip, false, "The replica %016llx (%.*s) %s.", (unsigned long long)entry->node_id,
               (int)entry->address.size, entry->address.data,
               has_left ? "has left the cluster" : "is no member of the cluster any more");
    if (!has_left)
        gossip->host->drop_links(gossip->host->context, entry->node_id, REMOVED);
}

void members_received(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                      const struct members *members)
{
    bool has_changed = false, has_left = false;

    keep_votes(peer, members);
    if (!members_is_in(gossip, peer->node_id))
        return;
    for (size_t i = 0; i < members->count; i++) {
        const struct member_entry *entry = &members->entries[i];
        bool was_in = members_is_in(gossip, entry->node_id);

        if (entry->start > newest_believed(gossip, now))
            continue;
        if (entry->node_id == gossip->node_id && entry->incarnation > gossip->incarnation)
            continue;
        has_changed |= members_put(gossip, entry);
        if (entry->state == MEMBER_OUT && entry->node_id == gossip->node_id)
            found_out(gossip, now);
        else if (was_in && !members_is_in(gossip, entry->node_id)) {
            hear_removal(gossip, peer, entry);
            has_left |= entry->node_id == peer->node_id;
        }
    }
    if (has_changed)
        members_changed(gossip);
    if (has_left)
        members_send(gossip, now, peer->node_id); /* it waits for somebody to know */
}

/* ---------- who may come in ---------- */

static void admit(struct gossip *gossip, struct peer *peer)
{
    struct member_entry entry = {.node_id = peer->node_id,
                                 .incarnation = peer->incarnation,
                                 .start = peer->start,
                                 .address = bytes_of(peer->address)};

    if (members_put(gossip, &entry)) {
        gossip_say(gossip, false, "The replica %016llx (%s) is a member of the cluster now.",
                   (unsigned long long)peer->node_id, peer->address);
        members_changed(gossip);
    }
    gossip_mark_reached(gossip, peer->address);
    gossip_mark_reached(gossip, peer->dialled);
}

bool members_admit(struct gossip *gossip, struct peer *peer)
{
    bool is_blank = gossip->host->is_blank(gossip->host->context);
    bool is_peer_blank = (peer->flags & BEAT_IS_BLANK) != 0;
    bool is_history_forgotten = gossip->horizon > 0 || peer->horizon > 0;

    if (is_out(gossip, peer->node_id)) { /* its link came up before that was known */
        if ((peer->flags & BEAT_IS_LEAVING) == 0)
            gossip->host->drop_links(gossip->host->context, peer->node_id, REMOVED);
        return false;
    }
    if (members_is_in(gossip, peer->node_id) || is_blank || is_peer_blank ||
        !is_history_forgotten) {
        admit(gossip, peer);
        return true;
    }
    gossip->host->drop_links(gossip->host->context, peer->node_id,
                             "both it and this node have data of their own and have forgotten "
                             "deletes; wipe the data of one to join it to the other");
    return false;
}

/* A member holds the horizon by itself, and one that was removed brings no data any more. */
static bool is_of_member(const struct gossip *gossip, const char *address)
{
    for (size_t i = 0; i < gossip->member_count; i++)
        if (strcmp(gossip->members[i].address, address) == 0)
            return true;
    return false;
}

bool members_is_forming(const struct gossip *gossip)
{
    for (size_t i = 0; i < gossip->configured_count; i++)
        if (!gossip->is_reached[i] && !is_of_member(gossip, gossip->configured[i]))
            return true;
    return false;
}

/* ---------- time ---------- */

static bool agrees(const struct peer *peer, uint64_t node_id)
{
    for (size_t i = 0; i < peer->agree_count; i++)
        if (peer->agrees[i] == node_id)
            return true;
    return false;
}

/* All members say the same, but for the lost one, and others that are lost as it is. */
static bool do_all_agree(const struct gossip *gossip, struct gossip_time now, uint64_t lost)
{
    for (size_t i = 0; i < gossip->member_count; i++) {
        const struct member *member = &gossip->members[i];
        const struct peer *peer = gossip_find_peer(gossip, member->node_id);

        if (member->state != MEMBER_IN || member->node_id == gossip->node_id ||
            member->node_id == lost || members_is_replaced(gossip, now, member))
            continue;
        if (peer == NULL || !peer->is_linked || !agrees(peer, lost))
            return false;
    }
    return true;
}

static bool is_gone_for_long(const struct gossip *gossip, struct gossip_time now,
                             const struct member *member)
{
    const struct peer *peer = gossip_find_peer(gossip, member->node_id);

    return gossip->forget_after_ms > 0 && member->state == MEMBER_IN && peer != NULL &&
           !peer->is_linked &&
           now.monotonic_us - peer->down_since_us > gossip->forget_after_ms * MS_US;
}

static void tell(struct gossip *gossip, struct gossip_time now, bool has_votes)
{
    for (size_t i = 0; i < gossip->peer_count; i++) {
        struct peer *peer = gossip->peers[i];
        int64_t age_us = now.monotonic_us - peer->members_sent_us;

        if (!peer->is_linked || !peer->has_beat || !members_is_in(gossip, peer->node_id))
            continue;
        if ((peer->members_hash != gossip->members_hash && age_us > MEMBERS_SEND_US) ||
            (has_votes && age_us > MEMBERS_REPEAT_US))
            members_send(gossip, now, peer->node_id);
    }
}

void members_tell(struct gossip *gossip, struct gossip_time now)
{
    tell(gossip, now, false);
}

void members_tick(struct gossip *gossip, struct gossip_time now)
{
    bool has_votes = false;

    for (size_t i = 0; i < gossip->member_count; i++) {
        const struct member *member = &gossip->members[i];

        if (is_gone_for_long(gossip, now, member)) {
            members_remove(gossip, now, member->node_id, "away for longer than forget-after");
        } else if (members_is_replaced(gossip, now, member)) {
            has_votes = true;
            if (do_all_agree(gossip, now, member->node_id))
                members_remove(gossip, now, member->node_id,
                               "a new replica answers at its address");
        }
    }
    tell(gossip, now, has_votes);
}
