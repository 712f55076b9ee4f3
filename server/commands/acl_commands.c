/* acl_commands.c - ACL: who may do what. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "commands/acl_check.h"
#include "commands/clients.h"
#include "commands/help.h"
#include "commands/key_use.h"
#include "commands/table.h"
#include "commands/watch.h"

#define GENPASS_BITS_USUAL 256
#define GENPASS_BITS_MAX   4096
#define LOG_COUNT_USUAL    10
#define ECHO_MAX           128

static struct acl *acl_of(const struct call *call)
{
    return call_services(call)->acl;
}

/* What a text may repeat of an argument. */
static int echo_size(struct bytes word)
{
    return (int)(word.size < ECHO_MAX ? word.size : ECHO_MAX);
}

static enum status fail_usage(struct call *call)
{
    return call_fail(
        call, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try ACL HELP.",
        echo_size(call->argv[1]), call->argv[1].data);
}

/* What went wrong, in words that may be longer than an error. */
static enum status fail_text(struct call *call, struct buffer *text)
{
    for (size_t i = 0; i < text->size; i++)
        if (text->data[i] == '\r' || text->data[i] == '\n')
            text->data[i] = ' ';
    (void)call_fail(call, "ERR %.*s", (int)text->size, text->data);
    buffer_clear(text);
    return STATUS_FAILED;
}

/* ---------- sessions of users who have changed ---------- */

/* Tells a session to go; one's own once the reply is out. */
static void end_session(struct call *call, struct session *session)
{
    if (session == call->session)
        session->wants_close = true;
    else
        clients_kill(call_services(call)->clients, session);
}

struct ending {
    struct call *call;
    struct bytes user; /* NULL = all but the default one */
};

static void end_if_of_user(void *context, struct session *session)
{
    const struct ending *ending = context;
    struct bytes wanted = ending->user;

    if (session->user == NULL)
        return;
    if (wanted.data != NULL ? bytes_equal(session->user->name, wanted)
                            : !bytes_equal(session->user->name, bytes_of("default")))
        end_session(ending->call, session);
}

static void end_sessions_of(struct call *call, struct bytes user)
{
    struct ending ending = {call, user};

    clients_each(call_services(call)->clients, end_if_of_user, &ending);
}

/* Ids of sessions. */
struct ids {
    uint64_t *at;
    size_t count;
};

static void add_id(struct ids *ids, uint64_t id)
{
    ids->at = xrealloc(ids->at, (ids->count + 1) * sizeof *ids->at);
    ids->at[ids->count++] = id;
}

static bool has_id(const struct ids *ids, uint64_t id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (ids->at[i] == id)
            return true;
    return false;
}

/* A user's sessions, and those that listen to or watch what he may not hear of any more.  Who
 * listens to what is asked for without the clients' lock: ids stand for the sessions. */
struct revoking {
    struct call *call;
    const struct acl_user *user;
    enum pubsub_kind kind;
    struct ids all; /* sorted, as sessions are shown */
    struct ids ended;
};

static void add_if_of_user(void *context, struct session *session)
{
    struct revoking *revoking = context;

    if (session->user != NULL && bytes_equal(session->user->name, revoking->user->name))
        add_id(&revoking->all, session->id);
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static bool is_to_be_judged(const struct revoking *revoking, const struct session *session)
{
    return revoking->all.count > 0 &&
           bsearch(&session->id, revoking->all.at, revoking->all.count, sizeof session->id,
                   compare_ids) != NULL &&
           !has_id(&revoking->ended, session->id);
}

static void judge_listener(void *context, const struct session *session, struct bytes name)
{
    struct revoking *revoking = context;

    if (is_to_be_judged(revoking, session) &&
        !acl_user_allows_channel(revoking->user, name, revoking->kind == PUBSUB_PATTERN))
        add_id(&revoking->ended, session->id);
}

static void judge_watcher(void *context, const struct session *session, struct bytes prefix)
{
    struct revoking *revoking = context;

    if (is_to_be_judged(revoking, session) &&
        !acl_user_allows_prefix(revoking->user, prefix, ACL_READ))
        add_id(&revoking->ended, session->id);
}

static void end_if_listed(void *context, struct session *session)
{
    const struct revoking *revoking = context;

    if (has_id(&revoking->ended, session->id))
        end_session(revoking->call, session);
}

/* Who begins to listen meanwhile looks himself: acl_check_subscriptions(). */
static void end_listeners_of(struct call *call, const struct acl_user *user)
{
    const struct services *services = call_services(call);
    struct revoking revoking = {.call = call, .user = user};

    clients_each(services->clients, add_if_of_user, &revoking);
    for (int kind = 0; kind < PUBSUB_KIND_COUNT && revoking.all.count > 0; kind++) {
        revoking.kind = (enum pubsub_kind)kind;
        pubsub_each_listener(services->pubsub, revoking.kind, judge_listener, &revoking);
    }
    if (revoking.all.count > 0)
        watch_each(services->watch, judge_watcher, &revoking);
    if (revoking.ended.count > 0)
        clients_each(services->clients, end_if_listed, &revoking);
    free(revoking.all.at);
    free(revoking.ended.at);
}

/* What a user's sessions may not go on with, now that he has changed.  Of the namespace that he was
 * in they may still watch the changes: they go, and come back to the one he is tied to now. */
static void end_what_is_revoked(struct call *call, const struct acl_user *old,
                                const struct acl_user *new)
{
    if (!bytes_equal(old->namespace_title, new->namespace_title))
        end_sessions_of(call, new->name);
    else if (!new->is_unrestricted)
        end_listeners_of(call, new);
}

/* ---------- changing users ---------- */

static enum status command_setuser(struct call *call)
{
    struct bytes name = call->argv[2];
    struct acl_user *old = NULL, *new = NULL;
    struct buffer error = {0};

    if (!acl_user_name_is_fine(name))
        return call_fail(call, "ERR Usernames can't contain spaces or null characters");
    if (acl_set_user(acl_of(call), name, call->argv + 3, call->argc - 3, &old, &new, &error) !=
        STATUS_OK)
        return fail_text(call, &error);
    if (old != NULL)
        end_what_is_revoked(call, old, new);
    acl_user_release(old);
    acl_user_release(new);
    reply_ok(call->reply);
    return STATUS_OK;
}

static enum status command_deluser(struct call *call)
{
    int64_t deleted = 0;

    for (size_t i = 2; i < call->argc; i++)
        if (bytes_equal(call->argv[i], bytes_of("default")))
            return call_fail(call, "ERR The 'default' user cannot be removed");
    for (size_t i = 2; i < call->argc; i++) {
        if (!acl_delete_user(acl_of(call), call->argv[i]))
            continue;
        end_sessions_of(call, call->argv[i]);
        deleted++;
    }
    reply_integer(call->reply, deleted);
    return STATUS_OK;
}

static enum status fail_no_file(struct call *call)
{
    return call_fail(
        call, "ERR This Redis instance is not configured to use an ACL file. You may want to "
              "specify users via the ACL SETUSER command and then issue a CONFIG REWRITE "
              "(assuming you have a Redis configuration file set) in order to store users in the "
              "Redis configuration.");
}

/* As in Redis all sessions go but those of the default user. */
static enum status command_load(struct call *call)
{
    struct buffer error = {0};
    struct acl_user *old, *new;

    if (!acl_has_file(acl_of(call)))
        return fail_no_file(call);
    old = acl_find_user(acl_of(call), bytes_of("default"));
    if (acl_load_file(acl_of(call), &error) != STATUS_OK) {
        acl_user_release(old);
        return fail_text(call, &error);
    }
    end_sessions_of(call, (struct bytes){NULL, 0});
    new = acl_find_user(acl_of(call), bytes_of("default"));
    end_what_is_revoked(call, old, new);
    acl_user_release(old);
    acl_user_release(new);
    reply_ok(call->reply);
    return STATUS_OK;
}

static enum status command_save(struct call *call)
{
    struct buffer error = {0};

    if (!acl_has_file(acl_of(call)))
        return fail_no_file(call);
    if (acl_save_file(acl_of(call), &error) != STATUS_OK)
        return fail_text(call, &error);
    reply_ok(call->reply);
    return STATUS_OK;
}

/* ---------- looking at users ---------- */

static void reply_described(struct call *call, const char *name,
                            void (*describe)(const struct acl_selector *selector,
                                             struct buffer *out),
                            const struct acl_selector *selector)
{
    struct buffer *text = &call->worker->scratch;

    text->size = 0;
    describe(selector, text);
    reply_text(call->reply, name);
    reply_bulk(call->reply, buffer_view(text));
}

static void reply_selector(struct call *call, const struct acl_selector *selector)
{
    reply_described(call, "commands", acl_selector_describe_commands, selector);
    reply_described(call, "keys", acl_selector_describe_keys, selector);
    reply_described(call, "channels", acl_selector_describe_channels, selector);
}

static void reply_flags(struct call *call, const struct acl_user *user)
{
    static const char *const sanitizing[] = {"", "skip-sanitize-payload", "sanitize-payload"};

    reply_text(call->reply, "flags");
    reply_set(call->reply, (size_t)1 + user->needs_no_password + (user->sanitizing != 0));
    reply_text(call->reply, user->is_on ? "on" : "off");
    if (user->needs_no_password)
        reply_text(call->reply, "nopass");
    if (user->sanitizing != ACL_SANITIZE_UNSAID)
        reply_text(call->reply, sanitizing[user->sanitizing]);
}

static void reply_passwords(struct call *call, const struct acl_user *user)
{
    struct buffer *text = &call->worker->scratch;

    reply_text(call->reply, "passwords");
    reply_array(call->reply, user->password_count);
    for (size_t i = 0; i < user->password_count; i++) {
        text->size = 0;
        acl_password_print(&user->passwords[i], text);
        reply_bulk(call->reply, buffer_view(text));
    }
}

/* The root selector stands among the fields of the user, the others in a list. */
static enum status command_getuser(struct call *call)
{
    struct acl_user *user = acl_find_user(acl_of(call), call->argv[2]);
    bool is_tied;

    if (user == NULL) {
        reply_null(call->reply);
        return STATUS_OK;
    }
    is_tied = user->namespace_title.data != NULL;
    reply_map(call->reply, (size_t)6 + is_tied);
    reply_flags(call, user);
    reply_passwords(call, user);
    reply_selector(call, &user->selectors[0]);
    reply_text(call->reply, "selectors");
    reply_array(call->reply, user->selector_count - 1);
    for (size_t i = 1; i < user->selector_count; i++) {
        reply_map(call->reply, 3);
        reply_selector(call, &user->selectors[i]);
    }
    if (is_tied) {
        reply_text(call->reply, "namespace");
        reply_bulk(call->reply, user->namespace_title);
    }
    acl_user_release(user);
    return STATUS_OK;
}

static enum status list_users(struct call *call, bool wants_rules)
{
    struct buffer *text = &call->worker->scratch;
    size_t count;
    struct acl_user **users = acl_list_users(acl_of(call), &count);

    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++) {
        text->size = 0;
        if (wants_rules)
            buffer_append_text(text, "user ");
        buffer_append_bytes(text, users[i]->name);
        if (wants_rules) {
            buffer_append_byte(text, ' ');
            acl_user_describe(users[i], text);
        }
        reply_bulk(call->reply, buffer_view(text));
        acl_user_release(users[i]);
    }
    free(users);
    return STATUS_OK;
}

static enum status command_list(struct call *call)
{
    return list_users(call, true);
}

static enum status command_users(struct call *call)
{
    return list_users(call, false);
}

static enum status command_whoami(struct call *call)
{
    if (call->session->user == NULL)
        reply_null(call->reply);
    else
        reply_bulk(call->reply, call->session->user->name);
    return STATUS_OK;
}

/* ---------- ACL CAT ---------- */

static enum status command_cat(struct call *call)
{
    const struct acl_set *set;
    uint32_t bit;

    if (call->argc > 3)
        return fail_usage(call);
    if (call->argc == 2) {
        reply_array(call->reply, CATEGORY_COUNT);
        for (int i = 0; i < CATEGORY_COUNT; i++)
            reply_text(call->reply, category_names[i]);
        return STATUS_OK;
    }
    bit = category_bit(call->argv[2]);
    if (bit == 0)
        return call_fail(call, "ERR Unknown category '%.*s'", echo_size(call->argv[2]),
                         call->argv[2].data);
    set = acl_names_strictly_of((enum category)__builtin_ctz(bit));
    reply_array(call->reply, (size_t)acl_set_count_common(set, set));
    for (int i = 0; i < acl_names_count(); i++)
        if (acl_set_has(set, i))
            reply_text(call->reply, acl_name_at(i)->full_name);
    return STATUS_OK;
}

/* ---------- ACL DRYRUN ---------- */

/* A command that may be called otherwise than its row. */
static int find_called(struct bytes called)
{
    const struct command *command = table_find(called);
    int index = command != NULL ? command->index : acl_name_find(called);

    return index < 0 || command != NULL || acl_name_at(index)->command == NULL ? index : -1;
}

/* "script" "load" is "script|load". */
static int find_name(const struct bytes *argv, size_t argc)
{
    int index = find_called(argv[0]);
    struct buffer full = {0};

    if (index < 0 || !acl_name_at(index)->has_subcommands || argc < 2)
        return index;
    buffer_append_text(&full, acl_name_at(index)->full_name);
    buffer_append_byte(&full, '|');
    buffer_append_bytes(&full, argv[1]);
    index = acl_name_find(buffer_view(&full));
    buffer_clear(&full);
    return index;
}

static enum status reply_denied(struct call *call, const char *what, struct bytes which,
                                const char *kind)
{
    struct buffer *text = &call->worker->scratch;

    buffer_printf(text, "This user has no permissions to %s the '", what);
    buffer_append_bytes(text, which);
    buffer_printf(text, "' %s", kind);
    reply_bulk(call->reply, buffer_view(text));
    return STATUS_OK;
}

static enum status fail_not_found(struct call *call)
{
    return call_fail(call, "ERR Command '%.*s' not found", echo_size(call->argv[3]),
                     call->argv[3].data);
}

/* Of commands that are not ours the name is all that is known. */
static enum status dry_run_foreign(struct call *call, const struct acl_user *user, int index)
{
    const struct bytes *argv = call->argv + 3;

    for (size_t i = 0; i < user->selector_count; i++)
        if (acl_selector_allows(&user->selectors[i], index, argv, call->argc - 3))
            return fail_not_found(call);
    return reply_denied(call, "run", bytes_of(acl_name_at(index)->full_name), "command");
}

static enum status dry_run(struct call *call, const struct acl_user *user)
{
    const struct bytes *argv = call->argv + 3;
    size_t argc = call->argc - 3;
    int index = find_name(argv, argc);
    const struct command *command = index < 0 ? NULL : acl_name_at(index)->command;
    struct acl_verdict verdict;

    if (index < 0)
        return fail_not_found(call);
    if (command == NULL)
        return dry_run_foreign(call, user, index);
    if (!command_accepts_argc(command, argc))
        return call_fail(call, "ERR wrong number of arguments for '%s' command",
                         command->full_name);
    verdict = acl_judge(user, command, argv, argc);
    switch (verdict.answer) {
    case ACL_DENIED_COMMAND:
        return reply_denied(call, "run", bytes_of(command->full_name), "command");
    case ACL_DENIED_KEY:
        return reply_denied(call, "access", argv[verdict.index], "key");
    case ACL_DENIED_CHANNEL:
        return reply_denied(call, "access", argv[verdict.index], "channel");
    case ACL_ALLOWED:
        break;
    }
    reply_ok(call->reply);
    return STATUS_OK;
}

static enum status command_dryrun(struct call *call)
{
    struct acl_user *user = acl_find_user(acl_of(call), call->argv[2]);
    enum status s;

    if (user == NULL)
        return call_fail(call, "ERR User '%.*s' not found", echo_size(call->argv[2]),
                         call->argv[2].data);
    s = dry_run(call, user);
    acl_user_release(user);
    return s;
}

/* ---------- ACL GENPASS ---------- */

static enum status command_genpass(struct call *call)
{
    unsigned char random[GENPASS_BITS_MAX / 8];
    struct buffer *text = &call->worker->scratch;
    int64_t bits = GENPASS_BITS_USUAL;

    if (call->argc > 3)
        return fail_usage(call);
    if (call->argc == 3 && !bytes_to_int64(call->argv[2], &bits))
        return STATUS_NOT_INTEGER;
    if (bits <= 0 || bits > GENPASS_BITS_MAX)
        return call_fail(call,
                         "ERR ACL GENPASS argument must be the number of bits for the output "
                         "password, a positive number up to %d",
                         GENPASS_BITS_MAX);
    random_bytes(random, sizeof random);
    for (int64_t i = 0; i < (bits + 3) / 4; i++)
        buffer_append_byte(text, "0123456789abcdef"[(random[i / 2] >> (i % 2 * 4)) & 15]);
    reply_bulk(call->reply, buffer_view(text));
    return STATUS_OK;
}

/* ---------- ACL LOG ---------- */

static void begin_log(void *context, size_t count)
{
    struct call *call = context;

    reply_array(call->reply, count);
}

static void reply_event(void *context, const struct acl_event *event)
{
    static const char *const reasons[] = {[ACL_REASON_COMMAND] = "command",
                                          [ACL_REASON_KEY] = "key",
                                          [ACL_REASON_CHANNEL] = "channel",
                                          [ACL_REASON_AUTH] = "auth"};
    struct call *call = context;
    struct reply *reply = call->reply;

    reply_map(reply, 7);
    reply_text(reply, "count");
    reply_integer(reply, (int64_t)event->count);
    reply_text(reply, "reason");
    reply_text(reply, reasons[event->reason]);
    reply_text(reply, "context");
    reply_text(reply, event->is_in_multi ? "multi" : "toplevel");
    reply_text(reply, "object");
    reply_bulk(reply, event->object);
    reply_text(reply, "username");
    reply_bulk(reply, event->user);
    reply_text(reply, "age-seconds");
    reply_number(reply, (double)(call->now_ms - event->at_ms) / 1000);
    reply_text(reply, "client-info");
    reply_bulk(reply, event->client);
}

static enum status command_log(struct call *call)
{
    struct acl_log *log = acl_of(call)->log;
    int64_t count = LOG_COUNT_USUAL;

    if (call->argc > 3)
        return fail_usage(call);
    if (call->argc == 3 && bytes_is_word(call->argv[2], "reset")) {
        acl_log_reset(log);
        reply_ok(call->reply);
        return STATUS_OK;
    }
    if (call->argc == 3 && !bytes_to_int64(call->argv[2], &count))
        return STATUS_NOT_INTEGER;
    acl_log_show(log, count < 0 ? 0 : count, begin_log, reply_event, call);
    return STATUS_OK;
}

/* clang-format off */

#define EARLY (CMD_NOSCRIPT | CMD_LOADING | CMD_STALE)
#define ADMIN (EARLY | CMD_ADMIN)
#define OURS(version) .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = version, .note = ""

static struct command subcommands[] = {
    { .name = "cat", .arity = -2, .flags = EARLY, .run = command_cat, OURS("6.0.0"),
      .complexity = "O(1)", .summary = "Lists the categories, or the commands of one",
      .syntax = "[categoryname]" },
    { .name = "deluser", .arity = -3, .flags = ADMIN, .run = command_deluser, OURS("6.0.0"),
      .complexity = "O(1)", .summary = "Deletes users and closes their connections",
      .syntax = "username [username ...]" },
    { .name = "dryrun", .arity = -4, .flags = ADMIN, .run = command_dryrun, .since = "7.0.0",
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .complexity = "O(1)",
      .summary = "Tells whether a user may run a command",
      .syntax = "username command [arg [arg ...]]",
      .note = "a command that is not offered is not found, unless the user may not run it" },
    { .name = "genpass", .arity = -2, .flags = EARLY, .run = command_genpass, OURS("6.0.0"),
      .complexity = "O(1)", .summary = "Makes up a password", .syntax = "[bits]" },
    { .name = "getuser", .arity = 3, .flags = ADMIN, .run = command_getuser, .since = "6.0.0",
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .complexity = "O(N) where N is the number of rules",
      .summary = "Describes a user", .syntax = "username",
      .note = "with `namespace` for a user who is tied to one" },
    { .name = "help", .arity = 2, .flags = CMD_LOADING | CMD_STALE, .run = command_help,
      OURS("6.0.0"), .complexity = "O(1)", .summary = "Lists the subcommands", .syntax = "" },
    { .name = "list", .arity = 2, .flags = ADMIN, .run = command_list, OURS("6.0.0"),
      .complexity = "O(N) where N is the number of users",
      .summary = "Describes all users, as in an ACL file", .syntax = "" },
    { .name = "load", .arity = 2, .flags = ADMIN, .run = command_load, OURS("6.0.0"),
      .complexity = "O(N) where N is the number of users",
      .summary = "Takes the users of the ACL file in place of those there are", .syntax = "" },
    { .name = "log", .arity = -2, .flags = ADMIN, .run = command_log, OURS("6.0.0"),
      .complexity = "O(N) where N is the number of entries",
      .summary = "Tells what users were refused", .syntax = "[count | RESET]" },
    { .name = "save", .arity = 2, .flags = ADMIN, .run = command_save, OURS("6.0.0"),
      .complexity = "O(N) where N is the number of users",
      .summary = "Writes the users into the ACL file", .syntax = "" },
    { .name = "setuser", .arity = -3, .flags = ADMIN, .run = command_setuser, .since = "6.0.0",
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .complexity = "O(N) where N is the number of rules",
      .summary = "Creates or changes a user", .syntax = "username [rule [rule ...]]",
      .note = "also takes `namespace=<title>`: the user lands there and can't leave" },
    { .name = "users", .arity = 2, .flags = ADMIN, .run = command_users, OURS("6.0.0"),
      .complexity = "O(N) where N is the number of users", .summary = "Lists the names of all users",
      .syntax = "" },
    { .name = "whoami", .arity = 2, .flags = EARLY, .run = command_whoami, OURS("6.0.0"),
      .complexity = "O(1)", .summary = "Tells as which user this connection is authenticated",
      .syntax = "" },
    { 0 },
};

struct command acl_commands[] = {
    { .name = "acl", .arity = -2, .subcommands = subcommands, .group = GROUP_SERVER,
      .compat = COMPAT_DIFFERS, .since = "6.0.0", .complexity = "That of the subcommand",
      .summary = "About users and their rights", .syntax = "",
      .note = "users are this server's own: they are not replicated" },
    { 0 },
};
/* clang-format on */
