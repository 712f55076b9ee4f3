#include "commands/dispatch.h"

#include <stdlib.h>

#include "commands/acl_check.h"
#include "commands/clients.h"
#include "commands/data.h"
#include "commands/memory_limit.h"
#include "commands/refusal.h"
#include "commands/statistics.h"
#include "commands/table.h"
#include "commands/tracking.h"
#include "commands/transactions.h"
#include "store/news.h"
#include "store/replica.h"

/* A read of several keys that met so many transactions is run inside the order. */
#define READ_ATTEMPTS 3

/* Scratch memory that is not given back after a call. */
#define SCRATCH_KEPT_BYTES (1u << 20)

static void answer_error(struct call *call, const char *text)
{
    reply_error(call->reply, bytes_of(text));
    statistics_record_error(call->worker->statistics, bytes_of(text));
}

static void answer_status(struct call *call, enum status s)
{
    char text[CALL_ERROR_MAX];

    refusal_describe(call, s, text);
    answer_error(call, text);
}

void dispatch_cannot_persist(struct store *store, struct reply *reply)
{
    char text[CALL_ERROR_MAX];

    refusal_describe_store(store, text);
    reply_error(reply, bytes_of(text));
}

/* ---------- is it a request that may run? ---------- */

/* Of a container, of one that has no name of its own any more, or of none. */
static const struct command *find_special_row(const struct worker *worker,
                                              const struct request *request)
{
    const struct command *command =
        worker->names_rows ? table_find_row(request->argv[0]) : table_find(request->argv[0]);

    if (command != NULL && command->subcommands != NULL && request->argc > 1)
        return table_find_subcommand(command, request->argv[1]);
    return command;
}

static const struct command *find_row(const struct worker *worker, const struct request *request)
{
    const struct command *command = table_find(request->argv[0]);

    if (LIKELY(command != NULL && command->is_plain))
        return command;
    return find_special_row(worker, request);
}

static struct registry *registry_of(const struct call *call)
{
    return store_registry(call_services(call)->store);
}

/* A new replica has next to nothing of what it would be asked for. */
static bool must_load_first(const struct call *call)
{
    return UNLIKELY(store_gate(call_services(call)->store) == GATE_LOADING) &&
           !(call->command->flags & CMD_LOADING);
}

/* There are no keys to look at, and nothing will be run. */
static enum status refuse_oversized(struct call *call, const struct request *request)
{
    if (acl_must_log_in(call) && !(call->command->flags & CMD_NO_AUTH))
        return call_fail(call, "NOAUTH Authentication required.");
    call->limit_seen = request->oversized_bytes;
    call->limit_allowed = ns_limit(registry_of(call), call->ns, LIMIT_VALUE_SIZE);
    return STATUS_VALUE_TOO_LONG;
}

static enum status check(struct call *call, const struct request *request)
{
    enum status s;

    if (UNLIKELY(call->command == NULL))
        return refusal_unknown(call);
    if (UNLIKELY(!command_accepts_argc(call->command, call->argc)) && request->oversized_bytes == 0)
        return STATUS_ARITY;
    if (UNLIKELY(request->oversized_bytes > 0))
        return refuse_oversized(call, request);
    s = acl_check(call);
    if (UNLIKELY(s != STATUS_OK))
        return s;
    if (UNLIKELY(call->session->is_subscriber) && call->session->protocol == 2 &&
        !(call->command->flags & CMD_WHILE_SUBSCRIBED))
        return call_fail(call,
                         "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
                         "QUIT / RESET are allowed in this context",
                         call->command->full_name);
    if (UNLIKELY(call->session->is_multi) && (call->command->flags & CMD_NO_MULTI))
        return call_fail(call, "ERR Command not allowed inside a transaction");
    if (memory_limit_refuses(call))
        return STATUS_OUT_OF_MEMORY;
    return must_load_first(call) ? STATUS_LOADING : STATUS_OK;
}

/* A request that was refused before it ran spoils the transaction it was meant for; EXEC ends it.
 */
static void refuse(struct call *call, enum status s)
{
    char text[CALL_ERROR_MAX];

    refusal_describe(call, s, text);
    if (call->command != NULL)
        statistics_record_rejected(call->worker->statistics, call->command);
    if (call->session->is_multi)
        call->session->is_multi_dirty = true;
    if (call->command != NULL && call->command->run == command_exec) {
        const char *reason = strncmp(text, "ERR ", 4) == 0 ? text + 4 : text;

        session_discard_queue(call->session);
        (void)call_fail(call, "EXECABORT Transaction discarded because of: %s", reason);
        answer_error(call, call->error_text);
    } else {
        answer_error(call, text);
    }
}

static bool is_write(const struct call *call)
{
    return (call->command->flags & CMD_WRITE) ||
           (call->command->run == command_exec && transaction_has(call->session, CMD_WRITE));
}

/* CLIENT PAUSE. */
static bool must_pause(struct call *call)
{
    struct session *session = call->session;
    int64_t end_ms = clients_pause_end(call_services(call)->clients, is_write(call), call->now_ms);

    if (LIKELY(end_ms == 0)) {
        if (UNLIKELY(atomic_load_explicit(&session->is_paused, memory_order_relaxed)))
            atomic_store_explicit(&session->is_paused, false, memory_order_relaxed);
        return false;
    }
    atomic_store_explicit(&session->is_paused, true, memory_order_relaxed);
    call->wake_at_ms = end_ms;
    return true;
}

/* ---------- running it ---------- */

struct ns *dispatch_selected(const struct worker *worker, const struct session *session)
{
    if (LIKELY(session->database >= 0))
        return registry_database(store_registry(worker->services->store), session->database);
    return session->named;
}

static bool needs_namespace(const struct command *command)
{
    return (command->flags & (CMD_READONLY | CMD_WRITE)) && !(command->flags & CMD_ANY_NS);
}

/* Numbered databases are always there. */
static enum status check_namespace(struct call *call)
{
    char *title;

    if (LIKELY(call->session->database >= 0) || !atomic_load(&call->ns->is_dropped) ||
        !needs_namespace(call->command))
        return STATUS_OK;
    title = ns_take_title(registry_of(call), call->ns);
    (void)call_fail(call, "ERR no such namespace '%s'", title);
    free(title);
    return STATUS_FAILED;
}

static enum status run_command(struct call *call)
{
    struct buffer *scratch = &call->worker->scratch;
    enum status s = check_namespace(call);

    scratch->size = 0;
    if (UNLIKELY(scratch->capacity > SCRATCH_KEPT_BYTES))
        buffer_clear(scratch);
    if (UNLIKELY(s != STATUS_OK))
        return s;
    if (UNLIKELY(call->session->tracker != NULL))
        tracking_begin_command(call); /* K1 */
    return call->command->run(call);
}

struct naming {
    const struct call *call;
    struct ns *ns;
};

/* Longer keys than can be stored are not looked for either: data.c. */
static void name_key(void *context, size_t index)
{
    const struct naming *naming = context;
    struct bytes key = naming->call->argv[index];

    if ((int64_t)key.size <= limit_rules[LIMIT_KEY_SIZE].max)
        txn_name(naming->call->worker->txn, naming->ns, key);
}

/* MOVE key db, COPY key key [DB db] [REPLACE]: the last number is the other database. */
struct ns *dispatch_other_namespace(struct call *call)
{
    struct ns *ns = NULL;

    if (LIKELY(!(call->command->flags & CMD_OTHER_DB)))
        return NULL;
    for (size_t i = call->argc - 1; i >= 2; i--) {
        if (data_database(call, call->argv[i], &ns) == STATUS_OK)
            return ns;
    }
    return NULL;
}

void dispatch_name_keys(struct call *call, struct ns *other)
{
    struct naming naming = {call, call->ns};

    (void)command_each_key(call->command, call->argc, name_key, &naming);
    if (UNLIKELY(other != NULL)) {
        naming.ns = other;
        (void)command_each_key(call->command, call->argc, name_key, &naming);
    }
}

/* Enters the order with the keys of the call.  Meanwhile SWAPDB may have given the numbers other
 * meanings: then once more, with what they mean now. */
static enum status enter(struct call *call, bool is_to_write)
{
    struct txn *txn = call->worker->txn;
    struct ns *other = dispatch_other_namespace(call);
    enum status s;

    for (;;) {
        struct ns *ns = call->ns, *named = other;

        txn_reset(txn, call->now_ms);
        txn_set_author(txn, call->session->id);
        dispatch_name_keys(call, other);
        s = is_to_write ? txn_enter(txn) : txn_enter_to_read(txn);
        if (UNLIKELY(s != STATUS_OK)) {
            call->wake_at_ms = txn_wake_at_ms(txn);
            return s;
        }
        call->ns = dispatch_selected(call->worker, call->session);
        other = dispatch_other_namespace(call);
        if (LIKELY(call->ns == ns && other == named)) {
            call->txn = txn;
            return STATUS_OK;
        }
        txn_abandon(txn);
    }
}

void dispatch_abandon(struct call *call)
{
    txn_abandon(call->txn);
    call->txn = NULL;
    call_depend_on_all(call);
}

enum status dispatch_commit(struct call *call)
{
    struct session *session = call->session;
    enum status s = txn_commit(call->txn, &call->depends_on, &call->retry_ms);

    if (s == STATUS_OK) {
        session->last_write = call->depends_on;
        if (txn_stamp(call->txn) != 0)
            session->last_write_stamp = txn_stamp(call->txn);
    } else {
        call_depend_on_all(call);
    }
    call->txn = NULL;
    return s;
}

static enum status run_write(struct call *call)
{
    enum status s = enter(call, true);

    if (UNLIKELY(s != STATUS_OK))
        return s;
    s = run_command(call);
    if (LIKELY(s == STATUS_OK))
        return dispatch_commit(call);
    dispatch_abandon(call);
    return s;
}

/* While writes are refused nothing changes, so the order isn't needed to see one state. */
static enum status read_in_order(struct call *call)
{
    enum status s = enter(call, false);

    if (s == STATUS_CANNOT_PERSIST)
        return run_command(call);
    if (s != STATUS_OK)
        return s;
    s = run_command(call);
    dispatch_abandon(call);
    return s;
}

/* So many keys of a command are fetched at the same time. */
#define KEYS_ANNOUNCED_MAX 32

struct announcing {
    const struct call *call;
    uint64_t announced[KEYS_ANNOUNCED_MAX];
    size_t count;
};

static void announce_key(void *context, size_t index)
{
    struct announcing *announcing = context;
    const struct call *call = announcing->call;

    if (announcing->count < KEYS_ANNOUNCED_MAX)
        announcing->announced[announcing->count++] =
            store_announce(call->worker->store_thread, call->ns, call->argv[index]);
}

static void prefetch_keys(const struct call *call)
{
    struct announcing announcing = {.call = call, .count = 0};

    (void)command_each_key(call->command, call->argc, announce_key, &announcing);
    for (size_t i = 0; i < announcing.count; i++)
        store_prefetch(call->worker->store_thread, announcing.announced[i]);
}

/* D3. */
static enum status read_several(struct call *call)
{
    struct store *store = call_services(call)->store;
    size_t mark = reply_mark(call->reply);

    prefetch_keys(call);
    for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
        uint64_t before = store_publications(store);
        enum status s = run_command(call);

        if (LIKELY(before % 2 == 0 && store_publications(store) == before))
            return s;
        reply_rewind(call->reply, mark);
    }
    return read_in_order(call);
}

static bool reads_several(const struct call *call)
{
    const struct command *command = call->command;

    return UNLIKELY(command->first_key != command->last_key) && (command->flags & CMD_READONLY) &&
           command_key_count(command, call->argc) > 1;
}

/* The command has met records whose time is over: they become expired ones, and DBSIZE, which may
 * be the next command, counts them no more.  While clients are paused nothing changes. */
static void bury_expired(struct call *call)
{
    struct txn *txn = call->worker->txn;

    if (clients_pause_end(call_services(call)->clients, true, call->now_ms) != 0)
        return;
    txn_reset(txn, call->now_ms);
    dispatch_name_keys(call, NULL);
    txn_expire_named(txn);
}

static enum status run(struct call *call)
{
    enum status s;

    if (call->command->flags & CMD_WRITE)
        s = run_write(call);
    else
        s = reads_several(call) ? read_several(call) : run_command(call);
    call->met = store_take_met(call->worker->store_thread);
    if (UNLIKELY((call->met & STORE_MET_EXPIRED) != 0))
        bury_expired(call);
    return s;
}

/* A command is done that began at `began_us`: counts it and shows it to whom it concerns. */
static void finish(struct call *call, int64_t began_us, bool has_failed)
{
    struct worker *worker = call->worker;
    int64_t now_us = clock_monotonic_us(worker->services->clock);

    worker->clock_us = now_us;
    statistics_record(worker->statistics, call->command, now_us - began_us, has_failed);
    if (statistics_is_notable(worker->statistics, now_us - began_us))
        statistics_note(worker->services->statistics, call, now_us - began_us);
    if (UNLIKELY(clients_has_monitors(worker->services->clients)))
        clients_feed_monitors(worker->services->clients, call);
}

void dispatch_end_run(struct worker *worker)
{
    struct run *run = &worker->run;
    int64_t now_us;

    if (run->count == 0)
        return;
    now_us = clock_monotonic_us(worker->services->clock);
    statistics_record_run(worker->statistics, run->command, run->count, now_us - worker->clock_us);
    worker->clock_us = now_us;
    run->count = 0;
}

/* Was it so quick that it needs no clock of its own? */
static bool is_quick(const struct call *call)
{
    const uint32_t both = CMD_READONLY | CMD_FAST;
    const struct command *command = call->command;

    return call->worker->times_runs && (command->flags & both) == both &&
           command->first_key == command->last_key && call->met == 0 &&
           statistics_may_time_runs(call->worker->statistics);
}

/* As finish(), of a command that becomes part of the run. */
static void join_run(struct call *call)
{
    struct worker *worker = call->worker;

    worker->run.command = call->command;
    worker->run.count++;
    if (UNLIKELY(clients_has_monitors(worker->services->clients)))
        clients_feed_monitors(worker->services->clients, call);
}

enum status dispatch_queued(struct call *call)
{
    int64_t began_us = call->worker->clock_us;
    size_t mark = reply_mark(call->reply);
    enum status s = acl_check_queued(call);

    if (LIKELY(s == STATUS_OK))
        s = run_command(call);
    if (s == STATUS_PARKED)
        return s;
    if (s != STATUS_OK) {
        reply_rewind(call->reply, mark);
        answer_status(call, s);
    } else if (reply_mark(call->reply) == mark) {
        reply_null(call->reply); /* CLIENT REPLY: EXEC's array must have its element */
    }
    finish(call, began_us, s != STATUS_OK);
    return STATUS_OK;
}

/* Runs what was found fit to run; false if it must wait. */
static bool perform(struct call *call, size_t mark)
{
    int64_t began_us;
    enum status s;

    if (call->worker->run.command != call->command)
        dispatch_end_run(call->worker);
    began_us = call->worker->clock_us;
    s = run(call);
    if (LIKELY(s == STATUS_OK)) {
        if (is_quick(call))
            join_run(call);
        else
            finish(call, began_us, false);
        return true;
    }
    reply_rewind(call->reply, mark);
    if (s == STATUS_PARKED)
        return false;
    answer_status(call, s);
    finish(call, began_us, true);
    return true;
}

static bool must_queue(const struct call *call)
{
    return UNLIKELY(call->session->is_multi) && !(call->command->flags & CMD_IN_MULTI);
}

/* What SUBSCRIBE says is a push, as the messages are. */
static bool answers_by_push(const struct command *command)
{
    const uint32_t both = CMD_PUBSUB | CMD_WHILE_SUBSCRIBED;

    return command != NULL && (command->flags & both) == both;
}

/* CLIENT REPLY OFF and SKIP: the mode after the command decides about its own reply. */
static void apply_reply_mode(struct call *call, size_t mark)
{
    struct session *session = call->session;

    if ((session->reply_mode == REPLY_OFF || session->reply_mode == REPLY_SKIP_THIS) &&
        !answers_by_push(call->command))
        reply_rewind(call->reply, mark);
    if (session->reply_mode == REPLY_SKIP_THIS)
        session->reply_mode = REPLY_ON;
    else if (session->reply_mode == REPLY_SKIP_NEXT)
        session->reply_mode = REPLY_SKIP_THIS;
}

/* The whole way of a request; false if it must wait. */
static bool handle(struct call *call, const struct request *request, size_t mark)
{
    enum status s;

    atomic_store_explicit(&call->session->current, call->command, memory_order_relaxed);
    s = check(call, request);
    if (UNLIKELY(s != STATUS_OK)) {
        refuse(call, s);
        return true;
    }
    if (must_pause(call))
        return false;
    if (must_queue(call)) {
        s = transaction_queue(call);
        if (s != STATUS_OK)
            refuse(call, s);
        return true;
    }
    return perform(call, mark);
}

struct outcome dispatch(struct worker *worker, struct session *session, struct reply *reply,
                        const struct request *request, int64_t now_ms)
{
    size_t mark = reply_mark(reply);
    struct outcome outcome;
    struct call call; /* its error text is large: left as it is */

    call.worker = worker;
    call.session = session;
    call.reply = reply;
    call.command = find_row(worker, request);
    call.argv = request->argv;
    call.argc = request->argc;
    call.now_ms = now_ms;
    call.ns = dispatch_selected(worker, session);
    call.txn = NULL;
    call.is_in_exec = false;
    call.depends_on = 0;
    call.wake_at_ms = INT64_MAX;

    outcome.is_parked = !handle(&call, request, mark);
    outcome.wake_at_ms = call.wake_at_ms;
    outcome.depends_on = call.depends_on;
    if (UNLIKELY(session->reply_mode != REPLY_ON) && !outcome.is_parked)
        apply_reply_mode(&call, mark);
    if (UNLIKELY(session->tracker != NULL) && !outcome.is_parked)
        tracking_end_command(&call);
    return outcome;
}
