#include "http/envelope.h"

#include "base/json_text.h"

/* Of messages beside a result; Workers KV has none. */
#define MESSAGE_CODE 10200

struct buffer *envelope_open(struct http_call *call)
{
    struct buffer *out = http_respond(call, "application/json");

    buffer_append_text(out, "{\"result\":");
    return out;
}

enum http_progress envelope_close(struct http_call *call)
{
    buffer_append_text(&call->response.body, ",\"success\":true,\"errors\":[],\"messages\":[]}");
    return HTTP_DONE;
}

enum http_progress envelope_close_with_info(struct http_call *call, const char *format, ...)
{
    struct buffer *out = &call->response.body;
    va_list arguments;

    buffer_append_text(out, ",\"success\":true,\"errors\":[],\"messages\":[],\"result_info\":{");
    va_start(arguments, format);
    buffer_vprintf(out, format, arguments);
    va_end(arguments);
    buffer_append_text(out, "}}");
    return HTTP_DONE;
}

enum http_progress envelope_close_with_message(struct http_call *call, struct bytes message)
{
    struct buffer *out = &call->response.body;

    buffer_printf(out, ",\"success\":true,\"errors\":[],\"messages\":[{\"code\":%d,\"message\":",
                  MESSAGE_CODE);
    json_text_any(out, message);
    buffer_append_text(out, "}]}");
    return HTTP_DONE;
}

enum http_progress envelope_nothing(struct http_call *call)
{
    buffer_append_text(envelope_open(call), "null");
    return envelope_close(call);
}
