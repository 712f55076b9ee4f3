#include "commands/tracking.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/memory.h"
#include "base/name_table.h"
#include "commands/dispatch.h"
#include "commands/invalidation.h"
#include "commands/prefixes.h"
#include "commands/readers.h"
#include "commands/table.h"

/* A session that tracks, or that messages are redirected to. */
struct member {
    struct name_node node; /* first; its name is the id */
    uint64_t id;
    struct session *session;
    struct tracker *tracker; /* NULL = it does not track */
    TAILQ_ENTRY(member) others;
};

struct tracker {
    struct member *member;
    unsigned options;
    uint64_t redirect;
    struct wish_list wishes;
    /* its own thread's */
    bool is_caching;
    struct place last_place; /* of the last command: its prefixes hold there */
};

struct tracking {
    const struct options *options;
    pthread_mutex_t lock;
    struct name_table members_by_id;
    TAILQ_HEAD(, member) members;
    struct readers readers;
    struct prefixes prefixes;
    int64_t client_count;
    bool is_all_invalid; /* in the group at hand */
    struct buffer name;
};

struct tracking *tracking_create(const struct options *options)
{
    struct tracking *tracking = xcalloc(1, sizeof *tracking);

    tracking->options = options;
    (void)pthread_mutex_init(&tracking->lock, NULL);
    TAILQ_INIT(&tracking->members);
    readers_init(&tracking->readers);
    prefixes_init(&tracking->prefixes);
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

static struct bytes name_of_key(struct tracking *tracking, const struct ns *ns, struct bytes key)
{
    tracking->name.size = 0;
    buffer_append(&tracking->name, ns->id, NS_ID_SIZE);
    buffer_append_bytes(&tracking->name, key);
    return buffer_view(&tracking->name);
}

static void post(const struct tracking *tracking, const struct tracker *tracker,
                 struct invalidation *invalidation)
{
    struct session *session = tracker->member->session;
    const struct member *target;

    if (tracker->redirect == 0) {
        invalidation_post(invalidation, session, false);
        return;
    }
    target = find_member(tracking, tracker->redirect);
    if (target != NULL) {
        invalidation_post(invalidation, target->session, true);
        return;
    }
    atomic_fetch_or(&session->shared_tracking, TRACKING_BROKEN);
    invalidation_post_broken(session, tracker->redirect);
}

static bool is_own(const struct reader *reader, const struct tracker *tracker,
                   const struct news *news)
{
    return reader->id == news->author && (tracker->options & TRACKING_NOLOOP) != 0;
}

struct telling {
    const struct tracking *tracking;
    const struct news *news;
    struct invalidation invalidation;
};

/* Who has read the key before the change is told, and forgotten if he has not read it since. */
static bool tell_reader(void *context, struct reader *reader)
{
    struct telling *telling = context;
    const struct news *news = telling->news;
    const struct member *member = find_member(telling->tracking, reader->id);
    const struct tracker *tracker = member == NULL ? NULL : member->tracker;

    if (tracker == NULL || (tracker->options & TRACKING_BCAST) != 0)
        return false;
    if (reader->first_seen > news->publication || is_own(reader, tracker, news))
        return true;
    post(telling->tracking, tracker, &telling->invalidation);
    reader->first_seen = reader->last_seen;
    return reader->last_seen > news->publication;
}

static void invalidate(struct tracking *tracking, struct read_key *key, const struct news *news)
{
    struct telling telling = {.tracking = tracking, .news = news};
    struct bytes name = read_key_name(key);
    struct buffer keys = {0};

    invalidation_pack(&keys, (struct bytes){name.data + NS_ID_SIZE, name.size - NS_ID_SIZE});
    telling.invalidation.keys = buffer_view(&keys);
    readers_sift(&tracking->readers, key, tell_reader, &telling);
    invalidation_release(&telling.invalidation);
    buffer_clear(&keys);
}

/* With the lock held. */
static void trim(struct tracking *tracking)
{
    int64_t max = options_number(tracking->options, OPTION_TRACKING_TABLE_MAX_KEYS);
    const struct news forgotten = {.publication = UINT64_MAX};

    while (max > 0 && tracking->readers.key_count > max)
        invalidate(tracking, readers_oldest(&tracking->readers), &forgotten);
}

void tracking_trim(struct tracking *tracking)
{
    lock(tracking);
    trim(tracking);
    unlock(tracking);
}

/* --- prefixes --- */

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
            each(context, prefix_text(wish->prefix));
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
    tracking->client_count++;
    return tracker;
}

static void wish_for_all(struct tracking *tracking, struct tracker *tracker,
                         const struct tracking_request *request)
{
    if (request->prefix_count == 0)
        prefixes_wish(&tracking->prefixes, &tracker->wishes, tracker, &tracker->last_place,
                      bytes_of(""));
    for (size_t i = 0; i < request->prefix_count; i++)
        prefixes_wish(&tracking->prefixes, &tracker->wishes, tracker, &tracker->last_place,
                      request->prefixes[i]);
}

void tracking_start(struct call *call, const struct tracking_request *request)
{
    struct services *services = call_services(call);
    struct tracking *tracking = services->tracking;
    struct session *session = call->session;
    struct place here = prefixes_place(session, dispatch_selected(call->worker, session));

    lock(tracking);
    if (session->tracker == NULL) {
        session->tracker = add_tracker(tracking, session);
        store_listen(services->store, 1);
    }
    session->tracker->options = request->options;
    session->tracker->redirect = request->redirect;
    session->tracker->is_caching = false;
    if ((request->options & TRACKING_BCAST) != 0) {
        prefixes_spread(&tracking->prefixes, &session->tracker->wishes, session->tracker, &here);
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
    prefixes_drop(&tracking->prefixes, &tracker->wishes);
    tracker->member->tracker = NULL;
    if (--tracking->client_count == 0)
        readers_clear(&tracking->readers);
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
    assert(TAILQ_EMPTY(&tracking->members) && tracking->prefixes.count == 0);
    readers_clear(&tracking->readers);
    name_table_clear(&tracking->members_by_id);
    prefixes_clear(&tracking->prefixes);
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
    struct bytes key = call->argv[index], name = name_of_key(tracking, call->ns, key);

    readers_add(&tracking->readers, name, call->session->id, seen_of(call, key));
}

/* Inside EXEC: what was read in it is about to change once more. */
static void revoke_key(void *context, size_t index)
{
    const struct call *call = context;
    struct tracking *tracking = call_services(call)->tracking;
    struct bytes name = name_of_key(tracking, call->ns, call->argv[index]);
    const struct read_key *read = readers_find(&tracking->readers, name);

    if (read != NULL && read_key_has(read, call->session->id))
        readers_add(&tracking->readers, name, call->session->id,
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
    struct place place = prefixes_place(tracker->member->session, ns);

    if (memcmp(&place, &tracker->last_place, sizeof place) == 0)
        return;
    tracker->last_place = place;
    lock(tracking);
    prefixes_spread(&tracking->prefixes, &tracker->wishes, tracker, &place);
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
    *counts = (struct tracking_counts){.clients = tracking->client_count,
                                       .keys = tracking->readers.key_count,
                                       .items = tracking->readers.reader_count,
                                       .prefixes = tracking->prefixes.count};
    unlock(tracking);
}

/* --- the commit thread --- */

static void tell_of_key(struct tracking *tracking, const struct news *news)
{
    struct read_key *key =
        readers_find(&tracking->readers, name_of_key(tracking, news->ns, news->key));

    if (key != NULL)
        invalidate(tracking, key, news);
    prefixes_note(&tracking->prefixes, news);
}

static bool is_anybody_there(struct tracking *tracking)
{
    return tracking->client_count > 0;
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
            readers_clear(&tracking->readers);
            break;
        case NEWS_REMARK:
            break;
        }
    }
    unlock(tracking);
}

static void tell_all(struct tracking *tracking)
{
    struct invalidation invalidation = {.keys = {"", 0}};
    const struct member *member;

    TAILQ_FOREACH(member, &tracking->members, others)
    {
        if (member->tracker != NULL)
            post(tracking, member->tracker, &invalidation);
    }
    invalidation_release(&invalidation);
}

/* But for the author's own. */
static void pack_changes(const struct prefix *prefix, uint64_t author, struct buffer *keys)
{
    const struct changed *changed;

    keys->size = 0;
    TAILQ_FOREACH(changed, &prefix->changes, later)
    {
        if (author == 0 || changed->author != author)
            invalidation_pack(keys, changed->node.name);
    }
}

static void tell_without_own(struct tracking *tracking, const struct prefix *prefix,
                             const struct tracker *tracker)
{
    struct buffer keys = {0};
    struct invalidation invalidation;

    pack_changes(prefix, tracker->member->id, &keys);
    invalidation = (struct invalidation){.keys = buffer_view(&keys)};
    if (keys.size > 0)
        post(tracking, tracker, &invalidation);
    invalidation_release(&invalidation);
    buffer_clear(&keys);
}

static void tell_of_prefix(struct tracking *tracking, struct prefix *prefix)
{
    struct buffer keys = {0};
    struct invalidation invalidation;
    const struct wish *wish;

    pack_changes(prefix, 0, &keys);
    invalidation = (struct invalidation){.keys = buffer_view(&keys)};
    TAILQ_FOREACH(wish, &prefix->wishes, of_prefix)
    {
        if ((wish->tracker->options & TRACKING_NOLOOP) != 0)
            tell_without_own(tracking, prefix, wish->tracker);
        else
            post(tracking, wish->tracker, &invalidation);
    }
    invalidation_release(&invalidation);
    buffer_clear(&keys);
    prefix_forget_changes(prefix);
}

void tracking_let_go(struct tracking *tracking)
{
    lock(tracking);
    readers_clear(&tracking->readers);
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
    TAILQ_FOREACH(prefix, &tracking->prefixes.all, others)
    {
        if (!TAILQ_EMPTY(&prefix->changes))
            tell_of_prefix(tracking, prefix);
    }
    unlock(tracking);
}
