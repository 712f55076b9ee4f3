/* replicas.c - GOSSIP, for operators, and WAIT, for clients: the commands about other replicas. */
#include "cluster/cluster.h"
#include "commands/figures.h"
#include "commands/help.h"
#include "commands/table.h"

/* --- GOSSIP STATUS and PEERS --- */

static void reply_figures(struct reply *reply, const struct figures *figures)
{
    reply_map(reply, figures->count);
    for (size_t i = 0; i < figures->count; i++) {
        const struct figure *figure = &figures->at[i];

        reply_text(reply, figure->name);
        if (figure->text != NULL)
            reply_text(reply, figure->text);
        else
            reply_integer(reply, figure->number);
    }
}

static enum status command_status(struct call *call)
{
    struct services *services = call_services(call);
    struct cluster_status status;
    struct figures figures;

    cluster_status(services->cluster, &status);
    figures_of_node(services, &status, &figures);
    reply_figures(call->reply, &figures);
    return STATUS_OK;
}

static enum status fail_without_cluster(struct call *call)
{
    return call_fail(call, "ERR replication is off: set cluster-secret, and not replication no, "
                           "and start the server again");
}

static enum status command_peers(struct call *call)
{
    struct cluster *cluster = call_services(call)->cluster;
    struct cluster_status status;

    if (cluster == NULL)
        return fail_without_cluster(call);
    cluster_status(cluster, &status);
    reply_array(call->reply, status.gossip.peer_count);
    for (size_t i = 0; i < status.gossip.peer_count; i++) {
        struct figures figures;

        figures_of_peer(&status.peers[i], &figures);
        reply_figures(call->reply, &figures);
    }
    return STATUS_OK;
}

/* --- GOSSIP MEET, FORGET, LEAVE, SYNC, SALVAGE --- */

/* What became of an order to the cluster. */
static enum status finish(struct call *call, enum status s, const char *error)
{
    if (s == STATUS_FAILED)
        return call_fail(call, "ERR %s", error);
    if (s == STATUS_OK)
        reply_ok(call->reply);
    return s;
}

static enum status command_meet(struct call *call)
{
    struct cluster *cluster = call_services(call)->cluster;
    char error[CLUSTER_ERROR_MAX];

    if (cluster == NULL)
        return fail_without_cluster(call);
    if (!bytes_is_address(call_argument(call, 2)))
        return call_fail(call, "ERR not an address: host:port is, with another node's gossip-port");
    return finish(call, cluster_meet(cluster, call_argument(call, 2), error), error);
}

/* 16 hex digits, as node_id and the ids of peers are shown. */
static bool parse_id(struct bytes text, uint64_t *id)
{
    uint64_t parsed = 0;

    if (text.size != 16)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        int digit = bytes_hex_digit(text.data[i]);

        if (digit < 0)
            return false;
        parsed = parsed << 4 | (uint64_t)digit;
    }
    *id = parsed;
    return true;
}

static enum status command_forget(struct call *call)
{
    struct cluster *cluster = call_services(call)->cluster;
    char error[CLUSTER_ERROR_MAX];
    uint64_t id;

    if (cluster == NULL)
        return fail_without_cluster(call);
    if (!parse_id(call_argument(call, 2), &id))
        return call_fail(call, "ERR a node's id has 16 hex digits, see GOSSIP PEERS");
    return finish(call, cluster_forget(cluster, id, error), error);
}

static enum status command_leave(struct call *call)
{
    struct cluster *cluster = call_services(call)->cluster;
    char error[CLUSTER_ERROR_MAX];

    if (cluster == NULL)
        return fail_without_cluster(call);
    return finish(call, cluster_leave(cluster, error), error);
}

static enum status command_sync(struct call *call)
{
    struct cluster *cluster = call_services(call)->cluster;
    char error[CLUSTER_ERROR_MAX];

    if (cluster == NULL)
        return fail_without_cluster(call);
    return finish(call, cluster_sync(cluster, error), error);
}

/* GOSSIP SALVAGE file: parked until the file is written, then how many records are in it. */
static enum status command_salvage(struct call *call)
{
    struct cluster *cluster = call_services(call)->cluster;
    char error[CLUSTER_ERROR_MAX];
    int64_t count = 0;
    enum status s;

    if (cluster == NULL)
        return fail_without_cluster(call);
    s = cluster_salvage(cluster, call_argument(call, 2), &count, error);
    if (s == STATUS_OK)
        reply_integer(call->reply, count);
    return s == STATUS_FAILED ? call_fail(call, "ERR %s", error) : s;
}

/* --- WAIT --- */

static enum status parse_wait(struct call *call, int64_t *replicas, int64_t *timeout_ms)
{
    if (!bytes_to_int64(call->argv[1], replicas))
        return STATUS_NOT_INTEGER;
    if (!bytes_to_int64(call->argv[2], timeout_ms))
        return call_fail(call, "ERR timeout is not an integer or out of range");
    if (*timeout_ms < 0)
        return call_fail(call, "ERR timeout is negative");
    return STATUS_OK;
}

/* A timeout of 0 never ends, and so does one beyond the end of time. */
static int64_t end_of_wait(const struct call *call, int64_t timeout_ms)
{
    return timeout_ms == 0 || timeout_ms > INT64_MAX - call->now_ms ? INT64_MAX
                                                                    : call->now_ms + timeout_ms;
}

/* The request is dispatched anew whenever something was committed or acknowledged; when its time is
 * over is remembered in the session. */
static enum status wait_on(struct call *call, int64_t timeout_ms)
{
    struct session *session = call->session;

    if (atomic_load(&session->blocking) == BLOCKING_NOT) {
        session->wait_ends_ms = end_of_wait(call, timeout_ms);
        atomic_store(&session->blocking, BLOCKING_WAITS);
    }
    call->wake_at_ms = session->wait_ends_ms;
    return STATUS_PARKED;
}

static bool is_over(const struct call *call)
{
    const struct session *session = call->session;

    return atomic_load(&session->blocking) != BLOCKING_NOT &&
           (atomic_load(&session->blocking) != BLOCKING_WAITS ||
            call->now_ms >= session->wait_ends_ms);
}

/* WAIT numreplicas timeout: how many have this connection's writes, once they are enough or the
 * time is over.  Inside EXEC nobody waits. */
static enum status command_wait(struct call *call)
{
    struct session *session = call->session;
    int64_t replicas, timeout_ms, applied;
    enum status s = parse_wait(call, &replicas, &timeout_ms);

    if (s != STATUS_OK)
        return s;
    applied = cluster_count_applied(call_services(call)->cluster, session->last_write_stamp);
    if (applied < replicas && !call->is_in_exec && !is_over(call))
        return wait_on(call, timeout_ms);
    if (atomic_exchange(&session->blocking, BLOCKING_NOT) == BLOCKING_IS_ENDED)
        return call_fail(call, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    reply_integer(call->reply, applied);
    return STATUS_OK;
}

/* clang-format off */
#define OURS  .group = GROUP_SERVER, .compat = COMPAT_OURS, .since = "0.1.0", .note = ""
#define ADMIN .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE

static struct command gossip_commands[] = {
    { .name = "forget", .arity = 3, ADMIN, OURS, .run = command_forget, .complexity = "O(1)",
      .summary = "Removes a node that will not come back, for ever: deletes no longer wait for it",
      .syntax = "node-id" },
    { .name = "help", .arity = 2, .flags = CMD_LOADING | CMD_STALE, OURS, .run = command_help,
      .complexity = "O(1)", .summary = "Lists the subcommands", .syntax = "" },
    { .name = "leave", .arity = 2, ADMIN, OURS, .run = command_leave, .complexity = "O(1)",
      .summary = "Has this node leave: writes are refused from now on, and its gossip_state is "
                 "left once the others have all of its writes",
      .syntax = "" },
    { .name = "meet", .arity = 3, ADMIN, OURS, .run = command_meet, .complexity = "O(1)",
      .summary = "Tells where another node can be found, as the option peer does",
      .syntax = "host:gossip-port" },
    { .name = "peers", .arity = 2, ADMIN, OURS, .run = command_peers,
      .complexity = "O(N) where N is the number of nodes",
      .summary = "Describes the other nodes, a map each", .syntax = "" },
    { .name = "salvage", .arity = 3, ADMIN, OURS, .run = command_salvage,
      .complexity = "O(N) where N is the number of keys",
      .summary = "Writes the records that only this node may have into a file on its machine, for "
                 "a stale node, and tells how many",
      .syntax = "file" },
    { .name = "status", .arity = 2, ADMIN, OURS, .run = command_status, .complexity = "O(1)",
      .summary = "Tells how this node is among its replicas", .syntax = "" },
    { .name = "sync", .arity = 2, ADMIN, OURS, .run = command_sync, .complexity = "O(1)",
      .summary = "Has the content compared with every node that is up, soon", .syntax = "" },
    { 0 },
};

struct command replica_commands[] = {
    { .name = "gossip", .arity = -2, .subcommands = gossip_commands, OURS,
      .complexity = "That of the subcommand", .summary = "About this node and its replicas",
      .syntax = "" },
    { .name = "wait", .arity = 3, .flags = CMD_NOSCRIPT, .run = command_wait,
      .group = GROUP_GENERIC, .compat = COMPAT_DIFFERS, .since = "3.0.0", .complexity = "O(1)",
      .summary = "Waits until so many replicas have this connection's writes, and tells how many",
      .syntax = "numreplicas timeout",
      .note = "counts the replicas that have committed them; with `appendfsync always`, to disk" },
    { 0 },
};
/* clang-format on */
