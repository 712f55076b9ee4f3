#include "commands/command_notes.h"

/* Several servers together would answer ... */
#define VARIES       "nondeterministic_output"       /* not twice the same */
#define ANY_ORDER    "nondeterministic_output_order" /* the same in another order */
#define OF_KEYS      "request_policy:multi_shard "   /* each server for its own keys */
#define OF_ALL       "request_policy:all_shards "
#define OF_ALL_NODES "request_policy:all_nodes "
#define SUM          "response_policy:agg_sum"
#define LEAST        "response_policy:agg_min"
#define ALL_WELL     "response_policy:all_succeeded"
#define SPECIAL      "response_policy:special"

/* clang-format off */
static const struct {
    const char *name;
    const char *tips;
} tips[] = {
    {"client|info", VARIES},
    {"client|list", VARIES},
    {"command", ANY_ORDER},
    {"command|docs", ANY_ORDER},
    {"command|info", ANY_ORDER},
    {"command|list", ANY_ORDER},
    {"config|set", OF_ALL_NODES ALL_WELL},
    {"dbsize", OF_ALL SUM},
    {"del", OF_KEYS SUM},
    {"dump", VARIES},
    {"exists", OF_KEYS SUM},
    {"flushall", OF_ALL ALL_WELL},
    {"flushdb", OF_ALL ALL_WELL},
    {"function|flush", OF_ALL ALL_WELL},
    {"info", VARIES " " OF_ALL SPECIAL},
    {"keys", OF_ALL ANY_ORDER},
    {"lastsave", VARIES},
    {"latency|doctor", VARIES " " OF_ALL_NODES SPECIAL},
    {"latency|graph", VARIES " " OF_ALL_NODES SPECIAL},
    {"latency|histogram", VARIES " " OF_ALL_NODES SPECIAL},
    {"latency|history", VARIES " " OF_ALL_NODES SPECIAL},
    {"latency|latest", VARIES " " OF_ALL_NODES SPECIAL},
    {"latency|reset", OF_ALL_NODES ALL_WELL},
    {"memory|doctor", VARIES " " OF_ALL SPECIAL},
    {"memory|malloc-stats", VARIES " " OF_ALL SPECIAL},
    {"memory|purge", OF_ALL ALL_WELL},
    {"memory|stats", VARIES " " OF_ALL SPECIAL},
    {"mget", "request_policy:multi_shard"},
    {"mset", OF_KEYS ALL_WELL},
    {"msetnx", OF_KEYS LEAST},
    {"object|encoding", VARIES},
    {"object|freq", VARIES},
    {"object|idletime", VARIES},
    {"object|refcount", VARIES},
    {"ping", OF_ALL ALL_WELL},
    {"pttl", VARIES},
    {"randomkey", OF_ALL VARIES},
    {"scan", VARIES " request_policy:special"},
    {"slowlog|get", OF_ALL_NODES VARIES},
    {"slowlog|len", OF_ALL_NODES SUM " " VARIES},
    {"slowlog|reset", OF_ALL_NODES ALL_WELL},
    {"time", VARIES},
    {"touch", OF_KEYS SUM},
    {"ttl", VARIES},
    {"unlink", OF_KEYS SUM},
    {"wait", OF_ALL LEAST},
};

/* Changes of one command stand together. */
static const struct command_change history[] = {
    {"acl|getuser", "6.2.0", "Channel patterns"},
    {"acl|getuser", "7.0.0", "Selectors; key and channel patterns as one text of rules"},
    {"acl|setuser", "6.2.0", "Channel patterns"},
    {"acl|setuser", "7.0.0", "Selectors, and key patterns for reading or writing alone"},
    {"auth", "6.0.0", "A user's name before the password"},
    {"bgsave", "3.2.2", "SCHEDULE"},
    {"bitcount", "7.0.0", "BYTE and BIT"},
    {"bitpos", "7.0.0", "BYTE and BIT"},
    {"client|kill", "2.8.12", "Filters, ID among them"},
    {"client|kill", "3.2.0", "TYPE master"},
    {"client|kill", "5.0.0", "TYPE replica, as slave is called now"},
    {"client|kill", "6.2.0", "LADDR"},
    {"client|list", "2.8.12", "The field id"},
    {"client|list", "5.0.0", "TYPE"},
    {"client|list", "6.0.0", "The field user"},
    {"client|list", "6.2.0", "ID, and the fields argv-mem, tot-mem, laddr and redir"},
    {"client|list", "7.0.0", "The fields resp, multi-mem, rbs and rbp"},
    {"client|list", "7.0.3", "The field ssub"},
    {"client|pause", "6.2.0", "WRITE and ALL"},
    {"command|info", "7.0.0", "Without a name: of all commands"},
    {"config|get", "7.0.0", "Several patterns"},
    {"config|set", "7.0.0", "Several options"},
    {"exists", "3.0.3", "Several keys"},
    {"expire", "7.0.0", "NX, XX, GT and LT"},
    {"expireat", "7.0.0", "NX, XX, GT and LT"},
    {"flushall", "4.0.0", "ASYNC"},
    {"flushall", "6.2.0", "SYNC"},
    {"flushdb", "4.0.0", "ASYNC"},
    {"flushdb", "6.2.0", "SYNC"},
    {"hello", "6.2.0", "Without a version: answers about the connection"},
    {"info", "7.0.0", "Several sections"},
    {"pexpire", "7.0.0", "NX, XX, GT and LT"},
    {"pexpireat", "7.0.0", "NX, XX, GT and LT"},
    {"pttl", "2.8.0", "-2 for a missing key"},
    {"renamenx", "3.2.0", "No error for twice the same name"},
    {"restore", "3.0.0", "REPLACE"},
    {"restore", "5.0.0", "ABSTTL, IDLETIME and FREQ"},
    {"scan", "6.0.0", "TYPE"},
    {"set", "2.6.12", "EX, PX, NX and XX"},
    {"set", "6.0.0", "KEEPTTL"},
    {"set", "6.2.0", "GET, EXAT and PXAT"},
    {"set", "7.0.0", "NX together with GET"},
    {"shutdown", "7.0.0", "NOW, FORCE and ABORT"},
    {"slowlog|get", "4.0.0", "The client's address and name"},
    {"ttl", "2.8.0", "-2 for a missing key"},
};
/* clang-format on */

const char *command_tips(const struct command *command)
{
    for (size_t i = 0; i < COUNT_OF(tips); i++)
        if (strcmp(tips[i].name, command->full_name) == 0)
            return tips[i].tips;
    return "";
}

const struct command_change *command_history(const struct command *command, size_t *count)
{
    size_t first = 0, end;

    while (first < COUNT_OF(history) && strcmp(history[first].name, command->full_name) != 0)
        first++;
    end = first;
    while (end < COUNT_OF(history) && strcmp(history[end].name, command->full_name) == 0)
        end++;
    *count = end - first;
    return history + first;
}
