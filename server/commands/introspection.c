/* introspection.c - MEMORY, SLOWLOG, LATENCY and MONITOR: looking at a server at work. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/process.h"
#include "commands/clients.h"
#include "commands/data.h"
#include "commands/help.h"
#include "commands/latency.h"
#include "commands/slowlog.h"
#include "commands/sparkline.h"
#include "commands/statistics.h"
#include "commands/table.h"

/* --- MEMORY --- */

/* SAMPLES is checked and has no use: a value is one piece. */
static enum status check_samples(struct call *call)
{
    for (size_t i = 3; i < call->argc; i += 2) {
        int64_t samples;

        if (!bytes_is_word(call->argv[i], "samples") || i + 1 == call->argc)
            return STATUS_SYNTAX;
        if (!bytes_to_int64(call->argv[i + 1], &samples))
            return STATUS_NOT_INTEGER;
        if (samples < 0)
            return STATUS_SYNTAX;
    }
    return STATUS_OK;
}

static enum status command_memory_usage(struct call *call)
{
    const struct entry *entry;
    enum status s = check_samples(call);

    if (s == STATUS_OK)
        s = data_look(call, call->argv[2], &entry);
    if (s != STATUS_OK)
        return s;
    if (entry == NULL)
        reply_null(call->reply);
    else
        reply_integer(call->reply, (int64_t)memory_size((void *)(uintptr_t)entry));
    return STATUS_OK;
}

/* What MEMORY STATS and DOCTOR look at. */
struct memory_view {
    int64_t used, peak, resident, anonymous;
    int64_t cache_bytes, cache_keys, cache_size;
};

static struct memory_view look_at_memory(const struct call *call)
{
    struct services *services = call_services(call);
    struct process_memory process = process_memory();
    struct store_statistics store;

    store_statistics(services->store, &store);
    return (struct memory_view){
        .used = (int64_t)memory_used(),
        .peak = (int64_t)statistics_rates(services->statistics).peak_memory,
        .resident = process.resident,
        .anonymous = process.anonymous,
        .cache_bytes = store.cache_bytes,
        .cache_keys = store.cache_entries,
        .cache_size = options_number(services->options, OPTION_CACHE_SIZE),
    };
}

static int64_t percentage(int64_t part, int64_t whole)
{
    return whole == 0 ? 0 : part * 100 / whole;
}

static enum status command_memory_stats(struct call *call)
{
    struct memory_view view = look_at_memory(call);
    struct memory_pages pages = memory_pages();
    int64_t allocated = (int64_t)pages.allocated, active = (int64_t)pages.active;
    int64_t resident = (int64_t)pages.resident;
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        {"peak.allocated", view.peak},
        {"total.allocated", view.used},
        {"overhead.total", view.used - view.cache_bytes},
        {"keys.count", view.cache_keys},
        {"keys.bytes-per-key", view.cache_keys == 0 ? 0 : view.cache_bytes / view.cache_keys},
        {"dataset.bytes", view.cache_bytes},
        {"dataset.percentage", percentage(view.cache_bytes, view.used)},
        {"peak.percentage", percentage(view.used, view.peak)},
        {"cache.size", view.cache_size},
        {"rss.bytes", view.resident},
        {"rss.anonymous.bytes", view.anonymous},
        {"allocator.allocated", allocated},
        {"allocator.active", active},
        {"allocator.resident", resident},
        {"allocator-fragmentation.bytes", active - allocated},
        {"allocator-rss.bytes", resident - active},
        {"rss-overhead.bytes", view.anonymous - resident},
        {"fragmentation.bytes", view.anonymous - view.used},
    };

    reply_map(call->reply, COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        reply_text(call->reply, rows[i].name);
        reply_integer(call->reply, rows[i].value);
    }
    return STATUS_OK;
}

/* Below this, figures say more about the start than about the load. */
#define DOCTOR_MEMORY_MIN (16 * 1024 * 1024)

static enum status command_memory_doctor(struct call *call)
{
    struct memory_view view = look_at_memory(call);
    struct buffer *text = &call->worker->scratch;

    if (view.used < DOCTOR_MEMORY_MIN)
        buffer_append_text(text, "The server uses little memory yet: ask again under load.\n");
    if (view.used >= DOCTOR_MEMORY_MIN && view.anonymous > view.used + view.used / 2)
        buffer_printf(text,
                      "Fragmentation: %" PRId64 " bytes are resident for %" PRId64 " in use. The "
                      "allocator gives them back in time; a restart does at once.\n",
                      view.anonymous, view.used);
    if (view.used >= DOCTOR_MEMORY_MIN && view.peak > view.used * 2)
        buffer_printf(text,
                      "Peak: at some time %" PRId64 " bytes were in use, now %" PRId64 ". Large "
                      "replies or many connections are the usual cause: see CLIENT LIST.\n",
                      view.peak, view.used);
    if (view.cache_bytes > view.cache_size / 10 * 9)
        buffer_append_text(text, "Cache: it is full. If disk_reads of INFO grows fast, "
                                 "a larger cache-size makes reads faster.\n");
    if (text->size == 0)
        buffer_append_text(text, "No problem with memory.\n");
    reply_verbatim(call->reply, buffer_view(text));
    return STATUS_OK;
}

static enum status command_memory_purge(struct call *call)
{
    memory_give_back();
    reply_ok(call->reply);
    return STATUS_OK;
}

static void add_text(void *context, const char *text)
{
    buffer_append_text(context, text);
}

static enum status command_memory_malloc_stats(struct call *call)
{
    struct buffer *text = &call->worker->scratch;

    if (!memory_describe(add_text, text))
        buffer_printf(text, "The allocator, %s, has no report.\n", memory_allocator());
    reply_verbatim(call->reply, buffer_view(text));
    return STATUS_OK;
}

/* --- SLOWLOG --- */

static void begin_slow_calls(void *context, int64_t count)
{
    reply_array(context, (size_t)count);
}

static void reply_slow_call(void *context, const struct slow_call *call)
{
    struct reply *reply = context;

    reply_array(reply, 6);
    reply_integer(reply, call->id);
    reply_integer(reply, call->at_s);
    reply_integer(reply, call->duration_us);
    reply_array(reply, (size_t)call->argc);
    for (int i = 0; i < call->argc; i++)
        reply_bulk(reply, buffer_view(&call->argv[i]));
    reply_text(reply, call->address);
    reply_text(reply, call->name);
}

static struct slowlog *slowlog_of(const struct call *call)
{
    return statistics_slowlog(call_services(call)->statistics);
}

static enum status command_slowlog_get(struct call *call)
{
    struct slowlog_reader reader = {begin_slow_calls, reply_slow_call, call->reply};
    int64_t count = 10;

    if (call->argc > 3)
        return call_fail(call, "ERR unknown subcommand or wrong number of arguments for 'GET'. "
                               "Try SLOWLOG HELP.");
    if (call->argc == 3 && (!bytes_to_int64(call->argv[2], &count) || count < -1))
        return call_fail(call, "ERR count should be greater than or equal to -1");
    slowlog_read(slowlog_of(call), count, &reader);
    return STATUS_OK;
}

static enum status command_slowlog_len(struct call *call)
{
    reply_integer(call->reply, slowlog_length(slowlog_of(call)));
    return STATUS_OK;
}

static enum status command_slowlog_reset(struct call *call)
{
    slowlog_clear(slowlog_of(call));
    reply_ok(call->reply);
    return STATUS_OK;
}

/* --- LATENCY: events --- */

static struct latency_monitor *monitor_of(const struct call *call)
{
    return statistics_latency_monitor(call_services(call)->statistics);
}

/* LATENCY_EVENT_COUNT if there is none of that name. */
static enum latency_event find_event(struct bytes name)
{
    int event = 0;

    while (event < LATENCY_EVENT_COUNT && !bytes_equal(name, bytes_of(latency_event_names[event])))
        event++;
    return (enum latency_event)event;
}

static void reply_latest(struct reply *reply, enum latency_event event,
                         const struct latency_history *history)
{
    const struct latency_sample *latest = &history->samples[history->count - 1];

    reply_array(reply, 4);
    reply_text(reply, latency_event_names[event]);
    reply_integer(reply, latest->at_s);
    reply_integer(reply, latest->duration_ms);
    reply_integer(reply, history->max_ms);
}

static enum status command_latency_latest(struct call *call)
{
    struct latency_history histories[LATENCY_EVENT_COUNT];
    bool is_there[LATENCY_EVENT_COUNT];
    size_t count = 0;

    for (int i = 0; i < LATENCY_EVENT_COUNT; i++) {
        is_there[i] =
            latency_monitor_history(monitor_of(call), (enum latency_event)i, &histories[i]);
        count += is_there[i];
    }
    reply_array(call->reply, count);
    for (int i = 0; i < LATENCY_EVENT_COUNT; i++)
        if (is_there[i])
            reply_latest(call->reply, (enum latency_event)i, &histories[i]);
    return STATUS_OK;
}

static enum status command_latency_history(struct call *call)
{
    enum latency_event event = find_event(call->argv[2]);
    struct latency_history history = {.count = 0};

    if (event != LATENCY_EVENT_COUNT && !latency_monitor_history(monitor_of(call), event, &history))
        history.count = 0;
    reply_array(call->reply, (size_t)history.count);
    for (int i = 0; i < history.count; i++) {
        reply_array(call->reply, 2);
        reply_integer(call->reply, history.samples[i].at_s);
        reply_integer(call->reply, history.samples[i].duration_ms);
    }
    return STATUS_OK;
}

static enum status command_latency_reset(struct call *call)
{
    int64_t forgotten = 0;

    for (int i = 0; i < LATENCY_EVENT_COUNT && call->argc == 2; i++)
        forgotten += latency_monitor_forget(monitor_of(call), (enum latency_event)i);
    for (size_t i = 2; i < call->argc; i++) {
        enum latency_event event = find_event(call->argv[i]);

        forgotten +=
            event != LATENCY_EVENT_COUNT && latency_monitor_forget(monitor_of(call), event);
    }
    reply_integer(call->reply, forgotten);
    return STATUS_OK;
}

/* "15s", "3m", "2h", "7d": at most three letters for what a graph still holds. */
static void write_age(char label[SPARKLINE_LABEL_MAX], int64_t age_s)
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t unit = 0;
    int64_t count;

    while (unit < COUNT_OF(units) - 1 && age_s < units[unit].seconds)
        unit++;
    count = age_s / units[unit].seconds;
    (void)snprintf(label, SPARKLINE_LABEL_MAX, "%d%c", count < 10000 ? (int)count : 9999,
                   units[unit].letter);
}

static void draw_history(struct buffer *text, const char *name,
                         const struct latency_history *history, int64_t now_s)
{
    struct sparkline_column columns[LATENCY_SAMPLES_MAX];
    int64_t low_ms = history->samples[0].duration_ms, high_ms = low_ms;

    for (int i = 0; i < history->count; i++) {
        const struct latency_sample *sample = &history->samples[i];

        columns[i].value = sample->duration_ms;
        write_age(columns[i].label, now_s > sample->at_s ? now_s - sample->at_s : 0);
        low_ms = sample->duration_ms < low_ms ? sample->duration_ms : low_ms;
        high_ms = sample->duration_ms > high_ms ? sample->duration_ms : high_ms;
    }
    buffer_printf(text,
                  "%s - high %" PRId64 " ms, low %" PRId64 " ms (all time high %" PRId64 " ms)\n",
                  name, high_ms, low_ms, history->max_ms);
    for (int i = 0; i < SPARKLINE_COLUMNS; i++)
        buffer_append_byte(text, '-');
    buffer_append_byte(text, '\n');
    sparkline_draw(columns, history->count, text);
}

static enum status command_latency_graph(struct call *call)
{
    struct buffer *text = &call->worker->scratch;
    struct bytes name = call->argv[2];
    enum latency_event event = find_event(name);
    struct latency_history history;

    if (event == LATENCY_EVENT_COUNT || !latency_monitor_history(monitor_of(call), event, &history))
        return call_fail(call, "ERR No samples available for event '%.*s'",
                         (int)(name.size < 128 ? name.size : 128), name.data);
    draw_history(text, latency_event_names[event], &history, call->now_ms / 1000);
    reply_verbatim(call->reply, buffer_view(text));
    return STATUS_OK;
}

static void describe_event(struct buffer *text, enum latency_event event,
                           const struct latency_history *history)
{
    int64_t sum = 0;

    for (int i = 0; i < history->count; i++)
        sum += history->samples[i].duration_ms;
    buffer_printf(text,
                  "%s: %d samples, %" PRId64 " ms on average, %" PRId64 " ms at worst. SLOWLOG GET "
                  "tells which commands took long.\n",
                  latency_event_names[event], history->count, sum / history->count,
                  history->max_ms);
}

static enum status command_latency_doctor(struct call *call)
{
    struct buffer *text = &call->worker->scratch;
    struct latency_history history;

    for (int i = 0; i < LATENCY_EVENT_COUNT; i++)
        if (latency_monitor_history(monitor_of(call), (enum latency_event)i, &history))
            describe_event(text, (enum latency_event)i, &history);
    if (options_number(call_services(call)->options, OPTION_LATENCY_MONITOR_THRESHOLD) == 0)
        buffer_append_text(text, "Nothing is being watched: CONFIG SET latency-monitor-threshold "
                                 "<milliseconds> first.\n");
    else if (text->size == 0)
        buffer_append_text(text, "No command took as long as latency-monitor-threshold.\n");
    reply_verbatim(call->reply, buffer_view(text));
    return STATUS_OK;
}

/* --- LATENCY HISTOGRAM --- */

/* Redis's buckets: up to 1, 2, 4, 8, 16, 33, 66, 132 ... microseconds, from powers of two in
 * nanoseconds with its histogram's precision of 1/128. */
static int64_t histogram_step_us(int step)
{
    return ((INT64_C(1032) << step) - 1) / 1000;
}

struct histogram {
    uint64_t calls;
    int count;
    struct {
        int64_t up_to_us;
        uint64_t calls; /* that took no longer */
    } steps[32];
};

/* Steps at which no call was added are left out. */
static void fill_histogram(struct histogram *histogram, const uint64_t counts[LATENCY_BUCKETS])
{
    int bucket = 0, step = 0;

    *histogram = (struct histogram){0};
    while (bucket < LATENCY_BUCKETS) {
        int64_t up_to_us = histogram_step_us(step++);
        uint64_t before = histogram->calls;

        while (bucket < LATENCY_BUCKETS &&
               (bucket == 0 || latency_bucket_top_us(bucket - 1) < up_to_us))
            histogram->calls += counts[bucket++];
        if (histogram->calls == before)
            continue;
        histogram->steps[histogram->count].up_to_us = up_to_us;
        histogram->steps[histogram->count++].calls = histogram->calls;
    }
}

static void reply_histogram(struct reply *reply, const struct command *command,
                            const struct histogram *histogram)
{
    reply_text(reply, command->full_name);
    reply_map(reply, 2);
    reply_text(reply, "calls");
    reply_integer(reply, (int64_t)histogram->calls);
    reply_text(reply, "histogram_usec");
    reply_map(reply, (size_t)histogram->count);
    for (int i = 0; i < histogram->count; i++) {
        reply_integer(reply, histogram->steps[i].up_to_us);
        reply_integer(reply, (int64_t)histogram->steps[i].calls);
    }
}

/* Does a name ask for the row: by its own name, or by that of its container? */
static bool asks_for(struct bytes name, const struct command *command)
{
    return table_find_full(name) == command ||
           (command->container != NULL && table_find(name) == command->container);
}

static bool is_wanted(const struct call *call, const struct command *command)
{
    for (size_t i = 2; i < call->argc; i++)
        if (asks_for(call->argv[i], command))
            return true;
    return call->argc == 2;
}

/* Two walks, since a map says its size first; what is counted in between shows in the counts only.
 */
static enum status command_latency_histogram(struct call *call)
{
    struct statistics *statistics = call_services(call)->statistics;
    uint64_t counts[LATENCY_BUCKETS];
    bool *has_calls = xcalloc((size_t)table_count(), sizeof(*has_calls));
    struct histogram histogram;
    size_t shown = 0;

    for (int i = 0; i < table_count(); i++) {
        has_calls[i] = is_wanted(call, table_at(i)) && statistics_latencies(statistics, i, counts);
        shown += has_calls[i];
    }
    reply_map(call->reply, shown);
    for (int i = 0; i < table_count(); i++) {
        if (!has_calls[i])
            continue;
        statistics_latencies(statistics, i, counts);
        fill_histogram(&histogram, counts);
        reply_histogram(call->reply, table_at(i), &histogram);
    }
    free(has_calls);
    return STATUS_OK;
}

/* --- MONITOR --- */

static enum status command_monitor(struct call *call)
{
    if (call->is_in_exec)
        return call_fail(call, "ERR MONITOR isn't allowed for DENY BLOCKING client");
    clients_set_monitor(call_services(call)->clients, call->session, true);
    reply_ok(call->reply);
    return STATUS_OK;
}

/* clang-format off */

/* Flags that most rows here have. */
#define HELP  (CMD_LOADING | CMD_STALE)
#define ADMIN (CMD_ADMIN | CMD_LOADING | CMD_STALE)

static struct command memory_commands[] = {
    { .name = "doctor", .arity = 2, .run = command_memory_doctor,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "4.0.0", .complexity = "O(1)",
      .summary = "Tells in words whether memory is a problem", .syntax = "",
      .note = "other words" },
    { .name = "help", .arity = 2, .flags = HELP, .run = command_help,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "4.0.0", .complexity = "O(1)",
      .summary = "Lists the subcommands", .syntax = "", .note = "" },
    { .name = "malloc-stats", .arity = 2, .run = command_memory_malloc_stats,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "4.0.0", .complexity = "O(1)",
      .summary = "Shows the allocator's own report", .syntax = "", .note = "" },
    { .name = "purge", .arity = 2, .run = command_memory_purge,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "4.0.0", .complexity = "O(1)",
      .summary = "Gives memory that is not in use back to the system", .syntax = "", .note = "" },
    { .name = "stats", .arity = 2, .run = command_memory_stats,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "4.0.0", .complexity = "O(1)",
      .summary = "Tells what memory is used for", .syntax = "",
      .note = "keys and dataset are those in memory; fewer fields" },
    { .name = "usage", .arity = -3, .flags = CMD_READONLY, .first_key = 2, .last_key = 2,
      .key_step = 1, .key_use = KEYS_PEEK, .run = command_memory_usage,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "4.0.0", .complexity = "O(1)",
      .summary = "Tells how many bytes a key takes in memory", .syntax = "key [SAMPLES count]",
      .note = "what the record takes while it is in memory" },
    { 0 },
};

static struct command slowlog_commands[] = {
    { .name = "get", .arity = -2, .flags = ADMIN, .run = command_slowlog_get,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "2.2.12",
      .complexity = "O(N) where N is the number of entries returned",
      .summary = "Tells the newest calls that took long", .syntax = "[count]", .note = "" },
    { .name = "help", .arity = 2, .flags = HELP, .run = command_help,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "6.2.0", .complexity = "O(1)",
      .summary = "Lists the subcommands", .syntax = "", .note = "" },
    { .name = "len", .arity = 2, .flags = ADMIN, .run = command_slowlog_len,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "2.2.12", .complexity = "O(1)",
      .summary = "Tells how many calls the log holds", .syntax = "", .note = "" },
    { .name = "reset", .arity = 2, .flags = ADMIN, .run = command_slowlog_reset,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "2.2.12",
      .complexity = "O(N) where N is the number of entries",
      .summary = "Empties the log", .syntax = "", .note = "" },
    { 0 },
};

static struct command latency_commands[] = {
    { .name = "doctor", .arity = 2, .flags = ADMIN | CMD_NOSCRIPT, .run = command_latency_doctor,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "2.8.13", .complexity = "O(1)",
      .summary = "Tells in words what was slow", .syntax = "", .note = "other words" },
    { .name = "graph", .arity = 3, .flags = ADMIN | CMD_NOSCRIPT, .run = command_latency_graph,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "2.8.13", .complexity = "O(1)",
      .summary = "Draws when an event was slow, and how slow", .syntax = "event", .note = "" },
    { .name = "help", .arity = 2, .flags = HELP, .run = command_help,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "2.8.13", .complexity = "O(1)",
      .summary = "Lists the subcommands", .syntax = "", .note = "" },
    { .name = "histogram", .arity = -2, .flags = ADMIN | CMD_NOSCRIPT,
      .run = command_latency_histogram,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "7.0.0",
      .complexity = "O(N) where N is the number of commands",
      .summary = "Tells how many calls took how long", .syntax = "[command [command ...]]",
      .note = "durations from 16 microseconds on are known to 1/16" },
    { .name = "history", .arity = 3, .flags = ADMIN | CMD_NOSCRIPT, .run = command_latency_history,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "2.8.13", .complexity = "O(1)",
      .summary = "Tells when an event was slow, and how slow", .syntax = "event", .note = "" },
    { .name = "latest", .arity = 2, .flags = ADMIN | CMD_NOSCRIPT, .run = command_latency_latest,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "2.8.13", .complexity = "O(1)",
      .summary = "Tells when each event was slow last", .syntax = "",
      .note = "the events `command` and `fast-command`" },
    { .name = "reset", .arity = -2, .flags = ADMIN | CMD_NOSCRIPT, .run = command_latency_reset,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "2.8.13", .complexity = "O(1)",
      .summary = "Forgets when events were slow", .syntax = "[event [event ...]]", .note = "" },
    { 0 },
};

struct command introspection_commands[] = {
    { .name = "latency", .arity = -2, .subcommands = latency_commands,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "2.8.13",
      .complexity = "That of the subcommand", .summary = "About what was slow",
      .syntax = "", .note = "" },
    { .name = "memory", .arity = -2, .subcommands = memory_commands,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "4.0.0",
      .complexity = "That of the subcommand", .summary = "About memory",
      .syntax = "", .note = "" },
    { .name = "monitor", .arity = 1, .flags = ADMIN | CMD_NOSCRIPT, .run = command_monitor,
      .group = GROUP_SERVER, .compat = COMPAT_DIFFERS, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Shows all commands as they are run, from now on", .syntax = "",
      .note = "with several io-threads the order between connections is that of arrival here; a "
              "monitor that falls 64 MiB behind is disconnected" },
    { .name = "slowlog", .arity = -2, .subcommands = slowlog_commands,
      .group = GROUP_SERVER, .compat = COMPAT_SAME, .since = "2.2.12",
      .complexity = "That of the subcommand", .summary = "About calls that took long",
      .syntax = "", .note = "" },
    { 0 },
};
/* clang-format on */
