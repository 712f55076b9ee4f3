#include "http/refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "http/call.h"

struct row {
    int status;
    int code; /* REST's */
    const char *text;
};

/* Codes: workers-kv.md names where each was seen; 104xx and 105xx are our own. */
/* clang-format off */
static const struct row rows[REFUSAL_COUNT] = {
    [REFUSE_BAD_REQUEST] =       {400, 10029, "invalid request"},
    [REFUSE_BAD_PARAMETER] =     {400, 10029, "a query parameter could not be URL-decoded"},
    [REFUSE_NO_CREDENTIALS] =    {401, 10001, "Unable to authenticate request: send the header Authorization: Bearer <token>"},
    [REFUSE_WRONG_TOKEN] =       {401, 10000, "Authentication error: the token is neither the server's http-token nor a user's password"},
    [REFUSE_NOT_LOCAL] =         {403, 10000, "Authentication error: no http-token is set, so only clients of the server's own machine are served"},
    [REFUSE_OTHER_SITE] =        {403, 10000, "Authentication error: no http-token is set, so pages of other sites may not write"},
    [REFUSE_NO_PERMISSION] =     {403, 10000, "this user has no permission to do that"},
    [REFUSE_NO_KEY] =            {404, 10009, "key not found"},
    [REFUSE_NO_NAMESPACE] =      {404, 10013, "namespace not found"},
    [REFUSE_NO_ROUTE] =          {404, 7000,  "No route for that URI"},
    [REFUSE_METHOD] =            {405, 10405, "Method not allowed for this URI"},
    [REFUSE_TITLE_TAKEN] =       {400, 10014, "a namespace with this account ID and title already exists"},
    [REFUSE_TITLE_MISSING] =     {400, 10019, "namespace title is missing"},
    [REFUSE_TITLE_INVALID] =     {400, 10010, "namespace title is invalid: 1 to 512 bytes of UTF-8, not digits only"},
    [REFUSE_TITLE_RESERVED] =    {400, 10010, "db<n> can't be renamed"},
    [REFUSE_PAGE] =              {400, 10007, "page must be an integer of 1 or more"},
    [REFUSE_PER_PAGE] =          {400, 10008, "per_page must be an integer from 1 to 1000"},
    [REFUSE_ORDER] =             {400, 10043, "order must be id or title"},
    [REFUSE_DIRECTION] =         {400, 10044, "direction must be asc or desc"},
    [REFUSE_LIST_LIMIT] =        {400, 10028, "limit must be an integer from 1 to 1000"},
    [REFUSE_CURSOR] =            {400, 10041, "the cursor is not one that a listing with this prefix gave"},
    [REFUSE_KEY_NAME] =          {400, 10023, "illegal key name"},
    [REFUSE_KEY_TOO_LONG] =      {414, 10030, "key is too long"},
    [REFUSE_VALUE_TOO_LONG] =    {413, 10024, "value is too long"},
    [REFUSE_BODY_TOO_LONG] =     {413, 10024, "request body is too long"},
    [REFUSE_METADATA] =          {400, 10147, "metadata must be valid json"},
    [REFUSE_METADATA_TOO_LONG] = {413, 10047, "metadata is too long"},
    [REFUSE_EXPIRATION] =        {400, 10033, "invalid expiration"},
    [REFUSE_EXPIRATION_TTL] =    {400, 10034, "invalid expiration_ttl"},
    [REFUSE_CACHE_TTL] =         {400, 10029, "invalid cache_ttl"},
    [REFUSE_NAMESPACE_FULL] =    {400, 10020, "namespace is full"},
    [REFUSE_RATE] =              {429, 10022, "Too Many Requests"},
    [REFUSE_TIMEOUT] =           {408, 10408, "the request came too slowly"},
    [REFUSE_TARGET_TOO_LONG] =   {414, 10414, "the URI is too long"},
    [REFUSE_HEAD_TOO_LONG] =     {431, 10431, "the headers are too long or too many"},
    [REFUSE_CODING] =            {501, 10501, "the only Transfer-Encoding is chunked"},
    [REFUSE_VERSION] =           {505, 10505, "the only versions are HTTP/1.1 and HTTP/1.0"},
    [REFUSE_BUSY] =              {503, 10503, "the server is busy with other large requests, try again"},
    [REFUSE_UNAVAILABLE] =       {503, 10503, "the server can't do this at the moment"},
    [REFUSE_INTERNAL] =          {500, 10001, "internal error: see the server's log"},
};

/* What the first word of a command's error means here. */
static const struct {
    const char *word;
    enum http_refusal refusal;
} words[] = {
    {"NOPERM", REFUSE_NO_PERMISSION},
    {"RATELIMIT", REFUSE_RATE},
    {"KEYTOOLONG", REFUSE_KEY_TOO_LONG},
    {"VALUETOOLONG", REFUSE_VALUE_TOO_LONG},
    {"METATOOLONG", REFUSE_METADATA_TOO_LONG},
    {"NAMESPACEFULL", REFUSE_NAMESPACE_FULL},
    {"MISCONF", REFUSE_UNAVAILABLE},
    {"LOADING", REFUSE_UNAVAILABLE},
    {"OOM", REFUSE_UNAVAILABLE},
    {"STALE", REFUSE_UNAVAILABLE},
    {"LEAVING", REFUSE_UNAVAILABLE},
    {"CLOCKSKEW", REFUSE_UNAVAILABLE},
};

/* Errors that all begin with ERR. */
static const struct {
    const char *text;
    enum http_refusal refusal;
} sentences[] = {
    {"ERR invalid cursor", REFUSE_CURSOR},
    {"ERR invalid metadata", REFUSE_METADATA},
    {"ERR invalid namespace title", REFUSE_TITLE_INVALID},
    {"ERR db<n> can't be renamed", REFUSE_TITLE_RESERVED},
    {"ERR no such namespace", REFUSE_NO_NAMESPACE},
    {"ERR namespace '", REFUSE_TITLE_TAKEN}, /* … already exists */
};
/* clang-format on */

#define TEXT_MAX             HTTP_REASON_MAX
#define RETRY_UNAVAILABLE_MS 1000

/* Whole seconds for everybody, and what the SDK honours to the millisecond. */
static void add_retry(struct http_call *call, int64_t ms)
{
    http_add_number_header(call, "Retry-After", ms <= 1000 ? 1 : (ms + 999) / 1000);
    http_add_number_header(call, "Retry-After-Ms", ms);
}

static void write_envelope(struct http_call *call, const struct row *row, const char *text)
{
    struct buffer *out = http_respond(call, "application/json");
    struct buffer message = {0};
    const char *operation = call->route != NULL ? call->route->operation : NULL;

    if (operation != NULL)
        buffer_printf(&message, "%s: '%s'", operation, text);
    else
        buffer_printf(&message, "%s", text);
    buffer_printf(
        out, "{\"result\":null,\"success\":false,\"errors\":[{\"code\":%d,\"message\":", row->code);
    json_text_string(out, buffer_view(&message));
    buffer_printf(out, "}],\"messages\":[]}");
    buffer_clear(&message);
}

static void write_plain(struct http_call *call, const char *text)
{
    struct buffer *out = http_respond(call, "text/plain; charset=utf-8");

    buffer_printf(out, "%s\n", text);
}

/* A reason phrase is one line of visible characters (RFC 9112 lets bytes above 0x7F stand). */
static void set_reason(struct http_call *call, const char *text)
{
    char *reason = call->response.reason;

    (void)snprintf(reason, HTTP_REASON_MAX, "%s", text);
    for (; *reason != '\0'; reason++)
        if ((unsigned char)*reason < ' ' || *reason == 0x7F)
            *reason = ' ';
}

/* A 404 would be a missing key to a Worker, and a binding that leads nowhere would look empty. */
static int status_of(const struct http_call *call, enum http_refusal refusal)
{
    return refusal == REFUSE_NO_NAMESPACE && call->door == DOOR_BINDING ? 400
                                                                        : rows[refusal].status;
}

static void refuse(struct http_call *call, enum http_refusal refusal, const char *text)
{
    const struct row *row = &rows[refusal];

    http_reset_response(call);
    if (call->door == DOOR_REST) {
        write_envelope(call, row, text);
    } else {
        write_plain(call, text);
        set_reason(call, row->status == 401 ? "" : text); /* "Unauthorized" says it */
    }
    call->response.status = status_of(call, refusal);
}

void http_refuse(struct http_call *call, enum http_refusal refusal, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list arguments;

    if (format == NULL) {
        (void)snprintf(text, sizeof text, "%s", rows[refusal].text);
    } else {
        va_start(arguments, format);
        (void)vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
    }
    refuse(call, refusal, text);
    if (rows[refusal].status == 429 || rows[refusal].status == 503)
        add_retry(call, RETRY_UNAVAILABLE_MS);
}

bool http_error_is(struct bytes error, const char *word)
{
    size_t size = strlen(word);

    return bytes_starts_with(error, bytes_of(word)) &&
           (error.size == size || error.data[size] == ' ');
}

int64_t http_retry_ms(struct bytes error)
{
    static const char before[] = "retry in ";
    const char *found = memmem(error.data, error.size, before, sizeof before - 1);
    int64_t ms = 0;

    if (found == NULL)
        return RETRY_UNAVAILABLE_MS;
    for (found += sizeof before - 1;
         found < error.data + error.size && *found >= '0' && *found <= '9' && ms < INT32_MAX;
         found++)
        ms = 10 * ms + (*found - '0');
    return ms;
}

static enum http_refusal refusal_of(struct bytes error)
{
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (http_error_is(error, words[i].word))
            return words[i].refusal;
    for (size_t i = 0; i < COUNT_OF(sentences); i++)
        if (bytes_starts_with(error, bytes_of(sentences[i].text)))
            return sentences[i].refusal;
    return REFUSE_INTERNAL;
}

void http_refuse_error(struct http_call *call, struct bytes error)
{
    static const char noperm[] = "NOPERM ";
    enum http_refusal refusal = refusal_of(error);

    if (refusal == REFUSE_RATE) {
        refuse(call, refusal, rows[refusal].text);
        add_retry(call, http_retry_ms(error));
    } else if (refusal == REFUSE_NO_PERMISSION) {
        http_refuse(call, refusal, "%.*s", (int)(error.size - sizeof noperm + 1),
                    error.data + sizeof noperm - 1);
    } else if (rows[refusal].status == 503) {
        http_refuse(call, refusal, "%.*s", (int)error.size, error.data);
    } else {
        http_refuse(call, refusal, NULL);
    }
}
