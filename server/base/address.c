#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

void address_to_text(const struct sockaddr *address, char *text, size_t size)
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    const struct sockaddr_un *local = (const void *)address;
    char host[INET6_ADDRSTRLEN] = "?";

    switch (address->sa_family) {
    case AF_INET:
        (void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        (void)snprintf(text, size, "%s:%d", host, ntohs(v4->sin_port));
        break;
    case AF_INET6:
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        (void)snprintf(text, size, "[%s]:%d", host, ntohs(v6->sin6_port));
        break;
    case AF_UNIX:
        (void)snprintf(text, size, "%.*s:0", (int)sizeof local->sun_path, local->sun_path);
        break;
    default:
        (void)snprintf(text, size, "?:0");
    }
}

struct bytes address_host(const char *text)
{
    const char *port = strrchr(text, ':');

    return (struct bytes){text, port == NULL ? strlen(text) : (size_t)(port - text)};
}

bool address_is_loopback(const struct sockaddr *address)
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;

    switch (address->sa_family) {
    case AF_INET:
        return (ntohl(v4->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    default:
        return address->sa_family == AF_UNIX;
    }
}

void address_of_socket(int descriptor, char *text, size_t size)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof address;

    (void)getsockname(descriptor, (struct sockaddr *)&address, &length);
    address_to_text((const struct sockaddr *)&address, text, size);
}

void address_of_peer(int descriptor, char *text, size_t size)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof address;

    (void)getpeername(descriptor, (struct sockaddr *)&address, &length);
    if (address.ss_family == AF_UNIX)
        address_of_socket(descriptor, text, size);
    else
        address_to_text((const struct sockaddr *)&address, text, size);
}
