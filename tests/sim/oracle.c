#include "sim/oracle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "sim/node.h"

/* One write of a client, for ever. */
struct write {
    struct version version;
    int slot;
    enum wire_kind kind;
    int64_t expiry_ms;
    uint32_t durable_on; /* a bit for each machine that has (had) it on disk */
    bool is_lost;        /* by a crash, before anybody else had it */
};

/* A node in one incarnation; its writes in the order of their stamps. */
struct origin {
    uint64_t node_id;
    uint32_t incarnation;
    size_t *writes; /* numbers of oracle->writes */
    size_t count, capacity;
    size_t checked[NODES_MAX]; /* so many of them are known to be held there (I3) */
};

struct slot_history {
    size_t *writes;
    size_t count, capacity;
    struct version purged; /* the newest that anybody purged; all zeros = none */
};

struct oracle {
    struct world *world;
    struct write *writes;
    size_t count, capacity;
    struct origin *origins;
    size_t origin_count, origin_capacity;
    struct slot_history slots[KEYS_SLOTS];
    uint64_t horizon; /* the largest that holds anywhere */
    size_t purge_count;
};

struct oracle *oracle_create(struct world *world)
{
    struct oracle *oracle = xcalloc(1, sizeof *oracle);

    oracle->world = world;
    return oracle;
}

void oracle_destroy(struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->origin_count; i++)
        free(oracle->origins[i].writes);
    for (int slot = 0; slot < KEYS_SLOTS; slot++)
        free(oracle->slots[slot].writes);
    free(oracle->origins);
    free(oracle->writes);
    free(oracle);
}

void oracle_describe(const struct oracle *oracle, const struct node *node)
{
    for (size_t i = 0; i < oracle->origin_count; i++) {
        const struct origin *origin = &oracle->origins[i];

        printf("     %016" PRIx64 "/%u up to %" PRIx64 "\n", origin->node_id, origin->incarnation,
               gossip_position(node->gossip, origin->node_id, origin->incarnation));
    }
}

size_t oracle_write_count(const struct oracle *oracle)
{
    return oracle->count;
}

size_t oracle_purge_count(const struct oracle *oracle)
{
    return oracle->purge_count;
}

/* ---------- what is known of writes ---------- */

/* When, as a stamp, it can be purged; UINT64_MAX = never. */
static uint64_t buried_at(const struct write *write)
{
    uint64_t expired;

    if (write->kind == WIRE_TOMBSTONE)
        return write->version.stamp;
    if (write->expiry_ms == INT64_MAX)
        return UINT64_MAX;
    expired = stamp_of_wall_ms(write->expiry_ms);
    return expired > write->version.stamp ? expired : write->version.stamp;
}

/* May a node that holds nothing have held this write, or a newer one, and purged it? */
static bool may_be_purged(const struct oracle *oracle, const struct write *write)
{
    const struct slot_history *history = &oracle->slots[write->slot];

    for (size_t i = 0; i < history->count; i++) {
        const struct write *other = &oracle->writes[history->writes[i]];

        if (version_compare(&other->version, &write->version) >= 0 &&
            buried_at(other) <= oracle->horizon)
            return true;
    }
    return false;
}

static bool covers(const struct oracle *oracle, const struct record *held,
                   const struct write *write)
{
    if (held->is_held)
        return version_compare(&held->version, &write->version) >= 0;
    return may_be_purged(oracle, write);
}

bool oracle_is_doubtful(const struct oracle *oracle, const struct version *version)
{
    const struct node *node = node_by_id(oracle->world, version->node_id);

    return node == NULL || !node_is_sound(node);
}

/* What nobody has who belongs to the cluster is missed by nobody. */
static bool is_void(const struct oracle *oracle, const struct write *write)
{
    const struct world *world = oracle->world;

    if (write->is_lost)
        return true;
    if (!oracle_is_doubtful(oracle, &write->version))
        return false;
    for (size_t i = 0; i < world->node_count; i++) {
        const struct record *held = &world->nodes[i]->disk.current.records[write->slot];

        if (node_is_sound(world->nodes[i]) && held->is_held &&
            version_compare(&held->version, &write->version) == 0)
            return false;
    }
    return true;
}

static void append(size_t **numbers, size_t *count, size_t *capacity, size_t number)
{
    *numbers = xgrow(*numbers, *count, capacity, sizeof **numbers);
    (*numbers)[(*count)++] = number;
}

static struct origin *find_origin(struct oracle *oracle, uint64_t node_id, uint32_t incarnation)
{
    struct origin *origin;

    for (size_t i = 0; i < oracle->origin_count; i++)
        if (oracle->origins[i].node_id == node_id && oracle->origins[i].incarnation == incarnation)
            return &oracle->origins[i];
    oracle->origins = xgrow(oracle->origins, oracle->origin_count, &oracle->origin_capacity,
                            sizeof *oracle->origins);
    origin = &oracle->origins[oracle->origin_count++];
    *origin = (struct origin){.node_id = node_id, .incarnation = incarnation};
    return origin;
}

static bool is_stamp_used(const struct oracle *oracle, const struct slot_history *history,
                          const struct version *version)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct version *other = &oracle->writes[history->writes[i]].version;

        if (other->stamp == version->stamp && other->node_id == version->node_id)
            return true;
    }
    return false;
}

/* I5, also between keys: an origin's stamps rise. */
static void check_stamp(struct oracle *oracle, const struct node *node, int slot,
                        const struct origin *origin, const struct version *version)
{
    struct world *world = oracle->world;

    if (!node_is_sound(node))
        return;
    if (is_stamp_used(oracle, &oracle->slots[slot], version))
        world_fail(world, node->index, slot, "I5: the stamp %llx is given to a second write",
                   (unsigned long long)version->stamp);
    if (origin->count > 0 &&
        oracle->writes[origin->writes[origin->count - 1]].version.stamp >= version->stamp)
        world_fail(world, node->index, slot, "I5: the stamp %llx does not follow the one before",
                   (unsigned long long)version->stamp);
    if (version->stamp <= oracle->horizon)
        world_fail(world, node->index, slot, "I4: the stamp %llx is below the horizon %llx",
                   (unsigned long long)version->stamp, (unsigned long long)oracle->horizon);
}

void oracle_written(struct oracle *oracle, struct node *node, int slot, const struct record *record)
{
    struct slot_history *history = &oracle->slots[slot];
    struct origin *origin =
        find_origin(oracle, node->disk.node_id,
                    node->gossip != NULL ? gossip_incarnation(node->gossip) : node->incarnation);

    check_stamp(oracle, node, slot, origin, &record->version);
    oracle->writes =
        xgrow(oracle->writes, oracle->count, &oracle->capacity, sizeof *oracle->writes);
    append(&history->writes, &history->count, &history->capacity, oracle->count);
    append(&origin->writes, &origin->count, &origin->capacity, oracle->count);
    oracle->writes[oracle->count++] = (struct write){.version = record->version,
                                                     .slot = slot,
                                                     .kind = record->kind,
                                                     .expiry_ms = record->expiry_ms};
}

/* ---------- records ---------- */

/* Does what it holds never come to the members any more? */
static bool is_outside(const struct node *node)
{
    return node->is_forgotten || node->has_left || node->is_restored || node->stale_since_us != 0;
}

/* It came back: it was still on its way to somebody. */
static void find_again(struct oracle *oracle, int slot, const struct record *record)
{
    const struct slot_history *history = &oracle->slots[slot];

    for (size_t i = 0; i < history->count; i++) {
        struct write *write = &oracle->writes[history->writes[i]];

        if (version_compare(&write->version, &record->version) == 0)
            write->is_lost = false;
    }
}

void oracle_stores(struct oracle *oracle, struct node *node, int slot, const struct record *record)
{
    const struct record *held = &node->disk.current.records[slot];
    const struct version *purged = &oracle->slots[slot].purged;

    if (!is_outside(node))
        find_again(oracle, slot, record);
    if (held->is_held && version_compare(&held->version, &record->version) > 0)
        world_fail(oracle->world, node->index, slot, "I1: %llx replaces %llx, which is newer",
                   (unsigned long long)record->version.stamp,
                   (unsigned long long)held->version.stamp);
    if (node_is_sound(node) && record->kind == WIRE_LIVE &&
        version_compare(&record->version, purged) < 0)
        world_fail(oracle->world, node->index, slot,
                   "I2: %llx comes back, though its tombstone %llx was purged",
                   (unsigned long long)record->version.stamp, (unsigned long long)purged->stamp);
}

static void check_layer(struct oracle *oracle, const struct node *node, const struct layer *layer,
                        int slot, const struct version *purged, const char *where)
{
    const struct record *held = &layer->records[slot];

    if (held->is_held && held->kind == WIRE_LIVE && version_compare(&held->version, purged) < 0)
        world_fail(oracle->world, node->index, slot,
                   "I2: holds %llx %s, when its tombstone %llx is purged",
                   (unsigned long long)held->version.stamp, where,
                   (unsigned long long)purged->stamp);
}

void oracle_purges(struct oracle *oracle, struct node *node, int slot, const struct record *record)
{
    struct version *purged = &oracle->slots[slot].purged;
    struct world *world = oracle->world;

    oracle->purge_count++;
    if (!node_is_sound(node) || version_compare(&record->version, purged) <= 0)
        return;
    *purged = record->version;
    for (size_t i = 0; i < world->node_count; i++) {
        const struct node *other = world->nodes[i];

        if (!node_is_sound(other))
            continue;
        check_layer(oracle, other, &other->disk.current, slot, purged, "in memory");
        check_layer(oracle, other, &other->disk.durable, slot, purged, "on disk");
    }
}

static void mark_durable(struct oracle *oracle, const struct node *node,
                         const struct change *change)
{
    struct slot_history *history = &oracle->slots[change->slot];

    if (!change->record.is_held || node->is_restored || node->is_forgotten || node->is_leaving)
        return; /* what comes to it now is not promised */
    for (size_t i = 0; i < history->count; i++) {
        struct write *write = &oracle->writes[history->writes[i]];

        if (version_compare(&write->version, &change->record.version) == 0)
            write->durable_on |= 1u << node->index;
    }
}

void oracle_synced(struct oracle *oracle, struct node *node, uint64_t number)
{
    const struct disk *disk = &node->disk;

    for (size_t i = 0; i < disk->count && disk->first + i <= number; i++)
        for (size_t j = 0; j < disk->batches[i].count; j++)
            mark_durable(oracle, node, &disk->batches[i].changes[j]);
}

/* ---------- horizons and positions ---------- */

/* I4 */
static void check_on_disk(struct oracle *oracle, const struct node *owner, const struct node *node,
                          const struct write *write)
{
    if (!covers(oracle, &node->disk.durable.records[write->slot], write) && !is_void(oracle, write))
        world_fail(oracle->world, node->index, write->slot,
                   "I4: node %d has a horizon above the write %llx, which is not on disk here",
                   owner->index, (unsigned long long)write->version.stamp);
}

static void check_on_disks(struct oracle *oracle, const struct node *owner,
                           const struct write *write)
{
    const struct world *world = oracle->world;

    for (size_t i = 0; i < world->node_count; i++)
        if (node_is_sound(world->nodes[i]))
            check_on_disk(oracle, owner, world->nodes[i], write);
}

void oracle_horizon(struct oracle *oracle, struct node *node, uint64_t horizon)
{
    uint64_t before = oracle->horizon;

    if (horizon < node->disk.current.purged_under)
        world_fail(oracle->world, node->index, -1,
                   "I4: the horizon %llx is below %llx, under which it purged",
                   (unsigned long long)horizon,
                   (unsigned long long)node->disk.current.purged_under);
    if (!node_is_sound(node) || horizon <= before)
        return;
    oracle->horizon = horizon;
    for (size_t i = 0; i < oracle->count; i++) {
        const struct write *write = &oracle->writes[i];

        if (write->version.stamp > before && write->version.stamp <= horizon)
            check_on_disks(oracle, node, write);
    }
}

/* I3 */
static void check_origin(struct oracle *oracle, struct node *node, struct origin *origin)
{
    size_t *checked = &origin->checked[node->index];
    uint64_t position;

    if (*checked == origin->count)
        return;
    position = gossip_position(node->gossip, origin->node_id, origin->incarnation);
    for (; *checked < origin->count; (*checked)++) {
        const struct write *write = &oracle->writes[origin->writes[*checked]];

        if (write->version.stamp > position)
            return;
        if (!covers(oracle, &node->disk.current.records[write->slot], write) &&
            !is_void(oracle, write))
            world_fail(oracle->world, node->index, write->slot,
                       "I3: claims to hold the write %llx of %llx/%u (its position is %llx)",
                       (unsigned long long)write->version.stamp,
                       (unsigned long long)origin->node_id, origin->incarnation,
                       (unsigned long long)position);
    }
}

void oracle_check_node(struct oracle *oracle, struct node *node)
{
    if (node->is_up && node_is_sound(node))
        for (size_t i = 0; i < oracle->origin_count; i++)
            check_origin(oracle, node, &oracle->origins[i]);
}

void oracle_joined(struct oracle *oracle, struct node *node)
{
    oracle_horizon(oracle, node, node->horizon);
    for (int slot = 0; slot < KEYS_SLOTS; slot++)
        check_layer(oracle, node, &node->disk.current, slot, &oracle->slots[slot].purged,
                    "in memory");
    for (size_t i = 0; i < oracle->count; i++)
        if (oracle->writes[i].version.stamp <= oracle->horizon)
            check_on_disk(oracle, node, node, &oracle->writes[i]);
}

/* Does anybody hold it, or something newer in its place? */
static bool is_held_anywhere(const struct oracle *oracle, const struct write *write)
{
    const struct world *world = oracle->world;

    for (size_t i = 0; i < world->node_count; i++) {
        const struct record *held = &world->nodes[i]->disk.current.records[write->slot];

        if (!is_outside(world->nodes[i]) && held->is_held &&
            version_compare(&held->version, &write->version) >= 0)
            return true;
    }
    return may_be_purged(oracle, write);
}

static void count_losses(struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->count; i++)
        oracle->writes[i].is_lost |= !is_held_anywhere(oracle, &oracle->writes[i]);
}

void oracle_ended(struct oracle *oracle, struct node *node)
{
    count_losses(oracle);
    for (size_t i = 0; i < oracle->origin_count; i++)
        oracle->origins[i].checked[node->index] = 0;
}

/* I6 */
void oracle_stale(struct oracle *oracle, struct node *node)
{
    bool was_sound = node_is_sound(node);

    if (node->stale_since_us == 0)
        node->stale_since_us = oracle->world->now_us + 1;
    if (was_sound)
        world_fail(oracle->world, node->index, -1, "I6: is found stale for no reason");
    oracle_lost(oracle, node);
}

void oracle_lost(struct oracle *oracle, struct node *node)
{
    for (size_t i = 0; i < oracle->count; i++)
        oracle->writes[i].durable_on &= ~(1u << node->index);
    count_losses(oracle);
}

/* ---------- the end ---------- */

static bool is_member(const struct node *node)
{
    return node->is_up && !node->has_left && !node->is_forgotten;
}

static bool is_live(const struct record *record)
{
    return record->is_held && record->kind == WIRE_LIVE;
}

static const char *compare_nodes(const struct node *a, const struct node *b)
{
    for (int slot = 0; slot < KEYS_SLOTS; slot++) {
        const struct record *left = &a->disk.current.records[slot];
        const struct record *right = &b->disk.current.records[slot];

        if (record_is_buried(left) || record_is_buried(right))
            return "tombstones are left";
        if (is_live(left) != is_live(right) ||
            (is_live(left) && version_compare(&left->version, &right->version) != 0))
            return "members hold different records";
    }
    return NULL;
}

static const char *objection(const struct oracle *oracle, const struct node *node,
                             const struct node *first)
{
    const struct world *world = oracle->world;
    struct gossip_status status;
    size_t member_count = 0;

    for (size_t i = 0; i < world->node_count; i++)
        member_count += is_member(world->nodes[i]);
    gossip_status(node->gossip, node_time(node), &status);
    if (!node->has_joined)
        return "a node has not joined";
    if (status.gate != GATE_OPEN)
        return "a member's gate is not open";
    if (status.member_count != member_count)
        return "members disagree about who is a member";
    return compare_nodes(first, node);
}

bool oracle_is_settled(const struct oracle *oracle, const char **why)
{
    const struct world *world = oracle->world;
    const struct node *first = NULL;

    for (size_t i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i];

        if (!is_member(node))
            continue;
        first = first == NULL ? node : first;
        *why = objection(oracle, node, first);
        if (*why != NULL)
            return false;
    }
    return true;
}

void oracle_check_end(struct oracle *oracle)
{
    struct world *world = oracle->world;

    for (size_t i = 0; i < oracle->count; i++) {
        const struct write *write = &oracle->writes[i];

        for (size_t j = 0; j < world->node_count && write->durable_on != 0; j++) {
            const struct node *node = world->nodes[j];

            if (is_member(node) && !covers(oracle, &node->disk.current.records[write->slot], write))
                world_fail(world, node->index, write->slot, "the write %llx is lost",
                           (unsigned long long)write->version.stamp);
        }
    }
}
