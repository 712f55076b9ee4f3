#include "cluster/dialler.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void dialler_init(struct dialler *dialler, uint64_t seed)
{
    *dialler = (struct dialler){.random = {seed}};
}

static void destroy(struct target *target)
{
    free(target->address);
    free(target);
}

void dialler_clear(struct dialler *dialler)
{
    for (size_t i = 0; i < dialler->count; i++)
        destroy(dialler->targets[i]);
    free(dialler->targets);
    *dialler = (struct dialler){.count = 0};
}

static struct target *find(struct dialler *dialler, const char *address)
{
    for (size_t i = 0; i < dialler->count; i++)
        if (strcmp(dialler->targets[i]->address, address) == 0)
            return dialler->targets[i];
    return NULL;
}

static void want(struct dialler *dialler, const char *address, int64_t now_us)
{
    struct target *target = find(dialler, address);

    if (target == NULL && dialler->count == DIAL_TARGETS_MAX)
        return;
    if (target == NULL) {
        target = xcalloc(1, sizeof *target);
        target->address = xstrdup(address);
        target->due_us = now_us;
        dialler->targets =
            xrealloc(dialler->targets, (dialler->count + 1) * sizeof(struct target *));
        dialler->targets[dialler->count++] = target;
    }
    target->is_wanted = true;
}

void dialler_set(struct dialler *dialler, const char *const *addresses, size_t count,
                 int64_t now_us, void (*gone)(void *context, struct target *target), void *context)
{
    size_t kept = 0;

    for (size_t i = 0; i < dialler->count; i++)
        dialler->targets[i]->is_wanted = false;
    for (size_t i = 0; i < count; i++)
        want(dialler, addresses[i], now_us);
    for (size_t i = 0; i < dialler->count; i++) {
        struct target *target = dialler->targets[i];

        if (target->is_wanted) {
            dialler->targets[kept++] = target;
        } else {
            gone(context, target);
            destroy(target);
        }
    }
    dialler->count = kept;
}

struct target *dialler_take_due(struct dialler *dialler, int64_t now_us)
{
    for (size_t i = 0; i < dialler->count; i++) {
        struct target *target = dialler->targets[i];

        if (target->state != TARGET_WAITING || target->due_us > now_us)
            continue;
        target->state = TARGET_BUSY;
        target->attempts++;
        return target;
    }
    return NULL;
}

int64_t dialler_next_due_us(const struct dialler *dialler)
{
    int64_t next_us = INT64_MAX;

    for (size_t i = 0; i < dialler->count; i++)
        if (dialler->targets[i]->state == TARGET_WAITING && dialler->targets[i]->due_us < next_us)
            next_us = dialler->targets[i]->due_us;
    return next_us;
}

void dialler_up(struct target *target)
{
    target->backoff_us = 0;
    target->complaint = 0;
}

static void wait_for(struct dialler *dialler, struct target *target, int64_t backoff_us,
                     int64_t now_us)
{
    int64_t half = backoff_us / 2;

    if (target->state == TARGET_SELF)
        return;
    target->state = TARGET_WAITING;
    target->backoff_us = backoff_us;
    target->due_us = now_us + half + (int64_t)random_below(&dialler->random, (uint64_t)half + 1);
}

void dialler_failed(struct dialler *dialler, struct target *target, int64_t now_us)
{
    int64_t backoff_us = target->backoff_us == 0 ? DIAL_BACKOFF_MIN_US : target->backoff_us * 2;

    wait_for(dialler, target, backoff_us < DIAL_BACKOFF_MAX_US ? backoff_us : DIAL_BACKOFF_MAX_US,
             now_us);
}

void dialler_refused(struct dialler *dialler, struct target *target, int64_t now_us)
{
    wait_for(dialler, target, DIAL_BACKOFF_MAX_US, now_us);
}

void dialler_is_self(struct target *target)
{
    target->state = TARGET_SELF;
}
