#include "commands/compat.h"

#include <ctype.h>
#include <stdlib.h>

#include "commands/table.h"

#define LINES_MAX 512

enum section {
    SECTION_STRINGS,
    SECTION_BITMAPS,
    SECTION_KEYS,
    SECTION_CONNECTION,
    SECTION_TRANSACTIONS,
    SECTION_SERVER,
    SECTION_PUBSUB,
    SECTION_SCRIPTING,
    SECTION_LISTS,
    SECTION_SETS,
    SECTION_SORTED_SETS,
    SECTION_HASHES,
    SECTION_STREAMS,
    SECTION_GEO,
    SECTION_HYPERLOGLOG,
    SECTION_CLUSTER,
    SECTION_OURS,
    SECTION_COUNT
};

static const char *const titles[SECTION_COUNT] = {
    [SECTION_STRINGS] = "Strings",
    [SECTION_BITMAPS] = "Bits",
    [SECTION_KEYS] = "Keys",
    [SECTION_CONNECTION] = "Connection",
    [SECTION_TRANSACTIONS] = "Transactions",
    [SECTION_SERVER] = "Server",
    [SECTION_PUBSUB] = "Publish and subscribe",
    [SECTION_SCRIPTING] = "Scripts and functions",
    [SECTION_LISTS] = "Lists",
    [SECTION_SETS] = "Sets",
    [SECTION_SORTED_SETS] = "Sorted sets",
    [SECTION_HASHES] = "Hashes",
    [SECTION_STREAMS] = "Streams",
    [SECTION_GEO] = "Geo indexes",
    [SECTION_HYPERLOGLOG] = "HyperLogLog",
    [SECTION_CLUSTER] = "Redis Cluster",
    [SECTION_OURS] = "Commands that Redis does not have",
};

static const enum section of_groups[GROUP_COUNT] = {
    [GROUP_STRING] = SECTION_STRINGS,
    [GROUP_BITMAP] = SECTION_BITMAPS,
    [GROUP_GENERIC] = SECTION_KEYS,
    [GROUP_CONNECTION] = SECTION_CONNECTION,
    [GROUP_TRANSACTIONS] = SECTION_TRANSACTIONS,
    [GROUP_PUBSUB] = SECTION_PUBSUB,
    [GROUP_SERVER] = SECTION_SERVER,
    [GROUP_SCRIPTING] = SECTION_SCRIPTING,
    [GROUP_KV] = SECTION_OURS,
};

#define ONLY_STRINGS      "values are strings"
#define ONLY_STRINGS_WORK "works on lists, sets and sorted sets"

/* What Redis 7.0 has and we have not, with the reason. */
static const struct absence {
    enum section section;
    bool will_come;
    const char *names; /* separated by blanks */
    const char *reason;
} absences[] = {
    {SECTION_KEYS, false, "migrate",
     "only to here: MIGRATE of a real Redis finds RESTORE; RESTORE there takes what DUMP says "
     "here"},
    {SECTION_KEYS, false, "sort sort_ro", ONLY_STRINGS_WORK},
    {SECTION_SERVER, false, "failover psync replconf replicaof slaveof sync",
     "replicas are equal and find each other: there is no primary to follow"},
    {SECTION_SERVER, false, "module", "there are no modules"},
    {SECTION_SERVER, false, "restore-asking", "of Redis Cluster"},
    {SECTION_SCRIPTING, false, "eval eval_ro evalsha evalsha_ro script",
     "no Lua: MULTI with WATCH, or the IFVERSION of KV.PUT, where a script would check and set"},
    {SECTION_SCRIPTING, false,
     "fcall fcall_ro function|delete function|dump function|kill function|list function|load "
     "function|restore function|stats",
     "there are no functions"},
    {SECTION_LISTS, false,
     "blmove blmpop blpop brpop brpoplpush lindex linsert llen lmove lmpop lpop lpos lpush lpushx "
     "lrange lrem lset ltrim rpop rpoplpush rpush rpushx",
     ONLY_STRINGS},
    {SECTION_SETS, false,
     "sadd scard sdiff sdiffstore sinter sintercard sinterstore sismember smembers smismember "
     "smove "
     "spop srandmember srem sscan sunion sunionstore",
     ONLY_STRINGS},
    {SECTION_SORTED_SETS, false,
     "bzmpop bzpopmax bzpopmin zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard "
     "zinterstore zlexcount zmpop zmscore zpopmax zpopmin zrandmember zrange zrangebylex "
     "zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore "
     "zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion zunionstore",
     ONLY_STRINGS},
    {SECTION_HASHES, false,
     "hdel hexists hget hgetall hincrby hincrbyfloat hkeys hlen hmget hmset hrandfield hscan hset "
     "hsetnx hstrlen hvals",
     ONLY_STRINGS},
    {SECTION_STREAMS, false,
     "xack xadd xautoclaim xclaim xdel xgroup xinfo xlen xpending xrange xread xreadgroup "
     "xrevrange "
     "xsetid xtrim",
     ONLY_STRINGS},
    {SECTION_GEO, false,
     "geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro "
     "geosearch geosearchstore",
     ONLY_STRINGS},
    {SECTION_HYPERLOGLOG, false, "pfadd pfcount pfdebug pfmerge pfselftest", ONLY_STRINGS},
    {SECTION_CLUSTER, false, "asking cluster readonly readwrite",
     "every replica holds all keys: there are no slots to be sent to"},
};

/* ---------- collecting the lines ---------- */

struct line {
    enum section section;
    struct bytes name;
    const char *verdict;
    const char *note;
    const struct command *command; /* NULL = absent */
};

struct page {
    struct line lines[LINES_MAX];
    size_t count;
};

static const char *const verdicts[] = {
    [COMPAT_SAME] = "same",
    [COMPAT_DIFFERS] = "differs",
    [COMPAT_OURS] = "ours",
};

static void add_line(struct page *page, struct line line)
{
    if (page->count < LINES_MAX)
        page->lines[page->count++] = line;
}

/* Of an absence's names, one after the other. */
static bool next_name(const char **names, struct bytes *name)
{
    size_t size;

    *names += strspn(*names, " ");
    size = strcspn(*names, " ");
    *name = (struct bytes){*names, size};
    *names += size;
    return size > 0;
}

static void add_absent(struct page *page, const struct absence *absence)
{
    const char *names = absence->names;
    struct bytes name;

    while (next_name(&names, &name))
        add_line(page, (struct line){absence->section, name,
                                     absence->will_come ? "not yet" : "not offered",
                                     absence->reason, NULL});
}

/* Of Redis's containers, the subcommands that differ; of ours, the subcommands only. */
static bool is_worth_a_line(const struct command *command)
{
    if (command->compat == COMPAT_OURS)
        return command->subcommands == NULL && strcmp(command->name, "help") != 0;
    return command->container == NULL || command->compat == COMPAT_DIFFERS;
}

static void add_present(struct page *page, const struct command *command)
{
    enum section section =
        command->compat == COMPAT_OURS ? SECTION_OURS : of_groups[command->group];

    if (is_worth_a_line(command))
        add_line(page, (struct line){section, bytes_of(command->full_name),
                                     verdicts[command->compat], command->note, command});
}

static int by_section_and_name(const void *left, const void *right)
{
    const struct line *a = left, *b = right;

    if (a->section != b->section)
        return a->section < b->section ? -1 : 1;
    return bytes_compare(a->name, b->name);
}

static void collect(struct page *page)
{
    page->count = 0;
    table_init();
    for (int i = 0; i < table_count(); i++)
        add_present(page, table_at(i));
    for (size_t i = 0; i < COUNT_OF(absences); i++)
        add_absent(page, &absences[i]);
    qsort(page->lines, page->count, sizeof page->lines[0], by_section_and_name);
}

void compat_each_absent(void (*each)(void *context, struct bytes name), void *context)
{
    for (size_t i = 0; i < COUNT_OF(absences); i++) {
        const char *names = absences[i].names;
        struct bytes name;

        while (next_name(&names, &name))
            each(context, name);
    }
}

/* ---------- printing them ---------- */

/* "client|setinfo" reads CLIENT SETINFO. */
static void print_name(struct buffer *out, struct bytes name)
{
    for (size_t i = 0; i < name.size; i++)
        buffer_append_byte(out,
                           name.data[i] == '|' ? ' ' : (char)toupper((unsigned char)name.data[i]));
}

/* A bar would end the cell. */
static void print_cell(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            buffer_append_byte(out, '\\');
        buffer_append_byte(out, *text);
    }
}

static void print_line(struct buffer *out, const struct line *line)
{
    buffer_append_text(out, "| ");
    print_name(out, line->name);
    if (line->section == SECTION_OURS) {
        if (line->command->syntax[0] != '\0')
            buffer_append_byte(out, ' ');
        print_cell(out, line->command->syntax);
        buffer_printf(out, " | %s |\n", line->command->summary);
    } else {
        buffer_printf(out, " | %s |", line->verdict);
        if (line->note[0] != '\0')
            buffer_append_byte(out, ' ');
        print_cell(out, line->note);
        buffer_append_text(out, " |\n");
    }
}

static void print_head(struct buffer *out, enum section section)
{
    buffer_printf(out, "\n### %s\n\n", titles[section]);
    if (section == SECTION_OURS)
        buffer_append_text(out, "| command | what it does |\n|---|---|\n");
    else
        buffer_append_text(out, "| command | | what differs, or why it is missing |\n"
                                "|---|---|---|\n");
}

/* How many whole commands, containers counted once, have the verdict. */
static int count_verdict(const struct page *page, const char *verdict)
{
    int count = 0;

    for (size_t i = 0; i < page->count; i++)
        count += strcmp(page->lines[i].verdict, verdict) == 0 &&
                 memchr(page->lines[i].name.data, '|', page->lines[i].name.size) == NULL;
    return count;
}

static void print_summary(struct buffer *out, const struct page *page)
{
    int same = count_verdict(page, "same"), differs = count_verdict(page, "differs");
    int later = count_verdict(page, "not yet"), never = count_verdict(page, "not offered");

    buffer_printf(out,
                  "Of the %d commands of Redis 7.0, %d are the same here, %d differ in what their "
                  "line says, %d are not\nthere yet, and %d are not offered.\n",
                  same + differs + later + never, same, differs, later, never);
}

void compat_print(struct buffer *out)
{
    struct page page;

    collect(&page);
    print_summary(out, &page);
    for (size_t i = 0; i < page.count; i++) {
        if (i == 0 || page.lines[i].section != page.lines[i - 1].section)
            print_head(out, page.lines[i].section);
        print_line(out, &page.lines[i]);
    }
}
