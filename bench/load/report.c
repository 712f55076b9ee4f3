#include "load/report.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define NS_PER_MS 1e6

/* Behind its schedule by more than that in one of a hundred requests, the generator was slow. */
#define LATE_P99_MAX_MS 1.0
/* A thread that takes more than that of a core, or waits for one so long, has no time left. */
#define CPU_SHARE_MAX  0.95
#define WAIT_SHARE_MAX 0.2

static const double shown_percents[] = {50, 90, 99, 99.9, 99.99, 100};

static const double written_percents[] = {0,    10,   20,    30,    40,     50,     60, 70,
                                          75,   80,   85,    90,    95,     97,     98, 99,
                                          99.5, 99.9, 99.95, 99.99, 99.995, 99.999, 100};

static double percentile_ms(const struct histogram *histogram, double percent)
{
    return (double)histogram_percentile(histogram, percent) / NS_PER_MS;
}

void report_add_end(struct report *report, unsigned index, const struct worker_end *end)
{
    struct worker_end *sum = &report->end;

    report->cpu_shares[index] = end->cpu_share;
    sum->sent += end->sent;
    sum->unsent += end->unsent;
    sum->unanswered += end->unanswered;
    sum->lost_connections += end->lost_connections;
    sum->is_blocked |= end->is_blocked;
    if (end->cpu_share > sum->cpu_share)
        sum->cpu_share = end->cpu_share; /* the busiest */
    if (end->wait_share > sum->wait_share)
        sum->wait_share = end->wait_share;
}

bool report_generator_was_slow(const struct report *report)
{
    return report->end.cpu_share > CPU_SHARE_MAX || report->end.wait_share > WAIT_SHARE_MAX ||
           percentile_ms(&report->stats.late, 99) > LATE_P99_MAX_MS;
}

bool report_is_incomplete(const struct report *report)
{
    return report->end.unsent + report->end.unanswered + report->end.lost_connections > 0;
}

/* --- for people ---------------------------------------------------------------------------------
 */

static void print_head(const struct report *report, FILE *out)
{
    const struct options *options = report->options;

    if (options->load > 0)
        fprintf(out, "loading %" PRIu64 " keys", options->load);
    else
        fprintf(out, "%" PRIu64 " keys, %s", options->keys,
                options_distribution_name(options->distribution));
    fprintf(out, ", %" PRIu64 " connections of %" PRIu64 " requests, %" PRIu64 " thread%s, ",
            options->connections, options->pipeline, options->threads,
            options->threads == 1 ? "" : "s");
    if (options->rate > 0)
        fprintf(out, "open loop: %.0f a second due, ", options->rate);
    else
        fprintf(out, "closed loop, ");
    fprintf(out, "%.2f s\n", report->seconds);
}

static void print_kind(const struct report *report, int kind, FILE *out)
{
    const struct kind_stats *stats = &report->stats.kinds[kind];

    fprintf(out, "%-8s %11" PRIu64 " %11.0f %9" PRIu64 " %9" PRIu64,
            stats_kind_name((enum kind)kind), stats->latency.count,
            (double)stats->latency.count / report->seconds, stats->errors, stats->misses);
    for (size_t i = 0; i < COUNT_OF(shown_percents); i++)
        fprintf(out, " %8.3f", percentile_ms(&stats->latency, shown_percents[i]));
    fputc('\n', out);
}

static void print_table(const struct report *report, FILE *out)
{
    fprintf(out, "%-8s %11s %11s %9s %9s %8s %8s %8s %8s %8s %8s  ms\n", "", "replies", "per s",
            "errors", "misses", "p50", "p90", "p99", "p99.9", "p99.99", "max");
    for (int kind = 0; kind < KIND_COUNT; kind++)
        if (report->stats.kinds[kind].latency.count + report->stats.kinds[kind].errors > 0)
            print_kind(report, kind, out);
}

static void print_errors(const struct report *report, FILE *out)
{
    for (unsigned i = 0; i < report->stats.errors.count; i++)
        fprintf(out, "errors: %" PRIu64 " times %s\n", report->stats.errors.rows[i].times,
                report->stats.errors.rows[i].word);
    if (report_is_incomplete(report))
        fprintf(out,
                "INCOMPLETE: of what was due, %" PRIu64 " were never sent and %" PRIu64
                " never answered; %" PRIu64 " connections were lost.\n",
                report->end.unsent, report->end.unanswered, report->end.lost_connections);
}

static void print_generator(const struct report *report, FILE *out)
{
    const struct histogram *late = &report->stats.late;

    fprintf(out,
            "generator: its threads took up to %.0f %% of a core each, and waited for one up to "
            "%.0f %%",
            report->end.cpu_share * 100, report->end.wait_share * 100);
    if (report->options->rate > 0)
        fprintf(out, "; sent later than due by p50 %.3f, p99 %.3f, max %.3f ms",
                percentile_ms(late, 50), percentile_ms(late, 99), percentile_ms(late, 100));
    fputc('\n', out);
    if (report->options->rate > 0 && report->end.is_blocked)
        fprintf(out,
                "At times all connections had %" PRIu64 " requests on their way: others waited, "
                "and their time counts.\n",
                report->options->pipeline);
    if (report_generator_was_slow(report))
        fprintf(out,
                "THE GENERATOR WAS SLOW: the figures are partly its own; give it more threads or "
                "cores, or less to do.\n");
}

void report_print(const struct report *report, FILE *out)
{
    print_head(report, out);
    print_table(report, out);
    print_errors(report, out);
    print_generator(report, out);
}

/* --- for programs -------------------------------------------------------------------------------
 */

static json_t *percentiles_json(const struct histogram *histogram)
{
    json_t *list = json_array();

    for (size_t i = 0; i < COUNT_OF(written_percents); i++)
        json_array_append_new(list, json_pack("[f, f]", written_percents[i],
                                              percentile_ms(histogram, written_percents[i])));
    return list;
}

/* Each bucket that counts anything: its larger bound, and how many are not above. */
static json_t *distribution_json(const struct histogram *histogram)
{
    json_t *list = json_array();
    uint64_t seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        if (histogram->buckets[i] > 0) {
            seen += histogram->buckets[i];
            json_array_append_new(list, json_pack("[f, I]", (double)histogram_bound(i) / NS_PER_MS,
                                                  (json_int_t)seen));
        }
    return list;
}

static json_t *kind_json(const struct report *report, const struct kind_stats *kind)
{
    return json_pack(
        "{s:I, s:f, s:I, s:I, s:f, s:o, s:o}", "replies", (json_int_t)kind->latency.count, "per_s",
        (double)kind->latency.count / report->seconds, "errors", (json_int_t)kind->errors, "misses",
        (json_int_t)kind->misses, "mean_ms", histogram_mean(&kind->latency) / NS_PER_MS,
        "percentiles_ms", percentiles_json(&kind->latency), "cumulative_ms",
        distribution_json(&kind->latency));
}

static bool has_kind(const struct report *report, int kind)
{
    return report->stats.kinds[kind].latency.count + report->stats.kinds[kind].errors > 0;
}

static json_t *kinds_json(const struct report *report)
{
    json_t *kinds = json_object();

    for (int i = 0; i < KIND_COUNT; i++)
        if (has_kind(report, i))
            json_object_set_new(kinds, stats_kind_name((enum kind)i),
                                kind_json(report, &report->stats.kinds[i]));
    return kinds;
}

static json_t *errors_json(const struct report *report)
{
    json_t *errors = json_object();

    for (unsigned i = 0; i < report->stats.errors.count; i++)
        json_object_set_new(errors, report->stats.errors.rows[i].word,
                            json_integer((json_int_t)report->stats.errors.rows[i].times));
    return errors;
}

static json_t *series_row_json(const struct report *report, const struct series_row *row)
{
    json_t *object = json_pack("{s:f}", "second", row->second);

    for (int i = 0; i < KIND_COUNT; i++)
        if (has_kind(report, i)) {
            const struct series_kind *kind = &row->kinds[i];

            json_object_set_new(
                object, stats_kind_name((enum kind)i),
                json_pack("{s:I, s:I, s:f, s:f, s:f, s:f}", "replies", (json_int_t)kind->replies,
                          "errors", (json_int_t)kind->errors, "p50_ms", kind->p50_ms, "p99_ms",
                          kind->p99_ms, "p99.9_ms", kind->p999_ms, "max_ms", kind->max_ms));
        }
    return object;
}

static json_t *series_json(const struct report *report)
{
    json_t *list = json_array();

    for (size_t i = 0; i < report->series.count; i++)
        json_array_append_new(list, series_row_json(report, &report->series.rows[i]));
    return list;
}

static json_t *generator_json(const struct report *report)
{
    json_t *shares = json_array();

    for (uint64_t i = 0; i < report->options->threads; i++)
        json_array_append_new(shares, json_real(report->cpu_shares[i]));
    return json_pack("{s:b, s:o, s:f, s:o, s:b}", "was_slow", report_generator_was_slow(report),
                     "cpu_shares", shares, "wait_share", report->end.wait_share,
                     "late_percentiles_ms", percentiles_json(&report->stats.late), "had_no_room",
                     report->end.is_blocked);
}

static json_t *options_json(const struct options *options)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:f, s:I, s:s, s:f, s:f, s:I, s:I}", "servers",
                     (json_int_t)options->server_count, "threads", (json_int_t)options->threads,
                     "connections", (json_int_t)options->connections, "pipeline",
                     (json_int_t)options->pipeline, "rate", options->rate, "keys",
                     (json_int_t)(options->load > 0 ? options->load : options->keys),
                     "distribution", options_distribution_name(options->distribution), "theta",
                     options->theta, "reads", options->reads, "seed", (json_int_t)options->seed,
                     "load", (json_int_t)options->load);
}

static json_t *report_json(const struct report *report)
{
    return json_pack("{s:o, s:f, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "options",
                     options_json(report->options), "seconds", report->seconds, "sent",
                     (json_int_t)report->end.sent, "never_sent", (json_int_t)report->end.unsent,
                     "never_answered", (json_int_t)report->end.unanswered, "lost_connections",
                     (json_int_t)report->end.lost_connections, "kinds", kinds_json(report),
                     "errors", errors_json(report), "generator", generator_json(report), "series",
                     series_json(report));
}

bool report_write_json(const struct report *report, const char *path)
{
    json_t *json = report_json(report);
    bool is_written = json_dump_file(json, path, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0;

    json_decref(json);
    return is_written;
}
