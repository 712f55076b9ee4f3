#include "sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/oracle.h"

struct world *world_create(uint64_t seed, const struct plan *plan)
{
    struct world *world = xcalloc(1, sizeof *world);

    world->seed = seed;
    world->random.state = seed * 0x9e3779b97f4a7c15 + 1;
    world->plan = *plan;
    world->trace = xcalloc(TRACE_KEPT, sizeof *world->trace);
    world->network = network_create(world);
    world->oracle = oracle_create(world);
    return world;
}

void world_destroy(struct world *world)
{
    for (size_t i = 0; i < world->node_count; i++)
        node_crash(world->nodes[i]);
    for (size_t i = 0; i < world->node_count; i++)
        node_destroy(world->nodes[i]);
    for (size_t i = 0; i < world->event_count; i++)
        free(world->events[i].memory);
    network_destroy(world->network);
    oracle_destroy(world->oracle);
    free(world->events);
    free(world->trace);
    free(world);
}

/* ---------- the heap ---------- */

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->number < b->number;
}

static void sift_up(struct event *events, size_t at)
{
    struct event event = events[at];

    for (; at > 0 && is_before(&event, &events[(at - 1) / 2]); at = (at - 1) / 2)
        events[at] = events[(at - 1) / 2];
    events[at] = event;
}

static void sift_down(struct event *events, size_t count)
{
    struct event event = events[0];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < count && is_before(&events[child + 1], &events[child]))
            child++;
        if (child >= count || !is_before(&events[child], &event))
            break;
        events[at] = events[child];
        at = child;
    }
    events[at] = event;
}

void world_schedule(struct world *world, int64_t after_us, struct event event)
{
    world->events =
        xgrow(world->events, world->event_count, &world->event_capacity, sizeof *world->events);
    event.at_us = world->now_us + (after_us > 0 ? after_us : 0);
    event.number = ++world->event_number;
    if (event.node != NULL)
        event.life = event.node->life;
    world->events[world->event_count++] = event;
    sift_up(world->events, world->event_count - 1);
}

static struct event pop(struct world *world)
{
    struct event event = world->events[0];

    world->events[0] = world->events[--world->event_count];
    if (world->event_count > 0)
        sift_down(world->events, world->event_count);
    return event;
}

/* True if the event waits for its node, or its node is no more. */
static bool is_put_off(struct world *world, struct event *event)
{
    struct node *node = event->node;

    if (node == NULL)
        return false;
    if (node->life != event->life) {
        free(event->memory);
        return true;
    }
    if (node->stalled_until_us <= world->now_us)
        return false;
    world_schedule(world, node->stalled_until_us - world->now_us, *event);
    return true;
}

bool world_step(struct world *world)
{
    struct event event;

    if (world->event_count == 0)
        return false;
    event = pop(world);
    world->now_us = event.at_us;
    if (is_put_off(world, &event))
        return true;
    world->step++;
    event.run(world, &event);
    free(event.memory);
    if (event.node != NULL)
        oracle_check_node(world->oracle, event.node);
    return true;
}

/* ---------- chance ---------- */

int64_t world_between(struct world *world, int64_t from, int64_t to)
{
    return from + (int64_t)random_below(&world->random, (uint64_t)(to - from) + 1);
}

bool world_chance(struct world *world, unsigned in_a_thousand)
{
    return random_below(&world->random, 1000) < in_a_thousand;
}

/* ---------- the trace ---------- */

static void mix(struct world *world, uint64_t value)
{
    uint64_t hash = (world->trace_hash ^ value) * 0x9e3779b97f4a7c15;

    world->trace_hash = hash ^ (hash >> 29);
}

static void print_line(const struct trace_line *line)
{
    printf("  %8" PRIu64 " %12.6f s ", line->step, (double)line->at_us / 1e6);
    if (line->node >= 0)
        printf("n%d ", line->node);
    if (line->slot >= 0)
        printf("key %d ", line->slot);
    printf("%s %" PRIx64 " %" PRIx64 " %" PRIx64 "\n", line->what, line->a, line->b, line->c);
}

void world_trace(struct world *world, int node, int slot, const char *what, uint64_t a, uint64_t b,
                 uint64_t c)
{
    struct trace_line *line = &world->trace[world->trace_count++ % TRACE_KEPT];

    *line = (struct trace_line){world->step, world->now_us, node, slot, what, a, b, c};
    mix(world, (uint64_t)world->now_us);
    mix(world, (uint64_t)(node * 1000 + slot));
    mix(world, (uint64_t)what[0] << 8 | (uint64_t)strlen(what));
    mix(world, a);
    mix(world, b);
    mix(world, c);
    if (world->plan.is_verbose)
        print_line(line);
}

void world_trace_bytes(struct world *world, struct bytes bytes)
{
    mix(world, bytes.size);
    for (size_t i = 0; i + 8 <= bytes.size; i += 8) {
        uint64_t part;

        memcpy(&part, bytes.data + i, sizeof part);
        mix(world, part);
    }
}

void world_fail(struct world *world, int node, int slot, const char *format, ...)
{
    va_list arguments;

    if (world->has_failed)
        return;
    world->has_failed = true;
    world->failed_node = node;
    world->failed_slot = slot;
    va_start(arguments, format);
    (void)vsnprintf(world->failure, sizeof world->failure, format, arguments);
    va_end(arguments);
}

static bool concerns(const struct world *world, const struct trace_line *line)
{
    if (world->failed_slot >= 0 && line->slot >= 0)
        return line->slot == world->failed_slot;
    return line->node < 0 || world->failed_node < 0 || line->node == world->failed_node;
}

void world_report(const struct world *world, size_t line_count)
{
    uint64_t oldest = world->trace_count > TRACE_KEPT ? world->trace_count - TRACE_KEPT : 0;
    uint64_t from = world->trace_count;

    for (; from > oldest && line_count > 0; from--)
        line_count -= concerns(world, &world->trace[(from - 1) % TRACE_KEPT]);
    for (; from < world->trace_count; from++)
        if (concerns(world, &world->trace[from % TRACE_KEPT]))
            print_line(&world->trace[from % TRACE_KEPT]);
}
