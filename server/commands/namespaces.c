/* namespaces.c - NAMESPACE: creating, naming, limiting and leaving namespaces.
 *
 * "db<n>" is the namespace behind database n: it is always there, keeps its name, and is emptied
 * where another one would be deleted.
 */
#include "commands/namespaces.h"

#include <stdlib.h>

#include "commands/acl_check.h"
#include "commands/help.h"
#include "commands/table.h"

static struct registry *registry_of(const struct call *call)
{
    return store_registry(call_services(call)->store);
}

/* What is said of namespaces holds once the last change to any of them is committed. */
static void depend_on_registry(struct call *call)
{
    call_depend_on(call, registry_changed_in(registry_of(call)));
}

/* The namespace titled so, to be released by the caller. */
static enum status find(struct call *call, struct bytes title, struct ns **found)
{
    enum status s = registry_find(registry_of(call), title, found);

    depend_on_registry(call); /* after the look: for what it has seen, not for less */
    return s;
}

#define ID_TEXT_SIZE ((size_t)2 * NS_ID_SIZE)

/* The id in hex. */
static struct bytes write_id(const struct ns *ns, char text[ID_TEXT_SIZE])
{
    for (size_t i = 0; i < NS_ID_SIZE; i++) {
        text[2 * i] = "0123456789abcdef"[ns->id[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[ns->id[i] & 15];
    }
    return (struct bytes){text, ID_TEXT_SIZE};
}

static void reply_id(struct reply *reply, const struct ns *ns)
{
    char text[ID_TEXT_SIZE];

    reply_bulk(reply, write_id(ns, text));
}

static enum status reply_done(struct call *call, enum status s)
{
    if (s == STATUS_OK)
        reply_ok(call->reply);
    return s;
}

/* --- choosing --- */

static bool is_number(struct bytes text)
{
    size_t first = text.size > 1 && text.data[0] == '-';

    for (size_t i = first; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.size > 0;
}

static enum status select_number(struct call *call, struct bytes number)
{
    struct registry *registry = registry_of(call);
    int64_t n;

    if (!bytes_to_int64(number, &n))
        return STATUS_NOT_INTEGER;
    if (n < 0 || n >= registry_database_count(registry))
        return STATUS_DB_RANGE;
    session_select(call->session, (int)n, NULL);
    call->ns = registry_database(registry, (int)n);
    return STATUS_OK;
}

static enum status select_title(struct call *call, struct bytes title)
{
    struct ns *ns;
    int database;
    enum status s;

    s = find(call, title, &ns);
    if (s != STATUS_OK)
        return s;
    database = atomic_load(&ns->database);
    session_select(call->session, database, database < 0 ? ns : NULL);
    call->ns = ns;
    if (database >= 0)
        ns_release(ns);
    return STATUS_OK;
}

enum status namespace_select(struct call *call, struct bytes argument)
{
    return is_number(argument) ? select_number(call, argument) : select_title(call, argument);
}

static enum status command_use(struct call *call)
{
    return reply_done(call, namespace_select(call, call_argument(call, 2)));
}

/* --- creating and deleting --- */

static enum status command_create(struct call *call)
{
    return reply_done(call, registry_create(call->txn, call_argument(call, 2)));
}

/* IFID id, behind `index` words: whoever knows a namespace by its id changes that one or none, even
 * if its title is another's by now. */
static enum status check_id(struct call *call, size_t index)
{
    char id[ID_TEXT_SIZE];
    struct ns *ns;
    bool is_it;
    enum status s;

    if (call->argc == index)
        return STATUS_OK;
    if (call->argc != index + 2 || !bytes_is_word(call_argument(call, index), "ifid"))
        return STATUS_SYNTAX;
    s = find(call, call_argument(call, 2), &ns);
    if (s != STATUS_OK)
        return s;
    is_it = bytes_equal(write_id(ns, id), call_argument(call, index + 1));
    ns_release(ns);
    return is_it ? STATUS_OK : STATUS_NO_NAMESPACE;
}

static enum status command_rename(struct call *call)
{
    enum status s = check_id(call, 4);

    if (s == STATUS_OK)
        s = registry_rename(call->txn, call_argument(call, 2), call_argument(call, 3));
    return reply_done(call, s);
}

static enum status command_delete(struct call *call)
{
    enum status s = check_id(call, 3);

    if (s == STATUS_OK)
        s = registry_drop(call->txn, call_argument(call, 2));
    return reply_done(call, s);
}

/* --- looking --- */

static void reply_listed(struct call *call, const struct ns *ns, bool wants_id)
{
    char *title = ns_take_title(registry_of(call), ns);

    if (wants_id)
        reply_array(call->reply, 2);
    reply_text(call->reply, title);
    if (wants_id)
        reply_id(call->reply, ns);
    free(title);
}

/* For a user who is tied to a namespace there are no others. */
static void keep_own(struct call *call, struct ns **list, size_t *count)
{
    size_t kept = 0;

    if (acl_tied_to(call->session).data == NULL)
        return;
    for (size_t i = 0; i < *count; i++) {
        if (list[i] == call->ns)
            list[kept++] = list[i];
        else
            ns_release(list[i]);
    }
    *count = kept;
}

static enum status command_list(struct call *call)
{
    bool wants_ids = call->argc == 3 && bytes_is_word(call_argument(call, 2), "withids");
    struct ns **list;
    size_t count;

    if (call->argc > 2 && !wants_ids)
        return STATUS_SYNTAX;
    list = registry_list(registry_of(call), &count);
    keep_own(call, list, &count);
    depend_on_registry(call);
    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++) {
        reply_listed(call, list[i], wants_ids);
        ns_release(list[i]);
    }
    free(list);
    return STATUS_OK;
}

static void reply_limits(struct call *call, const struct ns *ns)
{
    reply_map(call->reply, LIMIT_COUNT);
    for (int i = 0; i < LIMIT_COUNT; i++) {
        reply_text(call->reply, limit_rules[i].name);
        reply_integer(call->reply, ns_limit(registry_of(call), ns, (enum limit)i));
    }
}

static int64_t key_count(const struct call *call, const struct ns *ns)
{
    return call->txn != NULL ? txn_key_count(call->txn, ns) : atomic_load(&ns->key_count);
}

static void reply_info(struct call *call, const struct ns *ns)
{
    struct reply *reply = call->reply;
    char *title = ns_take_title(registry_of(call), ns);

    reply_map(reply, 5);
    reply_text(reply, "id");
    reply_id(reply, ns);
    reply_text(reply, "title");
    reply_text(reply, title);
    reply_text(reply, "keys");
    reply_integer(reply, key_count(call, ns));
    reply_text(reply, "bytes");
    reply_integer(reply, atomic_load(&ns->byte_count));
    reply_text(reply, "limits");
    reply_limits(call, ns);
    free(title);
}

/* NAMESPACE INFO title: the counts hold what is not committed yet, so the answer waits for that. */
static enum status command_info(struct call *call)
{
    struct ns *ns;
    enum status s;

    s = find(call, call_argument(call, 2), &ns);
    if (s != STATUS_OK)
        return s;
    reply_info(call, ns);
    call_depend_on_all(call);
    ns_release(ns);
    return STATUS_OK;
}

/* --- limits --- */

static enum status parse_limit(struct call *call, struct bytes name, enum limit *limit)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        if (!bytes_is_word(name, limit_rules[i].name))
            continue;
        *limit = (enum limit)i;
        return STATUS_OK;
    }
    return call_fail(call,
                     "ERR no such option '%.*s': there are max-key-size, max-value-size, "
                     "max-metadata-size, max-keys-per-namespace and key-write-rate",
                     (int)(name.size < 64 ? name.size : 64), name.data);
}

static bool is_size(enum limit limit)
{
    return limit == LIMIT_KEY_SIZE || limit == LIMIT_VALUE_SIZE || limit == LIMIT_METADATA_SIZE;
}

/* A number in range, sizes also as "64kb"; "default" is the server's own, -1. */
static enum status parse_value(struct call *call, enum limit limit, struct bytes text,
                               int64_t *value)
{
    const struct limit_rule *rule = &limit_rules[limit];
    int64_t number;
    bool is_read;

    if (bytes_is_word(text, "default")) {
        *value = -1;
        return STATUS_OK;
    }
    is_read = is_size(limit) ? bytes_to_size(text, &number) : bytes_to_int64(text, &number);
    if (!is_read || number < rule->min || number > rule->max)
        return call_fail(call, "ERR %s must be from %lld to %lld, or default", rule->name,
                         (long long)rule->min, (long long)rule->max);
    *value = number;
    return STATUS_OK;
}

static enum status command_set(struct call *call)
{
    enum limit limit;
    int64_t value = -1;
    struct ns *ns;
    enum status s;

    s = parse_limit(call, call_argument(call, 3), &limit);
    if (s == STATUS_OK)
        s = parse_value(call, limit, call_argument(call, 4), &value);
    if (s == STATUS_OK)
        s = find(call, call_argument(call, 2), &ns);
    if (s != STATUS_OK)
        return s;
    s = registry_set(call->txn, ns, limit, value);
    ns_release(ns);
    return reply_done(call, s);
}

/* NAMESPACE GET title [option]: what holds for it, its own or the server's. */
static enum status command_get(struct call *call)
{
    enum limit limit = LIMIT_COUNT;
    struct ns *ns;
    enum status s = STATUS_OK;

    if (call->argc > 4)
        return STATUS_ARITY;
    if (call->argc == 4)
        s = parse_limit(call, call_argument(call, 3), &limit);
    if (s == STATUS_OK)
        s = find(call, call_argument(call, 2), &ns);
    if (s != STATUS_OK)
        return s;
    if (limit == LIMIT_COUNT)
        reply_limits(call, ns);
    else
        reply_integer(call->reply, ns_limit(registry_of(call), ns, limit));
    ns_release(ns);
    return STATUS_OK;
}

/* clang-format off */
#define OURS    .group = GROUP_KV, .compat = COMPAT_OURS, .since = "0.1.0", .note = ""
#define CHANGES .flags = CMD_WRITE | CMD_ADMIN | CMD_WHOLE | CMD_ANY_NS

static struct command subcommands[] = {
    { .name = "create", .arity = 3, CHANGES, OURS, .run = command_create, .complexity = "O(1)",
      .summary = "Creates an empty namespace", .syntax = "title" },
    { .name = "list", .arity = -2, OURS, .run = command_list,
      .complexity = "O(N) where N is the number of namespaces",
      .summary = "Lists the titles of all namespaces, or titles and ids",
      .syntax = "[WITHIDS]" },
    { .name = "info", .arity = 3, OURS, .run = command_info, .complexity = "O(1)",
      .summary = "Tells id, number of keys, bytes and limits of a namespace", .syntax = "title" },
    { .name = "rename", .arity = -4, CHANGES, OURS, .run = command_rename, .complexity = "O(1)",
      .summary = "Gives a namespace another title", .syntax = "title new-title [IFID id]" },
    { .name = "delete", .arity = -3, CHANGES, OURS, .run = command_delete, .complexity = "O(1)",
      .summary = "Deletes a namespace with all its keys, or empties a database",
      .syntax = "title [IFID id]" },
    { .name = "use", .arity = 3, .flags = CMD_FAST | CMD_SELECTS, OURS, .run = command_use,
      .complexity = "O(1)",
      .summary = "Chooses the namespace to work in, as SELECT does", .syntax = "title" },
    { .name = "set", .arity = 5, CHANGES, OURS, .run = command_set, .complexity = "O(1)",
      .summary = "Gives a namespace a limit of its own, or the server's again",
      .syntax = "title option value" },
    { .name = "get", .arity = -3, OURS, .run = command_get, .complexity = "O(1)",
      .summary = "Tells the limits that hold for a namespace", .syntax = "title [option]" },
    { .name = "help", .arity = 2, OURS, .run = command_help, .complexity = "O(1)",
      .summary = "Lists the subcommands", .syntax = "" },
    { 0 },
};

struct command namespace_commands[] = {
    { .name = "namespace", .arity = -2, .subcommands = subcommands, OURS,
      .complexity = "That of the subcommand", .summary = "About namespaces", .syntax = "" },
    { 0 },
};
/* clang-format on */
