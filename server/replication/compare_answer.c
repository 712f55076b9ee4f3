#include <stdlib.h>

#include "base/memory.h"
#include "replication/compare_internal.h"

/* ---------- what is shown ---------- */

static void clear_shown(struct shown *shown)
{
    free(shown->elements);
    sketch_destroy(shown->sketch);
    buffer_clear(&shown->last);
    *shown = (struct shown){0};
}

static void shown_take(struct shown *shown, struct element *elements, size_t count)
{
    clear_shown(shown);
    shown->elements = elements;
    shown->count = count;
}

/* ---------- life ---------- */

void answer_clear(struct answer *answer)
{
    clear_shown(&answer->leaves);
    clear_shown(&answer->records);
    free(answer->positions);
    *answer = (struct answer){0};
}

static void close_batch(struct comparer *comparer, struct answer *answer)
{
    const struct gossip_host *host = comparer->owner.host;

    if (answer->scan != 0)
        host->close_scan(host->context, answer->scan);
    answer->scan = 0;
    answer->is_open = answer->is_scanned = false;
    answer->collecting = 0;
    clear_shown(&answer->records);
}

static void close_list(struct comparer *comparer, struct answer *answer)
{
    const struct gossip_host *host = comparer->owner.host;

    close_batch(comparer, answer);
    if (answer->list != 0)
        host->close_list(host->context, answer->list);
    answer->list = 0;
    clear_shown(&answer->leaves);
}

void answer_drop(struct comparer *comparer, struct answer *answer)
{
    close_list(comparer, answer);
    answer_clear(answer);
}

struct answer *answer_of_node(struct comparer *comparer, uint64_t node_id)
{
    for (size_t i = 0; i < COUNT_OF(comparer->answers); i++)
        if (comparer->answers[i].is_used && comparer->answers[i].node_id == node_id)
            return &comparer->answers[i];
    return NULL;
}

static struct answer *find_free(struct comparer *comparer)
{
    for (size_t i = 0; i < COUNT_OF(comparer->answers); i++)
        if (!comparer->answers[i].is_used)
            return &comparer->answers[i];
    return NULL;
}

void answer_tick(struct comparer *comparer, struct gossip_time now)
{
    for (size_t i = 0; i < COUNT_OF(comparer->answers); i++) {
        struct answer *answer = &comparer->answers[i];

        if (answer->is_used && now.monotonic_us - answer->heard_us >= ANSWER_IDLE_US)
            answer_drop(comparer, answer);
    }
}

static void send_busy(struct comparer *comparer, uint64_t node_id, uint64_t session)
{
    struct message message = {.kind = MESSAGE_COMPARED,
                              .compared = {.session = session, .is_busy = true}};

    compare_send(comparer, node_id, &message);
}

/* ---------- COMPARE ---------- */

/* R6: a session of ours with this peer goes on, and so would find the same; of two that begin at
 * the same time the smaller number does. */
static bool is_asking_itself(const struct ask *ask, uint64_t node_id, uint64_t session)
{
    return ask->stage != ASK_NOTHING && ask->node_id == node_id &&
           (ask->stage > ASK_ROOT || ask->session < session);
}

/* R1: the positions are taken before the leaves are listed. */
static void begin(struct comparer *comparer, struct answer *answer, const struct compare *compare)
{
    const struct gossip_host *host = comparer->owner.host;
    size_t count;
    const struct origin_position *held = comparer->owner.held(comparer->owner.context, &count);

    answer->session = compare->session;
    answer->root = compare->root;
    answer->horizon = compare_horizon(comparer);
    answer->positions = xmalloc((count + 1) * sizeof *held);
    if (count > 0)
        memcpy(answer->positions, held, count * sizeof *held);
    answer->position_count = count;
    answer->list = compare_token(comparer);
    host->list_leaves(host->context, answer->list);
}

static void send_compared(struct comparer *comparer, const struct answer *answer)
{
    struct message message = {.kind = MESSAGE_COMPARED,
                              .compared = {.session = answer->session,
                                           .is_equal = answer->is_equal,
                                           .leaf_count = answer->leaves.count,
                                           .horizon = answer->horizon,
                                           .vector = answer->positions,
                                           .vector_count = answer->position_count}};

    compare_send(comparer, answer->node_id, &message);
}

static void receive_compare(struct comparer *comparer, struct gossip_time now, uint64_t node_id,
                            const struct compare *compare)
{
    struct answer *answer = answer_of_node(comparer, node_id);
    uint64_t before = 0;

    if (answer != NULL && answer->session == compare->session) {
        answer->heard_us = now.monotonic_us;
        if (answer->is_listed)
            send_compared(comparer, answer);
        return;
    }
    if (is_asking_itself(&comparer->ask, node_id, compare->session)) {
        send_busy(comparer, node_id, compare->session);
        return;
    }
    if (answer != NULL) {
        if (answer->session_before == compare->session)
            return; /* late: the peer has moved on */
        before = answer->session;
        answer_drop(comparer, answer);
    } else {
        answer = find_free(comparer);
    }
    if (answer == NULL) {
        send_busy(comparer, node_id, compare->session);
        return;
    }
    answer->is_used = true;
    answer->node_id = node_id;
    answer->session_before = before;
    answer->heard_us = now.monotonic_us;
    begin(comparer, answer, compare);
}

static bool is_same_root(const struct digest *a, const struct digest *b)
{
    return a->sum.low == b->sum.low && a->sum.high == b->sum.high && a->count == b->count;
}

bool answer_listed(struct comparer *comparer, uint64_t token, bool is_ready,
                   const uint64_t *fingerprints, size_t count, const struct digest *root)
{
    for (size_t i = 0; i < COUNT_OF(comparer->answers); i++) {
        struct answer *answer = &comparer->answers[i];
        struct element *elements;

        if (!answer->is_used || answer->is_listed || answer->list != token)
            continue;
        if (!is_ready) {
            send_busy(comparer, answer->node_id, answer->session);
            answer_drop(comparer, answer);
            return true;
        }
        answer->is_listed = true;
        answer->is_equal = is_same_root(&answer->root, root);
        if (answer->is_equal) {
            close_list(comparer, answer);
        } else {
            elements = xcalloc(count + 1, sizeof *elements);
            for (size_t j = 0; j < count; j++)
                elements[j].a = fingerprints[j];
            shown_take(&answer->leaves, elements, count);
        }
        send_compared(comparer, answer);
        return true;
    }
    return false;
}

/* ---------- GET ---------- */

static void send_symbols(struct comparer *comparer, struct answer *answer, struct shown *shown,
                         enum sketch_level level, uint32_t count)
{
    uint64_t salt = answer->session;
    struct message message = {.kind = MESSAGE_SKETCH};
    struct symbol *symbols;
    struct buffer encoded = {0};

    if (level == LEVEL_RECORDS)
        salt = compare_salt(salt, answer->batch);
    if (count > FIND_SYMBOLS_MAX)
        count = FIND_SYMBOLS_MAX;
    if (shown->sketch == NULL)
        shown->sketch = sketch_create(salt, shown->elements, shown->count);
    symbols = xmalloc((count + 1) * sizeof *symbols);
    shown->last_from = sketch_position(shown->sketch);
    sketch_next(shown->sketch, symbols, count);
    symbols_encode(&encoded, symbols, count, level == LEVEL_RECORDS);
    message.sketch = (struct sketch_message){.session = answer->session,
                                             .batch = answer->batch,
                                             .level = level,
                                             .from = shown->last_from,
                                             .count = count,
                                             .set_size = shown->count,
                                             .symbols = buffer_view(&encoded)};
    message_encode(&shown->last, &message);
    compare_send_body(comparer, answer->node_id, MESSAGE_SKETCH, buffer_view(&shown->last), 0);
    buffer_clear(&encoded);
    free(symbols);
}

static void send_list(struct comparer *comparer, const struct answer *answer,
                      const struct shown *shown, const struct get *get)
{
    size_t left = shown->count - (size_t)get->from;
    struct message message = {.kind = MESSAGE_LIST,
                              .list = {.session = answer->session,
                                       .batch = get->batch,
                                       .level = get->level,
                                       .from = get->from,
                                       .set_size = shown->count,
                                       .elements = shown->elements + get->from,
                                       .count = left < get->count ? left : get->count}};

    if (message.list.count > FIND_ELEMENTS_MAX)
        message.list.count = FIND_ELEMENTS_MAX;
    compare_send(comparer, answer->node_id, &message);
}

static void receive_get(struct comparer *comparer, struct answer *answer, const struct get *get)
{
    bool is_leaves = get->level == LEVEL_LEAVES;
    struct shown *shown = is_leaves ? &answer->leaves : &answer->records;
    size_t position = shown->sketch != NULL ? sketch_position(shown->sketch) : 0;

    if (is_leaves ? answer->list == 0 || !answer->is_listed
                  : !answer->is_scanned || get->batch != answer->batch)
        return;
    if (get->is_list && get->from <= shown->count)
        send_list(comparer, answer, shown, get);
    else if (!get->is_list && get->from == position && get->count > 0)
        send_symbols(comparer, answer, shown, get->level, get->count);
    else if (!get->is_list && shown->last.size > 0 && get->from == shown->last_from)
        compare_send_body(comparer, answer->node_id, MESSAGE_SKETCH, buffer_view(&shown->last), 0);
}

/* ---------- OPEN ---------- */

static int by_number(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a == b ? 0 : a < b ? -1 : 1;
}

/* A leaf named twice would make a set with elements in it twice. */
static bool are_unique(const uint64_t *leaves, size_t count)
{
    uint64_t *sorted = xmalloc((count + 1) * sizeof *sorted);
    bool is_unique = true;

    if (count > 0)
        memcpy(sorted, leaves, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_number);
    for (size_t i = 1; i < count; i++)
        is_unique = is_unique && sorted[i] != sorted[i - 1];
    free(sorted);
    return is_unique;
}

static void show_records(struct comparer *comparer, struct answer *answer,
                         const struct element *elements, size_t count)
{
    struct element *copy = xmalloc((count + 1) * sizeof *copy);

    if (count > 0)
        memcpy(copy, elements, count * sizeof *copy);
    shown_take(&answer->records, copy, count);
    answer->is_scanned = true;
    send_symbols(comparer, answer, &answer->records, LEVEL_RECORDS, answer->symbols);
}

static void receive_open(struct comparer *comparer, struct answer *answer,
                         const struct open_leaves *open)
{
    const struct gossip_host *host = comparer->owner.host;

    if (answer->list == 0 || !answer->is_listed)
        return;
    if (answer->is_open && open->batch == answer->batch && answer->records.last_from == 0 &&
        answer->is_scanned)
        compare_send_body(comparer, answer->node_id, MESSAGE_SKETCH,
                          buffer_view(&answer->records.last), 0);
    if ((answer->is_open && open->batch <= answer->batch) || open->leaf_count > PLAN_LEAVES_MAX ||
        !are_unique(open->leaves, open->leaf_count))
        return;
    close_batch(comparer, answer);
    answer->is_open = true;
    answer->batch = open->batch;
    answer->symbols = open->symbols;
    if (open->leaf_count == 0) {
        show_records(comparer, answer, NULL, 0);
        return;
    }
    answer->scan = compare_token(comparer);
    host->scan_leaves(host->context, answer->scan, answer->list, open);
}

bool answer_scanned(struct comparer *comparer, uint64_t token, const struct element *elements,
                    size_t count)
{
    for (size_t i = 0; i < COUNT_OF(comparer->answers); i++) {
        struct answer *answer = &comparer->answers[i];

        if (!answer->is_open || answer->is_scanned || answer->scan != token)
            continue;
        show_records(comparer, answer, elements, count);
        return true;
    }
    return false;
}

/* ---------- FETCH ---------- */

/* Was it asked again before the first piece of the answer had come? */
static bool is_on_its_way(const struct answer *answer, struct gossip_time now,
                          const struct fetch *fetch)
{
    return answer->is_moving && answer->moving_batch == fetch->batch &&
           answer->moving_number == fetch->number &&
           now.monotonic_us - answer->moved_us < MOVING_US;
}

static void receive_fetch(struct comparer *comparer, struct gossip_time now, struct answer *answer,
                          const struct fetch *fetch)
{
    const struct gossip_host *host = comparer->owner.host;

    if (!answer->is_scanned || answer->scan == 0 || fetch->batch != answer->batch ||
        answer->collecting != 0 || fetch->count == 0 || fetch->count > FETCH_KEYS_MAX ||
        is_on_its_way(answer, now, fetch))
        return;
    answer->collecting = compare_token(comparer);
    answer->fetch_number = fetch->number;
    answer->collect_horizon = compare_horizon(comparer);
    host->collect(host->context, answer->collecting, answer->scan, fetch->keys, fetch->count,
                  COLLECT_BYTES);
}

bool answer_collected(struct comparer *comparer, uint64_t token, size_t answered,
                      struct bytes records)
{
    for (size_t i = 0; i < COUNT_OF(comparer->answers); i++) {
        struct answer *answer = &comparer->answers[i];
        struct message message = {.kind = MESSAGE_RECORDS,
                                  .records = {.session = answer->session,
                                              .batch = answer->batch,
                                              .number = answer->fetch_number,
                                              .consumed = (uint32_t)answered,
                                              .horizon = answer->collect_horizon,
                                              .records = records}};

        if (answer->collecting == 0 || answer->collecting != token)
            continue;
        answer->collecting = 0;
        compare_send(comparer, answer->node_id, &message);
        return true;
    }
    return false;
}

/* ---------- GIVE ---------- */

static void send_given(struct comparer *comparer, const struct answer *answer)
{
    struct message message = {.kind = MESSAGE_GIVEN,
                              .given = {.session = answer->session,
                                        .batch = answer->give_batch,
                                        .number = answer->give_number,
                                        .is_refused = answer->is_refused}};

    compare_send(comparer, answer->node_id, &message);
}

static void receive_give(struct comparer *comparer, struct answer *answer,
                         const struct records_message *give)
{
    const struct gossip_host *host = comparer->owner.host;

    if (answer->applying != 0)
        return;
    if (answer->has_given && answer->give_batch == give->batch &&
        answer->give_number == give->number) {
        send_given(comparer, answer);
        return;
    }
    answer->give_batch = give->batch;
    answer->give_number = give->number;
    answer->has_given = false;
    answer->applying = compare_token(comparer);
    host->apply(host->context, answer->applying, give->horizon, give->records);
}

bool answer_applied(struct comparer *comparer, uint64_t token, enum applied result)
{
    for (size_t i = 0; i < COUNT_OF(comparer->answers); i++) {
        struct answer *answer = &comparer->answers[i];

        if (answer->applying == 0 || answer->applying != token)
            continue;
        answer->applying = 0;
        answer->has_given = true;
        answer->is_refused = result != APPLIED_OK;
        send_given(comparer, answer);
        return true;
    }
    return false;
}

/* ---------- what comes ---------- */

void answer_moving(struct answer *answer, struct gossip_time now, enum message_kind kind)
{
    answer->heard_us = now.monotonic_us;
    if (kind != MESSAGE_RECORDS)
        return;
    answer->is_moving = true;
    answer->moving_batch = answer->batch;
    answer->moving_number = answer->fetch_number;
    answer->moved_us = now.monotonic_us;
}

void answer_receive(struct comparer *comparer, struct gossip_time now, uint64_t node_id,
                    const struct message *message)
{
    struct answer *answer = answer_of_node(comparer, node_id);
    uint64_t session = compare_session(message);

    if (message->kind == MESSAGE_COMPARE) {
        receive_compare(comparer, now, node_id, &message->compare);
        return;
    }
    if (answer == NULL || answer->session != session) {
        send_busy(comparer, node_id, session);
        return;
    }
    answer->heard_us = now.monotonic_us;
    if (message->kind == MESSAGE_GET)
        receive_get(comparer, answer, &message->get);
    else if (message->kind == MESSAGE_OPEN)
        receive_open(comparer, answer, &message->open);
    else if (message->kind == MESSAGE_FETCH)
        receive_fetch(comparer, now, answer, &message->fetch);
    else
        receive_give(comparer, answer, &message->records);
}
