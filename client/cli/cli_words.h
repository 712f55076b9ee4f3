/* cli_words.h - the words of a command line.
 *
 *     grapevine-cli [option ...] command [argument ...] [option ...]
 *
 * Options may stand anywhere; "--" ends them, for keys that start with a dash.  Two tables
 * (cli_words.c) name every command and every option; parsing and help read them.  Nothing here
 * talks to anybody.
 */
#ifndef CLI_CLI_WORDS_H
#define CLI_CLI_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum cli_command {
    CLI_PUT,
    CLI_GET,
    CLI_META,
    CLI_LIST,
    CLI_DELETE,
    CLI_BULK_PUT,
    CLI_BULK_DELETE,
    CLI_BULK_GET,
    CLI_EXPORT,
    CLI_IMPORT,
    CLI_WATCH,
    CLI_NAMESPACE_CREATE,
    CLI_NAMESPACE_LIST,
    CLI_NAMESPACE_INFO,
    CLI_NAMESPACE_RENAME,
    CLI_NAMESPACE_DELETE,
    CLI_NAMESPACE_SET,
    CLI_NAMESPACE_GET,
    CLI_STATUS,
    CLI_PING,
    CLI_HELP,
    CLI_COMPLETION,
    CLI_MANUAL,
    CLI_VERSION,
    CLI_COMMAND_COUNT
};

enum cli_option {
    CLI_OPTION_HOST,
    CLI_OPTION_PORT,
    CLI_OPTION_SOCKET,
    CLI_OPTION_SERVER,
    CLI_OPTION_PASSWORD,
    CLI_OPTION_USER,
    CLI_OPTION_NAMESPACE,
    CLI_OPTION_TIMEOUT,
    CLI_OPTION_TLS,
    CLI_OPTION_CACERT,
    CLI_OPTION_CACERTDIR,
    CLI_OPTION_CERT,
    CLI_OPTION_KEY,
    CLI_OPTION_SNI,
    CLI_OPTION_INSECURE,
    CLI_OPTION_JSON,
    CLI_OPTION_HELP,
    CLI_OPTION_VERSION,
    CLI_OPTION_TTL,
    CLI_OPTION_EXPIRES_AT,
    CLI_OPTION_METADATA,
    CLI_OPTION_IF_ABSENT,
    CLI_OPTION_IF_EXISTS,
    CLI_OPTION_IF_VERSION,
    CLI_OPTION_WITH_METADATA,
    CLI_OPTION_WITH_VALUES,
    CLI_OPTION_PREFIX,
    CLI_OPTION_LIMIT,
    CLI_OPTION_CURSOR,
    CLI_OPTION_FAILED,
    CLI_OPTION_SKIP,
    CLI_OPTION_DRY_RUN,
    CLI_OPTION_FROM_REDIS,
    CLI_OPTION_COUNT
};

/* What the exit code says; scripts rely on the numbers. */
enum cli_exit {
    CLI_EXIT_OK = 0,
    CLI_EXIT_NOT_FOUND = 1, /* also: a condition of put did not hold */
    CLI_EXIT_USAGE = 2,
    CLI_EXIT_UNREACHABLE = 3,
    CLI_EXIT_REFUSED = 4, /* the server answered with an error */
    CLI_EXIT_RATE = 5,    /* that error is the write rate's */
    CLI_EXIT_INTERRUPTED = 130,
};

#define CLI_ERROR_MAX 512

struct cli_line {
    enum cli_command command;
    const char *option[CLI_OPTION_COUNT]; /* its value, "" if it takes none; NULL = not given */
    const char **argument;                /* owned array of words of argv */
    size_t argument_count;
};

/* Reads argv.  False, with one sentence in `error`, if it makes no sense; `line` is then untouched.
 */
bool cli_line_parse(struct cli_line *line, int argc, char **argv, char error[CLI_ERROR_MAX]);
void cli_line_clear(struct cli_line *line);

/* A number that cli_line_parse() has already checked; `missing` if the option is not given. */
long long cli_line_number(const struct cli_line *line, enum cli_option option, long long missing);

/* Help on everything, or on the commands whose words begin with those of `line`'s arguments. */
void cli_help(FILE *out);
bool cli_help_command(FILE *out, const struct cli_line *line);

#endif
