/* rest_bulk.c - many keys in one request over REST.
 *
 * B1  Nothing is applied before all of the body was read and every item found right: syntax, types,
 *     names, sizes, base64, metadata, expirations.
 * B2  A key is written once a request, as its last item says (bulk_names.h), and counted once.
 * B3  A key that is refused then goes to unsuccessful_keys and the rest goes on: that is what the
 *     write rate is to a bulk write, and the client sends these keys again.  Another reason than
 *     the rate stands among the messages.  But if none was written before, a full namespace or a
 *     full disk refuses the request as a whole; and so does, at any time, a namespace that is
 *     deleted meanwhile, or an error that no retry will heal.
 * B4  After KEYS_A_TURN keys or BYTES_A_TURN bytes of the body other clients have their turn.
 *
 * The body is read twice, item by item, and never built as a tree: what is kept between is a hash
 * for each key.
 */
#include <stdlib.h>

#include "base/json_text.h"
#include "base/memory.h"
#include "http/bulk_get.h"
#include "http/bulk_item.h"
#include "http/bulk_names.h"
#include "http/envelope.h"
#include "http/rest.h"
#include "store/entry.h"

#define ITEMS_MAX    10000
#define KEYS_A_TURN  256
#define BYTES_A_TURN ((size_t)1024 * 1024)

struct bulk;

struct bulk_kind {
    bool (*read)(struct bulk_item *item, struct json_reader *reader, const struct bulk_rules *rules,
                 struct fault *fault);
    enum http_progress (*apply)(struct http_call *call, const struct bulk_item *item);
};

/* A request between its turns. */
struct bulk {
    const struct bulk_kind *kind;
    struct bulk_rules rules;
    struct json_reader reader;
    size_t index; /* of the item that comes next */
    struct bulk_item item;
    struct bulk_names names;
    bool is_checked;
    size_t written_count;
    struct buffer refused; /* "a","b" */
    struct buffer reason;  /* the first one other than the rate */
};

/* --- its life --- */

static void destroy(void *progress)
{
    struct bulk *bulk = progress;

    bulk_item_clear(&bulk->item);
    bulk_names_clear(&bulk->names);
    buffer_clear(&bulk->refused);
    buffer_clear(&bulk->reason);
    free(bulk);
}

static bool refuse_body(struct http_call *call)
{
    http_refuse(call, REFUSE_BAD_REQUEST, "the body must be a JSON array of at most %d items",
                ITEMS_MAX);
    return false;
}

/* In front of the first item. */
static bool rewind_to_start(struct http_call *call, struct bulk *bulk)
{
    struct bytes body;

    bulk->index = 0;
    if (!http_body(call, &body))
        return false;
    json_reader_init(&bulk->reader, body);
    return json_reader_enter(&bulk->reader, JSON_IS_ARRAY) || refuse_body(call);
}

static struct bulk *create(struct http_call *call, const struct bulk_kind *kind)
{
    struct bulk *bulk = xcalloc(1, sizeof *bulk);

    bulk->kind = kind;
    bulk->rules = (struct bulk_rules){
        .key_size_max = http_limit(call, LIMIT_KEY_SIZE),
        .value_size_max = http_limit(call, LIMIT_VALUE_SIZE),
        .metadata_size_max = http_limit(call, LIMIT_METADATA_SIZE),
        .now_ms = call->now_ms,
    };
    bulk_names_init(&bulk->names);
    call->progress = bulk;
    call->free_progress = destroy;
    return bulk;
}

/* Has the turn been long enough? */
static bool is_turn_over(const struct bulk *bulk, size_t index, size_t at)
{
    return bulk->index - index >= KEYS_A_TURN || bulk->reader.at - at >= BYTES_A_TURN;
}

/* --- checking (B1) --- */

static enum http_progress refuse_item(struct http_call *call, const struct bulk *bulk,
                                      const struct fault *fault)
{
    http_refuse(call, fault->refusal, "item %zu: %s", bulk->index, fault->text);
    return HTTP_DONE;
}

static enum http_progress finish_checking(struct http_call *call, struct bulk *bulk)
{
    if (!json_reader_at_end(&bulk->reader)) {
        (void)refuse_body(call);
        return HTTP_DONE;
    }
    bulk_names_settle(&bulk->names);
    bulk->is_checked = true;
    return rewind_to_start(call, bulk) ? HTTP_AGAIN : HTTP_DONE;
}

/* DONE with a refusal, else AGAIN. */
static enum http_progress check(struct http_call *call, struct bulk *bulk)
{
    size_t index = bulk->index, at = bulk->reader.at;
    struct fault fault;

    while (json_reader_next_element(&bulk->reader)) {
        if (bulk->index == ITEMS_MAX) {
            (void)refuse_body(call);
            return HTTP_DONE;
        }
        if (!bulk->kind->read(&bulk->item, &bulk->reader, &bulk->rules, &fault))
            return refuse_item(call, bulk, &fault);
        bulk_names_add(&bulk->names, buffer_view(&bulk->item.key));
        bulk->index++;
        if (is_turn_over(bulk, index, at))
            return HTTP_AGAIN;
    }
    return finish_checking(call, bulk);
}

/* --- applying --- */

/* B3: does this refusal end the request? */
static bool is_final(const struct bulk *bulk, struct bytes error)
{
    if (http_error_is(error, "RATELIMIT"))
        return false;
    return http_error_is(error, "ERR") || (bulk->written_count == 0 && bulk->refused.size == 0);
}

static void note_refused(struct bulk *bulk, struct bytes error)
{
    if (bulk->refused.size > 0)
        buffer_append_byte(&bulk->refused, ',');
    json_text_string(&bulk->refused, buffer_view(&bulk->item.key));
    if (bulk->reason.size == 0 && !http_error_is(error, "RATELIMIT"))
        buffer_append_bytes(&bulk->reason, error);
}

/* False: the request has ended with a refusal. */
static bool note_answer(struct http_call *call, struct bulk *bulk)
{
    struct bytes error = http_answer_text(&call->answer, 0);

    if (http_answer_kind(&call->answer, 0) != ANSWER_ERROR) {
        bulk->written_count++;
        return true;
    }
    if (is_final(bulk, error)) {
        http_refuse_error(call, error);
        return false;
    }
    note_refused(bulk, error);
    return true;
}

static enum http_progress answer(struct http_call *call, const struct bulk *bulk)
{
    struct buffer *out = envelope_open(call);

    buffer_printf(out, "{\"successful_key_count\":%zu,\"unsuccessful_keys\":[",
                  bulk->written_count);
    buffer_append_bytes(out, buffer_view(&bulk->refused));
    buffer_append_text(out, "]}");
    if (bulk->reason.size == 0)
        return envelope_close(call);
    return envelope_close_with_message(call, buffer_view(&bulk->reason));
}

/* The item that comes next; PARKED stays in front of it. */
static enum http_progress apply_next(struct http_call *call, struct bulk *bulk, bool *goes_on)
{
    struct json_reader before = bulk->reader;
    struct fault fault;
    bool is_read = bulk->kind->read(&bulk->item, &bulk->reader, &bulk->rules, &fault);

    *goes_on = true;
    if (!is_read) { /* it was right when it was checked, by the same rules */
        *goes_on = false;
        return refuse_item(call, bulk, &fault);
    }
    if (bulk_names_is_last(&bulk->names, bulk->index)) {
        if (bulk->kind->apply(call, &bulk->item) == HTTP_PARKED) {
            bulk->reader = before;
            return HTTP_PARKED;
        }
        *goes_on = note_answer(call, bulk);
    }
    bulk->index++;
    return HTTP_DONE;
}

static enum http_progress apply(struct http_call *call, struct bulk *bulk)
{
    size_t index = bulk->index, at = bulk->reader.at;
    struct json_reader before = bulk->reader;

    while (json_reader_next_element(&bulk->reader)) {
        bool goes_on;

        if (apply_next(call, bulk, &goes_on) == HTTP_PARKED) {
            bulk->reader = before;
            return HTTP_PARKED;
        }
        if (!goes_on)
            return HTTP_DONE;
        if (is_turn_over(bulk, index, at))
            return HTTP_AGAIN;
        before = bulk->reader;
    }
    return answer(call, bulk);
}

static enum http_progress run(struct http_call *call, const struct bulk_kind *kind)
{
    struct bulk *bulk = call->progress;

    if (bulk == NULL) {
        bulk = create(call, kind);
        if (!rewind_to_start(call, bulk))
            return HTTP_DONE;
    }
    return bulk->is_checked ? apply(call, bulk) : check(call, bulk);
}

/* --- the endpoints --- */

static enum http_progress apply_write(struct http_call *call, const struct bulk_item *item)
{
    char number[INT64_TEXT_MAX];
    struct bytes argv[7] = {bytes_of("kv.put"), buffer_view(&item->key), buffer_view(&item->value)};
    size_t argc = 3;

    if (item->expiry_ms != EXPIRY_NONE) {
        argv[argc++] = bytes_of("pxat");
        argv[argc++] = (struct bytes){number, int64_to_text(item->expiry_ms, number)};
    }
    if (item->metadata.size > 0) {
        argv[argc++] = bytes_of("meta");
        argv[argc++] = buffer_view(&item->metadata);
    }
    return http_command(call, argv, argc);
}

static enum http_progress apply_delete(struct http_call *call, const struct bulk_item *item)
{
    const struct bytes argv[] = {bytes_of("del"), buffer_view(&item->key)};

    return http_command(call, argv, COUNT_OF(argv));
}

static enum http_progress bulk_write(struct http_call *call)
{
    static const struct bulk_kind kind = {bulk_item_read_pair, apply_write};

    return run(call, &kind);
}

static enum http_progress bulk_delete(struct http_call *call)
{
    static const struct bulk_kind kind = {bulk_item_read_name, apply_delete};

    return run(call, &kind);
}

static enum http_progress bulk_read(struct http_call *call)
{
    struct buffer *out = envelope_open(call);
    enum http_progress progress;

    buffer_append_text(out, "{\"values\":");
    progress = bulk_get(call, true, out);
    if (progress != HTTP_DONE || call->response.status != 200)
        return progress;
    buffer_append_byte(out, '}');
    return envelope_close(call);
}

/* clang-format off */
const struct route rest_bulk_routes[] = {
    {HTTP_PUT,    DOOR_REST, REST_NAMESPACE "/bulk",        BODY_BULK, "bulk put",         bulk_write},
    {HTTP_DELETE, DOOR_REST, REST_NAMESPACE "/bulk",        BODY_BULK, "bulk remove keys", bulk_delete},
    {HTTP_POST,   DOOR_REST, REST_NAMESPACE "/bulk/delete", BODY_BULK, "bulk remove keys", bulk_delete},
    {HTTP_POST,   DOOR_REST, REST_NAMESPACE "/bulk/get",    BODY_QUERY, "bulk get keys",    bulk_read},
    {.path = NULL},
};
/* clang-format on */
