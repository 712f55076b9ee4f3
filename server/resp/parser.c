#include "resp/parser.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

/* A request is read in one straight loop, parse_array(): scan_header() takes the headers that
 * clients really send, in place, and whatever it can't take (cut, long, odd or wrong) is looked at
 * again by the careful functions.  When the input ends early, the loop's variables go to `progress`
 * and the arguments found so far to argv_offsets; the next call goes on from there.
 *
 * As Redis, the parser looks for the CR of a header, and for none behind a bulk, and takes the byte
 * behind it for the LF it should be. */

#define LINE_END_SIZE     2                           /* CR LF */
#define BULK_SIZE_MAX     (INT64_MAX - LINE_END_SIZE) /* else sums below could overflow */
#define ARGV_CAPACITY     8                           /* to begin with */
#define ARGV_KEPT         1024                        /* more is given back with the next request */
#define HEADER_DIGITS_MAX 9                           /* of scan_header */
#define TLS_FIRST_BYTE    0x16                        /* a handshake; no word begins with it */

static enum resp_result fail(struct resp_parser *parser, const char *text)
{
    parser->error = text;
    return RESP_ERROR;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void start_request(struct resp_progress *progress)
{
    *progress = (struct resp_progress){.bulk_size = -1};
}

void resp_parser_init(struct resp_parser *parser)
{
    *parser = (struct resp_parser){0};
    start_request(&parser->progress);
}

static void grow_argv(struct resp_parser *parser)
{
    size_t capacity = parser->argv_capacity == 0 ? ARGV_CAPACITY : parser->argv_capacity * 2;

    parser->argv = xrealloc(parser->argv, capacity * sizeof parser->argv[0]);
    parser->argv_capacity = capacity;
}

static inline void append_argument(struct resp_parser *parser, const char *data, size_t size)
{
    if (UNLIKELY(parser->argc == parser->argv_capacity))
        grow_argv(parser);
    parser->argv[parser->argc++] = (struct bytes){data, size};
}

static void release_argv(struct resp_parser *parser)
{
    free(parser->argv);
    free(parser->argv_offsets);
    parser->argv = NULL;
    parser->argv_offsets = NULL;
    parser->argv_capacity = 0;
}

void resp_parser_clear(struct resp_parser *parser)
{
    release_argv(parser);
    free(parser->inline_text);
    resp_parser_init(parser);
}

void resp_parser_restart(struct resp_parser *parser)
{
    start_request(&parser->progress);
}

/* One huge request should not hold memory for the rest of the connection's life. */
static inline void drop_arguments(struct resp_parser *parser)
{
    parser->argc = 0;
    if (UNLIKELY(parser->argv_capacity > ARGV_KEPT))
        release_argv(parser);
}

/* Browsers can be made to send a request to any port.  The first line of HTTP, or its Host: header,
 * is taken for that, as in Redis: no reply, so that no page can read one. */
static inline bool is_attack(struct bytes name)
{
    if (LIKELY(name.size != 4 && name.size != 5))
        return false;
    return bytes_is_word(name, "post") || bytes_is_word(name, "host:");
}

/* ------------------------------------------------------------------------------------------------
 * Inline requests: words in a line, as a person types them. */

struct words {
    const char *at;
    const char *end;
    char **room;    /* for the words with quotes, once there is one */
    char *unquoted; /* where in it the next one is put together */
};

static bool ends_word(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte = (char)tolower((unsigned char)byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The byte that the escape at words->at, a backslash and something behind it, stands for. */
static char read_escape(struct words *words)
{
    static const char names[] = "nrtba", bytes[] = "\n\r\t\b\a";
    const char *at = words->at + 1, *name;

    if (*at == 'x' && words->end - at >= 3 && hex_digit(at[1]) >= 0 && hex_digit(at[2]) >= 0) {
        words->at = at + 3;
        return (char)(hex_digit(at[1]) * 16 + hex_digit(at[2]));
    }
    words->at = at + 1;
    name = *at == '\0' ? NULL : strchr(names, *at);
    return name == NULL ? *at : bytes[name - names];
}

/* From behind the opening quote to behind the closing one.  False if there is none, or if it does
 * not end the word. */
static bool read_quoted(struct words *words, char quote)
{
    while (words->at < words->end && *words->at != quote) {
        bool is_escape = *words->at == '\\' && words->end - words->at >= 2;

        if (is_escape && quote == '"') {
            *words->unquoted++ = read_escape(words);
            continue;
        }
        if (is_escape && words->at[1] == '\'')
            words->at++;
        *words->unquoted++ = *words->at++;
    }
    if (words->at == words->end)
        return false;
    words->at++;
    return words->at == words->end || isspace((unsigned char)*words->at);
}

/* words->at is at the first byte of a word; it may begin bare and go on quoted, as ab"c d". */
static bool read_word(struct words *words, struct bytes *word)
{
    const char *start = words->at;
    char quote, *unquoted;

    while (words->at < words->end && !ends_word(*words->at) && *words->at != '"' &&
           *words->at != '\'')
        words->at++;
    *word = (struct bytes){start, (size_t)(words->at - start)};
    if (words->at == words->end || ends_word(*words->at))
        return true;

    if (words->unquoted == NULL) /* as large as what is left: unquoting makes no word longer */
        words->unquoted = *words->room = xmalloc((size_t)(words->end - start));
    unquoted = words->unquoted;
    memcpy(unquoted, start, word->size);
    words->unquoted += word->size;
    quote = *words->at++;
    if (!read_quoted(words, quote))
        return false;
    *word = (struct bytes){unquoted, (size_t)(words->unquoted - unquoted)};
    return true;
}

static enum resp_result split_line(struct resp_parser *parser, struct bytes line)
{
    struct words words = {line.data, line.data + line.size, &parser->inline_text, NULL};
    struct bytes word;

    free(parser->inline_text);
    parser->inline_text = NULL;
    drop_arguments(parser);
    for (;;) {
        while (words.at < words.end && isspace((unsigned char)*words.at))
            words.at++;
        if (words.at == words.end)
            break;
        if (!read_word(&words, &word))
            return fail(parser, "Protocol error: unbalanced quotes in request");
        append_argument(parser, word.data, word.size);
    }
    if (parser->argc == 0)
        return RESP_NOTHING;
    return is_attack(parser->argv[0]) ? RESP_ATTACK : RESP_REQUEST;
}

static enum resp_result parse_inline(struct resp_parser *parser, const char *data, size_t size,
                                     size_t *consumed)
{
    size_t looked = smaller(size, RESP_INLINE_MAX + 1), scanned = parser->progress.scanned;
    const char *newline;
    struct bytes line;

    if (data[0] == TLS_FIRST_BYTE)
        return fail(parser, "Protocol error: this is TLS, and the port is one without");
    newline = memchr(data + scanned, '\n', looked - scanned);
    if (newline == NULL) {
        parser->progress.scanned = looked;
        if (looked > RESP_INLINE_MAX)
            return fail(parser, "Protocol error: too big inline request");
        return RESP_MORE;
    }
    line = (struct bytes){data, (size_t)(newline - data)};
    *consumed = line.size + 1;
    if (line.size > 0 && newline[-1] == '\r')
        line.size--;
    start_request(&parser->progress);
    return split_line(parser, line);
}

/* ------------------------------------------------------------------------------------------------
 * Headers: a type byte, a number, CR LF. */

/* Reads the header at `at`, if it is all there, of this type, with 1 to 9 digits and nothing odd
 * about it, and returns what stands behind it; else NULL. */
static inline const char *scan_header(const char *at, const char *end, char type, int64_t *number)
{
    const char *last;
    unsigned value, digit;

    /* A one-digit header is the shortest, and the most frequent. */
    if (end - at < 4 || at[0] != type)
        return NULL;
    value = (unsigned)(unsigned char)at[1] - '0';
    if (value > 9)
        return NULL;
    if (at[2] == '\r') {
        *number = value;
        return at + 4;
    }
    if (value == 0)
        return NULL;
    last = end - at > 1 + HEADER_DIGITS_MAX ? at + 1 + HEADER_DIGITS_MAX : end;
    for (at += 2; at < last && (digit = (unsigned)(unsigned char)*at - '0') <= 9; at++)
        value = value * 10 + digit;
    if (end - at < LINE_END_SIZE || *at != '\r')
        return NULL;
    *number = value;
    return at + LINE_END_SIZE;
}

/* Any header: RESP_REQUEST with *line from the type byte to before the CR, RESP_MORE, or RESP_ERROR
 * if there is no end where one must be. */
static enum resp_result find_header(struct resp_parser *parser, const char *at, const char *end,
                                    const char *too_big, struct bytes *line)
{
    size_t *scanned = &parser->progress.scanned;
    size_t looked = smaller((size_t)(end - at), RESP_INLINE_MAX + 1);
    const char *cr = memchr(at + *scanned, '\r', looked - *scanned);

    *scanned = cr == NULL ? looked : (size_t)(cr - at);
    if (cr == NULL && looked > RESP_INLINE_MAX)
        return fail(parser, too_big);
    if (cr == NULL || end - cr < LINE_END_SIZE)
        return RESP_MORE;
    *line = (struct bytes){at, *scanned};
    *scanned = 0;
    return RESP_REQUEST;
}

static bool header_number(struct bytes line, int64_t *number)
{
    return bytes_to_int64((struct bytes){line.data + 1, line.size - 1}, number);
}

/* Reads how many bulks will come; moves *at behind the header. */
static enum resp_result read_count(struct resp_parser *parser, const struct resp_limits *limits,
                                   const char **at, const char *end, int64_t *count)
{
    struct bytes line;
    enum resp_result result =
        find_header(parser, *at, end, "Protocol error: too big mbulk count string", &line);

    if (result != RESP_REQUEST)
        return result;
    if (!header_number(line, count) || *count > INT_MAX)
        return fail(parser, "Protocol error: invalid multibulk length");
    if (*count > RESP_UNAUTHENTICATED_ARGS_MAX && !limits->is_authenticated)
        return fail(parser, "Protocol error: unauthenticated multibulk length");
    *at = line.data + line.size + LINE_END_SIZE;
    if (*count > 0)
        return RESP_REQUEST;
    start_request(&parser->progress);
    return RESP_NOTHING;
}

static enum resp_result fail_expecting_bulk(struct resp_parser *parser, char seen)
{
    /* Redis blanks line breaks in errors; a zero would end the text. */
    if (seen == '\r' || seen == '\n' || seen == '\0')
        seen = ' ';
    (void)snprintf(parser->error_text, sizeof parser->error_text,
                   "Protocol error: expected '$', got '%c'", seen);
    return fail(parser, parser->error_text);
}

/* Reads a bulk's size; moves *at behind the header. */
static enum resp_result read_bulk_size(struct resp_parser *parser, const struct resp_limits *limits,
                                       const char **at, const char *end, int64_t *bulk_size)
{
    struct bytes line;
    enum resp_result result =
        find_header(parser, *at, end, "Protocol error: too big bulk count string", &line);
    int64_t number;

    if (result != RESP_REQUEST)
        return result;
    if (*line.data != '$')
        return fail_expecting_bulk(parser, *line.data);
    if (!header_number(line, &number) || number < 0 || number > limits->bulk_max ||
        number > BULK_SIZE_MAX)
        return fail(parser, "Protocol error: invalid bulk length");
    if (number > RESP_UNAUTHENTICATED_BULK_MAX && !limits->is_authenticated)
        return fail(parser, "Protocol error: unauthenticated bulk length");
    *bulk_size = number;
    *at = line.data + line.size + LINE_END_SIZE;
    return RESP_REQUEST;
}

/* ------------------------------------------------------------------------------------------------
 * Oversized requests (P4): only the sizes and the start of the name are kept. */

/* `parser->argc` is 0 as long as the name has not passed by. */
static void keep_name(struct resp_parser *parser, const char *data, size_t size)
{
    struct resp_progress *progress = &parser->progress;
    size_t more = smaller(size, RESP_NAME_KEPT_MAX - progress->name_size);

    memcpy(parser->name_kept + progress->name_size, data, more);
    progress->name_size += more;
}

/* Counts the bytes of the bulk under way.  False if it goes on beyond `end`. */
static bool skip_bulk(struct resp_parser *parser, const char **at, const char *end)
{
    struct resp_progress *progress = &parser->progress;
    int64_t here = end - *at, bulk_left = progress->skip_left - LINE_END_SIZE;

    if (here > progress->skip_left)
        here = progress->skip_left;
    if (parser->argc == 0 && bulk_left > 0)
        keep_name(parser, *at, (size_t)(here < bulk_left ? here : bulk_left));
    *at += here;
    progress->skip_left -= here;
    if (progress->skip_left > 0)
        return false;
    parser->argc = 1;
    progress->args_left--;
    return true;
}

static enum resp_result finish_oversized(struct resp_parser *parser)
{
    size_t name_size = parser->progress.name_size;

    start_request(&parser->progress);
    parser->argc = 0;
    append_argument(parser, parser->name_kept, name_size);
    return is_attack(parser->argv[0]) ? RESP_ATTACK : RESP_OVERSIZED;
}

static void begin_bulk_to_skip(struct resp_parser *parser, int64_t bulk_size)
{
    parser->progress.skip_left = bulk_size + LINE_END_SIZE;
    if (bulk_size > parser->oversized_bytes)
        parser->oversized_bytes = bulk_size;
}

static enum resp_result skip_oversized(struct resp_parser *parser, const struct resp_limits *limits,
                                       const char *data, const char *at, const char *end,
                                       size_t *consumed)
{
    enum resp_result result = RESP_REQUEST;
    int64_t bulk_size;

    for (;;) {
        if (parser->progress.skip_left > 0 && !skip_bulk(parser, &at, end)) {
            result = RESP_MORE;
            break;
        }
        if (parser->progress.args_left == 0) {
            result = finish_oversized(parser);
            break;
        }
        result = read_bulk_size(parser, limits, &at, end, &bulk_size);
        if (result != RESP_REQUEST)
            break;
        begin_bulk_to_skip(parser, bulk_size);
    }
    *consumed = (size_t)(at - data);
    return result;
}

/* ------------------------------------------------------------------------------------------------
 * Requests that are kept. */

/* `data` may move before the next call: from here on the arguments are known by their offsets. */
static void save_arguments(struct resp_parser *parser, const char *data)
{
    struct resp_progress *progress = &parser->progress;

    if (progress->args_moved == parser->argc)
        return;
    parser->argv_offsets =
        xrealloc(parser->argv_offsets, parser->argv_capacity * sizeof parser->argv_offsets[0]);
    for (; progress->args_moved < parser->argc; progress->args_moved++)
        parser->argv_offsets[progress->args_moved] =
            (size_t)(parser->argv[progress->args_moved].data - data);
}

static void restore_arguments(struct resp_parser *parser, const char *data)
{
    for (size_t i = 0; i < parser->progress.args_moved; i++)
        parser->argv[i].data = data + parser->argv_offsets[i];
}

static void save_progress(struct resp_parser *parser, const char *data, const char *at,
                          int64_t args_left, int64_t bulk_size)
{
    parser->progress.offset = (size_t)(at - data);
    parser->progress.args_left = args_left;
    parser->progress.bulk_size = bulk_size;
    save_arguments(parser, data);
}

static void begin_oversized(struct resp_parser *parser, const char *data, int64_t args_left,
                            int64_t bulk_size)
{
    parser->progress.is_skipping = true;
    parser->progress.args_left = args_left;
    parser->oversized_bytes = 0;
    begin_bulk_to_skip(parser, bulk_size);
    if (parser->argc > 0) {
        restore_arguments(parser, data);
        keep_name(parser, parser->argv[0].data, parser->argv[0].size);
    }
}

/* Up to this size a bulk needs no second look, whatever the limits are. */
static int64_t plain_bulk_max(const struct resp_limits *limits)
{
    int64_t max =
        limits->bulk_max < limits->bulk_keep_max ? limits->bulk_max : limits->bulk_keep_max;

    if (!limits->is_authenticated && max > RESP_UNAUTHENTICATED_BULK_MAX)
        max = RESP_UNAUTHENTICATED_BULK_MAX;
    return max;
}

/* The array's header: RESP_REQUEST if bulks are to come. */
static inline enum resp_result begin_array(struct resp_parser *parser,
                                           const struct resp_limits *limits, const char **at,
                                           const char *end, int64_t *count)
{
    const char *next = scan_header(*at, end, '*', count);
    const char *start = *at;
    enum resp_result result;
    int64_t number = 0;

    drop_arguments(parser);
    if (LIKELY(next != NULL && *count > 0 &&
               (*count <= RESP_UNAUTHENTICATED_ARGS_MAX || limits->is_authenticated))) {
        parser->progress.scanned = 0;
        *at = next;
        return RESP_REQUEST;
    }
    result = read_count(parser, limits, &start, end, &number);
    *at = start;
    *count = number;
    return result;
}

/* The header of a bulk: RESP_REQUEST if it is one to keep, RESP_OVERSIZED if it is not. */
static inline enum resp_result begin_bulk(struct resp_parser *parser,
                                          const struct resp_limits *limits, int64_t plain_max,
                                          const char **at, const char *end, int64_t *bulk_size)
{
    int64_t number = 0;
    const char *next = scan_header(*at, end, '$', &number), *start = *at;
    enum resp_result result;

    if (LIKELY(next != NULL && number <= plain_max)) {
        parser->progress.scanned = 0;
        *at = next;
        *bulk_size = number;
        return RESP_REQUEST;
    }
    result = read_bulk_size(parser, limits, &start, end, &number);
    if (result != RESP_REQUEST)
        return result;
    *at = start;
    *bulk_size = number;
    return number > limits->bulk_keep_max ? RESP_OVERSIZED : RESP_REQUEST;
}

static enum resp_result parse_array(struct resp_parser *parser, const struct resp_limits *limits,
                                    const char *data, size_t size, size_t *consumed)
{
    struct resp_progress *progress = &parser->progress;
    const char *at = data + progress->offset, *end = data + size;
    int64_t args_left = progress->args_left, bulk_size = progress->bulk_size;
    int64_t plain_max = plain_bulk_max(limits);
    enum resp_result result;

    if (args_left == 0) {
        result = begin_array(parser, limits, &at, end, &args_left);
        if (UNLIKELY(result != RESP_REQUEST)) {
            *consumed = (size_t)(at - data);
            return result;
        }
    }
    for (; args_left > 0; args_left--) {
        if (LIKELY(bulk_size < 0)) {
            result = begin_bulk(parser, limits, plain_max, &at, end, &bulk_size);
            if (result == RESP_MORE)
                break;
            if (result == RESP_OVERSIZED) {
                begin_oversized(parser, data, args_left, bulk_size);
                return skip_oversized(parser, limits, data, at, end, consumed);
            }
            if (result != RESP_REQUEST)
                return result;
        }
        if (end - at < bulk_size + LINE_END_SIZE)
            break;
        append_argument(parser, at, (size_t)bulk_size);
        at += bulk_size + LINE_END_SIZE;
        bulk_size = -1;
    }
    if (UNLIKELY(args_left > 0)) {
        save_progress(parser, data, at, args_left, bulk_size);
        return RESP_MORE;
    }
    restore_arguments(parser, data);
    start_request(progress);
    *consumed = (size_t)(at - data);
    return is_attack(parser->argv[0]) ? RESP_ATTACK : RESP_REQUEST;
}

enum resp_result resp_parser_next(struct resp_parser *parser, const struct resp_limits *limits,
                                  const char *data, size_t size, size_t *consumed)
{
    enum resp_result result;

    *consumed = 0;
    if (size == 0)
        return RESP_MORE;
    if (UNLIKELY(parser->progress.is_skipping))
        result = skip_oversized(parser, limits, data, data, data + size, consumed);
    else if (LIKELY(data[0] == '*'))
        result = parse_array(parser, limits, data, size, consumed);
    else
        result = parse_inline(parser, data, size, consumed);
    if (UNLIKELY(result == RESP_ERROR || result == RESP_ATTACK)) {
        start_request(&parser->progress);
        *consumed = size;
    }
    return result;
}

size_t resp_parser_wants(const struct resp_parser *parser, size_t size)
{
    const struct resp_progress *progress = &parser->progress;
    size_t end;

    if (progress->is_skipping || progress->bulk_size < 0)
        return 0;
    end = progress->offset + (size_t)progress->bulk_size + LINE_END_SIZE;
    return end > size ? end - size : 0;
}
