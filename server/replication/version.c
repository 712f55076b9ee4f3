#include "replication/version.h"

#include <stdio.h>
#include <string.h>

uint64_t hlc_tick(struct hlc *hlc, int64_t wall_ms)
{
    uint64_t wall = stamp_of_wall_ms(wall_ms);

    hlc->last = hlc->last + 1 > wall ? hlc->last + 1 : wall;
    return hlc->last;
}

void hlc_observe(struct hlc *hlc, uint64_t seen)
{
    if (seen > hlc->last)
        hlc->last = seen;
}

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

int version_compare(const struct version *a, const struct version *b)
{
    if (a->stamp != b->stamp)
        return compare(a->stamp, b->stamp);
    if (a->node_id != b->node_id)
        return compare(a->node_id, b->node_id);
    return compare(a->value_hash, b->value_hash);
}

void version_to_text(uint64_t stamp, uint64_t node_id, char text[VERSION_TEXT_SIZE])
{
    char ended[VERSION_TEXT_SIZE + 1];

    (void)snprintf(ended, sizeof ended, "%016llx-%016llx", (unsigned long long)stamp,
                   (unsigned long long)node_id);
    memcpy(text, ended, VERSION_TEXT_SIZE);
}
