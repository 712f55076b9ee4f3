#include "cli.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli_print.h"

#define CONNECT_TIMEOUT_S 10
/* The largest value that a server can be told to accept. */
#define VALUE_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define LIST_PAGE_MAX   1000

struct cli {
    struct cli_line line;
    redisContext *connection;
};

/* --- errors: one sentence --- */

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void complain(const char *format, ...)
{
    va_list arguments;

    fputs("grapevine-cli: ", stderr);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* The exit code, said why; a macro so that the code stays a constant to the compiler. */
#define FAIL(code, ...) (complain(__VA_ARGS__), (code))

static enum cli_exit fail_reply(const char *error)
{
    return FAIL(strncmp(error, "RATELIMIT ", 10) == 0 ? CLI_EXIT_RATE : CLI_EXIT_REFUSED,
                "the server answered: %s", error);
}

/* What was printed has arrived, or nobody reads on (`list | head`), which is no reason to complain.
 */
static enum cli_exit flush_output(void)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return CLI_EXIT_OK;
    if (errno != EPIPE)
        complain("cannot write the answer: %s", strerror(errno));
    return CLI_EXIT_USAGE;
}

/* --- memory: out of it, there is nothing left to say --- */

static void *grow(void *old, size_t size)
{
    void *memory = realloc(old, size);

    assert(memory != NULL);
    return memory;
}

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(grow(NULL, size), text, size);
}

/* --- requests --- */

/* A request under construction; the words are borrowed. */
struct request {
    const char **word;
    size_t *size;
    int count;
    int capacity;
};

static void add_bytes(struct request *request, const char *word, size_t size)
{
    if (request->count == request->capacity) {
        size_t capacity = request->capacity > 0 ? 2 * (size_t)request->capacity : 16;

        request->word = grow(request->word, capacity * sizeof(*request->word));
        request->size = grow(request->size, capacity * sizeof(*request->size));
        request->capacity = (int)capacity;
    }
    request->word[request->count] = word;
    request->size[request->count++] = size;
}

static void add(struct request *request, const char *word)
{
    add_bytes(request, word, strlen(word));
}

static bool is_given(const struct cli *cli, enum cli_option option)
{
    return cli->line.option[option] != NULL;
}

/* KEYWORD, if the option was given. */
static void add_flag(struct request *request, const struct cli *cli, enum cli_option option,
                     const char *keyword)
{
    if (is_given(cli, option))
        add(request, keyword);
}

/* KEYWORD value, if the option was given. */
static void add_option(struct request *request, const struct cli *cli, enum cli_option option,
                       const char *keyword)
{
    add_flag(request, cli, option, keyword);
    add_flag(request, cli, option, cli->line.option[option]);
}

static void add_arguments(struct request *request, const struct cli *cli)
{
    for (size_t i = 0; i < cli->line.argument_count; i++)
        add(request, cli->line.argument[i]);
}

/* Two types that a reply may have (REDIS_REPLY_...), or one of them twice. */
struct expected {
    int type;
    int other_type;
};

static const struct expected anything = {-1, -1};

/* Sends the request, takes it over and waits.  *reply is the caller's, and as expected. */
static enum cli_exit ask(struct cli *cli, struct request *request, struct expected expected,
                         redisReply **reply)
{
    redisReply *answer =
        redisCommandArgv(cli->connection, request->count, request->word, request->size);
    enum cli_exit code = CLI_EXIT_OK;

    free(request->word);
    free(request->size);
    if (answer == NULL) {
        code = FAIL(CLI_EXIT_UNREACHABLE, "the connection broke: %s", cli->connection->errstr);
    } else if (answer->type == REDIS_REPLY_ERROR) {
        code = fail_reply(answer->str);
    } else if (answer->type != expected.type && answer->type != expected.other_type &&
               expected.type != anything.type) {
        code = FAIL(CLI_EXIT_REFUSED, "this answer is not Grapevine's: a reply of type %d",
                    answer->type);
    } else {
        *reply = answer;
        return CLI_EXIT_OK;
    }
    freeReplyObject(answer);
    return code;
}

/* For replies that say no more than OK. */
static enum cli_exit ask_only(struct cli *cli, struct request *request)
{
    redisReply *reply = NULL;
    enum cli_exit code = ask(cli, request, anything, &reply);

    freeReplyObject(reply);
    return code;
}

/* --- the connection --- */

static enum cli_exit connect_to_server(struct cli *cli)
{
    const struct timeval timeout = {CONNECT_TIMEOUT_S, 0};
    const char *path = cli->line.option[CLI_OPTION_SOCKET];
    const char *host = cli->line.option[CLI_OPTION_HOST];
    int port = (int)cli_line_number(&cli->line, CLI_OPTION_PORT, 6379);

    if (host == NULL)
        host = "127.0.0.1";
    cli->connection = path != NULL ? redisConnectUnixWithTimeout(path, timeout)
                                   : redisConnectWithTimeout(host, port, timeout);
    assert(cli->connection != NULL);
    if (cli->connection->err == 0)
        return CLI_EXIT_OK;
    if (path != NULL)
        return FAIL(CLI_EXIT_UNREACHABLE, "cannot connect to %s: %s", path,
                    cli->connection->errstr);
    return FAIL(CLI_EXIT_UNREACHABLE, "cannot connect to %s:%d: %s", host, port,
                cli->connection->errstr);
}

static enum cli_exit authenticate(struct cli *cli)
{
    const char *password = cli->line.option[CLI_OPTION_PASSWORD];
    const char *user = cli->line.option[CLI_OPTION_USER];
    struct request request = {0};

    if (password == NULL)
        password = getenv("GRAPEVINE_PASSWORD");
    if (password == NULL || password[0] == '\0')
        return user == NULL ? CLI_EXIT_OK
                            : FAIL(CLI_EXIT_USAGE, "--user needs -a or GRAPEVINE_PASSWORD too");
    add(&request, "AUTH");
    if (user != NULL)
        add(&request, user);
    add(&request, password);
    return ask_only(cli, &request);
}

static enum cli_exit enter_namespace(struct cli *cli)
{
    struct request request = {0};

    if (!is_given(cli, CLI_OPTION_NAMESPACE))
        return CLI_EXIT_OK;
    add(&request, "SELECT");
    add(&request, cli->line.option[CLI_OPTION_NAMESPACE]);
    return ask_only(cli, &request);
}

/* --- put --- */

/* The whole of a file, as put wants it; the caller frees. */
static enum cli_exit read_value(FILE *file, const char *name, char **value, size_t *size)
{
    size_t capacity = 64 * (size_t)1024, used = 0;
    char *text = grow(NULL, capacity);

    for (;;) {
        used += fread(text + used, 1, capacity - used, file);
        if (used < capacity || used > VALUE_BYTES_MAX)
            break;
        capacity *= 2;
        text = grow(text, capacity);
    }
    if (ferror(file) || used > VALUE_BYTES_MAX) {
        const char *reason =
            ferror(file) ? strerror(errno) : "larger than any value may be (512mb)";

        free(text);
        return FAIL(CLI_EXIT_USAGE, "%s: %s", name, reason);
    }
    *value = text;
    *size = used;
    return CLI_EXIT_OK;
}

static enum cli_exit read_value_argument(const struct cli *cli, char **value, size_t *size)
{
    const char *word = cli->line.argument_count > 1 ? cli->line.argument[1] : "-";
    enum cli_exit code;
    FILE *file;

    if (strcmp(word, "-") == 0)
        return read_value(stdin, "standard input", value, size);
    if (word[0] != '@') {
        *value = copy_text(word);
        *size = strlen(word);
        return CLI_EXIT_OK;
    }
    file = fopen(word + 1, "rbe");
    if (file == NULL)
        return FAIL(CLI_EXIT_USAGE, "cannot read %s: %s", word + 1, strerror(errno));
    code = read_value(file, word + 1, value, size);
    (void)fclose(file);
    return code;
}

static enum cli_exit show_version(const struct cli *cli, const redisReply *version)
{
    if (version->type == REDIS_REPLY_NIL)
        return FAIL(CLI_EXIT_NOT_FOUND, "the condition does not hold: nothing was stored");
    if (is_given(cli, CLI_OPTION_JSON))
        cli_print_text_json(stdout, "version", version->str);
    else
        printf("%s\n", version->str);
    return CLI_EXIT_OK;
}

static enum cli_exit run_put(struct cli *cli)
{
    struct request request = {0};
    redisReply *reply;
    enum cli_exit code;
    char *value;
    size_t size;

    code = read_value_argument(cli, &value, &size);
    if (code != CLI_EXIT_OK)
        return code;
    add(&request, "KV.PUT");
    add(&request, cli->line.argument[0]);
    add_bytes(&request, value, size);
    add_option(&request, cli, CLI_OPTION_TTL, "EX");
    add_option(&request, cli, CLI_OPTION_EXPIRES_AT, "EXAT");
    add_option(&request, cli, CLI_OPTION_METADATA, "META");
    add_flag(&request, cli, CLI_OPTION_IF_ABSENT, "NX");
    add_flag(&request, cli, CLI_OPTION_IF_EXISTS, "XX");
    add_option(&request, cli, CLI_OPTION_IF_VERSION, "IFVERSION");
    code = ask(cli, &request, (struct expected){REDIS_REPLY_STRING, REDIS_REPLY_NIL}, &reply);
    free(value);
    if (code != CLI_EXIT_OK)
        return code;
    code = show_version(cli, reply);
    freeReplyObject(reply);
    return code;
}

/* --- get, meta, delete --- */

static enum cli_exit fail_missing(const char *key)
{
    return FAIL(CLI_EXIT_NOT_FOUND, "there is no key '%s'", key);
}

/* The value as it is; on a terminal the prompt should not stick to it. */
static void print_value(const redisReply *record)
{
    const redisReply *value = cli_map_find(record, "value");

    if (value == NULL || value->type != REDIS_REPLY_STRING)
        return;
    fwrite(value->str, 1, value->len, stdout);
    if (isatty(STDOUT_FILENO) && (value->len == 0 || value->str[value->len - 1] != '\n'))
        putchar('\n');
}

static enum cli_exit run_get(struct cli *cli)
{
    const char *key = cli->line.argument[0];
    struct request request = {0};
    redisReply *record;
    enum cli_exit code;

    add(&request, "KV.GET");
    add(&request, key);
    code = ask(cli, &request, (struct expected){REDIS_REPLY_ARRAY, REDIS_REPLY_NIL}, &record);
    if (code != CLI_EXIT_OK)
        return code;
    if (record->type == REDIS_REPLY_NIL)
        code = fail_missing(key);
    else if (is_given(cli, CLI_OPTION_JSON))
        cli_print_record_json(stdout, key, record);
    else if (is_given(cli, CLI_OPTION_WITH_METADATA))
        cli_print_record(stdout, record);
    else
        print_value(record);
    freeReplyObject(record);
    return code;
}

static enum cli_exit run_meta(struct cli *cli)
{
    const char *key = cli->line.argument[0];
    struct request request = {0};
    redisReply *meta;
    enum cli_exit code;

    add(&request, "KV.META");
    add(&request, key);
    code = ask(cli, &request, (struct expected){REDIS_REPLY_STRING, REDIS_REPLY_NIL}, &meta);
    if (code != CLI_EXIT_OK)
        return code;
    if (meta->type == REDIS_REPLY_NIL)
        code = FAIL(CLI_EXIT_NOT_FOUND, "there is no key '%s' with metadata", key);
    else if (is_given(cli, CLI_OPTION_JSON))
        cli_print_meta_json(stdout, key, meta);
    else
        printf("%.*s\n", (int)meta->len, meta->str);
    freeReplyObject(meta);
    return code;
}

static enum cli_exit run_delete(struct cli *cli)
{
    struct request request = {0};
    redisReply *reply;
    enum cli_exit code;

    add(&request, "DEL");
    add_arguments(&request, cli);
    code = ask(cli, &request, (struct expected){REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER}, &reply);
    if (code != CLI_EXIT_OK)
        return code;
    if (is_given(cli, CLI_OPTION_JSON))
        cli_print_number_json(stdout, "deleted", reply->integer);
    else
        printf("%lld\n", reply->integer);
    code = reply->integer == 0 ? CLI_EXIT_NOT_FOUND : CLI_EXIT_OK;
    freeReplyObject(reply);
    return code;
}

/* --- list --- */

struct listing {
    struct cli_row_parts parts;
    bool is_json;
    long long wanted; /* rows still to come */
    long long shown;
    char *cursor; /* where the next page begins, owned; NULL = there is none */
};

static enum cli_exit ask_page(struct cli *cli, const struct listing *listing, redisReply **page)
{
    long long size = listing->wanted < LIST_PAGE_MAX ? listing->wanted : LIST_PAGE_MAX;
    struct request request = {0};
    char limit[32];

    snprintf(limit, sizeof(limit), "%lld", size);
    add(&request, "KV.LIST");
    add_option(&request, cli, CLI_OPTION_PREFIX, "PREFIX");
    if (listing->cursor != NULL) {
        add(&request, "CURSOR");
        add(&request, listing->cursor);
    }
    add(&request, "LIMIT");
    add(&request, limit);
    if (listing->parts.has_metadata)
        add(&request, "WITHMETA");
    if (listing->parts.has_value)
        add(&request, "WITHVALUES");
    return ask(cli, &request, (struct expected){REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY}, page);
}

static void show_rows(struct listing *listing, const redisReply *rows)
{
    for (size_t i = 0; rows != NULL && i < rows->elements; i++) {
        if (listing->is_json)
            cli_print_row_json(stdout, rows->element[i], listing->parts, listing->shown == 0);
        else
            cli_print_row(stdout, rows->element[i], listing->parts);
        listing->shown++;
        listing->wanted--;
    }
}

/* Shows a page and remembers where the next one begins. */
static enum cli_exit list_page(struct cli *cli, struct listing *listing)
{
    const redisReply *cursor;
    redisReply *page;
    enum cli_exit code = ask_page(cli, listing, &page);

    if (code != CLI_EXIT_OK)
        return code;
    show_rows(listing, cli_map_find(page, "keys"));
    cursor = cli_map_find(page, "cursor");
    free(listing->cursor);
    listing->cursor =
        cursor != NULL && cursor->type == REDIS_REPLY_STRING ? copy_text(cursor->str) : NULL;
    freeReplyObject(page);
    return flush_output();
}

/* Pages one by one, so that a namespace of any size fits. */
static enum cli_exit run_list(struct cli *cli)
{
    const char *cursor = cli->line.option[CLI_OPTION_CURSOR];
    struct listing listing = {
        .parts = {is_given(cli, CLI_OPTION_WITH_METADATA), is_given(cli, CLI_OPTION_WITH_VALUES)},
        .is_json = is_given(cli, CLI_OPTION_JSON),
        .wanted = cli_line_number(&cli->line, CLI_OPTION_LIMIT, LLONG_MAX),
        .cursor = cursor != NULL ? copy_text(cursor) : NULL,
    };
    enum cli_exit code;

    do
        code = list_page(cli, &listing);
    while (code == CLI_EXIT_OK && listing.cursor != NULL && listing.wanted > 0);
    if (code == CLI_EXIT_OK && listing.is_json)
        cli_print_list_end_json(stdout, listing.cursor, listing.shown == 0);
    else if (code == CLI_EXIT_OK && listing.cursor != NULL)
        (void)fprintf(stderr, "There are more: go on with --cursor %s\n", listing.cursor);
    free(listing.cursor);
    return code;
}

/* --- namespaces --- */

/* NAMESPACE <word> <arguments>, whatever it answers. */
static enum cli_exit run_namespace(struct cli *cli, const char *word, struct expected expected,
                                   void (*show)(const struct cli *cli, const redisReply *reply))
{
    struct request request = {0};
    redisReply *reply;
    enum cli_exit code;

    add(&request, "NAMESPACE");
    add(&request, word);
    add_arguments(&request, cli);
    code = ask(cli, &request, expected, &reply);
    if (code != CLI_EXIT_OK)
        return code;
    show(cli, reply);
    freeReplyObject(reply);
    return CLI_EXIT_OK;
}

static const struct expected an_array = {REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY};
static const struct expected array_or_number = {REDIS_REPLY_ARRAY, REDIS_REPLY_INTEGER};

static void show_ok(const struct cli *cli, const redisReply *reply)
{
    (void)reply;
    if (is_given(cli, CLI_OPTION_JSON))
        cli_print_text_json(stdout, "result", "OK");
    else
        puts("OK");
}

static void show_titles(const struct cli *cli, const redisReply *titles)
{
    if (is_given(cli, CLI_OPTION_JSON))
        cli_print_texts_json(stdout, "namespaces", titles);
    else
        cli_print_texts(stdout, titles);
}

/* A map, or the one number that was asked for. */
static void show_settings(const struct cli *cli, const redisReply *reply)
{
    bool is_json = is_given(cli, CLI_OPTION_JSON);

    if (reply->type == REDIS_REPLY_ARRAY && is_json)
        cli_print_map_json(stdout, reply);
    else if (reply->type == REDIS_REPLY_ARRAY)
        cli_print_map(stdout, reply, 0);
    else if (is_json)
        cli_print_number_json(stdout, cli->line.argument[1], reply->integer);
    else
        printf("%lld\n", reply->integer);
}

static enum cli_exit run_namespace_create(struct cli *cli)
{
    return run_namespace(cli, "CREATE", anything, show_ok);
}

static enum cli_exit run_namespace_list(struct cli *cli)
{
    return run_namespace(cli, "LIST", an_array, show_titles);
}

static enum cli_exit run_namespace_info(struct cli *cli)
{
    return run_namespace(cli, "INFO", an_array, show_settings);
}

static enum cli_exit run_namespace_rename(struct cli *cli)
{
    return run_namespace(cli, "RENAME", anything, show_ok);
}

static enum cli_exit run_namespace_delete(struct cli *cli)
{
    return run_namespace(cli, "DELETE", anything, show_ok);
}

static enum cli_exit run_namespace_set(struct cli *cli)
{
    return run_namespace(cli, "SET", anything, show_ok);
}

static enum cli_exit run_namespace_get(struct cli *cli)
{
    return run_namespace(cli, "GET", array_or_number, show_settings);
}

/* --- the server --- */

static enum cli_exit run_status(struct cli *cli)
{
    struct request request = {0};
    redisReply *info;
    enum cli_exit code;

    add(&request, "INFO");
    code = ask(cli, &request, (struct expected){REDIS_REPLY_STRING, REDIS_REPLY_STRING}, &info);
    if (code != CLI_EXIT_OK)
        return code;
    if (is_given(cli, CLI_OPTION_JSON))
        cli_print_status_json(stdout, info->str);
    else
        cli_print_status(stdout, info->str);
    freeReplyObject(info);
    return CLI_EXIT_OK;
}

static enum cli_exit run_ping(struct cli *cli)
{
    struct request request = {0};
    enum cli_exit code;

    add(&request, "PING");
    code = ask_only(cli, &request);
    if (code != CLI_EXIT_OK)
        return code;
    if (is_given(cli, CLI_OPTION_JSON))
        cli_print_text_json(stdout, "result", "PONG");
    else
        puts("PONG");
    return CLI_EXIT_OK;
}

/* --- without the server --- */

static enum cli_exit run_help(struct cli *cli)
{
    if (cli->line.argument_count == 0) {
        cli_help(stdout);
        return CLI_EXIT_OK;
    }
    if (cli_help_command(stdout, &cli->line))
        return CLI_EXIT_OK;
    return FAIL(CLI_EXIT_USAGE, "there is no command '%s'; `grapevine-cli help` lists them",
                cli->line.argument[0]);
}

static enum cli_exit run_version(struct cli *cli)
{
    if (is_given(cli, CLI_OPTION_JSON))
        cli_print_text_json(stdout, "version", GRAPEVINE_VERSION);
    else
        printf("grapevine-cli %s\n", GRAPEVINE_VERSION);
    return CLI_EXIT_OK;
}

/* --- all of it --- */

static const struct {
    enum cli_exit (*run)(struct cli *cli);
    bool needs_server;
} commands[CLI_COMMAND_COUNT] = {
    [CLI_PUT] = {run_put, true},
    [CLI_GET] = {run_get, true},
    [CLI_META] = {run_meta, true},
    [CLI_LIST] = {run_list, true},
    [CLI_DELETE] = {run_delete, true},
    [CLI_NAMESPACE_CREATE] = {run_namespace_create, true},
    [CLI_NAMESPACE_LIST] = {run_namespace_list, true},
    [CLI_NAMESPACE_INFO] = {run_namespace_info, true},
    [CLI_NAMESPACE_RENAME] = {run_namespace_rename, true},
    [CLI_NAMESPACE_DELETE] = {run_namespace_delete, true},
    [CLI_NAMESPACE_SET] = {run_namespace_set, true},
    [CLI_NAMESPACE_GET] = {run_namespace_get, true},
    [CLI_STATUS] = {run_status, true},
    [CLI_PING] = {run_ping, true},
    [CLI_HELP] = {run_help, false},
    [CLI_VERSION] = {run_version, false},
};

static enum cli_exit run_connected(struct cli *cli)
{
    enum cli_exit code = connect_to_server(cli);

    if (code == CLI_EXIT_OK)
        code = authenticate(cli);
    if (code == CLI_EXIT_OK)
        code = enter_namespace(cli);
    if (code == CLI_EXIT_OK)
        code = commands[cli->line.command].run(cli);
    redisFree(cli->connection);
    return code;
}

enum cli_exit cli_run(int argc, char **argv)
{
    struct cli cli = {0};
    char error[CLI_ERROR_MAX];
    enum cli_exit code;

    (void)signal(SIGPIPE, SIG_IGN);
    if (!cli_line_parse(&cli.line, argc, argv, error))
        return FAIL(CLI_EXIT_USAGE, "%s", error);
    if (commands[cli.line.command].needs_server)
        code = run_connected(&cli);
    else
        code = commands[cli.line.command].run(&cli);
    if (code == CLI_EXIT_OK)
        code = flush_output();
    cli_line_clear(&cli.line);
    return code;
}
