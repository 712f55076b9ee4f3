/* transactions.c - MULTI, EXEC, DISCARD, WATCH, UNWATCH.
 *
 * MULTI queues the words of commands; EXEC runs them all inside one transaction of the store, so
 * they are one write, and others see all of it or nothing.
 *
 * WATCH notes of each key the stamp of its record and whether it is live.  EXEC looks again, inside
 * the order, at the key under the same database number: what SWAPDB, FLUSHALL or an expiry did to
 * the key shows there by itself, and nobody has to tell the watchers. */
#include "commands/transactions.h"

#include <stdlib.h>

#include "base/memory.h"
#include "commands/data.h"
#include "commands/dispatch.h"
#include "commands/table.h"
#include "store/news.h"

/* ---------- MULTI ---------- */

static enum status command_multi(struct call *call)
{
    if (call->session->is_multi)
        return call_fail(call, "ERR MULTI calls can not be nested");
    call->session->is_multi = true;
    atomic_store_explicit(&call->session->shared_multi, 0, memory_order_relaxed);
    reply_ok(call->reply);
    return STATUS_OK;
}

static enum status command_discard(struct call *call)
{
    if (!call->session->is_multi)
        return call_fail(call, "ERR DISCARD without MULTI");
    session_discard_queue(call->session);
    reply_ok(call->reply);
    return STATUS_OK;
}

/* Room for `more` behind `count` elements. */
static void *grow(void *array, size_t count, size_t more, size_t *capacity, size_t element_size)
{
    if (count + more <= *capacity)
        return array;
    *capacity = *capacity * 2 > count + more ? *capacity * 2 : count + more;
    return xrealloc(array, *capacity * element_size);
}

static void append_words(struct session *session, const struct call *call)
{
    session->queue_sizes = grow(session->queue_sizes, session->queue_sizes_count, call->argc,
                                &session->queue_sizes_capacity, sizeof *session->queue_sizes);
    for (size_t i = 0; i < call->argc; i++) {
        session->queue_sizes[session->queue_sizes_count++] = call->argv[i].size;
        buffer_append_bytes(&session->queue_words, call->argv[i]);
    }
}

static int64_t queue_bytes(const struct session *session)
{
    return (int64_t)(session->queue_words.size +
                     session->queue_sizes_count * sizeof *session->queue_sizes +
                     session->queue_count * sizeof *session->queue);
}

static int64_t words_bytes(const struct call *call)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < call->argc; i++)
        bytes += (int64_t)call->argv[i].size;
    return bytes;
}

static void append_call(struct session *session, const struct call *call)
{
    session->queue = grow(session->queue, session->queue_count, 1, &session->queue_capacity,
                          sizeof *session->queue);
    session->queue[session->queue_count++] =
        (struct queued_command){.command = call->command, .argc = call->argc};
    append_words(session, call);
    atomic_store_explicit(&session->shared_multi, (int)session->queue_count, memory_order_relaxed);
    atomic_store_explicit(&session->multi_bytes, queue_bytes(session), memory_order_relaxed);
}

/* What will be aborted anyway is not kept. */
enum status transaction_queue(struct call *call)
{
    struct session *session = call->session;
    int64_t max = options_number(call_services(call)->options, OPTION_CLIENT_QUERY_BUFFER_LIMIT);

    if (!session->is_multi_dirty) {
        if (queue_bytes(session) + words_bytes(call) > max) {
            session->wants_close = true;
            return call_fail(
                call, "ERR transaction is longer than %lld bytes (client-query-buffer-limit)",
                (long long)max);
        }
        append_call(session, call);
    }
    reply_simple(call->reply, "QUEUED");
    return STATUS_OK;
}

bool transaction_has(const struct session *session, uint32_t flags)
{
    for (size_t i = 0; i < session->queue_count; i++) {
        if (session->queue[i].command->flags & flags)
            return true;
    }
    return false;
}

/* ---------- WATCH ---------- */

struct glimpse {
    uint64_t stamp;
    bool is_live;
};

/* What stands under a key, whatever it is. */
static enum status glimpse_at(struct call *call, struct ns *ns, struct bytes key,
                              struct glimpse *seen)
{
    const struct entry *entry;
    enum status s;

    *seen = (struct glimpse){0, false};
    if ((int64_t)key.size > limit_rules[LIMIT_KEY_SIZE].max || atomic_load(&ns->is_dropped))
        return STATUS_OK;
    s = call->txn != NULL
            ? txn_find_any(call->txn, ns, key, &entry)
            : store_find_any(call->worker->store_thread, ns, key, &entry, &call->depends_on);
    if (s == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (s == STATUS_OK)
        *seen = (struct glimpse){entry->header.stamp, entry_is_live(entry, call->now_ms)};
    return s;
}

static bool is_watched(const struct session *session, const struct ns *ns, struct bytes key)
{
    for (size_t i = 0; i < session->watched_count; i++) {
        const struct watched_key *watched = &session->watched[i];

        if (watched->ns == ns && watched->database == session->database &&
            bytes_equal(buffer_view(&watched->key), key))
            return true;
    }
    return false;
}

static enum status watch(struct call *call, struct bytes key)
{
    struct session *session = call->session;
    struct watched_key *watched;
    struct glimpse seen;
    enum status s;

    if (is_watched(session, call->ns, key))
        return STATUS_OK;
    s = glimpse_at(call, call->ns, key, &seen);
    if (s != STATUS_OK)
        return s;
    session->watched = grow(session->watched, session->watched_count, 1, &session->watched_capacity,
                            sizeof *session->watched);
    watched = &session->watched[session->watched_count++];
    *watched = (struct watched_key){.database = session->database,
                                    .ns = ns_retain(call->ns),
                                    .stamp = seen.stamp,
                                    .is_live = seen.is_live};
    buffer_append_bytes(&watched->key, key);
    return STATUS_OK;
}

static enum status command_watch(struct call *call)
{
    if (call->session->is_multi)
        return call_fail(call, "ERR WATCH inside MULTI is not allowed");
    for (size_t i = 1; i < call->argc; i++) {
        enum status s = watch(call, call_argument(call, i));

        if (s != STATUS_OK)
            return s;
    }
    reply_ok(call->reply);
    return STATUS_OK;
}

static enum status command_unwatch(struct call *call)
{
    session_unwatch(call->session);
    reply_ok(call->reply);
    return STATUS_OK;
}

static struct registry *registry_of(const struct call *call)
{
    return store_registry(call_services(call)->store);
}

/* A number means what it names now. */
static struct ns *namespace_of(const struct call *call, const struct watched_key *watched)
{
    if (watched->database < 0)
        return watched->ns;
    return registry_database(registry_of(call), watched->database);
}

/* A key that was and is absent has changed only if something was written in between.  The stamp of
 * its tombstone may be gone by now, and after SWAPDB it is another key's: both say nothing. */
static bool has_changed(const struct watched_key *watched, const struct ns *ns, struct glimpse seen)
{
    if (watched->is_live || seen.is_live)
        return watched->is_live != seen.is_live || watched->stamp != seen.stamp ||
               watched->ns != ns;
    return watched->ns == ns && seen.stamp != 0 && seen.stamp != watched->stamp;
}

static enum status look_at_watched(struct call *call, bool *is_changed)
{
    const struct session *session = call->session;

    *is_changed = false;
    for (size_t i = 0; i < session->watched_count && !*is_changed; i++) {
        const struct watched_key *watched = &session->watched[i];
        struct ns *ns = namespace_of(call, watched);
        struct glimpse seen;
        enum status s = glimpse_at(call, ns, buffer_view(&watched->key), &seen);

        if (s != STATUS_OK)
            return s;
        *is_changed = has_changed(watched, ns, seen);
    }
    return STATUS_OK;
}

/* ---------- EXEC ---------- */

/* The namespaces in which a queued command finds its keys. */
struct place {
    const struct ns *selected, *other; /* other: NULL unless there are two */
};

/* The queue, ready to run. */
struct plan {
    size_t count;
    struct bytes *words;
    struct place *places; /* of each command: where its keys were named, ... */
    struct place *checks; /* ... and where they are, once the order was entered */
    struct ns **retained; /* namespaces selected by title */
    size_t retained_count, retained_capacity;
    struct call queued; /* the command at hand */
};

static void plan_init(struct plan *plan, const struct call *call)
{
    const struct session *session = call->session;
    const char *at = session->queue_words.data;

    *plan = (struct plan){.count = session->queue_count};
    plan->places = xcalloc(plan->count + 1, 2 * sizeof *plan->places);
    plan->checks = plan->places + plan->count;
    plan->words = xcalloc(session->queue_sizes_count + 1, sizeof *plan->words);
    for (size_t i = 0; i < session->queue_sizes_count; i++) {
        plan->words[i] = (struct bytes){at, session->queue_sizes[i]};
        at += session->queue_sizes[i];
    }
    plan->queued.worker = call->worker;
    plan->queued.session = call->session;
    plan->queued.reply = call->reply;
    plan->queued.now_ms = call->now_ms;
    plan->queued.is_in_exec = true;
}

static void plan_clear(struct plan *plan)
{
    for (size_t i = 0; i < plan->retained_count; i++)
        ns_release(plan->retained[i]);
    free(plan->retained);
    free(plan->places);
    free(plan->words);
}

/* Makes the i-th queued command the one at hand; its words are `words`. */
static void take_up(struct plan *plan, size_t i, const struct bytes *words)
{
    const struct queued_command *next = &plan->queued.session->queue[i];

    plan->queued.command = next->command;
    plan->queued.argv = words;
    plan->queued.argc = next->argc;
}

static struct ns *find_by_title(struct plan *plan, struct bytes title)
{
    struct ns *ns;

    if (registry_find(registry_of(&plan->queued), title, &ns) != STATUS_OK)
        return NULL;
    plan->retained = grow(plan->retained, plan->retained_count, 1, &plan->retained_capacity,
                          sizeof *plan->retained);
    plan->retained[plan->retained_count++] = ns;
    return ns;
}

/* What the command at hand will have selected; one that fails selects nothing. */
static struct ns *selected_next(struct plan *plan)
{
    struct call *queued = &plan->queued;
    struct bytes word = queued->argv[queued->argc - 1];
    struct ns *ns = queued->ns;

    if (!(queued->command->flags & CMD_SELECTS))
        return ns;
    if (data_database(queued, word, &ns) == STATUS_NOT_INTEGER)
        ns = find_by_title(plan, word);
    return ns != NULL ? ns : queued->ns;
}

/* Follows the queue's SELECTs; names the keys on the way if asked to. */
static void find_places(struct plan *plan, struct place *places, bool names_keys)
{
    struct call *queued = &plan->queued;
    const struct bytes *words = plan->words;

    queued->ns = dispatch_selected(queued->worker, queued->session);
    for (size_t i = 0; i < plan->count; i++) {
        struct ns *other;

        take_up(plan, i, words);
        other = dispatch_other_namespace(queued);
        places[i] = (struct place){queued->ns, other};
        if (names_keys)
            dispatch_name_keys(queued, other);
        queued->ns = selected_next(plan);
        words += queued->argc;
    }
}

static void name_watched(struct call *call)
{
    const struct session *session = call->session;

    for (size_t i = 0; i < session->watched_count; i++) {
        const struct watched_key *watched = &session->watched[i];
        struct bytes key = buffer_view(&watched->key);

        if ((int64_t)key.size <= limit_rules[LIMIT_KEY_SIZE].max)
            txn_name(call->worker->txn, namespace_of(call, watched), key);
    }
}

/* Enters the order with the keys of all queued and the watched ones; as enter() of dispatch.c. */
static enum status enter(struct call *call, struct plan *plan)
{
    struct txn *txn = call->worker->txn;
    enum status s;

    for (;;) {
        txn_reset(txn, call->now_ms);
        txn_set_author(txn, call->session->id);
        name_watched(call);
        find_places(plan, plan->places, true);
        s = transaction_has(call->session, CMD_WRITE) ? txn_enter(txn) : txn_enter_to_read(txn);
        if (s != STATUS_OK) {
            call->wake_at_ms = txn_wake_at_ms(txn);
            return s;
        }
        find_places(plan, plan->checks, false);
        if (memcmp(plan->places, plan->checks, plan->count * sizeof *plan->places) == 0) {
            call->txn = txn;
            return STATUS_OK;
        }
        txn_abandon(txn);
    }
}

static enum status run_all(struct call *call, struct plan *plan)
{
    struct call *queued = &plan->queued;
    const struct bytes *words = plan->words;

    reply_array(call->reply, plan->count);
    queued->txn = call->txn;
    queued->depends_on = call->depends_on;
    for (size_t i = 0; i < plan->count; i++) {
        take_up(plan, i, words);
        queued->ns = dispatch_selected(queued->worker, queued->session);
        queued->wake_at_ms = INT64_MAX;
        if (dispatch_queued(queued) == STATUS_PARKED) {
            call->wake_at_ms = queued->wake_at_ms;
            return STATUS_PARKED;
        }
        words += queued->argc;
    }
    call->depends_on = queued->depends_on;
    return STATUS_OK;
}

/* A transaction that only reads is also run while writes are refused: then nothing changes, and it
 * needs no order to see one state. */
static enum status exec(struct call *call, struct plan *plan)
{
    bool is_changed = false;
    enum status s = enter(call, plan);

    if (s == STATUS_CANNOT_PERSIST && !transaction_has(call->session, CMD_WRITE))
        s = STATUS_OK;
    if (s != STATUS_OK)
        return s;
    s = look_at_watched(call, &is_changed);
    if (s == STATUS_OK && is_changed)
        reply_null_array(call->reply);
    else if (s == STATUS_OK)
        s = run_all(call, plan);
    if (call->txn == NULL)
        return s;
    if (s == STATUS_OK && !is_changed)
        return dispatch_commit(call);
    dispatch_abandon(call);
    return s;
}

/* If all is refused, so is what SELECT did. */
enum status command_exec(struct call *call)
{
    struct session *session = call->session;
    int database = session->database;
    struct ns *named;
    struct plan plan;
    enum status s;

    if (!session->is_multi)
        return call_fail(call, "ERR EXEC without MULTI");
    if (session->is_multi_dirty) {
        session_discard_queue(session);
        return call_fail(call, "EXECABORT Transaction discarded because of previous errors.");
    }
    named = session->named != NULL ? ns_retain(session->named) : NULL;
    plan_init(&plan, call);
    s = exec(call, &plan);
    plan_clear(&plan);
    if (s != STATUS_OK)
        session_select(session, database, named);
    else if (named != NULL)
        ns_release(named);
    if (s != STATUS_PARKED)
        session_discard_queue(session);
    return s;
}

/* clang-format off */
#define OF_MULTI(more) \
    CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | (more)

struct command transaction_commands[] = {
    { .name = "multi", .arity = 1, .flags = OF_MULTI(CMD_FAST | CMD_ALLOW_BUSY | CMD_IN_MULTI),
      .run = command_multi, .group = GROUP_TRANSACTIONS, .compat = COMPAT_SAME, .since = "1.2.0",
      .complexity = "O(1)", .summary = "Begins to queue commands for EXEC", .syntax = "", .note = "" },
    { .name = "exec", .arity = 1, .flags = OF_MULTI(CMD_SKIP_SLOWLOG | CMD_IN_MULTI),
      .run = command_exec, .group = GROUP_TRANSACTIONS, .compat = COMPAT_DIFFERS, .since = "1.2.0",
      .complexity = "Depends on commands in the transaction",
      .summary = "Runs what MULTI queued, as one write", .syntax = "",
      .note = "atomic on the replica that runs it; one key over its write rate, a full namespace or "
              "a full disk refuses all of it with that one error, and nothing is written" },
    { .name = "discard", .arity = 1, .flags = OF_MULTI(CMD_FAST | CMD_ALLOW_BUSY | CMD_IN_MULTI),
      .run = command_discard, .group = GROUP_TRANSACTIONS, .compat = COMPAT_SAME, .since = "2.0.0",
      .complexity = "O(N), when N is the number of queued commands",
      .summary = "Forgets what MULTI queued", .syntax = "", .note = "" },
    { .name = "watch", .arity = -2, .flags = OF_MULTI(CMD_FAST | CMD_ALLOW_BUSY | CMD_IN_MULTI),
      .first_key = 1, .last_key = -1, .key_step = 1, .key_use = KEYS_PEEK,
      .run = command_watch, .group = GROUP_TRANSACTIONS, .compat = COMPAT_SAME, .since = "2.2.0",
      .complexity = "O(N) where N is the number of keys",
      .summary = "Lets the next EXEC run only if the keys have not changed by then",
      .syntax = "key [key ...]", .note = "" },
    { .name = "unwatch", .arity = 1, .flags = OF_MULTI(CMD_FAST | CMD_ALLOW_BUSY),
      .run = command_unwatch, .group = GROUP_TRANSACTIONS, .compat = COMPAT_SAME, .since = "2.2.0",
      .complexity = "O(1)", .summary = "Gives up all watched keys", .syntax = "", .note = "" },
    { 0 },
};
/* clang-format on */
