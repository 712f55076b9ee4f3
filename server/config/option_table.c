#include "config/option_table.h"

#include <limits.h>
#include <string.h>

#include "base/log.h"

#define KB       (1024LL)
#define MB       (1024 * KB)
#define PORT_MAX 65535
#define TEXT_MAX 4096
/* Of options that a redis.conf has, and nobody asks for. */
#define UNHEARD (FLAG_IGNORED | FLAG_HIDDEN)
/* sun_path, without its closing zero */
#define UNIX_PATH_MAX_BYTES 107

static const struct option_choice appendfsync_choices[] = {
    {"everysec", APPENDFSYNC_EVERYSEC},
    {"always", APPENDFSYNC_ALWAYS},
    {"no", APPENDFSYNC_NO},
    {NULL, 0},
};

static const struct option_choice limits_choices[] = {
    {"beta", LIMIT_PROFILE_BETA},
    {"current", LIMIT_PROFILE_CURRENT},
    {"none", LIMIT_PROFILE_NONE},
    {NULL, 0},
};

static const struct option_choice loglevel_choices[] = {
    {"debug", LOG_DEBUG},     {"verbose", LOG_VERBOSE}, {"notice", LOG_NOTICE},
    {"warning", LOG_WARNING}, {"nothing", LOG_NOTHING}, {NULL, 0},
};

static const struct option_choice acl_pubsub_choices[] = {
    {"resetchannels", ACL_PUBSUB_RESETCHANNELS},
    {"allchannels", ACL_PUBSUB_ALLCHANNELS},
    {NULL, 0},
};

static const struct option_choice tls_auth_clients_choices[] = {
    {"no", TLS_AUTH_CLIENTS_NO},
    {"yes", TLS_AUTH_CLIENTS_YES},
    {"optional", TLS_AUTH_CLIENTS_OPTIONAL},
    {NULL, 0},
};

static const struct option_choice maxmemory_policy_choices[] = {
    {"volatile-lru", 0},
    {"volatile-lfu", POLICY_VOLATILE_LFU},
    {"volatile-random", 2},
    {"volatile-ttl", 3},
    {"allkeys-lru", 4},
    {"allkeys-lfu", POLICY_ALLKEYS_LFU},
    {"allkeys-random", 6},
    {"noeviction", POLICY_NOEVICTION},
    {NULL, 0},
};

/* clang-format off */
const struct option_row option_rows[OPTION_COUNT] = {
    /* network */
    [OPTION_PORT] = {"port", TYPE_INTEGER, CHANGE_BY_HOOK, 0, "6379", 0, PORT_MAX, NULL,
        "TCP port of the Redis protocol; 0 = none"},
    [OPTION_BIND] = {"bind", TYPE_WORDS, CHANGE_BY_HOOK, 0, "127.0.0.1", 0, 16, NULL,
        "addresses to listen on; one that starts with - may be missing"},
    [OPTION_UNIXSOCKET] = {"unixsocket", TYPE_TEXT, CHANGE_NEVER, 0, "", 0, UNIX_PATH_MAX_BYTES, NULL,
        "path of a unix socket to listen on"},
    [OPTION_UNIXSOCKETPERM] = {"unixsocketperm", TYPE_OCTAL, CHANGE_NEVER, 0, "0", 0, 0777, NULL,
        "its mode, octal; 0 = as the umask makes it"},
    [OPTION_HTTP_PORT] = {"http-port", TYPE_INTEGER, CHANGE_BY_HOOK, 0, "8379", 0, PORT_MAX, NULL,
        "TCP port of the REST API, metrics and the dashboard; 0 = off"},
    [OPTION_GOSSIP_PORT] = {"gossip-port", TYPE_INTEGER, CHANGE_BY_HOOK, 0, "0", 0, PORT_MAX, NULL,
        "TCP port for other replicas, open only with a cluster secret; 0 = port + 10000"},
    [OPTION_TCP_BACKLOG] = {"tcp-backlog", TYPE_INTEGER, CHANGE_NEVER, 0, "511", 0, INT_MAX, NULL,
        "connections that may wait to be accepted"},
    [OPTION_TCP_KEEPALIVE] = {"tcp-keepalive", TYPE_INTEGER, CHANGE_ANYTIME, 0, "300", 0, INT_MAX, NULL,
        "seconds between probes of a silent client; 0 = none"},
    [OPTION_TIMEOUT] = {"timeout", TYPE_INTEGER, CHANGE_ANYTIME, 0, "0", 0, INT_MAX, NULL,
        "seconds after which an idle client is closed; 0 = never"},
    [OPTION_MAXCLIENTS] = {"maxclients", TYPE_INTEGER, CHANGE_ANYTIME, 0, "10000", 1, UINT_MAX, NULL,
        "most clients at a time"},
    [OPTION_PROTECTED_MODE] = {"protected-mode", TYPE_SWITCH, CHANGE_ANYTIME, 0, "yes", 0, 1, NULL,
        "without a password, refuse clients of other machines"},
    [OPTION_IO_THREADS] = {"io-threads", TYPE_INTEGER, CHANGE_NEVER, 0, "0", 0, 128, NULL,
        "event loops, each serving its own connections; 0 = one for each core"},
    [OPTION_PROTO_MAX_BULK_LEN] = {"proto-max-bulk-len", TYPE_SIZE, CHANGE_ANYTIME, 0,
        "512mb", MB, LONG_MAX, NULL,
        "largest argument of a request"},
    [OPTION_CLIENT_QUERY_BUFFER_LIMIT] = {"client-query-buffer-limit", TYPE_SIZE, CHANGE_ANYTIME, 0,
        "1gb", MB, LONG_MAX, NULL,
        "largest request of a client"},
    [OPTION_CLIENT_OUTPUT_BUFFER_LIMIT] = {"client-output-buffer-limit", TYPE_OUTPUT_LIMITS, CHANGE_ANYTIME, 0,
        "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60", 0, 0, NULL,
        "class, hard limit, soft limit, seconds: close a client whose replies pile up"},

    /* access */
    [OPTION_REQUIREPASS] = {"requirepass", TYPE_BYTES, CHANGE_ANYTIME, FLAG_SECRET, "", 0, TEXT_MAX, NULL,
        "password of the default user"},
    [OPTION_ACLFILE] = {"aclfile", TYPE_TEXT, CHANGE_NEVER, 0, "", 0, TEXT_MAX, NULL,
        "file of the ACL users"},
    [OPTION_ACLLOG_MAX_LEN] = {"acllog-max-len", TYPE_INTEGER, CHANGE_ANYTIME, 0, "128", 0, LONG_MAX, NULL,
        "entries that ACL LOG keeps"},
    [OPTION_ACL_PUBSUB_DEFAULT] = {"acl-pubsub-default", TYPE_CHOICE, CHANGE_ANYTIME, 0, "resetchannels", 0, 0,
        acl_pubsub_choices,
        "channels of a new user until rules say otherwise"},
    [OPTION_HTTP_TOKEN] = {"http-token", TYPE_TEXT, CHANGE_ANYTIME, FLAG_SECRET, "", 0, TEXT_MAX, NULL,
        "bearer token that the HTTP port asks for"},

    /* storage */
    [OPTION_DIR] = {"dir", TYPE_TEXT, CHANGE_BY_HOOK, 0, "./data", 1, TEXT_MAX, NULL,
        "data directory; created if it does not exist"},
    [OPTION_CACHE_SIZE] = {"cache-size", TYPE_SIZE, CHANGE_ANYTIME, 0, "256mb", MB, LONG_MAX, NULL,
        "memory for records that are read often"},
    [OPTION_MAXMEMORY] = {"maxmemory", TYPE_SIZE, CHANGE_ANYTIME, 0, "0", 0, INT64_MAX, NULL,
        "memory to use, of which the cache gets what is left; 0 = no limit but cache-size"},
    [OPTION_MAXMEMORY_POLICY] = {"maxmemory-policy", TYPE_CHOICE, CHANGE_ANYTIME, 0,
        "noeviction", 0, 0, maxmemory_policy_choices,
        "noeviction refuses writes over maxmemory; no other evicts keys from disk either"},
    [OPTION_APPENDFSYNC] = {"appendfsync", TYPE_CHOICE, CHANGE_ANYTIME, 0, "everysec", 0, 0, appendfsync_choices,
        "always: a reply means it is on disk; everysec: within a second; no: when the system likes"},
    [OPTION_LEVELDB_COMPRESSION] = {"leveldb-compression", TYPE_SWITCH, CHANGE_BY_HOOK, 0, "no", 0, 1, NULL,
        "snappy on disk: less space, slower reads of what is not in memory, and more memory"},
    [OPTION_DATABASES] = {"databases", TYPE_INTEGER, CHANGE_NEVER, 0, "16", 1, INT_MAX, NULL,
        "numbered databases: SELECT 0 to this less one"},

    /* limits */
    [OPTION_LIMITS] = {"limits", TYPE_CHOICE, CHANGE_ANYTIME, 0, "beta", 0, 0, limits_choices,
        "profile of limits: Workers KV's beta, Workers KV's current ones, none"},
    [OPTION_MAX_KEY_SIZE] = {"max-key-size", TYPE_SIZE, CHANGE_ANYTIME, 0, "profile", 0, 0, NULL,
        "longest key in bytes"},
    [OPTION_MAX_VALUE_SIZE] = {"max-value-size", TYPE_SIZE, CHANGE_ANYTIME, 0, "profile", 0, 0, NULL,
        "longest value in bytes"},
    [OPTION_MAX_METADATA_SIZE] = {"max-metadata-size", TYPE_SIZE, CHANGE_ANYTIME, 0, "profile", 0, 0, NULL,
        "longest metadata in bytes"},
    [OPTION_MAX_KEYS_PER_NAMESPACE] = {"max-keys-per-namespace", TYPE_INTEGER, CHANGE_ANYTIME, 0,
        "profile", 0, 0, NULL,
        "most keys in a namespace; 0 = any number"},
    [OPTION_KEY_WRITE_RATE] = {"key-write-rate", TYPE_INTEGER, CHANGE_ANYTIME, 0, "profile", 0, 0, NULL,
        "writes of one key in a second; 0 = any number"},

    /* replication */
    [OPTION_REPLICATION] = {"replication", TYPE_SWITCH, CHANGE_BY_HOOK, 0, "yes", 0, 1, NULL,
        "no = a single node for good"},
    [OPTION_PEER] = {"peer", TYPE_ADDRESSES, CHANGE_BY_HOOK, FLAG_ADDS_UP, "", 0, 1024, NULL,
        "host:gossip-port of another replica; may be given several times"},
    [OPTION_GOSSIP_ANNOUNCE] = {"gossip-announce", TYPE_ADDRESSES, CHANGE_BY_HOOK, 0, "", 0, 1, NULL,
        "host:port that others are told to find this replica at"},
    [OPTION_CLUSTER_SECRET] = {"cluster-secret", TYPE_TEXT, CHANGE_BY_HOOK, FLAG_SECRET, "", 0, TEXT_MAX, NULL,
        "what replicas know each other by; turns replication on"},
    [OPTION_CLUSTER_SECRET_FILE] = {"cluster-secret-file", TYPE_TEXT, CHANGE_BY_HOOK, 0, "", 0, TEXT_MAX, NULL,
        "a file that holds the cluster secret"},
    [OPTION_MAX_CLOCK_SKEW] = {"max-clock-skew", TYPE_INTEGER, CHANGE_BY_HOOK, 0, "1000", 0, 3600000, NULL,
        "milliseconds by which another replica's clock may be ahead"},
    [OPTION_FORGET_AFTER] = {"forget-after", TYPE_INTEGER, CHANGE_BY_HOOK, 0, "0", 0, INT_MAX, NULL,
        "seconds after which a replica that is gone is given up; 0 = never"},

    /* TLS */
    [OPTION_TLS_PORT] = {"tls-port", TYPE_INTEGER, CHANGE_BY_HOOK, 0, "0", 0, PORT_MAX, NULL,
        "TCP port of the Redis protocol over TLS; 0 = none"},
    [OPTION_TLS_CERT_FILE] = {"tls-cert-file", TYPE_TEXT, CHANGE_BY_HOOK, FLAG_FILE, "", 0, TEXT_MAX, NULL,
        "certificate of this server, PEM"},
    [OPTION_TLS_KEY_FILE] = {"tls-key-file", TYPE_TEXT, CHANGE_BY_HOOK, FLAG_FILE, "", 0, TEXT_MAX, NULL,
        "its private key, PEM"},
    [OPTION_TLS_KEY_FILE_PASS] = {"tls-key-file-pass", TYPE_TEXT, CHANGE_BY_HOOK, FLAG_SECRET, "", 0, TEXT_MAX, NULL,
        "passphrase of the private key"},
    [OPTION_TLS_CLIENT_CERT_FILE] = {"tls-client-cert-file", TYPE_TEXT, CHANGE_BY_HOOK, FLAG_FILE, "", 0, TEXT_MAX, NULL,
        "another certificate to show where this server connects to replicas, PEM"},
    [OPTION_TLS_CLIENT_KEY_FILE] = {"tls-client-key-file", TYPE_TEXT, CHANGE_BY_HOOK, FLAG_FILE, "", 0, TEXT_MAX, NULL,
        "its private key, PEM"},
    [OPTION_TLS_CLIENT_KEY_FILE_PASS] = {"tls-client-key-file-pass", TYPE_TEXT, CHANGE_BY_HOOK, FLAG_SECRET, "", 0, TEXT_MAX, NULL,
        "passphrase of that key"},
    [OPTION_TLS_CA_CERT_FILE] = {"tls-ca-cert-file", TYPE_TEXT, CHANGE_BY_HOOK, FLAG_FILE, "", 0, TEXT_MAX, NULL,
        "certificates of those who may sign others' certificates, PEM"},
    [OPTION_TLS_CA_CERT_DIR] = {"tls-ca-cert-dir", TYPE_TEXT, CHANGE_BY_HOOK, FLAG_FILE, "", 0, TEXT_MAX, NULL,
        "the same, as a directory"},
    [OPTION_TLS_AUTH_CLIENTS] = {"tls-auth-clients", TYPE_CHOICE, CHANGE_BY_HOOK, 0, "yes", 0, 0, tls_auth_clients_choices,
        "must clients show a certificate?"},
    [OPTION_TLS_PROTOCOLS] = {"tls-protocols", TYPE_TEXT, CHANGE_BY_HOOK, 0, "", 0, TEXT_MAX, NULL,
        "versions of TLS that are offered"},
    [OPTION_TLS_CIPHERS] = {"tls-ciphers", TYPE_TEXT, CHANGE_BY_HOOK, 0, "", 0, TEXT_MAX, NULL,
        "ciphers that are offered up to TLS 1.2"},
    [OPTION_TLS_CIPHERSUITES] = {"tls-ciphersuites", TYPE_TEXT, CHANGE_BY_HOOK, 0, "", 0, TEXT_MAX, NULL,
        "ciphers that are offered with TLS 1.3"},
    [OPTION_TLS_DH_PARAMS_FILE] = {"tls-dh-params-file", TYPE_TEXT, CHANGE_BY_HOOK, FLAG_FILE, "", 0, TEXT_MAX, NULL,
        "parameters for DHE ciphers, PEM; otherwise OpenSSL's own"},
    [OPTION_TLS_PREFER_SERVER_CIPHERS] = {"tls-prefer-server-ciphers", TYPE_SWITCH, CHANGE_BY_HOOK, 0, "no", 0, 1, NULL,
        "choose the cipher by this server's order, not by the client's"},
    [OPTION_TLS_SESSION_CACHING] = {"tls-session-caching", TYPE_SWITCH, CHANGE_BY_HOOK, 0, "yes", 0, 1, NULL,
        "let clients come back without a full handshake"},
    [OPTION_TLS_SESSION_CACHE_SIZE] = {"tls-session-cache-size", TYPE_INTEGER, CHANGE_BY_HOOK, 0, "20480", 0, INT_MAX, NULL,
        "sessions that are remembered for that; 0 = any number"},
    [OPTION_TLS_SESSION_CACHE_TIMEOUT] = {"tls-session-cache-timeout", TYPE_INTEGER, CHANGE_BY_HOOK, 0, "300", 0, INT_MAX, NULL,
        "seconds for which one is good"},
    [OPTION_TLS_REPLICATION] = {"tls-replication", TYPE_SWITCH, CHANGE_BY_HOOK, 0, "no", 0, 1, NULL,
        "speak TLS with other replicas"},

    /* observation */
    [OPTION_LOGLEVEL] = {"loglevel", TYPE_CHOICE, CHANGE_ANYTIME, 0, "notice", 0, 0, loglevel_choices,
        "least important lines to log"},
    [OPTION_LOGFILE] = {"logfile", TYPE_TEXT, CHANGE_NEVER, 0, "", 0, TEXT_MAX, NULL,
        "file to log to, instead of standard output"},
    [OPTION_PIDFILE] = {"pidfile", TYPE_TEXT, CHANGE_NEVER, 0, "", 0, TEXT_MAX, NULL,
        "file to write the process id to"},
    [OPTION_DAEMONIZE] = {"daemonize", TYPE_SWITCH, CHANGE_NEVER, 0, "no", 0, 1, NULL,
        "run in the background"},
    [OPTION_SLOWLOG_LOG_SLOWER_THAN] = {"slowlog-log-slower-than", TYPE_INTEGER, CHANGE_ANYTIME, 0,
        "10000", -1, INT64_MAX, NULL,
        "microseconds from which SLOWLOG keeps a command; -1 = none"},
    [OPTION_SLOWLOG_MAX_LEN] = {"slowlog-max-len", TYPE_INTEGER, CHANGE_ANYTIME, 0, "128", 0, LONG_MAX, NULL,
        "commands that SLOWLOG keeps"},
    [OPTION_LATENCY_MONITOR_THRESHOLD] = {"latency-monitor-threshold", TYPE_INTEGER, CHANGE_ANYTIME, 0,
        "0", 0, INT64_MAX, NULL,
        "milliseconds from which LATENCY keeps an event; 0 = none"},
    [OPTION_LATENCY_TRACKING] = {"latency-tracking", TYPE_SWITCH, CHANGE_ANYTIME, 0, "yes", 0, 1, NULL,
        "measure how long each command takes"},
    [OPTION_LATENCY_TRACKING_INFO_PERCENTILES] = {"latency-tracking-info-percentiles", TYPE_PERCENTILES,
        CHANGE_ANYTIME, 0, "50 99 99.9", 0, 100, NULL,
        "percentiles that INFO latencystats shows"},
    [OPTION_NOTIFY_KEYSPACE_EVENTS] = {"notify-keyspace-events", TYPE_EVENTS, CHANGE_ANYTIME, 0, "", 0, 0, NULL,
        "events of keys that are published, as letters"},
    [OPTION_TRACKING_TABLE_MAX_KEYS] = {"tracking-table-max-keys", TYPE_INTEGER, CHANGE_ANYTIME, 0,
        "1000000", 0, LONG_MAX, NULL,
        "keys remembered for clients that cache them; 0 = any number"},

    /* taken for Redis's tools */
    [OPTION_SAVE] = {"save", TYPE_SAVE_POINTS, CHANGE_ANYTIME, FLAG_IGNORED | FLAG_ADDS_UP,
        "3600 1 300 100 60 10000", 0, 0, NULL,
        "seconds and changes"},
    [OPTION_APPENDONLY] = {"appendonly", TYPE_SWITCH, CHANGE_ANYTIME, FLAG_IGNORED, "no", 0, 1, NULL,
        "writes are always kept; see appendfsync"},
    [OPTION_DBFILENAME] = {"dbfilename", TYPE_TEXT, CHANGE_ANYTIME, FLAG_IGNORED, "dump.rdb", 0, TEXT_MAX, NULL,
        "there is no such file; see dir"},
    [OPTION_MAXMEMORY_SAMPLES] = {"maxmemory-samples", TYPE_INTEGER, CHANGE_ANYTIME, FLAG_IGNORED,
        "5", 1, INT_MAX, NULL,
        "keys are never evicted from disk"},
    [OPTION_HZ] = {"hz", TYPE_INTEGER, CHANGE_ANYTIME, FLAG_IGNORED, "10", 0, INT_MAX, NULL,
        "background work sets its own pace"},
    [OPTION_ACTIVEREHASHING] = {"activerehashing", TYPE_SWITCH, CHANGE_ANYTIME, FLAG_IGNORED, "yes", 0, 1, NULL,
        "there is nothing to rehash"},
    [OPTION_LAZYFREE_LAZY_USER_DEL] = {"lazyfree-lazy-user-del", TYPE_SWITCH, CHANGE_ANYTIME, FLAG_IGNORED,
        "no", 0, 1, NULL,
        "memory is always freed later"},
    [OPTION_LAZYFREE_LAZY_USER_FLUSH] = {"lazyfree-lazy-user-flush", TYPE_SWITCH, CHANGE_ANYTIME, FLAG_IGNORED,
        "no", 0, 1, NULL,
        "memory is always freed later"},
    [OPTION_TLS_CLUSTER] = {"tls-cluster", TYPE_SWITCH, CHANGE_ANYTIME, FLAG_IGNORED, "no", 0, 1, NULL,
        "see tls-replication"},
    [OPTION_REPL_BACKLOG_SIZE] = {"repl-backlog-size", TYPE_SIZE, CHANGE_ANYTIME, FLAG_IGNORED,
        "1mb", 1, INT64_MAX, NULL,
        "replicas compare what they hold instead"},
    [OPTION_MAXMEMORY_CLIENTS] = {"maxmemory-clients", TYPE_SIZE_OR_PERCENT, CHANGE_ANYTIME, FLAG_IGNORED,
        "0", 0, INT64_MAX, NULL,
        "see client-output-buffer-limit and client-query-buffer-limit"},
    [OPTION_MASTERAUTH] = {"masterauth", TYPE_BYTES, CHANGE_ANYTIME, FLAG_IGNORED | FLAG_SECRET,
        "", 0, TEXT_MAX, NULL,
        "see cluster-secret"},
    [OPTION_REPLICAOF] = {"replicaof", TYPE_WORDS, CHANGE_NEVER, FLAG_IGNORED, "", 0, 2, NULL,
        "only as no one; see peer"},
    [OPTION_SLAVEOF] = {"slaveof", TYPE_WORDS, CHANGE_NEVER, FLAG_IGNORED, "", 0, 2, NULL,
        "the same by its old name"},
    [OPTION_KEY_LOAD_DELAY] = {"key-load-delay", TYPE_INTEGER, CHANGE_ANYTIME, FLAG_IGNORED | FLAG_HIDDEN,
        "0", INT_MIN, INT_MAX, NULL,
        "nothing is loaded at start"},

    /* in every redis.conf */
    [OPTION_STOP_WRITES_ON_BGSAVE_ERROR] = {"stop-writes-on-bgsave-error", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "there are no snapshots"},
    [OPTION_RDBCOMPRESSION] = {"rdbcompression", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "there are no snapshots"},
    [OPTION_RDBCHECKSUM] = {"rdbchecksum", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "there are no snapshots"},
    [OPTION_RDB_DEL_SYNC_FILES] = {"rdb-del-sync-files", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "no", 0, 1, NULL,
        "there are no snapshots"},
    [OPTION_RDB_SAVE_INCREMENTAL_FSYNC] = {"rdb-save-incremental-fsync", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "there are no snapshots"},
    [OPTION_APPENDFILENAME] = {"appendfilename", TYPE_TEXT, CHANGE_NEVER, UNHEARD, "appendonly.aof", 0, TEXT_MAX, NULL,
        "see appendfsync"},
    [OPTION_APPENDDIRNAME] = {"appenddirname", TYPE_TEXT, CHANGE_NEVER, UNHEARD, "appendonlydir", 0, TEXT_MAX, NULL,
        "see appendfsync"},
    [OPTION_NO_APPENDFSYNC_ON_REWRITE] = {"no-appendfsync-on-rewrite", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "no", 0, 1, NULL,
        "see appendfsync"},
    [OPTION_AUTO_AOF_REWRITE_PERCENTAGE] = {"auto-aof-rewrite-percentage", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "100", INT_MIN, INT_MAX, NULL,
        "see appendfsync"},
    [OPTION_AUTO_AOF_REWRITE_MIN_SIZE] = {"auto-aof-rewrite-min-size", TYPE_SIZE, CHANGE_ANYTIME, UNHEARD, "67108864", 0, INT64_MAX, NULL,
        "see appendfsync"},
    [OPTION_AOF_LOAD_TRUNCATED] = {"aof-load-truncated", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "see appendfsync"},
    [OPTION_AOF_USE_RDB_PREAMBLE] = {"aof-use-rdb-preamble", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "see appendfsync"},
    [OPTION_AOF_TIMESTAMP_ENABLED] = {"aof-timestamp-enabled", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "no", 0, 1, NULL,
        "see appendfsync"},
    [OPTION_AOF_REWRITE_INCREMENTAL_FSYNC] = {"aof-rewrite-incremental-fsync", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "see appendfsync"},
    [OPTION_REPLICA_SERVE_STALE_DATA] = {"replica-serve-stale-data", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "every replica takes writes; see peer"},
    [OPTION_REPLICA_READ_ONLY] = {"replica-read-only", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "every replica takes writes; see peer"},
    [OPTION_REPLICA_PRIORITY] = {"replica-priority", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "100", INT_MIN, INT_MAX, NULL,
        "every replica takes writes; see peer"},
    [OPTION_REPLICA_LAZY_FLUSH] = {"replica-lazy-flush", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "no", 0, 1, NULL,
        "every replica takes writes; see peer"},
    [OPTION_REPL_DISKLESS_SYNC] = {"repl-diskless-sync", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "every replica takes writes; see peer"},
    [OPTION_REPL_DISKLESS_SYNC_DELAY] = {"repl-diskless-sync-delay", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "5", INT_MIN, INT_MAX, NULL,
        "every replica takes writes; see peer"},
    [OPTION_REPL_DISKLESS_SYNC_MAX_REPLICAS] = {"repl-diskless-sync-max-replicas", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "0", INT_MIN, INT_MAX, NULL,
        "every replica takes writes; see peer"},
    [OPTION_REPL_DISKLESS_LOAD] = {"repl-diskless-load", TYPE_TEXT, CHANGE_ANYTIME, UNHEARD, "disabled", 0, TEXT_MAX, NULL,
        "every replica takes writes; see peer"},
    [OPTION_REPL_DISABLE_TCP_NODELAY] = {"repl-disable-tcp-nodelay", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "no", 0, 1, NULL,
        "every replica takes writes; see peer"},
    [OPTION_REPL_PING_REPLICA_PERIOD] = {"repl-ping-replica-period", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "10", INT_MIN, INT_MAX, NULL,
        "every replica takes writes; see peer"},
    [OPTION_REPL_TIMEOUT] = {"repl-timeout", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "60", INT_MIN, INT_MAX, NULL,
        "every replica takes writes; see peer"},
    [OPTION_LAZYFREE_LAZY_EVICTION] = {"lazyfree-lazy-eviction", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "no", 0, 1, NULL,
        "memory is always freed later"},
    [OPTION_LAZYFREE_LAZY_EXPIRE] = {"lazyfree-lazy-expire", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "no", 0, 1, NULL,
        "memory is always freed later"},
    [OPTION_LAZYFREE_LAZY_SERVER_DEL] = {"lazyfree-lazy-server-del", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "no", 0, 1, NULL,
        "memory is always freed later"},
    [OPTION_OOM_SCORE_ADJ] = {"oom-score-adj", TYPE_TEXT, CHANGE_ANYTIME, UNHEARD, "no", 0, TEXT_MAX, NULL,
        "the process is left as the system made it"},
    [OPTION_OOM_SCORE_ADJ_VALUES] = {"oom-score-adj-values", TYPE_WORDS, CHANGE_ANYTIME, UNHEARD, "0 200 800", 0, 3, NULL,
        "the process is left as the system made it"},
    [OPTION_DISABLE_THP] = {"disable-thp", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "the process is left as the system made it"},
    [OPTION_JEMALLOC_BG_THREAD] = {"jemalloc-bg-thread", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "the process is left as the system made it"},
    [OPTION_SET_PROC_TITLE] = {"set-proc-title", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "the process is left as the system made it"},
    [OPTION_PROC_TITLE_TEMPLATE] = {"proc-title-template", TYPE_TEXT, CHANGE_ANYTIME, UNHEARD, "{title} {listen-addr} {server-mode}", 0, TEXT_MAX, NULL,
        "the process is left as the system made it"},
    [OPTION_ALWAYS_SHOW_LOGO] = {"always-show-logo", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "no", 0, 1, NULL,
        "the process is left as the system made it"},
    [OPTION_HASH_MAX_LISTPACK_ENTRIES] = {"hash-max-listpack-entries", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "512", INT_MIN, INT_MAX, NULL,
        "values are strings"},
    [OPTION_HASH_MAX_LISTPACK_VALUE] = {"hash-max-listpack-value", TYPE_SIZE, CHANGE_ANYTIME, UNHEARD, "64", 0, INT64_MAX, NULL,
        "values are strings"},
    [OPTION_HASH_MAX_ZIPLIST_ENTRIES] = {"hash-max-ziplist-entries", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "512", INT_MIN, INT_MAX, NULL,
        "values are strings"},
    [OPTION_HASH_MAX_ZIPLIST_VALUE] = {"hash-max-ziplist-value", TYPE_SIZE, CHANGE_ANYTIME, UNHEARD, "64", 0, INT64_MAX, NULL,
        "values are strings"},
    [OPTION_LIST_MAX_LISTPACK_SIZE] = {"list-max-listpack-size", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "-2", INT_MIN, INT_MAX, NULL,
        "values are strings"},
    [OPTION_LIST_MAX_ZIPLIST_SIZE] = {"list-max-ziplist-size", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "-2", INT_MIN, INT_MAX, NULL,
        "values are strings"},
    [OPTION_LIST_COMPRESS_DEPTH] = {"list-compress-depth", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "0", INT_MIN, INT_MAX, NULL,
        "values are strings"},
    [OPTION_SET_MAX_INTSET_ENTRIES] = {"set-max-intset-entries", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "512", INT_MIN, INT_MAX, NULL,
        "values are strings"},
    [OPTION_ZSET_MAX_LISTPACK_ENTRIES] = {"zset-max-listpack-entries", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "128", INT_MIN, INT_MAX, NULL,
        "values are strings"},
    [OPTION_ZSET_MAX_LISTPACK_VALUE] = {"zset-max-listpack-value", TYPE_SIZE, CHANGE_ANYTIME, UNHEARD, "64", 0, INT64_MAX, NULL,
        "values are strings"},
    [OPTION_ZSET_MAX_ZIPLIST_ENTRIES] = {"zset-max-ziplist-entries", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "128", INT_MIN, INT_MAX, NULL,
        "values are strings"},
    [OPTION_ZSET_MAX_ZIPLIST_VALUE] = {"zset-max-ziplist-value", TYPE_SIZE, CHANGE_ANYTIME, UNHEARD, "64", 0, INT64_MAX, NULL,
        "values are strings"},
    [OPTION_HLL_SPARSE_MAX_BYTES] = {"hll-sparse-max-bytes", TYPE_SIZE, CHANGE_ANYTIME, UNHEARD, "3000", 0, INT64_MAX, NULL,
        "values are strings"},
    [OPTION_STREAM_NODE_MAX_BYTES] = {"stream-node-max-bytes", TYPE_SIZE, CHANGE_ANYTIME, UNHEARD, "4096", 0, INT64_MAX, NULL,
        "values are strings"},
    [OPTION_STREAM_NODE_MAX_ENTRIES] = {"stream-node-max-entries", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "100", INT_MIN, INT_MAX, NULL,
        "values are strings"},
    [OPTION_LUA_TIME_LIMIT] = {"lua-time-limit", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "5000", INT_MIN, INT_MAX, NULL,
        "there are no scripts"},
    [OPTION_BUSY_REPLY_THRESHOLD] = {"busy-reply-threshold", TYPE_INTEGER, CHANGE_ANYTIME, UNHEARD, "5000", INT_MIN, INT_MAX, NULL,
        "there are no scripts"},
    [OPTION_DYNAMIC_HZ] = {"dynamic-hz", TYPE_SWITCH, CHANGE_ANYTIME, UNHEARD, "yes", 0, 1, NULL,
        "background work sets its own pace"},
};
/* clang-format on */

const char *option_name(enum option_id id)
{
    return option_rows[id].name;
}

bool option_find(struct bytes name, enum option_id *id)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (bytes_is_word(name, option_rows[i].name)) {
            *id = (enum option_id)i;
            return true;
        }
    }
    return false;
}

bool options_is_secret(struct bytes name)
{
    enum option_id id;

    return option_find(name, &id) && (option_rows[id].flags & FLAG_SECRET) != 0;
}

bool option_is_limit(enum option_id id, enum limit *limit)
{
    if (id < OPTION_MAX_KEY_SIZE || id > OPTION_KEY_WRITE_RATE)
        return false;
    *limit = (enum limit)(id - OPTION_MAX_KEY_SIZE);
    return true;
}

void option_range(enum option_id id, int64_t *min, int64_t *max)
{
    enum limit limit;

    if (option_is_limit(id, &limit)) {
        *min = limit_rules[limit].min;
        *max = limit_rules[limit].max;
    } else {
        *min = option_rows[id].min;
        *max = option_rows[id].max;
    }
}

#define NAME_MAX_BYTES 64

/* How many bytes to insert, drop or replace to make one of the other (Levenshtein), one row of the
 * classic table at a time. */
static size_t distance(struct bytes a, struct bytes b)
{
    size_t row[NAME_MAX_BYTES + 1];

    for (size_t j = 0; j <= b.size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t replaced = diagonal + (a.data[i - 1] != b.data[j - 1]);
            size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = replaced < other ? replaced : other;
        }
    }
    return row[b.size];
}

const char *option_suggest(struct bytes name)
{
    const char *nearest = NULL;
    /* a third of it and one byte may be wrong: "prot" */
    size_t least = name.size / 3 + 2;

    if (name.size > NAME_MAX_BYTES || name.size < 3)
        return NULL;
    for (int i = 0; i < OPTION_COUNT; i++) {
        size_t d = distance(name, bytes_of(option_rows[i].name));

        if (d < least) {
            least = d;
            nearest = option_rows[i].name;
        }
    }
    return nearest;
}
