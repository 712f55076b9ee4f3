#include <stdlib.h>

#include "base/memory.h"
#include "replication/compare_internal.h"
#include "replication/records.h"
#include "replication/version.h"

static void fetch_more(struct comparer *comparer, struct gossip_time now);
static void give_more(struct comparer *comparer, struct gossip_time now);

/* ---------- life ---------- */

static void clear_fetching(struct fetching *fetching)
{
    free(fetching->keys);
    buffer_clear(&fetching->question.body);
    buffer_clear(&fetching->blob);
    buffer_clear(&fetching->next);
}

static void clear_giving(struct giving *giving)
{
    free(giving->keys);
    buffer_clear(&giving->question.body);
    buffer_clear(&giving->next);
}

void batch_clear(struct comparer *comparer)
{
    struct batch *batch = &comparer->ask.batch;

    free(batch->elements);
    buffer_clear(&batch->first);
    finder_destroy(batch->finder);
    clear_fetching(&batch->fetching);
    clear_giving(&batch->giving);
    *batch = (struct batch){.number = batch->number};
}

void batch_close(struct comparer *comparer)
{
    const struct gossip_host *host = comparer->owner.host;

    if (comparer->ask.batch.scan != 0)
        host->close_scan(host->context, comparer->ask.batch.scan);
    batch_clear(comparer);
}

static const struct plan_batch *planned(const struct ask *ask)
{
    return &ask->plan.batches[ask->at];
}

static size_t expected_difference(const struct ask *ask)
{
    const struct plan_batch *plan = planned(ask);
    size_t leaves = plan->our_count > plan->their_count ? plan->our_count : plan->their_count;

    return (size_t)((double)leaves * ask->keys_per_leaf);
}

/* The host scans our leaves, while the peer scans its own. */
static void scan_own(struct comparer *comparer, struct gossip_time now, struct open_leaves *open)
{
    const struct gossip_host *host = comparer->owner.host;
    struct batch *batch = &comparer->ask.batch;

    if (open->leaf_count == 0) {
        batch_scanned(comparer, now, NULL, 0);
        return;
    }
    batch->scan = compare_token(comparer);
    ask_wait_for_host(comparer, now);
    host->scan_leaves(host->context, batch->scan, comparer->ask.list, open);
}

void batch_open(struct comparer *comparer, struct gossip_time now, bool by_content)
{
    struct ask *ask = &comparer->ask;
    const struct plan_batch *plan = planned(ask);
    struct message message = {.kind = MESSAGE_OPEN};

    ask->batch.number++;
    ask->batch.by_content = by_content;
    message.open = (struct open_leaves){
        .session = ask->session,
        .batch = ask->batch.number,
        .cutoff = by_content ? ask->cutoff : UINT64_MAX,
        .horizon = ask->horizon,
        .by_content = by_content,
        .symbols = (uint32_t)finder_first_portion(by_content ? 0 : expected_difference(ask)),
        .leaves = ask->plan.theirs + plan->their_from,
        .leaf_count = plan->their_count};
    ask_question(comparer, now, &ask->question, &message);
    message.open.leaves = ask->plan.ours + plan->our_from;
    message.open.leaf_count = plan->our_count;
    scan_own(comparer, now, &message.open);
}

/* ---------- which records differ ---------- */

/* Who has the newer one?  By content nobody can tell, nor within a millisecond (version_element()):
 * then both say what they have. */
static bool is_newer(const struct element *a, const struct element *b, bool by_content)
{
    return !by_content && stamp_wall_ms(a->b) > stamp_wall_ms(b->b);
}

static void choose_fetched(struct ask *ask, const struct element_index *ours, bool *is_older)
{
    struct fetching *fetching = &ask->batch.fetching;
    bool by_content = ask->batch.by_content;
    size_t count;
    const struct element *theirs = finder_theirs(ask->batch.finder, &count);

    fetching->keys = xmalloc((count + 1) * sizeof *fetching->keys);
    for (size_t i = 0; i < count; i++) {
        size_t at = element_index_find(ours, theirs[i].a);
        bool is_settled = by_content || theirs[i].b <= ask->cutoff;

        if (at != ELEMENT_NONE && is_newer(&ours->elements[at], &theirs[i], by_content))
            continue;
        if (at != ELEMENT_NONE && is_newer(&theirs[i], &ours->elements[at], by_content))
            is_older[at] = true;
        if (is_settled || ask->wants_fresh)
            fetching->keys[fetching->count++] = theirs[i].a;
        ask->differences += is_settled;
    }
}

static void choose_given(struct ask *ask, const struct element *ours, size_t count,
                         const bool *is_older)
{
    struct giving *giving = &ask->batch.giving;
    bool by_content = ask->batch.by_content;

    giving->keys = xmalloc((count + 1) * sizeof *giving->keys);
    for (size_t i = 0; i < count; i++)
        if (!is_older[i] && (by_content || ours[i].b <= ask->cutoff))
            giving->keys[giving->count++] = ours[i].a;
    ask->differences += by_content ? 0 : (int64_t)giving->count;
}

static void sort_out(struct ask *ask)
{
    size_t count;
    const struct element *ours = finder_ours(ask->batch.finder, &count);
    bool *is_older = xcalloc(count + 1, sizeof *is_older);
    struct element_index index;

    element_index_init(&index, ours, count);
    choose_fetched(ask, &index, is_older);
    choose_given(ask, ours, count, is_older);
    element_index_clear(&index);
    free(is_older);
}

static bool has_no_difference(const struct finder *finder)
{
    size_t our_count, their_count;

    (void)finder_ours(finder, &our_count);
    (void)finder_theirs(finder, &their_count);
    return our_count + their_count == 0;
}

static void get_records(struct comparer *comparer, struct gossip_time now)
{
    struct ask *ask = &comparer->ask;
    struct message message = {.kind = MESSAGE_GET,
                              .get = {.session = ask->session, .batch = ask->batch.number}};

    finder_ask(ask->batch.finder, &message.get);
    ask_question(comparer, now, &ask->question, &message);
}

/* For the tests of the rule alone: to claim what is known, but not yet held. */
static void claim_early(struct comparer *comparer, struct gossip_time now)
{
    const struct ask *ask = &comparer->ask;

    if ((comparer->owner.rules_off & RULE_JOINT_RAISE) != 0)
        comparer->owner.covered(comparer->owner.context, now, ask->node_id, ask->positions,
                                ask->position_count, ask->cutoff, 1);
}

static void move_records(struct comparer *comparer, struct gossip_time now)
{
    struct ask *ask = &comparer->ask;

    if (has_no_difference(ask->batch.finder) && !ask->batch.by_content) {
        batch_close(comparer);
        batch_open(comparer, now, true); /* R5 */
        return;
    }
    sort_out(ask);
    finder_destroy(ask->batch.finder);
    ask->batch.finder = NULL;
    ask->stage = ASK_MOVE_RECORDS;
    claim_early(comparer, now);
    give_more(comparer, now);
    fetch_more(comparer, now);
}

static void found_records(struct comparer *comparer, struct gossip_time now, enum finding finding)
{
    if (finding == FIND_STRAY)
        return;
    comparer->ask.question.is_open = false;
    if (finding == FIND_WRONG)
        ask_fail(comparer, now);
    else if (finding == FIND_MORE)
        get_records(comparer, now);
    else
        move_records(comparer, now);
}

/* Both sides have scanned, and the peer's first symbols are here. */
static void begin_finding(struct comparer *comparer, struct gossip_time now)
{
    struct ask *ask = &comparer->ask;
    struct batch *batch = &ask->batch;
    struct sketch_message first = batch->first_sketch;

    first.symbols = buffer_view(&batch->first);
    batch->finder = finder_create(compare_salt(ask->session, batch->number), LEVEL_RECORDS,
                                  batch->elements, batch->count, expected_difference(ask));
    batch->elements = NULL;
    found_records(comparer, now, finder_add_symbols(batch->finder, &first));
}

void batch_scanned(struct comparer *comparer, struct gossip_time now,
                   const struct element *elements, size_t count)
{
    struct batch *batch = &comparer->ask.batch;

    if (batch->is_scanned)
        return;
    batch->elements = xmalloc((count + 1) * sizeof *elements);
    if (count > 0)
        memcpy(batch->elements, elements, count * sizeof *elements);
    batch->count = count;
    batch->is_scanned = true;
    if (batch->has_first)
        begin_finding(comparer, now);
}

static void keep_first(struct comparer *comparer, struct gossip_time now,
                       const struct sketch_message *sketch)
{
    struct batch *batch = &comparer->ask.batch;

    if (batch->has_first || sketch->level != LEVEL_RECORDS || sketch->from != 0)
        return;
    comparer->ask.question.is_open = false;
    batch->first_sketch = *sketch;
    buffer_append_bytes(&batch->first, sketch->symbols);
    batch->has_first = true;
    if (batch->is_scanned)
        begin_finding(comparer, now);
}

void batch_sketch(struct comparer *comparer, struct gossip_time now,
                  const struct sketch_message *sketch)
{
    const struct ask *ask = &comparer->ask;

    if (ask->stage != ASK_RECORDS || sketch->batch != ask->batch.number)
        return;
    if (ask->batch.finder == NULL)
        keep_first(comparer, now, sketch);
    else
        found_records(comparer, now, finder_add_symbols(ask->batch.finder, sketch));
}

void batch_list(struct comparer *comparer, struct gossip_time now, const struct list_message *list)
{
    const struct ask *ask = &comparer->ask;

    if (ask->stage == ASK_RECORDS && list->batch == ask->batch.number && ask->batch.finder != NULL)
        found_records(comparer, now, finder_add_list(ask->batch.finder, list));
}

/* ---------- from the peer to us ---------- */

static void next_if_done(struct comparer *comparer, struct gossip_time now)
{
    const struct fetching *fetching = &comparer->ask.batch.fetching;
    const struct giving *giving = &comparer->ask.batch.giving;

    if (fetching->done < fetching->count || fetching->question.is_open || fetching->has_next ||
        fetching->applying != 0 || giving->done < giving->count || giving->question.is_open ||
        giving->has_next || giving->collecting != 0)
        return;
    batch_close(comparer);
    comparer->ask.at++;
    ask_next_batch(comparer, now);
}

static void merge(struct comparer *comparer, struct gossip_time now)
{
    const struct gossip_host *host = comparer->owner.host;
    struct fetching *fetching = &comparer->ask.batch.fetching;

    fetching->applying = compare_token(comparer);
    ask_wait_for_host(comparer, now);
    host->apply(host->context, fetching->applying, fetching->blob_horizon,
                buffer_view(&fetching->blob));
}

static void merge_next(struct comparer *comparer, struct gossip_time now)
{
    struct fetching *fetching = &comparer->ask.batch.fetching;
    struct buffer spare = fetching->blob;

    fetching->blob = fetching->next;
    fetching->blob_horizon = fetching->next_horizon;
    fetching->is_reordered = false;
    fetching->next = spare;
    fetching->has_next = false;
    merge(comparer, now);
}

/* The next records are asked for while those before are merged; no more than that. */
static void fetch_more(struct comparer *comparer, struct gossip_time now)
{
    struct ask *ask = &comparer->ask;
    struct fetching *fetching = &ask->batch.fetching;
    size_t left = fetching->count - fetching->done;
    struct message message = {.kind = MESSAGE_FETCH,
                              .fetch = {.session = ask->session,
                                        .batch = ask->batch.number,
                                        .number = fetching->number,
                                        .keys = fetching->keys + fetching->done,
                                        .count = left < FETCH_KEYS_MAX ? left : FETCH_KEYS_MAX}};

    if (fetching->has_next && fetching->applying == 0)
        merge_next(comparer, now);
    if (left > 0 && !fetching->has_next && !fetching->question.is_open)
        ask_question(comparer, now, &fetching->question, &message);
    next_if_done(comparer, now);
}

void batch_records(struct comparer *comparer, struct gossip_time now,
                   const struct records_message *records)
{
    struct ask *ask = &comparer->ask;
    struct fetching *fetching = &ask->batch.fetching;

    if (!fetching->question.is_open || records->batch != ask->batch.number ||
        records->number != fetching->number)
        return;
    if (records->consumed == 0 || records->consumed > FETCH_KEYS_MAX ||
        records->consumed > fetching->count - fetching->done) {
        ask_fail(comparer, now);
        return;
    }
    fetching->question.is_open = false;
    fetching->number++;
    fetching->done += records->consumed;
    fetching->next.size = 0;
    buffer_append_bytes(&fetching->next, records->records);
    fetching->next_horizon = records->horizon;
    fetching->has_next = true;
    fetch_more(comparer, now);
}

/* Copies the records of the registry, or all others. */
static enum status copy_records(struct bytes from, struct buffer *to, bool of_registry)
{
    static const unsigned char registry[DIGEST_NS_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                           0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                           0xff, 0xff, 0xff, 0xff};
    struct records_writer writer = {.out = to};
    struct records_reader reader = records_read(from);
    struct wire_record record;
    enum status s;

    for (s = records_next(&reader, &record); s == STATUS_OK; s = records_next(&reader, &record))
        if ((memcmp(record.ns.data, registry, sizeof registry) == 0) == of_registry)
            records_put(&writer, &record);
    return s == STATUS_NOT_FOUND ? STATUS_OK : s;
}

/* A namespace may be created by a record that stands behind the first of its own. */
static bool reorder(struct fetching *fetching)
{
    struct bytes blob = buffer_view(&fetching->blob);
    struct buffer sorted = {0};

    if (fetching->is_reordered || copy_records(blob, &sorted, true) != STATUS_OK ||
        copy_records(blob, &sorted, false) != STATUS_OK) {
        buffer_clear(&sorted);
        return false;
    }
    fetching->is_reordered = true;
    buffer_clear(&fetching->blob);
    fetching->blob = sorted;
    return true;
}

void batch_applied(struct comparer *comparer, struct gossip_time now, enum applied result)
{
    struct fetching *fetching = &comparer->ask.batch.fetching;

    fetching->applying = 0;
    if (result == APPLIED_FAILED) {
        ask_fail(comparer, now);
        return;
    }
    if (result == APPLIED_UNKNOWN_NAMESPACE && reorder(fetching)) {
        merge(comparer, now);
        return;
    }
    /* The rest is worth having all the same, and may bring the namespace. */
    if (result != APPLIED_OK)
        comparer->ask.is_flawed = true;
    fetch_more(comparer, now);
}

/* ---------- from us to the peer ---------- */

static void send_given(struct comparer *comparer, struct gossip_time now)
{
    struct ask *ask = &comparer->ask;
    struct giving *giving = &ask->batch.giving;
    struct message message = {.kind = MESSAGE_GIVE,
                              .records = {.session = ask->session,
                                          .batch = ask->batch.number,
                                          .number = giving->number,
                                          .horizon = giving->next_horizon,
                                          .records = buffer_view(&giving->next)}};

    giving->has_next = false;
    ask_question(comparer, now, &giving->question, &message);
}

/* The next records are collected while those before are on their way. */
static void give_more(struct comparer *comparer, struct gossip_time now)
{
    const struct gossip_host *host = comparer->owner.host;
    struct batch *batch = &comparer->ask.batch;
    struct giving *giving = &batch->giving;
    size_t left = giving->count - giving->done;

    if (giving->has_next && !giving->question.is_open)
        send_given(comparer, now);
    if (left == 0 || giving->has_next || giving->collecting != 0)
        return;
    giving->collecting = compare_token(comparer);
    giving->horizon = compare_horizon(comparer);
    ask_wait_for_host(comparer, now);
    host->collect(host->context, giving->collecting, batch->scan, giving->keys + giving->done,
                  left < FETCH_KEYS_MAX ? left : FETCH_KEYS_MAX, COLLECT_BYTES);
}

void batch_collected(struct comparer *comparer, struct gossip_time now, size_t answered,
                     struct bytes records)
{
    struct giving *giving = &comparer->ask.batch.giving;

    giving->collecting = 0;
    if (answered == 0 || answered > giving->count - giving->done) {
        ask_fail(comparer, now);
        return;
    }
    giving->done += answered;
    giving->next.size = 0;
    buffer_append_bytes(&giving->next, records);
    giving->next_horizon = giving->horizon;
    giving->has_next = records.size > 0;
    give_more(comparer, now);
    next_if_done(comparer, now);
}

void batch_given(struct comparer *comparer, struct gossip_time now, const struct given *given)
{
    struct ask *ask = &comparer->ask;
    struct giving *giving = &ask->batch.giving;

    if (!giving->question.is_open || given->batch != ask->batch.number ||
        given->number != giving->number)
        return;
    giving->question.is_open = false;
    giving->number++;
    give_more(comparer, now);
    next_if_done(comparer, now);
}
