#include "unit/test.h"

#include <stdio.h>
#include <string.h>

#include "net/batch.h"

static const struct resp_limits limits = {
    .bulk_max = 1024, .bulk_keep_max = 64, .is_authenticated = true};

struct fixture {
    struct resp_parser parser;
    struct batch batch;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    resp_parser_init(&fixture.parser);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    resp_parser_clear(&fixture->parser);
    return 0;
}

static void parse(struct fixture *fixture, const char *input, size_t count_max)
{
    batch_parse(&fixture->batch, &fixture->parser, &limits, input, strlen(input), count_max);
}

static void assert_words(const struct request *request, const char *const *words, size_t count)
{
    assert_int_equal(request->argc, count);
    for (size_t i = 0; i < count; i++)
        assert_true(bytes_equal(request->argv[i], bytes_of(words[i])));
}

#define GET_A "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
#define GET_B "*2\r\n$3\r\nGET\r\n$1\r\nb\r\n"

static void a_pipeline_is_known_before_it_runs(void **state)
{
    const char *const a[] = {"GET", "a"}, *const b[] = {"GET", "b"};
    struct fixture *fixture = *state;

    parse(fixture, GET_A GET_B, BATCH_REQUESTS_MAX);
    assert_int_equal(fixture->batch.count, 2);
    assert_words(&fixture->batch.requests[0], a, 2);
    assert_words(&fixture->batch.requests[1], b, 2);
    assert_int_equal(fixture->batch.next, RESP_MORE);
    assert_int_equal(fixture->batch.consumed, strlen(GET_A GET_B));
}

static void it_is_known_where_each_request_begins(void **state)
{
    struct fixture *fixture = *state;

    parse(fixture, GET_A "\r\n" GET_B, BATCH_REQUESTS_MAX);
    assert_int_equal(batch_start(&fixture->batch, 0), 0);
    assert_int_equal(batch_start(&fixture->batch, 1), strlen(GET_A));
    assert_int_equal(fixture->batch.ends[1], strlen(GET_A "\r\n" GET_B));
}

static void a_full_batch_says_that_there_may_be_more(void **state)
{
    struct fixture *fixture = *state;

    parse(fixture, GET_A GET_B, 1);
    assert_int_equal(fixture->batch.count, 1);
    assert_int_equal(fixture->batch.next, RESP_REQUEST);
    assert_int_equal(fixture->batch.consumed, strlen(GET_A));
}

static void an_unfinished_request_is_left_for_later(void **state)
{
    struct fixture *fixture = *state;

    parse(fixture, GET_A "*2\r\n$3\r\nGE", BATCH_REQUESTS_MAX);
    assert_int_equal(fixture->batch.count, 1);
    assert_int_equal(fixture->batch.next, RESP_MORE);
    assert_int_equal(fixture->batch.consumed, strlen(GET_A));
}

static void requests_before_an_error_are_kept(void **state)
{
    struct fixture *fixture = *state;

    parse(fixture, GET_A "*1\r\n:1\r\n", BATCH_REQUESTS_MAX);
    assert_int_equal(fixture->batch.count, 1);
    assert_int_equal(fixture->batch.next, RESP_ERROR);
}

static void an_inline_request_ends_the_batch(void **state)
{
    const char *const words[] = {"SET", "a", "b c"};
    struct fixture *fixture = *state;

    parse(fixture, "SET a \"b c\"\r\n" GET_B, BATCH_REQUESTS_MAX);
    assert_int_equal(fixture->batch.count, 1);
    assert_words(&fixture->batch.requests[0], words, 3);
    assert_int_equal(fixture->batch.next, RESP_REQUEST);
}

static void an_oversized_request_ends_the_batch_with_its_size(void **state)
{
    struct fixture *fixture = *state;
    char input[256];

    (void)snprintf(input, sizeof input, GET_A "*2\r\n$3\r\nGET\r\n$65\r\n%065d\r\n" GET_B, 0);
    parse(fixture, input, BATCH_REQUESTS_MAX);
    assert_int_equal(fixture->batch.count, 2);
    assert_int_equal(fixture->batch.requests[0].oversized_bytes, 0);
    assert_int_equal(fixture->batch.requests[1].oversized_bytes, 65);
    assert_true(bytes_equal(fixture->batch.requests[1].argv[0], bytes_of("GET")));
    assert_int_equal(fixture->batch.consumed, strlen(input) - strlen(GET_B));
}

/* More arguments than a batch has room for: the parser keeps them, and nothing is parsed behind. */
static void a_long_request_ends_the_batch(void **state)
{
    struct fixture *fixture = *state;
    struct buffer input = {0};

    buffer_append_text(&input, GET_A);
    buffer_printf(&input, "*%d\r\n", BATCH_ARGUMENTS_MAX);
    for (int i = 0; i < BATCH_ARGUMENTS_MAX; i++)
        buffer_append_text(&input, "$1\r\nx\r\n");
    buffer_append_text(&input, GET_B);
    batch_parse(&fixture->batch, &fixture->parser, &limits, input.data, input.size,
                BATCH_REQUESTS_MAX);
    assert_int_equal(fixture->batch.count, 2);
    assert_int_equal(fixture->batch.requests[1].argc, BATCH_ARGUMENTS_MAX);
    assert_int_equal(fixture->batch.next, RESP_REQUEST);
    assert_int_equal(fixture->batch.consumed, input.size - strlen(GET_B));
    buffer_clear(&input);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pipeline_is_known_before_it_runs),
        TEST(it_is_known_where_each_request_begins),
        TEST(a_full_batch_says_that_there_may_be_more),
        TEST(an_unfinished_request_is_left_for_later),
        TEST(requests_before_an_error_are_kept),
        TEST(an_inline_request_ends_the_batch),
        TEST(an_oversized_request_ends_the_batch_with_its_size),
        TEST(a_long_request_ends_the_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
