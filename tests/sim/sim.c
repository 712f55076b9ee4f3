/* sim.c - whole clusters of replicas in one thread, from a seed.
 *
 *     sim --seed 17                 one seed; --verbose tells everything that happens
 *     sim --seed 1 --count 1000     that one and those that follow
 *     sim --mutants                 each safety rule is switched off: is it noticed?
 *     sim --rules-off watermark     ... this one, for the seeds that are named
 *     sim --faults crash,loss       only these kinds of trouble
 *
 * The replication is the server's own (server/replication); disks, clocks, network and clients are
 * simulated (world.h, node.h, network.h, faults.h), and an oracle that sees everything says what is
 * wrong (oracle.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "sim/faults.h"
#include "sim/keys.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/oracle.h"

#define SETTLE_MAX_US  (180 * SECOND) /* until all must be equal, after the faults */
#define SETTLE_LOOK_US (250 * MS)
#define REPORT_LINES   40
#define MUTANT_SEEDS   2000 /* in which a rule that is off must be noticed */

struct options {
    uint64_t seed, count;
    unsigned rules_off, habits_off, faults;
    bool has_faults, is_verbose, does_mutants;
};

struct mutant {
    const char *name;
    unsigned rule, habit;
    unsigned faults; /* that bring it out; 0 = whatever a seed has */
};

static const struct mutant mutants[] = {
    {"horizon-drop", RULE_HORIZON_DROP, 0,
     1u << FAULT_RESTORE | 1u << FAULT_PARTITION | 1u << FAULT_LATENESS},
    {"watermark", RULE_WATERMARK, 0, 0},
    {"durable", RULE_DURABLE, 0, 0},
    {"incarnation", RULE_INCARNATION, 0, 0},
    {"coverage", RULE_COVERAGE, 0, 0},
    {"join-acks", RULE_JOIN_ACKS, 0, 1u << FAULT_WIPE | 1u << FAULT_TORN},
    {"joint-raise", RULE_JOINT_RAISE, 0, 0},
    {"seal", RULE_SEAL, 0, 0},
    {"origin-start", RULE_ORIGIN_START, 0, 0},
    {"gap", RULE_GAP, 0, 0},
    {"ceiling", 0, HABIT_CEILING, 0},
};

/* ---------- one seed ---------- */

struct outcome {
    bool has_failed;
    uint64_t hash, steps;
    size_t writes, purges;
    int64_t settled_us; /* after the faults were over */
};

static void run_until(struct world *world, int64_t until_us)
{
    while (!world->has_failed && world->events[0].at_us <= until_us)
        (void)world_step(world);
    if (!world->has_failed)
        world->now_us = until_us;
}

static void run_to_rest(struct world *world, struct outcome *outcome)
{
    int64_t from_us = world->now_us;
    const char *why = NULL;
    bool is_settled = false;

    while (!world->has_failed && !is_settled && world->now_us < from_us + SETTLE_MAX_US) {
        run_until(world, world->now_us + SETTLE_LOOK_US);
        is_settled = oracle_is_settled(world->oracle, &why);
    }
    if (!is_settled)
        world_fail(world, -1, -1, "not settled after %lld s: %s",
                   (long long)(SETTLE_MAX_US / SECOND), why);
    oracle_check_end(world->oracle);
    outcome->settled_us = world->now_us - from_us;
}

static void explain(const struct world *world)
{
    printf("seed %" PRIu64 ", step %" PRIu64 ", %.3f s, node %d, key %d: %s\n  with:", world->seed,
           world->step, (double)world->now_us / 1e6, world->failed_node, world->failed_slot,
           world->failure);
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        if (has_fault(&world->plan, (enum fault)fault))
            printf(" %s", fault_word((enum fault)fault));
    printf("; %d nodes, %d namespaces of %d keys, %.1f s\n", world->plan.node_count,
           world->plan.ns_count, world->plan.keys_per_ns, (double)world->plan.chaos_us / 1e6);
}

static void explain_node(const struct node *node)
{
    struct gossip_status status;

    printf("  n%d %016" PRIx64 "/%u%s%s%s%s%s", node->index, node->disk.node_id, node->incarnation,
           node->is_up ? "" : " down", node->has_joined ? "" : " not joined",
           node->is_restored ? " restored" : "", node->is_forgotten ? " forgotten" : "",
           node->has_left ? " left" : "");
    if (node->is_up) {
        gossip_status(node->gossip, node_time(node), &status);
        printf(": gate %d, %zu members, %zu links, horizon %" PRIx64 ", watermark %" PRIx64 "%s",
               (int)status.gate, status.member_count,
               network_link_count(node->world->network, node), status.horizon, status.watermark,
               status.is_out ? ", out" : "");
    }
    printf("\n");
    if (node->is_up)
        oracle_describe(node->world->oracle, node);
}

static struct outcome run_plan(uint64_t seed, const struct plan *plan, bool is_told)
{
    struct world *world = world_create(seed, plan);
    struct outcome outcome = {0};

    faults_begin(world);
    run_until(world, plan->chaos_us);
    if (!world->has_failed) {
        faults_end(world);
        run_to_rest(world, &outcome);
    }
    outcome.has_failed = world->has_failed;
    outcome.hash = world->trace_hash;
    outcome.steps = world->step;
    outcome.writes = oracle_write_count(world->oracle);
    outcome.purges = oracle_purge_count(world->oracle);
    if (world->has_failed && is_told) {
        explain(world);
        for (size_t i = 0; i < world->node_count; i++)
            explain_node(world->nodes[i]);
        world_report(world, REPORT_LINES);
    }
    world_destroy(world);
    return outcome;
}

/* ---------- making a failure small ---------- */

static bool fails(uint64_t seed, const struct plan *plan)
{
    return run_plan(seed, plan, false).has_failed;
}

/* As few kinds of trouble, and as short a chaos, as still fail. */
static struct plan shrink(uint64_t seed, struct plan plan)
{
    for (int fault = 0; fault < FAULT_COUNT; fault++) {
        struct plan smaller = plan;

        smaller.faults &= ~(1u << fault);
        if (smaller.faults != plan.faults && fails(seed, &smaller))
            plan = smaller;
    }
    for (int64_t step_us = plan.chaos_us / 2; step_us > 100 * MS; step_us /= 2) {
        struct plan smaller = plan;

        smaller.chaos_us -= step_us;
        if (smaller.chaos_us > SECOND && fails(seed, &smaller))
            plan = smaller;
    }
    return plan;
}

/* ---------- many seeds ---------- */

static struct plan plan_of(uint64_t seed, const struct options *options)
{
    struct plan plan = faults_plan(seed);

    plan.rules_off = options->rules_off;
    plan.habits_off = options->habits_off;
    plan.is_verbose = options->is_verbose;
    if (options->has_faults)
        plan.faults = options->faults;
    return plan;
}

static void tell(uint64_t seed, const struct outcome *outcome)
{
    printf("seed %" PRIu64 ": %s, trace %016" PRIx64 ", %" PRIu64
           " steps, %zu writes, %zu purged, equal after %.2f s\n",
           seed, outcome->has_failed ? "FAILED" : "passed", outcome->hash, outcome->steps,
           outcome->writes, outcome->purges, (double)outcome->settled_us / 1e6);
}

static bool run_seed(uint64_t seed, const struct options *options)
{
    struct plan plan = plan_of(seed, options);
    struct outcome outcome = run_plan(seed, &plan, options->count == 1);

    if (options->count == 1)
        tell(seed, &outcome);
    if (outcome.has_failed && !options->is_verbose) {
        struct plan smaller = shrink(seed, plan);

        printf("the same, made small:\n");
        (void)run_plan(seed, &smaller, true);
    }
    return !outcome.has_failed;
}

static int run_seeds(const struct options *options)
{
    uint64_t failed = 0;

    for (uint64_t i = 0; i < options->count; i++)
        failed += !run_seed(options->seed + i, options);
    printf("sim: %" PRIu64 " passed, %" PRIu64 " failed\n", options->count - failed, failed);
    return failed > 0;
}

/* ---------- mutants ---------- */

/* The number of seeds it took until one failed that does not with all rules on; 0 = none. */
static uint64_t notice(const struct mutant *mutant, uint64_t first_seed)
{
    for (uint64_t i = 0; i < MUTANT_SEEDS; i++) {
        struct plan sane = faults_plan(first_seed + i), plan;

        if (mutant->faults != 0)
            sane.faults = mutant->faults;
        plan = sane;
        plan.rules_off = mutant->rule;
        plan.habits_off = mutant->habit;
        if (fails(first_seed + i, &plan) && !fails(first_seed + i, &sane))
            return i + 1;
    }
    return 0;
}

static int run_mutants(const struct options *options)
{
    size_t failed = 0;

    for (size_t i = 0; i < COUNT_OF(mutants); i++) {
        uint64_t seeds = notice(&mutants[i], options->seed);

        printf("without %s: %s, %" PRIu64 " seeds\n", mutants[i].name,
               seeds > 0 ? "noticed" : "NOT NOTICED", seeds > 0 ? seeds : MUTANT_SEEDS);
        (void)fflush(stdout);
        failed += seeds == 0;
    }
    printf("mutants: %zu passed, %zu failed\n", COUNT_OF(mutants) - failed, failed);
    return failed > 0;
}

/* ---------- the command line ---------- */

static void refuse(const char *what, const char *word)
{
    (void)fprintf(stderr, "sim: %s '%s'\n", what, word);
    exit(2);
}

static void take_rule(struct options *options, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(mutants); i++)
        if (strcmp(mutants[i].name, name) == 0) {
            options->rules_off |= mutants[i].rule;
            options->habits_off |= mutants[i].habit;
            return;
        }
    refuse("there is no rule", name);
}

static unsigned fault_named(const char *name)
{
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        if (strcmp(fault_word((enum fault)fault), name) == 0)
            return 1u << fault;
    refuse("there is no fault", name);
    return 0;
}

static void take_faults(struct options *options, char *names)
{
    options->has_faults = true;
    for (char *name = strtok(names, ","); name != NULL; name = strtok(NULL, ","))
        options->faults |= fault_named(name);
}

static uint64_t number_of(const char *text)
{
    uint64_t number;

    if (!bytes_to_uint64(bytes_of(text), &number))
        refuse("not a number:", text);
    return number;
}

static struct options parse(int argc, char **argv)
{
    struct options options = {.seed = 1, .count = 1};

    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;

        if (strcmp(argv[i], "--verbose") == 0)
            options.is_verbose = true;
        else if (strcmp(argv[i], "--mutants") == 0)
            options.does_mutants = true;
        else if (strcmp(argv[i], "--seed") == 0 && has_value)
            options.seed = number_of(argv[++i]);
        else if (strcmp(argv[i], "--count") == 0 && has_value)
            options.count = number_of(argv[++i]);
        else if (strcmp(argv[i], "--rules-off") == 0 && has_value)
            take_rule(&options, argv[++i]);
        else if (strcmp(argv[i], "--faults") == 0 && has_value)
            take_faults(&options, argv[++i]);
        else
            refuse("no option, or one without its value:", argv[i]);
    }
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);

    keys_init();
    return options.does_mutants ? run_mutants(&options) : run_seeds(&options);
}
