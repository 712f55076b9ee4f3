/* rest_keys.c - the names of a namespace's keys over REST. */
#include "base/json_text.h"
#include "http/envelope.h"
#include "http/expiration.h"
#include "http/key_name.h"
#include "http/rest.h"

#define LIST_MAX 1000

struct listing {
    struct buffer prefix, cursor;
    int64_t limit;
};

static bool read_listing(struct http_call *call, struct listing *listing)
{
    struct fault fault;
    bool is_given;

    if (!http_parameter(call, "prefix", &listing->prefix, &is_given) ||
        !http_parameter(call, "cursor", &listing->cursor, &is_given) ||
        !rest_number(call, "limit", 1, LIST_MAX, REFUSE_LIST_LIMIT, &listing->limit))
        return false;
    return key_name_check_prefix(buffer_view(&listing->prefix), rest_limit(call, LIMIT_KEY_SIZE),
                                 &fault) ||
           rest_refuse(call, &fault);
}

static enum http_progress run_listing(struct http_call *call, const struct listing *listing)
{
    char limit[INT64_TEXT_MAX];
    const struct bytes argv[] = {
        bytes_of("kv.list"),
        bytes_of("withmeta"),
        bytes_of("withexpiration"),
        bytes_of("prefix"),
        buffer_view(&listing->prefix),
        bytes_of("cursor"),
        buffer_view(&listing->cursor),
        bytes_of("limit"),
        {limit, int64_to_text(listing->limit, limit)},
    };

    return http_command(call, argv, COUNT_OF(argv));
}

/* A row [name, metadata, expiration] of KV.LIST at `row`. */
static void append_key(const struct http_answer *answer, size_t row, struct buffer *out)
{
    size_t meta = row + 2, expiration = row + 3;

    buffer_append_text(out, "{\"name\":");
    json_text_any(out, http_answer_text(answer, row + 1));
    if (http_answer_kind(answer, expiration) == ANSWER_INTEGER)
        buffer_printf(out, ",\"expiration\":%lld",
                      (long long)expiration_seconds(answer->values[expiration].integer));
    if (http_answer_kind(answer, meta) == ANSWER_TEXT) {
        buffer_append_text(out, ",\"metadata\":");
        json_text_raw(out, http_answer_text(answer, meta));
    }
    buffer_append_byte(out, '}');
}

static enum http_progress answer_listing(struct http_call *call)
{
    const struct http_answer *answer = &call->answer;
    size_t keys = http_answer_member(answer, 0, "keys");
    size_t count = answer->values[keys].count, row = keys + 1;
    struct bytes cursor = http_answer_text(answer, http_answer_member(answer, 0, "cursor"));
    struct buffer *out = envelope_open(call);

    buffer_append_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_byte(out, ',');
        append_key(answer, row, out);
        row = http_answer_next(answer, row);
    }
    buffer_append_byte(out, ']');
    return envelope_close_with_info(call, "\"count\":%zu,\"cursor\":\"%.*s\"", count,
                                    (int)cursor.size, cursor.data);
}

static enum http_progress list_keys(struct http_call *call)
{
    struct listing listing = {.limit = LIST_MAX};
    enum http_progress progress = HTTP_DONE;

    if (read_listing(call, &listing)) {
        progress = run_listing(call, &listing);
        if (progress == HTTP_DONE && !http_command_refused(call))
            progress = answer_listing(call);
    }
    buffer_clear(&listing.prefix);
    buffer_clear(&listing.cursor);
    return progress;
}

/* clang-format off */
const struct route rest_key_routes[] = {
    {HTTP_GET, DOOR_REST, REST_NAMESPACE "/keys", BODY_UNUSED, "list keys", list_keys},
    {.path = NULL},
};
/* clang-format on */
