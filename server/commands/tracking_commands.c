#include "commands/tracking_commands.h"

#include <stdlib.h>

#include "base/memory.h"
#include "commands/clients.h"
#include "commands/tracking.h"

/* --- CLIENT TRACKING --- */

struct search {
    struct tracking *tracking;
    uint64_t id;
    bool is_found;
};

static void look_at(void *context, struct session *session)
{
    struct search *search = context;

    if (session->id != search->id)
        return;
    search->is_found = true;
    tracking_add_target(search->tracking, session);
}

static enum status parse_redirect(struct call *call, struct bytes word, uint64_t *redirect)
{
    struct search search = {.tracking = call_services(call)->tracking};
    int64_t id;

    if (*redirect != 0)
        return call_fail(call, "ERR A client can only redirect to a single other client");
    if (!bytes_to_int64(word, &id))
        return STATUS_NOT_INTEGER;
    search.id = (uint64_t)id;
    clients_each(call_services(call)->clients, look_at, &search);
    if (!search.is_found)
        return call_fail(call, "ERR The client ID you want redirect to does not exist");
    *redirect = search.id;
    return STATUS_OK;
}

static unsigned option_of(struct bytes word)
{
    static const struct {
        const char *word;
        unsigned option;
    } options[] = {
        {"bcast", TRACKING_BCAST},
        {"optin", TRACKING_OPTIN},
        {"optout", TRACKING_OPTOUT},
        {"noloop", TRACKING_NOLOOP},
    };

    for (size_t i = 0; i < COUNT_OF(options); i++)
        if (bytes_is_word(word, options[i].word))
            return options[i].option;
    return 0;
}

/* `prefixes` has room for as many as there are words. */
static enum status parse_tracking(struct call *call, struct tracking_request *request,
                                  struct bytes *prefixes)
{
    enum status s = STATUS_OK;

    for (size_t i = 3; i < call->argc && s == STATUS_OK; i++) {
        struct bytes word = call->argv[i];
        unsigned option = option_of(word);
        bool has_more = i + 1 < call->argc;

        if (option != 0)
            request->options |= option;
        else if (bytes_is_word(word, "redirect") && has_more)
            s = parse_redirect(call, call->argv[++i], &request->redirect);
        else if (bytes_is_word(word, "prefix") && has_more)
            prefixes[request->prefix_count++] = call->argv[++i];
        else
            s = STATUS_SYNTAX;
    }
    return s;
}

static enum status check_options(struct call *call, const struct tracking_request *request)
{
    unsigned before = tracking_flags(call->session), options = request->options;
    bool is_bcast = (options & TRACKING_BCAST) != 0;

    if (!is_bcast && request->prefix_count > 0)
        return call_fail(call, "ERR PREFIX option requires BCAST mode to be enabled");
    if (before != 0 && ((before & TRACKING_BCAST) != 0) != is_bcast)
        return call_fail(call, "ERR You can't switch BCAST mode on/off before disabling tracking "
                               "for this client, and then re-enabling it with a different mode.");
    if (is_bcast && (options & (TRACKING_OPTIN | TRACKING_OPTOUT)) != 0)
        return call_fail(call, "ERR OPTIN and OPTOUT are not compatible with BCAST");
    if ((options & TRACKING_OPTIN) != 0 && (options & TRACKING_OPTOUT) != 0)
        return call_fail(call, "ERR You can't specify both OPTIN mode and OPTOUT mode");
    if (((options & TRACKING_OPTIN) != 0 && (before & TRACKING_OPTOUT) != 0) ||
        ((options & TRACKING_OPTOUT) != 0 && (before & TRACKING_OPTIN) != 0))
        return call_fail(call, "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking "
                               "for this client, and then re-enabling it with a different mode.");
    return STATUS_OK;
}

static enum status fail_overlap(struct call *call, struct bytes prefix, const char *which,
                                struct bytes other)
{
    return call_fail(call,
                     "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a single "
                     "client must not overlap.",
                     (int)prefix.size, prefix.data, which, (int)other.size, other.data);
}

static enum status check_prefixes(struct call *call, const struct tracking_request *request)
{
    for (size_t i = 0; i < request->prefix_count; i++) {
        struct bytes prefix = request->prefixes[i];
        struct bytes other = tracking_overlap(call_services(call)->tracking, call->session, prefix);

        if (other.data != NULL)
            return fail_overlap(call, prefix, "an existing", other);
        for (size_t j = i + 1; j < request->prefix_count; j++) {
            other = request->prefixes[j];
            if (bytes_starts_with(prefix, other) || bytes_starts_with(other, prefix))
                return fail_overlap(call, prefix, "another provided", other);
        }
    }
    return STATUS_OK;
}

static enum status start(struct call *call, const struct tracking_request *request)
{
    enum status s = check_options(call, request);

    if (s == STATUS_OK)
        s = check_prefixes(call, request);
    if (s == STATUS_OK)
        tracking_start(call, request);
    return s;
}

enum status command_client_tracking(struct call *call)
{
    struct bytes *prefixes = xcalloc(call->argc, sizeof *prefixes);
    struct tracking_request request = {.prefixes = prefixes};
    enum status s = parse_tracking(call, &request, prefixes);

    if (s == STATUS_OK && bytes_is_word(call->argv[2], "on"))
        s = start(call, &request);
    else if (s == STATUS_OK && bytes_is_word(call->argv[2], "off"))
        tracking_stop(call_services(call), call->session);
    else if (s == STATUS_OK)
        s = STATUS_SYNTAX;
    free(prefixes);
    if (s == STATUS_OK)
        reply_ok(call->reply);
    return s;
}

/* --- the others --- */

enum status command_client_caching(struct call *call)
{
    unsigned flags = tracking_flags(call->session);
    bool is_yes = bytes_is_word(call->argv[2], "yes");

    if (flags == 0)
        return call_fail(call, "ERR CLIENT CACHING can be called only when the client is in "
                               "tracking mode with OPTIN or OPTOUT mode enabled");
    if (!is_yes && !bytes_is_word(call->argv[2], "no"))
        return STATUS_SYNTAX;
    if (is_yes && (flags & TRACKING_OPTIN) == 0)
        return call_fail(call, "ERR CLIENT CACHING YES is only valid when tracking is enabled in "
                               "OPTIN mode.");
    if (!is_yes && (flags & TRACKING_OPTOUT) == 0)
        return call_fail(call, "ERR CLIENT CACHING NO is only valid when tracking is enabled in "
                               "OPTOUT mode.");
    tracking_set_caching(call->session);
    reply_ok(call->reply);
    return STATUS_OK;
}

enum status command_client_getredir(struct call *call)
{
    reply_integer(call->reply, tracking_redirect(call->session));
    return STATUS_OK;
}

static void reply_flags(struct call *call)
{
    unsigned flags = tracking_flags(call->session);
    bool is_caching = tracking_is_caching(call->session);
    const struct {
        const char *word;
        bool holds;
    } words[] = {
        {"off", flags == 0},
        {"on", flags != 0},
        {"bcast", (flags & TRACKING_BCAST) != 0},
        {"optin", (flags & TRACKING_OPTIN) != 0},
        {"caching-yes", (flags & TRACKING_OPTIN) != 0 && is_caching},
        {"optout", (flags & TRACKING_OPTOUT) != 0},
        {"caching-no", (flags & TRACKING_OPTOUT) != 0 && is_caching},
        {"noloop", (flags & TRACKING_NOLOOP) != 0},
        {"broken_redirect", (flags & TRACKING_BROKEN) != 0},
    };
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(words); i++)
        count += words[i].holds;
    call->reply->ops->set(call->reply, count);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (words[i].holds)
            reply_text(call->reply, words[i].word);
}

static void count_prefix(void *context, struct bytes prefix)
{
    size_t *count = context;

    (void)prefix;
    ++*count;
}

static void reply_prefix(void *context, struct bytes prefix)
{
    reply_bulk(context, prefix);
}

enum status command_client_trackinginfo(struct call *call)
{
    struct tracking *tracking = call_services(call)->tracking;
    size_t count = 0;

    reply_map(call->reply, 3);
    reply_text(call->reply, "flags");
    reply_flags(call);
    reply_text(call->reply, "redirect");
    reply_integer(call->reply, tracking_redirect(call->session));
    reply_text(call->reply, "prefixes");
    tracking_each_prefix(tracking, call->session, count_prefix, &count);
    reply_array(call->reply, count);
    tracking_each_prefix(tracking, call->session, reply_prefix, call->reply);
    return STATUS_OK;
}
