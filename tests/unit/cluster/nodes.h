/* nodes.h - several nodes' links in one event loop, over real sockets of this machine.
 *
 * Nothing sleeps: the loop runs until what is waited for is there, or a deadline has passed.  The
 * nodes' clock can be put ahead, so that what takes seconds need not be waited for. */
#ifndef UNIT_CLUSTER_NODES_H
#define UNIT_CLUSTER_NODES_H

#include "unit/test.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "cluster/link.h"

#define DEADLINE_US 20000000
#define BODY_MAX    ((size_t)31 << 20)

static struct event_base *base;
static int64_t clock_ahead_us;

static int64_t test_wall_us(const struct clock *clock)
{
    (void)clock;
    return clock_wall_us(clock_real());
}

static int64_t test_monotonic_us(const struct clock *clock)
{
    (void)clock;
    return clock_monotonic_us(clock_real()) + clock_ahead_us;
}

static const struct clock test_clock = {test_wall_us, test_monotonic_us};

struct test_node {
    struct links *links;
    struct event *tick;
    char address[32];
    int ups, downs, selves, refusals;
    uint64_t up_id; /* of the last one */
    char up_address[64], up_dialled[64];
    const char *refuses;      /* in on_up, with this reason */
    enum status refuses_with; /* STATUS_STALE if not given */
    bool refuses_messages;
    int messages[MESSAGE_KIND_COUNT];
    int pieces[MESSAGE_KIND_COUNT];
    size_t body_size; /* of the last message */
    uint64_t body_hash;
    enum message_kind order[64]; /* of arrival */
    int arrived;
    uint64_t echoes_to; /* sends every message back to this node */
    uint64_t drops;     /* in on_message: the links to this node */
};

static enum status test_up(void *context, const struct gossip_hello *hello, const char **reason)
{
    struct test_node *node = context;

    node->ups++;
    node->up_id = hello->node_id;
    (void)snprintf(node->up_address, sizeof node->up_address, "%s", hello->address);
    (void)snprintf(node->up_dialled, sizeof node->up_dialled, "%s",
                   hello->dialled == NULL ? "" : hello->dialled);
    if (node->refuses == NULL)
        return STATUS_OK;
    *reason = node->refuses;
    return node->refuses_with == STATUS_OK ? STATUS_STALE : node->refuses_with;
}

static void test_down(void *context, uint64_t node_id)
{
    struct test_node *node = context;

    (void)node_id;
    node->downs++;
}

static enum status test_message(void *context, uint64_t node_id, enum message_kind kind,
                                struct bytes body)
{
    struct test_node *node = context;

    (void)node_id;
    node->messages[kind]++;
    node->body_size = body.size;
    node->body_hash = hash_content(body);
    if (node->arrived < (int)COUNT_OF(node->order))
        node->order[node->arrived] = kind;
    node->arrived++;
    if (node->echoes_to != 0)
        links_send(node->links, node->echoes_to, kind, body);
    if (node->drops != 0)
        links_drop(node->links, node->drops, "as the test wants it");
    return node->refuses_messages ? STATUS_CORRUPT : STATUS_OK;
}

static void test_moving(void *context, uint64_t node_id, enum message_kind kind)
{
    struct test_node *node = context;

    (void)node_id;
    node->pieces[kind]++;
}

static void test_refused(void *context, const char *reason)
{
    struct test_node *node = context;

    assert_true(reason[0] != '\0');
    node->refusals++;
}

static void test_self(void *context, const char *target)
{
    struct test_node *node = context;

    (void)target;
    node->selves++;
}

static const char *const loopback = "127.0.0.1";

static struct links_config test_config(struct test_node *node, uint64_t node_id)
{
    return (struct links_config){.base = base,
                                 .clock = &test_clock,
                                 .secret = bytes_of("the secret of this cluster"),
                                 .node_id = node_id,
                                 .incarnation = 1,
                                 .start = 1,
                                 .announce = "announced:1",
                                 .bind_addresses = &loopback,
                                 .bind_count = 1,
                                 .body_max = BODY_MAX,
                                 .context = node,
                                 .on_up = test_up,
                                 .on_down = test_down,
                                 .on_message = test_message,
                                 .on_moving = test_moving,
                                 .on_refused = test_refused,
                                 .on_self = test_self};
}

static void test_tick(evutil_socket_t descriptor, short what, void *context)
{
    struct test_node *node = context;

    (void)descriptor, (void)what;
    links_tick(node->links);
}

static void node_open_with(struct test_node *node, const struct links_config *config)
{
    const struct timeval period = {.tv_usec = GOSSIP_TICK_MS * 1000};
    char error[LINK_ERROR_MAX] = "";

    *node = (struct test_node){.links = NULL};
    if (links_create(config, &node->links, error) != STATUS_OK)
        fail_msg("%s", error);
    (void)snprintf(node->address, sizeof node->address, "127.0.0.1:%d", links_port(node->links));
    node->tick = event_new(base, -1, EV_PERSIST, test_tick, node);
    (void)event_add(node->tick, &period);
}

static inline void node_open(struct test_node *node, uint64_t node_id)
{
    const struct links_config config = test_config(node, node_id);

    node_open_with(node, &config);
}

static inline void node_close(struct test_node *node)
{
    event_free(node->tick);
    links_destroy(node->links);
    node->links = NULL;
}

static inline void node_dial(struct test_node *node, const char *address)
{
    links_set_targets(node->links, &address, 1);
}

/* Runs the loop until `condition`; false after the deadline. */
#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        int64_t deadline_us = clock_monotonic_us(clock_real()) + DEADLINE_US;                      \
        while (!(condition)) {                                                                     \
            if (clock_monotonic_us(clock_real()) > deadline_us)                                    \
                fail_msg("waited in vain for: %s", #condition);                                    \
            (void)event_base_loop(base, EVLOOP_ONCE);                                              \
        }                                                                                          \
    } while (0)

static inline void run_turns(int count)
{
    for (int i = 0; i < count; i++)
        (void)event_base_loop(base, EVLOOP_ONCE);
}

/* --- the log --- */

static char log_path[64];

static inline void log_to_file(void)
{
    int descriptor;

    (void)snprintf(log_path, sizeof log_path, "%s", "/tmp/grapevine-test-XXXXXX");
    descriptor = mkstemp(log_path);
    assert_true(descriptor >= 0);
    (void)close(descriptor);
    assert_true(log_open(log_path, LOG_NOTICE));
}

/* How many lines of the log hold the words? */
static inline int log_count(const char *words)
{
    char line[2048];
    FILE *file = fopen(log_path, "r");
    int count = 0;

    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(line, words) != NULL;
    (void)fclose(file);
    return count;
}

static inline int nodes_setup(void **state)
{
    (void)state;
    clock_ahead_us = 0;
    (void)signal(SIGPIPE, SIG_IGN);
    base = event_base_new();
    log_to_file();
    return 0;
}

static inline int nodes_teardown(void **state)
{
    (void)state;
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_free(base);
    assert_true(log_open("", LOG_NOTICE));
    (void)unlink(log_path);
    return 0;
}

#endif
