#include "commands/watch.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/wire.h"
#include "commands/dispatch.h"
#include "commands/pubsub.h"
#include "replication/version.h"
#include "store/replica.h"
#include "store/scan.h"

/* So many keys are listed in a turn: other clients of the same event loop wait for it. */
#define LISTED_IN_TURN_MAX 500

/* "<recording>-<number>", in hex. */
#define TOKEN_SIZE (16 + 1 + 16)

enum event { EVENT_PUT, EVENT_DELETE, EVENT_EXPIRE, EVENT_EMPTY };

static const char *const words[] = {
    [EVENT_PUT] = "put",
    [EVENT_DELETE] = "delete",
    [EVENT_EXPIRE] = "expire",
    [EVENT_EMPTY] = "empty",
};

struct watcher {
    struct session *session;
    struct ns *ns; /* retained */
    int database;  /* -1 = the named namespace */
    struct buffer prefix;
    TAILQ_ENTRY(watcher) others;
    atomic_bool must_begin_anew; /* set by the commit thread */
    /* its own thread's */
    bool is_listing, has_begun;
    bool is_stuck;              /* the store can't be read for the moment */
    struct buffer listed_to;    /* where the listing goes on */
    uint64_t recording, number; /* the token of what was delivered last */
};

/* What was told, for those who come back. */
struct kept {
    TAILQ_ENTRY(kept) later;
    uint64_t number;
    struct letter *letter;
    size_t bytes;
    unsigned char ns[NS_ID_SIZE];
};

struct watch {
    struct services *services;
    pthread_mutex_t lock;
    TAILQ_HEAD(, watcher) watchers;
    TAILQ_HEAD(, kept) kept;
    size_t kept_bytes;
    bool is_recording;
    uint64_t recording; /* tokens of another one say nothing */
    uint64_t number;    /* of the last change */
    uint64_t first;     /* all changes behind this number are kept */
    int64_t left_at_ms; /* when the last watcher left */
};

struct watch *watch_create(struct services *services)
{
    struct watch *watch = xcalloc(1, sizeof *watch);

    watch->services = services;
    (void)pthread_mutex_init(&watch->lock, NULL);
    TAILQ_INIT(&watch->watchers);
    TAILQ_INIT(&watch->kept);
    return watch;
}

static void lock(struct watch *watch)
{
    (void)pthread_mutex_lock(&watch->lock);
}

static void unlock(struct watch *watch)
{
    (void)pthread_mutex_unlock(&watch->lock);
}

/* --- what is kept --- */

static void drop_oldest(struct watch *watch)
{
    struct kept *kept = TAILQ_FIRST(&watch->kept);

    TAILQ_REMOVE(&watch->kept, kept, later);
    watch->kept_bytes -= kept->bytes;
    watch->first = kept->number;
    letter_release(kept->letter);
    free(kept);
}

static void drop_all(struct watch *watch)
{
    while (!TAILQ_EMPTY(&watch->kept))
        drop_oldest(watch);
}

/* Under a new name: no token of before is known. */
static void begin_recording(struct watch *watch)
{
    drop_all(watch);
    random_bytes(&watch->recording, sizeof watch->recording);
    watch->number = watch->first = 0;
}

/* Takes the letter over. */
static void keep(struct watch *watch, const struct ns *ns, struct letter *letter)
{
    struct kept *kept = xcalloc(1, sizeof *kept);

    kept->number = watch->number;
    kept->letter = letter;
    kept->bytes = sizeof *kept + letter_content(letter).size;
    memcpy(kept->ns, ns->id, NS_ID_SIZE);
    TAILQ_INSERT_TAIL(&watch->kept, kept, later);
    watch->kept_bytes += kept->bytes;
    while (watch->kept_bytes > WATCH_KEPT_BYTES_MAX)
        drop_oldest(watch);
}

void watch_destroy(struct watch *watch)
{
    if (watch == NULL)
        return;
    assert(TAILQ_EMPTY(&watch->watchers));
    drop_all(watch);
    (void)pthread_mutex_destroy(&watch->lock);
    free(watch);
}

/* --- tokens --- */

static void write_token(uint64_t recording, uint64_t number, char text[TOKEN_SIZE + 1])
{
    (void)snprintf(text, TOKEN_SIZE + 1, "%016llx-%016llx", (unsigned long long)recording,
                   (unsigned long long)number);
}

static bool read_token(struct bytes token, uint64_t *recording, uint64_t *number)
{
    unsigned long long parts[2];
    char text[TOKEN_SIZE + 1], again[TOKEN_SIZE + 1];

    if (token.size != TOKEN_SIZE)
        return false;
    memcpy(text, token.data, TOKEN_SIZE);
    text[TOKEN_SIZE] = '\0';
    if (sscanf(text, "%16llx-%16llx", &parts[0], &parts[1]) != 2)
        return false;
    write_token(parts[0], parts[1], again);
    *recording = parts[0];
    *number = parts[1];
    return strcmp(text, again) == 0;
}

/* --- messages --- */

/* `key` and `version` may be {NULL, 0}: nil. */
static void say(struct reply *reply, const char *event, struct bytes key, struct bytes version,
                const char *token)
{
    reply_push(reply, 5);
    reply_text(reply, "kv.watch");
    reply_text(reply, event);
    if (key.data == NULL)
        reply_null(reply);
    else
        reply_bulk(reply, key);
    if (version.data == NULL)
        reply_null(reply);
    else
        reply_bulk(reply, version);
    if (token == NULL)
        reply_null(reply);
    else
        reply_text(reply, token);
}

static const struct bytes nil = {NULL, 0};

static void say_state(struct reply *reply, const char *event, const struct watcher *watcher)
{
    char token[TOKEN_SIZE + 1];

    write_token(watcher->recording, watcher->number, token);
    say(reply, event, nil, nil, token);
}

/* The content: recording, number, event, version, key. */
static void spell_change(const struct session *session, struct bytes content, struct reply *reply)
{
    struct watcher *watcher = session->watcher;
    uint64_t recording = wire_take_u64(&content), number = wire_take_u64(&content);
    enum event event = (enum event)wire_take_u8(&content);
    struct bytes version = wire_take(&content, VERSION_TEXT_SIZE);
    char token[TOKEN_SIZE + 1];

    if (watcher == NULL || watcher->recording != recording || number <= watcher->number)
        return; /* it watches no more, or is about to begin anew, or has listed it */
    watcher->number = number;
    write_token(recording, number, token);
    if (event == EVENT_EMPTY)
        say(reply, words[event], nil, nil, watcher->is_listing ? NULL : token);
    else
        say(reply, words[event], content, version, watcher->is_listing ? NULL : token);
}

static struct letter *letter_of(const struct watch *watch, enum event event,
                                const struct news *news)
{
    char version[VERSION_TEXT_SIZE];
    struct buffer content = {0};
    struct letter *letter;

    version_to_text(news->stamp, store_node_of_alias(watch->services->store, news->origin),
                    version);
    wire_put_u64(&content, watch->recording);
    wire_put_u64(&content, watch->number);
    buffer_append_byte(&content, (char)event);
    buffer_append(&content, version, sizeof version);
    buffer_append_bytes(&content, news->key);
    letter = letter_create_own(spell_change, buffer_view(&content));
    buffer_clear(&content);
    return letter;
}

/* Of a namespace that was emptied there is no key. */
static struct bytes key_of(struct bytes content, bool *is_key)
{
    (void)wire_take(&content, 2 * sizeof(uint64_t));
    *is_key = wire_take_u8(&content) != EVENT_EMPTY;
    (void)wire_take(&content, VERSION_TEXT_SIZE);
    return content;
}

static bool concerns(const struct watcher *watcher, const unsigned char *ns,
                     const struct letter *letter)
{
    bool is_key;
    struct bytes key = key_of(letter_content(letter), &is_key);

    return memcmp(watcher->ns->id, ns, NS_ID_SIZE) == 0 &&
           (!is_key || bytes_starts_with(key, buffer_view(&watcher->prefix)));
}

/* --- the commit thread --- */

static bool is_over(const struct watch *watch)
{
    return TAILQ_EMPTY(&watch->watchers) &&
           clock_wall_ms(watch->services->clock) - watch->left_at_ms > WATCH_LINGER_MS;
}

static void stop_recording(struct watch *watch)
{
    drop_all(watch);
    watch->is_recording = false;
    store_listen(watch->services->store, -1);
}

static void tell(struct watch *watch, enum event event, const struct news *news)
{
    struct letter *letter;
    struct watcher *watcher;

    watch->number++;
    letter = letter_of(watch, event, news);
    TAILQ_FOREACH(watcher, &watch->watchers, others)
    {
        if (concerns(watcher, news->ns->id, letter))
            inbox_post(watcher->session, letter);
    }
    keep(watch, news->ns, letter);
}

/* Anything may have changed, and numbers may name other databases. */
static void begin_anew(struct watch *watch)
{
    struct watcher *watcher;

    begin_recording(watch);
    TAILQ_FOREACH(watcher, &watch->watchers, others)
    {
        atomic_store(&watcher->must_begin_anew, true);
        watcher->session->wake(watcher->session);
    }
}

static void tell_news(struct watch *watch, const struct news *news)
{
    switch (news->kind) {
    case NEWS_PUT:
        tell(watch, EVENT_PUT, news);
        break;
    case NEWS_DELETED:
        tell(watch, EVENT_DELETE, news);
        break;
    case NEWS_EXPIRED:
        tell(watch, EVENT_EXPIRE, news);
        break;
    case NEWS_EMPTIED:
        tell(watch, EVENT_EMPTY, news);
        break;
    case NEWS_SWAPPED:
    case NEWS_LOADED:
        begin_anew(watch);
        break;
    case NEWS_REMARK:
        break;
    }
}

void watch_tell(struct watch *watch, const struct news *news)
{
    lock(watch);
    if (watch->is_recording && is_over(watch))
        stop_recording(watch);
    if (watch->is_recording)
        tell_news(watch, news);
    unlock(watch);
}

/* --- a session --- */

/* With the lock held: what the number names now; if it changes, begin_anew() comes after. */
static void renew_ns(const struct watch *watch, struct watcher *watcher)
{
    struct registry *registry = store_registry(watch->services->store);
    struct ns *ns = watcher->ns;

    if (watcher->database < 0)
        return;
    watcher->ns = ns_retain(registry_database(registry, watcher->database));
    ns_release(ns);
}

/* With the lock held: what the token's owner has missed comes into the inbox. */
static void catch_up(struct watch *watch, const struct watcher *watcher, uint64_t number)
{
    const struct kept *kept;

    TAILQ_FOREACH(kept, &watch->kept, later)
    {
        if (kept->number > number && concerns(watcher, kept->ns, kept->letter))
            inbox_post(watcher->session, kept->letter);
    }
}

/* Where the watcher goes on.  False: from nothing that is known. */
static bool go_on(struct watch *watch, struct watcher *watcher, struct bytes token)
{
    uint64_t recording, number;

    watcher->recording = watch->recording;
    watcher->number = watch->number;
    if (token.size == 0)
        return true;
    if (!read_token(token, &recording, &number) || recording != watch->recording ||
        number < watch->first || number > watch->number)
        return false;
    watcher->number = number;
    catch_up(watch, watcher, number);
    return true;
}

static void begin_listing(struct watcher *watcher)
{
    watcher->is_listing = true;
    watcher->has_begun = false;
    watcher->listed_to.size = 0;
    buffer_append_bytes(&watcher->listed_to, buffer_view(&watcher->prefix));
}

static struct watcher *create_watcher(struct call *call, struct bytes prefix)
{
    struct watcher *watcher = xcalloc(1, sizeof *watcher);

    watcher->session = call->session;
    watcher->database = call->session->database;
    watcher->ns = ns_retain(dispatch_selected(call->worker, call->session));
    buffer_append_bytes(&watcher->prefix, prefix);
    return watcher;
}

/* From here on all changes are kept. */
static void be_recording(struct watch *watch)
{
    lock(watch);
    if (!watch->is_recording) {
        watch->is_recording = true;
        begin_recording(watch);
        store_listen(watch->services->store, 1);
    }
    watch->left_at_ms = clock_wall_ms(watch->services->clock);
    unlock(watch);
    store_settle(watch->services->store);
}

void watch_start(struct call *call, struct bytes prefix, struct bytes token)
{
    struct watch *watch = call_services(call)->watch;
    struct session *session = call->session;
    struct watcher *watcher;
    bool is_known;

    watch_stop(watch, session);
    if (!inbox_deliver(session, call->reply)) /* what is still there of an earlier watch */
        session->wants_close = true;
    be_recording(watch);
    watcher = create_watcher(call, prefix);
    lock(watch);
    renew_ns(watch, watcher);
    is_known = go_on(watch, watcher, token);
    TAILQ_INSERT_TAIL(&watch->watchers, watcher, others);
    unlock(watch);
    session->watcher = watcher;
    session->is_subscriber = true;
    if (is_known) {
        say_state(call->reply, "watching", watcher);
        return;
    }
    say(call->reply, "watching", nil, nil, NULL);
    begin_listing(watcher);
    session->wake(session);
}

struct bytes watch_prefix(const struct session *session)
{
    return buffer_view(&session->watcher->prefix);
}

void watch_each(struct watch *watch,
                void (*each)(void *context, const struct session *session, struct bytes prefix),
                void *context)
{
    const struct watcher *watcher;

    lock(watch);
    TAILQ_FOREACH(watcher, &watch->watchers, others)
    each(context, watcher->session, buffer_view(&watcher->prefix));
    unlock(watch);
}

void watch_stop(struct watch *watch, struct session *session)
{
    struct watcher *watcher = session->watcher;

    if (watcher == NULL)
        return;
    lock(watch);
    TAILQ_REMOVE(&watch->watchers, watcher, others);
    watch->left_at_ms = clock_wall_ms(watch->services->clock);
    unlock(watch);
    session->watcher = NULL;
    pubsub_note(session);
    ns_release(watcher->ns);
    buffer_clear(&watcher->prefix);
    buffer_clear(&watcher->listed_to);
    free(watcher);
}

/* --- listing --- */

bool watch_is_listing(const struct session *session)
{
    const struct watcher *watcher = session->watcher;

    return watcher != NULL && (watcher->is_listing || atomic_load(&watcher->must_begin_anew));
}

bool watch_wants_turn(const struct session *session)
{
    return watch_is_listing(session) && !session->watcher->is_stuck;
}

/* What is under way to the inbox is of no use any more. */
static void restart(struct watch *watch, struct watcher *watcher)
{
    lock(watch);
    renew_ns(watch, watcher);
    watcher->recording = watch->recording;
    watcher->number = watch->number;
    unlock(watch);
    begin_listing(watcher);
}

static enum status say_row(struct worker *worker, const struct watcher *watcher, struct bytes key,
                           int64_t now_ms, struct reply *reply, uint64_t *depends_on)
{
    char version[VERSION_TEXT_SIZE];
    const struct entry *entry;
    enum status s = store_peek(worker->store_thread, watcher->ns, key, now_ms, &entry, depends_on);

    if (s != STATUS_OK)
        return s == STATUS_NOT_FOUND ? STATUS_OK : s;
    version_to_text(entry->header.stamp,
                    store_node_of_alias(worker->services->store, entry->header.origin), version);
    say(reply, words[EVENT_PUT], key, (struct bytes){version, sizeof version}, NULL);
    return STATUS_OK;
}

/* The smallest key behind this one. */
static void go_behind(struct buffer *position, struct bytes key)
{
    position->size = 0;
    buffer_append_bytes(position, key);
    buffer_append_byte(position, '\0');
}

/* STATUS_NOT_FOUND at the end of the namespace. */
static enum status say_rows(struct worker *worker, struct watcher *watcher, int64_t now_ms,
                            struct reply *reply, uint64_t *depends_on)
{
    struct scan *scan;
    struct scan_row row;
    enum status s =
        scan_open(worker->store_thread, NULL, watcher->ns, buffer_view(&watcher->prefix),
                  buffer_view(&watcher->listed_to), now_ms, &scan, depends_on);

    if (s != STATUS_OK)
        return s;
    for (int rows = 0; rows < LISTED_IN_TURN_MAX && s == STATUS_OK; rows++) {
        s = scan_next(scan, &row);
        if (s == STATUS_OK)
            s = say_row(worker, watcher, row.key, now_ms, reply, depends_on);
        if (s == STATUS_OK)
            go_behind(&watcher->listed_to, row.key);
    }
    scan_close(scan);
    return s;
}

void watch_list_more(struct worker *worker, struct session *session, int64_t now_ms,
                     struct reply *reply, uint64_t *depends_on)
{
    struct watcher *watcher = session->watcher;
    enum status s;

    if (atomic_exchange(&watcher->must_begin_anew, false))
        restart(worker->services->watch, watcher);
    if (!watcher->has_begun)
        say(reply, "reset", nil, nil, NULL);
    watcher->has_begun = true;
    s = say_rows(worker, watcher, now_ms, reply, depends_on);
    watcher->is_stuck = s != STATUS_OK && s != STATUS_NOT_FOUND;
    if (s != STATUS_NOT_FOUND)
        return;
    watcher->is_listing = false;
    say_state(reply, "synced", watcher);
}
