#include "commands/refusal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "commands/table.h"

/* How much of a name, and of all arguments together, an error repeats. */
#define ECHO_MAX 128

static void say(char text[CALL_ERROR_MAX], const char *format, ...) PRINTF_LIKE(2, 3);

static void say(char text[CALL_ERROR_MAX], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, CALL_ERROR_MAX, format, arguments);
    va_end(arguments);
}

static void say_arity(const struct call *call, char text[CALL_ERROR_MAX])
{
    say(text, "ERR wrong number of arguments for '%s' command", call->command->full_name);
}

static void say_expire_time(const struct call *call, char text[CALL_ERROR_MAX])
{
    say(text, "ERR invalid expire time in '%s' command", call->command->full_name);
}

static void say_key_too_long(const struct call *call, char text[CALL_ERROR_MAX])
{
    say(text, "KEYTOOLONG key of %lld bytes exceeds the limit of %lld bytes (max-key-size)",
        (long long)call->limit_seen, (long long)call->limit_allowed);
}

static void say_value_too_long(const struct call *call, char text[CALL_ERROR_MAX])
{
    say(text,
        "VALUETOOLONG value of %lld bytes: string exceeds maximum allowed size of %lld bytes "
        "(max-value-size)",
        (long long)call->limit_seen, (long long)call->limit_allowed);
}

static void say_meta_too_long(const struct call *call, char text[CALL_ERROR_MAX])
{
    say(text,
        "METATOOLONG metadata of %lld bytes exceeds the limit of %lld bytes (max-metadata-size)",
        (long long)call->limit_seen, (long long)call->limit_allowed);
}

static struct registry *registry_of(const struct call *call)
{
    return store_registry(call_services(call)->store);
}

static void say_namespace_full(const struct call *call, char text[CALL_ERROR_MAX])
{
    say(text, "NAMESPACEFULL namespace holds %lld keys, the limit is %lld (max-keys-per-namespace)",
        (long long)atomic_load(&call->ns->key_count),
        (long long)ns_limit(registry_of(call), call->ns, LIMIT_KEYS));
}

/* With COPY or MOVE the key may be another namespace's, whose rate is not the selected one's. */
static void say_rate_limited(const struct call *call, char text[CALL_ERROR_MAX])
{
    int64_t rate = ns_limit(registry_of(call), call->ns, LIMIT_KEY_WRITE_RATE);

    if (rate > 0)
        say(text,
            "RATELIMIT key was written less than %lld ms ago, retry in %lld ms (key-write-rate)",
            (long long)(1000 / rate), (long long)call->retry_ms);
    else
        say(text, "RATELIMIT key was written too recently, retry in %lld ms (key-write-rate)",
            (long long)call->retry_ms);
}

static void say_title(const struct call *call, size_t index, const char *before, const char *after,
                      char text[CALL_ERROR_MAX])
{
    struct bytes title = index < call->argc ? call->argv[index] : bytes_of("");

    say(text, "ERR %s '%.*s'%s", before,
        (int)(title.size < NS_TITLE_MAX ? title.size : NS_TITLE_MAX), title.data, after);
}

/* The title stands first, where a command names one that must be there ... */
static void say_no_namespace(const struct call *call, char text[CALL_ERROR_MAX])
{
    say_title(call, call->command->container != NULL ? 2 : 1, "no such namespace", "", text);
}

/* ... and behind it the new one, if there is any. */
static void say_title_taken(const struct call *call, char text[CALL_ERROR_MAX])
{
    say_title(call, call->argc > 3 ? 3 : 2, "namespace", " already exists", text);
}

void refusal_describe_store(struct store *store, char text[CALL_ERROR_MAX])
{
    char reason[STORE_ERROR_MAX];

    if (store_is_refusing(store, reason))
        say(text, "MISCONF %s", reason);
    else
        say(text, "MISCONF the write could not be stored and was undone, try again");
}

static void say_cannot_persist(const struct call *call, char text[CALL_ERROR_MAX])
{
    refusal_describe_store(call_services(call)->store, text);
}

static void say_own_text(const struct call *call, char text[CALL_ERROR_MAX])
{
    say(text, "%s", call->error_text);
}

/* Either the text, or who writes it from what the call noted. */
struct wording {
    const char *text;
    void (*compose)(const struct call *call, char text[CALL_ERROR_MAX]);
};

/* Every status that a command may end with. */
static const struct wording wordings[STATUS_COUNT] = {
    [STATUS_NOT_FOUND] = {"ERR no such key", NULL},
    [STATUS_SYNTAX] = {"ERR syntax error", NULL},
    [STATUS_NOT_INTEGER] = {"ERR value is not an integer or out of range", NULL},
    [STATUS_NOT_FLOAT] = {"ERR value is not a valid float", NULL},
    [STATUS_OVERFLOW] = {"ERR increment or decrement would overflow", NULL},
    [STATUS_NAN] = {"ERR increment would produce NaN or Infinity", NULL},
    [STATUS_OFFSET] = {"ERR offset is out of range", NULL},
    [STATUS_BIT_OFFSET] = {"ERR bit offset is not an integer or out of range", NULL},
    [STATUS_BIT_VALUE] = {"ERR bit is not an integer or out of range", NULL},
    [STATUS_STRING_TOO_LONG] = {"ERR string exceeds maximum allowed size (proto-max-bulk-len)",
                                NULL},
    [STATUS_NO_KEY] = {"ERR no such key", NULL},
    [STATUS_SAME_OBJECT] = {"ERR source and destination objects are the same", NULL},
    [STATUS_DB_RANGE] = {"ERR DB index is out of range", NULL},
    [STATUS_CURSOR] = {"ERR invalid cursor", NULL},
    [STATUS_ARITY] = {NULL, say_arity},
    [STATUS_EXPIRE_TIME] = {NULL, say_expire_time},
    [STATUS_FAILED] = {NULL, say_own_text},
    [STATUS_KEY_TOO_LONG] = {NULL, say_key_too_long},
    [STATUS_VALUE_TOO_LONG] = {NULL, say_value_too_long},
    [STATUS_META_TOO_LONG] = {NULL, say_meta_too_long},
    [STATUS_NAMESPACE_FULL] = {NULL, say_namespace_full},
    [STATUS_RATE_LIMITED] = {NULL, say_rate_limited},
    [STATUS_META_INVALID] = {"ERR invalid metadata", NULL},
    [STATUS_NO_NAMESPACE] = {NULL, say_no_namespace},
    [STATUS_TITLE_TAKEN] = {NULL, say_title_taken},
    [STATUS_TITLE_INVALID] = {"ERR invalid namespace title", NULL},
    [STATUS_TITLE_RESERVED] = {"ERR db<n> can't be renamed", NULL},
    [STATUS_CLOCK_SKEW] =
        {"CLOCKSKEW this machine's clock is further from its replicas' clocks than "
         "max-clock-skew allows; writes are refused until it is right",
         NULL},
    [STATUS_STALE] = {"STALE this replica was away for too long and its deletes may be forgotten; "
                      "writes are refused, see GOSSIP SALVAGE",
                      NULL},
    [STATUS_LEAVING] = {"LEAVING this replica is leaving its cluster; write to another one", NULL},
    [STATUS_LOADING] = {"LOADING this replica is new and is loading its data from another one",
                        NULL},
    [STATUS_OUT_OF_MEMORY] = {"OOM command not allowed when used memory > 'maxmemory'.", NULL},
    [STATUS_CANNOT_PERSIST] = {NULL, say_cannot_persist},
    [STATUS_IO] = {"ERR the stored data can't be read at the moment: see the log", NULL},
    [STATUS_CORRUPT] = {"ERR the stored data is damaged: see the log", NULL},
};

void refusal_describe(const struct call *call, enum status s, char text[CALL_ERROR_MAX])
{
    const struct wording *wording = &wordings[s];

    if (wording->compose != NULL)
        wording->compose(call, text);
    else
        say(text, "%s", wording->text != NULL ? wording->text : "ERR internal error");
}

static int echoed(struct bytes word, size_t max)
{
    return (int)strnlen(word.data, word.size < max ? word.size : max);
}

static enum status fail_unknown_subcommand(struct call *call)
{
    char container[ECHO_MAX + 1];
    int size = echoed(call->argv[0], ECHO_MAX);

    for (int i = 0; i < size; i++)
        container[i] = (char)toupper((unsigned char)call->argv[0].data[i]);
    return call_fail(call, "ERR unknown subcommand '%.*s'. Try %.*s HELP.",
                     echoed(call->argv[1], ECHO_MAX), call->argv[1].data, size, container);
}

enum status refusal_unknown(struct call *call)
{
    char arguments[ECHO_MAX + 4] = "";
    size_t size = 0;

    if (table_find(call->argv[0]) != NULL)
        return fail_unknown_subcommand(call);
    for (size_t i = 1; i < call->argc && size < ECHO_MAX; i++)
        size += (size_t)snprintf(arguments + size, sizeof arguments - size, "'%.*s' ",
                                 echoed(call->argv[i], ECHO_MAX - size), call->argv[i].data);
    return call_fail(call, "ERR unknown command '%.*s', with args beginning with: %s",
                     echoed(call->argv[0], ECHO_MAX), call->argv[0].data, arguments);
}
