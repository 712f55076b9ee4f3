/* retry.h - how long to wait before something is tried again.
 *
 * Many clients that were refused together must not come back together: so the wait grows with each
 * attempt and is drawn by lot (grapevine.h, enum grapevine_jitter).  A server that says how long to
 * wait is believed, and the lot is drawn on top of that.
 *
 * R1  The wait is never shorter than what the server said.
 * R2  The lot is never above max_ms.
 * R3  A wait that would end behind the deadline is not begun.
 *
 * Pure: time and randomness are arguments.
 */
#ifndef LIBRARY_RETRY_H
#define LIBRARY_RETRY_H

#include "grapevine.h"

struct retry_rule {
    int64_t min_ms; /* at least 1 */
    int64_t max_ms; /* at least min_ms */
    enum grapevine_jitter jitter;
    uint32_t attempts_max; /* 0 = no limit */
};

/* All zeros: nothing was tried yet. */
struct retry {
    uint32_t attempts; /* made so far; the caller counts them */
    uint32_t waits;    /* drawn so far */
    int64_t last_lot_ms;
};

/* May it be tried again at all? */
bool retry_is_left(const struct retry_rule *rule, const struct retry *retry);

/* Draws a wait; `told_ms` is what the server said, or 0.  False if there are no attempts or no time
 * left, and then nothing changes. */
bool retry_draw(const struct retry_rule *rule, struct retry *retry, int64_t told_ms,
                int64_t left_ms, uint64_t random, int64_t *wait_ms);

#endif
