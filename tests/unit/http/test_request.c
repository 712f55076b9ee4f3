#include "http/request.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "unit/test.h"

#define LITERAL(text) ((struct bytes){text, sizeof(text) - 1})
#define HEAD(headers) LITERAL("GET / HTTP/1.1\r\n" headers "\r\n")
#define LINE(line)    LITERAL(line "\r\n\r\n")

static struct http_request request;

/* What is there up to `size` in memory of exactly that size, so that a sanitizer sees a byte read
 * behind it; the views of `request` move with it until the next call. */
static enum http_parse parse_part(struct bytes data, size_t size, size_t *scanned, size_t *head)
{
    static char *copy;

    free(copy);
    copy = malloc(size == 0 ? 1 : size);
    memcpy(copy, data.data, size);
    return http_request_parse(&request, (struct bytes){copy, size}, scanned, head);
}

/* Shows the parser `first` bytes, then `step` more each time. */
static enum http_parse parse_cut(struct bytes data, size_t first, size_t step, size_t *head)
{
    size_t size = first, scanned = 0;
    enum http_parse parse = parse_part(data, size, &scanned, head);

    while (parse == HTTP_PARSE_MORE && size < data.size) {
        size = size + step < data.size ? size + step : data.size;
        parse = parse_part(data, size, &scanned, head);
    }
    return parse;
}

/* What comes of it, in words. */
static enum http_parse tell(struct bytes data, size_t first, size_t step, struct buffer *out)
{
    size_t head = 0;
    enum http_parse parse = parse_cut(data, first, step, &head);

    out->size = 0;
    buffer_printf(out, "%d ", parse);
    if (parse != HTTP_PARSE_DONE)
        return parse;
    buffer_printf(out, "%d [%.*s] [%.*s] %d %d %d %d %d %d", request.method, (int)request.path.size,
                  request.path.data, (int)request.query.size, request.query.data,
                  (int)request.content_length, request.is_chunked, request.keeps_alive,
                  request.expects_continue, request.is_1_0, (int)head);
    for (size_t i = 0; i < request.header_count; i++) {
        buffer_append_text(out, "\n");
        buffer_append_bytes(out, request.headers[i].name);
        buffer_append_text(out, ":");
        buffer_append_bytes(out, request.headers[i].value);
    }
    return parse;
}

static void expect_told(struct bytes data, size_t first, size_t step, const struct buffer *expected)
{
    struct buffer told = {0};

    (void)tell(data, first, step, &told);
    assert_true(bytes_equal(buffer_view(&told), buffer_view(expected)));
    buffer_clear(&told);
}

/* Parses the whole, after all ways to cut it in two, and byte by byte, have shown the same. */
static enum http_parse parse_all(struct bytes data, size_t *head)
{
    struct buffer whole = {0};

    (void)tell(data, data.size, 1, &whole);
    for (size_t first = 0; first <= data.size; first++)
        expect_told(data, first, data.size, &whole);
    expect_told(data, 0, 1, &whole);
    buffer_clear(&whole);
    return parse_cut(data, data.size, 1, head);
}

static void expect(struct bytes data, enum http_parse expected)
{
    size_t head = 0;

    assert_int_equal(parse_all(data, &head), expected);
    if (expected == HTTP_PARSE_DONE)
        assert_int_equal(head, data.size);
}

static void expect_text(struct bytes view, const char *text)
{
    assert_int_equal(view.size, strlen(text));
    assert_memory_equal(view.data, text, view.size);
}

static void expect_header(const char *name, const char *value)
{
    struct bytes found;

    assert_true(http_request_header(&request, name, &found));
    expect_text(found, value);
}

static void expect_target(struct bytes data, const char *path, const char *query)
{
    expect(data, HTTP_PARSE_DONE);
    expect_text(request.path, path);
    expect_text(request.query, query);
}

/* --- what real clients send --- */

static void a_put_of_the_sdk_is_read(void **state)
{
    (void)state;
    expect_target(
        LITERAL("PUT /client/v4/accounts/a/storage/kv/namespaces/ns/values/"
                "a%2Fb%20c%2520%C3%A9%3Fx=1&y%23z+:@!$'()*;,=%5B%5D?expiration_ttl=60 HTTP/1.1\r\n"
                "host: 127.0.0.1:8787\r\n"
                "connection: keep-alive\r\n"
                "Authorization: Bearer secret\r\n"
                "content-type: multipart/form-data; boundary=----formdata-undici-027724520315\r\n"
                "content-length: 171\r\n"
                "\r\n"),
        "/client/v4/accounts/a/storage/kv/namespaces/ns/values/"
        "a%2Fb%20c%2520%C3%A9%3Fx=1&y%23z+:@!$'()*;,=%5B%5D",
        "expiration_ttl=60");
    assert_int_equal(request.method, HTTP_PUT);
    assert_int_equal(request.header_count, 5);
    assert_int_equal(request.content_length, 171);
    assert_true(request.keeps_alive);
    assert_false(request.is_1_0);
    expect_header("Content-Type", "multipart/form-data; boundary=----formdata-undici-027724520315");
    expect_header("AUTHORIZATION", "Bearer secret");
}

static void the_bindings_requests_are_read(void **state)
{
    (void)state;
    expect_target(LITERAL("GET /a%2Fb%20c%2520%C3%A9%3Fx=1&y%23z+:@!$'()*;,=[]~|%22%3C%3E%5C^%60%7B"
                          "%7D?urlencoded=true&cache_ttl=60 HTTP/1.1\r\n"
                          "Host: fake-host\r\n"
                          "CF-KV-FLPROD-405: https://fake-host/a%2Fb?urlencoded=true\r\n"
                          "X-KV-Namespace: 0f2ac74b498b48028cb68387c421e279\r\n\r\n"),
                  "/a%2Fb%20c%2520%C3%A9%3Fx=1&y%23z+:@!$'()*;,=[]~|%22%3C%3E%5C^%60%7B%7D",
                  "urlencoded=true&cache_ttl=60");
    assert_int_equal(request.content_length, 0);
    expect_header("x-kv-namespace", "0f2ac74b498b48028cb68387c421e279");

    expect_target(LITERAL("PUT /k?urlencoded=true HTTP/1.1\r\n"
                          "Host: fake-host\r\n"
                          "CF-KV-Metadata: {\"a\":\"\xc3\xa9\x7f\"}\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n"),
                  "/k", "urlencoded=true");
    assert_true(request.is_chunked);
    expect_header("cf-kv-metadata", "{\"a\":\"\xc3\xa9\x7f\"}");

    expect_target(
        LITERAL("DELETE /x?urlencoded=true HTTP/1.1\r\nContent-Length: 0\r\nHost: h\r\n\r\n"), "/x",
        "urlencoded=true");
    assert_int_equal(request.method, HTTP_DELETE);
    expect_target(
        LITERAL("GET /?key_count_limit=3&prefix=p%2F%C3%A9+%26%3D%2B%25 HTTP/1.1\r\n\r\n"), "/",
        "key_count_limit=3&prefix=p%2F%C3%A9+%26%3D%2B%25");
    expect_target(LITERAL("POST /bulk/get HTTP/1.1\r\nContent-Type: application/json\r\n"
                          "Content-Length: 18\r\n\r\n"),
                  "/bulk/get", "");
    assert_int_equal(request.method, HTTP_POST);
}

/* --- the request line --- */

static void methods_are_told_apart_by_their_exact_letters(void **state)
{
    static const struct {
        const char *head;
        enum http_method method;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", HTTP_GET},
        {"HEAD / HTTP/1.1\r\n\r\n", HTTP_HEAD},
        {"POST / HTTP/1.1\r\n\r\n", HTTP_POST},
        {"PUT / HTTP/1.1\r\n\r\n", HTTP_PUT},
        {"DELETE / HTTP/1.1\r\n\r\n", HTTP_DELETE},
        {"get / HTTP/1.1\r\n\r\n", HTTP_METHOD_OTHER},
        {"G / HTTP/1.1\r\n\r\n", HTTP_METHOD_OTHER},
        {"GETS / HTTP/1.1\r\n\r\n", HTTP_METHOD_OTHER},
        {"PATCH / HTTP/1.1\r\n\r\n", HTTP_METHOD_OTHER},
        {"M-SEARCH!#$%&'*+.^_`|~09 / HTTP/1.1\r\n\r\n", HTTP_METHOD_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect(bytes_of(rows[i].head), HTTP_PARSE_DONE);
        assert_int_equal(request.method, rows[i].method);
    }
}

static void a_request_line_has_three_words_with_a_blank_between(void **state)
{
    static const char *const lines[] = {
        "GET",
        "GET ",
        "GET /",
        "GET / ",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET\t/ HTTP/1.1",
        "GET /a b HTTP/1.1",
        " GET / HTTP/1.1",
        "G\"T / HTTP/1.1",
        "G(T / HTTP/1.1",
        "G:T / HTTP/1.1",
        "G{T / HTTP/1.1",
        "G[T / HTTP/1.1",
        "{ / HTTP/1.1",
        "[ / HTTP/1.1",
        "G\x80T / HTTP/1.1",
        "GET  HTTP/1.1",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct buffer head = {0};

        buffer_append_text(&head, lines[i]);
        buffer_append_text(&head, "\r\n\r\n");
        expect(buffer_view(&head), HTTP_PARSE_BAD);
        buffer_clear(&head);
    }
}

static void a_target_has_no_control_characters(void **state)
{
    (void)state;
    expect(LINE("GET /\0 HTTP/1.1"), HTTP_PARSE_BAD);
    expect(LINE("GET /\r HTTP/1.1"), HTTP_PARSE_BAD);
    expect(LINE("GET /\x01 HTTP/1.1"), HTTP_PARSE_BAD);
    expect(LINE("GET /\x7f HTTP/1.1"), HTTP_PARSE_BAD);
    expect_target(LINE("GET /\xc3\xa9#\" HTTP/1.1"), "/\xc3\xa9#\"", "");
}

static void a_target_begins_with_a_slash_or_is_absolute(void **state)
{
    (void)state;
    expect(LINE("GET a HTTP/1.1"), HTTP_PARSE_BAD);
    expect(LINE("GET ?a HTTP/1.1"), HTTP_PARSE_BAD);
    expect(LINE("OPTIONS * HTTP/1.1"), HTTP_PARSE_BAD);
    expect(LINE("CONNECT host:443 HTTP/1.1"), HTTP_PARSE_BAD);
    expect(LINE("GET ftp://host/ HTTP/1.1"), HTTP_PARSE_BAD);
    expect(LINE("GET http:/host/ HTTP/1.1"), HTTP_PARSE_BAD);
}

static void an_absolute_target_loses_its_scheme_and_host(void **state)
{
    (void)state;
    expect_target(LINE("GET http://fake-host/a%2Fb?urlencoded=true HTTP/1.1"), "/a%2Fb",
                  "urlencoded=true");
    expect_target(LINE("GET https://[::1]:8080/x HTTP/1.1"), "/x", "");
    expect_target(LINE("GET HTTP://host/http://other/ HTTP/1.1"), "/http://other/", "");
}

static void an_absolute_target_may_have_no_path(void **state)
{
    (void)state;
    expect_target(LINE("GET http://host HTTP/1.1"), "/", "");
    expect_target(LINE("GET https://fake-host?key_count_limit=3 HTTP/1.1"), "/",
                  "key_count_limit=3");
    expect_target(LINE("GET http://host? HTTP/1.1"), "/", "");
}

static void the_query_begins_at_the_first_question_mark(void **state)
{
    (void)state;
    expect_target(LINE("GET /a?b?c=/d HTTP/1.1"), "/a", "b?c=/d");
    expect_target(LINE("GET /a? HTTP/1.1"), "/a", "");
    expect_target(LINE("GET //a//../ HTTP/1.1"), "//a//../", "");
}

static void versions_1_0_and_1_1_are_spoken(void **state)
{
    (void)state;
    expect(LINE("GET / HTTP/1.0"), HTTP_PARSE_DONE);
    assert_true(request.is_1_0);
    expect(LINE("GET / HTTP/1.1"), HTTP_PARSE_DONE);
    assert_false(request.is_1_0);
    expect(LINE("GET / HTTP/1.2"), HTTP_PARSE_VERSION);
    expect(LINE("GET / HTTP/0.9"), HTTP_PARSE_VERSION);
    expect(LINE("GET / HTTP/2.0"), HTTP_PARSE_VERSION);
    expect(LINE("PRI * HTTP/2.0"), HTTP_PARSE_VERSION);
}

static void what_is_no_version_is_bad(void **state)
{
    (void)state;
    expect(LINE("GET / HTTP/1"), HTTP_PARSE_BAD);
    expect(LINE("GET / HTTP/1.10"), HTTP_PARSE_BAD);
    expect(LINE("GET / HTTP/x.1"), HTTP_PARSE_BAD);
    expect(LINE("GET / HTTP/1.x"), HTTP_PARSE_BAD);
    expect(LINE("GET / HTTP/1,1"), HTTP_PARSE_BAD);
    expect(LINE("GET / http/1.1"), HTTP_PARSE_BAD);
    expect(LINE("GET / RTSP/1.1"), HTTP_PARSE_BAD);
}

/* --- lines --- */

static void lines_end_in_cr_lf(void **state)
{
    (void)state;
    expect(LITERAL("GET / HTTP/1.1\n\n"), HTTP_PARSE_BAD);
    expect(LITERAL("GET / HTTP/1.1\r\nA: b\n\r\n"), HTTP_PARSE_BAD);
    expect(LITERAL("GET / HTTP/1.1\r\nA: b\r\n\n"), HTTP_PARSE_BAD);
    expect(LITERAL("GET / HTTP/1.1\r\r\n\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("A: b\rC: d\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("A: b\r\r\n"), HTTP_PARSE_BAD);
}

static void a_bare_lf_is_refused_before_the_head_ends(void **state)
{
    (void)state;
    expect(LITERAL("GET / HTTP/1.1\n"), HTTP_PARSE_BAD);
    expect(LITERAL("GET / HTTP/1.1\r\nA: b\n"), HTTP_PARSE_BAD);
}

static void what_begins_no_method_is_refused_at_once(void **state)
{
    (void)state;
    expect(LITERAL("\x16\x03\x01"), HTTP_PARSE_BAD);
    expect(LITERAL("*1\r\n$4\r\nPING\r\n"), HTTP_PARSE_BAD);
    expect(LITERAL("\n"), HTTP_PARSE_BAD);
    expect(LITERAL("\0"), HTTP_PARSE_BAD);
    expect(LITERAL("\rG"), HTTP_PARSE_BAD);
}

static void an_unfinished_head_wants_more(void **state)
{
    (void)state;
    expect(LITERAL(""), HTTP_PARSE_MORE);
    expect(LITERAL("G"), HTTP_PARSE_MORE);
    expect(LITERAL("GET / HTTP/1.1\r\nHost: a\r\n"), HTTP_PARSE_MORE);
    expect(LITERAL("GET / HTTP/1.1\r\nHost: a\r\n\r"), HTTP_PARSE_MORE);
    expect(LITERAL("\r\n\r"), HTTP_PARSE_MORE);
}

static void a_few_empty_lines_may_come_first(void **state)
{
    (void)state;
    expect(LITERAL("\r\nGET / HTTP/1.1\r\n\r\n"), HTTP_PARSE_DONE);
    expect(LITERAL("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nA: b\r\n\r\n"),
           HTTP_PARSE_DONE);
    expect_header("a", "b");
    expect(LITERAL("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n"), HTTP_PARSE_BAD);
    expect(LITERAL("\nGET / HTTP/1.1\r\n\r\n"), HTTP_PARSE_BAD);
}

static void what_follows_the_head_is_left_alone(void **state)
{
    size_t head = 0;

    (void)state;
    assert_int_equal(
        parse_all(LITERAL("PUT /k HTTP/1.1\r\nContent-Length: 4\r\n\r\n\r\n\n\0GET"), &head),
        HTTP_PARSE_DONE);
    assert_int_equal(head, strlen("PUT /k HTTP/1.1\r\nContent-Length: 4\r\n\r\n"));
    assert_int_equal(request.content_length, 4);
}

/* --- headers --- */

static void a_value_loses_the_blanks_around_it(void **state)
{
    (void)state;
    expect(HEAD("a:b\r\nC: \t d e\t\r\nEmpty:\r\nBlank: \t \r\nColon: x:y\r\n"), HTTP_PARSE_DONE);
    assert_int_equal(request.header_count, 5);
    expect_header("A", "b");
    expect_header("c", "d e");
    expect_header("empty", "");
    expect_header("blank", "");
    expect_header("colon", "x:y");
}

static void the_first_header_of_a_name_is_found(void **state)
{
    struct bytes value;

    (void)state;
    expect(HEAD("aa: 1\r\nA: 2\r\na: 3\r\n"), HTTP_PARSE_DONE);
    expect_header("A", "2");
    expect_header("Aa", "1");
    assert_false(http_request_header(&request, "aaa", &value));
    assert_false(http_request_header(&request, "", &value));
}

static void a_header_is_a_name_a_colon_and_a_value(void **state)
{
    (void)state;
    expect(HEAD("a\r\n"), HTTP_PARSE_BAD);
    expect(HEAD(": a\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("a : b\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("a\t: b\r\n"), HTTP_PARSE_BAD);
    expect(HEAD(" a: b\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("a b: c\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("a\xc3\xa9: c\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("(a): c\r\n"), HTTP_PARSE_BAD);
}

static void a_folded_line_is_refused(void **state)
{
    (void)state;
    expect(HEAD("a: b\r\n c\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("a: b\r\n\tc: d\r\n"), HTTP_PARSE_BAD);
    expect(LITERAL("GET / HTTP/1.1\r\n a: b\r\n\r\n"), HTTP_PARSE_BAD);
}

static void a_header_has_no_control_characters(void **state)
{
    (void)state;
    expect(HEAD("a: b\0c\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("a: b\x1f\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("a\0: b\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("a: b\tc\x7f\xff\x80\r\n"), HTTP_PARSE_DONE);
}

/* --- where the body ends --- */

static void a_content_length_is_a_number(void **state)
{
    (void)state;
    expect(HEAD("Content-Length: 9223372036854775807\r\n"), HTTP_PARSE_DONE);
    assert_int_equal(request.content_length, INT64_MAX);
    expect(HEAD("CONTENT-LENGTH:0\r\n"), HTTP_PARSE_DONE);
    assert_int_equal(request.content_length, 0);
    expect(HEAD("Content-Length: 9223372036854775808\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("Content-Length: -1\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("Content-Length: -0\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("Content-Length: +1\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("Content-Length: 010\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("Content-Length: 0x10\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("Content-Length: 1 0\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("Content-Length: 1.0\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("Content-Length:\r\n"), HTTP_PARSE_BAD);
}

static void two_content_lengths_must_say_the_same(void **state)
{
    (void)state;
    expect(HEAD("Content-Length: 5\r\ncontent-length: 5\r\n"), HTTP_PARSE_DONE);
    assert_int_equal(request.content_length, 5);
    expect(HEAD("Content-Length: 5\r\nContent-Length: 6\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("Content-Length: 0\r\nContent-Length: 6\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("Content-Length: 5, 5\r\n"), HTTP_PARSE_BAD);
}

static void a_length_beside_a_coding_is_refused(void **state)
{
    (void)state;
    expect(HEAD("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("Transfer-Encoding: gzip\r\nContent-Length: 0\r\n"), HTTP_PARSE_BAD);
}

static void chunked_is_the_only_coding(void **state)
{
    static const char *const codings[] = {"gzip",
                                          "gzip, chunked",
                                          "chunked, gzip",
                                          "identity",
                                          "xchunked",
                                          "chunkedx",
                                          "\"chunked\"",
                                          "",
                                          "chunked, chunked"};

    (void)state;
    expect(HEAD("Transfer-Encoding: CHUNKED\r\n"), HTTP_PARSE_DONE);
    assert_true(request.is_chunked);
    expect(HEAD("Transfer-Encodings: x\r\n"), HTTP_PARSE_DONE);
    assert_false(request.is_chunked);
    for (size_t i = 0; i < COUNT_OF(codings); i++) {
        struct buffer head = {0};

        buffer_printf(&head, "PUT / HTTP/1.1\r\ntransfer-encoding: %s\r\n\r\n", codings[i]);
        expect(buffer_view(&head), HTTP_PARSE_CODING);
        buffer_clear(&head);
    }
    expect(HEAD("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), HTTP_PARSE_CODING);
    expect(HEAD("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), HTTP_PARSE_CODING);
    expect(HEAD("Transfer-Encoding : chunked\r\n"), HTTP_PARSE_BAD);
    expect(HEAD("Transfer-Encoding: \x0b"
                "chunked\r\n"),
           HTTP_PARSE_BAD);
}

static void http_1_0_has_no_coding(void **state)
{
    (void)state;
    expect(LITERAL("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), HTTP_PARSE_BAD);
}

/* --- the connection --- */

static void expect_keeps_alive(struct bytes head, bool keeps_alive)
{
    expect(head, HTTP_PARSE_DONE);
    assert_int_equal(request.keeps_alive, keeps_alive);
}

static void http_1_1_keeps_alive_unless_told_to_close(void **state)
{
    (void)state;
    expect_keeps_alive(HEAD(""), true);
    expect_keeps_alive(HEAD("Connection: close\r\n"), false);
    expect_keeps_alive(HEAD("connection: Close\r\n"), false);
    expect_keeps_alive(HEAD("Connection: keep-alive, TE ,close\r\n"), false);
    expect_keeps_alive(HEAD("Connection: close\r\nConnection: keep-alive\r\n"), false);
    expect_keeps_alive(HEAD("Connection: ,closed,,not close\r\n"), true);
}

static void http_1_0_closes_unless_told_to_keep_alive(void **state)
{
    (void)state;
    expect_keeps_alive(LITERAL("GET / HTTP/1.0\r\n\r\n"), false);
    expect_keeps_alive(LITERAL("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), true);
    expect_keeps_alive(LITERAL("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"), false);
    expect_keeps_alive(LITERAL("GET / HTTP/1.0\r\nConnection: x\r\n\r\n"), false);
}

static void a_client_of_1_1_may_expect_continue(void **state)
{
    (void)state;
    expect(HEAD(""), HTTP_PARSE_DONE);
    assert_false(request.expects_continue);
    expect(HEAD("Expect: 100-Continue\r\n"), HTTP_PARSE_DONE);
    assert_true(request.expects_continue);
    expect(HEAD("Expect: 200-ok\r\n"), HTTP_PARSE_DONE);
    assert_false(request.expects_continue);
    expect(LITERAL("PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), HTTP_PARSE_DONE);
    assert_false(request.expects_continue);
}

/* --- limits --- */

/* A head of `size` bytes, most of them in the target or in a header. */
static struct buffer long_head(const char *front, size_t size, const char *back)
{
    struct buffer head = {0};
    size_t fill = size - strlen(front) - strlen(back);

    buffer_append_text(&head, front);
    memset(buffer_reserve(&head, fill), 'x', fill);
    head.size += fill;
    buffer_append_text(&head, back);
    return head;
}

/* Every cut would take too long: some of them. */
static void expect_long(struct buffer head, enum http_parse expected)
{
    static const size_t steps[] = {1000, 4096, HTTP_HEAD_MAX - 1, HTTP_HEAD_MAX, HTTP_HEAD_MAX * 2};
    size_t size = 0;

    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        assert_int_equal(parse_cut(buffer_view(&head), 0, steps[i], &size), expected);
        if (expected == HTTP_PARSE_DONE)
            assert_int_equal(size, head.size);
    }
    buffer_clear(&head);
}

static void a_head_may_be_64_kib(void **state)
{
    (void)state;
    expect_long(long_head("GET /", HTTP_HEAD_MAX, " HTTP/1.1\r\n\r\n"), HTTP_PARSE_DONE);
    expect_long(long_head("GET / HTTP/1.1\r\na: ", HTTP_HEAD_MAX, "\r\n\r\n"), HTTP_PARSE_DONE);
    expect_long(long_head("GET / HTTP/1.1\r\na: ", HTTP_HEAD_MAX + 1, "\r\n\r\n"),
                HTTP_PARSE_TOO_LONG);
    expect_long(long_head("GET / HTTP/1.1\r\na: ", HTTP_HEAD_MAX - 1, ""), HTTP_PARSE_MORE);
    expect_long(long_head("GET / HTTP/1.1\r\na: ", HTTP_HEAD_MAX, ""), HTTP_PARSE_TOO_LONG);
}

static void empty_lines_in_front_do_not_count(void **state)
{
    (void)state;
    expect_long(long_head("\r\n\r\nGET /", HTTP_HEAD_MAX + 4, " HTTP/1.1\r\n\r\n"),
                HTTP_PARSE_DONE);
}

static void a_first_line_without_end_is_a_target_too_long(void **state)
{
    (void)state;
    expect_long(long_head("GET /", HTTP_HEAD_MAX, ""), HTTP_PARSE_TARGET_TOO_LONG);
    expect_long(long_head("GET /", HTTP_HEAD_MAX + 100, " HTTP/1.1\r\n\r\n"),
                HTTP_PARSE_TARGET_TOO_LONG);
    expect_long(long_head("GET /", HTTP_HEAD_MAX - 1, ""), HTTP_PARSE_MORE);
}

static void there_may_be_64_headers(void **state)
{
    struct buffer head = {0};

    (void)state;
    buffer_append_text(&head, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < HTTP_HEADERS_MAX; i++)
        buffer_printf(&head, "a%d: %d\r\n", i, i);
    buffer_append_text(&head, "\r\n");
    expect(buffer_view(&head), HTTP_PARSE_DONE);
    expect_header("a63", "63");
    head.size -= 2;
    buffer_append_text(&head, "b: c\r\n\r\n");
    expect(buffer_view(&head), HTTP_PARSE_TOO_LONG);
    buffer_clear(&head);
}

/* --- what callers lean on --- */

static void views_point_into_the_head(void **state)
{
    static const char text[] = "GET http://host?q HTTP/1.1\r\nA: b\r\n\r\n";
    size_t scanned = 0, size = 0;

    (void)state;
    assert_int_equal(http_request_parse(&request, LITERAL(text), &scanned, &size), HTTP_PARSE_DONE);
    assert_true(request.path.data >= text && request.path.data < text + size);
    assert_ptr_equal(request.query.data, strchr(text, 'q'));
    assert_ptr_equal(request.headers[0].name.data, strchr(text, 'A'));
    assert_ptr_equal(request.headers[0].value.data, strchr(text, 'b'));
}

static void nothing_of_an_earlier_request_stays(void **state)
{
    struct bytes value;

    (void)state;
    expect(HEAD("Content-Length: 7\r\nExpect: 100-continue\r\nConnection: close\r\n"),
           HTTP_PARSE_DONE);
    expect(LINE("PUT /a?b HTTP/1.0"), HTTP_PARSE_DONE);
    expect(HEAD("Transfer-Encoding: chunked\r\n"), HTTP_PARSE_DONE);
    expect(HEAD(""), HTTP_PARSE_DONE);
    assert_int_equal(request.method, HTTP_GET);
    assert_int_equal(request.query.size, 0);
    assert_int_equal(request.header_count, 0);
    assert_false(http_request_header(&request, "transfer-encoding", &value));
    assert_int_equal(request.content_length, 0);
    assert_false(request.is_chunked);
    assert_false(request.expects_continue);
    assert_false(request.is_1_0);
    assert_true(request.keeps_alive);
}

/* What earlier calls looked at is not looked at again: else its bare LF would be seen. */
static void what_was_scanned_is_not_read_anew(void **state)
{
    char text[] = "GET / HTTP/1.1\r\nA: bbbb";
    size_t scanned = 0, size;

    (void)state;
    assert_int_equal(http_request_parse(&request, LITERAL(text), &scanned, &size), HTTP_PARSE_MORE);
    assert_int_equal(scanned, sizeof text - 1);
    text[sizeof text - 3] = '\n';
    assert_int_equal(http_request_parse(&request, LITERAL(text), &scanned, &size), HTTP_PARSE_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_of_the_sdk_is_read),
        cmocka_unit_test(the_bindings_requests_are_read),
        cmocka_unit_test(methods_are_told_apart_by_their_exact_letters),
        cmocka_unit_test(a_request_line_has_three_words_with_a_blank_between),
        cmocka_unit_test(a_target_has_no_control_characters),
        cmocka_unit_test(a_target_begins_with_a_slash_or_is_absolute),
        cmocka_unit_test(an_absolute_target_loses_its_scheme_and_host),
        cmocka_unit_test(an_absolute_target_may_have_no_path),
        cmocka_unit_test(the_query_begins_at_the_first_question_mark),
        cmocka_unit_test(versions_1_0_and_1_1_are_spoken),
        cmocka_unit_test(what_is_no_version_is_bad),
        cmocka_unit_test(lines_end_in_cr_lf),
        cmocka_unit_test(a_bare_lf_is_refused_before_the_head_ends),
        cmocka_unit_test(what_begins_no_method_is_refused_at_once),
        cmocka_unit_test(an_unfinished_head_wants_more),
        cmocka_unit_test(a_few_empty_lines_may_come_first),
        cmocka_unit_test(what_follows_the_head_is_left_alone),
        cmocka_unit_test(a_value_loses_the_blanks_around_it),
        cmocka_unit_test(the_first_header_of_a_name_is_found),
        cmocka_unit_test(a_header_is_a_name_a_colon_and_a_value),
        cmocka_unit_test(a_folded_line_is_refused),
        cmocka_unit_test(a_header_has_no_control_characters),
        cmocka_unit_test(a_content_length_is_a_number),
        cmocka_unit_test(two_content_lengths_must_say_the_same),
        cmocka_unit_test(a_length_beside_a_coding_is_refused),
        cmocka_unit_test(chunked_is_the_only_coding),
        cmocka_unit_test(http_1_0_has_no_coding),
        cmocka_unit_test(http_1_1_keeps_alive_unless_told_to_close),
        cmocka_unit_test(http_1_0_closes_unless_told_to_keep_alive),
        cmocka_unit_test(a_client_of_1_1_may_expect_continue),
        cmocka_unit_test(a_head_may_be_64_kib),
        cmocka_unit_test(empty_lines_in_front_do_not_count),
        cmocka_unit_test(a_first_line_without_end_is_a_target_too_long),
        cmocka_unit_test(there_may_be_64_headers),
        cmocka_unit_test(views_point_into_the_head),
        cmocka_unit_test(nothing_of_an_earlier_request_stays),
        cmocka_unit_test(what_was_scanned_is_not_read_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
