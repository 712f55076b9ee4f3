#include "replication/positions.h"

#include <stdlib.h>

#include "base/memory.h"

void positions_clear(struct positions *positions)
{
    free(positions->at);
    *positions = (struct positions){0};
}

void positions_copy(struct positions *to, const struct positions *from)
{
    if (to->capacity < from->count) {
        to->at = xrealloc(to->at, from->count * sizeof *to->at);
        to->capacity = from->count;
    }
    if (from->count > 0)
        memcpy(to->at, from->at, from->count * sizeof *to->at);
    to->count = from->count;
}

static bool is_before(const struct origin_position *position, uint64_t node_id,
                      uint32_t incarnation)
{
    if (position->node_id != node_id)
        return position->node_id < node_id;
    return position->incarnation < incarnation;
}

/* Where it is, or would be. */
static size_t search(const struct positions *positions, uint64_t node_id, uint32_t incarnation)
{
    size_t low = 0, high = positions->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (is_before(&positions->at[middle], node_id, incarnation))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct positions *positions, size_t i, uint64_t node_id,
                  uint32_t incarnation)
{
    return i < positions->count && positions->at[i].node_id == node_id &&
           positions->at[i].incarnation == incarnation;
}

struct origin_position *positions_find(const struct positions *positions, uint64_t node_id,
                                       uint32_t incarnation)
{
    size_t i = search(positions, node_id, incarnation);

    return is_at(positions, i, node_id, incarnation) ? &positions->at[i] : NULL;
}

struct origin_position *positions_add(struct positions *positions, uint64_t node_id,
                                      uint32_t incarnation, uint64_t start)
{
    size_t i = search(positions, node_id, incarnation);

    if (is_at(positions, i, node_id, incarnation))
        return &positions->at[i];
    positions->at =
        xgrow(positions->at, positions->count, &positions->capacity, sizeof *positions->at);
    memmove(&positions->at[i + 1], &positions->at[i],
            (positions->count - i) * sizeof *positions->at);
    positions->count++;
    positions->at[i] = (struct origin_position){
        .node_id = node_id, .incarnation = incarnation, .start = start, .position = start};
    return &positions->at[i];
}

void positions_remove(struct positions *positions, uint64_t node_id, uint32_t incarnation)
{
    size_t i = search(positions, node_id, incarnation);

    if (!is_at(positions, i, node_id, incarnation))
        return;
    positions->count--;
    memmove(&positions->at[i], &positions->at[i + 1],
            (positions->count - i) * sizeof *positions->at);
}
