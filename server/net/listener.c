#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/listening.h"
#include "base/log.h"
#include "base/memory.h"
#include "commands/acl.h"
#include "commands/clients.h"
#include "commands/statistics.h"

/* Accepted in one go: more would keep the first loop's clients waiting. */
#define ACCEPTS_PER_EVENT 64

/* How long not to try after the system ran out of descriptors or memory. */
#define PAUSE_MS 100

#define ADDRESSES_MAX 31 /* of bind */
#define SOCKETS_MAX   (2 * ADDRESSES_MAX + 1)

#define TOO_MANY_CLIENTS "-ERR max number of clients reached\r\n"
#define DENIED                                                                                     \
    "-DENIED Grapevine has no password, and protected-mode admits only clients of its own "        \
    "machine. "                                                                                    \
    "Set a password with requirepass, or, if every host that can reach this port may use it, "     \
    "turn "                                                                                        \
    "protected-mode off; CONFIG SET does both from this machine.\r\n"

/* Also the order in which they are opened. */
enum socket_kind { SOCKET_PLAIN, SOCKET_TLS, SOCKET_UNIX };

/* The ports; a unix socket can't change. */
#define PORTS SOCKET_UNIX

static const enum option_id port_options[PORTS] = {
    [SOCKET_PLAIN] = OPTION_PORT,
    [SOCKET_TLS] = OPTION_TLS_PORT,
};

/* Why a client may not come in, in the words of either protocol.  TLS has alerts for that, which
 * may come before anything else: record type, version, length; fatal; internal error, access
 * denied. */
struct refusal {
    const char *plain;
    const char *alert;
};

#define ALERT_SIZE 7

static const struct refusal too_many = {TOO_MANY_CLIENTS, "\x15\x03\x01\x00\x02\x02\x50"};
static const struct refusal denied = {DENIED, "\x15\x03\x01\x00\x02\x02\x31"};

struct listening_socket {
    struct listener *listener;
    int descriptor;
    enum socket_kind kind;
    struct event event;
};

struct listener {
    struct services *services;
    struct crew *crew;
    struct listening_socket sockets[SOCKETS_MAX];
    int socket_count;
    char *socket_path; /* of the unix socket we made, removed at the end; NULL = none */
    struct event resume_timer;
    int64_t trouble_logged_s;

    /* CONFIG SET port or tls-port: another thread binds, the first loop exchanges the sockets */
    int summons; /* eventfd */
    struct event summons_event;
    pthread_mutex_t mutex;
    struct listener
        *replacements[PORTS]; /* whose sockets take the place of ours; under the mutex */
};

/* --- binding --- */

static enum status fail(char *error, const char *format, ...) PRINTF_LIKE(2, 3);

static enum status fail(char *error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(error, LISTENER_ERROR_MAX, format, arguments);
    va_end(arguments);
    return STATUS_FAILED;
}

static int64_t number(const struct listener *listener, enum option_id id)
{
    return options_number(listener->services->options, id);
}

static bool has_port(const struct listener *listener, enum socket_kind kind)
{
    return number(listener, port_options[kind]) != 0;
}

static void add_socket(struct listener *listener, int descriptor, enum socket_kind kind)
{
    listener->sockets[listener->socket_count++] =
        (struct listening_socket){.listener = listener, .descriptor = descriptor, .kind = kind};
}

/* One word of `bind`. */
static enum status bind_tcp(struct listener *listener, const char *word, enum socket_kind kind,
                            char *error)
{
    enum option_id port = port_options[kind];
    int descriptor;
    enum status s;

    if (listener->socket_count >= SOCKETS_MAX - 1)
        return fail(error, "more than %d addresses in --bind", ADDRESSES_MAX);
    s = listening_open(word, (int)number(listener, port), option_name(port),
                       (int)number(listener, OPTION_TCP_BACKLOG), &descriptor, error);
    if (s == STATUS_OK)
        add_socket(listener, descriptor, kind);
    return s == STATUS_NOT_FOUND ? STATUS_OK : s;
}

static enum status bind_port(struct listener *listener, enum socket_kind kind, char *error)
{
    int count = listener->socket_count;
    char *words = options_take_text(listener->services->options, OPTION_BIND);
    char *rest = words;
    enum status s = STATUS_OK;

    for (char *word; s == STATUS_OK && (word = strsep(&rest, " \t")) != NULL;)
        if (*word != '\0')
            s = bind_tcp(listener, word, kind, error);
    free(words);
    if (s == STATUS_OK && listener->socket_count == count)
        return fail(error, "this machine has none of the addresses of --bind");
    return s;
}

/* Did a server that is gone leave its socket behind?  (Anything but a socket is not ours to touch,
 * and connecting to it would be refused just the same.) */
static bool is_stale(const struct sockaddr_un *address)
{
    struct stat status;
    bool is_refused;
    int probe;

    if (lstat(address->sun_path, &status) < 0 || !S_ISSOCK(status.st_mode))
        return false;
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return false;
    is_refused = connect(probe, (const struct sockaddr *)address, sizeof *address) < 0 &&
                 errno == ECONNREFUSED;
    (void)close(probe);
    return is_refused;
}

/* 0 or why not. */
static int bind_unix_address(int descriptor, const struct sockaddr_un *address)
{
    const struct sockaddr *generic = (const struct sockaddr *)address;

    if (bind(descriptor, generic, sizeof *address) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return errno;
    if (!is_stale(address))
        return EADDRINUSE;
    if (unlink(address->sun_path) == 0 && bind(descriptor, generic, sizeof *address) == 0)
        return 0;
    return errno;
}

static enum status explain_unix(char *error, const char *path, int why)
{
    if (why == EADDRINUSE)
        return fail(error, "%s is in use or no socket; choose another with --unixsocket", path);
    return fail(error, "can't make the unix socket %s: %s", path, strerror(why));
}

static enum status bind_unix(struct listener *listener, const char *path, char *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t mode = (mode_t)number(listener, OPTION_UNIXSOCKETPERM);
    int descriptor, why;

    if (strlen(path) >= sizeof address.sun_path)
        return fail(error,
                    "the path of --unixsocket is longer than the %zu bytes a socket may have",
                    sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path));
    descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return explain_unix(error, path, errno);
    add_socket(listener, descriptor, SOCKET_UNIX);
    why = bind_unix_address(descriptor, &address);
    if (why != 0)
        return explain_unix(error, path, why);
    listener->socket_path = xstrdup(path);
    if ((mode != 0 && chmod(path, mode) < 0) ||
        listen(descriptor, (int)number(listener, OPTION_TCP_BACKLOG)) < 0)
        return fail(error, "can't listen on the unix socket %s: %s", path, strerror(errno));
    return STATUS_OK;
}

static enum status bind_all(struct listener *listener, char *error)
{
    char *path = options_take_text(listener->services->options, OPTION_UNIXSOCKET);
    bool has_path = *path != '\0';
    enum status s = STATUS_OK;

    if (!has_path && !has_port(listener, SOCKET_PLAIN) && !has_port(listener, SOCKET_TLS))
        s = fail(error, "there is nothing to listen on; give --port, --tls-port or --unixsocket");
    for (int kind = 0; kind < PORTS && s == STATUS_OK; kind++)
        if (has_port(listener, (enum socket_kind)kind))
            s = bind_port(listener, (enum socket_kind)kind, error);
    if (s == STATUS_OK && has_path)
        s = bind_unix(listener, path, error);
    free(path);
    return s;
}

enum status listener_create(struct services *services, struct listener **created,
                            char error[LISTENER_ERROR_MAX])
{
    struct listener *listener = xcalloc(1, sizeof *listener);
    enum status s;

    listener->services = services;
    listener->summons = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    (void)pthread_mutex_init(&listener->mutex, NULL);
    s = bind_all(listener, error);
    if (s == STATUS_OK)
        *created = listener;
    else
        listener_destroy(listener);
    return s;
}

static void close_sockets(struct listener *listener)
{
    for (int i = 0; i < listener->socket_count; i++)
        (void)close(listener->sockets[i].descriptor);
}

static void discard(struct listener *replacement)
{
    if (replacement == NULL)
        return;
    close_sockets(replacement);
    free(replacement);
}

void listener_destroy(struct listener *listener)
{
    if (listener == NULL)
        return;
    for (int kind = 0; kind < PORTS; kind++)
        discard(listener->replacements[kind]);
    close_sockets(listener);
    (void)close(listener->summons);
    (void)pthread_mutex_destroy(&listener->mutex);
    if (listener->socket_path != NULL)
        (void)unlink(listener->socket_path);
    free(listener->socket_path);
    free(listener);
}

void listener_describe(const struct listener *listener, struct buffer *text)
{
    for (int i = 0; i < listener->socket_count; i++) {
        enum socket_kind kind = listener->sockets[i].kind;
        char address[128];

        address_of_socket(listener->sockets[i].descriptor, address, sizeof address);
        buffer_printf(text, "%s%s%s", i == 0 ? "" : ", ",
                      kind == SOCKET_UNIX ? listener->socket_path : address,
                      kind == SOCKET_TLS ? " (TLS)" : "");
    }
}

/* --- accepting --- */

/* What to tell a client that may not come in; NULL if it may. */
static const struct refusal *refusal_of(const struct listener *listener,
                                        const struct sockaddr *peer)
{
    const struct options *options = listener->services->options;

    if (atomic_load(&listener->crew->client_count) >= number(listener, OPTION_MAXCLIENTS))
        return &too_many;
    if (!address_is_loopback(peer) && options_is_on(options, OPTION_PROTECTED_MODE) &&
        !acl_needs_password(listener->services->acl))
        return &denied;
    return NULL;
}

static void welcome(struct listener *listener, struct newcomer newcomer,
                    const struct sockaddr *peer)
{
    const struct refusal *refusal = refusal_of(listener, peer);

    if (refusal == NULL) {
        loop_adopt(crew_admit(listener->crew), newcomer);
        return;
    }
    statistics_add(listener->crew->loops[0]->reactor.worker.statistics,
                   COUNTER_REJECTED_CONNECTIONS, 1);
    (void)send(newcomer.descriptor, newcomer.uses_tls ? refusal->alert : refusal->plain,
               newcomer.uses_tls ? ALERT_SIZE : strlen(refusal->plain), MSG_NOSIGNAL);
    (void)close(newcomer.descriptor);
}

/* The system is out of descriptors or memory.  The knocking client stays in the queue and would
 * wake us again and again, so nobody listens for a moment. */
static void pause_accepting(struct listener *listener, int why)
{
    struct timeval pause = {.tv_sec = 0, .tv_usec = PAUSE_MS * 1000};
    int64_t now_s = listener->crew->loops[0]->reactor.now_s;

    if (now_s != listener->trouble_logged_s)
        log_line(LOG_WARNING, "can't accept clients for the moment: %s", strerror(why));
    listener->trouble_logged_s = now_s;
    for (int i = 0; i < listener->socket_count; i++)
        (void)event_del(&listener->sockets[i].event);
    (void)evtimer_add(&listener->resume_timer, &pause);
}

static void on_resume(evutil_socket_t descriptor, short what, void *context)
{
    struct listener *listener = context;

    (void)descriptor;
    (void)what;
    for (int i = 0; i < listener->socket_count; i++)
        (void)event_add(&listener->sockets[i].event, NULL);
}

/* accept() failed: is there any use in calling it again at once? */
static bool go_on_after(struct listener *listener, int why)
{
    if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM)
        pause_accepting(listener, why);
    return why == ECONNABORTED || why == EINTR;
}

static void on_knock(evutil_socket_t descriptor, short what, void *context)
{
    struct listening_socket *knocked = context;
    struct listener *listener = knocked->listener;

    (void)what;
    reactor_begin_turn(&listener->crew->loops[0]->reactor);
    for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
        struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
        socklen_t length = sizeof peer;
        int client =
            accept4(descriptor, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (client >= 0)
            welcome(listener, (struct newcomer){client, knocked->kind == SOCKET_TLS},
                    (const struct sockaddr *)&peer);
        else if (!go_on_after(listener, errno))
            return;
    }
}

static void watch_sockets(struct listener *listener)
{
    for (int i = 0; i < listener->socket_count; i++) {
        struct listening_socket *socket = &listener->sockets[i];

        (void)event_assign(&socket->event, listener->crew->loops[0]->reactor.base,
                           socket->descriptor, EV_READ | EV_PERSIST, on_knock, socket);
        (void)event_add(&socket->event, NULL);
    }
}

/* --- another port --- */

/* The replacement's sockets and ours of other kinds; ours of this kind are closed. */
static void exchange_sockets(struct listener *listener, struct listener *replacement,
                             enum socket_kind kind)
{
    for (int i = 0; i < listener->socket_count; i++) {
        struct listening_socket *socket = &listener->sockets[i];

        (void)event_del(&socket->event);
        if (socket->kind == kind)
            (void)close(socket->descriptor);
        else
            add_socket(replacement, socket->descriptor, socket->kind);
    }
    listener->socket_count = 0;
    for (int i = 0; i < replacement->socket_count; i++)
        add_socket(listener, replacement->sockets[i].descriptor, replacement->sockets[i].kind);
    free(replacement);
    watch_sockets(listener);
}

static struct listener *replace(struct listener *listener, enum socket_kind kind,
                                struct listener *replacement)
{
    struct listener *former;

    (void)pthread_mutex_lock(&listener->mutex);
    former = listener->replacements[kind];
    listener->replacements[kind] = replacement;
    (void)pthread_mutex_unlock(&listener->mutex);
    return former;
}

static void on_summons(evutil_socket_t descriptor, short what, void *context)
{
    struct listener *listener = context;
    uint64_t count;

    (void)what;
    (void)!read(descriptor, &count, sizeof count);
    for (int i = 0; i < PORTS; i++) {
        enum socket_kind kind = (enum socket_kind)i;
        struct listener *replacement = replace(listener, kind, NULL);

        if (replacement != NULL)
            exchange_sockets(listener, replacement, kind);
    }
}

/* As in Redis: who closes the last port has a connection still, and may open another. */
static void warn_if_deaf(const struct listener *listener)
{
    if (has_port(listener, SOCKET_PLAIN) || has_port(listener, SOCKET_TLS) ||
        listener->socket_path != NULL)
        return;
    log_line(LOG_WARNING, "port and tls-port are 0: no more clients can connect until one of those "
                          "that are in sets a port");
}

bool listener_change_port(struct listener *listener, enum option_id port)
{
    enum socket_kind kind = port == OPTION_PORT ? SOCKET_PLAIN : SOCKET_TLS;
    struct listener *replacement = xcalloc(1, sizeof *replacement);
    char error[LISTENER_ERROR_MAX];
    const uint64_t one = 1;

    replacement->services = listener->services;
    if (has_port(listener, kind) && bind_port(replacement, kind, error) != STATUS_OK) {
        log_line(LOG_WARNING, "CONFIG SET %s: %s", option_name(port), error);
        discard(replacement);
        return false;
    }
    discard(replace(listener, kind, replacement));
    (void)!write(listener->summons, &one, sizeof one);
    warn_if_deaf(listener);
    return true;
}

void listener_start(struct listener *listener, struct crew *crew)
{
    struct event_base *base = crew->loops[0]->reactor.base;

    listener->crew = crew;
    (void)evtimer_assign(&listener->resume_timer, base, on_resume, listener);
    (void)event_assign(&listener->summons_event, base, listener->summons, EV_READ | EV_PERSIST,
                       on_summons, listener);
    (void)event_add(&listener->summons_event, NULL);
    watch_sockets(listener);
}
