#include "commands/debug.h"

#include <math.h>
#include <time.h>

#include "base/log.h"
#include "commands/data.h"

#define LOG_MESSAGE_MAX 1024

/* Redis's own tests write this much; longer sleeps are a mistake. */
#define SLEEP_MAX_S 3600

static enum status debug_sleep(struct call *call)
{
    long double seconds;
    struct timespec left;

    if (!bytes_to_long_double(call->argv[2], &seconds) || seconds < 0 || seconds > SLEEP_MAX_S)
        return STATUS_NOT_FLOAT;
    left.tv_sec = (time_t)seconds;
    left.tv_nsec = (long)((seconds - floorl(seconds)) * 1e9L);
    while (nanosleep(&left, &left) != 0)
        continue; /* a signal: sleep what is left */
    reply_ok(call->reply);
    return STATUS_OK;
}

static enum status debug_set_active_expire(struct call *call)
{
    int64_t is_on;

    if (!bytes_to_int64(call->argv[2], &is_on))
        return STATUS_NOT_INTEGER;
    store_set_active_expiry(call_services(call)->store, is_on != 0);
    reply_ok(call->reply);
    return STATUS_OK;
}

/* There is nothing to load again: what memory holds comes from the same records.  But all of it is
 * on disk when the answer leaves. */
static enum status debug_reload(struct call *call)
{
    return call_answer_when_synced(call);
}

static enum status debug_log(struct call *call)
{
    char text[LOG_MESSAGE_MAX];
    size_t size = 0;

    for (size_t i = 0; i < call->argv[2].size && size < sizeof(text) - 1; i++) {
        unsigned char c = (unsigned char)call->argv[2].data[i];

        text[size++] = c < ' ' ? ' ' : (char)c; /* one message, one line */
    }
    text[size] = '\0';
    log_line(LOG_WARNING, "DEBUG LOG: %s", text);
    reply_ok(call->reply);
    return STATUS_OK;
}

static enum status debug_error(struct call *call)
{
    return call_fail(
        call, "%.*s",
        (int)(call->argv[2].size < CALL_ERROR_MAX ? call->argv[2].size : CALL_ERROR_MAX - 1),
        call->argv[2].data);
}

static enum status debug_object(struct call *call)
{
    struct buffer *line = &call->worker->scratch;
    const struct entry *entry;
    int64_t used_s;
    enum status s = data_find(call, call->argv[2], &entry);

    if (s != STATUS_OK)
        return s == STATUS_NOT_FOUND ? STATUS_NO_KEY : s;
    used_s = (int64_t)atomic_load_explicit(&entry->used_s, memory_order_relaxed);
    buffer_printf(line,
                  "Value at:0x0 refcount:1 encoding:raw serializedlength:%u lru:%lld "
                  "lru_seconds_idle:%lld",
                  entry->header.value_size, (long long)(used_s & 0xffffff),
                  (long long)(call->now_ms / 1000 - used_s));
    call->reply->ops->simple(call->reply, buffer_view(line));
    return STATUS_OK;
}

/* --- PROTOCOL: a value of each type of reply --- */

static void say_string(struct reply *reply)
{
    reply_text(reply, "Hello World");
}

static void say_integer(struct reply *reply)
{
    reply_integer(reply, 12345);
}

static void say_double(struct reply *reply)
{
    reply_number(reply, 3.141);
}

static void say_null(struct reply *reply)
{
    reply_null(reply);
}

static void say_three(struct reply *reply)
{
    for (int i = 0; i < 3; i++)
        reply_integer(reply, i);
}

static void say_array(struct reply *reply)
{
    reply_array(reply, 3);
    say_three(reply);
}

static void say_set(struct reply *reply)
{
    reply_set(reply, 3);
    say_three(reply);
}

static void say_map(struct reply *reply)
{
    reply_map(reply, 3);
    for (int i = 0; i < 3; i++) {
        reply_integer(reply, i);
        reply_boolean(reply, i == 1);
    }
}

static void say_push(struct reply *reply)
{
    reply_push(reply, 2);
    reply_text(reply, "server-cpu-usage");
    reply_integer(reply, 42);
}

static void say_verbatim(struct reply *reply)
{
    reply_verbatim(reply, bytes_of("This is a verbatim\nstring"));
}

static void say_true(struct reply *reply)
{
    reply_boolean(reply, true);
}

static void say_false(struct reply *reply)
{
    reply_boolean(reply, false);
}

static enum status debug_protocol(struct call *call)
{
    static const struct {
        const char *type;
        void (*say)(struct reply *reply);
    } types[] = {
        {"string", say_string}, {"integer", say_integer},   {"double", say_double},
        {"null", say_null},     {"array", say_array},       {"set", say_set},
        {"map", say_map},       {"verbatim", say_verbatim}, {"true", say_true},
        {"false", say_false},   {"push", say_push},
    };

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (bytes_is_word(call->argv[2], types[i].type)) {
            types[i].say(call->reply);
            return STATUS_OK;
        }
    }
    return call_fail(call, "ERR Wrong protocol type name. Please use one of the following: "
                           "string|integer|double|null|array|set|map|verbatim|push|true|false");
}

/* --- the table --- */

static enum status debug_help(struct call *call);

static const struct subcommand {
    const char *name;
    size_t argc_min, argc_max;
    enum status (*run)(struct call *call);
    const char *syntax, *summary;
} subcommands[] = {
    {"error", 3, 3, debug_error, "ERROR text", "Answers this text as an error."},
    {"help", 2, 2, debug_help, "HELP", "Lists the subcommands."},
    {"loadaof", 2, 2, debug_reload, "LOADAOF", "The same as RELOAD."},
    {"log", 3, 3, debug_log, "LOG message", "Writes a line to the log."},
    {"object", 3, 3, debug_object, "OBJECT key", "Tells the size and last use of a key."},
    {"protocol", 3, 3, debug_protocol, "PROTOCOL type", "Answers a sample of this type of reply."},
    {"reload", 2, 5, debug_reload, "RELOAD [option ...]", "Answers when everything is on disk."},
    {"set-active-expire", 3, 3, debug_set_active_expire, "SET-ACTIVE-EXPIRE <0 | 1>",
     "Switches the expiry of keys that nobody asks for."},
    {"sleep", 3, 3, debug_sleep, "SLEEP seconds", "Stops the thread of this connection."},
};

static enum status debug_help(struct call *call)
{
    reply_array(call->reply, 1 + 2 * COUNT_OF(subcommands));
    reply_simple(call->reply, "DEBUG has these subcommands:");
    for (size_t i = 0; i < COUNT_OF(subcommands); i++) {
        struct buffer *line = &call->worker->scratch;

        reply_simple(call->reply, subcommands[i].syntax);
        line->size = 0;
        buffer_printf(line, "    %s", subcommands[i].summary);
        call->reply->ops->simple(call->reply, buffer_view(line));
    }
    return STATUS_OK;
}

/* The address of a client on the same machine: loopback, or a path. */
static bool is_local(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0 ||
           address[0] == '/';
}

enum status command_debug(struct call *call)
{
    struct bytes name = call->argv[1];

    if (!is_local(call->session->address))
        return call_fail(call, "ERR DEBUG command not allowed from another machine");
    for (size_t i = 0; i < COUNT_OF(subcommands); i++) {
        const struct subcommand *row = &subcommands[i];

        if (bytes_is_word(name, row->name) && call->argc >= row->argc_min &&
            call->argc <= row->argc_max)
            return row->run(call);
    }
    return call_fail(call,
                     "ERR unknown subcommand or wrong number of arguments for '%.*s'. "
                     "Try DEBUG HELP.",
                     (int)(name.size < 128 ? name.size : 128), name.data);
}
