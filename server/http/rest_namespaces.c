/* rest_namespaces.c - namespaces over REST: list, create, get, rename, delete.
 *
 * REST knows them by id, commands by title.  A rename or delete goes with IFID: should the title be
 * another namespace's by the time the command runs, nothing happens, and the request is tried again
 * with the title that holds then.
 */
#include <stdlib.h>

#include "base/json_reader.h"
#include "base/json_text.h"
#include "base/memory.h"
#include "http/envelope.h"
#include "http/rest.h"

#define PER_PAGE_USUAL 20
#define PER_PAGE_MAX   1000
#define PAGE_MAX       INT32_MAX
#define ID_TEXT_SIZE   ((size_t)2 * NS_ID_SIZE)

/* --- writing one --- */

static void append_namespace(struct buffer *out, struct bytes id, struct bytes title)
{
    buffer_append_text(out, "{\"id\":");
    json_text_string(out, id);
    buffer_append_text(out, ",\"title\":");
    json_text_any(out, title);
    buffer_append_text(out, ",\"supports_url_encoding\":true}");
}

static struct bytes id_of(const struct ns *ns, char text[ID_TEXT_SIZE])
{
    for (size_t i = 0; i < NS_ID_SIZE; i++) {
        text[2 * i] = "0123456789abcdef"[ns->id[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[ns->id[i] & 15];
    }
    return (struct bytes){text, ID_TEXT_SIZE};
}

static enum http_progress answer_namespace(struct http_call *call, const struct ns *ns)
{
    char id[ID_TEXT_SIZE];
    char *title = ns_take_title(rest_registry(call), ns);

    rest_depend_on_registry(call);
    append_namespace(envelope_open(call), id_of(ns, id), bytes_of(title));
    free(title);
    return envelope_close(call);
}

/* --- list --- */

struct listing {
    int64_t page, per_page;
    bool is_by_id, is_descending;
};

struct listed {
    struct bytes title, id;
};

/* One of two words of the query. */
static bool read_choice(struct http_call *call, const char *name, const char *usual,
                        const char *other, enum http_refusal refusal, bool *is_other)
{
    struct buffer text = {0};
    bool is_given, is_right;

    is_right = http_parameter(call, name, &text, &is_given);
    if (is_right && is_given) {
        *is_other = bytes_is_word(buffer_view(&text), other);
        is_right = *is_other || bytes_is_word(buffer_view(&text), usual);
        if (!is_right)
            http_refuse(call, refusal, NULL);
    }
    buffer_clear(&text);
    return is_right;
}

static bool read_listing(struct http_call *call, struct listing *listing)
{
    *listing = (struct listing){.page = 1, .per_page = PER_PAGE_USUAL};
    return rest_number(call, "page", 1, PAGE_MAX, REFUSE_PAGE, &listing->page) &&
           rest_number(call, "per_page", 1, PER_PAGE_MAX, REFUSE_PER_PAGE, &listing->per_page) &&
           read_choice(call, "order", "title", "id", REFUSE_ORDER, &listing->is_by_id) &&
           read_choice(call, "direction", "asc", "desc", REFUSE_DIRECTION, &listing->is_descending);
}

static int by_title(const void *left, const void *right)
{
    const struct listed *a = left, *b = right;

    return bytes_compare(a->title, b->title);
}

static int by_id(const void *left, const void *right)
{
    const struct listed *a = left, *b = right;

    return bytes_compare(a->id, b->id);
}

/* NAMESPACE LIST WITHIDS: [0] ARRAY of [1] ARRAY 2 [2] title [3] id … */
static struct listed *take_all(const struct http_answer *answer, size_t *count)
{
    struct listed *all;

    *count = answer->values[0].count;
    all = xcalloc(*count + 1, sizeof *all);
    for (size_t i = 0; i < *count; i++)
        all[i] = (struct listed){http_answer_text(answer, 3 * i + 2),
                                 http_answer_text(answer, 3 * i + 3)};
    return all;
}

static size_t append_page(struct buffer *out, const struct listing *listing,
                          const struct listed *all, size_t count)
{
    uint64_t from = (uint64_t)(listing->page - 1) * (uint64_t)listing->per_page;
    uint64_t to = from + (uint64_t)listing->per_page;

    if (from > count)
        from = count;
    if (to > count)
        to = count;
    buffer_append_byte(out, '[');
    for (size_t i = from; i < to; i++) {
        const struct listed *row = &all[listing->is_descending ? count - 1 - i : i];

        if (i > from)
            buffer_append_byte(out, ',');
        append_namespace(out, row->id, row->title);
    }
    buffer_append_byte(out, ']');
    return to - from;
}

static enum http_progress answer_listing(struct http_call *call, const struct listing *listing)
{
    size_t count, on_page;
    struct listed *all = take_all(&call->answer, &count);
    uint64_t pages = (count + (uint64_t)listing->per_page - 1) / (uint64_t)listing->per_page;

    qsort(all, count, sizeof *all, listing->is_by_id ? by_id : by_title);
    on_page = append_page(envelope_open(call), listing, all, count);
    free(all);
    return envelope_close_with_info(call,
                                    "\"page\":%lld,\"per_page\":%lld,\"count\":%zu,"
                                    "\"total_count\":%zu,\"total_pages\":%llu",
                                    (long long)listing->page, (long long)listing->per_page, on_page,
                                    count, (unsigned long long)pages);
}

static enum http_progress list_namespaces(struct http_call *call)
{
    const struct bytes argv[] = {bytes_of("namespace"), bytes_of("list"), bytes_of("withids")};
    struct listing listing;

    if (!read_listing(call, &listing))
        return HTTP_DONE;
    if (http_command(call, argv, COUNT_OF(argv)) == HTTP_PARKED)
        return HTTP_PARKED;
    return http_command_refused(call) ? HTTP_DONE : answer_listing(call, &listing);
}

/* --- create, get, rename, delete --- */

/* The member "title" of the body; of several the last. */
static bool take_title(struct json_reader *reader, struct buffer *title, bool *is_string)
{
    struct buffer name = {0};
    bool is_right = json_reader_enter(reader, JSON_IS_OBJECT);
    struct bytes raw;

    while (is_right && json_reader_next_member(reader, &name)) {
        if (!bytes_equal(buffer_view(&name), bytes_of("title"))) {
            is_right = json_reader_skip(reader, &raw);
            continue;
        }
        title->size = 0;
        *is_string =
            json_reader_peek(reader) == JSON_IS_STRING || json_reader_peek(reader) == JSON_IS_NULL;
        is_right = json_reader_peek(reader) == JSON_IS_STRING
                       ? json_reader_take_string(reader, title)
                       : json_reader_skip(reader, &raw);
    }
    buffer_clear(&name);
    return is_right && json_reader_at_end(reader);
}

static bool read_title(struct http_call *call, struct buffer *title)
{
    struct json_reader reader;
    bool is_string = true;
    struct bytes body;

    if (!http_body(call, &body))
        return false;
    json_reader_init(&reader, body);
    if (!take_title(&reader, title, &is_string))
        http_refuse(call, REFUSE_BAD_REQUEST, "the body must be a JSON object with a title");
    else if (!is_string)
        http_refuse(call, REFUSE_TITLE_INVALID, NULL);
    else if (title->size == 0)
        http_refuse(call, REFUSE_TITLE_MISSING, NULL);
    else
        return true;
    return false;
}

/* What the command has just created; unless somebody has renamed or deleted it since. */
static enum http_progress answer_created(struct http_call *call, struct bytes title)
{
    struct ns *ns;

    if (registry_find(rest_registry(call), title, &ns) != STATUS_OK) {
        http_refuse(call, REFUSE_NO_NAMESPACE, NULL);
        return HTTP_DONE;
    }
    (void)answer_namespace(call, ns);
    ns_release(ns);
    return HTTP_DONE;
}

static enum http_progress create_namespace(struct http_call *call)
{
    struct buffer title = {0};
    enum http_progress progress = HTTP_DONE;

    if (read_title(call, &title)) {
        const struct bytes argv[] = {bytes_of("namespace"), bytes_of("create"),
                                     buffer_view(&title)};

        progress = http_command(call, argv, COUNT_OF(argv));
        if (progress == HTTP_DONE && !http_command_refused(call))
            progress = answer_created(call, buffer_view(&title));
    }
    buffer_clear(&title);
    return progress;
}

static enum http_progress get_namespace(struct http_call *call)
{
    return answer_namespace(call, call->ns);
}

/* NAMESPACE <change> <title of the call's namespace> [new title] IFID <its id>.  AGAIN if it has
 * another title now, DONE with call->response.status 200 if it was done. */
static enum http_progress change(struct http_call *call, const char *word,
                                 const struct bytes *new_title)
{
    char id[ID_TEXT_SIZE];
    char *title = ns_take_title(rest_registry(call), call->ns);
    struct bytes argv[6] = {bytes_of("namespace"), bytes_of(word), bytes_of(title)};
    size_t argc = 3;
    enum http_progress progress;

    if (new_title != NULL)
        argv[argc++] = *new_title;
    argv[argc++] = bytes_of("ifid");
    argv[argc++] = id_of(call->ns, id);
    progress = http_command(call, argv, argc);
    free(title);
    if (progress == HTTP_DONE && http_command_refused(call) && call->response.status == 404 &&
        !atomic_load(&call->ns->is_dropped)) {
        http_reset_response(call);
        return HTTP_AGAIN;
    }
    return progress;
}

static enum http_progress rename_namespace(struct http_call *call)
{
    struct buffer title = {0};
    enum http_progress progress = HTTP_DONE;

    if (read_title(call, &title)) {
        struct bytes new_title = buffer_view(&title);

        progress = change(call, "rename", &new_title);
        if (progress == HTTP_DONE && call->response.status == 200)
            progress = answer_namespace(call, call->ns);
    }
    buffer_clear(&title);
    return progress;
}

static enum http_progress delete_namespace(struct http_call *call)
{
    enum http_progress progress = change(call, "delete", NULL);

    if (progress != HTTP_DONE || call->response.status != 200)
        return progress;
    return envelope_nothing(call);
}

/* clang-format off */
const struct route rest_namespace_routes[] = {
    {HTTP_GET,    DOOR_REST, REST_NAMESPACES, BODY_UNUSED, "list namespaces",  list_namespaces},
    {HTTP_POST,   DOOR_REST, REST_NAMESPACES, BODY_JSON,   "create namespace", create_namespace},
    {HTTP_GET,    DOOR_REST, REST_NAMESPACE,  BODY_UNUSED, "get namespace",    get_namespace},
    {HTTP_PUT,    DOOR_REST, REST_NAMESPACE,  BODY_JSON,   "rename namespace", rename_namespace},
    {HTTP_DELETE, DOOR_REST, REST_NAMESPACE,  BODY_UNUSED, "remove namespace", delete_namespace},
    {.path = NULL},
};
/* clang-format on */
