/* routes.h - method and path -> endpoint, as a table.
 *
 * Three doors share the port.  A request with the header X-KV-Namespace is one of workerd's
 * binding, whatever its path: all of it is the key.  Otherwise the path decides:
 *
 *     /client/v4/…                  the REST API
 *     /binding/<namespace>/<key>    the binding again, for those who can set a path but no header
 *     /metrics, /                   Prometheus, the dashboard
 *
 * Paths are matched raw, segment by segment, and decoded only then: a key may contain an encoded
 * slash, or be called "bulk/get".
 */
#ifndef HTTP_ROUTES_H
#define HTTP_ROUTES_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "http/request.h"

struct http_call;

enum http_progress { HTTP_DONE, HTTP_PARKED, HTTP_AGAIN }; /* see E1 in call.h */

enum http_door {
    DOOR_REST,
    DOOR_BINDING,
    DOOR_PEOPLE,
    DOOR_PUBLIC /* for people too, and without a token */
};

/* What is done with a request's body: how much of it is kept. */
enum body_use {
    BODY_UNUSED, /* nothing */
    BODY_VALUE,  /* what the namespace allows a value, and around it a form's other parts */
    BODY_JSON,   /* HTTP_JSON_MAX */
    BODY_QUERY,  /* HTTP_JSON_MAX, of a request that only reads */
    BODY_BULK    /* HTTP_BULK_MAX */
};

#define HTTP_JSON_MAX ((size_t)1024 * 1024)
#define HTTP_BULK_MAX ((size_t)100 * 1024 * 1024)
/* Boundaries, part headers, names: what a form may hold besides value and metadata. */
#define HTTP_FORM_MAX ((size_t)64 * 1024)

struct route {
    enum http_method method; /* GET answers HEAD too */
    enum http_door door;
    const char *path; /* ":account" and ":ns" match any one segment, ":key" all the rest of the
                         path, empty or with slashes; of the binding, what is behind the
                         namespace */
    enum body_use body;
    const char *operation; /* as REST's messages name it: "get", "put", "list keys" */
    enum http_progress (*run)(struct http_call *call);
};

struct route_match {
    const struct route *route;
    struct bytes ns;    /* id or title; "" if the route names none, or an empty one */
    bool is_ns_encoded; /* it stood in the path, not in the header */
    struct bytes key;   /* raw */
};

/* Whose request it is, whether there is a route for it or not. */
enum http_door route_door(const struct http_request *request);

enum route_result { ROUTE_FOUND, ROUTE_UNKNOWN, ROUTE_METHOD };

/* METHOD: the path exists, but not for this method; match->route is one that it exists for. */
enum route_result route_find(const struct http_request *request, struct route_match *match);

/* "GET, HEAD, PUT": what the path of that request is there for. */
void route_allowed_methods(const struct http_request *request, struct buffer *out);

/* The endpoints, a file each: rows ended by one without a path. */
extern const struct route rest_account_routes[];
extern const struct route rest_namespace_routes[];
extern const struct route rest_key_routes[];
extern const struct route rest_value_routes[];
extern const struct route rest_bulk_routes[];
extern const struct route binding_routes[];
extern const struct route people_routes[];

#endif
