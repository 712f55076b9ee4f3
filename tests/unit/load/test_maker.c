#include "unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "load/maker.h"

static struct options options;
static struct key_counters counters;
static struct maker maker;
static struct buffer out;
static struct request request;

static void begin(const char *line)
{
    static char words_text[256];
    char problem[OPTIONS_PROBLEM_MAX], *words[32], *rest;
    int count = 0;

    (void)snprintf(words_text, sizeof(words_text), "%s", line);
    for (char *word = strtok_r(words_text, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    if (!options_parse(count, words, &options, problem))
        fail_msg("%s", problem);
    atomic_store(&counters.next_insert, options.keys);
    atomic_store(&counters.acknowledged, options.keys);
    maker_init(&maker, &options, &counters, 0);
}

static int end(void **state)
{
    (void)state;
    maker_clear(&maker);
    buffer_clear(&out);
    return 0;
}

static struct bytes next(void)
{
    out.size = 0;
    maker_next(&maker, &out, &request);
    return buffer_view(&out);
}

#define assert_bytes(bytes, text)                                                                  \
    do {                                                                                           \
        assert_int_equal((bytes).size, strlen(text));                                              \
        assert_memory_equal((bytes).data, text, (bytes).size);                                     \
    } while (0)

static void a_get_names_a_key_of_the_length_that_was_asked(void **state)
{
    (void)state;
    begin("--reads 100 --keys 1 --key-prefix user: --key-bytes 10");
    assert_bytes(next(), "*2\r\n$3\r\nGET\r\n$10\r\nuser:00000\r\n");
    assert_int_equal(request.kind, KIND_GET);
}

static void a_set_has_a_value_of_the_size_that_was_asked(void **state)
{
    (void)state;
    begin("--reads 0 --keys 1 --value-bytes 3 --compressible 100");
    assert_bytes(next(), "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$3\r\nxxx\r\n");
    assert_int_equal(request.kind, KIND_SET);
}

static void an_expiry_and_metadata_stand_behind_the_value(void **state)
{
    (void)state;
    begin("--reads 0 --keys 1 --value-bytes 1 --compressible 100 --put --meta-bytes 4 --ttl-share "
          "100 "
          "--ttl 60");
    assert_bytes(
        next(),
        "*7\r\n$6\r\nKV.PUT\r\n$16\r\nkey:000000000000\r\n$1\r\nx\r\n$2\r\nEX\r\n$2\r\n60\r\n"
        "$4\r\nMETA\r\n$4\r\n\"mm\"\r\n");
    assert_int_equal(request.kind, KIND_PUT);
}

static void several_keys_make_an_mget_or_an_mset(void **state)
{
    (void)state;
    begin("--reads 100 --keys 1 --mget 2");
    assert_bytes(next(),
                 "*3\r\n$4\r\nMGET\r\n$16\r\nkey:000000000000\r\n$16\r\nkey:000000000000\r\n");
    end(NULL);
    begin("--reads 0 --keys 1 --mset 2 --value-bytes 0");
    assert_bytes(next(), "*5\r\n$4\r\nMSET\r\n$16\r\nkey:000000000000\r\n$0\r\n\r\n"
                         "$16\r\nkey:000000000000\r\n$0\r\n\r\n");
}

static void random_values_differ_and_compressible_ones_repeat_as_far_as_asked(void **state)
{
    size_t equal = 0;

    (void)state;
    begin("--reads 0 --value-bytes 1000 --compressible 70");
    next();
    for (size_t i = out.size - 1002; i < out.size - 2; i++)
        equal += out.data[i] == 'x';
    assert_in_range(equal, 690, 720); /* a 256th of the random bytes is an x, too */
}

static void a_load_names_each_key_once_and_ends_with_the_last(void **state)
{
    bool seen[25] = {false};

    (void)state;
    begin("--load 25 --mset 10 --shuffled --value-bytes 0");
    assert_int_equal(options.requests, 3);
    for (int i = 0; i < 3; i++) {
        struct bytes bytes = next();
        const char *at = bytes.data;

        while ((at = memmem(at, bytes.size - (size_t)(at - bytes.data), "key:", 4)) != NULL) {
            unsigned number;

            assert_int_equal(sscanf(at + 4, "%12u", &number), 1);
            assert_in_range(number, 0, 24);
            assert_false(seen[number]);
            seen[number] = true;
            at += 4;
        }
    }
    for (int i = 0; i < 25; i++)
        assert_true(seen[i]);
}

static void inserts_go_on_behind_the_last_key_and_the_latest_is_what_was_acknowledged(void **state)
{
    uint64_t inserted = 1000;
    bool has_seen_newest = false;

    (void)state;
    begin("--workload d --keys 1000");
    atomic_store(&counters.acknowledged, 1003);
    for (int i = 0; i < 5000; i++) {
        next();
        if (request.kind == KIND_INSERT)
            assert_int_equal(request.key, inserted++);
        else
            assert_in_range(request.key, 0, 1002);
        has_seen_newest |= request.kind == KIND_GET && request.key == 1002;
    }
    assert_in_range(inserted - 1000, 150, 350);
    assert_true(has_seen_newest);
}

static void a_read_and_write_writes_the_key_that_it_read(void **state)
{
    (void)state;
    begin("--workload f --keys 1 --value-bytes 0");
    do
        next();
    while (request.kind != KIND_RMW);
    assert_bytes(buffer_view(&out), "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000000\r\n");
    out.size = 0;
    maker_write(&maker, request.key, &out);
    assert_bytes(buffer_view(&out), "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$0\r\n\r\n");
}

static void the_same_seed_makes_the_same_requests(void **state)
{
    char first[1000];
    size_t size;

    (void)state;
    begin("--reads 50 --distribution zipf --seed 5 --value-bytes 10-30");
    next();
    size = out.size;
    memcpy(first, out.data, size);
    end(NULL);
    begin("--reads 50 --distribution zipf --seed 5 --value-bytes 10-30");
    next();
    assert_int_equal(out.size, size);
    assert_memory_equal(out.data, first, size);
}

static void another_run_draws_other_keys(void **state)
{
    char first[100];
    size_t size;

    (void)state;
    begin("--reads 100 --distribution zipf --seed 5 --run 1 --keys 1000000");
    next();
    size = out.size;
    assert_true(size <= sizeof first);
    memcpy(first, out.data, size);
    end(NULL);
    begin("--reads 100 --distribution zipf --seed 5 --run 2 --keys 1000000");
    next();
    assert_int_equal(out.size, size);
    assert_memory_not_equal(out.data, first, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_get_names_a_key_of_the_length_that_was_asked, end),
        cmocka_unit_test_teardown(a_set_has_a_value_of_the_size_that_was_asked, end),
        cmocka_unit_test_teardown(an_expiry_and_metadata_stand_behind_the_value, end),
        cmocka_unit_test_teardown(several_keys_make_an_mget_or_an_mset, end),
        cmocka_unit_test_teardown(random_values_differ_and_compressible_ones_repeat_as_far_as_asked,
                                  end),
        cmocka_unit_test_teardown(a_load_names_each_key_once_and_ends_with_the_last, end),
        cmocka_unit_test_teardown(
            inserts_go_on_behind_the_last_key_and_the_latest_is_what_was_acknowledged, end),
        cmocka_unit_test_teardown(a_read_and_write_writes_the_key_that_it_read, end),
        cmocka_unit_test_teardown(the_same_seed_makes_the_same_requests, end),
        cmocka_unit_test_teardown(another_run_draws_other_keys, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
