/* connection.c - AUTH, HELLO, CLIENT and the other commands about the connection itself. */
#include <stdlib.h>

#include "base/memory.h"
#include "commands/acl_check.h"
#include "commands/clients.h"
#include "commands/help.h"
#include "commands/info.h"
#include "commands/namespaces.h"
#include "commands/table.h"
#include "commands/tracking.h"
#include "commands/tracking_commands.h"
#include "commands/watch.h"

/* --- who is there: AUTH, HELLO, RESET --- */

static enum status command_auth(struct call *call)
{
    bool has_user = call->argc == 3;
    struct bytes user = has_user ? call->argv[1] : bytes_of("default");
    enum status s;

    if (call->argc > 3)
        return STATUS_SYNTAX;
    if (!has_user && !acl_needs_password(call_services(call)->acl))
        return call_fail(call, "ERR AUTH <password> called without any password configured for "
                               "the default user. Are you sure your configuration is correct?");
    s = acl_log_in(call, user, call->argv[call->argc - 1]);
    if (s == STATUS_OK)
        reply_ok(call->reply);
    return s;
}

/* What HELLO asks for; a NULL name or user = not asked for. */
struct hello {
    int64_t protocol;
    struct bytes user, password, name;
};

static enum status parse_hello(struct call *call, struct hello *hello)
{
    size_t i = 2;

    *hello = (struct hello){.protocol = call->session->protocol};
    if (call->argc > 1 && !bytes_to_int64(call->argv[1], &hello->protocol))
        return call_fail(call, "ERR Protocol version is not an integer or out of range");
    if (hello->protocol < 2 || hello->protocol > 3)
        return call_fail(call, "NOPROTO unsupported protocol version");
    while (i < call->argc) {
        size_t behind = call->argc - i - 1;

        if (bytes_is_word(call->argv[i], "auth") && behind >= 2) {
            hello->user = call->argv[i + 1];
            hello->password = call->argv[i + 2];
            i += 3;
        } else if (bytes_is_word(call->argv[i], "setname") && behind >= 1) {
            hello->name = call->argv[i + 1];
            i += 2;
        } else {
            return call_fail(call, "ERR Syntax error in HELLO option '%.*s'",
                             (int)(call->argv[i].size < 128 ? call->argv[i].size : 128),
                             call->argv[i].data);
        }
    }
    return STATUS_OK;
}

static enum status fail_name(struct call *call)
{
    return call_fail(call, "ERR Client names cannot contain spaces, newlines or special "
                           "characters.");
}

static void use_protocol(struct call *call, int protocol)
{
    call->session->protocol = protocol;
    atomic_store_explicit(&call->session->shared_protocol, protocol, memory_order_relaxed);
    reply_set_protocol(call->reply, protocol);
}

static void reply_greeting(struct call *call)
{
    struct reply *reply = call->reply;

    reply_map(reply, 7);
    reply_text(reply, "server");
    reply_text(reply, "redis");
    reply_text(reply, "version");
    reply_text(reply, REDIS_VERSION);
    reply_text(reply, "proto");
    reply_integer(reply, call->session->protocol);
    reply_text(reply, "id");
    reply_integer(reply, (int64_t)call->session->id);
    reply_text(reply, "mode");
    reply_text(reply, "standalone");
    reply_text(reply, "role");
    reply_text(reply, "master");
    reply_text(reply, "modules");
    reply_array(reply, 0);
}

/* Everything is checked first: a HELLO that is refused changes nothing. */
static enum status command_hello(struct call *call)
{
    struct services *services = call_services(call);
    struct session *session = call->session;
    struct hello hello;
    enum status s = parse_hello(call, &hello);

    if (s != STATUS_OK)
        return s;
    if (hello.user.data == NULL && acl_must_log_in(call))
        return call_fail(call, "NOAUTH HELLO must be called with the client already authenticated, "
                               "otherwise the HELLO AUTH <user> <pass> option can be used to "
                               "authenticate the client and select the RESP protocol version at "
                               "the same time");
    if (hello.name.data != NULL && !clients_is_showable(hello.name))
        return fail_name(call);
    if (hello.user.data != NULL)
        s = acl_log_in(call, hello.user, hello.password);
    if (s != STATUS_OK)
        return s;
    if (hello.name.data != NULL && !clients_set_name(services->clients, session, hello.name))
        return fail_name(call);
    use_protocol(call, (int)hello.protocol);
    reply_greeting(call);
    return STATUS_OK;
}

static enum status command_reset(struct call *call)
{
    struct services *services = call_services(call);
    struct session *session = call->session;

    clients_set_monitor(services->clients, session, false);
    pubsub_forget(services->pubsub, session);
    tracking_stop(services, session);
    watch_stop(services->watch, session);
    inbox_empty(session);
    clients_drop_name(services->clients, session);
    session_reset(session);
    acl_begin_session(services, session);
    use_protocol(call, 2);
    reply_simple(call->reply, "RESET");
    return STATUS_OK;
}

/* --- PING, ECHO, QUIT, SELECT --- */

static enum status command_ping(struct call *call)
{
    struct bytes text = call->argc == 2 ? call->argv[1] : bytes_of("");

    if (call->argc > 2)
        return STATUS_ARITY;
    if (call->session->is_subscriber && call->session->protocol == 2) {
        reply_array(call->reply, 2); /* like a message: nothing else comes meanwhile */
        reply_text(call->reply, "pong");
        reply_bulk(call->reply, text);
    } else if (call->argc == 2)
        reply_bulk(call->reply, text);
    else
        reply_simple(call->reply, "PONG");
    return STATUS_OK;
}

static enum status command_echo(struct call *call)
{
    reply_bulk(call->reply, call->argv[1]);
    return STATUS_OK;
}

static enum status command_quit(struct call *call)
{
    call->session->wants_close = true;
    reply_ok(call->reply);
    return STATUS_OK;
}

static enum status command_select(struct call *call)
{
    enum status s = namespace_select(call, call->argv[1]);

    if (s == STATUS_OK)
        reply_ok(call->reply);
    return s;
}

/* --- CLIENT: about oneself --- */

static enum status command_client_id(struct call *call)
{
    reply_integer(call->reply, (int64_t)call->session->id);
    return STATUS_OK;
}

static enum status command_client_getname(struct call *call)
{
    const char *name = clients_borrow_name(call->session);

    if (name == NULL)
        reply_null(call->reply);
    else
        reply_text(call->reply, name);
    return STATUS_OK;
}

static enum status command_client_setname(struct call *call)
{
    if (!clients_set_name(call_services(call)->clients, call->session, call->argv[2]))
        return fail_name(call);
    reply_ok(call->reply);
    return STATUS_OK;
}

/* Libraries tell their name and version here as soon as they are connected, also to servers that
 * have no use for it. */
static enum status command_client_setinfo(struct call *call)
{
    static const char *const attributes[] = {"lib-name", "lib-ver"};

    for (size_t i = 0; i < COUNT_OF(attributes); i++) {
        if (!bytes_is_word(call->argv[2], attributes[i]))
            continue;
        if (!clients_is_showable(call->argv[3]))
            return call_fail(call, "ERR %s cannot contain spaces, newlines or special characters.",
                             attributes[i]);
        reply_ok(call->reply);
        return STATUS_OK;
    }
    return call_fail(call, "ERR Unrecognized option '%.*s'",
                     (int)(call->argv[2].size < 128 ? call->argv[2].size : 128),
                     call->argv[2].data);
}

/* The dispatcher drops replies by the mode that holds when the command is done. */
static enum status command_client_reply(struct call *call)
{
    struct session *session = call->session;

    if (bytes_is_word(call->argv[2], "on")) {
        session->reply_mode = REPLY_ON;
        reply_ok(call->reply);
    } else if (bytes_is_word(call->argv[2], "off")) {
        session->reply_mode = REPLY_OFF;
    } else if (!bytes_is_word(call->argv[2], "skip")) {
        return STATUS_SYNTAX;
    } else if (session->reply_mode != REPLY_OFF) {
        session->reply_mode = REPLY_SKIP_NEXT;
    }
    return STATUS_OK;
}

/* CLIENT NO-EVICT and NO-TOUCH: there is nothing that they could switch off, but CLIENT LIST tells
 * of the first. */
static enum status command_client_switch(struct call *call)
{
    bool is_on = bytes_is_word(call->argv[2], "on");

    if (!is_on && !bytes_is_word(call->argv[2], "off"))
        return STATUS_SYNTAX;
    if (bytes_is_word(call->argv[1], "no-evict"))
        atomic_store_explicit(&call->session->is_never_evicted, is_on, memory_order_relaxed);
    reply_ok(call->reply);
    return STATUS_OK;
}

/* --- CLIENT LIST and INFO --- */

static int subscriptions(const struct session *session, enum pubsub_kind kind)
{
    return atomic_load_explicit(&session->shared_subscriptions[kind], memory_order_relaxed);
}

static bool is_listening(const struct session *session)
{
    return subscriptions(session, PUBSUB_CHANNEL) > 0 ||
           subscriptions(session, PUBSUB_PATTERN) > 0 || subscriptions(session, PUBSUB_SHARD) > 0;
}

static void append_flags(struct buffer *text, const struct session *session)
{
    size_t start = text->size;

    if (atomic_load_explicit(&session->is_monitor, memory_order_relaxed))
        buffer_append_byte(text, 'O');
    if (is_listening(session))
        buffer_append_byte(text, 'P');
    if (atomic_load_explicit(&session->shared_multi, memory_order_relaxed) >= 0)
        buffer_append_byte(text, 'x');
    if (session_is_blocked(session))
        buffer_append_byte(text, 'b');
    if ((tracking_flags(session) & TRACKING_ON) != 0)
        buffer_append_byte(text, 't');
    if ((tracking_flags(session) & TRACKING_BROKEN) != 0)
        buffer_append_byte(text, 'R');
    if ((tracking_flags(session) & TRACKING_BCAST) != 0)
        buffer_append_byte(text, 'B');
    if (atomic_load_explicit(&session->is_never_evicted, memory_order_relaxed))
        buffer_append_byte(text, 'e');
    if (session->address[0] == '/')
        buffer_append_byte(text, 'U');
    if (text->size == start)
        buffer_append_byte(text, 'N');
}

static long long read_number(const _Atomic int64_t *number)
{
    return (long long)atomic_load_explicit(number, memory_order_relaxed);
}

static void append_memory(struct buffer *text, const struct session *session)
{
    long long query = read_number(&session->query_bytes), free = read_number(&session->query_free);
    long long multi = read_number(&session->multi_bytes);
    long long reply = read_number(&session->reply_bytes);
    long long list = read_number(&session->reply_list_bytes);

    buffer_printf(text,
                  " qbuf=%lld qbuf-free=%lld argv-mem=0 multi-mem=%lld rbs=%lld rbp=%lld obl=%lld "
                  "oll=%d omem=%lld tot-mem=%lld events=%s",
                  query, free, multi, reply, reply, reply, list > 0, list,
                  (long long)sizeof(*session) + query + free + multi + reply + list,
                  list > 0 ? "rw" : "r");
}

/* Under the clients' lock. */
static void append_client(struct buffer *text, const struct session *session, int64_t now_s)
{
    const struct command *current = atomic_load_explicit(&session->current, memory_order_relaxed);

    buffer_printf(text, "id=%llu addr=%s laddr=%s fd=%d name=%s age=%lld idle=%lld flags=",
                  (unsigned long long)session->id, session->address, session->local_address,
                  session->descriptor, session->name == NULL ? "" : session->name,
                  (long long)now_s - (long long)session->created_s,
                  (long long)now_s - read_number(&session->active_s));
    append_flags(text, session);
    buffer_printf(text, " db=%d sub=%d psub=%d ssub=%d multi=%d",
                  atomic_load_explicit(&session->shared_database, memory_order_relaxed),
                  subscriptions(session, PUBSUB_CHANNEL), subscriptions(session, PUBSUB_PATTERN),
                  subscriptions(session, PUBSUB_SHARD),
                  atomic_load_explicit(&session->shared_multi, memory_order_relaxed));
    append_memory(text, session);
    buffer_printf(text, " cmd=%s user=%s redir=%lld resp=%d\n",
                  current == NULL ? "NULL" : current->full_name,
                  session->user == NULL ? "(superuser)" : session->user->name.data,
                  (long long)tracking_redirect(session),
                  atomic_load_explicit(&session->shared_protocol, memory_order_relaxed));
}

void clients_describe(const struct services *services, const struct session *session,
                      struct buffer *text)
{
    pthread_mutex_lock(&services->clients->lock);
    append_client(text, session, clock_monotonic_us(services->clock) / 1000000);
    pthread_mutex_unlock(&services->clients->lock);
    text->size--; /* the line break */
}

static int64_t monotonic_s(const struct call *call)
{
    return clock_monotonic_us(call_services(call)->clock) / 1000000;
}

/* TYPE of CLIENT LIST and KILL.  Who watches with MONITOR is as normal as anybody. */
enum client_type { TYPE_ANY, TYPE_NORMAL, TYPE_PUBSUB, TYPE_OF_NONE };

static bool is_of_type(enum client_type type, const struct session *session)
{
    return type == TYPE_ANY || type == (is_listening(session) ? TYPE_PUBSUB : TYPE_NORMAL);
}

static enum status parse_type(struct call *call, struct bytes word, enum client_type *type)
{
    static const struct {
        const char *word;
        enum client_type type;
    } types[] = {{"normal", TYPE_NORMAL},
                 {"pubsub", TYPE_PUBSUB},
                 {"master", TYPE_OF_NONE}, /* replicas have a port of their own */
                 {"replica", TYPE_OF_NONE},
                 {"slave", TYPE_OF_NONE}};

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (bytes_is_word(word, types[i].word)) {
            *type = types[i].type;
            return STATUS_OK;
        }
    }
    return call_fail(call, "ERR Unknown client type '%.*s'",
                     (int)(word.size < 128 ? word.size : 128), word.data);
}

struct listing {
    struct buffer *text;
    int64_t now_s;
    enum client_type type;
    const uint64_t *ids; /* sorted; NULL = all */
    size_t id_count;
};

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static void list_client(void *context, struct session *session)
{
    struct listing *listing = context;

    if (!is_of_type(listing->type, session))
        return;
    if (listing->ids == NULL || bsearch(&session->id, listing->ids, listing->id_count,
                                        sizeof(listing->ids[0]), compare_ids) != NULL)
        append_client(listing->text, session, listing->now_s);
}

static void reply_listing(struct call *call, enum client_type type, const uint64_t *ids,
                          size_t id_count)
{
    struct listing listing = {&call->worker->scratch, monotonic_s(call), type, ids, id_count};

    clients_each(call_services(call)->clients, list_client, &listing);
    reply_verbatim(call->reply, buffer_view(listing.text));
}

static enum status list_by_type(struct call *call)
{
    enum client_type type;
    enum status s = parse_type(call, call->argv[3], &type);

    if (s == STATUS_OK)
        reply_listing(call, type, NULL, 0);
    return s;
}

static enum status list_by_id(struct call *call)
{
    size_t count = call->argc - 3;
    uint64_t *ids = xcalloc(count, sizeof(*ids));
    enum status s = STATUS_OK;

    for (size_t i = 0; i < count && s == STATUS_OK; i++) {
        int64_t id;

        if (bytes_to_int64(call->argv[3 + i], &id))
            ids[i] = (uint64_t)id;
        else
            s = call_fail(call, "ERR Invalid client ID");
    }
    if (s == STATUS_OK) {
        qsort(ids, count, sizeof(ids[0]), compare_ids);
        reply_listing(call, TYPE_ANY, ids, count);
    }
    free(ids);
    return s;
}

static enum status command_client_list(struct call *call)
{
    if (call->argc == 2) {
        reply_listing(call, TYPE_ANY, NULL, 0);
        return STATUS_OK;
    }
    if (call->argc == 4 && bytes_is_word(call->argv[2], "type"))
        return list_by_type(call);
    if (call->argc > 3 && bytes_is_word(call->argv[2], "id"))
        return list_by_id(call);
    return STATUS_SYNTAX;
}

static enum status command_client_info(struct call *call)
{
    reply_listing(call, TYPE_ANY, &call->session->id, 1);
    return STATUS_OK;
}

/* --- CLIENT KILL --- */

struct kill {
    struct call *call;
    struct bytes address, local_address, user; /* NULL = any */
    int64_t id;                                /* 0 = any */
    enum client_type type;
    bool skips_me;
    int64_t killed;
};

static bool is_address(struct bytes wanted, const char *address)
{
    return wanted.data == NULL || bytes_equal(wanted, bytes_of(address));
}

static bool is_of_user(struct bytes wanted, const struct session *session)
{
    return wanted.data == NULL ||
           (session->user != NULL && bytes_equal(wanted, session->user->name));
}

static void kill_client(void *context, struct session *session)
{
    struct kill *kill = context;
    bool is_me = session == kill->call->session;

    if (!is_of_type(kill->type, session) || (kill->id != 0 && session->id != (uint64_t)kill->id) ||
        !is_address(kill->address, session->address) ||
        !is_address(kill->local_address, session->local_address) ||
        !is_of_user(kill->user, session) || (is_me && kill->skips_me))
        return;
    if (is_me)
        session->wants_close = true; /* with the reply */
    else
        clients_kill(call_services(kill->call)->clients, session);
    kill->killed++;
}

static enum status find_killed_user(struct call *call, struct bytes name, struct kill *kill)
{
    struct acl_user *user = acl_find_user(call_services(call)->acl, name);

    if (user == NULL)
        return call_fail(call, "ERR No such user '%.*s'", (int)(name.size < 128 ? name.size : 128),
                         name.data);
    acl_user_release(user);
    kill->user = name;
    return STATUS_OK;
}

static enum status parse_kill_option(struct call *call, struct bytes name, struct bytes value,
                                     struct kill *kill)
{
    if (bytes_is_word(name, "id")) {
        if (!bytes_to_int64(value, &kill->id) || kill->id < 1)
            return call_fail(call, "ERR client-id should be greater than 0");
    } else if (bytes_is_word(name, "type")) {
        return parse_type(call, value, &kill->type);
    } else if (bytes_is_word(name, "addr")) {
        kill->address = value;
    } else if (bytes_is_word(name, "laddr")) {
        kill->local_address = value;
    } else if (bytes_is_word(name, "user")) {
        return find_killed_user(call, value, kill);
    } else if (bytes_is_word(name, "skipme")) {
        kill->skips_me = bytes_is_word(value, "yes");
        if (!kill->skips_me && !bytes_is_word(value, "no"))
            return STATUS_SYNTAX;
    } else {
        return STATUS_SYNTAX;
    }
    return STATUS_OK;
}

/* CLIENT KILL address: the old form, which may hit oneself. */
static enum status kill_by_address(struct call *call)
{
    struct kill kill = {.call = call, .address = call->argv[2]};

    clients_each(call_services(call)->clients, kill_client, &kill);
    if (kill.killed == 0)
        return call_fail(call, "ERR No such client");
    reply_ok(call->reply);
    return STATUS_OK;
}

static enum status command_client_kill(struct call *call)
{
    struct kill kill = {.call = call, .skips_me = true};

    if (call->argc == 3)
        return kill_by_address(call);
    for (size_t i = 2; i < call->argc; i += 2) {
        enum status s = STATUS_SYNTAX;

        if (i + 1 < call->argc)
            s = parse_kill_option(call, call->argv[i], call->argv[i + 1], &kill);
        if (s != STATUS_OK)
            return s;
    }
    clients_each(call_services(call)->clients, kill_client, &kill);
    reply_integer(call->reply, kill.killed);
    return STATUS_OK;
}

/* --- CLIENT PAUSE, UNPAUSE, UNBLOCK --- */

static enum status command_client_pause(struct call *call)
{
    struct clients *clients = call_services(call)->clients;
    bool is_only_writes = call->argc == 4 && bytes_is_word(call->argv[3], "write");
    int64_t timeout_ms;

    if (call->argc > 4)
        return call_fail(call, "ERR unknown subcommand or wrong number of arguments for 'PAUSE'. "
                               "Try CLIENT HELP.");
    if (call->argc == 4 && !is_only_writes && !bytes_is_word(call->argv[3], "all"))
        return call_fail(call, "ERR CLIENT PAUSE mode must be WRITE or ALL");
    if (!bytes_to_int64(call->argv[2], &timeout_ms))
        return call_fail(call, "ERR timeout is not an integer or out of range");
    if (timeout_ms < 0)
        return call_fail(call, "ERR timeout is negative");
    clients_pause(clients, call->now_ms, timeout_ms, is_only_writes);
    store_hold_expiry(call_services(call)->store, clients_pause_end(clients, true, call->now_ms));
    reply_ok(call->reply);
    return STATUS_OK;
}

static enum status command_client_unpause(struct call *call)
{
    clients_unpause(call_services(call)->clients);
    store_hold_expiry(call_services(call)->store, 0);
    reply_ok(call->reply);
    return STATUS_OK;
}

struct unblocking {
    uint64_t id;
    enum blocking to;
    bool is_done;
};

static void unblock(void *context, struct session *session)
{
    struct unblocking *unblocking = context;
    int waits = BLOCKING_WAITS;

    if (session->id != unblocking->id ||
        !atomic_compare_exchange_strong(&session->blocking, &waits, (int)unblocking->to))
        return;
    unblocking->is_done = true;
    session->wake(session);
}

/* CLIENT UNBLOCK id [TIMEOUT | ERROR]: of what runs here only WAIT blocks. */
static enum status command_client_unblock(struct call *call)
{
    bool is_error = call->argc == 4 && bytes_is_word(call->argv[3], "error");
    struct unblocking unblocking = {.to = is_error ? BLOCKING_IS_ENDED : BLOCKING_IS_TIMED_OUT};
    int64_t id;

    if (call->argc > 4)
        return STATUS_ARITY;
    if (call->argc == 4 && !is_error && !bytes_is_word(call->argv[3], "timeout"))
        return call_fail(call, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    if (!bytes_to_int64(call->argv[2], &id))
        return STATUS_NOT_INTEGER;
    unblocking.id = (uint64_t)id;
    clients_each(call_services(call)->clients, unblock, &unblocking);
    reply_integer(call->reply, unblocking.is_done);
    return STATUS_OK;
}

/* clang-format off */

/* Flags that most rows here have. */
#define EARLY (CMD_NOSCRIPT | CMD_LOADING | CMD_STALE)
#define GREET (EARLY | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY)
#define ADMIN (EARLY | CMD_ADMIN)

static struct command client_commands[] = {
    { .name = "caching", .arity = 3, .flags = EARLY, .run = command_client_caching,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "6.0.0", .complexity = "O(1)",
      .summary = "Says whether the next command's keys are to be tracked",
      .syntax = "<YES | NO>", .note = "" },
    { .name = "getname", .arity = 2, .flags = EARLY, .run = command_client_getname,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "2.6.9", .complexity = "O(1)",
      .summary = "Tells the name of this connection", .syntax = "", .note = "" },
    { .name = "getredir", .arity = 2, .flags = EARLY, .run = command_client_getredir,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "6.0.0", .complexity = "O(1)",
      .summary = "Tells which connection gets this one's invalidation messages", .syntax = "",
      .note = "" },
    { .name = "help", .arity = 2, .flags = CMD_LOADING | CMD_STALE, .run = command_help,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "5.0.0", .complexity = "O(1)",
      .summary = "Lists the subcommands", .syntax = "", .note = "" },
    { .name = "id", .arity = 2, .flags = EARLY, .run = command_client_id,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "5.0.0", .complexity = "O(1)",
      .summary = "Tells the number of this connection", .syntax = "", .note = "" },
    { .name = "info", .arity = 2, .flags = EARLY, .run = command_client_info,
      .group = GROUP_CONNECTION, .compat = COMPAT_DIFFERS, .since = "6.2.0",
      .complexity = "O(N) where N is the number of connections",
      .summary = "Describes this connection as CLIENT LIST would", .syntax = "",
      .note = "see CLIENT LIST" },
    { .name = "kill", .arity = -3, .flags = ADMIN, .run = command_client_kill,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "2.4.0",
      .complexity = "O(N) where N is the number of connections",
      .summary = "Closes the connections that meet all conditions",
      .syntax = "ip:port | <ID client-id | TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB> | "
                "USER username | ADDR ip:port | LADDR ip:port | SKIPME <YES | NO> ...>",
      .note = "" },
    { .name = "list", .arity = -2, .flags = ADMIN, .run = command_client_list,
      .group = GROUP_CONNECTION, .compat = COMPAT_DIFFERS, .since = "2.4.0",
      .complexity = "O(N) where N is the number of connections",
      .summary = "Describes all connections, a line each",
      .syntax = "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
      .note = "`db=-1` in a named namespace; arguments are part of `qbuf`, and `argv-mem` is 0; `rbs` and `rbp` "
              "are what waits, as `obl`; no flag `d`, since `EXEC` finds out" },
    { .name = "no-evict", .arity = 3, .flags = ADMIN, .run = command_client_switch,
      .group = GROUP_CONNECTION, .compat = COMPAT_DIFFERS, .since = "7.0.0", .complexity = "O(1)",
      .summary = "Protects this connection when clients use too much memory",
      .syntax = "<ON | OFF>", .note = "taken, without effect: clients are not evicted" },
    { .name = "no-touch", .arity = 3, .flags = EARLY, .run = command_client_switch,
      .group = GROUP_CONNECTION, .compat = COMPAT_DIFFERS, .since = "7.2.0", .complexity = "O(1)",
      .summary = "Lets this connection read without counting as use of the keys",
      .syntax = "<ON | OFF>", .note = "of Redis 7.2; taken, without effect" },
    { .name = "pause", .arity = -3, .flags = ADMIN, .run = command_client_pause,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "2.9.50",
      .complexity = "O(1)", .summary = "Lets clients, or only their writes, wait for a while",
      .syntax = "timeout [WRITE | ALL]", .note = "" },
    { .name = "reply", .arity = 3, .flags = EARLY, .run = command_client_reply,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "3.2.0", .complexity = "O(1)",
      .summary = "Stops and resumes the replies on this connection",
      .syntax = "<ON | OFF | SKIP>", .note = "" },
    { .name = "setinfo", .arity = 4, .flags = EARLY, .run = command_client_setinfo,
      .group = GROUP_CONNECTION, .compat = COMPAT_DIFFERS, .since = "7.2.0", .complexity = "O(1)",
      .summary = "Takes the name or version of the client library",
      .syntax = "<LIB-NAME libname | LIB-VER libver>",
      .note = "of Redis 7.2; checked and not shown anywhere" },
    { .name = "setname", .arity = 3, .flags = EARLY, .run = command_client_setname,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "2.6.9", .complexity = "O(1)",
      .summary = "Names this connection", .syntax = "connection-name", .note = "" },
    { .name = "tracking", .arity = -3, .flags = EARLY, .run = command_client_tracking,
      .group = GROUP_CONNECTION, .compat = COMPAT_DIFFERS, .since = "6.0.0", .complexity = "O(1)",
      .summary = "Asks to be told when keys that this connection has read are changed",
      .syntax = "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] "
                "[OPTIN] [OPTOUT] [NOLOOP]",
      .note = "writes by other replicas and expiries are told, too; prefixes hold in the numbered "
              "databases, or in the named namespaces in which the client has read" },
    { .name = "trackinginfo", .arity = 2, .flags = EARLY, .run = command_client_trackinginfo,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "6.2.0", .complexity = "O(1)",
      .summary = "Tells how this connection tracks keys", .syntax = "", .note = "" },
    { .name = "unblock", .arity = -3, .flags = ADMIN, .run = command_client_unblock,
      .group = GROUP_CONNECTION, .compat = COMPAT_DIFFERS, .since = "5.0.0", .complexity = "O(1)",
      .summary = "Ends the waiting of a client in a blocking command",
      .syntax = "client-id [TIMEOUT | ERROR]", .note = "only WAIT blocks" },
    { .name = "unpause", .arity = 2, .flags = ADMIN, .run = command_client_unpause,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "6.2.0",
      .complexity = "O(N) where N is the number of connections",
      .summary = "Ends CLIENT PAUSE at once", .syntax = "", .note = "" },
    { 0 },
};

struct command connection_commands[] = {
    { .name = "auth", .arity = -2, .flags = GREET, .run = command_auth,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Proves that the client knows the password", .syntax = "[username] password",
      .note = "" },
    { .name = "client", .arity = -2, .subcommands = client_commands,
      .group = GROUP_CONNECTION, .compat = COMPAT_DIFFERS, .since = "2.4.0",
      .complexity = "That of the subcommand", .summary = "About connections", .syntax = "",
      .note = "see the subcommands" },
    { .name = "echo", .arity = 2, .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
      .run = command_echo,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Answers what it was given", .syntax = "message", .note = "" },
    { .name = "hello", .arity = -1, .flags = GREET, .run = command_hello,
      .group = GROUP_CONNECTION, .compat = COMPAT_DIFFERS, .since = "6.0.0", .complexity = "O(1)",
      .summary = "Introduces the client and chooses the version of the protocol",
      .syntax = "[protover [AUTH username password] [SETNAME clientname]]",
      .note = "nothing is changed if any part of it is refused" },
    { .name = "ping", .arity = -1, .flags = CMD_FAST | CMD_WHILE_SUBSCRIBED, .run = command_ping,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Answers PONG, or what it was given", .syntax = "[message]", .note = "" },
    { .name = "quit", .arity = -1, .flags = GREET | CMD_IN_MULTI | CMD_WHILE_SUBSCRIBED, .run = command_quit,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Closes this connection once the replies are out", .syntax = "", .note = "" },
    { .name = "reset", .arity = 1, .flags = GREET | CMD_IN_MULTI | CMD_WHILE_SUBSCRIBED, .run = command_reset,
      .group = GROUP_CONNECTION, .compat = COMPAT_SAME, .since = "6.2.0", .complexity = "O(1)",
      .summary = "Brings this connection back to how it began", .syntax = "", .note = "" },
    { .name = "select", .arity = 2, .flags = CMD_LOADING | CMD_STALE | CMD_FAST | CMD_SELECTS,
      .run = command_select,
      .group = GROUP_CONNECTION, .compat = COMPAT_DIFFERS, .since = "1.0.0",
      .complexity = "O(1)", .summary = "Chooses the database, or the namespace, to work in",
      .syntax = "index", .note = "also takes the title of a namespace" },
    { 0 },
};
/* clang-format on */
