/* scan.c - listing the keys of a namespace.
 *
 * All listings run in byte order, from store/scan.h.  The literal start of a pattern ("user:" of
 * "user:*") is sought, so that only what lies under it is looked at.
 */
#include "store/scan.h"
#include "base/buffer.h"
#include "commands/cursors.h"
#include "commands/table.h"

/* What one SCAN looks at and answers at most, whatever its COUNT: other clients of the same event
 * loop wait for it. */
#define SCAN_ROWS_MAX   100000
#define SCAN_BYTES_MAX  (16 * 1024 * 1024)
#define SCAN_ROWS_USUAL 10

/* Key names, packed: a size_t and the bytes, one name behind the other. */
struct names {
    struct buffer packed;
    size_t count;
};

static void names_add(struct names *names, struct bytes name)
{
    buffer_append(&names->packed, &name.size, sizeof(name.size));
    buffer_append_bytes(&names->packed, name);
    names->count++;
}

static void names_reply(const struct names *names, struct reply *reply)
{
    const char *at = names->packed.data;
    struct bytes name;

    reply_array(reply, names->count);
    for (size_t i = 0; i < names->count; i++) {
        memcpy(&name.size, at, sizeof(name.size));
        name.data = at + sizeof(name.size);
        reply_bulk(reply, name);
        at = name.data + name.size;
    }
}

struct listing {
    struct bytes pattern;
    struct bytes from;
    int64_t rows_max;
    size_t bytes_max;
    struct names names; /* what matched */
    uint64_t cursor;    /* where the next page begins, 0 = nowhere */
};

/* The bytes that every match begins with. */
static struct bytes literal_start(struct bytes pattern)
{
    size_t size = 0;

    while (size < pattern.size && memchr("*?[\\", pattern.data[size], 4) == NULL)
        size++;
    return (struct bytes){pattern.data, size};
}

/* One page.  The first key that does not fit any more is where the next one begins: so the last
 * page knows that it is the last, and no position is remembered for nothing. */
static enum status list_page(struct call *call, struct listing *listing)
{
    struct bytes prefix = literal_start(listing->pattern);
    struct bytes rest = {listing->pattern.data + prefix.size, listing->pattern.size - prefix.size};
    bool takes_all = bytes_equal(rest, bytes_of("*"));
    struct scan *scan;
    struct scan_row row;
    enum status s;

    s = scan_open(call->worker->store_thread, call->txn, call->ns, prefix, listing->from,
                  call->now_ms, &scan, &call->depends_on);
    if (s != STATUS_OK)
        return s;
    for (int64_t rows = 0; (s = scan_next(scan, &row)) == STATUS_OK; rows++) {
        if (rows == listing->rows_max || listing->names.packed.size >= listing->bytes_max) {
            listing->cursor = cursors_remember(call_services(call)->cursors, call->ns, row.key);
            break;
        }
        if (takes_all || bytes_match_glob(row.key, listing->pattern, false))
            names_add(&listing->names, row.key);
    }
    scan_close(scan);
    return s == STATUS_NOT_FOUND ? STATUS_OK : s;
}

/* KEYS pattern: the names that match, all of them. */
static enum status command_keys(struct call *call)
{
    struct listing listing = {
        .pattern = call_argument(call, 1),
        .rows_max = INT64_MAX,
        .bytes_max = SIZE_MAX,
    };
    enum status s;

    s = list_page(call, &listing);
    if (s == STATUS_OK)
        names_reply(&listing.names, call->reply);
    buffer_clear(&listing.names.packed);
    return s;
}

static enum status parse_count(struct bytes text, int64_t *rows_max)
{
    int64_t count;

    if (!bytes_to_int64(text, &count))
        return STATUS_NOT_INTEGER;
    if (count < 1)
        return STATUS_SYNTAX;
    *rows_max = count < SCAN_ROWS_MAX ? count : SCAN_ROWS_MAX;
    return STATUS_OK;
}

static enum status parse_scan_options(const struct call *call, struct listing *listing,
                                      bool *wants_strings)
{
    enum status s = STATUS_OK;

    for (size_t i = 2; i < call->argc && s == STATUS_OK; i += 2) {
        struct bytes word = call_argument(call, i);

        if (i + 1 == call->argc)
            s = STATUS_SYNTAX;
        else if (bytes_is_word(word, "count"))
            s = parse_count(call_argument(call, i + 1), &listing->rows_max);
        else if (bytes_is_word(word, "match"))
            listing->pattern = call_argument(call, i + 1);
        else if (bytes_is_word(word, "type"))
            *wants_strings = bytes_is_word(call_argument(call, i + 1), "string");
        else
            s = STATUS_SYNTAX;
    }
    return s;
}

static void reply_page(struct reply *reply, const struct listing *listing)
{
    char text[INT64_TEXT_MAX];

    reply_array(reply, 2);
    reply_bulk(reply, (struct bytes){text, int64_to_text((int64_t)listing->cursor, text)});
    names_reply(&listing->names, reply);
}

/* SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]: a page of names and the next cursor.
 *
 * A key that is there from the first page to the last is answered once, as the order is that of the
 * bytes: what is written meanwhile can't move it.  COUNT counts the keys looked at, under the
 * literal start of the pattern.  There are only strings, so any other TYPE is at its end at once.
 */
static enum status command_scan(struct call *call)
{
    struct buffer *position = &call->worker->scratch;
    struct listing listing = {
        .pattern = bytes_of("*"),
        .rows_max = SCAN_ROWS_USUAL,
        .bytes_max = SCAN_BYTES_MAX,
    };
    bool wants_strings = true;
    uint64_t cursor;
    enum status s;

    if (!bytes_to_uint64(call_argument(call, 1), &cursor))
        return STATUS_CURSOR;
    s = parse_scan_options(call, &listing, &wants_strings);
    if (s != STATUS_OK)
        return s;
    if (cursor != 0 && !cursors_recall(call_services(call)->cursors, call->ns, cursor, position))
        return STATUS_CURSOR;
    listing.from = buffer_view(position);
    if (wants_strings)
        s = list_page(call, &listing);
    if (s == STATUS_OK)
        reply_page(call->reply, &listing);
    buffer_clear(&listing.names.packed);
    return s;
}

static enum status command_randomkey(struct call *call)
{
    struct buffer *key = &call->worker->scratch;
    enum status s;

    s = scan_random_key(call->worker->store_thread, call->txn, call->ns, call->now_ms, key,
                        &call->depends_on);
    if (s == STATUS_NOT_FOUND)
        reply_null(call->reply);
    else if (s == STATUS_OK)
        reply_bulk(call->reply, buffer_view(key));
    return s == STATUS_NOT_FOUND ? STATUS_OK : s;
}

/* DBSIZE: the count is kept, not counted.  It holds what is not committed yet, so the answer waits
 * for everything that was written before it was read. */
static enum status command_dbsize(struct call *call)
{
    if (call->txn != NULL) {
        reply_integer(call->reply, txn_key_count(call->txn, call->ns));
        return STATUS_OK;
    }
    reply_integer(call->reply, atomic_load(&call->ns->key_count));
    call_depend_on_all(call);
    return STATUS_OK;
}

/* clang-format off */
struct command scan_commands[] = {
    { .name = "scan", .arity = -2, .flags = CMD_READONLY, .run = command_scan,
      .group = GROUP_GENERIC, .compat = COMPAT_DIFFERS, .since = "2.8.0",
      .complexity = "O(N) where N is COUNT; O(M) for a whole round over M keys",
      .summary = "Lists key names page by page, in byte order",
      .syntax = "cursor [MATCH pattern] [COUNT count] [TYPE type]",
      .note = "in byte order, each key once; the last 65,536 cursors are valid, an older one is "
              "`ERR invalid cursor`; COUNT is taken as 100,000 at most and counts the keys under "
              "the literal start of the pattern" },
    { .name = "keys", .arity = 2, .flags = CMD_READONLY, .run = command_keys,
      .group = GROUP_GENERIC, .compat = COMPAT_SAME, .since = "1.0.0",
      .complexity = "O(N) where N is the number of keys under the literal start of the pattern",
      .summary = "Lists the names of all keys that match a pattern",
      .syntax = "pattern", .note = "" },
    { .name = "randomkey", .arity = 1, .flags = CMD_READONLY, .run = command_randomkey,
      .group = GROUP_GENERIC, .compat = COMPAT_SAME, .since = "1.0.0", .complexity = "O(log N)",
      .summary = "Picks a key at random",
      .syntax = "", .note = "" },
    { .name = "dbsize", .arity = 1, .flags = CMD_READONLY | CMD_FAST, .run = command_dbsize,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Tells how many keys the selected namespace holds",
      .syntax = "", .note = "" },
    { 0 },
};
/* clang-format on */
