#include <event2/bufferevent_ssl.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "cluster/link_internal.h"

#define HOST_MAX LINK_ADDRESS_TEXT

static void fail(struct links *links, struct target *target, const char *reason)
{
    links_complain(links, target->address, target, reason);
    dialler_failed(&links->dialler, target, links_now(links));
}

/* --- connecting --- */

static struct bufferevent *new_bufferevent(const struct links *links)
{
    const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;

    if (links->config.tls == NULL)
        return bufferevent_socket_new(links->config.base, -1, options);
    return bufferevent_openssl_socket_new(links->config.base, -1,
                                          tls_contexts_open(links->config.tls, TLS_TO_REPLICAS),
                                          BUFFEREVENT_SSL_CONNECTING, options);
}

static void dial_address(struct links *links, struct target *target, const struct sockaddr *address,
                         size_t size)
{
    struct bufferevent *bufferevent = new_bufferevent(links);
    struct link *link;

    if (bufferevent == NULL) {
        fail(links, target, "can't make a socket");
        return;
    }
    link = link_create(links, bufferevent, true, target->address);
    link->target = target;
    if (bufferevent_socket_connect(bufferevent, address, (int)size) == 0)
        link_tune(bufferevent_getfd(bufferevent));
    else
        link_end(link, "can't connect");
}

/* --- names --- */

static struct evdns_base *open_dns(struct links *links)
{
    if (links->dns == NULL)
        links->dns = evdns_base_new(links->config.base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                            EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (links->dns == NULL)
        return NULL;
    (void)evdns_base_set_option(links->dns, "timeout:", "2");
    (void)evdns_base_set_option(links->dns, "attempts:", "2");
    /* Letters of random case confuse some servers, and the links prove who they lead to. */
    (void)evdns_base_set_option(links->dns, "randomize-case:", "0");
    /* The file may have changed. */
    evdns_base_clear_host_addresses(links->dns);
    (void)evdns_base_load_hosts(links->dns, "/etc/hosts");
    return links->dns;
}

/* A name may have several addresses: each attempt takes the next. */
static const struct evutil_addrinfo *pick(const struct evutil_addrinfo *found, uint32_t attempts)
{
    const struct evutil_addrinfo *picked = found;
    uint32_t count = 0;

    for (const struct evutil_addrinfo *each = found; each != NULL; each = each->ai_next)
        count++;
    for (uint32_t i = attempts % count; i > 0; i--)
        picked = picked->ai_next;
    return picked;
}

static void on_found(int problem, struct evutil_addrinfo *found, void *context)
{
    struct lookup *lookup = context;
    struct target *target = lookup->target;
    struct links *links = lookup->links;
    const struct evutil_addrinfo *picked;
    char reason[128];

    if (target != NULL) {
        TAILQ_REMOVE(&links->lookups, lookup, entry);
        if (problem != 0 || found == NULL) {
            (void)snprintf(reason, sizeof reason, "the name is not known: %s",
                           evutil_gai_strerror(problem));
            fail(links, target, reason);
        } else {
            picked = pick(found, target->attempts);
            dial_address(links, target, picked->ai_addr, picked->ai_addrlen);
        }
    }
    if (found != NULL)
        evutil_freeaddrinfo(found);
    free(lookup);
}

static void look_up(struct links *links, struct target *target, const char *host, const char *port)
{
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_protocol = IPPROTO_TCP,
                                    .ai_flags = EVUTIL_AI_NUMERICSERV};
    struct evdns_base *dns = open_dns(links);
    struct evdns_getaddrinfo_request *request;
    struct lookup *lookup;

    if (dns == NULL) {
        fail(links, target, "names can't be looked up on this machine");
        return;
    }
    lookup = xcalloc(1, sizeof *lookup);
    lookup->links = links;
    lookup->target = target;
    TAILQ_INSERT_TAIL(&links->lookups, lookup, entry);
    /* What is known without asking has been answered, and `lookup` freed, when this returns. */
    request = evdns_getaddrinfo(dns, host, port, &hints, on_found, lookup);
    if (request != NULL)
        lookup->request = request;
}

static void cancel(struct lookup *lookup)
{
    TAILQ_REMOVE(&lookup->links->lookups, lookup, entry);
    lookup->target = NULL;
    evdns_getaddrinfo_cancel(lookup->request);
}

/* --- targets --- */

static void dial(struct links *links, struct target *target)
{
    struct sockaddr_storage address;
    int size = sizeof address;
    char host[HOST_MAX];
    char *colon;

    if (evutil_parse_sockaddr_port(target->address, (struct sockaddr *)&address, &size) == 0) {
        dial_address(links, target, (const struct sockaddr *)&address, (size_t)size);
        return;
    }
    (void)snprintf(host, sizeof host, "%s", target->address);
    colon = strrchr(host, ':');
    if (colon == NULL || colon == host || colon[1] == '\0') {
        fail(links, target, "this is not host:port");
        return;
    }
    *colon = '\0';
    look_up(links, target, host, colon + 1);
}

void dial_due(struct links *links)
{
    struct target *target;

    while ((target = dialler_take_due(&links->dialler, links_now(links))) != NULL)
        dial(links, target);
}

void dial_forget(struct links *links, struct target *target)
{
    struct lookup *lookup;
    struct link *link;

    TAILQ_FOREACH(link, &links->list, entry)
    if (link->target == target) {
        link->target = NULL;
        link_end(link, NULL);
    }
    TAILQ_FOREACH(lookup, &links->lookups, entry)
    if (lookup->target == target) {
        cancel(lookup);
        return;
    }
}

void dial_stop(struct links *links)
{
    struct lookup *lookup;

    while ((lookup = TAILQ_FIRST(&links->lookups)) != NULL)
        cancel(lookup);
    if (links->dns != NULL)
        evdns_base_free(links->dns, 1);
}
