/* expiry.c - when keys end, and how long they have left.
 *
 * An expiry is a moment, in milliseconds since 1970; EXPIRY_NONE, the largest number there is,
 * means never, so "later than" and "earlier than" need no special case for a key without one.
 */
#include "commands/data.h"
#include "commands/events.h"
#include "commands/table.h"

enum {
    ONLY_WITHOUT = 1 << 0, /* NX */
    ONLY_WITH = 1 << 1,    /* XX */
    ONLY_LATER = 1 << 2,   /* GT */
    ONLY_EARLIER = 1 << 3, /* LT */
};

static const struct {
    const char *word;
    unsigned condition;
} condition_words[] = {
    {"nx", ONLY_WITHOUT},
    {"xx", ONLY_WITH},
    {"gt", ONLY_LATER},
    {"lt", ONLY_EARLIER},
};

static unsigned condition_of(struct bytes word)
{
    for (size_t i = 0; i < COUNT_OF(condition_words); i++)
        if (bytes_is_word(word, condition_words[i].word))
            return condition_words[i].condition;
    return 0;
}

static enum status parse_conditions(struct call *call, size_t first, unsigned *conditions)
{
    unsigned all = 0;

    for (size_t i = first; i < call->argc; i++) {
        struct bytes word = call_argument(call, i);
        unsigned condition = condition_of(word);

        if (condition == 0)
            return call_fail(call, "ERR Unsupported option %.*s", (int)word.size, word.data);
        all |= condition;
    }
    if ((all & ONLY_WITHOUT) != 0 && all != ONLY_WITHOUT)
        return call_fail(call,
                         "ERR NX and XX, GT or LT options at the same time are not compatible");
    if ((all & ONLY_LATER) != 0 && (all & ONLY_EARLIER) != 0)
        return call_fail(call, "ERR GT and LT options at the same time are not compatible");
    *conditions = all;
    return STATUS_OK;
}

static bool conditions_hold(unsigned conditions, int64_t old_ms, int64_t new_ms)
{
    if ((conditions & ONLY_WITHOUT) != 0 && old_ms != EXPIRY_NONE)
        return false;
    if ((conditions & ONLY_WITH) != 0 && old_ms == EXPIRY_NONE)
        return false;
    if ((conditions & ONLY_LATER) != 0 && new_ms <= old_ms)
        return false;
    return (conditions & ONLY_EARLIER) == 0 || new_ms < old_ms;
}

/* A moment given in units of `unit_ms`, counted from `base_ms`; it may lie in the past. */
static enum status parse_moment(struct bytes text, int64_t base_ms, int64_t unit_ms,
                                int64_t *moment_ms)
{
    int64_t moment;

    if (!bytes_to_int64(text, &moment))
        return STATUS_NOT_INTEGER;
    if (__builtin_mul_overflow(moment, unit_ms, &moment) ||
        __builtin_add_overflow(moment, base_ms, &moment))
        return STATUS_EXPIRE_TIME;
    *moment_ms = moment < EXPIRY_NONE ? moment : EXPIRY_NONE - 1;
    return STATUS_OK;
}

/* The same record with another expiry. */
static enum status put_expiry(struct call *call, struct bytes key, const struct entry *entry,
                              int64_t expiry_ms)
{
    struct data_record record = {.key = key,
                                 .meta = entry_meta(entry),
                                 .expiry_ms = expiry_ms,
                                 .is_raw = entry->header.is_raw};
    enum status s = data_put_value(call, &record, entry_value(entry));

    if (s == STATUS_OK)
        events_note(call, expiry_ms == EXPIRY_NONE ? EVENT_PERSIST : EVENT_EXPIRE, key);
    return s;
}

static enum status delete_now(struct call *call, struct bytes key)
{
    enum status s = data_delete(call, key);

    if (s == STATUS_OK)
        events_note(call, EVENT_DEL, key);
    return s;
}

/* EXPIRE and its sisters: 1 if the expiry was set, 0 if there is no such key or a condition failed.
 * A moment that has passed deletes the key at once, and that is 1 too. */
static enum status expire_at(struct call *call, int64_t base_ms, int64_t unit_ms)
{
    struct bytes key = call_argument(call, 1);
    const struct entry *entry;
    unsigned conditions = 0;
    int64_t expiry_ms;
    enum status s;

    s = parse_conditions(call, 3, &conditions);
    if (s != STATUS_OK)
        return s;
    s = parse_moment(call_argument(call, 2), base_ms, unit_ms, &expiry_ms);
    if (s != STATUS_OK)
        return s;
    s = data_find(call, key, &entry);
    if (s == STATUS_OK && !conditions_hold(conditions, entry->header.expiry_ms, expiry_ms))
        s = STATUS_NOT_FOUND;
    else if (s == STATUS_OK && expiry_ms <= call->now_ms)
        s = delete_now(call, key);
    else if (s == STATUS_OK)
        s = put_expiry(call, key, entry, expiry_ms);
    return data_reply_whether(call, s);
}

static enum status command_expire(struct call *call)
{
    return expire_at(call, call->now_ms, 1000);
}

static enum status command_pexpire(struct call *call)
{
    return expire_at(call, call->now_ms, 1);
}

static enum status command_expireat(struct call *call)
{
    return expire_at(call, 0, 1000);
}

static enum status command_pexpireat(struct call *call)
{
    return expire_at(call, 0, 1);
}

static enum status command_persist(struct call *call)
{
    struct bytes key = call_argument(call, 1);
    const struct entry *entry;
    enum status s;

    s = data_find(call, key, &entry);
    if (s == STATUS_OK && entry->header.expiry_ms == EXPIRY_NONE)
        s = STATUS_NOT_FOUND;
    if (s == STATUS_OK)
        s = put_expiry(call, key, entry, EXPIRY_NONE);
    return data_reply_whether(call, s);
}

static int64_t rounded_seconds(int64_t ms)
{
    return ms / 1000 + (ms % 1000 >= 500);
}

/* TTL and its sisters: the expiry as seen from `base_ms`; -1 if it has none, -2 if there is no such
 * key. */
static enum status reply_expiry(struct call *call, int64_t base_ms, bool in_seconds)
{
    const struct entry *entry;
    int64_t ms;
    enum status s;

    s = data_peek(call, call_argument(call, 1), &entry);
    if (s != STATUS_OK)
        return s;
    if (entry == NULL) {
        reply_integer(call->reply, -2);
    } else if (entry->header.expiry_ms == EXPIRY_NONE) {
        reply_integer(call->reply, -1);
    } else {
        ms = entry->header.expiry_ms - base_ms;
        reply_integer(call->reply, in_seconds ? rounded_seconds(ms) : ms);
    }
    return STATUS_OK;
}

static enum status command_ttl(struct call *call)
{
    return reply_expiry(call, call->now_ms, true);
}

static enum status command_pttl(struct call *call)
{
    return reply_expiry(call, call->now_ms, false);
}

static enum status command_expiretime(struct call *call)
{
    return reply_expiry(call, 0, true);
}

static enum status command_pexpiretime(struct call *call)
{
    return reply_expiry(call, 0, false);
}

/* clang-format off */
#define ONE_KEY .first_key = 1, .last_key = 1, .key_step = 1
#define WRITES  ONE_KEY, .flags = CMD_WRITE | CMD_FAST, .key_use = KEYS_UPDATE, \
                .group = GROUP_GENERIC, .compat = COMPAT_DIFFERS, .complexity = "O(1)", \
                .note = "subject to the write rate"
#define READS   ONE_KEY, .flags = CMD_READONLY | CMD_FAST, .key_use = KEYS_RO, \
                .group = GROUP_GENERIC, .compat = COMPAT_SAME, .complexity = "O(1)", .note = ""

struct command expiry_commands[] = {
    { .name = "expire", .arity = -3, .run = command_expire, .since = "1.0.0", WRITES,
      .summary = "Lets a key end so many seconds from now",
      .syntax = "key seconds [NX | XX | GT | LT]" },
    { .name = "pexpire", .arity = -3, .run = command_pexpire, .since = "2.6.0", WRITES,
      .summary = "Lets a key end so many milliseconds from now",
      .syntax = "key milliseconds [NX | XX | GT | LT]" },
    { .name = "expireat", .arity = -3, .run = command_expireat, .since = "1.2.0", WRITES,
      .summary = "Lets a key end at a moment given in Unix seconds",
      .syntax = "key unix-time-seconds [NX | XX | GT | LT]" },
    { .name = "pexpireat", .arity = -3, .run = command_pexpireat, .since = "2.6.0", WRITES,
      .summary = "Lets a key end at a moment given in Unix milliseconds",
      .syntax = "key unix-time-milliseconds [NX | XX | GT | LT]" },
    { .name = "persist", .arity = 2, .run = command_persist, .since = "2.2.0", WRITES,
      .summary = "Takes a key's expiry away",
      .syntax = "key" },
    { .name = "ttl", .arity = 2, .run = command_ttl, .since = "1.0.0", READS,
      .summary = "Tells how many seconds a key has left",
      .syntax = "key" },
    { .name = "pttl", .arity = 2, .run = command_pttl, .since = "2.6.0", READS,
      .summary = "Tells how many milliseconds a key has left",
      .syntax = "key" },
    { .name = "expiretime", .arity = 2, .run = command_expiretime, .since = "7.0.0", READS,
      .summary = "Tells when a key ends, in Unix seconds",
      .syntax = "key" },
    { .name = "pexpiretime", .arity = 2, .run = command_pexpiretime, .since = "7.0.0", READS,
      .summary = "Tells when a key ends, in Unix milliseconds",
      .syntax = "key" },
    { 0 },
};
/* clang-format on */
