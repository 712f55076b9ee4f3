#include "http/call.h"

#include "commands/dispatch.h"
#include "http/uri.h"

enum http_progress http_command(struct http_call *call, const struct bytes *argv, size_t argc)
{
    const struct request request = {.argv = argv, .argc = argc};
    struct outcome outcome;

    http_answer_reset(&call->answer);
    outcome = dispatch(call->worker, call->session, &call->answer.reply, &request, call->now_ms);
    if (outcome.depends_on > call->depends_on)
        call->depends_on = outcome.depends_on;
    call->wake_at_ms = outcome.wake_at_ms;
    return outcome.is_parked ? HTTP_PARKED : HTTP_DONE;
}

bool http_command_refused(struct http_call *call)
{
    if (http_answer_kind(&call->answer, 0) != ANSWER_ERROR)
        return false;
    http_refuse_error(call, http_answer_text(&call->answer, 0));
    return true;
}

bool http_body(struct http_call *call, struct bytes *body)
{
    if (call->body_size > (int64_t)call->body.size) {
        if (call->route->body == BODY_VALUE)
            http_refuse(call, REFUSE_VALUE_TOO_LONG, "Value length of %lld exceeds limit of %lld.",
                        (long long)call->body_size, (long long)http_limit(call, LIMIT_VALUE_SIZE));
        else
            http_refuse(call, REFUSE_BODY_TOO_LONG, NULL);
        return false;
    }
    *body = call->body;
    return true;
}

bool http_parameter(struct http_call *call, const char *name, struct buffer *out, bool *is_given)
{
    enum uri_parameter found = uri_query_find(call->request->query, name, out);

    if (found == URI_BAD) {
        http_refuse(call, REFUSE_BAD_PARAMETER, "the parameter %s could not be URL-decoded", name);
        return false;
    }
    *is_given = found == URI_PRESENT;
    return true;
}

bool http_refuse_fault(struct http_call *call, const struct fault *fault)
{
    http_refuse(call, fault->refusal, "%s", fault->text);
    return false;
}

void http_reset_response(struct http_call *call)
{
    struct http_response *response = &call->response;

    response->status = 200;
    response->reason[0] = '\0';
    response->content_type = NULL;
    response->headers.size = 0;
    response->body.size = 0;
    response->body_start = 0;
}

struct buffer *http_respond(struct http_call *call, const char *content_type)
{
    call->response.status = 200;
    call->response.content_type = content_type;
    call->response.body.size = 0;
    call->response.body_start = 0;
    return &call->response.body;
}

/* The answer's bytes and the response's change places: the body begins in the middle of them. */
void http_respond_text_of_answer(struct http_call *call, size_t index, const char *content_type)
{
    const struct http_answer_value value = call->answer.values[index];
    struct buffer bytes = call->answer.bytes;

    (void)http_respond(call, content_type);
    call->answer.bytes = call->response.body;
    call->answer.count = 0;
    call->response.body = bytes;
    call->response.body.size = value.at + value.size;
    call->response.body_start = value.at;
}

void http_add_number_header(struct http_call *call, const char *name, int64_t number)
{
    char text[INT64_TEXT_MAX];

    http_add_header(call, name, (struct bytes){text, int64_to_text(number, text)});
}

void http_add_header(struct http_call *call, const char *name, struct bytes value)
{
    struct buffer *headers = &call->response.headers;
    size_t start;

    buffer_printf(headers, "%s: ", name);
    start = headers->size;
    buffer_append_bytes(headers, value);
    for (size_t i = start; i < headers->size; i++)
        if ((unsigned char)headers->data[i] < ' ' || headers->data[i] == 0x7F)
            headers->data[i] = ' ';
    buffer_append(headers, "\r\n", 2);
}
