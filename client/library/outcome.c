#include "library/outcome.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "library/memory.h"
#include "library/request.h"

/* What a `memory` of the public header is: a reply, and what was built around it. */
struct held {
    redisReply *reply;
    _Alignas(max_align_t) char space[];
};

static struct held *hold(redisReply *reply, size_t space)
{
    struct held *held = memory_take(sizeof *held + space);

    held->reply = reply;
    return held;
}

static void let_go(void *memory)
{
    struct held *held = memory;

    if (held == NULL)
        return;
    freeReplyObject(held->reply);
    free(held);
}

static const struct grapevine_bytes no_bytes = {"", 0};

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
}

/* The bytes of a reply; none, if it is nil. */
static bool read_bytes(const redisReply *reply, struct grapevine_bytes *bytes)
{
    if (reply == NULL || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_NIL))
        return false;
    *bytes = reply->type == REDIS_REPLY_NIL ? no_bytes
                                            : (struct grapevine_bytes){reply->str, reply->len};
    return true;
}

/* The value behind a name, in a map that came as an array; NULL if there is none. */
static const redisReply *map_find(const redisReply *map, const char *name)
{
    for (size_t i = 0; i + 1 < map->elements; i += 2)
        if (is_text(map->element[i]) && strcmp(map->element[i]->str, name) == 0)
            return map->element[i + 1];
    return NULL;
}

static bool read_version(const redisReply *reply, char version[GRAPEVINE_VERSION_SIZE])
{
    if (reply == NULL || reply->type != REDIS_REPLY_STRING ||
        reply->len != GRAPEVINE_VERSION_SIZE - 1)
        return false;
    memcpy(version, reply->str, GRAPEVINE_VERSION_SIZE);
    return true;
}

/* --- one reader for each kind of request: false if the reply is not of its shape --- */

static void fail(struct outcome *outcome, enum grapevine_error error)
{
    failure_say(&outcome->failure, error, "%s", grapevine_error_text(error));
}

static bool read_put(struct outcome *outcome, const struct request *request, redisReply *reply)
{
    (void)request;
    if (reply->type == REDIS_REPLY_NIL) {
        fail(outcome, GRAPEVINE_CONDITION);
        return true;
    }
    return read_version(reply, outcome->version);
}

static bool read_expiration(const redisReply *reply, int64_t *expires_at_ms)
{
    if (reply == NULL || (reply->type != REDIS_REPLY_INTEGER && reply->type != REDIS_REPLY_NIL))
        return false;
    *expires_at_ms = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
    return true;
}

static bool read_get(struct outcome *outcome, const struct request *request, redisReply *reply)
{
    struct grapevine_record *record = &outcome->record;

    (void)request;
    if (reply->type == REDIS_REPLY_NIL) {
        fail(outcome, GRAPEVINE_NOT_FOUND);
        return true;
    }
    return reply->type == REDIS_REPLY_ARRAY &&
           read_bytes(map_find(reply, "value"), &record->value) &&
           read_bytes(map_find(reply, "metadata"), &record->metadata) &&
           read_expiration(map_find(reply, "expiration"), &record->expires_at_ms) &&
           read_version(map_find(reply, "version"), record->version);
}

static bool read_meta(struct outcome *outcome, const struct request *request, redisReply *reply)
{
    (void)request;
    if (reply->type == REDIS_REPLY_NIL) {
        failure_say(&outcome->failure, GRAPEVINE_NOT_FOUND,
                    "there is no such key, or it has no metadata");
        return true;
    }
    outcome->record.value = no_bytes;
    return read_bytes(reply, &outcome->record.metadata);
}

static bool read_delete(struct outcome *outcome, const struct request *request, redisReply *reply)
{
    (void)request;
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < 0)
        return false;
    outcome->deleted = (uint64_t)reply->integer;
    return true;
}

/* A row is a key, or an array of it with what was asked for. */
static bool read_row(const struct request *request, const redisReply *from,
                     struct grapevine_row *row)
{
    size_t count = 1U + request->has_metadata + request->has_values;

    *row = (struct grapevine_row){no_bytes, no_bytes, no_bytes};
    if (count == 1)
        return read_bytes(from, &row->key);
    if (from->type != REDIS_REPLY_ARRAY || from->elements != count ||
        !read_bytes(from->element[0], &row->key))
        return false;
    return (!request->has_metadata || read_bytes(from->element[1], &row->metadata)) &&
           (!request->has_values || read_bytes(from->element[count - 1], &row->value));
}

static bool read_list(struct outcome *outcome, const struct request *request, redisReply *reply)
{
    const redisReply *keys, *is_last;
    struct grapevine_row *rows;

    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    keys = map_find(reply, "keys");
    is_last = map_find(reply, "list_complete");
    if (keys == NULL || keys->type != REDIS_REPLY_ARRAY || is_last == NULL ||
        is_last->type != REDIS_REPLY_INTEGER ||
        !read_bytes(map_find(reply, "cursor"), &outcome->page.cursor))
        return false;
    outcome->page.memory = hold(NULL, keys->elements * sizeof *rows);
    rows = (struct grapevine_row *)((struct held *)outcome->page.memory)->space;
    for (size_t i = 0; i < keys->elements; i++)
        if (!read_row(request, keys->element[i], &rows[i]))
            return false;
    outcome->page.rows = rows;
    outcome->page.row_count = keys->elements;
    outcome->page.is_last = is_last->integer != 0;
    return true;
}

/* --- any reply, as a tree --- */

static size_t count_below(const redisReply *reply)
{
    size_t count = 0;

    if (reply->type != REDIS_REPLY_ARRAY)
        return 0;
    for (size_t i = 0; i < reply->elements; i++)
        count += 1 + count_below(reply->element[i]);
    return count;
}

static enum grapevine_reply_type type_of(const redisReply *reply)
{
    switch (reply->type) {
    case REDIS_REPLY_INTEGER:
        return GRAPEVINE_REPLY_INTEGER;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        return GRAPEVINE_REPLY_BYTES;
    case REDIS_REPLY_ARRAY:
        return GRAPEVINE_REPLY_ARRAY;
    case REDIS_REPLY_ERROR:
        return GRAPEVINE_REPLY_ERROR;
    default:
        return GRAPEVINE_REPLY_NIL;
    }
}

/* Elements are laid out from *space on: those of one array side by side, what is below behind them.
 * hiredis reads no more than seven levels. */
static void build(struct grapevine_reply *to, const redisReply *from,
                  struct grapevine_reply **space)
{
    struct grapevine_reply *elements = *space;

    *to = (struct grapevine_reply){.type = type_of(from), .bytes = no_bytes};
    if (to->type == GRAPEVINE_REPLY_INTEGER)
        to->integer = from->integer;
    if (to->type == GRAPEVINE_REPLY_BYTES || to->type == GRAPEVINE_REPLY_ERROR)
        to->bytes = (struct grapevine_bytes){from->str, from->len};
    if (to->type != GRAPEVINE_REPLY_ARRAY)
        return;
    *space += from->elements;
    for (size_t i = 0; i < from->elements; i++)
        build(&elements[i], from->element[i], space);
    to->elements = elements;
    to->element_count = from->elements;
}

static bool read_command(struct outcome *outcome, const struct request *request, redisReply *reply)
{
    struct held *held = hold(NULL, count_below(reply) * sizeof(struct grapevine_reply));
    struct grapevine_reply *space = (struct grapevine_reply *)held->space;

    (void)request;
    build(&outcome->reply, reply, &space);
    outcome->reply.memory = held;
    return true;
}

/* --- all of them --- */

typedef bool reader(struct outcome *outcome, const struct request *request, redisReply *reply);

static reader *const readers[] = {
    [REQUEST_PUT] = read_put,       [REQUEST_GET] = read_get,   [REQUEST_META] = read_meta,
    [REQUEST_DELETE] = read_delete, [REQUEST_LIST] = read_list, [REQUEST_COMMAND] = read_command,
};

/* The reply goes to what refers to it; where nothing does, it is freed. */
static void hand_over(struct outcome *outcome, enum request_kind kind, redisReply *reply)
{
    if (outcome->failure.error != GRAPEVINE_OK || kind == REQUEST_PUT || kind == REQUEST_DELETE)
        freeReplyObject(reply);
    else if (kind == REQUEST_LIST)
        ((struct held *)outcome->page.memory)->reply = reply;
    else if (kind == REQUEST_COMMAND)
        ((struct held *)outcome->reply.memory)->reply = reply;
    else
        outcome->record.memory = hold(reply, 0);
}

void outcome_read(struct outcome *outcome, struct request *request, const char *server)
{
    redisReply *reply = request->reply;

    *outcome = (struct outcome){.is_there = true};
    if (!readers[request->kind](outcome, request, reply)) {
        outcome_clear(outcome);
        *outcome = (struct outcome){.is_there = true};
        failure_say(&outcome->failure,
                    request->repeat == GRAPEVINE_READS ? GRAPEVINE_PROTOCOL
                                                       : GRAPEVINE_OUTCOME_UNKNOWN,
                    "%s gave an answer that is not a Grapevine server's", server);
    }
    request->reply = NULL;
    hand_over(outcome, request->kind, reply);
}

void outcome_clear(struct outcome *outcome)
{
    grapevine_record_clear(&outcome->record);
    grapevine_page_clear(&outcome->page);
    grapevine_reply_clear(&outcome->reply);
}

void grapevine_record_clear(struct grapevine_record *record)
{
    let_go(record->memory);
    *record = (struct grapevine_record){0};
}

void grapevine_page_clear(struct grapevine_page *page)
{
    let_go(page->memory);
    *page = (struct grapevine_page){0};
}

void grapevine_reply_clear(struct grapevine_reply *reply)
{
    let_go(reply->memory);
    *reply = (struct grapevine_reply){0};
}
