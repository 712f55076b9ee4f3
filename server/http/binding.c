/* binding.c - the protocol that workerd's KV binding speaks: env.CONFIG.get(), put(), list() …
 *
 * Errors go into the reason phrase (refusal.h).  Metadata travels as JSON text in a header, both
 * ways, and in listings as a string that holds JSON.
 */
#include "base/json_text.h"
#include "http/bulk_get.h"
#include "http/expiration.h"
#include "http/key_name.h"
#include "http/listing.h"
#include "http/value.h"

/* A Worker's string with half a surrogate comes in bytes that make no characters.  They would be
 * read back under that name, but never be listed so. */
static bool check_key(struct http_call *call)
{
    if (bytes_is_utf8(buffer_view(&call->key)))
        return value_check_key(call);
    http_refuse(call, REFUSE_KEY_NAME, "Could not URL-decode key name");
    return false;
}

/* --- get --- */

static bool check_cache_ttl(struct http_call *call)
{
    struct buffer text = {0};
    bool is_given, is_right;

    is_right = http_parameter(call, "cache_ttl", &text, &is_given) &&
               (!is_given || value_check_cache_ttl(call, buffer_view(&text)));
    buffer_clear(&text);
    return is_right;
}

/* JSON may hold a raw DEL, the value of a header may not. */
static void add_metadata(struct http_call *call, struct bytes meta)
{
    struct buffer text = {0};

    for (size_t i = 0; i < meta.size; i++)
        if (meta.data[i] == 0x7F)
            buffer_append_text(&text, "\\u007f");
        else
            buffer_append_byte(&text, meta.data[i]);
    http_add_header(call, "CF-KV-Metadata", buffer_view(&text));
    buffer_clear(&text);
}

static enum http_progress binding_get(struct http_call *call)
{
    struct value_found found;
    bool is_found;

    if (!check_key(call) || !check_cache_ttl(call))
        return HTTP_DONE;
    if (value_read(call, buffer_view(&call->key), &is_found, &found) == HTTP_PARKED)
        return HTTP_PARKED;
    if (call->response.status != 200)
        return HTTP_DONE;
    if (!is_found) {
        http_refuse(call, REFUSE_NO_KEY, "Not Found");
        return HTTP_DONE;
    }
    if (found.meta.size > 0)
        add_metadata(call, found.meta);
    if (found.has_expiration)
        http_add_number_header(call, "CF-Expiration", expiration_seconds(found.expiry_ms));
    http_respond_text_of_answer(call, found.value, "application/octet-stream");
    return HTTP_DONE;
}

/* --- put, delete --- */

static enum http_progress binding_put(struct http_call *call)
{
    struct bytes value, meta = {"", 0};
    int64_t expiry_ms;

    if (!check_key(call) || !value_expiration(call, &expiry_ms) || !http_body(call, &value))
        return HTTP_DONE;
    (void)http_request_header(call->request, "cf-kv-metadata", &meta);
    return value_write(call, value, meta, expiry_ms);
}

static enum http_progress binding_delete(struct http_call *call)
{
    return check_key(call) ? value_delete(call) : HTTP_DONE;
}

/* --- list --- */

static bool read_limit(struct http_call *call, int64_t *limit)
{
    struct buffer text = {0};
    char echo[FAULT_ECHO_MAX + 1];
    bool is_given, is_right = http_parameter(call, "key_count_limit", &text, &is_given);

    if (is_right && is_given) {
        if (!bytes_to_int64(buffer_view(&text), limit))
            *limit = 0;
        is_right = *limit >= 1 && *limit <= LISTING_MAX;
        if (!is_right)
            http_refuse(call, REFUSE_LIST_LIMIT,
                        *limit < 1 ? "Invalid key_count_limit of %s. Please specify an integer "
                                     "greater than 0."
                                   : "Invalid key_count_limit of %s. Please specify an integer "
                                     "less than 1000.",
                        fault_echo(buffer_view(&text), echo));
    }
    buffer_clear(&text);
    return is_right;
}

static void write_page(struct http_call *call)
{
    struct bytes cursor = listing_cursor(&call->answer);
    struct buffer *out = http_respond(call, "application/json");

    buffer_append_text(out, "{\"keys\":");
    listing_write_keys(&call->answer, json_text_any, out);
    if (cursor.size == 0) {
        buffer_append_text(out, ",\"list_complete\":true}");
        return;
    }
    buffer_append_text(out, ",\"list_complete\":false,\"cursor\":");
    json_text_string(out, cursor);
    buffer_append_byte(out, '}');
}

static enum http_progress binding_list(struct http_call *call)
{
    struct listing listing = {.limit = LISTING_MAX};
    enum http_progress progress = HTTP_DONE;

    if (listing_read(call, &listing) && read_limit(call, &listing.limit)) {
        progress = listing_run(call, &listing);
        if (progress == HTTP_DONE && call->response.status == 200)
            write_page(call);
    }
    listing_clear(&listing);
    return progress;
}

/* --- bulk get --- */

static enum http_progress binding_bulk_get(struct http_call *call)
{
    return bulk_get(call, false, http_respond(call, "application/json"));
}

/* clang-format off */
const struct route binding_routes[] = {
    {HTTP_GET,    DOOR_BINDING, "/",         BODY_UNUSED, "list", binding_list},
    {HTTP_POST,   DOOR_BINDING, "/bulk/get", BODY_QUERY,  "bulk", binding_bulk_get},
    {HTTP_GET,    DOOR_BINDING, "/:key",     BODY_UNUSED, "get",  binding_get},
    {HTTP_PUT,    DOOR_BINDING, "/:key",     BODY_VALUE,  "put",  binding_put},
    {HTTP_DELETE, DOOR_BINDING, "/:key",     BODY_UNUSED, "del",  binding_delete},
    {.path = NULL},
};
/* clang-format on */
