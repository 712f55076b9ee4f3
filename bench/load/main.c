/* main.c - grapevine-load: reads the options, starts the threads, collects each second, reports. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/condition.h"
#include "base/memory.h"
#include "load/report.h"

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

enum exit_code { EXIT_FINE, EXIT_INCOMPLETE, EXIT_USAGE };

static struct run run;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&run.has_stop, true);
}

static int complain(const char *problem, int code)
{
    fprintf(stderr, "grapevine-load: %s\n", problem);
    return code;
}

static void prepare_run(const struct options *options)
{
    struct sigaction action = {.sa_handler = on_signal};

    run.options = options;
    atomic_store(&run.counters.next_insert, options->keys);
    atomic_store(&run.counters.acknowledged, options->keys);
    pthread_mutex_init(&run.mutex, NULL);
    condition_init(&run.is_done);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

static void set_times(const struct options *options)
{
    run.begin_ns = worker_now_ns();
    run.count_from_ns = run.begin_ns + (uint64_t)(options->warmup * (double)NS_PER_S);
    run.end_ns = options->requests > 0
                     ? UINT64_MAX
                     : run.count_from_ns + (uint64_t)(options->seconds * (double)NS_PER_S);
}

/* Waits until all threads are done, or for so long; true if they are. */
static bool wait_until(uint64_t until_ns)
{
    bool is_over;

    pthread_mutex_lock(&run.mutex);
    while (run.done_count < run.options->threads) {
        uint64_t now_ns = worker_now_ns();

        if (now_ns >= until_ns)
            break;
        condition_wait_ms(&run.is_done, &run.mutex, (int64_t)((until_ns - now_ns) / NS_PER_MS + 1));
    }
    is_over = run.done_count == run.options->threads;
    pthread_mutex_unlock(&run.mutex);
    return is_over;
}

/* A row for what has come since the last one. */
static void collect(struct worker **workers, struct report *report, struct stats *second)
{
    uint64_t now_ns = worker_now_ns();

    memset(second, 0, sizeof(*second));
    for (uint64_t i = 0; i < run.options->threads; i++)
        worker_collect(workers[i], second);
    stats_add(&report->stats, second);
    if (now_ns > run.count_from_ns)
        series_add(&report->series, (double)(now_ns - run.count_from_ns) / NS_PER_S, second);
}

/* From the end of the warm-up to the last reply, or to the end if that is later. */
static double counted_seconds(const struct report *report)
{
    uint64_t end_ns = report->stats.last_reply_ns;

    if (run.end_ns != UINT64_MAX && run.end_ns > end_ns && !atomic_load(&run.has_stop))
        end_ns = run.end_ns;
    return end_ns > run.count_from_ns ? (double)(end_ns - run.count_from_ns) / NS_PER_S : 1e-9;
}

static void work(struct worker **workers, struct report *report)
{
    struct stats *second = xcalloc(1, sizeof(*second));
    bool is_over = false;

    set_times(run.options);
    for (uint64_t i = 0; i < run.options->threads; i++)
        worker_start(workers[i]);
    for (uint64_t at_ns = run.count_from_ns; !is_over; at_ns += NS_PER_S) {
        is_over = wait_until(at_ns);
        collect(workers, report, second);
    }
    for (unsigned i = 0; i < run.options->threads; i++) {
        struct worker_end end = worker_join(workers[i]);

        report_add_end(report, i, &end);
    }
    report->seconds = counted_seconds(report);
    free(second);
}

/* Nothing was left over, and of a load nothing was refused. */
static int outcome(const struct report *report)
{
    if (report_is_incomplete(report) && !atomic_load(&run.has_stop))
        return complain("not all that was due was answered", EXIT_INCOMPLETE);
    if (report->options->load > 0 && report->stats.errors.count > 0)
        return complain("not all keys were loaded", EXIT_INCOMPLETE);
    return EXIT_FINE;
}

static int report_all(const struct report *report)
{
    char problem[OPTIONS_PROBLEM_MAX];

    report_print(report, stdout);
    if (report->options->json != NULL && !report_write_json(report, report->options->json)) {
        snprintf(problem, sizeof(problem), "cannot write %.200s", report->options->json);
        return complain(problem, EXIT_INCOMPLETE);
    }
    return outcome(report);
}

static int run_all(const struct options *options)
{
    struct worker **workers = xcalloc(options->threads, sizeof(*workers));
    struct report *report = xcalloc(1, sizeof(*report));
    char problem[OPTIONS_PROBLEM_MAX];
    int code = EXIT_INCOMPLETE;
    unsigned count = 0;

    report->options = options;
    while (count < options->threads &&
           (workers[count] = worker_create(&run, count, problem)) != NULL)
        count++;
    if (count < options->threads) {
        complain(problem, code);
    } else {
        work(workers, report);
        code = report_all(report);
    }
    while (count > 0)
        worker_destroy(workers[--count]);
    series_clear(&report->series);
    free(report);
    free(workers);
    return code;
}

int main(int count, char **words)
{
    static struct options options;
    char problem[OPTIONS_PROBLEM_MAX];

    if (!options_parse(count - 1, words + 1, &options, problem))
        return complain(problem, EXIT_USAGE);
    if (options.has_help) {
        options_print_help(stdout);
        return EXIT_FINE;
    }
    prepare_run(&options);
    return run_all(&options);
}
