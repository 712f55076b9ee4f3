#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "bulk.h"
#include "cli_print.h"
#include "completion.h"
#include "export.h"
#include "keys.h"
#include "manual.h"
#include "watch.h"

/* --- namespaces --- */

static const struct expected array_or_number = {GRAPEVINE_REPLY_ARRAY, GRAPEVINE_REPLY_INTEGER};

static void show_ok(const struct cli *cli, const struct grapevine_reply *reply)
{
    (void)reply;
    if (is_given(cli, CLI_OPTION_JSON))
        cli_print_text_json(stdout, "result", "OK");
    else
        puts("OK");
}

static void show_titles(const struct cli *cli, const struct grapevine_reply *titles)
{
    if (is_given(cli, CLI_OPTION_JSON))
        cli_print_texts_json(stdout, "namespaces", titles);
    else
        cli_print_texts(stdout, titles);
}

/* A map, or the one number that was asked for. */
static void show_settings(const struct cli *cli, const struct grapevine_reply *reply)
{
    bool is_json = is_given(cli, CLI_OPTION_JSON);

    if (reply->type == GRAPEVINE_REPLY_ARRAY && is_json)
        cli_print_map_json(stdout, reply);
    else if (reply->type == GRAPEVINE_REPLY_ARRAY)
        cli_print_map(stdout, reply, 0);
    else if (is_json)
        cli_print_number_json(stdout, cli->line.argument[1], reply->integer);
    else
        printf("%" PRId64 "\n", reply->integer);
}

static const struct {
    const char *word;
    enum grapevine_repeat repeat;
    const struct expected *expected;
    void (*show)(const struct cli *cli, const struct grapevine_reply *reply);
} namespace_commands[CLI_COMMAND_COUNT] = {
    [CLI_NAMESPACE_CREATE] = {"CREATE", GRAPEVINE_WRITES_ONCE, &expected_anything, show_ok},
    [CLI_NAMESPACE_LIST] = {"LIST", GRAPEVINE_READS, &expected_array, show_titles},
    [CLI_NAMESPACE_INFO] = {"INFO", GRAPEVINE_READS, &expected_array, show_settings},
    [CLI_NAMESPACE_RENAME] = {"RENAME", GRAPEVINE_WRITES_ONCE, &expected_anything, show_ok},
    [CLI_NAMESPACE_DELETE] = {"DELETE", GRAPEVINE_WRITES_ONCE, &expected_anything, show_ok},
    [CLI_NAMESPACE_SET] = {"SET", GRAPEVINE_WRITES, &expected_anything, show_ok},
    [CLI_NAMESPACE_GET] = {"GET", GRAPEVINE_READS, &array_or_number, show_settings},
};

/* NAMESPACE <word> <arguments>. */
static enum cli_exit run_namespace(struct cli *cli)
{
    enum cli_command command = cli->line.command;
    struct request request = {0};
    struct grapevine_reply reply;
    enum cli_exit code;

    request_add(&request, "NAMESPACE");
    request_add(&request, namespace_commands[command].word);
    request_add_arguments(&request, cli);
    code = ask(cli, &request, namespace_commands[command].repeat,
               *namespace_commands[command].expected, &reply);
    if (code != CLI_EXIT_OK)
        return code;
    namespace_commands[command].show(cli, &reply);
    grapevine_reply_clear(&reply);
    return CLI_EXIT_OK;
}

/* --- the server --- */

static enum cli_exit run_status(struct cli *cli)
{
    static const struct expected text = {GRAPEVINE_REPLY_BYTES, GRAPEVINE_REPLY_BYTES};
    struct request request = {0};
    struct grapevine_reply info;
    enum cli_exit code;

    request_add(&request, "INFO");
    code = ask(cli, &request, GRAPEVINE_READS, text, &info);
    if (code != CLI_EXIT_OK)
        return code;
    if (is_given(cli, CLI_OPTION_JSON))
        cli_print_status_json(stdout, info.bytes.data);
    else
        cli_print_status(stdout, info.bytes.data);
    grapevine_reply_clear(&info);
    return CLI_EXIT_OK;
}

static enum cli_exit run_ping(struct cli *cli)
{
    enum grapevine_error error = grapevine_ping(cli->client);

    if (error != GRAPEVINE_OK)
        return session_fail(cli->client, error);
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

static enum cli_exit run_completion(struct cli *cli)
{
    if (completion_print(stdout, cli->line.argument[0]))
        return CLI_EXIT_OK;
    return FAIL(CLI_EXIT_USAGE, "completion is for bash, zsh and fish, and not for '%s'",
                cli->line.argument[0]);
}

static enum cli_exit run_manual(struct cli *cli)
{
    (void)cli;
    manual_print(stdout);
    return CLI_EXIT_OK;
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

/* Whether a server is asked, and whether in the namespace that -n names: it need not exist for
 * `namespace create`, and whether the server is well has nothing to do with it.  Commands on files
 * open their sessions themselves. */
enum needs { NEEDS_NOTHING, NEEDS_SERVER, NEEDS_NAMESPACE };

static const struct {
    enum cli_exit (*run)(struct cli *cli);
    enum needs needs;
} commands[CLI_COMMAND_COUNT] = {
    [CLI_PUT] = {keys_put, NEEDS_NAMESPACE},
    [CLI_GET] = {keys_get, NEEDS_NAMESPACE},
    [CLI_META] = {keys_meta, NEEDS_NAMESPACE},
    [CLI_LIST] = {keys_list, NEEDS_NAMESPACE},
    [CLI_DELETE] = {keys_delete, NEEDS_NAMESPACE},
    [CLI_BULK_PUT] = {bulk_put, NEEDS_NOTHING},
    [CLI_BULK_DELETE] = {bulk_delete, NEEDS_NOTHING},
    [CLI_BULK_GET] = {bulk_get, NEEDS_NOTHING},
    [CLI_EXPORT] = {export_run, NEEDS_NAMESPACE},
    [CLI_IMPORT] = {bulk_import, NEEDS_NOTHING},
    [CLI_WATCH] = {watch_run, NEEDS_NOTHING},
    [CLI_NAMESPACE_CREATE] = {run_namespace, NEEDS_SERVER},
    [CLI_NAMESPACE_LIST] = {run_namespace, NEEDS_SERVER},
    [CLI_NAMESPACE_INFO] = {run_namespace, NEEDS_SERVER},
    [CLI_NAMESPACE_RENAME] = {run_namespace, NEEDS_SERVER},
    [CLI_NAMESPACE_DELETE] = {run_namespace, NEEDS_SERVER},
    [CLI_NAMESPACE_SET] = {run_namespace, NEEDS_SERVER},
    [CLI_NAMESPACE_GET] = {run_namespace, NEEDS_SERVER},
    [CLI_STATUS] = {run_status, NEEDS_SERVER},
    [CLI_PING] = {run_ping, NEEDS_SERVER},
    [CLI_HELP] = {run_help, NEEDS_NOTHING},
    [CLI_COMPLETION] = {run_completion, NEEDS_NOTHING},
    [CLI_MANUAL] = {run_manual, NEEDS_NOTHING},
    [CLI_VERSION] = {run_version, NEEDS_NOTHING},
};

static enum cli_exit run_connected(struct cli *cli)
{
    enum cli_exit code;

    if (commands[cli->line.command].needs == NEEDS_SERVER)
        cli->line.option[CLI_OPTION_NAMESPACE] = NULL;
    code = session_open(cli, NULL, SESSION_HASTY, &cli->client);
    if (code == CLI_EXIT_OK)
        code = commands[cli->line.command].run(cli);
    grapevine_destroy(cli->client);
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
    if (commands[cli.line.command].needs != NEEDS_NOTHING)
        code = run_connected(&cli);
    else
        code = commands[cli.line.command].run(&cli);
    if (code == CLI_EXIT_OK)
        code = session_flush();
    cli_line_clear(&cli.line);
    return code;
}
