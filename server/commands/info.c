#include "commands/info.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/process.h"
#include "commands/acl_check.h"
#include "commands/clients.h"
#include "commands/figures.h"
#include "commands/statistics.h"
#include "commands/table.h"
#include "commands/tracking.h"
#include "store/engine.h"
#include "store/replica.h"

/* What a section is written from. */
struct info {
    struct services *services;
    struct store_thread *thread;
    struct statistics *statistics;
    const struct options *options;
    struct buffer *text;
    const struct ns *only; /* all there is for a user who is tied to it; NULL = all there are */
};

/* --- lines --- */

static void add(struct info *info, const char *format, ...) PRINTF_LIKE(2, 3);

static void add(struct info *info, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    buffer_vprintf(info->text, format, arguments);
    va_end(arguments);
    buffer_append_text(info->text, "\r\n");
}

static void add_number(struct info *info, const char *name, int64_t number)
{
    add(info, "%s:%" PRId64, name, number);
}

/* Fields of things that Redis has and this server has not, with the value that says so. */
static void add_fixed(struct info *info, const char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(info, "%s", lines[i]);
}

/* "1.50M" */
static void add_human(struct info *info, const char *name, int64_t bytes)
{
    static const char units[] = "KMGTP";
    double amount = (double)bytes;
    size_t unit = 0;

    if (bytes < 1024) {
        add(info, "%s_human:%" PRId64 "B", name, bytes);
        return;
    }
    for (amount /= 1024; amount >= 1024 && unit < sizeof(units) - 2; unit++)
        amount /= 1024;
    add(info, "%s_human:%.2f%c", name, amount, units[unit]);
}

static void add_bytes(struct info *info, const char *name, int64_t bytes)
{
    add_number(info, name, bytes);
    add_human(info, name, bytes);
}

static void add_value(void *context, const char *name, struct bytes value)
{
    (void)name;
    buffer_append_bytes(context, value);
}

/* An option as CONFIG GET spells it. */
static void add_option(struct info *info, const char *name, enum option_id id)
{
    struct bytes pattern = bytes_of(option_name(id));

    buffer_printf(info->text, "%s:", name);
    options_match(info->options, &pattern, 1, add_value, info->text);
    buffer_append_text(info->text, "\r\n");
}

/* --- Server --- */

/* Forty digits that no other start of a server has: its node, when it started, its process. */
static void add_run_id(struct info *info)
{
    add(info, "run_id:%016" PRIx64 "%016" PRIx64 "%08" PRIx64, store_node_id(info->services->store),
        (uint64_t)statistics_started_us(info->statistics), (uint64_t)process_id());
}

static void add_uptime(struct info *info)
{
    int64_t now_us = clock_wall_us(info->services->clock);
    int64_t uptime_s = (now_us - statistics_started_us(info->statistics)) / 1000000;

    add_number(info, "server_time_usec", now_us);
    add_number(info, "uptime_in_seconds", uptime_s);
    add_number(info, "uptime_in_days", uptime_s / 86400);
    add_number(info, "hz", options_number(info->options, OPTION_HZ));
    add_number(info, "configured_hz", options_number(info->options, OPTION_HZ));
    add_number(info, "lru_clock", now_us / 1000000 & 0xffffff);
}

static void write_server(struct info *info)
{
    int64_t port = options_number(info->options, OPTION_PORT);
    char path[512], system[512];

    process_executable(path, sizeof path);
    process_system_name(system, sizeof system);
    add(info, "redis_version:%s", REDIS_VERSION);
    add(info, "grapevine_version:%s", GRAPEVINE_VERSION);
    add(info, "redis_git_sha1:00000000");
    add(info, "redis_git_dirty:0");
    add(info, "redis_build_id:0");
    add(info, "redis_mode:standalone");
    add(info, "os:%s", system);
    add(info, "arch_bits:%d", (int)sizeof(void *) * 8);
    add(info, "monotonic_clock:POSIX clock_gettime");
    add(info, "multiplexing_api:libevent");
    add(info, "atomicvar_api:c11-builtin");
    add(info, "gcc_version:%d.%d.%d", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
    add_number(info, "process_id", process_id());
    add(info, "process_supervised:no");
    add_run_id(info);
    add_number(info, "tcp_port", port != 0 ? port : options_number(info->options, OPTION_TLS_PORT));
    add_uptime(info);
    add(info, "executable:%s", path);
    add(info, "config_file:%s", options_file(info->options));
    add_number(info, "io_threads", options_number(info->options, OPTION_IO_THREADS));
    add_number(info, "io_threads_active", options_number(info->options, OPTION_IO_THREADS) > 1);
}

/* --- Clients --- */

struct client_sums {
    int64_t count, blocked, input_max, output_max, memory;
};

static int64_t read_number(const _Atomic int64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

static void sum_client(void *context, struct session *session)
{
    struct client_sums *sums = context;
    int64_t input = read_number(&session->query_bytes) + read_number(&session->query_free);
    int64_t output = read_number(&session->reply_bytes) + read_number(&session->reply_list_bytes);

    sums->count++;
    sums->blocked += session_is_blocked(session);
    sums->input_max = input > sums->input_max ? input : sums->input_max;
    sums->output_max = output > sums->output_max ? output : sums->output_max;
    sums->memory += (int64_t)sizeof(*session) + input + output + read_number(&session->multi_bytes);
}

static struct client_sums sum_clients(struct info *info)
{
    struct client_sums sums = {0};

    clients_each(info->services->clients, sum_client, &sums);
    return sums;
}

static void write_clients(struct info *info)
{
    struct tracking_counts tracked;
    struct client_sums sums = sum_clients(info);

    add_number(info, "connected_clients", sums.count);
    add(info, "cluster_connections:0");
    add_number(info, "http_clients", atomic_load(&info->services->http_clients));
    add_number(info, "maxclients", options_number(info->options, OPTION_MAXCLIENTS));
    add_number(info, "client_recent_max_input_buffer", sums.input_max);
    add_number(info, "client_recent_max_output_buffer", sums.output_max);
    add_number(info, "blocked_clients", sums.blocked);
    tracking_count(info->services->tracking, &tracked);
    add_number(info, "tracking_clients", tracked.clients);
    add(info, "clients_in_timeout_table:0");
}

/* --- Memory --- */

static double ratio(int64_t part, int64_t whole)
{
    return whole == 0 ? 0 : (double)part / (double)whole;
}

static void add_used_memory(struct info *info, int64_t used)
{
    struct process_memory memory = process_memory();
    int64_t peak = (int64_t)statistics_rates(info->statistics).peak_memory;

    add_bytes(info, "used_memory", used);
    add_bytes(info, "used_memory_rss", memory.resident);
    add_number(info, "used_memory_rss_anon", memory.anonymous);
    add_number(info, "used_memory_rss_file", memory.file);
    add_bytes(info, "used_memory_peak", peak);
    add(info, "used_memory_peak_perc:%.2f%%", ratio(used, peak) * 100);
    add(info, "mem_fragmentation_ratio:%.2f", ratio(memory.anonymous, used));
    add_number(info, "mem_fragmentation_bytes", memory.anonymous - used);
}

/* What of the allocator's pages is not in use, and what of them lies with the system. */
static void add_allocator(struct info *info, int64_t process_resident)
{
    struct memory_pages pages = memory_pages();
    int64_t allocated = (int64_t)pages.allocated, active = (int64_t)pages.active;
    int64_t resident = (int64_t)pages.resident;

    add_number(info, "allocator_allocated", allocated);
    add_number(info, "allocator_active", active);
    add_number(info, "allocator_resident", resident);
    add(info, "allocator_frag_ratio:%.2f", ratio(active, allocated));
    add_number(info, "allocator_frag_bytes", active - allocated);
    add(info, "allocator_rss_ratio:%.2f", ratio(resident, active));
    add_number(info, "allocator_rss_bytes", resident - active);
    add(info, "rss_overhead_ratio:%.2f", ratio(process_resident, resident));
    add_number(info, "rss_overhead_bytes", process_resident - resident);
}

static void write_memory(struct info *info)
{
    static const char *const fixed[] = {"used_memory_lua:0",
                                        "used_memory_lua_human:0B",
                                        "used_memory_vm_eval:0",
                                        "used_memory_vm_functions:0",
                                        "used_memory_vm_total:0",
                                        "used_memory_vm_total_human:0B",
                                        "used_memory_scripts:0",
                                        "used_memory_scripts_eval:0",
                                        "used_memory_scripts_human:0B",
                                        "used_memory_functions:0",
                                        "number_of_cached_scripts:0",
                                        "number_of_functions:0",
                                        "number_of_libraries:0",
                                        "mem_not_counted_for_evict:0",
                                        "mem_clients_slaves:0",
                                        "mem_cluster_links:0",
                                        "mem_aof_buffer:0",
                                        "active_defrag_running:0"};
    struct store_statistics store;
    struct cluster_status cluster;
    int64_t used = (int64_t)memory_used(), records;

    store_statistics(info->services->store, &store);
    records = store.cache_bytes - store.cache_overhead;
    cluster_status(info->services->cluster, &cluster);
    add_used_memory(info, used);
    add_number(info, "used_memory_overhead", used - records);
    add_number(info, "used_memory_startup", (int64_t)info->services->startup_memory);
    add_number(info, "used_memory_dataset", records);
    add(info, "used_memory_dataset_perc:%.2f%%", ratio(records, used) * 100);
    add_bytes(info, "total_system_memory", process_machine_memory());
    add_bytes(info, "maxmemory", options_number(info->options, OPTION_MAXMEMORY));
    add_option(info, "maxmemory_policy", OPTION_MAXMEMORY_POLICY);
    add_number(info, "cache_size", options_number(info->options, OPTION_CACHE_SIZE));
    add_number(info, "cache_bytes", store.cache_bytes);
    add_number(info, "cache_overhead_bytes", store.cache_overhead);
    add_number(info, "cache_keys", store.cache_entries);
    add_number(info, "mem_clients_normal", sum_clients(info).memory);
    add_number(info, "mem_replication_backlog", cluster.feed_bytes);
    add_number(info, "mem_total_replication_buffers", cluster.feed_bytes + cluster.digest_bytes);
    add_fixed(info, fixed, COUNT_OF(fixed));
    add_allocator(info, process_memory().resident);
    add(info, "mem_allocator:%s", memory_allocator());
    add_number(info, "lazyfree_pending_objects", store.purge_backlog);
}

/* --- Persistence --- */

static void write_persistence(struct info *info)
{
    static const char *const fixed[] = {"rdb_bgsave_in_progress:0",
                                        "rdb_last_bgsave_time_sec:0",
                                        "rdb_current_bgsave_time_sec:-1",
                                        "rdb_last_cow_size:0",
                                        "aof_enabled:0",
                                        "aof_rewrite_in_progress:0",
                                        "aof_rewrite_scheduled:0",
                                        "aof_last_rewrite_time_sec:-1",
                                        "aof_current_rewrite_time_sec:-1",
                                        "aof_last_bgrewrite_status:ok",
                                        "aof_rewrites:0",
                                        "aof_rewrites_consecutive_failures:0",
                                        "aof_last_cow_size:0",
                                        "current_cow_peak:0",
                                        "current_cow_size:0",
                                        "current_cow_size_age:0",
                                        "current_fork_perc:0.00",
                                        "current_save_keys_processed:0",
                                        "current_save_keys_total:0",
                                        "module_fork_in_progress:0",
                                        "module_fork_last_cow_size:0"};
    struct store_statistics store;
    char reason[STORE_ERROR_MAX];
    const char *status = store_is_refusing(info->services->store, reason) ? "err" : "ok";

    store_statistics(info->services->store, &store);
    add(info, "loading:%d", store_gate(info->services->store) == GATE_LOADING);
    add(info, "async_loading:0");
    add_number(info, "rdb_changes_since_last_save", store.unsynced_changes);
    add_number(info, "rdb_last_save_time", store.last_sync_s);
    add(info, "rdb_last_bgsave_status:%s", status);
    add_number(info, "rdb_saves", store.syncs);
    add(info, "aof_last_write_status:%s", status);
    add_fixed(info, fixed, COUNT_OF(fixed));
    if (status[0] == 'e')
        add(info, "writes_refused:%s", reason);
}

/* --- Stats --- */

static void add_counter(struct info *info, const char *name, enum counter counter)
{
    add_number(info, name, (int64_t)statistics_total(info->statistics, counter));
}

static void add_rates(struct info *info)
{
    struct statistics_rates rates = statistics_rates(info->statistics);

    add_number(info, "instantaneous_ops_per_sec", rates.commands_per_second);
    add(info, "instantaneous_input_kbps:%.2f", rates.input_kbps);
    add(info, "instantaneous_output_kbps:%.2f", rates.output_kbps);
}

/* Of the links to all other replicas. */
static void add_link_bytes(struct info *info)
{
    struct cluster_status status;
    int64_t in = 0, out = 0;

    cluster_status(info->services->cluster, &status);
    for (size_t i = 0; i < status.gossip.peer_count; i++) {
        in += status.peers[i].bytes_in;
        out += status.peers[i].bytes_out;
    }
    add_number(info, "total_net_repl_input_bytes", in);
    add_number(info, "total_net_repl_output_bytes", out);
}

static void add_tracking(struct info *info)
{
    struct tracking_counts tracked;

    tracking_count(info->services->tracking, &tracked);
    add_number(info, "tracking_total_keys", tracked.keys);
    add_number(info, "tracking_total_items", tracked.items);
    add_number(info, "tracking_total_prefixes", tracked.prefixes);
}

/* Where there are several loops, each reads and writes what is its clients'. */
static void add_io(struct info *info)
{
    bool has_several = options_number(info->options, OPTION_IO_THREADS) > 1;
    int64_t reads = (int64_t)statistics_total(info->statistics, COUNTER_READS);
    int64_t writes = (int64_t)statistics_total(info->statistics, COUNTER_WRITES);

    add_number(info, "total_reads_processed", reads);
    add_number(info, "total_writes_processed", writes);
    add_number(info, "io_threaded_reads_processed", has_several ? reads : 0);
    add_number(info, "io_threaded_writes_processed", has_several ? writes : 0);
}

static void write_stats(struct info *info)
{
    /* What the cache let go is still on disk: no key is ever evicted. */
    static const char *const fixed[] = {"evicted_keys:0",
                                        "evicted_clients:0",
                                        "total_eviction_exceeded_time:0",
                                        "current_eviction_exceeded_time:0",
                                        "sync_full:0",
                                        "sync_partial_ok:0",
                                        "sync_partial_err:0",
                                        "slave_expires_tracked_keys:0",
                                        "latest_fork_usec:0",
                                        "total_forks:0",
                                        "migrate_cached_sockets:0",
                                        "active_defrag_hits:0",
                                        "active_defrag_misses:0",
                                        "active_defrag_key_hits:0",
                                        "active_defrag_key_misses:0",
                                        "total_active_defrag_time:0",
                                        "current_active_defrag_time:0",
                                        "unexpected_error_replies:0"};
    struct store_statistics store;

    store_statistics(info->services->store, &store);
    add_counter(info, "total_connections_received", COUNTER_CONNECTIONS);
    add_number(info, "pubsub_channels", pubsub_name_count(info->services->pubsub, PUBSUB_CHANNEL));
    add_number(info, "pubsub_patterns", pubsub_name_count(info->services->pubsub, PUBSUB_PATTERN));
    add_number(info, "pubsubshard_channels",
               pubsub_name_count(info->services->pubsub, PUBSUB_SHARD));
    add_counter(info, "total_commands_processed", COUNTER_COMMANDS);
    add_rates(info);
    add_counter(info, "total_net_input_bytes", COUNTER_INPUT_BYTES);
    add_counter(info, "total_net_output_bytes", COUNTER_OUTPUT_BYTES);
    add_link_bytes(info);
    add_counter(info, "rejected_connections", COUNTER_REJECTED_CONNECTIONS);
    add_number(info, "expired_keys", store.expired_keys);
    add_counter(info, "keyspace_hits", COUNTER_HITS);
    add_counter(info, "keyspace_misses", COUNTER_MISSES);
    add_counter(info, "total_error_replies", COUNTER_ERRORS);
    add_io(info);
    add_counter(info, "client_query_buffer_limit_disconnections", COUNTER_QUERY_LIMIT_CLOSED);
    add_counter(info, "client_output_buffer_limit_disconnections", COUNTER_OUTPUT_LIMIT_CLOSED);
    add_tracking(info);
    add_fixed(info, fixed, COUNT_OF(fixed));
}

/* --- Replication --- */

static void add_figures(struct info *info, const struct figures *figures)
{
    for (size_t i = 0; i < figures->count; i++) {
        const struct figure *figure = &figures->at[i];

        if (figure->text != NULL)
            add(info, "%s:%s", figure->name, figure->text);
        else
            add_number(info, figure->name, figure->number);
    }
}

/* "peer0:id=...,addr=..." */
static void add_peer(struct info *info, size_t number, const struct cluster_peer *peer)
{
    struct figures figures;

    figures_of_peer(peer, &figures);
    buffer_printf(info->text, "peer%zu", number);
    for (size_t i = 0; i < figures.count; i++) {
        const struct figure *figure = &figures.at[i];

        buffer_printf(info->text, "%c%s=", i == 0 ? ':' : ',', figure->name);
        if (figure->text != NULL)
            buffer_append_text(info->text, figure->text);
        else
            buffer_printf(info->text, "%" PRId64, figure->number);
    }
    buffer_append_text(info->text, "\r\n");
}

/* Redis's own fields say: a master, and nobody follows it.  Its replicas are peers. */
static void write_replication(struct info *info)
{
    static const char *const fixed[] = {"master_replid2:0000000000000000000000000000000000000000",
                                        "master_repl_offset:0",
                                        "second_repl_offset:-1",
                                        "repl_backlog_active:0",
                                        "repl_backlog_first_byte_offset:0",
                                        "repl_backlog_histlen:0"};
    struct cluster_status status;
    struct figures figures;

    cluster_status(info->services->cluster, &status);
    figures_of_node(info->services, &status, &figures);
    add(info, "role:master");
    add(info, "connected_slaves:0");
    add(info, "master_failover_state:no-failover");
    add(info, "master_replid:%040" PRIx64, store_node_id(info->services->store));
    add_fixed(info, fixed, COUNT_OF(fixed));
    add_number(info, "repl_backlog_size", options_number(info->options, OPTION_REPL_BACKLOG_SIZE));
    add_figures(info, &figures);
    for (size_t i = 0; i < status.gossip.peer_count; i++)
        add_peer(info, i, &status.peers[i]);
}

/* --- CPU --- */

static void add_cpu(struct info *info, enum process_scope scope, const char *suffix)
{
    struct process_cpu cpu = process_cpu(scope);

    add(info, "used_cpu_sys%s:%" PRId64 ".%06" PRId64, suffix, cpu.system_us / 1000000,
        cpu.system_us % 1000000);
    add(info, "used_cpu_user%s:%" PRId64 ".%06" PRId64, suffix, cpu.user_us / 1000000,
        cpu.user_us % 1000000);
}

static void write_cpu(struct info *info)
{
    add_cpu(info, PROCESS_SELF, "");
    add_cpu(info, PROCESS_CHILDREN, "_children");
    add_cpu(info, PROCESS_THREAD, "_main_thread");
}

/* --- what the commands did --- */

static void write_commandstats(struct info *info)
{
    for (int i = 0; i < table_count(); i++) {
        struct command_total total = statistics_of_command(info->statistics, i);

        if (total.calls + total.rejected + total.failed == 0)
            continue;
        add(info,
            "cmdstat_%s:calls=%" PRIu64 ",usec=%" PRIu64
            ",usec_per_call=%.2f,rejected_calls=%" PRIu64 ",failed_calls=%" PRIu64,
            table_at(i)->full_name, total.calls, total.usec,
            ratio((int64_t)total.usec, (int64_t)total.calls), total.rejected, total.failed);
    }
}

static void write_errorstats(struct info *info)
{
    struct error_total totals[ERROR_WORDS_MAX];
    int count = statistics_errors(info->statistics, totals);

    for (int i = 0; i < count; i++)
        add(info, "errorstat_%s:count=%" PRIu64, totals[i].word, totals[i].count);
}

/* ",p99.9=17.000" for each percentile of the option, without the first comma. */
static void append_percentiles(struct info *info, const uint64_t counts[LATENCY_BUCKETS],
                               const char *percentiles)
{
    const char *at = percentiles + strspn(percentiles, " ");

    while (*at != '\0') {
        char *end;
        double percentile = strtod(at, &end);

        buffer_printf(info->text, "p%.*s=%.3f", (int)(end - at), at,
                      (double)latency_percentile_us(counts, percentile));
        at = end + strcspn(end, " ");
        at += strspn(at, " ");
        if (*at != '\0')
            buffer_append_byte(info->text, ',');
    }
}

static void write_latencystats(struct info *info)
{
    char *percentiles;
    uint64_t counts[LATENCY_BUCKETS];

    if (!options_is_on(info->options, OPTION_LATENCY_TRACKING))
        return;
    percentiles = options_take_text(info->options, OPTION_LATENCY_TRACKING_INFO_PERCENTILES);
    for (int i = 0; i < table_count(); i++) {
        if (!statistics_latencies(info->statistics, i, counts))
            continue;
        buffer_printf(info->text, "latency_percentiles_usec_%s:", table_at(i)->full_name);
        append_percentiles(info, counts, percentiles);
        buffer_append_text(info->text, "\r\n");
    }
    free(percentiles);
}

/* --- what is kept --- */

static bool is_shown(const struct info *info, const struct ns *ns)
{
    return info->only == NULL || info->only == ns;
}

static void write_keyspace(struct info *info)
{
    const struct registry *registry = store_registry(info->services->store);

    for (int i = 0; i < registry_database_count(registry); i++) {
        const struct ns *ns = registry_database(registry, i);
        int64_t keys = read_number(&ns->key_count);

        if (keys > 0 && is_shown(info, ns))
            add(info, "db%d:keys=%" PRId64 ",expires=%" PRId64 ",avg_ttl=0", i, keys,
                read_number(&ns->expiring_count));
    }
}

/* A title may hold what would end its field or its line: that is %3A, %0A and so on, as in a URL,
 * and two titles never look alike. */
static void append_title(struct buffer *text, const char *title)
{
    for (; *title != '\0'; title++)
        if ((unsigned char)*title < ' ' || strchr("#%:", *title) != NULL)
            buffer_printf(text, "%%%02X", (unsigned char)*title);
        else
            buffer_append_byte(text, *title);
}

static void add_namespace(struct info *info, const struct ns *ns)
{
    char *title = ns_take_title(store_registry(info->services->store), ns);

    buffer_append_text(info->text, "ns:");
    append_title(info->text, title);
    add(info, ":keys=%" PRId64 ",bytes=%" PRId64, read_number(&ns->key_count),
        read_number(&ns->byte_count));
    free(title);
}

static void write_namespaces(struct info *info)
{
    size_t count;
    struct ns **list = registry_list(store_registry(info->services->store), &count);

    for (size_t i = 0; i < count; i++) {
        if (list[i]->database < 0 && is_shown(info, list[i]))
            add_namespace(info, list[i]);
        ns_release(list[i]);
    }
    free(list);
}

static void add_level(struct info *info, int number, const struct level *level)
{
    if (level->files + level->compaction_s + level->written_bytes == 0)
        return;
    add(info,
        "leveldb_level%d:files=%" PRId64 ",bytes=%" PRId64 ",compaction_s=%" PRId64
        ",read_bytes=%" PRId64 ",written_bytes=%" PRId64,
        number, level->files, level->bytes, level->compaction_s, level->read_bytes,
        level->written_bytes);
}

/* What was written for each byte that clients wrote, and what lies on disk for each that can be
 * read. */
static void add_amplification(struct info *info, int64_t user_bytes)
{
    int64_t live_bytes = store_live_bytes(info->services->store);
    struct engine_statistics engine;
    struct level all;

    store_engine_statistics(info->thread, &engine);
    all = levels_sum(&engine.levels);
    add_number(info, "user_bytes_written", user_bytes);
    add_number(info, "leveldb_batch_bytes_written", engine.put_bytes);
    add_number(info, "leveldb_log_bytes_written", engine.log_bytes);
    add_number(info, "leveldb_compaction_bytes_read", all.read_bytes);
    add_number(info, "leveldb_compaction_bytes_written", all.written_bytes);
    add(info, "write_amplification:%.2f", ratio(engine.log_bytes + all.written_bytes, user_bytes));
    add_number(info, "live_bytes", live_bytes);
    add_number(info, "leveldb_disk_bytes", engine.disk_bytes);
    add(info, "space_amplification:%.2f", ratio(engine.disk_bytes, live_bytes));
    add_number(info, "leveldb_stalls", engine.stalls);
    add_number(info, "leveldb_stall_ms", engine.stall_us / 1000);
    add_number(info, "leveldb_files", all.files);
    for (int i = 0; i < LEVELS_MAX; i++)
        add_level(info, i, &engine.levels.at[i]);
}

static void add_engine_memory(struct info *info)
{
    char *bytes = store_take_property(info->thread, "leveldb.approximate-memory-usage");

    if (bytes != NULL)
        add(info, "leveldb_memory:%s", bytes);
    free(bytes);
}

static void write_leveldb(struct info *info)
{
    struct store_statistics store;

    store_statistics(info->services->store, &store);
    add_number(info, "commits", store.commits);
    add_number(info, "committed_changes", store.committed_changes);
    add_number(info, "failed_commits", store.failed_commits);
    add_number(info, "syncs", store.syncs);
    add_number(info, "unsynced_changes", store.unsynced_changes);
    add_number(info, "purge_backlog", store.purge_backlog);
    add_number(info, "disk_reads", store.disk_reads);
    add_number(info, "disk_denials", store.denials);
    add_number(info, "cache_evictions", store.evicted_keys);
    add_engine_memory(info);
    add_amplification(info, store.committed_bytes);
}

static void write_cluster(struct info *info)
{
    add(info, "cluster_enabled:0");
}

static void write_nothing(struct info *info)
{
    (void)info;
}

/* --- the table --- */

struct section {
    const char *name;
    const char *title;
    bool is_default;
    void (*write)(struct info *info);
};

static const struct section sections[] = {
    {"server", "Server", true, write_server},
    {"clients", "Clients", true, write_clients},
    {"memory", "Memory", true, write_memory},
    {"persistence", "Persistence", true, write_persistence},
    {"stats", "Stats", true, write_stats},
    {"replication", "Replication", true, write_replication},
    {"cpu", "CPU", true, write_cpu},
    {"modules", "Modules", true, write_nothing},
    {"commandstats", "Commandstats", false, write_commandstats},
    {"errorstats", "Errorstats", true, write_errorstats},
    {"latencystats", "Latencystats", false, write_latencystats},
    {"cluster", "Cluster", true, write_cluster},
    {"keyspace", "Keyspace", true, write_keyspace},
    {"namespaces", "Namespaces", true, write_namespaces},
    {"leveldb", "LevelDB", true, write_leveldb},
};

static bool asks_for(struct bytes word, const struct section *section)
{
    if (bytes_is_word(word, "all") || bytes_is_word(word, "everything"))
        return true;
    return bytes_is_word(word, "default") ? section->is_default
                                          : bytes_is_word(word, section->name);
}

static bool is_wanted(const struct section *section, const struct bytes *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (asks_for(names[i], section))
            return true;
    return count == 0 && section->is_default;
}

void info_append(struct call *call, const struct bytes *names, size_t count, struct buffer *text)
{
    struct services *services = call_services(call);
    struct info info = {services,
                        call->worker->store_thread,
                        services->statistics,
                        services->options,
                        text,
                        acl_tied_to(call->session).data != NULL ? call->ns : NULL};
    size_t start = text->size;

    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        if (!is_wanted(&sections[i], names, count))
            continue;
        if (text->size > start)
            buffer_append_text(text, "\r\n");
        add(&info, "# %s", sections[i].title);
        sections[i].write(&info);
    }
}
