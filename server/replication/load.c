/* load.c - a new node loads everything from one member; answering one that does.
 *
 *     wanted --(all members know this node)--> running --(a page can't be stored)--> failed
 *       ^                                       |   |
 *       +---------(the source is lost)----------+   +--(all pages are stored)--> finishing
 *                                                                                    |
 *     none <--(the store has ended)--(positions and horizon of the source are saved)-+
 *
 * The source may be replaced half-way by another one, or by itself after a crash that took what it
 * had.  Whether that one goes on or begins anew, only what both held is claimed.  Pages are asked
 * for one at a time, and two may be on their way into the store; who gives them reads one ahead.
 */
#include <stdlib.h>

#include "replication/gossip_internal.h"

#define ACKS_WAIT_US (5000 * MS_US) /* until it is said for whom we wait */
#define REPEAT_US    (2000 * MS_US)
#define REFUSED_US   (1000 * MS_US) /* until a source that refused is asked again */
#define PAGE_BYTES   (1u << 20)
#define NEAR_BYTES   (128u << 10) /* of a page from a source that answers soon */
#define NEAR_US      (2 * MS_US)
#define ANSWERS_MAX  GOSSIP_PEERS_MAX

/* ---------- loading ---------- */

void load_want(struct gossip *gossip, struct gossip_time now)
{
    if (gossip->load.step != LOAD_NONE)
        return;
    gossip->load.step = LOAD_WANTED;
    gossip->load.since_us = now.monotonic_us;
    gossip->is_save_wanted = true;
    gossip_update_gate(gossip, now);
}

static bool is_source(const struct gossip *gossip, const struct peer *peer)
{
    return peer->is_linked && peer->has_beat && members_is_in(gossip, peer->node_id) &&
           beats_has_history(peer) && (peer->flags & (BEAT_IS_LOADING | BEAT_IS_STALE)) == 0;
}

static struct peer *choose_source(const struct gossip *gossip)
{
    struct peer *best = NULL;

    for (size_t i = 0; i < gossip->peer_count; i++) {
        struct peer *peer = gossip->peers[i];

        if (is_source(gossip, peer) && (best == NULL || peer->clock.rtt_us < best->clock.rtt_us))
            best = peer;
    }
    return best;
}

/* G8: a member that does not know of this node could forget deletes that it misses; and if only the
 * source knew, and were lost, nobody would.  NULL: all know. */
static const struct member *who_does_not_know(const struct gossip *gossip, struct gossip_time now)
{
    if (!rule(gossip, RULE_JOIN_ACKS))
        return NULL;
    for (size_t i = 0; i < gossip->member_count; i++) {
        const struct member *member = &gossip->members[i];
        const struct peer *peer = gossip_find_peer(gossip, member->node_id);

        if (member->state != MEMBER_IN || member->node_id == gossip->node_id ||
            members_is_replaced(gossip, now, member))
            continue;
        if (peer == NULL || !peer->is_linked || !peer->has_beat ||
            peer->members_hash != gossip->members_hash)
            return member;
    }
    return NULL;
}

static void say_who_is_awaited(struct gossip *gossip, struct gossip_time now,
                               const struct member *member)
{
    struct load *load = &gossip->load;

    if (load->is_wait_told || now.monotonic_us - load->since_us < ACKS_WAIT_US)
        return;
    load->is_wait_told = true;
    gossip_say(gossip, true,
               "Waiting until the replica %016llx (%s) knows this one; if it is gone for good, "
               "remove it on another replica by GOSSIP FORGET.",
               (unsigned long long)member->node_id, member->address);
}

/* A small page keeps nobody else waiting for long, neither there nor here; a large one is asked for
 * less often, which counts where the way is long. */
static uint32_t page_bytes(const struct gossip *gossip)
{
    const struct peer *source = gossip_find_peer(gossip, gossip->load.source);
    bool is_near = source != NULL && source->clock.is_known && source->clock.rtt_us < NEAR_US;

    return is_near ? NEAR_BYTES : PAGE_BYTES;
}

static void ask(struct gossip *gossip, struct gossip_time now)
{
    struct load *load = &gossip->load;

    load->asked_us = now.monotonic_us;
    gossip_send(gossip, load->source,
                &(struct message){.kind = MESSAGE_PAGE,
                                  .page = {.session = load->session,
                                           .number = load->number,
                                           .cursor = buffer_view(&load->cursor),
                                           .bytes_max = page_bytes(gossip)}});
}

static void begin_with(struct gossip *gossip, struct gossip_time now, const struct peer *source)
{
    struct load *load = &gossip->load;

    load->step = LOAD_RUNNING;
    load->source = source->node_id;
    load->source_incarnation = source->incarnation;
    load->session = gossip_new_token(gossip);
    load->number = 0;
    if (load->told != source->node_id)
        gossip_say(gossip, false, "Loading all data from the replica %016llx (%s).",
                   (unsigned long long)source->node_id, source->address);
    load->told = source->node_id;
    ask(gossip, now);
}

/* Of an origin that is not listed it claims no write at all. */
static uint64_t claimed(const struct page *page, const struct origin_position *origin)
{
    for (size_t i = 0; i < page->vector_count; i++)
        if (page->vector[i].node_id == origin->node_id &&
            page->vector[i].incarnation == origin->incarnation)
            return page->vector[i].position;
    return origin->start;
}

/* Claims are the source's, or what two sources have in common. */
static void take_claims(struct gossip *gossip, const struct page *page)
{
    struct load *load = &gossip->load;

    if (!load->has_first) {
        struct positions said = {page->vector, page->vector_count, page->vector_count};

        positions_copy(&load->held, &said);
        load->horizon = page->horizon;
        load->has_first = true;
        load->source_position = 0;
        for (size_t i = 0; i < page->vector_count; i++)
            if (page->vector[i].node_id == load->source &&
                page->vector[i].position > load->source_position)
                load->source_position = page->vector[i].position;
        return;
    }
    for (size_t i = 0; i < load->held.count; i++) {
        struct origin_position *ours = &load->held.at[i];
        uint64_t theirs = claimed(page, ours);

        if (theirs < ours->position)
            ours->position = theirs;
    }
    load->horizon = page->horizon < load->horizon ? page->horizon : load->horizon;
}

/* One of the two clocks is wrong (G7). */
static bool is_ahead(const struct gossip *gossip, struct gossip_time now, uint64_t stamp,
                     const struct origin_position *positions, size_t count)
{
    uint64_t believed = newest_believed(gossip, now);

    for (size_t i = 0; i < count; i++)
        if (positions[i].position > believed)
            return true;
    return stamp > believed;
}

void load_received(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                   const struct page *page)
{
    struct load *load = &gossip->load;

    if (load->step != LOAD_RUNNING || peer->node_id != load->source ||
        peer->incarnation != load->source_incarnation || page->session != load->session ||
        page->number != load->number || load->has_last || load->token_count == 2)
        return;
    if (is_ahead(gossip, now, page->horizon, page->vector, page->vector_count))
        return; /* asked for again */
    if (page->is_refused) {
        load->step = LOAD_WANTED;
        load->hold_until_us = now.monotonic_us + REFUSED_US;
        return;
    }
    if (page->number == 0)
        take_claims(gossip, page);
    load->tokens[load->token_count] = gossip_new_token(gossip);
    load->cursor.size = 0;
    buffer_append_bytes(&load->cursor, page->cursor);
    load->number++;
    load->pages++;
    load->has_last = page->is_last;
    gossip->host->load_page(gossip->host->context, load->tokens[load->token_count++], page->records,
                            false);
    if (!page->is_last && load->token_count < 2)
        ask(gossip, now);
}

/* A page that is on its way is not asked for again: on a slow link the answers would stand in its
 * way, and the source may read all anew for each. */
void load_moving(struct gossip *gossip, struct gossip_time now, uint64_t node_id,
                 enum message_kind kind)
{
    struct load *load = &gossip->load;

    if (kind == MESSAGE_PAGED && load->step == LOAD_RUNNING && node_id == load->source)
        load->asked_us = now.monotonic_us;
}

/* Nothing has been written here yet, and nothing will be below the horizon: so this incarnation
 * begins behind it.  A member that has not heard of this node yet would otherwise seem to lack what
 * lies between the beginning of time and the horizon, and be stale (G5).  And such a member may
 * raise the horizon without us, up to what the source had announced before it knew us: no further
 * than the source's own writes. */
static uint64_t begins_behind(const struct load *load)
{
    return load->horizon > load->source_position ? load->horizon : load->source_position;
}

static void take_over(struct gossip *gossip)
{
    struct load *load = &gossip->load;

    for (size_t i = 0; i < load->held.count; i++) {
        const struct origin_position *theirs = &load->held.at[i];
        struct origin_position *ours =
            horizon_origin(gossip, theirs->node_id, theirs->incarnation, theirs->start);

        if (ours != NULL && theirs->node_id != gossip->node_id)
            horizon_raise(gossip, ours, theirs->position);
    }
    if (load->horizon > gossip->horizon) {
        gossip->horizon = load->horizon;
        gossip->host->observe(gossip->host->context, load->horizon);
    }
    horizon_begin_behind(gossip, begins_behind(load));
}

/* All pages are here.  What they allow to claim is saved first, and only then the store is told
 * that they were all: until then it is wiped if it is opened again, and this node begins as a new
 * one. The other way round a crash, or a backup, would leave data of which nothing is known. */
static void finish(struct gossip *gossip, struct gossip_time now)
{
    struct load *load = &gossip->load;

    if (is_ahead(gossip, now, begins_behind(load), load->held.at, load->held.count))
        return; /* the clock was set back since they came: load_tick() tries again */
    take_over(gossip);
    load->step = LOAD_FINISHING;
    buffer_clear(&load->cursor);
    state_save(gossip);
}

void load_saved(struct gossip *gossip)
{
    struct load *load = &gossip->load;

    if (!load->is_saving || load->token_count > 0)
        return;
    load->tokens[load->token_count++] = gossip_new_token(gossip);
    gossip->host->load_page(gossip->host->context, load->tokens[0], bytes_of(""), true);
}

static void end_load(struct gossip *gossip, struct gossip_time now)
{
    gossip->load.step = LOAD_NONE;
    gossip->load.is_saving = false;
    gossip->is_loaded_before = true;
    gossip->is_save_wanted = true; /* and announced */
    for (size_t i = 0; i < gossip->peer_count; i++) {
        gossip->peers[i]->beat_said_us = 0;
        gossip_compare_soon(gossip->peers[i], now, 0);
    }
    gossip_update_gate(gossip, now);
}

/* The one who had the data, and was to give them, is gone.  Nothing can be claimed by what has
 * come, whether the host keeps it or not. */
static void give_up(struct gossip *gossip, struct gossip_time now)
{
    struct load *load = &gossip->load;

    load->held.count = 0;
    load->horizon = load->source_position = 0;
    load->has_last = true;
    if (!load->has_first)
        end_load(gossip, now);
    else if (load->token_count == 0)
        finish(gossip, now);
}

/* Are all members here, and none that has, or had, anything? */
static bool has_nobody_anything(const struct gossip *gossip)
{
    for (size_t i = 0; i < gossip->member_count; i++) {
        const struct member *member = &gossip->members[i];
        const struct peer *peer = gossip_find_peer(gossip, member->node_id);

        if (member->state == MEMBER_IN && member->node_id != gossip->node_id &&
            (peer == NULL || !peer->is_linked || !peer->has_beat || beats_has_history(peer)))
            return false;
    }
    return true;
}

bool load_applied(struct gossip *gossip, struct gossip_time now, uint64_t token,
                  enum applied result)
{
    struct load *load = &gossip->load;

    if (load->token_count == 0 || load->tokens[0] != token)
        return false;
    load->tokens[0] = load->tokens[1];
    load->token_count--;
    if (result != APPLIED_OK) {
        load->step = LOAD_FAILED;
        gossip_say(gossip, true,
                   "The data could not be stored: start this server again when there is room.");
        return true;
    }
    if (load->step == LOAD_FINISHING) {
        gossip_say(gossip, false, "All data are loaded: %lld pages.", (long long)load->pages);
        end_load(gossip, now);
    } else if (load->has_last && load->token_count == 0) {
        finish(gossip, now);
    } else if (!load->has_last && load->token_count == 1) {
        ask(gossip, now);
    }
    return true;
}

static bool is_source_lost(const struct gossip *gossip)
{
    const struct peer *source = gossip_find_peer(gossip, gossip->load.source);

    return source == NULL || source->incarnation != gossip->load.source_incarnation ||
           !is_source(gossip, source);
}

void load_tick(struct gossip *gossip, struct gossip_time now)
{
    struct load *load = &gossip->load;
    const struct member *awaited;
    const struct peer *source;

    if (load->step == LOAD_RUNNING && load->has_last && load->token_count == 0)
        finish(gossip, now);
    if (load->step == LOAD_NONE || load->step == LOAD_FAILED || load->has_last || gossip->is_stale)
        return;
    if (load->step == LOAD_RUNNING && !is_source_lost(gossip)) {
        if (load->token_count < 2 && now.monotonic_us - load->asked_us > REPEAT_US)
            ask(gossip, now);
        return;
    }
    if (has_nobody_anything(gossip)) {
        give_up(gossip, now);
        return;
    }
    source = now.monotonic_us < load->hold_until_us ? NULL : choose_source(gossip);
    awaited = who_does_not_know(gossip, now);
    if (awaited != NULL)
        say_who_is_awaited(gossip, now, awaited);
    else if (source != NULL)
        begin_with(gossip, now, source);
}

/* ---------- answering ---------- */

static struct page_answer *answer_for(struct gossip *gossip, uint64_t node_id)
{
    for (size_t i = 0; i < gossip->answer_count; i++)
        if (gossip->answers[i].node_id == node_id)
            return &gossip->answers[i];
    if (gossip->answer_count == ANSWERS_MAX)
        return NULL;
    if (gossip->answers == NULL)
        gossip->answers = xcalloc(ANSWERS_MAX, sizeof *gossip->answers);
    gossip->answers[gossip->answer_count] = (struct page_answer){.node_id = node_id};
    return &gossip->answers[gossip->answer_count++];
}

static bool may_answer(const struct gossip *gossip, const struct peer *peer)
{
    return gossip->load.step == LOAD_NONE && !gossip->is_stale && !gossip->is_out &&
           members_is_in(gossip, peer->node_id);
}

static void refuse(struct gossip *gossip, const struct peer *peer,
                   const struct page_request *request)
{
    gossip_send(
        gossip, peer->node_id,
        &(struct message){
            .kind = MESSAGE_PAGED,
            .paged = {.session = request->session, .number = request->number, .is_refused = true}});
}

static void read_for(struct gossip *gossip, struct page_answer *answer, uint32_t number,
                     struct bytes from, bool is_asked)
{
    answer->token = gossip_new_token(gossip);
    answer->number = number;
    answer->is_asked = is_asked;
    answer->horizon = gossip->horizon_saved;
    answer->kept.size = answer->from.size = 0;
    buffer_append_bytes(&answer->from, from);
    positions_clear(&answer->held);
    if (number == 0)
        positions_copy(&answer->held, &gossip->held);
    gossip->host->read_page(gossip->host->context, answer->token, from, answer->bytes_max);
}

/* While it is on its way the next one is read: who loads asks for it as soon as this one is there.
 */
static void send_kept(struct gossip *gossip, struct page_answer *answer)
{
    gossip->host->send(gossip->host->context, answer->node_id, MESSAGE_PAGED,
                       buffer_view(&answer->kept));
    answer->kept.size = 0;
    if (answer->next.size > 0)
        read_for(gossip, answer, answer->number + 1, buffer_view(&answer->next), false);
}

static bool is_at_hand(const struct page_answer *answer, const struct page_request *request)
{
    return (answer->token != 0 || answer->kept.size > 0) && answer->session == request->session &&
           answer->number == request->number &&
           bytes_equal(buffer_view(&answer->from), request->cursor);
}

void load_asked(struct gossip *gossip, struct peer *peer, const struct page_request *request)
{
    struct page_answer *answer = answer_for(gossip, peer->node_id);

    if (answer == NULL || !may_answer(gossip, peer)) {
        refuse(gossip, peer, request);
        return;
    }
    if (!is_at_hand(answer, request)) {
        answer->node_id = peer->node_id;
        answer->session = request->session;
        answer->bytes_max = request->bytes_max < PAGE_BYTES ? request->bytes_max : PAGE_BYTES;
        read_for(gossip, answer, request->number, request->cursor, true);
    } else if (answer->token != 0) {
        answer->is_asked = true;
    } else {
        send_kept(gossip, answer);
    }
}

static void keep_page(struct page_answer *answer, struct bytes records, struct bytes cursor,
                      bool is_last)
{
    answer->token = 0;
    answer->next.size = answer->kept.size = 0;
    if (!is_last)
        buffer_append_bytes(&answer->next, cursor);
    message_encode(&answer->kept, &(struct message){.kind = MESSAGE_PAGED,
                                                    .paged = {.session = answer->session,
                                                              .number = answer->number,
                                                              .is_last = is_last,
                                                              .horizon = answer->horizon,
                                                              .cursor = cursor,
                                                              .vector = answer->held.at,
                                                              .vector_count = answer->held.count,
                                                              .records = records}});
}

static struct page_answer *answer_of_token(const struct gossip *gossip, uint64_t token)
{
    for (size_t i = 0; i < gossip->answer_count; i++)
        if (gossip->answers[i].token == token)
            return &gossip->answers[i];
    return NULL;
}

void load_page_read(struct gossip *gossip, uint64_t token, struct bytes records,
                    struct bytes cursor, bool is_last)
{
    struct page_answer *answer = answer_of_token(gossip, token);

    if (answer == NULL)
        return;
    keep_page(answer, records, cursor, is_last);
    if (answer->is_asked)
        send_kept(gossip, answer);
}

/* It will be asked for again. */
void load_page_failed(struct gossip *gossip, uint64_t token)
{
    struct page_answer *answer = answer_of_token(gossip, token);

    if (answer != NULL)
        answer->token = 0;
}

static void clear_answer(struct page_answer *answer)
{
    positions_clear(&answer->held);
    buffer_clear(&answer->from);
    buffer_clear(&answer->next);
    buffer_clear(&answer->kept);
    *answer = (struct page_answer){.node_id = answer->node_id};
}

void load_link_down(struct gossip *gossip, uint64_t node_id)
{
    for (size_t i = 0; i < gossip->answer_count; i++)
        if (gossip->answers[i].node_id == node_id)
            clear_answer(&gossip->answers[i]);
}

void load_clear_answers(struct gossip *gossip)
{
    for (size_t i = 0; i < gossip->answer_count; i++)
        clear_answer(&gossip->answers[i]);
    free(gossip->answers);
}
