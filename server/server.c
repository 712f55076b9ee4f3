#include "server.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "cluster/cluster.h"
#include "commands/acl.h"
#include "commands/call.h"
#include "commands/clients.h"
#include "commands/cursors.h"
#include "commands/events.h"
#include "commands/memory_limit.h"
#include "commands/pubsub.h"
#include "commands/renames.h"
#include "commands/statistics.h"
#include "commands/table.h"
#include "commands/teller.h"
#include "commands/tracking.h"
#include "commands/watch.h"
#include "http/door.h"
#include "net/crew.h"
#include "net/listener.h"
#include "net/loop.h"
#include "store/store.h"
#include "tls/contexts.h"

/* Descriptors that are not for clients: LevelDB's open tables, and its log, manifest and lock, our
 * listening sockets, three for each loop, the log file, and some to spare. */
#define DESCRIPTORS_OF_LEVELDB 1000
#define DESCRIPTORS_SPARE      64
#define DESCRIPTORS_PER_LOOP   3

struct server {
    struct services services;
    struct crew crew;
    pthread_t *threads; /* of the loops but the first */
    struct listener *listener;
    struct doors *doors; /* NULL = none: http-port 0 */
    int signal_descriptor;
    bool is_ending; /* the first signal has come */
    struct event signal_event, sample_timer;
};

static enum status fail(char *error, const char *format, ...) PRINTF_LIKE(2, 3);

static enum status fail(char *error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(error, SERVER_ERROR_MAX, format, arguments);
    va_end(arguments);
    return STATUS_FAILED;
}

/* --- descriptors --- */

static int64_t reserved_descriptors(const struct options *options)
{
    return DESCRIPTORS_OF_LEVELDB + DESCRIPTORS_SPARE +
           2 * DESCRIPTORS_PER_LOOP * options_number(options, OPTION_IO_THREADS);
}

/* Raises the limit to `wanted` if it is lower, as far as the system lets us, and returns what it is
 * then. */
static int64_t raise_descriptors(int64_t wanted)
{
    struct rlimit limit, raised;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 1024;
    if (limit.rlim_cur == RLIM_INFINITY || (int64_t)limit.rlim_cur >= wanted)
        return wanted;
    raised.rlim_cur = (rlim_t)wanted;
    raised.rlim_max = limit.rlim_max < raised.rlim_cur ? raised.rlim_cur : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return wanted;
    raised = (struct rlimit){limit.rlim_max, limit.rlim_max};
    return (int64_t)(setrlimit(RLIMIT_NOFILE, &raised) == 0 ? limit.rlim_max : limit.rlim_cur);
}

/* How many clients the system allows, at most `wanted`; less than 1 if none. */
static int64_t allowed_clients(const struct options *options, int64_t wanted)
{
    int64_t reserved = reserved_descriptors(options);

    return raise_descriptors(wanted + reserved) - reserved;
}

static void lower_maxclients(struct options *options, int64_t allowed)
{
    char number[INT64_TEXT_MAX + 1], error[OPTIONS_ERROR_MAX];
    const struct bytes words[] = {bytes_of("maxclients"), {number, int64_to_text(allowed, number)}};

    if (options_set(options, words, COUNT_OF(words), error) != STATUS_OK)
        log_line(LOG_WARNING, "maxclients: %s", error);
}

static enum status grant_maxclients(struct options *options, char *error)
{
    int64_t wanted = options_number(options, OPTION_MAXCLIENTS);
    int64_t reserved = reserved_descriptors(options);
    int64_t allowed = allowed_clients(options, wanted);

    if (allowed >= wanted)
        return STATUS_OK;
    if (allowed < 1)
        return fail(
            error,
            "'ulimit -n' allows %lld open files, which leaves none for clients; raise it to "
            "%lld or more",
            (long long)(allowed + reserved), (long long)(wanted + reserved));
    log_line(
        LOG_WARNING,
        "maxclients is lowered from %lld to %lld: 'ulimit -n' allows %lld open files, and %lld "
        "would be needed",
        (long long)wanted, (long long)allowed, (long long)(allowed + reserved),
        (long long)(wanted + reserved));
    lower_maxclients(options, allowed);
    return STATUS_OK;
}

/* --- CONFIG SET --- */

static bool change_maxclients(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX])
{
    struct server *server = context;
    const struct options *options = server->services.options;
    int64_t wanted = options_number(options, id);
    int64_t allowed = allowed_clients(options, wanted);

    if (allowed >= wanted)
        return true;
    (void)snprintf(
        error, OPTIONS_ERROR_MAX,
        "The operating system is not able to handle the specified number of clients, try "
        "with %lld",
        (long long)allowed);
    return false;
}

static bool change_limits(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX])
{
    struct server *server = context;
    struct limits limits = options_limits(server->services.options);

    (void)id;
    (void)error;
    for (int i = 0; i < LIMIT_COUNT; i++)
        registry_set_default(store_registry(server->services.store), (enum limit)i, limits.at[i]);
    return true;
}

static bool change_loglevel(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX])
{
    struct server *server = context;

    (void)error;
    log_set_level((enum log_level)options_number(server->services.options, id));
    return true;
}

static bool change_memory(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX])
{
    struct server *server = context;

    (void)error;
    (void)id;
    memory_limit_look(&server->services);
    return true;
}

static bool change_port(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX])
{
    struct server *server = context;

    if (listener_change_port(server->listener, id))
        return true;
    (void)snprintf(error, OPTIONS_ERROR_MAX, "Unable to listen on this port. Check server logs.");
    return false;
}

/* Redis's words, and the reason, which Redis writes to its log. */
static bool prepare_tls(struct server *server, char error[OPTIONS_ERROR_MAX])
{
    char reason[TLS_ERROR_MAX];

    if (tls_contexts_prepare(server->services.tls, reason) == STATUS_OK)
        return true;
    (void)snprintf(error, OPTIONS_ERROR_MAX, "Unable to update TLS configuration: %.400s", reason);
    return false;
}

/* Certificates, and all that goes with them. */
static bool change_tls(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX])
{
    struct server *server = context;

    (void)id;
    if (!prepare_tls(server, error))
        return false;
    tls_contexts_switch(server->services.tls);
    log_line(LOG_NOTICE, "TLS: new connections use the certificates as the options say now");
    return true;
}

/* The port needs them, and is worth nothing without. */
static bool change_tls_port(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX])
{
    struct server *server = context;

    if (!prepare_tls(server, error) || !change_port(context, id, error))
        return false;
    tls_contexts_switch(server->services.tls);
    return true;
}

static bool change_events(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX])
{
    struct server *server = context;

    (void)id;
    (void)error;
    events_obey(server->services.events, server->services.store);
    return true;
}

static bool change_tracking(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX])
{
    struct server *server = context;

    (void)id;
    (void)error;
    tracking_trim(server->services.tracking);
    return true;
}

static void obey_options(struct server *server)
{
    struct options *options = server->services.options;

    acl_obey_options(server->services.acl);
    options_set_hook(options, OPTION_MAXCLIENTS, change_maxclients, server);
    options_set_hook(options, OPTION_LOGLEVEL, change_loglevel, server);
    options_set_hook(options, OPTION_CACHE_SIZE, change_memory, server);
    options_set_hook(options, OPTION_MAXMEMORY, change_memory, server);
    options_set_hook(options, OPTION_MAXMEMORY_POLICY, change_memory, server);
    options_set_hook(options, OPTION_PORT, change_port, server);
    options_set_hook(options, OPTION_TLS_PORT, change_tls_port, server);
    for (int i = OPTION_TLS_CERT_FILE; i <= OPTION_TLS_SESSION_CACHE_TIMEOUT; i++)
        options_set_hook(options, (enum option_id)i, change_tls, server);
    options_set_hook(options, OPTION_NOTIFY_KEYSPACE_EVENTS, change_events, server);
    options_set_hook(options, OPTION_TRACKING_TABLE_MAX_KEYS, change_tracking, server);
    for (int i = 0; i <= LIMIT_COUNT; i++)
        options_set_hook(options, (enum option_id)(OPTION_LIMITS + i), change_limits, server);
}

/* --- ending --- */

static void stop(void *context)
{
    struct server *server = context;

    for (int i = 0; i < server->crew.count; i++)
        loop_stop(server->crew.loops[i]);
    doors_stop(server->doors);
}

static void on_signal(evutil_socket_t descriptor, short what, void *context)
{
    struct server *server = context;
    struct signalfd_siginfo signal;

    (void)what;
    if (read(descriptor, &signal, sizeof signal) != sizeof signal)
        return;
    if (server->is_ending)
        _exit(EXIT_FAILURE);
    server->is_ending = true;
    log_line(LOG_NOTICE, "%s: finishing what has been accepted, then good-bye",
             signal.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
    stop(server);
}

static void fill_signals(sigset_t *signals)
{
    (void)sigemptyset(signals);
    (void)sigaddset(signals, SIGTERM);
    (void)sigaddset(signals, SIGINT);
}

/* From here on the signals do what they do to any process. */
static void stop_listening_to_signals(void)
{
    sigset_t signals;

    fill_signals(&signals);
    (void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

/* --- building --- */

static void on_sample(evutil_socket_t descriptor, short what, void *context)
{
    struct server *server = context;
    const struct timeval wait =
        reactor_milliseconds(statistics_sample(server->services.statistics));

    (void)descriptor;
    (void)what;
    memory_limit_look(&server->services);
    (void)event_add(&server->sample_timer, &wait);
}

/* What the first loop does besides serving clients. */
static enum status add_duties(struct server *server, char *error)
{
    struct event_base *base = server->crew.loops[0]->reactor.base;
    sigset_t signals;

    fill_signals(&signals);
    server->signal_descriptor = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (server->signal_descriptor < 0)
        return fail(error, "no descriptor for signals: %s", strerror(errno));
    (void)event_assign(&server->signal_event, base, server->signal_descriptor, EV_READ | EV_PERSIST,
                       on_signal, server);
    (void)event_add(&server->signal_event, NULL);
    (void)evtimer_assign(&server->sample_timer, base, on_sample, server);
    on_sample(-1, EV_TIMEOUT, server);
    listener_start(server->listener, &server->crew);
    return STATUS_OK;
}

static enum status create_loops(struct server *server, char *error)
{
    struct crew *crew = &server->crew;
    int count = (int)options_number(server->services.options, OPTION_IO_THREADS);

    crew->loops = xcalloc((size_t)count, sizeof crew->loops[0]);
    server->threads = xcalloc((size_t)count, sizeof server->threads[0]);
    while (crew->count < count) {
        if (loop_create(&server->services, crew, &crew->loops[crew->count]) != STATUS_OK)
            return fail(error, "no descriptors for an event loop: %s", strerror(errno));
        crew->count++;
    }
    return STATUS_OK;
}

/* Only with a secret: without one there is nobody to talk to. */
static enum status create_cluster(struct services *services, char *error)
{
    char *secret = options_take_text(services->options, OPTION_CLUSTER_SECRET);
    bool is_wanted = secret[0] != '\0' && options_is_on(services->options, OPTION_REPLICATION);

    free(secret);
    return is_wanted ? cluster_create(services->options, services->tls, services->store,
                                      services->clock, &services->cluster, error)
                     : STATUS_OK;
}

/* A second server on one machine needs not say that it can't have the usual port for HTTP; who
 * names a port means it. */
static enum status create_doors(struct server *server, char *error)
{
    struct services *services = &server->services;
    enum status s = doors_create(services, &server->crew.client_count, &server->doors, error);

    if (s == STATUS_OK || options_is_given(services->options, OPTION_HTTP_PORT))
        return s;
    log_line(LOG_WARNING, "no HTTP: %s", error);
    return STATUS_OK;
}

static enum status build(struct server *server, char *error)
{
    struct services *services = &server->services;
    enum status s;

    services->clock = clock_real();
    services->statistics = statistics_create(services->options, services->clock);
    services->clients = clients_create();
    services->acl = acl_create(services->options);
    services->pubsub = pubsub_create();
    services->events = events_create(services->options, services->pubsub);
    services->tracking = tracking_create(services->options);
    services->watch = watch_create(services);
    services->cursors = cursors_create(CURSORS_POSITIONS_MAX, CURSORS_BYTES_MAX);
    services->shutdown = stop;
    services->shutdown_context = server;
    if (renames_apply(services->options, error) != STATUS_OK ||
        acl_load_at_start(services->acl, error) != STATUS_OK)
        return STATUS_FAILED;
    s = grant_maxclients(services->options, error);
    if (s == STATUS_OK)
        s = tls_contexts_create(services->options, &services->tls, error);
    if (s == STATUS_OK)
        s = listener_create(services, &server->listener, error);
    if (s != STATUS_OK)
        return s;
    if (store_open(services->options, services->clock, &services->store, error) != STATUS_OK)
        return STATUS_FAILED;
    store_set_teller(services->store, teller_tell, services);
    events_obey(services->events, services->store);
    s = create_cluster(services, error);
    if (s == STATUS_OK)
        s = create_loops(server, error);
    if (s == STATUS_OK)
        s = create_doors(server, error);
    if (s == STATUS_OK)
        s = add_duties(server, error);
    if (s == STATUS_OK)
        obey_options(server);
    return s;
}

enum status server_create(struct options *options, struct server **created,
                          char error[SERVER_ERROR_MAX])
{
    struct server *server = xcalloc(1, sizeof *server);
    enum status s;

    server->services.options = options;
    server->signal_descriptor = -1;
    table_init();
    s = build(server, error);
    if (s == STATUS_OK)
        *created = server;
    else
        server_destroy(server);
    return s;
}

void server_destroy(struct server *server)
{
    struct services *services;

    if (server == NULL)
        return;
    services = &server->services;
    listener_destroy(server->listener);
    if (server->signal_descriptor >= 0)
        (void)close(server->signal_descriptor);
    doors_destroy(server->doors);
    for (int i = 0; i < server->crew.count; i++)
        loop_destroy(server->crew.loops[i]);
    free(server->crew.loops);
    free(server->threads);
    cluster_destroy(services->cluster);
    if (services->store != NULL)
        store_close(services->store);
    cursors_destroy(services->cursors);
    clients_destroy(services->clients);
    events_destroy(services->events);
    acl_destroy(services->acl);
    tracking_destroy(services->tracking);
    watch_destroy(services->watch);
    pubsub_destroy(services->pubsub);
    statistics_destroy(services->statistics);
    tls_contexts_destroy(services->tls);
    free(server);
}

void server_describe(const struct server *server, struct buffer *text)
{
    const struct services *services = &server->services;

    listener_describe(server->listener, text);
    if (server->doors != NULL) {
        buffer_append_text(text, ", HTTP on ");
        doors_describe(server->doors, text);
    }
    if (services->cluster != NULL)
        buffer_printf(text, ", replicas on port %d",
                      (int)options_number(services->options, OPTION_GOSSIP_PORT));
}

/* --- running --- */

static void *run_loop(void *loop)
{
    loop_run(loop);
    return NULL;
}

void server_run(struct server *server)
{
    server->services.startup_memory = memory_used();
    for (int i = 1; i < server->crew.count; i++) {
        char name[32];

        if (pthread_create(&server->threads[i], NULL, run_loop, server->crew.loops[i]) != 0)
            abort(); /* listener deals clients to it */
        (void)snprintf(name, sizeof name, "loop-%d", i);
        (void)pthread_setname_np(server->threads[i], name);
    }
    if (server->services.cluster != NULL)
        cluster_start(server->services.cluster);
    doors_start(server->doors);
    loop_run(server->crew.loops[0]);
    stop_listening_to_signals();
    for (int i = 1; i < server->crew.count; i++)
        (void)pthread_join(server->threads[i], NULL);
    doors_join(server->doors);
    cluster_stop(server->services.cluster);
}
