#include "http/routes.h"

#include "base/compiler.h"
#include "http/uri.h"

/* REST's and the people's paths are matched as a whole, the binding's behind their namespace. */
static const struct route *const tables[] = {
    rest_value_routes,     rest_key_routes,     rest_bulk_routes,
    rest_namespace_routes, rest_account_routes, people_routes,
};

static const char *const method_names[HTTP_METHOD_COUNT] = {
    [HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT", [HTTP_DELETE] = "DELETE", [HTTP_METHOD_OTHER] = NULL,
};

static bool is_method(const struct route *route, enum http_method method)
{
    return route->method == method || (route->method == HTTP_GET && method == HTTP_HEAD);
}

/* What is left of a path from *at on, without the slash that it begins with. */
static struct bytes rest_of(struct bytes path, size_t at)
{
    if (at >= path.size)
        return (struct bytes){"", 0};
    return (struct bytes){path.data + at + 1, path.size - at - 1};
}

static bool path_matches(const char *pattern, struct bytes path, struct route_match *match)
{
    struct bytes words = bytes_of(pattern), word, segment;
    size_t pattern_at = 0, at = 0;

    while (uri_next_segment(words, &pattern_at, &word)) {
        if (bytes_equal(word, bytes_of(":key"))) {
            bool is_there = at < path.size;

            match->key = rest_of(path, at);
            return is_there;
        }
        if (!uri_next_segment(path, &at, &segment))
            return false;
        if (bytes_equal(word, bytes_of(":ns"))) {
            match->ns = segment;
            match->is_ns_encoded = true;
        } else if (word.size > 0 && word.data[0] == ':') {
            if (segment.size == 0)
                return false;
        } else if (!bytes_equal(word, segment)) {
            return false;
        }
    }
    return at >= path.size;
}

/* Of the routes whose path matches, the first one for the method; else any of them. */
static enum route_result find_in(const struct route *table, enum http_method method,
                                 struct bytes path, struct route_match *match)
{
    enum route_result result = ROUTE_UNKNOWN;

    for (const struct route *route = table; route->path != NULL; route++) {
        struct route_match found = *match;

        if (!path_matches(route->path, path, &found))
            continue;
        found.route = route;
        if (is_method(route, method)) {
            *match = found;
            return ROUTE_FOUND;
        }
        if (result == ROUTE_UNKNOWN)
            *match = found;
        result = ROUTE_METHOD;
    }
    return result;
}

/* Splits "/binding/<namespace>/<rest>"; "/" stands for a missing rest. */
static struct bytes split_binding(struct bytes path, struct route_match *match)
{
    size_t at = 0;
    struct bytes segment;

    (void)uri_next_segment(path, &at, &segment);
    (void)uri_next_segment(path, &at, &match->ns);
    match->is_ns_encoded = true;
    return at < path.size ? (struct bytes){path.data + at, path.size - at} : bytes_of("/");
}

/* Whose request is it?  *path becomes what its table matches. */
static enum http_door door_of(const struct http_request *request, struct bytes *path,
                              struct route_match *match)
{
    *match = (struct route_match){.ns = {"", 0}, .key = {"", 0}};
    *path = request->path;
    if (http_request_header(request, "x-kv-namespace", &match->ns))
        return DOOR_BINDING;
    if (bytes_starts_with(request->path, bytes_of("/binding/"))) {
        *path = split_binding(request->path, match);
        return DOOR_BINDING;
    }
    if (bytes_starts_with(request->path, bytes_of("/client/v4/")) ||
        bytes_equal(request->path, bytes_of("/client/v4")))
        return DOOR_REST;
    return DOOR_PEOPLE;
}

enum http_door route_door(const struct http_request *request)
{
    struct route_match match;
    struct bytes path;

    return door_of(request, &path, &match);
}

enum route_result route_find(const struct http_request *request, struct route_match *match)
{
    struct bytes path;

    if (door_of(request, &path, match) == DOOR_BINDING)
        return find_in(binding_routes, request->method, path, match);
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        enum route_result result = find_in(tables[i], request->method, path, match);

        if (result != ROUTE_UNKNOWN)
            return result;
    }
    return ROUTE_UNKNOWN;
}

static void add_method(struct buffer *out, enum http_method method)
{
    buffer_printf(out, "%s%s", out->size > 0 ? ", " : "", method_names[method]);
    if (method == HTTP_GET)
        add_method(out, HTTP_HEAD);
}

void route_allowed_methods(const struct http_request *request, struct buffer *out)
{
    struct http_request as = {.path = request->path, .header_count = request->header_count};
    struct route_match match;

    memcpy(as.headers, request->headers, request->header_count * sizeof as.headers[0]);
    for (as.method = HTTP_GET; as.method < HTTP_METHOD_OTHER; as.method++)
        if (as.method != HTTP_HEAD && route_find(&as, &match) == ROUTE_FOUND)
            add_method(out, as.method);
}
