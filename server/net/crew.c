#include "net/crew.h"

#include <stddef.h>

#include "net/loop.h"

/* Percent of a processor. */
#define OVERLOADED   90
#define WORTH_MOVING 30 /* the difference between two loops that is worth the trouble */

/* Up to here a loop takes any new client.  The thread sanitizer finds only races that happen, so
 * under it clients are spread at once. */
#ifdef __SANITIZE_THREAD__
#define ENOUGH_TO_DO 0
#else
#define ENOUGH_TO_DO 50
#endif

static struct loop *least_busy(const struct crew *crew)
{
    struct loop *best = crew->loops[0];

    for (int i = 1; i < crew->count; i++) {
        struct loop *loop = crew->loops[i];
        int difference = loop_percent_busy(loop) - loop_percent_busy(best);

        if (difference < 0 || (difference == 0 && loop_load(loop) < loop_load(best)))
            best = loop;
    }
    return best;
}

struct loop *crew_admit(const struct crew *crew)
{
    for (int i = 0; i < crew->count; i++)
        if (loop_percent_busy(crew->loops[i]) < ENOUGH_TO_DO)
            return crew->loops[i];
    return least_busy(crew);
}

struct loop *crew_relieve(const struct crew *crew, const struct loop *loop)
{
    struct loop *other;

    if (loop_percent_busy(loop) < OVERLOADED)
        return NULL;
    other = least_busy(crew);
    return loop_percent_busy(loop) - loop_percent_busy(other) < WORTH_MOVING ? NULL : other;
}
