#include "cluster/host.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "replication/version.h"
#include "store/digest.h"
#include "store/feed.h"

/* So many merges may wait for their commits before others are begun. */
#define MERGED_AHEAD_MAX 64

/* Merging gives way to beats and pushes after so long. */
#define MERGE_TURN_US 4000

struct gossip_time host_now(const struct host *host)
{
    return (struct gossip_time){clock_wall_us(host->clock), clock_monotonic_us(host->clock)};
}

/* ---------- links ---------- */

static void send_message(void *context, uint64_t node_id, enum message_kind kind, struct bytes body)
{
    struct host *host = context;

    if (host->links != NULL)
        links_send(host->links, node_id, kind, body);
}

static void set_targets(void *context, const char *const *addresses, size_t count)
{
    struct host *host = context;

    if (host->links != NULL)
        links_set_targets(host->links, addresses, count);
}

static void drop_links(void *context, uint64_t node_id, const char *reason)
{
    struct host *host = context;

    if (host->links != NULL)
        links_drop(host->links, node_id, reason);
}

/* ---------- the log of own writes ---------- */

static bool read_log(void *context, uint64_t from, size_t bytes_max, struct buffer *records,
                     uint64_t *to, uint64_t *cut)
{
    struct host *host = context;

    return feed_read(store_feed(host->store), from, bytes_max, records, to, cut);
}

static void trim_log(void *context, uint64_t position)
{
    struct host *host = context;

    feed_trim(store_feed(host->store), position);
}

static void keep_log(void *context, bool is_wanted)
{
    struct host *host = context;

    feed_set_wanted(store_feed(host->store), is_wanted);
    digest_set_wanted(store_digest(host->store), is_wanted);
}

/* ---------- merging ---------- */

static void apply(void *context, uint64_t token, uint64_t frame_horizon, struct bytes records)
{
    struct host *host = context;
    struct merging *merging = xcalloc(1, sizeof *merging);

    merging->token = token;
    merging->frame_horizon = frame_horizon;
    buffer_append_bytes(&merging->blob, records);
    *host->end = merging;
    host->end = &merging->next;
}

static enum applied result_of(enum status status)
{
    if (status == STATUS_OK)
        return APPLIED_OK;
    if (status == STATUS_CLOCK_SKEW)
        return APPLIED_SKEW;
    if (status == STATUS_NO_NAMESPACE)
        return APPLIED_UNKNOWN_NAMESPACE;
    if (status == STATUS_CORRUPT)
        log_line(LOG_WARNING, "A replica sent records that are damaged; they were not merged.");
    return APPLIED_FAILED;
}

/* A bounded part of it.  False if the store takes no more for now. */
static bool merge_some(struct host *host, struct merging *merging)
{
    uint64_t newest = stamp_newest_believed(clock_wall_ms(host->clock), host->skew_max_ms);
    enum status status =
        replica_merge(host->replica, buffer_view(&merging->blob), merging->frame_horizon, newest,
                      &merging->done, &host->counts, &merging->group);

    if (status == STATUS_PARKED)
        return false;
    if (status == STATUS_OK && merging->done < merging->blob.size)
        return true;
    merging->result = result_of(status);
    merging->is_merged = true;
    if (status != STATUS_OK)
        merging->group = 0; /* what was merged before that is not spoken of: nothing to wait for */
    buffer_clear(&merging->blob);
    return true;
}

static void tell_conflicts(struct host *host)
{
    if (host->counts.conflicts == host->conflicts_told)
        return;
    host->conflicts_told = host->counts.conflicts;
    log_line(LOG_WARNING, "Two different values came with one version: two processes use one "
                          "node's id, or one was restored from a backup.");
}

static void merge_waiting(struct host *host)
{
    int64_t end_us = clock_monotonic_us(host->clock) + MERGE_TURN_US;
    struct merging *merging = host->first;
    bool is_taken = true;
    int ahead = 0;

    while (merging != NULL && ahead < MERGED_AHEAD_MAX && is_taken && !host->has_more) {
        if (merging->is_merged) {
            merging = merging->next;
            ahead++;
        } else {
            is_taken = merge_some(host, merging);
            host->has_more = is_taken && clock_monotonic_us(host->clock) >= end_us;
        }
    }
    store_end_turn(host->thread);
    tell_conflicts(host);
}

static void finish_first(struct host *host, enum applied result)
{
    struct merging *merging = host->first;

    host->first = merging->next;
    if (host->first == NULL)
        host->end = &host->first;
    gossip_applied(host->gossip, host_now(host), merging->token, result);
    buffer_clear(&merging->blob);
    free(merging);
}

/* ---------- saving ---------- */

static void save(void *context, uint64_t token, struct bytes state)
{
    struct host *host = context;

    epoch_enter(store_epoch(host->thread));
    host->save_token = token;
    host->save_group = store_save_state(host->thread, state, true);
    epoch_exit(store_epoch(host->thread));
    store_end_turn(host->thread);
}

static void finish_save(struct host *host, bool is_saved)
{
    uint64_t token = host->save_token;

    host->save_token = 0;
    gossip_saved(host->gossip, host_now(host), token, is_saved);
}

/* ---------- commits ---------- */

/* Everything that is not committed was undone: also what a blob that is merged in part has brought
 * so far, so it begins anew. */
static void take_failure(struct host *host)
{
    uint64_t committed = store_committed(host->store);

    while (host->first != NULL && host->first->is_merged)
        finish_first(host, host->first->group > committed ? APPLIED_FAILED : host->first->result);
    if (host->first != NULL)
        host->first->done = host->first->group = 0;
    if (host->save_token != 0 && host->save_group > committed)
        finish_save(host, false);
    store_failure_seen(host->thread);
}

void host_pump(struct host *host)
{
    if (store_failure_pending(host->thread))
        take_failure(host);
    host->has_more = false;
    if (host->first != NULL)
        merge_waiting(host);
    while (host->first != NULL && host->first->is_merged &&
           host->first->group <= store_committed(host->store))
        finish_first(host, host->first->result);
    if (host->save_token != 0 && host->save_group == 0)
        finish_save(host, false);
    else if (host->save_token != 0 && store_durable(host->store) >= host->save_group)
        finish_save(host, true);
    epoch_collect(store_epoch(host->thread));
}

/* ---------- time and purging ---------- */

static uint64_t close_time(void *context)
{
    struct host *host = context;

    return store_close_time(host->store);
}

static void observe(void *context, uint64_t stamp)
{
    struct host *host = context;

    store_observe(host->store, stamp);
}

static void set_horizon(void *context, uint64_t horizon)
{
    struct host *host = context;

    store_set_horizon(host->store, horizon);
}

static bool wants_horizon(void *context)
{
    struct host *host = context;

    return store_wants_horizon(host->store);
}

static bool is_blank(void *context)
{
    struct host *host = context;

    if (host->is_blank)
        host->is_blank = store_is_blank(host->store);
    return host->is_blank;
}

static void set_gate(void *context, enum gossip_gate gate)
{
    struct host *host = context;

    store_set_gate(host->store, gate);
    store_wake_all(host->store);
}

static void set_stagger(void *context, const uint64_t *node_ids, size_t count, int64_t step_us)
{
    struct host *host = context;

    store_set_stagger(host->store, node_ids, count, step_us);
}

/* ---------- slow reading ---------- */

static void list_leaves(void *context, uint64_t token)
{
    struct host *host = context;

    worker_post(host->worker, job_create(JOB_LIST_LEAVES, token));
}

static void set_numbers(struct job *job, const uint64_t *numbers, size_t count)
{
    job->numbers = xcalloc(count + 1, sizeof *job->numbers);
    job->number_count = count;
    if (count > 0)
        memcpy(job->numbers, numbers, count * sizeof *numbers);
}

static void scan_leaves(void *context, uint64_t token, uint64_t list,
                        const struct open_leaves *leaves)
{
    struct host *host = context;
    struct job *job = job_create(JOB_SCAN_LEAVES, token);

    job->of = list;
    job->cutoff = leaves->cutoff;
    job->horizon = leaves->horizon;
    job->by_content = leaves->by_content;
    set_numbers(job, leaves->leaves, leaves->leaf_count);
    worker_post(host->worker, job);
}

static void collect(void *context, uint64_t token, uint64_t scan, const uint64_t *keys,
                    size_t count, size_t bytes_max)
{
    struct host *host = context;
    struct job *job = job_create(JOB_COLLECT, token);

    job->of = scan;
    job->bytes_max = bytes_max;
    set_numbers(job, keys, count);
    worker_post(host->worker, job);
}

static void close_job(struct host *host, enum job_kind kind, uint64_t of)
{
    struct job *job = job_create(kind, 0);

    job->of = of;
    worker_post(host->worker, job);
}

static void close_list(void *context, uint64_t list)
{
    close_job(context, JOB_CLOSE_LIST, list);
}

static void close_scan(void *context, uint64_t scan)
{
    close_job(context, JOB_CLOSE_SCAN, scan);
}

static void read_page(void *context, uint64_t token, struct bytes cursor, size_t bytes_max)
{
    struct host *host = context;
    struct job *job = job_create(JOB_READ_PAGE, token);

    job->bytes_max = bytes_max;
    buffer_append_bytes(&job->bytes, cursor);
    worker_post(host->worker, job);
}

static void load_page(void *context, uint64_t token, struct bytes records, bool is_last)
{
    struct host *host = context;
    struct job *job = job_create(JOB_LOAD_PAGE, token);

    job->is_last = is_last;
    buffer_append_bytes(&job->bytes, records);
    worker_post(host->worker, job);
}

static void answer(struct host *host, const struct job *job)
{
    struct gossip *gossip = host->gossip;
    struct gossip_time now = host_now(host);

    switch (job->kind) {
    case JOB_LIST_LEAVES:
        gossip_leaves(gossip, now, job->token, job->is_ok, job->fingerprints,
                      job->fingerprint_count, &job->root);
        break;
    case JOB_SCAN_LEAVES:
        if (job->is_ok)
            gossip_elements(gossip, now, job->token, job->elements, job->element_count);
        break;
    case JOB_COLLECT:
        if (job->is_ok)
            gossip_collected(gossip, now, job->token, job->answered, buffer_view(&job->records));
        break;
    case JOB_READ_PAGE:
        if (job->is_ok)
            gossip_page(gossip, now, job->token, buffer_view(&job->records),
                        buffer_view(&job->cursor), job->is_last);
        else
            gossip_page_failed(gossip, job->token);
        break;
    case JOB_LOAD_PAGE:
        gossip_applied(gossip, now, job->token, job->is_ok ? APPLIED_OK : APPLIED_FAILED);
        break;
    case JOB_SALVAGE:
    case JOB_CLOSE_LIST:
    case JOB_CLOSE_SCAN:
        break;
    }
}

struct job *host_take_answers(struct host *host)
{
    struct job *job;

    while ((job = worker_take(host->worker)) != NULL && job->kind != JOB_SALVAGE) {
        answer(host, job);
        job_destroy(job);
    }
    return job;
}

/* ---------- life ---------- */

static void log_text(void *context, bool is_warning, const char *text)
{
    (void)context;
    log_line(is_warning ? LOG_WARNING : LOG_NOTICE, "%s", text);
}

void host_init(struct host *host, struct store *store, struct store_thread *thread,
               const struct clock *clock, int64_t skew_max_ms)
{
    *host = (struct host){
        .functions = {.context = host,
                      .send = send_message,
                      .set_targets = set_targets,
                      .drop_links = drop_links,
                      .read_log = read_log,
                      .trim_log = trim_log,
                      .keep_log = keep_log,
                      .apply = apply,
                      .save = save,
                      .close_time = close_time,
                      .observe = observe,
                      .set_horizon = set_horizon,
                      .wants_horizon = wants_horizon,
                      .is_blank = is_blank,
                      .set_gate = set_gate,
                      .set_stagger = set_stagger,
                      .list_leaves = list_leaves,
                      .scan_leaves = scan_leaves,
                      .collect = collect,
                      .close_list = close_list,
                      .close_scan = close_scan,
                      .read_page = read_page,
                      .load_page = load_page,
                      .log = log_text},
        .store = store,
        .thread = thread,
        .replica = replica_create(thread),
        .clock = clock,
        .skew_max_ms = skew_max_ms,
        .is_blank = true,
    };
    host->end = &host->first;
}

void host_clear(struct host *host)
{
    while (host->first != NULL) {
        struct merging *merging = host->first;

        host->first = merging->next;
        buffer_clear(&merging->blob);
        free(merging);
    }
    replica_destroy(host->replica);
}
