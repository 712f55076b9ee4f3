#include "library/retry.h"

/* A wait this many times doubled is longer than any. */
#define DOUBLINGS_MAX 40

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool retry_is_left(const struct retry_rule *rule, const struct retry *retry)
{
    return rule->attempts_max == 0 || retry->attempts < rule->attempts_max;
}

static int64_t from_to(int64_t from, int64_t to, uint64_t random)
{
    return from + (int64_t)(random % (uint64_t)(to - from + 1));
}

static int64_t step_of(const struct retry_rule *rule, uint32_t waits)
{
    int64_t step = rule->min_ms;

    for (uint32_t i = 0; i < waits && i < DOUBLINGS_MAX && step < rule->max_ms; i++)
        step *= 2;
    return smaller(step, rule->max_ms);
}

static int64_t draw(const struct retry_rule *rule, const struct retry *retry, uint64_t random)
{
    int64_t step = step_of(rule, retry->waits);

    switch (rule->jitter) {
    case GRAPEVINE_JITTER_FULL:
        return from_to(0, step, random);
    case GRAPEVINE_JITTER_DECORRELATED:
        step = retry->last_lot_ms > rule->min_ms ? retry->last_lot_ms : rule->min_ms;
        step = step > rule->max_ms / 3 ? rule->max_ms : 3 * step;
        return smaller(from_to(rule->min_ms, step > rule->min_ms ? step : rule->min_ms, random),
                       rule->max_ms);
    case GRAPEVINE_JITTER_NONE:
        break;
    }
    return step;
}

bool retry_draw(const struct retry_rule *rule, struct retry *retry, int64_t told_ms,
                int64_t left_ms, uint64_t random, int64_t *wait_ms)
{
    int64_t lot = draw(rule, retry, random);

    if (!retry_is_left(rule, retry) || told_ms > left_ms || lot >= left_ms - told_ms)
        return false;
    retry->waits++;
    retry->last_lot_ms = lot;
    *wait_ms = told_ms + lot;
    return true;
}
