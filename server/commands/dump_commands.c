/* dump_commands.c - DUMP and RESTORE: keys to and from a real Redis, whose MIGRATE sends RESTORE.
 */
#include "commands/data.h"
#include "commands/dump.h"
#include "commands/events.h"
#include "commands/table.h"
#include "store/frequency.h"

static enum status command_dump(struct call *call)
{
    struct buffer *payload = &call->worker->scratch;
    const struct entry *entry;
    enum status s;

    s = data_look(call, call_argument(call, 1), &entry);
    if (s != STATUS_OK)
        return s;
    if (entry == NULL) {
        reply_null(call->reply);
        return STATUS_OK;
    }
    dump_write(payload, entry_value(entry));
    reply_bulk(call->reply, buffer_view(payload));
    return STATUS_OK;
}

/* --- RESTORE --- */

#define UNSAID (-1)

struct restore_options {
    bool replaces, is_absolute;
    int64_t idle_s, frequency; /* UNSAID, or one of the two */
};

static enum status parse_idle_time(struct call *call, struct bytes text, int64_t *idle_s)
{
    if (!bytes_to_int64(text, idle_s))
        return STATUS_NOT_INTEGER;
    if (*idle_s < 0)
        return call_fail(call, "ERR Invalid IDLETIME value, must be >= 0");
    return STATUS_OK;
}

static enum status parse_frequency(struct call *call, struct bytes text, int64_t *frequency)
{
    if (!bytes_to_int64(text, frequency))
        return STATUS_NOT_INTEGER;
    if (*frequency < 0 || *frequency > FREQUENCY_MAX)
        return call_fail(call, "ERR Invalid FREQ value, must be >= 0 and <= 255");
    return STATUS_OK;
}

static enum status parse_restore_options(struct call *call, struct restore_options *options)
{
    enum status s = STATUS_OK;

    *options = (struct restore_options){.idle_s = UNSAID, .frequency = UNSAID};
    for (size_t i = 4; i < call->argc && s == STATUS_OK; i++) {
        struct bytes word = call_argument(call, i);
        bool has_value = i + 1 < call->argc;

        if (bytes_is_word(word, "replace"))
            options->replaces = true;
        else if (bytes_is_word(word, "absttl"))
            options->is_absolute = true;
        else if (bytes_is_word(word, "idletime") && has_value && options->frequency == UNSAID)
            s = parse_idle_time(call, call_argument(call, ++i), &options->idle_s);
        else if (bytes_is_word(word, "freq") && has_value && options->idle_s == UNSAID)
            s = parse_frequency(call, call_argument(call, ++i), &options->frequency);
        else
            s = STATUS_SYNTAX;
    }
    return s;
}

static enum status parse_ttl(struct call *call, const struct restore_options *options,
                             int64_t *expiry_ms)
{
    int64_t ttl_ms;

    if (!bytes_to_int64(call_argument(call, 2), &ttl_ms))
        return STATUS_NOT_INTEGER;
    if (ttl_ms < 0)
        return call_fail(call, "ERR Invalid TTL value, must be >= 0");
    if (ttl_ms == 0) {
        *expiry_ms = EXPIRY_NONE;
        return STATUS_OK;
    }
    if (!options->is_absolute && __builtin_add_overflow(ttl_ms, call->now_ms, &ttl_ms))
        return STATUS_EXPIRE_TIME;
    /* The last millisecond there is stands for "never": one earlier is as good. */
    *expiry_ms = ttl_ms < EXPIRY_NONE ? ttl_ms : EXPIRY_NONE - 1;
    return STATUS_OK;
}

static enum status refuse_payload(struct call *call, enum dump_verdict verdict)
{
    static const char *const texts[] = {
        [DUMP_WRONG_SUM] = "ERR DUMP payload version or checksum are wrong",
        [DUMP_OTHER_TYPE] = "ERR Bad data format: the payload is not a string, and values are "
                            "strings here",
        [DUMP_MALFORMED] = "ERR Bad data format",
    };

    return call_fail(call, "%s", texts[verdict]);
}

/* Nothing is stored of a value that turns out not to be one, also in a transaction. */
static enum status put_restored(struct call *call, const struct dump_string *string,
                                const struct restore_options *options, int64_t expiry_ms)
{
    struct buffer *unpacked = &call->worker->scratch;
    struct data_record record = {.key = call_argument(call, 1), .expiry_ms = expiry_ms};
    struct bytes value = string->stored;
    enum status s;

    if (string->is_packed) {
        if (!dump_unpack(string, unpacked))
            return refuse_payload(call, DUMP_MALFORMED);
        value = buffer_view(unpacked);
    }
    s = data_put_value(call, &record, value);
    if (s == STATUS_OK)
        s = data_set_use(call, record.key, options->idle_s, options->frequency);
    if (s == STATUS_OK)
        events_note(call, EVENT_RESTORE, record.key);
    return s;
}

/* What has expired already is as good as deleted. */
static enum status delete_replaced(struct call *call)
{
    enum status s = data_delete(call, call_argument(call, 1));

    if (s == STATUS_OK)
        events_note(call, EVENT_DEL, call_argument(call, 1));
    return s == STATUS_NOT_FOUND ? STATUS_OK : s;
}

/* RESTORE key ttl payload [options]: a new record, as SET makes one.  The order of the checks is
 * Redis's, but for the sizes, which never depend on what is stored. */
static enum status command_restore(struct call *call)
{
    struct restore_options options;
    struct dump_string string;
    enum dump_verdict verdict;
    const struct entry *old;
    int64_t expiry_ms = EXPIRY_NONE;
    enum status s;

    s = parse_restore_options(call, &options);
    if (s != STATUS_OK)
        return s;
    verdict = dump_read(call_argument(call, 3), &string);
    s = data_check_key(call, call_argument(call, 1));
    if (s == STATUS_OK && verdict == DUMP_FINE)
        s = data_check_value_size(call, (int64_t)string.size);
    if (s == STATUS_OK)
        s = data_look(call, call_argument(call, 1), &old);
    if (s != STATUS_OK)
        return s;
    if (old != NULL && !options.replaces)
        return call_fail(call, "BUSYKEY Target key name already exists.");
    s = parse_ttl(call, &options, &expiry_ms);
    if (s != STATUS_OK)
        return s;
    if (verdict != DUMP_FINE)
        return refuse_payload(call, verdict);
    s = expiry_ms <= call->now_ms ? delete_replaced(call)
                                  : put_restored(call, &string, &options, expiry_ms);
    if (s == STATUS_OK)
        reply_ok(call->reply);
    return s;
}

/* clang-format off */
#define KEY .first_key = 1, .last_key = 1, .key_step = 1, .group = GROUP_GENERIC, \
            .compat = COMPAT_DIFFERS, .since = "2.6.0"

struct command dump_commands[] = {
    { .name = "dump", .arity = 2, .flags = CMD_READONLY, KEY, .key_use = KEYS_RO,
      .run = command_dump, .complexity = "O(N) where N is the size of the value",
      .summary = "Answers the value of a key in Redis's own format, for RESTORE", .syntax = "key",
      .note = "never packed, which RESTORE does not mind; without the key's metadata" },
    { .name = "restore", .arity = -4, .flags = CMD_WRITE | CMD_DENYOOM, KEY, .key_use = KEYS_OW,
      .run = command_restore, .complexity = "O(N) where N is the size of the value",
      .summary = "Stores what DUMP answered, here or in Redis",
      .syntax = "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
      .note = "strings only, of newer versions of Redis too; clears the key's metadata; subject to "
              "the size limits and the write rate" },
    { 0 },
};
/* clang-format on */
