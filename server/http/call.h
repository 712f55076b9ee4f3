/* call.h - one HTTP request while it is answered, as endpoints see it.
 *
 * The connection has read it whole, knows its endpoint (routes.h), has checked the token, and found
 * and selected the namespace.  An endpoint turns it into words of commands, runs them with
 * http_command(), and writes the response: semantics stay with the commands, an endpoint only
 * spells.
 *
 * E1  An endpoint ends with a response written (HTTP_DONE), or says that it must be called again:
 *     later (HTTP_PARKED: a command had to wait and has changed nothing), or after others had their
 *     turn (HTTP_AGAIN: it has worked for long enough).  It begins anew then, unless it keeps what
 *     it has done in `progress`.
 * E2  The response leaves when all that its commands depend on is committed; if that fails, a 503
 *     takes its place.
 * E3  The body is read to its end before an endpoint runs, also one too long to be kept: workerd
 *     sees a lost connection instead of the status when an answer comes while it sends.
 */
#ifndef HTTP_CALL_H
#define HTTP_CALL_H

#include "base/buffer.h"
#include "commands/call.h"
#include "http/answer.h"
#include "http/fault.h"
#include "http/refusal.h"
#include "http/request.h"
#include "http/routes.h"

#define HTTP_REASON_MAX 512

/* What will be sent.  Content-Length, Connection and Date are the connection's business. */
struct http_response {
    int status;
    char reason[HTTP_REASON_MAX]; /* one line; "" = the usual one of the status */
    const char *content_type;     /* NULL = no such header */
    struct buffer headers;        /* more of them, each ended by CR LF */
    struct buffer body;
    size_t body_start; /* so many bytes at the front of `body` are not part of it */
};

struct http_call {
    struct worker *worker;
    struct session *session; /* authenticated; its namespace is call->ns */
    int64_t now_ms;
    const struct http_request *request;
    enum http_door door;
    const struct route *route; /* NULL: none was found */
    struct ns *ns;             /* of routes that name one */
    struct buffer key;         /* decoded, of routes that name one */

    struct bytes body; /* empty if it was too long to be kept */
    int64_t body_size; /* as it came */

    struct http_answer answer; /* of the last command */
    struct http_response response;
    uint64_t depends_on; /* newest group that any command depends on */
    int64_t wake_at_ms;  /* HTTP_PARKED: try again then, or when a commit happens */

    void *progress;                        /* an endpoint's own, NULL at first */
    void (*free_progress)(void *progress); /* called with it when the call ends */
};

/* Runs a command in call->session; its answer, be it an error, is in call->answer.  HTTP_DONE or
 * HTTP_PARKED. */
enum http_progress http_command(struct http_call *call, const struct bytes *argv,
                                size_t argc) MUST_USE;

/* Did the last command answer an error?  Then a response that says it is written (refusal.h). */
bool http_command_refused(struct http_call *call);

/* The body, or false when it was too long to be kept; then that is the response. */
bool http_body(struct http_call *call, struct bytes *body);

/* A parameter of the query, decoded and appended to `out`.  False if its escapes are broken; then
 * that is the response.  *is_given is false if there is none of the name. */
bool http_parameter(struct http_call *call, const char *name, struct buffer *out, bool *is_given);

/* What holds for the call's namespace. */
static inline int64_t http_limit(const struct http_call *call, enum limit limit)
{
    return ns_limit(store_registry(call->worker->services->store), call->ns, limit);
}

/* --- responses --- */

/* The fault is the response; returns false. */
bool http_refuse_fault(struct http_call *call, const struct fault *fault);

/* 200 with an empty body to be appended to in call->response.body. */
struct buffer *http_respond(struct http_call *call, const char *content_type);

/* 200 with the text at `index` of call->answer as body, which is taken over without a copy. */
void http_respond_text_of_answer(struct http_call *call, size_t index, const char *content_type);

/* Adds a header.  Control characters of the value become blanks. */
void http_add_header(struct http_call *call, const char *name, struct bytes value);
void http_add_number_header(struct http_call *call, const char *name, int64_t number);

/* Nothing written so far stays. */
void http_reset_response(struct http_call *call);

#endif
