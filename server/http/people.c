/* people.c - what is there for people and their tools: the dashboard, and figures for Prometheus.
 */
#include "http/call.h"
#include "http/metrics.h"

/* The page is one file, and the program holds it whole (dashboard.S). */
extern const char dashboard_start[], dashboard_end[];

static enum http_progress answer_metrics(struct http_call *call)
{
    const struct bytes argv[] = {bytes_of("info"), bytes_of("everything")};

    if (http_command(call, argv, COUNT_OF(argv)) == HTTP_PARKED)
        return HTTP_PARKED;
    if (!http_command_refused(call))
        metrics_write(http_answer_text(&call->answer, 0),
                      http_respond(call, "text/plain; version=0.0.4; charset=utf-8"));
    return HTTP_DONE;
}

/* The page asks for what it shows with the token that it was told; itself it holds nothing secret.
 */
static enum http_progress answer_dashboard(struct http_call *call)
{
    struct buffer *out = http_respond(call, "text/html; charset=utf-8");

    buffer_append(out, dashboard_start, (size_t)(dashboard_end - dashboard_start));
    http_add_header(call, "Content-Security-Policy",
                    bytes_of("default-src 'none'; style-src 'unsafe-inline'; script-src "
                             "'unsafe-inline'; connect-src 'self'; img-src data:; "
                             "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"));
    http_add_header(call, "X-Content-Type-Options", bytes_of("nosniff"));
    return HTTP_DONE;
}

/* clang-format off */
const struct route people_routes[] = {
    {HTTP_GET, DOOR_PEOPLE, "/metrics", BODY_UNUSED, NULL, answer_metrics},
    {HTTP_GET, DOOR_PUBLIC, "/",        BODY_UNUSED, NULL, answer_dashboard},
    {.path = NULL},
};
/* clang-format on */
