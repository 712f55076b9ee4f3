#include "cluster/cluster.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/condition.h"
#include "base/memory.h"
#include "cluster/announce.h"
#include "cluster/cluster_internal.h"
#include "cluster/link.h"
#include "config/words.h"
#include "store/digest.h"
#include "store/feed.h"
#include "store/replica.h"

/* A message holds at most the writes of one commit, which are bounded (store/order.c), and one
 * value more. */
#define BODY_SPARE ((size_t)64 << 20)

#define ADDRESSES_MAX 64

/* A turn never takes so long; a clock that is further on was set (store_set_clock_limit()). */
#define CLOCK_LIMIT_MS 1000

/* ---------- waking ---------- */

void cluster_wake(void *context)
{
    struct cluster *cluster = context;
    const uint64_t one = 1;

    if (atomic_exchange(&cluster->is_rung, true))
        return;
    while (write(cluster->wake_descriptor, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* ---------- ticks ---------- */

/* One timer for everything, at the multiples of its period: what is due then is done, and sent, in
 * one go.  It may go off a little early. */
static void set_tick(struct cluster *cluster, bool is_quiet)
{
    int64_t now_us = clock_monotonic_us(cluster->clock);
    int64_t period_us = (is_quiet ? GOSSIP_QUIET_TICK_MS : GOSSIP_TICK_MS) * 1000;
    int64_t next_us = ((now_us + period_us / 2) / period_us + 1) * period_us;
    const struct timeval wait = {.tv_usec = next_us - now_us};

    cluster->is_quiet = is_quiet;
    (void)event_add(&cluster->tick_timer, &wait);
}

/* Something began to move while the next tick was far off. */
static void hurry(struct cluster *cluster)
{
    if (cluster->is_quiet && gossip_is_active(cluster->gossip, host_now(&cluster->host)))
        set_tick(cluster, false);
}

static void pump(struct cluster *cluster)
{
    host_pump(&cluster->host);
    if (cluster->host.has_more)
        cluster_wake(cluster);
    hurry(cluster);
}

/* ---------- status ---------- */

static void fill_peers(struct cluster *cluster, struct cluster_status *status)
{
    for (size_t i = 0; i < status->gossip.peer_count; i++) {
        struct cluster_peer *peer = &status->peers[i];

        peer->gossip = status->gossip.peers[i];
        links_bytes(cluster->links, peer->gossip.node_id, &peer->bytes_in, &peer->bytes_out);
    }
}

static bool has_new_acks(const struct cluster *cluster, const struct gossip_status *now)
{
    const struct gossip_status *before = &cluster->status.gossip;

    if (before->peer_count != now->peer_count)
        return true;
    for (size_t i = 0; i < now->peer_count; i++)
        if (before->peers[i].applied != now->peers[i].applied)
            return true;
    return false;
}

static void publish_status(struct cluster *cluster)
{
    struct store_digest *digest = store_digest(cluster->store);
    struct gossip_status status;
    bool is_news;

    gossip_status(cluster->gossip, host_now(&cluster->host), &status);
    pthread_mutex_lock(&cluster->mutex);
    is_news = has_new_acks(cluster, &status);
    cluster->status.gossip = status;
    cluster->status.merged_records = cluster->host.counts.taken;
    cluster->status.merge_conflicts = cluster->host.counts.conflicts;
    cluster->status.feed_bytes = (int64_t)feed_bytes(store_feed(cluster->store));
    cluster->status.dirty_leaves = digest_dirty_leaves(digest);
    cluster->status.digest_bytes = digest_bytes(digest);
    cluster->status.digest_mismatches = digest_mismatches(digest);
    fill_peers(cluster, &cluster->status);
    pthread_mutex_unlock(&cluster->mutex);
    if (is_news && atomic_exchange(&cluster->is_waited_for, false))
        store_wake_all(cluster->store);
}

/* ---------- turns ---------- */

/* What this node wrote before it started is known at once, or when the leaves that were open at a
 * crash are counted.  A node that is alone holds all that there is of it. */
static void tell_last_own(struct cluster *cluster)
{
    struct store_digest *digest = store_digest(cluster->store);
    uint64_t stamp = store_last_own_at_start(cluster->store);

    if (cluster->is_last_own_told)
        return;
    if (stamp == 0 && cluster->status.gossip.member_count == 1)
        stamp = cluster->clock_at_start;
    else if (stamp == 0 && digest_is_ready(digest))
        stamp = digest_last_own(digest);
    else if (stamp == 0)
        return;
    cluster->is_last_own_told = true;
    gossip_last_own(cluster->gossip, host_now(&cluster->host), stamp);
}

static void on_wake(evutil_socket_t descriptor, short what, void *context)
{
    struct cluster *cluster = context;
    struct job *job;
    uint64_t count;

    (void)what;
    (void)!read(descriptor, &count, sizeof count);
    atomic_store(&cluster->is_rung, false);
    if (atomic_load(&cluster->is_stopping)) {
        (void)event_base_loopbreak(cluster->base);
        return;
    }
    pump(cluster);
    while ((job = host_take_answers(&cluster->host)) != NULL) {
        orders_salvaged(cluster, job);
        job_destroy(job);
    }
    orders_answer(cluster);
    gossip_written(cluster->gossip, host_now(&cluster->host));
    pump(cluster);
    if (atomic_load(&cluster->is_waited_for))
        publish_status(cluster);
}

static void limit_clock(const struct cluster *cluster, struct gossip_time now)
{
    store_set_clock_limit(cluster->store,
                          now.wall_us / 1000 + CLOCK_LIMIT_MS + cluster->host.skew_max_ms);
}

static void on_tick(evutil_socket_t descriptor, short what, void *context)
{
    struct cluster *cluster = context;
    struct gossip_time now;

    (void)descriptor;
    (void)what;
    pump(cluster);
    tell_last_own(cluster);
    now = host_now(&cluster->host);
    gossip_tick(cluster->gossip, now);
    links_tick(cluster->links);
    limit_clock(cluster, now);
    pump(cluster);
    publish_status(cluster);
    set_tick(cluster, !gossip_is_active(cluster->gossip, host_now(&cluster->host)) &&
                          links_are_settled(cluster->links));
}

/* ---------- links ---------- */

static enum status on_up(void *context, const struct gossip_hello *hello, const char **reason)
{
    struct cluster *cluster = context;
    enum status status;

    if (!gossip_is_ready(cluster->gossip)) {
        *reason = "it is starting";
        return STATUS_PARKED;
    }
    status = gossip_link_up(cluster->gossip, host_now(&cluster->host), hello, reason);
    pump(cluster);
    return status;
}

static void on_down(void *context, uint64_t node_id)
{
    struct cluster *cluster = context;

    gossip_link_down(cluster->gossip, host_now(&cluster->host), node_id);
    set_tick(cluster, false); /* it is to be dialled again soon */
}

static enum status on_message(void *context, uint64_t node_id, enum message_kind kind,
                              struct bytes body)
{
    struct cluster *cluster = context;
    enum status status =
        gossip_receive(cluster->gossip, host_now(&cluster->host), node_id, kind, body);

    pump(cluster);
    if (kind == MESSAGE_PUSHED && atomic_load(&cluster->is_waited_for))
        publish_status(cluster);
    return status;
}

static void on_moving(void *context, uint64_t node_id, enum message_kind kind)
{
    struct cluster *cluster = context;

    gossip_moving(cluster->gossip, host_now(&cluster->host), node_id, kind);
}

static void on_refused(void *context, const char *reason)
{
    struct cluster *cluster = context;

    gossip_refused(cluster->gossip, host_now(&cluster->host), reason);
    pump(cluster);
}

static void on_self(void *context, const char *target)
{
    struct cluster *cluster = context;

    gossip_target_is_self(cluster->gossip, target);
}

/* ---------- building ---------- */

/* The words of a text option, each zero-ended: the blanks behind them are cut out. */
static size_t split(char *text, const char **words, size_t words_max)
{
    struct bytes rest = bytes_of(text), word;
    size_t count = 0;

    while (count < words_max && words_next(&rest, &word)) {
        words[count++] = word.data;
        if (rest.size == 0)
            break;
        text[rest.data - text] = '\0';
        rest = (struct bytes){rest.data + 1, rest.size - 1};
    }
    return count;
}

/* What others are told to dial; "" if that can't be known here: then they keep to the address at
 * which they found this node. */
static void find_announced(const struct cluster *cluster, const char *const *bind_addresses,
                           size_t bind_count, char announced[GOSSIP_ADDRESS_MAX])
{
    char *given = options_take_text(cluster->options, OPTION_GOSSIP_ANNOUNCE);

    if (given[0] != '\0')
        (void)snprintf(announced, GOSSIP_ADDRESS_MAX, "%s", given);
    else
        announce_choose(bind_addresses, bind_count,
                        (int)options_number(cluster->options, OPTION_GOSSIP_PORT), announced);
    free(given);
}

static enum status create_gossip(struct cluster *cluster, const char *announced,
                                 const char *const *peers, size_t peer_count,
                                 char error[CLUSTER_ERROR_MAX])
{
    struct buffer state = {0};
    enum status status = store_load_state(cluster->store, &state);
    bool is_new = state.size == 0;
    struct gossip_config config = {
        .node_id = store_node_id(cluster->store),
        .hlc = store_clock(cluster->store),
        .was_alone = store_was_alone(cluster->store),
        .skew_max_ms = options_number(cluster->options, OPTION_MAX_CLOCK_SKEW),
        .forget_after_ms = options_number(cluster->options, OPTION_FORGET_AFTER) * 1000,
        .address = announced,
        .peers = peers,
        .peer_count = peer_count,
    };

    /* Without replicas, deletes were forgotten as soon as nobody here needed them. */
    if (is_new && !store_is_blank(cluster->store))
        config.horizon_at_least = store_clock(cluster->store);
    if (status == STATUS_OK)
        status = gossip_create(&config, &cluster->host.functions, buffer_view(&state),
                               host_now(&cluster->host), &cluster->gossip);
    if (status != STATUS_OK)
        (void)snprintf(error, CLUSTER_ERROR_MAX,
                       "what this replica saved of its cluster can't be read");
    buffer_clear(&state);
    cluster->host.gossip = cluster->gossip;
    return status;
}

static enum status create_links(struct cluster *cluster, const char *announced,
                                const char *const *bind_addresses, size_t bind_count,
                                char error[CLUSTER_ERROR_MAX])
{
    const struct options *options = cluster->options;
    char *secret = options_take_text(options, OPTION_CLUSTER_SECRET);
    struct links_config config = {
        .base = cluster->base,
        .clock = cluster->clock,
        .secret = bytes_of(secret),
        .node_id = store_node_id(cluster->store),
        .incarnation = gossip_incarnation(cluster->gossip),
        .start = gossip_start(cluster->gossip),
        .announce = announced,
        .bind_addresses = bind_addresses,
        .bind_count = bind_count,
        .port = (int)options_number(options, OPTION_GOSSIP_PORT),
        .body_max = BODY_SPARE + (size_t)registry_value_size_max(store_registry(cluster->store)),
        .tls = tls_contexts_has(cluster->tls, TLS_REPLICAS) ? cluster->tls : NULL,
        .context = cluster,
        .on_up = on_up,
        .on_down = on_down,
        .on_message = on_message,
        .on_moving = on_moving,
        .on_refused = on_refused,
        .on_self = on_self,
    };
    enum status status = links_create(&config, &cluster->links, error);

    cluster->host.links = cluster->links;
    free(secret);
    return status;
}

static enum status create_parts(struct cluster *cluster, char error[CLUSTER_ERROR_MAX])
{
    char *bind = options_take_text(cluster->options, OPTION_BIND);
    char *peer = options_take_text(cluster->options, OPTION_PEER);
    const char *bind_addresses[ADDRESSES_MAX], *peers[ADDRESSES_MAX];
    size_t bind_count = split(bind, bind_addresses, ADDRESSES_MAX);
    size_t peer_count = split(peer, peers, ADDRESSES_MAX);
    char announced[GOSSIP_ADDRESS_MAX];
    enum status status;

    if (bind_count == 0)
        bind_addresses[bind_count++] = "*";
    find_announced(cluster, bind_addresses, bind_count, announced);
    status = create_gossip(cluster, announced, peers, peer_count, error);
    if (status == STATUS_OK)
        status = create_links(cluster, announced, bind_addresses, bind_count, error);
    free(bind);
    free(peer);
    return status;
}

static enum status create_loop(struct cluster *cluster, char error[CLUSTER_ERROR_MAX])
{
    struct event_config *config = event_config_new();

    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    cluster->base = event_base_new_with_config(config);
    event_config_free(config);
    cluster->wake_descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (cluster->base == NULL || cluster->wake_descriptor < 0) {
        (void)snprintf(error, CLUSTER_ERROR_MAX, "no descriptors for replication: %s",
                       strerror(errno));
        return STATUS_FAILED;
    }
    (void)event_assign(&cluster->wake_event, cluster->base, cluster->wake_descriptor,
                       EV_READ | EV_PERSIST, on_wake, cluster);
    (void)event_add(&cluster->wake_event, NULL);
    (void)evtimer_assign(&cluster->tick_timer, cluster->base, on_tick, cluster);
    set_tick(cluster, false);
    return STATUS_OK;
}

enum status cluster_create(struct options *options, struct tls_contexts *tls, struct store *store,
                           const struct clock *clock, struct cluster **created,
                           char error[CLUSTER_ERROR_MAX])
{
    struct cluster *cluster = xcalloc(1, sizeof *cluster);
    enum status status;

    cluster->options = options;
    cluster->tls = tls;
    cluster->store = store;
    cluster->clock = clock;
    cluster->clock_at_start = store_clock(store);
    cluster->wake_descriptor = -1;
    cluster->requests_end = &cluster->requests;
    pthread_mutex_init(&cluster->mutex, NULL);
    condition_init(&cluster->answered);
    status = create_loop(cluster, error);
    if (status == STATUS_OK) {
        cluster->store_thread = store_join(store, cluster_wake, cluster);
        host_init(&cluster->host, store, cluster->store_thread, clock,
                  options_number(options, OPTION_MAX_CLOCK_SKEW));
        cluster->worker = worker_create(store, cluster_wake, cluster);
        cluster->host.worker = cluster->worker;
        status = create_parts(cluster, error);
    }
    if (status != STATUS_OK) {
        cluster_destroy(cluster);
        return STATUS_FAILED;
    }
    limit_clock(cluster, host_now(&cluster->host));
    publish_status(cluster);
    *created = cluster;
    return STATUS_OK;
}

static void *run(void *context)
{
    struct cluster *cluster = context;

    (void)event_base_dispatch(cluster->base);
    gossip_end(cluster->gossip);
    return NULL;
}

void cluster_start(struct cluster *cluster)
{
    if (pthread_create(&cluster->thread, NULL, run, cluster) != 0)
        abort(); /* clients' writes may be waiting for it */
    cluster->has_thread = true;
    (void)pthread_setname_np(cluster->thread, "replication");
}

/* Requests that come later are answered by nobody: no client's thread runs any more. */
void cluster_stop(struct cluster *cluster)
{
    if (cluster == NULL || !cluster->has_thread)
        return;
    atomic_store(&cluster->is_stopping, true);
    cluster_wake(cluster);
    (void)pthread_join(cluster->thread, NULL);
    cluster->has_thread = false;
}

void cluster_destroy(struct cluster *cluster)
{
    if (cluster == NULL)
        return;
    links_destroy(cluster->links);
    worker_destroy(cluster->worker);
    gossip_destroy(cluster->gossip);
    if (cluster->store_thread != NULL) {
        host_clear(&cluster->host);
        store_leave(cluster->store_thread);
    }
    if (cluster->base != NULL && cluster->wake_descriptor >= 0) {
        (void)event_del(&cluster->wake_event);
        (void)event_del(&cluster->tick_timer);
    }
    if (cluster->base != NULL) {
        /* Links that still had something to say hold on to their buffers until it was their turn.
         */
        (void)event_base_loop(cluster->base, EVLOOP_NONBLOCK);
        event_base_free(cluster->base);
    }
    if (cluster->wake_descriptor >= 0)
        (void)close(cluster->wake_descriptor);
    buffer_clear(&cluster->salvage_path);
    pthread_cond_destroy(&cluster->answered);
    pthread_mutex_destroy(&cluster->mutex);
    free(cluster);
}

/* ---------- from clients' threads ---------- */

int cluster_count_applied(struct cluster *cluster, uint64_t stamp)
{
    int count = 0;

    if (cluster == NULL)
        return 0;
    atomic_store(&cluster->is_waited_for, true);
    pthread_mutex_lock(&cluster->mutex);
    for (size_t i = 0; i < cluster->status.gossip.peer_count; i++)
        count += cluster->status.gossip.peers[i].applied >= stamp;
    pthread_mutex_unlock(&cluster->mutex);
    cluster_wake(cluster);
    return count;
}

void cluster_status(struct cluster *cluster, struct cluster_status *status)
{
    if (cluster == NULL) {
        memset(status, 0, sizeof *status);
        return;
    }
    pthread_mutex_lock(&cluster->mutex);
    *status = cluster->status;
    pthread_mutex_unlock(&cluster->mutex);
}
