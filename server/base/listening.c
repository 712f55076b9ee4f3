#include "base/listening.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static enum status fail(char *error, const char *format, ...) PRINTF_LIKE(2, 3);

static enum status fail(char *error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(error, LISTENING_ERROR_MAX, format, arguments);
    va_end(arguments);
    return STATUS_FAILED;
}

/* A bound and listening socket, or -1 and errno. */
static int open_tcp(const struct addrinfo *info, int backlog)
{
    const int yes = 1;
    int descriptor = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int why;

    if (descriptor < 0)
        return -1;
    (void)setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (info->ai_family == AF_INET6)
        (void)setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    if (bind(descriptor, info->ai_addr, info->ai_addrlen) == 0 && listen(descriptor, backlog) == 0)
        return descriptor;
    why = errno;
    (void)close(descriptor);
    errno = why;
    return -1;
}

static bool is_family_missing(int why)
{
    return why == EAFNOSUPPORT || why == EPFNOSUPPORT || why == EPROTONOSUPPORT ||
           why == ESOCKTNOSUPPORT || why == ENOPROTOOPT;
}

static enum status explain(char *error, const char *host, int port, const char *port_option,
                           int why)
{
    switch (why) {
    case EADDRINUSE:
        return fail(error, "port %d on %s is in use; choose another with --%s", port, host,
                    port_option);
    case EACCES:
        return fail(error, "no permission to listen on port %d; choose another with --%s", port,
                    port_option);
    case EADDRNOTAVAIL:
        return fail(error, "this machine has no address %s; choose another with --bind", host);
    default:
        return fail(error, "can't listen on %s, port %d: %s", host, port, strerror(why));
    }
}

enum status listening_open(const char *word, int port, const char *port_option, int backlog,
                           int *descriptor, char error[LISTENING_ERROR_MAX])
{
    const bool is_optional = *word == '-';
    const char *host = is_optional ? word + 1 : word;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[16];
    int problem, opened, why;

    hints.ai_family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
    (void)snprintf(service, sizeof service, "%d", port);
    problem = getaddrinfo(strcmp(host, "*") == 0 || strcmp(host, "::*") == 0 ? NULL : host, service,
                          &hints, &found);
    if (problem != 0)
        return is_optional ? STATUS_NOT_FOUND
                           : fail(error, "the address '%s' of --bind is unknown: %s", host,
                                  gai_strerror(problem));
    opened = open_tcp(found, backlog);
    why = errno;
    freeaddrinfo(found);
    if (opened < 0 && (is_family_missing(why) || (is_optional && why == EADDRNOTAVAIL)))
        return STATUS_NOT_FOUND;
    if (opened < 0)
        return explain(error, host, port, port_option, why);
    *descriptor = opened;
    return STATUS_OK;
}
