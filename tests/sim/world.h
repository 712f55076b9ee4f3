/* world.h - time and chance of a simulated cluster: events in order, from a seed.
 *
 * There is one thread and no clock but `now_us`.  Whatever happens is an event that was scheduled
 * before; events of the same moment run in the order in which they were scheduled; all choices come
 * from one generator.  So a seed gives the same run everywhere, and the hash of its trace shows it.
 *
 * An event can belong to a node in one life (from start to crash): it is dropped if that life is
 * over, and waits while the node is stalled.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/random.h"

#define MS           1000LL /* of virtual time, which is in microseconds */
#define SECOND       (1000 * MS)
#define HOUR         (3600 * SECOND)
#define NODES_MAX    10
#define TRACE_KEPT   8192
#define FAILURE_SIZE 400

struct world;
struct node;
struct oracle;
struct network;

struct event {
    int64_t at_us;
    uint64_t number;
    void (*run)(struct world *world, struct event *event);
    struct node *node; /* NULL: it belongs to nobody */
    uint32_t life;
    uint64_t a, b, c;
    void *memory; /* freed with the event */
    size_t size;
};

/* One line of what happened, kept for the report of a failure. */
struct trace_line {
    uint64_t step;
    int64_t at_us;
    int node, slot; /* -1 = none */
    const char *what;
    uint64_t a, b, c;
};

/* What differs from seed to seed, or is asked for on the command line. */
struct plan {
    unsigned rules_off;  /* RULE_* of gossip.h */
    unsigned habits_off; /* HABIT_* of node.h */
    unsigned faults;     /* FAULT_* of faults.h that happen */
    int64_t chaos_us;    /* how long */
    int node_count, ns_count, keys_per_ns;
    bool is_verbose;
};

struct world {
    uint64_t seed;
    struct random random;
    int64_t now_us;
    int64_t leap_us; /* all clocks are ahead of it by so much */
    uint64_t step;
    struct plan plan;

    struct event *events; /* a heap */
    size_t event_count, event_capacity;
    uint64_t event_number;

    struct node *nodes[NODES_MAX];
    size_t node_count;
    struct network *network;
    struct oracle *oracle;

    struct trace_line *trace; /* a ring */
    uint64_t trace_count, trace_hash;

    bool has_failed;
    char failure[FAILURE_SIZE];
    int failed_node, failed_slot; /* whom it is about, -1 = nobody */
};

struct world *world_create(uint64_t seed, const struct plan *plan);
void world_destroy(struct world *world);

/* Takes over event->memory. */
void world_schedule(struct world *world, int64_t after_us, struct event event);
/* Runs the next event; false if there is none. */
bool world_step(struct world *world);

/* Numbers by chance: `from` to `to`, both included. */
int64_t world_between(struct world *world, int64_t from, int64_t to);
bool world_chance(struct world *world, unsigned in_a_thousand);

/* `what` is a literal. */
void world_trace(struct world *world, int node, int slot, const char *what, uint64_t a, uint64_t b,
                 uint64_t c);
void world_trace_bytes(struct world *world, struct bytes bytes);
/* A claim is broken: the first one is kept, and ends the run. */
void world_fail(struct world *world, int node, int slot, const char *format, ...) PRINTF_LIKE(4, 5);
/* The last lines that concern the node or the key of the failure. */
void world_report(const struct world *world, size_t line_count);

#endif
