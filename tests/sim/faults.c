#include "sim/faults.h"

#include "base/compiler.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/oracle.h"

#define CHAOS_MIN_US      (8 * SECOND)
#define CHAOS_MAX_US      (35 * SECOND)
#define SETTLED_OFFSET_US (150 * MS)   /* of a clock that is right */
#define OPERATOR_US       (4 * SECOND) /* until people act, after the faults */
#define LEAVING_MAX_US    (30 * SECOND)
#define FUTURE_MAX_MS     (60 * 1000)
#define WATCH_US          (100 * MS)

static const char *const words[] = {
#define FAULT_WORD(name, word) word,
    FAULTS(FAULT_WORD)
#undef FAULT_WORD
};

const char *fault_word(enum fault fault)
{
    return words[fault];
}

struct plan faults_plan(uint64_t seed)
{
    struct world chance = {.random.state = seed * 0xd1342543de82ef95 + 7};
    struct plan plan = {.chaos_us = world_between(&chance, CHAOS_MIN_US, CHAOS_MAX_US)};

    plan.node_count = (int)world_between(&chance, 2, world_chance(&chance, 500) ? 3 : 5);
    plan.ns_count = (int)world_between(&chance, 1, KEYS_NS_MAX);
    plan.keys_per_ns = (int)world_between(&chance, 3, 60 / plan.ns_count);
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        if (world_chance(&chance, 350))
            plan.faults |= 1u << fault;
    return plan;
}

/* ---------- whom it strikes ---------- */

static struct node *any_node(struct world *world)
{
    return world->nodes[world_between(world, 0, (int64_t)world->node_count - 1)];
}

/* One that runs, NULL if chance finds none. */
static struct node *any_running(struct world *world)
{
    struct node *node = any_node(world);

    return node->is_up ? node : NULL;
}

static bool is_steady(const struct node *node)
{
    return node->index == 0;
}

/* One that runs, is a full member, and need not be steady. */
static struct node *any_victim(struct world *world)
{
    struct node *node = any_node(world);

    return node->is_up && !is_steady(node) && node_is_sound(node) && !node->is_leaving ? node
                                                                                       : NULL;
}

/* Changes of membership are people's work: one at a time. */
static bool is_membership_calm(const struct world *world)
{
    for (size_t i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i];

        if (!node->has_left && (!node_is_sound(node) || node->is_leaving))
            return false;
    }
    return true;
}

/* ---------- processes ---------- */

static void right_clock(struct node *node)
{
    struct gossip_time now = node_time(node);
    int64_t error_us =
        now.wall_us - (WALL_START_MS * 1000 + node->world->now_us + node->world->leap_us);

    node->clock_offset_us +=
        world_between(node->world, -SETTLED_OFFSET_US, SETTLED_OFFSET_US) - error_us;
    node->is_clock_wrong = false;
}

/* A clock that is wrong from the start can't be told from a right one, unless there are two others:
 * machines set theirs before they start anything. */
static void start(struct node *node)
{
    if (node->is_clock_wrong)
        right_clock(node);
    node_start(node);
}

static void start_again(struct world *world, struct event *event)
{
    struct node *node = world->nodes[event->a];

    if (!node->is_up && !node->has_left)
        start(node);
}

static void start_later(struct world *world, const struct node *node, int64_t max_us)
{
    world_schedule(world, world_between(world, 50 * MS, max_us),
                   (struct event){.run = start_again, .a = (uint64_t)node->index});
}

static void strike_crash(struct world *world)
{
    struct node *node = any_running(world);

    if (node == NULL)
        return;
    node_crash(node);
    start_later(world, node, 6 * SECOND);
}

static void strike_torn(struct world *world)
{
    struct node *node = any_running(world);

    if (node != NULL)
        node->crashes_at_ceiling = true;
}

static void strike_restart(struct world *world)
{
    struct node *node = any_running(world);

    if (node == NULL)
        return;
    node_stop(node);
    start_later(world, node, 3 * SECOND);
}

static bool is_last_running(const struct world *world, const struct node *node)
{
    for (size_t i = 0; i < world->node_count; i++)
        if (world->nodes[i] != node && world->nodes[i]->is_up && !world->nodes[i]->has_left)
            return false;
    return true;
}

/* Not while it may hold the only copy: the steady one may not have been started yet. */
static void strike_wipe(struct world *world)
{
    struct node *node = any_victim(world);

    if (node == NULL || !is_membership_calm(world) || is_last_running(world, node))
        return;
    node_crash(node);
    node_wipe(node);
    start_later(world, node, 3 * SECOND);
}

/* A life has the second of its start for a number, or one more than the life before.  People are
 * not so quick with a backup that the next one gets the same. */
static bool has_just_started(const struct node *node)
{
    int64_t now_s = (WALL_START_MS + (node->world->now_us + node->world->leap_us) / MS) / 1000;

    return now_s <= (int64_t)node->incarnation + 1;
}

static void strike_restore(struct world *world)
{
    struct node *node = any_victim(world);

    if (node == NULL || !is_membership_calm(world))
        return;
    if (!node->has_backup) {
        node_take_backup(node);
        return;
    }
    if (has_just_started(node))
        return;
    node_crash(node);
    node_restore_backup(node);
    start_later(world, node, 3 * SECOND);
}

static void strike_stall(struct world *world)
{
    struct node *node = any_running(world);

    if (node != NULL && node->stalled_until_us <= world->now_us) {
        node->stalled_until_us = world->now_us + world_between(world, 100 * MS, 8 * SECOND);
        world_trace(world, node->index, -1, "is stalled", (uint64_t)node->stalled_until_us, 0, 0);
    }
}

/* ---------- disks ---------- */

static void free_disk(struct world *world, struct event *event)
{
    world->nodes[event->a]->is_disk_full = false;
}

static void strike_full(struct world *world)
{
    struct node *node = any_node(world);

    node->is_disk_full = true;
    world_trace(world, node->index, -1, "has a full disk", 0, 0, 0);
    world_schedule(world, world_between(world, 100 * MS, 5 * SECOND),
                   (struct event){.run = free_disk, .a = (uint64_t)node->index});
}

/* ---------- the network ---------- */

static void strike_flap(struct world *world)
{
    network_flap(world->network, any_node(world)->index, any_node(world)->index);
}

static void set_partition(struct world *world, unsigned side, unsigned directions, bool is_blocked)
{
    for (int a = 0; a < (int)world->node_count; a++)
        for (int b = 0; b < (int)world->node_count; b++) {
            if (((side >> a) & 1) == ((side >> b) & 1))
                continue;
            if ((directions & (((side >> a) & 1) != 0 ? 1 : 2)) != 0)
                network_block(world->network, a, b, is_blocked);
        }
}

static void flap_sides(struct world *world, unsigned side)
{
    for (int a = 0; a < (int)world->node_count; a++)
        for (int b = 0; b < a; b++)
            if (((side >> a) & 1) != ((side >> b) & 1))
                network_flap(world->network, a, b);
}

static void end_partition(struct world *world, struct event *event)
{
    set_partition(world, (unsigned)event->a, 3, false);
    world_trace(world, -1, -1, "partition ends", event->a, 0, 0);
}

static void break_partition(struct world *world, struct event *event)
{
    flap_sides(world, (unsigned)event->a);
}

static void strike_partition(struct world *world)
{
    unsigned side = (unsigned)world_between(world, 1, (1 << world->node_count) - 2);
    unsigned directions = world_chance(world, 600) ? 3 : (unsigned)world_between(world, 1, 2);
    int64_t lasts_us = world_between(world, 200 * MS, 12 * SECOND);

    set_partition(world, side, directions, true);
    world_trace(world, -1, -1, "partition", side, directions, 0);
    if (world_chance(world, 700))
        world_schedule(world, world_between(world, 0, 3 * SECOND),
                       (struct event){.run = break_partition, .a = side});
    world_schedule(world, lasts_us, (struct event){.run = end_partition, .a = side});
}

/* ---------- clocks ---------- */

static void end_jump(struct world *world, struct event *event)
{
    right_clock(world->nodes[event->a]);
    world_trace(world, (int)event->a, -1, "has the right time again", 0, 0, 0);
}

static void strike_jump(struct world *world)
{
    struct node *node = any_node(world);
    int64_t by_us = world_between(world, -20 * SECOND, 20 * SECOND);

    if (world_chance(world, 100))
        by_us *= 360;
    node->clock_offset_us += by_us;
    node->is_clock_wrong = true;
    world_trace(world, node->index, -1, "has its clock set by", (uint64_t)by_us, 0, 0);
    world_schedule(world, world_between(world, 100 * MS, 8 * SECOND),
                   (struct event){.run = end_jump, .a = (uint64_t)node->index});
}

static void strike_leap(struct world *world)
{
    world->leap_us += world_between(world, SECOND, 5 * HOUR);
    world_trace(world, -1, -1, "time leaps", (uint64_t)world->leap_us, 0, 0);
}

/* ---------- members ---------- */

static void strike_join(struct world *world)
{
    if (world->node_count < (size_t)world->plan.node_count + 2 && is_membership_calm(world))
        start(node_create(world));
}

/* Is it a member of a cluster that knows all who are meant to be in it? */
static bool has_met_all(const struct node *node)
{
    struct gossip_status status;

    gossip_status(node->gossip, node_time(node), &status);
    return status.member_count >= (size_t)node->world->plan.node_count;
}

static void strike_leave(struct world *world)
{
    struct node *node = any_victim(world);

    if (node == NULL || !is_membership_calm(world) || !has_met_all(node))
        return;
    node->is_leaving = true;
    world_trace(world, node->index, -1, "leaves", 0, 0, 0);
    gossip_leave(node->gossip, node_time(node));
}

static void strike_forget(struct world *world)
{
    struct node *at = any_running(world), *node = any_node(world);

    if (at == NULL || node == at || is_steady(node) || !node_is_sound(node) || !node_is_sound(at) ||
        !is_membership_calm(world))
        return;
    if (gossip_forget(at->gossip, node_time(at), node->disk.node_id) != STATUS_OK)
        return;
    world_trace(world, node->index, -1, "is forgotten by", (uint64_t)at->index, 0, 0);
    node->is_forgotten = true;
    oracle_lost(world->oracle, node);
}

/* ---------- people, who watch ---------- */

static bool knows(const struct node *node, uint64_t node_id)
{
    struct gossip_status status;

    gossip_status(node->gossip, node_time(node), &status);
    for (size_t i = 0; i < status.peer_count; i++)
        if (status.peers[i].node_id == node_id)
            return true;
    return false;
}

/* G8: a member is who is known by all members; those that are down may learn it later. */
static bool is_known_by_all(const struct node *node)
{
    const struct world *world = node->world;

    for (size_t i = 0; i < world->node_count; i++)
        if (world->nodes[i] != node && world->nodes[i]->is_up && node_is_sound(world->nodes[i]) &&
            !knows(world->nodes[i], node->disk.node_id))
            return false;
    return true;
}

/* Who has data has them from members, though the last of these may have left since. */
static bool has_met_others(const struct node *node, const struct gossip_status *status)
{
    return node->disk.current.is_written || (status->member_count >= 2 && status->peer_count > 0);
}

static void watch_joining(struct node *node)
{
    struct gossip_status status;

    if (node->has_joined || !node->is_up || !node->is_ready)
        return;
    gossip_status(node->gossip, node_time(node), &status);
    if (status.gate != GATE_OPEN || !has_met_others(node, &status) || !is_known_by_all(node))
        return;
    node->has_joined = true;
    world_trace(node->world, node->index, -1, "has joined", status.member_count, 0, 0);
    oracle_joined(node->world->oracle, node);
}

static void watch_leaving(struct node *node)
{
    struct gossip_status status;

    if (!node->is_leaving || !node->is_up)
        return;
    gossip_leave(node->gossip, node_time(node)); /* again, if it was started anew */
    gossip_status(node->gossip, node_time(node), &status);
    if (!status.is_out)
        return;
    node->has_left = true;
    node_stop(node);
}

static void watch_loading(struct node *node)
{
    if (!node->is_up || !node->has_load_failed || node->is_disk_full)
        return;
    node_stop(node);
    start(node);
}

static void watch(struct world *world, struct event *event)
{
    (void)event;
    for (size_t i = 0; i < world->node_count; i++) {
        watch_joining(world->nodes[i]);
        watch_leaving(world->nodes[i]);
        watch_loading(world->nodes[i]);
    }
    world_schedule(world, WATCH_US, (struct event){.run = watch});
}

/* ---------- clients ---------- */

static int any_slot(struct world *world)
{
    int64_t ns = world_between(world, 0, world->plan.ns_count - 1);

    return (int)(ns * KEYS_PER_NS + world_between(world, 0, world->plan.keys_per_ns - 1));
}

static void write_once(struct world *world)
{
    struct node *node = any_node(world);
    int slot = any_slot(world);
    int64_t kind = world_between(world, 0, 99);

    if (kind < 50)
        node_put(node, slot, INT64_MAX);
    else if (kind < 80)
        node_delete(node, slot);
    else
        node_put(node, slot, node_wall_ms(node) + world_between(world, -10, 8000));
}

static bool is_chaos(const struct world *world)
{
    return world->now_us < world->plan.chaos_us;
}

static void write_some(struct world *world, struct event *event)
{
    int64_t count = world_chance(world, 50) ? world_between(world, 2, 20) : 1;

    (void)event;
    if (!is_chaos(world))
        return;
    for (int64_t i = 0; i < count; i++)
        write_once(world);
    world_schedule(world, world_between(world, MS, 200 * MS), (struct event){.run = write_some});
}

/* ---------- the chaos ---------- */

struct strike {
    enum fault fault;
    void (*run)(struct world *world);
};

static const struct strike strikes[] = {
    {FAULT_PARTITION, strike_partition}, {FAULT_FLAP, strike_flap},
    {FAULT_CRASH, strike_crash},         {FAULT_TORN, strike_torn},
    {FAULT_RESTART, strike_restart},     {FAULT_WIPE, strike_wipe},
    {FAULT_RESTORE, strike_restore},     {FAULT_JUMP, strike_jump},
    {FAULT_JOIN, strike_join},           {FAULT_LEAVE, strike_leave},
    {FAULT_FORGET, strike_forget},       {FAULT_FULL, strike_full},
    {FAULT_STALL, strike_stall},         {FAULT_LEAP, strike_leap},
};

static void strike(struct world *world, struct event *event)
{
    const struct strike *chosen = &strikes[world_between(world, 0, COUNT_OF(strikes) - 1)];

    (void)event;
    if (!is_chaos(world))
        return;
    if (has_fault(&world->plan, chosen->fault))
        chosen->run(world);
    world_schedule(world, world_between(world, 20 * MS, 700 * MS), (struct event){.run = strike});
}

static unsigned degree(struct world *world, enum fault fault, unsigned max)
{
    return has_fault(&world->plan, fault) ? (unsigned)world_between(world, 1, max) : 0;
}

static void set_weather(struct world *world)
{
    struct weather weather = {.loss = degree(world, FAULT_LOSS, 300),
                              .doubling = degree(world, FAULT_DOUBLING, 200),
                              .disorder = degree(world, FAULT_DISORDER, 500),
                              .lateness = degree(world, FAULT_LATENESS, 50),
                              .latency_us = world_between(world, 100, 20 * MS),
                              .late_max_us = world_between(world, SECOND, 60 * SECOND)};

    network_set_weather(world->network, &weather);
}

static void set_machine(struct node *node)
{
    struct world *world = node->world;

    if (has_fault(&world->plan, FAULT_OFFSET))
        node->clock_offset_us = world_between(world, -300 * MS, 300 * MS);
    if (has_fault(&world->plan, FAULT_DRIFT))
        node->drift_ppm = world_between(world, -4000, 4000);
    if (has_fault(&world->plan, FAULT_SYNC))
        node->sync_every_us = world_between(world, 100 * MS, 4 * SECOND);
    if (has_fault(&world->plan, FAULT_CUT))
        node->feed_bytes_max = (size_t)world_between(world, 1, 2000);
}

void faults_begin(struct world *world)
{
    set_weather(world);
    for (int i = 0; i < world->plan.node_count; i++) {
        struct node *node = node_create(world);

        node->has_joined = true;
        set_machine(node);
    }
    for (int i = 0; i < world->plan.node_count; i++)
        start_later(world, world->nodes[i], world_chance(world, 300) ? 5 * SECOND : 100 * MS);
    world_schedule(world, 0, (struct event){.run = watch});
    world_schedule(world, 0, (struct event){.run = write_some});
    world_schedule(world, SECOND, (struct event){.run = strike});
}

/* ---------- afterwards ---------- */

static bool is_known_by_any(const struct node *node)
{
    const struct world *world = node->world;

    for (size_t i = 0; i < world->node_count; i++)
        if (world->nodes[i] != node && world->nodes[i]->is_up && node_is_sound(world->nodes[i]) &&
            knows(world->nodes[i], node->disk.node_id))
            return true;
    return false;
}

/* A node that was killed before it knew that it had left, and that nobody knows any more, is
 * switched off. */
static void end_leaving(struct world *world)
{
    if (world->now_us < world->plan.chaos_us + LEAVING_MAX_US)
        return;
    for (size_t i = 0; i < world->node_count; i++) {
        struct node *node = world->nodes[i];

        if (!node->is_leaving || node->has_left || !node->is_up || is_known_by_any(node))
            continue;
        node->has_left = true;
        node_stop(node);
    }
}

/* Whoever left and was not heard to is removed by hand. */
static void forget_left(struct world *world)
{
    for (size_t i = 0; i < world->node_count; i++)
        for (size_t j = 0; j < world->node_count; j++) {
            const struct node *gone = world->nodes[i], *at = world->nodes[j];

            if (gone->has_left && at->is_up && node_is_sound(at))
                (void)gossip_forget(at->gossip, node_time(at), gone->disk.node_id);
        }
}

/* Whoever can't be a member any more is wiped, as its log told, and joins anew. */
static void wipe_outcasts(struct world *world, struct event *event)
{
    bool is_waiting = false;

    (void)event;
    end_leaving(world);
    forget_left(world);
    for (size_t i = 0; i < world->node_count; i++) {
        struct node *node = world->nodes[i];

        if (node->has_left || is_waiting ||
            (!node->is_restored && !node->is_forgotten && node->stale_since_us == 0))
            continue;
        node_crash(node);
        node_wipe(node);
        start(node);
        is_waiting = true;
    }
    world_schedule(world, OPERATOR_US, (struct event){.run = wipe_outcasts});
}

static uint64_t newest_stamp(const struct node *node)
{
    uint64_t newest = node->hlc.last;

    for (int slot = 0; slot < KEYS_SLOTS; slot++) {
        const struct record *record = &node->disk.current.records[slot];

        if (record_is_buried(record) && record_buried_at(record) > newest)
            newest = record_buried_at(record);
    }
    return newest;
}

/* What is stamped by a wrong clock, or expired by it, stays in the future when the clock is right
 * again, and nobody believes it or forgets it before its time (G7).  What comes in a minute is
 * waited for; else the time comes now. */
static void pass_time(struct world *world)
{
    for (size_t i = 0; i < world->node_count; i++) {
        int64_t now_ms = WALL_START_MS + (world->now_us + world->leap_us) / MS;
        int64_t ahead_ms = stamp_wall_ms(newest_stamp(world->nodes[i])) - now_ms;

        if (ahead_ms <= FUTURE_MAX_MS)
            continue;
        world->leap_us += ahead_ms * MS;
        world_trace(world, -1, -1, "time passes", (uint64_t)ahead_ms, 0, 0);
    }
}

void faults_end(struct world *world)
{
    world_trace(world, -1, -1, "the faults are over", 0, 0, 0);
    network_heal(world->network);
    pass_time(world);
    for (size_t i = 0; i < world->node_count; i++) {
        struct node *node = world->nodes[i];

        node->drift_ppm = 0;
        right_clock(node);
        node->is_disk_full = node->crashes_at_ceiling = false;
        node->sync_every_us = 200 * MS;
        if (node->stalled_until_us > world->now_us)
            node->stalled_until_us = world->now_us;
        if (!node->is_up && !node->has_left)
            start(node);
    }
    world_schedule(world, OPERATOR_US, (struct event){.run = wipe_outcasts});
}
