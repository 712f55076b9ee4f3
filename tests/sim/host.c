/* host.c - what gossip.h asks of its host, answered by a simulated node: see node.h.
 *
 * Slow reading takes two steps, each after a delay by chance: the store is read in between, so that
 * an answer can be older than what happened since, or newer than what was asked.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/oracle.h"

#define SLOW_MAX_US    (20 * MS)
#define PAGE_BYTES_MAX 400 /* pages are small, so that there are some */

/* ---------- records ---------- */

void host_put_record(struct records_writer *writer, int slot, const struct record *record)
{
    bool is_live = record->kind == WIRE_LIVE;
    struct wire_record wire = {.ns = {(const char *)keys_at(slot)->ns, DIGEST_NS_SIZE},
                               .key = keys_text(slot),
                               .version = record->version,
                               .expiry_ms = record->expiry_ms,
                               .kind = record->kind};

    if (is_live)
        wire.value = (struct bytes){(const char *)&record->version.value_hash,
                                    sizeof record->version.value_hash};
    wire.value_size = record->kind == WIRE_TOMBSTONE ? 0 : sizeof record->version.value_hash;
    records_put(writer, &wire);
}

/* ---------- links ---------- */

static void send(void *context, uint64_t node_id, enum message_kind kind, struct bytes body)
{
    struct node *node = context;

    network_send(node->world->network, node, node_id, kind, body);
}

static void set_targets(void *context, const char *const *addresses, size_t count)
{
    struct node *node = context;

    assert(count <= GOSSIP_PEERS_MAX);
    node->target_count = count;
    for (size_t i = 0; i < count; i++)
        (void)snprintf(node->targets[i], sizeof node->targets[i], "%s", addresses[i]);
}

/* The links end later: host functions must not call back. */
static void end_links(struct world *world, struct event *event)
{
    network_drop(world->network, event->node, event->a);
}

static void drop_links(void *context, uint64_t node_id, const char *reason)
{
    struct node *node = context;

    (void)reason;
    world_trace(node->world, node->index, -1, "drops its links to", node_id, 0, 0);
    world_schedule(node->world, 0, (struct event){.run = end_links, .node = node, .a = node_id});
}

/* ---------- the store ---------- */

static bool read_log(void *context, uint64_t from, size_t bytes_max, struct buffer *records,
                     uint64_t *to, uint64_t *cut)
{
    return feed_read(((struct node *)context)->feed, from, bytes_max, records, to, cut);
}

static void trim_log(void *context, uint64_t position)
{
    feed_trim(((struct node *)context)->feed, position);
}

static void keep_log(void *context, bool is_wanted)
{
    feed_set_wanted(((struct node *)context)->feed, is_wanted);
}

static void observe_records(struct node *node, struct bytes records)
{
    uint64_t newest = stamp_of_wall_ms(node_wall_ms(node) + SKEW_MAX_MS + 1) - 1;
    struct records_reader reader = records_read(records);
    struct wire_record wire;

    while (records_next(&reader, &wire) == STATUS_OK)
        if (wire.version.stamp <= newest)
            hlc_observe(&node->hlc, wire.version.stamp);
}

static void apply(void *context, uint64_t token, uint64_t frame_horizon, struct bytes records)
{
    struct work *work = commit_add(context, WORK_MERGE);

    observe_records(context, records);
    work->token = token;
    work->horizon = frame_horizon;
    buffer_append_bytes(&work->bytes, records);
}

static void save(void *context, uint64_t token, struct bytes state)
{
    struct work *work = commit_add(context, WORK_SAVE);

    work->token = token;
    buffer_append_bytes(&work->bytes, state);
}

static uint64_t close_time(void *context)
{
    return commit_close_time(context);
}

static void observe(void *context, uint64_t stamp)
{
    struct node *node = context;

    if (stamp > node->hlc.last && !node->is_clock_wrong &&
        stamp_wall_ms(stamp) > node_wall_ms(node) + SKEW_MAX_MS)
        world_fail(node->world, node->index, -1, "a stamp %lld ms ahead of the clock is believed",
                   (long long)(stamp_wall_ms(stamp) - node_wall_ms(node)));
    hlc_observe(&node->hlc, stamp);
}

static void set_horizon(void *context, uint64_t horizon)
{
    struct node *node = context;

    world_trace(node->world, node->index, -1, "has the horizon", horizon, 0, 0);
    oracle_horizon(node->world->oracle, node, horizon);
    node->horizon = horizon;
}

static bool wants_horizon(void *context)
{
    return commit_wants_horizon(context);
}

static bool is_blank(void *context)
{
    const struct node *node = context;

    return !node->disk.current.is_written && node->open.first == NULL && node->flight.first == NULL;
}

static void set_gate(void *context, enum gossip_gate gate)
{
    struct node *node = context;

    if (gate == node->gate)
        return;
    world_trace(node->world, node->index, -1, "sets its gate", gate, node->gate, 0);
    if (gate == GATE_STALE)
        oracle_stale(node->world->oracle, node);
    node->gate = gate;
}

static void set_stagger(void *context, const uint64_t *node_ids, size_t count, int64_t step_us)
{
    (void)context;
    (void)node_ids;
    (void)count;
    (void)step_us;
}

/* ---------- leaves ---------- */

static uint64_t fingerprint(int from, const struct digest *digest)
{
    bool is_first = from % KEYS_PER_NS == 0;

    return digest_of_leaf(keys_digest(), keys_at(from)->ns,
                          is_first ? bytes_of("") : keys_text(from), digest);
}

struct leaf_builder {
    struct leaf_range *leaves;
    size_t count;
    int from;
    struct digest digest, root;
};

static void end_leaf(struct leaf_builder *builder, int to)
{
    if (builder->digest.count > 0) {
        digest_join(&builder->root, &builder->digest);
        builder->leaves[builder->count++] =
            (struct leaf_range){fingerprint(builder->from, &builder->digest), builder->from, to};
    }
    builder->digest = (struct digest){0};
    builder->from = to;
}

static void list_current(const struct node *node, struct leaf_builder *builder)
{
    *builder = (struct leaf_builder){.leaves = xcalloc(KEYS_SLOTS, sizeof *builder->leaves)};
    for (int slot = 0; slot < KEYS_SLOTS; slot++) {
        const struct record *record = &node->disk.current.records[slot];

        if (slot % KEYS_PER_NS == 0 || (record->is_held && keys_at(slot)->is_boundary))
            end_leaf(builder, slot);
        if (record->is_held)
            digest_add(&builder->digest, record->digest);
    }
    end_leaf(builder, KEYS_SLOTS);
}

static struct kept *find_kept(struct kept *table, uint64_t token)
{
    for (int i = 0; i < LISTS_MAX; i++)
        if (table[i].token == token)
            return &table[i];
    return NULL;
}

/* Open until it is closed, whether it has been answered or not. */
static void keep(struct node *node, struct kept *table, uint64_t token)
{
    struct kept *kept = find_kept(table, 0);

    if (kept == NULL)
        world_fail(node->world, node->index, -1, "%d lists or scans are open at once", LISTS_MAX);
    else
        *kept = (struct kept){.token = token};
}

static void forget(struct kept *table, uint64_t token)
{
    struct kept *kept = find_kept(table, token);

    if (kept == NULL || token == 0)
        return;
    free(kept->leaves);
    *kept = (struct kept){0};
}

/* ---------- slow calls ---------- */

static void after_a_while(struct node *node, struct event event)
{
    event.node = node;
    world_schedule(node->world, world_between(node->world, 0, SLOW_MAX_US), event);
}

static void *copy(const void *from, size_t size)
{
    void *to = xmalloc(size + 1);

    if (size > 0)
        memcpy(to, from, size);
    return to;
}

struct listing {
    struct digest root;
    size_t count;
    uint64_t fingerprints[];
};

static void answer_list(struct world *world, struct event *event)
{
    struct listing *listing = event->memory;

    (void)world;
    gossip_leaves(event->node->gossip, node_time(event->node), event->a, listing != NULL,
                  listing != NULL ? listing->fingerprints : NULL,
                  listing != NULL ? listing->count : 0, listing != NULL ? &listing->root : NULL);
}

static void read_list(struct world *world, struct event *event)
{
    struct node *node = event->node;
    struct kept *kept = find_kept(node->lists, event->a);
    struct leaf_builder builder;
    struct listing *listing;

    if (node->leaves_ready_us > world->now_us) {
        after_a_while(node, (struct event){.run = answer_list, .a = event->a});
        return;
    }
    list_current(node, &builder);
    listing = xmalloc(sizeof *listing + builder.count * sizeof listing->fingerprints[0]);
    listing->root = builder.root;
    listing->count = builder.count;
    for (size_t i = 0; i < builder.count; i++)
        listing->fingerprints[i] = builder.leaves[i].fingerprint;
    if (kept != NULL) {
        kept->leaves = builder.leaves;
        kept->count = builder.count;
    } else {
        free(builder.leaves);
    }
    after_a_while(node, (struct event){.run = answer_list, .a = event->a, .memory = listing});
}

static void list_leaves(void *context, uint64_t token)
{
    struct node *node = context;

    keep(node, node->lists, token);
    after_a_while(node, (struct event){.run = read_list, .a = token});
}

static void close_list(void *context, uint64_t list)
{
    forget(((struct node *)context)->lists, list);
}

struct scanning {
    struct open_leaves open;
    size_t range_count;
    struct leaf_range ranges[];
};

static void answer_scan(struct world *world, struct event *event)
{
    (void)world;
    gossip_elements(event->node->gossip, node_time(event->node), event->a, event->memory,
                    event->size);
}

static struct element element_of(int slot, const struct record *record, bool by_content)
{
    return (struct element){keys_at(slot)->hash.high,
                            by_content
                                ? record->digest.low
                                : version_element(record->version.stamp, record->version.node_id)};
}

static bool is_left_out(const struct record *record, const struct open_leaves *open)
{
    return record->version.stamp > open->cutoff ||
           (record_is_buried(record) && record_buried_at(record) <= open->horizon);
}

static void read_scan(struct world *world, struct event *event)
{
    struct node *node = event->node;
    const struct scanning *scanning = event->memory;
    struct element *elements = xmalloc(KEYS_SLOTS * sizeof *elements);
    size_t count = 0;

    (void)world;
    for (size_t i = 0; i < scanning->range_count; i++)
        for (int slot = scanning->ranges[i].from; slot < scanning->ranges[i].to; slot++) {
            const struct record *record = &node->disk.current.records[slot];

            if (record->is_held && !is_left_out(record, &scanning->open))
                elements[count++] = element_of(slot, record, scanning->open.by_content);
        }
    after_a_while(
        node, (struct event){.run = answer_scan, .a = event->a, .memory = elements, .size = count});
}

static bool is_asked_for(const struct open_leaves *open, uint64_t leaf)
{
    for (size_t i = 0; i < open->leaf_count; i++)
        if (open->leaves[i] == leaf)
            return true;
    return false;
}

static void scan_leaves(void *context, uint64_t token, uint64_t list,
                        const struct open_leaves *leaves)
{
    struct node *node = context;
    struct kept *kept = find_kept(node->lists, list);
    size_t count = kept != NULL ? kept->count : 0;
    struct scanning *scanning = xmalloc(sizeof *scanning + count * sizeof scanning->ranges[0]);

    if (kept == NULL)
        world_fail(node->world, node->index, -1, "a scan of a list that is not open");
    *scanning = (struct scanning){.open = *leaves};
    for (size_t i = 0; i < count; i++)
        if (is_asked_for(leaves, kept->leaves[i].fingerprint))
            scanning->ranges[scanning->range_count++] = kept->leaves[i];
    keep(node, node->scans, token);
    after_a_while(node, (struct event){.run = read_scan, .a = token, .memory = scanning});
}

static void close_scan(void *context, uint64_t scan)
{
    forget(((struct node *)context)->scans, scan);
}

static void answer_collect(struct world *world, struct event *event)
{
    (void)world;
    gossip_collected(event->node->gossip, node_time(event->node), event->a, event->b,
                     (struct bytes){event->memory, event->size});
}

static void read_collect(struct world *world, struct event *event)
{
    struct node *node = event->node;
    const uint64_t *keys = event->memory;
    struct buffer blob = {0};
    struct records_writer writer = {.out = &blob};
    size_t answered = 0;

    (void)world;
    while (answered < event->size && (answered == 0 || blob.size < event->b)) {
        int slot = keys_find_hash(keys[answered++]);

        if (slot >= 0 && node->disk.current.records[slot].is_held)
            host_put_record(&writer, slot, &node->disk.current.records[slot]);
    }
    after_a_while(node, (struct event){.run = answer_collect,
                                       .a = event->a,
                                       .b = answered,
                                       .memory = blob.data,
                                       .size = blob.size});
}

static void collect(void *context, uint64_t token, uint64_t scan, const uint64_t *keys,
                    size_t count, size_t bytes_max)
{
    struct node *node = context;

    if (find_kept(node->scans, scan) == NULL)
        world_fail(node->world, node->index, -1, "records of a scan that is not open");
    after_a_while(node, (struct event){.run = read_collect,
                                       .a = token,
                                       .b = bytes_max,
                                       .memory = copy(keys, count * sizeof *keys),
                                       .size = count});
}

/* ---------- pages ---------- */

static void answer_page(struct world *world, struct event *event)
{
    char cursor[8];

    (void)world;
    (void)snprintf(cursor, sizeof cursor, "%d", (int)event->b);
    gossip_page(event->node->gossip, node_time(event->node), event->a,
                (struct bytes){event->memory, event->size}, bytes_of(cursor),
                event->b == KEYS_SLOTS);
}

static void read_page_now(struct world *world, struct event *event)
{
    struct node *node = event->node;
    struct buffer blob = {0};
    struct records_writer writer = {.out = &blob};
    int slot = (int)event->b;

    (void)world;
    for (; slot < KEYS_SLOTS && blob.size < event->c; slot++)
        if (node->disk.current.records[slot].is_held)
            host_put_record(&writer, slot, &node->disk.current.records[slot]);
    after_a_while(node, (struct event){.run = answer_page,
                                       .a = event->a,
                                       .b = (uint64_t)slot,
                                       .memory = blob.data,
                                       .size = blob.size});
}

static void read_page(void *context, uint64_t token, struct bytes cursor, size_t bytes_max)
{
    uint64_t slot = 0;

    if (cursor.size > 0 && !bytes_to_uint64(cursor, &slot))
        abort(); /* not one of ours */
    after_a_while(context,
                  (struct event){.run = read_page_now,
                                 .a = token,
                                 .b = slot,
                                 .c = bytes_max < PAGE_BYTES_MAX ? bytes_max : PAGE_BYTES_MAX});
}

static void load_page(void *context, uint64_t token, struct bytes records, bool is_last)
{
    struct work *work = commit_add(context, WORK_LOAD);

    work->token = token;
    work->is_last = is_last;
    buffer_append_bytes(&work->bytes, records);
}

static void say(void *context, bool is_warning, const char *text)
{
    struct node *node = context;

    if (node->world->plan.is_verbose)
        printf("           n%d %s %s\n", node->index, is_warning ? "warns:" : "says:", text);
}

/* ---------- life ---------- */

void host_init(struct node *node)
{
    node->target_count = 0;
    node->host = (struct gossip_host){
        .context = node,
        .send = send,
        .set_targets = set_targets,
        .drop_links = drop_links,
        .read_log = read_log,
        .trim_log = trim_log,
        .keep_log = keep_log,
        .apply = apply,
        .save = save,
        .close_time = close_time,
        .observe = observe,
        .set_horizon = set_horizon,
        .wants_horizon = wants_horizon,
        .is_blank = is_blank,
        .set_gate = set_gate,
        .set_stagger = set_stagger,
        .list_leaves = list_leaves,
        .scan_leaves = scan_leaves,
        .collect = collect,
        .close_list = close_list,
        .close_scan = close_scan,
        .read_page = read_page,
        .load_page = load_page,
        .log = say,
    };
}

void host_clear(struct node *node)
{
    for (int i = 0; i < LISTS_MAX; i++) {
        free(node->lists[i].leaves);
        node->lists[i] = node->scans[i] = (struct kept){0};
    }
}
