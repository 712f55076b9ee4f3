/* push.c - own writes to all others, theirs to here.
 *
 * Each peer has a position in this node's log.  What is written is sent at once, as long as less
 * than a window is unanswered; while an answer is awaited, writes gather and go together.  Frames
 * may be lost: a peer that misses some says so, and one that says nothing is sent everything again
 * from what it acknowledged.
 */
#include "replication/gossip_internal.h"

#define WINDOW_BYTES     (4u << 20) /* unanswered, for each peer */
#define PUSH_BYTES       (512u << 10)
#define RESEND_MIN_US    (200 * MS_US)
#define SLOWEST_BYTES_US 4 /* a link slower than 4 MB/s is sent some things twice */
#define BUSY_HOLD_US     (200 * MS_US)
#define SKEW_HOLD_US     (1000 * MS_US)
#define LATENCY_MEMORY   32          /* pushes */
#define INCOMING_MAX     1024        /* pushes that are being merged, of all peers */
#define INCOMING_BYTES   (64u << 20) /* ... and their records; one alone may be longer */

/* ---------- sending ---------- */

void push_start(struct gossip *gossip, struct gossip_time now, struct peer *peer, uint64_t applied)
{
    if (applied < gossip->start)
        applied = gossip->start;
    peer->out = (struct push_out){.sent = applied,
                                  .acked = applied,
                                  .progress_us = now.monotonic_us,
                                  .latency_us = peer->out.latency_us};
}

/* One push at a time is timed. */
static void start_timing(struct push_out *out, struct gossip_time now)
{
    if (out->timed_bytes != 0)
        return;
    out->timed_bytes = out->sent_bytes;
    out->timed_us = now.monotonic_us;
}

static void stop_timing(struct push_out *out, struct gossip_time now, uint64_t answered_bytes)
{
    int64_t latency_us = now.monotonic_us - out->timed_us;

    if (out->timed_bytes == 0 || answered_bytes < out->timed_bytes)
        return;
    out->timed_bytes = 0;
    if (latency_us > out->latency_us)
        out->latency_us = latency_us;
    else
        out->latency_us -= (out->latency_us - latency_us) / LATENCY_MEMORY;
}

/* What the peer has: held, or received behind a gap that pushes can't close. */
static uint64_t received(const struct push_out *out)
{
    return out->acked > out->received ? out->acked : out->received;
}

static void send_push(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                      uint64_t from, uint64_t to)
{
    struct push_out *out = &peer->out;

    out->sent_bytes += gossip->blob.size;
    gossip->pushed_bytes += (int64_t)gossip->blob.size;
    gossip_send(gossip, peer->node_id,
                &(struct message){.kind = MESSAGE_PUSH,
                                  .push = {.incarnation = gossip->incarnation,
                                           .start = gossip->start,
                                           .from = from,
                                           .to = to,
                                           .sent_bytes = out->sent_bytes,
                                           .is_cut = out->is_cut,
                                           .records = buffer_view(&gossip->blob)}});
    out->sent = to;
    out->is_cut = false;
    start_timing(out, now);
}

/* The log no longer reaches back to where the peer is: it goes on from where it can, and the peer
 * finds the rest by comparing.  It is told so even if nothing follows. */
static void skip_to(struct push_out *out, uint64_t cut)
{
    out->sent = cut;
    out->is_cut = true;
}

static void push_to(struct gossip *gossip, struct gossip_time now, struct peer *peer)
{
    struct push_out *out = &peer->out;

    while (out->sent_bytes - out->acked_bytes < WINDOW_BYTES &&
           now.monotonic_us >= out->hold_until_us) {
        uint64_t to = out->sent, cut = 0;

        gossip->blob.size = 0;
        if (!gossip->host->read_log(gossip->host->context, out->sent, PUSH_BYTES, &gossip->blob,
                                    &to, &cut)) {
            if (cut <= out->sent)
                return;
            skip_to(out, cut);
            continue;
        }
        if (to <= out->sent && !out->is_cut)
            return;
        if (out->sent == received(out))
            out->progress_us = now.monotonic_us;
        send_push(gossip, now, peer, out->sent, to);
        gossip_mark_active(gossip, now);
    }
}

void push_all(struct gossip *gossip, struct gossip_time now)
{
    for (size_t i = 0; i < gossip->peer_count; i++)
        if (gossip_may_exchange(gossip, gossip->peers[i]))
            push_to(gossip, now, gossip->peers[i]);
}

void push_acked(struct gossip *gossip, struct gossip_time now, struct peer *peer, uint64_t applied)
{
    struct push_out *out = &peer->out;

    (void)gossip;
    if (applied <= out->acked)
        return;
    out->acked = applied;
    out->progress_us = now.monotonic_us;
    if (out->sent < applied)
        out->sent = applied;
}

/* Everything behind what the peer has is sent again. */
static void resend(struct peer *peer, struct gossip_time now)
{
    struct push_out *out = &peer->out;

    out->sent = received(out);
    out->acked_bytes = out->sent_bytes;
    out->progress_us = now.monotonic_us;
}

/* A long value takes its time on the way. */
static int64_t resend_after_us(const struct peer *peer)
{
    int64_t after_us = peer->clock.is_known ? 4 * peer->clock.rtt_us : 0;
    int64_t unanswered = (int64_t)(peer->out.sent_bytes - peer->out.acked_bytes);

    return (after_us > RESEND_MIN_US ? after_us : RESEND_MIN_US) + unanswered / SLOWEST_BYTES_US;
}

static int64_t gap_patience_us(const struct peer *peer)
{
    return peer->clock.is_known ? 2 * peer->clock.rtt_us + 10 * MS_US : 50 * MS_US;
}

void push_answered(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                   const struct pushed *pushed)
{
    struct push_out *out = &peer->out;

    if (pushed->incarnation != gossip->incarnation || pushed->sent_bytes > out->sent_bytes)
        return;
    if (pushed->sent_bytes > out->acked_bytes)
        out->acked_bytes = pushed->sent_bytes;
    stop_timing(out, now, pushed->sent_bytes);
    if (pushed->status == PUSHED_OK && pushed->sent_bytes == out->sent_bytes)
        out->received = out->sent;
    push_acked(gossip, now, peer, pushed->applied);
    if (pushed->status == PUSHED_GAP && now.monotonic_us - out->progress_us > gap_patience_us(peer))
        resend(peer, now);
    if (pushed->status == PUSHED_BUSY || pushed->status == PUSHED_SKEW) {
        resend(peer, now);
        out->hold_until_us =
            now.monotonic_us + (pushed->status == PUSHED_BUSY ? BUSY_HOLD_US : SKEW_HOLD_US);
    }
    push_to(gossip, now, peer);
}

/* ---------- receiving ---------- */

static void answer(struct gossip *gossip, const struct incoming *push, uint64_t applied,
                   enum pushed_status status)
{
    gossip_send(gossip, push->node_id,
                &(struct message){.kind = MESSAGE_PUSHED,
                                  .pushed = {.incarnation = push->incarnation,
                                             .applied = applied,
                                             .sent_bytes = push->sent_bytes,
                                             .status = status}});
}

static struct incoming *enqueue(struct gossip *gossip, const struct incoming *push)
{
    size_t at = (gossip->incoming_first + gossip->incoming_count++) % INCOMING_MAX;

    if (gossip->incoming == NULL)
        gossip->incoming = xcalloc(INCOMING_MAX, sizeof *gossip->incoming);
    gossip->incoming[at] = *push;
    return &gossip->incoming[at];
}

/* Comparing leaves alone what is younger than its cutoff. */
static int64_t until_comparable_ms(struct gossip_time now, uint64_t stamp)
{
    int64_t wait_ms = stamp_wall_ms(stamp) + 1 + COMPARE_CUTOFF_MS - wall_ms(now);

    return wait_ms > 0 ? wait_ms : 0;
}

/* G1: a position rises only over what lies without a gap behind it.  A gap that pushes can't close
 * is kept: comparing raises the position to it, and then what came behind it counts. */
enum pushed_status push_note_held(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                                  struct origin_position *origin, uint64_t from, uint64_t to,
                                  bool is_cut)
{
    struct gap *gap = &peer->gap;

    if (origin->position >= from || !rule(gossip, RULE_GAP)) {
        horizon_raise(gossip, origin, to);
        push_close_gap(gossip, peer, origin);
        return PUSHED_OK;
    }
    if (is_cut) {
        *gap = (struct gap){from, to};
        gossip_compare_soon(peer, now, until_comparable_ms(now, from));
        return PUSHED_OK;
    }
    if (from < gap->from || from > gap->to)
        return PUSHED_GAP;
    gap->to = to > gap->to ? to : gap->to;
    return PUSHED_OK;
}

void push_close_gap(struct gossip *gossip, struct peer *peer, struct origin_position *origin)
{
    if (origin->incarnation == peer->incarnation && origin->position >= peer->gap.from)
        horizon_raise(gossip, origin, peer->gap.to);
}

static void finish(struct gossip *gossip, struct gossip_time now, const struct incoming *push,
                   enum applied result)
{
    static const enum pushed_status statuses[] = {[APPLIED_OK] = PUSHED_OK,
                                                  [APPLIED_FAILED] = PUSHED_BUSY,
                                                  [APPLIED_SKEW] = PUSHED_SKEW,
                                                  [APPLIED_UNKNOWN_NAMESPACE] = PUSHED_GAP};
    struct peer *peer = gossip_find_peer(gossip, push->node_id);
    enum pushed_status status = statuses[result];
    struct origin_position *origin;

    if (peer == NULL || peer->incarnation != push->incarnation)
        return;
    origin = horizon_origin(gossip, push->node_id, push->incarnation, peer->start);
    if (origin == NULL || origin->is_closed)
        return;
    if (result == APPLIED_OK)
        status = push_note_held(gossip, now, peer, origin, push->from, push->to, push->is_cut);
    answer(gossip, push, origin->position, status);
}

/* The last of those that hold all of it between them and are being merged, in their order: what is
 * sent again need not be. */
static struct incoming *find_queued(struct gossip *gossip, const struct incoming *push)
{
    struct incoming *last = NULL;
    uint64_t reached = push->from;

    for (size_t i = 0; i < gossip->incoming_count && reached < push->to; i++) {
        struct incoming *queued = &gossip->incoming[(gossip->incoming_first + i) % INCOMING_MAX];

        if (queued->node_id != push->node_id || queued->incarnation != push->incarnation ||
            queued->from > reached || queued->to <= reached)
            continue;
        reached = queued->to;
        last = queued;
    }
    return reached >= push->to ? last : NULL;
}

static void merge(struct gossip *gossip, struct incoming push, struct bytes records)
{
    struct incoming *queued = find_queued(gossip, &push);

    if (queued != NULL) {
        queued->sent_bytes = push.sent_bytes;
        return;
    }
    push.token = gossip_new_token(gossip);
    push.bytes = records.size;
    gossip->incoming_bytes += records.size;
    (void)enqueue(gossip, &push);
    gossip->host->apply(gossip->host->context, push.token, 0, records);
}

static bool is_full(const struct gossip *gossip, size_t bytes)
{
    return gossip->incoming_count == INCOMING_MAX ||
           (gossip->incoming_count > 0 && gossip->incoming_bytes + bytes > INCOMING_BYTES);
}

void push_received(struct gossip *gossip, struct gossip_time now, struct peer *peer,
                   const struct push *push)
{
    struct incoming incoming = {.node_id = peer->node_id,
                                .incarnation = push->incarnation,
                                .from = push->from,
                                .to = push->to,
                                .sent_bytes = push->sent_bytes,
                                .is_cut = push->is_cut};
    struct origin_position *origin;

    if (push->incarnation != peer->incarnation || push->to < push->from)
        return;
    if (!gossip_may_exchange(gossip, peer) || is_full(gossip, push->records.size)) {
        answer(gossip, &incoming, 0, PUSHED_BUSY);
        return;
    }
    origin = horizon_origin(gossip, peer->node_id, push->incarnation, push->start);
    if (origin == NULL)
        return;
    gossip_mark_active(gossip, now);
    if (push->to > newest_believed(gossip, now))
        answer(gossip, &incoming, origin->position, PUSHED_SKEW);
    else if (push->to <= origin->position)
        answer(gossip, &incoming, origin->position, PUSHED_OK);
    else
        merge(gossip, incoming, push->records);
}

bool push_applied(struct gossip *gossip, struct gossip_time now, uint64_t token,
                  enum applied result)
{
    struct incoming push;

    if (gossip->incoming_count == 0 || gossip->incoming[gossip->incoming_first].token != token)
        return false;
    push = gossip->incoming[gossip->incoming_first];
    gossip->incoming_first = (gossip->incoming_first + 1) % INCOMING_MAX;
    gossip->incoming_count--;
    gossip->incoming_bytes -= push.bytes;
    finish(gossip, now, &push, result);
    return true;
}

/* ---------- time ---------- */

/* The log is needed as far back as the slowest member is behind. */
static void trim(struct gossip *gossip)
{
    uint64_t position = UINT64_MAX;

    for (size_t i = 0; i < gossip->member_count; i++) {
        const struct member *member = &gossip->members[i];
        const struct peer *peer = gossip_find_peer(gossip, member->node_id);

        if (member->state != MEMBER_IN || member->node_id == gossip->node_id)
            continue;
        if (peer == NULL || peer->out.acked < position)
            position = peer == NULL ? 0 : peer->out.acked;
    }
    if (position > 0 && position != UINT64_MAX)
        gossip->host->trim_log(gossip->host->context, position);
}

void push_tick(struct gossip *gossip, struct gossip_time now)
{
    for (size_t i = 0; i < gossip->peer_count; i++) {
        struct peer *peer = gossip->peers[i];

        if (!gossip_may_exchange(gossip, peer))
            continue;
        if (peer->out.sent > received(&peer->out) &&
            now.monotonic_us - peer->out.progress_us > resend_after_us(peer))
            resend(peer, now);
    }
    push_all(gossip, now);
    trim(gossip);
}
