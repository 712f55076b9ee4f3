/* request.h - the head of an HTTP request: bytes -> method, path, query, headers (RFC 9112).
 *
 * Pure: it is shown what has come so far and finds the head's end, or says what is wrong.  All
 * views point into those bytes; nothing is copied or decoded.
 *
 * Strict where laxness would let two servers disagree about where a request ends: lines end in CR
 * LF, no folded lines, no blank before a colon, no zero byte, no second and different
 * Content-Length, no Content-Length beside Transfer-Encoding.  Lax where clients differ harmlessly:
 * an absolute target
 * ("GET http://host/path", as proxies are asked) loses its scheme and host, and Host may be
 * missing.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define HTTP_HEAD_MAX    ((size_t)64 * 1024) /* request line and headers together */
#define HTTP_HEADERS_MAX 64

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_METHOD_OTHER, /* well-formed, but nothing here answers it */
    HTTP_METHOD_COUNT
};

struct http_header {
    struct bytes name, value; /* the value without blanks around it */
};

struct http_request {
    enum http_method method;
    struct bytes path;  /* raw, begins with "/" ("" of an absolute target counts as "/") */
    struct bytes query; /* raw, without the "?"; empty if there is none */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    int64_t content_length; /* 0 if the request has none; meaningless if is_chunked */
    bool is_chunked;
    bool keeps_alive; /* HTTP/1.1 without "Connection: close", or 1.0 with "keep-alive" */
    bool expects_continue;
    bool is_1_0; /* knows neither chunks nor 100 Continue */
};

enum http_parse {
    HTTP_PARSE_DONE,
    HTTP_PARSE_MORE,            /* the head's end has not come yet */
    HTTP_PARSE_BAD,             /* 400 */
    HTTP_PARSE_TARGET_TOO_LONG, /* 414: no end of the first line within HTTP_HEAD_MAX */
    HTTP_PARSE_TOO_LONG,        /* 431: no end of the head within it, or too many headers */
    HTTP_PARSE_CODING,          /* 501: a Transfer-Encoding other than chunked */
    HTTP_PARSE_VERSION          /* 505: neither HTTP/1.1 nor 1.0 */
};

/* Reads the head at the front of `data`, which may be preceded by a few empty lines.  *scanned (0
 * before the first call for a head) says how far earlier calls looked, so that a head which comes
 * byte by byte is not read anew each time.  DONE: *request is filled and *size is the head's length
 * with the empty lines around it.  Otherwise *request is undefined. */
enum http_parse http_request_parse(struct http_request *request, struct bytes data, size_t *scanned,
                                   size_t *size) MUST_USE;

/* The value of the first header of that name (in any case), or false. */
bool http_request_header(const struct http_request *request, const char *name, struct bytes *value);

#endif
