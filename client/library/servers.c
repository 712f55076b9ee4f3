#include "library/servers.h"

#include <assert.h>

void servers_init(struct servers *servers, size_t count, int64_t fail_back_ms)
{
    assert(count >= 1 && count <= GRAPEVINE_SERVERS_MAX);
    *servers = (struct servers){.count = count, .fail_back_ms = fail_back_ms};
    for (size_t i = 0; i < count; i++)
        servers->bad_until_ms[i] = INT64_MIN;
}

void servers_begin_round(struct servers *servers)
{
    servers->tried = 0;
}

static bool is_bad(const struct servers *servers, size_t server, int64_t now_ms)
{
    return servers->bad_until_ms[server] > now_ms;
}

static bool is_tried(const struct servers *servers, size_t server)
{
    return (servers->tried >> server & 1) != 0;
}

size_t servers_next(struct servers *servers, int64_t now_ms)
{
    size_t next = SERVERS_NONE;

    for (size_t i = 0; i < servers->count; i++) {
        if (is_tried(servers, i))
            continue;
        if (!is_bad(servers, i, now_ms)) {
            next = i;
            break;
        }
        if (next == SERVERS_NONE || servers->bad_until_ms[i] < servers->bad_until_ms[next])
            next = i;
    }
    if (next != SERVERS_NONE)
        servers->tried |= (uint64_t)1 << next;
    return next;
}

void servers_failed(struct servers *servers, size_t server, int64_t now_ms)
{
    servers->bad_until_ms[server] = now_ms + servers->fail_back_ms;
}

void servers_succeeded(struct servers *servers, size_t server)
{
    servers->bad_until_ms[server] = INT64_MIN;
}

size_t servers_preferred(const struct servers *servers, size_t current, int64_t now_ms)
{
    for (size_t i = 0; i < current; i++)
        if (!is_bad(servers, i, now_ms))
            return i;
    return SERVERS_NONE;
}

bool servers_has_other(const struct servers *servers, size_t current, int64_t now_ms)
{
    for (size_t i = 0; i < servers->count; i++)
        if (i != current && !is_bad(servers, i, now_ms))
            return true;
    return false;
}
