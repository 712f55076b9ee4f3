/* toys.h - gossip objects over toy hosts, a network between them and a time of their own.
 *
 * A toy stores nothing: a record is eight bytes, its stamp, and what came is counted.  Comparing
 * always finds both sides equal, unless a toy says that it is still counting its leaves.  What a
 * host starts ends in the next round of toys_run(), in its order. */
#ifndef UNIT_REPLICATION_TOYS_H
#define UNIT_REPLICATION_TOYS_H

#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/wire.h"
#include "replication/gossip.h"
#include "replication/version.h"

#define TOYS_MAX      4
#define TOYS_START_MS 1764000000000
#define TOYS_TICK_US  50000
#define TOYS_EVENTS   4096
#define TOYS_TARGETS  80
#define TOYS_LOG      4096
#define TOYS_SKEW_MS  1000
#define SECOND_US     1000000
#define MINUTE_S      60

struct toys;

struct toy {
    struct toys *toys;
    uint64_t node_id;
    char address[32];
    const char *peers[TOYS_MAX];
    size_t peer_count;
    uint64_t horizon_at_least;
    bool was_alone;
    int64_t forget_after_ms;
    int64_t clock_off_us;  /* this machine's wall clock less the true one */
    uint64_t last_own;     /* is told at the next start, 0 = all that was written is here */
    uint64_t restored_hlc; /* the clock that a backup knows, 0 = it was not restored */

    struct gossip *gossip;
    struct gossip_host host;
    char targets[TOYS_TARGETS][GOSSIP_ADDRESS_MAX];
    size_t target_count;
    bool is_linked[TOYS_MAX];

    /* the store */
    uint64_t log[TOYS_LOG]; /* stamps of own writes */
    size_t log_count, log_begin;
    uint64_t hlc, horizon;
    bool is_blank, wants_horizon, is_counting;
    struct buffer saved;
    enum gossip_gate gate;
    enum applied result; /* of merges */
    bool is_stalled;     /* merges and loads end later */
    bool fails_pages;
    char page_count; /* that it has for a new node */

    /* what was seen */
    size_t merges, saves, pages_read, pages_loaded, log_lines, compares;
    size_t merging_bytes, merging_bytes_max;
    size_t page_bytes_max; /* of the last page that it read */
    char last_line[512];
    char refusal[256]; /* why it was refused by the last one that did */
    size_t sent[MESSAGE_KIND_COUNT];
    size_t sent_bytes;
};

/* A message that arrives, or what the host started and ends. */
struct toys_event {
    struct toy *toy;
    void (*end)(struct toy *toy, struct toys_event *event);
    uint64_t from, token;
    enum message_kind kind;
    char *bytes;
    size_t size;
};

struct toys {
    struct toy all[TOYS_MAX];
    size_t count;
    int64_t now_us;
    bool is_cut[TOYS_MAX][TOYS_MAX]; /* from, to */
    bool is_lost[MESSAGE_KIND_COUNT];
    struct toys_event events[TOYS_EVENTS];
    size_t first, end;
};

static inline struct gossip_time toys_time(const struct toy *toy)
{
    return (struct gossip_time){TOYS_START_MS * 1000 + toy->toys->now_us + toy->clock_off_us,
                                toy->toys->now_us};
}

static inline size_t toys_index(const struct toy *toy)
{
    return (size_t)(toy - toy->toys->all);
}

static inline struct toy *toys_find(struct toys *toys, uint64_t node_id)
{
    for (size_t i = 0; i < toys->count; i++)
        if (toys->all[i].node_id == node_id)
            return &toys->all[i];
    return NULL;
}

static inline struct toys_event *toys_later(struct toy *toy,
                                            void (*end)(struct toy *, struct toys_event *))
{
    struct toys *toys = toy->toys;
    struct toys_event *event = &toys->events[toys->end++ % TOYS_EVENTS];

    assert_true(toys->end - toys->first <= TOYS_EVENTS);
    *event = (struct toys_event){.toy = toy, .end = end};
    return event;
}

static inline void toys_keep(struct toys_event *event, struct bytes bytes)
{
    event->bytes = xmalloc(bytes.size + 1);
    event->size = bytes.size;
    if (bytes.size > 0)
        memcpy(event->bytes, bytes.data, bytes.size);
}

/* ---------- the network ---------- */

static inline void toys_arrive(struct toy *toy, struct toys_event *event)
{
    struct toys *toys = toy->toys;
    size_t from = toys_index(toys_find(toys, event->from));

    if (toy->gossip == NULL || !toy->is_linked[from] || toys->is_cut[from][toys_index(toy)])
        return;
    assert_int_equal(gossip_receive(toy->gossip, toys_time(toy), event->from, event->kind,
                                    (struct bytes){event->bytes, event->size}),
                     STATUS_OK);
}

static inline void toy_send(void *context, uint64_t node_id, enum message_kind kind,
                            struct bytes body)
{
    struct toy *toy = context, *to = toys_find(toy->toys, node_id);
    struct toys_event *event;

    toy->sent[kind]++;
    toy->sent_bytes += body.size;
    if (to == NULL || !toy->is_linked[toys_index(to)] || toy->toys->is_lost[kind])
        return;
    event = toys_later(to, toys_arrive);
    event->from = toy->node_id;
    event->kind = kind;
    toys_keep(event, body);
}

static inline void toy_set_targets(void *context, const char *const *addresses, size_t count)
{
    struct toy *toy = context;

    assert_true(count <= TOYS_TARGETS);
    toy->target_count = count;
    for (size_t i = 0; i < count; i++)
        (void)snprintf(toy->targets[i], GOSSIP_ADDRESS_MAX, "%s", addresses[i]);
}

static inline void toys_say_down(struct toy *toy, struct toys_event *event)
{
    if (toy->gossip != NULL && !toy->is_linked[toys_index(toys_find(toy->toys, event->from))])
        gossip_link_down(toy->gossip, toys_time(toy), event->from);
}

static inline void toys_unlink(struct toy *a, struct toy *b)
{
    if (a->is_linked[toys_index(b)])
        toys_later(a, toys_say_down)->from = b->node_id;
    if (b->is_linked[toys_index(a)])
        toys_later(b, toys_say_down)->from = a->node_id;
    a->is_linked[toys_index(b)] = b->is_linked[toys_index(a)] = false;
}

/* What was sent before arrives, as on a real link. */
static inline void toys_end_link(struct toy *toy, struct toys_event *event)
{
    toys_unlink(toy, toys_find(toy->toys, event->from));
}

static inline void toy_drop_links(void *context, uint64_t node_id, const char *reason)
{
    struct toy *toy = context, *to = toys_find(toy->toys, node_id);

    if (to == NULL || to == toy)
        return;
    (void)snprintf(to->refusal, sizeof to->refusal, "%s", reason);
    toys_later(toy, toys_end_link)->from = node_id;
}

static inline bool toys_tell_up(struct toy *toy, const struct toy *other, const char *dialled)
{
    struct gossip_hello hello = {.node_id = other->node_id,
                                 .incarnation = gossip_incarnation(other->gossip),
                                 .start = gossip_start(other->gossip),
                                 .address = other->address,
                                 .dialled = dialled};
    const char *reason = "";
    struct toy *refused = toys_find(toy->toys, other->node_id);

    enum status status = gossip_link_up(toy->gossip, toys_time(toy), &hello, &reason);

    if (status == STATUS_OK)
        return true;
    (void)snprintf(refused->refusal, sizeof refused->refusal, "%s", reason);
    if (status == STATUS_STALE)
        gossip_refused(refused->gossip, toys_time(refused), reason);
    return false;
}

/* Both are told, and then who refuses ends it: as with real links. */
static inline void toys_link(struct toy *dialler, struct toy *other, const char *dialled)
{
    bool is_welcome, is_accepted;

    dialler->is_linked[toys_index(other)] = other->is_linked[toys_index(dialler)] = true;
    is_accepted = toys_tell_up(other, dialler, NULL);
    is_welcome = toys_tell_up(dialler, other, dialled);
    if (!is_accepted || !is_welcome)
        toys_later(dialler, toys_end_link)->from = other->node_id;
}

static inline void toys_dial(struct toy *toy)
{
    struct toys *toys = toy->toys;

    for (size_t i = 0; i < toy->target_count; i++)
        for (size_t j = 0; j < toys->count; j++) {
            struct toy *other = &toys->all[j];

            if (other != toy && other->gossip != NULL && gossip_is_ready(other->gossip) &&
                strcmp(other->address, toy->targets[i]) == 0 && !toy->is_linked[j] &&
                !toys->is_cut[toys_index(toy)][j] && !toys->is_cut[j][toys_index(toy)])
                toys_link(toy, other, toy->targets[i]);
        }
}

/* ---------- the store ---------- */

static inline bool toy_read_log(void *context, uint64_t from, size_t bytes_max,
                                struct buffer *records, uint64_t *to, uint64_t *cut)
{
    const struct toy *toy = context;

    if (toy->log_begin > 0 && from < toy->log[toy->log_begin - 1]) {
        *cut = toy->log[toy->log_begin - 1];
        return false;
    }
    *to = from;
    for (size_t i = toy->log_begin; i < toy->log_count && records->size < bytes_max; i++) {
        if (toy->log[i] <= from)
            continue;
        wire_put_u64(records, toy->log[i]);
        *to = toy->log[i];
    }
    return true;
}

static inline void toy_trim_log(void *context, uint64_t position)
{
    (void)context;
    (void)position;
}

static inline void toy_keep_log(void *context, bool is_wanted)
{
    (void)context;
    (void)is_wanted;
}

static inline bool toys_puts_off(struct toy *toy, const struct toys_event *event)
{
    struct toys_event *again;

    if (!toy->is_stalled)
        return false;
    again = toys_later(toy, event->end);
    again->token = event->token;
    again->size = event->size;
    return true;
}

static inline void toys_end_merge(struct toy *toy, struct toys_event *event)
{
    if (toy->gossip == NULL)
        return;
    if (toys_puts_off(toy, event))
        return;
    toy->merges++;
    toy->is_blank = false;
    toy->merging_bytes -= event->size;
    gossip_applied(toy->gossip, toys_time(toy), event->token, toy->result);
}

static inline void toy_apply(void *context, uint64_t token, uint64_t frame_horizon,
                             struct bytes records)
{
    struct toy *toy = context;
    struct toys_event *event = toys_later(toy, toys_end_merge);

    (void)frame_horizon;
    event->token = token;
    event->size = records.size;
    toy->merging_bytes += records.size;
    if (toy->merging_bytes > toy->merging_bytes_max)
        toy->merging_bytes_max = toy->merging_bytes;
}

static inline void toys_end_save(struct toy *toy, struct toys_event *event)
{
    if (toy->gossip == NULL)
        return;
    toy->saves++;
    toy->saved.size = 0;
    buffer_append_bytes(&toy->saved, (struct bytes){event->bytes, event->size});
    gossip_saved(toy->gossip, toys_time(toy), event->token, true);
}

static inline void toy_save(void *context, uint64_t token, struct bytes state)
{
    struct toys_event *event = toys_later(context, toys_end_save);

    event->token = token;
    toys_keep(event, state);
}

static inline uint64_t toys_clock(struct toy *toy)
{
    uint64_t now = stamp_of_wall_ms(toys_time(toy).wall_us / 1000);

    toy->hlc = now > toy->hlc ? now : toy->hlc + 1;
    return toy->hlc;
}

static inline uint64_t toy_close_time(void *context)
{
    return toys_clock(context);
}

static inline void toy_observe(void *context, uint64_t stamp)
{
    struct toy *toy = context;

    toy->hlc = stamp > toy->hlc ? stamp : toy->hlc;
}

static inline void toy_set_horizon(void *context, uint64_t horizon)
{
    ((struct toy *)context)->horizon = horizon;
}

static inline bool toy_wants_horizon(void *context)
{
    return ((struct toy *)context)->wants_horizon;
}

static inline bool toy_is_blank(void *context)
{
    return ((struct toy *)context)->is_blank;
}

static inline void toy_set_gate(void *context, enum gossip_gate gate)
{
    ((struct toy *)context)->gate = gate;
}

static inline void toy_set_stagger(void *context, const uint64_t *node_ids, size_t count,
                                   int64_t step_us)
{
    (void)context;
    (void)node_ids;
    (void)count;
    (void)step_us;
}

/* ---------- slow reading ---------- */

static inline void toys_end_listing(struct toy *toy, struct toys_event *event)
{
    struct digest root = {0};

    if (toy->gossip == NULL)
        return;
    toy->compares++;
    gossip_leaves(toy->gossip, toys_time(toy), event->token, !toy->is_counting, NULL, 0, &root);
}

static inline void toy_list_leaves(void *context, uint64_t token)
{
    toys_later(context, toys_end_listing)->token = token;
}

static inline void toy_scan_leaves(void *context, uint64_t token, uint64_t list,
                                   const struct open_leaves *leaves)
{
    (void)context;
    (void)token;
    (void)list;
    (void)leaves;
}

static inline void toy_collect(void *context, uint64_t token, uint64_t scan, const uint64_t *keys,
                               size_t count, size_t bytes_max)
{
    (void)context;
    (void)token;
    (void)scan;
    (void)keys;
    (void)count;
    (void)bytes_max;
}

static inline void toy_close(void *context, uint64_t number)
{
    (void)context;
    (void)number;
}

/* A cursor is the number of the page that it begins. */
static inline void toys_end_reading(struct toy *toy, struct toys_event *event)
{
    char next = (char)(event->size > 0 ? event->bytes[0] + 1 : 1);

    if (toy->gossip == NULL)
        return;
    toy->pages_read++;
    if (toy->fails_pages)
        gossip_page_failed(toy->gossip, event->token);
    else
        gossip_page(toy->gossip, toys_time(toy), event->token, (struct bytes){"records", 7},
                    (struct bytes){&next, 1}, next >= toy->page_count);
}

static inline void toy_read_page(void *context, uint64_t token, struct bytes cursor,
                                 size_t bytes_max)
{
    struct toys_event *event = toys_later(context, toys_end_reading);

    event->toy->page_bytes_max = bytes_max;
    event->token = token;
    toys_keep(event, cursor);
}

static inline void toys_end_loading(struct toy *toy, struct toys_event *event)
{
    if (toy->gossip == NULL || toys_puts_off(toy, event))
        return;
    toy->pages_loaded++;
    toy->is_blank = false;
    gossip_applied(toy->gossip, toys_time(toy), event->token, APPLIED_OK);
}

static inline void toy_load_page(void *context, uint64_t token, struct bytes records, bool is_last)
{
    (void)records;
    (void)is_last;
    toys_later(context, toys_end_loading)->token = token;
}

static inline void toy_log(void *context, bool is_warning, const char *text)
{
    struct toy *toy = context;

    (void)is_warning;
    toy->log_lines++;
    (void)snprintf(toy->last_line, sizeof toy->last_line, "%s", text);
}

static inline struct gossip_host toys_host(struct toy *toy)
{
    return (struct gossip_host){.context = toy,
                                .send = toy_send,
                                .set_targets = toy_set_targets,
                                .drop_links = toy_drop_links,
                                .read_log = toy_read_log,
                                .trim_log = toy_trim_log,
                                .keep_log = toy_keep_log,
                                .apply = toy_apply,
                                .save = toy_save,
                                .close_time = toy_close_time,
                                .observe = toy_observe,
                                .set_horizon = toy_set_horizon,
                                .wants_horizon = toy_wants_horizon,
                                .is_blank = toy_is_blank,
                                .set_gate = toy_set_gate,
                                .set_stagger = toy_set_stagger,
                                .list_leaves = toy_list_leaves,
                                .scan_leaves = toy_scan_leaves,
                                .collect = toy_collect,
                                .close_list = toy_close,
                                .close_scan = toy_close,
                                .read_page = toy_read_page,
                                .load_page = toy_load_page,
                                .log = toy_log};
}

/* ---------- life ---------- */

static inline struct toys *toys_create(size_t count)
{
    struct toys *toys = xcalloc(1, sizeof *toys);

    toys->count = count;
    for (size_t i = 0; i < count; i++) {
        struct toy *toy = &toys->all[i];

        toy->toys = toys;
        toy->node_id = 0x1111111111111111u * (i + 1);
        toy->is_blank = true;
        (void)snprintf(toy->address, sizeof toy->address, "10.0.0.%zu:16379", i + 1);
        for (size_t j = 0; j < count; j++)
            if (j != i)
                toy->peers[toy->peer_count++] = toys->all[j].address;
    }
    return toys;
}

static inline void toys_start(struct toy *toy)
{
    struct gossip_config config = {.node_id = toy->node_id,
                                   .hlc =
                                       toy->restored_hlc > 0 ? toy->restored_hlc : toys_clock(toy),
                                   .horizon_at_least = toy->horizon_at_least,
                                   .was_alone = toy->was_alone,
                                   .skew_max_ms = TOYS_SKEW_MS,
                                   .forget_after_ms = toy->forget_after_ms,
                                   .address = toy->address,
                                   .peers = toy->peers,
                                   .peer_count = toy->peer_count};

    toy->host = toys_host(toy);
    toy->gate = GATE_OPEN;
    toy->refusal[0] = '\0';
    assert_int_equal(
        gossip_create(&config, &toy->host, buffer_view(&toy->saved), toys_time(toy), &toy->gossip),
        STATUS_OK);
    if (toy->last_own == 0 && toy->log_count > 0)
        toy->last_own = toy->hlc;
    gossip_last_own(toy->gossip, toys_time(toy), toy->last_own);
    toy->last_own = 0;
}

static inline void toys_stop(struct toy *toy)
{
    for (size_t i = 0; i < toy->toys->count; i++)
        toys_unlink(toy, &toy->toys->all[i]);
    gossip_destroy(toy->gossip);
    toy->gossip = NULL;
    toy->target_count = 0;
    toy->merging_bytes = 0;
    toy->log_begin = toy->log_count; /* the log is in memory */
}

static inline void toys_deliver(struct toys *toys)
{
    for (size_t last = toys->end; toys->first < last; toys->first++) {
        struct toys_event event = toys->events[toys->first % TOYS_EVENTS];

        event.end(event.toy, &event);
        free(event.bytes);
    }
}

/* A time of several rounds: what is sent arrives in the next. */
static inline void toys_run_in_rounds(struct toys *toys, int64_t duration_us, int64_t round_us)
{
    for (int64_t end_us = toys->now_us + duration_us; toys->now_us < end_us;) {
        for (int64_t passed_us = 0; passed_us < TOYS_TICK_US; passed_us += round_us) {
            toys->now_us += round_us;
            toys_deliver(toys);
        }
        for (size_t i = 0; i < toys->count; i++)
            if (toys->all[i].gossip != NULL) {
                gossip_tick(toys->all[i].gossip, toys_time(&toys->all[i]));
                toys_dial(&toys->all[i]);
            }
    }
}

static inline void toys_run(struct toys *toys, int64_t duration_us)
{
    toys_run_in_rounds(toys, duration_us, TOYS_TICK_US / 10);
}

static inline struct toys *toys_start_all(size_t count)
{
    struct toys *toys = toys_create(count);

    for (size_t i = 0; i < count; i++)
        toys_start(&toys->all[i]);
    toys_run(toys, 3 * SECOND_US);
    return toys;
}

static inline void toys_destroy(struct toys *toys)
{
    for (; toys->first < toys->end; toys->first++)
        free(toys->events[toys->first % TOYS_EVENTS].bytes);
    for (size_t i = 0; i < toys->count; i++) {
        gossip_destroy(toys->all[i].gossip);
        buffer_clear(&toys->all[i].saved);
    }
    free(toys);
}

static inline uint64_t toys_write(struct toy *toy)
{
    uint64_t stamp = toys_clock(toy);

    assert_true(toy->log_count < TOYS_LOG);
    toy->log[toy->log_count++] = stamp;
    toy->is_blank = false;
    gossip_written(toy->gossip, toys_time(toy));
    return stamp;
}

static inline uint64_t toys_position(const struct toy *at, const struct toy *of)
{
    return gossip_position(at->gossip, of->node_id, gossip_incarnation(of->gossip));
}

static inline void toys_cut(struct toys *toys, size_t a, size_t b, bool is_cut)
{
    toys->is_cut[a][b] = toys->is_cut[b][a] = is_cut;
    if (is_cut)
        toys_unlink(&toys->all[a], &toys->all[b]);
}

static inline struct gossip_status toys_status(const struct toy *toy)
{
    struct gossip_status status;

    gossip_status(toy->gossip, toys_time(toy), &status);
    return status;
}

#endif
