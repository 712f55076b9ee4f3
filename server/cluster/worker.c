#include "cluster/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/condition.h"
#include "base/memory.h"
#include "base/process.h"
#include "store/replica.h"
#include "store/transfer_load.h"
#include "store/transfer_page.h"
#include "store/transfer_salvage.h"
#include "store/transfer_scan.h"

/* While the store is being reopened, or counts its leaves, a job is tried again. */
#define RETRY_MS 20

struct job_queue {
    struct job *first, **end;
};

/* What a job left behind for later ones: a list of leaves or a scan. */
struct kept {
    uint64_t number;
    struct leaf_list *list;
    const struct leaf_ref **by_fingerprint; /* the list's leaves, ordered */
    struct transfer_scan *scan;
    struct kept *next;
};

struct worker {
    struct store *store;
    struct store_thread *thread;
    void (*on_done)(void *context);
    void *context;
    struct kept *kept;
    struct transfer_load *load;
    struct transfer_pages *pages;
    pthread_t id;
    pthread_mutex_t mutex; /* the rest */
    pthread_cond_t wake;
    struct job_queue waiting, done;
    bool is_stopping;
};

/* ---------- jobs and queues ---------- */

struct job *job_create(enum job_kind kind, uint64_t token)
{
    struct job *job = xcalloc(1, sizeof *job);

    job->kind = kind;
    job->token = token;
    return job;
}

void job_destroy(struct job *job)
{
    if (job == NULL)
        return;
    free(job->numbers);
    free(job->fingerprints);
    buffer_clear(&job->bytes);
    buffer_clear(&job->records);
    buffer_clear(&job->cursor);
    free(job);
}

static void queue_init(struct job_queue *queue)
{
    queue->first = NULL;
    queue->end = &queue->first;
}

static void queue_add(struct job_queue *queue, struct job *job)
{
    job->next = NULL;
    *queue->end = job;
    queue->end = &job->next;
}

static struct job *queue_take(struct job_queue *queue)
{
    struct job *job = queue->first;

    if (job == NULL)
        return NULL;
    queue->first = job->next;
    if (queue->first == NULL)
        queue->end = &queue->first;
    return job;
}

static void queue_clear(struct job_queue *queue)
{
    struct job *job;

    while ((job = queue_take(queue)) != NULL)
        job_destroy(job);
}

/* ---------- what is kept ---------- */

static struct kept *find_kept(struct worker *worker, uint64_t number)
{
    struct kept *kept = worker->kept;

    while (kept != NULL && kept->number != number)
        kept = kept->next;
    return kept;
}

static struct kept *keep(struct worker *worker, uint64_t number)
{
    struct kept *kept = xcalloc(1, sizeof *kept);

    kept->number = number;
    kept->next = worker->kept;
    worker->kept = kept;
    return kept;
}

static void close_kept(struct worker *worker, uint64_t number)
{
    struct kept **link = &worker->kept;
    struct kept *kept;

    while (*link != NULL && (*link)->number != number)
        link = &(*link)->next;
    kept = *link;
    if (kept == NULL)
        return;
    *link = kept->next;
    leaf_list_destroy(kept->list);
    free(kept->by_fingerprint);
    transfer_scan_close(kept->scan);
    free(kept);
}

/* ---------- the jobs ---------- */

static int by_fingerprint(const void *left, const void *right)
{
    uint64_t a = (*(const struct leaf_ref *const *)left)->fingerprint;
    uint64_t b = (*(const struct leaf_ref *const *)right)->fingerprint;

    return a < b ? -1 : a > b;
}

static enum status list_leaves(struct worker *worker, struct job *job)
{
    struct leaf_list *list;
    enum status status = digest_list(store_digest(worker->store), &list);
    struct kept *kept;

    if (status != STATUS_OK)
        return status;
    kept = keep(worker, job->token);
    kept->list = list;
    kept->by_fingerprint = xcalloc(list->count + 1, sizeof *kept->by_fingerprint);
    job->fingerprints = xcalloc(list->count + 1, sizeof *job->fingerprints);
    job->fingerprint_count = list->count;
    job->root = list->root;
    for (size_t i = 0; i < list->count; i++) {
        job->fingerprints[i] = list->leaves[i].fingerprint;
        kept->by_fingerprint[i] = &list->leaves[i];
    }
    qsort(kept->by_fingerprint, list->count, sizeof *kept->by_fingerprint, by_fingerprint);
    return STATUS_OK;
}

static const struct leaf_ref *find_leaf(const struct kept *kept, uint64_t fingerprint)
{
    const struct leaf_ref wanted = {.fingerprint = fingerprint};
    const struct leaf_ref *key = &wanted;
    const struct leaf_ref **found = bsearch(&key, kept->by_fingerprint, kept->list->count,
                                            sizeof *kept->by_fingerprint, by_fingerprint);

    return found != NULL ? *found : NULL;
}

static enum status scan_leaves(struct worker *worker, struct job *job)
{
    const struct kept *list = find_kept(worker, job->of);
    const struct leaf_ref **leaves;
    struct transfer_scan *scan;
    enum status status;
    size_t count = 0;

    if (list == NULL || list->list == NULL)
        return STATUS_NOT_FOUND;
    leaves = xcalloc(job->number_count + 1, sizeof *leaves);
    for (size_t i = 0; i < job->number_count; i++) {
        const struct leaf_ref *leaf = find_leaf(list, job->numbers[i]);

        if (leaf != NULL)
            leaves[count++] = leaf;
    }
    status = transfer_scan_open(worker->thread, leaves, count, job->cutoff, job->horizon,
                                job->by_content, &scan);
    free(leaves);
    if (status != STATUS_OK)
        return status;
    keep(worker, job->token)->scan = scan;
    job->elements = transfer_scan_elements(scan, &job->element_count);
    return STATUS_OK;
}

static enum status collect(struct worker *worker, struct job *job)
{
    const struct kept *kept = find_kept(worker, job->of);

    if (kept == NULL || kept->scan == NULL)
        return STATUS_NOT_FOUND;
    return transfer_collect(kept->scan, job->numbers, job->number_count, job->bytes_max,
                            &job->records, &job->answered);
}

static enum status read_page(struct worker *worker, struct job *job)
{
    return transfer_read_page(worker->pages, buffer_view(&job->bytes), job->bytes_max,
                              &job->records, &job->cursor, &job->is_last);
}

static enum status load_page(struct worker *worker, struct job *job)
{
    enum status status;

    if (worker->load == NULL)
        worker->load = transfer_load_begin(worker->thread);
    if (!job->is_loaded) {
        status = transfer_load_page(worker->load, buffer_view(&job->bytes));
        job->is_loaded = status == STATUS_OK;
        if (status != STATUS_OK || !job->is_last)
            return status;
    }
    status = transfer_load_finish(worker->load);
    if (status == STATUS_PARKED)
        return status; /* what came must not be lost: the next attempt goes on with it */
    transfer_load_destroy(worker->load);
    worker->load = NULL;
    return status;
}

static enum status salvage(struct worker *worker, struct job *job)
{
    buffer_append_byte(&job->bytes, '\0');
    return transfer_salvage(worker->thread, job->cutoff, job->bytes.data, &job->record_count,
                            job->error);
}

static enum status run_job(struct worker *worker, struct job *job)
{
    switch (job->kind) {
    case JOB_LIST_LEAVES:
        return list_leaves(worker, job);
    case JOB_SCAN_LEAVES:
        return scan_leaves(worker, job);
    case JOB_COLLECT:
        return collect(worker, job);
    case JOB_READ_PAGE:
        return read_page(worker, job);
    case JOB_LOAD_PAGE:
        return load_page(worker, job);
    case JOB_SALVAGE:
        return salvage(worker, job);
    case JOB_CLOSE_LIST:
    case JOB_CLOSE_SCAN:
        close_kept(worker, job->of);
        return STATUS_OK;
    }
    return STATUS_FAILED;
}

/* ---------- the thread ---------- */

/* Under the mutex.  What pages are read from goes when nobody has asked for a while. */
static void await_job(struct worker *worker)
{
    if (transfer_pages_expire(worker->pages))
        condition_wait_ms(&worker->wake, &worker->mutex, PAGES_IDLE_MS);
    else
        pthread_cond_wait(&worker->wake, &worker->mutex);
}

static struct job *next_job(struct worker *worker)
{
    struct job *job;

    pthread_mutex_lock(&worker->mutex);
    while (worker->waiting.first == NULL && !worker->is_stopping)
        await_job(worker);
    job = worker->is_stopping ? NULL : queue_take(&worker->waiting);
    pthread_mutex_unlock(&worker->mutex);
    return job;
}

/* False if the worker is to stop instead. */
static bool pause_before_retry(struct worker *worker)
{
    bool is_stopping;

    pthread_mutex_lock(&worker->mutex);
    if (!worker->is_stopping)
        condition_wait_ms(&worker->wake, &worker->mutex, RETRY_MS);
    is_stopping = worker->is_stopping;
    pthread_mutex_unlock(&worker->mutex);
    return !is_stopping;
}

/* A list of leaves that are still being counted is answered as such; whatever else has to wait for
 * the store is tried until it is there. */
static void finish_job(struct worker *worker, struct job *job)
{
    enum status status = run_job(worker, job);

    while (status == STATUS_PARKED && job->kind != JOB_LIST_LEAVES && pause_before_retry(worker))
        status = run_job(worker, job);
    job->is_ok = status == STATUS_OK;
    epoch_collect(store_epoch(worker->thread));
}

static void *run(void *context)
{
    struct worker *worker = context;
    struct job *job;

    process_step_back();
    while ((job = next_job(worker)) != NULL) {
        finish_job(worker, job);
        pthread_mutex_lock(&worker->mutex);
        queue_add(&worker->done, job);
        pthread_mutex_unlock(&worker->mutex);
        worker->on_done(worker->context);
    }
    return NULL;
}

struct worker *worker_create(struct store *store, void (*on_done)(void *context), void *context)
{
    struct worker *worker = xcalloc(1, sizeof *worker);

    worker->store = store;
    worker->thread = store_join(store, NULL, NULL);
    worker->pages = transfer_pages_create(worker->thread);
    worker->on_done = on_done;
    worker->context = context;
    queue_init(&worker->waiting);
    queue_init(&worker->done);
    pthread_mutex_init(&worker->mutex, NULL);
    condition_init(&worker->wake);
    pthread_create(&worker->id, NULL, run, worker);
    (void)pthread_setname_np(worker->id, "replica-worker");
    return worker;
}

void worker_destroy(struct worker *worker)
{
    if (worker == NULL)
        return;
    pthread_mutex_lock(&worker->mutex);
    worker->is_stopping = true;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->mutex);
    pthread_join(worker->id, NULL);
    while (worker->kept != NULL)
        close_kept(worker, worker->kept->number);
    transfer_load_destroy(worker->load);
    transfer_pages_destroy(worker->pages);
    queue_clear(&worker->waiting);
    queue_clear(&worker->done);
    store_leave(worker->thread);
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->mutex);
    free(worker);
}

void worker_post(struct worker *worker, struct job *job)
{
    pthread_mutex_lock(&worker->mutex);
    queue_add(&worker->waiting, job);
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->mutex);
}

struct job *worker_take(struct worker *worker)
{
    struct job *job;

    pthread_mutex_lock(&worker->mutex);
    job = queue_take(&worker->done);
    pthread_mutex_unlock(&worker->mutex);
    return job;
}
