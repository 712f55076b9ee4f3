#include "library/request.h"

#include <assert.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "library/encode.h"
#include "library/memory.h"

/* KV.PUT key value EX ms META json IFVERSION version, KV.LIST with all options: at most so many. */
#define WORDS_USUAL    12
#define NUMBER_SIZE    24
#define LIST_LIMIT_MAX 10000

/* The words of a request under construction; borrowed. */
struct words {
    struct grapevine_bytes list[WORDS_USUAL];
    size_t count;
};

static void add_bytes(struct words *words, struct grapevine_bytes word)
{
    assert(words->count < WORDS_USUAL);
    words->list[words->count++] = word;
}

static void add(struct words *words, const char *word)
{
    add_bytes(words, grapevine_text(word));
}

static void add_number(struct words *words, const char *name, int64_t number,
                       char text[NUMBER_SIZE])
{
    (void)snprintf(text, NUMBER_SIZE, "%" PRId64, number);
    add(words, name);
    add(words, text);
}

static struct request *refuse(struct failure *failure, enum grapevine_error error,
                              const char *sentence)
{
    failure_say(failure, error, "%s", sentence);
    return NULL;
}

static bool are_sizes_possible(const struct grapevine_bytes *words, size_t count)
{
    size_t total = 0;

    for (size_t i = 0; i < count; i++) {
        total += words[i].size;
        if (words[i].size > REQUEST_WORD_BYTES_MAX || total > 2 * REQUEST_WORD_BYTES_MAX)
            return false;
    }
    return true;
}

/* A request of these words, of which the second is the key if there is one. */
static struct request *make(enum request_kind kind, enum grapevine_repeat repeat,
                            const struct grapevine_bytes *words, size_t count,
                            struct failure *failure)
{
    struct request *request;
    size_t size;

    if (!are_sizes_possible(words, count))
        return refuse(failure, GRAPEVINE_TOO_LONG,
                      "no request may have a word of more than 512 MiB, or more than 1 GiB in all");
    size = encode_size(words, count);
    request = memory_take(sizeof *request + size);
    *request = (struct request){.kind = kind, .repeat = repeat, .size = size};
    encode_write(request->bytes, words, count);
    if (kind != REQUEST_LIST && kind != REQUEST_COMMAND) {
        request->key_at = encode_offset(words, count, 1);
        request->key_size = words[1].size;
    }
    return request;
}

/* --- put --- */

static const char *why_no_entry(const struct grapevine_entry *entry)
{
    int expiries = (entry->ttl_ms != 0) + (entry->expires_at_ms != 0) + entry->keeps_expiry;

    if (expiries > 1)
        return "only one of ttl_ms, expires_at_ms and keeps_expiry can hold";
    if (entry->ttl_ms < 0 || entry->expires_at_ms < 0)
        return "ttl_ms and expires_at_ms can't be negative";
    if ((unsigned)entry->condition > GRAPEVINE_IF_VERSION)
        return "there is no such condition";
    if (entry->condition == GRAPEVINE_IF_VERSION && entry->version == NULL)
        return "GRAPEVINE_IF_VERSION needs a version";
    return NULL;
}

static void add_condition(struct words *words, const struct grapevine_entry *entry)
{
    switch (entry->condition) {
    case GRAPEVINE_ALWAYS:
        break;
    case GRAPEVINE_IF_ABSENT:
        add(words, "NX");
        break;
    case GRAPEVINE_IF_PRESENT:
        add(words, "XX");
        break;
    case GRAPEVINE_IF_VERSION:
        add(words, "IFVERSION");
        add(words, entry->version);
        break;
    }
}

struct request *request_put(const struct grapevine_entry *entry, struct failure *failure)
{
    const char *why = why_no_entry(entry);
    char number[NUMBER_SIZE];
    struct words words;

    if (why != NULL)
        return refuse(failure, GRAPEVINE_ARGUMENT, why);
    words.count = 0;
    add(&words, "KV.PUT");
    add_bytes(&words, entry->key);
    add_bytes(&words, entry->value);
    if (entry->ttl_ms > 0)
        add_number(&words, "PX", entry->ttl_ms, number);
    if (entry->expires_at_ms > 0)
        add_number(&words, "PXAT", entry->expires_at_ms, number);
    if (entry->keeps_expiry)
        add(&words, "KEEPTTL");
    if (entry->metadata.size > 0) {
        add(&words, "META");
        add_bytes(&words, entry->metadata);
    }
    add_condition(&words, entry);
    return make(REQUEST_PUT,
                entry->condition == GRAPEVINE_ALWAYS ? GRAPEVINE_WRITES : GRAPEVINE_WRITES_ONCE,
                words.list, words.count, failure);
}

/* --- get, meta, delete, list --- */

static struct request *make_read(enum request_kind kind, const char *command,
                                 struct grapevine_bytes key, struct failure *failure)
{
    struct grapevine_bytes words[] = {grapevine_text(command), key};

    return make(kind, GRAPEVINE_READS, words, 2, failure);
}

struct request *request_get(struct grapevine_bytes key, struct failure *failure)
{
    return make_read(REQUEST_GET, "KV.GET", key, failure);
}

struct request *request_meta(struct grapevine_bytes key, struct failure *failure)
{
    return make_read(REQUEST_META, "KV.META", key, failure);
}

struct request *request_delete(const struct grapevine_bytes *keys, size_t count,
                               struct failure *failure)
{
    struct grapevine_bytes *words;
    struct request *request;

    if (count == 0 || count >= REQUEST_WORDS_MAX)
        return refuse(failure, GRAPEVINE_ARGUMENT, "a delete is of 1 to 1,048,575 keys");
    words = memory_take((count + 1) * sizeof *words);
    words[0] = grapevine_text("DEL");
    memcpy(words + 1, keys, count * sizeof *words);
    request = make(REQUEST_DELETE, GRAPEVINE_WRITES, words, count + 1, failure);
    free(words);
    return request;
}

struct request *request_list(const struct grapevine_listing *listing, struct failure *failure)
{
    struct words words = {.count = 0};
    struct request *request;
    char number[NUMBER_SIZE];

    if (listing->limit > LIST_LIMIT_MAX)
        return refuse(failure, GRAPEVINE_ARGUMENT, "a page has 1 to 10,000 keys");
    add(&words, "KV.LIST");
    if (listing->prefix.size > 0) {
        add(&words, "PREFIX");
        add_bytes(&words, listing->prefix);
    }
    if (listing->cursor.size > 0) {
        add(&words, "CURSOR");
        add_bytes(&words, listing->cursor);
    }
    if (listing->limit > 0)
        add_number(&words, "LIMIT", listing->limit, number);
    if (listing->with_metadata)
        add(&words, "WITHMETA");
    if (listing->with_values)
        add(&words, "WITHVALUES");
    request = make(REQUEST_LIST, GRAPEVINE_READS, words.list, words.count, failure);
    if (request == NULL)
        return NULL;
    request->has_metadata = listing->with_metadata;
    request->has_values = listing->with_values;
    return request;
}

/* --- any command --- */

/* They change what the connection is, or get answers that are not one for one. */
static const char *const commands_of_connections[] = {
    "asking",       "auth",     "client",      "discard",      "exec",       "hello",
    "monitor",      "multi",    "psubscribe",  "psync",        "quit",       "readonly",
    "readwrite",    "replconf", "reset",       "select",       "ssubscribe", "subscribe",
    "sunsubscribe", "sync",     "unsubscribe", "punsubscribe", "unwatch",    "watch",
};

static bool is_of_connection(struct grapevine_bytes word)
{
    const char *const *names = commands_of_connections;

    for (size_t i = 0; i < sizeof commands_of_connections / sizeof *names; i++)
        if (word.size == strlen(names[i]) && strncasecmp(word.data, names[i], word.size) == 0)
            return true;
    return false;
}

/* NAMESPACE USE is another SELECT. */
static bool is_use(const struct grapevine_bytes *words, size_t count)
{
    return count > 1 && words[0].size == 9 && strncasecmp(words[0].data, "namespace", 9) == 0 &&
           words[1].size == 3 && strncasecmp(words[1].data, "use", 3) == 0;
}

struct request *request_command(const struct grapevine_bytes *words, size_t count,
                                enum grapevine_repeat repeat, struct failure *failure)
{
    if (count == 0 || count > REQUEST_WORDS_MAX || words[0].size == 0)
        return refuse(failure, GRAPEVINE_ARGUMENT, "a command has 1 to 1,048,576 words");
    if ((unsigned)repeat > GRAPEVINE_WRITES_ONCE)
        return refuse(failure, GRAPEVINE_ARGUMENT, "there is no such way to repeat a command");
    if (is_of_connection(words[0]) || is_use(words, count))
        return refuse(failure, GRAPEVINE_ARGUMENT,
                      "that command is about the connection, which is the library's");
    return make(REQUEST_COMMAND, repeat, words, count, failure);
}

/* --- life --- */

void request_destroy(struct request *request)
{
    if (request->timer != NULL)
        event_free(request->timer);
    if (request->reply != NULL)
        freeReplyObject(request->reply);
    free(request->failure);
    free(request);
}

struct grapevine_bytes request_end_key(struct request *request)
{
    char *key = request->bytes + request->key_at;

    if (request->key_at == 0)
        return grapevine_text("");
    key[request->key_size] = '\0'; /* where the line end was */
    return (struct grapevine_bytes){key, request->key_size};
}

void request_note(struct request *request, const struct failure *failure)
{
    if (request->failure == NULL)
        request->failure = memory_take(sizeof *failure);
    *request->failure = *failure;
}
