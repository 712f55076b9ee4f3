/* options.h - every option, once.
 *
 * One table (options.c) names each option with its type, default, range and help text, and drives
 * the command line, the config file, CONFIG GET / SET / REWRITE and --help.  Numbers, switches and
 * choices are atomics: any thread may read them while CONFIG SET changes them.  Texts are copied
 * out under a lock.
 *
 * O1  A value that is out of range is refused whole: nothing changes, one sentence says what is
 *     wrong and what is allowed.
 * O2  A change hook runs in the thread of the change, before CONFIG SET answers; if it refuses,
 *     the old values come back.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/status.h"
#include "limits/limits.h"

enum option_id {
    /* network */
    OPTION_PORT,
    OPTION_BIND, /* text: addresses separated by blanks */
    OPTION_UNIXSOCKET,
    OPTION_UNIXSOCKETPERM,
    OPTION_HTTP_PORT,
    OPTION_GOSSIP_PORT, /* 0 = port + 10000 */
    OPTION_TCP_BACKLOG,
    OPTION_TCP_KEEPALIVE, /* seconds */
    OPTION_TIMEOUT,       /* seconds */
    OPTION_MAXCLIENTS,
    OPTION_PROTECTED_MODE,
    OPTION_IO_THREADS, /* 0 = number of cores */
    OPTION_PROTO_MAX_BULK_LEN,
    OPTION_CLIENT_QUERY_BUFFER_LIMIT,
    OPTION_CLIENT_OUTPUT_BUFFER_LIMIT, /* see options_output_limit() */
    /* access */
    OPTION_REQUIREPASS,
    OPTION_ACLFILE,
    OPTION_ACLLOG_MAX_LEN,
    OPTION_ACL_PUBSUB_DEFAULT, /* enum acl_pubsub_default */
    OPTION_HTTP_TOKEN,
    /* storage */
    OPTION_DIR,
    OPTION_CACHE_SIZE,
    OPTION_MAXMEMORY,
    OPTION_MAXMEMORY_POLICY,
    OPTION_APPENDFSYNC, /* enum appendfsync */
    OPTION_LEVELDB_COMPRESSION,
    OPTION_DATABASES,
    /* limits: OPTION_LIMITS, then one for each enum limit in its order; -1 = from the profile */
    OPTION_LIMITS,
    OPTION_MAX_KEY_SIZE,
    OPTION_MAX_VALUE_SIZE,
    OPTION_MAX_METADATA_SIZE,
    OPTION_MAX_KEYS_PER_NAMESPACE,
    OPTION_KEY_WRITE_RATE,
    /* replication */
    OPTION_REPLICATION,
    OPTION_PEER, /* repeatable; as text: addresses separated by blanks */
    OPTION_GOSSIP_ANNOUNCE,
    OPTION_CLUSTER_SECRET,
    OPTION_CLUSTER_SECRET_FILE,
    OPTION_MAX_CLOCK_SKEW, /* milliseconds */
    OPTION_FORGET_AFTER,   /* seconds, 0 = never */
    /* TLS */
    OPTION_TLS_PORT,
    OPTION_TLS_CERT_FILE,
    OPTION_TLS_KEY_FILE,
    OPTION_TLS_KEY_FILE_PASS,
    OPTION_TLS_CLIENT_CERT_FILE,
    OPTION_TLS_CLIENT_KEY_FILE,
    OPTION_TLS_CLIENT_KEY_FILE_PASS,
    OPTION_TLS_CA_CERT_FILE,
    OPTION_TLS_CA_CERT_DIR,
    OPTION_TLS_AUTH_CLIENTS,
    OPTION_TLS_PROTOCOLS,
    OPTION_TLS_CIPHERS,
    OPTION_TLS_CIPHERSUITES,
    OPTION_TLS_DH_PARAMS_FILE,
    OPTION_TLS_PREFER_SERVER_CIPHERS,
    OPTION_TLS_SESSION_CACHING,
    OPTION_TLS_SESSION_CACHE_SIZE,
    OPTION_TLS_SESSION_CACHE_TIMEOUT, /* seconds */
    OPTION_TLS_REPLICATION,
    /* observation */
    OPTION_LOGLEVEL, /* enum log_level */
    OPTION_LOGFILE,
    OPTION_PIDFILE,
    OPTION_DAEMONIZE,
    OPTION_SLOWLOG_LOG_SLOWER_THAN, /* microseconds */
    OPTION_SLOWLOG_MAX_LEN,
    OPTION_LATENCY_MONITOR_THRESHOLD, /* milliseconds */
    OPTION_LATENCY_TRACKING,
    OPTION_LATENCY_TRACKING_INFO_PERCENTILES,
    OPTION_NOTIFY_KEYSPACE_EVENTS,
    OPTION_TRACKING_TABLE_MAX_KEYS,
    /* taken so that Redis's tools and tests can set them; they change nothing here and --help says
       so */
    OPTION_SAVE,
    OPTION_APPENDONLY,
    OPTION_DBFILENAME,
    OPTION_MAXMEMORY_SAMPLES,
    OPTION_HZ,
    OPTION_ACTIVEREHASHING,
    OPTION_LAZYFREE_LAZY_USER_DEL,
    OPTION_LAZYFREE_LAZY_USER_FLUSH,
    OPTION_REPL_BACKLOG_SIZE,
    OPTION_TLS_CLUSTER,
    OPTION_MAXMEMORY_CLIENTS,
    OPTION_MASTERAUTH,
    OPTION_REPLICAOF, /* always empty, as is slaveof: asking for it is refused */
    OPTION_SLAVEOF,
    OPTION_KEY_LOAD_DELAY,
    /* the same; of things that this server has not, and in every redis.conf */
    OPTION_STOP_WRITES_ON_BGSAVE_ERROR,
    OPTION_RDBCOMPRESSION,
    OPTION_RDBCHECKSUM,
    OPTION_RDB_DEL_SYNC_FILES,
    OPTION_RDB_SAVE_INCREMENTAL_FSYNC,
    OPTION_APPENDFILENAME,
    OPTION_APPENDDIRNAME,
    OPTION_NO_APPENDFSYNC_ON_REWRITE,
    OPTION_AUTO_AOF_REWRITE_PERCENTAGE,
    OPTION_AUTO_AOF_REWRITE_MIN_SIZE,
    OPTION_AOF_LOAD_TRUNCATED,
    OPTION_AOF_USE_RDB_PREAMBLE,
    OPTION_AOF_TIMESTAMP_ENABLED,
    OPTION_AOF_REWRITE_INCREMENTAL_FSYNC,
    OPTION_REPLICA_SERVE_STALE_DATA,
    OPTION_REPLICA_READ_ONLY,
    OPTION_REPLICA_PRIORITY,
    OPTION_REPLICA_LAZY_FLUSH,
    OPTION_REPL_DISKLESS_SYNC,
    OPTION_REPL_DISKLESS_SYNC_DELAY,
    OPTION_REPL_DISKLESS_SYNC_MAX_REPLICAS,
    OPTION_REPL_DISKLESS_LOAD,
    OPTION_REPL_DISABLE_TCP_NODELAY,
    OPTION_REPL_PING_REPLICA_PERIOD,
    OPTION_REPL_TIMEOUT,
    OPTION_LAZYFREE_LAZY_EVICTION,
    OPTION_LAZYFREE_LAZY_EXPIRE,
    OPTION_LAZYFREE_LAZY_SERVER_DEL,
    OPTION_OOM_SCORE_ADJ,
    OPTION_OOM_SCORE_ADJ_VALUES,
    OPTION_DISABLE_THP,
    OPTION_JEMALLOC_BG_THREAD,
    OPTION_SET_PROC_TITLE,
    OPTION_PROC_TITLE_TEMPLATE,
    OPTION_ALWAYS_SHOW_LOGO,
    OPTION_HASH_MAX_LISTPACK_ENTRIES,
    OPTION_HASH_MAX_LISTPACK_VALUE,
    OPTION_HASH_MAX_ZIPLIST_ENTRIES,
    OPTION_HASH_MAX_ZIPLIST_VALUE,
    OPTION_LIST_MAX_LISTPACK_SIZE,
    OPTION_LIST_MAX_ZIPLIST_SIZE,
    OPTION_LIST_COMPRESS_DEPTH,
    OPTION_SET_MAX_INTSET_ENTRIES,
    OPTION_ZSET_MAX_LISTPACK_ENTRIES,
    OPTION_ZSET_MAX_LISTPACK_VALUE,
    OPTION_ZSET_MAX_ZIPLIST_ENTRIES,
    OPTION_ZSET_MAX_ZIPLIST_VALUE,
    OPTION_HLL_SPARSE_MAX_BYTES,
    OPTION_STREAM_NODE_MAX_BYTES,
    OPTION_STREAM_NODE_MAX_ENTRIES,
    OPTION_LUA_TIME_LIMIT,
    OPTION_BUSY_REPLY_THRESHOLD,
    OPTION_DYNAMIC_HZ,
    OPTION_COUNT
};

enum appendfsync { APPENDFSYNC_ALWAYS, APPENDFSYNC_EVERYSEC, APPENDFSYNC_NO };

enum acl_pubsub_default { ACL_PUBSUB_RESETCHANNELS, ACL_PUBSUB_ALLCHANNELS };

enum tls_auth_clients { TLS_AUTH_CLIENTS_NO, TLS_AUTH_CLIENTS_YES, TLS_AUTH_CLIENTS_OPTIONAL };

enum client_class {
    CLIENT_CLASS_NORMAL,
    CLIENT_CLASS_REPLICA,
    CLIENT_CLASS_PUBSUB,
    CLIENT_CLASS_COUNT
};

struct output_limit {
    int64_t hard_bytes; /* 0 = none */
    int64_t soft_bytes; /* 0 = none */
    int64_t soft_seconds;
};

#define OPTIONS_ERROR_MAX 512

struct options;

/* All defaults. */
struct options *options_create(void);
void options_destroy(struct options *options);

/* `grapevine-server [FILE] [--name value ...]`: argc and argv as main() got them.  FILE "-" is
 * standard input.  Once, right after options_create().  On failure `error` is one line: file and
 * line (or "command line"), what is wrong, what is allowed; the options are then good for nothing
 * but options_destroy(). */
enum status options_parse(struct options *options, int argc, char **argv,
                          char error[OPTIONS_ERROR_MAX]) MUST_USE;

/* Fills what depends on other options or on the machine (io-threads, gossip-port, the secret's
 * file), and refuses conflicts (a peer without a secret, one port twice, ...).  Once, after
 * parsing. */
enum status options_finish(struct options *options, char error[OPTIONS_ERROR_MAX]) MUST_USE;

/* Integers and sizes as they are, switches as 0 and 1, choices as their enum.  No lock, no call
 * into anything: cheap enough for every request. */
int64_t options_number(const struct options *options, enum option_id id);
bool options_is_on(const struct options *options, enum option_id id);
struct output_limit options_output_limit(const struct options *options, enum client_class class);

/* Is maxmemory-policy one that counts how often keys are used?  Nothing is evicted by it here, but
 * OBJECT FREQ tells. */
bool options_counts_use(const struct options *options);

/* Is it the policy by which writes are refused for want of memory? */
bool options_is_noeviction(const struct options *options);

/* Copies a text option; xbytes_free() frees it. */
struct bytes options_take_bytes(const struct options *options, enum option_id id);

/* The same, zero-ended, of one that holds no zero byte: any but a password of Redis's. */
char *options_take_text(const struct options *options, enum option_id id);

/* The profile with its overrides. */
struct limits options_limits(const struct options *options);

/* Was it given at start, in the file or on the command line, rather than left at its default? */
bool options_is_given(const struct options *options, enum option_id id);

/* The absolute path of the config file given at start, or "" if there was none. */
const char *options_file(const struct options *options);

const char *option_name(enum option_id id);

/* Lines given at start that are no option. */
enum line_kind {
    LINE_USER,           /* user <name> <rules> */
    LINE_RENAME_COMMAND, /* rename-command <name> <new name>: always two words, without zero bytes
                          */
    LINE_KIND_COUNT
};

/* The words behind the first, and where they stood ("file x, line 3"). */
size_t options_line_count(const struct options *options, enum line_kind kind);
const struct bytes *options_line(const struct options *options, enum line_kind kind, size_t index,
                                 size_t *count, const char **origin);

/* Called after a value changed by CONFIG SET (not at start); false refuses, with a reason.  It may
 * read options, and must not change any.  Set hooks before other threads run.
 *
 * Where one CONFIG SET changes several options of the same hook and context, it is called once, for
 * the first of them; all have their new values by then.  An option that names a file is taken for
 * changed by every CONFIG SET: the file may be another one.
 *
 * Some options (port, bind, ...) mean something only at start unless somebody carries the change
 * out: those can be changed exactly if they have a hook. */
typedef bool option_hook(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX]);
void options_set_hook(struct options *options, enum option_id id, option_hook *hook, void *context);

/* CONFIG SET name value [name value ...]: all or nothing.  STATUS_SYNTAX if `count` is odd, else
 * STATUS_FAILED and `error` is Redis's text, without "ERR ". */
enum status options_set(struct options *options, const struct bytes *words, size_t count,
                        char error[OPTIONS_ERROR_MAX]) MUST_USE;

/* Is its value to be kept out of logs, SLOWLOG and MONITOR? */
bool options_is_secret(struct bytes name);

/* CONFIG GET: calls `each` for every option whose name matches one of the patterns, once each. */
void options_match(const struct options *options, const struct bytes *patterns, size_t count,
                   void (*each)(void *context, const char *name, struct bytes value),
                   void *context);

/* CONFIG REWRITE: writes the file given at start anew, keeping its comments.  `users` are the lines
 * "user ..." that it shall have, each ended by a line break.  STATUS_FAILED and
 * Redis's text without "ERR " if there is no file or it can't be written; the old file is then
 * untouched. */
enum status options_rewrite(struct options *options, struct bytes users,
                            char error[OPTIONS_ERROR_MAX]) MUST_USE;

/* --help. */
void options_help(struct buffer *text);

#endif
