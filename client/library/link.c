#include "library/link.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "library/encode.h"
#include "library/memory.h"
#include "library/tls.h"

/* What hiredis does with the replies that its reader has: hiredis exports it, and declares it only
 * from 1.0 on, for its own TLS. */
void redisProcessCallbacks(redisAsyncContext *redis);

/* A read takes so much at most, and a turn so many reads. */
#define TLS_READ_SIZE 16384
#define TLS_READS_MAX 64

struct link {
    struct link_state state;
    redisAsyncContext *redis; /* NULL once it is broken */
    struct tls *tls;          /* NULL = without, or not connected yet */
    bool is_shaking_hands;
    struct event_base *base;
    const struct link_rules *rules;
    const struct link_owner *owner;
    void *context;

    /* Runs while a connection is made, and while anything is sent and not answered. */
    struct event *timer;
    int64_t progress_ms; /* when something was last heard, or first asked for */
    bool is_breaking;    /* the timer is to end it */
    unsigned greetings;  /* not answered yet */

    size_t expected; /* replies that may come (L4) */
    redisReplyObjectFunctions *made_by;
    redisReplyObjectFunctions guarded;
};

struct link_state *link_state(struct link *link)
{
    return &link->state;
}

static void set_timer(struct link *link, int64_t ms)
{
    struct timeval time = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

    event_add(link->timer, &time);
}

static int64_t now_of(const struct link *link)
{
    return link->owner->now_ms(link->context);
}

/* --- the guard (L4): hiredis makes the objects of a reply through these --- */

/* May this object be made?  One that is no part of another is a reply. */
static struct link *admit(const redisReadTask *task)
{
    struct link *link = task->privdata;

    if (task->parent != NULL)
        return link;
    if (link->expected == 0) {
        failure_of_connection(&link->state.failure, link->state.address->name,
                              "it said more than it was asked");
        return NULL;
    }
    link->expected--;
    return link;
}

static void *create_string(const redisReadTask *task, char *text, size_t size)
{
    struct link *link = admit(task);

    return link != NULL ? link->made_by->createString(task, text, size) : NULL;
}

static void *create_array(const redisReadTask *task, int count)
{
    struct link *link = admit(task);

    return link != NULL ? link->made_by->createArray(task, count) : NULL;
}

static void *create_integer(const redisReadTask *task, long long number)
{
    struct link *link = admit(task);

    return link != NULL ? link->made_by->createInteger(task, number) : NULL;
}

static void *create_nil(const redisReadTask *task)
{
    struct link *link = admit(task);

    return link != NULL ? link->made_by->createNil(task) : NULL;
}

static void guard(struct link *link)
{
    redisReader *reader = link->redis->c.reader;

    link->made_by = reader->fn;
    link->guarded = (redisReplyObjectFunctions){create_string, create_array, create_integer,
                                                create_nil, reader->fn->freeObject};
    reader->fn = &link->guarded;
    reader->privdata = link;
}

/* --- SIGPIPE --- */

/* hiredis and OpenSSL write with write(), which raises SIGPIPE where the server is gone.  It is
 * blocked meanwhile, in this thread, and taken back. */
struct quiet {
    sigset_t pipe, before, pending;
};

static void begin_quiet(struct quiet *quiet)
{
    (void)sigemptyset(&quiet->pipe);
    (void)sigaddset(&quiet->pipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &quiet->pipe, &quiet->before);
    (void)sigpending(&quiet->pending);
}

static void end_quiet(const struct quiet *quiet)
{
    static const struct timespec at_once = {0, 0};

    if (!sigismember(&quiet->pending, SIGPIPE))
        while (sigtimedwait(&quiet->pipe, NULL, &at_once) < 0 && errno == EINTR)
            ;
    (void)pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
}

/* hiredis is on its own from here on, and may outlive the link. */
static void let_go(struct link *link)
{
    struct quiet quiet;

    begin_quiet(&quiet);
    tls_close(link->tls);
    end_quiet(&quiet);
    link->tls = NULL;
    link->redis->c.reader->fn = link->made_by;
    link->redis->data = NULL;
    link->redis = NULL;
}

/* --- the end --- */

static void note_failure(struct link *link, const char *what)
{
    if (link->state.failure.error == GRAPEVINE_OK)
        failure_of_connection(&link->state.failure, link->state.address->name, what);
}

static void drop_stubs(struct link *link)
{
    struct request *request, *next;

    for (request = TAILQ_FIRST(&link->state.sent); request != NULL; request = next) {
        next = TAILQ_NEXT(request, in_queue);
        if (!request->is_stub)
            continue;
        TAILQ_REMOVE(&link->state.sent, request, in_queue);
        request_destroy(request);
    }
}

static void be_lost(struct link *link)
{
    link->state.is_ready = false;
    drop_stubs(link);
    link->owner->lost(link->context, link);
}

/* Not from within a callback of hiredis's. */
static void break_off(struct link *link)
{
    redisAsyncContext *redis = link->redis;

    if (redis != NULL) {
        let_go(link);
        redisAsyncFree(redis);
    }
    be_lost(link);
}

/* From anywhere: as soon as the loop runs. */
static void break_soon(struct link *link)
{
    link->is_breaking = true;
    link->state.is_ready = false;
    event_active(link->timer, EV_TIMEOUT, 0);
}

static void on_disconnected(const redisAsyncContext *redis, int status)
{
    struct link *link = redis->data;

    (void)status;
    if (link == NULL)
        return;
    note_failure(link, redis->c.errstr[0] != '\0' ? redis->c.errstr : "the connection was closed");
    let_go(link);
    be_lost(link);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct link *link = context;
    int64_t limit_ms =
        link->state.is_ready ? link->rules->answer_timeout_ms : link->rules->connect_timeout_ms;
    int64_t left_ms = link->progress_ms + limit_ms - now_of(link);

    (void)fd;
    (void)what;
    if (link->is_breaking) {
        break_off(link);
    } else if (link->state.is_ready && TAILQ_EMPTY(&link->state.sent)) {
        return;
    } else if (left_ms > 0) {
        set_timer(link, left_ms);
    } else {
        note_failure(link, link->state.is_ready ? "it gave no answer in time"
                                                : "it could not be reached in time");
        break_off(link);
    }
}

/* --- the greeting --- */

static void on_greeted(redisAsyncContext *redis, void *answer, void *unused)
{
    struct link *link = redis->data;
    redisReply *reply = answer;

    (void)unused;
    if (link == NULL || reply == NULL || link->is_breaking)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        failure_of_reply(&link->state.failure, link->state.address->name,
                         (struct grapevine_bytes){reply->str, reply->len});
        break_soon(link);
        return;
    }
    if (--link->greetings > 0)
        return;
    link->state.is_ready = true;
    event_del(link->timer); /* of connecting; the first request sets that of answers */
    link->owner->ready(link->context, link);
}

static void greet(struct link *link, const struct grapevine_bytes *words, size_t count)
{
    size_t size = encode_size(words, count);
    char *bytes = memory_take(size);

    encode_write(bytes, words, count);
    if (redisAsyncFormattedCommand(link->redis, on_greeted, NULL, bytes, size) == REDIS_OK) {
        link->greetings++;
        link->expected++;
    }
    free(bytes);
}

static void greet_all(struct link *link)
{
    const struct link_rules *rules = link->rules;
    struct grapevine_bytes words[3];
    size_t count = 0;

    if (rules->password != NULL) {
        words[count++] = grapevine_text("AUTH");
        if (rules->user != NULL)
            words[count++] = grapevine_text(rules->user);
        words[count++] = grapevine_text(rules->password);
        greet(link, words, count);
    }
    words[0] = grapevine_text(rules->ns != NULL ? "SELECT" : "PING");
    words[1] = grapevine_text(rules->ns != NULL ? rules->ns : "");
    greet(link, words, rules->ns != NULL ? 2 : 1);
}

static bool uses_tls(const struct link *link)
{
    return link->rules->tls_context != NULL && link->state.address->host != NULL;
}

/* The first step is taken from the loop: hiredis is not done with what it has to do. */
static void begin_tls(struct link *link)
{
    const redisLibeventEvents *events = link->redis->ev.data;

    link->tls = tls_open(link->rules->tls_context, link->rules->tls, link->redis->c.fd,
                         link->state.address->host);
    link->is_shaking_hands = true;
    event_active(events->rev, EV_READ, 0);
}

static void on_connected(const redisAsyncContext *redis, int status)
{
    struct link *link = redis->data;

    if (link == NULL)
        return;
    if (status == REDIS_OK) {
        if (uses_tls(link))
            begin_tls(link);
        return;
    }
    note_failure(link, redis->c.errstr);
    let_go(link);
    be_lost(link);
}

/* --- sending --- */

static void on_answered(redisAsyncContext *redis, void *answer, void *unused)
{
    struct link *link = redis->data;
    struct request *request;
    redisReply *reply;

    (void)unused;
    if (link == NULL || answer == NULL)
        return;
    request = TAILQ_FIRST(&link->state.sent);
    assert(request != NULL);
    TAILQ_REMOVE(&link->state.sent, request, in_queue);
    /* hiredis frees the reply when we return: what is in it moves into one of ours. */
    reply = memory_take(sizeof *reply);
    *reply = *(redisReply *)answer;
    ((redisReply *)answer)->type = REDIS_REPLY_NIL;
    if (request->is_stub) {
        request_destroy(request);
        request = NULL;
    }
    link->owner->answered(link->context, link, request, reply);
}

bool link_send(struct link *link, struct request *request)
{
    assert(link->state.is_ready);
    if (redisAsyncFormattedCommand(link->redis, on_answered, NULL, request->bytes, request->size) !=
        REDIS_OK)
        return false;
    link->expected++;
    if (TAILQ_EMPTY(&link->state.sent)) {
        link->progress_ms = now_of(link);
        if (!event_pending(link->timer, EV_TIMEOUT, NULL))
            set_timer(link, link->rules->answer_timeout_ms);
    }
    TAILQ_INSERT_TAIL(&link->state.sent, request, in_queue);
    request->link = link;
    return true;
}

void link_forget(struct link *link, struct request *request)
{
    struct request *stub = memory_take_zeroed(sizeof *stub);

    stub->is_stub = true;
    TAILQ_INSERT_BEFORE(request, stub, in_queue);
    TAILQ_REMOVE(&link->state.sent, request, in_queue);
}

/* --- reading and writing --- */

/* L3: a large value is on its way for long, and that is no silence. */
static void note_progress(const redisAsyncContext *redis)
{
    struct link *link = redis->data;

    if (link != NULL)
        link->progress_ms = now_of(link);
}

/* --- with TLS: hiredis keeps its buffers, and its socket is ours --- */

static void wait_for(struct link *link, enum tls_result result)
{
    const redisLibeventEvents *events = link->redis->ev.data;

    event_add(result == TLS_WANTS_WRITE ? events->wev : events->rev, NULL);
}

/* A server that we don't trust, or that doesn't trust us, is no better a moment later. */
static void end_tls(struct link *link, enum tls_result result)
{
    const char *problem = tls_problem(link->tls);

    note_failure(link, problem[0] != '\0' ? problem : "the connection was closed");
    if (result == TLS_FAILED && !link->state.is_ready)
        link->state.failure.is_passing = false;
    break_soon(link);
}

static void shake_hands(struct link *link)
{
    enum tls_result result = tls_shake_hands(link->tls);

    if (result == TLS_WANTS_READ || result == TLS_WANTS_WRITE) {
        wait_for(link, result);
    } else if (result == TLS_DONE) {
        link->is_shaking_hands = false;
        wait_for(link, TLS_WANTS_READ);
        greet_all(link);
    } else {
        end_tls(link, result);
    }
}

/* Gives hiredis's reader what has come; how much that was. */
static size_t receive(struct link *link, enum tls_result *result)
{
    char data[TLS_READ_SIZE];
    size_t received = 0, done = 0;

    for (int i = 0; i < TLS_READS_MAX; i++) {
        *result = tls_receive(link->tls, data, sizeof data, &done);
        if (*result != TLS_DONE)
            break;
        (void)redisReaderFeed(link->redis->c.reader, data, done);
        received += done;
    }
    return received;
}

/* The replies are told of last of all: then the link may be gone. */
static void read_tls(struct link *link)
{
    const redisLibeventEvents *events = link->redis->ev.data;
    redisAsyncContext *redis = link->redis;
    enum tls_result result = TLS_DONE;
    size_t received = receive(link, &result);

    if (result == TLS_WANTS_READ || result == TLS_WANTS_WRITE)
        wait_for(link, result);
    else if (received > 0)
        event_active(events->rev, EV_READ, 0); /* there is more, or an end to be told of */
    else
        end_tls(link, result);
    if (received > 0)
        redisProcessCallbacks(redis);
}

static void write_tls(struct link *link)
{
    redisContext *redis = &link->redis->c;
    enum tls_result result = TLS_DONE;
    size_t sent = 0, done = 0;

    while (sent < sdslen(redis->obuf)) {
        result = tls_send(link->tls, redis->obuf + sent, sdslen(redis->obuf) - sent, &done);
        if (result != TLS_DONE)
            break;
        sent += done;
    }
    sdsrange(redis->obuf, (int)sent, -1);
    wait_for(link, TLS_WANTS_READ);
    if (result == TLS_WANTS_WRITE)
        wait_for(link, result);
    else if (result == TLS_FAILED || result == TLS_ENDED)
        end_tls(link, result);
}

/* False: without TLS, or before that. */
static bool step_tls(struct link *link, short what)
{
    struct quiet quiet;

    if (link == NULL || link->tls == NULL)
        return false;
    if (link->is_breaking)
        return true;
    begin_quiet(&quiet);
    if (link->is_shaking_hands)
        shake_hands(link);
    else if ((what & EV_WRITE) != 0)
        write_tls(link);
    else
        read_tls(link);
    end_quiet(&quiet);
    return true;
}

/* --- the events --- */

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    redisAsyncContext *redis = context;

    (void)fd;
    note_progress(redis);
    if (!step_tls(redis->data, what))
        redisAsyncHandleRead(redis);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    redisAsyncContext *redis = context;
    struct quiet quiet;

    (void)fd;
    note_progress(redis);
    if (step_tls(redis->data, what))
        return;
    begin_quiet(&quiet);
    redisAsyncHandleWrite(redis);
    end_quiet(&quiet);
}

static void replace(struct event **event, struct link *link, short what, event_callback_fn function)
{
    event_free(*event);
    *event = event_new(link->base, link->redis->c.fd, what, function, link->redis);
    event_add(*event, NULL);
}

/* hiredis's adapter, with our functions before its own. */
static void attach(struct link *link)
{
    redisLibeventEvents *events;

    redisLibeventAttach(link->redis, link->base);
    events = link->redis->ev.data;
    replace(&events->rev, link, EV_READ, on_readable);
    replace(&events->wev, link, EV_WRITE, on_writable);
}

/* --- life --- */

static void connect_to(struct link *link)
{
    const struct address *address = link->state.address;

    link->redis = address->host != NULL ? redisAsyncConnect(address->host, address->port)
                                        : redisAsyncConnectUnix(address->name);
    assert(link->redis != NULL);
    link->redis->data = link;
    guard(link);
    if (link->redis->err != 0) {
        note_failure(link, link->redis->errstr);
        break_soon(link);
        return;
    }
    if (address->host != NULL)
        (void)redisEnableKeepAlive(&link->redis->c);
    attach(link);
    redisAsyncSetConnectCallback(link->redis, on_connected);
    redisAsyncSetDisconnectCallback(link->redis, on_disconnected);
    if (!uses_tls(link))
        greet_all(link);
    set_timer(link, link->rules->connect_timeout_ms);
}

struct link *link_create(struct event_base *base, const struct link_rules *rules,
                         const struct address *address, size_t server,
                         const struct link_owner *owner, void *context)
{
    struct link *link = memory_take_zeroed(sizeof *link);

    link->base = base;
    link->rules = rules;
    link->owner = owner;
    link->context = context;
    link->state.address = address;
    link->state.server = server;
    TAILQ_INIT(&link->state.sent);
    link->timer = evtimer_new(base, on_timer, link);
    link->progress_ms = now_of(link);
    connect_to(link);
    return link;
}

void link_destroy(struct link *link)
{
    redisAsyncContext *redis = link->redis;

    drop_stubs(link);
    assert(TAILQ_EMPTY(&link->state.sent));
    if (redis != NULL) {
        let_go(link);
        redisAsyncFree(redis);
    }
    event_free(link->timer);
    free(link);
}
