#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "cluster/link_internal.h"

/* Shown to the parser at first: the heads of all frames, and most frames, are in there. */
#define PEEK_BYTES 4096

#define LIBEVENT_READ_MAX 4096
#define HANDED_OVER_MIN   16384 /* fewer bytes are rather copied */
#define RECEIVE_MORE_MAX  (2 * FRAME_PIECE_MAX)

#define IDLE_NAME "IDLE" /* no message has this name, so nobody minds it */

#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44
#endif
#define RETRANSMIT_MS_MAX 1000

/* How long the kernel tries before it gives up on the other side. */
#define USER_TIMEOUT_MS      10000
#define KEEPALIVE_IDLE_S     5
#define KEEPALIVE_INTERVAL_S 2
#define KEEPALIVE_PROBES     3
#define KERNEL_UNSENT_MAX    (1 << 17) /* what waits there can't be overtaken */
#define NOT_GOSSIP           "this is a gossip port, and what came is not gossip"

static void on_readable(struct bufferevent *bufferevent, void *context);
static void on_writable(struct bufferevent *bufferevent, void *context);
static void on_event(struct bufferevent *bufferevent, short what, void *context);

/* --- life --- */

struct link *link_create(struct links *links, struct bufferevent *bufferevent, bool is_dialled,
                         const char *address)
{
    struct link *link = xcalloc(1, sizeof *link);

    link->links = links;
    link->bufferevent = bufferevent;
    link->state = LINK_CONNECTING;
    link->is_dialled = is_dialled;
    link->opened_us = link->heard_us = link->sent_us = link->moved_us = links_now(links);
    link->needed = 1;
    (void)snprintf(link->address, sizeof link->address, "%s", address);
    send_queue_init(&link->queue);
    bufferevent_setcb(bufferevent, on_readable, on_writable, on_event, link);
    bufferevent_setwatermark(bufferevent, EV_READ, 0, LINK_HELLO_BYTES_MAX);
    bufferevent_setwatermark(bufferevent, EV_WRITE, LINK_OUTPUT_LOW, 0);
    (void)bufferevent_set_max_single_write(bufferevent, FRAME_PIECE_MAX);
    (void)bufferevent_set_max_single_read(bufferevent, FRAME_PIECE_MAX);
    if (links->config.tls != NULL)
        bufferevent_openssl_set_allow_dirty_shutdown(bufferevent, 1);
    TAILQ_INSERT_TAIL(&links->list, link, entry);
    return link;
}

void link_destroy(struct link *link)
{
    TAILQ_REMOVE(&link->links->list, link, entry);
    bufferevent_free(link->bufferevent);
    buffer_clear(&link->own_hello);
    buffer_clear(&link->their_hello);
    joiner_clear(&link->joiner);
    send_queue_clear(&link->queue);
    free(link);
}

static void set(int descriptor, int level, int name, int value)
{
    (void)setsockopt(descriptor, level, name, &value, sizeof value);
}

/* What is lost is sent again soon, and again after at most a second: messages are small, and a link
 * that is silent for long is given up.  (Linux before 6.15 only knows the second option for that,
 * which holds while less than four segments are on their way.)  Little waits in the kernel, where
 * nothing can overtake it. */
void link_tune(int descriptor)
{
    set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    set(descriptor, IPPROTO_TCP, TCP_RTO_MAX_MS, RETRANSMIT_MS_MAX);
    set(descriptor, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1);
    set(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
    set(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, KERNEL_UNSENT_MAX);
    set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set(descriptor, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

void link_begin(struct link *link)
{
    (void)bufferevent_enable(link->bufferevent, EV_READ | EV_WRITE);
    link->state = LINK_HELLO;
    handshake_begin(link);
}

/* --- the end --- */

void links_complain(struct links *links, const char *address, struct target *target,
                    const char *reason)
{
    struct bytes host = address_host(address);
    uint64_t complaint = hash_content(bytes_of(reason));

    /* A target is tried again and again: the same trouble is news once. */
    if (target != NULL && target->complaint == complaint)
        return;
    if (!complaints_allow(&links->complaints, target == NULL ? host : bytes_of(address),
                          bytes_of(reason), links_now(links)))
        return;
    if (target != NULL)
        target->complaint = complaint;
    log_line(LOG_WARNING, "gossip: %s %s: %s", target == NULL ? "from" : "to", address, reason);
}

static void leave_target(struct link *link, bool is_refused)
{
    struct dialler *dialler = &link->links->dialler;
    int64_t now_us = links_now(link->links);

    if (link->target == NULL)
        return;
    if (is_refused)
        dialler_refused(dialler, link->target, now_us);
    else
        dialler_failed(dialler, link->target, now_us);
    link->target = NULL;
}

static void begin_end(struct link *link, bool is_refused, int64_t farewell_us)
{
    leave_target(link, is_refused);
    if (link->node != NULL)
        link->node->link_count--;
    link->node = NULL;
    link->state = LINK_ENDING;
    link->end_by_us = links_now(link->links) + farewell_us;
    send_queue_clear(&link->queue);
    joiner_clear(&link->joiner);
    links_reap_soon(link->links);
}

void link_end(struct link *link, const char *reason)
{
    if (link->state == LINK_ENDING)
        return;
    if (reason != NULL)
        links_complain(link->links, link->address, link->target, reason);
    begin_end(link, false, 0);
}

/* What is in the output leaves, then our side is closed, and the link waits a moment for the other
 * side to close its own: to close with something unread would take back what was sent. */
static void say_farewell(struct link *link)
{
    bufferevent_setwatermark(link->bufferevent, EV_WRITE, 0, 0);
    bufferevent_setwatermark(link->bufferevent, EV_READ, 0, 0);
    (void)bufferevent_enable(link->bufferevent, EV_READ | EV_WRITE);
}

void link_refuse(struct link *link, const char *word, const char *reason)
{
    char text[FRAME_REFUSAL_MAX];
    struct buffer line = {0};
    bool is_later = strcmp(word, LINK_WORD_LATER) == 0;

    if (link->state == LINK_ENDING)
        return;
    if (!is_later)
        links_complain(link->links, link->address, link->target, reason);
    (void)snprintf(text, sizeof text, "%s %s", word, reason);
    frame_put_refusal(&line, text);
    (void)bufferevent_write(link->bufferevent, line.data, line.size);
    buffer_clear(&line);
    begin_end(link, !is_later, LINK_FAREWELL_US);
    say_farewell(link);
}

void link_finish(struct link *link)
{
    if (link->state == LINK_ENDING)
        return;
    begin_end(link, false, LINK_FAREWELL_US);
    say_farewell(link);
}

/* --- out --- */

static void free_written(const void *data, size_t size, void *context)
{
    (void)size;
    (void)context;
    free((void *)(uintptr_t)data);
}

/* Takes the bytes over: long ones are sent from where they lie. */
static void hand_over(struct link *link, struct buffer *frames)
{
    struct evbuffer *output = bufferevent_get_output(link->bufferevent);

    if (frames->size < HANDED_OVER_MIN ||
        evbuffer_add_reference(output, frames->data, frames->size, free_written, NULL) != 0) {
        (void)evbuffer_add(output, frames->data, frames->size);
        buffer_clear(frames);
    }
    *frames = (struct buffer){0};
}

static void write_out(struct link *link, struct buffer *frames)
{
    size_t size = frames->size;

    hand_over(link, frames);
    if (link->node != NULL)
        link->node->bytes_out += (int64_t)size;
    link->sent_us = links_now(link->links);
    if (!link->is_unacknowledged)
        link->moved_us = link->sent_us;
    link->is_unacknowledged = true;
}

void link_put(struct link *link, const char *name, struct bytes body)
{
    struct buffer frame = {0};

    frame_put(&frame, name, body);
    write_out(link, &frame);
}

static void tell_moving(struct link *link, enum message_kind kind)
{
    struct links *links = link->links;

    if (link->node != NULL)
        links->config.on_moving(links->config.context, link->node->id, kind);
}

void link_pump(struct link *link)
{
    struct evbuffer *output = bufferevent_get_output(link->bufferevent);
    struct buffer frames = {0};
    enum message_kind kind;

    while (evbuffer_get_length(output) + frames.size <= LINK_OUTPUT_LOW &&
           send_queue_next(&link->queue, &frames))
        continue;
    if (frames.size > 0) {
        write_out(link, &frames);
        if (send_queue_is_amid(&link->queue, &kind))
            tell_moving(link, kind);
    }
}

static void on_writable(struct bufferevent *bufferevent, void *context)
{
    struct link *link = context;

    if (link->state == LINK_UP)
        link_pump(link);
    else if (link->state == LINK_ENDING &&
             evbuffer_get_length(bufferevent_get_output(bufferevent)) == 0)
        (void)shutdown(bufferevent_getfd(bufferevent), SHUT_WR);
}

/* Has the other side's kernel acknowledged anything new? */
static void watch_progress(struct link *link, int64_t now_us)
{
    int descriptor = bufferevent_getfd(link->bufferevent);
    struct tcp_info info = {.tcpi_bytes_acked = 0};
    socklen_t size = sizeof info;
    int unacknowledged = 0;

    if (!link->is_unacknowledged)
        return;
    (void)ioctl(descriptor, SIOCOUTQ, &unacknowledged);
    (void)getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size);
    if (info.tcpi_bytes_acked != link->acknowledged)
        link->moved_us = now_us;
    link->acknowledged = info.tcpi_bytes_acked;
    if (unacknowledged == 0 && evbuffer_get_length(bufferevent_get_output(link->bufferevent)) == 0)
        link->is_unacknowledged = false;
}

bool link_is_stuck(const struct link *link, int64_t now_us)
{
    return link->is_unacknowledged && now_us - link->moved_us >= LINK_STUCK_US;
}

/* --- in --- */

static void receive_message(struct link *link, struct bytes name, struct bytes body)
{
    struct links *links = link->links;
    enum message_kind kind;
    char reason[128];

    assert(link->node != NULL); /* it is UP */
    if (message_kind_of(name, &kind) != STATUS_OK)
        return;
    if (links->config.on_message(links->config.context, link->node->id, kind, body) == STATUS_OK)
        return;
    (void)snprintf(reason, sizeof reason, "a message %s is not as it should be",
                   message_name(kind));
    link_refuse(link, "ERR", reason);
}

static void receive_part(struct link *link, const struct frame *frame)
{
    struct joiner *joiner = &link->joiner;
    struct joiner whole;
    enum message_kind kind;
    bool is_whole;

    if (joiner_add(joiner, frame, link->links->config.body_max, &is_whole) != STATUS_OK) {
        link_refuse(link, "ERR", "a piece of a message does not fit, or the message is too large");
        return;
    }
    if (!is_whole) {
        if (message_kind_of((struct bytes){joiner->name, joiner->name_size}, &kind) == STATUS_OK)
            tell_moving(link, kind);
        return;
    }
    whole = *joiner;
    *joiner = (struct joiner){.size = 0};
    receive_message(link, (struct bytes){whole.name, whole.name_size}, buffer_view(&whole.body));
    if (link->state == LINK_UP)
        joiner_reuse(joiner, &whole);
    joiner_clear(&whole);
}

static bool begins_with_word(const char *text, const char *word)
{
    size_t size = strlen(word);

    return strncmp(text, word, size) == 0 && text[size] == ' ';
}

/* The other side's words: shown as what they are, and only what can be shown. */
static void receive_refusal(struct link *link, struct bytes text)
{
    char reason[FRAME_REFUSAL_MAX + 32];
    size_t used = (size_t)snprintf(reason, sizeof reason, "it refuses: ");
    const char *words = reason + used;
    bool was_up = link->state == LINK_UP, is_later;

    for (size_t i = 0; i < text.size && used < sizeof reason - 1; i++)
        reason[used++] = text.data[i] >= ' ' && text.data[i] <= '~' ? text.data[i] : '?';
    reason[used] = '\0';
    is_later = begins_with_word(words, LINK_WORD_LATER);
    if (!is_later)
        links_complain(link->links, link->address, link->target, reason);
    begin_end(link, !is_later, 0);
    if (was_up && begins_with_word(words, LINK_WORD_STALE))
        link->links->config.on_refused(link->links->config.context, words + sizeof LINK_WORD_STALE);
}

static void receive(struct link *link, const struct frame *frame)
{
    struct links *links = link->links;

    link->heard_us = links_now(links);
    if (link->node != NULL)
        link->node->heard_us = link->heard_us;
    if (frame->kind == FRAME_REFUSAL && (link->is_dialled || link->state == LINK_UP))
        receive_refusal(link, frame->body);
    else if (link->state != LINK_UP)
        handshake_receive(link, frame);
    else if (frame->kind == FRAME_PART)
        receive_part(link, frame);
    else if (frame->body.size > links->config.body_max)
        link_refuse(link, "ERR", "a message is too large");
    else
        receive_message(link, frame->name, frame->body);
}

/* Looks at the next frame; false if more is to come first, or the link has ended. */
static bool read_frame(struct link *link, struct evbuffer *input)
{
    size_t there = evbuffer_get_length(input);
    size_t seen = there < PEEK_BYTES ? there : PEEK_BYTES;
    size_t size = 0;
    struct frame frame;
    struct bytes view;

    if (link->state == LINK_ENDING || there < link->needed)
        return false;
    if (seen < link->needed)
        seen = link->needed;
    view = (struct bytes){(const char *)evbuffer_pullup(input, (ev_ssize_t)seen), seen};
    switch (frame_parse(view, link->state == LINK_UP ? FRAME_BYTES_MAX : LINK_HELLO_BYTES_MAX,
                        &frame, &size)) {
    case FRAME_MORE:
        link->needed = size;
        return true;
    case FRAME_OK:
        if (link->node != NULL)
            link->node->bytes_in += (int64_t)size;
        receive(link, &frame);
        link->needed = 1;
        (void)evbuffer_drain(input, size);
        return true;
    case FRAME_BAD:
        if (link->state == LINK_UP)
            link_refuse(link, "ERR", "a frame is not as it should be");
        else
            link_refuse(link, "NOAUTH", NOT_GOSSIP);
        return false;
    }
    return false;
}

/* libevent reads 4 KiB for each event.  Where that was not all, the rest comes at once, up to a
 * bound that leaves other links their turn; an end or a failure is left for libevent to find. */
static void receive_more(const struct link *link, struct evbuffer *input)
{
    struct evbuffer_iovec space;
    ssize_t size;

    if (link->links->config.tls != NULL || link->state != LINK_UP ||
        evbuffer_get_length(input) < LIBEVENT_READ_MAX)
        return;
    (void)evbuffer_unfreeze(input, 0);
    if (evbuffer_reserve_space(input, RECEIVE_MORE_MAX, &space, 1) == 1) {
        size =
            recv(bufferevent_getfd(link->bufferevent), space.iov_base, space.iov_len, MSG_DONTWAIT);
        space.iov_len = size > 0 ? (size_t)size : 0;
        (void)evbuffer_commit_space(input, &space, 1);
    }
    (void)evbuffer_freeze(input, 0);
}

static void on_readable(struct bufferevent *bufferevent, void *context)
{
    struct link *link = context;
    struct evbuffer *input = bufferevent_get_input(bufferevent);

    receive_more(link, input);
    while (read_frame(link, input))
        continue;
    if (link->state == LINK_ENDING)
        (void)evbuffer_drain(input, evbuffer_get_length(input));
}

/* --- what happens to the connection --- */

static void explain_end(struct link *link, short what, char *reason, size_t size)
{
    unsigned long tls =
        link->links->config.tls == NULL ? 0 : bufferevent_get_openssl_error(link->bufferevent);
    const char *words = tls == 0 ? NULL : ERR_reason_error_string(tls);

    if (words != NULL)
        (void)snprintf(reason, size, "TLS failed: %s", words);
    else if ((what & BEV_EVENT_ERROR) != 0 && errno != 0)
        (void)snprintf(reason, size, "%s", evutil_socket_error_to_string(errno));
    else if (link->state == LINK_UP)
        (void)snprintf(reason, size, "the other side has closed the link");
    else
        (void)snprintf(reason, size,
                       "the other side has closed the link before it said who it is (is "
                       "tls-replication on at one side only?)");
}

static void on_event(struct bufferevent *bufferevent, short what, void *context)
{
    struct link *link = context;
    char reason[256];

    (void)bufferevent;
    if (link->state == LINK_ENDING) {
        link->end_by_us = 0;
        links_reap_soon(link->links);
    } else if ((what & BEV_EVENT_CONNECTED) != 0) {
        if (link->state == LINK_CONNECTING)
            link_begin(link);
    } else {
        explain_end(link, what, reason, sizeof reason);
        link_end(link, reason);
    }
}

/* --- time --- */

static void check_up(struct link *link, int64_t now_us)
{
    watch_progress(link, now_us);
    if (now_us - link->heard_us >= LINK_SILENCE_US) {
        link_end(link, "nothing was heard for 5 seconds");
        return;
    }
    /* While something is on its way again and again, more would only delay it. */
    if (now_us - link->sent_us >= LINK_IDLE_US && !link->is_unacknowledged)
        link_put(link, IDLE_NAME, (struct bytes){NULL, 0});
    if (link->target != NULL && now_us - link->up_us >= LINK_SETTLED_US)
        dialler_up(link->target);
}

void link_check(struct link *link, int64_t now_us)
{
    if (link->state == LINK_UP)
        check_up(link, now_us);
    else if (link->state != LINK_ENDING && now_us - link->opened_us >= LINK_HANDSHAKE_US)
        link_end(link, "no proof of the cluster secret within 5 seconds");
}
