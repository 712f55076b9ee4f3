#include "session.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECT_TIMEOUT_MS 10000
#define ANSWER_TIMEOUT_MS  60000 /* a page of a listing may be read from disk */
#define PATIENCE_MS        60000
#define PORT_USUAL         6379

static volatile sig_atomic_t interrupts;

bool is_given(const struct cli *cli, enum cli_option option)
{
    return cli->line.option[option] != NULL;
}

/* --- errors --- */

void complain(const char *format, ...)
{
    va_list arguments;

    fputs("grapevine-cli: ", stderr);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

enum cli_exit session_exit(enum grapevine_error error)
{
    switch (error) {
    case GRAPEVINE_OK:
        return CLI_EXIT_OK;
    case GRAPEVINE_NOT_FOUND:
    case GRAPEVINE_CONDITION:
        return CLI_EXIT_NOT_FOUND;
    case GRAPEVINE_RATE_LIMITED:
        return CLI_EXIT_RATE;
    case GRAPEVINE_UNREACHABLE:
    case GRAPEVINE_TIMEOUT:
    case GRAPEVINE_OUTCOME_UNKNOWN:
    case GRAPEVINE_CANCELLED:
        return CLI_EXIT_UNREACHABLE;
    case GRAPEVINE_ARGUMENT:
    case GRAPEVINE_BUSY:
        return CLI_EXIT_USAGE;
    case GRAPEVINE_TOO_LONG:
    case GRAPEVINE_FULL:
    case GRAPEVINE_NO_NAMESPACE:
    case GRAPEVINE_NAMESPACE_TAKEN:
    case GRAPEVINE_DENIED:
    case GRAPEVINE_UNAVAILABLE:
    case GRAPEVINE_REFUSED:
    case GRAPEVINE_PROTOCOL:
        break;
    }
    return CLI_EXIT_REFUSED;
}

enum cli_exit session_fail(const struct grapevine *client, enum grapevine_error error)
{
    return FAIL(session_exit(error), "%s", grapevine_sentence(client));
}

enum cli_exit session_flush(void)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return CLI_EXIT_OK;
    if (errno != EPIPE)
        complain("cannot write the answer: %s", strerror(errno));
    return CLI_EXIT_USAGE;
}

/* --- where to --- */

/* --server, --socket, or --host and --port, as the library wants them. */
void session_servers(const struct cli *cli, char text[SESSION_SERVERS_MAX])
{
    const char *const *option = cli->line.option;
    const char *host = option[CLI_OPTION_HOST] != NULL ? option[CLI_OPTION_HOST] : "127.0.0.1";
    const char *socket = option[CLI_OPTION_SOCKET];
    bool is_v6 = strchr(host, ':') != NULL && host[0] != '[';

    if (option[CLI_OPTION_SERVER] != NULL)
        snprintf(text, SESSION_SERVERS_MAX, "%s", option[CLI_OPTION_SERVER]);
    else if (socket != NULL)
        snprintf(text, SESSION_SERVERS_MAX, "%s%s", strchr(socket, '/') != NULL ? "" : "./",
                 socket);
    else
        snprintf(text, SESSION_SERVERS_MAX, "%s%s%s:%lld", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
                 cli_line_number(&cli->line, CLI_OPTION_PORT, PORT_USUAL));
}

const struct grapevine_tls *session_tls(const struct cli *cli, struct grapevine_tls *tls)
{
    const char *const *option = cli->line.option;

    *tls = (struct grapevine_tls){
        .ca_file = option[CLI_OPTION_CACERT],
        .ca_folder = option[CLI_OPTION_CACERTDIR],
        .cert_file = option[CLI_OPTION_CERT],
        .key_file = option[CLI_OPTION_KEY],
        .server_name = option[CLI_OPTION_SNI],
        .is_insecure = is_given(cli, CLI_OPTION_INSECURE),
    };
    return is_given(cli, CLI_OPTION_TLS) ? tls : NULL;
}

static enum cli_exit create(const struct grapevine_options *options, struct grapevine **client)
{
    char sentence[GRAPEVINE_SENTENCE_MAX];

    if (grapevine_create(options, client, sentence) == GRAPEVINE_OK)
        return CLI_EXIT_OK;
    return FAIL(CLI_EXIT_USAGE, "%s", sentence);
}

/* Is there a server that lets us in? */
static enum cli_exit try_once(const struct grapevine_options *options)
{
    struct grapevine_options once = *options;
    struct grapevine *client;
    enum grapevine_error error;
    enum cli_exit code;

    once.attempts_max = 1;
    code = create(&once, &client);
    if (code != CLI_EXIT_OK)
        return code;
    error = grapevine_ping(client);
    if (error != GRAPEVINE_OK)
        code = session_fail(client, error);
    grapevine_destroy(client);
    return code;
}

enum cli_exit session_open(const struct cli *cli, const char *ns, enum session_patience patience,
                           struct grapevine **client)
{
    char servers[SESSION_SERVERS_MAX];
    const char *password = cli->line.option[CLI_OPTION_PASSWORD];
    int64_t timeout_s = cli_line_number(&cli->line, CLI_OPTION_TIMEOUT, 0);
    struct grapevine_tls tls;
    struct grapevine_options options = {
        .servers = servers,
        .user = cli->line.option[CLI_OPTION_USER],
        .password = password != NULL ? password : getenv("GRAPEVINE_PASSWORD"),
        .ns = ns != NULL ? ns : cli->line.option[CLI_OPTION_NAMESPACE],
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .answer_timeout_ms = ANSWER_TIMEOUT_MS,
        .tls = session_tls(cli, &tls),
        .deadline_ms = timeout_s != 0 ? timeout_s * 1000 : PATIENCE_MS,
        .attempts_max = patience == SESSION_HASTY && timeout_s == 0 ? 1 : 0,
    };
    enum cli_exit code = CLI_EXIT_OK;

    if (options.user != NULL && (options.password == NULL || options.password[0] == '\0'))
        return FAIL(CLI_EXIT_USAGE, "--user needs -a or GRAPEVINE_PASSWORD too");
    session_servers(cli, servers);
    if (timeout_s == 0 && patience == SESSION_PATIENT)
        code = try_once(&options);
    return code == CLI_EXIT_OK ? create(&options, client) : code;
}

/* --- signals and time --- */

static void on_interrupt(int signal_number)
{
    if (interrupts++ > 0) {
        (void)signal(signal_number, SIG_DFL);
        (void)raise(signal_number);
    }
}

void session_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool session_is_interrupted(void)
{
    return interrupts > 0;
}

int64_t session_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
