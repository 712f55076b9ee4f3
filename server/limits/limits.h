/* limits.h - what a namespace may hold and how often a key may be written.
 *
 * Three named profiles (Workers KV's beta of 2018, today's service, none), each number of which can
 * be overridden.  All limits are inclusive and exact to the byte.  Pure: numbers in, answers out.
 */
#ifndef LIMITS_LIMITS_H
#define LIMITS_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum limit {
    LIMIT_KEY_SIZE,       /* bytes of a key */
    LIMIT_VALUE_SIZE,     /* bytes of a value */
    LIMIT_METADATA_SIZE,  /* bytes of the metadata's JSON text */
    LIMIT_KEYS,           /* keys in a namespace; 0 = unlimited */
    LIMIT_KEY_WRITE_RATE, /* writes a second of one key; 0 = off */
    LIMIT_COUNT
};

enum limit_profile { LIMIT_PROFILE_BETA, LIMIT_PROFILE_CURRENT, LIMIT_PROFILE_NONE };

struct limits {
    int64_t at[LIMIT_COUNT];
};

/* The option's name, "max-key-size" and so on, and the range that may be asked for. */
struct limit_rule {
    const char *name;
    int64_t min;
    int64_t max;
};

extern const struct limit_rule limit_rules[LIMIT_COUNT];

const struct limits *limits_of_profile(enum limit_profile profile);

/* May a client write a record now?
 *
 * `last_ms` is the wall part of the record's stamp, whichever replica wrote it; 0 = never written.
 * True, or false and *wait_ms = how long until it may.  A stamp further ahead of the clock than the
 * distance itself can only come from a clock that was set back: it does not hold the key hostage.
 */
bool limits_may_write(int64_t last_ms, int64_t now_ms, int64_t writes_per_second, int64_t *wait_ms);

/* The same with a distance that is longer by so much (stagger.h). */
bool limits_may_write_after(int64_t last_ms, int64_t now_ms, int64_t writes_per_second,
                            int64_t longer_ms, int64_t *wait_ms);

#endif
