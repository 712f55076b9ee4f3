/* namespaces.c - NAMESPACE in words of C; on top of the public header alone. */
#include <stdlib.h>

#include "grapevine.h"
#include "library/client.h"
#include "library/memory.h"

#define WORDS_MAX 5

/* Sends NAMESPACE with these words, up to the first NULL. */
static enum grapevine_error ask(struct grapevine *client, enum grapevine_repeat repeat,
                                const char *const *rest, struct grapevine_reply *reply)
{
    struct grapevine_bytes words[WORDS_MAX] = {grapevine_text("NAMESPACE")};
    size_t count = 1;

    for (; rest[count - 1] != NULL; count++)
        words[count] = grapevine_text(rest[count - 1]);
    return grapevine_command(client, words, count, repeat, reply);
}

#define ASK(client, repeat, reply, ...)                                                            \
    ask(client, repeat, (const char *const[WORDS_MAX]){__VA_ARGS__}, reply)

/* For replies that say no more than OK. */
static enum grapevine_error only(enum grapevine_error error, struct grapevine_reply *reply)
{
    if (error == GRAPEVINE_OK)
        grapevine_reply_clear(reply);
    return error;
}

static enum grapevine_error fail_shape(struct grapevine *client, struct grapevine_reply *reply)
{
    struct failure failure;

    grapevine_reply_clear(reply);
    failure_say(&failure, GRAPEVINE_PROTOCOL, "%s", grapevine_error_text(GRAPEVINE_PROTOCOL));
    return client_fail(client, &failure);
}

enum grapevine_error grapevine_namespace_create(struct grapevine *client, const char *title)
{
    struct grapevine_reply reply;

    return only(ASK(client, GRAPEVINE_WRITES_ONCE, &reply, "CREATE", title), &reply);
}

enum grapevine_error grapevine_namespace_rename(struct grapevine *client, const char *title,
                                                const char *new_title)
{
    struct grapevine_reply reply;

    return only(ASK(client, GRAPEVINE_WRITES_ONCE, &reply, "RENAME", title, new_title), &reply);
}

enum grapevine_error grapevine_namespace_delete(struct grapevine *client, const char *title)
{
    struct grapevine_reply reply;

    return only(ASK(client, GRAPEVINE_WRITES_ONCE, &reply, "DELETE", title), &reply);
}

enum grapevine_error grapevine_namespace_set(struct grapevine *client, const char *title,
                                             const char *limit, const char *value)
{
    struct grapevine_reply reply;

    return only(ASK(client, GRAPEVINE_WRITES, &reply, "SET", title, limit, value), &reply);
}

enum grapevine_error grapevine_namespace_get(struct grapevine *client, const char *title,
                                             const char *limit, int64_t *value)
{
    struct grapevine_reply reply;
    enum grapevine_error error;

    error = ASK(client, GRAPEVINE_READS, &reply, "GET", title, limit);
    if (error != GRAPEVINE_OK)
        return error;
    if (reply.type != GRAPEVINE_REPLY_INTEGER)
        return fail_shape(client, &reply);
    *value = reply.integer;
    grapevine_reply_clear(&reply);
    return GRAPEVINE_OK;
}

/* --- those whose answers are built of a reply, which lives on behind them --- */

struct built {
    struct grapevine_reply reply;
    _Alignas(max_align_t) char space[];
};

static struct built *build(const struct grapevine_reply *reply, size_t space)
{
    struct built *built = memory_take(sizeof *built + space);

    built->reply = *reply;
    return built;
}

static void free_built(void *memory)
{
    struct built *built = memory;

    if (built == NULL)
        return;
    grapevine_reply_clear(&built->reply);
    free(built);
}

static bool are_all(const struct grapevine_reply *array, enum grapevine_reply_type type)
{
    if (array->type != GRAPEVINE_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < array->element_count; i++)
        if (array->elements[i].type != type)
            return false;
    return true;
}

enum grapevine_error grapevine_namespace_list(struct grapevine *client,
                                              struct grapevine_titles *titles)
{
    struct grapevine_bytes *list;
    struct grapevine_reply reply;
    enum grapevine_error error;
    struct built *built;

    error = ASK(client, GRAPEVINE_READS, &reply, "LIST");
    if (error != GRAPEVINE_OK)
        return error;
    if (!are_all(&reply, GRAPEVINE_REPLY_BYTES))
        return fail_shape(client, &reply);
    built = build(&reply, reply.element_count * sizeof *list);
    list = (struct grapevine_bytes *)built->space;
    for (size_t i = 0; i < reply.element_count; i++)
        list[i] = reply.elements[i].bytes;
    *titles = (struct grapevine_titles){list, reply.element_count, built};
    return GRAPEVINE_OK;
}

void grapevine_titles_clear(struct grapevine_titles *titles)
{
    free_built(titles->memory);
    *titles = (struct grapevine_titles){0};
}

/* The value behind a name, if it is of that type; NULL if not. */
static const struct grapevine_reply *find(const struct grapevine_reply *map, const char *name,
                                          enum grapevine_reply_type type)
{
    for (size_t i = 0; i + 1 < map->element_count; i += 2)
        if (map->elements[i].type == GRAPEVINE_REPLY_BYTES &&
            strcmp(map->elements[i].bytes.data, name) == 0 && map->elements[i + 1].type == type)
            return &map->elements[i + 1];
    return NULL;
}

/* Names and values in turn; false if they are not. */
static bool read_limits(const struct grapevine_reply *map, struct grapevine_limit *limits)
{
    for (size_t i = 0; i + 1 < map->element_count; i += 2) {
        if (map->elements[i].type != GRAPEVINE_REPLY_BYTES ||
            map->elements[i + 1].type != GRAPEVINE_REPLY_INTEGER)
            return false;
        *limits++ =
            (struct grapevine_limit){map->elements[i].bytes.data, map->elements[i + 1].integer};
    }
    return true;
}

static bool read_namespace(struct built *built, struct grapevine_namespace *ns)
{
    const struct grapevine_reply *reply = &built->reply;
    const struct grapevine_reply *id = find(reply, "id", GRAPEVINE_REPLY_BYTES);
    const struct grapevine_reply *title = find(reply, "title", GRAPEVINE_REPLY_BYTES);
    const struct grapevine_reply *keys = find(reply, "keys", GRAPEVINE_REPLY_INTEGER);
    const struct grapevine_reply *bytes = find(reply, "bytes", GRAPEVINE_REPLY_INTEGER);
    const struct grapevine_reply *limits = find(reply, "limits", GRAPEVINE_REPLY_ARRAY);
    struct grapevine_limit *list = (struct grapevine_limit *)built->space;

    if (id == NULL || title == NULL || keys == NULL || bytes == NULL || limits == NULL ||
        !read_limits(limits, list))
        return false;
    *ns = (struct grapevine_namespace){
        .id = id->bytes.data,
        .title = title->bytes,
        .keys = keys->integer,
        .bytes = bytes->integer,
        .limits = list,
        .limit_count = limits->element_count / 2,
        .memory = built,
    };
    return true;
}

enum grapevine_error grapevine_namespace_info(struct grapevine *client, const char *title,
                                              struct grapevine_namespace *ns)
{
    const struct grapevine_reply *limits;
    struct grapevine_reply reply;
    enum grapevine_error error;
    struct built *built;

    error = ASK(client, GRAPEVINE_READS, &reply, "INFO", title);
    if (error != GRAPEVINE_OK)
        return error;
    limits = find(&reply, "limits", GRAPEVINE_REPLY_ARRAY);
    built = build(&reply, (limits != NULL ? limits->element_count / 2 : 0) *
                              sizeof(struct grapevine_limit));
    if (read_namespace(built, ns))
        return GRAPEVINE_OK;
    free(built);
    return fail_shape(client, &reply);
}

void grapevine_namespace_clear(struct grapevine_namespace *ns)
{
    free_built(ns->memory);
    *ns = (struct grapevine_namespace){0};
}
