#include "cluster/announce.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *without_sign(const char *address)
{
    return address[0] == '-' ? address + 1 : address;
}

static bool is_wildcard(const char *address)
{
    return strcmp(address, "*") == 0 || strcmp(address, "0.0.0.0") == 0 ||
           strcmp(address, "::") == 0 || strcmp(address, "::*") == 0;
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
           strcmp(address, "localhost") == 0;
}

void announce_choose(const char *const *bind_addresses, size_t count, int port,
                     char announced[GOSSIP_ADDRESS_MAX])
{
    const char *chosen = NULL;

    announced[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *address = without_sign(bind_addresses[i]);

        if (is_wildcard(address))
            return;
        if (chosen == NULL || (is_loopback(chosen) && !is_loopback(address)))
            chosen = address;
    }
    if (chosen != NULL)
        (void)snprintf(announced, GOSSIP_ADDRESS_MAX,
                       strchr(chosen, ':') != NULL ? "[%s]:%d" : "%s:%d", chosen, port);
}
