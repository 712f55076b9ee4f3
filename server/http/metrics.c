/* metrics.c - what INFO tells, in the words of Prometheus (text exposition format 0.0.4).
 *
 * INFO stays the single source: a row here names one of its fields.  Lines that list things
 * ("db0:keys=1,…", "peer0:id=…,…", "cmdstat_get:calls=…") become one sample a thing and part of it.
 */
#include "http/metrics.h"

#include <string.h>

#include "http/uri.h"

enum type { GAUGE, COUNTER };

struct metric {
    const char *field; /* of INFO */
    const char *name;  /* without "grapevine_" */
    enum type type;
    const char *help;
};

/* clang-format off */
static const struct metric metrics[] = {
    {"uptime_in_seconds", "uptime_seconds", GAUGE, "Seconds since the start"},
    {"connected_clients", "connected_clients", GAUGE, "Clients of Redis's protocol"},
    {"http_clients", "http_clients", GAUGE, "Connections to the HTTP port"},
    {"blocked_clients", "blocked_clients", GAUGE, "Clients in WAIT or paused"},
    {"maxclients", "max_clients", GAUGE, "Clients of both ports that are let in at most"},
    {"used_memory", "memory_used_bytes", GAUGE, "Allocated memory"},
    {"used_memory_rss", "memory_rss_bytes", GAUGE, "Resident memory"},
    {"used_memory_rss_anon", "memory_rss_anon_bytes", GAUGE, "Resident memory without mapped tables"},
    {"cache_bytes", "cache_bytes", GAUGE, "Records in memory, and what it takes to find them"},
    {"cache_size", "cache_max_bytes", GAUGE, "What cache-size allows"},
    {"cache_keys", "cache_keys", GAUGE, "Keys in memory"},
    {"evicted_keys", "cache_evictions_total", COUNTER, "Records that left the cache for others"},
    {"disk_reads", "disk_reads_total", COUNTER, "Reads that the cache could not answer"},
    {"disk_denials", "disk_denials_total", COUNTER, "Reads of keys that are not on disk either"},
    {"total_connections_received", "connections_total", COUNTER, "Connections accepted"},
    {"rejected_connections", "rejected_connections_total", COUNTER, "Connections turned away"},
    {"total_commands_processed", "commands_total", COUNTER, "Commands run, on all doors"},
    {"total_error_replies", "errors_total", COUNTER, "Error replies"},
    {"total_net_input_bytes", "network_input_bytes_total", COUNTER, "Bytes received from clients"},
    {"total_net_output_bytes", "network_output_bytes_total", COUNTER, "Bytes sent to clients"},
    {"keyspace_hits", "keyspace_hits_total", COUNTER, "Look-ups that found their key"},
    {"keyspace_misses", "keyspace_misses_total", COUNTER, "Look-ups that found none"},
    {"expired_keys", "expired_keys_total", COUNTER, "Keys that expired"},
    {"commits", "commits_total", COUNTER, "Groups of writes committed"},
    {"committed_changes", "committed_changes_total", COUNTER, "Changes in them"},
    {"failed_commits", "failed_commits_total", COUNTER, "Groups that could not be stored"},
    {"unsynced_changes", "unsynced_changes", GAUGE, "Changes since the last durable point"},
    {"purge_backlog", "purge_backlog", GAUGE, "Emptied namespaces being purged"},
    {"leveldb_memory", "leveldb_memory_bytes", GAUGE, "LevelDB's own estimate"},
    {"user_bytes_written", "user_written_bytes_total", COUNTER, "Keys, values and metadata that were committed"},
    {"leveldb_log_bytes_written", "leveldb_log_written_bytes_total", COUNTER, "Bytes that LevelDB wrote to its logs"},
    {"leveldb_compaction_bytes_read", "leveldb_compaction_read_bytes_total", COUNTER, "Bytes that compaction read"},
    {"leveldb_compaction_bytes_written", "leveldb_compaction_written_bytes_total", COUNTER, "Bytes that compaction wrote"},
    {"write_amplification", "write_amplification_ratio", GAUGE, "Bytes written for each byte that clients wrote"},
    {"live_bytes", "live_bytes", GAUGE, "Keys, values and metadata that can be read"},
    {"leveldb_disk_bytes", "leveldb_disk_bytes", GAUGE, "Tables and logs on disk"},
    {"space_amplification", "space_amplification_ratio", GAUGE, "Bytes on disk for each that can be read"},
    {"leveldb_stalls", "leveldb_stalls_total", COUNTER, "Writes that waited for compaction"},
    {"leveldb_stall_ms", "leveldb_stall_milliseconds_total", COUNTER, "How long they waited"},
    {"leveldb_files", "leveldb_files", GAUGE, "Tables"},
    {"used_cpu_user", "cpu_user_seconds_total", COUNTER, "Processor time in user mode"},
    {"used_cpu_sys", "cpu_system_seconds_total", COUNTER, "Processor time in the kernel"},
    {"members", "members", GAUGE, "Members of the cluster that this node knows, itself among them"},
    {"tombstones", "tombstones", GAUGE, "Deletes that are still remembered"},
    {"horizon_age_ms", "horizon_age_ms", GAUGE, "How far back deletes are remembered"},
    {"digest_mismatches", "digest_mismatches_total", COUNTER, "Differences that the scrub found in its own sums"},
    {"merged_records", "merged_records_total", COUNTER, "Records taken from other replicas"},
    {"merge_conflicts", "merge_conflicts_total", COUNTER, "Of these, those that met a newer one"},
};

/* Lines of INFO that stand for one of several things: where their name begins, what their label is
 * called, and which of their parts are told. */
static const struct series {
    const char *prefix;
    const char *label;
    const char *label_part; /* the part that is the label; NULL = it stands behind the prefix */
    bool is_label_encoded;  /* with %3A for ":" and so on */
    struct metric parts[6];
} series[] = {
    {"cmdstat_", "command", NULL, false, {
        {"calls", "command_calls_total", COUNTER, "Calls of each command"},
        {"usec", "command_microseconds_total", COUNTER, "Time spent in each command"},
        {"rejected_calls", "command_rejected_total", COUNTER, "Calls refused before they ran"},
        {"failed_calls", "command_failed_total", COUNTER, "Calls that answered an error"}}},
    {"errorstat_", "error", NULL, false, {
        {"count", "error_replies_total", COUNTER, "Error replies by their first word"}}},
    {"db", "db", NULL, false, {
        {"keys", "db_keys", GAUGE, "Keys of each numbered database"},
        {"expires", "db_expiring_keys", GAUGE, "Of these, those with an expiry"}}},
    {"leveldb_level", "level", NULL, false, {
        {"files", "leveldb_level_files", GAUGE, "Tables of each level"},
        {"bytes", "leveldb_level_bytes", GAUGE, "Bytes of each level"},
        {"read_bytes", "leveldb_level_read_bytes_total", COUNTER, "Bytes read by compaction of each level"},
        {"written_bytes", "leveldb_level_written_bytes_total", COUNTER, "Bytes written by compaction into each level"}}},
    {"ns:", "namespace", NULL, true, {
        {"keys", "namespace_keys", GAUGE, "Keys of each named namespace"},
        {"bytes", "namespace_bytes", GAUGE, "Bytes of each named namespace"}}},
    {"peer", "peer", "addr", false, {
        {"rtt_us", "peer_rtt_microseconds", GAUGE, "Round trip to each peer"},
        {"offset_ms", "peer_clock_offset_ms", GAUGE, "How far each peer's clock is ahead"},
        {"lag_ms", "peer_lag_ms", GAUGE, "How old the newest write of each peer was when it came"},
        {"equal_age_ms", "peer_equal_age_ms", GAUGE, "Since when equality with each peer was last proven"},
        {"bytes_in", "peer_input_bytes_total", COUNTER, "Bytes received from each peer"},
        {"bytes_out", "peer_output_bytes_total", COUNTER, "Bytes sent to each peer"}}},
};
/* clang-format on */

static void write_type(struct buffer *out, const struct metric *metric)
{
    buffer_printf(out, "# HELP grapevine_%s %s.\n# TYPE grapevine_%s %s\n", metric->name,
                  metric->help, metric->name, metric->type == GAUGE ? "gauge" : "counter");
}

/* Cuts the next line off; false at the end. */
static bool next_line(struct bytes *text, struct bytes *line)
{
    const char *end;

    if (text->size == 0)
        return false;
    end = memchr(text->data, '\n', text->size);
    line->data = text->data;
    line->size = end == NULL ? text->size : (size_t)(end - text->data);
    text->data += end == NULL ? line->size : line->size + 1;
    text->size -= end == NULL ? line->size : line->size + 1;
    if (line->size > 0 && line->data[line->size - 1] == '\r')
        line->size--;
    return true;
}

/* What is behind "<name>:" of a line; false if it is another line. */
static bool field_of(struct bytes line, const char *name, struct bytes *value)
{
    size_t size = strlen(name);

    if (!bytes_starts_with(line, bytes_of(name)) || line.size == size || line.data[size] != ':')
        return false;
    *value = (struct bytes){line.data + size + 1, line.size - size - 1};
    return true;
}

/* What is behind "<name>=" among parts that commas divide. */
static bool part_of(struct bytes parts, const char *name, struct bytes *value)
{
    size_t size = strlen(name);

    while (parts.size > 0) {
        const char *comma = memchr(parts.data, ',', parts.size);
        size_t length = comma == NULL ? parts.size : (size_t)(comma - parts.data);

        if (length > size && bytes_starts_with(parts, bytes_of(name)) && parts.data[size] == '=') {
            *value = (struct bytes){parts.data + size + 1, length - size - 1};
            return true;
        }
        parts.data += comma == NULL ? length : length + 1;
        parts.size -= comma == NULL ? length : length + 1;
    }
    return false;
}

/* Not everything that INFO says of a field is a number: "equal_age_ms=never" is no sample. */
static bool is_number(struct bytes value)
{
    long double number;

    return bytes_to_long_double(value, &number);
}

static void write_metric(struct bytes info, const struct metric *metric, struct buffer *out)
{
    struct bytes line, value;

    while (next_line(&info, &line)) {
        if (!field_of(line, metric->field, &value) || !is_number(value))
            continue;
        write_type(out, metric);
        buffer_printf(out, "grapevine_%s %.*s\n", metric->name, (int)value.size, value.data);
        return;
    }
}

/* A label's value: backslash, quote and line end are escaped. */
static void append_escaped(struct buffer *out, struct bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        char byte = value.data[i];

        if (byte == '\\' || byte == '"' || byte == '\n')
            buffer_append_byte(out, '\\');
        buffer_append_byte(out, byte == '\n' ? 'n' : byte);
    }
}

static void write_label(struct buffer *out, const struct series *of, struct bytes value)
{
    struct buffer decoded = {0};

    if (of->is_label_encoded && uri_decode_path(value, &decoded))
        value = buffer_view(&decoded);
    append_escaped(out, value);
    buffer_clear(&decoded);
}

/* "<prefix><label>:<parts>", where the parts are of the form a=1,b=2; one of them may be the label.
 */
static bool split_line(struct bytes line, const struct series *of, struct bytes *label,
                       struct bytes *parts)
{
    size_t size = strlen(of->prefix);
    const char *colon;

    if (!bytes_starts_with(line, bytes_of(of->prefix)))
        return false;
    colon = memchr(line.data + size, ':', line.size - size);
    if (colon == NULL)
        return false;
    *label = (struct bytes){line.data + size, (size_t)(colon - line.data) - size};
    *parts = (struct bytes){colon + 1, line.size - (size_t)(colon + 1 - line.data)};
    return of->label_part == NULL || part_of(*parts, of->label_part, label);
}

static void write_part(struct bytes info, const struct series *of, const struct metric *part,
                       struct buffer *out)
{
    struct bytes line, label, parts, value;
    bool is_first = true;

    while (next_line(&info, &line)) {
        if (!split_line(line, of, &label, &parts) || !part_of(parts, part->field, &value) ||
            !is_number(value))
            continue;
        if (is_first)
            write_type(out, part);
        is_first = false;
        buffer_printf(out, "grapevine_%s{%s=\"", part->name, of->label);
        write_label(out, of, label);
        buffer_printf(out, "\"} %.*s\n", (int)value.size, value.data);
    }
}

void metrics_write(struct bytes info, struct buffer *out)
{
    for (size_t i = 0; i < COUNT_OF(metrics); i++)
        write_metric(info, &metrics[i], out);
    for (size_t i = 0; i < COUNT_OF(series); i++)
        for (size_t j = 0; j < COUNT_OF(series[i].parts) && series[i].parts[j].field != NULL; j++)
            write_part(info, &series[i], &series[i].parts[j], out);
}
