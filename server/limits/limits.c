#include "limits/limits.h"

const struct limit_rule limit_rules[LIMIT_COUNT] = {
    [LIMIT_KEY_SIZE] = {"max-key-size", 1, 65535},
    [LIMIT_VALUE_SIZE] = {"max-value-size", 1, 512 * 1024 * 1024},
    [LIMIT_METADATA_SIZE] = {"max-metadata-size", 0, 65535},
    [LIMIT_KEYS] = {"max-keys-per-namespace", 0, INT64_MAX},
    [LIMIT_KEY_WRITE_RATE] = {"key-write-rate", 0, 1000},
};

static const struct limits profiles[] = {
    [LIMIT_PROFILE_BETA] = {{2048, 65536, 1024, 1000000000, 1}},
    [LIMIT_PROFILE_CURRENT] = {{512, 26214400, 1024, 0, 1}},
    [LIMIT_PROFILE_NONE] = {{65535, 512 * 1024 * 1024, 65535, 0, 0}},
};

const struct limits *limits_of_profile(enum limit_profile profile)
{
    return &profiles[profile];
}

bool limits_may_write(int64_t last_ms, int64_t now_ms, int64_t writes_per_second, int64_t *wait_ms)
{
    return limits_may_write_after(last_ms, now_ms, writes_per_second, 0, wait_ms);
}

bool limits_may_write_after(int64_t last_ms, int64_t now_ms, int64_t writes_per_second,
                            int64_t longer_ms, int64_t *wait_ms)
{
    int64_t distance_ms, wait;

    if (writes_per_second == 0 || last_ms == 0)
        return true;
    distance_ms = 1000 / writes_per_second + longer_ms;
    wait = last_ms + distance_ms - now_ms;
    if (wait <= 0 || wait > 2 * distance_ms)
        return true;
    *wait_ms = wait;
    return false;
}
