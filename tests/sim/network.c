#include "sim/network.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sim/node.h"

#define DIAL_MIN_US   (20 * MS)
#define DIAL_MAX_US   (400 * MS)
#define NOTICE_MAX_US (500 * MS) /* until a side learns of the end of a link */
#define SILENT_MAX_US (15 * SECOND)

/* One side of a link. */
struct end {
    bool is_up;
    uint64_t peer_id;
    uint32_t peer_life;
};

/* From the node that dials to the node that is dialled: a pair has up to two. */
struct link {
    uint32_t generation; /* counts handshakes */
    struct end dialler, acceptor;
};

/* What a process remembers of another one's id. */
struct acquaintance {
    uint64_t id;
    uint32_t incarnation, life;
    bool is_announced; /* gossip was told that a link is up */
};

struct network {
    struct world *world;
    struct weather weather;
    struct link links[NODES_MAX][NODES_MAX];         /* [dialler][acceptor] */
    struct acquaintance known[NODES_MAX][NODES_MAX]; /* [who][whom] */
    bool is_blocked[NODES_MAX][NODES_MAX];           /* [from][to] */
    bool is_self_known[NODES_MAX];
    int64_t last_arrival_us[NODES_MAX][NODES_MAX]; /* keeps messages in order */
};

struct network *network_create(struct world *world)
{
    struct network *network = xcalloc(1, sizeof *network);

    network->world = world;
    network->weather.latency_us = MS;
    return network;
}

void network_destroy(struct network *network)
{
    free(network);
}

/* ---------- weather ---------- */

void network_set_weather(struct network *network, const struct weather *weather)
{
    network->weather = *weather;
}

void network_block(struct network *network, int from, int to, bool is_blocked)
{
    network->is_blocked[from][to] = is_blocked;
}

void network_heal(struct network *network)
{
    network->weather = (struct weather){.latency_us = MS};
    memset(network->is_blocked, 0, sizeof network->is_blocked);
}

static int64_t latency(struct network *network)
{
    return world_between(network->world, network->weather.latency_us / 4,
                         network->weather.latency_us * 7 / 4);
}

static bool is_cut(const struct network *network, int a, int b)
{
    return network->is_blocked[a][b] || network->is_blocked[b][a];
}

/* ---------- ends of links ---------- */

static struct end *end_at(struct network *network, int who, int whom, int which)
{
    return which == 0 ? &network->links[who][whom].dialler : &network->links[whom][who].acceptor;
}

static size_t count_ends(const struct network *network, int who, int whom, uint64_t id)
{
    const struct end *dialled = &network->links[who][whom].dialler;
    const struct end *accepted = &network->links[whom][who].acceptor;

    return (size_t)(dialled->is_up && dialled->peer_id == id) +
           (size_t)(accepted->is_up && accepted->peer_id == id);
}

size_t network_link_count(const struct network *network, const struct node *node)
{
    size_t count = 0;

    for (size_t i = 0; i < network->world->node_count; i++) {
        const struct acquaintance *known = &network->known[node->index][i];

        count += known->is_announced && count_ends(network, node->index, (int)i, known->id) > 0;
    }
    return count;
}

static void announce_down(struct network *network, struct node *node, int whom)
{
    struct acquaintance *known = &network->known[node->index][whom];

    if (!known->is_announced || count_ends(network, node->index, whom, known->id) > 0)
        return;
    known->is_announced = false;
    world_trace(network->world, node->index, -1, "has no link any more to node", (uint64_t)whom, 0,
                0);
    gossip_link_down(node->gossip, node_time(node), known->id);
}

static void notice_end(struct world *world, struct event *event)
{
    struct network *network = world->network;
    int who = event->node->index, whom = (int)event->a;
    const struct link *link =
        event->b == 0 ? &network->links[who][whom] : &network->links[whom][who];

    if (link->generation != event->c)
        return;
    end_at(network, who, whom, (int)event->b)->is_up = false;
    announce_down(network, event->node, whom);
}

static void notice_later(struct network *network, int who, int whom, int which, int64_t max_us)
{
    struct node *node = network->world->nodes[who];
    const struct link *link = which == 0 ? &network->links[who][whom] : &network->links[whom][who];

    if (node->is_up && end_at(network, who, whom, which)->is_up)
        world_schedule(network->world, world_between(network->world, 0, max_us),
                       (struct event){.run = notice_end,
                                      .node = node,
                                      .a = (uint64_t)whom,
                                      .b = (uint64_t)which,
                                      .c = link->generation});
}

void network_flap(struct network *network, int a, int b)
{
    for (int which = 0; which < 2; which++) {
        notice_later(network, a, b, which, NOTICE_MAX_US);
        notice_later(network, b, a, which, NOTICE_MAX_US);
    }
}

void network_drop(struct network *network, struct node *at, uint64_t node_id)
{
    for (size_t i = 0; i < network->world->node_count; i++) {
        bool has_ended = false;

        for (int which = 0; which < 2; which++) {
            struct end *end = end_at(network, at->index, (int)i, which);

            if (!end->is_up || end->peer_id != node_id)
                continue;
            end->is_up = false;
            has_ended = true;
            notice_later(network, (int)i, at->index, 1 - which, NOTICE_MAX_US);
        }
        if (has_ended)
            announce_down(network, at, (int)i);
    }
}

/* ---------- handshakes ---------- */

/* As the server's links do: one id, one process; a newer incarnation ends the older one. */
static bool is_admitted(struct network *network, struct node *node, const struct node *peer)
{
    struct acquaintance *known = &network->known[node->index][peer->index];
    uint32_t incarnation = gossip_incarnation(peer->gossip);

    if (known->id != peer->disk.node_id) {
        known->id = peer->disk.node_id;
        known->incarnation = incarnation;
        known->life = peer->life;
        known->is_announced = false;
        return true;
    }
    if (incarnation < known->incarnation ||
        (incarnation == known->incarnation && peer->life != known->life))
        return false;
    if (incarnation > known->incarnation) {
        end_at(network, node->index, peer->index, 0)->is_up = false;
        end_at(network, node->index, peer->index, 1)->is_up = false;
        announce_down(network, node, peer->index);
        known->incarnation = incarnation;
        known->life = peer->life;
    }
    return true;
}

static bool bring_up(struct network *network, struct node *node, const struct node *peer,
                     bool is_dialler)
{
    struct acquaintance *known = &network->known[node->index][peer->index];
    struct end *end = end_at(network, node->index, peer->index, is_dialler ? 0 : 1);
    struct gossip_hello hello = {.node_id = peer->disk.node_id,
                                 .incarnation = gossip_incarnation(peer->gossip),
                                 .start = gossip_start(peer->gossip),
                                 .address = peer->address,
                                 .dialled = is_dialler ? peer->address : NULL};
    const char *reason = "";

    /* Bytes of the former one at this address; its id is gone. */
    if (known->id != hello.node_id && known->is_announced) {
        end_at(network, node->index, peer->index, 0)->is_up = false;
        end_at(network, node->index, peer->index, 1)->is_up = false;
        announce_down(network, node, peer->index);
    }
    if (!is_admitted(network, node, peer))
        return false;
    *end = (struct end){true, hello.node_id, peer->life};
    if (known->is_announced && !is_dialler)
        return true;
    world_trace(network->world, node->index, -1, "has a link to node", (uint64_t)peer->index,
                hello.incarnation, is_dialler);
    if (gossip_link_up(node->gossip, node_time(node), &hello, &reason) == STATUS_OK) {
        known->is_announced = true;
        return true;
    }
    world_trace(network->world, node->index, -1, reason, (uint64_t)peer->index, 0, 0);
    end->is_up = false;
    if (known->is_announced)
        announce_down(network, node, peer->index);
    return false;
}

static bool can_talk(const struct node *node)
{
    return node->is_up && node->is_ready && node->stalled_until_us <= node->world->now_us;
}

/* The dialler's half of the handshake is the event's node. */
static void shake_hands(struct world *world, struct event *event)
{
    struct network *network = world->network;
    struct node *dialler = event->node, *acceptor = world->nodes[event->a];
    struct link *link = &network->links[dialler->index][acceptor->index];

    if (!can_talk(acceptor) || is_cut(network, dialler->index, acceptor->index) ||
        link->dialler.is_up)
        return;
    link->generation++;
    if (!bring_up(network, acceptor, dialler, false))
        return;
    if (!bring_up(network, dialler, acceptor, true))
        notice_later(network, acceptor->index, dialler->index, 1, NOTICE_MAX_US);
}

static void dial_target(struct network *network, struct node *node, const char *address)
{
    struct node *target = node_by_address(network->world, address);

    if (target == NULL || network->links[node->index][target->index].dialler.is_up)
        return;
    if (target == node) {
        if (!network->is_self_known[node->index])
            gossip_target_is_self(node->gossip, address);
        network->is_self_known[node->index] = true;
    } else if (can_talk(target) && !is_cut(network, node->index, target->index)) {
        world_schedule(
            network->world, latency(network) * 3,
            (struct event){.run = shake_hands, .node = node, .a = (uint64_t)target->index});
    }
}

static void dial(struct world *world, struct event *event)
{
    struct node *node = event->node;

    world_schedule(world, world_between(world, DIAL_MIN_US, DIAL_MAX_US),
                   (struct event){.run = dial, .node = node});
    if (!can_talk(node))
        return;
    for (size_t i = 0; i < node->target_count; i++)
        dial_target(world->network, node, node->targets[i]);
}

void network_started(struct network *network, struct node *node)
{
    network->is_self_known[node->index] = false;
    for (int i = 0; i < NODES_MAX; i++) {
        network->known[node->index][i] = (struct acquaintance){0};
        end_at(network, node->index, i, 0)->is_up = false;
        end_at(network, node->index, i, 1)->is_up = false;
    }
    world_schedule(network->world, world_between(network->world, 0, DIAL_MAX_US),
                   (struct event){.run = dial, .node = node});
}

void network_ended(struct network *network, struct node *node)
{
    for (size_t i = 0; i < network->world->node_count; i++) {
        int64_t max_us = world_chance(network->world, 850) ? NOTICE_MAX_US / 10 : SILENT_MAX_US;

        for (int which = 0; which < 2; which++)
            notice_later(network, (int)i, node->index, which, max_us);
    }
}

/* ---------- messages ---------- */

struct parcel {
    enum message_kind kind;
    int from;
    uint64_t from_id;
    uint32_t from_life;
    size_t size;
    char body[];
};

static void deliver(struct world *world, struct event *event)
{
    struct network *network = world->network;
    struct node *node = event->node;
    const struct parcel *parcel = event->memory;
    const struct acquaintance *known = &network->known[node->index][parcel->from];

    if (known->id != parcel->from_id || known->life != parcel->from_life || !known->is_announced)
        return;
    world_trace(world, node->index, -1, message_name(parcel->kind), (uint64_t)parcel->from,
                parcel->size, 0);
    world_trace_bytes(world, (struct bytes){parcel->body, parcel->size});
    if (gossip_receive(node->gossip, node_time(node), parcel->from_id, parcel->kind,
                       (struct bytes){parcel->body, parcel->size}) != STATUS_OK)
        world_fail(world, node->index, -1, "a %s message cannot be read",
                   message_name(parcel->kind));
}

static int64_t arrival_us(struct network *network, int from, int to)
{
    struct world *world = network->world;
    const struct weather *weather = &network->weather;
    int64_t at_us = world->now_us + latency(network);
    int64_t *last_us = &network->last_arrival_us[from][to];

    if (network->is_blocked[from][to] || world_chance(world, weather->lateness))
        return at_us + world_between(world, 0, weather->late_max_us + SECOND);
    if (at_us < *last_us && !world_chance(world, weather->disorder))
        at_us = *last_us;
    if (at_us > *last_us)
        *last_us = at_us;
    return at_us;
}

static void post(struct network *network, struct node *from, struct node *to, uint32_t to_life,
                 enum message_kind kind, struct bytes body)
{
    struct parcel *parcel = xmalloc(sizeof *parcel + body.size);
    struct event event = {.run = deliver, .node = to, .memory = parcel};

    *parcel = (struct parcel){.kind = kind,
                              .from = from->index,
                              .from_id = from->disk.node_id,
                              .from_life = from->life,
                              .size = body.size};
    if (body.size > 0)
        memcpy(parcel->body, body.data, body.size);
    if (to->life != to_life) {
        free(parcel);
        return;
    }
    world_schedule(network->world,
                   arrival_us(network, from->index, to->index) - network->world->now_us, event);
}

/* By the link that this side dialled, or the other's. */
static const struct end *choose_end(struct network *network, const struct node *from,
                                    uint64_t node_id, struct node **to)
{
    for (size_t i = 0; i < network->world->node_count; i++)
        for (int which = 0; which < 2; which++) {
            const struct end *end = end_at(network, from->index, (int)i, which);

            if (end->is_up && end->peer_id == node_id) {
                *to = network->world->nodes[i];
                return end;
            }
        }
    return NULL;
}

void network_send(struct network *network, struct node *from, uint64_t node_id,
                  enum message_kind kind, struct bytes body)
{
    struct world *world = network->world;
    struct node *to = NULL;
    const struct end *end = choose_end(network, from, node_id, &to);

    if (end == NULL || world_chance(world, network->weather.loss))
        return;
    if (network->is_blocked[from->index][to->index] && world_chance(world, 700))
        return;
    post(network, from, to, end->peer_life, kind, body);
    if (world_chance(world, network->weather.doubling))
        post(network, from, to, end->peer_life, kind, body);
}
