/* data.h - a command's keys: the store as commands see it.
 *
 * The same calls serve a plain read, a write and a command inside EXEC: with a transaction they go
 * through its overlay, else straight to memory or disk.  Limits are enforced here and nowhere else;
 * the write rate when the transaction commits.
 */
#ifndef COMMANDS_DATA_H
#define COMMANDS_DATA_H

#include "commands/call.h"

/* The live record of the selected namespace, or STATUS_NOT_FOUND; an over-long key is not found.
 * The entry is valid until the command returns, also after it was overwritten. */
enum status data_find(struct call *call, struct bytes key, const struct entry **found) MUST_USE;
enum status data_find_in(struct call *call, struct ns *ns, struct bytes key,
                         const struct entry **found) MUST_USE;

/* As data_find_in(), for commands that go through all keys: it counts as no look-up and no use, and
 * what is read from disk does not stay in memory. */
enum status data_view_in(struct call *call, struct ns *ns, struct bytes key,
                         const struct entry **found) MUST_USE;

/* As data_find(), for commands to which an absent key is as good: *found is NULL then. */
static inline MUST_USE enum status data_look(struct call *call, struct bytes key,
                                             const struct entry **found)
{
    const struct entry *entry = NULL;
    enum status s = data_find(call, key, &entry);

    if (s != STATUS_OK && s != STATUS_NOT_FOUND)
        return s;
    *found = entry;
    return STATUS_OK;
}

/* As data_look(), for commands that ask about a key without using it: its idle time goes on. */
enum status data_peek(struct call *call, struct bytes key, const struct entry **found) MUST_USE;

/* The answer of commands that say whether they did anything: 1, or 0 where STATUS_NOT_FOUND says
 * that there was nothing to do. */
static inline MUST_USE enum status data_reply_whether(struct call *call, enum status s)
{
    if (s != STATUS_OK && s != STATUS_NOT_FOUND)
        return s;
    reply_integer(call->reply, s == STATUS_OK);
    return STATUS_OK;
}

/* The value of what was looked for: no bytes if there was none. */
static inline struct bytes data_value(const struct entry *entry)
{
    return entry == NULL ? (struct bytes){"", 0} : entry_value(entry);
}

/* The sizes alone: for commands that refuse a value before they know whether they will store it. */
enum status data_check_key(struct call *call, struct bytes key) MUST_USE;
enum status data_check_value_size(struct call *call, int64_t size) MUST_USE;
enum status data_check_meta(struct call *call, struct bytes meta) MUST_USE;

/* Everything of a record but its version. */
struct data_record {
    struct ns *ns; /* NULL = the selected one */
    struct bytes key;
    struct bytes meta;
    int64_t expiry_ms;
    bool is_raw; /* entry.h */
    size_t value_size;
};

/* A record with a new value for `key`, under the metadata and expiry of what was there (NULL:
 * nothing). */
static inline struct data_record data_successor(struct bytes key, const struct entry *old,
                                                size_t value_size)
{
    if (old == NULL)
        return (struct data_record){.key = key, .expiry_ms = EXPIRY_NONE, .value_size = value_size};
    return (struct data_record){.key = key,
                                .meta = entry_meta(old),
                                .expiry_ms = old->header.expiry_ms,
                                .value_size = value_size};
}

/* Stores a record whose value the caller writes to *value at once (value_size bytes). */
enum status data_put(struct call *call, const struct data_record *record, char **value) MUST_USE;

/* The same with a value at hand, which may be that of an entry; record->value_size is not read. */
enum status data_put_value(struct call *call, const struct data_record *record,
                           struct bytes value) MUST_USE;

/* The record that was just stored counts as not used for so long or, under an LFU policy, as used
 * so often (0 .. 255).  The other number has no meaning then; a negative one is not said. */
enum status data_set_use(struct call *call, struct bytes key, int64_t idle_s,
                         int64_t frequency) MUST_USE;

/* SET: this value, no metadata. */
enum status data_set(struct call *call, struct bytes key, struct bytes value,
                     int64_t expiry_ms) MUST_USE;

/* A new value under what `old` (may be NULL: nothing) had of metadata and expiry. */
enum status data_change(struct call *call, struct bytes key, const struct entry *old,
                        struct bytes value) MUST_USE;

/* STATUS_NOT_FOUND if there was nothing to delete. */
enum status data_delete(struct call *call, struct bytes key) MUST_USE;
enum status data_delete_in(struct call *call, struct ns *ns, struct bytes key) MUST_USE;

/* The namespace that database `n` names, given as a command's argument: STATUS_NOT_INTEGER,
 * STATUS_DB_RANGE. */
enum status data_database(struct call *call, struct bytes argument, struct ns **ns) MUST_USE;

/* How Redis would keep the value: "int", "embstr" or "raw". */
const char *data_encoding(const struct entry *entry);

/* Wall second of the last use.  A record just written or brought into memory has not been used
 * since, so its stamp counts. */
int64_t data_used_s(const struct entry *entry);

/* Under an LFU policy: how often a record is used, 0 .. 255. */
int64_t data_frequency(const struct entry *entry, int64_t now_ms);

#endif
