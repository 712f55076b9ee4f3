#include "from_redis.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "bulk.h"
#include "pair.h"

#define SCHEME           "redis://"
#define SCAN_COUNT       "500"
#define WAIT_S           60
#define NAMES_AHEAD      32 /* asked for before they are read: a Redis holds what nobody reads */
#define OTHER_TYPES_MAX  16
#define OTHER_TYPE_CHARS 32

/* A type that is not copied, and how many keys had it. */
struct other_type {
    char name[OTHER_TYPE_CHARS];
    uint64_t count;
};

struct from_redis {
    redisContext *redis;
    struct buffer cursor; /* with its zero */
    bool is_last;         /* the page is */
    redisReply *page;     /* of SCAN */
    size_t asked;         /* so many of its names were asked for */
    size_t index;         /* of the name in the page whose answers come next */
    struct buffer element;
    uint64_t names; /* seen so far */
    uint64_t total;
    struct other_type others[OTHER_TYPES_MAX];
    char why[INPUT_ERROR_MAX];
};

/* --- the address --- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Text with %XX taken out; NULL if that makes no sense. */
static char *decode(const char *text, size_t size)
{
    char *decoded = malloc(size + 1), *out = decoded;

    assert(decoded != NULL);
    for (size_t i = 0; i < size; i++) {
        int high, low;

        if (text[i] != '%') {
            *out++ = text[i];
            continue;
        }
        high = i + 2 < size ? hex_value(text[i + 1]) : -1;
        low = i + 2 < size ? hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0) {
            free(decoded);
            return NULL;
        }
        *out++ = (char)(high << 4 | low);
        i += 2;
    }
    *out = '\0';
    return decoded;
}

static bool parse_user(struct redis_uri *uri, const char *text, size_t size)
{
    const char *colon = memchr(text, ':', size);
    size_t user_size = colon != NULL ? (size_t)(colon - text) : 0;

    if (colon == NULL)
        return false;
    uri->password = decode(colon + 1, size - user_size - 1);
    if (user_size > 0)
        uri->user = decode(text, user_size);
    return uri->password != NULL && (user_size == 0 || uri->user != NULL);
}

static bool parse_number(const char *text, long long max, long long *number)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    *number = strtoll(text, &end, 10);
    return (*end == '\0' || *end == '/') && *number <= max;
}

/* host[:port][/database] */
static bool parse_host(struct redis_uri *uri, const char *text)
{
    bool is_v6 = text[0] == '[';
    const char *end = is_v6 ? strchr(text, ']') : text + strcspn(text, ":/");
    long long port = 6379;

    if (end == NULL || end == text + is_v6)
        return false;
    uri->host = decode(text + is_v6, (size_t)(end - text) - is_v6);
    end += is_v6;
    if (uri->host == NULL || (*end == ':' && (!parse_number(end + 1, 65535, &port) || port == 0)))
        return false;
    uri->port = (int)port;
    end += strcspn(end, "/");
    return end[0] == '\0' || end[1] == '\0' || parse_number(end + 1, INT32_MAX, &uri->database);
}

bool redis_uri_parse(struct redis_uri *uri, const char *text)
{
    const char *at;

    *uri = (struct redis_uri){0};
    if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
        return false;
    text += strlen(SCHEME);
    at = strrchr(text, '@');
    if ((at == NULL || parse_user(uri, text, (size_t)(at - text))) &&
        parse_host(uri, at != NULL ? at + 1 : text))
        return true;
    redis_uri_clear(uri);
    return false;
}

void redis_uri_clear(struct redis_uri *uri)
{
    free(uri->host);
    free(uri->user);
    free(uri->password);
    *uri = (struct redis_uri){0};
}

/* --- talking --- */

/* Waits for an answer, whose type is `type` (-1 = any); NULL, and why, if it is not. */
static redisReply *read_reply(struct from_redis *from, int type)
{
    void *reply = NULL;

    if (redisGetReply(from->redis, &reply) != REDIS_OK) {
        snprintf(from->why, sizeof(from->why), "the connection to the Redis broke: %s",
                 from->redis->errstr);
        return NULL;
    }
    if (type == -1 || ((redisReply *)reply)->type == type)
        return reply;
    snprintf(from->why, sizeof(from->why), "the Redis answered: %s",
             ((redisReply *)reply)->type == REDIS_REPLY_ERROR ? ((redisReply *)reply)->str
                                                              : "something else than Redis does");
    freeReplyObject(reply);
    return NULL;
}

static void append(struct from_redis *from, const char *command, const redisReply *name)
{
    const char *words[] = {command, name->str};
    size_t sizes[] = {strlen(command), name->len};

    (void)redisAppendCommandArgv(from->redis, 2, words, sizes);
}

/* Sends a command that answers with a type and drops that. */
static bool greet(struct from_redis *from, int count, const char **words, int type,
                  long long *integer)
{
    redisReply *reply;

    (void)redisAppendCommandArgv(from->redis, count, words, NULL);
    reply = read_reply(from, type);
    if (reply == NULL)
        return false;
    if (integer != NULL)
        *integer = reply->integer;
    freeReplyObject(reply);
    return true;
}

static bool enter(struct from_redis *from, const struct redis_uri *uri)
{
    const char *auth[] = {"AUTH", uri->user != NULL ? uri->user : uri->password, uri->password};
    const char *dbsize[] = {"DBSIZE"};
    char number[32];
    const char *select[] = {"SELECT", number};
    long long total;

    snprintf(number, sizeof(number), "%lld", uri->database);
    if (uri->password != NULL &&
        !greet(from, uri->user != NULL ? 3 : 2, auth, REDIS_REPLY_STATUS, NULL))
        return false;
    if (!greet(from, 2, select, REDIS_REPLY_STATUS, NULL) ||
        !greet(from, 1, dbsize, REDIS_REPLY_INTEGER, &total))
        return false;
    from->total = (uint64_t)total;
    return true;
}

/* --- pages --- */

static bool next_page(struct from_redis *from)
{
    const char *words[] = {"SCAN", from->cursor.data, "COUNT", SCAN_COUNT};

    freeReplyObject(from->page);
    from->index = 0;
    from->asked = 0;
    (void)redisAppendCommandArgv(from->redis, 4, words, NULL);
    from->page = read_reply(from, REDIS_REPLY_ARRAY);
    if (from->page == NULL || from->page->elements != 2)
        return false;
    from->cursor.size = 0;
    buffer_append(&from->cursor, from->page->element[0]->str, from->page->element[0]->len + 1);
    from->is_last = strcmp(from->cursor.data, "0") == 0;
    return true;
}

/* Asks for what is known of the names ahead. */
static void ask_ahead(struct from_redis *from)
{
    const redisReply *names = from->page->element[1];

    for (; from->asked < names->elements && from->asked < from->index + NAMES_AHEAD;
         from->asked++) {
        const redisReply *name = names->element[from->asked];

        append(from, "GET", name);
        append(from, "PTTL", name);
        append(from, "TYPE", name);
    }
}

static void count_other(struct from_redis *from, const char *type)
{
    struct other_type *other = from->others;

    while (other->count > 0 && strcmp(other->name, type) != 0 &&
           other < &from->others[OTHER_TYPES_MAX - 1])
        other++;
    snprintf(other->name, sizeof(other->name), "%.*s", OTHER_TYPE_CHARS - 1, type);
    other->count++;
}

static int64_t wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void build_element(struct from_redis *from, const redisReply *name, const redisReply *value,
                          long long ttl_ms)
{
    struct pair pair = {
        .key = {name->str, name->len},
        .value = {value->str, value->len},
        .expires_at_ms = ttl_ms >= 0 ? wall_ms() + (ttl_ms > 0 ? ttl_ms : 1) : 0,
    };

    from->element.size = 0;
    buffer_trim(&from->element, 1024 * 1024);
    pair_append(&from->element, &pair);
    from->element.size--; /* its newline */
}

/* Reads the answers on one name.  *is_found: it is a string, and still there. */
static bool read_answers(struct from_redis *from, const redisReply *name, bool *is_found)
{
    redisReply *value = read_reply(from, -1);
    redisReply *ttl = value != NULL ? read_reply(from, REDIS_REPLY_INTEGER) : NULL;
    redisReply *type = ttl != NULL ? read_reply(from, REDIS_REPLY_STATUS) : NULL;
    bool is_read = type != NULL;

    /* -2: it expired behind the GET */
    *is_found = is_read && value->type == REDIS_REPLY_STRING && ttl->integer != -2;
    if (*is_found)
        build_element(from, name, value, ttl->integer);
    else if (is_read && value->type == REDIS_REPLY_ERROR && strcmp(type->str, "none") != 0)
        count_other(from, type->str);
    freeReplyObject(value);
    freeReplyObject(ttl);
    freeReplyObject(type);
    return is_read;
}

/* --- as a source --- */

static enum input_result next(void *context, struct bytes *element, struct place *place,
                              char error[INPUT_ERROR_MAX])
{
    struct from_redis *from = context;
    bool is_found = false, is_well = true;

    while (is_well && !is_found) {
        if (from->page != NULL && from->index < from->page->element[1]->elements) {
            ask_ahead(from);
            is_well = read_answers(from, from->page->element[1]->element[from->index], &is_found);
            from->index++;
            from->names++;
        } else if (from->is_last) {
            return INPUT_END;
        } else if (session_is_interrupted()) {
            return INPUT_INTERRUPTED;
        } else {
            is_well = next_page(from);
        }
    }
    snprintf(error, INPUT_ERROR_MAX, "%s", from->why);
    *element = (struct bytes){from->element.data, from->element.size};
    *place = (struct place){0};
    return is_well ? INPUT_FOUND : INPUT_BROKEN;
}

/* There are no lines: the key is named. */
static void explain(void *context, struct bytes element, struct place place, size_t at,
                    const char *what, char error[INPUT_ERROR_MAX])
{
    struct buffer scratch = {0};
    struct pair_error ignored;
    struct pair pair = {0};

    (void)context;
    (void)place;
    (void)at;
    (void)pair_parse(element, PAIR_NAME, &scratch, &pair, &ignored);
    snprintf(error, INPUT_ERROR_MAX, "key '%.*s': %s",
             (int)(pair.key.size < 100 ? pair.key.size : 100),
             pair.key.size > 0 ? pair.key.data : "", what);
    buffer_clear(&scratch);
}

static void measure(void *context, uint64_t *position, uint64_t *total)
{
    const struct from_redis *from = context;

    *position = from->names;
    *total = from->total;
}

static void summarize(void *context, bool is_json)
{
    const struct from_redis *from = context;

    if (is_json)
        printf(",\"other_types\":{");
    for (size_t i = 0; i < OTHER_TYPES_MAX && from->others[i].count > 0; i++) {
        const struct other_type *other = &from->others[i];

        if (is_json)
            printf("%s\"%s\":%" PRIu64, i > 0 ? "," : "", other->name, other->count);
        else
            printf("%s%" PRIu64 " of type %s",
                   i > 0 ? ", " : "Not copied, being no strings: ", other->count, other->name);
    }
    if (is_json)
        putchar('}');
    else if (from->others[0].count > 0)
        putchar('\n');
}

static enum cli_exit import(const struct cli *cli, struct from_redis *from,
                            const struct redis_uri *uri)
{
    const struct timeval timeout = {WAIT_S, 0};
    struct bulk_source source = {"strings", next, explain, measure, summarize, from};
    enum cli_exit code;

    from->redis = redisConnectWithTimeout(uri->host, uri->port, timeout);
    assert(from->redis != NULL);
    if (from->redis->err != 0)
        return FAIL(CLI_EXIT_UNREACHABLE, "cannot connect to the Redis at %s:%d: %s", uri->host,
                    uri->port, from->redis->errstr);
    (void)redisSetTimeout(from->redis, timeout);
    if (!enter(from, uri))
        return FAIL(CLI_EXIT_REFUSED, "%s", from->why);
    buffer_append(&from->cursor, "0", 2);
    code = bulk_put_from(cli, &source);
    freeReplyObject(from->page);
    buffer_clear(&from->cursor);
    buffer_clear(&from->element);
    return code;
}

enum cli_exit from_redis_import(const struct cli *cli)
{
    const char *text = cli->line.option[CLI_OPTION_FROM_REDIS];
    struct from_redis from = {0};
    struct redis_uri uri;
    enum cli_exit code;

    if (!redis_uri_parse(&uri, text))
        return FAIL(CLI_EXIT_USAGE,
                    "--from-redis wants redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]");
    code = import(cli, &from, &uri);
    redisFree(from.redis);
    redis_uri_clear(&uri);
    return code;
}
