/* from_redis.h - the strings of a running Redis, as pairs to put.
 *
 * SCAN gives the names, page by page; GET and PTTL of a whole page are sent together and their
 * answers read one by one, so that no more than a value is held.  What is no string is counted by
 * its type.  Times to live become moments by this machine's clock.
 */
#ifndef CLI_FROM_REDIS_H
#define CLI_FROM_REDIS_H

#include "session.h"

enum cli_exit from_redis_import(const struct cli *cli);

/* redis://[[user]:password@]host[:port][/database].  What is found is owned. */
struct redis_uri {
    char *host;
    int port;
    char *user;     /* NULL = none */
    char *password; /* NULL = none */
    long long database;
};

/* False: it makes no sense, or is another kind of URI. */
bool redis_uri_parse(struct redis_uri *uri, const char *text);
void redis_uri_clear(struct redis_uri *uri);

#endif
