#include "commands/acl_names.h"

#include <assert.h>

#include "base/memory.h"
#include "commands/table.h"

#define BIT(category) (UINT32_C(1) << CATEGORY_##category)

/* What Redis 7.0 has besides, by its categories there.  A name that has become a row of our table
 * is passed over, so that nothing breaks when one is added. */
/* clang-format off */
static const struct foreign {
    uint32_t categories;
    const char *names; /* separated by blanks, containers before their subcommands */
} foreigners[] = {
    {BIT(KEYSPACE) | BIT(WRITE) | BIT(SLOW) | BIT(DANGEROUS),
     "migrate restore-asking"},
    {BIT(READ) | BIT(SET) | BIT(SORTEDSET) | BIT(LIST) | BIT(SLOW) | BIT(DANGEROUS),
     "sort_ro"},
    {BIT(READ) | BIT(SET) | BIT(FAST),
     "scard sismember smismember"},
    {BIT(READ) | BIT(SET) | BIT(SLOW),
     "sdiff sinter sintercard smembers srandmember sscan sunion"},
    {BIT(READ) | BIT(SORTEDSET) | BIT(FAST),
     "zcard zcount zlexcount zmscore zrank zrevrank zscore"},
    {BIT(READ) | BIT(SORTEDSET) | BIT(SLOW),
     "zdiff zinter zintercard zrandmember zrange zrangebylex zrangebyscore zrevrange "
     "zrevrangebylex zrevrangebyscore zscan zunion"},
    {BIT(READ) | BIT(LIST) | BIT(FAST),
     "llen"},
    {BIT(READ) | BIT(LIST) | BIT(SLOW),
     "lindex lpos lrange"},
    {BIT(READ) | BIT(HASH) | BIT(FAST),
     "hexists hget hlen hmget hstrlen"},
    {BIT(READ) | BIT(HASH) | BIT(SLOW),
     "hgetall hkeys hrandfield hscan hvals"},
    {BIT(READ) | BIT(HYPERLOGLOG) | BIT(SLOW),
     "pfcount"},
    {BIT(READ) | BIT(GEO) | BIT(SLOW),
     "geodist geohash geopos georadius_ro georadiusbymember_ro geosearch"},
    {BIT(READ) | BIT(STREAM) | BIT(FAST),
     "xlen"},
    {BIT(READ) | BIT(STREAM) | BIT(SLOW),
     "xinfo|consumers xinfo|groups xinfo|stream xpending xrange xrevrange"},
    {BIT(READ) | BIT(STREAM) | BIT(SLOW) | BIT(BLOCKING),
     "xread"},
    {BIT(WRITE) | BIT(SET) | BIT(SORTEDSET) | BIT(LIST) | BIT(SLOW) | BIT(DANGEROUS),
     "sort"},
    {BIT(WRITE) | BIT(SET) | BIT(FAST),
     "sadd smove spop srem"},
    {BIT(WRITE) | BIT(SET) | BIT(SLOW),
     "sdiffstore sinterstore sunionstore"},
    {BIT(WRITE) | BIT(SORTEDSET) | BIT(FAST),
     "zadd zincrby zpopmax zpopmin zrem"},
    {BIT(WRITE) | BIT(SORTEDSET) | BIT(FAST) | BIT(BLOCKING),
     "bzpopmax bzpopmin"},
    {BIT(WRITE) | BIT(SORTEDSET) | BIT(SLOW),
     "zdiffstore zinterstore zmpop zrangestore zremrangebylex zremrangebyrank "
     "zremrangebyscore zunionstore"},
    {BIT(WRITE) | BIT(SORTEDSET) | BIT(SLOW) | BIT(BLOCKING),
     "bzmpop"},
    {BIT(WRITE) | BIT(LIST) | BIT(FAST),
     "lpop lpush lpushx rpop rpush rpushx"},
    {BIT(WRITE) | BIT(LIST) | BIT(SLOW),
     "linsert lmove lmpop lrem lset ltrim rpoplpush"},
    {BIT(WRITE) | BIT(LIST) | BIT(SLOW) | BIT(BLOCKING),
     "blmove blmpop blpop brpop brpoplpush"},
    {BIT(WRITE) | BIT(HASH) | BIT(FAST),
     "hdel hincrby hincrbyfloat hmset hset hsetnx"},
    {BIT(WRITE) | BIT(HYPERLOGLOG) | BIT(ADMIN) | BIT(SLOW) | BIT(DANGEROUS),
     "pfdebug"},
    {BIT(WRITE) | BIT(HYPERLOGLOG) | BIT(FAST),
     "pfadd"},
    {BIT(WRITE) | BIT(HYPERLOGLOG) | BIT(SLOW),
     "pfmerge"},
    {BIT(WRITE) | BIT(GEO) | BIT(SLOW),
     "geoadd georadius georadiusbymember geosearchstore"},
    {BIT(WRITE) | BIT(STREAM) | BIT(FAST),
     "xack xadd xautoclaim xclaim xdel xsetid"},
    {BIT(WRITE) | BIT(STREAM) | BIT(SLOW),
     "xgroup|create xgroup|createconsumer xgroup|delconsumer xgroup|destroy xgroup|setid "
     "xtrim"},
    {BIT(WRITE) | BIT(STREAM) | BIT(SLOW) | BIT(BLOCKING),
     "xreadgroup"},
    {BIT(WRITE) | BIT(SLOW) | BIT(SCRIPTING),
     "function|delete function|load function|restore"},
    {BIT(HYPERLOGLOG) | BIT(ADMIN) | BIT(SLOW) | BIT(DANGEROUS),
     "pfselftest"},
    {BIT(STREAM) | BIT(SLOW),
     "xgroup|help xinfo|help"},
    {BIT(ADMIN) | BIT(SLOW) | BIT(DANGEROUS),
     "acl|deluser acl|dryrun acl|getuser acl|list acl|load acl|log acl|save acl|setuser "
     "acl|users cluster|addslots cluster|addslotsrange cluster|bumpepoch "
     "cluster|count-failure-reports cluster|delslots cluster|delslotsrange "
     "cluster|failover cluster|flushslots cluster|forget cluster|meet cluster|replicas "
     "cluster|replicate cluster|reset cluster|saveconfig cluster|set-config-epoch "
     "cluster|setslot cluster|slaves failover latency|graph module|list module|load "
     "module|loadex module|unload psync replconf replicaof slaveof sync"},
    {BIT(FAST) | BIT(CONNECTION),
     "asking readonly readwrite"},
    {BIT(SLOW),
     "acl acl|cat acl|genpass acl|help acl|whoami cluster cluster|countkeysinslot "
     "cluster|getkeysinslot cluster|help cluster|info cluster|keyslot cluster|links "
     "cluster|myid cluster|nodes cluster|shards cluster|slots memory|malloc-stats "
     "memory|purge module module|help script xgroup xinfo"},
    {BIT(SLOW) | BIT(CONNECTION),
     "client|caching client|tracking client|trackinginfo"},
    {BIT(SLOW) | BIT(SCRIPTING),
     "eval eval_ro evalsha evalsha_ro fcall fcall_ro function|dump function|kill "
     "function|list function|stats script|debug script|exists script|flush script|help "
     "script|kill script|load"},
};
/* clang-format on */

static struct acl_name names[ACL_NAMES_MAX];
static int name_count;
static struct acl_set all, of[CATEGORY_COUNT], strictly_of[CATEGORY_COUNT];

/* ---------- sets ---------- */

void acl_set_add_all(struct acl_set *set, const struct acl_set *other)
{
    for (size_t i = 0; i < COUNT_OF(set->words); i++)
        set->words[i] |= other->words[i];
}

void acl_set_remove_all(struct acl_set *set, const struct acl_set *other)
{
    for (size_t i = 0; i < COUNT_OF(set->words); i++)
        set->words[i] &= ~other->words[i];
}

bool acl_set_equal(const struct acl_set *a, const struct acl_set *b)
{
    return memcmp(a->words, b->words, sizeof a->words) == 0;
}

int acl_set_count_common(const struct acl_set *a, const struct acl_set *b)
{
    int count = 0;

    for (size_t i = 0; i < COUNT_OF(a->words); i++)
        count += __builtin_popcountll(a->words[i] & b->words[i]);
    return count;
}

/* ---------- filling the table ---------- */

static int add(const char *full_name, uint32_t categories)
{
    assert(name_count < ACL_NAMES_MAX);
    names[name_count] =
        (struct acl_name){.full_name = full_name, .categories = categories, .container = -1};
    return name_count++;
}

static void add_own(void)
{
    for (int i = 0; i < table_count(); i++) {
        const struct command *command = table_at(i);
        int index = add(command->full_name, command_categories(command));

        assert(index == command->index);
        names[index].command = command;
        names[index].has_subcommands = command->subcommands != NULL;
    }
}

static void add_foreigners(uint32_t categories, const char *list)
{
    while (*list != '\0') {
        size_t size = strcspn(list, " ");
        struct bytes name = {list, size};

        if (acl_name_find(name) < 0) {
            char *copy = xcalloc(1, size + 1); /* as long as the program */

            memcpy(copy, list, size);
            (void)add(copy, categories);
        }
        list += size;
        list += strspn(list, " ");
    }
}

static void find_container(int index)
{
    const char *name = names[index].full_name, *bar = strchr(name, '|');

    if (bar == NULL)
        return;
    names[index].container = acl_name_find((struct bytes){name, (size_t)(bar - name)});
    if (names[index].container >= 0)
        names[names[index].container].has_subcommands = true;
}

static void fill_sets(int index)
{
    acl_set_add(&all, index);
    for (int i = 0; i < CATEGORY_COUNT; i++) {
        if (!(names[index].categories & (UINT32_C(1) << i)))
            continue;
        acl_set_add(&strictly_of[i], index);
        acl_name_add_to(index, &of[i]);
    }
}

void acl_names_init(void)
{
    if (name_count > 0)
        return;
    add_own();
    for (size_t i = 0; i < COUNT_OF(foreigners); i++)
        add_foreigners(foreigners[i].categories, foreigners[i].names);
    for (int i = 0; i < name_count; i++)
        find_container(i);
    for (int i = 0; i < name_count; i++)
        fill_sets(i);
}

/* ---------- looking ---------- */

int acl_names_count(void)
{
    return name_count;
}

const struct acl_name *acl_name_at(int index)
{
    assert(index >= 0 && index < name_count);
    return &names[index];
}

int acl_name_find(struct bytes full_name)
{
    for (int i = 0; i < name_count; i++)
        if (bytes_is_word(full_name, names[i].full_name))
            return i;
    return -1;
}

void acl_name_add_to(int index, struct acl_set *set)
{
    acl_set_add(set, index);
    if (!names[index].has_subcommands)
        return;
    for (int i = 0; i < name_count; i++)
        if (names[i].container == index)
            acl_set_add(set, i);
}

const struct acl_set *acl_names_of(enum category category)
{
    return &of[category];
}

const struct acl_set *acl_names_strictly_of(enum category category)
{
    return &strictly_of[category];
}

const struct acl_set *acl_names_all(void)
{
    return &all;
}
