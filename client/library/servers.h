/* servers.h - which server of the list to try next.
 *
 * The order of the list is the order of preference.  A server that failed is believed to be bad for
 * `fail_back_ms`: others are taken before it.  Finding a server goes in rounds: each is tried once,
 * then there is a wait, which is not made here.
 *
 * V1  Of those not tried in this round, the first in the list that is not bad is next; if all are
 *     bad, the one that failed longest ago.
 * V2  Away from a server that comes earlier in the list, it is looked for as soon as it is no
 * longer bad.
 *
 * Pure: time is an argument, and indexes stand for servers.
 */
#ifndef LIBRARY_SERVERS_H
#define LIBRARY_SERVERS_H

#include "grapevine.h"

#define SERVERS_NONE SIZE_MAX

struct servers {
    size_t count; /* at most GRAPEVINE_SERVERS_MAX */
    int64_t fail_back_ms;
    int64_t bad_until_ms[GRAPEVINE_SERVERS_MAX];
    uint64_t tried; /* in this round, a bit each */
};

void servers_init(struct servers *servers, size_t count, int64_t fail_back_ms);

/* The next to try, which counts as tried; SERVERS_NONE when the round is over. */
size_t servers_next(struct servers *servers, int64_t now_ms);
void servers_begin_round(struct servers *servers);

/* It failed, or can't do its work. */
void servers_failed(struct servers *servers, size_t server, int64_t now_ms);
/* It answered as it should. */
void servers_succeeded(struct servers *servers, size_t server);

/* One that is preferred to `current` and may be back; SERVERS_NONE if there is none. */
size_t servers_preferred(const struct servers *servers, size_t current, int64_t now_ms);
/* Is there any other that is not bad? */
bool servers_has_other(const struct servers *servers, size_t current, int64_t now_ms);

#endif
