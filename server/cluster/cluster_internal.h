/* cluster_internal.h - the parts of a cluster object, for its own files: cluster.c, the thread and
 * what it is built of, and orders.c, what operators tell it. */
#ifndef CLUSTER_CLUSTER_INTERNAL_H
#define CLUSTER_CLUSTER_INTERNAL_H

#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>

#include "cluster/cluster.h"
#include "cluster/host.h"

enum request_kind { REQUEST_MEET, REQUEST_FORGET, REQUEST_LEAVE, REQUEST_SYNC, REQUEST_SALVAGE };

/* On the asker's stack, who waits until it is answered. */
struct request {
    enum request_kind kind;
    struct bytes argument;
    uint64_t node_id;
    bool is_answered;
    enum status status;
    char error[CLUSTER_ERROR_MAX];
    struct request *next;
};

enum salvage_state { SALVAGE_IDLE, SALVAGE_RUNNING, SALVAGE_DONE };

struct cluster {
    struct options *options;
    struct tls_contexts *tls;
    struct store *store;
    const struct clock *clock;
    struct event_base *base;
    struct event wake_event, tick_timer;
    int wake_descriptor;
    bool is_quiet; /* ticks are far apart */
    atomic_bool is_rung, is_stopping;
    bool has_thread;
    pthread_t thread;
    struct store_thread *store_thread;
    struct worker *worker;
    struct host host;
    struct gossip *gossip;
    struct links *links;
    bool is_last_own_told;
    uint64_t clock_at_start; /* above all stamps of earlier incarnations */

    pthread_mutex_t mutex; /* the rest */
    pthread_cond_t answered;
    struct request *requests, **requests_end;
    struct cluster_status status;
    atomic_bool is_waited_for; /* WAIT has asked since the last look */
    enum salvage_state salvage;
    bool is_salvaged;
    struct buffer salvage_path;
    int64_t salvage_count;
    char salvage_error[CLUSTER_ERROR_MAX];
};

/* Any thread: the cluster thread takes a turn. */
void cluster_wake(void *context);

/* The cluster thread: carries out what was asked. */
void orders_answer(struct cluster *cluster);
void orders_salvaged(struct cluster *cluster, const struct job *job);

#endif
