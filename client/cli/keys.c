#include "keys.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "bytes.h"
#include "cli_print.h"

/* The largest value that a server can be told to accept. */
#define VALUE_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define LIST_PAGE_MAX   1000
#define CHUNK           ((size_t)64 * 1024)

static const struct expected bytes_or_nil = {GRAPEVINE_REPLY_BYTES, GRAPEVINE_REPLY_NIL};
static const struct expected array_or_nil = {GRAPEVINE_REPLY_ARRAY, GRAPEVINE_REPLY_NIL};
static const struct expected an_integer = {GRAPEVINE_REPLY_INTEGER, GRAPEVINE_REPLY_INTEGER};

/* --- put --- */

/* The whole of a file, as put wants it. */
static enum cli_exit read_value(FILE *file, const char *name, struct buffer *value)
{
    const char *reason = NULL;
    size_t count;

    do {
        count = fread(buffer_reserve(value, CHUNK), 1, CHUNK, file);
        value->size += count;
    } while (count == CHUNK && value->size <= VALUE_BYTES_MAX);
    if (ferror(file))
        reason = strerror(errno);
    else if (value->size > VALUE_BYTES_MAX)
        reason = "larger than any value may be (512mb)";
    return reason == NULL ? CLI_EXIT_OK : FAIL(CLI_EXIT_USAGE, "%s: %s", name, reason);
}

static enum cli_exit read_value_argument(const struct cli *cli, struct buffer *value)
{
    const char *word = cli->line.argument_count > 1 ? cli->line.argument[1] : "-";
    enum cli_exit code;
    FILE *file;

    if (strcmp(word, "-") == 0)
        return read_value(stdin, "standard input", value);
    if (word[0] != '@') {
        buffer_append_text(value, word);
        return CLI_EXIT_OK;
    }
    file = fopen(word + 1, "rbe");
    if (file == NULL)
        return FAIL(CLI_EXIT_USAGE, "cannot read %s: %s", word + 1, strerror(errno));
    code = read_value(file, word + 1, value);
    (void)fclose(file);
    return code;
}

static enum cli_exit show_version(const struct cli *cli, const struct grapevine_reply *version)
{
    if (version->type == GRAPEVINE_REPLY_NIL)
        return FAIL(CLI_EXIT_NOT_FOUND, "the condition does not hold: nothing was stored");
    if (is_given(cli, CLI_OPTION_JSON))
        cli_print_text_json(stdout, "version", version->bytes.data);
    else
        printf("%s\n", version->bytes.data);
    return CLI_EXIT_OK;
}

static enum cli_exit put(struct cli *cli, const struct buffer *value)
{
    bool is_conditional = is_given(cli, CLI_OPTION_IF_ABSENT) ||
                          is_given(cli, CLI_OPTION_IF_EXISTS) ||
                          is_given(cli, CLI_OPTION_IF_VERSION);
    struct request request = {0};
    struct grapevine_reply reply;
    enum cli_exit code;

    request_add(&request, "KV.PUT");
    request_add(&request, cli->line.argument[0]);
    request_add_bytes(&request, value->data, value->size);
    request_add_option(&request, cli, CLI_OPTION_TTL, "EX");
    request_add_option(&request, cli, CLI_OPTION_EXPIRES_AT, "EXAT");
    request_add_option(&request, cli, CLI_OPTION_METADATA, "META");
    request_add_flag(&request, cli, CLI_OPTION_IF_ABSENT, "NX");
    request_add_flag(&request, cli, CLI_OPTION_IF_EXISTS, "XX");
    request_add_option(&request, cli, CLI_OPTION_IF_VERSION, "IFVERSION");
    code = ask(cli, &request, is_conditional ? GRAPEVINE_WRITES_ONCE : GRAPEVINE_WRITES,
               bytes_or_nil, &reply);
    if (code != CLI_EXIT_OK)
        return code;
    code = show_version(cli, &reply);
    grapevine_reply_clear(&reply);
    return code;
}

enum cli_exit keys_put(struct cli *cli)
{
    struct buffer value = {0};
    enum cli_exit code = read_value_argument(cli, &value);

    if (code == CLI_EXIT_OK)
        code = put(cli, &value);
    buffer_clear(&value);
    return code;
}

/* --- get, meta, delete --- */

static enum cli_exit fail_missing(const char *key)
{
    return FAIL(CLI_EXIT_NOT_FOUND, "there is no key '%s'", key);
}

/* The value as it is; on a terminal the prompt should not stick to it. */
static void print_value(const struct grapevine_reply *record)
{
    const struct grapevine_reply *value = cli_map_find(record, "value");

    if (value == NULL || value->type != GRAPEVINE_REPLY_BYTES)
        return;
    fwrite(value->bytes.data, 1, value->bytes.size, stdout);
    if (isatty(STDOUT_FILENO) &&
        (value->bytes.size == 0 || value->bytes.data[value->bytes.size - 1] != '\n'))
        putchar('\n');
}

enum cli_exit keys_get(struct cli *cli)
{
    const char *key = cli->line.argument[0];
    struct request request = {0};
    struct grapevine_reply record;
    enum cli_exit code;

    request_add(&request, "KV.GET");
    request_add(&request, key);
    code = ask(cli, &request, GRAPEVINE_READS, array_or_nil, &record);
    if (code != CLI_EXIT_OK)
        return code;
    if (record.type == GRAPEVINE_REPLY_NIL)
        code = fail_missing(key);
    else if (is_given(cli, CLI_OPTION_JSON))
        cli_print_record_json(stdout, key, &record);
    else if (is_given(cli, CLI_OPTION_WITH_METADATA))
        cli_print_record(stdout, &record);
    else
        print_value(&record);
    grapevine_reply_clear(&record);
    return code;
}

enum cli_exit keys_meta(struct cli *cli)
{
    const char *key = cli->line.argument[0];
    struct request request = {0};
    struct grapevine_reply meta;
    enum cli_exit code;

    request_add(&request, "KV.META");
    request_add(&request, key);
    code = ask(cli, &request, GRAPEVINE_READS, bytes_or_nil, &meta);
    if (code != CLI_EXIT_OK)
        return code;
    if (meta.type == GRAPEVINE_REPLY_NIL)
        code = FAIL(CLI_EXIT_NOT_FOUND, "there is no key '%s' with metadata", key);
    else if (is_given(cli, CLI_OPTION_JSON))
        cli_print_meta_json(stdout, key, &meta);
    else
        printf("%.*s\n", (int)meta.bytes.size, meta.bytes.data);
    grapevine_reply_clear(&meta);
    return code;
}

enum cli_exit keys_delete(struct cli *cli)
{
    struct request request = {0};
    struct grapevine_reply reply;
    enum cli_exit code;

    request_add(&request, "DEL");
    request_add_arguments(&request, cli);
    code = ask(cli, &request, GRAPEVINE_WRITES, an_integer, &reply);
    if (code != CLI_EXIT_OK)
        return code;
    if (is_given(cli, CLI_OPTION_JSON))
        cli_print_number_json(stdout, "deleted", reply.integer);
    else
        printf("%" PRId64 "\n", reply.integer);
    code = reply.integer == 0 ? CLI_EXIT_NOT_FOUND : CLI_EXIT_OK;
    grapevine_reply_clear(&reply);
    return code;
}

/* --- list --- */

static char *copy_text(const char *text)
{
    char *copy = strdup(text);

    assert(copy != NULL);
    return copy;
}

struct listing {
    struct cli_row_parts parts;
    bool is_json;
    long long wanted; /* rows still to come */
    long long shown;
    char *cursor; /* where the next page begins, owned; NULL = there is none */
};

static enum cli_exit ask_page(struct cli *cli, const struct listing *listing,
                              struct grapevine_reply *page)
{
    long long size = listing->wanted < LIST_PAGE_MAX ? listing->wanted : LIST_PAGE_MAX;
    struct request request = {0};
    char limit[32];

    snprintf(limit, sizeof(limit), "%lld", size);
    request_add(&request, "KV.LIST");
    request_add_option(&request, cli, CLI_OPTION_PREFIX, "PREFIX");
    if (listing->cursor != NULL) {
        request_add(&request, "CURSOR");
        request_add(&request, listing->cursor);
    }
    request_add(&request, "LIMIT");
    request_add(&request, limit);
    if (listing->parts.has_metadata)
        request_add(&request, "WITHMETA");
    if (listing->parts.has_value)
        request_add(&request, "WITHVALUES");
    return ask(cli, &request, GRAPEVINE_READS, expected_array, page);
}

static void show_rows(struct listing *listing, const struct grapevine_reply *rows)
{
    for (size_t i = 0; rows != NULL && i < rows->element_count; i++) {
        if (listing->is_json)
            cli_print_row_json(stdout, &rows->elements[i], listing->parts, listing->shown == 0);
        else
            cli_print_row(stdout, &rows->elements[i], listing->parts);
        listing->shown++;
        listing->wanted--;
    }
}

/* Shows a page and remembers where the next one begins. */
static enum cli_exit list_page(struct cli *cli, struct listing *listing)
{
    const struct grapevine_reply *cursor;
    struct grapevine_reply page;
    enum cli_exit code = ask_page(cli, listing, &page);

    if (code != CLI_EXIT_OK)
        return code;
    show_rows(listing, cli_map_find(&page, "keys"));
    cursor = cli_map_find(&page, "cursor");
    free(listing->cursor);
    listing->cursor = cursor != NULL && cursor->type == GRAPEVINE_REPLY_BYTES
                          ? copy_text(cursor->bytes.data)
                          : NULL;
    grapevine_reply_clear(&page);
    return session_flush();
}

/* Pages one by one, so that a namespace of any size fits. */
enum cli_exit keys_list(struct cli *cli)
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
