/* table.h - the command table: the single source for dispatch, arity, keys, flags, what COMMAND
 * answers, the help of redis-cli, and redis-compat.md.
 *
 * One row a command; a container (CLIENT, CONFIG) has rows of its own for its subcommands. `syntax`
 * spells the arguments in Redis's notation ("key value [NX | XX] [GET] [EX seconds | ...]");
 * command_docs.c reads the argument tree of COMMAND DOCS from it.
 */
#ifndef COMMANDS_TABLE_H
#define COMMANDS_TABLE_H

#include "commands/call.h"

/* Flags, as COMMAND names them, and some of our own. */
enum {
    CMD_READONLY = 1 << 0,
    CMD_WRITE = 1 << 1,   /* runs in a transaction on its keys */
    CMD_DENYOOM = 1 << 2, /* may make a key or a value larger: its keys' sizes are checked first */
    CMD_ADMIN = 1 << 3,
    CMD_PUBSUB = 1 << 4,
    CMD_NOSCRIPT = 1 << 5,
    CMD_LOADING = 1 << 6,
    CMD_STALE = 1 << 7,
    CMD_FAST = 1 << 8,
    CMD_NO_AUTH = 1 << 9, /* allowed before AUTH */
    CMD_ALLOW_BUSY = 1 << 10,
    CMD_NO_MULTI = 1 << 11,
    CMD_SKIP_SLOWLOG = 1 << 12,
    CMD_SKIP_MONITOR = 1 << 13,
    CMD_NO_ASYNC_LOADING = 1 << 14,
    CMD_MOVABLEKEYS = 1 << 15,
    CMD_BLOCKING = 1 << 16,
    /* ours, not shown by COMMAND */
    CMD_IN_MULTI = 1 << 24, /* runs at once inside MULTI instead of being queued */
    CMD_WHOLE = 1 << 25,    /* touches no named key but a whole namespace: takes the order */
    CMD_ANY_NS = 1 << 26,   /* works although the selected namespace was dropped */
    CMD_OTHER_DB = 1 << 27, /* its keys may be those of a second database, the last number of its
                               arguments: COPY, MOVE */
    CMD_WHILE_SUBSCRIBED = 1 << 29, /* allowed to a client of RESP2 that listens to channels */
    CMD_BEYOND_NS = 1 << 30,        /* touches more than the selected namespace */
    CMD_LISTS_KEYS = 1 << 23,       /* KV.LIST: may answer what stands under keys that it finds */
    CMD_WATCHES_KEYS = 1 << 22,     /* KV.WATCH: tells of the keys that it finds */
    CMD_SELECTS = 1 << 28,          /* selects the namespace that its last argument names */
};

/* How a command compares with Redis 7.0, for redis-compat.md. */
enum compat { COMPAT_SAME, COMPAT_DIFFERS, COMPAT_OURS };

enum command_group {
    GROUP_STRING,
    GROUP_BITMAP,
    GROUP_GENERIC,
    GROUP_CONNECTION,
    GROUP_TRANSACTIONS,
    GROUP_PUBSUB,
    GROUP_SERVER,
    GROUP_SCRIPTING,
    GROUP_KV, /* KV.* and NAMESPACE */
    GROUP_COUNT
};

/* What a command does with its keys, in the words of Redis's key specs. */
enum key_use {
    KEYS_NONE,
    KEYS_RO,     /* RO access: answers something of the value */
    KEYS_PEEK,   /* RO: looks at the key alone */
    KEYS_RW,     /* RW access update: answers something of the value that it changes */
    KEYS_UPDATE, /* RW update */
    KEYS_INSERT, /* RW insert: adds to the value */
    KEYS_OW,     /* OW update: whatever was there */
    KEYS_NEW,    /* OW insert: where nothing was */
    KEYS_SET,    /* OW update, but with GET among the arguments RW access update */
    KEYS_FIELDS, /* RW access update, but RO access if BITFIELD is to change nothing */
    KEYS_RM,     /* RM delete */
    KEYS_TAKE,   /* RW access delete */
    /* two keys, each for itself */
    KEYS_RENAME,
    KEYS_RENAMENX,
    KEYS_COPY,
    KEYS_BITOP, /* one, and all that follow */
    KEYS_USE_COUNT
};

struct command {
    const char *name; /* lower case; of a subcommand, without the container: "setname" */
    int arity;        /* with the name (and the container's); negative = at least */
    uint32_t flags;
    int first_key, last_key, key_step; /* as COMMAND reports them; 0 = no keys */
    enum key_use key_use;
    enum status (*run)(struct call *call);
    struct command *subcommands; /* ended by a row without a name, or NULL */
    enum command_group group;
    enum compat compat;
    const char *since;      /* Redis's version that brought it, or Grapevine's for our own */
    const char *complexity; /* "O(1)" */
    const char *summary;
    const char *syntax;
    const char *note; /* for redis-compat.md: what differs, "" if nothing */
    /* set by table_init() */
    const struct command *container;
    int index;             /* 0 .. table_count() - 1: for statistics */
    const char *full_name; /* "client|setname" */
    const char *called; /* its name, or what table_rename() made of it; "" = it can't be called */
    bool is_plain;      /* called by its name, and no container */
};

/* Once, before any thread runs. */
void table_init(void);

/* By what it is called, in any case; NULL if unknown.  Both know containers, not subcommands. */
const struct command *table_find(struct bytes name);

/* Subcommands too, as "config|get". */
const struct command *table_find_full(struct bytes name);

/* By the name that its row has. */
const struct command *table_find_row(struct bytes name);

/* rename-command: what is called `from` so far answers to `to` from now on, or with an empty one to
 * nothing; everything else (ACL, statistics, documents) goes by the rows' names.  Before any other
 * thread runs. */
enum table_rename { TABLE_RENAMED, TABLE_NO_SUCH_NAME, TABLE_NAME_TAKEN };
enum table_rename table_rename(struct bytes from, struct bytes to) MUST_USE;

/* Can it be called at all?  A subcommand if its container can. */
bool command_is_callable(const struct command *command);
const struct command *table_find_subcommand(const struct command *container, struct bytes name);

/* All rows, subcommands included, by index. */
int table_count(void);
const struct command *table_at(int index);

bool command_accepts_argc(const struct command *command, size_t argc);

/* How many keys a request of `argc` words has. */
size_t command_key_count(const struct command *command, size_t argc);

/* Calls each(context, index) for the position of every key in argv.  False, without a call, if such
 * a request has no keys or is too short for them. */
bool command_each_key(const struct command *command, size_t argc,
                      void (*each)(void *context, size_t index), void *context);

/* The families, each a file: its rows, ended by one without a name. */
extern struct command acl_commands[];
extern struct command strings_commands[];
extern struct command bits_commands[];
extern struct command keys_commands[];
extern struct command dump_commands[];
extern struct command expiry_commands[];
extern struct command scan_commands[];
extern struct command connection_commands[];
extern struct command transaction_commands[];
extern struct command server_commands[];
extern struct command introspection_commands[];
extern struct command command_commands[];
extern struct command kv_commands[];
extern struct command namespace_commands[];
extern struct command replica_commands[];
extern struct command pubsub_commands[];

#endif
