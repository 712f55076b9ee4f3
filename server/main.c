/* main.c - the process: arguments, background, signals, exit code. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/log.h"
#include "base/memory.h"
#include "commands/compat.h"
#include "config/options.h"
#include "server.h"

static int fail(const char *error)
{
    (void)fprintf(stderr, "grapevine-server: %s\n", error);
    return EXIT_FAILURE;
}

/* --- what is only asked for --- */

static int print(struct buffer *text)
{
    bool is_printed =
        fwrite(text->data, 1, text->size, stdout) == text->size && fflush(stdout) == 0;

    buffer_clear(text);
    return is_printed ? EXIT_SUCCESS : fail(strerror(errno));
}

static int print_help(void)
{
    struct buffer text = {0};

    buffer_append_text(&text,
                       "Usage: grapevine-server [FILE] [--option value ...]\n"
                       "       grapevine-server --help | --version\n"
                       "\n"
                       "FILE is a configuration file, one \"option value\" a line; \"-\" reads "
                       "standard input.\n"
                       "Sizes may be written as 64kb, 256mb or 1gb.\n");
    options_help(&text);
    return print(&text);
}

static int print_version(void)
{
    struct buffer text = {0};

    buffer_printf(&text, "Grapevine server v=%s malloc=%s bits=%d\n", GRAPEVINE_VERSION,
                  memory_allocator(), (int)sizeof(void *) * 8);
    return print(&text);
}

static int print_compat(void)
{
    struct buffer text = {0};

    compat_print(&text);
    return print(&text);
}

static const struct {
    const char *word;
    int (*print)(void);
} questions[] = {
    /* clang-format off */
    {"--help", print_help},
    {"-h", print_help},
    {"--version", print_version},
    {"-v", print_version},
    {"--print-compat", print_compat}, /* the tables of redis-compat.md */
    /* clang-format on */
};

/* --- the background --- */

/* Lets go of the terminal.  The process that was started waits, so that whoever started it sees its
 * exit code: 0 once the server is ready, which is when the child writes to *ready. */
static bool enter_background(int *ready)
{
    int ends[2];
    pid_t child;
    char byte;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    child = fork();
    if (child < 0)
        return false;
    if (child > 0) {
        (void)close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    (void)close(ends[0]);
    *ready = ends[1];
    (void)setsid();
    return true;
}

static void leave_terminal(int ready)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int descriptor = STDIN_FILENO; null >= 0 && descriptor <= STDERR_FILENO; descriptor++)
        (void)dup2(null, descriptor);
    if (null >= 0)
        (void)close(null);
    if (write(ready, "", 1) < 0)
        log_line(LOG_WARNING, "whoever started the server did not wait for it");
    (void)close(ready);
}

/* --- the server --- */

/* Before any thread starts: server_run() waits for the signals it ends by, in all threads. */
static void prepare_signals(void)
{
    sigset_t signals;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
}

static bool open_log(const struct options *options)
{
    char *path = options_take_text(options, OPTION_LOGFILE);
    bool is_open = log_open(path, (enum log_level)options_number(options, OPTION_LOGLEVEL));

    free(path);
    return is_open;
}

static void write_pid(const char *path)
{
    FILE *file = fopen(path, "we");

    if (file == NULL || fprintf(file, "%d\n", (int)getpid()) < 0)
        log_line(LOG_WARNING, "pidfile %s: %s", path, strerror(errno));
    if (file != NULL)
        (void)fclose(file);
}

/* The port's own address is the first one.  redis-cli looks on the loopback by itself. */
static void tell_how_to_talk(const struct options *options, struct bytes addresses)
{
    static const char *const by_itself[] = {"127.", "0.0.0.0:", "[::1]:", "[::]:"};
    const char *comma = memchr(addresses.data, ',', addresses.size);
    struct bytes first = {addresses.data,
                          comma == NULL ? addresses.size : (size_t)(comma - addresses.data)};
    char text[128];
    struct bytes host = {"", 0};
    bool is_near = false;

    (void)snprintf(text, sizeof text, "%.*s", (int)first.size, first.data);
    for (size_t i = 0; i < COUNT_OF(by_itself); i++)
        is_near |= strncmp(text, by_itself[i], strlen(by_itself[i])) == 0;
    if (!is_near)
        host = address_host(text);
    log_line(LOG_NOTICE, "Talk to it with: redis-cli%s%.*s -p %d", is_near ? "" : " -h ",
             (int)host.size, host.data, (int)options_number(options, OPTION_PORT));
}

static void announce(const struct options *options, const struct server *server)
{
    char *dir = options_take_text(options, OPTION_DIR);
    char *absolute = realpath(dir, NULL);
    struct buffer addresses = {0};

    server_describe(server, &addresses);
    log_line(LOG_NOTICE, "Grapevine %s, data in %s, %d event loops", GRAPEVINE_VERSION,
             absolute != NULL ? absolute : dir, (int)options_number(options, OPTION_IO_THREADS));
    log_line(LOG_NOTICE, "Ready to accept connections on %.*s", (int)addresses.size,
             addresses.data);
    if (options_number(options, OPTION_PORT) != 0)
        tell_how_to_talk(options, buffer_view(&addresses));
    buffer_clear(&addresses);
    free(absolute);
    free(dir);
}

/* Once the server is built: `ready` is where to say so, -1 in the foreground. */
static void run(const struct options *options, struct server *server, int ready)
{
    char *pid_path = options_take_text(options, OPTION_PIDFILE);

    if (*pid_path != '\0')
        write_pid(pid_path);
    announce(options, server);
    if (ready >= 0)
        leave_terminal(ready);
    server_run(server);
    if (*pid_path != '\0')
        (void)unlink(pid_path);
    free(pid_path);
}

static int serve(struct options *options)
{
    char error[SERVER_ERROR_MAX];
    struct server *server;
    int ready = -1;

    if (options_is_on(options, OPTION_DAEMONIZE) && !enter_background(&ready))
        return fail(strerror(errno));
    prepare_signals();
    if (!open_log(options))
        return fail("the file of --logfile can't be opened for writing");
    if (server_create(options, &server, error) != STATUS_OK)
        return fail(error);
    run(options, server, ready);
    server_destroy(server);
    log_line(LOG_NOTICE, "Good-bye");
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    char error[OPTIONS_ERROR_MAX];
    struct options *options;
    int exit_code;

    for (size_t i = 0; argc == 2 && i < COUNT_OF(questions); i++)
        if (strcmp(argv[1], questions[i].word) == 0)
            return questions[i].print();

    options = options_create();
    if (options_parse(options, argc, argv, error) != STATUS_OK ||
        options_finish(options, error) != STATUS_OK)
        exit_code = fail(error);
    else
        exit_code = serve(options);
    options_destroy(options);
    return exit_code;
}
