/* The client against servers that play a part (toy_server.h). */
#include "unit/test.h"

#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "grapevine.h"
#include "unit/library/toy_server.h"

/* Long enough on a slow machine; nothing waits so long when all is well. */
#define PATIENCE_MS 20000

/* The timeout of a connection, if the options say nothing. */
#define CONNECT_USUAL_MS 2000

static const struct grapevine_bytes key = {"k", 1};
static const struct grapevine_entry entry = {.key = {"k", 1}, .value = {"v", 1}};
static const struct grapevine_entry entry_if_absent = {
    .key = {"k", 1}, .value = {"v", 1}, .condition = GRAPEVINE_IF_ABSENT};
static const struct toy_line nothing[] = {{0}};

static struct grapevine *create(struct grapevine_options options)
{
    char sentence[GRAPEVINE_SENTENCE_MAX];
    struct grapevine *client;

    if (options.deadline_ms == 0)
        options.deadline_ms = PATIENCE_MS;
    if (options.backoff_max_ms == 0)
        options.backoff_max_ms = 40;
    if (grapevine_create(&options, &client, sentence) != GRAPEVINE_OK)
        fail_msg("%s", sentence);
    return client;
}

static struct grapevine *create_for(const struct toy *toy)
{
    return create((struct grapevine_options){.servers = toy_address(toy)});
}

static const char *both(const struct toy *first, const struct toy *second)
{
    static char servers[128];

    (void)snprintf(servers, sizeof servers, "%s,%s", toy_address(first), toy_address(second));
    return servers;
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#define ASSERT_DONE(client, expression)                                                            \
    do {                                                                                           \
        if ((expression) != GRAPEVINE_OK)                                                          \
            fail_msg("%s", grapevine_sentence(client));                                            \
    } while (0)

static void assert_sentence_has(const struct grapevine *client, const char *text)
{
    if (strstr(grapevine_sentence(client), text) == NULL)
        fail_msg("'%s' is not in '%s'", text, grapevine_sentence(client));
}

static void end(struct grapevine *client, struct toy *toy)
{
    grapevine_destroy(client);
    assert_string_equal(toy_complaint(toy), "");
    toy_destroy(toy);
}

static enum grapevine_error get(struct grapevine *client)
{
    struct grapevine_record record;
    enum grapevine_error error = grapevine_get(client, key, &record);

    if (error == GRAPEVINE_OK) {
        assert_string_equal(record.value.data, "v");
        grapevine_record_clear(&record);
    }
    return error;
}

/* --- answers --- */

static void a_put_answers_the_version_and_a_get_the_record(void **state)
{
    static const struct toy_line script[] = {
        ONCE("KV.PUT k v", TOY_VERSION), ONCE("KV.GET k", TOY_RECORD), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);
    char version[GRAPEVINE_VERSION_SIZE];
    struct grapevine_record record;

    (void)state;
    ASSERT_DONE(client, grapevine_put(client, &entry, version));
    assert_string_equal(version, "0123456789abcdef-0123456789abcdef");
    ASSERT_DONE(client, grapevine_get(client, key, &record));
    assert_string_equal(record.value.data, "v");
    assert_int_equal(record.metadata.size, 0);
    assert_string_equal(record.metadata.data, "");
    assert_int_equal(record.expires_at_ms, 0);
    assert_string_equal(record.version, version);
    grapevine_record_clear(&record);
    assert_int_equal(toy_connections(toy), 1);
    assert_string_equal(grapevine_server(client), toy_address(toy));
    end(client, toy);
}

static void nil_is_a_condition_that_does_not_hold_or_a_missing_key(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.PUT k v NX", "$-1\r\n"),
                                             ONCE("KV.GET k", "*-1\r\n"),
                                             ONCE("KV.META k", "$-1\r\n"),
                                             {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);
    struct grapevine_record record;

    (void)state;
    assert_int_equal(grapevine_put(client, &entry_if_absent, NULL), GRAPEVINE_CONDITION);
    assert_int_equal(get(client), GRAPEVINE_NOT_FOUND);
    assert_int_equal(grapevine_meta(client, key, &record), GRAPEVINE_NOT_FOUND);
    assert_string_equal(grapevine_sentence(client), "there is no such key, or it has no metadata");
    end(client, toy);
}

static void a_page_has_what_was_asked_for(void **state)
{
    static const struct toy_line script[] = {
        ONCE("KV.LIST WITHMETA WITHVALUES",
             "*6\r\n$4\r\nkeys\r\n*2\r\n*3\r\n$1\r\na\r\n$2\r\n{}\r\n$1\r\n1\r\n"
             "*3\r\n$1\r\nb\r\n$-1\r\n$0\r\n\r\n$13\r\nlist_complete\r\n:0\r\n$6\r\ncursor\r\n$"
             "1\r\nx\r\n"),
        ONCE("KV.LIST CURSOR x",
             "*6\r\n$4\r\nkeys\r\n*1\r\n$1\r\nc\r\n$13\r\nlist_complete\r\n:1\r\n"
             "$6\r\ncursor\r\n$-1\r\n"),
        {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);
    struct grapevine_listing listing = {.with_metadata = true, .with_values = true};
    struct grapevine_page page, last;

    (void)state;
    ASSERT_DONE(client, grapevine_list(client, &listing, &page));
    assert_int_equal(page.row_count, 2);
    assert_false(page.is_last);
    assert_string_equal(page.rows[0].key.data, "a");
    assert_string_equal(page.rows[0].metadata.data, "{}");
    assert_string_equal(page.rows[0].value.data, "1");
    assert_int_equal(page.rows[1].metadata.size, 0);
    assert_int_equal(page.rows[1].value.size, 0);
    listing = (struct grapevine_listing){.cursor = page.cursor};
    ASSERT_DONE(client, grapevine_list(client, &listing, &last));
    assert_true(last.is_last);
    assert_string_equal(last.rows[0].key.data, "c");
    grapevine_page_clear(&page);
    grapevine_page_clear(&last);
    end(client, toy);
}

static void any_reply_is_a_tree(void **state)
{
    static const struct toy_line script[] = {
        ONCE("X", "*4\r\n:7\r\n+OK\r\n*2\r\n$-1\r\n-ERR no\r\n*0\r\n"), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);
    struct grapevine_bytes word = grapevine_text("X");
    const struct grapevine_reply *inner;
    struct grapevine_reply reply;

    (void)state;
    ASSERT_DONE(client, grapevine_command(client, &word, 1, GRAPEVINE_READS, &reply));
    assert_int_equal(reply.type, GRAPEVINE_REPLY_ARRAY);
    assert_int_equal(reply.element_count, 4);
    assert_int_equal(reply.elements[0].integer, 7);
    assert_string_equal(reply.elements[1].bytes.data, "OK");
    inner = &reply.elements[2];
    assert_int_equal(inner->element_count, 2);
    assert_int_equal(inner->elements[0].type, GRAPEVINE_REPLY_NIL);
    assert_int_equal(inner->elements[1].type, GRAPEVINE_REPLY_ERROR);
    assert_string_equal(inner->elements[1].bytes.data, "ERR no");
    assert_int_equal(reply.elements[3].element_count, 0);
    grapevine_reply_clear(&reply);
    end(client, toy);
}

/* Answers of no shape that a Grapevine server has. */
static const char *const shapeless[] = {
    ":1\r\n",
    "*0\r\n",
    "*1\r\n$5\r\nvalue\r\n",
    "*2\r\n$5\r\nvalue\r\n:1\r\n",
    "*2\r\n:1\r\n:1\r\n",
    "*6\r\n$5\r\nvalue\r\n$1\r\nv\r\n$8\r\nmetadata\r\n$-1\r\n$10\r\nexpiration\r\n$-1\r\n",
    "*2\r\n$4\r\nkeys\r\n*1\r\n:1\r\n",
    "*6\r\n$4\r\nkeys\r\n*1\r\n:1\r\n$13\r\nlist_complete\r\n:1\r\n$6\r\ncursor\r\n$-1\r\n",
};

static void an_answer_of_another_shape_is_not_a_grapevine_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapeless / sizeof *shapeless; i++) {
        const struct toy_line script[] = {ALWAYS("KV.*", shapeless[i]), {0}};
        struct toy *toy = toy_start(script);
        struct grapevine *client = create_for(toy);
        struct grapevine_listing listing = {0};
        struct grapevine_page page;

        assert_int_equal(get(client), GRAPEVINE_PROTOCOL);
        assert_int_equal(grapevine_list(client, &listing, &page), GRAPEVINE_PROTOCOL);
        assert_int_equal(grapevine_put(client, &entry, NULL), GRAPEVINE_OUTCOME_UNKNOWN);
        assert_sentence_has(client, "gave an answer that is not a Grapevine server's");
        end(client, toy);
    }
}

/* --- trying again --- */

static void the_servers_wait_is_kept_and_the_put_sent_again(void **state)
{
    static const struct toy_line script[] = {
        ONCE("KV.PUT k v", "-RATELIMIT key was written, retry in 60 ms\r\n"),
        ONCE("KV.PUT k v", TOY_VERSION),
        {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);
    int64_t began_ms = now_ms();

    (void)state;
    ASSERT_DONE(client, grapevine_put(client, &entry, NULL));
    assert_true(now_ms() - began_ms >= 60);
    end(client, toy);
}

static void a_refusal_that_outlasts_the_deadline_is_told_at_once(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.PUT *", "-RATELIMIT retry in 60000 ms\r\n"),
                                             {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);
    int64_t began_ms = now_ms();

    (void)state;
    assert_int_equal(grapevine_put(client, &entry, NULL), GRAPEVINE_RATE_LIMITED);
    assert_sentence_has(client, "answered: RATELIMIT retry in 60000 ms");
    assert_true(now_ms() - began_ms < PATIENCE_MS);
    end(client, toy);
}

static void attempts_are_limited(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.PUT *", "-RATELIMIT retry in 1 ms\r\n"),
                                             ONCE("KV.PUT *", "-RATELIMIT retry in 1 ms\r\n"),
                                             {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client =
        create((struct grapevine_options){.servers = toy_address(toy), .attempts_max = 2});

    (void)state;
    assert_int_equal(grapevine_put(client, &entry, NULL), GRAPEVINE_RATE_LIMITED);
    end(client, toy);
}

static void a_server_that_cannot_write_is_asked_again(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.PUT *", "-MISCONF no space left\r\n"),
                                             ONCE("KV.PUT *", "-LOADING a moment\r\n"),
                                             ONCE("KV.PUT *", TOY_VERSION),
                                             {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);

    (void)state;
    ASSERT_DONE(client, grapevine_put(client, &entry, NULL));
    assert_int_equal(toy_connections(toy), 1);
    end(client, toy);
}

static void what_no_repetition_helps_is_not_repeated(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.PUT *", "-VALUETOOLONG value of 9 bytes\r\n"),
                                             ONCE("KV.PUT *", "-ERR syntax error\r\n"),
                                             {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);

    (void)state;
    assert_int_equal(grapevine_put(client, &entry, NULL), GRAPEVINE_TOO_LONG);
    assert_int_equal(grapevine_put(client, &entry, NULL), GRAPEVINE_REFUSED);
    end(client, toy);
}

/* --- lost connections --- */

static void a_read_and_a_put_are_sent_again_when_the_answer_is_lost(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.GET k", TOY_CLOSE),
                                             ONCE("KV.GET k", TOY_RECORD),
                                             ONCE("KV.PUT k v", TOY_CLOSE),
                                             ONCE("KV.PUT k v", TOY_VERSION),
                                             {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);

    (void)state;
    ASSERT_DONE(client, get(client));
    ASSERT_DONE(client, grapevine_put(client, &entry, NULL));
    assert_int_equal(toy_connections(toy), 3);
    end(client, toy);
}

static void a_put_with_a_condition_is_not_sent_again_and_its_outcome_unknown(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.PUT k v NX", TOY_CLOSE),
                                             ONCE("KV.PUT k v XX", TOY_CLOSE),
                                             ONCE("KV.PUT k v IFVERSION 0", TOY_CLOSE),
                                             ONCE("NAMESPACE CREATE n", TOY_CLOSE),
                                             {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);

    (void)state;
    for (int i = GRAPEVINE_IF_ABSENT; i <= GRAPEVINE_IF_VERSION; i++) {
        struct grapevine_entry conditional = entry;

        conditional.condition = (enum grapevine_condition)i;
        conditional.version = "0";
        assert_int_equal(grapevine_put(client, &conditional, NULL), GRAPEVINE_OUTCOME_UNKNOWN);
    }
    assert_int_equal(grapevine_namespace_create(client, "n"), GRAPEVINE_OUTCOME_UNKNOWN);
    assert_sentence_has(client, "the answer was lost: it may have been done, or not (");
    end(client, toy);
}

static void a_put_that_was_refused_is_sent_again_even_with_a_condition(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.PUT k v NX", "-RATELIMIT retry in 1 ms\r\n"),
                                             ONCE("KV.PUT k v NX", TOY_VERSION),
                                             {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);

    (void)state;
    ASSERT_DONE(client, grapevine_put(client, &entry_if_absent, NULL));
    end(client, toy);
}

static void a_put_in_doubt_never_ends_in_an_error_that_says_nothing_was_changed(void **state)
{
    static const struct toy_line script[] = {
        ONCE("KV.PUT k v", TOY_CLOSE), ONCE("KV.PUT k v", "-RATELIMIT retry in 90000 ms\r\n"), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);

    (void)state;
    assert_int_equal(grapevine_put(client, &entry, NULL), GRAPEVINE_OUTCOME_UNKNOWN);
    assert_sentence_has(client, "RATELIMIT retry in 90000 ms");
    end(client, toy);
}

static void a_connection_that_ended_while_nobody_looked_costs_nothing(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.GET k", TOY_RECORD), {0}};
    static const struct toy_line rest[] = {ONCE("KV.PUT k v NX", TOY_VERSION), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);

    (void)state;
    ASSERT_DONE(client, get(client));
    toy_start_again(toy_stop(toy), rest);
    (void)poll(NULL, 0, 30);
    ASSERT_DONE(client, grapevine_put(client, &entry_if_absent, NULL));
    end(client, toy);
}

static void a_silent_server_is_left(void **state)
{
    static const struct toy_line silent[] = {ONCE("KV.GET k", TOY_SILENCE), {0}};
    static const struct toy_line script[] = {ONCE("KV.GET k", TOY_RECORD), {0}};
    struct toy *first = toy_start(silent), *second = toy_start(script);
    struct grapevine *client = create(
        (struct grapevine_options){.servers = both(first, second), .answer_timeout_ms = 100});
    int64_t began_ms = now_ms();

    (void)state;
    ASSERT_DONE(client, get(client));
    assert_in_range(now_ms() - began_ms, 100, CONNECT_USUAL_MS - 1);
    assert_string_equal(grapevine_server(client), toy_address(second));
    end(client, first);
    assert_string_equal(toy_complaint(second), "");
    toy_destroy(second);
}

static void a_server_that_takes_its_time_over_an_answer_is_not_silent(void **state)
{
    static const struct toy_line script[] = {PARTS("KV.GET k", TOY_RECORD, 5, 60), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client =
        create((struct grapevine_options){.servers = toy_address(toy), .answer_timeout_ms = 200});

    (void)state;
    ASSERT_DONE(client, get(client));
    assert_int_equal(toy_connections(toy), 1);
    end(client, toy);
}

static void a_late_answer_is_not_taken_for_that_of_the_next_request(void **state)
{
    static const struct toy_line script[] = {
        LATE("KV.GET late", "$-1\r\n", 200), ONCE("KV.GET k", TOY_RECORD), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client =
        create((struct grapevine_options){.servers = toy_address(toy), .deadline_ms = 150});
    struct grapevine_record record;
    enum grapevine_error error;

    (void)state;
    assert_int_equal(grapevine_get(client, grapevine_text("late"), &record), GRAPEVINE_TIMEOUT);
    error = get(client);
    assert_true(error == GRAPEVINE_OK || error == GRAPEVINE_TIMEOUT);
    end(client, toy);
}

static void a_server_that_says_more_than_it_was_asked_loses_the_connection_only(void **state)
{
    static const struct toy_line script[] = {
        ONCE("KV.PUT k v", TOY_VERSION "+more\r\n:1\r\n*0\r\n"), ONCE("KV.GET k", TOY_RECORD), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);

    (void)state;
    ASSERT_DONE(client, grapevine_put(client, &entry, NULL));
    ASSERT_DONE(client, get(client));
    assert_int_equal(toy_connections(toy), 2);
    end(client, toy);
}

static void bytes_that_are_no_protocol_end_the_connection(void **state)
{
    static const struct toy_line script[] = {
        ONCE("KV.GET k", "HTTP/1.1 400 Bad Request\r\n\r\n"), ONCE("KV.GET k", TOY_RECORD), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);

    (void)state;
    ASSERT_DONE(client, get(client));
    end(client, toy);
}

/* Of a Unix socket, because there the first write is the one that raises it. */
static void writing_to_a_server_that_is_gone_raises_no_signal(void **state)
{
    static const struct toy_line script[] = {LAST("PING", "+PONG\r\n"),
                                             LAST("PING", "+PONG\r\n"),
                                             LAST("PING", "+PONG\r\n"),
                                             ONCE("KV.PUT k v", TOY_VERSION),
                                             {0}};
    char folder[] = "/tmp/grapevine-test-XXXXXX", path[64];
    struct grapevine *client;
    struct toy *toy;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    toy = toy_start_at(path, script);
    client = create_for(toy);
    ASSERT_DONE(client, grapevine_put(client, &entry, NULL));
    end(client, toy);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void a_connection_that_has_served_is_made_again_at_once(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.GET k", TOY_RECORD),
                                             ONCE("KV.GET k", TOY_CLOSE),
                                             ONCE("KV.GET k", TOY_RECORD),
                                             {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create((struct grapevine_options){.servers = toy_address(toy),
                                                                 .backoff_min_ms = PATIENCE_MS,
                                                                 .backoff_max_ms = PATIENCE_MS,
                                                                 .jitter = GRAPEVINE_JITTER_NONE});

    (void)state;
    ASSERT_DONE(client, get(client));
    ASSERT_DONE(client, get(client));
    end(client, toy);
}

static void one_that_never_serves_is_not_hammered(void **state)
{
    static const struct toy_line script[] = {ALWAYS("KV.GET k", TOY_CLOSE), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create((struct grapevine_options){.servers = toy_address(toy),
                                                                 .deadline_ms = 200,
                                                                 .backoff_min_ms = 50,
                                                                 .backoff_max_ms = 50,
                                                                 .jitter = GRAPEVINE_JITTER_NONE});

    (void)state;
    assert_int_equal(get(client), GRAPEVINE_UNREACHABLE);
    assert_in_range(toy_connections(toy), 2, 5);
    end(client, toy);
}

/* --- several servers --- */

static void the_first_server_of_the_list_is_preferred(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.GET k", TOY_RECORD), {0}};
    struct toy *first = toy_start(script), *second = toy_start(nothing);
    struct grapevine *client = create((struct grapevine_options){.servers = both(first, second)});

    (void)state;
    ASSERT_DONE(client, get(client));
    assert_string_equal(grapevine_server(client), toy_address(first));
    assert_int_equal(toy_connections(second), 0);
    end(client, first);
    toy_destroy(second);
}

/* It is found by the clock on the wall, however little the client is used. */
static void a_server_that_is_down_is_passed_over_and_found_again(void **state)
{
    static const struct toy_line script[] = {ALWAYS("KV.GET k", TOY_RECORD), {0}};
    struct toy *first = toy_stop(toy_start(nothing)), *second = toy_start(script);
    struct grapevine *client =
        create((struct grapevine_options){.servers = both(first, second), .fail_back_ms = 400});
    int64_t until_ms = now_ms() + PATIENCE_MS;

    (void)state;
    ASSERT_DONE(client, get(client));
    assert_string_equal(grapevine_server(client), toy_address(second));
    toy_start_again(first, script);
    do {
        ASSERT_DONE(client, get(client));
        (void)poll(NULL, 0, 20);
    } while (strcmp(grapevine_server(client), toy_address(first)) != 0 && now_ms() < until_ms);
    assert_string_equal(grapevine_server(client), toy_address(first));
    end(client, first);
    toy_destroy(second);
}

static void a_server_that_cannot_write_is_left_for_another(void **state)
{
    static const struct toy_line full[] = {ONCE("KV.PUT *", "-MISCONF no space left\r\n"), {0}};
    static const struct toy_line script[] = {ONCE("KV.PUT *", TOY_VERSION), {0}};
    struct toy *first = toy_start(full), *second = toy_start(script);
    struct grapevine *client = create((struct grapevine_options){.servers = both(first, second)});

    (void)state;
    ASSERT_DONE(client, grapevine_put(client, &entry, NULL));
    assert_string_equal(grapevine_server(client), toy_address(second));
    end(client, first);
    assert_string_equal(toy_complaint(second), "");
    toy_destroy(second);
}

static void no_server_at_all_is_one_sentence(void **state)
{
    struct toy *toy = toy_stop(toy_start(nothing));
    struct grapevine *client =
        create((struct grapevine_options){.servers = toy_address(toy), .attempts_max = 2});
    char expected[128];

    (void)state;
    (void)snprintf(expected, sizeof expected, "%s: Connection refused", toy_address(toy));
    assert_int_equal(grapevine_ping(client), GRAPEVINE_UNREACHABLE);
    assert_string_equal(grapevine_sentence(client), expected);
    assert_null(grapevine_server(client));
    grapevine_destroy(client);
    toy_destroy(toy);
}

static void a_call_after_one_that_found_no_server_looks_again(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.GET k", TOY_RECORD), {0}};
    struct toy *toy = toy_stop(toy_start(nothing));
    struct grapevine *client =
        create((struct grapevine_options){.servers = toy_address(toy), .attempts_max = 1});

    (void)state;
    assert_int_equal(get(client), GRAPEVINE_UNREACHABLE);
    toy_start_again(toy, script);
    ASSERT_DONE(client, get(client));
    end(client, toy);
}

static void a_server_that_comes_late_is_waited_for(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.GET k", TOY_RECORD), {0}};
    struct toy *toy = toy_stop(toy_start(nothing));
    struct grapevine *client = create_for(toy);

    (void)state;
    assert_int_equal(grapevine_send_get(client, key, NULL, NULL), GRAPEVINE_OK);
    assert_int_equal(grapevine_wait(client, 50), GRAPEVINE_TIMEOUT);
    toy_start_again(toy, script);
    assert_int_equal(grapevine_wait(client, -1), GRAPEVINE_OK);
    end(client, toy);
}

static void the_deadline_ends_the_search_for_a_server(void **state)
{
    struct toy *toy = toy_stop(toy_start(nothing));
    struct grapevine *client =
        create((struct grapevine_options){.servers = toy_address(toy), .deadline_ms = 100});

    (void)state;
    assert_int_equal(grapevine_put(client, &entry_if_absent, NULL), GRAPEVINE_UNREACHABLE);
    assert_sentence_has(client, "Connection refused");
    grapevine_destroy(client);
    toy_destroy(toy);
}

/* --- greetings --- */

static void user_password_and_namespace_are_said_first(void **state)
{
    static const struct toy_line script[] = {ONCE("AUTH joe secret", "+OK\r\n"),
                                             ONCE("SELECT settings", "+OK\r\n"),
                                             ONCE("KV.GET k", TOY_RECORD),
                                             {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create((struct grapevine_options){
        .servers = toy_address(toy), .user = "joe", .password = "secret", .ns = "settings"});

    (void)state;
    ASSERT_DONE(client, get(client));
    end(client, toy);
}

static void a_wrong_password_and_a_missing_namespace_are_told_at_once(void **state)
{
    static const struct toy_line denied[] = {
        ONCE("AUTH no", "-WRONGPASS invalid username-password pair\r\n"),
        ONCE("PING", "+PONG\r\n"),
        {0}};
    static const struct toy_line missing[] = {ONCE("SELECT no", "-ERR no such namespace 'no'\r\n"),
                                              {0}};
    struct toy *toy = toy_start(denied);
    struct grapevine *client =
        create((struct grapevine_options){.servers = toy_address(toy), .password = "no"});

    (void)state;
    assert_int_equal(get(client), GRAPEVINE_DENIED);
    end(client, toy);
    toy = toy_start(missing);
    client = create((struct grapevine_options){.servers = toy_address(toy), .ns = "no"});
    assert_int_equal(get(client), GRAPEVINE_NO_NAMESPACE);
    end(client, toy);
}

static void a_server_that_loads_is_passed_over(void **state)
{
    static const struct toy_line loading[] = {ONCE("PING", "-LOADING a moment\r\n"), {0}};
    static const struct toy_line script[] = {ONCE("KV.GET k", TOY_RECORD), {0}};
    struct toy *first = toy_start(loading), *second = toy_start(script);
    struct grapevine *client = create((struct grapevine_options){.servers = both(first, second)});

    (void)state;
    ASSERT_DONE(client, get(client));
    end(client, first);
    assert_string_equal(toy_complaint(second), "");
    toy_destroy(second);
}

static void a_unix_socket_does_as_well(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.GET k", TOY_RECORD), {0}};
    char folder[] = "/tmp/grapevine-test-XXXXXX", path[64];
    struct grapevine *client;
    struct toy *toy;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    toy = toy_start_at(path, script);
    client = create_for(toy);
    ASSERT_DONE(client, get(client));
    end(client, toy);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void options_that_make_no_sense_are_refused(void **state)
{
    static const struct grapevine_options wrong[] = {
        {.servers = "a:b"},
        {.user = "joe"},
        {.deadline_ms = -1},
        {.connect_timeout_ms = -1},
        {.jitter = (enum grapevine_jitter)9},
        {.backoff_min_ms = 9, .backoff_max_ms = 8},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char sentence[GRAPEVINE_SENTENCE_MAX] = "";
        struct grapevine *client = NULL;

        assert_int_equal(grapevine_create(&wrong[i], &client, sentence), GRAPEVINE_ARGUMENT);
        assert_int_equal(grapevine_create(&wrong[i], &client, NULL), GRAPEVINE_ARGUMENT);
        assert_true(strlen(sentence) > 10);
        assert_null(client);
    }
}

/* --- many in flight, and event loops --- */

struct told {
    struct grapevine *client;
    struct event_base *base;
    unsigned count;
    enum grapevine_error error, inner_error;
    char key[8];
};

static void note(const struct grapevine_answer *answer, void *context)
{
    struct told *told = context;

    told->count++;
    told->error = answer->error;
    (void)snprintf(told->key, sizeof told->key, "%s", answer->key.data);
}

static void every_request_sent_is_answered_once_with_its_key(void **state)
{
    static const struct toy_line script[] = {ONCE("KV.PUT a *", TOY_VERSION),
                                             ONCE("KV.PUT b *", "-VALUETOOLONG\r\n"),
                                             ONCE("DEL c", ":1\r\n"),
                                             {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);
    struct grapevine_entry a = {.key = {"a", 1}}, b = {.key = {"b", 1}};
    struct grapevine_bytes c = {"c", 1};
    struct told told[3] = {{0}};

    (void)state;
    assert_int_equal(grapevine_send_put(client, &a, note, &told[0]), GRAPEVINE_OK);
    assert_int_equal(grapevine_send_put(client, &b, note, &told[1]), GRAPEVINE_OK);
    assert_int_equal(grapevine_send_delete(client, &c, 1, note, &told[2]), GRAPEVINE_OK);
    assert_int_equal(grapevine_in_flight(client), 3);
    assert_int_equal(grapevine_wait(client, -1), GRAPEVINE_OK);
    assert_int_equal(grapevine_in_flight(client), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(told[i].count, 1);
        assert_int_equal(told[i].key[0], "abc"[i]);
    }
    assert_int_equal(told[1].error, GRAPEVINE_REFUSED);
    end(client, toy);
}

static void sending_waits_for_room(void **state)
{
    static const struct toy_line script[] = {ALWAYS("KV.GET k", TOY_RECORD), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client =
        create((struct grapevine_options){.servers = toy_address(toy), .in_flight_max = 4});
    struct told told = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(grapevine_send_get(client, key, note, &told), GRAPEVINE_OK);
        assert_in_range(grapevine_in_flight(client), 1, 4);
    }
    assert_int_equal(grapevine_wait(client, -1), GRAPEVINE_OK);
    assert_int_equal(told.count, 1000);
    end(client, toy);
}

static void bytes_in_flight_are_limited_but_one_request_may_always_go(void **state)
{
    static const struct toy_line script[] = {ALWAYS("KV.PUT *", TOY_VERSION), {0}};
    static char value[10000];
    struct grapevine_entry large = {.key = key, .value = {value, sizeof value}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create(
        (struct grapevine_options){.servers = toy_address(toy), .in_flight_bytes_max = 5000});

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(grapevine_send_put(client, &large, NULL, NULL), GRAPEVINE_OK);
        assert_in_range(grapevine_in_flight(client), 0, 1);
    }
    ASSERT_DONE(client, grapevine_wait(client, -1));
    end(client, toy);
}

/* Sends one more from where it hears of one. */
static void send_on(const struct grapevine_answer *answer, void *context)
{
    struct told *told = context;

    assert_int_equal(answer->error, GRAPEVINE_OK);
    if (++told->count == 100)
        event_base_loopbreak(told->base);
    else
        assert_int_equal(grapevine_send_get(told->client, key, send_on, told), GRAPEVINE_OK);
}

static void a_client_lives_on_the_callers_loop_and_never_waits(void **state)
{
    static const struct toy_line script[] = {ALWAYS("KV.GET k", TOY_RECORD), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine_options options = {.servers = toy_address(toy), .in_flight_max = 1};
    struct told told = {.base = event_base_new()};

    (void)state;
    assert_int_equal(grapevine_create_on(&options, told.base, &told.client, NULL), GRAPEVINE_OK);
    assert_int_equal(grapevine_send_get(told.client, key, send_on, &told), GRAPEVINE_OK);
    assert_int_equal(grapevine_send_get(told.client, key, send_on, &told), GRAPEVINE_BUSY);
    assert_int_equal(get(told.client), GRAPEVINE_ARGUMENT);
    assert_int_equal(grapevine_wait(told.client, -1), GRAPEVINE_ARGUMENT);
    event_base_dispatch(told.base);
    assert_int_equal(told.count, 100);
    end(told.client, toy);
    event_base_free(told.base);
}

static void wait_inside(const struct grapevine_answer *answer, void *context)
{
    struct told *told = context;

    (void)answer;
    told->inner_error = get(told->client);
}

static void a_function_that_hears_of_an_answer_can_not_wait_for_another(void **state)
{
    static const struct toy_line script[] = {ALWAYS("KV.GET k", TOY_RECORD), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create_for(toy);
    struct told told = {.client = client};

    (void)state;
    assert_int_equal(grapevine_send_get(client, key, wait_inside, &told), GRAPEVINE_OK);
    ASSERT_DONE(client, get(client));
    assert_int_equal(grapevine_wait(client, -1), GRAPEVINE_OK);
    assert_int_equal(told.inner_error, GRAPEVINE_ARGUMENT);
    end(client, toy);
}

static void destroy_inside(const struct grapevine_answer *answer, void *context)
{
    struct told *told = context;

    (void)answer;
    told->count++;
    grapevine_destroy(told->client);
    if (told->base != NULL)
        event_base_loopbreak(told->base);
}

static void a_function_that_hears_of_an_answer_may_destroy_the_client(void **state)
{
    static const struct toy_line script[] = {ALWAYS("KV.GET k", TOY_RECORD), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine_options options = {.servers = toy_address(toy)};
    struct told told = {.client = create_for(toy)}, second = {0}, on_loop = {0};
    struct grapevine_record record;

    (void)state;
    assert_int_equal(grapevine_send_get(told.client, key, destroy_inside, &told), GRAPEVINE_OK);
    assert_int_equal(grapevine_send_get(told.client, key, note, &second), GRAPEVINE_OK);
    assert_int_equal(grapevine_get(told.client, key, &record), GRAPEVINE_CANCELLED);
    assert_int_equal(told.count, 1);
    assert_int_equal(second.count, 1);

    on_loop.base = event_base_new();
    assert_int_equal(grapevine_create_on(&options, on_loop.base, &on_loop.client, NULL),
                     GRAPEVINE_OK);
    assert_int_equal(grapevine_send_get(on_loop.client, key, destroy_inside, &on_loop),
                     GRAPEVINE_OK);
    event_base_dispatch(on_loop.base);
    assert_int_equal(on_loop.count, 1);
    event_base_free(on_loop.base);
    toy_destroy(toy);
}

static void destroying_a_client_ends_what_is_in_flight(void **state)
{
    static const struct toy_line script[] = {ALWAYS("KV.PUT k v", TOY_SILENCE), {0}};
    struct toy *toy = toy_start(script), *down = toy_stop(toy_start(nothing));
    struct grapevine *client = create_for(toy), *unconnected = create_for(down);
    struct told sent = {0}, unsent = {0};

    (void)state;
    assert_int_equal(grapevine_send_put(client, &entry, note, &sent), GRAPEVINE_OK);
    assert_int_equal(grapevine_wait(client, 30), GRAPEVINE_TIMEOUT);
    grapevine_destroy(client);
    assert_int_equal(sent.count, 1);
    assert_int_equal(sent.error, GRAPEVINE_OUTCOME_UNKNOWN);
    assert_int_equal(grapevine_send_put(unconnected, &entry, note, &unsent), GRAPEVINE_OK);
    grapevine_destroy(unconnected);
    assert_int_equal(unsent.count, 1);
    assert_int_equal(unsent.error, GRAPEVINE_CANCELLED);
    toy_destroy(toy);
    toy_destroy(down);
}

/* T5: the caller read a slow file meanwhile. */
static void a_client_that_is_not_run_does_not_grow_older(void **state)
{
    static const struct toy_line script[] = {ALWAYS("KV.GET k", TOY_RECORD), {0}};
    struct toy *toy = toy_start(script);
    struct grapevine *client = create((struct grapevine_options){
        .servers = toy_address(toy), .deadline_ms = 200, .answer_timeout_ms = 100});
    struct told told = {0};

    (void)state;
    ASSERT_DONE(client, get(client));
    assert_int_equal(grapevine_send_get(client, key, note, &told), GRAPEVINE_OK);
    (void)poll(NULL, 0, 300);
    assert_int_equal(grapevine_wait(client, -1), GRAPEVINE_OK);
    assert_int_equal(told.error, GRAPEVINE_OK);
    assert_int_equal(toy_connections(toy), 1);
    end(client, toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_answers_the_version_and_a_get_the_record),
        cmocka_unit_test(nil_is_a_condition_that_does_not_hold_or_a_missing_key),
        cmocka_unit_test(a_page_has_what_was_asked_for),
        cmocka_unit_test(any_reply_is_a_tree),
        cmocka_unit_test(an_answer_of_another_shape_is_not_a_grapevine_servers),
        cmocka_unit_test(the_servers_wait_is_kept_and_the_put_sent_again),
        cmocka_unit_test(a_refusal_that_outlasts_the_deadline_is_told_at_once),
        cmocka_unit_test(attempts_are_limited),
        cmocka_unit_test(a_server_that_cannot_write_is_asked_again),
        cmocka_unit_test(what_no_repetition_helps_is_not_repeated),
        cmocka_unit_test(a_read_and_a_put_are_sent_again_when_the_answer_is_lost),
        cmocka_unit_test(a_put_with_a_condition_is_not_sent_again_and_its_outcome_unknown),
        cmocka_unit_test(a_put_that_was_refused_is_sent_again_even_with_a_condition),
        cmocka_unit_test(a_put_in_doubt_never_ends_in_an_error_that_says_nothing_was_changed),
        cmocka_unit_test(a_connection_that_ended_while_nobody_looked_costs_nothing),
        cmocka_unit_test(a_silent_server_is_left),
        cmocka_unit_test(a_server_that_takes_its_time_over_an_answer_is_not_silent),
        cmocka_unit_test(a_late_answer_is_not_taken_for_that_of_the_next_request),
        cmocka_unit_test(a_server_that_says_more_than_it_was_asked_loses_the_connection_only),
        cmocka_unit_test(bytes_that_are_no_protocol_end_the_connection),
        cmocka_unit_test(writing_to_a_server_that_is_gone_raises_no_signal),
        cmocka_unit_test(a_connection_that_has_served_is_made_again_at_once),
        cmocka_unit_test(one_that_never_serves_is_not_hammered),
        cmocka_unit_test(the_first_server_of_the_list_is_preferred),
        cmocka_unit_test(a_server_that_is_down_is_passed_over_and_found_again),
        cmocka_unit_test(a_server_that_cannot_write_is_left_for_another),
        cmocka_unit_test(no_server_at_all_is_one_sentence),
        cmocka_unit_test(a_call_after_one_that_found_no_server_looks_again),
        cmocka_unit_test(a_server_that_comes_late_is_waited_for),
        cmocka_unit_test(the_deadline_ends_the_search_for_a_server),
        cmocka_unit_test(user_password_and_namespace_are_said_first),
        cmocka_unit_test(a_wrong_password_and_a_missing_namespace_are_told_at_once),
        cmocka_unit_test(a_server_that_loads_is_passed_over),
        cmocka_unit_test(a_unix_socket_does_as_well),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(every_request_sent_is_answered_once_with_its_key),
        cmocka_unit_test(sending_waits_for_room),
        cmocka_unit_test(bytes_in_flight_are_limited_but_one_request_may_always_go),
        cmocka_unit_test(a_client_lives_on_the_callers_loop_and_never_waits),
        cmocka_unit_test(a_function_that_hears_of_an_answer_can_not_wait_for_another),
        cmocka_unit_test(a_function_that_hears_of_an_answer_may_destroy_the_client),
        cmocka_unit_test(destroying_a_client_ends_what_is_in_flight),
        cmocka_unit_test(a_client_that_is_not_run_does_not_grow_older),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
