#include "replication/compare.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "replication/compare_internal.h"

struct comparer *comparer_create(const struct comparer_owner *owner)
{
    struct comparer *comparer = xcalloc(1, sizeof *comparer);

    comparer->owner = *owner;
    return comparer;
}

void comparer_destroy(struct comparer *comparer)
{
    if (comparer == NULL)
        return;
    ask_clear(comparer);
    for (size_t i = 0; i < COUNT_OF(comparer->answers); i++)
        answer_clear(&comparer->answers[i]);
    buffer_clear(&comparer->out);
    free(comparer);
}

/* ---------- for both roles ---------- */

static struct traffic *traffic_of(struct comparer *comparer, uint64_t node_id)
{
    for (size_t i = 0; i < comparer->traffic_count; i++)
        if (comparer->traffic[i].node_id == node_id)
            return &comparer->traffic[i];
    if (comparer->traffic_count == COUNT_OF(comparer->traffic))
        return NULL;
    comparer->traffic[comparer->traffic_count] = (struct traffic){.node_id = node_id};
    return &comparer->traffic[comparer->traffic_count++];
}

/* Of a message's body, the records in it apart. */
static void count_bytes(struct comparer *comparer, uint64_t node_id, size_t size,
                        size_t records_size)
{
    struct traffic *traffic = traffic_of(comparer, node_id);

    if (traffic != NULL && size > records_size)
        traffic->bytes += (int64_t)(size - records_size);
}

int64_t comparer_bytes(const struct comparer *comparer, uint64_t node_id)
{
    for (size_t i = 0; i < comparer->traffic_count; i++)
        if (comparer->traffic[i].node_id == node_id)
            return comparer->traffic[i].bytes;
    return 0;
}

size_t compare_records_size(const struct message *message)
{
    bool has_records = message->kind == MESSAGE_RECORDS || message->kind == MESSAGE_GIVE;

    return has_records ? message->records.records.size : 0;
}

uint64_t compare_session(const struct message *message)
{
    return message->compare.session;
}

void compare_send_body(struct comparer *comparer, uint64_t node_id, enum message_kind kind,
                       struct bytes body, size_t records_size)
{
    count_bytes(comparer, node_id, body.size, records_size);
    comparer->owner.host->send(comparer->owner.host->context, node_id, kind, body);
}

void compare_send(struct comparer *comparer, uint64_t node_id, const struct message *message)
{
    message_encode(&comparer->out, message);
    compare_send_body(comparer, node_id, message->kind, buffer_view(&comparer->out),
                      compare_records_size(message));
}

uint64_t compare_token(struct comparer *comparer)
{
    uint64_t token = comparer->owner.new_token(comparer->owner.context);

    assert(token != 0);
    return token;
}

uint64_t compare_horizon(struct comparer *comparer)
{
    return comparer->owner.horizon(comparer->owner.context);
}

/* ---------- what happens ---------- */

bool comparer_begin(struct comparer *comparer, struct gossip_time now, uint64_t node_id,
                    uint64_t session)
{
    return ask_begin(comparer, now, node_id, session);
}

bool comparer_is_running(const struct comparer *comparer)
{
    return comparer->ask.stage != ASK_NOTHING;
}

bool comparer_is_answering(struct comparer *comparer, struct gossip_time now, uint64_t node_id)
{
    const struct answer *answer = answer_of_node(comparer, node_id);

    return answer != NULL && answer->is_used && !answer->is_equal &&
           now.monotonic_us - answer->heard_us < ANSWERING_US;
}

/* Which role is a message for? */
static bool is_question(enum message_kind kind)
{
    return kind == MESSAGE_COMPARE || kind == MESSAGE_OPEN || kind == MESSAGE_GET ||
           kind == MESSAGE_FETCH || kind == MESSAGE_GIVE;
}

void comparer_receive(struct comparer *comparer, struct gossip_time now, uint64_t node_id,
                      const struct message *message)
{
    const struct ask *ask = &comparer->ask;

    count_bytes(comparer, node_id, message->body_size, compare_records_size(message));
    if (is_question(message->kind))
        answer_receive(comparer, now, node_id, message);
    else if (ask->stage != ASK_NOTHING && ask->node_id == node_id &&
             ask->session == compare_session(message))
        ask_receive(comparer, now, message);
}

void comparer_moving(struct comparer *comparer, struct gossip_time now, uint64_t node_id,
                     enum message_kind kind)
{
    struct answer *answer = answer_of_node(comparer, node_id);

    if (kind != MESSAGE_RECORDS && kind != MESSAGE_GIVE)
        return;
    if (comparer->ask.stage == ASK_MOVE_RECORDS && comparer->ask.node_id == node_id)
        ask_moving(comparer, now, kind);
    if (answer != NULL && answer->is_used)
        answer_moving(answer, now, kind);
}

void comparer_tick(struct comparer *comparer, struct gossip_time now)
{
    answer_tick(comparer, now);
    ask_tick(comparer, now);
}

void comparer_link_down(struct comparer *comparer, struct gossip_time now, uint64_t node_id)
{
    struct answer *answer = answer_of_node(comparer, node_id);

    if (answer != NULL)
        answer_drop(comparer, answer);
    if (comparer->ask.stage != ASK_NOTHING && comparer->ask.node_id == node_id)
        ask_fail(comparer, now);
}

/* ---------- answers to slow calls ---------- */

bool comparer_applied(struct comparer *comparer, struct gossip_time now, uint64_t token,
                      enum applied result)
{
    if (comparer->ask.batch.fetching.applying != token)
        return answer_applied(comparer, token, result);
    batch_applied(comparer, now, result);
    return true;
}

bool comparer_leaves(struct comparer *comparer, struct gossip_time now, uint64_t token,
                     bool is_ready, const uint64_t *fingerprints, size_t count,
                     const struct digest *root)
{
    if (comparer->ask.stage != ASK_OWN_LEAVES || comparer->ask.list != token)
        return answer_listed(comparer, token, is_ready, fingerprints, count, root);
    ask_listed(comparer, now, is_ready, fingerprints, count, root);
    return true;
}

bool comparer_elements(struct comparer *comparer, struct gossip_time now, uint64_t token,
                       const struct element *elements, size_t count)
{
    if (comparer->ask.stage != ASK_RECORDS || comparer->ask.batch.scan != token)
        return answer_scanned(comparer, token, elements, count);
    batch_scanned(comparer, now, elements, count);
    return true;
}

bool comparer_collected(struct comparer *comparer, struct gossip_time now, uint64_t token,
                        size_t answered, struct bytes records)
{
    if (comparer->ask.batch.giving.collecting != token)
        return answer_collected(comparer, token, answered, records);
    batch_collected(comparer, now, answered, records);
    return true;
}
