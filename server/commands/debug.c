#include "commands/debug.h"

#include <math.h>
#include <time.h>

#include "base/hash.h"
#include "base/log.h"
#include "commands/data.h"
#include "commands/dump.h"
#include "store/scan.h"

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

/* What it takes in a dump: without the type, version and sum that DUMP puts around it. */
#define PAYLOAD_FRAME 11

static enum status debug_object(struct call *call)
{
    struct buffer *line = &call->worker->scratch;
    const struct entry *entry;
    int64_t used_s, idle_s;
    size_t dumped_size;
    enum status s = data_peek(call, call->argv[2], &entry);

    if (s != STATUS_OK)
        return s;
    if (entry == NULL)
        return STATUS_NO_KEY;
    dump_write(line, entry_value(entry));
    dumped_size = line->size - PAYLOAD_FRAME;
    line->size = 0;
    used_s = data_used_s(entry);
    idle_s = call->now_ms / 1000 - used_s;
    buffer_printf(line,
                  "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:%lld "
                  "lru_seconds_idle:%lld",
                  (const void *)entry, data_encoding(entry), dumped_size,
                  (long long)(used_s & 0xffffff), (long long)(idle_s > 0 ? idle_s : 0));
    call->reply->ops->simple(call->reply, buffer_view(line));
    return STATUS_OK;
}

/* --- DIGEST: is the same stored here and there? --- */

#define DIGEST_SIZE 20

/* Of records in any order: each is hashed, and all hashes are combined by exclusive or. */
struct digest {
    unsigned char bytes[DIGEST_SIZE];
};

/* Of a key, its value and whether, not when, it expires. */
static void digest_add(struct digest *digest, struct bytes key, struct bytes value, bool expires)
{
    for (uint64_t i = 0; i * sizeof(uint64_t) < DIGEST_SIZE; i++) {
        uint64_t hash = hash_seeded(value, hash_seeded(key, i) + expires);

        for (size_t at = i * sizeof hash; at < (i + 1) * sizeof hash && at < DIGEST_SIZE; at++) {
            digest->bytes[at] ^= (unsigned char)hash;
            hash >>= 8;
        }
    }
}

static void digest_write(const struct digest *digest, struct buffer *out)
{
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        buffer_printf(out, "%02x", digest->bytes[i]);
}

static enum status digest_row(struct call *call, struct ns *ns, const struct scan_row *row,
                              struct digest *digest)
{
    struct bytes value = row->value;
    const struct entry *entry;

    if (!row->has_value) {
        enum status s = data_view_in(call, ns, row->key, &entry);

        if (s != STATUS_OK)
            return s == STATUS_NOT_FOUND ? STATUS_OK : s;
        value = entry_value(entry);
    }
    digest_add(digest, row->key, value, row->expiry_ms != EXPIRY_NONE);
    return STATUS_OK;
}

static enum status digest_namespace(struct call *call, struct ns *ns, struct digest *digest)
{
    struct scan_row row;
    struct scan *scan;
    enum status s;

    s = scan_open(call->worker->store_thread, call->txn, ns, bytes_of(""), bytes_of(""),
                  call->now_ms, &scan, &call->depends_on);
    if (s != STATUS_OK)
        return s;
    for (s = scan_next(scan, &row); s == STATUS_OK; s = scan_next(scan, &row)) {
        s = digest_row(call, ns, &row, digest);
        if (s != STATUS_OK)
            break;
    }
    scan_close(scan);
    return s == STATUS_NOT_FOUND ? STATUS_OK : s;
}

/* Of each numbered database the digest with its number, so that SWAPDB shows. */
static enum status debug_digest(struct call *call)
{
    struct registry *registry = store_registry(call_services(call)->store);
    static const struct digest empty;
    struct buffer *text = &call->worker->scratch;
    struct digest all = empty;
    enum status s = STATUS_OK;

    for (int i = 0; i < registry_database_count(registry) && s == STATUS_OK; i++) {
        struct digest one = empty;
        char number[INT64_TEXT_MAX];

        s = digest_namespace(call, registry_database(registry, i), &one);
        if (memcmp(&one, &empty, sizeof one) != 0)
            digest_add(&all, (struct bytes){number, int64_to_text(i, number)},
                       (struct bytes){(const char *)one.bytes, DIGEST_SIZE}, false);
    }
    if (s != STATUS_OK)
        return s;
    digest_write(&all, text);
    call->reply->ops->simple(call->reply, buffer_view(text));
    return STATUS_OK;
}

static enum status debug_digest_value(struct call *call)
{
    reply_array(call->reply, call->argc - 2);
    for (size_t i = 2; i < call->argc; i++) {
        struct buffer *text = &call->worker->scratch;
        struct digest digest = {{0}};
        const struct entry *entry;
        enum status s = data_peek(call, call->argv[i], &entry);

        if (s != STATUS_OK)
            return s;
        if (entry != NULL)
            digest_add(&digest, bytes_of(""), entry_value(entry),
                       entry->header.expiry_ms != EXPIRY_NONE);
        text->size = 0;
        digest_write(&digest, text);
        call->reply->ops->simple(call->reply, buffer_view(text));
    }
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

static void say_big_number(struct reply *reply)
{
    reply->ops->big_number(reply, bytes_of("1234567999999999999999999999999999999"));
}

static void say_attribute(struct reply *reply)
{
    reply->ops->attribute(reply, 1);
    reply_text(reply, "key-popularity");
    reply_array(reply, 2);
    reply_text(reply, "key:123");
    reply_integer(reply, 90);
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
        {"false", say_false},   {"push", say_push},         {"bignum", say_big_number},
    };
    bool is_resp3 = call->session->protocol > 2;

    /* It stands before a reply of its own. */
    if (bytes_is_word(call->argv[2], "attrib")) {
        if (is_resp3)
            say_attribute(call->reply);
        reply_text(call->reply, "Some real reply following the attribute");
        return STATUS_OK;
    }
    if (bytes_is_word(call->argv[2], "push") && !is_resp3)
        return call_fail(call, "ERR RESP2 is not supported by this command");
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (bytes_is_word(call->argv[2], types[i].type)) {
            types[i].say(call->reply);
            return STATUS_OK;
        }
    }
    return call_fail(call, "ERR Wrong protocol type name. Please use one of the following: "
                           "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|"
                           "true|false");
}

/* Nothing waits for a timer that could be paused. */
static enum status debug_pause_cron(struct call *call)
{
    reply_ok(call->reply);
    return STATUS_OK;
}

/* --- the table --- */

static enum status debug_help(struct call *call);

static const struct subcommand {
    const char *name;
    size_t argc_min, argc_max;
    enum status (*run)(struct call *call);
    const char *syntax, *summary;
} subcommands[] = {
    {"digest", 2, 2, debug_digest, "DIGEST", "Hashes all keys and values of the databases."},
    {"digest-value", 3, SIZE_MAX, debug_digest_value, "DIGEST-VALUE key [key ...]",
     "Hashes the values of keys."},
    {"error", 3, 3, debug_error, "ERROR text", "Answers this text as an error."},
    {"help", 2, 2, debug_help, "HELP", "Lists the subcommands."},
    {"loadaof", 2, 2, debug_reload, "LOADAOF", "The same as RELOAD."},
    {"log", 3, 3, debug_log, "LOG message", "Writes a line to the log."},
    {"object", 3, 3, debug_object, "OBJECT key", "Tells the size and last use of a key."},
    {"pause-cron", 3, 3, debug_pause_cron, "PAUSE-CRON <0 | 1>", "Taken, without effect."},
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
