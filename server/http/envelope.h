/* envelope.h - what every answer of the REST API but a value is wrapped in.
 *
 *     {"result": …, "success": true, "errors": [], "messages": [], "result_info": …}
 *
 * Refusals write theirs in refusal.c.
 */
#ifndef HTTP_ENVELOPE_H
#define HTTP_ENVELOPE_H

#include "http/call.h"

/* The body, for the result to be appended to. */
struct buffer *envelope_open(struct http_call *call);

/* Ends it: without result_info, with one (the members of the object, as JSON), or with a message
 * beside the result. */
enum http_progress envelope_close(struct http_call *call);
enum http_progress envelope_close_with_info(struct http_call *call, const char *format, ...)
    PRINTF_LIKE(2, 3);
enum http_progress envelope_close_with_message(struct http_call *call, struct bytes message);

/* All of it, where there is nothing to tell: "result": null. */
enum http_progress envelope_nothing(struct http_call *call);

#endif
