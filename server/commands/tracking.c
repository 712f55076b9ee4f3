#include "commands/tracking.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/memory.h"
#include "base/name_table.h"
#include "base/wire.h"
#include "commands/acl_user.h"
#include "commands/dispatch.h"
#include "commands/table.h"

/* A session that tracks, or that messages are redirected to. */
struct member {
    struct name_node node; /* first; its name is the id */
    uint64_t id;
    struct session *session;
    struct tracker *tracker; /* NULL = it does not track */
    TAILQ_ENTRY(member) others;
};

/* The prefixes of one place hold there alone (K4). */
struct place {
    char id[NS_ID_SIZE]; /* of a named namespace; zeros = the numbered databases */
};

struct tracker {
    struct member *member;
    unsigned options;
    uint64_t redirect;
    TAILQ_HEAD(wish_list, wish) wishes;
    /* its own thread's */
    bool is_caching;
    struct place last_place; /* of the last command: its prefixes hold there */
};

/* A client wants to hear of a prefix. */
struct wish {
    struct prefix *prefix;
    struct tracker *tracker;
    TAILQ_ENTRY(wish) of_tracker;
    TAILQ_ENTRY(wish) of_prefix;
};

/* A key with a prefix, changed in the group at hand. */
struct changed {
    struct name_node node; /* first */
    uint64_t author;       /* 0 = several, or nobody here */
    TAILQ_ENTRY(changed) later;
    char key[];
};

struct prefix {
    struct name_node node; /* first; its name is the place and the prefix */
    TAILQ_HEAD(, wish) wishes;
    TAILQ_HEAD(changed_list, changed) changes;
    struct name_table changed_keys;
    TAILQ_ENTRY(prefix) others;
    char name[];
};

/* Who has read a key, the first and the last time since he was told of it: he saw all that was
 * published when the count of publications was so high. */
struct reader {
    uint64_t id, first_seen, last_seen;
};

/* A key that was read, and by whom. */
struct tracked {
    struct name_node node; /* first; its name is the namespace's id and the key */
    TAILQ_ENTRY(tracked) newer;
    struct reader *readers; /* by id */
    size_t count, capacity;
    char name[];
};

struct tracking {
    const struct options *options;
    pthread_mutex_t lock;
    struct name_table members_by_id, tracked_by_name, prefixes_by_name;
    TAILQ_HEAD(, member) members;
    TAILQ_HEAD(, tracked) tracked; /* the one remembered longest ago first */
    TAILQ_HEAD(, prefix) prefixes;
    struct tracking_counts counts;
    bool is_all_invalid; /* in the group at hand */
    struct buffer name;
};

struct tracking *tracking_create(const struct options *options)
{
    struct tracking *tracking = xcalloc(1, sizeof *tracking);

    tracking->options = options;
    (void)pthread_mutex_init(&tracking->lock, NULL);
    TAILQ_INIT(&tracking->members);
    TAILQ_INIT(&tracking->tracked);
    TAILQ_INIT(&tracking->prefixes);
    return tracking;
}

static void lock(struct tracking *tracking)
{
    (void)pthread_mutex_lock(&tracking->lock);
}

static void unlock(struct tracking *tracking)
{
    (void)pthread_mutex_unlock(&tracking->lock);
}

/* --- members --- */

static struct bytes name_of_id(const uint64_t *id)
{
    return (struct bytes){(const char *)id, sizeof *id};
}

static struct member *find_member(const struct tracking *tracking, uint64_t id)
{
    return (struct member *)name_table_find(&tracking->members_by_id, name_of_id(&id));
}

static struct member *find_or_add_member(struct tracking *tracking, struct session *session)
{
    struct member *member = find_member(tracking, session->id);

    if (member != NULL)
        return member;
    member = xcalloc(1, sizeof *member);
    member->id = session->id;
    member->session = session;
    member->node.name = name_of_id(&member->id);
    name_table_add(&tracking->members_by_id, &member->node);
    TAILQ_INSERT_TAIL(&tracking->members, member, others);
    atomic_store(&session->is_known_to_tracking, true);
    return member;
}

void tracking_add_target(struct tracking *tracking, struct session *session)
{
    lock(tracking);
    (void)find_or_add_member(tracking, session);
    unlock(tracking);
}

/* --- keys that were read --- */

static void forget_key(struct tracking *tracking, struct tracked *tracked)
{
    tracking->counts.keys--;
    tracking->counts.items -= (int64_t)tracked->count;
    name_table_remove(&tracking->tracked_by_name, &tracked->node);
    TAILQ_REMOVE(&tracking->tracked, tracked, newer);
    free(tracked->readers);
    free(tracked);
}

static void forget_all_keys(struct tracking *tracking)
{
    struct tracked *tracked;

    while ((tracked = TAILQ_FIRST(&tracking->tracked)) != NULL)
        forget_key(tracking, tracked);
    name_table_clear(&tracking->tracked_by_name);
}

static struct bytes tracked_name(struct tracking *tracking, const struct ns *ns, struct bytes key)
{
    tracking->name.size = 0;
    buffer_append(&tracking->name, ns->id, NS_ID_SIZE);
    buffer_append_bytes(&tracking->name, key);
    return buffer_view(&tracking->name);
}

static struct bytes key_of(const struct tracked *tracked)
{
    return (struct bytes){tracked->name + NS_ID_SIZE, tracked->node.name.size - NS_ID_SIZE};
}

static struct tracked *find_or_add_key(struct tracking *tracking, struct bytes name)
{
    struct tracked *tracked = (struct tracked *)name_table_find(&tracking->tracked_by_name, name);

    if (tracked != NULL)
        return tracked;
    tracked = xmalloc(sizeof *tracked + name.size);
    *tracked = (struct tracked){.count = 0};
    memcpy(tracked->name, name.data, name.size);
    tracked->node.name = (struct bytes){tracked->name, name.size};
    name_table_add(&tracking->tracked_by_name, &tracked->node);
    TAILQ_INSERT_TAIL(&tracking->tracked, tracked, newer);
    tracking->counts.keys++;
    return tracked;
}

/* Where the id is, or would be; newer clients have larger ones. */
static size_t place_of_id(const struct tracked *tracked, uint64_t id)
{
    size_t low = 0, high = tracked->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tracked->readers[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* NULL if the id is not at this place. */
static struct reader *reader_at(const struct tracked *tracked, size_t at, uint64_t id)
{
    return at < tracked->count && tracked->readers[at].id == id ? &tracked->readers[at] : NULL;
}

static void add_reader(struct tracking *tracking, struct tracked *tracked, uint64_t id,
                       uint64_t seen)
{
    size_t at = place_of_id(tracked, id);
    struct reader *reader = reader_at(tracked, at, id);

    if (reader != NULL) {
        if (seen < reader->first_seen)
            reader->first_seen = seen;
        reader->last_seen = seen;
        return;
    }
    if (tracked->count == tracked->capacity) {
        tracked->capacity = tracked->capacity == 0 ? 1 : 2 * tracked->capacity;
        tracked->readers =
            xrealloc(tracked->readers, tracked->capacity * sizeof tracked->readers[0]);
    }
    memmove(tracked->readers + at + 1, tracked->readers + at,
            (tracked->count - at) * sizeof tracked->readers[0]);
    tracked->readers[at] = (struct reader){id, seen, seen};
    tracked->count++;
    tracking->counts.items++;
}

/* --- messages --- */

/* The content of a message: keys, each behind its size; none at all = everything is invalid. */
static void pack_key(struct buffer *keys, struct bytes key)
{
    wire_put_u32(keys, (uint32_t)key.size);
    buffer_append_bytes(keys, key);
}

static void spell_keys(struct bytes keys, struct reply *reply)
{
    struct bytes rest = keys;
    size_t count = 0;

    while (rest.size > 0) {
        (void)wire_take(&rest, wire_take_u32(&rest));
        count++;
    }
    if (count == 0)
        reply_null(reply);
    else
        reply_array(reply, count);
    while (keys.size > 0)
        reply_bulk(reply, wire_take(&keys, wire_take_u32(&keys)));
}

/* RESP2 has no pushes. */
static void spell_invalidation(const struct session *session, struct bytes keys,
                               struct reply *reply)
{
    if (session->protocol < 3)
        return;
    reply_push(reply, 2);
    reply_text(reply, "invalidate");
    spell_keys(keys, reply);
}

/* Only who listens to channels can get something out of turn in RESP2. */
static void spell_redirected(const struct session *session, struct bytes keys, struct reply *reply)
{
    if (session->protocol >= 3) {
        spell_invalidation(session, keys, reply);
    } else if (session->is_subscriber) {
        reply_array(reply, 3);
        reply_text(reply, "message");
        reply_text(reply, "__redis__:invalidate");
        spell_keys(keys, reply);
    }
}

static void spell_broken(const struct session *session, struct bytes content, struct reply *reply)
{
    if (session->protocol < 3)
        return;
    reply_push(reply, 2);
    reply_text(reply, "tracking-redir-broken");
    reply_integer(reply, (int64_t)wire_take_u64(&content));
}

/* One message for several clients, made in the first's need. */
struct message {
    struct bytes keys;
    struct letter *direct, *redirected;
};

static void release_message(struct message *message)
{
    if (message->direct != NULL)
        letter_release(message->direct);
    if (message->redirected != NULL)
        letter_release(message->redirected);
}

static void tell_broken(const struct tracker *tracker)
{
    struct session *session = tracker->member->session;
    struct buffer content = {0};
    struct letter *letter;

    atomic_fetch_or(&session->shared_tracking, TRACKING_BROKEN);
    wire_put_u64(&content, tracker->redirect);
    letter = letter_create_own(spell_broken, buffer_view(&content));
    inbox_post(session, letter);
    letter_release(letter);
    buffer_clear(&content);
}

static void post(const struct tracking *tracking, const struct tracker *tracker,
                 struct message *message)
{
    const struct member *target = tracker->member;

    if (tracker->redirect == 0) {
        if (message->direct == NULL)
            message->direct = letter_create_own(spell_invalidation, message->keys);
        inbox_post(target->session, message->direct);
        return;
    }
    target = find_member(tracking, tracker->redirect);
    if (target == NULL) {
        tell_broken(tracker);
        return;
    }
    if (message->redirected == NULL)
        message->redirected = letter_create_own(spell_redirected, message->keys);
    inbox_post(target->session, message->redirected);
}

static bool is_own(const struct reader *reader, const struct tracker *tracker,
                   const struct news *news)
{
    return reader->id == news->author && (tracker->options & TRACKING_NOLOOP) != 0;
}

/* Tells those who have read the key before the change, and forgets those who have not read it
 * since. */
static void invalidate(struct tracking *tracking, struct tracked *tracked, const struct news *news)
{
    struct buffer keys = {0};
    struct message message;
    size_t kept = 0;

    pack_key(&keys, key_of(tracked));
    message = (struct message){.keys = buffer_view(&keys)};
    for (size_t i = 0; i < tracked->count; i++) {
        struct reader reader = tracked->readers[i];
        const struct member *member = find_member(tracking, reader.id);
        const struct tracker *tracker = member == NULL ? NULL : member->tracker;

        if (tracker == NULL || (tracker->options & TRACKING_BCAST) != 0)
            continue;
        if (reader.first_seen <= news->publication && !is_own(&reader, tracker, news)) {
            post(tracking, tracker, &message);
            if (reader.last_seen <= news->publication)
                continue;
            reader.first_seen = reader.last_seen;
        }
        tracked->readers[kept++] = reader;
    }
    release_message(&message);
    buffer_clear(&keys);
    tracking->counts.items -= (int64_t)(tracked->count - kept);
    tracked->count = kept;
    if (kept == 0)
        forget_key(tracking, tracked);
}

/* With the lock held. */
static void trim(struct tracking *tracking)
{
    int64_t max = options_number(tracking->options, OPTION_TRACKING_TABLE_MAX_KEYS);
    const struct news forgotten = {.publication = UINT64_MAX};

    while (max > 0 && tracking->counts.keys > max)
        invalidate(tracking, TAILQ_FIRST(&tracking->tracked), &forgotten);
}

void tracking_trim(struct tracking *tracking)
{
    lock(tracking);
    trim(tracking);
    unlock(tracking);
}

/* --- prefixes --- */

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
static struct place place_for(const struct session *session, const struct ns *ns)
{
    bool is_tied = session->user != NULL && session->user->namespace_title.data != NULL;

    return is_tied ? place_of_one(ns) : place_of(ns);
}

static bool is_at(const struct prefix *prefix, const struct place *place)
{
    return memcmp(prefix->name, place->id, NS_ID_SIZE) == 0;
}

static struct bytes text_of(const struct prefix *prefix)
{
    return (struct bytes){prefix->name + NS_ID_SIZE, prefix->node.name.size - NS_ID_SIZE};
}

static struct prefix *find_or_add_prefix(struct tracking *tracking, const struct place *place,
                                         struct bytes text)
{
    struct buffer *name = &tracking->name;
    struct prefix *prefix;

    name->size = 0;
    buffer_append(name, place->id, NS_ID_SIZE);
    buffer_append_bytes(name, text);
    prefix = (struct prefix *)name_table_find(&tracking->prefixes_by_name, buffer_view(name));
    if (prefix != NULL)
        return prefix;
    prefix = xmalloc(sizeof *prefix + name->size);
    *prefix = (struct prefix){.node = {.name = {prefix->name, name->size}}};
    memcpy(prefix->name, name->data, name->size);
    TAILQ_INIT(&prefix->wishes);
    TAILQ_INIT(&prefix->changes);
    name_table_add(&tracking->prefixes_by_name, &prefix->node);
    TAILQ_INSERT_TAIL(&tracking->prefixes, prefix, others);
    tracking->counts.prefixes++;
    return prefix;
}

static void forget_changes(struct prefix *prefix)
{
    struct changed *changed;

    while ((changed = TAILQ_FIRST(&prefix->changes)) != NULL) {
        TAILQ_REMOVE(&prefix->changes, changed, later);
        free(changed);
    }
    name_table_clear(&prefix->changed_keys);
}

static void drop_prefix(struct tracking *tracking, struct prefix *prefix)
{
    name_table_remove(&tracking->prefixes_by_name, &prefix->node);
    TAILQ_REMOVE(&tracking->prefixes, prefix, others);
    tracking->counts.prefixes--;
    forget_changes(prefix);
    free(prefix);
}

static void add_wish(struct tracking *tracking, struct tracker *tracker, const struct place *place,
                     struct bytes text)
{
    struct prefix *prefix = find_or_add_prefix(tracking, place, text);
    struct wish *wish;

    TAILQ_FOREACH(wish, &tracker->wishes, of_tracker)
    {
        if (wish->prefix == prefix)
            return;
    }
    wish = xcalloc(1, sizeof *wish);
    wish->prefix = prefix;
    wish->tracker = tracker;
    TAILQ_INSERT_TAIL(&tracker->wishes, wish, of_tracker);
    TAILQ_INSERT_TAIL(&prefix->wishes, wish, of_prefix);
}

static void drop_wishes(struct tracking *tracking, struct tracker *tracker)
{
    struct wish *wish;

    while ((wish = TAILQ_FIRST(&tracker->wishes)) != NULL) {
        struct prefix *prefix = wish->prefix;

        TAILQ_REMOVE(&tracker->wishes, wish, of_tracker);
        TAILQ_REMOVE(&prefix->wishes, wish, of_prefix);
        if (TAILQ_EMPTY(&prefix->wishes))
            drop_prefix(tracking, prefix);
        free(wish);
    }
}

/* All that the client wishes somewhere it wishes here, too. */
static void spread_wishes(struct tracking *tracking, struct tracker *tracker,
                          const struct place *place)
{
    struct wish *last = TAILQ_LAST(&tracker->wishes, wish_list), *wish = NULL;

    while (wish != last) {
        wish = wish == NULL ? TAILQ_FIRST(&tracker->wishes) : TAILQ_NEXT(wish, of_tracker);
        add_wish(tracking, tracker, place, text_of(wish->prefix));
    }
}

void tracking_each_prefix(struct tracking *tracking, const struct session *session,
                          void (*each)(void *context, struct bytes prefix), void *context)
{
    const struct tracker *tracker = session->tracker;
    const struct wish *wish, *first;

    if (tracker == NULL)
        return;
    lock(tracking);
    first = TAILQ_FIRST(&tracker->wishes);
    TAILQ_FOREACH(wish, &tracker->wishes, of_tracker)
    {
        if (memcmp(wish->prefix->name, first->prefix->name, NS_ID_SIZE) == 0)
            each(context, text_of(wish->prefix));
    }
    unlock(tracking);
}

struct overlap {
    struct bytes prefix, found;
};

static void look_for_overlap(void *context, struct bytes prefix)
{
    struct overlap *overlap = context;

    if (bytes_starts_with(prefix, overlap->prefix) || bytes_starts_with(overlap->prefix, prefix))
        overlap->found = prefix;
}

/* It stays as long as the session tracks, whose own thread this is. */
struct bytes tracking_overlap(struct tracking *tracking, const struct session *session,
                              struct bytes prefix)
{
    struct overlap overlap = {prefix, {NULL, 0}};

    tracking_each_prefix(tracking, session, look_for_overlap, &overlap);
    return overlap.found;
}

/* --- a session's life --- */

/* With the lock held. */
static struct tracker *add_tracker(struct tracking *tracking, struct session *session)
{
    struct tracker *tracker = xcalloc(1, sizeof *tracker);

    tracker->member = find_or_add_member(tracking, session);
    tracker->member->tracker = tracker;
    TAILQ_INIT(&tracker->wishes);
    tracking->counts.clients++;
    return tracker;
}

static void wish_for_all(struct tracking *tracking, struct tracker *tracker,
                         const struct tracking_request *request)
{
    if (request->prefix_count == 0)
        add_wish(tracking, tracker, &tracker->last_place, bytes_of(""));
    for (size_t i = 0; i < request->prefix_count; i++)
        add_wish(tracking, tracker, &tracker->last_place, request->prefixes[i]);
}

void tracking_start(struct call *call, const struct tracking_request *request)
{
    struct services *services = call_services(call);
    struct tracking *tracking = services->tracking;
    struct session *session = call->session;
    struct place here = place_for(session, dispatch_selected(call->worker, session));

    lock(tracking);
    if (session->tracker == NULL) {
        session->tracker = add_tracker(tracking, session);
        store_listen(services->store, 1);
    }
    session->tracker->options = request->options;
    session->tracker->redirect = request->redirect;
    session->tracker->is_caching = false;
    if ((request->options & TRACKING_BCAST) != 0) {
        spread_wishes(tracking, session->tracker, &here);
        session->tracker->last_place = here;
        wish_for_all(tracking, session->tracker, request);
    }
    atomic_store(&session->shared_tracking, TRACKING_ON | request->options);
    atomic_store(&session->shared_redirect, request->redirect);
    unlock(tracking);
    store_settle(services->store);
}

void tracking_stop(struct services *services, struct session *session)
{
    struct tracking *tracking = services->tracking;
    struct tracker *tracker = session->tracker;

    if (tracker == NULL)
        return;
    lock(tracking);
    drop_wishes(tracking, tracker);
    tracker->member->tracker = NULL;
    if (--tracking->counts.clients == 0)
        forget_all_keys(tracking);
    atomic_store(&session->shared_tracking, 0);
    unlock(tracking);
    session->tracker = NULL;
    free(tracker);
    store_listen(services->store, -1);
}

void tracking_forget(struct services *services, struct session *session)
{
    struct tracking *tracking = services->tracking;
    struct member *member;

    tracking_stop(services, session);
    if (!atomic_load(&session->is_known_to_tracking))
        return;
    lock(tracking);
    member = find_member(tracking, session->id);
    name_table_remove(&tracking->members_by_id, &member->node);
    TAILQ_REMOVE(&tracking->members, member, others);
    unlock(tracking);
    free(member);
}

void tracking_destroy(struct tracking *tracking)
{
    if (tracking == NULL)
        return;
    assert(TAILQ_EMPTY(&tracking->members) && TAILQ_EMPTY(&tracking->prefixes));
    forget_all_keys(tracking);
    name_table_clear(&tracking->members_by_id);
    name_table_clear(&tracking->prefixes_by_name);
    buffer_clear(&tracking->name);
    (void)pthread_mutex_destroy(&tracking->lock);
    free(tracking);
}

/* --- its commands --- */

void tracking_set_caching(struct session *session)
{
    session->tracker->is_caching = true;
}

bool tracking_is_caching(const struct session *session)
{
    return session->tracker != NULL && session->tracker->is_caching;
}

/* Inside EXEC a read sees what the transaction has changed, which will be the next publication. */
static uint64_t seen_of(const struct call *call, struct bytes key)
{
    uint64_t count = store_publications(call_services(call)->store);

    return call->txn != NULL && txn_has_changed(call->txn, call->ns, key) ? count + 2 : count;
}

static void remember_key(void *context, size_t index)
{
    const struct call *call = context;
    struct tracking *tracking = call_services(call)->tracking;
    struct bytes key = call->argv[index], name = tracked_name(tracking, call->ns, key);

    add_reader(tracking, find_or_add_key(tracking, name), call->session->id, seen_of(call, key));
}

/* Inside EXEC: what was read in it is about to change once more. */
static void revoke_key(void *context, size_t index)
{
    const struct call *call = context;
    struct tracking *tracking = call_services(call)->tracking;
    struct bytes name = tracked_name(tracking, call->ns, call->argv[index]);
    struct tracked *tracked = (struct tracked *)name_table_find(&tracking->tracked_by_name, name);

    if (tracked != NULL &&
        reader_at(tracked, place_of_id(tracked, call->session->id), call->session->id) != NULL)
        add_reader(tracking, tracked, call->session->id,
                   store_publications(call_services(call)->store));
}

/* OPTIN: only behind CLIENT CACHING YES; OPTOUT: unless behind CLIENT CACHING NO. */
static bool is_to_be_remembered(const struct tracker *tracker)
{
    if ((tracker->options & TRACKING_OPTIN) != 0)
        return tracker->is_caching;
    return (tracker->options & TRACKING_OPTOUT) == 0 || !tracker->is_caching;
}

static void follow(struct tracking *tracking, struct tracker *tracker, const struct ns *ns)
{
    struct place place = place_for(tracker->member->session, ns);

    if (memcmp(&place, &tracker->last_place, sizeof place) == 0)
        return;
    tracker->last_place = place;
    lock(tracking);
    spread_wishes(tracking, tracker, &place);
    unlock(tracking);
}

void tracking_begin_command(struct call *call)
{
    struct tracking *tracking = call_services(call)->tracking;
    struct tracker *tracker = call->session->tracker;
    bool reads = (call->command->flags & CMD_READONLY) != 0;

    if ((tracker->options & TRACKING_BCAST) != 0) {
        if (reads)
            follow(tracking, tracker, call->ns);
        return;
    }
    if (reads ? !is_to_be_remembered(tracker) : !call->is_in_exec)
        return;
    lock(tracking);
    (void)command_each_key(call->command, call->argc, reads ? remember_key : revoke_key, call);
    trim(tracking);
    unlock(tracking);
}

void tracking_end_command(const struct call *call)
{
    const struct command *container = call->command == NULL ? NULL : call->command->container;

    if (!call->session->is_multi && (container == NULL || strcmp(container->name, "client") != 0))
        call->session->tracker->is_caching = false;
}

void tracking_count(struct tracking *tracking, struct tracking_counts *counts)
{
    lock(tracking);
    *counts = tracking->counts;
    unlock(tracking);
}

/* --- the commit thread --- */

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

static void note_in_prefixes(struct tracking *tracking, const struct news *news)
{
    struct place place = place_of(news->ns), one = place_of_one(news->ns);
    struct prefix *prefix;

    TAILQ_FOREACH(prefix, &tracking->prefixes, others)
    {
        if ((is_at(prefix, &place) || is_at(prefix, &one)) &&
            bytes_starts_with(news->key, text_of(prefix)))
            note_change(prefix, news->key, news->author);
    }
}

static void tell_of_key(struct tracking *tracking, const struct news *news)
{
    struct tracked *tracked = (struct tracked *)name_table_find(
        &tracking->tracked_by_name, tracked_name(tracking, news->ns, news->key));

    if (tracked != NULL)
        invalidate(tracking, tracked, news);
    note_in_prefixes(tracking, news);
}

static bool is_anybody_there(struct tracking *tracking)
{
    return tracking->counts.clients > 0;
}

void tracking_tell(struct tracking *tracking, const struct news *news)
{
    lock(tracking);
    if (is_anybody_there(tracking)) {
        switch (news->kind) {
        case NEWS_PUT:
        case NEWS_DELETED:
        case NEWS_EXPIRED:
            tell_of_key(tracking, news);
            break;
        case NEWS_EMPTIED:
        case NEWS_SWAPPED:
        case NEWS_LOADED:
            tracking->is_all_invalid = true;
            forget_all_keys(tracking);
            break;
        case NEWS_REMARK:
            break;
        }
    }
    unlock(tracking);
}

static void tell_all(struct tracking *tracking)
{
    struct message message = {.keys = {"", 0}};
    const struct member *member;

    TAILQ_FOREACH(member, &tracking->members, others)
    {
        if (member->tracker != NULL)
            post(tracking, member->tracker, &message);
    }
    release_message(&message);
}

/* But for the author's own. */
static void pack_changes(const struct prefix *prefix, uint64_t author, struct buffer *keys)
{
    const struct changed *changed;

    keys->size = 0;
    TAILQ_FOREACH(changed, &prefix->changes, later)
    {
        if (author == 0 || changed->author != author)
            pack_key(keys, changed->node.name);
    }
}

static void tell_without_own(struct tracking *tracking, const struct prefix *prefix,
                             const struct tracker *tracker)
{
    struct buffer keys = {0};
    struct message message;

    pack_changes(prefix, tracker->member->id, &keys);
    message = (struct message){.keys = buffer_view(&keys)};
    if (keys.size > 0)
        post(tracking, tracker, &message);
    release_message(&message);
    buffer_clear(&keys);
}

static void tell_of_prefix(struct tracking *tracking, struct prefix *prefix)
{
    struct buffer keys = {0};
    struct message message;
    const struct wish *wish;

    pack_changes(prefix, 0, &keys);
    message = (struct message){.keys = buffer_view(&keys)};
    TAILQ_FOREACH(wish, &prefix->wishes, of_prefix)
    {
        if ((wish->tracker->options & TRACKING_NOLOOP) != 0)
            tell_without_own(tracking, prefix, wish->tracker);
        else
            post(tracking, wish->tracker, &message);
    }
    release_message(&message);
    buffer_clear(&keys);
    forget_changes(prefix);
}

void tracking_let_go(struct tracking *tracking)
{
    lock(tracking);
    forget_all_keys(tracking);
    tell_all(tracking);
    unlock(tracking);
}

void tracking_end_group(struct tracking *tracking)
{
    struct prefix *prefix;

    lock(tracking);
    if (tracking->is_all_invalid)
        tell_all(tracking);
    tracking->is_all_invalid = false;
    TAILQ_FOREACH(prefix, &tracking->prefixes, others)
    {
        if (!TAILQ_EMPTY(&prefix->changes))
            tell_of_prefix(tracking, prefix);
    }
    unlock(tracking);
}
