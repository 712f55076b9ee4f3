#include "http/exchange.h"

#include <poll.h>

#include "unit/commands/talk.h"

#define DEADLINE_MS 20000

static struct budget budget;
static struct exchange_room room;
static struct exchange exchange;

static void begin(void)
{
    room.now_ms = clock_wall_ms(&talk_clock);
    exchange_begin(&exchange, &room, &talk.session, true);
}

static int set_up(void **state)
{
    (void)talk_set_up(state);
    budget_init(&budget, HTTP_MEMORY_MAX);
    room = (struct exchange_room){.worker = &talk.worker, .budget = &budget};
    access_refresh(&room.access, talk.options);
    begin();
    return 0;
}

static int tear_down(void **state)
{
    exchange_end(&exchange);
    assert_int_equal(atomic_load(&budget.left), HTTP_MEMORY_MAX); /* all that was taken is back */
    exchange_clear(&exchange);
    exchange = (struct exchange){0};
    access_clear(&room.access);
    return talk_tear_down(state);
}

static void run_once(void)
{
    struct epoch_thread *epoch = store_epoch(talk.worker.store_thread);

    epoch_enter(epoch);
    exchange_run(&exchange);
    store_end_turn(talk.worker.store_thread);
    epoch_exit(epoch);
}

static void wait_for_commit(void)
{
    for (int i = 0; i < DEADLINE_MS; i++) {
        if (store_committed(talk.services.store) >= exchange.call.depends_on)
            return;
        (void)poll(NULL, 0, 1);
    }
    fail_msg("the commit does not come");
}

/* Feeds until nothing is used any more; how much was. */
static size_t feed(const char *text, size_t size, size_t piece)
{
    size_t used = 0;

    while (used < size && (exchange.state == EXCHANGE_HEAD || exchange.state == EXCHANGE_BODY)) {
        size_t next = size - used < piece ? size - used : piece;

        used += exchange_feed(&exchange, (struct bytes){text + used, next});
    }
    return used;
}

static void feed_text(const char *text)
{
    (void)feed(text, strlen(text), SIZE_MAX);
}

/* The response's status line, headers and body as one text, which the next call overwrites. */
static const char *response(void)
{
    static char text[256 * 1024];
    struct bytes head, body;

    assert_int_equal(exchange.state, EXCHANGE_READY);
    exchange_output(&exchange, &head, &body);
    assert_true(head.size + body.size < sizeof text);
    memcpy(text, head.data, head.size);
    memcpy(text + head.size, body.data, body.size);
    text[head.size + body.size] = '\0';
    return text;
}

static const char *answer_of_run(void)
{
    while (exchange.state == EXCHANGE_RUN)
        run_once();
    if (exchange.state == EXCHANGE_HELD) {
        wait_for_commit();
        exchange_committed(&exchange);
    }
    return response();
}

static const char *answer_in_pieces(const char *request, size_t piece)
{
    assert_int_equal(feed(request, strlen(request), piece), strlen(request));
    return answer_of_run();
}

static const char *answer(const char *request)
{
    return answer_in_pieces(request, SIZE_MAX);
}

static void next(void)
{
    exchange_end(&exchange);
    begin();
}

static void expect_status(const char *response, const char *status)
{
    assert_memory_equal(response, "HTTP/1.1 ", 9);
    assert_memory_equal(response + 9, status, strlen(status));
}

static const char *body_of(const char *response)
{
    return strstr(response, "\r\n\r\n") + 4;
}

#define PUT_HEAD "PUT /binding/db0/k?urlencoded=true HTTP/1.1\r\n"
#define GET_K    "GET /binding/db0/k?urlencoded=true HTTP/1.1\r\n\r\n"

static void what_is_put_is_got(void **state)
{
    (void)state;
    expect_status(answer(PUT_HEAD "Content-Length: 5\r\n\r\nvalue"), "200 OK\r\n");
    next();
    assert_string_equal(body_of(answer(GET_K)), "value");
}

static void a_request_may_come_byte_by_byte(void **state)
{
    (void)state;
    expect_status(answer_in_pieces(PUT_HEAD "Content-Length: 5\r\n\r\nvalue", 1), "200 OK\r\n");
    next();
    expect_status(
        answer_in_pieces(
            PUT_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nval\r\n2\r\nue\r\n0\r\n\r\n", 1),
        "429 ");
    next();
    assert_string_equal(body_of(answer_in_pieces(GET_K, 1)), "value");
}

static void a_request_takes_no_byte_of_the_next(void **state)
{
    static const char two[] = PUT_HEAD "Content-Length: 2\r\n\r\nab" GET_K;

    (void)state;
    assert_int_equal(feed(two, sizeof two - 1, SIZE_MAX), sizeof two - sizeof GET_K);
}

static void chunks_come_to_their_end_and_no_further(void **state)
{
    static const char two[] =
        PUT_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n" GET_K;

    (void)state;
    assert_int_equal(feed(two, sizeof two - 1, SIZE_MAX), sizeof two - sizeof GET_K);
    assert_int_equal(exchange.state, EXCHANGE_RUN);
    assert_true(bytes_equal(exchange.call.body, bytes_of("ab")));
}

static void a_write_is_held_until_its_commit(void **state)
{
    (void)state;
    feed_text(PUT_HEAD "Content-Length: 1\r\n\r\nx");
    run_once();
    assert_int_equal(exchange.state, EXCHANGE_HELD);
    wait_for_commit();
    exchange_committed(&exchange);
    expect_status(response(), "200 ");
}

static void a_failed_commit_takes_the_answer_back(void **state)
{
    (void)state;
    feed_text(PUT_HEAD "Content-Length: 1\r\n\r\nx");
    run_once();
    exchange_commit_failed(&exchange);
    expect_status(response(), "503 MISCONF ");
    assert_non_null(strstr(response(), "Retry-After: 1\r\n"));
}

static void a_body_that_is_too_long_is_read_to_its_end_and_not_kept(void **state)
{
    char *text = malloc(70000), head[128];
    int size = snprintf(head, sizeof head, PUT_HEAD "Content-Length: 70000\r\n\r\n");

    (void)state;
    memset(text, 'x', 70000);
    assert_int_equal(feed(head, (size_t)size, SIZE_MAX), size);
    for (int i = 0; i < 70; i++) {
        assert_int_equal(exchange.state, EXCHANGE_BODY);
        assert_int_equal(feed(text, 1000, SIZE_MAX), 1000);
        assert_int_equal(exchange.body.capacity, 0);
    }
    expect_status(answer_of_run(), "413 Value length of 70000 exceeds limit of 65536.");
    assert_null(strstr(response(), "Connection: close"));
    free(text);
}

static void chunks_that_grow_too_long_are_dropped_on_the_way(void **state)
{
    static const char head[] = PUT_HEAD "Transfer-Encoding: chunked\r\n\r\n";
    char chunk[1008];

    (void)state;
    assert_int_equal(feed(head, sizeof head - 1, SIZE_MAX), sizeof head - 1);
    (void)snprintf(chunk, sizeof chunk, "3e8\r\n%01000d\r\n", 0);
    for (int i = 0; i < 66; i++)
        (void)feed(chunk, 1007, SIZE_MAX);
    assert_int_equal(exchange.body.capacity, 0);
    feed_text("0\r\n\r\n");
    expect_status(answer_of_run(), "413 Value length of 66000 exceeds limit of 65536.");
}

static void who_asks_first_is_told_before_the_body(void **state)
{
    (void)state;
    feed_text(PUT_HEAD "Content-Length: 70000\r\nExpect: 100-continue\r\n\r\n");
    expect_status(answer_of_run(), "413 ");
    assert_non_null(strstr(response(), "Connection: close\r\n"));
}

static void who_asks_first_is_told_to_go_on(void **state)
{
    (void)state;
    feed_text(PUT_HEAD "Content-Length: 70\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(exchange.state, EXCHANGE_BODY);
    assert_true(exchange.wants_continue);
}

static void a_long_body_waits_for_memory(void **state)
{
    static const char head[] = PUT_HEAD "Content-Length: 65536\r\n\r\n";
    int64_t all = atomic_load(&budget.left);

    (void)state;
    (void)say_other("namespace set db0 max-value-size 1mb");
    assert_true(budget_take(&budget, all));
    feed_text("PUT /binding/db0/k HTTP/1.1\r\nContent-Length: 65537\r\n\r\n");
    assert_int_equal(exchange.state, EXCHANGE_MEMORY);
    exchange_ask_memory(&exchange, false);
    assert_int_equal(exchange.state, EXCHANGE_MEMORY);
    budget_give(&budget, all);
    exchange_ask_memory(&exchange, false);
    assert_int_equal(exchange.state, EXCHANGE_BODY);
    assert_int_equal(atomic_load(&budget.left), all - 65537);
    next();
    (void)feed(head, sizeof head - 1, SIZE_MAX); /* a small one never asks */
    assert_int_equal(atomic_load(&budget.left), all);
}

static void a_small_body_takes_its_own_size_and_is_not_copied_with_the_head(void **state)
{
    char *text = calloc(1, 65536);
    int front = snprintf(text, 128, PUT_HEAD "Content-Length: 60000\r\n\r\n");

    (void)state;
    (void)feed(text, (size_t)front + 59999, SIZE_MAX);
    assert_int_equal(exchange.state, EXCHANGE_BODY);
    assert_int_equal(exchange.body.size, 59999);
    assert_int_equal(exchange.body.capacity, 60000);
    assert_true(exchange.head.capacity <= 4096);
    free(text);
}

static void who_waits_for_memory_too_long_is_sent_away(void **state)
{
    char *text = calloc(1, 65537);

    (void)state;
    (void)say_other("namespace set db0 max-value-size 1mb");
    assert_true(budget_take(&budget, HTTP_MEMORY_MAX));
    feed_text("PUT /binding/db0/k HTTP/1.1\r\nContent-Length: 65537\r\n\r\n");
    exchange_ask_memory(&exchange, true);
    assert_int_equal(feed(text, 65537, SIZE_MAX), 65537);
    expect_status(answer_of_run(), "503 ");
    budget_give(&budget, HTTP_MEMORY_MAX);
    free(text);
}

#define CHUNKED_HEAD PUT_HEAD "Transfer-Encoding: chunked\r\n\r\n"

/* A chunk of `size` bytes, to its last one. */
static void feed_chunk(size_t size)
{
    char *chunk = malloc(size + 32);
    int front = snprintf(chunk, 32, "%zx\r\n", size);

    memset(chunk + front, 'x', size);
    memcpy(chunk + front + size, "\r\n", 2);
    for (size_t used = 0; used < (size_t)front + size + 2;) {
        used += feed(chunk + used, (size_t)front + size + 2 - used, SIZE_MAX);
        if (exchange.state == EXCHANGE_MEMORY) {
            assert_int_equal(exchange.body.size, HTTP_SMALL);
            exchange_ask_memory(&exchange, false);
        }
        if (exchange.state == EXCHANGE_MEMORY)
            break;
    }
    free(chunk);
}

static void a_chunked_body_asks_for_memory_when_it_turns_out_long(void **state)
{
    (void)state;
    (void)say_other("namespace set db0 max-value-size 1mb");
    assert_true(budget_take(&budget, HTTP_MEMORY_MAX));
    feed_text(CHUNKED_HEAD);
    assert_int_equal(exchange.state, EXCHANGE_BODY);
    feed_chunk(65536); /* but for its line end */
    assert_int_equal(exchange.state, EXCHANGE_MEMORY);
    budget_give(&budget, HTTP_MEMORY_MAX);
    exchange_ask_memory(&exchange, false);
    assert_int_equal(atomic_load(&budget.left), HTTP_MEMORY_MAX - (1 << 20));
    feed_text("\r\n0\r\n\r\n");
    expect_status(answer_of_run(), "200 ");
    next();
    assert_int_equal(strlen(body_of(answer(GET_K))), 65536);
}

static void a_long_chunked_body_is_whole_after_its_wait(void **state)
{
    (void)state;
    (void)say_other("namespace set db0 max-value-size 1mb");
    feed_text(CHUNKED_HEAD);
    feed_chunk(50000);
    feed_chunk(50000);
    feed_text("0\r\n\r\n");
    expect_status(answer_of_run(), "200 ");
    next();
    assert_int_equal(strlen(body_of(answer(GET_K))), 100000);
}

static void a_long_chunked_body_that_waits_too_long_is_read_to_its_end(void **state)
{
    (void)state;
    (void)say_other("namespace set db0 max-value-size 1mb");
    assert_true(budget_take(&budget, HTTP_MEMORY_MAX));
    feed_text(CHUNKED_HEAD);
    feed_chunk(65536);
    assert_int_equal(exchange.state, EXCHANGE_MEMORY);
    exchange_ask_memory(&exchange, true);
    assert_int_equal(exchange.body.capacity, 0);
    feed_text("\r\n5\r\nhello\r\n0\r\n\r\n");
    expect_status(answer_of_run(), "503 ");
    assert_null(strstr(response(), "Connection: close"));
    budget_give(&budget, HTTP_MEMORY_MAX);
}

static void put_long_value(void)
{
    feed_text(CHUNKED_HEAD);
    feed_chunk(100000);
    feed_text("0\r\n\r\n");
    expect_status(answer_of_run(), "200 ");
    next();
}

static void a_long_response_waits_for_memory(void **state)
{
    (void)state;
    (void)say_other("namespace set db0 max-value-size 1mb");
    put_long_value();
    assert_true(budget_take(&budget, HTTP_MEMORY_MAX));
    feed_text(GET_K);
    run_once();
    assert_int_equal(exchange.state, EXCHANGE_MEMORY);
    assert_int_equal(exchange.call.response.body.capacity, 0);
    exchange_ask_memory(&exchange, false);
    assert_int_equal(exchange.state, EXCHANGE_MEMORY);
    budget_give(&budget, exchange.response_memory - 1);
    exchange_ask_memory(&exchange, false);
    assert_int_equal(exchange.state, EXCHANGE_MEMORY);
    budget_give(&budget, HTTP_MEMORY_MAX - exchange.response_memory + 1);
    exchange_ask_memory(&exchange, false);
    assert_int_equal(exchange.state, EXCHANGE_RUN);
    assert_int_equal(strlen(body_of(answer_of_run())), 100000);
    assert_true(atomic_load(&budget.left) <= HTTP_MEMORY_MAX - 100000);
}

static void a_long_response_that_waits_too_long_is_a_503(void **state)
{
    (void)state;
    (void)say_other("namespace set db0 max-value-size 1mb");
    put_long_value();
    assert_true(budget_take(&budget, HTTP_MEMORY_MAX));
    feed_text(GET_K);
    run_once();
    exchange_ask_memory(&exchange, true);
    expect_status(answer_of_run(), "503 ");
    budget_give(&budget, HTTP_MEMORY_MAX);
}

static void a_long_answer_to_a_bulk_read_waits_for_memory(void **state)
{
    (void)state;
    (void)say_other("namespace set db0 max-value-size 1mb");
    put_long_value();
    assert_true(budget_take(&budget, HTTP_MEMORY_MAX));
    feed_text(
        "POST /binding/db0/bulk/get HTTP/1.1\r\nContent-Length: 14\r\n\r\n{\"keys\":[\"k\"]}");
    run_once();
    assert_int_equal(exchange.state, EXCHANGE_MEMORY);
    assert_int_equal(exchange.call.response.body.capacity, 0);
    budget_give(&budget, HTTP_MEMORY_MAX);
    exchange_ask_memory(&exchange, false);
    assert_int_equal(strlen(body_of(answer_of_run())), strlen("{\"k\":\"\"}") + 100000);
    assert_true(atomic_load(&budget.left) <= HTTP_MEMORY_MAX - 100000);
}

static void what_is_longer_than_all_memory_takes_all_of_it(void **state)
{
    static const char head[] = PUT_HEAD "Content-Length: 300000000\r\n\r\n";

    (void)state;
    (void)say_other("namespace set db0 max-value-size 300000000");
    assert_true(budget_take(&budget, 1));
    (void)feed(head, sizeof head - 1, SIZE_MAX);
    assert_int_equal(exchange.state, EXCHANGE_MEMORY);
    budget_give(&budget, 1);
    exchange_ask_memory(&exchange, false);
    assert_int_equal(exchange.state, EXCHANGE_BODY);
    assert_int_equal(atomic_load(&budget.left), 0);
}

static void half_a_request_is_not_answered_as_the_one_before(void **state)
{
    (void)state;
    (void)answer("HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    next();
    feed_text("GET");
    exchange_abort(&exchange, REFUSE_TIMEOUT);
    expect_status(response(), "408 ");
    assert_true(strlen(body_of(response())) > 0);
}

static void a_head_that_is_nonsense_closes_the_connection(void **state)
{
    (void)state;
    expect_status(answer("what is this?\r\n\r\n"), "400 ");
    assert_non_null(strstr(response(), "Connection: close\r\n"));
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    expect_status(answer(GET_K), "404 Not Found\r\n");
    next();
    expect_status(answer("GET /binding/none/k HTTP/1.1\r\n\r\n"), "400 namespace not found");
    next();
    expect_status(answer("GET /nowhere HTTP/1.1\r\n\r\n"), "404 No route");
    next();
    expect_status(answer("GET /client/v4 HTTP/1.1\r\n\r\n"), "404 Not Found\r\n");
    next();
    expect_status(answer("GET /client/v4/nowhere HTTP/1.1\r\n\r\n"), "404 Not Found\r\n");
    assert_string_equal(body_of(response()),
                        "{\"result\":null,\"success\":false,\"errors\":[{\"code\":7000,\"message\":"
                        "\"No route for that URI\"}],\"messages\":[]}");
}

static void a_method_that_a_path_has_not_is_answered_with_those_it_has(void **state)
{
    (void)state;
    expect_status(answer("PATCH /binding/db0/k HTTP/1.1\r\n\r\n"), "405 ");
    assert_non_null(strstr(response(), "Allow: GET, HEAD, PUT, DELETE\r\n"));
}

static void head_is_get_without_its_body(void **state)
{
    (void)state;
    (void)answer(PUT_HEAD "Content-Length: 5\r\n\r\nvalue");
    next();
    expect_status(answer("HEAD /binding/db0/k?urlencoded=true HTTP/1.1\r\n\r\n"), "200 OK");
    assert_non_null(strstr(response(), "Content-Length: 5\r\n"));
    assert_string_equal(body_of(response()), "");
}

static void a_namespace_is_named_by_title_by_id_or_by_header(void **state)
{
    char id[33], request[256];

    (void)state;
    (void)say("namespace create shop");
    memcpy(id, strstr(say("namespace info shop"), "$32 ") + 4, 32);
    id[32] = '\0';
    expect_status(answer("PUT /binding/shop/k HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"), "200 ");
    next();
    (void)snprintf(request, sizeof request, "GET /binding/%s/k HTTP/1.1\r\n\r\n", id);
    assert_string_equal(body_of(answer(request)), "x");
    next();
    (void)snprintf(request, sizeof request, "GET /k HTTP/1.1\r\nX-KV-Namespace: %s\r\n\r\n", id);
    assert_string_equal(body_of(answer(request)), "x");
    next();
    assert_string_equal(body_of(answer("GET /k HTTP/1.1\r\nx-kv-namespace: shop\r\n\r\n")), "x");
}

static void a_key_is_decoded_if_its_caller_says_so(void **state)
{
    (void)state;
    (void)answer("PUT /binding/db0/a%2Fb?urlencoded=true HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
    next();
    (void)answer("PUT /binding/db0/a%2Fb HTTP/1.1\r\nContent-Length: 1\r\n\r\ny");
    assert_string_equal(say_other("get a/b"), "$1 x");
    assert_string_equal(say_other("get a%2Fb"), "$1 y");
    next();
    expect_status(answer("GET /binding/db0/a%2?urlencoded=true HTTP/1.1\r\n\r\n"),
                  "400 Could not URL-decode key name");
}

static void a_token_is_asked_for_where_one_is_set(void **state)
{
    (void)state;
    (void)say("config set http-token secret");
    access_refresh(&room.access, talk.options);
    expect_status(answer(GET_K), "401 ");
    next();
    expect_status(answer("GET /binding/db0/k HTTP/1.1\r\nAuthorization: Bearer Secret\r\n\r\n"),
                  "401 ");
    next();
    expect_status(answer("GET /binding/db0/k HTTP/1.1\r\nAuthorization: bearer secret\r\n\r\n"),
                  "404 ");
    next();
    expect_status(answer("GET /metrics HTTP/1.1\r\n\r\n"), "401 ");
    next();
    expect_status(answer("GET / HTTP/1.1\r\n\r\n"), "200 "); /* the page shows nothing by itself */
}

static void a_password_stands_in_for_a_token(void **state)
{
    (void)state;
    (void)say("config set requirepass pass");
    access_refresh(&room.access, talk.options);
    expect_status(answer(GET_K), "401 ");
    next();
    expect_status(answer("GET /binding/db0/k HTTP/1.1\r\nAuthorization: Bearer pass\r\n\r\n"),
                  "404 ");
}

static void strangers_need_a_token_or_an_open_door(void **state)
{
    (void)state;
    exchange.is_local = false;
    expect_status(answer(GET_K), "403 ");
    next();
    (void)say("config set protected-mode no");
    access_refresh(&room.access, talk.options);
    exchange.is_local = false;
    expect_status(answer(GET_K), "404 ");
}

#define DELETE_BY "DELETE /binding/db0/k HTTP/1.1\r\nHost: 127.0.0.1:8379\r\n"

static void a_page_of_another_site_writes_only_with_a_token(void **state)
{
    static const char *const others[] = {
        "Origin: http://evil.example\r\n", "Origin: null\r\n", "Origin: http://127.0.0.1:83790\r\n",
        "Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-site\r\n"};
    static const char *const own[] = {"", "Origin: http://127.0.0.1:8379\r\n",
                                      "Sec-Fetch-Site: same-origin\r\nOrigin: https://proxy\r\n"};
    char text[256];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others) + COUNT_OF(own); i++) {
        bool is_other = i < COUNT_OF(others);

        snprintf(text, sizeof text, DELETE_BY "%s\r\n",
                 is_other ? others[i] : own[i - COUNT_OF(others)]);
        expect_status(answer(text), is_other ? "403 " : "200 ");
        next();
    }
    expect_status(answer("GET / HTTP/1.1\r\nSec-Fetch-Site: cross-site\r\n\r\n"), "200 ");
    next();
    (void)say("config set http-token secret");
    access_refresh(&room.access, talk.options);
    expect_status(answer(DELETE_BY "Authorization: Bearer secret\r\nOrigin: http://other\r\n\r\n"),
                  "200 ");
}

static void a_paused_server_parks_the_request(void **state)
{
    (void)state;
    (void)say("client pause 1000 write");
    feed_text(PUT_HEAD "Content-Length: 1\r\n\r\nx");
    run_once();
    assert_int_equal(exchange.state, EXCHANGE_RUN);
    assert_true(exchange.is_parked);
    pass_ms(1001);
    room.now_ms = clock_wall_ms(&talk_clock);
    run_once();
    assert_int_equal(exchange.state, EXCHANGE_HELD);
}

static void no_byte_of_a_client_ends_a_line_of_the_head(void **state)
{
    (void)state;
    (void)say("namespace set db0 max-key-size 4");
    expect_status(answer("GET /binding/db0/%0D%0Ax%3A1?urlencoded=true HTTP/1.1\r\n\r\n"), "414 ");
    next();
    expect_status(answer("GET /binding/db0/k?cache_ttl=%0D%0Ax:1 HTTP/1.1\r\n\r\n"), "400 ");
    assert_null(strstr(response(), "\r\nx:1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_is_got),
        TEST(a_request_may_come_byte_by_byte),
        TEST(a_request_takes_no_byte_of_the_next),
        TEST(chunks_come_to_their_end_and_no_further),
        TEST(a_write_is_held_until_its_commit),
        TEST(a_failed_commit_takes_the_answer_back),
        TEST(a_body_that_is_too_long_is_read_to_its_end_and_not_kept),
        TEST(chunks_that_grow_too_long_are_dropped_on_the_way),
        TEST(who_asks_first_is_told_before_the_body),
        TEST(who_asks_first_is_told_to_go_on),
        TEST(a_long_body_waits_for_memory),
        TEST(a_small_body_takes_its_own_size_and_is_not_copied_with_the_head),
        TEST(who_waits_for_memory_too_long_is_sent_away),
        TEST(a_chunked_body_asks_for_memory_when_it_turns_out_long),
        TEST(a_long_chunked_body_is_whole_after_its_wait),
        TEST(a_long_chunked_body_that_waits_too_long_is_read_to_its_end),
        TEST(a_long_response_waits_for_memory),
        TEST(a_long_response_that_waits_too_long_is_a_503),
        TEST(a_long_answer_to_a_bulk_read_waits_for_memory),
        TEST(what_is_longer_than_all_memory_takes_all_of_it),
        TEST(half_a_request_is_not_answered_as_the_one_before),
        TEST(a_head_that_is_nonsense_closes_the_connection),
        TEST(what_is_not_there_is_not_found),
        TEST(a_method_that_a_path_has_not_is_answered_with_those_it_has),
        TEST(head_is_get_without_its_body),
        TEST(a_namespace_is_named_by_title_by_id_or_by_header),
        TEST(a_key_is_decoded_if_its_caller_says_so),
        TEST(a_token_is_asked_for_where_one_is_set),
        TEST(a_password_stands_in_for_a_token),
        TEST(strangers_need_a_token_or_an_open_door),
        TEST(a_page_of_another_site_writes_only_with_a_token),
        TEST(a_paused_server_parks_the_request),
        TEST(no_byte_of_a_client_ends_a_line_of_the_head),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
