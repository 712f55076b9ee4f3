/* kv.c - Workers KV in words of Redis's kind: metadata, versions, listings.
 *
 * A version is "<stamp>-<node id>" in hex: it names one write, the same on every replica, and later
 * ones sort behind earlier ones.
 */
#include "commands/acl_check.h"
#include "commands/data.h"
#include "commands/events.h"
#include "commands/expiry_option.h"
#include "commands/list_cursor.h"
#include "commands/metadata.h"
#include "commands/table.h"
#include "commands/watch.h"
#include "replication/version.h"
#include "store/replica.h"
#include "store/scan.h"

#define LIST_ROWS_USUAL 1000
#define LIST_ROWS_MAX   10000

/* A page ends behind the row that reaches this, whatever its LIMIT: other clients of the same event
 * loop wait for it. */
#define LIST_BYTES_MAX (8 * 1024 * 1024)

static struct bytes version_of(const struct call *call, const struct record_header *header,
                               char text[VERSION_TEXT_SIZE])
{
    uint64_t writer = store_node_of_alias(call_services(call)->store, header->origin);

    version_to_text(header->stamp, writer, text);
    return (struct bytes){text, VERSION_TEXT_SIZE};
}

/* Of what the call writes. */
static struct bytes new_version(const struct call *call, char text[VERSION_TEXT_SIZE])
{
    version_to_text(txn_stamp(call->txn), store_node_id(call_services(call)->store), text);
    return (struct bytes){text, VERSION_TEXT_SIZE};
}

static bool is_hex(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (memchr("0123456789abcdef", text.data[i], 16) == NULL)
            return false;
    return true;
}

static bool is_version(struct bytes text)
{
    return text.size == VERSION_TEXT_SIZE && text.data[16] == '-' &&
           is_hex((struct bytes){text.data, 16}) && is_hex((struct bytes){text.data + 17, 16});
}

/* --- KV.PUT --- */

enum condition { ALWAYS, ONLY_IF_ABSENT, ONLY_IF_PRESENT, ONLY_IF_VERSION };

struct put_options {
    struct expiry_option expiry;
    struct bytes meta;
    bool has_meta;
    enum condition condition;
    struct bytes version; /* of ONLY_IF_VERSION */
};

static bool take_condition(struct put_options *options, enum condition condition)
{
    if (options->condition != ALWAYS)
        return false;
    options->condition = condition;
    return true;
}

/* The word behind argv[*index], and *index moves on to it. */
static bool take_argument(const struct call *call, size_t *index, struct bytes *argument)
{
    if (*index + 1 == call->argc)
        return false;
    *argument = call_argument(call, ++*index);
    return true;
}

static bool take_put_option(struct call *call, struct put_options *options, size_t *index)
{
    struct bytes word = call_argument(call, *index);

    if (bytes_is_word(word, "nx"))
        return take_condition(options, ONLY_IF_ABSENT);
    if (bytes_is_word(word, "xx"))
        return take_condition(options, ONLY_IF_PRESENT);
    if (bytes_is_word(word, "ifversion"))
        return take_condition(options, ONLY_IF_VERSION) &&
               take_argument(call, index, &options->version);
    if (bytes_is_word(word, "meta") && !options->has_meta)
        return options->has_meta = take_argument(call, index, &options->meta);
    return expiry_option_take(&options->expiry, call, index);
}

static enum status parse_put_options(struct call *call, struct put_options *options)
{
    for (size_t i = 3; i < call->argc; i++)
        if (!take_put_option(call, options, &i))
            return STATUS_SYNTAX;
    if (options->expiry.choice == EXPIRY_PERSIST)
        return STATUS_SYNTAX;
    if (options->condition != ONLY_IF_VERSION)
        return STATUS_OK;
    if (bytes_equal(options->version, bytes_of("0")))
        options->condition = ONLY_IF_ABSENT;
    else if (!is_version(options->version))
        return call_fail(call, "ERR invalid version");
    return STATUS_OK;
}

static enum status check_put_sizes(struct call *call, const struct put_options *options)
{
    enum status s = data_check_key(call, call_argument(call, 1));

    if (s == STATUS_OK)
        s = data_check_value_size(call, (int64_t)call_argument(call, 2).size);
    if (s == STATUS_OK)
        s = data_check_meta(call, options->meta);
    return s;
}

static bool condition_holds(const struct call *call, const struct put_options *options,
                            const struct entry *old)
{
    char text[VERSION_TEXT_SIZE];

    switch (options->condition) {
    case ALWAYS:
        return true;
    case ONLY_IF_ABSENT:
        return old == NULL;
    case ONLY_IF_PRESENT:
        return old != NULL;
    case ONLY_IF_VERSION:
        break;
    }
    return old != NULL && bytes_equal(options->version, version_of(call, &old->header, text));
}

static enum status put(struct call *call, const struct put_options *options, int64_t expiry_ms)
{
    struct data_record record = {
        .key = call_argument(call, 1),
        .meta = options->meta,
        .expiry_ms = expiry_ms,
    };
    char text[VERSION_TEXT_SIZE];
    const struct entry *old = NULL;
    enum status s = STATUS_OK;

    if (options->condition != ALWAYS || options->expiry.choice == EXPIRY_KEEPTTL)
        s = data_look(call, record.key, &old);
    if (s != STATUS_OK)
        return s;
    if (!condition_holds(call, options, old)) {
        reply_null(call->reply);
        return STATUS_OK;
    }
    if (options->expiry.choice == EXPIRY_KEEPTTL && old != NULL)
        record.expiry_ms = old->header.expiry_ms;
    s = data_put_value(call, &record, call_argument(call, 2));
    if (s != STATUS_OK)
        return s;
    events_note(call, EVENT_SET, record.key);
    if (expiry_ms != EXPIRY_NONE)
        events_note(call, EVENT_EXPIRE, record.key);
    reply_bulk(call->reply, new_version(call, text));
    return STATUS_OK;
}

/* KV.PUT key value [options]: answers the new version, or nil if the condition did not hold. */
static enum status command_kv_put(struct call *call)
{
    struct put_options options = {0};
    int64_t expiry_ms;
    enum status s;

    s = parse_put_options(call, &options);
    if (s == STATUS_OK)
        s = expiry_option_moment(&options.expiry, call->now_ms, &expiry_ms);
    if (s == STATUS_OK)
        s = check_put_sizes(call, &options);
    if (s == STATUS_OK && options.has_meta)
        s = metadata_check(&options.meta);
    if (s == STATUS_OK)
        s = put(call, &options, expiry_ms);
    return s;
}

/* --- reading --- */

static void reply_meta(struct reply *reply, struct bytes meta)
{
    if (meta.size == 0)
        reply_null(reply);
    else
        reply_bulk(reply, meta);
}

static void reply_expiration(struct reply *reply, int64_t expiry_ms)
{
    if (expiry_ms == EXPIRY_NONE)
        reply_null(reply);
    else
        reply_integer(reply, expiry_ms);
}

static void reply_record(struct call *call, const struct entry *entry)
{
    const struct record_header *header = &entry->header;
    struct reply *reply = call->reply;
    char text[VERSION_TEXT_SIZE];

    reply_map(reply, 4);
    reply_text(reply, "value");
    reply_bulk(reply, entry_value(entry));
    reply_text(reply, "metadata");
    reply_meta(reply, entry_meta(entry));
    reply_text(reply, "expiration");
    reply_expiration(reply, header->expiry_ms);
    reply_text(reply, "version");
    reply_bulk(reply, version_of(call, header, text));
}

static enum status command_kv_get(struct call *call)
{
    const struct entry *entry;
    enum status s;

    s = data_look(call, call_argument(call, 1), &entry);
    if (s != STATUS_OK)
        return s;
    if (entry == NULL)
        reply_null(call->reply);
    else
        reply_record(call, entry);
    return STATUS_OK;
}

static enum status command_kv_meta(struct call *call)
{
    const struct entry *entry;
    enum status s;

    s = data_look(call, call_argument(call, 1), &entry);
    if (s != STATUS_OK)
        return s;
    if (entry == NULL)
        reply_null(call->reply);
    else
        reply_meta(call->reply, entry_meta(entry));
    return STATUS_OK;
}

/* --- KV.LIST --- */

struct list_options {
    struct bytes prefix;
    struct bytes cursor;
    int64_t rows_max;
    bool wants_meta;
    bool wants_values;
    bool wants_expiration;
};

/* A row of a page, packed: this, then the key, the metadata and the value. */
struct listed {
    struct bytes key, meta, value; /* only the sizes are kept; see unpack() */
    int64_t expiry_ms;
    const struct entry *long_entry; /* a long value stays where it is, with its metadata */
};

/* The reply has to say how many rows there are before the first of them: so they are collected. */
struct list_page {
    struct buffer rows;
    size_t row_count;
    size_t last_row_at; /* into rows, if there are any */
    size_t long_bytes;  /* of the values that stayed where they are */
    bool is_complete;
};

static enum status parse_limit(struct call *call, struct bytes text, int64_t *rows_max)
{
    int64_t limit;

    if (!bytes_to_int64(text, &limit))
        return STATUS_NOT_INTEGER;
    if (limit < 1 || limit > LIST_ROWS_MAX)
        return call_fail(call, "ERR LIMIT must be 1 to %d", LIST_ROWS_MAX);
    *rows_max = limit;
    return STATUS_OK;
}

static enum status parse_list_options(struct call *call, struct list_options *options)
{
    enum status s = STATUS_OK;

    for (size_t i = 1; i < call->argc && s == STATUS_OK; i++) {
        struct bytes word = call_argument(call, i), argument;

        if (bytes_is_word(word, "withmeta"))
            options->wants_meta = true;
        else if (bytes_is_word(word, "withvalues"))
            options->wants_values = true;
        else if (bytes_is_word(word, "withexpiration"))
            options->wants_expiration = true;
        else if (!take_argument(call, &i, &argument))
            s = STATUS_SYNTAX;
        else if (bytes_is_word(word, "prefix"))
            options->prefix = argument;
        else if (bytes_is_word(word, "cursor"))
            options->cursor = argument;
        else if (bytes_is_word(word, "limit"))
            s = parse_limit(call, argument, &options->rows_max);
        else
            s = STATUS_SYNTAX;
    }
    return s;
}

static void pack(struct list_page *page, const struct listed *row)
{
    page->last_row_at = page->rows.size;
    page->row_count++;
    buffer_append(&page->rows, row, sizeof *row);
    buffer_append_bytes(&page->rows, row->key);
    if (row->long_entry != NULL) {
        page->long_bytes += entry_value(row->long_entry).size;
        return;
    }
    buffer_append_bytes(&page->rows, row->meta);
    buffer_append_bytes(&page->rows, row->value);
}

/* Reads the row at *at and moves on to the next. */
static struct listed unpack(const struct list_page *page, size_t *at)
{
    struct listed row;

    memcpy(&row, page->rows.data + *at, sizeof row);
    row.key.data = page->rows.data + *at + sizeof row;
    *at += sizeof row + row.key.size;
    if (row.long_entry != NULL) {
        row.meta = entry_meta(row.long_entry);
        row.value = entry_value(row.long_entry);
        return row;
    }
    row.meta.data = page->rows.data + *at;
    row.value.data = row.meta.data + row.meta.size;
    *at += row.meta.size + row.value.size;
    return row;
}

/* A long value is not in the scan.  If its key was deleted since, then so it is for this listing.
 */
static enum status add_row(struct call *call, const struct list_options *options,
                           struct list_page *page, const struct scan_row *found)
{
    struct listed row = {.key = found->key, .expiry_ms = found->expiry_ms};
    enum status s = STATUS_OK;

    if (options->wants_values && !found->has_value) {
        s = data_view_in(call, call->ns, found->key, &row.long_entry);
        if (s != STATUS_OK)
            return s == STATUS_NOT_FOUND ? STATUS_OK : s;
    }
    if (options->wants_meta)
        row.meta = found->meta;
    if (options->wants_values && found->has_value)
        row.value = found->value;
    pack(page, &row);
    return STATUS_OK;
}

static bool is_full(const struct list_options *options, const struct list_page *page)
{
    return page->row_count == (size_t)options->rows_max ||
           page->rows.size + page->long_bytes >= LIST_BYTES_MAX;
}

static enum status fill_page(struct call *call, const struct list_options *options,
                             struct bytes from, struct list_page *page)
{
    struct scan *scan;
    struct scan_row row;
    enum status s;

    s = scan_open(call->worker->store_thread, call->txn, call->ns, options->prefix, from,
                  call->now_ms, &scan, &call->depends_on);
    if (s != STATUS_OK)
        return s;
    while ((s = scan_next(scan, &row)) == STATUS_OK && !is_full(options, page)) {
        s = add_row(call, options, page, &row);
        if (s != STATUS_OK)
            break;
    }
    scan_close(scan);
    page->is_complete = s == STATUS_NOT_FOUND;
    return page->is_complete ? STATUS_OK : s;
}

static void reply_row(struct reply *reply, const struct list_options *options,
                      const struct listed *row)
{
    size_t more = 0U + options->wants_meta + options->wants_values + options->wants_expiration;

    if (more > 0)
        reply_array(reply, 1 + more);
    reply_bulk(reply, row->key);
    if (options->wants_meta)
        reply_meta(reply, row->meta);
    if (options->wants_values)
        reply_bulk(reply, row->value);
    if (options->wants_expiration)
        reply_expiration(reply, row->expiry_ms);
}

static void reply_cursor(struct reply *reply, const struct list_options *options,
                         const struct list_page *page)
{
    struct buffer cursor = {0};
    size_t at = page->last_row_at;

    if (page->is_complete) {
        reply_null(reply);
        return;
    }
    list_cursor_write(options->prefix, unpack(page, &at).key, &cursor);
    reply_bulk(reply, buffer_view(&cursor));
    buffer_clear(&cursor);
}

static void reply_page(struct reply *reply, const struct list_options *options,
                       const struct list_page *page)
{
    size_t at = 0;

    reply_map(reply, 3);
    reply_text(reply, "keys");
    reply_array(reply, page->row_count);
    for (size_t i = 0; i < page->row_count; i++) {
        struct listed row = unpack(page, &at);

        reply_row(reply, options, &row);
    }
    reply_text(reply, "list_complete");
    reply_boolean(reply, page->is_complete);
    reply_text(reply, "cursor");
    reply_cursor(reply, options, page);
}

/* KV.LIST [options]: the keys in byte order, a page at a time.  An empty CURSOR is the start. */
static enum status command_kv_list(struct call *call)
{
    struct list_options options = {.prefix = {"", 0}, .rows_max = LIST_ROWS_USUAL};
    struct buffer *from = &call->worker->scratch;
    struct list_page page = {0};
    enum status s;

    s = parse_list_options(call, &options);
    if (s == STATUS_OK && options.cursor.size > 0)
        s = list_cursor_read(options.cursor, options.prefix, from);
    if (s == STATUS_OK)
        s = fill_page(call, &options, buffer_view(from), &page);
    if (s == STATUS_OK)
        reply_page(call->reply, &options, &page);
    buffer_clear(&page.rows);
    return s;
}

/* --- KV.WATCH --- */

/* KV.WATCH [PREFIX prefix] [SINCE token], or KV.WATCH OFF. */
static enum status command_kv_watch(struct call *call)
{
    struct bytes prefix = {"", 0}, token = {"", 0};

    if (call->argc == 2 && bytes_is_word(call->argv[1], "off")) {
        watch_stop(call_services(call)->watch, call->session);
        reply_ok(call->reply);
        return STATUS_OK;
    }
    for (size_t i = 1; i < call->argc; i++) {
        struct bytes *argument = bytes_is_word(call->argv[i], "prefix")  ? &prefix
                                 : bytes_is_word(call->argv[i], "since") ? &token
                                                                         : NULL;

        if (argument == NULL || !take_argument(call, &i, argument))
            return STATUS_SYNTAX;
    }
    watch_start(call, prefix, token);
    acl_check_subscriptions(call);
    return STATUS_OK;
}

/* clang-format off */
#define OURS .group = GROUP_KV, .compat = COMPAT_OURS, .since = "0.1.0", .note = ""
#define KEY  .first_key = 1, .last_key = 1, .key_step = 1

struct command kv_commands[] = {
    { .name = "kv.put", .arity = -3, .flags = CMD_WRITE | CMD_DENYOOM, KEY, .key_use = KEYS_OW,
      OURS, .run = command_kv_put, .complexity = "O(1)",
      .summary = "Stores a value with metadata, on a condition, and answers its version",
      .syntax = "key value [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
                "PXAT unix-time-milliseconds | KEEPTTL] [META json] "
                "[NX | XX | IFVERSION version]" },
    { .name = "kv.get", .arity = 2, .flags = CMD_READONLY | CMD_FAST, KEY, .key_use = KEYS_RO,
      OURS, .run = command_kv_get, .complexity = "O(1)",
      .summary = "Answers value, metadata, expiration and version of a key", .syntax = "key" },
    { .name = "kv.meta", .arity = 2, .flags = CMD_READONLY | CMD_FAST, KEY, .key_use = KEYS_RO,
      OURS, .run = command_kv_meta, .complexity = "O(1)",
      .summary = "Answers the metadata of a key", .syntax = "key" },
    { .name = "kv.list", .arity = -1, .flags = CMD_READONLY | CMD_LISTS_KEYS, OURS,
      .run = command_kv_list, .complexity = "O(N) where N is the number of keys answered",
      .summary = "Lists keys in byte order, up to 10,000 or some megabytes at a time",
      .syntax = "[PREFIX prefix] [CURSOR cursor] [LIMIT limit] [WITHMETA] [WITHVALUES] "
                "[WITHEXPIRATION]" },
    { .name = "kv.watch", .arity = -1,
      .flags = CMD_READONLY | CMD_PUBSUB | CMD_NOSCRIPT | CMD_NO_MULTI | CMD_WHILE_SUBSCRIBED |
               CMD_WATCHES_KEYS,
      OURS, .run = command_kv_watch,
      .complexity = "O(1), and O(N) where N is the number of keys if the token is not known",
      .summary = "Tells every change of the selected namespace, from a token on",
      .syntax = "[PREFIX prefix] [SINCE token] | OFF" },
    { 0 },
};
/* clang-format on */
