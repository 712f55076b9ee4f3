#include "cluster/link.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/listening.h"
#include "base/memory.h"
#include "base/random.h"
#include "cluster/link_internal.h"

#define BACKLOG 128

int64_t links_now(const struct links *links)
{
    return clock_monotonic_us(links->config.clock);
}

/* --- accepting --- */

/* Whoever has held a place among the unknown for longest makes room. */
static void limit_unknown(struct links *links)
{
    struct link *link, *oldest = NULL;
    int count = 0;

    TAILQ_FOREACH(link, &links->list, entry)
    if (!link->is_dialled && link->node == NULL && link->end_by_us != INT64_MIN) {
        oldest = oldest == NULL ? link : oldest;
        count++;
    }
    if (count < LINK_UNKNOWN_MAX)
        return;
    link_end(oldest, "too many links have not proven the cluster secret yet");
    oldest->end_by_us = INT64_MIN;
    links_reap_soon(links);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t descriptor,
                      struct sockaddr *address, int size, void *context)
{
    const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
    struct links *links = context;
    struct bufferevent *bufferevent;
    char text[LINK_ADDRESS_TEXT];

    (void)listener;
    (void)size;
    limit_unknown(links);
    if (links->config.tls == NULL)
        bufferevent = bufferevent_socket_new(links->config.base, descriptor, options);
    else
        bufferevent = bufferevent_openssl_socket_new(
            links->config.base, descriptor, tls_contexts_open(links->config.tls, TLS_REPLICAS),
            BUFFEREVENT_SSL_ACCEPTING, options);
    if (bufferevent == NULL) {
        (void)close(descriptor);
        return;
    }
    address_to_text(address, text, sizeof text);
    link_begin(link_create(links, bufferevent, false, text));
}

/* Out of descriptors, most likely: who knocks would wake us at once again. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
    struct links *links = context;

    links_complain(links, "gossip port", NULL, strerror(EVUTIL_SOCKET_ERROR()));
    links->is_deaf = true;
    (void)evconnlistener_disable(listener);
}

static void listen_again(struct links *links)
{
    links->is_deaf = false;
    for (int i = 0; i < links->listener_count; i++)
        (void)evconnlistener_enable(links->listeners[i]);
}

/* --- listening --- */

static enum status fail(char *error, const char *format, ...) PRINTF_LIKE(2, 3);

static enum status fail(char *error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(error, LINK_ERROR_MAX, format, arguments);
    va_end(arguments);
    return STATUS_FAILED;
}

static int port_of(int descriptor)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t length = sizeof address;

    memset(&address, 0, sizeof address);
    (void)getsockname(descriptor, &address.any, &length);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static void add_listener(struct links *links, int descriptor)
{
    const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
    struct evconnlistener *listener;

    link_tune(descriptor);
    listener = evconnlistener_new(links->config.base, on_accept, links, flags, 0, descriptor);

    evconnlistener_set_error_cb(listener, on_accept_error);
    links->listeners[links->listener_count++] = listener;
    if (links->listener_count == 1)
        links->port = port_of(descriptor);
}

/* The first address that is asked for port 0 gets one from the kernel; the others share it. */
static enum status listen_on(struct links *links, const char *word, char *error)
{
    int port = links->listener_count == 0 ? links->config.port : links->port;
    int descriptor;
    enum status s;

    if (links->listener_count == LINK_BIND_MAX)
        return fail(error, "more than %d addresses in --bind", LINK_BIND_MAX);
    s = listening_open(word, port, "gossip-port", BACKLOG, &descriptor, error);
    if (s == STATUS_OK)
        add_listener(links, descriptor);
    return s == STATUS_NOT_FOUND ? STATUS_OK : s;
}

static enum status listen_on_all(struct links *links, char *error)
{
    const struct links_config *config = &links->config;
    enum status s = STATUS_OK;

    for (size_t i = 0; s == STATUS_OK && i < config->bind_count; i++)
        s = listen_on(links, config->bind_addresses[i], error);
    if (s == STATUS_OK && links->listener_count == 0)
        return fail(error, "this machine has none of the addresses of --bind");
    return s;
}

/* --- the tick --- */

static void reap(struct links *links)
{
    int64_t now_us = links_now(links);
    struct link *link, *next;
    struct node *node;

    for (link = TAILQ_FIRST(&links->list); link != NULL; link = next) {
        next = TAILQ_NEXT(link, entry);
        if (link->state == LINK_ENDING && link->end_by_us <= now_us)
            link_destroy(link);
    }
    TAILQ_FOREACH(node, &links->nodes, entry)
    links_announce_down(links, node);
}

static void on_reap(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    reap(context);
}

void links_reap_soon(struct links *links)
{
    event_active(links->reaper, EV_TIMEOUT, 0);
}

static void on_dial_now(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    dial_due(context);
}

void links_tick(struct links *links)
{
    int64_t now_us = links_now(links);
    struct link *link;

    if (links->is_deaf)
        listen_again(links);
    TAILQ_FOREACH(link, &links->list, entry)
    link_check(link, now_us);
    reap(links);
    dial_due(links);
}

bool links_are_settled(const struct links *links)
{
    const struct link *link;

    TAILQ_FOREACH(link, &links->list, entry)
    if (link->state != LINK_UP)
        return false;
    return !links->is_deaf &&
           dialler_next_due_us(&links->dialler) > links_now(links) + LINK_REDIAL_US;
}

static void start_events(struct links *links)
{
    struct event_base *base = links->config.base;
    links->reaper = event_new(base, -1, 0, on_reap, links);
    links->dial_now = event_new(base, -1, 0, on_dial_now, links);
}

/* --- the object --- */

enum status links_create(const struct links_config *config, struct links **links,
                         char error[LINK_ERROR_MAX])
{
    struct links *made = xcalloc(1, sizeof *made);
    enum status s;

    made->config = *config;
    made->config.announce = xstrdup(config->announce);
    made->instance = random_secret_u64();
    hello_derive(config->secret, &made->secret);
    TAILQ_INIT(&made->list);
    TAILQ_INIT(&made->nodes);
    TAILQ_INIT(&made->lookups);
    dialler_init(&made->dialler, random_secret_u64());
    start_events(made);
    s = listen_on_all(made, error);
    if (s == STATUS_OK)
        *links = made;
    else
        links_destroy(made);
    return s;
}

static void free_nodes(struct links *links)
{
    struct node *node;

    while ((node = TAILQ_FIRST(&links->nodes)) != NULL) {
        TAILQ_REMOVE(&links->nodes, node, entry);
        free(node);
    }
}

void links_destroy(struct links *links)
{
    struct link *link;

    if (links == NULL)
        return;
    for (int i = 0; i < links->listener_count; i++)
        evconnlistener_free(links->listeners[i]);
    while ((link = TAILQ_FIRST(&links->list)) != NULL)
        link_destroy(link);
    dial_stop(links);
    dialler_clear(&links->dialler);
    free_nodes(links);
    event_free(links->reaper);
    event_free(links->dial_now);
    free((void *)(uintptr_t)links->config.announce);
    free(links);
}

static void forget_target(void *context, struct target *target)
{
    dial_forget(context, target);
}

void links_set_targets(struct links *links, const char *const *addresses, size_t count)
{
    dialler_set(&links->dialler, addresses, count, links_now(links), forget_target, links);
    event_active(links->dial_now, EV_TIMEOUT, 0);
}

/* --- sending --- */

/* Is `a` the better way?  One that moves, then one that we dialled, then the newer. */
static bool is_better(const struct link *a, const struct link *b, int64_t now_us)
{
    bool a_moves = !link_is_stuck(a, now_us), b_moves = !link_is_stuck(b, now_us);

    if (a_moves != b_moves)
        return a_moves;
    if (a->is_dialled != b->is_dialled)
        return a->is_dialled;
    return a->up_us > b->up_us;
}

static struct link *choose(const struct links *links, const struct node *node)
{
    int64_t now_us = links_now(links);
    struct link *link, *best = NULL;

    TAILQ_FOREACH(link, &links->list, entry)
    if (link->node == node && (best == NULL || is_better(link, best, now_us)))
        best = link;
    return best;
}

void links_send(struct links *links, uint64_t node_id, enum message_kind kind, struct bytes body)
{
    struct node *node = links_find_node(links, node_id);
    struct link *link = node == NULL ? NULL : choose(links, node);

    if (link == NULL || body.size > links->config.body_max)
        return;
    if (send_queue_add(&link->queue, kind, body))
        link_pump(link);
}

void links_drop(struct links *links, uint64_t node_id, const char *reason)
{
    const struct node *node = links_find_node(links, node_id);
    struct link *link;

    TAILQ_FOREACH(link, &links->list, entry)
    if (node != NULL && link->node == node)
        link_refuse(link, "ERR", reason);
}

void links_bytes(const struct links *links, uint64_t node_id, int64_t *in, int64_t *out)
{
    const struct node *node = links_find_node(links, node_id);

    *in = node == NULL ? 0 : node->bytes_in;
    *out = node == NULL ? 0 : node->bytes_out;
}

int links_port(const struct links *links)
{
    return links->port;
}
