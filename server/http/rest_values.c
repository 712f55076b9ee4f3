/* rest_values.c - one key over REST: its value, and its metadata alone. */
#include "base/json_reader.h"
#include "base/json_text.h"
#include "http/envelope.h"
#include "http/expiration.h"
#include "http/form.h"
#include "http/multipart.h"
#include "http/rest.h"
#include "http/value.h"

/* --- reading --- */

static enum http_progress get_value(struct http_call *call)
{
    struct value_found found;
    bool is_found;

    if (!value_check_key(call))
        return HTTP_DONE;
    if (value_read(call, buffer_view(&call->key), &is_found, &found) == HTTP_PARKED)
        return HTTP_PARKED;
    if (call->response.status != 200)
        return HTTP_DONE;
    if (!is_found) {
        http_refuse(call, REFUSE_NO_KEY, NULL);
        return HTTP_DONE;
    }
    if (found.has_expiration)
        http_add_number_header(call, "expiration", expiration_seconds(found.expiry_ms));
    http_respond_text_of_answer(call, found.value, "application/octet-stream");
    return HTTP_DONE;
}

/* KV.META has nil for a key without metadata and for no key: EXISTS tells them apart. */
static enum http_progress answer_without_metadata(struct http_call *call)
{
    const struct bytes argv[] = {bytes_of("exists"), buffer_view(&call->key)};

    if (http_command(call, argv, COUNT_OF(argv)) == HTTP_PARKED)
        return HTTP_PARKED;
    if (http_command_refused(call))
        return HTTP_DONE;
    if (call->answer.values[0].integer == 1)
        return envelope_nothing(call);
    http_refuse(call, REFUSE_NO_KEY, NULL);
    return HTTP_DONE;
}

static enum http_progress get_metadata(struct http_call *call)
{
    const struct bytes argv[] = {bytes_of("kv.meta"), buffer_view(&call->key)};

    if (!value_check_key(call))
        return HTTP_DONE;
    if (http_command(call, argv, COUNT_OF(argv)) == HTTP_PARKED)
        return HTTP_PARKED;
    if (http_command_refused(call))
        return HTTP_DONE;
    if (http_answer_kind(&call->answer, 0) == ANSWER_NULL)
        return answer_without_metadata(call);
    json_text_raw(envelope_open(call), http_answer_text(&call->answer, 0));
    return envelope_close(call);
}

/* --- writing --- */

static enum http_progress answer_written(struct http_call *call, enum http_progress progress)
{
    if (progress != HTTP_DONE || call->response.status != 200)
        return progress;
    return envelope_nothing(call);
}

static enum http_progress put_form(struct http_call *call, struct bytes type, struct bytes body,
                                   int64_t expiry_ms)
{
    struct buffer metadata = {0};
    enum http_progress progress = HTTP_DONE;
    struct fault fault;
    struct bytes value;

    if (form_read(type, body, &value, &metadata, &fault))
        progress = value_write(call, value, buffer_view(&metadata), expiry_ms);
    else
        (void)http_refuse_fault(call, &fault);
    buffer_clear(&metadata);
    return progress;
}

static enum http_progress put_value(struct http_call *call)
{
    struct bytes body, type;
    int64_t expiry_ms;

    if (!value_check_key(call) || !value_expiration(call, &expiry_ms) || !http_body(call, &body))
        return HTTP_DONE;
    if (http_request_header(call->request, "content-type", &type) && multipart_is_form(type))
        return answer_written(call, put_form(call, type, body, expiry_ms));
    return answer_written(call, value_write(call, body, bytes_of(""), expiry_ms));
}

static enum http_progress delete_value(struct http_call *call)
{
    return value_check_key(call) ? answer_written(call, value_delete(call)) : HTTP_DONE;
}

/* clang-format off */
const struct route rest_value_routes[] = {
    {HTTP_GET,    DOOR_REST, REST_NAMESPACE "/values/:key",   BODY_UNUSED, "get",          get_value},
    {HTTP_PUT,    DOOR_REST, REST_NAMESPACE "/values/:key",   BODY_VALUE,  "put",          put_value},
    {HTTP_DELETE, DOOR_REST, REST_NAMESPACE "/values/:key",   BODY_UNUSED, "remove key",   delete_value},
    {HTTP_GET,    DOOR_REST, REST_NAMESPACE "/metadata/:key", BODY_UNUSED, "get metadata", get_metadata},
    {.path = NULL},
};
/* clang-format on */
