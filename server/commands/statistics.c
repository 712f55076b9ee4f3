#include "commands/statistics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "commands/latency.h"
#include "commands/slowlog.h"

/* INFO's rates are the mean of this many samples. */
#define RATE_SAMPLES 16
#define SAMPLE_US    (STATISTICS_SAMPLE_MS * 1000)

enum rate { RATE_COMMANDS, RATE_INPUT, RATE_OUTPUT, RATE_COUNT };

static const enum counter rate_counters[RATE_COUNT] = {
    [RATE_COMMANDS] = COUNTER_COMMANDS,
    [RATE_INPUT] = COUNTER_INPUT_BYTES,
    [RATE_OUTPUT] = COUNTER_OUTPUT_BYTES,
};

/* Sums of one moment, in the shape of a thread's counts. */
struct totals {
    uint64_t counters[COUNTER_COUNT];
    int error_count;
    struct error_total errors[ERROR_WORDS_MAX];
    struct command_total *commands;         /* by index */
    uint64_t (*latencies)[LATENCY_BUCKETS]; /* by index */
};

struct statistics {
    struct statistics_settings settings;
    struct options *options;
    const struct clock *clock;
    int64_t started_us;
    struct slowlog *slowlog;
    struct latency_monitor *latency_monitor;

    pthread_mutex_t lock; /* for all below */
    struct thread_statistics *threads;
    struct totals baseline;
    int64_t sampled_us; /* monotonic; 0 = never */
    uint64_t sampled[RATE_COUNT];
    double per_second[RATE_COUNT][RATE_SAMPLES];
    uint64_t sample_count;
    int64_t quiet_us; /* nothing new was counted for so long */
    size_t peak_memory;
};

/* --- life --- */

/* The shortest duration that the slow log or the latency monitor asks for. */
static int64_t notable_us(const struct options *options)
{
    int64_t slow_us = options_number(options, OPTION_SLOWLOG_LOG_SLOWER_THAN);
    int64_t hesitation_ms = options_number(options, OPTION_LATENCY_MONITOR_THRESHOLD);
    int64_t notable = INT64_MAX;

    if (slow_us >= 0)
        notable = slow_us;
    if (hesitation_ms > 0 && hesitation_ms < notable / 1000)
        notable = hesitation_ms * 1000;
    return notable;
}

static bool apply_settings(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX])
{
    struct statistics *statistics = context;
    const struct options *options = statistics->options;

    (void)id, (void)error;
    atomic_store(&statistics->settings.is_tracking,
                 options_is_on(options, OPTION_LATENCY_TRACKING));
    atomic_store(&statistics->settings.notable_us, notable_us(options));
    slowlog_trim(statistics->slowlog, options_number(options, OPTION_SLOWLOG_MAX_LEN));
    return true;
}

struct statistics *statistics_create(struct options *options, const struct clock *clock)
{
    static const enum option_id obeyed[] = {OPTION_LATENCY_TRACKING, OPTION_SLOWLOG_LOG_SLOWER_THAN,
                                            OPTION_SLOWLOG_MAX_LEN,
                                            OPTION_LATENCY_MONITOR_THRESHOLD};
    struct statistics *statistics = xcalloc(1, sizeof(*statistics));
    size_t rows = (size_t)table_count();

    statistics->options = options;
    statistics->clock = clock;
    statistics->started_us = clock_wall_us(clock);
    statistics->slowlog = slowlog_create();
    statistics->latency_monitor = latency_monitor_create();
    pthread_mutex_init(&statistics->lock, NULL);
    statistics->baseline.commands = xcalloc(rows, sizeof(statistics->baseline.commands[0]));
    statistics->baseline.latencies = xcalloc(rows, sizeof(statistics->baseline.latencies[0]));
    apply_settings(statistics, OPTION_LATENCY_TRACKING, NULL);
    for (size_t i = 0; i < COUNT_OF(obeyed); i++)
        options_set_hook(options, obeyed[i], apply_settings, statistics);
    return statistics;
}

static void thread_statistics_destroy(struct thread_statistics *thread)
{
    for (int i = 0; i < table_count(); i++)
        free(atomic_load(&thread->commands[i].latency));
    free(thread);
}

void statistics_destroy(struct statistics *statistics)
{
    struct thread_statistics *thread, *next;

    if (statistics == NULL)
        return;
    for (thread = statistics->threads; thread != NULL; thread = next) {
        next = thread->next;
        thread_statistics_destroy(thread);
    }
    slowlog_destroy(statistics->slowlog);
    latency_monitor_destroy(statistics->latency_monitor);
    free(statistics->baseline.commands);
    free(statistics->baseline.latencies);
    pthread_mutex_destroy(&statistics->lock);
    free(statistics);
}

struct thread_statistics *statistics_join(struct statistics *statistics)
{
    struct thread_statistics *thread;
    size_t rows = (size_t)table_count();

    thread = xcalloc(1, sizeof(*thread) + rows * sizeof(thread->commands[0]));
    thread->settings = &statistics->settings;
    pthread_mutex_lock(&statistics->lock);
    thread->next = statistics->threads;
    statistics->threads = thread;
    pthread_mutex_unlock(&statistics->lock);
    return thread;
}

/* --- counting --- */

struct latency_histogram *statistics_start_latency(struct command_counts *counts)
{
    struct latency_histogram *latency = xcalloc(1, sizeof(*latency));

    atomic_store_explicit(&counts->latency, latency, memory_order_release);
    return latency;
}

static struct bytes first_word(struct bytes text)
{
    const char *blank = memchr(text.data, ' ', text.size);

    if (blank != NULL)
        text.size = (size_t)(blank - text.data);
    if (text.size > ERROR_WORD_BYTES - 1)
        text.size = ERROR_WORD_BYTES - 1;
    return text;
}

void statistics_record_error(struct thread_statistics *thread, struct bytes text)
{
    struct bytes word = first_word(text);
    int count = atomic_load_explicit(&thread->error_word_count, memory_order_relaxed);
    int i = 0;

    count_add(&thread->counters[COUNTER_ERRORS], 1);
    while (i < count && !bytes_equal(bytes_of(thread->errors[i].word), word))
        i++;
    if (i == count && count < ERROR_WORDS_MAX) {
        memcpy(thread->errors[i].word, word.data, word.size);
        atomic_store_explicit(&thread->error_word_count, count + 1, memory_order_release);
    }
    count_add(&thread->errors[i < ERROR_WORDS_MAX ? i : ERROR_WORDS_MAX - 1].count, 1);
}

void statistics_note(struct statistics *statistics, const struct call *call, int64_t duration_us)
{
    const struct options *options = statistics->options;
    int64_t slow_us = options_number(options, OPTION_SLOWLOG_LOG_SLOWER_THAN);
    int64_t hesitation_ms = options_number(options, OPTION_LATENCY_MONITOR_THRESHOLD);
    uint32_t flags = call->command->flags;

    if (slow_us >= 0 && duration_us >= slow_us && (flags & CMD_SKIP_SLOWLOG) == 0)
        slowlog_add(statistics->slowlog, call, duration_us,
                    options_number(options, OPTION_SLOWLOG_MAX_LEN));
    if (hesitation_ms > 0 && duration_us / 1000 >= hesitation_ms)
        latency_monitor_add(statistics->latency_monitor,
                            (flags & CMD_FAST) != 0 ? LATENCY_FAST_COMMAND : LATENCY_COMMAND,
                            clock_wall_ms(statistics->clock) / 1000, duration_us / 1000);
}

/* --- sums --- */

static uint64_t read_count(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

/* All that follow: with the lock held, not less the baseline. */

static uint64_t sum_counter(const struct statistics *statistics, enum counter counter)
{
    uint64_t sum = 0;

    for (const struct thread_statistics *t = statistics->threads; t != NULL; t = t->next)
        sum += read_count(&t->counters[counter]);
    return sum;
}

static struct command_total sum_command(const struct statistics *statistics, int index)
{
    struct command_total sum = {0};

    for (const struct thread_statistics *t = statistics->threads; t != NULL; t = t->next) {
        const struct command_counts *counts = &t->commands[index];

        sum.calls += read_count(&counts->calls);
        sum.usec += read_count(&counts->usec);
        sum.rejected += read_count(&counts->rejected);
        sum.failed += read_count(&counts->failed);
    }
    return sum;
}

static void sum_latencies(const struct statistics *statistics, int index,
                          uint64_t sums[LATENCY_BUCKETS])
{
    memset(sums, 0, LATENCY_BUCKETS * sizeof(sums[0]));
    for (const struct thread_statistics *t = statistics->threads; t != NULL; t = t->next) {
        const struct latency_histogram *latency =
            atomic_load_explicit(&t->commands[index].latency, memory_order_acquire);

        for (int i = 0; latency != NULL && i < LATENCY_BUCKETS; i++)
            sums[i] += read_count(&latency->counts[i]);
    }
}

static struct error_total *find_error(struct error_total *totals, int count, const char *word)
{
    for (int i = 0; i < count; i++)
        if (strcmp(totals[i].word, word) == 0)
            return &totals[i];
    return NULL;
}

static int sum_errors(const struct statistics *statistics, struct error_total sums[ERROR_WORDS_MAX])
{
    int count = 0;

    for (const struct thread_statistics *t = statistics->threads; t != NULL; t = t->next) {
        int words = atomic_load_explicit(&t->error_word_count, memory_order_acquire);

        for (int i = 0; i < words; i++) {
            struct error_total *sum = find_error(sums, count, t->errors[i].word);

            if (sum == NULL && count == ERROR_WORDS_MAX)
                sum = &sums[count - 1];
            if (sum == NULL) {
                sum = &sums[count++];
                *sum = (struct error_total){0};
                memcpy(sum->word, t->errors[i].word, ERROR_WORD_BYTES);
            }
            sum->count += read_count(&t->errors[i].count);
        }
    }
    return count;
}

/* --- reading --- */

uint64_t statistics_total(struct statistics *statistics, enum counter counter)
{
    uint64_t total;

    pthread_mutex_lock(&statistics->lock);
    total = sum_counter(statistics, counter) - statistics->baseline.counters[counter];
    pthread_mutex_unlock(&statistics->lock);
    return total;
}

struct command_total statistics_of_command(struct statistics *statistics, int command_index)
{
    struct command_total total;
    const struct command_total *before = &statistics->baseline.commands[command_index];

    pthread_mutex_lock(&statistics->lock);
    total = sum_command(statistics, command_index);
    total.calls -= before->calls;
    total.usec -= before->usec;
    total.rejected -= before->rejected;
    total.failed -= before->failed;
    pthread_mutex_unlock(&statistics->lock);
    return total;
}

bool statistics_latencies(struct statistics *statistics, int command_index,
                          uint64_t counts[LATENCY_BUCKETS])
{
    uint64_t calls = 0;

    pthread_mutex_lock(&statistics->lock);
    sum_latencies(statistics, command_index, counts);
    for (int i = 0; i < LATENCY_BUCKETS; i++) {
        counts[i] -= statistics->baseline.latencies[command_index][i];
        calls += counts[i];
    }
    pthread_mutex_unlock(&statistics->lock);
    return calls > 0;
}

int64_t latency_bucket_top_us(int bucket)
{
    int octave = bucket / LATENCY_STEPS + 3;
    int64_t step = bucket % LATENCY_STEPS + LATENCY_STEPS;

    if (bucket < LATENCY_STEPS)
        return bucket;
    return ((step + 1) << (octave - 4)) - 1;
}

int64_t latency_percentile_us(const uint64_t counts[LATENCY_BUCKETS], double percentile)
{
    uint64_t calls = 0, passed = 0, wanted;
    int bucket = 0;

    for (int i = 0; i < LATENCY_BUCKETS; i++)
        calls += counts[i];
    wanted = (uint64_t)((double)calls * percentile / 100 + 0.5);
    while (bucket < LATENCY_BUCKETS - 1 && (passed += counts[bucket]) < (wanted > 0 ? wanted : 1))
        bucket++;
    return latency_bucket_top_us(bucket);
}

static int compare_errors(const void *a, const void *b)
{
    const struct error_total *left = a, *right = b;

    return strcmp(left->word, right->word);
}

int statistics_errors(struct statistics *statistics, struct error_total totals[ERROR_WORDS_MAX])
{
    struct totals *baseline = &statistics->baseline;
    int count, kept = 0;

    pthread_mutex_lock(&statistics->lock);
    count = sum_errors(statistics, totals);
    for (int i = 0; i < count; i++) {
        const struct error_total *before =
            find_error(baseline->errors, baseline->error_count, totals[i].word);

        totals[kept] = totals[i];
        totals[kept].count -= before == NULL ? 0 : before->count;
        kept += totals[kept].count > 0;
    }
    pthread_mutex_unlock(&statistics->lock);
    qsort(totals, (size_t)kept, sizeof(totals[0]), compare_errors);
    return kept;
}

/* --- rates --- */

/* A sample that comes late counts for those that were left out, too. */
static int samples_in(int64_t passed_us)
{
    int64_t count = (passed_us + SAMPLE_US / 2) / SAMPLE_US;

    return count < 1 ? 1 : count > RATE_SAMPLES ? RATE_SAMPLES : (int)count;
}

static void add_samples(struct statistics *statistics, enum rate rate, double per_second, int count)
{
    for (int i = 0; i < count; i++)
        statistics->per_second[rate][(statistics->sample_count + (uint64_t)i) % RATE_SAMPLES] =
            per_second;
}

/* With the lock held: what happened since the last sample. */
static void take_rates(struct statistics *statistics, int64_t now_us)
{
    int64_t passed_us = now_us - statistics->sampled_us;
    bool is_first = statistics->sampled_us == 0, is_quiet = true;
    int count = is_first || passed_us <= 0 ? 0 : samples_in(passed_us);

    for (int i = 0; i < RATE_COUNT; i++) {
        uint64_t sum = sum_counter(statistics, rate_counters[i]);
        uint64_t more = sum - statistics->sampled[i];

        if (count > 0)
            add_samples(statistics, (enum rate)i, (double)more * 1e6 / (double)passed_us, count);
        is_quiet &= more == 0;
        statistics->sampled[i] = sum;
    }
    statistics->sample_count += (uint64_t)count;
    statistics->quiet_us = is_quiet && count > 0 ? statistics->quiet_us + passed_us : 0;
    statistics->sampled_us = now_us;
}

void statistics_reset(struct statistics *statistics)
{
    struct totals *baseline = &statistics->baseline;

    pthread_mutex_lock(&statistics->lock);
    for (int i = 0; i < COUNTER_COUNT; i++)
        baseline->counters[i] = sum_counter(statistics, (enum counter)i);
    baseline->error_count = sum_errors(statistics, baseline->errors);
    for (int i = 0; i < table_count(); i++) {
        baseline->commands[i] = sum_command(statistics, i);
        sum_latencies(statistics, i, baseline->latencies[i]);
    }
    statistics->sampled_us = 0;
    statistics->sample_count = 0;
    take_rates(statistics, clock_monotonic_us(statistics->clock));
    pthread_mutex_unlock(&statistics->lock);
}

int64_t statistics_sample(struct statistics *statistics)
{
    size_t memory = memory_used();
    bool is_quiet;

    pthread_mutex_lock(&statistics->lock);
    take_rates(statistics, clock_monotonic_us(statistics->clock));
    if (memory > statistics->peak_memory)
        statistics->peak_memory = memory;
    is_quiet = statistics->quiet_us >= RATE_SAMPLES * SAMPLE_US;
    pthread_mutex_unlock(&statistics->lock);
    return is_quiet ? STATISTICS_QUIET_MS : STATISTICS_SAMPLE_MS;
}

static double mean_rate(const struct statistics *statistics, enum rate rate)
{
    int count =
        statistics->sample_count < RATE_SAMPLES ? (int)statistics->sample_count : RATE_SAMPLES;
    double sum = 0;

    for (int i = 0; i < count; i++)
        sum += statistics->per_second[rate][i];
    return count == 0 ? 0 : sum / count;
}

struct statistics_rates statistics_rates(struct statistics *statistics)
{
    struct statistics_rates rates;
    size_t memory = memory_used();
    int64_t now_us = clock_monotonic_us(statistics->clock);

    pthread_mutex_lock(&statistics->lock);
    if (statistics->sampled_us > 0 && now_us - statistics->sampled_us >= SAMPLE_US)
        take_rates(statistics, now_us);
    if (memory > statistics->peak_memory)
        statistics->peak_memory = memory;
    rates.commands_per_second = (int64_t)mean_rate(statistics, RATE_COMMANDS);
    rates.input_kbps = mean_rate(statistics, RATE_INPUT) / 1024;
    rates.output_kbps = mean_rate(statistics, RATE_OUTPUT) / 1024;
    rates.peak_memory = statistics->peak_memory;
    pthread_mutex_unlock(&statistics->lock);
    return rates;
}

int64_t statistics_started_us(const struct statistics *statistics)
{
    return statistics->started_us;
}

struct slowlog *statistics_slowlog(struct statistics *statistics)
{
    return statistics->slowlog;
}

struct latency_monitor *statistics_latency_monitor(struct statistics *statistics)
{
    return statistics->latency_monitor;
}
