#include <event2/bufferevent_ssl.h>
#include <inttypes.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "cluster/link_internal.h"

#define HELLO_NAME "HELLO"
#define AUTH_NAME  "AUTH"

/* What binds a proof to its TLS connection. */
#define CHANNEL_LABEL "EXPORTER-grapevine-link"
#define CHANNEL_SIZE  32

#define WRONG_SECRET "wrong cluster secret"

static bool is_named(const struct frame *frame, const char *name)
{
    return frame->kind == FRAME_WHOLE && bytes_equal(frame->name, bytes_of(name));
}

/* --- hello --- */

static void send_hello(struct link *link)
{
    const struct links_config *config = &link->links->config;
    struct hello hello = {
        .proto = HELLO_PROTO,
        .cluster_id = link->links->secret.cluster_id,
        .node_id = config->node_id,
        .incarnation = config->incarnation,
        .start = config->start,
        .instance = link->links->instance,
        .address = bytes_of(config->announce),
    };

    random_bytes(hello.nonce, sizeof hello.nonce);
    hello_encode(&link->own_hello, &hello);
    link_put(link, HELLO_NAME, buffer_view(&link->own_hello));
}

void handshake_begin(struct link *link)
{
    if (link->is_dialled)
        send_hello(link);
}

/* --- proof --- */

/* Bytes that both ends of a TLS connection agree on, and nobody else. */
static enum status export_channel(struct link *link, unsigned char channel[CHANNEL_SIZE])
{
    SSL *ssl = bufferevent_openssl_get_ssl(link->bufferevent);
    int is_done = SSL_export_keying_material(ssl, channel, CHANNEL_SIZE, CHANNEL_LABEL,
                                             strlen(CHANNEL_LABEL), NULL, 0, 0);

    return is_done == 1 ? STATUS_OK : STATUS_FAILED;
}

static enum status make_mac(struct link *link, bool is_own, unsigned char mac[SECRET_MAC_SIZE])
{
    bool is_dialler = is_own == link->is_dialled;
    struct bytes own = buffer_view(&link->own_hello), theirs = buffer_view(&link->their_hello);
    unsigned char channel[CHANNEL_SIZE];
    struct bytes bound = {(const char *)channel, 0};

    if (link->links->config.tls != NULL) {
        if (export_channel(link, channel) != STATUS_OK)
            return STATUS_FAILED;
        bound.size = sizeof channel;
    }
    hello_mac(&link->links->secret, is_dialler ? HELLO_DIALLER : HELLO_ACCEPTOR,
              link->is_dialled ? own : theirs, link->is_dialled ? theirs : own, bound, mac);
    return STATUS_OK;
}

static bool is_proven(struct link *link, struct bytes proof)
{
    unsigned char mac[SECRET_MAC_SIZE];

    return proof.size == sizeof mac && make_mac(link, false, mac) == STATUS_OK &&
           secret_equal(mac, (const unsigned char *)proof.data, sizeof mac);
}

static void send_auth(struct link *link)
{
    unsigned char mac[SECRET_MAC_SIZE];

    if (make_mac(link, true, mac) == STATUS_OK)
        link_put(link, AUTH_NAME, (struct bytes){(const char *)mac, sizeof mac});
    else
        link_end(link, "TLS has no exported key");
}

static void receive_hello(struct link *link, struct bytes body)
{
    buffer_append_bytes(&link->their_hello, body);
    if (hello_decode(buffer_view(&link->their_hello), &link->hello) != STATUS_OK) {
        link_refuse(link, "NOAUTH", "a hello that this version does not understand");
    } else if (link->hello.cluster_id != link->links->secret.cluster_id) {
        link_refuse(link, "NOAUTH", WRONG_SECRET ", or another cluster");
    } else {
        link->state = LINK_AUTH;
        if (link->is_dialled)
            send_auth(link);
        else
            send_hello(link);
    }
}

/* --- who may stay --- */

struct node *links_find_node(const struct links *links, uint64_t node_id)
{
    struct node *node;

    TAILQ_FOREACH(node, &links->nodes, entry)
    if (node->id == node_id)
        return node;
    return NULL;
}

/* Nodes that are gone for good would gather: the one seen first goes, of those without links. */
static void make_room(struct links *links)
{
    struct node *node;

    if (links->node_count < LINK_NODES_MAX)
        return;
    TAILQ_FOREACH(node, &links->nodes, entry)
    if (node->link_count == 0 && !node->is_announced)
        break;
    if (node == NULL)
        return;
    TAILQ_REMOVE(&links->nodes, node, entry);
    links->node_count--;
    free(node);
}

static struct node *add_node(struct links *links, const struct hello *hello)
{
    struct node *node;

    make_room(links);
    node = xcalloc(1, sizeof *node);
    node->id = hello->node_id;
    node->incarnation = hello->incarnation;
    node->instance = hello->instance;
    TAILQ_INSERT_TAIL(&links->nodes, node, entry);
    links->node_count++;
    return node;
}

void links_announce_down(struct links *links, struct node *node)
{
    if (!node->is_announced || node->link_count > 0)
        return;
    node->is_announced = false;
    links->config.on_down(links->config.context, node->id);
}

static void end_links_of(struct links *links, const struct node *node, const char *reason)
{
    struct link *link;

    TAILQ_FOREACH(link, &links->list, entry)
    if (link->node == node)
        link_end(link, reason);
}

/* Why a link can't stay. */
struct objection {
    const char *word; /* NULL = it can */
    const char *reason;
};

/* Does this process follow the one that was known by the node's id? */
static struct objection object(const struct node *node, const struct hello *hello, int64_t now_us)
{
    if (hello->incarnation < node->incarnation ||
        (hello->incarnation == node->incarnation && hello->instance != node->instance))
        return (struct objection){LINK_WORD_STALE,
                                  "a newer incarnation of this node is known: two processes use "
                                  "one id, or it was restored from a backup"};
    if (hello->incarnation > node->incarnation && node->link_count > 0 &&
        now_us - node->heard_us < LINK_IN_USE_US)
        return (struct objection){"INUSE", "its id is in use by another process"};
    if (hello->incarnation == node->incarnation && node->link_count >= LINK_PER_NODE_MAX)
        return (struct objection){"INUSE", "there are too many links to this node already"};
    return (struct objection){NULL, NULL};
}

/* The node that a hello belongs to; NULL and *objection if its link can't stay. */
static struct node *admit(struct link *link, struct objection *objection)
{
    struct links *links = link->links;
    const struct hello *hello = &link->hello;
    struct node *node;

    if (hello->node_id == links->config.node_id) {
        *objection = (struct objection){"INUSE", "another process uses this node's id"};
        return NULL;
    }
    node = links_find_node(links, hello->node_id);
    if (node == NULL)
        return add_node(links, hello);
    *objection = object(node, hello, links_now(links));
    if (objection->word != NULL)
        return NULL;
    if (hello->incarnation > node->incarnation) {
        end_links_of(links, node, "a newer incarnation of the node has connected");
        links_announce_down(links, node);
        node->incarnation = hello->incarnation;
        node->instance = hello->instance;
    }
    return node;
}

static void ask_above(struct link *link)
{
    const struct links_config *config = &link->links->config;
    struct node *node = link->node;
    char address[HELLO_ADDRESS_MAX + 1];
    struct gossip_hello hello = {
        .node_id = link->hello.node_id,
        .incarnation = link->hello.incarnation,
        .start = link->hello.start,
        .address = address,
        .dialled = link->target == NULL ? NULL : link->target->address,
    };
    const char *reason = "refused";
    enum status status;

    if (link->hello.address.size > 0)
        memcpy(address, link->hello.address.data, link->hello.address.size);
    address[link->hello.address.size] = '\0';
    node->is_announced = true;
    status = config->on_up(config->context, &hello, &reason);
    if (status == STATUS_OK)
        return;
    if (node->link_count <= 1)
        node->is_announced = false;
    link_refuse(link,
                status == STATUS_STALE    ? LINK_WORD_STALE
                : status == STATUS_PARKED ? LINK_WORD_LATER
                                          : "ERR",
                reason);
}

static void come_up(struct link *link, struct node *node)
{
    /* What went down and has not been said yet comes first. */
    links_announce_down(link->links, node);
    if (!link->is_dialled)
        send_auth(link);
    if (link->state == LINK_ENDING)
        return;
    link->state = LINK_UP;
    link->up_us = links_now(link->links);
    link->node = node;
    node->link_count++;
    node->heard_us = link->up_us;
    bufferevent_setwatermark(link->bufferevent, EV_READ, 0, FRAME_BYTES_MAX);
    log_line(LOG_VERBOSE, "gossip: a link with replica %016" PRIx64 " is up, %s %s", node->id,
             link->is_dialled ? "to" : "from", link->address);
    if (!node->is_announced || link->target != NULL)
        ask_above(link);
}

/* This very process, at both ends. */
static void meet_self(struct link *link)
{
    struct links *links = link->links;
    struct target *target = link->target;

    if (!link->is_dialled) {
        send_auth(link);
        link_finish(link);
        return;
    }
    link_finish(link);
    if (target == NULL)
        return;
    dialler_is_self(target);
    links->config.on_self(links->config.context, target->address);
}

static void receive_auth(struct link *link, struct bytes proof)
{
    const struct links *links = link->links;
    struct objection objection;
    struct node *node;

    if (!is_proven(link, proof)) {
        link_refuse(link, "NOAUTH", WRONG_SECRET);
        return;
    }
    if (link->hello.node_id == links->config.node_id && link->hello.instance == links->instance) {
        meet_self(link);
        return;
    }
    node = admit(link, &objection);
    if (node != NULL) {
        come_up(link, node);
        return;
    }
    if (!link->is_dialled && strcmp(objection.word, LINK_WORD_STALE) == 0)
        send_auth(link); /* who says this must have proven itself to be believed */
    link_refuse(link, objection.word, objection.reason);
}

void handshake_receive(struct link *link, const struct frame *frame)
{
    if (link->state == LINK_HELLO && is_named(frame, HELLO_NAME))
        receive_hello(link, frame->body);
    else if (link->state == LINK_AUTH && is_named(frame, AUTH_NAME))
        receive_auth(link, frame->body);
    else
        link_refuse(link, "NOAUTH", "this is a gossip port: HELLO and AUTH come first");
}
