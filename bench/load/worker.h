/* worker.h - a thread of the generator: its connections, its part of the schedule, its figures.
 *
 * W1  A request's time begins when it is due (open loop), whether or not it could be sent then: a
 * server that stalls is charged for every request that would have come meanwhile.  In a closed loop
 * it begins when it is put into a connection's output. W2  Requests that are due and find no room
 * on any connection wait in no queue: the schedule just stays behind, so memory is bounded by
 * connections and pipeline. W3  How much later than due, or than there was room again, a request
 * was sent is the generator's own lateness.  It is part of the request's time and is reported
 * beside it. W4  What is due before the warm-up's end is sent and not counted; what is due before
 * the end is sent also later, until it is done or the time to drain is over.
 */
#ifndef LOAD_WORKER_H
#define LOAD_WORKER_H

#include <pthread.h>

#include "load/maker.h"
#include "load/options.h"
#include "load/stats.h"

/* What all workers of a run share.  The mutex is for the number of those that are done. */
struct run {
    const struct options *options;
    struct key_counters counters;
    uint64_t begin_ns, count_from_ns,
        end_ns;            /* monotonic; end_ns is UINT64_MAX if requests are counted */
    _Atomic bool has_stop; /* somebody wants it to end */
    pthread_mutex_t mutex;
    pthread_cond_t is_done;
    unsigned done_count;
};

/* How a worker ended. */
struct worker_end {
    uint64_t sent;       /* requests that count */
    uint64_t unsent;     /* that were due and found no room */
    uint64_t unanswered; /* that were sent */
    uint64_t lost_connections;
    double cpu_share;  /* of the time it ran */
    double wait_share; /* of the time it waited for a core that others had */
    bool is_blocked;   /* there was no room at some time */
};

struct worker;

/* Connects.  NULL, with a sentence, if it can't. */
struct worker *worker_create(struct run *run, unsigned index, char problem[OPTIONS_PROBLEM_MAX]);
void worker_start(struct worker *worker);

/* Adds what was measured since the last call; at any time, from another thread. */
void worker_collect(struct worker *worker, struct stats *into);

/* Waits for its thread. */
struct worker_end worker_join(struct worker *worker);
void worker_destroy(struct worker *worker);

/* Nanoseconds of the monotonic clock. */
uint64_t worker_now_ns(void);

#endif
