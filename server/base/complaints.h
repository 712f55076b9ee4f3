/* complaints.h - which troubles are worth a line in the log: one a second for an address, and the
 * same one of an address once a minute: who is refused comes again every few seconds.
 *
 * Remembers the addresses complained of last; when there are more within a second than it
 * remembers, the rest stays unmentioned.  So nobody can fill the log from outside.
 */
#ifndef BASE_COMPLAINTS_H
#define BASE_COMPLAINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define COMPLAINTS_MAX         16
#define COMPLAINTS_INTERVAL_US 1000000
#define COMPLAINTS_REPEAT_US   60000000

/* All zeros is none so far. */
struct complaints {
    struct {
        uint64_t address, reason; /* their hashes */
        int64_t at_us;            /* 0 = free */
    } recent[COMPLAINTS_MAX];
};

/* May one be logged now?  It is remembered if so. */
bool complaints_allow(struct complaints *complaints, struct bytes address, struct bytes reason,
                      int64_t now_us);

#endif
