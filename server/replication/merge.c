#include "replication/merge.h"

#include <stddef.h>

/* M1: not newer than our horizon, and its sender did not know that horizon yet. */
static bool may_have_been_purged(const struct merge_context *context,
                                 const struct version *incoming)
{
    return !context->is_horizon_rule_off && incoming->stamp <= context->horizon &&
           context->frame_horizon < context->horizon;
}

static bool is_one_write(const struct version *a, const struct version *b)
{
    return a->stamp == b->stamp && a->node_id == b->node_id;
}

enum merge_verdict merge_decide(const struct merge_context *context, const struct version *held,
                                const struct version *incoming, bool *takes)
{
    int order;

    *takes = false;
    if (incoming->stamp <= context->emptied)
        return MERGE_DEAD;
    if (held == NULL && may_have_been_purged(context, incoming))
        return MERGE_PURGED;
    order = held == NULL ? -1 : version_compare(held, incoming);
    *takes = order < 0;
    if (held != NULL && order != 0 && is_one_write(held, incoming))
        return MERGE_CONFLICT;
    return *takes ? MERGE_TAKE : MERGE_KEEP;
}
