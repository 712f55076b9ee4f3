/* worker.h - the thread that reads and fills the store for other replicas, one job after another.
 *
 * The cluster thread posts jobs and takes them back when they are done; between the two a job
 * belongs to the worker.  Lists of leaves and scans stay with the worker under the number of the
 * job that made them, until a job closes them; the elements of a scan may be read meanwhile, for
 * they never change.
 */
#ifndef CLUSTER_WORKER_H
#define CLUSTER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "replication/message.h"
#include "store/store.h"

enum job_kind {
    JOB_LIST_LEAVES,
    JOB_SCAN_LEAVES,
    JOB_COLLECT,
    JOB_READ_PAGE,
    JOB_LOAD_PAGE,
    JOB_SALVAGE,
    JOB_CLOSE_LIST,
    JOB_CLOSE_SCAN
};

struct job {
    enum job_kind kind;
    uint64_t token;
    uint64_t of; /* the list or scan it is about */
    uint64_t cutoff, horizon;
    bool by_content, is_last;
    uint64_t *numbers; /* owned: leaf fingerprints, key hashes */
    size_t number_count;
    size_t bytes_max;
    struct buffer bytes; /* cursor, records, path */
    bool is_loaded;      /* a page must not be put into the store twice */

    /* when it is done */
    bool is_ok;
    uint64_t *fingerprints; /* owned */
    size_t fingerprint_count;
    struct digest root;
    const struct element *elements; /* the scan's */
    size_t element_count;
    struct buffer records, cursor;
    size_t answered;
    int64_t record_count;
    char error[STORE_ERROR_MAX];

    struct job *next;
};

struct worker;

/* on_done is called by the worker's thread after each job. */
struct worker *worker_create(struct store *store, void (*on_done)(void *context), void *context);
/* Ends the thread after the job at hand; what is left is dropped. */
void worker_destroy(struct worker *worker);

struct job *job_create(enum job_kind kind, uint64_t token);
void job_destroy(struct job *job);

void worker_post(struct worker *worker, struct job *job);
/* The next finished job, NULL = none; the caller destroys it. */
struct job *worker_take(struct worker *worker);

#endif
