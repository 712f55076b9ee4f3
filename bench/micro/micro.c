#include "micro/micro.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/compiler.h"

#define REPEATS   9
#define REPEAT_NS 20000000
#define QUICK_NS  200000
#define COUNT_MIN 256
#define COUNT_MAX ((size_t)1 << 30)
#define NS_PER_S  1000000000.0

static const struct benchmark *const families[] = {resp_benchmarks, cache_benchmarks,
                                                   store_benchmarks, sum_benchmarks};

struct options {
    bool is_quick, is_json;
    const char *word; /* of the names to run */
};

struct measured {
    double ns_per_op;
    size_t bytes; /* of one operation, 0 = none */
};

void micro_use(uint64_t value)
{
    __asm__ volatile("" : : "r"(value));
}

struct bytes micro_key(uint64_t number, char text[MICRO_KEY_SIZE])
{
    memcpy(text, "key:", 4);
    for (int i = MICRO_KEY_SIZE - 1; i >= 4; i--, number /= 10)
        text[i] = (char)('0' + number % 10);
    return (struct bytes){text, MICRO_KEY_SIZE};
}

struct bytes micro_value(void)
{
    static const char value[MICRO_VALUE_SIZE];

    return (struct bytes){value, sizeof value};
}

uint64_t micro_random(void)
{
    static uint64_t state = 88172645463325252U;

    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717U;
}

static double cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * NS_PER_S + (double)now.tv_nsec;
}

static double time_of(const struct benchmark *benchmark, void *state, size_t count)
{
    double began = cpu_ns();

    benchmark->run(state, count);
    return cpu_ns() - began;
}

static struct measured measure(const struct benchmark *benchmark, bool is_quick)
{
    struct measured measured = {0};
    void *state = benchmark->set_up(benchmark, &measured.bytes);
    size_t count = benchmark->size > COUNT_MIN && benchmark->is_whole ? benchmark->size : COUNT_MIN;
    double took;

    benchmark->run(state, count); /* what happens once happens now */
    took = time_of(benchmark, state, count);
    while (took < (is_quick ? QUICK_NS : REPEAT_NS) && count < COUNT_MAX) {
        count *= 2;
        took = time_of(benchmark, state, count);
    }
    for (int i = 1; i < REPEATS && !is_quick; i++) {
        double again = time_of(benchmark, state, count);

        if (again < took)
            took = again;
    }
    benchmark->tear_down(state);
    measured.ns_per_op = took / (double)count;
    return measured;
}

static void print_text(const struct benchmark *benchmark, struct measured measured)
{
    printf("%-52s %12.1f ns", benchmark->name, measured.ns_per_op);
    if (measured.bytes > 0)
        printf(" %10.0f MB/s", (double)measured.bytes * 1000 / measured.ns_per_op);
    putchar('\n');
    fflush(stdout);
}

static void print_json(const struct benchmark *benchmark, struct measured measured, bool is_first)
{
    printf("%s\n  {\"name\": \"%s\", \"ns_per_op\": %.2f", is_first ? "" : ",", benchmark->name,
           measured.ns_per_op);
    if (measured.bytes > 0)
        printf(", \"bytes_per_op\": %zu", measured.bytes);
    putchar('}');
}

static void run_all(const struct options *options)
{
    bool is_first = true;

    if (options->is_json)
        putchar('[');
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        for (const struct benchmark *row = families[i]; row->name != NULL; row++) {
            struct measured measured;

            if (strstr(row->name, options->word) == NULL)
                continue;
            measured = measure(row, options->is_quick);
            if (options->is_json)
                print_json(row, measured, is_first);
            else
                print_text(row, measured);
            is_first = false;
        }
    }
    if (options->is_json)
        puts("\n]");
}

int main(int argc, char **argv)
{
    struct options options = {.word = ""};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            options.is_quick = true;
        else if (strcmp(argv[i], "--json") == 0)
            options.is_json = true;
        else if (argv[i][0] != '-')
            options.word = argv[i];
        else {
            fputs("Usage: micro [--quick] [--json] [WORD of the names to run]\n", stderr);
            return 2;
        }
    }
    run_all(&options);
    return 0;
}
