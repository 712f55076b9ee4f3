#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "replication/compare_internal.h"
#include "replication/version.h"

/* ---------- questions ---------- */

void ask_question(struct comparer *comparer, struct gossip_time now, struct question *question,
                  const struct message *message)
{
    message_encode(&question->body, message);
    question->kind = message->kind;
    question->records_size = compare_records_size(message);
    question->due_us = now.monotonic_us + RETRY_US;
    question->tries = 0;
    question->is_open = true;
    compare_send_body(comparer, comparer->ask.node_id, question->kind, buffer_view(&question->body),
                      question->records_size);
}

/* False if it was asked often enough (R4). */
static bool ask_again(struct comparer *comparer, struct gossip_time now, struct question *question)
{
    if (!question->is_open || now.monotonic_us < question->due_us)
        return true;
    if (question->tries++ == RETRIES_MAX)
        return false;
    question->due_us = now.monotonic_us + RETRY_US;
    compare_send_body(comparer, comparer->ask.node_id, question->kind, buffer_view(&question->body),
                      question->records_size);
    return true;
}

void ask_moving(struct comparer *comparer, struct gossip_time now, enum message_kind kind)
{
    struct batch *batch = &comparer->ask.batch;
    struct question *question =
        kind == MESSAGE_RECORDS ? &batch->fetching.question : &batch->giving.question;

    question->due_us = now.monotonic_us + RETRY_US;
    question->tries = 0;
}

void ask_wait_for_host(struct comparer *comparer, struct gossip_time now)
{
    comparer->ask.local_due_us = now.monotonic_us + LOCAL_MAX_US;
}

/* ---------- a session ---------- */

void ask_clear(struct comparer *comparer)
{
    struct ask *ask = &comparer->ask;

    batch_clear(comparer);
    buffer_clear(&ask->question.body);
    finder_destroy(ask->finder);
    plan_clear(&ask->plan);
    free(ask->leaves);
    free(ask->positions);
    *ask = (struct ask){0};
}

static void close_session(struct comparer *comparer)
{
    const struct gossip_host *host = comparer->owner.host;

    batch_close(comparer);
    host->close_list(host->context, comparer->ask.list);
    ask_clear(comparer);
}

void ask_fail(struct comparer *comparer, struct gossip_time now)
{
    uint64_t node_id = comparer->ask.node_id;

    close_session(comparer);
    comparer->owner.failed(comparer->owner.context, now, node_id);
}

/* R1: all that the peer held when it took its positions is held here.  R7: not if it has forgotten
 * deletes which this node may not have seen. */
static void finish(struct comparer *comparer, struct gossip_time now, uint64_t cutoff)
{
    struct ask *ask = &comparer->ask;
    struct origin_position *positions = ask->positions;
    size_t count = ask->position_count;
    uint64_t node_id = ask->node_id;
    int64_t differences = ask->differences;

    if (ask->is_flawed || ask->horizon > compare_horizon(comparer)) {
        ask_fail(comparer, now);
        return;
    }
    ask->positions = NULL;
    close_session(comparer);
    comparer->owner.covered(comparer->owner.context, now, node_id, positions, count, cutoff,
                            differences);
    free(positions);
}

bool ask_begin(struct comparer *comparer, struct gossip_time now, uint64_t node_id,
               uint64_t session)
{
    const struct gossip_host *host = comparer->owner.host;
    struct ask *ask = &comparer->ask;

    if (ask->stage != ASK_NOTHING)
        return false;
    ask->stage = ASK_OWN_LEAVES;
    ask->node_id = node_id;
    ask->session = session;
    ask->cutoff = stamp_of_wall_ms(now.wall_us / 1000 - COMPARE_CUTOFF_MS);
    ask->list = compare_token(comparer);
    ask_wait_for_host(comparer, now);
    host->list_leaves(host->context, ask->list);
    return true;
}

void ask_listed(struct comparer *comparer, struct gossip_time now, bool is_ready,
                const uint64_t *fingerprints, size_t count, const struct digest *root)
{
    struct ask *ask = &comparer->ask;
    struct message message = {.kind = MESSAGE_COMPARE};

    if (!is_ready) {
        ask_fail(comparer, now);
        return;
    }
    ask->leaves = xmalloc((count + 1) * sizeof *ask->leaves);
    if (count > 0)
        memcpy(ask->leaves, fingerprints, count * sizeof *ask->leaves);
    ask->leaf_count = count;
    ask->root = *root;
    ask->stage = ASK_ROOT;
    message.compare = (struct compare){ask->session, *root, compare_horizon(comparer)};
    ask_question(comparer, now, &ask->question, &message);
}

/* ---------- which leaves differ ---------- */

static struct element *elements_of(const uint64_t *numbers, size_t count)
{
    struct element *elements = xcalloc(count + 1, sizeof *elements);

    for (size_t i = 0; i < count; i++)
        elements[i].a = numbers[i];
    return elements;
}

static void get_leaves(struct comparer *comparer, struct gossip_time now)
{
    struct ask *ask = &comparer->ask;
    struct message message = {.kind = MESSAGE_GET, .get = {.session = ask->session}};

    finder_ask(ask->finder, &message.get);
    ask_question(comparer, now, &ask->question, &message);
}

/* R2: writes younger than the cutoff are on their way by push, so their differences are left alone.
 * But such a write may stand in the place of an older one that never came: then the positions may
 * not be joined without it.  So if joining would raise any of them, nothing is left alone. */
static bool would_raise(const struct comparer *comparer, const struct compared *compared)
{
    size_t count;
    const struct origin_position *held = comparer->owner.held(comparer->owner.context, &count);

    for (size_t i = 0; i < compared->vector_count; i++) {
        const struct origin_position *theirs = &compared->vector[i];
        uint64_t position = theirs->position, ours = theirs->start;

        if (position > comparer->ask.cutoff)
            position = comparer->ask.cutoff;
        for (size_t j = 0; j < count; j++)
            if (held[j].node_id == theirs->node_id && held[j].incarnation == theirs->incarnation)
                ours = held[j].position;
        if (position > ours)
            return true;
    }
    return false;
}

static void keep_compared(struct comparer *comparer, const struct compared *compared)
{
    struct ask *ask = &comparer->ask;
    uint64_t own = compare_horizon(comparer);

    ask->wants_fresh = would_raise(comparer, compared);
    ask->horizon = compared->horizon > own ? compared->horizon : own;
    ask->their_leaf_count = compared->leaf_count;
    ask->position_count = compared->vector_count;
    ask->positions = xmalloc((compared->vector_count + 1) * sizeof *ask->positions);
    if (compared->vector_count > 0)
        memcpy(ask->positions, compared->vector, compared->vector_count * sizeof *ask->positions);
}

static void receive_compared(struct comparer *comparer, struct gossip_time now,
                             const struct compared *compared)
{
    struct ask *ask = &comparer->ask;
    size_t apart;

    if (compared->is_busy) {
        ask_fail(comparer, now);
        return;
    }
    if (ask->stage != ASK_ROOT)
        return;
    ask->question.is_open = false;
    keep_compared(comparer, compared);
    if (compared->is_equal) {
        finish(comparer, now, UINT64_MAX);
        return;
    }
    apart = compared->leaf_count > ask->leaf_count ? compared->leaf_count - ask->leaf_count
                                                   : ask->leaf_count - compared->leaf_count;
    ask->stage = ASK_LEAVES;
    ask->finder = finder_create(ask->session, LEVEL_LEAVES,
                                elements_of(ask->leaves, ask->leaf_count), ask->leaf_count, apart);
    if (finder_set_size(ask->finder, compared->leaf_count) == FIND_WRONG)
        ask_fail(comparer, now);
    else
        get_leaves(comparer, now);
}

/* ---------- batches ---------- */

/* If keys change at random, a share p of the leaves differs when -ln(1 - p) keys of each leaf do.
 */
static double guess_keys_per_leaf(size_t differing, size_t all)
{
    double share = (double)differing / (double)all, largest = 1 - 0.5 / (double)all;

    if (share > largest)
        share = largest;
    return share > 0 ? -log1p(-share) * (double)all / (double)differing : 1;
}

static void make_plan(struct comparer *comparer)
{
    struct ask *ask = &comparer->ask;
    size_t our_count, their_count, count;
    const struct element *ours = finder_ours(ask->finder, &our_count);
    const struct element *theirs = finder_theirs(ask->finder, &their_count);
    const struct element *list = finder_list(ask->finder, &count);

    if (list != NULL)
        plan_in_order(&ask->plan, ask->leaves, ask->leaf_count, list, count);
    else
        plan_whole(&ask->plan, ours, our_count, theirs, their_count);
    count =
        ask->leaf_count > ask->their_leaf_count ? ask->leaf_count : (size_t)ask->their_leaf_count;
    ask->keys_per_leaf =
        guess_keys_per_leaf(our_count > their_count ? our_count : their_count, count);
    finder_destroy(ask->finder);
    ask->finder = NULL;
}

void ask_next_batch(struct comparer *comparer, struct gossip_time now)
{
    struct ask *ask = &comparer->ask;

    if (ask->at == ask->plan.count) {
        finish(comparer, now, ask->cutoff);
        return;
    }
    ask->stage = ASK_RECORDS;
    batch_open(comparer, now, false);
}

/* More than fit into a batch, and in no order: the plain list has one. */
static bool needs_order(const struct finder *finder)
{
    size_t our_count, their_count, list_count;

    (void)finder_ours(finder, &our_count);
    (void)finder_theirs(finder, &their_count);
    return finder_list(finder, &list_count) == NULL &&
           (our_count > PLAN_LEAVES_MAX || their_count > PLAN_LEAVES_MAX);
}

static void found_leaves(struct comparer *comparer, struct gossip_time now, enum finding finding)
{
    struct ask *ask = &comparer->ask;

    if (finding == FIND_STRAY)
        return;
    ask->question.is_open = false;
    if (finding == FIND_WRONG) {
        ask_fail(comparer, now);
    } else if (finding == FIND_MORE) {
        get_leaves(comparer, now);
    } else if (needs_order(ask->finder)) {
        finder_want_list(ask->finder);
        get_leaves(comparer, now);
    } else {
        make_plan(comparer);
        ask_next_batch(comparer, now);
    }
}

/* ---------- what comes ---------- */

static void receive_sketch(struct comparer *comparer, struct gossip_time now,
                           const struct sketch_message *sketch)
{
    if (comparer->ask.stage == ASK_LEAVES)
        found_leaves(comparer, now, finder_add_symbols(comparer->ask.finder, sketch));
    else
        batch_sketch(comparer, now, sketch);
}

static void receive_list(struct comparer *comparer, struct gossip_time now,
                         const struct list_message *list)
{
    if (comparer->ask.stage == ASK_LEAVES)
        found_leaves(comparer, now, finder_add_list(comparer->ask.finder, list));
    else
        batch_list(comparer, now, list);
}

void ask_receive(struct comparer *comparer, struct gossip_time now, const struct message *message)
{
    if (message->kind == MESSAGE_COMPARED)
        receive_compared(comparer, now, &message->compared);
    else if (message->kind == MESSAGE_SKETCH)
        receive_sketch(comparer, now, &message->sketch);
    else if (message->kind == MESSAGE_LIST)
        receive_list(comparer, now, &message->list);
    else if (message->kind == MESSAGE_RECORDS)
        batch_records(comparer, now, &message->records);
    else if (message->kind == MESSAGE_GIVEN)
        batch_given(comparer, now, &message->given);
}

static bool waits_for_host(const struct ask *ask)
{
    const struct batch *batch = &ask->batch;

    return ask->stage == ASK_OWN_LEAVES || (ask->stage == ASK_RECORDS && !batch->is_scanned) ||
           batch->fetching.applying != 0 || batch->giving.collecting != 0;
}

void ask_tick(struct comparer *comparer, struct gossip_time now)
{
    struct ask *ask = &comparer->ask;

    if (ask->stage == ASK_NOTHING)
        return;
    if ((waits_for_host(ask) && now.monotonic_us >= ask->local_due_us) ||
        !ask_again(comparer, now, &ask->question) ||
        !ask_again(comparer, now, &ask->batch.fetching.question) ||
        !ask_again(comparer, now, &ask->batch.giving.question))
        ask_fail(comparer, now);
}
