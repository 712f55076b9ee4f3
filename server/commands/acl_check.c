#include "commands/acl_check.h"

#include <stdlib.h>

#include "commands/clients.h"
#include "commands/data.h"
#include "commands/key_use.h"
#include "commands/namespaces.h"
#include "commands/table.h"
#include "commands/watch.h"

/* ---------- judging ---------- */

static unsigned permissions_for(uint32_t use)
{
    return (use & KEY_ACCESS ? (unsigned)ACL_READ : 0) |
           (use & (KEY_INSERT | KEY_DELETE | KEY_UPDATE) ? (unsigned)ACL_WRITE : 0);
}

struct judging {
    const struct acl_selector *selector;
    const struct command *command;
    const struct bytes *argv;
    size_t argc;
    struct acl_verdict verdict;
};

static void judge_key(void *context, size_t index)
{
    struct judging *judging = context;
    uint32_t use = key_use_of(judging->command, judging->argv, judging->argc, index);

    if (judging->verdict.answer != ACL_ALLOWED ||
        acl_selector_allows_key(judging->selector, judging->argv[index], permissions_for(use)))
        return;
    judging->verdict = (struct acl_verdict){ACL_DENIED_KEY, index};
}

/* Which words are channels. */
static const struct channel_use {
    const char *name;
    bool is_pattern;
    bool is_many; /* all words, else the first */
} channel_uses[] = {
    {"publish", false, false},   {"spublish", false, false}, {"subscribe", false, true},
    {"ssubscribe", false, true}, {"psubscribe", true, true},
};

static const struct channel_use *find_channel_use(const struct command *command)
{
    for (size_t i = 0; i < COUNT_OF(channel_uses) && (command->flags & CMD_PUBSUB); i++)
        if (strcmp(command->full_name, channel_uses[i].name) == 0)
            return &channel_uses[i];
    return NULL;
}

static size_t channels_end(const struct channel_use *use, size_t argc)
{
    return use->is_many || argc < 2 ? argc : 2;
}

static void judge_channels(struct judging *judging, const struct channel_use *use)
{
    for (size_t i = 1; i < channels_end(use, judging->argc); i++) {
        if (acl_selector_allows_channel(judging->selector, judging->argv[i], use->is_pattern))
            continue;
        judging->verdict = (struct acl_verdict){ACL_DENIED_CHANNEL, i};
        return;
    }
}

/* KV.LIST answers names, as SCAN does, to everybody; what stands under them, and by KV.WATCH what
 * becomes of them, only to those who may read all that the prefix finds. */
static void judge_listing(struct judging *judging)
{
    struct bytes prefix = {"", 0};
    bool wants_more = (judging->command->flags & CMD_WATCHES_KEYS) != 0;
    size_t at = 0;

    for (size_t i = 1; i < judging->argc; i++) {
        struct bytes word = judging->argv[i];

        if (bytes_is_word(word, "withvalues") || bytes_is_word(word, "withmeta")) {
            wants_more = true;
        } else if (i + 1 < judging->argc && bytes_is_word(word, "prefix")) {
            prefix = judging->argv[++i];
            at = i;
        } else if (bytes_is_word(word, "cursor") || bytes_is_word(word, "limit") ||
                   bytes_is_word(word, "since")) {
            i++;
        } else if (bytes_is_word(word, "off")) {
            wants_more = false;
        }
    }
    if (wants_more && !acl_selector_allows_prefix(judging->selector, prefix, ACL_READ))
        judging->verdict = (struct acl_verdict){ACL_DENIED_KEY, at};
}

static struct acl_verdict judge_by(const struct acl_selector *selector,
                                   const struct command *command, const struct bytes *argv,
                                   size_t argc)
{
    struct judging judging = {selector, command, argv, argc, {ACL_ALLOWED, 0}};
    const struct channel_use *channels;

    if (!(command->flags & CMD_NO_AUTH) &&
        !acl_selector_allows(selector, command->index, argv, argc))
        return (struct acl_verdict){ACL_DENIED_COMMAND, 0};
    if (!selector->has_all_keys)
        (void)command_each_key(command, argc, judge_key, &judging);
    if (!selector->has_all_keys && (command->flags & (CMD_LISTS_KEYS | CMD_WATCHES_KEYS)))
        judge_listing(&judging);
    if (judging.verdict.answer != ACL_ALLOWED || selector->has_all_channels)
        return judging.verdict;
    channels = find_channel_use(command);
    if (channels != NULL)
        judge_channels(&judging, channels);
    return judging.verdict;
}

/* Of several refusals the one that came furthest is told. */
struct acl_verdict acl_judge(const struct acl_user *user, const struct command *command,
                             const struct bytes *argv, size_t argc)
{
    struct acl_verdict worst = {ACL_DENIED_COMMAND, 0};

    for (size_t i = 0; i < user->selector_count; i++) {
        struct acl_verdict verdict = judge_by(&user->selectors[i], command, argv, argc);

        if (verdict.answer == ACL_ALLOWED)
            return verdict;
        if (verdict.answer > worst.answer ||
            (verdict.answer == worst.answer && verdict.index > worst.index))
            worst = verdict;
    }
    return worst;
}

/* ---------- the log ---------- */

static void note(struct call *call, enum acl_reason reason, struct bytes object, struct bytes user)
{
    const struct services *services = call_services(call);
    struct buffer client = {0};
    struct acl_event event = {.reason = reason,
                              .is_in_multi = call->session->is_multi,
                              .object = object,
                              .user = user,
                              .at_ms = call->now_ms};

    clients_describe(services, call->session, &client);
    event.client = buffer_view(&client);
    acl_log_add(services->acl->log, &event,
                options_number(services->options, OPTION_ACLLOG_MAX_LEN));
    buffer_clear(&client);
}

static void note_verdict(struct call *call, struct acl_verdict verdict)
{
    static const enum acl_reason reasons[] = {[ACL_DENIED_COMMAND] = ACL_REASON_COMMAND,
                                              [ACL_DENIED_KEY] = ACL_REASON_KEY,
                                              [ACL_DENIED_CHANNEL] = ACL_REASON_CHANNEL};

    note(call, reasons[verdict.answer],
         verdict.answer == ACL_DENIED_COMMAND ? bytes_of(call->command->full_name)
                                              : call->argv[verdict.index],
         call->session->user->name);
}

/* ---------- sessions ---------- */

/* Takes over the reference. */
static void set_user(const struct services *services, struct session *session,
                     struct acl_user *user, uint64_t generation)
{
    struct acl_user *old = session->user;

    clients_set_user(services->clients, session, user);
    session->user_generation = generation;
    session->free_generation = 0;
    session->is_home = false;
    acl_user_release(old);
}

void acl_begin_session(const struct services *services, struct session *session)
{
    uint64_t generation = acl_generation(services->acl);

    set_user(services, session, acl_find_user(services->acl, bytes_of("default")), generation);
    session->is_authenticated = !acl_needs_password(services->acl);
}

/* False if the user is gone.  A user who was tied elsewhere meanwhile has to land anew. */
static bool refresh(const struct services *services, struct session *session)
{
    uint64_t generation = acl_generation(services->acl);
    struct acl_user *user;

    if (session->user_generation == generation)
        return true;
    user = acl_find_user(services->acl, session->user->name);
    if (user == NULL)
        return false;
    set_user(services, session, user, generation);
    return true;
}

bool acl_must_log_in(const struct call *call)
{
    return !call->session->is_authenticated && acl_needs_password(call_services(call)->acl);
}

/* ---------- being tied to a namespace ---------- */

static void note_home(struct session *session)
{
    session->home_database = session->database;
    if (session->named != NULL)
        memcpy(session->home_id, session->named->id, sizeof session->home_id);
    session->is_home = true;
}

static bool is_home(const struct session *session)
{
    if (!session->is_home || session->database != session->home_database)
        return false;
    return session->named == NULL ||
           memcmp(session->named->id, session->home_id, sizeof session->home_id) == 0;
}

static enum status fail_tied(struct call *call, struct bytes title)
{
    return call_fail(call, "NOPERM this user is tied to the namespace '%.*s'", (int)title.size,
                     title.data);
}

static enum status fail_home(struct call *call, struct bytes title)
{
    return call_fail(call, "ERR no such namespace '%.*s': this user is tied to it", (int)title.size,
                     title.data);
}

/* Selects the namespace that the user is tied to.  Not in the middle of EXEC, whose keys are named
 * where it began. */
static enum status land(struct call *call, struct bytes title)
{
    struct session *session = call->session;

    if (is_home(session))
        return STATUS_OK;
    if (call->is_in_exec)
        return fail_tied(call, title);
    if (namespace_select(call, title) != STATUS_OK)
        return fail_home(call, title);
    note_home(session);
    return STATUS_OK;
}

/* The title, or the number of the database behind it. */
static bool names_home(const struct session *session, struct bytes word)
{
    int64_t number;

    return bytes_equal(word, session->user->namespace_title) ||
           (session->home_database >= 0 && bytes_to_int64(word, &number) &&
            number == session->home_database);
}

/* MOVE key db, COPY key key DB db. */
static bool names_other_database(struct call *call)
{
    bool is_copy = call->command->key_use == KEYS_COPY;

    for (size_t i = is_copy ? 4 : 2; i < call->argc; i++) {
        struct ns *ns = call->ns;

        if (is_copy && !bytes_is_word(call->argv[i - 1], "db"))
            continue;
        if (data_database(call, call->argv[i], &ns) == STATUS_OK && ns != call->ns)
            return true;
    }
    return false;
}

/* NAMESPACE INFO title and GET title. */
static bool names_namespace(const struct command *command)
{
    return strcmp(command->full_name, "namespace|info") == 0 ||
           strcmp(command->full_name, "namespace|get") == 0;
}

/* "__keyspace@shop__:" */
static void print_own_events(const struct session *session, const char *kind, struct buffer *out)
{
    buffer_append_text(out, kind);
    if (session->home_database >= 0)
        buffer_printf(out, "%d", session->home_database);
    else
        buffer_append_bytes(out, session->user->namespace_title);
    buffer_append_text(out, "__:");
}

/* The part of a pattern in front of what may stand for anything. */
static struct bytes literal_part(struct bytes pattern)
{
    size_t size = 0;

    while (size < pattern.size && memchr("*?[\\", pattern.data[size], 4) == NULL)
        size++;
    return (struct bytes){pattern.data, size};
}

/* Keyspace events (events.h) of other namespaces tell of the keys there. */
static bool hears_of_others(const struct session *session, struct bytes channel, bool is_pattern)
{
    static const char *const kinds[] = {"__keyspace@", "__keyevent@"};
    struct bytes literal = is_pattern ? literal_part(channel) : channel;
    bool does = false;

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct bytes kind = bytes_of(kinds[i]);
        struct buffer own = {0};

        print_own_events(session, kinds[i], &own);
        if (!bytes_starts_with(literal, buffer_view(&own)))
            does = does || bytes_starts_with(literal, kind) ||
                   (is_pattern && bytes_starts_with(kind, literal));
        buffer_clear(&own);
    }
    return does;
}

static bool names_other_events(const struct call *call)
{
    const struct channel_use *use = find_channel_use(call->command);

    for (size_t i = 1; use != NULL && i < channels_end(use, call->argc); i++)
        if (hears_of_others(call->session, call->argv[i], use->is_pattern))
            return true;
    return false;
}

static bool reaches_beyond(struct call *call)
{
    const struct command *command = call->command;

    if (command->flags & (CMD_ADMIN | CMD_BEYOND_NS))
        return true;
    if ((command->flags & CMD_SELECTS) && !names_home(call->session, call->argv[call->argc - 1]))
        return true;
    if ((command->flags & CMD_OTHER_DB) && names_other_database(call))
        return true;
    if (names_other_events(call))
        return true;
    return names_namespace(command) && !names_home(call->session, call->argv[2]);
}

static enum status check_tie(struct call *call)
{
    struct bytes title = acl_tied_to(call->session);
    enum status s;

    if (title.data == NULL || (call->command->flags & CMD_NO_AUTH))
        return STATUS_OK;
    s = land(call, title);
    if (s != STATUS_OK || !reaches_beyond(call))
        return s;
    note_verdict(call, (struct acl_verdict){ACL_DENIED_COMMAND, 0});
    return fail_tied(call, title);
}

/* ---------- requests ---------- */

static enum status fail_gone(struct call *call)
{
    call->session->wants_close = true;
    return call_fail(call, "NOPERM this user has been deleted");
}

static enum status fail_verdict(struct call *call, enum acl_answer answer)
{
    switch (answer) {
    case ACL_DENIED_KEY:
        return call_fail(call, "NOPERM this user has no permissions to access one of the keys "
                               "used as arguments");
    case ACL_DENIED_CHANNEL:
        return call_fail(call, "NOPERM this user has no permissions to access one of the channels "
                               "used as arguments");
    case ACL_ALLOWED:
    case ACL_DENIED_COMMAND:
        break;
    }
    return call_fail(call, "NOPERM this user has no permissions to run the '%s' command",
                     call->command->full_name);
}

static enum status fail_queued(struct call *call, enum acl_answer answer)
{
    static const char *const reasons[] = {
        [ACL_DENIED_COMMAND] = "no permission to execute the command or subcommand",
        [ACL_DENIED_KEY] = "no permission to touch the specified keys",
        [ACL_DENIED_CHANNEL] = "no permission to access one of the channels used as arguments to "
                               "the command",
    };

    return call_fail(call,
                     "NOPERM ACLs rules changed between the moment the transaction was accumulated "
                     "and the EXEC call. This command is no longer allowed for the following "
                     "reason: %s",
                     reasons[answer]);
}

static enum status check(struct call *call,
                         enum status (*fail)(struct call *call, enum acl_answer answer))
{
    struct session *session = call->session;
    struct acl_verdict verdict;

    if (session->user->is_unrestricted) {
        if (!acl_must_log_in(call)) /* AUTH is free to everybody, what follows it is not */
            session->free_generation = session->user_generation;
        return STATUS_OK;
    }
    verdict = acl_judge(session->user, call->command, call->argv, call->argc);
    if (verdict.answer == ACL_ALLOWED)
        return check_tie(call);
    note_verdict(call, verdict);
    return fail(call, verdict.answer);
}

enum status acl_check_slowly(struct call *call)
{
    if (call->session->user == NULL)
        return STATUS_OK;
    if (acl_must_log_in(call) && !(call->command->flags & CMD_NO_AUTH))
        return call_fail(call, "NOAUTH Authentication required.");
    if (!refresh(call_services(call), call->session))
        return fail_gone(call);
    return check(call, fail_verdict);
}

enum status acl_check_queued_slowly(struct call *call)
{
    if (call->session->user == NULL)
        return STATUS_OK;
    if (!refresh(call_services(call), call->session))
        return fail_gone(call);
    return check(call, fail_queued);
}

/* ---------- subscriptions ---------- */

struct own_subscriptions {
    const struct acl_user *user;
    bool is_pattern;
    bool is_allowed;
};

static void check_subscription(void *context, struct name_node *node)
{
    struct own_subscriptions *own = context;

    own->is_allowed =
        own->is_allowed && acl_user_allows_channel(own->user, node->name, own->is_pattern);
}

void acl_check_subscriptions(struct call *call)
{
    struct session *session = call->session;
    struct own_subscriptions own = {.is_allowed = true};

    if (session->user == NULL ||
        session->user_generation == acl_generation(call_services(call)->acl))
        return;
    if (!refresh(call_services(call), session)) {
        session->wants_close = true;
        return;
    }
    own.user = session->user;
    for (int kind = 0; kind < PUBSUB_KIND_COUNT; kind++) {
        own.is_pattern = kind == PUBSUB_PATTERN;
        name_table_each(&session->subscriptions[kind], check_subscription, &own);
    }
    if (session->watcher != NULL)
        own.is_allowed =
            own.is_allowed && acl_user_allows_prefix(own.user, watch_prefix(session), ACL_READ);
    session->wants_close = session->wants_close || !own.is_allowed;
}

/* ---------- logging in ---------- */

enum status acl_log_in(struct call *call, struct bytes name, struct bytes password)
{
    const struct services *services = call_services(call);
    uint64_t generation = acl_generation(services->acl);
    struct acl_user *user = acl_authenticate(services->acl, name, password);
    struct session *session = call->session;

    if (user == NULL) {
        note(call, ACL_REASON_AUTH, call->argv[0], name);
        return call_fail(call, "WRONGPASS invalid username-password pair or user is disabled.");
    }
    if (user->namespace_title.data != NULL) {
        if (call->is_in_exec) {
            acl_user_release(user);
            return call_fail(call, "ERR a user who is tied to a namespace can't log in inside "
                                   "MULTI");
        }
        if (namespace_select(call, user->namespace_title) != STATUS_OK) {
            enum status s = fail_home(call, user->namespace_title);

            acl_user_release(user);
            return s;
        }
    }
    set_user(services, session, user, generation);
    session->is_authenticated = true;
    if (user->namespace_title.data != NULL)
        note_home(session);
    return STATUS_OK;
}

/* ---------- tokens ---------- */

void acl_take_session(struct session *session, struct acl_user *user, uint64_t generation)
{
    struct acl_user *old = session->user;

    session->user = user; /* no other thread sees this session */
    session->user_generation = generation;
    session->free_generation = 0;
    session->is_home = false;
    acl_user_release(old);
}

static bool is_titled(struct registry *registry, const struct session *session, struct bytes title)
{
    struct ns *ns;
    bool is_it;

    if (registry_find(registry, title, &ns) != STATUS_OK)
        return false;
    is_it = ns == (session->database >= 0 ? registry_database(registry, session->database)
                                          : session->named);
    ns_release(ns);
    return is_it;
}

bool acl_is_at_home(const struct services *services, struct session *session)
{
    struct bytes title = acl_tied_to(session);

    if (title.data == NULL)
        return true;
    if (!is_titled(store_registry(services->store), session, title))
        return false;
    note_home(session);
    return true;
}
