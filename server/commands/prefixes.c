#include "commands/prefixes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "commands/acl_user.h"

void prefixes_init(struct prefixes *prefixes)
{
    TAILQ_INIT(&prefixes->all);
}

void prefixes_clear(struct prefixes *prefixes)
{
    name_table_clear(&prefixes->by_name);
    buffer_clear(&prefixes->name);
}

/* --- places --- */

static struct place place_of_one(const struct ns *ns)
{
    struct place place;

    memcpy(place.id, ns->id, NS_ID_SIZE);
    return place;
}

static struct place place_of(const struct ns *ns)
{
    if (atomic_load_explicit(&ns->database, memory_order_relaxed) < 0)
        return place_of_one(ns);
    return (struct place){{0}};
}

/* Who is tied to one database hears of no other. */
struct place prefixes_place(const struct session *session, const struct ns *ns)
{
    bool is_tied = session->user != NULL && session->user->namespace_title.data != NULL;

    return is_tied ? place_of_one(ns) : place_of(ns);
}

static bool is_at(const struct prefix *prefix, const struct place *place)
{
    return memcmp(prefix->name, place->id, NS_ID_SIZE) == 0;
}

struct bytes prefix_text(const struct prefix *prefix)
{
    return (struct bytes){prefix->name + NS_ID_SIZE, prefix->node.name.size - NS_ID_SIZE};
}

/* --- prefixes and wishes --- */

static struct prefix *find_or_add(struct prefixes *prefixes, const struct place *place,
                                  struct bytes text)
{
    struct buffer *name = &prefixes->name;
    struct prefix *prefix;

    name->size = 0;
    buffer_append(name, place->id, NS_ID_SIZE);
    buffer_append_bytes(name, text);
    prefix = (struct prefix *)name_table_find(&prefixes->by_name, buffer_view(name));
    if (prefix != NULL)
        return prefix;
    prefix = xmalloc(sizeof *prefix + name->size);
    *prefix = (struct prefix){.node = {.name = {prefix->name, name->size}}};
    memcpy(prefix->name, name->data, name->size);
    TAILQ_INIT(&prefix->wishes);
    TAILQ_INIT(&prefix->changes);
    name_table_add(&prefixes->by_name, &prefix->node);
    TAILQ_INSERT_TAIL(&prefixes->all, prefix, others);
    prefixes->count++;
    return prefix;
}

static void drop(struct prefixes *prefixes, struct prefix *prefix)
{
    name_table_remove(&prefixes->by_name, &prefix->node);
    TAILQ_REMOVE(&prefixes->all, prefix, others);
    prefixes->count--;
    prefix_forget_changes(prefix);
    free(prefix);
}

void prefixes_wish(struct prefixes *prefixes, struct wish_list *wishes, struct tracker *tracker,
                   const struct place *place, struct bytes text)
{
    struct prefix *prefix = find_or_add(prefixes, place, text);
    struct wish *wish;

    TAILQ_FOREACH(wish, wishes, of_tracker)
    {
        if (wish->prefix == prefix)
            return;
    }
    wish = xcalloc(1, sizeof *wish);
    wish->prefix = prefix;
    wish->tracker = tracker;
    TAILQ_INSERT_TAIL(wishes, wish, of_tracker);
    TAILQ_INSERT_TAIL(&prefix->wishes, wish, of_prefix);
}

void prefixes_drop(struct prefixes *prefixes, struct wish_list *wishes)
{
    struct wish *wish;

    while ((wish = TAILQ_FIRST(wishes)) != NULL) {
        struct prefix *prefix = wish->prefix;

        TAILQ_REMOVE(wishes, wish, of_tracker);
        TAILQ_REMOVE(&prefix->wishes, wish, of_prefix);
        if (TAILQ_EMPTY(&prefix->wishes))
            drop(prefixes, prefix);
        free(wish);
    }
}

void prefixes_spread(struct prefixes *prefixes, struct wish_list *wishes, struct tracker *tracker,
                     const struct place *place)
{
    struct wish *last = TAILQ_LAST(wishes, wish_list), *wish = NULL;

    while (wish != last) {
        wish = wish == NULL ? TAILQ_FIRST(wishes) : TAILQ_NEXT(wish, of_tracker);
        prefixes_wish(prefixes, wishes, tracker, place, prefix_text(wish->prefix));
    }
}

/* --- changes --- */

void prefix_forget_changes(struct prefix *prefix)
{
    struct changed *changed;

    while ((changed = TAILQ_FIRST(&prefix->changes)) != NULL) {
        TAILQ_REMOVE(&prefix->changes, changed, later);
        free(changed);
    }
    name_table_clear(&prefix->changed_keys);
}

static void note_change(struct prefix *prefix, struct bytes key, uint64_t author)
{
    struct changed *changed = (struct changed *)name_table_find(&prefix->changed_keys, key);

    if (changed != NULL) {
        if (changed->author != author)
            changed->author = 0;
        return;
    }
    changed = xmalloc(sizeof *changed + key.size);
    *changed = (struct changed){.node = {.name = {changed->key, key.size}}, .author = author};
    if (key.size > 0)
        memcpy(changed->key, key.data, key.size);
    name_table_add(&prefix->changed_keys, &changed->node);
    TAILQ_INSERT_TAIL(&prefix->changes, changed, later);
}

void prefixes_note(struct prefixes *prefixes, const struct news *news)
{
    struct place place = place_of(news->ns), one = place_of_one(news->ns);
    struct prefix *prefix;

    TAILQ_FOREACH(prefix, &prefixes->all, others)
    {
        if ((is_at(prefix, &place) || is_at(prefix, &one)) &&
            bytes_starts_with(news->key, prefix_text(prefix)))
            note_change(prefix, news->key, news->author);
    }
}
