/* watch.c - a connection of its own, which only listens: the library's are for questions and
 * answers.  When it is lost the next server of the list is tried, with the last token; until the
 * first one has answered, a server that can't be reached ends it. */
#include "watch.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "bytes.h"
#include "cli_print.h"
#include "json_text.h"
#include "library/tls.h"

#define CONNECT_S      5
#define POLL_MS        200   /* how soon an interrupt is noticed */
#define QUIET_MS       15000 /* then the server is asked whether it is there, */
#define ANSWER_MS      10000 /* and has so long to say so */
#define PAUSE_FIRST_MS 200
#define PAUSE_MAX_MS   5000
#define TOKEN_MAX      64
#define HOST_MAX       256
#define PROBLEM_MAX    256
#define TLS_READ_SIZE  16384

/* kv.watch, event, key, version, token */
#define MESSAGE_PARTS 5

struct watch {
    struct cli *cli;
    redisContext *link; /* NULL = none */
    struct grapevine_tls tls_options;
    struct ssl_ctx_st *tls_context; /* NULL = without TLS */
    struct tls *tls;                /* that of the link */
    char problem[PROBLEM_MAX];      /* of TLS; "" = none */
    char list[SESSION_SERVERS_MAX]; /* as the command line has it */
    char servers[SESSION_SERVERS_MAX + 1];
    char *next; /* into servers */
    const char *server;
    char token[TOKEN_MAX]; /* "" = none yet */
    bool was_connected, has_complained;
    int64_t heard_ms, asked_ms; /* 0 = not asked since */
};

/* --- a connection --- */

/* Servers take turns. */
static const char *choose_server(struct watch *watch)
{
    char *server = *watch->next == '\0' ? watch->servers : watch->next;

    watch->next = server + strlen(server) + 1;
    return server;
}

/* Each name ends in a zero, the list in another one. */
static void split_servers(struct watch *watch)
{
    char *rest = watch->list, *out = watch->servers, *name;

    while ((name = strsep(&rest, ", ")) != NULL) {
        size_t size = strlen(name);

        if (size == 0)
            continue;
        memcpy(out, name, size + 1);
        out += size + 1;
    }
    *out = '\0';
    watch->next = watch->servers;
}

/* "" = none: it is a Unix socket. */
static redisContext *dial(const char *server, char host[HOST_MAX])
{
    struct timeval limit = {.tv_sec = CONNECT_S};
    const char *colon = strrchr(server, ':');
    size_t size;

    host[0] = '\0';
    if (strchr(server, '/') != NULL)
        return redisConnectUnixWithTimeout(server, limit);
    size = colon != NULL ? (size_t)(colon - server) : strlen(server);
    if (server[0] == '[' && size > 2) {
        server++;
        size -= 2;
    }
    (void)snprintf(host, HOST_MAX, "%.*s", (int)size, server);
    return redisConnectWithTimeout(host, colon != NULL ? atoi(colon + 1) : 6379, limit);
}

/* Why the connection is lost; the loss itself is the caller's to tell. */
static enum cli_exit complain_of_loss(struct watch *watch)
{
    const char *why = watch->link == NULL      ? "out of memory"
                      : watch->problem[0]      ? watch->problem
                      : watch->link->err == 0  ? "it does not answer"
                      : watch->link->errstr[0] ? watch->link->errstr
                                               : "the connection is lost";

    if (!watch->was_connected)
        return FAIL(CLI_EXIT_UNREACHABLE, "cannot reach %s: %s", watch->server, why);
    if (!watch->has_complained)
        complain("%s: %s; trying again", watch->server, why);
    watch->has_complained = true;
    return CLI_EXIT_OK;
}

/* An error that waiting does not mend. */
static enum cli_exit refuse(const char *error)
{
    if (strstr(error, "unknown command") != NULL)
        return FAIL(CLI_EXIT_REFUSED, "this server does not offer to watch keys: it is too old");
    return FAIL(CLI_EXIT_REFUSED, "%s", error);
}

static bool begin_tls(struct watch *watch, const char *host)
{
    watch->tls = tls_open(watch->tls_context, &watch->tls_options, watch->link->fd, host);
    if (tls_shake_hands(watch->tls) == TLS_DONE)
        return true;
    (void)snprintf(watch->problem, sizeof watch->problem, "%s", tls_problem(watch->tls));
    return false;
}

/* --- bytes, with TLS or without --- */

static bool fail_tls(struct watch *watch)
{
    (void)snprintf(watch->problem, sizeof watch->problem, "%s", tls_problem(watch->tls));
    return false;
}

static bool send_tls(struct watch *watch)
{
    sds waiting = watch->link->obuf;
    size_t sent = 0, done = 0;

    while (sent < sdslen(waiting)) {
        if (tls_send(watch->tls, waiting + sent, sdslen(waiting) - sent, &done) != TLS_DONE)
            return fail_tls(watch);
        sent += done;
    }
    sdsclear(waiting);
    return true;
}

static bool receive_tls(struct watch *watch)
{
    char data[TLS_READ_SIZE];
    size_t done = 0;

    do {
        enum tls_result result = tls_receive(watch->tls, data, sizeof data, &done);

        if (result != TLS_DONE)
            return result == TLS_WANTS_READ || fail_tls(watch);
        if (redisReaderFeed(watch->link->reader, data, done) != REDIS_OK)
            return false;
    } while (tls_has_more(watch->tls));
    return true;
}

static bool flush_requests(struct watch *watch)
{
    int is_done = 0;

    if (watch->tls != NULL)
        return send_tls(watch);
    while (!is_done)
        if (redisBufferWrite(watch->link, &is_done) != REDIS_OK)
            return false;
    return true;
}

static bool receive(struct watch *watch)
{
    return watch->tls != NULL ? receive_tls(watch) : redisBufferRead(watch->link) == REDIS_OK;
}

/* Sends words and reads one reply; NULL if the connection is lost. */
static redisReply *ask_link(struct watch *watch, int count, const char **words)
{
    struct pollfd ready = {.fd = watch->link->fd, .events = POLLIN};
    void *reply = NULL;

    (void)redisAppendCommandArgv(watch->link, count, words, NULL);
    if (!flush_requests(watch))
        return NULL;
    while (redisReaderGetReply(watch->link->reader, &reply) == REDIS_OK && reply == NULL)
        if (poll(&ready, 1, ANSWER_MS) <= 0 || !receive(watch))
            return NULL;
    return reply;
}

static enum cli_exit expect_ok(struct watch *watch, int count, const char **words, bool *is_lost)
{
    redisReply *reply = ask_link(watch, count, words);
    enum cli_exit code = CLI_EXIT_OK;

    *is_lost = reply == NULL;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
        code = refuse(reply->str);
    if (reply != NULL)
        freeReplyObject(reply);
    return code;
}

static enum cli_exit authenticate(struct watch *watch, bool *is_lost)
{
    const char *user = watch->cli->line.option[CLI_OPTION_USER];
    const char *given = watch->cli->line.option[CLI_OPTION_PASSWORD];
    const char *password = given != NULL ? given : getenv("GRAPEVINE_PASSWORD");

    if (password == NULL || password[0] == '\0')
        return CLI_EXIT_OK;
    if (user == NULL)
        return expect_ok(watch, 2, (const char *[]){"AUTH", password}, is_lost);
    return expect_ok(watch, 3, (const char *[]){"AUTH", user, password}, is_lost);
}

static enum cli_exit enter(struct watch *watch, bool *is_lost)
{
    const char *ns = watch->cli->line.option[CLI_OPTION_NAMESPACE];
    enum cli_exit code = authenticate(watch, is_lost);

    if (code == CLI_EXIT_OK && !*is_lost && ns != NULL)
        code = expect_ok(watch, 2, (const char *[]){"SELECT", ns}, is_lost);
    return code;
}

/* The answer is the first message. */
static void send_watch(struct watch *watch)
{
    const struct cli_line *line = &watch->cli->line;
    const char *words[5] = {"KV.WATCH"};
    int count = 1;

    if (line->argument_count > 0) {
        words[count++] = "PREFIX";
        words[count++] = line->argument[0];
    }
    if (watch->token[0] != '\0') {
        words[count++] = "SINCE";
        words[count++] = watch->token;
    }
    (void)redisAppendCommandArgv(watch->link, count, words, NULL);
}

static enum cli_exit connect_once(struct watch *watch, bool *is_lost)
{
    enum cli_exit code = CLI_EXIT_OK;
    struct timeval limit = {.tv_sec = ANSWER_MS / 1000};
    char host[HOST_MAX];

    watch->server = choose_server(watch);
    watch->problem[0] = '\0';
    watch->link = dial(watch->server, host);
    *is_lost = watch->link == NULL || watch->link->err != 0;
    if (!*is_lost)
        (void)redisSetTimeout(watch->link, limit);
    if (!*is_lost && watch->tls_context != NULL && host[0] != '\0')
        *is_lost = !begin_tls(watch, host);
    if (!*is_lost)
        code = enter(watch, is_lost);
    if (code == CLI_EXIT_OK && !*is_lost)
        send_watch(watch);
    watch->heard_ms = session_now_ms();
    watch->asked_ms = 0;
    return code;
}

static void disconnect(struct watch *watch)
{
    tls_close(watch->tls);
    watch->tls = NULL;
    if (watch->link != NULL)
        redisFree(watch->link);
    watch->link = NULL;
}

/* --- messages --- */

static struct bytes text_of(const redisReply *part)
{
    return part->type == REDIS_REPLY_STRING ? (struct bytes){part->str, part->len}
                                            : (struct bytes){0};
}

static void append_member(struct buffer *line, const char *name, const redisReply *part)
{
    struct bytes text = text_of(part);

    if (text.data == NULL)
        return;
    buffer_append_text(line, ",\"");
    buffer_append_text(line, name);
    buffer_append_text(line, "\":");
    if (utf8_is_valid(text)) {
        json_text_append(line, text);
        return;
    }
    json_text_append_base64(line, text);
    buffer_append_text(line, ",\"");
    buffer_append_text(line, name);
    buffer_append_text(line, "_base64\":true");
}

static void print_json(redisReply *const *part)
{
    struct buffer line = {0};

    buffer_append_text(&line, "{\"event\":");
    json_text_append(&line, text_of(part[1]));
    append_member(&line, "key", part[2]);
    append_member(&line, "version", part[3]);
    append_member(&line, "token", part[4]);
    buffer_append_text(&line, "}\n");
    (void)fwrite(line.data, 1, line.size, stdout);
    buffer_clear(&line);
}

/* "put key", and how the listing stands. */
static void print_line(redisReply *const *part)
{
    struct bytes key = text_of(part[2]);

    (void)fwrite(part[1]->str, 1, part[1]->len, stdout);
    if (key.data != NULL) {
        (void)fputc(' ', stdout);
        cli_print_line(stdout, key.data, key.size);
    }
    (void)fputc('\n', stdout);
}

static bool is_message(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == MESSAGE_PARTS &&
           reply->element[1]->type == REDIS_REPLY_STRING;
}

static void show(struct watch *watch, redisReply *const *part)
{
    struct bytes token = text_of(part[4]);
    bool is_answer = strcmp(part[1]->str, "watching") == 0;

    if (token.data != NULL && token.size < TOKEN_MAX)
        memcpy(watch->token, token.data, token.size + 1);
    else if (is_answer || strcmp(part[1]->str, "reset") == 0)
        (void)snprintf(watch->token, TOKEN_MAX, "0"); /* who is cut off now begins again */
    if (is_answer) {
        watch->was_connected = true;
        watch->has_complained = false;
        return;
    }
    if (is_given(watch->cli, CLI_OPTION_JSON))
        print_json(part);
    else
        print_line(part);
}

static enum cli_exit take_replies(struct watch *watch)
{
    enum cli_exit code = CLI_EXIT_OK;
    void *taken = NULL;

    while (code == CLI_EXIT_OK && redisReaderGetReply(watch->link->reader, &taken) == REDIS_OK &&
           taken != NULL) {
        redisReply *reply = taken;

        watch->asked_ms = 0;
        if (reply->type == REDIS_REPLY_ERROR)
            code = refuse(reply->str);
        else if (is_message(reply)) /* and not the answer to PING */
            show(watch, reply->element);
        freeReplyObject(reply);
    }
    return code == CLI_EXIT_OK ? session_flush() : code;
}

/* --- listening --- */

/* A server that says nothing may be gone. */
static bool is_there(struct watch *watch)
{
    int64_t now_ms = session_now_ms();

    if (watch->asked_ms != 0)
        return now_ms - watch->asked_ms < ANSWER_MS;
    if (now_ms - watch->heard_ms < QUIET_MS)
        return true;
    watch->asked_ms = now_ms;
    return redisAppendCommand(watch->link, "PING") == REDIS_OK && flush_requests(watch);
}

/* Until the connection is lost. */
static enum cli_exit listen_on(struct watch *watch)
{
    struct pollfd ready = {.fd = watch->link->fd, .events = POLLIN};
    enum cli_exit code = CLI_EXIT_OK;

    if (!flush_requests(watch))
        return CLI_EXIT_OK;
    while (code == CLI_EXIT_OK && !session_is_interrupted()) {
        int count = poll(&ready, 1, POLL_MS);

        if (count < 0 && errno != EINTR)
            break;
        if (count > 0 && !receive(watch))
            break;
        if (count > 0) {
            watch->heard_ms = session_now_ms();
            code = take_replies(watch);
        } else if (!is_there(watch)) {
            break;
        }
    }
    return code;
}

static void wait_ms(int64_t duration_ms)
{
    int64_t end_ms = session_now_ms() + duration_ms;

    while (!session_is_interrupted() && session_now_ms() < end_ms)
        (void)poll(NULL, 0, POLL_MS);
}

static enum cli_exit watch_once(struct watch *watch, bool *has_heard)
{
    bool is_lost = false;
    enum cli_exit code = connect_once(watch, &is_lost);

    if (code == CLI_EXIT_OK && !is_lost)
        code = listen_on(watch);
    *has_heard = !is_lost;
    if (code == CLI_EXIT_OK && !session_is_interrupted())
        code = complain_of_loss(watch);
    disconnect(watch);
    return code;
}

enum cli_exit watch_run(struct cli *cli)
{
    struct watch watch = {.cli = cli};
    enum cli_exit code = CLI_EXIT_OK;
    int64_t pause_ms = PAUSE_FIRST_MS;
    char sentence[GRAPEVINE_SENTENCE_MAX];

    if (session_tls(cli, &watch.tls_options) != NULL &&
        (watch.tls_context = tls_context_create(&watch.tls_options, sentence)) == NULL)
        return FAIL(CLI_EXIT_USAGE, "%s", sentence);
    session_servers(cli, watch.list);
    split_servers(&watch);
    session_catch_interrupts();
    while (code == CLI_EXIT_OK && !session_is_interrupted()) {
        bool has_heard;

        code = watch_once(&watch, &has_heard);
        pause_ms = has_heard ? PAUSE_FIRST_MS : pause_ms * 2;
        if (pause_ms > PAUSE_MAX_MS)
            pause_ms = PAUSE_MAX_MS;
        if (code == CLI_EXIT_OK)
            wait_ms(pause_ms);
    }
    tls_context_destroy(watch.tls_context);
    return session_is_interrupted() ? CLI_EXIT_INTERRUPTED : code;
}
