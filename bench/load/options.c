#include "load/options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum type { FLAG, NUMBER, REAL, TEXT, CHOICE, SERVER, SIZES, SECONDS_RANGE };

struct row {
    const char *name;
    const char *value_name; /* for the help; of a CHOICE, its words */
    enum type type;
    size_t offset; /* in struct options */
    double min, max;
    const char *fallback; /* what it is if it is not given; NULL = zero */
    const char *help;
};

#define AT(field) offsetof(struct options, field)
#define TTL_MAX   UINT64_C(1000000000)

static const char *const distributions[] = {"uniform", "zipf", "latest", "sequential"};

/* clang-format off */
static const struct row rows[] = {
    {"server", "HOST:PORT", SERVER, AT(servers), 0, 0, NULL, "who is asked (127.0.0.1:6379); several share the connections"},
    {"user", "NAME", TEXT, AT(user), 0, 0, NULL, "with --password: an ACL user"},
    {"password", "TEXT", TEXT, AT(password), 0, 0, NULL, "what AUTH is given"},
    {"dbnum", "N", NUMBER, AT(dbnum), 0, 1e6, "0", "the database"},
    {"no-write-rate", NULL, FLAG, AT(has_no_write_rate), 0, 0, NULL, "first take the write rate off that database (Grapevine)"},

    {"threads", "N", NUMBER, AT(threads), 1, 256, "1", "of the generator"},
    {"connections", "N", NUMBER, AT(connections), 1, 100000, "50", "in all"},
    {"pipeline", "N", NUMBER, AT(pipeline), 1, 100000, "16", "at most so many requests wait for replies on a connection"},
    {"rate", "N", REAL, AT(rate), 0, 1e8, "0", "open loop: N requests a second are due, replies or not; 0 = closed loop, as fast as replies come"},
    {"arrivals", "poisson|constant", CHOICE, AT(arrivals), 0, 0, "poisson", "when they are due"},
    {"seconds", "N", REAL, AT(seconds), 0.01, 1e6, "10", "how long, after the warm-up"},
    {"requests", "N", NUMBER, AT(requests), 0, 1e15, "0", "how many instead, after the warm-up"},
    {"warmup", "SECONDS", REAL, AT(warmup), 0, 1e6, "1", "not counted"},
    {"drain", "SECONDS", REAL, AT(drain), 0, 1e6, "10", "how long the last replies are waited for"},

    {"keys", "N", NUMBER, AT(keys), 1, 1e15, "100000", "how many there are"},
    {"key-prefix", "TEXT", TEXT, AT(key_prefix), 0, 0, "key:", "what goes before their numbers"},
    {"key-bytes", "N", NUMBER, AT(key_bytes), 1, OPTIONS_KEY_MAX, "16", "how long they are: zeros go before the number"},
    {"distribution", "uniform|zipf|latest|sequential", CHOICE, AT(distribution), 0, 0, "uniform", "which of them are named; latest = by Zipf, newest first"},
    {"theta", "X", REAL, AT(theta), 0.01, 10, "0.99", "Zipf's exponent"},
    {"seed", "N", NUMBER, AT(seed), 0, 1e15, "1", "the same seed names the same keys"},
    {"run", "N", NUMBER, AT(run), 0, 1e15, "0", "other draws of the same hot keys: repeated ones would find all they name cached"},

    {"workload", "none|a|b|c|d|f", CHOICE, AT(workload), 0, 0, "none", "YCSB's: a 50 % reads, b 95 %, c 100 %, d 95 % of the latest, the rest inserts, f 50 %, the rest read and then write"},
    {"reads", "PERCENT", REAL, AT(reads), 0, 100, "95", "of the requests; the rest writes"},
    {"mget", "N", NUMBER, AT(mget), 1, OPTIONS_WORDS_MAX, "1", "reads are MGET of N keys"},
    {"mset", "N", NUMBER, AT(mset), 1, OPTIONS_WORDS_MAX, "1", "writes are MSET of N keys"},
    {"put", NULL, FLAG, AT(is_put), 0, 0, NULL, "writes are KV.PUT (Grapevine)"},
    {"meta-bytes", "N", NUMBER, AT(meta_bytes), 0, 65535, "0", "with --put: so much metadata"},
    {"value-bytes", "SIZES", SIZES, AT(value_bytes), 0, 0, "100", "100, or 64-100, or 100:80,1000-2000:15,65536:5 (size:weight)"},
    {"compressible", "PERCENT", REAL, AT(compressible), 0, 100, "0", "of each value; the rest is random"},
    {"ttl-share", "PERCENT", REAL, AT(ttl_share), 0, 100, "0", "of the writes have an expiry"},
    {"ttl", "SECONDS", SECONDS_RANGE, AT(ttl_min), 0, 0, "60-3600", "which one: 60, or 60-3600"},

    {"load", "N", NUMBER, AT(load), 0, 1e15, "0", "write keys 0 to N-1 once, as fast as possible, and end; an error reply is a failure"},
    {"shuffled", NULL, FLAG, AT(is_shuffled), 0, 0, NULL, "with --load: not in order"},

    {"json", "FILE", TEXT, AT(json), 0, 0, NULL, "write everything that was measured there"},
    {"help", NULL, FLAG, AT(has_help), 0, 0, NULL, "this list"},
};
/* clang-format on */

#define ROW_COUNT COUNT_OF(rows)

/* What a workload is made of: percents, and which keys. */
static const struct {
    double reads, inserts, rmws;
    enum distribution distribution;
} workloads[] = {
    [WORKLOAD_A] = {50, 0, 0, KEYS_ZIPF},  [WORKLOAD_B] = {95, 0, 0, KEYS_ZIPF},
    [WORKLOAD_C] = {100, 0, 0, KEYS_ZIPF}, [WORKLOAD_D] = {95, 5, 0, KEYS_LATEST},
    [WORKLOAD_F] = {50, 0, 50, KEYS_ZIPF},
};

const char *options_distribution_name(uint64_t distribution)
{
    return distributions[distribution];
}

static bool problem_is(char problem[OPTIONS_PROBLEM_MAX], const char *format, ...)
    PRINTF_LIKE(2, 3);

static bool problem_is(char problem[OPTIONS_PROBLEM_MAX], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(problem, OPTIONS_PROBLEM_MAX, format, arguments);
    va_end(arguments);
    return false;
}

/* --- one value ----------------------------------------------------------------------------------
 */

static bool parse_real(const char *text, double *value)
{
    char *end;

    errno = 0;
    *value = strtod(text, &end);
    return *text != '\0' && *end == '\0' && errno == 0 && isfinite(*value);
}

static bool parse_number(const struct row *row, const char *text, uint64_t *number)
{
    return bytes_to_uint64(bytes_of(text), number) && (double)*number >= row->min &&
           (double)*number <= row->max;
}

/* Which of the words that stand between bars it is. */
static bool parse_choice(const char *words, const char *text, uint64_t *number)
{
    size_t length = strlen(text);

    for (*number = 0;; (*number)++) {
        size_t size = strcspn(words, "|");

        if (size == length && memcmp(words, text, size) == 0)
            return true;
        if (words[size] == '\0')
            return false;
        words += size + 1;
    }
}

static bool parse_server(const char *text, struct options *options)
{
    struct server_address *server = &options->servers[options->server_count];
    const char *colon = strrchr(text, ':');
    size_t size = colon != NULL ? (size_t)(colon - text) : 0;
    uint64_t port = 0;

    if (options->server_count == OPTIONS_SERVERS_MAX || size == 0 || size >= sizeof(server->host) ||
        !bytes_to_uint64(bytes_of(colon + 1), &port) || port == 0 || port > 65535)
        return false;
    if (text[0] == '[' && text[size - 1] == ']') {
        text++;
        size -= 2;
    }
    memcpy(server->host, text, size);
    server->host[size] = '\0';
    server->port = (int)port;
    options->server_count++;
    return true;
}

static bool parse_value(const struct row *row, const char *text, struct options *options)
{
    void *field = (char *)options + row->offset;
    double *real = field;

    switch (row->type) {
    case FLAG:
        *(bool *)field = true;
        return true;
    case NUMBER:
        return parse_number(row, text, field);
    case REAL:
        return parse_real(text, real) && *real >= row->min && *real <= row->max;
    case TEXT:
        *(const char **)field = text;
        return true;
    case CHOICE:
        return parse_choice(row->value_name, text, field);
    case SERVER:
        return parse_server(text, options);
    case SIZES:
        return sizes_parse(text, field);
    case SECONDS_RANGE:
        return sizes_parse_range(text, TTL_MAX, &options->ttl_min, &options->ttl_max) &&
               options->ttl_min > 0;
    }
    return false;
}

/* " (0 to 100)" and the like: what a row takes. */
static void describe(const struct row *row, char text[OPTIONS_PROBLEM_MAX / 2])
{
    if (row->type == NUMBER || row->type == REAL)
        snprintf(text, OPTIONS_PROBLEM_MAX / 2, "a number from %.15g to %.15g", row->min, row->max);
    else
        snprintf(text, OPTIONS_PROBLEM_MAX / 2, "%s",
                 row->type == SIZES ? "like 100, 64-100 or 100:80,1000:20, 32 MiB at most"
                                    : row->value_name);
}

/* --- the whole line -----------------------------------------------------------------------------
 */

/* The row that a word names; *value is behind its '=', or NULL. */
static const struct row *find_row(const char *word, const char **value)
{
    size_t size = strcspn(word, "=");

    *value = word[size] == '=' ? word + size + 1 : NULL;
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (strlen(rows[i].name) == size && memcmp(rows[i].name, word, size) == 0)
            return &rows[i];
    return NULL;
}

static bool parse_words(int count, char *const *words, struct options *options,
                        bool given[ROW_COUNT], char problem[OPTIONS_PROBLEM_MAX])
{
    char allowed[OPTIONS_PROBLEM_MAX / 2];

    for (int i = 0; i < count; i++) {
        bool is_option = words[i][0] == '-' && words[i][1] == '-';
        const char *value = NULL;
        const struct row *row = is_option ? find_row(words[i] + 2, &value) : NULL;

        if (row == NULL)
            return problem_is(problem, "there is no option '%.100s' (--help lists them)", words[i]);
        if (row->type == FLAG && value != NULL)
            return problem_is(problem, "--%s takes no value", row->name);
        if (row->type != FLAG && value == NULL && i + 1 == count)
            return problem_is(problem, "--%s needs a value: %s", row->name, row->value_name);
        if (row->type != FLAG && value == NULL)
            value = words[++i];
        describe(row, allowed);
        if (!parse_value(row, value, options))
            return problem_is(problem, "--%s '%.80s' is not %s", row->name, value, allowed);
        given[row - rows] = true;
    }
    return true;
}

static bool is_given(const bool given[ROW_COUNT], const char *name)
{
    const char *value;

    return given[find_row(name, &value) - rows];
}

/* Options of which the second says what the first would have said, or that exclude each other. */
static const struct {
    const char *first, *second, *why;
} conflicts[] = {
    {"workload", "reads", "a workload says how much is read"},
    {"load", "rate", "a load is as fast as possible"},
    {"load", "requests", "a load ends with its last key"},
    {"load", "workload", "a load writes only"},
    {"load", "distribution", "a load names each key once"},
    {"put", "mset", "KV.PUT puts one key"},
    {"ttl-share", "mset", "MSET has no expiry"},
    {"requests", "seconds", "either says when it ends"},
};

/* Options that mean nothing without another. */
static const struct {
    const char *option, *needs;
} needs[] = {{"meta-bytes", "put"}, {"shuffled", "load"}, {"user", "password"}};

static bool check_pairs(const bool given[ROW_COUNT], char problem[OPTIONS_PROBLEM_MAX])
{
    for (size_t i = 0; i < COUNT_OF(conflicts); i++)
        if (is_given(given, conflicts[i].first) && is_given(given, conflicts[i].second))
            return problem_is(problem, "--%s and --%s exclude each other: %s", conflicts[i].first,
                              conflicts[i].second, conflicts[i].why);
    for (size_t i = 0; i < COUNT_OF(needs); i++)
        if (is_given(given, needs[i].option) && !is_given(given, needs[i].needs))
            return problem_is(problem, "--%s means nothing without --%s", needs[i].option,
                              needs[i].needs);
    return true;
}

static uint64_t digits_of(uint64_t number)
{
    char text[INT64_TEXT_MAX];

    return int64_to_text((int64_t)number, text);
}

static bool check_numbers(const struct options *options, char problem[OPTIONS_PROBLEM_MAX])
{
    uint64_t last = (options->load > 0 ? options->load : options->keys) - 1;
    uint64_t prefix = strlen(options->key_prefix), words = options->mset;

    if (options->threads > options->connections)
        return problem_is(problem, "%" PRIu64 " threads need as many connections, not %" PRIu64,
                          options->threads, options->connections);
    if (prefix > OPTIONS_PREFIX_MAX)
        return problem_is(problem, "--key-prefix is longer than %d bytes", OPTIONS_PREFIX_MAX);
    if (prefix + digits_of(last) > options->key_bytes)
        return problem_is(problem, "--key-bytes %" PRIu64 " is too short for '%s%" PRIu64 "'",
                          options->key_bytes, options->key_prefix, last);
    if (words * sizes_max(&options->value_bytes) > OPTIONS_REQUEST_MAX)
        return problem_is(problem, "an MSET may hold %u MiB of values at most",
                          OPTIONS_REQUEST_MAX >> 20);
    if (options->meta_bytes == 1)
        return problem_is(problem, "--meta-bytes 1 is too short for a JSON text in quotes");
    return true;
}

/* What one option says about others that were not given. */
static void complete(struct options *options, const bool given[ROW_COUNT])
{
    if (options->server_count == 0)
        (void)parse_server("127.0.0.1:6379", options);
    if (options->workload != WORKLOAD_NONE) {
        options->reads = workloads[options->workload].reads;
        options->inserts = workloads[options->workload].inserts;
        options->rmws = workloads[options->workload].rmws;
        if (!is_given(given, "distribution"))
            options->distribution = workloads[options->workload].distribution;
    }
    if (options->load > 0) {
        options->requests = (options->load + options->mset - 1) / options->mset;
        options->warmup = 0;
        options->reads = 0;
    }
}

bool options_parse(int count, char *const *words, struct options *options,
                   char problem[OPTIONS_PROBLEM_MAX])
{
    bool given[ROW_COUNT] = {false};

    *options = (struct options){0};
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].fallback != NULL && !parse_value(&rows[i], rows[i].fallback, options))
            return problem_is(problem, "--%s has a default that is none", rows[i].name);
    if (!parse_words(count, words, options, given, problem))
        return false;
    if (options->has_help)
        return true;
    complete(options, given);
    return check_pairs(given, problem) && check_numbers(options, problem);
}

void options_print_help(FILE *out)
{
    char left[80];

    fputs("grapevine-load puts a Redis server under load and measures how long replies take.\n"
          "With --rate a request's time counts from when it was due, not from when it could be "
          "sent.\n\n",
          out);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        snprintf(left, sizeof(left), "--%s%s%s", rows[i].name,
                 rows[i].value_name != NULL ? " " : "",
                 rows[i].value_name != NULL ? rows[i].value_name : "");
        fprintf(out, "  %-24s%s %s", left, strlen(left) > 24 ? "\n                          " : "",
                rows[i].help);
        fprintf(out, rows[i].fallback != NULL ? " (%s)\n" : "\n", rows[i].fallback);
    }
}
