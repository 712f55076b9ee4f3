#include "http/bulk_get.h"

#include <jansson.h>

#include "base/json_reader.h"
#include "base/json_text.h"
#include "http/expiration.h"
#include "http/key_name.h"
#include "http/value.h"

struct wanted {
    json_t *body;
    json_t *keys;
    bool is_json;
    bool with_metadata;
    bool tells_expiration;
    size_t value_bytes; /* so far */
};

static bool refuse(struct http_call *call, const char *text)
{
    http_refuse(call, REFUSE_BAD_REQUEST, "%s", text);
    return false;
}

static struct bytes string_of(const json_t *string)
{
    return (struct bytes){json_string_value(string), json_string_length(string)};
}

static bool read_type(struct http_call *call, struct wanted *wanted)
{
    const json_t *type = json_object_get(wanted->body, "type");
    struct bytes name;
    char echo[FAULT_ECHO_MAX + 1];

    if (type == NULL || json_is_null(type))
        return true;
    name = json_is_string(type) ? string_of(type) : bytes_of("?");
    wanted->is_json = bytes_equal(name, bytes_of("json"));
    if (wanted->is_json || bytes_equal(name, bytes_of("text")))
        return true;
    http_refuse(call, REFUSE_BAD_REQUEST, "\"%s\" is not a valid type. Use \"json\" or \"text\"",
                fault_echo(name, echo));
    return false;
}

/* workerd sends the number as a string. */
static bool check_cache_ttl(struct http_call *call, const struct wanted *wanted)
{
    const json_t *ttl = json_object_get(wanted->body, "cacheTtl");
    char text[INT64_TEXT_MAX];
    size_t size;

    if (ttl == NULL || json_is_null(ttl))
        return true;
    if (json_is_integer(ttl)) {
        size = int64_to_text(json_integer_value(ttl), text);
        return value_check_cache_ttl(call, (struct bytes){text, size});
    }
    return value_check_cache_ttl(call, json_is_string(ttl) ? string_of(ttl) : bytes_of("?"));
}

static bool check_keys(struct http_call *call, const struct wanted *wanted)
{
    int64_t size_max = http_limit(call, LIMIT_KEY_SIZE);
    struct fault fault;
    size_t i;
    json_t *key;

    if (!json_is_array(wanted->keys))
        return refuse(call, "keys must be an array of strings");
    if (json_array_size(wanted->keys) > BULK_GET_KEYS_MAX)
        return refuse(call, "You can request a maximum of 100 keys");
    if (json_array_size(wanted->keys) == 0)
        return refuse(call, "You must request a minimum of 1 key");
    json_array_foreach(wanted->keys, i, key)
    {
        if (!json_is_string(key))
            return refuse(call, "keys must be an array of strings");
        if (!key_name_check(string_of(key), size_max, &fault))
            return http_refuse_fault(call, &fault);
    }
    return true;
}

static bool read_body(struct http_call *call, struct wanted *wanted)
{
    struct bytes text;

    if (!http_body(call, &text))
        return false;
    wanted->body = json_loadb(text.data, text.size, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(wanted->body))
        return refuse(call, "the body must be a JSON object with an array of keys");
    wanted->keys = json_object_get(wanted->body, "keys");
    wanted->with_metadata = json_is_true(json_object_get(wanted->body, "withMetadata"));
    return read_type(call, wanted) && check_cache_ttl(call, wanted) && check_keys(call, wanted);
}

static void write_found(struct http_call *call, const struct wanted *wanted,
                        const struct value_found *found, struct buffer *out)
{
    struct bytes value = http_answer_text(&call->answer, found->value);

    if (wanted->with_metadata)
        buffer_append_text(out, "{\"value\":");
    if (wanted->is_json)
        json_text_raw(out, value);
    else
        json_text_any(out, value);
    if (!wanted->with_metadata)
        return;
    buffer_append_text(out, ",\"metadata\":");
    json_text_raw(out, found->meta.size > 0 ? found->meta : bytes_of("null"));
    if (wanted->tells_expiration && found->has_expiration)
        buffer_printf(out, ",\"expiration\":%lld", (long long)expiration_seconds(found->expiry_ms));
    buffer_append_byte(out, '}');
}

/* One member of the object; *goes_on is false with a refusal. */
static enum http_progress add_member(struct http_call *call, struct wanted *wanted,
                                     struct bytes key, struct buffer *out, bool *goes_on)
{
    struct value_found found;
    bool is_found;

    *goes_on = false;
    if (value_read(call, key, &is_found, &found) == HTTP_PARKED)
        return HTTP_PARKED;
    if (call->response.status != 200)
        return HTTP_DONE;
    if (is_found) {
        struct bytes value = http_answer_text(&call->answer, found.value);

        wanted->value_bytes += value.size;
        if (wanted->value_bytes > BULK_GET_BYTES_MAX) {
            http_refuse(call, REFUSE_BODY_TOO_LONG,
                        "Total size of request exceeds the limit of 25MB");
            return HTTP_DONE;
        }
        if (wanted->is_json && !json_reader_is_valid(value)) {
            (void)refuse(call,
                         "At least one of the requested keys corresponds to a non-json value");
            return HTTP_DONE;
        }
    }
    json_text_any(out, key);
    buffer_append_byte(out, ':');
    if (is_found)
        write_found(call, wanted, &found, out);
    else
        buffer_append_text(out, "null");
    *goes_on = true;
    return HTTP_DONE;
}

/* Was it among the first `count` already? */
static bool is_repeated(const json_t *keys, size_t count, struct bytes key)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal(string_of(json_array_get(keys, i)), key))
            return true;
    return false;
}

static enum http_progress add_members(struct http_call *call, struct wanted *wanted,
                                      struct buffer *out)
{
    enum http_progress progress = HTTP_DONE;
    bool goes_on = true, is_first = true;

    buffer_append_byte(out, '{');
    for (size_t i = 0; goes_on && i < json_array_size(wanted->keys); i++) {
        struct bytes key = string_of(json_array_get(wanted->keys, i));

        if (is_repeated(wanted->keys, i, key))
            continue;
        if (!is_first)
            buffer_append_byte(out, ',');
        is_first = false;
        progress = add_member(call, wanted, key, out, &goes_on);
    }
    if (goes_on)
        buffer_append_byte(out, '}');
    return progress;
}

enum http_progress bulk_get(struct http_call *call, bool tells_expiration, struct buffer *out)
{
    struct wanted wanted = {.tells_expiration = tells_expiration};
    size_t size = out->size;
    enum http_progress progress = HTTP_DONE;

    if (read_body(call, &wanted))
        progress = add_members(call, &wanted, out);
    if (progress == HTTP_PARKED)
        out->size = size;
    json_decref(wanted.body);
    return progress;
}
