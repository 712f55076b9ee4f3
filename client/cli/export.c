/* export.c - pages of KV.LIST with everything in them, written as bulk put reads it.
 *
 * A server that does not know WITHEXPIRATION gives names, and then the record of each.
 */
#include "export.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "cli_print.h"
#include "pair.h"
#include "progress.h"

#define PAGE_ROWS "1000"
#define PARTIAL   ".part"

struct export
{
    struct cli *cli;
    FILE *out;
    const char *path;
    char *written; /* where it stands until it is whole, owned */
    bool is_file;  /* and not standard output */
    bool is_one_by_one;
    struct buffer cursor;
    bool is_over;
    struct buffer line;
    struct progress progress;
    struct progress_state state;
    enum cli_exit code; /* of a record that could not be read */
};

/* --- the file --- */

/* A device or a pipe is written as it is, and stays what it is. */
static bool is_special(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

static enum cli_exit open_file(struct export *export, const char *path)
{
    export->path = path;
    export->out = stdout;
    if (path == NULL || strcmp(path, "-") == 0)
        return CLI_EXIT_OK;
    export->is_file = true;
    if (asprintf(&export->written, "%s%s", path, is_special(path) ? "" : PARTIAL) < 0)
        abort();
    export->out = fopen(export->written, "wbe");
    if (export->out == NULL)
        return FAIL(CLI_EXIT_USAGE, "cannot write %s: %s", export->written, strerror(errno));
    return CLI_EXIT_OK;
}

static enum cli_exit fail_to_write(const struct export *export)
{
    if (!export->is_file)
        return session_flush();
    return FAIL(CLI_EXIT_USAGE, "cannot write %s: %s", export->path, strerror(errno));
}

/* A file is there when it is whole, or not at all. */
static enum cli_exit close_file(struct export *export, enum cli_exit code)
{
    bool is_partial, is_written;

    if (!export->is_file)
        return code == CLI_EXIT_OK ? session_flush() : code;
    is_partial = strcmp(export->written, export->path) != 0;
    is_written = fflush(export->out) == 0 && (!is_partial || fsync(fileno(export->out)) == 0);
    if (code == CLI_EXIT_OK && !is_written)
        code = fail_to_write(export);
    (void)fclose(export->out);
    if (code == CLI_EXIT_OK && is_partial && rename(export->written, export->path) != 0)
        code = fail_to_write(export);
    if (code != CLI_EXIT_OK && is_partial)
        (void)unlink(export->written);
    return code;
}

/* --- pairs --- */

static struct bytes text_of(const struct grapevine_reply *reply)
{
    return reply->type == GRAPEVINE_REPLY_BYTES
               ? (struct bytes){reply->bytes.data, reply->bytes.size}
               : (struct bytes){0};
}

static void write_pair(struct export *export, const struct pair *pair)
{
    export->line.size = 0;
    buffer_trim(&export->line, 1024 * 1024);
    pair_append(&export->line, pair);
    (void)fwrite(export->line.data, 1, export->line.size, export->out);
    export->state.count++;
    export->state.position++;
    export->state.bytes += pair->key.size + pair->value.size;
}

/* [name, metadata, value, expiration] */
static bool write_row(struct export *export, const struct grapevine_reply *row)
{
    const struct grapevine_reply *parts = row->elements;
    struct pair pair;

    if (row->type != GRAPEVINE_REPLY_ARRAY || row->element_count != 4)
        return false;
    pair = (struct pair){
        .key = text_of(&parts[0]), .metadata = text_of(&parts[1]), .value = text_of(&parts[2])};
    if (parts[3].type == GRAPEVINE_REPLY_INTEGER)
        pair.expires_at_ms = parts[3].integer;
    write_pair(export, &pair);
    return true;
}

static void on_record(const struct grapevine_answer *answer, void *context)
{
    struct export *export = context;
    struct pair pair = {.key = {answer->key.data, answer->key.size}};

    if (answer->error == GRAPEVINE_NOT_FOUND)
        return; /* deleted, or expired, since it was listed */
    if (answer->error != GRAPEVINE_OK) {
        if (export->code == CLI_EXIT_OK)
            export->code = FAIL(session_exit(answer->error), "%s", answer->sentence);
        return;
    }
    pair.value = (struct bytes){answer->record->value.data, answer->record->value.size};
    pair.metadata = (struct bytes){answer->record->metadata.data, answer->record->metadata.size};
    pair.expires_at_ms = answer->record->expires_at_ms;
    write_pair(export, &pair);
}

/* --- pages --- */

static enum grapevine_error ask_page(const struct export *export, struct grapevine_reply *page)
{
    struct request request = {0};
    enum grapevine_error error;

    request_add(&request, "KV.LIST");
    request_add_option(&request, export->cli, CLI_OPTION_PREFIX, "PREFIX");
    if (export->cursor.size > 0) {
        request_add(&request, "CURSOR");
        request_add_bytes(&request, export->cursor.data, export->cursor.size);
    }
    request_add(&request, "LIMIT");
    request_add(&request, PAGE_ROWS);
    if (!export->is_one_by_one) {
        request_add(&request, "WITHMETA");
        request_add(&request, "WITHVALUES");
        request_add(&request, "WITHEXPIRATION");
    }
    error =
        grapevine_command(export->cli->client, request.words, request.count, GRAPEVINE_READS, page);
    free(request.words);
    return error;
}

static bool send_gets(struct export *export, const struct grapevine_reply *rows)
{
    for (size_t i = 0; i < rows->element_count; i++) {
        const struct grapevine_reply *name = &rows->elements[i];

        if (name->type != GRAPEVINE_REPLY_BYTES)
            return false;
        (void)grapevine_send_get(export->cli->client, name->bytes, on_record, export);
    }
    (void)grapevine_wait(export->cli->client, -1);
    return true;
}

static bool write_rows(struct export *export, const struct grapevine_reply *rows)
{
    if (rows == NULL || rows->type != GRAPEVINE_REPLY_ARRAY)
        return false;
    if (export->is_one_by_one)
        return send_gets(export, rows);
    for (size_t i = 0; i < rows->element_count; i++) {
        if (!write_row(export, &rows->elements[i]))
            return false;
    }
    return true;
}

static enum cli_exit write_page(struct export *export, const struct grapevine_reply *page)
{
    const struct grapevine_reply *cursor = cli_map_find(page, "cursor");

    if (!write_rows(export, cli_map_find(page, "keys")))
        return FAIL(CLI_EXIT_REFUSED, "%s", grapevine_error_text(GRAPEVINE_PROTOCOL));
    export->cursor.size = 0;
    export->is_over = cursor == NULL || cursor->type != GRAPEVINE_REPLY_BYTES;
    if (!export->is_over)
        buffer_append(&export->cursor, cursor->bytes.data, cursor->bytes.size);
    return ferror(export->out) ? fail_to_write(export) : export->code;
}

static enum cli_exit next_page(struct export *export)
{
    struct grapevine *client = export->cli->client;
    struct grapevine_reply page;
    enum grapevine_error error = ask_page(export, &page);
    enum cli_exit code;

    if (error == GRAPEVINE_REFUSED && !export->is_one_by_one &&
        strstr(grapevine_sentence(client), "syntax") != NULL) {
        export->is_one_by_one = true;
        return CLI_EXIT_OK;
    }
    if (error != GRAPEVINE_OK)
        return session_fail(client, error);
    code = write_page(export, &page);
    grapevine_reply_clear(&page);
    return code;
}

/* --- all of it --- */

/* How many there will be, if that can be known. */
static void find_total(struct export *export)
{
    struct grapevine_bytes word = grapevine_text("DBSIZE");
    struct grapevine_reply reply;

    if (is_given(export->cli, CLI_OPTION_PREFIX) ||
        grapevine_command(export->cli->client, &word, 1, GRAPEVINE_READS, &reply) != GRAPEVINE_OK)
        return;
    if (reply.type == GRAPEVINE_REPLY_INTEGER && reply.integer > 0)
        export->state.total = (uint64_t)reply.integer;
    grapevine_reply_clear(&reply);
}

static void tell(const struct export *export)
{
    char count[PROGRESS_NUMBER_MAX], size[PROGRESS_NUMBER_MAX];

    if (is_given(export->cli, CLI_OPTION_JSON))
        (void)fprintf(export->is_file ? stdout : stderr,
                      "{\"exported\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n", export->state.count,
                      export->state.bytes);
    else
        (void)fprintf(
            stderr, "%s pair%s exported: %s\n", progress_number(export->state.count, count),
            export->state.count == 1 ? "" : "s", progress_size(export->state.bytes, size));
}

static enum cli_exit write_pages(struct export *export)
{
    enum cli_exit code = CLI_EXIT_OK;

    while (code == CLI_EXIT_OK && !export->is_over) {
        code = next_page(export);
        if (progress_is_due(&export->progress, session_now_ms()))
            progress_draw(&export->progress, stderr, &export->state, session_now_ms());
        if (code == CLI_EXIT_OK && session_is_interrupted())
            code = CLI_EXIT_INTERRUPTED;
    }
    progress_end(&export->progress, stderr);
    if (code == CLI_EXIT_INTERRUPTED)
        complain("interrupted");
    return code;
}

enum cli_exit export_run(struct cli *cli)
{
    const char *path = cli->line.argument_count > 0 ? cli->line.argument[0] : NULL;
    struct export export = {.cli = cli};
    enum cli_exit code;

    session_catch_interrupts();
    code = open_file(&export, path);
    if (code == CLI_EXIT_OK) {
        /* a bar would be drawn over by what is exported */
        progress_init(&export.progress, "pairs",
                      isatty(STDERR_FILENO) == 1 && (export.is_file || isatty(STDOUT_FILENO) == 0),
                      session_now_ms());
        find_total(&export);
        code = close_file(&export, write_pages(&export));
    }
    if (code == CLI_EXIT_OK)
        tell(&export);
    free(export.written);
    buffer_clear(&export.cursor);
    buffer_clear(&export.line);
    return code;
}
