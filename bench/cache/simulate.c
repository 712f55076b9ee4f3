/* How many of a trace's uses find their key in memory, under each policy and at several sizes of
 * the cache: the tables of bench/README.md.
 *
 * Traces are made up, from a fixed seed.  Uses by a scan are not counted: what counts is what a
 * scan leaves to the others; nor is the first quarter of a trace, in which the cache fills. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/memory.h"
#include "base/random.h"
#include "cache/policy.h"

#define KEYS      400000u
#define USES      2400000u
#define WARM_UP   4 /* a quarter */
#define SEED      7
#define UNCOUNTED 0x80000000u /* beside the key: used by a scan */

static const unsigned sizes_percent[] = {1, 5, 10, 25};

struct trace {
    uint32_t uses[USES];
    double cumulated[KEYS]; /* the chance of a key up to this one */
    struct random random;
};

/* ---------- keys by Zipf's law: the n-th has a share of 1 / n^exponent ---------- */

static void begin_zipf(struct trace *trace, double exponent)
{
    double sum = 0;

    for (uint32_t i = 0; i < KEYS; i++)
        trace->cumulated[i] = sum += pow(i + 1, -exponent);
    for (uint32_t i = 0; i < KEYS; i++)
        trace->cumulated[i] /= sum;
}

static uint32_t zipf(struct trace *trace)
{
    double chance = (double)(random_next(&trace->random) >> 11) * 0x1p-53;
    uint32_t low = 0, high = KEYS - 1;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (trace->cumulated[middle] < chance)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---------- traces; `size` is the cache's ---------- */

static void make_zipf(struct trace *trace, double exponent, uint32_t size)
{
    (void)size;
    begin_zipf(trace, exponent);
    for (uint32_t i = 0; i < USES; i++)
        trace->uses[i] = zipf(trace);
}

/* Once, at the half, somebody reads all there is. */
static void make_one_scan(struct trace *trace, double exponent, uint32_t size)
{
    make_zipf(trace, exponent, size);
    for (uint32_t i = 0; i < KEYS; i++)
        trace->uses[USES / 2 + i] = i | UNCOUNTED;
}

#define SCAN_STRETCH 100 /* a page */
#define SCAN_SHARE   5   /* each fifth page */

static void make_steady_scan(struct trace *trace, double exponent, uint32_t size)
{
    uint32_t next = 0;

    make_zipf(trace, exponent, size);
    for (uint32_t i = 0; i < USES; i++)
        if (i / SCAN_STRETCH % SCAN_SHARE == 0)
            trace->uses[i] = next++ % KEYS | UNCOUNTED;
}

#define SHIFTS 20

/* Now and then other keys are the frequent ones: each time a twentieth of the ranks moves on. */
static void make_shifting(struct trace *trace, double exponent, uint32_t size)
{
    make_zipf(trace, exponent, size);
    for (uint32_t i = 0; i < USES; i++)
        trace->uses[i] = (trace->uses[i] + i / (USES / SHIFTS) * (KEYS / SHIFTS)) % KEYS;
}

/* Half of all uses are of keys that nobody uses again. */
static void make_one_hit(struct trace *trace, double exponent, uint32_t size)
{
    make_zipf(trace, exponent, size);
    for (uint32_t i = 0; i < USES; i += 2)
        trace->uses[i] = (KEYS + i) | UNCOUNTED;
}

/* Round and round through a tenth more than there is room for. */
static void make_loop(struct trace *trace, double exponent, uint32_t size)
{
    (void)exponent;
    for (uint32_t i = 0; i < USES; i++)
        trace->uses[i] = i % (size + size / 10);
}

static const struct kind {
    const char *name;
    void (*make)(struct trace *trace, double exponent, uint32_t size);
    double exponent;
} kinds[] = {
    {"Zipf 0.7", make_zipf, 0.7},
    {"Zipf 0.9", make_zipf, 0.9},
    {"Zipf 0.99", make_zipf, 0.99},
    {"Zipf 1.1", make_zipf, 1.1},
    {"Zipf 0.99, one full scan", make_one_scan, 0.99},
    {"Zipf 0.99, 20 % scan", make_steady_scan, 0.99},
    {"Zipf 0.99, shifting", make_shifting, 0.99},
    {"Zipf 0.99, 50 % one-hit keys", make_one_hit, 0.99},
    {"loop of 1.1 sizes", make_loop, 0},
};

/* ---------- running ---------- */

static double hit_percent(const struct policy *policy, const struct trace *trace, uint32_t size)
{
    void *cache = policy->create(size, KEYS + USES);
    uint32_t hits = 0, counted = 0;

    for (uint32_t i = 0; i < USES; i++) {
        bool is_hit = policy->use(cache, trace->uses[i] & ~UNCOUNTED);

        if (i < USES / WARM_UP || (trace->uses[i] & UNCOUNTED))
            continue;
        counted++;
        hits += is_hit;
    }
    policy->destroy(cache);
    return 100.0 * hits / counted;
}

static void run_kind(const struct kind *kind, struct trace *trace, unsigned percent)
{
    uint32_t size = KEYS / 100 * percent;

    trace->random.state = SEED;
    kind->make(trace, kind->exponent, size);
    printf("| %s | %u %% |", kind->name, percent);
    for (const struct policy *policy = policies; policy->name != NULL; policy++)
        printf(" %.1f |", hit_percent(policy, trace, size));
    printf("\n");
    (void)fflush(stdout);
}

int main(void)
{
    struct trace *trace = xmalloc(sizeof *trace);

    printf("| trace | size |");
    for (const struct policy *policy = policies; policy->name != NULL; policy++)
        printf(" %s |", policy->name);
    printf("\n|---|---|");
    for (const struct policy *policy = policies; policy->name != NULL; policy++)
        printf("---|");
    printf("\n");
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        for (size_t j = 0; j < COUNT_OF(sizes_percent); j++)
            run_kind(&kinds[i], trace, sizes_percent[j]);
    free(trace);
    return 0;
}
