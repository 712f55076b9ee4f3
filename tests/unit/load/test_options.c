#include "unit/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "load/options.h"

#define PARSE(...) parse((char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *))

static struct options options;
static char problem[OPTIONS_PROBLEM_MAX];

static bool parse(char **words, size_t count)
{
    return options_parse((int)count, words, &options, problem);
}

/* It is refused, and the sentence has this in it. */
#define assert_refused(text, ...)                                                                  \
    do {                                                                                           \
        assert_false(PARSE(__VA_ARGS__));                                                          \
        if (strstr(problem, text) == NULL)                                                         \
            fail_msg("\"%s\" does not say \"%s\"", problem, text);                                 \
    } while (0)

static void without_options_it_is_one_local_server_in_a_closed_loop(void **state)
{
    (void)state;
    assert_true(options_parse(0, NULL, &options, problem));
    assert_int_equal(options.server_count, 1);
    assert_string_equal(options.servers[0].host, "127.0.0.1");
    assert_int_equal(options.servers[0].port, 6379);
    assert_true(options.rate == 0);
    assert_true(options.reads == 95);
    assert_int_equal(options.key_bytes, 16);
}

static void a_value_stands_in_the_next_word_or_behind_an_equals_sign(void **state)
{
    (void)state;
    assert_true(PARSE("--keys", "5", "--rate=2.5", "--distribution=zipf"));
    assert_int_equal(options.keys, 5);
    assert_true(options.rate == 2.5);
    assert_int_equal(options.distribution, KEYS_ZIPF);
}

static void several_servers_are_all_kept(void **state)
{
    (void)state;
    assert_true(PARSE("--server", "a:1", "--server", "[::1]:65535"));
    assert_int_equal(options.server_count, 2);
    assert_string_equal(options.servers[1].host, "::1");
    assert_int_equal(options.servers[1].port, 65535);
}

static void a_workload_says_what_is_asked_and_which_keys(void **state)
{
    (void)state;
    assert_true(PARSE("--workload", "d"));
    assert_true(options.reads == 95 && options.inserts == 5);
    assert_int_equal(options.distribution, KEYS_LATEST);
    assert_true(PARSE("--workload", "f", "--distribution", "uniform"));
    assert_true(options.reads == 50 && options.rmws == 50);
    assert_int_equal(options.distribution, KEYS_UNIFORM);
}

static void a_load_writes_each_key_once_without_warm_up(void **state)
{
    (void)state;
    assert_true(PARSE("--load", "101", "--mset", "10"));
    assert_int_equal(options.requests, 11);
    assert_true(options.reads == 0 && options.warmup == 0);
}

static void what_is_wrong_is_said_in_one_sentence(void **state)
{
    (void)state;
    assert_refused("no option 'keys'", "keys");
    assert_refused("no option '--key'", "--key", "5");
    assert_refused("--keys needs a value", "--keys");
    assert_refused("--shuffled takes no value", "--shuffled=1");
    assert_refused("--keys '0' is not a number from 1", "--keys", "0");
    assert_refused("--keys '1e3'", "--keys", "1e3");
    assert_refused("--reads '101' is not a number from 0 to 100", "--reads", "101");
    assert_refused("--rate 'nan'", "--rate", "nan");
    assert_refused("--rate ''", "--rate", "");
    assert_refused("is not uniform|zipf|latest|sequential", "--distribution", "zip");
    assert_refused("is not HOST:PORT", "--server", "localhost");
    assert_refused("is not HOST:PORT", "--server", ":6379");
    assert_refused("is not HOST:PORT", "--server", "a:0");
    assert_refused("is not like 100", "--value-bytes", "100:");
    assert_refused("--ttl '0-5'", "--ttl", "0-5");
    assert_refused("2 threads need as many connections, not 1", "--threads", "2", "--connections",
                   "1");
    assert_refused("--key-bytes 6 is too short for 'key:999'", "--keys", "1000", "--key-bytes",
                   "6");
    assert_refused("an MSET may hold 64 MiB", "--mset", "1000", "--value-bytes", "100000");
    assert_refused("--workload and --reads exclude each other", "--workload", "a", "--reads", "5");
    assert_refused("--load and --rate exclude each other", "--load", "5", "--rate", "5");
    assert_refused("--shuffled means nothing without --load", "--shuffled");
    assert_refused("--meta-bytes means nothing without --put", "--meta-bytes", "5");
}

static void sizes_are_one_or_a_range_or_several_with_weights(void **state)
{
    struct random random = {4};
    unsigned small = 0, large = 0;
    struct sizes sizes;

    (void)state;
    assert_true(sizes_parse("100:80,1000-2000:20", &sizes));
    assert_int_equal(sizes_max(&sizes), 2000);
    for (int i = 0; i < 10000; i++) {
        uint64_t size = sizes_draw(&sizes, &random);

        small += size == 100;
        large += size >= 1000 && size <= 2000;
    }
    assert_int_equal(small + large, 10000);
    assert_true(fabs(small - 8000.0) < 6 * sqrt(10000 * 0.8 * 0.2));
    assert_true(sizes_parse("0", &sizes));
    assert_int_equal(sizes_draw(&sizes, &random), 0);
}

static void a_range_reaches_both_of_its_ends(void **state)
{
    struct random random = {4};
    bool has_low = false, has_high = false;
    struct sizes sizes;

    (void)state;
    assert_true(sizes_parse("64-67", &sizes));
    for (int i = 0; i < 1000; i++) {
        uint64_t size = sizes_draw(&sizes, &random);

        assert_in_range(size, 64, 67);
        has_low |= size == 64;
        has_high |= size == 67;
    }
    assert_true(has_low && has_high);
}

static void sizes_that_are_none_are_refused(void **state)
{
    static const char *const wrong[] = {"",      "x",      "5-4",   "-5",         "5-",
                                        "5:0",   "5:x",    "5,",    ",5",         "5:1:2",
                                        "5-6-7", "5:1,,6", "5 - 6", "99999999999"};
    struct sizes sizes;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (sizes_parse(wrong[i], &sizes))
            fail_msg("'%s' is taken for sizes", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options_it_is_one_local_server_in_a_closed_loop),
        cmocka_unit_test(a_value_stands_in_the_next_word_or_behind_an_equals_sign),
        cmocka_unit_test(several_servers_are_all_kept),
        cmocka_unit_test(a_workload_says_what_is_asked_and_which_keys),
        cmocka_unit_test(a_load_writes_each_key_once_without_warm_up),
        cmocka_unit_test(what_is_wrong_is_said_in_one_sentence),
        cmocka_unit_test(sizes_are_one_or_a_range_or_several_with_weights),
        cmocka_unit_test(a_range_reaches_both_of_its_ends),
        cmocka_unit_test(sizes_that_are_none_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
