#include "replication/gossip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replication/gossip_internal.h"

#define OFFSET_WAIT_US (1000 * MS_US) /* for a first reading of a peer's clock */
#define ACTIVE_US      (1000 * MS_US)
#define STAGGER_MIN_US 20000 /* a busy machine lets a thread wait so long for its turn */
#define STAGGER_MAX_US (100 * MS_US)
#define JUMP_MIN_US    (100 * MS_US)

/* ---------- small things ---------- */

uint64_t gossip_new_token(struct gossip *gossip)
{
    return ++gossip->next_token;
}

void gossip_say(struct gossip *gossip, bool is_warning, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    gossip->host->log(gossip->host->context, is_warning, text);
}

void gossip_send(struct gossip *gossip, uint64_t node_id, const struct message *message)
{
    gossip->body.size = 0;
    message_encode(&gossip->body, message);
    gossip->host->send(gossip->host->context, node_id, message->kind, buffer_view(&gossip->body));
}

void gossip_copy_address(char to[GOSSIP_ADDRESS_MAX], const char *from)
{
    (void)snprintf(to, GOSSIP_ADDRESS_MAX, "%s", from);
}

struct peer *gossip_find_peer(const struct gossip *gossip, uint64_t node_id)
{
    for (size_t i = 0; i < gossip->peer_count; i++)
        if (gossip->peers[i]->node_id == node_id)
            return gossip->peers[i];
    return NULL;
}

static void free_peer(struct peer *peer)
{
    positions_clear(&peer->announced);
    free(peer->agrees);
    free(peer);
}

/* A place of one that is gone and is no member. */
static void make_room(struct gossip *gossip)
{
    for (size_t i = 0; i < gossip->peer_count; i++) {
        struct peer *peer = gossip->peers[i];

        if (peer->is_linked || members_is_in(gossip, peer->node_id))
            continue;
        free_peer(peer);
        gossip->peers[i] = gossip->peers[--gossip->peer_count];
        return;
    }
}

struct peer *gossip_peer_for(struct gossip *gossip, uint64_t node_id)
{
    struct peer *peer = gossip_find_peer(gossip, node_id);

    if (peer != NULL)
        return peer;
    if (gossip->peer_count == GOSSIP_PEERS_MAX)
        make_room(gossip);
    if (gossip->peer_count == GOSSIP_PEERS_MAX)
        return NULL;
    peer = xcalloc(1, sizeof *peer);
    peer->node_id = node_id;
    peer->equal_us = -1;
    peer->clock.rtt_us = -1;
    gossip->peers[gossip->peer_count++] = peer;
    return peer;
}

bool gossip_may_exchange(const struct gossip *gossip, const struct peer *peer)
{
    return peer->is_linked && peer->has_beat && !gossip->is_stale && !gossip->is_out &&
           gossip->load.step == LOAD_NONE &&
           (peer->flags & (BEAT_IS_LOADING | BEAT_IS_STALE)) == 0 &&
           members_is_in(gossip, peer->node_id);
}

void gossip_mark_active(struct gossip *gossip, struct gossip_time now)
{
    gossip->active_until_us = now.monotonic_us + ACTIVE_US;
}

void gossip_compare_soon(struct peer *peer, struct gossip_time now, int64_t delay_ms)
{
    int64_t due_us = now.monotonic_us + delay_ms * MS_US;

    if (due_us < peer->compare_due_us)
        peer->compare_due_us = due_us;
}

/* ---------- what clients may do ---------- */

static bool has_others(const struct gossip *gossip)
{
    return gossip->configured_count > 0 || members_in_count(gossip) > 1;
}

bool gossip_trusts_clock(const struct gossip *gossip)
{
    bool is_alone = members_in_count(gossip) <= 1 && !members_is_forming(gossip);

    return !beats_is_skewed(gossip) &&
           (is_alone || gossip->jumped_us <= gossip->skew_max_ms * MS_US);
}

/* G8: may there be data elsewhere, and is there nothing here? */
static bool is_new(const struct gossip *gossip)
{
    return !gossip->is_loaded_before && gossip->host->is_blank(gossip->host->context);
}

static enum gossip_gate find_gate(const struct gossip *gossip, struct gossip_time now)
{
    if (gossip->is_stale)
        return GATE_STALE;
    if (gossip->is_leaving || gossip->is_out)
        return GATE_LEAVING;
    if (gossip->load.step != LOAD_NONE)
        return GATE_LOADING;
    if (!gossip_trusts_clock(gossip))
        return GATE_SKEW;
    if (now.monotonic_us < gossip->wait_until_us && has_others(gossip) && !beats_agree(gossip))
        return GATE_WAIT;
    return GATE_OPEN;
}

void gossip_update_gate(struct gossip *gossip, struct gossip_time now)
{
    enum gossip_gate gate = find_gate(gossip, now);

    if (gate == gossip->gate)
        return;
    if (gate == GATE_SKEW)
        gossip_say(gossip, true,
                   "This machine's clock is further from its replicas' clocks than max-clock-skew "
                   "(%lld ms) allows: writes are refused until it is right.",
                   (long long)gossip->skew_max_ms);
    gossip->gate = gate;
    if (gate == GATE_OPEN)
        gossip->wait_until_us = 0; /* never again: a peer that comes and goes stops nobody */
    gossip->host->set_gate(gossip->host->context,
                           gate == GATE_WAIT && is_new(gossip) ? GATE_LOADING : gate);
}

void gossip_become_stale(struct gossip *gossip, struct gossip_time now, const char *why)
{
    if (gossip->is_stale)
        return;
    gossip->is_stale = true;
    gossip->is_save_wanted = true;
    gossip_say(gossip, true,
               "This replica is stale: %s.  Writes are refused and nothing is replicated; save its "
               "own writes by GOSSIP SALVAGE, wipe its data directory and start it again.",
               why);
    gossip_update_gate(gossip, now);
}

/* ---------- whom to dial ---------- */

static void add_target(const char **targets, size_t *count, const char *address, const char *own)
{
    if (address[0] == '\0' || strcmp(address, own) == 0)
        return;
    for (size_t i = 0; i < *count; i++)
        if (strcmp(targets[i], address) == 0)
            return;
    targets[(*count)++] = address;
}

void gossip_update_targets(struct gossip *gossip)
{
    size_t count = 0;
    const char **targets = xcalloc(
        gossip->configured_count + gossip->met_count + gossip->member_count + 1, sizeof *targets);

    for (size_t i = 0; i < gossip->configured_count; i++)
        add_target(targets, &count, gossip->configured[i], gossip->address);
    for (size_t i = 0; i < gossip->met_count; i++)
        add_target(targets, &count, gossip->met[i], gossip->address);
    for (size_t i = 0; i < gossip->member_count; i++)
        if (gossip->members[i].state == MEMBER_IN && gossip->members[i].node_id != gossip->node_id)
            add_target(targets, &count, gossip->members[i].address, gossip->address);
    gossip->host->set_targets(gossip->host->context, targets,
                              gossip->is_out || !gossip->is_ready ? 0 : count);
    free(targets);
}

void gossip_mark_reached(struct gossip *gossip, const char *address)
{
    for (size_t i = 0; i < gossip->configured_count; i++) {
        if (gossip->is_reached[i] || strcmp(gossip->configured[i], address) != 0)
            continue;
        gossip->is_reached[i] = true;
        gossip->is_save_wanted = true;
    }
}

void gossip_target_is_self(struct gossip *gossip, const char *address)
{
    gossip_mark_reached(gossip, address);
}

/* ---------- life ---------- */

static void take_config(struct gossip *gossip, const struct gossip_config *config)
{
    gossip->node_id = config->node_id;
    gossip->skew_max_ms = config->skew_max_ms;
    gossip->forget_after_ms = config->forget_after_ms;
    gossip->rules_off = config->rules_off;
    gossip_copy_address(gossip->address, config->address);
    gossip->configured = xcalloc(config->peer_count + 1, sizeof *gossip->configured);
    gossip->is_reached = xcalloc(config->peer_count + 1, sizeof *gossip->is_reached);
    gossip->configured_count = config->peer_count;
    for (size_t i = 0; i < config->peer_count; i++) {
        gossip_copy_address(gossip->configured[i], config->peers[i]);
        gossip->is_reached[i] = strcmp(config->peers[i], gossip->address) == 0;
    }
}

/* Larger than all before, also when the disk was taken back to an earlier day: then lives began of
 * which it knows nothing, and none of them is to be continued by another.  (It takes more than a
 * second to bring a backup back.) */
static uint32_t next_incarnation(uint32_t before, struct gossip_time now)
{
    int64_t now_s = wall_ms(now) / 1000;

    return now_s > (int64_t)before && now_s < (int64_t)UINT32_MAX ? (uint32_t)now_s : before + 1;
}

/* The incarnation before this one is an origin like any other, with what is known to be held. */
static void begin_incarnation(struct gossip *gossip, const struct gossip_config *config,
                              struct gossip_time now)
{
    struct member_entry self = {.node_id = gossip->node_id, .address = bytes_of(gossip->address)};

    gossip->first_open_own = gossip->incarnation;
    gossip->is_last_own_known = gossip->incarnation == 0;
    if (rule(gossip, RULE_INCARNATION) || gossip->incarnation == 0) {
        gossip->incarnation = next_incarnation(gossip->incarnation, now);
        gossip->start = config->hlc;
    } else {
        gossip->is_last_own_known = true;
    }
    if (gossip->is_last_own_known)
        gossip->first_open_own = gossip->incarnation;
    self.incarnation = gossip->incarnation;
    self.start = gossip->start;
    (void)members_put(gossip, &self);
    (void)positions_add(&gossip->held, gossip->node_id, gossip->incarnation, gossip->start);
}

/* Without replication nobody waited for others: deletes were forgotten that members may not have
 * seen.  They can't be told any more.  Alone in its cluster, a node has only to say so. */
static void take_up_again(struct gossip *gossip, const struct gossip_config *config,
                          struct gossip_time now)
{
    if (members_in_count(gossip) > 1)
        gossip_become_stale(gossip, now,
                            "it ran without replication, and forgot deletes meanwhile");
    else if (config->hlc > gossip->horizon)
        gossip->horizon = config->hlc;
}

static void begin(struct gossip *gossip, const struct gossip_config *config, struct gossip_time now)
{
    if (config->horizon_at_least > gossip->horizon)
        gossip->horizon = config->horizon_at_least;
    if (config->was_alone)
        take_up_again(gossip, config, now);
    if (gossip->is_out)
        gossip_say(gossip, true,
                   "This replica is no member of its cluster any more: wipe its data "
                   "directory to join anew, or start it without cluster-secret.");
    gossip->horizon_saved = gossip->horizon;
    begin_incarnation(gossip, config, now);
    if (!members_is_in(gossip, gossip->node_id))
        gossip->is_out = gossip->is_stale = true; /* it was about to leave, and had said so */
    comparing_create(gossip);
    gossip->last_tick = now;
    gossip->wait_until_us = now.monotonic_us + OFFSET_WAIT_US;
    gossip->load.since_us = now.monotonic_us;
    gossip->gate = GATE_OPEN;
    gossip->staggered_count = SIZE_MAX; /* the host is told at the first tick */
    gossip->host->observe(gossip->host->context, gossip->horizon);
    gossip->host->set_horizon(gossip->host->context, gossip->horizon);
    gossip_update_gate(gossip, now);
    members_changed(gossip);
    state_save(gossip);
}

enum status gossip_create(const struct gossip_config *config, const struct gossip_host *host,
                          struct bytes state, struct gossip_time now, struct gossip **created)
{
    struct gossip *gossip = xcalloc(1, sizeof *gossip);

    gossip->host = host;
    take_config(gossip, config);
    if (state.size > 0 && state_decode(gossip, state) != STATUS_OK) {
        gossip_destroy(gossip);
        return STATUS_CORRUPT;
    }
    begin(gossip, config, now);
    *created = gossip;
    return STATUS_OK;
}

void gossip_end(struct gossip *gossip)
{
    if (!gossip->is_changed && !gossip->is_save_wanted)
        return;
    gossip->save_token = 0; /* what is being saved is older */
    state_save(gossip);
}

void gossip_destroy(struct gossip *gossip)
{
    if (gossip == NULL)
        return;
    comparer_destroy(gossip->comparer);
    for (size_t i = 0; i < gossip->peer_count; i++)
        free_peer(gossip->peers[i]);
    load_clear_answers(gossip);
    positions_clear(&gossip->held);
    positions_clear(&gossip->saving);
    positions_clear(&gossip->announced);
    positions_clear(&gossip->load.held);
    positions_clear(&gossip->leave_held);
    buffer_clear(&gossip->load.cursor);
    buffer_clear(&gossip->body);
    buffer_clear(&gossip->blob);
    free(gossip->incoming);
    free(gossip->sealed);
    free(gossip->members);
    free(gossip->configured);
    free(gossip->is_reached);
    free(gossip->met);
    free(gossip);
}

uint32_t gossip_incarnation(const struct gossip *gossip)
{
    return gossip->incarnation;
}

uint64_t gossip_start(const struct gossip *gossip)
{
    return gossip->start;
}

bool gossip_is_ready(const struct gossip *gossip)
{
    return gossip->is_ready;
}

/* ---------- links ---------- */

static void begin_link(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                       const struct gossip_hello *hello)
{
    if (peer->incarnation != hello->incarnation)
        peer->gap = (struct gap){0};
    peer->incarnation = hello->incarnation;
    peer->start = hello->start;
    gossip_copy_address(peer->address, hello->address);
    peer->is_linked = true;
    peer->has_beat = false;
    peer->flags = 0;
    peer->vector_revision = 0;
    peer->vector_sent_us = 0;
    peer->compare_due_us = now.monotonic_us + COMPARE_PERIOD_MS * MS_US;
    push_start(gossip, now, peer, 0);
    beats_send(gossip, now, peer);
}

/* A member says of itself where it is now. */
static void update_member(struct gossip *gossip, const struct gossip_hello *hello)
{
    struct member_entry entry = {.node_id = hello->node_id,
                                 .incarnation = hello->incarnation,
                                 .start = hello->start,
                                 .address = bytes_of(hello->address)};

    if (members_find(gossip, hello->node_id) != NULL && members_put(gossip, &entry))
        members_changed(gossip);
}

enum status gossip_link_up(struct gossip *gossip, struct gossip_time now,
                           const struct gossip_hello *hello, const char **reason)
{
    const struct member *member = members_find(gossip, hello->node_id);
    struct gossip_hello known = *hello;
    struct peer *peer;

    if (gossip->is_out) {
        *reason = "this node is no member of the cluster any more";
        return STATUS_LEAVING;
    }
    if (member != NULL && member->state == MEMBER_OUT) {
        *reason = "it was removed from the cluster; wipe its data to join anew";
        return STATUS_STALE;
    }
    if (hello->start > newest_believed(gossip, now)) {
        *reason = "its clock is too far ahead (max-clock-skew)";
        return STATUS_CLOCK_SKEW;
    }
    peer = gossip_peer_for(gossip, hello->node_id);
    if (peer == NULL) {
        *reason = "there are too many replicas";
        return STATUS_FAILED;
    }
    if (known.dialled != NULL)
        gossip_copy_address(peer->dialled, known.dialled);
    if (known.address[0] == '\0')
        known.address = peer->dialled; /* it doesn't know its own */
    if (peer->is_linked && peer->incarnation == known.incarnation)
        return STATUS_OK; /* one more link */
    update_member(gossip, &known);
    begin_link(gossip, now, peer, &known);
    return STATUS_OK;
}

void gossip_refused(struct gossip *gossip, struct gossip_time now, const char *reason)
{
    if (!gossip->is_out && !gossip->is_leaving)
        gossip_become_stale(gossip, now, reason);
}

void gossip_link_down(struct gossip *gossip, struct gossip_time now, uint64_t node_id)
{
    struct peer *peer = gossip_find_peer(gossip, node_id);

    if (peer == NULL || !peer->is_linked)
        return;
    peer->is_linked = false;
    peer->has_beat = false;
    peer->down_since_us = now.monotonic_us;
    comparer_link_down(gossip->comparer, now, node_id);
    load_link_down(gossip, node_id);
    gossip_update_gate(gossip, now);
}

static void receive(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                    const struct message *message)
{
    switch (message->kind) {
    case MESSAGE_BEAT:
        beats_received(gossip, now, peer, &message->beat);
        break;
    case MESSAGE_MEMBERS:
        members_received(gossip, now, peer, &message->members);
        break;
    case MESSAGE_PUSH:
        push_received(gossip, now, peer, &message->push);
        break;
    case MESSAGE_PUSHED:
        push_answered(gossip, now, peer, &message->pushed);
        break;
    case MESSAGE_PAGE:
        load_asked(gossip, peer, &message->page);
        break;
    case MESSAGE_PAGED:
        load_received(gossip, now, peer, &message->paged);
        break;
    case MESSAGE_COMPARE:
    case MESSAGE_COMPARED:
    case MESSAGE_OPEN:
    case MESSAGE_GET:
    case MESSAGE_SKETCH:
    case MESSAGE_LIST:
    case MESSAGE_FETCH:
    case MESSAGE_RECORDS:
    case MESSAGE_GIVE:
    case MESSAGE_GIVEN:
        if (gossip_may_exchange(gossip, peer))
            comparer_receive(gossip->comparer, now, peer->node_id, message);
        break;
    case MESSAGE_KIND_COUNT:
        break;
    }
}

/* What a new node waits for does not wait for the next tick: that those it meets have saved, and
 * say, who the members are now, and then that it begins to load. */
static void hasten(struct gossip *gossip, struct gossip_time now)
{
    if (gossip->members_hash != gossip->members_hash_saving) {
        members_tell(gossip, now);
        state_tick(gossip, now);
    }
    if (gossip->load.step == LOAD_WANTED)
        load_tick(gossip, now);
}

enum status gossip_receive(struct gossip *gossip, struct gossip_time now, uint64_t node_id,
                           enum message_kind kind, struct bytes body)
{
    struct peer *peer = gossip_find_peer(gossip, node_id);
    struct message message;

    if (peer == NULL || !peer->is_linked)
        return STATUS_OK;
    if (message_decode(kind, body, &message) != STATUS_OK)
        return STATUS_CORRUPT;
    receive(gossip, now, peer, &message);
    message_clear(&message);
    hasten(gossip, now);
    return STATUS_OK;
}

void gossip_moving(struct gossip *gossip, struct gossip_time now, uint64_t node_id,
                   enum message_kind kind)
{
    comparer_moving(gossip->comparer, now, node_id, kind);
    load_moving(gossip, now, node_id, kind);
}

/* ---------- what was started ends ---------- */

void gossip_applied(struct gossip *gossip, struct gossip_time now, uint64_t token,
                    enum applied result)
{
    if (!push_applied(gossip, now, token, result) && !load_applied(gossip, now, token, result))
        (void)comparer_applied(gossip->comparer, now, token, result);
}

void gossip_leaves(struct gossip *gossip, struct gossip_time now, uint64_t token, bool is_ready,
                   const uint64_t *fingerprints, size_t count, const struct digest *root)
{
    (void)comparer_leaves(gossip->comparer, now, token, is_ready, fingerprints, count, root);
}

void gossip_elements(struct gossip *gossip, struct gossip_time now, uint64_t token,
                     const struct element *elements, size_t count)
{
    (void)comparer_elements(gossip->comparer, now, token, elements, count);
}

void gossip_collected(struct gossip *gossip, struct gossip_time now, uint64_t token,
                      size_t answered, struct bytes records)
{
    (void)comparer_collected(gossip->comparer, now, token, answered, records);
}

void gossip_page(struct gossip *gossip, struct gossip_time now, uint64_t token,
                 struct bytes records, struct bytes cursor, bool is_last)
{
    (void)now;
    load_page_read(gossip, token, records, cursor, is_last);
}

void gossip_page_failed(struct gossip *gossip, uint64_t token)
{
    load_page_failed(gossip, token);
}

/* The newest of this node's former lives, NULL if that is sealed. */
static struct origin_position *last_life(struct gossip *gossip)
{
    for (size_t i = gossip->held.count; i > 0; i--) {
        struct origin_position *origin = &gossip->held.at[i - 1];

        if (origin->node_id == gossip->node_id && origin->incarnation < gossip->incarnation)
            return origin;
    }
    return NULL;
}

/* Of the last life all is here up to the last write that is.  What is of a life before, and was
 * lost by its end, may have begun to come back from others, with gaps. */
void gossip_last_own(struct gossip *gossip, struct gossip_time now, uint64_t stamp)
{
    struct origin_position *last = last_life(gossip);

    (void)now;
    if (gossip->is_last_own_known)
        return;
    gossip->is_last_own_known = true;
    gossip->first_open_own = gossip->incarnation;
    if (last != NULL && stamp > last->start)
        horizon_raise(gossip, last, stamp);
    gossip->is_changed = true;
}

void gossip_written(struct gossip *gossip, struct gossip_time now)
{
    push_all(gossip, now);
}

/* ---------- time ---------- */

/* A clock that was set is noticed by the one that can't be; what is known of others' clocks is
 * known relative to ours.  Until one of them agrees with the new time, no stamp is taken from it.
 */
static void watch_clock(struct gossip *gossip, struct gossip_time now)
{
    int64_t jump_us = (now.wall_us - gossip->last_tick.wall_us) -
                      (now.monotonic_us - gossip->last_tick.monotonic_us);

    gossip->last_tick = now;
    if (llabs(jump_us) < JUMP_MIN_US)
        return;
    gossip->jumped_us += jump_us; /* back and forth is no jump */
    beats_clock_jumped(gossip, jump_us);
    gossip_update_gate(gossip, now);
}

static void stagger_tick(struct gossip *gossip)
{
    uint64_t ids[GOSSIP_PEERS_MAX + 1];
    int64_t step_us = STAGGER_MIN_US;
    size_t count = 0;

    for (size_t i = 0; i < gossip->member_count && count < COUNT_OF(ids); i++)
        if (gossip->members[i].state == MEMBER_IN)
            ids[count++] = gossip->members[i].node_id;
    for (size_t i = 0; i < gossip->peer_count; i++)
        if (gossip->peers[i]->is_linked && 2 * gossip->peers[i]->out.latency_us > step_us)
            step_us = 2 * gossip->peers[i]->out.latency_us;
    if (step_us > STAGGER_MAX_US)
        step_us = STAGGER_MAX_US;
    if (count < 2 || gossip->is_out)
        count = 0;
    if (gossip->stagger_hash == gossip->members_hash && gossip->staggered_count == count &&
        llabs(gossip->step_us - step_us) < 1000)
        return;
    gossip->stagger_hash = gossip->members_hash;
    gossip->staggered_count = count;
    gossip->step_us = step_us;
    gossip->host->set_stagger(gossip->host->context, ids, count, step_us);
    gossip->host->keep_log(gossip->host->context, count > 0);
}

void gossip_tick(struct gossip *gossip, struct gossip_time now)
{
    watch_clock(gossip, now);
    horizon_update_own(gossip);
    members_tick(gossip, now);
    horizon_tick(gossip, now);
    load_tick(gossip, now);
    leaving_tick(gossip, now);
    push_tick(gossip, now);
    comparer_tick(gossip->comparer, now);
    comparing_next(gossip, now);
    state_tick(gossip, now);
    beats_tick(gossip, now);
    stagger_tick(gossip);
    gossip_update_gate(gossip, now);
}

bool gossip_is_active(const struct gossip *gossip, struct gossip_time now)
{
    return now.monotonic_us < gossip->active_until_us || gossip->gate != GATE_OPEN ||
           beats_are_wanted(gossip) || comparer_is_running(gossip->comparer);
}

/* ---------- operators ---------- */

enum status gossip_meet(struct gossip *gossip, struct gossip_time now, const char *address)
{
    (void)now;
    if (strlen(address) >= GOSSIP_ADDRESS_MAX)
        return STATUS_SYNTAX;
    for (size_t i = 0; i < gossip->met_count; i++)
        if (strcmp(gossip->met[i], address) == 0)
            return STATUS_OK;
    if (gossip->met_count == GOSSIP_PEERS_MAX)
        return STATUS_FAILED;
    gossip->met = xrealloc(gossip->met, (gossip->met_count + 1) * sizeof *gossip->met);
    gossip_copy_address(gossip->met[gossip->met_count++], address);
    gossip_update_targets(gossip);
    return STATUS_OK;
}

enum status gossip_forget(struct gossip *gossip, struct gossip_time now, uint64_t node_id)
{
    if (node_id == gossip->node_id)
        return STATUS_SYNTAX;
    if (!members_is_in(gossip, node_id))
        return STATUS_NOT_FOUND;
    members_remove(gossip, now, node_id, "GOSSIP FORGET");
    return STATUS_OK;
}

void gossip_sync(struct gossip *gossip, struct gossip_time now)
{
    for (size_t i = 0; i < gossip->peer_count; i++)
        gossip_compare_soon(gossip->peers[i], now, 0);
}
