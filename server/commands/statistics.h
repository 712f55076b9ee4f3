/* statistics.h - what the server did, counted without getting in its way.
 *
 * Every thread counts for itself, in memory that it alone writes: a count is a load, an addition
 * and a store, without a locked instruction.  Who wants a sum walks over the threads and adds.  A
 * reader may miss the newest few counts, never more.
 *
 * CONFIG RESETSTAT can't set other threads' counts to zero without stopping them; it remembers the
 * sums of that moment instead (the baseline), and every later reading is shown less the baseline.
 *
 * Latencies are kept as histograms in microseconds: exact below 16, from there in 16 steps for each
 * power of two, so a percentile is at most 1/16 too high.
 */
#ifndef COMMANDS_STATISTICS_H
#define COMMANDS_STATISTICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "commands/call.h"
#include "commands/table.h"

enum counter {
    COUNTER_COMMANDS,
    COUNTER_CONNECTIONS,
    COUNTER_REJECTED_CONNECTIONS,
    COUNTER_INPUT_BYTES,
    COUNTER_OUTPUT_BYTES,
    COUNTER_READS, /* system calls on sockets */
    COUNTER_WRITES,
    COUNTER_HITS, /* look-ups of a key by read commands that found it */
    COUNTER_MISSES,
    COUNTER_ERRORS, /* error replies */
    COUNTER_QUERY_LIMIT_CLOSED,
    COUNTER_OUTPUT_LIMIT_CLOSED,
    COUNTER_COUNT
};

#define LATENCY_STEPS   16 /* for each power of two */
#define LATENCY_BUCKETS 272
#define LATENCY_MAX_US  ((1 << 20) - 1) /* longer calls count as this long */

struct latency_histogram {
    _Atomic uint64_t counts[LATENCY_BUCKETS];
};

struct command_counts {
    _Atomic uint64_t calls, usec;
    _Atomic uint64_t rejected; /* refused before it ran: arity, no permission, ... */
    _Atomic uint64_t failed;   /* ran and answered an error */
    _Atomic(struct latency_histogram *) latency; /* NULL until the first call */
};

/* Error words are chosen by this program, so there are few; more than fit count as the last one. */
#define ERROR_WORDS_MAX  64
#define ERROR_WORD_BYTES 32

struct error_count {
    char word[ERROR_WORD_BYTES];
    _Atomic uint64_t count;
};

/* What the options say at the moment. */
struct statistics_settings {
    atomic_bool is_tracking;    /* latency-tracking */
    _Atomic int64_t notable_us; /* calls this long go to the slow log or to the latency monitor */
};

struct latency_monitor;
struct slowlog;
struct statistics;

struct thread_statistics {
    const struct statistics_settings *settings;
    struct thread_statistics *next;
    _Atomic uint64_t counters[COUNTER_COUNT];
    atomic_int error_word_count;
    struct error_count errors[ERROR_WORDS_MAX];
    struct command_counts commands[]; /* by command->index */
};

/* After table_init().  Registers itself for changes of the options it obeys. */
struct statistics *statistics_create(struct options *options, const struct clock *clock);
/* All threads have ended. */
void statistics_destroy(struct statistics *statistics);

/* A thread's own counts; they live as long as the statistics. */
struct thread_statistics *statistics_join(struct statistics *statistics);

/* --- counting: by the thread that owns the counts --- */

/* The single writer's addition. */
static inline void count_add(_Atomic uint64_t *count, uint64_t more)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static inline void statistics_add(struct thread_statistics *thread, enum counter counter,
                                  uint64_t more)
{
    count_add(&thread->counters[counter], more);
}

/* Which bucket counts a duration >= 0. */
static inline int latency_bucket(int64_t duration_us)
{
    uint32_t us = duration_us < LATENCY_MAX_US ? (uint32_t)duration_us : LATENCY_MAX_US;
    int octave;

    if (us < LATENCY_STEPS)
        return (int)us;
    octave = 31 - __builtin_clz(us); /* 4 .. 19 */
    return (octave - 3) * LATENCY_STEPS + (int)(us >> (octave - 4)) - LATENCY_STEPS;
}

/* The histogram of a command that has none yet. */
struct latency_histogram *statistics_start_latency(struct command_counts *counts);

/* A command that ran `calls` times, and how long that took together; duration_us >= 0. */
static inline void statistics_record_run(struct thread_statistics *thread,
                                         const struct command *command, uint64_t calls,
                                         int64_t duration_us)
{
    struct command_counts *counts = &thread->commands[command->index];
    struct latency_histogram *latency;

    count_add(&thread->counters[COUNTER_COMMANDS], calls);
    count_add(&counts->calls, calls);
    count_add(&counts->usec, (uint64_t)duration_us);
    if (!atomic_load_explicit(&thread->settings->is_tracking, memory_order_relaxed))
        return;
    latency = atomic_load_explicit(&counts->latency, memory_order_relaxed);
    if (UNLIKELY(latency == NULL))
        latency = statistics_start_latency(counts);
    count_add(&latency->counts[latency_bucket(duration_us / (int64_t)calls)], calls);
}

/* A command that ran; duration_us >= 0. */
static inline void statistics_record(struct thread_statistics *thread,
                                     const struct command *command, int64_t duration_us,
                                     bool has_failed)
{
    if (UNLIKELY(has_failed))
        count_add(&thread->commands[command->index].failed, 1);
    statistics_record_run(thread, command, 1, duration_us);
}

/* A command that was refused before it ran. */
static inline void statistics_record_rejected(struct thread_statistics *thread,
                                              const struct command *command)
{
    count_add(&thread->commands[command->index].rejected, 1);
}

/* An error reply that is on its way, by its first word. */
void statistics_record_error(struct thread_statistics *thread, struct bytes text);

/* So quick that nobody needs to know of a single call how long it took? */
#define STATISTICS_QUICK_US 100

static inline bool statistics_may_time_runs(const struct thread_statistics *thread)
{
    return atomic_load_explicit(&thread->settings->notable_us, memory_order_relaxed) >
           STATISTICS_QUICK_US;
}

/* The slow log and the latency monitor.  After statistics_record(), if statistics_is_notable(). */
static inline bool statistics_is_notable(const struct thread_statistics *thread,
                                         int64_t duration_us)
{
    return UNLIKELY(duration_us >=
                    atomic_load_explicit(&thread->settings->notable_us, memory_order_relaxed));
}

void statistics_note(struct statistics *statistics, const struct call *call, int64_t duration_us);

/* From one thread: the rates that INFO shows, and the peak of memory.  To be called again after the
 * returned time: ten times a second, or once when nothing was counted for longer than the rates
 * look back. */
#define STATISTICS_SAMPLE_MS 100
#define STATISTICS_QUIET_MS  1000
int64_t statistics_sample(struct statistics *statistics);

/* --- reading: any thread --- */

uint64_t statistics_total(struct statistics *statistics, enum counter counter);

struct command_total {
    uint64_t calls, usec, rejected, failed;
};

struct command_total statistics_of_command(struct statistics *statistics, int command_index);

/* How many calls fell into each bucket; false if there were none. */
bool statistics_latencies(struct statistics *statistics, int command_index,
                          uint64_t counts[LATENCY_BUCKETS]);

/* The longest duration that a bucket counts. */
int64_t latency_bucket_top_us(int bucket);

/* The duration that `percentile` percent of the calls did not exceed. */
int64_t latency_percentile_us(const uint64_t counts[LATENCY_BUCKETS], double percentile);

/* Error words with their counts, in byte order. */
struct error_total {
    char word[ERROR_WORD_BYTES];
    uint64_t count;
};

int statistics_errors(struct statistics *statistics, struct error_total totals[ERROR_WORDS_MAX]);

struct statistics_rates {
    int64_t commands_per_second;
    double input_kbps, output_kbps; /* KiB a second, as Redis spells them */
    size_t peak_memory;
};

struct statistics_rates statistics_rates(struct statistics *statistics);

/* CONFIG RESETSTAT. */
void statistics_reset(struct statistics *statistics);

int64_t statistics_started_us(const struct statistics *statistics); /* wall clock */

/* What statistics_note() fills. */
struct slowlog *statistics_slowlog(struct statistics *statistics);
struct latency_monitor *statistics_latency_monitor(struct statistics *statistics);

#endif
