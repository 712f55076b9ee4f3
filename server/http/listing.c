#include "http/listing.h"

#include "base/json_text.h"
#include "http/expiration.h"
#include "http/key_name.h"

void listing_clear(struct listing *listing)
{
    buffer_clear(&listing->prefix);
    buffer_clear(&listing->cursor);
}

bool listing_read(struct http_call *call, struct listing *listing)
{
    struct fault fault;
    bool is_given;

    if (!http_parameter(call, "prefix", &listing->prefix, &is_given) ||
        !http_parameter(call, "cursor", &listing->cursor, &is_given))
        return false;
    return key_name_check_prefix(buffer_view(&listing->prefix), http_limit(call, LIMIT_KEY_SIZE),
                                 &fault) ||
           http_refuse_fault(call, &fault);
}

enum http_progress listing_run(struct http_call *call, const struct listing *listing)
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

    if (http_command(call, argv, COUNT_OF(argv)) == HTTP_PARKED)
        return HTTP_PARKED;
    (void)http_command_refused(call);
    return HTTP_DONE;
}

/* A row [name, metadata, expiration] of KV.LIST at `row`. */
static void write_key(const struct http_answer *answer, size_t row,
                      void (*write_metadata)(struct buffer *out, struct bytes json),
                      struct buffer *out)
{
    size_t meta = row + 2, expiration = row + 3;

    buffer_append_text(out, "{\"name\":");
    json_text_any(out, http_answer_text(answer, row + 1));
    if (http_answer_kind(answer, expiration) == ANSWER_INTEGER)
        buffer_printf(out, ",\"expiration\":%lld",
                      (long long)expiration_seconds(answer->values[expiration].integer));
    if (http_answer_kind(answer, meta) == ANSWER_TEXT) {
        buffer_append_text(out, ",\"metadata\":");
        write_metadata(out, http_answer_text(answer, meta));
    }
    buffer_append_byte(out, '}');
}

void listing_write_keys(const struct http_answer *answer,
                        void (*write_metadata)(struct buffer *out, struct bytes json),
                        struct buffer *out)
{
    size_t count = listing_count(answer), row = http_answer_member(answer, 0, "keys") + 1;

    buffer_append_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_byte(out, ',');
        write_key(answer, row, write_metadata, out);
        row = http_answer_next(answer, row);
    }
    buffer_append_byte(out, ']');
}

size_t listing_count(const struct http_answer *answer)
{
    return answer->values[http_answer_member(answer, 0, "keys")].count;
}

struct bytes listing_cursor(const struct http_answer *answer)
{
    return http_answer_text(answer, http_answer_member(answer, 0, "cursor"));
}
