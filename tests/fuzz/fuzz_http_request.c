/* fuzz_http_request.c - however a connection's bytes are cut, the same requests and bodies are
 * read; all that is found lies within what came; and reading gets on or says that it can't.
 *
 * The first byte of an input seeds the cuts; the rest are requests, one behind the other. */
#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "fuzz/target.h"
#include "http/chunks.h"
#include "http/request.h"

/* What was heard of a connection, mixed; the bytes of a body as one, however they came. */
struct heard {
    uint64_t sum;
    uint64_t body_bytes;
};

struct connection {
    struct bytes input;
    size_t at, there; /* so much is read, and so much has come */
    struct random *random;
    struct heard heard;
};

static void mix(struct heard *heard, uint64_t value)
{
    heard->sum = heard->sum * 31 + value;
}

static void mix_view(struct heard *heard, struct bytes view, struct bytes inside)
{
    assert(view.data >= inside.data && view.data + view.size <= inside.data + inside.size);
    mix(heard, view.size == 0 ? 1 : hash_content(view));
}

/* More comes; false at the end. */
static bool receive(struct connection *connection)
{
    size_t left = connection->input.size - connection->there;

    if (left == 0)
        return false;
    connection->there +=
        connection->random == NULL
            ? left
            : 1 + random_below(connection->random, 1 + random_below(connection->random, left));
    return true;
}

/* What has come, in memory of its own: a sanitizer sees a look beyond it. */
static char *copy_of(const struct connection *connection, struct bytes *data)
{
    size_t size = connection->there - connection->at;
    char *copy = xmalloc(size + (size == 0));

    memcpy(copy, connection->input.data + connection->at, size);
    *data = (struct bytes){copy, size};
    return copy;
}

static void hear_request(struct heard *heard, const struct http_request *request,
                         struct bytes inside)
{
    assert(request->path.size > 0 && request->path.data[0] == '/');
    assert(request->header_count <= HTTP_HEADERS_MAX && request->content_length >= 0);
    assert(!request->is_1_0 || (!request->is_chunked && !request->expects_continue));
    mix(heard, request->method);
    mix(heard, (uint64_t)request->content_length);
    mix(heard, request->is_chunked + 2U * request->keeps_alive + 4U * request->expects_continue +
                   8U * request->is_1_0);
    mix_view(heard, request->path, inside);
    mix_view(heard, request->query, inside);
    for (size_t i = 0; i < request->header_count; i++) {
        struct bytes value, name = request->headers[i].name;

        assert(name.size > 0);
        assert(memchr(request->headers[i].value.data, '\r', request->headers[i].value.size) ==
               NULL);
        mix_view(heard, name, inside);
        mix_view(heard, request->headers[i].value, inside);
        assert(http_request_header(request, "a", &value) || name.size != 1 || name.data[0] != 'a');
    }
}

static enum http_parse read_head(struct connection *connection, bool *is_chunked)
{
    struct http_request request;
    size_t scanned = 0, size = 0;
    enum http_parse parse;

    do {
        struct bytes data;
        char *copy = copy_of(connection, &data);

        parse = http_request_parse(&request, data, &scanned, &size);
        if (parse == HTTP_PARSE_DONE) {
            assert(size <= data.size && size <= HTTP_HEAD_MAX + 100);
            hear_request(&connection->heard, &request, (struct bytes){data.data, size});
        }
        free(copy);
    } while (parse == HTTP_PARSE_MORE && receive(connection));
    mix(&connection->heard, parse);
    *is_chunked = parse == HTTP_PARSE_DONE && request.is_chunked;
    connection->at += parse == HTTP_PARSE_DONE ? size : 0;
    return parse;
}

static enum chunk_event read_chunks(struct connection *connection)
{
    struct chunk_reader reader = {0};
    enum chunk_event event;

    do {
        struct bytes data, rest, part;
        char *copy = copy_of(connection, &data);

        rest = data;
        while ((event = chunk_reader_next(&reader, &rest, &part)) == CHUNK_DATA) {
            assert(part.size > 0 && part.data >= data.data && part.data + part.size == rest.data);
            for (size_t i = 0; i < part.size; i++)
                mix(&connection->heard, (unsigned char)part.data[i]);
            connection->heard.body_bytes += part.size;
        }
        assert(event != CHUNK_MORE || rest.size == 0);
        connection->at += data.size - rest.size;
        free(copy);
    } while (event == CHUNK_MORE && receive(connection));
    mix(&connection->heard, event);
    return event;
}

static struct heard read_all(struct bytes input, struct random *random)
{
    struct connection connection = {.input = input, .random = random};
    bool is_chunked;

    while (read_head(&connection, &is_chunked) == HTTP_PARSE_DONE)
        if (is_chunked && read_chunks(&connection) != CHUNK_END)
            break;
    return connection.heard;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct random random;
    struct bytes input;
    struct heard whole;

    if (size < 2)
        return 0;
    random = (struct random){data[0]};
    input = (struct bytes){(const char *)data + 1, size - 1};
    whole = read_all(input, NULL);
    for (int i = 0; i < 4; i++) {
        struct heard cut = read_all(input, &random);

        assert(cut.sum == whole.sum && cut.body_bytes == whole.body_bytes);
    }
    return 0;
}
