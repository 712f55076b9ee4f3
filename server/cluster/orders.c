/* orders.c - what operators tell the cluster: handed over to its thread, which answers. */
#include <stdio.h>
#include <string.h>

#include "cluster/cluster_internal.h"
#include "store/replica.h"

/* ---------- the cluster thread ---------- */

static void fail(struct request *request, const char *text)
{
    request->status = STATUS_FAILED;
    (void)snprintf(request->error, sizeof request->error, "%s", text);
}

static void meet(struct cluster *cluster, struct request *request)
{
    struct bytes given = request->argument;
    char address[GOSSIP_ADDRESS_MAX] = "";
    enum status status;

    if (given.size < sizeof address && memchr(given.data, '\0', given.size) == NULL)
        (void)snprintf(address, sizeof address, "%.*s", (int)given.size, given.data);
    status = gossip_meet(cluster->gossip, host_now(&cluster->host), address);
    if (status == STATUS_SYNTAX)
        fail(request, "this is not host:gossip-port");
    else if (status != STATUS_OK)
        fail(request, "too many addresses were given to GOSSIP MEET since this node was started");
}

static void leave(struct cluster *cluster, struct request *request)
{
    if (gossip_leave(cluster->gossip, host_now(&cluster->host)) != STATUS_OK)
        fail(request, "there is no other member in this node's cluster");
}

static void forget(struct cluster *cluster, struct request *request)
{
    enum status status = gossip_forget(cluster->gossip, host_now(&cluster->host), request->node_id);

    if (status == STATUS_SYNTAX)
        fail(request, "that is this node's own id; GOSSIP LEAVE takes it out of the cluster");
    else if (status != STATUS_OK)
        fail(request, "no member of the cluster has this id, see GOSSIP PEERS");
}

static void begin_salvage(struct cluster *cluster, struct request *request)
{
    struct job *job = job_create(JOB_SALVAGE, 0);

    job->cutoff = cluster->status.gossip.horizon; /* what is older all others have */
    buffer_append_bytes(&job->bytes, request->argument);
    worker_post(cluster->worker, job);
}

static void carry_out(struct cluster *cluster, struct request *request)
{
    struct gossip_time now = host_now(&cluster->host);

    switch (request->kind) {
    case REQUEST_MEET:
        meet(cluster, request);
        break;
    case REQUEST_FORGET:
        forget(cluster, request);
        break;
    case REQUEST_LEAVE:
        leave(cluster, request);
        break;
    case REQUEST_SYNC:
        gossip_sync(cluster->gossip, now);
        break;
    case REQUEST_SALVAGE:
        begin_salvage(cluster, request);
        break;
    }
}

static struct request *take_request(struct cluster *cluster)
{
    struct request *request;

    pthread_mutex_lock(&cluster->mutex);
    request = cluster->requests;
    if (request != NULL)
        cluster->requests = request->next;
    if (cluster->requests == NULL)
        cluster->requests_end = &cluster->requests;
    pthread_mutex_unlock(&cluster->mutex);
    return request;
}

void orders_answer(struct cluster *cluster)
{
    struct request *request;

    while ((request = take_request(cluster)) != NULL) {
        carry_out(cluster, request);
        pthread_mutex_lock(&cluster->mutex);
        request->is_answered = true;
        pthread_cond_broadcast(&cluster->answered);
        pthread_mutex_unlock(&cluster->mutex);
    }
}

void orders_salvaged(struct cluster *cluster, const struct job *job)
{
    pthread_mutex_lock(&cluster->mutex);
    cluster->salvage = SALVAGE_DONE;
    cluster->is_salvaged = job->is_ok;
    cluster->salvage_count = job->record_count;
    (void)snprintf(cluster->salvage_error, sizeof cluster->salvage_error, "%s", job->error);
    pthread_mutex_unlock(&cluster->mutex);
    store_wake_all(cluster->store);
}

/* ---------- clients' threads ---------- */

static enum status ask(struct cluster *cluster, struct request *request,
                       char error[CLUSTER_ERROR_MAX])
{
    pthread_mutex_lock(&cluster->mutex);
    *cluster->requests_end = request;
    cluster->requests_end = &request->next;
    pthread_mutex_unlock(&cluster->mutex);
    cluster_wake(cluster);
    pthread_mutex_lock(&cluster->mutex);
    while (!request->is_answered)
        pthread_cond_wait(&cluster->answered, &cluster->mutex);
    pthread_mutex_unlock(&cluster->mutex);
    if (request->status != STATUS_OK)
        memcpy(error, request->error, CLUSTER_ERROR_MAX);
    return request->status;
}

enum status cluster_meet(struct cluster *cluster, struct bytes address,
                         char error[CLUSTER_ERROR_MAX])
{
    struct request request = {.kind = REQUEST_MEET, .argument = address};

    return ask(cluster, &request, error);
}

enum status cluster_forget(struct cluster *cluster, uint64_t node_id, char error[CLUSTER_ERROR_MAX])
{
    struct request request = {.kind = REQUEST_FORGET, .node_id = node_id};

    return ask(cluster, &request, error);
}

enum status cluster_leave(struct cluster *cluster, char error[CLUSTER_ERROR_MAX])
{
    struct request request = {.kind = REQUEST_LEAVE};

    return ask(cluster, &request, error);
}

enum status cluster_sync(struct cluster *cluster, char error[CLUSTER_ERROR_MAX])
{
    struct request request = {.kind = REQUEST_SYNC};

    return ask(cluster, &request, error);
}

static enum status take_salvaged(struct cluster *cluster, int64_t *count,
                                 char error[CLUSTER_ERROR_MAX])
{
    cluster->salvage = SALVAGE_IDLE;
    *count = cluster->salvage_count;
    memcpy(error, cluster->salvage_error, CLUSTER_ERROR_MAX);
    return cluster->is_salvaged ? STATUS_OK : STATUS_FAILED;
}

enum status cluster_salvage(struct cluster *cluster, struct bytes path, int64_t *count,
                            char error[CLUSTER_ERROR_MAX])
{
    struct request request = {.kind = REQUEST_SALVAGE, .argument = path};
    enum status status = STATUS_PARKED;
    bool is_mine = false;

    pthread_mutex_lock(&cluster->mutex);
    if (cluster->salvage == SALVAGE_DONE &&
        bytes_equal(path, buffer_view(&cluster->salvage_path))) {
        status = take_salvaged(cluster, count, error);
    } else if (cluster->salvage != SALVAGE_RUNNING) { /* who asked for another file is gone */
        cluster->salvage = SALVAGE_RUNNING;
        cluster->salvage_path.size = 0;
        buffer_append_bytes(&cluster->salvage_path, path);
        is_mine = true;
    }
    pthread_mutex_unlock(&cluster->mutex);
    if (is_mine)
        (void)ask(cluster, &request, error);
    return status;
}
