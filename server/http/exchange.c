#include "http/exchange.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands/acl_check.h"
#include "commands/dispatch.h"
#include "http/multipart.h"
#include "http/uri.h"

/* A longer body is not even read to its end: the connection closes instead. */
#define BODY_READ_MAX ((int64_t)1024 * 1024 * 1024)

/* A head is taken in such pieces: most come whole in the first one, and not much of what follows
 * them (a body, the next requests) is copied for nothing. */
#define HEAD_PIECE ((size_t)2048)

/* Buffers that stay for the next exchange. */
#define BUFFER_KEPT_MAX ((size_t)64 * 1024)

/* --- beginning and end --- */

static void recycle(struct buffer *buffer)
{
    if (buffer->capacity > BUFFER_KEPT_MAX)
        buffer_clear(buffer);
    buffer->size = 0;
}

static void drop_progress(struct http_call *call)
{
    if (call->progress != NULL && call->free_progress != NULL)
        call->free_progress(call->progress);
    call->progress = NULL;
    call->free_progress = NULL;
}

static void give_memory_back(struct exchange *exchange)
{
    if (exchange->reserved > 0)
        budget_give(exchange->room->budget, exchange->reserved);
    exchange->reserved = 0;
}

void exchange_begin(struct exchange *exchange, struct exchange_room *room, struct session *session,
                    bool is_local)
{
    struct http_call *call = &exchange->call;

    exchange->state = EXCHANGE_HEAD;
    exchange->room = room;
    exchange->is_local = is_local;
    exchange->head_scanned = 0;
    exchange->request.method = HTTP_METHOD_OTHER; /* not that of the last one */
    exchange->request.is_1_0 = false;
    exchange->chunks = (struct chunk_reader){0};
    exchange->keeps_body = false;
    exchange->body_size = exchange->body_left = exchange->reserved = 0;
    exchange->response_memory = 0;
    exchange->is_answered = exchange->is_parked = exchange->wants_continue = false;
    exchange->closes = false;

    if (call->answer.reply.ops == NULL)
        http_answer_init(&call->answer);
    call->worker = room->worker;
    call->session = session;
    call->request = &exchange->request;
    call->door = DOOR_PEOPLE;
    call->route = NULL;
    call->ns = NULL;
    call->body = (struct bytes){"", 0};
    call->body_size = 0;
    call->depends_on = 0;
    http_reset_response(call);
}

void exchange_end(struct exchange *exchange)
{
    struct http_call *call = &exchange->call;

    drop_progress(call);
    give_memory_back(exchange);
    recycle(&exchange->head);
    recycle(&exchange->body);
    recycle(&exchange->output_head);
    recycle(&call->key);
    recycle(&call->response.headers);
    recycle(&call->response.body);
    http_answer_reset(&call->answer);
}

void exchange_clear(struct exchange *exchange)
{
    struct http_call *call = &exchange->call;

    drop_progress(call);
    give_memory_back(exchange);
    buffer_clear(&exchange->head);
    buffer_clear(&exchange->body);
    buffer_clear(&exchange->output_head);
    buffer_clear(&call->key);
    buffer_clear(&call->response.headers);
    buffer_clear(&call->response.body);
    if (call->answer.reply.ops != NULL)
        http_answer_clear(&call->answer);
}

/* --- the response's head --- */

static const char *usual_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

static const char *date_of(struct exchange_room *room)
{
    time_t now_s = (time_t)(room->now_ms / 1000);
    struct tm parts;

    if (room->date_s != now_s && gmtime_r(&now_s, &parts) != NULL) {
        (void)strftime(room->date, sizeof room->date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        room->date_s = now_s;
    }
    return room->date;
}

static size_t response_size(const struct http_response *response)
{
    return response->body.size - response->body_start;
}

static void append_number(struct buffer *out, int64_t number)
{
    char text[INT64_TEXT_MAX];

    buffer_append(out, text, int64_to_text(number, text));
}

static void write_status_line(struct buffer *out, const struct http_response *response)
{
    buffer_append_text(out, "HTTP/1.1 ");
    append_number(out, response->status);
    buffer_append_text(out, " ");
    buffer_append_text(out, response->reason[0] != '\0' ? response->reason
                                                        : usual_reason(response->status));
}

static void write_head(struct exchange *exchange)
{
    const struct http_response *response = &exchange->call.response;
    struct buffer *out = &exchange->output_head;

    out->size = 0;
    write_status_line(out, response);
    buffer_append_text(out, "\r\nDate: ");
    buffer_append_text(out, date_of(exchange->room));
    if (response->content_type != NULL) {
        buffer_append_text(out, "\r\nContent-Type: ");
        buffer_append_text(out, response->content_type);
    }
    buffer_append_text(out, "\r\nContent-Length: ");
    append_number(out, (int64_t)response_size(response));
    buffer_append_text(out, "\r\n");
    buffer_append_bytes(out, buffer_view(&response->headers));
    if (exchange->closes)
        buffer_append_text(out, "Connection: close\r\n");
    else if (exchange->request.is_1_0)
        buffer_append_text(out, "Connection: keep-alive\r\n");
    buffer_append_text(out, "\r\n");
}

static void get_ready(struct exchange *exchange)
{
    drop_progress(&exchange->call);
    buffer_clear(&exchange->body);
    write_head(exchange);
    exchange->state = EXCHANGE_READY;
}

void exchange_output(const struct exchange *exchange, struct bytes *head, struct bytes *body)
{
    const struct http_response *response = &exchange->call.response;

    *head = buffer_view(&exchange->output_head);
    *body = (struct bytes){"", 0};
    if (response_size(response) > 0 && exchange->request.method != HTTP_HEAD)
        *body = (struct bytes){response->body.data + response->body_start, response_size(response)};
}

/* --- what is asked for --- */

static void answer_early(struct exchange *exchange, enum http_refusal refusal)
{
    http_refuse(&exchange->call, refusal, NULL);
    exchange->is_answered = true;
}

static void refuse_method(struct exchange *exchange)
{
    struct buffer allowed = {0};

    answer_early(exchange, REFUSE_METHOD);
    route_allowed_methods(&exchange->request, &allowed);
    http_add_header(&exchange->call, "Allow", buffer_view(&allowed));
    buffer_clear(&allowed);
}

/* 32 hex digits. */
static bool read_id(struct bytes text, unsigned char id[NS_ID_SIZE])
{
    if (text.size != 2 * NS_ID_SIZE)
        return false;
    for (size_t i = 0; i < NS_ID_SIZE; i++) {
        int high = bytes_hex_digit(text.data[2 * i]), low = bytes_hex_digit(text.data[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        id[i] = (unsigned char)(16 * high + low);
    }
    return true;
}

/* An id, or else a title. */
static enum status find_namespace(struct registry *registry, struct bytes name, struct ns **ns)
{
    unsigned char id[NS_ID_SIZE];

    if (read_id(name, id) && registry_find_id(registry, id, ns) == STATUS_OK)
        return STATUS_OK;
    return registry_find(registry, name, ns);
}

static void select_namespace(struct http_call *call, struct ns *ns)
{
    int database = atomic_load(&ns->database);

    session_select(call->session, database, database < 0 ? ns : NULL);
    call->ns = ns; /* a database's namespace stays as long as the server */
    if (database >= 0)
        ns_release(ns);
}

/* Whether there is a namespace of that name is no business of a user who is tied to another. */
static void refuse_stranger(struct exchange *exchange)
{
    struct bytes title = acl_tied_to(exchange->call.session);

    http_refuse(&exchange->call, REFUSE_NO_PERMISSION, "this user is tied to the namespace '%.*s'",
                (int)title.size, title.data);
    exchange->is_answered = true;
}

static void enter_namespace(struct exchange *exchange, const struct route_match *match)
{
    struct http_call *call = &exchange->call;
    struct registry *registry = store_registry(call->worker->services->store);
    struct buffer name = {0};
    struct ns *ns = NULL;
    enum status s = STATUS_NO_NAMESPACE;

    if (!match->is_ns_encoded)
        s = find_namespace(registry, match->ns, &ns);
    else if (uri_decode_path(match->ns, &name))
        s = find_namespace(registry, buffer_view(&name), &ns);
    buffer_clear(&name);
    if (registry_changed_in(registry) > call->depends_on)
        call->depends_on = registry_changed_in(registry); /* after the look */
    if (s == STATUS_OK)
        select_namespace(call, ns);
    if (!(s == STATUS_OK ? acl_is_at_home(call->worker->services, call->session)
                         : acl_tied_to(call->session).data == NULL))
        refuse_stranger(exchange);
    else if (s != STATUS_OK)
        answer_early(exchange, REFUSE_NO_NAMESPACE);
}

/* workerd says urlencoded=true; a caller that does not means the path as it stands. */
static bool is_key_encoded(const struct http_call *call)
{
    struct buffer value = {0};
    bool is_encoded = call->door != DOOR_BINDING ||
                      (uri_query_find(call->request->query, "urlencoded", &value) == URI_PRESENT &&
                       bytes_equal(buffer_view(&value), bytes_of("true")));

    buffer_clear(&value);
    return is_encoded;
}

static void decode_key(struct exchange *exchange, struct bytes raw)
{
    struct http_call *call = &exchange->call;

    call->key.size = 0;
    if (!is_key_encoded(call)) {
        buffer_append_bytes(&call->key, raw);
    } else if (!uri_decode_path(raw, &call->key)) {
        http_refuse(call, REFUSE_KEY_NAME, "Could not URL-decode key name");
        exchange->is_answered = true;
    }
}

static bool is_allowed(struct exchange *exchange)
{
    struct acl *acl = exchange->room->worker->services->acl;
    uint64_t generation = acl_generation(acl);
    enum http_refusal refusal;
    struct acl_user *user;

    if (access_allows(&exchange->room->access, acl, &exchange->request, exchange->is_local, &user,
                      &refusal)) {
        acl_take_session(exchange->call.session, user, generation);
        return true;
    }
    answer_early(exchange, refusal);
    if (refusal == REFUSE_NO_CREDENTIALS || refusal == REFUSE_WRONG_TOKEN)
        http_add_header(&exchange->call, "WWW-Authenticate", bytes_of("Bearer"));
    return false;
}

static void find_endpoint(struct exchange *exchange)
{
    struct http_call *call = &exchange->call;
    struct route_match match;
    enum route_result found = route_find(&exchange->request, &match);

    call->door = route_door(&exchange->request);
    if (!(found == ROUTE_FOUND && match.route->door == DOOR_PUBLIC) && !is_allowed(exchange))
        return;
    if (found == ROUTE_UNKNOWN) {
        answer_early(exchange, REFUSE_NO_ROUTE);
    } else if (found == ROUTE_METHOD) {
        refuse_method(exchange);
    } else {
        call->route = match.route;
        if (match.is_ns_encoded || call->door == DOOR_BINDING)
            enter_namespace(exchange, &match);
        if (!exchange->is_answered)
            decode_key(exchange, match.key);
    }
}

/* --- the body --- */

/* How much of it is kept at most. */
static int64_t kept_max(const struct http_call *call)
{
    struct bytes type;

    switch (call->route->body) {
    case BODY_UNUSED:
        return 0;
    case BODY_QUERY:
    case BODY_JSON:
        return (int64_t)HTTP_JSON_MAX;
    case BODY_BULK:
        return (int64_t)HTTP_BULK_MAX;
    case BODY_VALUE:
        break;
    }
    if (http_request_header(call->request, "content-type", &type) && multipart_is_form(type))
        return http_limit(call, LIMIT_VALUE_SIZE) + http_limit(call, LIMIT_METADATA_SIZE) +
               (int64_t)HTTP_FORM_MAX;
    return http_limit(call, LIMIT_VALUE_SIZE);
}

static void drop_body(struct exchange *exchange)
{
    exchange->keeps_body = false;
    buffer_clear(&exchange->body);
    give_memory_back(exchange);
}

static int64_t memory_needed(const struct exchange *exchange)
{
    return budget_share(exchange->request.is_chunked ? exchange->body_kept_max
                                                     : exchange->body_left);
}

void exchange_ask_memory(struct exchange *exchange, bool gives_up)
{
    bool is_for_response = exchange->response_memory > 0;
    int64_t needed = is_for_response ? exchange->response_memory : memory_needed(exchange);

    if (needed > HTTP_SMALL) {
        if (budget_take(exchange->room->budget, needed)) {
            exchange->reserved += needed;
        } else if (gives_up) {
            drop_body(exchange);
            answer_early(exchange, REFUSE_BUSY);
        } else {
            exchange->state = EXCHANGE_MEMORY;
            return;
        }
    }
    exchange->state = is_for_response ? EXCHANGE_RUN : EXCHANGE_BODY;
}

/* Most chunked bodies are short, and none says so: the budget is asked when one grows long. */
static bool asks_later(const struct exchange *exchange)
{
    return exchange->request.is_chunked && exchange->keeps_body && exchange->reserved == 0 &&
           memory_needed(exchange) > HTTP_SMALL;
}

/* Nobody has to send a body whose answer is known, if he asked first; or one without end. */
static bool is_body_unwanted(const struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;

    if (request->is_chunked)
        return request->expects_continue && exchange->is_answered;
    return request->content_length > BODY_READ_MAX ||
           (request->expects_continue && !exchange->keeps_body);
}

static void expect_body(struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;

    exchange->body_left = request->content_length;
    if (!request->is_chunked && request->content_length == 0) {
        exchange->state = EXCHANGE_RUN;
        return;
    }
    if (!exchange->is_answered)
        exchange->body_kept_max = kept_max(&exchange->call);
    exchange->keeps_body =
        !exchange->is_answered && exchange->body_kept_max > 0 &&
        (request->is_chunked || request->content_length <= exchange->body_kept_max);
    if (is_body_unwanted(exchange)) {
        exchange->body_size = request->content_length;
        exchange->closes = true;
        exchange->state = EXCHANGE_RUN;
        return;
    }
    exchange->wants_continue = request->expects_continue;
    if (exchange->keeps_body && !asks_later(exchange))
        exchange_ask_memory(exchange, false);
    else
        exchange->state = EXCHANGE_BODY;
}

static void finish_body(struct exchange *exchange)
{
    exchange->state = EXCHANGE_RUN;
    if (exchange->keeps_body)
        exchange->call.body = buffer_view(&exchange->body);
}

static void take_body(struct exchange *exchange, struct bytes data)
{
    exchange->body_size += (int64_t)data.size;
    if (exchange->keeps_body && exchange->body_size > exchange->body_kept_max)
        drop_body(exchange);
    if (exchange->keeps_body)
        buffer_append_bytes(&exchange->body, data);
}

static size_t feed_counted(struct exchange *exchange, struct bytes input)
{
    if ((int64_t)input.size > exchange->body_left)
        input.size = (size_t)exchange->body_left;
    if (exchange->keeps_body && exchange->body.size == 0)
        (void)buffer_reserve(&exchange->body, (size_t)exchange->body_left);
    take_body(exchange, input);
    exchange->body_left -= (int64_t)input.size;
    if (exchange->body_left == 0)
        finish_body(exchange);
    return input.size;
}

static size_t feed_chunks(struct exchange *exchange, struct bytes input)
{
    size_t size, room = (size_t)HTTP_SMALL - exchange->body.size;
    struct bytes data;
    enum chunk_event event;

    if (asks_later(exchange) && room == 0) {
        exchange->state = EXCHANGE_MEMORY;
        return 0;
    }
    if (asks_later(exchange) && input.size > room)
        input.size = room;
    size = input.size;
    while ((event = chunk_reader_next(&exchange->chunks, &input, &data)) == CHUNK_DATA)
        take_body(exchange, data);
    if (event == CHUNK_END)
        finish_body(exchange);
    else if (event == CHUNK_BAD)
        exchange_abort(exchange, REFUSE_BAD_REQUEST);
    else if (exchange->body_size > BODY_READ_MAX)
        exchange_abort(exchange, REFUSE_BODY_TOO_LONG);
    return size - input.size;
}

bool exchange_room_for_body(struct exchange *exchange, char **data, size_t *size)
{
    if (exchange->state != EXCHANGE_BODY || !exchange->keeps_body || exchange->request.is_chunked ||
        exchange->body_left < HTTP_SMALL)
        return false;
    *size = (size_t)exchange->body_left;
    *data = buffer_reserve(&exchange->body, *size);
    return true;
}

void exchange_received(struct exchange *exchange, size_t size)
{
    exchange->body.size += size;
    exchange->body_size += (int64_t)size;
    exchange->body_left -= (int64_t)size;
    if (exchange->body_left == 0)
        finish_body(exchange);
}

/* --- the head --- */

/* What can't be understood can't be followed either: the connection closes. */
static void refuse_head(struct exchange *exchange, enum http_parse result)
{
    static const enum http_refusal refusals[] = {
        [HTTP_PARSE_BAD] = REFUSE_BAD_REQUEST,
        [HTTP_PARSE_TARGET_TOO_LONG] = REFUSE_TARGET_TOO_LONG,
        [HTTP_PARSE_TOO_LONG] = REFUSE_HEAD_TOO_LONG,
        [HTTP_PARSE_CODING] = REFUSE_CODING,
        [HTTP_PARSE_VERSION] = REFUSE_VERSION,
    };

    exchange->request = (struct http_request){.method = HTTP_METHOD_OTHER};
    exchange_abort(exchange, refusals[result]);
}

static size_t feed_head(struct exchange *exchange, struct bytes input)
{
    size_t before = exchange->head.size, size;
    enum http_parse result;

    if (input.size > HEAD_PIECE)
        input.size = HEAD_PIECE;
    buffer_append_bytes(&exchange->head, input);
    result = http_request_parse(&exchange->request, buffer_view(&exchange->head),
                                &exchange->head_scanned, &size);
    if (result == HTTP_PARSE_MORE)
        return input.size;
    if (result != HTTP_PARSE_DONE) {
        refuse_head(exchange, result);
        return input.size;
    }
    exchange->head.size = size;
    exchange->closes = !exchange->request.keeps_alive;
    find_endpoint(exchange);
    expect_body(exchange);
    return size - before;
}

size_t exchange_feed(struct exchange *exchange, struct bytes input)
{
    if (exchange->state == EXCHANGE_HEAD)
        return feed_head(exchange, input);
    assert(exchange->state == EXCHANGE_BODY);
    return exchange->request.is_chunked ? feed_chunks(exchange, input)
                                        : feed_counted(exchange, input);
}

/* --- running it --- */

static bool only_reads(const struct exchange *exchange)
{
    const struct route *route = exchange->call.route;

    return exchange->request.method == HTTP_GET || exchange->request.method == HTTP_HEAD ||
           (route != NULL && route->body == BODY_QUERY);
}

/* A large response that finds no memory is thrown away and made again when there is some: the
 * request only read.  Requests that write have short answers, or ones that can't be made twice. */
static bool must_wait_for_memory(struct exchange *exchange)
{
    int64_t size = budget_share((int64_t)exchange->call.response.body.capacity);

    if (size <= HTTP_SMALL || exchange->response_memory > 0 || !only_reads(exchange))
        return false;
    exchange->response_memory = size;
    if (!budget_take(exchange->room->budget, size))
        return true;
    exchange->reserved += size;
    return false;
}

static void wait_for_memory(struct exchange *exchange)
{
    struct http_call *call = &exchange->call;

    drop_progress(call);
    buffer_clear(&call->response.body);
    http_reset_response(call);
    call->depends_on = 0;
    exchange->state = EXCHANGE_MEMORY;
}

static void finish(struct exchange *exchange)
{
    const struct http_call *call = &exchange->call;

    if (call->depends_on > store_committed(call->worker->services->store))
        exchange->state = EXCHANGE_HELD;
    else
        get_ready(exchange);
}

/* It is not known whether it will read a long record: then all of them wait. */
static bool must_wait_for_next_turn(const struct exchange *exchange)
{
    return only_reads(exchange) &&
           store_passing_bytes(exchange->room->worker->store_thread) > HTTP_PASSING_MAX;
}

void exchange_run(struct exchange *exchange)
{
    struct http_call *call = &exchange->call;
    enum http_progress progress = HTTP_DONE;

    exchange->is_parked = false;
    if (must_wait_for_next_turn(exchange))
        return;
    call->now_ms = exchange->room->now_ms;
    call->body_size = exchange->body_size;
    if (!exchange->is_answered)
        progress = call->route->run(call);
    if (progress == HTTP_PARKED)
        exchange->is_parked = true;
    else if (progress == HTTP_DONE && must_wait_for_memory(exchange))
        wait_for_memory(exchange);
    else if (progress == HTTP_DONE)
        finish(exchange);
}

void exchange_committed(struct exchange *exchange)
{
    get_ready(exchange);
}

void exchange_commit_failed(struct exchange *exchange)
{
    struct http_answer *answer = &exchange->call.answer;

    http_answer_reset(answer);
    dispatch_cannot_persist(exchange->call.worker->services->store, &answer->reply);
    http_refuse_error(&exchange->call, http_answer_text(answer, 0));
    get_ready(exchange);
}

void exchange_abort(struct exchange *exchange, enum http_refusal refusal)
{
    exchange->is_parked = false;
    exchange->closes = true;
    drop_body(exchange);
    http_refuse(&exchange->call, refusal, NULL);
    get_ready(exchange);
}
