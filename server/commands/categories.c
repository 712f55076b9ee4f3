#include "commands/categories.h"

#define BIT(category) (UINT32_C(1) << CATEGORY_##category)

const char *const category_names[CATEGORY_COUNT] = {
    [CATEGORY_KEYSPACE] = "keyspace",
    [CATEGORY_READ] = "read",
    [CATEGORY_WRITE] = "write",
    [CATEGORY_SET] = "set",
    [CATEGORY_SORTEDSET] = "sortedset",
    [CATEGORY_LIST] = "list",
    [CATEGORY_HASH] = "hash",
    [CATEGORY_STRING] = "string",
    [CATEGORY_BITMAP] = "bitmap",
    [CATEGORY_HYPERLOGLOG] = "hyperloglog",
    [CATEGORY_GEO] = "geo",
    [CATEGORY_STREAM] = "stream",
    [CATEGORY_PUBSUB] = "pubsub",
    [CATEGORY_ADMIN] = "admin",
    [CATEGORY_FAST] = "fast",
    [CATEGORY_SLOW] = "slow",
    [CATEGORY_BLOCKING] = "blocking",
    [CATEGORY_DANGEROUS] = "dangerous",
    [CATEGORY_CONNECTION] = "connection",
    [CATEGORY_TRANSACTION] = "transaction",
    [CATEGORY_SCRIPTING] = "scripting",
};

/* What a flag alone says. */
static const struct {
    uint32_t flag;
    uint32_t bits;
} of_flags[] = {
    {CMD_WRITE, BIT(WRITE)},
    {CMD_READONLY, BIT(READ)},
    {CMD_ADMIN, BIT(ADMIN) | BIT(DANGEROUS)},
    {CMD_PUBSUB, BIT(PUBSUB)},
    {CMD_BLOCKING, BIT(BLOCKING)},
};

static const uint32_t of_groups[GROUP_COUNT] = {
    [GROUP_STRING] = BIT(STRING),
    [GROUP_BITMAP] = BIT(BITMAP),
    [GROUP_GENERIC] = BIT(KEYSPACE),
    [GROUP_CONNECTION] = BIT(CONNECTION),
    [GROUP_TRANSACTIONS] = BIT(TRANSACTION),
    [GROUP_PUBSUB] = BIT(PUBSUB),
    [GROUP_SERVER] = 0,
    [GROUP_SCRIPTING] = BIT(SCRIPTING),
    [GROUP_KV] = BIT(KEYSPACE),
};

/* What neither says: bits to add and bits to take away. */
static const struct {
    const char *name;
    uint32_t more, less;
} exceptions[] = {
    {"command", BIT(CONNECTION), 0},
    {"dbsize", BIT(KEYSPACE), 0},
    {"flushall", BIT(KEYSPACE) | BIT(DANGEROUS), 0},
    {"flushdb", BIT(KEYSPACE) | BIT(DANGEROUS), 0},
    {"function|flush", BIT(WRITE), 0},
    {"info", BIT(DANGEROUS), 0},
    {"keys", BIT(DANGEROUS), 0},
    {"lastsave", BIT(ADMIN) | BIT(DANGEROUS), 0},
    {"pubsub|help", 0, BIT(PUBSUB)},
    {"restore", BIT(DANGEROUS), 0},
    {"role", BIT(ADMIN) | BIT(DANGEROUS), 0},
    {"swapdb", BIT(KEYSPACE) | BIT(DANGEROUS), 0},
    {"wait", BIT(CONNECTION), BIT(KEYSPACE)},
};

/* A container says nothing of what its subcommands do. */
static uint32_t group_bits(const struct command *command)
{
    return command->subcommands != NULL ? 0 : of_groups[command->group];
}

uint32_t command_categories(const struct command *command)
{
    const char *name = command->container != NULL ? command->container->name : command->name;
    uint32_t bits = group_bits(command) | (command->flags & CMD_FAST ? BIT(FAST) : BIT(SLOW));

    for (size_t i = 0; i < COUNT_OF(of_flags); i++)
        if (command->flags & of_flags[i].flag)
            bits |= of_flags[i].bits;
    for (size_t i = 0; i < COUNT_OF(exceptions); i++)
        if (strcmp(exceptions[i].name, name) == 0 ||
            (command->container != NULL && strcmp(exceptions[i].name, command->full_name) == 0))
            return (bits | exceptions[i].more) & ~exceptions[i].less;
    return bits;
}

uint32_t category_bit(struct bytes name)
{
    for (int i = 0; i < CATEGORY_COUNT; i++)
        if (bytes_is_word(name, category_names[i]))
            return UINT32_C(1) << i;
    return 0;
}
