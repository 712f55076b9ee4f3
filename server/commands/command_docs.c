/* command_docs.c - COMMAND: the table, as clients ask for it. */
#include "commands/categories.h"
#include "commands/command_notes.h"
#include "commands/help.h"
#include "commands/key_use.h"
#include "commands/syntax.h"
#include "commands/table.h"

/* ---------- sets of words ---------- */

struct word {
    uint32_t bit;
    const char *text;
};

static void reply_words(struct reply *reply, uint32_t bits, const struct word *words, size_t count)
{
    size_t set_count = 0;

    for (size_t i = 0; i < count; i++)
        set_count += (bits & words[i].bit) != 0;
    reply_set(reply, set_count);
    for (size_t i = 0; i < count; i++)
        if (bits & words[i].bit)
            reply_simple(reply, words[i].text);
}

static const struct word flag_words[] = {
    {CMD_WRITE, "write"},
    {CMD_READONLY, "readonly"},
    {CMD_DENYOOM, "denyoom"},
    {CMD_ADMIN, "admin"},
    {CMD_PUBSUB, "pubsub"},
    {CMD_NOSCRIPT, "noscript"},
    {CMD_BLOCKING, "blocking"},
    {CMD_LOADING, "loading"},
    {CMD_STALE, "stale"},
    {CMD_SKIP_MONITOR, "skip_monitor"},
    {CMD_SKIP_SLOWLOG, "skip_slowlog"},
    {CMD_FAST, "fast"},
    {CMD_NO_AUTH, "no_auth"},
    {CMD_NO_ASYNC_LOADING, "no_async_loading"},
    {CMD_NO_MULTI, "no_multi"},
    {CMD_MOVABLEKEYS, "movablekeys"},
    {CMD_ALLOW_BUSY, "allow_busy"},
};

static void reply_categories(struct reply *reply, const struct command *command)
{
    uint32_t bits = command_categories(command);
    char text[32] = "@";

    reply_set(reply, (size_t)__builtin_popcount(bits));
    for (int i = 0; i < CATEGORY_COUNT; i++) {
        if (!(bits & (UINT32_C(1) << i)))
            continue;
        (void)stpcpy(text + 1, category_names[i]);
        reply_simple(reply, text);
    }
}

/* ---------- keys ---------- */

static const struct word key_words[] = {
    {KEY_RO, "RO"},         {KEY_RW, "RW"},         {KEY_OW, "OW"},
    {KEY_RM, "RM"},         {KEY_ACCESS, "access"}, {KEY_UPDATE, "update"},
    {KEY_INSERT, "insert"}, {KEY_DELETE, "delete"}, {KEY_VARIABLE, "variable_flags"},
};

/* The last key of a spec, counted from its first; negative from the end.  Of two specs the first
 * has one key, the second all the rest. */
static int last_key_of_spec(const struct command *command, int spec)
{
    if (key_spec_count(command) == 2 && (spec == 0 || command->last_key > 0))
        return 0;
    return command->last_key < 0 ? command->last_key : command->last_key - command->first_key;
}

static void reply_key_spec(struct reply *reply, const struct command *command, int spec)
{
    reply_map(reply, 3);
    reply_text(reply, "flags");
    reply_words(reply, key_spec_bits(command, spec), key_words, COUNT_OF(key_words));
    reply_text(reply, "begin_search");
    reply_map(reply, 2);
    reply_text(reply, "type");
    reply_text(reply, "index");
    reply_text(reply, "spec");
    reply_map(reply, 1);
    reply_text(reply, "index");
    reply_integer(reply, command->first_key + spec);
    reply_text(reply, "find_keys");
    reply_map(reply, 2);
    reply_text(reply, "type");
    reply_text(reply, "range");
    reply_text(reply, "spec");
    reply_map(reply, 3);
    reply_text(reply, "lastkey");
    reply_integer(reply, last_key_of_spec(command, spec));
    reply_text(reply, "keystep");
    reply_integer(reply, command->key_step);
    reply_text(reply, "limit");
    reply_integer(reply, 0);
}

static size_t count_subcommands(const struct command *command)
{
    size_t count = 0;

    for (const struct command *row = command->subcommands; row != NULL && row->name != NULL; row++)
        count++;
    return count;
}

static size_t count_commands(void)
{
    size_t count = 0;

    for (int i = 0; i < table_count(); i++)
        count += table_at(i)->container == NULL && command_is_callable(table_at(i));
    return count;
}

/* Calls each() for the rows that are no subcommands. */
static void each_command(struct reply *reply,
                         void (*each)(struct reply *reply, const struct command *command))
{
    for (int i = 0; i < table_count(); i++)
        if (table_at(i)->container == NULL && command_is_callable(table_at(i)))
            each(reply, table_at(i));
}

/* ---------- COMMAND, COMMAND COUNT, COMMAND INFO ---------- */

/* Of tips separated by blanks the first; *tips goes on behind it. */
static bool next_tip(const char **tips, struct bytes *tip)
{
    *tips += strspn(*tips, " ");
    *tip = (struct bytes){*tips, strcspn(*tips, " ")};
    *tips += tip->size;
    return tip->size > 0;
}

static void reply_tips(struct reply *reply, const char *tips)
{
    const char *at = tips;
    struct bytes tip;
    size_t count = 0;

    while (next_tip(&at, &tip))
        count++;
    reply_set(reply, count);
    for (at = tips; next_tip(&at, &tip);)
        reply_bulk(reply, tip);
}

static void reply_info(struct reply *reply, const struct command *command)
{
    size_t subcommand_count = count_subcommands(command);

    reply_array(reply, 10);
    reply_text(reply, command->full_name);
    reply_integer(reply, command->arity);
    reply_words(reply, command->flags, flag_words, COUNT_OF(flag_words));
    reply_integer(reply, command->first_key);
    reply_integer(reply, command->last_key);
    reply_integer(reply, command->key_step);
    reply_categories(reply, command);
    reply_tips(reply, command_tips(command));
    reply_set(reply, (size_t)key_spec_count(command));
    for (int spec = 0; spec < key_spec_count(command); spec++)
        reply_key_spec(reply, command, spec);
    reply_array(reply, subcommand_count);
    for (size_t i = 0; i < subcommand_count; i++)
        reply_info(reply, &command->subcommands[i]);
}

static enum status command_command(struct call *call)
{
    reply_array(call->reply, count_commands());
    each_command(call->reply, reply_info);
    return STATUS_OK;
}

static enum status command_command_count(struct call *call)
{
    reply_integer(call->reply, (int64_t)count_commands());
    return STATUS_OK;
}

static enum status command_command_info(struct call *call)
{
    if (call->argc == 2)
        return command_command(call);
    reply_array(call->reply, call->argc - 2);
    for (size_t i = 2; i < call->argc; i++) {
        const struct command *command = table_find_full(call_argument(call, i));

        if (command != NULL)
            reply_info(call->reply, command);
        else
            reply_null(call->reply);
    }
    return STATUS_OK;
}

/* ---------- COMMAND DOCS ---------- */

static const char *const group_names[GROUP_COUNT] = {
    [GROUP_STRING] = "string",
    [GROUP_BITMAP] = "bitmap",
    [GROUP_GENERIC] = "generic",
    [GROUP_CONNECTION] = "connection",
    [GROUP_TRANSACTIONS] = "transactions",
    [GROUP_PUBSUB] = "pubsub",
    [GROUP_SERVER] = "server",
    [GROUP_SCRIPTING] = "scripting",
    [GROUP_KV] = "kv",
};

enum {
    ARGUMENT_IS_OPTIONAL = 1 << 0,
    ARGUMENT_IS_MULTIPLE = 1 << 1,
    ARGUMENT_REPEATS_TOKEN = 1 << 2
};

static const struct word argument_words[] = {
    {ARGUMENT_IS_OPTIONAL, "optional"},
    {ARGUMENT_IS_MULTIPLE, "multiple"},
    {ARGUMENT_REPEATS_TOKEN, "multiple_token"},
};

/* Which of the command's key specs describes the next key among the arguments. */
struct key_specs {
    int next, count;
};

static void reply_arguments(struct reply *reply, const struct argument *first,
                            struct key_specs *specs);

static uint32_t argument_bits(const struct argument *argument)
{
    return (argument->is_optional ? (uint32_t)ARGUMENT_IS_OPTIONAL : 0) |
           (argument->is_multiple ? (uint32_t)ARGUMENT_IS_MULTIPLE : 0) |
           (argument->repeats_token ? (uint32_t)ARGUMENT_REPEATS_TOKEN : 0);
}

static void reply_argument(struct reply *reply, const struct argument *argument,
                           struct key_specs *specs)
{
    bool has_spec = argument->type == ARGUMENT_KEY && specs->count > 0;
    uint32_t bits = argument_bits(argument);
    size_t pairs = 2;

    pairs += has_spec;
    pairs += argument->token.size > 0;
    pairs += bits != 0;
    pairs += argument->child != NULL;
    reply_map(reply, pairs);
    reply_text(reply, "name");
    reply_text(reply, argument->name);
    reply_text(reply, "type");
    reply_text(reply, argument_type_names[argument->type]);
    if (has_spec) {
        reply_text(reply, "key_spec_index");
        reply_integer(reply, specs->next);
        if (specs->next + 1 < specs->count)
            specs->next++;
    }
    if (argument->token.size > 0) {
        reply_text(reply, "token");
        reply_bulk(reply, argument->token);
    }
    if (bits != 0) {
        reply_text(reply, "flags");
        reply_words(reply, bits, argument_words, COUNT_OF(argument_words));
    }
    if (argument->child != NULL) {
        reply_text(reply, "arguments");
        reply_arguments(reply, argument->child, specs);
    }
}

static void reply_arguments(struct reply *reply, const struct argument *first,
                            struct key_specs *specs)
{
    size_t count = 0;

    for (const struct argument *argument = first; argument != NULL; argument = argument->next)
        count++;
    reply_array(reply, count);
    for (const struct argument *argument = first; argument != NULL; argument = argument->next)
        reply_argument(reply, argument, specs);
}

static void reply_history(struct reply *reply, const struct command_change *changes, size_t count)
{
    reply_text(reply, "history");
    reply_set(reply, count);
    for (size_t i = 0; i < count; i++) {
        reply_array(reply, 2);
        reply_text(reply, changes[i].since);
        reply_text(reply, changes[i].what);
    }
}

static void reply_docs(struct reply *reply, const struct command *command)
{
    struct key_specs specs = {0, key_spec_count(command)};
    size_t subcommand_count = count_subcommands(command), change_count;
    const struct command_change *changes = command_history(command, &change_count);
    struct syntax syntax;
    bool has_arguments = syntax_parse(command->syntax, &syntax) && syntax.first != NULL;

    reply_map(reply,
              4 + has_arguments + (size_t)(subcommand_count > 0) + (size_t)(change_count > 0));
    reply_text(reply, "summary");
    reply_text(reply, command->summary);
    reply_text(reply, "since");
    reply_text(reply, command->since);
    reply_text(reply, "group");
    reply_text(reply, group_names[command->group]);
    reply_text(reply, "complexity");
    reply_text(reply, command->complexity);
    if (change_count > 0)
        reply_history(reply, changes, change_count);
    if (has_arguments) {
        reply_text(reply, "arguments");
        reply_arguments(reply, syntax.first, &specs);
    }
    if (subcommand_count == 0)
        return;
    reply_text(reply, "subcommands");
    reply_map(reply, subcommand_count);
    for (size_t i = 0; i < subcommand_count; i++) {
        reply_text(reply, command->subcommands[i].full_name);
        reply_docs(reply, &command->subcommands[i]);
    }
}

static void reply_named_docs(struct reply *reply, const struct command *command)
{
    reply_text(reply, command->full_name);
    reply_docs(reply, command);
}

/* Unknown names are left out. */
static enum status command_command_docs(struct call *call)
{
    size_t count = 0;

    if (call->argc == 2) {
        reply_map(call->reply, count_commands());
        each_command(call->reply, reply_named_docs);
        return STATUS_OK;
    }
    for (size_t i = 2; i < call->argc; i++)
        count += table_find_full(call_argument(call, i)) != NULL;
    reply_map(call->reply, count);
    for (size_t i = 2; i < call->argc; i++) {
        const struct command *command = table_find_full(call_argument(call, i));

        if (command != NULL)
            reply_named_docs(call->reply, command);
    }
    return STATUS_OK;
}

/* ---------- COMMAND LIST ---------- */

struct filter {
    bool (*accepts)(const struct command *command, struct bytes word);
    struct bytes word;
};

static bool accepts_all(const struct command *command, struct bytes word)
{
    (void)command;
    (void)word;
    return true;
}

/* There are no modules. */
static bool is_of_module(const struct command *command, struct bytes module)
{
    (void)command;
    (void)module;
    return false;
}

static bool is_of_category(const struct command *command, struct bytes category)
{
    return (command_categories(command) & category_bit(category)) != 0;
}

static bool matches(const struct command *command, struct bytes pattern)
{
    return bytes_match_glob(bytes_of(command->full_name), pattern, true);
}

static enum status parse_filter(const struct call *call, struct filter *filter)
{
    static const struct {
        const char *name;
        bool (*accepts)(const struct command *command, struct bytes word);
    } filters[] = {{"module", is_of_module}, {"aclcat", is_of_category}, {"pattern", matches}};

    if (call->argc == 2) {
        *filter = (struct filter){accepts_all, {NULL, 0}};
        return STATUS_OK;
    }
    if (call->argc != 5 || !bytes_is_word(call_argument(call, 2), "filterby"))
        return STATUS_SYNTAX;
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        if (!bytes_is_word(call_argument(call, 3), filters[i].name))
            continue;
        *filter = (struct filter){filters[i].accepts, call_argument(call, 4)};
        return STATUS_OK;
    }
    return STATUS_SYNTAX;
}

static bool is_listed(const struct command *command, const struct filter *filter)
{
    return command_is_callable(command) && filter->accepts(command, filter->word);
}

static enum status command_command_list(struct call *call)
{
    struct filter filter;
    size_t count = 0;
    enum status s = parse_filter(call, &filter);

    if (s != STATUS_OK)
        return s;
    for (int i = 0; i < table_count(); i++)
        count += is_listed(table_at(i), &filter);
    reply_array(call->reply, count);
    for (int i = 0; i < table_count(); i++)
        if (is_listed(table_at(i), &filter))
            reply_text(call->reply, table_at(i)->full_name);
    return STATUS_OK;
}

/* ---------- COMMAND GETKEYS ---------- */

/* A whole request among the arguments of this one. */
struct inner_request {
    struct call *call;
    const struct command *command;
    const struct bytes *argv;
    size_t argc;
};

static enum status parse_inner(struct call *call, struct inner_request *inner)
{
    const struct command *command = table_find(call_argument(call, 2));

    *inner = (struct inner_request){.call = call, .argv = call->argv + 2, .argc = call->argc - 2};
    if (command != NULL && command->subcommands != NULL && inner->argc > 1)
        command = table_find_subcommand(command, inner->argv[1]);
    if (command == NULL)
        return call_fail(call, "ERR Invalid command specified");
    if (command->first_key == 0)
        return call_fail(call, "ERR The command has no key arguments");
    if (!command_accepts_argc(command, inner->argc))
        return call_fail(call, "ERR Invalid number of arguments specified for command");
    inner->command = command;
    return STATUS_OK;
}

static void reply_key(void *context, size_t index)
{
    const struct inner_request *inner = context;

    reply_bulk(inner->call->reply, inner->argv[index]);
}

static void reply_key_and_flags(void *context, size_t index)
{
    const struct inner_request *inner = context;
    uint32_t use = key_use_of(inner->command, inner->argv, inner->argc, index);
    struct reply *reply = inner->call->reply;

    reply_array(reply, 2);
    reply_bulk(reply, inner->argv[index]);
    reply_words(reply, use, key_words, COUNT_OF(key_words));
}

static enum status reply_keys(struct call *call, void (*each)(void *context, size_t index))
{
    struct inner_request inner;
    enum status s = parse_inner(call, &inner);

    if (s != STATUS_OK)
        return s;
    reply_array(call->reply, command_key_count(inner.command, inner.argc));
    if (!command_each_key(inner.command, inner.argc, each, &inner))
        return call_fail(call, "ERR Invalid arguments specified for command");
    return STATUS_OK;
}

static enum status command_command_getkeys(struct call *call)
{
    return reply_keys(call, reply_key);
}

static enum status command_command_getkeysandflags(struct call *call)
{
    return reply_keys(call, reply_key_and_flags);
}

/* clang-format off */
#define OURS .flags = CMD_LOADING | CMD_STALE, .group = GROUP_SERVER, .compat = COMPAT_SAME, .note = ""
#define PER_COMMAND "O(N) where N is the number of commands"
#define PER_WORD    "O(N) where N is the number of words"

static struct command subcommands[] = {
    { .name = "count", .arity = 2, OURS, .run = command_command_count, .since = "2.8.13",
      .complexity = "O(1)", .summary = "Tells how many commands there are", .syntax = "" },
    { .name = "docs", .arity = -2, OURS, .run = command_command_docs, .since = "7.0.0",
      .complexity = PER_COMMAND, .summary = "Describes commands for people",
      .syntax = "[command-name [command-name ...]]" },
    { .name = "getkeys", .arity = -4, OURS, .run = command_command_getkeys, .since = "2.8.13",
      .complexity = PER_WORD, .summary = "Tells which words of a command are keys",
      .syntax = "command arg [arg ...]" },
    { .name = "getkeysandflags", .arity = -4, OURS, .run = command_command_getkeysandflags,
      .since = "7.0.0", .complexity = PER_WORD,
      .summary = "Tells which words of a command are keys, and what is done with them",
      .syntax = "command arg [arg ...]" },
    { .name = "help", .arity = 2, OURS, .run = command_help, .since = "5.0.0",
      .complexity = "O(1)", .summary = "Lists the subcommands", .syntax = "" },
    { .name = "info", .arity = -2, OURS, .run = command_command_info, .since = "2.8.13",
      .complexity = PER_COMMAND, .summary = "Describes commands for client libraries",
      .syntax = "[command-name [command-name ...]]" },
    { .name = "list", .arity = -2, OURS, .run = command_command_list, .since = "7.0.0",
      .complexity = PER_COMMAND, .summary = "Lists the names of commands",
      .syntax = "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]" },
    { 0 },
};

struct command command_commands[] = {
    { .name = "command", .arity = -1, .flags = CMD_LOADING | CMD_STALE,
      .run = command_command, .subcommands = subcommands, .group = GROUP_SERVER,
      .compat = COMPAT_DIFFERS, .since = "2.8.13", .complexity = PER_COMMAND,
      .summary = "Describes all commands for client libraries", .syntax = "",
      .note = "describes the commands of this server, in words of its own" },
    { 0 },
};
/* clang-format on */
