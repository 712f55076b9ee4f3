/* keys.c - what can be done with a key whatever it holds. */
#include "commands/data.h"
#include "commands/events.h"
#include "commands/help.h"
#include "commands/table.h"

static enum status command_del(struct call *call)
{
    int64_t deleted_count = 0;

    for (size_t i = 1; i < call->argc; i++) {
        enum status s = data_delete(call, call_argument(call, i));

        if (s != STATUS_OK && s != STATUS_NOT_FOUND)
            return s;
        if (s == STATUS_NOT_FOUND)
            continue;
        deleted_count++;
        events_note(call, EVENT_DEL, call_argument(call, i));
    }
    reply_integer(call->reply, deleted_count);
    return STATUS_OK;
}

/* How many of the names are there; one named twice counts twice. */
static enum status count_present(struct call *call,
                                 enum status (*look)(struct call *call, struct bytes key,
                                                     const struct entry **found))
{
    int64_t present_count = 0;

    for (size_t i = 1; i < call->argc; i++) {
        const struct entry *entry;
        enum status s = look(call, call_argument(call, i), &entry);

        if (s != STATUS_OK)
            return s;
        present_count += entry != NULL;
    }
    reply_integer(call->reply, present_count);
    return STATUS_OK;
}

static enum status command_exists(struct call *call)
{
    return count_present(call, data_peek);
}

static enum status command_touch(struct call *call)
{
    return count_present(call, data_look);
}

static enum status command_type(struct call *call)
{
    const struct entry *entry;
    enum status s;

    s = data_peek(call, call_argument(call, 1), &entry);
    if (s == STATUS_OK)
        reply_simple(call->reply, entry != NULL ? "string" : "none");
    return s;
}

/* The same value, metadata and expiry under another name, in `ns`. */
static enum status put_copy(struct call *call, const struct entry *entry, struct ns *ns,
                            struct bytes key)
{
    struct data_record record = {
        .ns = ns,
        .key = key,
        .meta = entry_meta(entry),
        .expiry_ms = entry->header.expiry_ms,
        .is_raw = entry->header.is_raw,
    };

    return data_put_value(call, &record, entry_value(entry));
}

/* STATUS_NOT_FOUND if the name is taken, as nothing is done then. */
static enum status check_absent(struct call *call, struct ns *ns, struct bytes key)
{
    const struct entry *entry;
    enum status s;

    s = data_find_in(call, ns, key, &entry);
    if (s == STATUS_OK)
        return STATUS_NOT_FOUND;
    return s == STATUS_NOT_FOUND ? STATUS_OK : s;
}

static enum status put_moved(struct call *call, const struct entry *entry, struct ns *ns,
                             struct bytes key)
{
    enum status s;

    s = put_copy(call, entry, ns, key);
    if (s != STATUS_OK)
        return s;
    return data_delete(call, call_argument(call, 1));
}

static enum status rename_key(struct call *call, const struct entry *entry, struct bytes new_key)
{
    enum status s = put_moved(call, entry, call->ns, new_key);

    if (s != STATUS_OK)
        return s;
    events_note(call, EVENT_RENAME_FROM, call_argument(call, 1));
    events_note(call, EVENT_RENAME_TO, new_key);
    return STATUS_OK;
}

/* RENAME onto itself does nothing, but the key must be there all the same. */
static enum status command_rename(struct call *call)
{
    struct bytes key = call_argument(call, 1), new_key = call_argument(call, 2);
    const struct entry *entry;
    enum status s;

    s = data_check_key(call, new_key);
    if (s != STATUS_OK)
        return s;
    s = data_find(call, key, &entry);
    if (s == STATUS_NOT_FOUND)
        return STATUS_NO_KEY;
    if (s == STATUS_OK && !bytes_equal(key, new_key))
        s = rename_key(call, entry, new_key);
    if (s == STATUS_OK)
        reply_ok(call->reply);
    return s;
}

static enum status command_renamenx(struct call *call)
{
    struct bytes key = call_argument(call, 1), new_key = call_argument(call, 2);
    const struct entry *entry;
    enum status s;

    s = data_check_key(call, new_key);
    if (s != STATUS_OK)
        return s;
    s = data_find(call, key, &entry);
    if (s == STATUS_NOT_FOUND)
        return STATUS_NO_KEY;
    if (s == STATUS_OK)
        s = check_absent(call, call->ns, new_key);
    if (s == STATUS_OK)
        s = rename_key(call, entry, new_key);
    return data_reply_whether(call, s);
}

/* MOVE key db: 1, or 0 if there is no such key or the database has one of that name. */
static enum status command_move(struct call *call)
{
    struct bytes key = call_argument(call, 1);
    const struct entry *entry;
    struct ns *ns = NULL;
    enum status s;

    s = data_database(call, call_argument(call, 2), &ns);
    if (s != STATUS_OK)
        return s;
    if (ns == call->ns)
        return STATUS_SAME_OBJECT;
    s = data_find(call, key, &entry);
    if (s == STATUS_OK)
        s = check_absent(call, ns, key);
    if (s == STATUS_OK)
        s = put_moved(call, entry, ns, key);
    if (s == STATUS_OK) {
        events_note(call, EVENT_MOVE_FROM, key);
        events_note_in(call, EVENT_MOVE_TO, ns, key);
    }
    return data_reply_whether(call, s);
}

static enum status parse_copy_options(struct call *call, struct ns **ns, bool *replaces)
{
    for (size_t i = 3; i < call->argc; i++) {
        if (bytes_is_word(call_argument(call, i), "replace")) {
            *replaces = true;
        } else if (bytes_is_word(call_argument(call, i), "db") && i + 1 < call->argc) {
            enum status s = data_database(call, call_argument(call, ++i), ns);

            if (s != STATUS_OK)
                return s;
        } else {
            return STATUS_SYNTAX;
        }
    }
    return STATUS_OK;
}

/* COPY key new [DB n] [REPLACE]: 1, or 0 if there is no such key or the new name is taken. */
static enum status command_copy(struct call *call)
{
    struct bytes key = call_argument(call, 1), new_key = call_argument(call, 2);
    struct ns *ns = call->ns;
    const struct entry *entry;
    bool replaces = false;
    enum status s;

    s = parse_copy_options(call, &ns, &replaces);
    if (s != STATUS_OK)
        return s;
    if (ns == call->ns && bytes_equal(key, new_key))
        return STATUS_SAME_OBJECT;
    s = data_find(call, key, &entry);
    if (s == STATUS_NOT_FOUND)
        events_note_miss(call, key);
    if (s == STATUS_OK && !replaces)
        s = check_absent(call, ns, new_key);
    if (s == STATUS_OK)
        s = put_copy(call, entry, ns, new_key);
    if (s == STATUS_OK)
        events_note_in(call, EVENT_COPY_TO, ns, new_key);
    return data_reply_whether(call, s);
}

/* OBJECT <what> key: `tell` answers for a record, a missing one is nil. */
static enum status tell_of_object(struct call *call,
                                  enum status (*tell)(struct call *call, const struct entry *entry))
{
    const struct entry *entry;
    enum status s;

    s = data_peek(call, call_argument(call, 2), &entry);
    if (s != STATUS_OK)
        return s;
    if (entry != NULL)
        return tell(call, entry);
    reply_null(call->reply);
    return STATUS_OK;
}

static enum status tell_encoding(struct call *call, const struct entry *entry)
{
    reply_text(call->reply, data_encoding(entry));
    return STATUS_OK;
}

static enum status command_object_encoding(struct call *call)
{
    return tell_of_object(call, tell_encoding);
}

/* Redis keeps small integers once for all keys, and counts them as used without end. */
#define SHARED_INTEGERS 10000

static enum status tell_references(struct call *call, const struct entry *entry)
{
    int64_t number;
    bool is_shared = !entry->header.is_raw && bytes_to_int64(entry_value(entry), &number) &&
                     number >= 0 && number < SHARED_INTEGERS;

    reply_integer(call->reply, is_shared ? INT32_MAX : 1);
    return STATUS_OK;
}

static enum status command_object_refcount(struct call *call)
{
    return tell_of_object(call, tell_references);
}

#define NEEDS_TIME                                                                                 \
    "Please note that when switching between policies at runtime LRU and LFU data will take some " \
    "time to adjust."

static enum status tell_idle_time(struct call *call, const struct entry *entry)
{
    int64_t idle_s = call->now_ms / 1000 - data_used_s(entry);

    if (options_counts_use(call_services(call)->options))
        return call_fail(
            call, "ERR An LFU maxmemory policy is selected, idle time not tracked. " NEEDS_TIME);
    reply_integer(call->reply, idle_s > 0 ? idle_s : 0);
    return STATUS_OK;
}

static enum status command_object_idletime(struct call *call)
{
    return tell_of_object(call, tell_idle_time);
}

static enum status tell_frequency(struct call *call, const struct entry *entry)
{
    if (!options_counts_use(call_services(call)->options))
        return call_fail(call, "ERR An LFU maxmemory policy is not selected, access frequency not "
                               "tracked. " NEEDS_TIME);
    reply_integer(call->reply, data_frequency(entry, call->now_ms));
    return STATUS_OK;
}

static enum status command_object_freq(struct call *call)
{
    return tell_of_object(call, tell_frequency);
}

/* clang-format off */
#define ONE_KEY   .first_key = 1, .last_key = 1, .key_step = 1
#define TWO_KEYS  .first_key = 1, .last_key = 2, .key_step = 1
#define ALL_KEYS  .first_key = 1, .last_key = -1, .key_step = 1
#define PEEKS     .flags = CMD_READONLY | CMD_FAST, .key_use = KEYS_PEEK, .group = GROUP_GENERIC, \
                  .compat = COMPAT_SAME, .note = ""
#define DELETES   .key_use = KEYS_RM, .run = command_del, .group = GROUP_GENERIC, \
                  .compat = COMPAT_DIFFERS, .note = "subject to the write rate"
#define CARRIES   .group = GROUP_GENERIC, .compat = COMPAT_DIFFERS, \
                  .complexity = "O(N) where N is the size of the value", \
                  .note = "carries the key's metadata; subject to the size limits and the " \
                          "write rate"
#define OF_OBJECT .arity = 3, .first_key = 2, .last_key = 2, .key_step = 1, .flags = CMD_READONLY, \
                  .key_use = KEYS_PEEK, .group = GROUP_GENERIC, .complexity = "O(1)", \
                  .syntax = "key"

static struct command object_commands[] = {
    { .name = "encoding", OF_OBJECT, .run = command_object_encoding,
      .compat = COMPAT_DIFFERS, .since = "2.2.3",
      .summary = "Tells how Redis would keep the value: int, embstr or raw",
      .note = "goes by the value alone: what APPEND or SETRANGE made may be int or embstr" },
    { .name = "freq", OF_OBJECT, .run = command_object_freq,
      .compat = COMPAT_DIFFERS, .since = "4.0.0",
      .summary = "Tells how often a key is used, under an LFU policy",
      .note = "under such a maxmemory-policy; nothing is evicted by it, and a count is lost when "
              "the record leaves memory" },
    { .name = "help", .arity = 2, .flags = CMD_LOADING | CMD_STALE, .run = command_help,
      .group = GROUP_GENERIC, .compat = COMPAT_SAME, .since = "6.2.0", .complexity = "O(1)",
      .summary = "Lists the subcommands", .syntax = "", .note = "" },
    { .name = "idletime", OF_OBJECT, .run = command_object_idletime,
      .compat = COMPAT_DIFFERS, .since = "2.2.3",
      .summary = "Tells for how many seconds nobody has used a key",
      .note = "counts from the last write if the key has not been read since it came into memory" },
    { .name = "refcount", OF_OBJECT, .run = command_object_refcount,
      .compat = COMPAT_SAME, .since = "2.2.3",
      .summary = "Tells how many references a value has", .note = "" },
    { 0 },
};

struct command keys_commands[] = {
    { .name = "del", .arity = -2, .flags = CMD_WRITE, ALL_KEYS, DELETES, .since = "1.0.0",
      .complexity = "O(N) where N is the number of keys",
      .summary = "Deletes keys and tells how many there were", .syntax = "key [key ...]" },
    { .name = "unlink", .arity = -2, .flags = CMD_WRITE | CMD_FAST, ALL_KEYS, DELETES,
      .since = "4.0.0", .complexity = "O(N) where N is the number of keys",
      .summary = "Deletes keys, the same as DEL here", .syntax = "key [key ...]" },
    { .name = "exists", .arity = -2, ALL_KEYS, PEEKS, .run = command_exists, .since = "1.0.0",
      .complexity = "O(N) where N is the number of keys",
      .summary = "Counts how many of the keys there are", .syntax = "key [key ...]" },
    { .name = "touch", .arity = -2, ALL_KEYS, PEEKS, .run = command_touch, .since = "3.2.1",
      .complexity = "O(N) where N is the number of keys",
      .summary = "Marks keys as used and counts how many there are", .syntax = "key [key ...]" },
    { .name = "type", .arity = 2, ONE_KEY, PEEKS, .run = command_type, .since = "1.0.0",
      .complexity = "O(1)",
      .summary = "Tells what a key holds: string, or none without one", .syntax = "key" },
    { .name = "rename", .arity = 3, .flags = CMD_WRITE, TWO_KEYS, .key_use = KEYS_RENAME, CARRIES,
      .run = command_rename, .since = "1.0.0",
      .summary = "Gives a key another name, over what that name held", .syntax = "key newkey" },
    { .name = "renamenx", .arity = 3, .flags = CMD_WRITE | CMD_FAST, TWO_KEYS,
      .key_use = KEYS_RENAMENX, CARRIES, .run = command_renamenx, .since = "1.0.0",
      .summary = "Gives a key another name, unless that one is taken", .syntax = "key newkey" },
    { .name = "copy", .arity = -3, .flags = CMD_WRITE | CMD_DENYOOM | CMD_OTHER_DB, TWO_KEYS,
      .key_use = KEYS_COPY, CARRIES, .run = command_copy, .since = "6.2.0",
      .summary = "Copies a key's value, metadata and expiry to another key or database",
      .syntax = "source destination [DB destination-db] [REPLACE]" },
    { .name = "move", .arity = 3, .flags = CMD_WRITE | CMD_FAST | CMD_OTHER_DB, ONE_KEY,
      .key_use = KEYS_RW, CARRIES, .run = command_move, .since = "1.0.0",
      .summary = "Moves a key to another database, unless it has one of that name",
      .syntax = "key db" },
    { .name = "object", .arity = -2, .subcommands = object_commands, .group = GROUP_GENERIC,
      .compat = COMPAT_SAME, .since = "2.2.3", .complexity = "Depends on subcommand.",
      .summary = "Looks at how a value is kept", .syntax = "", .note = "" },
    { 0 },
};
/* clang-format on */
