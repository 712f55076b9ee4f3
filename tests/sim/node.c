#include "sim/node.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sim/network.h"
#include "sim/oracle.h"

/* A clock that is further on than this, and the allowed skew, since the last tick was set. */
#define CLOCK_LIMIT_MS 1000

#define COUNTING_MAX_US (2 * SECOND) /* of leaves, after a crash */

struct node *node_create(struct world *world)
{
    struct node *node = xcalloc(1, sizeof *node);

    assert(world->node_count < NODES_MAX);
    node->world = world;
    node->index = (int)world->node_count;
    (void)snprintf(node->address, sizeof node->address, "n%d:1", node->index);
    disk_init(&node->disk, random_next(&world->random));
    node->sync_every_us = 200 * MS;
    node->feed_bytes_max = 1u << 20;
    world->nodes[world->node_count++] = node;
    return node;
}

void node_destroy(struct node *node)
{
    disk_clear(&node->disk);
    if (node->has_backup)
        disk_clear(&node->backup);
    free(node);
}

struct node *node_by_id(const struct world *world, uint64_t node_id)
{
    for (size_t i = 0; i < world->node_count; i++)
        if (world->nodes[i]->disk.node_id == node_id)
            return world->nodes[i];
    return NULL;
}

struct node *node_by_address(const struct world *world, const char *address)
{
    for (size_t i = 0; i < world->node_count; i++)
        if (strcmp(world->nodes[i]->address, address) == 0)
            return world->nodes[i];
    return NULL;
}

bool node_is_sound(const struct node *node)
{
    return node->has_joined && !node->is_restored && !node->is_forgotten && !node->is_leaving &&
           node->stale_since_us == 0;
}

/* ---------- time ---------- */

/* The age of the first machine, and how much older each next one is: their beats come at different
 * times. */
#define UPTIME (HOUR + 137 * MS)

static int64_t drifted_us(const struct node *node)
{
    return node->clock_offset_us + node->world->now_us / 1000000 * node->drift_ppm;
}

struct gossip_time node_time(const struct node *node)
{
    int64_t now_us = node->world->now_us + node->world->leap_us;

    return (struct gossip_time){WALL_START_MS * 1000 + now_us + drifted_us(node),
                                now_us + (node->index + 1) * UPTIME};
}

int64_t node_wall_ms(const struct node *node)
{
    return node_time(node).wall_us / 1000;
}

/* As rarely as gossip allows it. */
static int64_t tick_ms(const struct node *node)
{
    return gossip_is_active(node->gossip, node_time(node)) ? GOSSIP_TICK_MS : GOSSIP_QUIET_TICK_MS;
}

static void tick(struct world *world, struct event *event)
{
    struct node *node = event->node;

    gossip_tick(node->gossip, node_time(node));
    world_schedule(world, tick_ms(node) * MS, (struct event){.run = tick, .node = node});
    node->clock_limit_ms = node_wall_ms(node) + CLOCK_LIMIT_MS + SKEW_MAX_MS;
    node->is_ready = gossip_is_ready(node->gossip);
}

/* ---------- lives ---------- */

static uint64_t last_own_held(const struct node *node)
{
    uint64_t last = 0;

    for (int slot = 0; slot < KEYS_SLOTS; slot++) {
        const struct record *record = &node->disk.current.records[slot];

        if (record->is_held && record->version.node_id == node->disk.node_id &&
            record->version.stamp > last)
            last = record->version.stamp;
    }
    return last;
}

static void tell_last_own(struct world *world, struct event *event)
{
    world_trace(world, event->node->index, -1, "knows its last own write", event->a, 0, 0);
    gossip_last_own(event->node->gossip, node_time(event->node), event->a);
}

static void set_clock(struct node *node)
{
    struct disk *disk = &node->disk;
    int64_t ceiling_ms = stamp_wall_ms(disk->durable.ceiling) + 1;

    node->hlc.last = disk->is_clean ? disk->clean_clock : disk->durable.ceiling;
    if (node->world->plan.habits_off & HABIT_CEILING)
        node->hlc.last = last_own_held(node);
    node->writes_open_at_ms = 0;
    if (!disk->is_clean && ceiling_ms - node_wall_ms(node) <= CEILING_AHEAD_MS + 1)
        node->writes_open_at_ms = ceiling_ms;
    node->clock_limit_ms = node_wall_ms(node) + CLOCK_LIMIT_MS + SKEW_MAX_MS;
}

static size_t list_peers(const struct node *node, const char *peers[NODES_MAX])
{
    for (size_t i = 0; i < node->world->node_count; i++)
        peers[i] = node->world->nodes[i]->address;
    return node->world->node_count;
}

static void create_gossip(struct node *node)
{
    const char *peers[NODES_MAX];
    struct gossip_config config = {
        .node_id = node->disk.node_id,
        .hlc = node->hlc.last,
        .skew_max_ms = SKEW_MAX_MS,
        .address = node->address,
        .peers = peers,
        .rules_off = node->world->plan.rules_off,
    };

    config.peer_count = list_peers(node, peers);
    if (gossip_create(&config, &node->host, buffer_view(&node->disk.durable.state), node_time(node),
                      &node->gossip) != STATUS_OK)
        world_fail(node->world, node->index, -1, "a saved state was refused");
    else
        node->incarnation = gossip_incarnation(node->gossip);
}

/* After a crash leaves are counted anew, and they tell the last own write; after a clean stop it is
 * known. */
static void count_leaves(struct node *node, bool was_clean)
{
    struct world *world = node->world;
    bool is_counting = !was_clean || node->disk.durable.last_own == 0;
    uint64_t last = is_counting ? last_own_held(node) : node->disk.durable.last_own;
    int64_t takes_us = is_counting ? world_between(world, 0, COUNTING_MAX_US) : 0;

    node->leaves_ready_us = world->now_us + takes_us;
    world_schedule(world, takes_us, (struct event){.run = tell_last_own, .node = node, .a = last});
}

void node_start(struct node *node)
{
    struct world *world = node->world;
    bool was_clean;

    assert(!node->is_up);
    if (node->disk.durable.is_loading)
        node_wipe(node); /* as the server does with what was loaded by half */
    was_clean = node->disk.is_clean;
    node->life++;
    node->is_up = true;
    node->is_ready = node->has_load_failed = false;
    node->gate = GATE_OPEN;
    node->horizon = 0;
    node->closed = 0;
    node->stalled_until_us = 0;
    set_clock(node);
    node->feed = feed_create(node->feed_bytes_max);
    host_init(node);
    commit_start(node);
    world_trace(world, node->index, -1, was_clean ? "starts" : "starts after a crash",
                node->hlc.last, node->life, 0);
    create_gossip(node);
    if (world->has_failed)
        return;
    count_leaves(node, was_clean);
    node->disk.is_clean = false;
    world_schedule(world, world_between(world, 0, GOSSIP_TICK_MS * MS),
                   (struct event){.run = tick, .node = node});
    network_started(world->network, node);
}

static void end_process(struct node *node, bool is_crash)
{
    gossip_destroy(node->gossip);
    node->gossip = NULL;
    commit_end(node, is_crash);
    host_clear(node);
    feed_destroy(node->feed);
    node->feed = NULL;
    node->is_up = false;
    node->life++;
    network_ended(node->world->network, node);
    oracle_ended(node->world->oracle, node);
}

void node_stop(struct node *node)
{
    if (!node->is_up)
        return;
    world_trace(node->world, node->index, -1, "stops", 0, 0, 0);
    end_process(node, node->is_disk_full);
}

void node_crash(struct node *node)
{
    if (!node->is_up)
        return;
    world_trace(node->world, node->index, -1, "crashes", disk_unsynced(&node->disk), 0, 0);
    end_process(node, true);
}

static void begin_anew(struct node *node)
{
    node->stale_since_us = 0;
    node->is_leaving = node->has_left = false;
}

void node_wipe(struct node *node)
{
    assert(!node->is_up);
    disk_clear(&node->disk);
    disk_init(&node->disk, random_next(&node->world->random));
    begin_anew(node);
    node->has_joined = node->is_restored = node->is_forgotten = false;
    oracle_lost(node->world->oracle, node);
    world_trace(node->world, node->index, -1, "is wiped", node->disk.node_id, 0, 0);
}

void node_take_backup(struct node *node)
{
    if (node->has_backup)
        disk_clear(&node->backup);
    node->has_backup = true;
    disk_copy(&node->backup, &node->disk);
    world_trace(node->world, node->index, -1, "is backed up", 0, 0, 0);
}

void node_restore_backup(struct node *node)
{
    assert(!node->is_up && node->has_backup);
    disk_clear(&node->disk);
    disk_copy(&node->disk, &node->backup);
    begin_anew(node);
    node->is_restored = true;
    oracle_lost(node->world->oracle, node);
    world_trace(node->world, node->index, -1, "is restored", 0, 0, 0);
}

/* ---------- clients ---------- */

static bool may_write(const struct node *node)
{
    return node->is_up && node->is_ready && node->gate == GATE_OPEN && node->has_joined &&
           node->stalled_until_us <= node->world->now_us &&
           node_wall_ms(node) >= node->writes_open_at_ms &&
           node_wall_ms(node) <= node->clock_limit_ms;
}

static void write(struct node *node, int slot, enum wire_kind kind, int64_t expiry_ms)
{
    struct work *work = commit_add(node, WORK_WRITE);
    struct version version = {hlc_tick(&node->hlc, node_wall_ms(node)), node->disk.node_id,
                              random_next(&node->world->random)};

    work->slot = slot;
    work->record =
        (struct record){.is_held = true, .kind = kind, .version = version, .expiry_ms = expiry_ms};
    node->writes_waiting++;
    world_trace(node->world, node->index, slot, kind == WIRE_LIVE ? "put" : "delete", version.stamp,
                (uint64_t)expiry_ms, 0);
}

void node_put(struct node *node, int slot, int64_t expiry_ms)
{
    if (may_write(node))
        write(node, slot, WIRE_LIVE, expiry_ms);
}

void node_delete(struct node *node, int slot)
{
    const struct record *record = &node->disk.current.records[slot];

    if (may_write(node) && record->is_held && record->kind == WIRE_LIVE)
        write(node, slot, WIRE_TOMBSTONE, INT64_MAX);
}
