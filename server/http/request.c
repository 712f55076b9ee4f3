#include "http/request.h"

/* The head's end is looked for first, from one LF to the next.  Only a whole head is read, once,
 * so what is wrong in it comes out the same however it was cut; what no head could become is
 * refused before: a first byte that begins no method, and a line that ends in a bare LF. */

#define EMPTY_LINES_MAX 8 /* some clients end a body with a superfluous CR LF */

/* What decides where the body ends, and whether another request may follow. */
struct framing {
    bool has_length, has_coding, is_coding_unknown;
    bool says_close, says_keep_alive;
};

static bool is_letter(char byte)
{
    return (unsigned char)((byte | 0x20) - 'a') < 26;
}

/* Of a "token" (RFC 9110, section 5.6.2). */
static bool is_token_byte(char byte)
{
    if (is_letter(byte) || byte == '-' || (unsigned char)(byte - '0') < 10)
        return true;
    return byte != '\0' && strchr("!#$%&'*+.^_`|~", byte) != NULL;
}

static bool is_token(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_token_byte(text.data[i]))
            return false;
    return text.size > 0;
}

/* Cuts off what stands in front of `separator`, and that; false if it is nowhere. */
static bool cut(struct bytes *rest, char separator, struct bytes *part)
{
    const char *found = rest->size == 0 ? NULL : memchr(rest->data, separator, rest->size);

    if (found == NULL)
        return false;
    *part = (struct bytes){rest->data, (size_t)(found - rest->data)};
    *rest = (struct bytes){found + 1, rest->size - part->size - 1};
    return true;
}

/* --- the request line --- */

static enum http_method method_of(struct bytes name)
{
    static const struct {
        struct bytes name;
        enum http_method method;
    } rows[] = {{{"GET", 3}, HTTP_GET},
                {{"PUT", 3}, HTTP_PUT},
                {{"HEAD", 4}, HTTP_HEAD},
                {{"POST", 4}, HTTP_POST},
                {{"DELETE", 6}, HTTP_DELETE}};

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (bytes_equal(name, rows[i].name))
            return rows[i].method;
    return HTTP_METHOD_OTHER;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static enum http_parse read_version(struct http_request *request, struct bytes version)
{
    const char *text = version.data;

    if (version.size != strlen("HTTP/1.1") || memcmp(text, "HTTP/", 5) != 0 || !is_digit(text[5]) ||
        text[6] != '.' || !is_digit(text[7]))
        return HTTP_PARSE_BAD;
    if (text[5] != '1' || text[7] > '1')
        return HTTP_PARSE_VERSION;
    request->is_1_0 = text[7] == '0';
    return HTTP_PARSE_DONE;
}

/* Takes scheme and host from the front of an absolute target; the rest may be empty, or begin with
 * the query. */
static bool cut_origin(struct bytes *target, const char *scheme)
{
    size_t size = strlen(scheme);

    if (target->size < size || !bytes_is_word((struct bytes){target->data, size}, scheme))
        return false;
    *target = (struct bytes){target->data + size, target->size - size};
    while (target->size > 0 && target->data[0] != '/' && target->data[0] != '?')
        *target = (struct bytes){target->data + 1, target->size - 1};
    return true;
}

static enum http_parse read_target(struct http_request *request, struct bytes target)
{
    const char *slash = target.data + strlen("http:/"); /* of an absolute one, if it has no path */

    for (size_t i = 0; i < target.size; i++)
        if ((unsigned char)target.data[i] <= ' ' || target.data[i] == '\x7f')
            return HTTP_PARSE_BAD;
    if ((target.size == 0 || target.data[0] != '/') && !cut_origin(&target, "http://") &&
        !cut_origin(&target, "https://"))
        return HTTP_PARSE_BAD;
    request->query = (struct bytes){target.data + target.size, 0};
    request->path = target;
    if (cut(&target, '?', &request->path))
        request->query = target;
    if (request->path.size == 0)
        request->path = (struct bytes){slash, 1};
    return HTTP_PARSE_DONE;
}

static enum http_parse read_request_line(struct http_request *request, struct bytes line)
{
    struct bytes method, target;
    enum http_parse parse;

    if (!cut(&line, ' ', &method) || !is_token(method) || !cut(&line, ' ', &target))
        return HTTP_PARSE_BAD;
    request->method = method_of(method);
    parse = read_version(request, line);
    return parse == HTTP_PARSE_DONE ? read_target(request, target) : parse;
}

/* --- headers --- */

static enum http_parse read_length(struct http_request *request, struct framing *framing,
                                   struct bytes value)
{
    int64_t length;

    if (!bytes_to_int64(value, &length) || length < 0 ||
        (framing->has_length && length != request->content_length))
        return HTTP_PARSE_BAD;
    framing->has_length = true;
    request->content_length = length;
    return HTTP_PARSE_DONE;
}

/* Chunked twice, by one header or by two, is no coding that there is. */
static enum http_parse read_coding(struct http_request *request, struct framing *framing,
                                   struct bytes value)
{
    (void)request;
    framing->is_coding_unknown = framing->has_coding || !bytes_is_word(value, "chunked");
    framing->has_coding = true;
    return HTTP_PARSE_DONE;
}

static enum http_parse read_connection(struct http_request *request, struct framing *framing,
                                       struct bytes value)
{
    struct bytes option;
    bool is_last;

    (void)request;
    do {
        is_last = !cut(&value, ',', &option);
        option = bytes_trim(is_last ? value : option);
        framing->says_close |= bytes_is_word(option, "close");
        framing->says_keep_alive |= bytes_is_word(option, "keep-alive");
    } while (!is_last);
    return HTTP_PARSE_DONE;
}

static enum http_parse read_expect(struct http_request *request, struct framing *framing,
                                   struct bytes value)
{
    (void)framing;
    request->expects_continue |= bytes_is_word(value, "100-continue");
    return HTTP_PARSE_DONE;
}

static enum http_parse understand_header(struct http_request *request, struct framing *framing,
                                         const struct http_header *header)
{
    static const struct {
        const char *name;
        size_t size; /* rules most headers out without a look at their letters */
        enum http_parse (*read)(struct http_request *request, struct framing *framing,
                                struct bytes value);
    } rows[] = {{"content-length", 14, read_length},
                {"transfer-encoding", 17, read_coding},
                {"connection", 10, read_connection},
                {"expect", 6, read_expect}};

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (header->name.size == rows[i].size && bytes_is_word(header->name, rows[i].name))
            return rows[i].read(request, framing, header->value);
    return HTTP_PARSE_DONE;
}

/* A folded line begins with a blank, which no name does. */
static enum http_parse read_header(struct http_request *request, struct framing *framing,
                                   struct bytes line)
{
    struct http_header *header = &request->headers[request->header_count];

    if (request->header_count == HTTP_HEADERS_MAX)
        return HTTP_PARSE_TOO_LONG;
    if (!cut(&line, ':', &header->name) || !is_token(header->name))
        return HTTP_PARSE_BAD;
    for (size_t i = 0; i < line.size; i++)
        if ((unsigned char)line.data[i] < ' ' && line.data[i] != '\t')
            return HTTP_PARSE_BAD;
    header->value = bytes_trim(line);
    request->header_count++;
    return understand_header(request, framing, header);
}

/* A message whose end two readers could see in different places is not guessed at. */
static enum http_parse conclude(struct http_request *request, const struct framing *framing)
{
    if (framing->has_coding && (framing->has_length || request->is_1_0))
        return HTTP_PARSE_BAD;
    if (framing->is_coding_unknown)
        return HTTP_PARSE_CODING;
    request->is_chunked = framing->has_coding;
    request->keeps_alive = !framing->says_close && (framing->says_keep_alive || !request->is_1_0);
    request->expects_continue &= !request->is_1_0;
    return HTTP_PARSE_DONE;
}

/* --- the head --- */

static struct bytes next_line(struct bytes *head)
{
    struct bytes line = {NULL, 0};
    bool has_line = cut(head, '\n', &line);

    if (has_line)
        line.size--; /* the CR */
    return line;
}

/* `head` begins with the request line and ends with the empty one. */
static enum http_parse read_head(struct http_request *request, struct bytes head)
{
    struct framing framing = {.has_length = false};
    struct bytes line = next_line(&head);
    enum http_parse parse;

    request->header_count = 0;
    request->content_length = 0;
    request->expects_continue = false;
    parse = read_request_line(request, line);
    while (parse == HTTP_PARSE_DONE && (line = next_line(&head)).size > 0)
        parse = read_header(request, &framing, line);
    return parse == HTTP_PARSE_DONE ? conclude(request, &framing) : parse;
}

/* DONE: the first line that is not empty begins at *start. */
static enum http_parse skip_empty_lines(struct bytes data, size_t *start)
{
    size_t at = 0;

    while (at + 1 < data.size && data.data[at] == '\r' && data.data[at + 1] == '\n')
        at += 2;
    if (at > (size_t)EMPTY_LINES_MAX * 2)
        return HTTP_PARSE_BAD;
    if (at == data.size || (at + 1 == data.size && data.data[at] == '\r'))
        return HTTP_PARSE_MORE;
    *start = at;
    return is_letter(data.data[at]) ? HTTP_PARSE_DONE : HTTP_PARSE_BAD;
}

static enum http_parse head_without_end(struct bytes head)
{
    if (head.size < HTTP_HEAD_MAX)
        return HTTP_PARSE_MORE;
    return memchr(head.data, '\n', head.size) == NULL ? HTTP_PARSE_TARGET_TOO_LONG
                                                      : HTTP_PARSE_TOO_LONG;
}

/* DONE: the head, which begins with a letter, is *size bytes with its empty line. */
static enum http_parse find_end(struct bytes head, size_t at, size_t *size)
{
    const char *found;

    head.size = head.size < HTTP_HEAD_MAX ? head.size : HTTP_HEAD_MAX;
    while (at < head.size && (found = memchr(head.data + at, '\n', head.size - at)) != NULL) {
        if (found[-1] != '\r')
            return HTTP_PARSE_BAD;
        at = (size_t)(found - head.data) + 1;
        if (at > 2 && found[-2] == '\n') {
            *size = at;
            return HTTP_PARSE_DONE;
        }
    }
    return head_without_end(head);
}

enum http_parse http_request_parse(struct http_request *request, struct bytes data, size_t *scanned,
                                   size_t *size)
{
    size_t start, head_size;
    enum http_parse parse = skip_empty_lines(data, &start);
    struct bytes head;

    if (parse != HTTP_PARSE_DONE)
        return parse;
    head = (struct bytes){data.data + start, data.size - start};
    parse = find_end(head, *scanned > start ? *scanned - start : 0, &head_size);
    *scanned = data.size;
    if (parse != HTTP_PARSE_DONE)
        return parse;
    head.size = head_size;
    parse = read_head(request, head);
    if (parse == HTTP_PARSE_DONE)
        *size = start + head_size;
    return parse;
}

bool http_request_header(const struct http_request *request, const char *name, struct bytes *value)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (bytes_is_word(request->headers[i].name, name)) {
            *value = request->headers[i].value;
            return true;
        }
    return false;
}
