/* grapevine.h - keys and values on Grapevine servers, from C and C++.
 *
 *     #include <grapevine.h>
 *     #include <stdio.h>
 *
 *     int main(void)
 *     {
 *         struct grapevine_options options = {.servers = "10.0.0.1,10.0.0.2:6380",
 *                                             .ns = "settings"};
 *         struct grapevine_entry entry = {.key = grapevine_text("theme"),
 *                                         .value = grapevine_text("dark"),
 *                                         .ttl_ms = 3600 * 1000};
 *         struct grapevine_record record;
 *         struct grapevine *client;
 *
 *         if (grapevine_create(&options, &client, NULL) != GRAPEVINE_OK)
 *             return 1;
 *         if (grapevine_put(client, &entry, NULL) != GRAPEVINE_OK ||
 *             grapevine_get(client, entry.key, &record) != GRAPEVINE_OK) {
 *             fprintf(stderr, "%s\n", grapevine_sentence(client));
 *             grapevine_destroy(client);
 *             return 1;
 *         }
 *         printf("%s\n", record.value.data);
 *         grapevine_record_clear(&record);
 *         grapevine_destroy(client);
 *         return 0;
 *     }
 *
 *     cc main.c $(pkg-config --cflags --libs grapevine)
 *
 * Three ways to work, which may be mixed on one client:
 *
 *   - One at a time: grapevine_get(), grapevine_put(), ... return when the answer is there.
 *   - Many in flight: grapevine_send_put(), ... return at once, the answer is given to a function
 *     of the caller's.  Memory stays within `in_flight_bytes_max`: when that much is on its way,
 *     sending waits.  grapevine_wait() returns when everything is answered.
 *   - On an event loop: the same grapevine_send_...(), on a client of grapevine_create_on(), which
 *     lives on the caller's event_base and never waits.
 *
 * Trouble.  What can pass is tried again, after a wait that grows and is random, until
 * `deadline_ms` is over: lost connections, servers that load or can't write, and the write rate of
 * a key, where the server says how long to wait.  A server that fails is left for the next of the
 * list; when the first one is back, so is the client.
 *
 * Outcomes.  A connection that breaks may take an answer along, and nobody knows then whether the
 * request was carried out.  Reads, deletes and unconditional puts are sent again: twice is as good
 * as once (another client's write in between is written over).  Puts with a condition, and
 * creating, deleting and renaming namespaces, are not: they end in GRAPEVINE_OUTCOME_UNKNOWN, as
 * does any write that could not be sent again in time.  Every other error means that nothing was
 * changed.
 *
 * Threads.  A client belongs to one thread at a time; two clients have nothing in common.  It does
 * not survive fork().  SIGPIPE is neither needed nor raised.
 *
 * Memory.  Words given to a call are read before it returns.  What a call fills has a ..._clear(),
 * and is untouched if the call failed.  Out of memory ends the process, as in hiredis.
 *
 * Times are milliseconds; moments are milliseconds since 1970, as the server's clock has them.
 */
#ifndef GRAPEVINE_H
#define GRAPEVINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct event_base;
struct grapevine;

/* Borrowed bytes of any kind.  Those that the library hands out have a zero byte behind them. */
struct grapevine_bytes {
    const char *data;
    size_t size;
};

static inline struct grapevine_bytes grapevine_text(const char *text)
{
    struct grapevine_bytes bytes = {text, strlen(text)};

    return bytes;
}

/* The version of the library, "0.1.0". */
const char *grapevine_version(void);

/* --- errors --- */

/* New ones are added at the end: a caller's switch wants a default. */
enum grapevine_error {
    GRAPEVINE_OK = 0,
    GRAPEVINE_NOT_FOUND,       /* there is no such key */
    GRAPEVINE_CONDITION,       /* the put's condition does not hold: nothing was stored */
    GRAPEVINE_RATE_LIMITED,    /* the key is written too often, and time or attempts are over */
    GRAPEVINE_TOO_LONG,        /* key, value or metadata: longer than the namespace allows */
    GRAPEVINE_FULL,            /* the namespace holds as many keys as it may */
    GRAPEVINE_NO_NAMESPACE,    /* there is no namespace of that title */
    GRAPEVINE_NAMESPACE_TAKEN, /* there is one already */
    GRAPEVINE_DENIED,          /* password or user are wrong, or may not do this */
    GRAPEVINE_UNAVAILABLE,     /* the server can't do it at the moment: disk full, loading, ... */
    GRAPEVINE_UNREACHABLE, /* no server could be reached, or none stayed until a read was done */
    GRAPEVINE_TIMEOUT,     /* a read was sent, and not answered before the deadline */
    GRAPEVINE_OUTCOME_UNKNOWN, /* a write was sent and not answered: it may have been carried out */
    GRAPEVINE_REFUSED,         /* any other error of the server's; the sentence has its words */
    GRAPEVINE_PROTOCOL,        /* that answer is not a Grapevine server's */
    GRAPEVINE_ARGUMENT,        /* the call makes no sense, and was not sent */
    GRAPEVINE_BUSY,            /* on an event loop: too much is in flight; not sent */
    GRAPEVINE_CANCELLED,       /* the client was destroyed first; nothing was changed */
};

/* The error in general, in one sentence; never NULL. */
const char *grapevine_error_text(enum grapevine_error error);

/* The last error of a call on this client, in one sentence with what the server or the system said;
 * "" if there was none.  Valid until the next call. */
const char *grapevine_sentence(const struct grapevine *client);

/* --- a client --- */

#define GRAPEVINE_SERVERS_MAX  64
#define GRAPEVINE_SENTENCE_MAX 512

/* How the wait before a repetition is drawn.  `step` doubles from backoff_min_ms to backoff_max_ms.
 */
enum grapevine_jitter {
    GRAPEVINE_JITTER_FULL = 0,     /* from 0 to step */
    GRAPEVINE_JITTER_DECORRELATED, /* from backoff_min_ms to three times the last wait */
    GRAPEVINE_JITTER_NONE,         /* step itself */
};

/* TLS.  All zeros trusts the authorities that the system trusts, and wants the server's certificate
 * to name the host that is connected to.  With authorities of one's own (ca_file, ca_folder, PEM)
 * any certificate of theirs will do, unless server_name says which name it must have. */
struct grapevine_tls {
    const char *ca_file, *ca_folder;  /* NULL = the system's */
    const char *cert_file, *key_file; /* the client's own; NULL = none */
    const char *server_name;          /* also told to the server (SNI); NULL = the host */
    bool is_insecure;                 /* trust anybody */
};

/* All zeros is a client of 127.0.0.1:6379 with the values below. */
struct grapevine_options {
    /* Where to connect, the one to prefer first: "host", "host:port", "[v6 address]:port" or the
     * path of a Unix socket (with a '/'), separated by commas.  A name that has to be looked up
     * holds the calling thread meanwhile. */
    const char *servers;
    const char *user;     /* an ACL user; needs the password */
    const char *password; /* NULL or "" = none */
    /* Title of a namespace or number of a database; NULL = the user's own, or 0.  While there is no
     * such namespace, every call is GRAPEVINE_NO_NAMESPACE, grapevine_namespace_create() as well:
     * who may have to create it does so with a client that names none. */
    const char *ns;

    int64_t connect_timeout_ms; /* for one server to be reached and let us in; 0 = 2,000 */
    int64_t answer_timeout_ms;  /* a server that is asked, and silent so long, is left; 0 = 5,000 */
    int64_t deadline_ms;        /* for a request with all its repetitions; 0 = 30,000 */

    uint32_t attempts_max;  /* times that a request is sent, or all servers tried; 0 = no limit */
    int64_t backoff_min_ms; /* 0 = 20 */
    int64_t backoff_max_ms; /* 0 = 2,000 */
    enum grapevine_jitter jitter;
    int64_t fail_back_ms; /* away from the first server, how often to look for it; 0 = 10,000 */

    uint32_t in_flight_max;     /* requests not yet answered, waiting ones included; 0 = 4,096 */
    size_t in_flight_bytes_max; /* their bytes; one request may always go; 0 = 8 MiB */

    /* NULL = without.  The files are read when the client is created.  Not for Unix sockets. */
    const struct grapevine_tls *tls;
};

/* A client with an event loop of its own.  Nothing is connected yet: the first request does that,
 * or grapevine_ping().  GRAPEVINE_ARGUMENT, with a sentence in `sentence` (may be NULL), if the
 * options make no sense. */
enum grapevine_error grapevine_create(const struct grapevine_options *options,
                                      struct grapevine **client,
                                      char sentence[GRAPEVINE_SENTENCE_MAX]);

/* A client on the caller's loop, which must outlive it.  Calls that wait answer GRAPEVINE_ARGUMENT.
 * While it is connected the loop has an event and won't run out of them. */
enum grapevine_error grapevine_create_on(const struct grapevine_options *options,
                                         struct event_base *base, struct grapevine **client,
                                         char sentence[GRAPEVINE_SENTENCE_MAX]);

/* Closes the connection and frees the client; what is not answered ends in GRAPEVINE_CANCELLED, or
 * GRAPEVINE_OUTCOME_UNKNOWN if it was sent.  Allowed in a grapevine_done, too.  NULL is fine. */
void grapevine_destroy(struct grapevine *client);

/* Connects, unless that is done, and waits for a sign of life. */
enum grapevine_error grapevine_ping(struct grapevine *client);

/* The server in use, as it stands in the list; NULL while there is none.  Valid until the next
 * call. */
const char *grapevine_server(const struct grapevine *client);

/* --- keys --- */

#define GRAPEVINE_VERSION_SIZE 34 /* with its zero */

enum grapevine_condition {
    GRAPEVINE_ALWAYS = 0,
    GRAPEVINE_IF_ABSENT,
    GRAPEVINE_IF_PRESENT,
    GRAPEVINE_IF_VERSION, /* the key is as it was in that version */
};

/* What is put.  All zeros but the key: an empty value that never expires. */
struct grapevine_entry {
    struct grapevine_bytes key;
    struct grapevine_bytes value;
    struct grapevine_bytes metadata; /* a JSON text; size 0 = none */
    int64_t ttl_ms;                  /* it expires so long after it was stored; 0 = never */
    int64_t expires_at_ms;           /* it expires then; 0 = never; not together with ttl_ms */
    bool keeps_expiry;               /* it expires when the key was to expire so far */
    enum grapevine_condition condition;
    const char *version; /* for GRAPEVINE_IF_VERSION; "0" = the key is absent */
};

struct grapevine_record {
    struct grapevine_bytes value;
    struct grapevine_bytes metadata; /* size 0 = none */
    int64_t expires_at_ms;           /* 0 = never */
    char version[GRAPEVINE_VERSION_SIZE];
    void *memory; /* the library's */
};

/* Stores it; `version` (may be NULL) is that of the new record. */
enum grapevine_error grapevine_put(struct grapevine *client, const struct grapevine_entry *entry,
                                   char version[GRAPEVINE_VERSION_SIZE]);

/* The caller clears the record. */
enum grapevine_error grapevine_get(struct grapevine *client, struct grapevine_bytes key,
                                   struct grapevine_record *record);

/* The metadata alone: of the record everything else is empty.  A key without metadata is
 * GRAPEVINE_NOT_FOUND, too. */
enum grapevine_error grapevine_meta(struct grapevine *client, struct grapevine_bytes key,
                                    struct grapevine_record *record);

void grapevine_record_clear(struct grapevine_record *record);

/* Deletes keys, all or (refused for one of them) none.  `deleted` (may be NULL) is how many there
 * were; where the request had to be sent twice, the second time may not have found them. */
enum grapevine_error grapevine_delete(struct grapevine *client, const struct grapevine_bytes *keys,
                                      size_t key_count, uint64_t *deleted);

/* Which keys to list.  All zeros: the first thousand. */
struct grapevine_listing {
    struct grapevine_bytes prefix;
    struct grapevine_bytes cursor; /* of the page before; size 0 = from the start */
    uint32_t limit;                /* keys of a page, up to 10,000; 0 = 1,000 */
    bool with_metadata;
    bool with_values;
};

struct grapevine_row {
    struct grapevine_bytes key;
    struct grapevine_bytes metadata; /* size 0 = none, or not asked for */
    struct grapevine_bytes value;    /* empty if not asked for */
};

/* A page may have fewer rows than asked for, or none, and yet not be the last. */
struct grapevine_page {
    const struct grapevine_row *rows; /* in byte order of their keys */
    size_t row_count;
    bool is_last;
    struct grapevine_bytes cursor; /* where the next page begins; size 0 if this is the last */
    void *memory;                  /* the library's */
};

/* The caller clears the page. */
enum grapevine_error grapevine_list(struct grapevine *client,
                                    const struct grapevine_listing *listing,
                                    struct grapevine_page *page);
void grapevine_page_clear(struct grapevine_page *page);

/* --- namespaces --- */

struct grapevine_limit {
    const char *name; /* "max-value-size" */
    int64_t value;
};

struct grapevine_namespace {
    const char *id; /* 32 hex digits */
    struct grapevine_bytes title;
    int64_t keys;
    int64_t bytes;
    const struct grapevine_limit *limits;
    size_t limit_count;
    void *memory; /* the library's */
};

struct grapevine_titles {
    const struct grapevine_bytes *titles;
    size_t title_count;
    void *memory; /* the library's */
};

enum grapevine_error grapevine_namespace_create(struct grapevine *client, const char *title);
enum grapevine_error grapevine_namespace_rename(struct grapevine *client, const char *title,
                                                const char *new_title);
/* With all its keys; a database ("db0") is emptied. */
enum grapevine_error grapevine_namespace_delete(struct grapevine *client, const char *title);

/* The caller clears the titles. */
enum grapevine_error grapevine_namespace_list(struct grapevine *client,
                                              struct grapevine_titles *titles);
void grapevine_titles_clear(struct grapevine_titles *titles);

/* The caller clears the namespace. */
enum grapevine_error grapevine_namespace_info(struct grapevine *client, const char *title,
                                              struct grapevine_namespace *ns);
void grapevine_namespace_clear(struct grapevine_namespace *ns);

/* A limit of the namespace's own: `value` is a number, for sizes also "64kb", or "default". */
enum grapevine_error grapevine_namespace_set(struct grapevine *client, const char *title,
                                             const char *limit, const char *value);
enum grapevine_error grapevine_namespace_get(struct grapevine *client, const char *title,
                                             const char *limit, int64_t *value);

/* --- any other command --- */

/* What to do when the answer was lost. */
enum grapevine_repeat {
    GRAPEVINE_READS = 0,   /* it changes nothing: send it again */
    GRAPEVINE_WRITES,      /* it changes something, and twice is as good as once: send it again */
    GRAPEVINE_WRITES_ONCE, /* report GRAPEVINE_OUTCOME_UNKNOWN */
};

enum grapevine_reply_type {
    GRAPEVINE_REPLY_NIL,
    GRAPEVINE_REPLY_INTEGER,
    GRAPEVINE_REPLY_BYTES, /* also simple strings, as "OK" */
    GRAPEVINE_REPLY_ARRAY, /* also maps: name, value, name, value, ... */
    GRAPEVINE_REPLY_ERROR, /* inside of an array only; anywhere else it is a grapevine_error */
};

struct grapevine_reply {
    enum grapevine_reply_type type;
    int64_t integer;
    struct grapevine_bytes bytes;           /* of BYTES and ERROR */
    const struct grapevine_reply *elements; /* of ARRAY */
    size_t element_count;
    void *memory; /* the library's */
};

/* Sends the words of a command, "INFO" "replication".  Commands that change the connection itself
 * (SELECT, AUTH, HELLO, MULTI, WATCH, SUBSCRIBE, MONITOR, QUIT, CLIENT, ...) are
 * GRAPEVINE_ARGUMENT: another server may answer the next request.  The caller clears the reply. */
enum grapevine_error grapevine_command(struct grapevine *client,
                                       const struct grapevine_bytes *words, size_t word_count,
                                       enum grapevine_repeat repeat, struct grapevine_reply *reply);
void grapevine_reply_clear(struct grapevine_reply *reply);

/* --- many in flight, and event loops --- */

/* How a request ended.  Everything in it is valid during the call only. */
struct grapevine_answer {
    enum grapevine_error error;
    const char *sentence;       /* "" if there is no error */
    struct grapevine_bytes key; /* as it was sent: of a put, get, meta or delete (its first) */
    uint32_t attempts;          /* times it was sent */
    /* Of the following only what belongs to the request is set: */
    const char *version;                   /* put */
    const struct grapevine_record *record; /* get, meta */
    uint64_t deleted;                      /* delete */
    const struct grapevine_page *page;     /* list */
    const struct grapevine_reply *reply;   /* command */
};

/* Called once for each request that was taken, from within grapevine_wait(), a
 * grapevine_send_...(), a call that waits, grapevine_destroy() or the caller's event loop.  It may
 * send, and destroy the client, but not wait. */
typedef void grapevine_done(const struct grapevine_answer *answer, void *context);

/* Each takes the request and returns, or does not take it (`done` is not called then):
 * GRAPEVINE_ARGUMENT if it makes no sense, GRAPEVINE_BUSY if the client is on an event loop (or the
 * call comes from a grapevine_done) and as much is in flight as may be; then there will be room
 * when the next answer is given.  On a loop of its own the client rather waits for room.
 *
 * Answers come in any order: a request that is sent again is overtaken by others.  Who writes a key
 * twice waits for the first answer.  `done` may be NULL. */
enum grapevine_error grapevine_send_put(struct grapevine *client,
                                        const struct grapevine_entry *entry, grapevine_done *done,
                                        void *context);
enum grapevine_error grapevine_send_get(struct grapevine *client, struct grapevine_bytes key,
                                        grapevine_done *done, void *context);
enum grapevine_error grapevine_send_meta(struct grapevine *client, struct grapevine_bytes key,
                                         grapevine_done *done, void *context);
enum grapevine_error grapevine_send_delete(struct grapevine *client,
                                           const struct grapevine_bytes *keys, size_t key_count,
                                           grapevine_done *done, void *context);
enum grapevine_error grapevine_send_list(struct grapevine *client,
                                         const struct grapevine_listing *listing,
                                         grapevine_done *done, void *context);
enum grapevine_error grapevine_send_command(struct grapevine *client,
                                            const struct grapevine_bytes *words, size_t word_count,
                                            enum grapevine_repeat repeat, grapevine_done *done,
                                            void *context);

/* Requests that were taken and whose answers have not been given yet. */
size_t grapevine_in_flight(const struct grapevine *client);

/* Gives answers until none is missing, or for about `wait_ms` (0 = what is there, negative =
 * however long).  Requests are on their way at the latest when this is called; while the caller
 * does something else, clocks of the client stand still, and nothing moves.  GRAPEVINE_TIMEOUT if
 * some are missing. */
enum grapevine_error grapevine_wait(struct grapevine *client, int64_t wait_ms);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
