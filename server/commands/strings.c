/* strings.c - the string commands.
 *
 * A plain write (SET and those that are short for it, MSET) makes a new record: what the key had of
 * metadata is gone, also with KEEPTTL.  A command that changes a value in place (APPEND, INCR, ...,
 * and GETSET) keeps the metadata.
 *
 * What turns out to change nothing is no write: no new version, nothing for the write rate.  Where
 * a command looks before it writes, sizes are checked before it looks, so that whether a value is
 * too long never depends on what is stored.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "commands/data.h"
#include "commands/events.h"
#include "commands/expiry_option.h"
#include "commands/lcs.h"
#include "commands/table.h"

/* "%.17Lf" of the largest long double. */
#define FLOAT_TEXT_MAX (5 * 1024)

/* --- one key --- */

static void reply_value(struct reply *reply, const struct entry *entry)
{
    if (entry == NULL)
        reply_null(reply);
    else
        reply_bulk(reply, entry_value(entry));
}

static enum status check_sizes(struct call *call, struct bytes key, struct bytes value)
{
    enum status s = data_check_key(call, key);

    return s != STATUS_OK ? s : data_check_value_size(call, (int64_t)value.size);
}

/* May `more` bytes stand behind the first `size` of a value? */
static enum status check_grown_size(struct call *call, int64_t size, size_t more)
{
    int64_t grown;
    enum status s;

    if (__builtin_add_overflow(size, (int64_t)more, &grown))
        return STATUS_STRING_TOO_LONG;
    s = data_check_value_size(call, grown);
    if (s != STATUS_OK)
        return s;
    if (grown > options_number(call_services(call)->options, OPTION_PROTO_MAX_BULK_LEN))
        return STATUS_STRING_TOO_LONG;
    return STATUS_OK;
}

static enum status command_get(struct call *call)
{
    const struct entry *entry;
    enum status s;

    s = data_look(call, call_argument(call, 1), &entry);
    if (s == STATUS_OK)
        reply_value(call->reply, entry);
    return s;
}

static enum status command_strlen(struct call *call)
{
    const struct entry *entry;
    enum status s;

    s = data_look(call, call_argument(call, 1), &entry);
    if (s == STATUS_OK)
        reply_integer(call->reply, (int64_t)data_value(entry).size);
    return s;
}

/* The bytes from `first` to `last`, both included; below zero they count from the end. */
static struct bytes slice(struct bytes value, int64_t first, int64_t last)
{
    int64_t size = (int64_t)value.size;

    if (first < 0 && last < first)
        return (struct bytes){"", 0};
    if (first < 0)
        first = first + size > 0 ? first + size : 0;
    if (last < 0)
        last = last + size > 0 ? last + size : 0;
    if (last >= size)
        last = size - 1;
    if (first > last)
        return (struct bytes){"", 0};
    return (struct bytes){value.data + first, (size_t)(last - first + 1)};
}

static enum status command_getrange(struct call *call)
{
    const struct entry *entry;
    int64_t first, last;
    enum status s;

    if (!bytes_to_int64(call_argument(call, 2), &first) ||
        !bytes_to_int64(call_argument(call, 3), &last))
        return STATUS_NOT_INTEGER;
    s = data_look(call, call_argument(call, 1), &entry);
    if (s == STATUS_OK)
        reply_bulk(call->reply, slice(data_value(entry), first, last));
    return s;
}

/* --- SET and its kin --- */

enum condition { ALWAYS, ONLY_IF_ABSENT, ONLY_IF_PRESENT };

struct set_options {
    enum condition condition;
    bool wants_old;
    struct expiry_option expiry;
};

static bool take_condition(struct set_options *options, enum condition condition)
{
    if (options->condition != ALWAYS && options->condition != condition)
        return false;
    options->condition = condition;
    return true;
}

static bool take_set_option(struct call *call, struct set_options *options, size_t *index)
{
    struct bytes word = call_argument(call, *index);

    if (bytes_is_word(word, "nx"))
        return take_condition(options, ONLY_IF_ABSENT);
    if (bytes_is_word(word, "xx"))
        return take_condition(options, ONLY_IF_PRESENT);
    if (bytes_is_word(word, "get"))
        return options->wants_old = true;
    return expiry_option_take(&options->expiry, call, index);
}

static enum status parse_set_options(struct call *call, struct set_options *options)
{
    for (size_t i = 3; i < call->argc; i++)
        if (!take_set_option(call, options, &i))
            return STATUS_SYNTAX;
    return options->expiry.choice == EXPIRY_PERSIST ? STATUS_SYNTAX : STATUS_OK;
}

static bool condition_holds(enum condition condition, const struct entry *old)
{
    return condition == ALWAYS || (condition == ONLY_IF_PRESENT) == (old != NULL);
}

/* `sets_expiry`: it is of this command, not kept from what was there. */
static enum status set(struct call *call, struct bytes key, struct bytes value, int64_t expiry_ms,
                       bool sets_expiry)
{
    enum status s = data_set(call, key, value, expiry_ms);

    if (s != STATUS_OK)
        return s;
    events_note(call, EVENT_SET, key);
    if (sets_expiry)
        events_note(call, EVENT_EXPIRE, key);
    return STATUS_OK;
}

/* The rest of a SET that asks what is there: to decide, to answer it, or to keep its expiry. */
static enum status set_after_look(struct call *call, const struct set_options *options,
                                  int64_t expiry_ms)
{
    struct bytes key = call_argument(call, 1), value = call_argument(call, 2);
    const struct entry *old;
    bool sets_expiry;
    enum status s;

    s = check_sizes(call, key, value);
    if (s == STATUS_OK)
        s = data_look(call, key, &old);
    if (s != STATUS_OK)
        return s;
    if (options->wants_old && old == NULL)
        events_note_miss(call, key);
    if (options->wants_old)
        reply_value(call->reply, old);
    if (!condition_holds(options->condition, old)) {
        if (!options->wants_old)
            reply_null(call->reply);
        return STATUS_OK;
    }
    sets_expiry = expiry_ms != EXPIRY_NONE;
    if (options->expiry.choice == EXPIRY_KEEPTTL && old != NULL)
        expiry_ms = old->header.expiry_ms;
    s = set(call, key, value, expiry_ms, sets_expiry);
    if (s == STATUS_OK && !options->wants_old)
        reply_ok(call->reply);
    return s;
}

/* SET key value [options]: an expiry in the past is stored like any other, and the key is gone. */
static enum status command_set(struct call *call)
{
    struct set_options options = {0};
    int64_t expiry_ms = EXPIRY_NONE;
    enum status s;

    if (call->argc > 3) {
        s = parse_set_options(call, &options);
        if (s == STATUS_OK)
            s = expiry_option_moment(&options.expiry, call->now_ms, &expiry_ms);
        if (s != STATUS_OK)
            return s;
        if (options.condition != ALWAYS || options.wants_old ||
            options.expiry.choice == EXPIRY_KEEPTTL)
            return set_after_look(call, &options, expiry_ms);
    }
    s = set(call, call_argument(call, 1), call_argument(call, 2), expiry_ms,
            expiry_ms != EXPIRY_NONE);
    if (s == STATUS_OK)
        reply_ok(call->reply);
    return s;
}

static enum status command_setnx(struct call *call)
{
    struct bytes key = call_argument(call, 1), value = call_argument(call, 2);
    const struct entry *old;
    enum status s;

    s = check_sizes(call, key, value);
    if (s == STATUS_OK)
        s = data_look(call, key, &old);
    if (s != STATUS_OK)
        return s;
    s = old == NULL ? set(call, key, value, EXPIRY_NONE, false) : STATUS_NOT_FOUND;
    return data_reply_whether(call, s);
}

static enum status set_for(struct call *call, enum expiry_choice choice)
{
    struct expiry_option option = {choice, call_argument(call, 2)};
    int64_t expiry_ms;
    enum status s;

    s = expiry_option_moment(&option, call->now_ms, &expiry_ms);
    if (s == STATUS_OK)
        s = set(call, call_argument(call, 1), call_argument(call, 3), expiry_ms, true);
    if (s == STATUS_OK)
        reply_ok(call->reply);
    return s;
}

static enum status command_setex(struct call *call)
{
    return set_for(call, EXPIRY_EX);
}

static enum status command_psetex(struct call *call)
{
    return set_for(call, EXPIRY_PX);
}

/* GETSET: the old value for a new one, which has no expiry. */
static enum status command_getset(struct call *call)
{
    struct bytes key = call_argument(call, 1), value = call_argument(call, 2);
    struct data_record record;
    const struct entry *old;
    enum status s;

    s = check_sizes(call, key, value);
    if (s == STATUS_OK)
        s = data_look(call, key, &old);
    if (s != STATUS_OK)
        return s;
    record = data_successor(key, old, value.size);
    record.expiry_ms = EXPIRY_NONE;
    s = data_put_value(call, &record, value);
    if (s != STATUS_OK)
        return s;
    if (old == NULL)
        events_note_miss(call, key);
    events_note(call, EVENT_SET, key);
    reply_value(call->reply, old);
    return STATUS_OK;
}

static enum status command_getdel(struct call *call)
{
    struct bytes key = call_argument(call, 1);
    const struct entry *old;
    enum status s;

    s = data_look(call, key, &old);
    if (s == STATUS_OK && old != NULL)
        s = data_delete(call, key);
    if (s != STATUS_OK)
        return s;
    if (old == NULL)
        events_note_miss(call, key);
    else
        events_note(call, EVENT_DEL, key);
    reply_value(call->reply, old);
    return STATUS_OK;
}

static enum status parse_getex_option(struct call *call, struct expiry_option *option)
{
    for (size_t i = 2; i < call->argc; i++)
        if (!expiry_option_take(option, call, &i))
            return STATUS_SYNTAX;
    return option->choice == EXPIRY_KEEPTTL ? STATUS_SYNTAX : STATUS_OK;
}

static enum status change_expiry(struct call *call, struct bytes key, const struct entry *old,
                                 int64_t expiry_ms)
{
    struct data_record record = data_successor(key, old, old->header.value_size);
    enum keyspace_event event = expiry_ms == EXPIRY_NONE ? EVENT_PERSIST : EVENT_EXPIRE;
    enum status s;

    record.expiry_ms = expiry_ms;
    record.is_raw = old->header.is_raw;
    if (expiry_ms <= call->now_ms) {
        event = EVENT_DEL;
        s = data_delete(call, key);
    } else {
        s = data_put_value(call, &record, entry_value(old));
    }
    if (s == STATUS_OK)
        events_note(call, event, key);
    return s;
}

/* GETEX: the value, and a new expiry for it.  As in Redis, the number is not looked at if there is
 * no such key. */
static enum status command_getex(struct call *call)
{
    struct bytes key = call_argument(call, 1);
    struct expiry_option option = {0};
    const struct entry *old;
    int64_t expiry_ms;
    enum status s;

    s = parse_getex_option(call, &option);
    if (s == STATUS_OK)
        s = data_look(call, key, &old);
    if (s == STATUS_OK && old == NULL)
        events_note_miss(call, key);
    if (s == STATUS_OK && old != NULL && option.choice != EXPIRY_UNSAID) {
        s = expiry_option_moment(&option, call->now_ms, &expiry_ms);
        if (s == STATUS_OK &&
            !(option.choice == EXPIRY_PERSIST && old->header.expiry_ms == EXPIRY_NONE))
            s = change_expiry(call, key, old, expiry_ms);
    }
    if (s == STATUS_OK)
        reply_value(call->reply, old);
    return s;
}

/* --- values changed in place --- */

/* APPEND: with nothing to append to a key that is there, it is STRLEN. */
static enum status command_append(struct call *call)
{
    struct bytes key = call_argument(call, 1), more = call_argument(call, 2), before;
    struct data_record record;
    const struct entry *old;
    char *into;
    enum status s;

    s = check_sizes(call, key, more);
    if (s == STATUS_OK)
        s = data_look(call, key, &old);
    if (s != STATUS_OK)
        return s;
    before = data_value(old);
    record = data_successor(key, old, before.size + more.size);
    record.is_raw = old != NULL;
    if (old == NULL || more.size > 0) {
        s = check_grown_size(call, (int64_t)before.size, more.size);
        if (s == STATUS_OK)
            s = data_put(call, &record, &into);
        if (s != STATUS_OK)
            return s;
        memcpy(into, before.data, before.size);
        memcpy(into + before.size, more.data, more.size);
        events_note(call, EVENT_APPEND, key);
    }
    reply_integer(call->reply, (int64_t)record.value_size);
    return STATUS_OK;
}

/* What SETRANGE leaves: `before`, zeros up to `offset` if it ends earlier, `part` over it. */
static void write_range(char *into, size_t size, struct bytes before, size_t offset,
                        struct bytes part)
{
    memcpy(into, before.data, before.size);
    memset(into + before.size, 0, size - before.size);
    memcpy(into + offset, part.data, part.size);
}

/* SETRANGE: an empty part changes nothing, wherever it would stand. */
static enum status command_setrange(struct call *call)
{
    struct bytes key = call_argument(call, 1), part = call_argument(call, 3), before;
    struct data_record record;
    const struct entry *old;
    int64_t offset;
    char *into;
    enum status s;

    if (!bytes_to_int64(call_argument(call, 2), &offset))
        return STATUS_NOT_INTEGER;
    if (offset < 0)
        return STATUS_OFFSET;
    s = part.size == 0 ? STATUS_OK : check_grown_size(call, offset, part.size);
    if (s == STATUS_OK)
        s = data_look(call, key, &old);
    if (s != STATUS_OK)
        return s;
    before = data_value(old);
    record = data_successor(key, old, before.size);
    record.is_raw = true;
    if (part.size > 0) {
        if (record.value_size < (size_t)offset + part.size)
            record.value_size = (size_t)offset + part.size;
        s = data_put(call, &record, &into);
        if (s != STATUS_OK)
            return s;
        write_range(into, record.value_size, before, (size_t)offset, part);
        events_note(call, EVENT_SETRANGE, key);
    }
    reply_integer(call->reply, (int64_t)record.value_size);
    return STATUS_OK;
}

/* --- numbers --- */

static enum status add(struct call *call, int64_t delta)
{
    struct bytes key = call_argument(call, 1);
    char text[INT64_TEXT_MAX];
    const struct entry *old;
    int64_t sum = 0;
    enum status s;

    s = data_look(call, key, &old);
    if (s != STATUS_OK)
        return s;
    if (old != NULL && !bytes_to_int64(entry_value(old), &sum))
        return STATUS_NOT_INTEGER;
    if (__builtin_add_overflow(sum, delta, &sum))
        return STATUS_OVERFLOW;
    s = data_change(call, key, old, (struct bytes){text, int64_to_text(sum, text)});
    if (s != STATUS_OK)
        return s;
    events_note(call, EVENT_INCRBY, key);
    reply_integer(call->reply, sum);
    return STATUS_OK;
}

static enum status command_incr(struct call *call)
{
    return add(call, 1);
}

static enum status command_decr(struct call *call)
{
    return add(call, -1);
}

static enum status command_incrby(struct call *call)
{
    int64_t delta;

    if (!bytes_to_int64(call_argument(call, 2), &delta))
        return STATUS_NOT_INTEGER;
    return add(call, delta);
}

static enum status command_decrby(struct call *call)
{
    int64_t delta;

    if (!bytes_to_int64(call_argument(call, 2), &delta))
        return STATUS_NOT_INTEGER;
    if (delta == INT64_MIN)
        return call_fail(call, "ERR decrement would overflow");
    return add(call, -delta);
}

/* 17 digits behind the point, less the zeros at their end: "3.1", "5000", never "-0". */
static struct bytes float_to_text(long double value, char text[FLOAT_TEXT_MAX])
{
    int size = snprintf(text, FLOAT_TEXT_MAX, "%.17Lf", value);

    assert(size > 0 && size < FLOAT_TEXT_MAX);
    while (text[size - 1] == '0')
        size--;
    if (text[size - 1] == '.')
        size--;
    if (size == 2 && memcmp(text, "-0", 2) == 0)
        return (struct bytes){"0", 1};
    return (struct bytes){text, (size_t)size};
}

static enum status command_incrbyfloat(struct call *call)
{
    struct bytes key = call_argument(call, 1), result;
    long double sum = 0, delta;
    char text[FLOAT_TEXT_MAX];
    const struct entry *old;
    enum status s;

    s = data_look(call, key, &old);
    if (s != STATUS_OK)
        return s;
    if ((old != NULL && !bytes_to_long_double(entry_value(old), &sum)) ||
        !bytes_to_long_double(call_argument(call, 2), &delta))
        return STATUS_NOT_FLOAT;
    sum += delta;
    if (isnan(sum) || isinf(sum))
        return STATUS_NAN;
    result = float_to_text(sum, text);
    s = data_change(call, key, old, result);
    if (s != STATUS_OK)
        return s;
    events_note(call, EVENT_INCRBYFLOAT, key);
    reply_bulk(call->reply, result);
    return STATUS_OK;
}

/* --- several keys --- */

/* MGET: one state of all keys, which dispatch.c sees to. */
static enum status command_mget(struct call *call)
{
    const struct entry *entry;
    enum status s = STATUS_OK;

    reply_array(call->reply, call->argc - 1);
    for (size_t i = 1; i < call->argc && s == STATUS_OK; i++) {
        s = data_look(call, call_argument(call, i), &entry);
        if (s == STATUS_OK)
            reply_value(call->reply, entry);
    }
    return s;
}

/* The words of MSET come in pairs and each fits: else nothing at all is written. */
static enum status check_pairs(struct call *call)
{
    enum status s = STATUS_OK;

    if (call->argc % 2 == 0)
        return STATUS_ARITY;
    for (size_t i = 1; i < call->argc && s == STATUS_OK; i += 2)
        s = check_sizes(call, call_argument(call, i), call_argument(call, i + 1));
    return s;
}

static enum status set_pairs(struct call *call)
{
    enum status s = STATUS_OK;

    for (size_t i = 1; i < call->argc && s == STATUS_OK; i += 2)
        s = set(call, call_argument(call, i), call_argument(call, i + 1), EXPIRY_NONE, false);
    return s;
}

static enum status command_mset(struct call *call)
{
    enum status s = check_pairs(call);

    if (s == STATUS_OK)
        s = set_pairs(call);
    if (s == STATUS_OK)
        reply_ok(call->reply);
    return s;
}

/* STATUS_NOT_FOUND if none of them is there. */
static enum status find_any_of_pairs(struct call *call)
{
    const struct entry *found;
    enum status s = STATUS_NOT_FOUND;

    for (size_t i = 1; i < call->argc && s == STATUS_NOT_FOUND; i += 2)
        s = data_find(call, call_argument(call, i), &found);
    return s;
}

static enum status command_msetnx(struct call *call)
{
    enum status s = check_pairs(call);

    if (s != STATUS_OK)
        return s;
    s = find_any_of_pairs(call);
    if (s == STATUS_OK)
        s = STATUS_NOT_FOUND;
    else if (s == STATUS_NOT_FOUND)
        s = set_pairs(call);
    return data_reply_whether(call, s);
}

/* --- LCS --- */

struct lcs_options {
    bool wants_length;
    bool wants_runs;
    bool wants_run_sizes;
    int64_t run_size_min;
};

static enum status parse_lcs_options(struct call *call, struct lcs_options *options)
{
    for (size_t i = 3; i < call->argc; i++) {
        struct bytes word = call_argument(call, i);

        if (bytes_is_word(word, "idx")) {
            options->wants_runs = true;
        } else if (bytes_is_word(word, "len")) {
            options->wants_length = true;
        } else if (bytes_is_word(word, "withmatchlen")) {
            options->wants_run_sizes = true;
        } else if (bytes_is_word(word, "minmatchlen") && i + 1 < call->argc) {
            if (!bytes_to_int64(call_argument(call, ++i), &options->run_size_min))
                return STATUS_NOT_INTEGER;
        } else {
            return STATUS_SYNTAX;
        }
    }
    if (options->wants_length && options->wants_runs)
        return call_fail(call, "ERR If you want both the length and indexes, please just use IDX.");
    return STATUS_OK;
}

static void reply_range(struct reply *reply, uint32_t first, uint32_t size)
{
    reply_array(reply, 2);
    reply_integer(reply, first);
    reply_integer(reply, (int64_t)first + size - 1);
}

static void reply_runs(struct reply *reply, const struct lcs_run *runs, size_t count,
                       const struct lcs_options *options, uint32_t length)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        kept += runs[i].size >= options->run_size_min;
    reply_map(reply, 2);
    reply_text(reply, "matches");
    reply_array(reply, kept);
    for (size_t i = 0; i < count; i++) {
        if (runs[i].size < options->run_size_min)
            continue;
        reply_array(reply, options->wants_run_sizes ? 3 : 2);
        reply_range(reply, runs[i].a, runs[i].size);
        reply_range(reply, runs[i].b, runs[i].size);
        if (options->wants_run_sizes)
            reply_integer(reply, runs[i].size);
    }
    reply_text(reply, "len");
    reply_integer(reply, length);
}

static void reply_subsequence(struct reply *reply, struct bytes a, const struct lcs_run *runs,
                              size_t count)
{
    struct buffer text = {0};

    while (count-- > 0)
        buffer_append(&text, a.data + runs[count].a, runs[count].size);
    reply_bulk(reply, buffer_view(&text));
    buffer_clear(&text);
}

static void reply_lcs(struct call *call, struct bytes a, struct bytes b,
                      const struct lcs_options *options)
{
    struct buffer *buffer = &call->worker->scratch;
    uint32_t length = lcs_find(a, b, buffer);
    const struct lcs_run *runs = (const void *)buffer->data;
    size_t count = buffer->size / sizeof *runs;

    if (options->wants_runs)
        reply_runs(call->reply, runs, count, options, length);
    else
        reply_subsequence(call->reply, a, runs, count);
}

/* LCS key1 key2: what is too much for Redis, by the four bytes that it keeps for a cell, is refused
 * here too, for the time it would take. */
static enum status command_lcs(struct call *call)
{
    int64_t bytes_max = options_number(call_services(call)->options, OPTION_PROTO_MAX_BULK_LEN);
    struct lcs_options options = {0};
    const struct entry *first = NULL, *second = NULL;
    struct bytes a, b;
    enum status s;

    s = parse_lcs_options(call, &options);
    if (s == STATUS_OK)
        s = data_look(call, call_argument(call, 1), &first);
    if (s == STATUS_OK)
        s = data_look(call, call_argument(call, 2), &second);
    if (s != STATUS_OK)
        return s;
    a = data_value(first);
    b = data_value(second);
    if (lcs_cells(a, b) * 4 > (uint64_t)bytes_max)
        return call_fail(call, "ERR Insufficient memory, transient memory for LCS exceeds "
                               "proto-max-bulk-len");
    if (options.wants_length)
        reply_integer(call->reply, lcs_length(a, b));
    else
        reply_lcs(call, a, b, &options);
    return STATUS_OK;
}

/* --- the rows --- */

/* clang-format off */
#define FITS     "subject to the size limits and the write rate"
#define KEYS(last, step) .group = GROUP_STRING, .first_key = 1, .last_key = last, .key_step = step
#define KEY      KEYS(1, 1)
#define SAME     .compat = COMPAT_SAME, .note = ""
#define READS    .key_use = KEYS_RO, SAME
#define REPLACES .compat = COMPAT_DIFFERS, .note = "clears the key's metadata; " FITS
#define OVER     .key_use = KEYS_OW, REPLACES
#define NEW      .key_use = KEYS_NEW, REPLACES
#define CHANGES  .compat = COMPAT_DIFFERS, .note = "keeps the key's metadata; " FITS

enum {
    READ = CMD_READONLY,
    WRITE = CMD_WRITE | CMD_DENYOOM,
};

struct command strings_commands[] = {
    { .name = "get", .arity = 2, .flags = READ | CMD_FAST, KEY, READS, .run = command_get,
      .since = "1.0.0", .complexity = "O(1)",
      .summary = "Answers the value of a key", .syntax = "key" },
    { .name = "set", .arity = -3, .flags = WRITE, KEY, .key_use = KEYS_SET, REPLACES,
      .run = command_set, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Stores a value under a key, whatever was there",
      .syntax = "key value [NX | XX] [GET] [EX seconds | PX milliseconds | "
                "EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]" },
    { .name = "setnx", .arity = 3, .flags = WRITE | CMD_FAST, KEY, NEW, .run = command_setnx,
      .since = "1.0.0", .complexity = "O(1)",
      .summary = "Stores a value if the key is not there", .syntax = "key value" },
    { .name = "setex", .arity = 4, .flags = WRITE, KEY, OVER, .run = command_setex,
      .since = "2.0.0", .complexity = "O(1)",
      .summary = "Stores a value for so many seconds", .syntax = "key seconds value" },
    { .name = "psetex", .arity = 4, .flags = WRITE, KEY, OVER, .run = command_psetex,
      .since = "2.6.0", .complexity = "O(1)",
      .summary = "Stores a value for so many milliseconds", .syntax = "key milliseconds value" },
    { .name = "getset", .arity = 3, .flags = WRITE | CMD_FAST, KEY, .key_use = KEYS_RW, CHANGES,
      .run = command_getset, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Stores a value and answers the one before", .syntax = "key value" },
    { .name = "getdel", .arity = 2, .flags = CMD_WRITE | CMD_FAST, KEY, .key_use = KEYS_TAKE,
      .run = command_getdel, .since = "6.2.0", .complexity = "O(1)",
      .summary = "Answers the value of a key and deletes the key", .syntax = "key",
      .compat = COMPAT_DIFFERS, .note = "subject to the write rate" },
    { .name = "getex", .arity = -2, .flags = CMD_WRITE | CMD_FAST, KEY, .key_use = KEYS_RW,
      .run = command_getex, .since = "6.2.0", .complexity = "O(1)",
      .summary = "Answers the value of a key and sets or takes away its expiry",
      .syntax = "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
                "PXAT unix-time-milliseconds | PERSIST]",
      .compat = COMPAT_DIFFERS, .note = "a change of the expiry is subject to the write rate" },
    { .name = "mget", .arity = -2, .flags = READ | CMD_FAST, KEYS(-1, 1), READS,
      .run = command_mget, .since = "1.0.0", .complexity = "O(N) where N is the number of keys",
      .summary = "Answers the values of several keys, all at one moment",
      .syntax = "key [key ...]" },
    { .name = "mset", .arity = -3, .flags = WRITE, KEYS(-1, 2), OVER,
      .run = command_mset, .since = "1.0.1", .complexity = "O(N) where N is the number of keys",
      .summary = "Stores several values, all or none", .syntax = "key value [key value ...]" },
    { .name = "msetnx", .arity = -3, .flags = WRITE, KEYS(-1, 2), NEW,
      .run = command_msetnx, .since = "1.0.1", .complexity = "O(N) where N is the number of keys",
      .summary = "Stores several values if none of the keys is there",
      .syntax = "key value [key value ...]" },
    { .name = "append", .arity = 3, .flags = WRITE | CMD_FAST, KEY, .key_use = KEYS_INSERT, CHANGES,
      .run = command_append, .since = "2.0.0", .complexity = "O(N) where N is the new length",
      .summary = "Puts bytes behind the value of a key", .syntax = "key value" },
    { .name = "strlen", .arity = 2, .flags = READ | CMD_FAST, KEY, .key_use = KEYS_PEEK, SAME,
      .run = command_strlen, .since = "2.2.0", .complexity = "O(1)",
      .summary = "Answers how many bytes the value of a key has", .syntax = "key" },
    { .name = "getrange", .arity = 4, .flags = READ, KEY, READS, .run = command_getrange,
      .since = "2.4.0", .complexity = "O(N) where N is the number of bytes answered",
      .summary = "Answers a part of the value of a key", .syntax = "key start end" },
    { .name = "substr", .arity = 4, .flags = READ, KEY, READS, .run = command_getrange,
      .since = "1.0.0", .complexity = "O(N) where N is the number of bytes answered",
      .summary = "The old name of GETRANGE", .syntax = "key start end" },
    { .name = "setrange", .arity = 4, .flags = WRITE, KEY, .key_use = KEYS_UPDATE, CHANGES,
      .run = command_setrange, .since = "2.2.0", .complexity = "O(N) where N is the new length",
      .summary = "Overwrites a part of the value of a key", .syntax = "key offset value" },
    { .name = "incr", .arity = 2, .flags = WRITE | CMD_FAST, KEY, .key_use = KEYS_RW, CHANGES,
      .run = command_incr, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Adds one to the integer at a key", .syntax = "key" },
    { .name = "decr", .arity = 2, .flags = WRITE | CMD_FAST, KEY, .key_use = KEYS_RW, CHANGES,
      .run = command_decr, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Takes one from the integer at a key", .syntax = "key" },
    { .name = "incrby", .arity = 3, .flags = WRITE | CMD_FAST, KEY, .key_use = KEYS_RW, CHANGES,
      .run = command_incrby, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Adds a number to the integer at a key", .syntax = "key increment" },
    { .name = "decrby", .arity = 3, .flags = WRITE | CMD_FAST, KEY, .key_use = KEYS_RW, CHANGES,
      .run = command_decrby, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Takes a number from the integer at a key", .syntax = "key decrement" },
    { .name = "incrbyfloat", .arity = 3, .flags = WRITE | CMD_FAST, KEY, .key_use = KEYS_RW,
      CHANGES, .run = command_incrbyfloat, .since = "2.6.0", .complexity = "O(1)",
      .summary = "Adds a number, which may have a fraction, to the number at a key",
      .syntax = "key float-increment" },
    { .name = "lcs", .arity = -3, .flags = READ, KEYS(2, 1), READS, .run = command_lcs,
      .since = "7.0.0", .complexity = "O(N*M) where N and M are the lengths of the two values",
      .summary = "Finds the longest common subsequence of two values",
      .syntax = "key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]" },
    { 0 },
};
/* clang-format on */
