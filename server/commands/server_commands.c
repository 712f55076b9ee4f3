/* server_commands.c - INFO, CONFIG, saving, emptying and ending: the commands about the server. */
#include "commands/acl.h"
#include "commands/clients.h"
#include "commands/debug.h"
#include "commands/help.h"
#include "commands/info.h"
#include "commands/statistics.h"
#include "commands/table.h"
#include "commands/tracking.h"

/* --- INFO, TIME, ROLE, LOLWUT --- */

static enum status command_info(struct call *call)
{
    struct buffer *text = &call->worker->scratch;

    info_append(call, call->argv + 1, call->argc - 1, text);
    reply_verbatim(call->reply, buffer_view(text));
    return STATUS_OK;
}

static void reply_number_text(struct call *call, int64_t number)
{
    char text[INT64_TEXT_MAX];
    size_t size = int64_to_text(number, text);

    reply_bulk(call->reply, (struct bytes){text, size});
}

static enum status command_time(struct call *call)
{
    int64_t now_us = clock_wall_us(call_services(call)->clock);

    reply_array(call->reply, 2);
    reply_number_text(call, now_us / 1000000);
    reply_number_text(call, now_us % 1000000);
    return STATUS_OK;
}

static enum status command_role(struct call *call)
{
    reply_array(call->reply, 3);
    reply_text(call->reply, "master");
    reply_integer(call->reply, 0);
    reply_array(call->reply, 0);
    return STATUS_OK;
}

/* Of what Redis takes for its pictures, the version must be a number. */
static enum status command_lolwut(struct call *call)
{
    int64_t version;

    if (call->argc > 2 && bytes_is_word(call->argv[1], "version") &&
        !bytes_to_int64(call->argv[2], &version))
        return STATUS_NOT_INTEGER;
    reply_verbatim(call->reply,
                   bytes_of("I heard it through the grapevine. Redis ver. " REDIS_VERSION
                            ", Grapevine " GRAPEVINE_VERSION "\n"));
    return STATUS_OK;
}

/* --- CONFIG --- */

static void count_option(void *context, const char *name, struct bytes value)
{
    size_t *count = context;

    (void)name, (void)value;
    ++*count;
}

static void reply_option(void *context, const char *name, struct bytes value)
{
    struct reply *reply = context;

    reply_text(reply, name);
    reply_bulk(reply, value);
}

/* Which options match depends on their names alone, so both walks find the same. */
static enum status command_config_get(struct call *call)
{
    const struct options *options = call_services(call)->options;
    const struct bytes *patterns = call->argv + 2;
    size_t pattern_count = call->argc - 2, count = 0;

    options_match(options, patterns, pattern_count, count_option, &count);
    reply_map(call->reply, count);
    options_match(options, patterns, pattern_count, reply_option, call->reply);
    return STATUS_OK;
}

static enum status finish_config(struct call *call, enum status s, const char *error)
{
    if (s == STATUS_FAILED)
        return call_fail(call, "ERR %s", error);
    if (s == STATUS_OK)
        reply_ok(call->reply);
    return s;
}

static enum status command_config_set(struct call *call)
{
    char error[OPTIONS_ERROR_MAX];
    enum status s =
        options_set(call_services(call)->options, call->argv + 2, call->argc - 2, error);

    return finish_config(call, s, error);
}

static enum status command_config_rewrite(struct call *call)
{
    struct services *services = call_services(call);
    char error[OPTIONS_ERROR_MAX];
    struct buffer users = {0};
    enum status s;

    acl_print_users(services->acl, &users);
    s = options_rewrite(services->options, buffer_view(&users), error);
    buffer_clear(&users);
    return finish_config(call, s, error);
}

static enum status command_config_resetstat(struct call *call)
{
    statistics_reset(call_services(call)->statistics);
    reply_ok(call->reply);
    return STATUS_OK;
}

/* --- saving --- */

/* The reply leaves once everything up to now is on disk. */
static enum status command_save(struct call *call)
{
    return call_answer_when_synced(call);
}

static enum status command_bgsave(struct call *call)
{
    if (call->argc > 2 || (call->argc == 2 && !bytes_is_word(call->argv[1], "schedule")))
        return STATUS_SYNTAX;
    if (store_request_sync(call_services(call)->store) == 0)
        return STATUS_CANNOT_PERSIST;
    reply_simple(call->reply, "Background saving started");
    return STATUS_OK;
}

/* What was overwritten is dropped from the files all the time: nothing to start. */
static enum status command_bgrewriteaof(struct call *call)
{
    if (store_request_sync(call_services(call)->store) == 0)
        return STATUS_CANNOT_PERSIST;
    reply_simple(call->reply, "Background append only file rewriting started");
    return STATUS_OK;
}

static enum status command_lastsave(struct call *call)
{
    struct store_statistics statistics;

    store_statistics(call_services(call)->store, &statistics);
    reply_integer(call->reply, statistics.last_sync_s);
    return STATUS_OK;
}

/* --- emptying --- */

/* [ASYNC | SYNC]: either way the keys are gone at once and purged in the background. */
static bool is_flush_mode(const struct call *call, size_t first)
{
    return call->argc == first ||
           (call->argc == first + 1 && (bytes_is_word(call->argv[first], "async") ||
                                        bytes_is_word(call->argv[first], "sync")));
}

static enum status reply_done(struct call *call, enum status s)
{
    if (s == STATUS_OK)
        reply_ok(call->reply);
    return s;
}

/* Clients that hold copies hear from Redis of every emptying; here of those that are a change, by
 * the commit, and so of the others by themselves. */
static enum status finish_flush(struct call *call, bool is_change, enum status s)
{
    if (s == STATUS_OK && !is_change)
        tracking_let_go(call_services(call)->tracking);
    return reply_done(call, s);
}

static enum status command_flushdb(struct call *call)
{
    bool is_change = !registry_is_untouched(call->txn, call->ns);

    if (!is_flush_mode(call, 1))
        return STATUS_SYNTAX;
    return finish_flush(call, is_change, registry_empty(call->txn, call->ns));
}

static enum status command_flushall(struct call *call)
{
    bool is_change = !registry_are_databases_untouched(call->txn);

    if (!is_flush_mode(call, 1))
        return STATUS_SYNTAX;
    return finish_flush(call, is_change, registry_empty_databases(call->txn));
}

/* There are no functions, so they are always flushed. */
static enum status command_function_flush(struct call *call)
{
    if (!is_flush_mode(call, 2))
        return call_fail(call, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    reply_ok(call->reply);
    return STATUS_OK;
}

static bool is_database(const struct call *call, int64_t number)
{
    const struct registry *registry = store_registry(call_services(call)->store);

    return number >= 0 && number < registry_database_count(registry);
}

static enum status command_swapdb(struct call *call)
{
    int64_t first, second;

    if (!bytes_to_int64(call->argv[1], &first))
        return call_fail(call, "ERR invalid first DB index");
    if (!bytes_to_int64(call->argv[2], &second))
        return call_fail(call, "ERR invalid second DB index");
    if (!is_database(call, first) || !is_database(call, second))
        return STATUS_DB_RANGE;
    return reply_done(call, registry_swap(call->txn, (int)first, (int)second));
}

/* --- SHUTDOWN --- */

enum shutdown_word { SHUTDOWN_NOSAVE, SHUTDOWN_SAVE, SHUTDOWN_NOW, SHUTDOWN_FORCE, SHUTDOWN_ABORT };

static bool parse_shutdown(const struct call *call, unsigned *words)
{
    static const char *const names[] = {
        [SHUTDOWN_NOSAVE] = "nosave", [SHUTDOWN_SAVE] = "save",   [SHUTDOWN_NOW] = "now",
        [SHUTDOWN_FORCE] = "force",   [SHUTDOWN_ABORT] = "abort",
    };

    *words = 0;
    for (size_t i = 1; i < call->argc; i++) {
        size_t word = 0;

        while (word < COUNT_OF(names) && !bytes_is_word(call->argv[i], names[word]))
            word++;
        if (word == COUNT_OF(names))
            return false;
        *words |= 1u << word;
    }
    return true;
}

/* All the words mean the same here: nothing that was acknowledged is lost, and nothing is waited
 * for. There is no reply: the connection closes. */
static enum status command_shutdown(struct call *call)
{
    struct services *services = call_services(call);
    unsigned words, both = 1u << SHUTDOWN_NOSAVE | 1u << SHUTDOWN_SAVE;

    if (!parse_shutdown(call, &words) || (words & both) == both)
        return STATUS_SYNTAX;
    if (words == 1u << SHUTDOWN_ABORT)
        return call_fail(call, "ERR No shutdown in progress.");
    if ((words & 1u << SHUTDOWN_ABORT) != 0)
        return STATUS_SYNTAX;
    services->shutdown(services->shutdown_context);
    call->session->wants_close = true;
    return STATUS_OK;
}

/* clang-format off */

/* Flags that most rows here have. */
#define EARLY (CMD_LOADING | CMD_STALE)
#define ADMIN (EARLY | CMD_ADMIN | CMD_NOSCRIPT)

static struct command config_commands[] = {
    { .name = "get", .arity = -3, .flags = ADMIN, .run = command_config_get,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "2.0.0",
      .complexity = "O(N) where N is the number of patterns",
      .summary = "Tells the values of options",
      .syntax = "parameter [parameter ...]", .note = "the options of this server" },
    { .name = "help", .arity = 2, .flags = EARLY, .run = command_help,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "5.0.0", .complexity = "O(1)",
      .summary = "Lists the subcommands", .syntax = "", .note = "" },
    { .name = "resetstat", .arity = 2, .flags = ADMIN, .run = command_config_resetstat,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "2.0.0", .complexity = "O(1)",
      .summary = "Sets the counts that INFO shows back to zero",
      .syntax = "", .note = "the counts of the store (expired_keys, # LevelDB) go on" },
    { .name = "rewrite", .arity = 2, .flags = ADMIN, .run = command_config_rewrite,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "2.8.0", .complexity = "O(1)",
      .summary = "Writes the options as they are now into the config file",
      .syntax = "", .note = "" },
    { .name = "set", .arity = -4, .flags = ADMIN, .run = command_config_set,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "2.0.0",
      .complexity = "O(N) where N is the number of options",
      .summary = "Changes options, all of them or none",
      .syntax = "<parameter value> [<parameter value> ...]",
      .note = "the options of this server; `bind` only at start, as the doors of HTTP and of other "
              "replicas obey it as well" },
    { 0 },
};

static struct command function_commands[] = {
    { .name = "flush", .arity = -2, .flags = CMD_NOSCRIPT, .run = command_function_flush,
      .group = GROUP_SCRIPTING, .compat = COMPAT_DIFFERS, .since = "7.0.0", .complexity = "O(1)",
      .summary = "Deletes all functions", .syntax = "[ASYNC | SYNC]",
      .note = "there are no functions: does nothing" },
    { .name = "help", .arity = 2, .flags = EARLY, .run = command_help,
      .group = GROUP_SCRIPTING, .compat = COMPAT_SAME, .since = "7.0.0", .complexity = "O(1)",
      .summary = "Lists the subcommands", .syntax = "", .note = "" },
    { 0 },
};

struct command server_commands[] = {
    { .name = "bgrewriteaof", .arity = 1,
      .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING, .run = command_bgrewriteaof,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Has everything written to disk, as BGSAVE", .syntax = "",
      .note = "LevelDB compacts its files by itself: it only asks for a sync" },
    { .name = "bgsave", .arity = -1, .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
      .run = command_bgsave,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Has everything written to disk, without waiting for it",
      .syntax = "[SCHEDULE]", .note = "asks LevelDB for a sync; there is no RDB file" },
    { .name = "config", .arity = -2, .subcommands = config_commands,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "2.0.0",
      .complexity = "That of the subcommand", .summary = "About the options of the server",
      .syntax = "", .note = "" },
    { .name = "debug", .arity = -2, .flags = ADMIN, .run = command_debug,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "1.0.0",
      .complexity = "That of the subcommand", .summary = "For tests of servers and clients",
      .syntax = "subcommand [arguments ...]",
      .note = "from the same machine only; " DEBUG_SUBCOMMANDS },
    { .name = "flushall", .arity = -1, .flags = CMD_WRITE | CMD_WHOLE | CMD_ANY_NS | CMD_BEYOND_NS,
      .run = command_flushall,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Empties all numbered databases", .syntax = "[ASYNC | SYNC]",
      .note = "named namespaces stay; at once for readers, purged in the background" },
    { .name = "flushdb", .arity = -1, .flags = CMD_WRITE | CMD_WHOLE, .run = command_flushdb,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Empties the selected database or namespace", .syntax = "[ASYNC | SYNC]",
      .note = "at once for readers, purged in the background" },
    { .name = "function", .arity = -2, .subcommands = function_commands,
      .group = GROUP_SCRIPTING, .compat = COMPAT_DIFFERS, .since = "7.0.0",
      .complexity = "That of the subcommand", .summary = "About functions",
      .syntax = "", .note = "FLUSH only: there are no functions" },
    { .name = "info", .arity = -1, .flags = EARLY, .run = command_info,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "1.0.0",
      .complexity = "O(N) where N is the number of connections, commands and namespaces",
      .summary = "Tells how the server is and what it has done",
      .syntax = "[section [section ...]]",
      .note = "with `grapevine_version`, `# Namespaces` and `# LevelDB`; what tells of forks, "
              "scripts, eviction and defragmentation is 0" },
    { .name = "lastsave", .arity = 1, .flags = EARLY | CMD_FAST, .run = command_lastsave,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Tells when everything was last on disk", .syntax = "",
      .note = "the time of the last sync, which `appendfsync` causes too" },
    { .name = "lolwut", .arity = -1, .flags = CMD_READONLY | CMD_FAST | CMD_ANY_NS,
      .run = command_lolwut,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "5.0.0", .complexity = "O(1)",
      .summary = "Shows the versions, with a wink", .syntax = "[VERSION version]",
      .note = "one line, no picture" },
    { .name = "role", .arity = 1, .flags = EARLY | CMD_NOSCRIPT | CMD_FAST, .run = command_role,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "2.8.12", .complexity = "O(1)",
      .summary = "Tells the part that this server plays in replication", .syntax = "",
      .note = "every replica takes writes: always a master, which names none; see GOSSIP PEERS" },
    { .name = "save", .arity = 1,
      .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI, .run = command_save,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "1.0.0",
      .complexity = "O(N) where N is the number of changes that are not on disk yet",
      .summary = "Answers when everything is on disk", .syntax = "",
      .note = "waits for a sync of LevelDB; other clients go on; there is no RDB file" },
    { .name = "shutdown", .arity = -1, .flags = ADMIN | CMD_NO_MULTI | CMD_ALLOW_BUSY,
      .run = command_shutdown,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Ends the server", .syntax = "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
      .note = "NOSAVE loses nothing either; there is nothing to abort" },
    { .name = "swapdb", .arity = 3,
      .flags = CMD_WRITE | CMD_FAST | CMD_WHOLE | CMD_ANY_NS | CMD_BEYOND_NS,
      .run = command_swapdb,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "4.0.0", .complexity = "O(1)",
      .summary = "Exchanges the contents of two numbered databases", .syntax = "index1 index2",
      .note = "" },
    { .name = "time", .arity = 1, .flags = EARLY | CMD_FAST, .run = command_time,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "2.6.0", .complexity = "O(1)",
      .summary = "Tells the server's clock: seconds and microseconds", .syntax = "", .note = "" },
    { 0 },
};
/* clang-format on */
