/* commit.c - the order of a simulated store: see node.h. */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "replication/merge.h"
#include "sim/node.h"
#include "sim/oracle.h"

#define GROUP_MAX_US  (2 * MS) /* until the commit thread takes the open group */
#define COMMIT_MAX_US (3 * MS)
#define SYNC_MAX_US   (20 * MS)
#define SWEEP_MIN_US  (20 * MS)
#define SWEEP_MAX_US  (200 * MS)
#define PURGED        700 /* in a thousand, of what may be purged, in one sweep */

/* What a group writes, while it is built. */
struct commit {
    struct node *node;
    struct buffer records; /* own writes, for the feed */
    struct records_writer writer;
    uint64_t stamp_max, own_max;
};

static void begin_commit(struct world *world, struct event *event);

/* ---------- records ---------- */

static void compute_digest(int slot, struct record *record)
{
    struct digest_version version = {record->version.stamp, record->version.node_id,
                                     record->version.value_hash, record->expiry_ms,
                                     record->kind == WIRE_TOMBSTONE};

    record->digest = digest_of_record(keys_digest(), keys_at(slot)->hash, &version);
}

static const struct version *held_version(const struct node *node, int slot)
{
    const struct record *held = &node->disk.current.records[slot];

    return held->is_held ? &held->version : NULL;
}

static void store(struct commit *commit, int slot, struct record *record)
{
    struct node *node = commit->node;

    compute_digest(slot, record);
    oracle_stores(node->world->oracle, node, slot, record);
    disk_change(&node->disk, slot, record);
    if (record->version.stamp > commit->stamp_max)
        commit->stamp_max = record->version.stamp;
}

static void do_write(struct commit *commit, struct work *work)
{
    struct node *node = commit->node;
    const struct version *held = held_version(node, work->slot);

    if (held != NULL && version_compare(held, &work->record.version) > 0)
        return; /* a merge of the same group is newer: the write was never seen */
    oracle_written(node->world->oracle, node, work->slot, &work->record);
    store(commit, work->slot, &work->record);
    commit->own_max = work->record.version.stamp;
    if (feed_is_wanted(node->feed))
        host_put_record(&commit->writer, work->slot, &work->record);
}

static void merge_record(struct commit *commit, const struct work *work,
                         const struct wire_record *wire)
{
    struct node *node = commit->node;
    int slot = keys_find(wire->ns, wire->key);
    struct record record = {.is_held = true,
                            .kind = wire->kind,
                            .version = wire->version,
                            .expiry_ms = wire->expiry_ms};
    struct merge_context context = {.horizon = node->horizon,
                                    .frame_horizon = work->horizon,
                                    .is_horizon_rule_off =
                                        (node->world->plan.rules_off & RULE_HORIZON_DROP) != 0};
    enum merge_verdict verdict;
    bool takes;

    verdict = merge_decide(&context, held_version(node, slot), &record.version, &takes);
    world_trace(node->world, node->index, slot, takes ? "merges" : "does not merge",
                record.version.stamp, (uint64_t)verdict, work->horizon);
    if (verdict == MERGE_CONFLICT && !oracle_is_doubtful(node->world->oracle, &record.version))
        world_fail(node->world, node->index, slot, "two writes have one stamp");
    if (takes)
        store(commit, slot, &record);
}

/* G7; what a new node loads is taken as it is. */
static uint64_t newest_allowed(const struct node *node, const struct work *work)
{
    return work->kind == WORK_LOAD ? UINT64_MAX
                                   : stamp_of_wall_ms(node_wall_ms(node) + SKEW_MAX_MS + 1) - 1;
}

/* The first `count` records. */
static enum applied merge_blob(struct commit *commit, struct work *work, size_t count)
{
    struct records_reader reader = records_read(buffer_view(&work->bytes));
    uint64_t newest = newest_allowed(commit->node, work);
    struct wire_record wire;
    enum status status = records_next(&reader, &wire);

    for (; status == STATUS_OK && count > 0; count--) {
        if (wire.version.stamp > newest)
            return APPLIED_SKEW;
        hlc_observe(&commit->node->hlc, wire.version.stamp);
        merge_record(commit, work, &wire);
        status = records_next(&reader, &wire);
    }
    if (status == STATUS_CORRUPT)
        world_fail(commit->node->world, commit->node->index, -1, "a blob of records is corrupt");
    return APPLIED_OK;
}

/* ---------- the sweeper ---------- */

static void expire(struct commit *commit, int slot, struct record record)
{
    record.kind = WIRE_EXPIRED;
    world_trace(commit->node->world, commit->node->index, slot, "expires", record.version.stamp, 0,
                0);
    store(commit, slot, &record);
}

static void purge(struct commit *commit, int slot)
{
    struct node *node = commit->node;
    const struct record *held = &node->disk.current.records[slot];

    world_trace(node->world, node->index, slot, "purges", held->version.stamp, node->horizon, 0);
    oracle_purges(node->world->oracle, node, slot, held);
    disk_change(&node->disk, slot, &(struct record){0});
    if (node->horizon > node->disk.open.purged_under)
        node->disk.open.purged_under = node->horizon;
}

static void do_sweep(struct commit *commit)
{
    struct node *node = commit->node;
    int64_t now_ms = node_wall_ms(node);

    for (int slot = 0; slot < KEYS_SLOTS; slot++) {
        const struct record *held = &node->disk.current.records[slot];

        if (!held->is_held)
            continue;
        if (held->kind == WIRE_LIVE && held->expiry_ms <= now_ms)
            expire(commit, slot, *held);
        else if (record_is_buried(held) && record_buried_at(held) <= node->horizon &&
                 world_chance(node->world, PURGED))
            purge(commit, slot);
    }
    node->is_swept = false;
}

static bool is_sweeping_due(const struct node *node)
{
    int64_t now_ms = node_wall_ms(node);

    for (int slot = 0; slot < KEYS_SLOTS; slot++) {
        const struct record *held = &node->disk.current.records[slot];

        if (held->is_held && (held->kind == WIRE_LIVE ? held->expiry_ms <= now_ms
                                                      : record_buried_at(held) <= node->horizon))
            return true;
    }
    return false;
}

static void sweep(struct world *world, struct event *event)
{
    struct node *node = event->node;

    world_schedule(world, world_between(world, SWEEP_MIN_US, SWEEP_MAX_US),
                   (struct event){.run = sweep, .node = node});
    if (node->is_swept || !is_sweeping_due(node))
        return;
    node->is_swept = true;
    (void)commit_add(node, WORK_SWEEP);
}

/* ---------- groups ---------- */

struct work *commit_add(struct node *node, enum work_kind kind)
{
    struct work *work = xcalloc(1, sizeof *work);

    work->kind = kind;
    if (node->open.last != NULL)
        node->open.last->next = work;
    else
        node->open.first = work;
    node->open.last = work;
    if (!node->is_committing) {
        node->is_committing = true;
        world_schedule(node->world, world_between(node->world, 0, GROUP_MAX_US),
                       (struct event){.run = begin_commit, .node = node});
    }
    return work;
}

static void free_group(struct group *group)
{
    for (struct work *work = group->first, *next; work != NULL; work = next) {
        next = work->next;
        buffer_clear(&work->bytes);
        free(work);
    }
    *group = (struct group){0};
}

static void do_work(struct commit *commit, struct work *work)
{
    work->result = APPLIED_OK;
    switch (work->kind) {
    case WORK_WRITE:
        do_write(commit, work);
        break;
    case WORK_MERGE:
        work->result = merge_blob(commit, work, SIZE_MAX);
        break;
    case WORK_LOAD:
        work->result = merge_blob(commit, work, SIZE_MAX);
        commit->node->disk.open.has_pages = true;
        commit->node->disk.open.has_last_page = work->is_last;
        break;
    case WORK_SAVE:
        disk_put_state(&commit->node->disk, buffer_view(&work->bytes));
        break;
    case WORK_SWEEP:
        do_sweep(commit);
        break;
    case WORK_CEILING:
        if (work->token > commit->stamp_max)
            commit->stamp_max = work->token;
        commit->node->is_raising = false;
        break;
    }
    work->is_done = true;
}

/* On a full disk a long merge can have been begun, in transactions of its own. */
static void refuse_work(struct commit *commit, struct work *work)
{
    if (work->kind == WORK_MERGE && world_chance(commit->node->world, 300))
        (void)merge_blob(commit, work, (size_t)world_between(commit->node->world, 0, 3));
    if (work->kind == WORK_SWEEP)
        commit->node->is_swept = false;
    if (work->kind == WORK_CEILING)
        commit->node->is_raising = false;
    if (work->kind == WORK_LOAD)
        commit->node->has_load_failed = true;
    work->result = APPLIED_FAILED;
}

/* C5 of the server's order: a batch with a stamp above the ceiling raises it, and is synced. */
static bool raise_ceiling(struct commit *commit)
{
    struct node *node = commit->node;

    if (commit->stamp_max <= node->disk.current.ceiling ||
        (node->world->plan.habits_off & HABIT_CEILING) != 0)
        return false;
    node->disk.open.ceiling = commit->stamp_max + stamp_of_wall_ms(CEILING_AHEAD_MS);
    return true;
}

/* Everything of the group goes to the disk as one batch. */
static uint64_t write_group(struct node *node, struct group *group, struct commit *commit,
                            bool is_refused)
{
    uint64_t number;
    bool is_synced;

    for (struct work *work = group->first; work != NULL; work = work->next) {
        if (is_refused)
            refuse_work(commit, work);
        else
            do_work(commit, work);
        if (work->kind == WORK_WRITE)
            node->writes_waiting--;
    }
    is_synced = raise_ceiling(commit);
    node->disk.open.last_own = commit->own_max;
    number = disk_commit(&node->disk);
    if (is_synced) {
        oracle_synced(node->world->oracle, node, number);
        disk_sync(&node->disk, number);
    }
    return number;
}

static void wait_for_sync(struct node *node, const struct work *work, uint64_t batch)
{
    assert(node->waiting_count < WAITING_MAX);
    node->waiting[node->waiting_count++] =
        (struct waiting){work->token, batch, work->kind == WORK_LOAD};
}

static void answer(struct node *node, const struct work *work, uint64_t batch)
{
    switch (work->kind) {
    case WORK_MERGE:
        gossip_applied(node->gossip, node_time(node), work->token, work->result);
        break;
    case WORK_LOAD:
        if (work->is_last && work->is_done)
            wait_for_sync(node, work, batch);
        else
            gossip_applied(node->gossip, node_time(node), work->token, work->result);
        break;
    case WORK_SAVE:
        if (work->is_done)
            wait_for_sync(node, work, batch);
        else
            gossip_saved(node->gossip, node_time(node), work->token, false);
        break;
    case WORK_WRITE:
    case WORK_SWEEP:
    case WORK_CEILING:
        break;
    }
}

static void end_commit(struct world *world, struct event *event)
{
    struct node *node = event->node;
    struct group group = node->flight;
    struct commit commit = {.node = node};
    uint64_t batch;

    commit.writer.out = &commit.records;
    node->flight = (struct group){0};
    node->is_committing = node->open.first != NULL;
    if (node->is_committing)
        world_schedule(world, 0, (struct event){.run = begin_commit, .node = node});
    batch = write_group(node, &group, &commit, node->is_disk_full);
    if (commit.own_max > 0)
        feed_append(node->feed, commit.own_max, &commit.records);
    buffer_clear(&commit.records);
    for (const struct work *work = group.first; work != NULL; work = work->next)
        answer(node, work, batch);
    if (commit.own_max > 0)
        gossip_written(node->gossip, node_time(node));
    free_group(&group);
}

static bool will_raise_ceiling(const struct node *node)
{
    for (const struct work *work = node->flight.first; work != NULL; work = work->next)
        if (work->kind == WORK_CEILING ||
            (work->kind == WORK_WRITE && work->record.version.stamp > node->disk.current.ceiling))
            return true;
    return false;
}

static void crash(struct world *world, struct event *event)
{
    (void)world;
    if (!event->node->crashes_at_ceiling)
        return; /* the faults are over */
    event->node->crashes_at_ceiling = false;
    node_crash(event->node);
}

static void begin_commit(struct world *world, struct event *event)
{
    struct node *node = event->node;
    int64_t takes_us = world_between(world, 50, COMMIT_MAX_US);

    node->flight = node->open;
    node->open = (struct group){0};
    if (node->crashes_at_ceiling && will_raise_ceiling(node))
        world_schedule(world, world_between(world, 0, takes_us),
                       (struct event){.run = crash, .node = node});
    world_schedule(world, takes_us, (struct event){.run = end_commit, .node = node});
}

/* ---------- durable points ---------- */

static void answer_waiting(struct node *node, uint64_t batch)
{
    while (node->waiting_count > 0 && node->waiting[0].batch <= batch) {
        struct waiting waiting = node->waiting[0];

        node->waiting_count--;
        for (size_t i = 0; i < node->waiting_count; i++)
            node->waiting[i] = node->waiting[i + 1];
        if (waiting.is_load)
            gossip_applied(node->gossip, node_time(node), waiting.token, APPLIED_OK);
        else
            gossip_saved(node->gossip, node_time(node), waiting.token, true);
    }
}

static void end_sync(struct world *world, struct event *event)
{
    struct node *node = event->node;

    node->is_syncing = false;
    if (node->is_disk_full)
        return;
    oracle_synced(world->oracle, node, event->a);
    disk_sync(&node->disk, event->a);
    answer_waiting(node, event->a);
}

static void begin_sync(struct world *world, struct event *event)
{
    struct node *node = event->node;
    int64_t next_us = world_between(world, 5 * MS, node->sync_every_us);

    world_schedule(world, next_us, (struct event){.run = begin_sync, .node = node});
    if (node->is_syncing || (disk_unsynced(&node->disk) == 0 && node->waiting_count == 0))
        return;
    node->is_syncing = true;
    world_schedule(world, world_between(world, 200, SYNC_MAX_US),
                   (struct event){.run = end_sync, .node = node, .a = disk_last(&node->disk)});
}

/* ---------- the process ---------- */

void commit_start(struct node *node)
{
    struct world *world = node->world;

    world_schedule(world, world_between(world, 0, SWEEP_MAX_US),
                   (struct event){.run = sweep, .node = node});
    world_schedule(world, world_between(world, 0, node->sync_every_us),
                   (struct event){.run = begin_sync, .node = node});
}

static void finish_group(struct node *node, struct group *group)
{
    struct commit commit = {.node = node};

    commit.writer.out = &commit.records;
    (void)write_group(node, group, &commit, false);
    buffer_clear(&commit.records);
}

/* A clean stop commits what is there; a crash may do so with the group in flight, unanswered, and
 * then keeps some of the batches that were not synced. */
void commit_end(struct node *node, bool is_crash)
{
    struct world *world = node->world;
    struct disk *disk = &node->disk;

    if (!is_crash || (!node->is_disk_full && world_chance(world, 500)))
        finish_group(node, &node->flight);
    if (!is_crash)
        finish_group(node, &node->open);
    if (is_crash) {
        size_t kept = (size_t)world_between(world, 0, (int64_t)disk_unsynced(disk));

        if (kept > 0)
            oracle_synced(world->oracle, node, disk->first + kept - 1);
        disk_crash(disk, kept);
    } else {
        oracle_synced(world->oracle, node, disk_last(disk));
        disk_crash(disk, disk_unsynced(disk));
        disk->is_clean = true;
        disk->clean_clock = node->hlc.last;
    }
    free_group(&node->open);
    free_group(&node->flight);
    node->writes_waiting = node->waiting_count = 0;
    node->is_committing = node->is_syncing = node->is_swept = node->is_raising = false;
}

/* No write may be on its way, and none may be stamped up to what is said here: so the clock is
 * moved, never above the ceiling, which an idle node has to raise for it. */
uint64_t commit_close_time(struct node *node)
{
    uint64_t now = stamp_of_wall_ms(node_wall_ms(node)), to;

    if (node->writes_waiting > 0 || node_wall_ms(node) > node->clock_limit_ms)
        return node->closed;
    hlc_observe(&node->hlc, now);
    to = node->hlc.last;
    if ((node->world->plan.habits_off & HABIT_CEILING) == 0 && to > node->disk.current.ceiling) {
        if (!node->is_raising)
            commit_add(node, WORK_CEILING)->token = to;
        node->is_raising = true;
        to = node->disk.current.ceiling;
    }
    if (to > node->closed)
        node->closed = to;
    return node->closed;
}

bool commit_wants_horizon(struct node *node)
{
    if (node->disk.is_changed) {
        node->disk.is_changed = false;
        node->wish = 0;
        for (int slot = 0; slot < KEYS_SLOTS; slot++) {
            const struct record *held = &node->disk.current.records[slot];

            if (record_is_buried(held) && record_buried_at(held) > node->wish)
                node->wish = record_buried_at(held);
        }
    }
    return node->wish > node->horizon;
}
